/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-camera.c: what a fixed camera shows on average, for models whose target is CAMERA. Background and standing light
 * are taken away from every patch, so that encoder and decoder spend nothing on them.
 */
#include "gh-mae-trainer-private.h"

#include <math.h>

#define LEAST_SPREAD (1.0 / 255)        /* of frames that never change */

/* sum[pixels], and the sum of the squares in *squares, over all frames at the model's size. */
static gboolean
add_frames (GhMaeTrainer *t, GhFrameStore *store, guint count, double *sum, double *squares, GError **error)
{
  const int height = gh_frame_store_height (store), width = gh_frame_store_width (store);
  const gsize pixels = (gsize) t->config.height * t->config.width * 3;
  const GhView whole = { 0, 0, width, height };
  g_autofree guint8 *frame = g_try_malloc ((gsize) height * width * 3), *seen = g_try_malloc (pixels);

  if (!frame || !seen)
    return gh_mae_trainer_check (t, GH_NOMEM, error);
  *squares = 0;
  for (guint k = 0; k < count; k++) {
    if (!gh_frame_store_copy (store, k, frame))
      g_assert_not_reached ();          /* a store never holds fewer frames than before */
    gh_view_render (&whole, seen, t->config.height, t->config.width, frame, width, &t->room);
    for (gsize i = 0; i < pixels; i++) {
      sum[i] += seen[i];
      *squares += seen[i] * seen[i];
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
  double spread;

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
