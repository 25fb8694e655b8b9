/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-trainer-file.c: trainers from files and files from trainers, see gh-mae-trainer.h. A checkpoint is an encoder
 * file with the tensors train.m.NAME, train.v.NAME and train.loss beside the weights, and the metadata training_state;
 * docs/checkpoint-format.md has the details.
 */
#include "gh-mae-trainer-private.h"
#include "gh-checkpoint.h"
#include "gh-embed-fit.h"
#include "gh-random.h"
#include "gh-safetensors.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define LOSS_NAME GH_CHECKPOINT_STATE_PREFIX "loss"
#define RECENT 100              /* losses that the record averages */

/* ---- from files -------------------------------------------------------------------------------------------------- */

typedef struct {
  GhMaeTrainOptions options;
  guint64 step, images;
} State;

static void
parse_state (GhJson *json, State *state)
{
  gboolean first = TRUE, has_step = FALSE, has_images = FALSE, has_options = FALSE;
  char *next;

  if (!gh_json_begin_object (json))
    return;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;

    if (strcmp (key, "step") == 0 && !has_step) {
      has_step = gh_json_uint (json, &state->step);
    } else if (strcmp (key, "images") == 0 && !has_images) {
      has_images = gh_json_uint (json, &state->images);
    } else if (strcmp (key, "options") == 0 && !has_options) {
      gh_mae_train_options_parse (json, &state->options);
      has_options = TRUE;
    } else {
      gh_json_fail (json, "the key \"%s\" is unknown or there twice", key);
    }
  }
  if (!gh_json_failed (json) && !(has_step && has_images && has_options))
    gh_json_fail (json, "step, images or options are missing");
  gh_json_end (json);
}

static gboolean
read_state (GhCheckpoint *ck, State *state, GError **error)
{
  const char *text = gh_checkpoint_metadata (ck, GH_CHECKPOINT_STATE);
  GhJson json;

  if (!text) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s holds no state of training to resume: it is an encoder, "
        "which a new training can start from", gh_checkpoint_shown (ck));
    return FALSE;
  }
  if (gh_json_init (&json, text, strlen (text)))
    parse_state (&json, state);
  if (gh_json_failed (&json)) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: state of training: %s", gh_checkpoint_shown (ck),
        gh_json_problem (&json));
    return FALSE;
  }
  return gh_mae_train_options_check (&state->options, gh_checkpoint_config (ck), error);
}

gboolean
gh_mae_train_options_read (GhMaeTrainOptions *options, const char *path, GError **error)
{
  g_autoptr (GhCheckpoint) ck = gh_checkpoint_open (path, error);
  State state = { 0 };

  if (!ck || !read_state (ck, &state, error))
    return FALSE;
  *options = state.options;
  return TRUE;
}

static gboolean
never (const char *name, gpointer data)
{
  return FALSE;
}

static gboolean
file_has (const char *name, gpointer checkpoint)
{
  return gh_checkpoint_has (checkpoint, name);
}

static float *
new_staging (GhMaeTrainer *t, GError **error)
{
  gint64 most = 1;
  float *staging;

  for (guint i = 0; i < t->model.params.tensors->len; i++)
    most = MAX (most, gh_param_count (g_array_index (t->model.params.tensors, GhMaeTensor, i).param));
  staging = g_try_new (float, most);
  if (!staging)
    gh_mae_trainer_check (t, GH_NOMEM, error);
  return staging;
}

static gboolean
store (GhMaeTrainer *t, float *to, const float *staging, const GhParam *param, GError **error)
{
  return gh_mae_trainer_check (t, gh_upload (t->ctx, to, staging, gh_param_count (param) * sizeof (float)), error);
}

GhMaeTrainer *
gh_mae_trainer_new (const GhMaeConfig *config, const GhMaeTrainOptions *options, GError **error)
{
  g_autoptr (GhMaeTrainer) t = NULL;
  g_autofree float *staging = NULL;

  g_return_val_if_fail (config != NULL && options != NULL, NULL);
  if (!gh_mae_config_check (config, "training", error) || !gh_mae_train_options_check (options, config, error))
    return NULL;
  t = gh_mae_trainer_create (config, options, "training", never, NULL, error);
  if (!t || !(staging = new_staging (t, error)))
    return NULL;
  for (guint i = 0; i < t->model.params.tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (t->model.params.tensors, GhMaeTensor, i);

    gh_param_fill (staging, tensor->param, options->seed);
    t->needs_camera |= tensor->param->init == GH_INIT_OFFSET;
    if (!store (t, t->model.params.weights + tensor->offset, staging, tensor->param, error))
      return NULL;
  }
  return gh_mae_trainer_check (t, gh_mae_model_refresh (&t->model), error) ? g_steal_pointer (&t) : NULL;
}

static gboolean
is_zero (const float *x, gint64 n)
{
  for (gint64 i = 0; i < n; i++)
    if (x[i] != 0)
      return FALSE;
  return TRUE;
}

/* Weights only. */
static GhMaeTrainer *
from_checkpoint (GhCheckpoint *ck, const GhMaeTrainOptions *options, GError **error)
{
  const GhMaeConfig *config = gh_checkpoint_config (ck);
  g_autoptr (GhMaeTrainer) t = NULL;
  g_autofree float *staging = NULL;

  if (!gh_mae_train_options_check (options, config, error))
    return NULL;
  if (config->target == GH_MAE_TARGET_CAMERA && options->target != GH_MAE_TARGET_AUTO
      && options->target != GH_MAE_TARGET_CAMERA) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: it has learned the difference from its camera's picture, and "
        "can go on with target camera only", gh_checkpoint_shown (ck));
    return NULL;
  }
  t = gh_mae_trainer_create (config, options, gh_checkpoint_shown (ck), file_has, ck, error);
  if (!t || !(staging = new_staging (t, error)))
    return NULL;
  for (guint i = 0; i < t->model.params.tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (t->model.params.tensors, GhMaeTensor, i);

    if (!gh_checkpoint_has (ck, tensor->param->name))   /* an offset: the file had another target */
      gh_param_fill (staging, tensor->param, 0);
    else if (!gh_checkpoint_read (ck, tensor->param->name, staging, error))
      return NULL;
    t->needs_camera |= tensor->param->init == GH_INIT_OFFSET && is_zero (staging, gh_param_count (tensor->param));
    if (!store (t, t->model.params.weights + tensor->offset, staging, tensor->param, error))
      return NULL;
  }
  return gh_mae_trainer_check (t, gh_mae_model_refresh (&t->model), error) ? g_steal_pointer (&t) : NULL;
}

GhMaeTrainer *
gh_mae_trainer_new_from_file (const char *path, const GhMaeTrainOptions *options, GError **error)
{
  g_autoptr (GhCheckpoint) ck = NULL;

  g_return_val_if_fail (path != NULL && options != NULL, NULL);
  ck = gh_checkpoint_open (path, error);
  return ck ? from_checkpoint (ck, options, error) : NULL;
}

static gboolean
read_moment (GhMaeTrainer *t, GhCheckpoint *ck, float *moment, const char *which, const GhMaeTensor *tensor,
    float *staging, GError **error)
{
  g_autofree char *name = g_strconcat (GH_CHECKPOINT_STATE_PREFIX, which, ".", tensor->param->name, NULL);

  if (gh_checkpoint_state_count (ck, name, tensor->param) < 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: the tensor \"%s\" is missing or has another shape than its "
        "weight", t->shown, name);
    return FALSE;
  }
  if (!gh_checkpoint_read_state (ck, name, staging, error))
    return FALSE;
  for (gint64 j = 0; *which == 'v' && j < gh_param_count (tensor->param); j++) {
    if (staging[j] < 0) {
      g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: the tensor \"%s\", a mean of squares, holds a number below 0",
          t->shown, name);
      return FALSE;
    }
  }
  return store (t, moment + tensor->offset, staging, tensor->param, error);
}

/* Returns how many tensors these are, 0 after a failure. */
static guint
read_moments (GhMaeTrainer *t, GhCheckpoint *ck, GError **error)
{
  g_autofree float *staging = new_staging (t, error);
  guint n = 0;

  for (guint i = 0; staging && i < t->model.params.tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (t->model.params.tensors, GhMaeTensor, i);

    if (!tensor->is_trained)
      continue;
    if (!read_moment (t, ck, t->model.params.m, "m", tensor, staging, error)
        || !read_moment (t, ck, t->model.params.v, "v", tensor, staging, error))
      return 0;
    n += 2;
  }
  return n;
}

static gboolean
read_losses (GhMaeTrainer *t, GhCheckpoint *ck, GError **error)
{
  gint64 n = gh_checkpoint_state_count (ck, LOSS_NAME, NULL);

  if (n != (gint64) t->steps_done || n > G_MAXINT32) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: the tensor \"" LOSS_NAME "\" is not one loss for each of the %"
        G_GUINT64_FORMAT " steps", t->shown, t->steps_done);
    return FALSE;
  }
  g_array_set_size (t->losses, n);
  return gh_checkpoint_read_state (ck, LOSS_NAME, (float *) t->losses->data, error);
}

GhMaeTrainer *
gh_mae_trainer_resume (const char *path, const GhMaeTrainOptions *options, GError **error)
{
  g_autoptr (GhCheckpoint) ck = NULL;
  g_autoptr (GhMaeTrainer) t = NULL;
  State state = { 0 };
  guint n;

  g_return_val_if_fail (path != NULL, NULL);
  ck = gh_checkpoint_open (path, error);
  if (!ck || !read_state (ck, &state, error))
    return NULL;
  t = from_checkpoint (ck, options ? options : &state.options, error);
  if (!t)
    return NULL;
  t->steps_done = state.step;
  t->images = state.images;
  gh_mae_trainer_set_frames (t, gh_checkpoint_metadata (ck, "frames"));
  n = read_moments (t, ck, error);
  if (n == 0 || !read_losses (t, ck, error))
    return NULL;
  if (gh_checkpoint_n_state_tensors (ck) != n + 1) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: there are tensors beginning with \"" GH_CHECKPOINT_STATE_PREFIX
        "\" that belong to no weight", t->shown);
    return NULL;
  }
  return g_steal_pointer (&t);
}

/* ---- to files ---------------------------------------------------------------------------------------------------- */

/* A file in the making: the tensors, and the names and copies they borrow. */
typedef struct {
  GhMaeTrainer *t;
  GArray *tensors;              /* GhTensorOut */
  GPtrArray *owned;             /* freed with it */
} Draft;

static void
draft_init (Draft *draft, GhMaeTrainer *t)
{
  *draft = (Draft) { t, g_array_new (FALSE, FALSE, sizeof (GhTensorOut)), g_ptr_array_new_with_free_func (g_free) };
}

static void
draft_clear (Draft *draft)
{
  g_array_unref (draft->tensors);
  g_ptr_array_unref (draft->owned);
}

/* Takes the name. from: memory of the context. What is not finite could not be loaded again. */
static gboolean
draft_add (Draft *draft, char *name, const GhParam *param, const float *from, GhStDtype dtype, GError **error)
{
  GhMaeTrainer *t = draft->t;
  const gint64 n = gh_param_count (param);
  GhTensorOut out = { name, dtype, param->rank, { param->shape[0], param->shape[1] }, from };

  g_ptr_array_add (draft->owned, name);
  if (!t->is_host) {
    float *copy = g_try_new (float, n);

    g_ptr_array_add (draft->owned, copy);
    if (!gh_mae_trainer_check (t, copy ? gh_download (t->ctx, copy, from, n * sizeof (float)) : GH_NOMEM, error)
        || !gh_mae_trainer_check (t, gh_sync (t->ctx), error))
      return FALSE;
    out.data = copy;
  }
  for (gint64 i = 0; i < n; i++) {
    if (!isfinite (out.data[i])) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: \"%s\" is not finite after step %" G_GUINT64_FORMAT ", so "
          "nothing was written: go on from the checkpoint before, with a lower learning rate (lr)", t->shown, name,
          t->steps_done);
      return FALSE;
    }
  }
  g_array_append_val (draft->tensors, out);
  return TRUE;
}

/* Of the state, as it is; of the encoder, as `how` says. */
static gboolean
draft_weights (Draft *draft, const GhMaeExport *how, GError **error)
{
  const GhMaeParams *params = &draft->t->model.params;

  for (guint i = 0; i < params->tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (params->tensors, GhMaeTensor, i);
    const GhParam *param = tensor->param;
    GhStDtype dtype = how && how->bfloat16 && param->rank > 1 ? GH_ST_BF16 : GH_ST_F32;

    if (how && how->without_decoder && g_str_has_prefix (param->name, "decoder."))
      continue;
    if (!draft_add (draft, g_strdup (param->name), param, params->weights + tensor->offset, dtype, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
draft_moments (Draft *draft, GError **error)
{
  const GhMaeParams *params = &draft->t->model.params;

  for (guint i = 0; i < params->tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (params->tensors, GhMaeTensor, i);
    const GhParam *param = tensor->param;

    if (tensor->is_trained
        && (!draft_add (draft, g_strconcat (GH_CHECKPOINT_STATE_PREFIX "m.", param->name, NULL), param,
                params->m + tensor->offset, GH_ST_F32, error)
            || !draft_add (draft, g_strconcat (GH_CHECKPOINT_STATE_PREFIX "v.", param->name, NULL), param,
                params->v + tensor->offset, GH_ST_F32, error)))
      return FALSE;
  }
  return TRUE;
}

static void
draft_losses (Draft *draft)
{
  const GArray *losses = draft->t->losses;
  GhTensorOut out = { LOSS_NAME, GH_ST_F32, 1, { losses->len }, (const float *) losses->data };

  g_array_append_val (draft->tensors, out);
}

static GHashTable *
new_metadata (const GhMaeTrainer *t, const GhMaeConfig *config)
{
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  g_hash_table_insert (metadata, "format", g_strdup ("pt"));
  g_hash_table_insert (metadata, "format_version", g_strdup ("1"));
  g_hash_table_insert (metadata, "config", gh_mae_config_to_json (config));
  g_hash_table_insert (metadata, "trained", g_strdup (t->steps_done > 0 ? "true" : "false"));
  g_hash_table_insert (metadata, "seed", g_strdup_printf ("%" G_GUINT64_FORMAT, t->options.seed));
  return metadata;
}

static char *
state_text (const GhMaeTrainer *t)
{
  GString *text = g_string_new (NULL);

  g_string_printf (text, "{\"step\":%" G_GUINT64_FORMAT ",\"images\":%" G_GUINT64_FORMAT ",\"options\":", t->steps_done,
      t->images);
  gh_mae_train_options_append (text, &t->options);
  return g_string_free (g_string_append_c (text, '}'), FALSE);
}

gboolean
gh_mae_trainer_save (GhMaeTrainer *t, const char *path, GError **error)
{
  g_autoptr (GHashTable) metadata = NULL;
  Draft draft;
  gboolean saved;

  g_return_val_if_fail (path != NULL, FALSE);
  metadata = new_metadata (t, &t->config);
  g_hash_table_insert (metadata, GH_CHECKPOINT_STATE, state_text (t));
  if (t->frames)
    g_hash_table_insert (metadata, "frames", g_strdup (t->frames));
  draft_init (&draft, t);
  saved = draft_weights (&draft, NULL, error) && draft_moments (&draft, error);
  if (saved) {
    draft_losses (&draft);
    saved = gh_safetensors_write (path, (GhTensorOut *) draft.tensors->data, draft.tensors->len, metadata, error);
  }
  draft_clear (&draft);
  return saved;
}

static double
recent_loss (const GhMaeTrainer *t)
{
  const guint n = MIN (t->losses->len, RECENT);
  double sum = 0;

  for (guint i = t->losses->len - n; i < t->losses->len; i++)
    sum += g_array_index (t->losses, float, i);
  return n ? sum / n : 0;
}

/* The record for people. */
static char *
record_text (const GhMaeTrainer *t, const GhMaeExport *how)
{
  GString *text = g_string_new ("{");
  char loss[G_ASCII_DTOSTR_BUF_SIZE];

  if (how->data) {
    g_string_append (text, "\"data\":");
    gh_json_append_string (text, how->data);
    g_string_append_c (text, ',');
  }
  if (how->date) {
    g_string_append (text, "\"date\":");
    gh_json_append_string (text, how->date);
    g_string_append_c (text, ',');
  }
  g_string_append_printf (text, "\"steps\":%" G_GUINT64_FORMAT ",\"images\":%" G_GUINT64_FORMAT ",\"loss\":%s,"
      "\"options\":", t->steps_done, t->images, g_ascii_formatd (loss, sizeof loss, "%.6g", recent_loss (t)));
  gh_mae_train_options_append (text, &t->options);
  return g_string_free (g_string_append_c (text, '}'), FALSE);
}

/* The loss says nothing about a layer that only embeddings go through. */
static gboolean
fits_embed (const GhMaeTrainer *t, const GhMaeExport *how)
{
  return how->frames && gh_frame_store_count (how->frames) >= 2 && t->config.has_embed
      && gh_mae_params_find (&t->model.params, "decoder.embed.weight");
}

/* Who asked for a file knows nothing of the other one. */
static void
name_asked (GError *error, const char *other, const char *asked)
{
  GString *text = g_string_new (error->message);

  g_string_replace (text, other, asked, 0);
  g_free (error->message);
  error->message = g_string_free (text, FALSE);
}

gboolean
gh_mae_trainer_export (GhMaeTrainer *t, const char *path, const GhMaeExport *how, GError **error)
{
  static const GhMaeExport plain = { 0 };
  g_autoptr (GHashTable) metadata = NULL;
  g_autofree char *unfitted = NULL;
  GhMaeConfig config = t->config;
  Draft draft;
  gboolean written;

  g_return_val_if_fail (path != NULL, FALSE);
  how = how ? how : &plain;
  if (fits_embed (t, how)) {
    g_autofree char *dir = g_path_get_dirname (path), *base = g_path_get_basename (path);

    unfitted = g_strdup_printf ("%s/.%s.unfitted", dir, base);
  }
  if (how->without_decoder)
    config.dec_depth = config.dec_dim = config.dec_heads = config.dec_head_dim = config.dec_mlp = 0;
  metadata = new_metadata (t, &config);
  g_hash_table_insert (metadata, "training", record_text (t, how));
  draft_init (&draft, t);
  written = draft_weights (&draft, how, error)
      && gh_safetensors_write (unfitted ? unfitted : path, (GhTensorOut *) draft.tensors->data, draft.tensors->len, metadata,
      error);
  draft_clear (&draft);
  if (written && unfitted) {
    const GhEmbedHow fit = { t->options.seed, t->options.device, t->options.threads, TRUE, how->progress,
      how->progress_data };

    written = gh_embed_fit (unfitted, path, NULL, how->frames, &fit, error);
    g_unlink (unfitted);
  }
  if (!written && unfitted && error)
    name_asked (*error, unfitted, path);
  return written;
}
