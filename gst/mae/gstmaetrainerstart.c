/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainerstart.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaetrainerstart.h"

#include "gst/common/gstoutputfile.h"

#define DEFAULT_CONFIG "tiny"

/* Only rank 0 writes. */
static gboolean
check_files (const GstMaeTrainerSettings *s, gint rank, GError **error)
{
  const gchar *problem = NULL;

  if (!s->location && !s->checkpoint)
    problem = "There is no file to write to. Set the property 'location' to the encoder file to make, or 'checkpoint', "
        "or both.";
  else if (s->location && s->checkpoint && gst_output_files_are_same (s->location, s->checkpoint))
    problem = "The encoder and the checkpoint cannot be the same file. Set the properties 'location' and 'checkpoint' "
        "to two files.";
  else if (s->config && s->model)
    problem = "A training starts from a new model or from an existing one. Set only one of the properties 'config' and "
        "'model'.";
  if (problem) {
    g_set_error_literal (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, problem);
    return FALSE;
  }
  return rank > 0 || ((!s->location || gst_output_file_check (s->location, "location", error))
      && (!s->checkpoint || gst_output_file_check (s->checkpoint, "checkpoint", error)));
}

/* Who asks for a shape gets it, or hears that the checkpoint has another one. */
static gboolean
check_shape (const GhMaeTrainer *trainer, const GhMaeConfig *wanted, const GstMaeTrainerSettings *s, GError **error)
{
  if (gh_mae_trainer_is_of (trainer, wanted))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "The checkpoint %s is of another model than the "
      "configuration %s. Set the property 'checkpoint' to another file, or remove this one to start anew.",
      s->checkpoint, s->config);
  return FALSE;
}

/* A checkpoint that is done, perhaps of another camera, is not the result of this training. */
static gboolean
check_steps (const GhMaeTrainer *trainer, const GstMaeTrainerSettings *s, GError **error)
{
  const guint64 done = gh_mae_trainer_steps_done (trainer);

  if (done < gh_mae_trainer_options (trainer)->steps)
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "The checkpoint %s has had all its %"
      G_GUINT64_FORMAT " steps. Set 'steps' to more, or 'checkpoint' to another file. Where its encoder is missing, 'gst-heads "
      "train-encoder --resume --checkpoint=%s' writes it.", s->checkpoint, done, s->checkpoint);
  return FALSE;
}

static GhMaeTrainer *
resume (const GstMaeTrainerSettings *s, const GhMaeTrainOptions *options, const GhMaeConfig *config, GError **error)
{
  g_autoptr (GhMaeTrainer) trainer = gh_mae_trainer_resume (s->checkpoint, options, error);

  if (trainer && ((s->config && !check_shape (trainer, config, s, error)) || !check_steps (trainer, s, error)))
    return NULL;
  return g_steal_pointer (&trainer);
}

/* Advice to name another file would be wrong where it is an option that does not fit; models/ says which. */
static GhMaeTrainer *
checked (GhMaeTrainer *trainer, const gchar **property, GError **error)
{
  if (!trainer && g_error_matches (*error, GH_ERROR, GH_ERROR_UNSUITABLE))
    *property = NULL;
  return trainer;
}

static GhMaeTrainer *
begin (const GstMaeTrainerSettings *s, const GhMaeTrainOptions *options, const gchar **property, GError **error)
{
  g_autofree gchar *model = NULL;
  GhMaeConfig config;

  *property = "config";
  if (!s->model && !gh_mae_config_load (&config, s->config ? s->config : DEFAULT_CONFIG, error))
    return NULL;
  if (s->checkpoint && g_file_test (s->checkpoint, G_FILE_TEST_EXISTS)) {
    *property = "checkpoint";
    return checked (resume (s, options, &config, error), property, error);
  }
  if (!s->model)
    return checked (gh_mae_trainer_new (&config, options, error), property, error);
  *property = "model";
  model = gh_model_find (s->model);
  return checked (gh_mae_trainer_new_from_file (model ? model : s->model, options, error), property, error);
}

static gboolean
read_world (GhWorld *world, const GstMaeTrainerSettings *s, GError **error)
{
  gh_world_init (world);
  if (!s->parallel || gh_world_from_environment (world, error))
    return TRUE;
  g_prefix_error (error, "Where the other processes of this training are (with parallel=false there are none): ");
  return FALSE;
}

GhMaeTrainer *
gst_mae_trainer_start (const GstMaeTrainerSettings *s, GhFileLock **lock, const gchar **property, GError **error)
{
  GhMaeTrainOptions options = gst_mae_trainer_settings_options (s);
  g_autoptr (GhFileLock) held = NULL;
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_auto (GhWorld) world;

  *property = NULL;
  if (!read_world (&world, s, error) || !check_files (s, world.rank, error))
    return NULL;
  *property = "checkpoint";
  if (s->checkpoint && world.rank == 0 && !(held = gh_file_lock_new (s->checkpoint, error)))
    return NULL;
  options.processes = world.size;
  if (!(trainer = begin (s, &options, property, error)))
    return NULL;
  *property = NULL;
  if (!gh_mae_trainer_join (trainer, &world, error))
    return NULL;
  *lock = g_steal_pointer (&held);
  return g_steal_pointer (&trainer);
}
