/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-picture.c: see the header. */
#include "gh-mae-picture.h"
#include "gh-encoder-private.h"
#include "gh-random.h"

#include <math.h>
#include <string.h>

#define TARGET_EPS 1e-6         /* of the target's variance, gh_masked_loss() */

/* Letters: N patches of P values, K of them kept, D = dim. */
struct _GhMaePicture {
  GhEncoder *encoder;
  GhEncoderSession *session;
  GhCtx *host;                  /* patchifies in plain memory, whatever device the session runs on */
  int N, P;
  float *patches;               /* [N,P] */
  float *kept;                  /* [K,P] */
  float *latent;                /* [first+K,D] */
  float *pred;                  /* [N-K,P] */
  float *noise;                 /* [N] */
  gint32 *keep, *drop;          /* [N] */
};

GhMaePicture *
gh_mae_picture_new (GhEncoder *encoder, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (encoder);
  g_autoptr (GhMaePicture) p = g_new0 (GhMaePicture, 1);
  char reason[256] = "";

  p->encoder = gh_encoder_ref (encoder);
  if (!gh_encoder_has_decoder (encoder)) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s holds no decoder, which only training and reconstruction "
        "need: it was saved for prediction alone", gh_encoder_path (encoder));
    return NULL;
  }
  if (!(p->session = gh_encoder_session_new (encoder, 1, error)))
    return NULL;
  if (gh_ctx_new (&p->host, GH_DEVICE_CPU, 1, reason, sizeof reason) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot cut pictures into patches: %s", reason);
    return NULL;
  }
  p->N = gh_mae_config_tokens (config);
  p->P = gh_mae_config_patch_values (config);
  p->patches = g_new (float, (gsize) p->N * p->P);
  p->kept = g_new (float, (gsize) p->N * p->P);
  p->latent = g_new (float, ((gsize) p->N + 1) * config->dim);
  p->pred = g_new (float, (gsize) p->N * p->P);
  p->noise = g_new (float, p->N);
  p->keep = g_new (gint32, p->N);
  p->drop = g_new (gint32, p->N);
  return g_steal_pointer (&p);
}

void
gh_mae_picture_free (GhMaePicture *p)
{
  if (!p)
    return;
  g_free (p->patches);
  g_free (p->kept);
  g_free (p->latent);
  g_free (p->pred);
  g_free (p->noise);
  g_free (p->keep);
  g_free (p->drop);
  gh_ctx_free (p->host);
  gh_encoder_session_free (p->session);
  gh_encoder_unref (p->encoder);
  g_free (p);
}

/* Fills keep and drop and returns K. */
static int
choose (GhMaePicture *p, const GhMaePictureMask *mask)
{
  const GhMaeConfig *config = gh_encoder_config (p->encoder);
  const int K = gh_mae_config_kept (config, mask->ratio < 0 ? config->mask_ratio : mask->ratio);
  guint64 random = gh_splitmix_substream (gh_splitmix_stream (mask->seed, "picture"), mask->number);

  for (int i = 0; i < p->N; i++)
    p->noise[i] = (float) gh_splitmix_double (&random);
  gh_mae_mask (p->noise, p->N, K, p->keep, p->drop);
  return K;
}

/* rgb -> patches[N,P], kept[K,P] -> pred[N-K,P] */
static gboolean
predict (GhMaePicture *p, const guint8 *rgb, gsize stride, int K, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (p->encoder);

  if (!gh_encoder_check (gh_patchify_fwd (p->host, p->patches, rgb, NULL, config->mean, config->std, 1, config->height,
              config->width, stride, config->patch, p->N), p->host, gh_encoder_path (p->encoder), error))
    return FALSE;
  if (K == p->N)
    return TRUE;
  for (int i = 0; i < K; i++)
    memcpy (p->kept + (gsize) i * p->P, p->patches + (gsize) p->keep[i] * p->P, p->P * sizeof (float));
  return gh_encoder_forward (p->session, p->kept, p->keep, 1, K, p->latent, NULL, error)
      && gh_encoder_decode (p->session, p->latent, p->keep, p->drop, 1, K, p->pred, error);
}

/* What turns a prediction of this patch into normalised pixels: spread * pred + mean. */
static void
patch_statistics (const GhMaeConfig *c, const float *patch, int P, double *mean, double *spread)
{
  double sum = 0, squares = 0;

  *mean = 0;
  *spread = 1;
  if (c->target != GH_MAE_TARGET_PATCH)
    return;

  for (int i = 0; i < P; i++)
    sum += patch[i];
  *mean = sum / P;
  for (int i = 0; i < P; i++)
    squares += (patch[i] - *mean) * (patch[i] - *mean);
  *spread = sqrt (squares / MAX (P - 1, 1) + TARGET_EPS);
}

static guint8
to_pixel (double normalised, double mean, double std)
{
  return (guint8) CLAMP ((normalised * std + mean) * 255 + 0.5, 0, 255);
}

/* The part of patch `index` inside the picture becomes scale * values[P] + offset; values NULL: the mean colour. */
static void
paint_patch (const GhMaeConfig *c, guint8 *rgb, gsize stride, int index, const float *values, double scale,
    double offset)
{
  const int cols = gh_mae_config_grid_cols (c), y0 = index / cols * c->patch, x0 = index % cols * c->patch;

  for (int y = 0; y < MIN (c->patch, c->height - y0); y++) {
    guint8 *row = rgb + (y0 + y) * stride + (gsize) x0 * 3;

    for (int i = 0; i < 3 * MIN (c->patch, c->width - x0); i++) {
      double value = values ? scale * values[(gsize) y * c->patch * 3 + i] + offset : 0;

      row[i] = to_pixel (value, c->mean[i % 3], c->std[i % 3]);
    }
  }
}

static void
copy_picture (const GhMaeConfig *c, guint8 *out, gsize out_stride, const guint8 *rgb, gsize stride)
{
  for (int y = 0; y < c->height; y++)
    memcpy (out + y * out_stride, rgb + y * stride, (gsize) c->width * 3);
}

/* Sum of the squared differences between pred[P] and the patch's target. */
static double
squared_error (const float *pred, const float *patch, int P, double mean, double spread)
{
  double sum = 0;

  for (int i = 0; i < P; i++) {
    double off = pred[i] - (patch[i] - mean) / spread;

    sum += off * off;
  }
  return sum;
}

static gboolean
not_finite (const GhMaePicture *p, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: the reconstruction is not finite: its weights are too large "
      "for precision %s", gh_encoder_path (p->encoder), gh_encoder_precision (p->encoder));
  return FALSE;
}

gboolean
gh_mae_picture_make (GhMaePicture *p, const guint8 *rgb, gsize stride, const GhMaePictureMask *mask, guint8 *masked,
    guint8 *completed, gsize out_stride, double *loss, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (p->encoder);
  const int K = choose (p, mask), hidden = p->N - K;
  double errors = 0;

  if (!predict (p, rgb, stride, K, error))
    return FALSE;
  if (masked)
    copy_picture (config, masked, out_stride, rgb, stride);
  if (completed)
    copy_picture (config, completed, out_stride, rgb, stride);
  for (int i = 0; i < hidden; i++) {
    const float *patch = p->patches + (gsize) p->drop[i] * p->P, *pred = p->pred + (gsize) i * p->P;
    double mean, spread;

    patch_statistics (gh_encoder_config (p->encoder), patch, p->P, &mean, &spread);
    errors += squared_error (pred, patch, p->P, mean, spread);
    if (!isfinite (errors))
      return not_finite (p, error);
    if (masked)
      paint_patch (config, masked, out_stride, p->drop[i], NULL, 0, 0);
    if (completed)
      paint_patch (config, completed, out_stride, p->drop[i], pred, spread, mean);
  }
  if (loss)
    *loss = hidden ? errors / hidden / p->P : 0;
  return TRUE;
}
