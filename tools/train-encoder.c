/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * train-encoder.c: gst-heads train-encoder: unlabelled frames -> an encoder that knows their camera, and the curve of
 * its loss. What mae-trainer does inside a pipeline, with a bar and a report.
 */
#include "tools.h"
#include "train-encoder-options.h"
#include "training-report.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Unless warm-up is set it takes one of so many steps, and no more than the trainer's own default. */
#define WARMUP_PART 20
/* Steps that measure the speed for --minutes; the first warms up. */
#define TRIAL_STEPS 4

typedef GhTrainEncoderOptions Options;

/* ---- training -------------------------------------------------------------------------------------------- */

static void
set_steps (Options *o, guint64 steps)
{
  GhMaeTrainOptions defaults;

  gh_mae_train_options_init (&defaults);
  o->train.steps = steps;
  o->train.warmup = o->warmup != GH_UNSAID ? (guint64) o->warmup : MIN (defaults.warmup, steps / WARMUP_PART);
}

/* Until it is known how many steps fit into the time. */
static void
set_trial (Options *o)
{
  o->train.steps = TRIAL_STEPS;
  o->train.warmup = 0;
}

/* Who asks for a shape gets it, or hears that the checkpoint has another one. */
static gboolean
has_shape (const Options *o, const GhMaeTrainer *trainer, GError **error)
{
  GhMaeConfig config;

  if (!o->config)
    return TRUE;
  if (!gh_mae_config_load (&config, o->config, error))
    return FALSE;
  if (gh_mae_trainer_is_of (trainer, &config))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s is of another model than --config=%s: leave that out to go on "
      "with it, or start anew", o->checkpoint, o->config);
  return FALSE;
}

/* What the checkpoint was saved with, but for where it runs. */
static GhMaeTrainer *
resume (Options *o, GError **error)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhMaeTrainOptions options;

  if (!gh_mae_train_options_read (&options, o->checkpoint, error)
      || !gh_mae_train_options_agree (&o->train, &options, error))
    return NULL;
  options.device = o->train.device;
  options.threads = o->train.threads;
  options.processes = o->train.processes;
  if (o->steps > 0)
    options.steps = o->steps;
  if (options.warmup >= options.steps) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s was begun with a warmup of %" G_GUINT64_FORMAT " steps: --steps=%"
        G_GINT64_FORMAT " has to be more", o->checkpoint, options.warmup, o->steps);
    return NULL;
  }
  trainer = gh_mae_trainer_resume (o->checkpoint, &options, error);
  if (!trainer || !has_shape (o, trainer, error))
    return NULL;
  if (gh_mae_trainer_steps_done (trainer) <= options.steps)
    return g_steal_pointer (&trainer);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s has taken %" G_GUINT64_FORMAT " steps already, more than "
      "--steps=%" G_GINT64_FORMAT, o->checkpoint, gh_mae_trainer_steps_done (trainer), o->steps);
  return NULL;
}

static GhMaeTrainer *
start (Options *o, GError **error)
{
  GhMaeConfig config;

  if (o->resume)
    return resume (o, error);
  if (o->run.file) {
    g_autofree char *model = gh_model_find (o->run.file);

    return gh_mae_trainer_new_from_file (model ? model : o->run.file, &o->train, error);
  }
  if (!gh_mae_config_load (&config, o->config ? o->config : "tiny", error))
    return NULL;
  return gh_mae_trainer_new (&config, &o->train, error);
}

/* Replaces a trainer that was made to measure by one with as many steps as fit into the time. */
static gboolean
plan_minutes (Options *o, GhMaeTrainer **trainer, GhFrameStore *store, GError **error)
{
  double seconds = 0;

  for (int i = 0; i < TRIAL_STEPS; i++) {
    GhMaeTrainStep step;

    if (!gh_mae_trainer_step (*trainer, store, &step, error))
      return FALSE;
    seconds += i > 0 ? step.seconds : 0;
  }
  /* More than there can be stays that, to be refused by name. */
  set_steps (o, (guint64) CLAMP (o->minutes * 60 / (seconds / (TRIAL_STEPS - 1)), 1, 1e18));
  g_printerr ("%g minutes are about %" G_GUINT64_FORMAT " steps; --steps=%" G_GUINT64_FORMAT " instead of --minutes "
      "gives this encoder again\n", o->minutes, o->train.steps, o->train.steps);
  gh_mae_trainer_free (g_steal_pointer (trainer));
  return (*trainer = start (o, error)) != NULL;
}

/* Only rank 0 writes. */
static gboolean
keeps_checkpoint (const Options *o)
{
  return o->checkpoint && o->world.rank == 0;
}

/* Two trainings with one checkpoint would go on from each other's. The other one may have ended since the options were
 * looked at. */
static gboolean
lock_checkpoint (Options *o, GError **error)
{
  if (!keeps_checkpoint (o))
    return TRUE;
  if (!(o->lock = gh_file_lock_new (o->checkpoint, error)))
    return FALSE;
  if (o->resume || !g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, GH_OTHER_CHECKPOINT, o->checkpoint);
  return FALSE;
}

/* The state is in the checkpoint. */
static gboolean
tell_cut (const Options *o, const GhMaeTrainer *trainer, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT " of %"
      G_GUINT64_FORMAT "; the state is in %s. To go on, give the same command with --resume",
      gh_mae_trainer_steps_done (trainer), gh_mae_trainer_options (trainer)->steps, o->checkpoint);
  return FALSE;
}

static gboolean
cut (const Options *o, GhMaeTrainer *trainer, GError **error)
{
  const guint64 done = gh_mae_trainer_steps_done (trainer);

  if (o->world.rank > 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT "; rank 0 keeps the "
        "state", done);
  } else if (!o->checkpoint) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT "; nothing was "
        "written", done);
  } else if (gh_mae_trainer_save (trainer, o->checkpoint, error)) {
    return tell_cut (o, trainer, error);
  }
  return FALSE;
}

static void
show (GhToolProgress *progress, const GhMaeTrainer *trainer, const GhMaeTrainStep *step)
{
  g_snprintf (progress->note, sizeof progress->note, "step %" G_GUINT64_FORMAT "  loss %.4f  %.1f images/s", step->step,
      gh_recent_loss (trainer), step->images_per_second);
}

/* A step failed. What another process broke off can be gone on with; if this one was interrupted, too, that is why. */
static gboolean
end_early (const Options *o, GhMaeTrainer *trainer, gboolean interrupted, GError *problem, GError **error)
{
  g_autoptr (GError) why = problem;

  if (!g_error_matches (problem, GH_ERROR, GH_ERROR_PEER)) {
    g_propagate_error (error, g_steal_pointer (&why));
    if (keeps_checkpoint (o) && g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
      g_prefix_error (error, "the last good state is kept in %s. ", o->checkpoint);
    return FALSE;
  }
  if (interrupted)
    return cut (o, trainer, error);
  if (keeps_checkpoint (o) && !gh_mae_trainer_save (trainer, o->checkpoint, error))
    return FALSE;
  g_set_error (error, GH_ERROR, GH_ERROR_PEER, "%s. After step %" G_GUINT64_FORMAT "%s%s; start all processes again%s",
      problem->message, gh_mae_trainer_steps_done (trainer), keeps_checkpoint (o) ? "; the state is in " : "",
      keeps_checkpoint (o) ? o->checkpoint : "", o->checkpoint ? " with --resume to go on" : "");
  return FALSE;
}

/* In the middle a checkpoint that cannot be written is no reason to stop: the next one may be. */
static void
save_on_the_way (const Options *o, GhMaeTrainer *trainer, const GhToolProgress *progress)
{
  g_autoptr (GError) error = NULL;

  if (!gh_mae_trainer_save (trainer, o->checkpoint, &error))
    g_printerr ("%s%s. The training goes on; the checkpoint before is kept.\n", progress->drawn ? "\n" : "",
        error->message);
}

/* All steps. FALSE with G_IO_ERROR_CANCELLED after Ctrl-C. */
static gboolean
train (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, GError **error)
{
  const guint64 steps = gh_mae_trainer_options (trainer)->steps;
  GhToolProgress progress = { .parts = 20 };
  gint64 saved = g_get_monotonic_time ();
  gboolean good = TRUE;

  while (good && gh_mae_trainer_steps_done (trainer) < steps) {
    const double part = (double) gh_mae_trainer_steps_done (trainer) / steps;
    GError *problem = NULL;
    GhMaeTrainStep step;

    if (!gh_tool_progress (part, "training", &progress)) {
      good = cut (o, trainer, error);
    } else if (!gh_mae_trainer_step (trainer, store, &step, &problem)) {
      good = end_early (o, trainer, !gh_tool_progress (part, "training", &progress), problem, error);
    } else {
      show (&progress, trainer, &step);
      if (keeps_checkpoint (o) && g_get_monotonic_time () - saved >= o->checkpoint_minutes * 60 * G_USEC_PER_SEC) {
        save_on_the_way (o, trainer, &progress);
        saved = g_get_monotonic_time ();
      }
    }
  }
  if (good)
    gh_tool_progress (1, "training", &progress);
  gh_tool_progress_end (&progress);
  return good;
}

/* ---- what is written ------------------------------------------------------------------------------------- */

static void
print_report (const Options *o, const GhMaeTrainer *trainer, const GhFrameStore *store, const char *about,
    double seconds)
{
  const GhMaeTrainOptions *t = gh_mae_trainer_options (trainer);
  const int images = t->batch * t->accumulate * t->processes;
  const guint64 done = gh_mae_trainer_steps_done (trainer);
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);

  printf ("encoder     %s\n", o->output);
  printf ("learned     from %s\n", about);
  printf ("steps       %" G_GUINT64_FORMAT " of %d images, %.0f s\n", done, images, seconds);
  printf ("loss        %.4f over the last %" G_GUINT64_FORMAT " steps, %.4f at the first\n", gh_recent_loss (trainer),
      MIN (n, GH_RECENT_LOSSES), n ? losses[0] : 0);
  printf ("by          %s\n", gh_mae_trainer_reason (trainer));
  if (gh_frame_store_where (store))
    printf ("frames      %s\n", gh_frame_store_where (store));
  printf ("written     %s, %s%s%s\n", o->output, o->csv, o->plot ? ", " : "", o->plot ? o->plot : "");
  fflush (stdout);
}

/* The fit of the embedding can be stopped where the state is kept. */
typedef struct {
  GhToolProgress bar;
  gboolean saved, told;
} Fit;

static gboolean
show_fit (double part, gpointer data)
{
  Fit *fit = data;

  if (gh_tool_progress (part, "fitting the embedding", &fit->bar))
    return TRUE;
  if (!fit->saved && !fit->told)
    g_printerr ("%sthere is no checkpoint, so the encoder is written first; another Ctrl-C ends without it\n",
        fit->bar.drawn ? "\n" : "");
  fit->told = TRUE;
  return !fit->saved;
}

static gboolean
write_encoder (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, const char *about, gboolean saved,
    GError **error)
{
  Fit fit = { .saved = saved };
  GhMaeExport how = { o->bfloat16, o->no_decoder, o->record ? o->record : about, NULL, store, show_fit, &fit };
  g_autoptr (GError) problem = NULL;
  const gboolean good = gh_mae_trainer_export (trainer, o->output, &how, &problem);

  gh_tool_progress_end (&fit.bar);
  if (g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return tell_cut (o, trainer, error);
  if (problem)
    g_propagate_error (error, g_steal_pointer (&problem));
  return good;
}

/* The state is kept until the encoder is there: to write it can take minutes. A state that cannot be written costs no
 * encoder; that it is missing matters to who asked for one. */
static gboolean
write_results (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, const char *about, GError **error)
{
  g_autoptr (GError) unsaved = NULL;
  const gboolean saved = o->checkpoint && gh_mae_trainer_save (trainer, o->checkpoint, &unsaved);

  if (!write_encoder (o, trainer, store, about, saved, error) || !gh_loss_csv_write (trainer, o->csv, error)
      || (o->plot && !gh_loss_picture_write (trainer, about, o->plot, error))) {
    if (unsaved)
      g_prefix_error (error, "%s. ", unsaved->message);
    return FALSE;
  }
  if (o->own_checkpoint) {
    g_unlink (o->checkpoint);
  } else if (unsaved) {
    g_propagate_prefixed_error (error, g_steal_pointer (&unsaved), "%s is written, but not its checkpoint: ", o->output);
    return FALSE;
  }
  return TRUE;
}

/* Other frames are no mistake, a camera has new ones every day; but what follows is another training than was begun. */
static void
note_frames (const Options *o, GhMaeTrainer *trainer, const char *about)
{
  const char *before = gh_mae_trainer_frames (trainer);

  if (before && strcmp (before, about) != 0 && o->world.rank == 0)
    g_printerr ("it was begun with %s, and goes on with %s\n", before, about);
  gh_mae_trainer_set_frames (trainer, about);
}

static gboolean
run (Options *o, GError **error)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = NULL;
  g_autofree char *about = NULL;
  gint64 began;

  if (!o->resume && o->steps > 0)
    set_steps (o, o->steps);
  else if (!o->resume)
    set_trial (o);
  if (!lock_checkpoint (o, error) || !(trainer = start (o, error)) || !gh_mae_trainer_join (trainer, &o->world, error))
    return FALSE;
  store = gh_mae_trainer_new_store (trainer, o->frames.frames);
  if (!gh_frame_source_fill (&o->from_where, store, error)
      || (o->minutes > 0 && !o->resume && !plan_minutes (o, &trainer, store, error)))
    return FALSE;
  about = gh_frame_source_describe (&o->from_where, gh_frame_store_pushed (store));
  note_frames (o, trainer, about);
  began = g_get_monotonic_time ();
  if (!train (o, trainer, store, error))
    return FALSE;
  if (o->world.rank > 0)
    return TRUE;
  if (!write_results (o, trainer, store, about, error))
    return FALSE;
  print_report (o, trainer, store, about, (g_get_monotonic_time () - began) / (double) G_USEC_PER_SEC);
  return TRUE;
}

int
gh_tool_train_encoder (int argc, char **argv)
{
  g_auto (GhTrainEncoderOptions) options;
  g_autoptr (GError) error = NULL;
  const int status = gh_train_encoder_options_parse (&options, argc, argv);

  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  if (run (&options, &error))
    return GH_EXIT_OK;
  return gh_tool_fail (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? GH_EXIT_INTERRUPTED : GH_EXIT_FAILED,
      "%s", error->message);
}
