/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-trainer.c: steps of training, see gh-mae-trainer.h. */
#include "gh-mae-trainer-private.h"

#include <math.h>

gboolean
gh_mae_trainer_check (GhMaeTrainer *t, GhStatus status, GError **error)
{
  return gh_encoder_check (status, t->ctx, t->shown, error);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static gboolean
choose_dtype (GhMaeTrainer *t, GhDtype *dtype, const char **engine, GError **error)
{
  bool fast = false;
  gboolean found = gh_supports (t->ctx, GH_DTYPE_BF16, &fast, engine);

  *dtype = GH_DTYPE_BF16;
  if (t->options.precision == GH_PRECISION_F32 || (t->options.precision == GH_PRECISION_AUTO && !(found && fast))) {
    *dtype = GH_DTYPE_F32;
    found = gh_supports (t->ctx, GH_DTYPE_F32, NULL, engine);
  }
  t->options.precision = *dtype == GH_DTYPE_F32 ? GH_PRECISION_F32 : GH_PRECISION_BF16;
  if (!found)
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "the %s back end cannot train in %s on this machine; use "
        "precision=auto", gh_device_name (gh_ctx_device (t->ctx)), gh_dtype_name (*dtype));
  return found;
}

static gboolean
open_context (GhMaeTrainer *t, GhDtype *dtype, char **words, GError **error)
{
  char reason[256] = "";
  const char *engine = NULL;

  if (gh_ctx_new (&t->ctx, t->options.device, t->options.threads, reason, sizeof (reason)) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s; device=cpu runs everywhere", reason);
    return FALSE;
  }
  if (!choose_dtype (t, dtype, &engine, error))
    return FALSE;
  t->is_host = gh_ctx_device (t->ctx) != GH_DEVICE_CUDA;
  *words = g_strdup_printf ("%s; trains in %s by %s", reason, gh_dtype_name (*dtype), engine ? engine : "plain code");
  return TRUE;
}

/* Kernels count rows in an int. */
static gboolean
rows_fit (GhMaeTrainer *t, GError **error)
{
  const GhMaeConfig *c = &t->config;
  gint64 tokens = gh_mae_config_tokens (c) + 1, heads = MAX (c->heads, c->dec_heads);

  if (t->options.batch * heads * MAX (tokens, c->landmarks) <= G_MAXINT)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: a batch of %d is too large for its number of tokens: use "
      "accumulate instead", t->shown, t->options.batch);
  return FALSE;
}

/* Takes params. */
static gboolean
take_memory (GhMaeTrainer *t, GhMaeParams *params, GhDtype dtype, char *words, GError **error)
{
  const int K = gh_mae_config_kept (&t->config, t->options.mask_ratio);
  const guint64 trained = params->n_trained, weights = gh_mae_model_bytes (params, t->ctx, dtype);
  g_autofree char *size = NULL;
  guint64 activations;

  if (!gh_encoder_fits_memory (t->ctx, weights, "training it", t->shown, error)
      || !gh_mae_trainer_check (t, gh_mae_params_allocate (params, t->ctx), error)
      || !gh_mae_trainer_check (t, gh_mae_model_init (&t->model, t->ctx, &t->config, dtype, params), error))
    return FALSE;
  if (!gh_mae_trainer_check (t, gh_mae_pass_init (&t->pass, &t->model, t->options.batch, K), error))
    return FALSE;
  activations = gh_mae_pass_plan (&t->pass, NULL);
  if (!gh_encoder_fits_memory (t->ctx, weights + activations, "a batch as large as this", t->shown, error)
      || !gh_mae_trainer_check (t, gh_alloc (t->ctx, &t->memory, activations), error)
      || !gh_mae_trainer_check (t, gh_mae_trainer_batch_init (t), error))
    return FALSE;
  gh_mae_pass_plan (&t->pass, t->memory);
  t->pass.normalise = t->config.target == GH_MAE_TARGET_PATCH;
  size = g_format_size (weights + activations);
  t->reason = g_strdup_printf ("%s; %.1f million parameters, %s of memory", words, trained / 1e6, size);
  return TRUE;
}

GhMaeTrainer *
gh_mae_trainer_create (const GhMaeConfig *config, const GhMaeTrainOptions *options, const char *shown, GhMaeHas has,
    gpointer data, GError **error)
{
  g_autoptr (GhMaeTrainer) t = g_new0 (GhMaeTrainer, 1);
  g_autofree char *words = NULL;
  GhMaeParams params = { 0 };
  gboolean done;
  GhDtype dtype;

  t->config = *config;
  t->options = *options;
  t->shown = g_strdup (shown);
  gh_mae_train_options_resolve (&t->options, config);
  t->config.target = t->options.target;
  if (!rows_fit (t, error) || !open_context (t, &dtype, &words, error))
    return NULL;
  gh_mae_params_plan (&params, &t->config, has, data);
  done = take_memory (t, &params, dtype, words, error);
  gh_mae_params_clear (&params);
  if (!done)
    return NULL;
  t->losses = g_array_sized_new (FALSE, FALSE, sizeof (float), MIN (t->options.steps, 1 << 20));
  return g_steal_pointer (&t);
}

void
gh_mae_trainer_free (GhMaeTrainer *t)
{
  if (!t)
    return;
  gh_collective_free (t->group);
  g_free (t->staging);
  gh_mae_trainer_batch_clear (t);
  g_clear_pointer (&t->losses, g_array_unref);
  gh_mae_pass_clear (&t->pass);
  if (t->memory)
    gh_free (t->ctx, t->memory);
  gh_mae_model_clear (&t->model);
  gh_ctx_free (t->ctx);
  g_free (t->reason);
  g_free (t->shown);
  g_free (t->frames);
  g_free (t);
}

const GhMaeConfig *
gh_mae_trainer_config (const GhMaeTrainer *t)
{
  return &t->config;
}

gboolean
gh_mae_trainer_is_of (const GhMaeTrainer *t, const GhMaeConfig *config)
{
  g_autofree char *have = gh_mae_config_to_json (&t->config), *want = NULL;
  GhMaeConfig trained = *config;

  trained.target = t->config.target;
  if (trained.target == GH_MAE_TARGET_CAMERA)
    memcpy (trained.std, t->config.std, sizeof trained.std);
  want = gh_mae_config_to_json (&trained);
  return strcmp (have, want) == 0;
}

const GhMaeTrainOptions *
gh_mae_trainer_options (const GhMaeTrainer *t)
{
  return &t->options;
}

guint64
gh_mae_trainer_steps_done (const GhMaeTrainer *t)
{
  return t->steps_done;
}

const float *
gh_mae_trainer_losses (const GhMaeTrainer *t, guint64 *n)
{
  if (n)
    *n = t->losses->len;
  return (const float *) t->losses->data;
}

void
gh_mae_trainer_set_frames (GhMaeTrainer *t, const char *words)
{
  g_free (t->frames);
  t->frames = g_strdup (words);
}

const char *
gh_mae_trainer_frames (const GhMaeTrainer *t)
{
  return t->frames;
}

const char *
gh_mae_trainer_reason (const GhMaeTrainer *t)
{
  return t->reason;
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The batch that was brought, into the gradient. */
static GhStatus
learn_batch (GhMaeTrainer *t)
{
  GH_TRY (gh_mae_pass_cut (&t->pass));
  GH_TRY (gh_mae_pass_forward (&t->pass));
  GH_TRY (gh_mae_pass_backward (&t->pass, 1.0f / (t->options.accumulate * t->options.processes)));
  return gh_mae_trainer_batch_end (t);
}

gboolean
gh_mae_trainer_begin (GhMaeTrainer *t, GError **error)
{
  const GhMaeParams *params = &t->model.params;

  return gh_mae_trainer_check (t, gh_zero (t->ctx, params->gradient, params->n_trained * sizeof (float)), error)
      && gh_mae_trainer_check (t, gh_zero (t->ctx, t->pass.sums, 2 * sizeof (float)), error);
}

static gboolean
refuse (const GhMaeTrainer *t, const char *what, double value, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: step %" G_GUINT64_FORMAT ": the %s is %g, so the weights stay as "
      "they were; a lower learning rate (lr), more steps of warm-up (warmup) or clipped gradients (clip) help",
      t->shown, t->steps_done + 1, what, value);
  return FALSE;
}

static GhStatus
update (GhMaeTrainer *t, double norm, double lr)
{
  const GhMaeTrainOptions *o = &t->options;
  const double scale = o->clip > 0 && norm > o->clip ? o->clip / norm : 1;

  GH_TRY (gh_mae_params_adamw (&t->model.params, scale, lr, o->beta1, o->beta2, o->weight_decay, t->steps_done + 1));
  return gh_mae_model_refresh (&t->model);
}

/* Of all processes. */
static guint64
images_of_step (const GhMaeTrainer *t)
{
  return (guint64) t->options.batch * t->options.accumulate * t->options.processes;
}

gboolean
gh_mae_trainer_apply (GhMaeTrainer *t, GhMaeTrainStep *report, GError **error)
{
  const GhMaeParams *params = &t->model.params;
  float sums[2], loss;
  double norm, lr = gh_mae_train_options_lr (&t->options, t->steps_done + 1);

  t->ends = t->wants_end;
  if ((t->group && !gh_mae_trainer_add_up (t, error))
      || !gh_mae_trainer_check (t, gh_sum_squares (t->ctx, t->pass.sums + 1, params->gradient, params->n_trained),
          error)
      || !gh_mae_trainer_check (t, gh_download (t->ctx, sums, t->pass.sums, sizeof sums), error)
      || !gh_mae_trainer_check (t, gh_sync (t->ctx), error))
    return FALSE;
  loss = sums[0];
  norm = sqrt (sums[1]);
  if (!isfinite (loss))
    return refuse (t, "loss", loss, error);
  if (!isfinite (norm))
    return refuse (t, "gradient's norm", norm, error);
  if (!gh_mae_trainer_check (t, update (t, norm, lr), error))
    return FALSE;
  t->steps_done++;
  t->images += images_of_step (t);
  g_array_append_val (t->losses, loss);
  if (report)
    *report = (GhMaeTrainStep) { .step = t->steps_done, .loss = loss, .lr = lr, .grad_norm = norm,
      .images = t->images, .ends = t->ends };
  return TRUE;
}

static gboolean
finish (GhMaeTrainer *t, gint64 start, GhMaeTrainStep *report, GError **error)
{
  if (!gh_mae_trainer_apply (t, report, error))
    return FALSE;
  if (report) {
    report->seconds = (g_get_monotonic_time () - start) / 1e6;
    report->images_per_second = images_of_step (t) / MAX (report->seconds, 1e-6);
  }
  return TRUE;
}

/* What this process can do alone of a step on frames of the store. Number i of the images of a step is that of rank i
 * modulo the number of processes: together they see what one process with so many times the batch sees. */
static gboolean
learn_from (GhMaeTrainer *t, GhFrameStore *store, GError **error)
{
  const guint count = gh_frame_store_count (store);
  const guint64 images = (guint64) t->options.batch * gh_mae_trainer_processes (t);
  /* Also after a resumption with another batch none twice, none left out. */
  guint64 image = t->images + gh_mae_trainer_rank (t);

  if (count == 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: there is no frame to learn from", t->shown);
    return FALSE;
  }
  if (t->needs_camera && (!gh_mae_trainer_see_camera (t, store, error)
          || (t->group && !gh_mae_trainer_share_camera (t, error))))
    return FALSE;
  if (!gh_mae_trainer_begin (t, error))
    return FALSE;
  for (int batch = 0; batch < t->options.accumulate; batch++, image += images) {
    if (!gh_mae_trainer_batch_take (t, store, count, image, error)
        || !gh_mae_trainer_check (t, learn_batch (t), error))
      return FALSE;
    /* A device computes meanwhile. */
    if (!t->is_host && !gh_mae_trainer_check (t, gh_mae_trainer_batch_draw (t, store, image + images), error))
      return FALSE;
  }
  return TRUE;
}

gboolean
gh_mae_trainer_step (GhMaeTrainer *t, GhFrameStore *store, GhMaeTrainStep *report, GError **error)
{
  const gint64 start = g_get_monotonic_time ();
  GError *problem = NULL;

  if (learn_from (t, store, &problem) && finish (t, start, report, &problem))
    return TRUE;
  if (t->group)
    gh_collective_leave (t->group, problem->message);
  g_propagate_error (error, problem);
  return FALSE;
}

gboolean
gh_mae_trainer_step_on (GhMaeTrainer *t, const guint8 *rgb, const float *noise, GhMaeTrainStep *report, GError **error)
{
  const int B = t->options.batch, N = t->pass.N;
  const gsize pixels = (gsize) B * t->config.height * t->config.width * 3;
  const gint64 start = g_get_monotonic_time ();

  g_return_val_if_fail (rgb != NULL && noise != NULL, FALSE);
  if (!gh_mae_trainer_begin (t, error))
    return FALSE;
  for (int batch = 0; batch < t->options.accumulate; batch++) {
    if (!gh_mae_trainer_check (t, gh_mae_trainer_batch_open (t), error))
      return FALSE;
    for (int i = 0; i < B; i++)
      gh_mae_trainer_batch_mask (t, i, noise + ((gsize) batch * B + i) * N);
    if (!gh_mae_trainer_check (t, gh_mae_trainer_batch_bring (t), error)
        || !gh_mae_trainer_check (t, gh_upload (t->ctx, t->pass.rgb, rgb + batch * pixels, pixels), error)
        || !gh_mae_trainer_check (t, learn_batch (t), error))
      return FALSE;
  }
  return finish (t, start, report, error);
}
