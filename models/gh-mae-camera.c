/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-camera.c: what a fixed camera shows on average, for models whose target is CAMERA. Background and standing light
 * are taken away from every patch, so that encoder and decoder spend nothing on them.
 */
#include "gh-mae-trainer-private.h"

#include <math.h>

#define LEAST_SPREAD (1.0 / 255)        /* of frames that never change */

/* The whole frames from, from + 1, ... of the store, a batch at most, as the model sees them: seen[n,height,width,3]. */
static gboolean
see_frames (GhMaeTrainer *t, GhFrameStore *store, guint from, int n, guint8 *seen, GError **error)
{
  const GhView whole = { .width = gh_frame_store_width (store), .height = gh_frame_store_height (store) };
  const gsize pixels = (gsize) t->config.height * t->config.width * 3;

  if (!gh_mae_trainer_check (t, gh_mae_trainer_batch_open (t), error))
    return FALSE;
  for (int i = 0; i < t->pass.B; i++) {
    t->batch.views[i] = whole;
    t->batch.frames[i] = from + MIN (i, n - 1);
  }
  return gh_mae_trainer_batch_bring_frames (t, store, error)
      && gh_mae_trainer_check (t, gh_download (t->ctx, seen, t->pass.rgb, n * pixels), error)
      && gh_mae_trainer_check (t, gh_sync (t->ctx), error)
      && gh_mae_trainer_check (t, gh_mae_trainer_batch_end (t), error);
}

/* sum[pixels] and *squares, the sum of the squares, accumulate over all frames at the model's size. */
static gboolean
add_frames (GhMaeTrainer *t, GhFrameStore *store, guint count, double *sum, double *squares, GError **error)
{
  const gsize pixels = (gsize) t->config.height * t->config.width * 3;
  const guint B = t->pass.B;
  g_autofree guint8 *seen = g_try_malloc (B * pixels);

  if (!seen)
    return gh_mae_trainer_check (t, GH_NOMEM, error);
  for (guint from = 0; from < count; from += B) {
    const guint n = MIN (B, count - from);

    if (!see_frames (t, store, from, n, seen, error))
      return FALSE;
    for (guint k = 0; k < n; k++)
      for (gsize i = 0; i < pixels; i++) {
        const guint8 value = seen[k * pixels + i];

        sum[i] += value;
        *squares += value * value;
      }
  }
  return TRUE;
}

/* offset[N,P]: zero where a patch reaches beyond the picture, as the patch is. */
static void
fill_offset (const GhMaeConfig *c, const double *mean, float *offset)
{
  const int cols = gh_mae_config_grid_cols (c), N = gh_mae_config_tokens (c);

  for (int n = 0; n < N; n++) {
    for (int row = 0; row < c->patch; row++) {
      for (int col = 0; col < c->patch; col++, offset += 3) {
        const int y = n / cols * c->patch + row, x = n % cols * c->patch + col;

        for (int k = 0; k < 3; k++)
          offset[k] = y < c->height && x < c->width
              ? (float) (-(mean[((gsize) y * c->width + x) * 3 + k] / 255 - c->mean[k]) / c->std[k]) : 0;
      }
    }
  }
}

gboolean
gh_mae_trainer_see_camera (GhMaeTrainer *t, GhFrameStore *store, GError **error)
{
  const GhMaeTensor *tensor = gh_mae_params_find (&t->model.params, GH_MAE_OFFSET);
  const gsize pixels = (gsize) t->config.height * t->config.width * 3, n = gh_param_count (tensor->param);
  const guint count = gh_frame_store_count (store);
  g_autofree double *mean = g_try_new0 (double, pixels);
  g_autofree float *offset = g_try_new (float, n);
  double spread = 0;

  if (!mean || !offset)
    return gh_mae_trainer_check (t, GH_NOMEM, error);
  if (!add_frames (t, store, count, mean, &spread, error))
    return FALSE;
  for (gsize i = 0; i < pixels; i++) {
    mean[i] /= count;
    spread -= count * mean[i] * mean[i];
  }
  spread = MAX (sqrt (MAX (spread, 0) / count / pixels) / 255, LEAST_SPREAD);
  for (int k = 0; k < 3; k++)
    t->config.std[k] = t->model.config.std[k] = (float) spread;
  fill_offset (&t->config, mean, offset);
  t->needs_camera = FALSE;
  return gh_mae_trainer_check (t, gh_upload (t->ctx, t->model.params.weights + tensor->offset, offset,
          n * sizeof *offset), error) && gh_mae_trainer_check (t, gh_sync (t->ctx), error);
}
