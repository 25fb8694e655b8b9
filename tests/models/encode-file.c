/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * encode-file.c: encode-file MODEL FRAME PRECISION OUT [NOISE]: encodes one raw RGB frame of the model's size and writes
 * the embedding, then the tokens, as float32. With NOISE (a float32 per patch) it hides the patches of high noise at
 * the model's ratio and writes their prediction instead. For the comparisons with PyTorch.
 */
#include "models/gh-encoder.h"

#include <stdio.h>

static gboolean
parse_precision (const char *name, GhPrecision *precision)
{
  static const char *const names[] = { [GH_PRECISION_AUTO] = "auto", [GH_PRECISION_F32] = "f32",
    [GH_PRECISION_BF16] = "bf16", [GH_PRECISION_INT16] = "int16", [GH_PRECISION_INT8] = "int8" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    if (g_str_equal (name, names[i])) {
      *precision = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* out[embedding], out[tokens,dim]. */
static float *
encode (GhEncoderSession *session, const GhMaeConfig *c, const guint8 *frame, gsize *n, GError **error)
{
  g_autofree float *out = NULL;

  *n = c->embedding + (gsize) gh_mae_config_tokens (c) * c->dim;
  out = g_new (float, *n);
  return gh_encoder_encode (session, frame, c->width * 3, 1, out, out + c->embedding, error)
      ? g_steal_pointer (&out) : NULL;
}

/* out[N-K,P]. */
static float *
predict (GhEncoderSession *session, const GhMaeConfig *c, const guint8 *frame, const float *noise, gsize *n,
    GError **error)
{
  const int N = gh_mae_config_tokens (c), K = gh_mae_config_kept (c, c->mask_ratio);
  const gsize P = gh_mae_config_patch_values (c);
  g_autofree gint32 *keep = g_new (gint32, K), *drop = g_new (gint32, N - K);
  g_autofree float *patches = g_new (float, K * P), *latent = g_new (float, (1 + K) * c->dim), *out = NULL;
  GhCtx *ctx;

  gh_mae_mask (noise, N, K, keep, drop);
  g_assert_cmpint (gh_ctx_new (&ctx, GH_DEVICE_REF, 1, NULL, 0), ==, GH_OK);
  g_assert_cmpint (gh_patchify_fwd (ctx, patches, frame, keep, c->mean, c->std, 1, c->height, c->width, c->width * 3,
          c->patch, K), ==, GH_OK);
  gh_ctx_free (ctx);
  *n = (N - K) * P;
  out = g_new (float, *n);
  return gh_encoder_forward (session, patches, keep, 1, K, latent, NULL, error)
      && gh_encoder_decode (session, latent, keep, drop, 1, K, out, error) ? g_steal_pointer (&out) : NULL;
}

/* The whole file, which must have `size` bytes. */
static char *
read_file (const char *path, gsize size, GError **error)
{
  g_autofree char *bytes = NULL;
  gsize got;

  if (!g_file_get_contents (path, &bytes, &got, error))
    return NULL;
  if (got == size)
    return g_steal_pointer (&bytes);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s has %" G_GSIZE_FORMAT " bytes, not %" G_GSIZE_FORMAT, path,
      got, size);
  return NULL;
}

static gboolean
run (char **argv, GhPrecision precision, GError **error)
{
  g_autoptr (GhEncoder) encoder = gh_encoder_load (argv[1], GH_DEVICE_CPU, precision, 0, error);
  g_autoptr (GhEncoderSession) session = encoder ? gh_encoder_session_new (encoder, 1, error) : NULL;
  const GhMaeConfig *c = encoder ? gh_encoder_config (encoder) : NULL;
  g_autofree char *frame = NULL, *noise = NULL;
  g_autofree float *out = NULL;
  gsize n;

  if (!session || !(frame = read_file (argv[2], (gsize) c->width * c->height * 3, error))
      || (argv[5] && !(noise = read_file (argv[5], gh_mae_config_tokens (c) * sizeof (float), error))))
    return FALSE;
  printf ("%s\n", gh_encoder_reason (encoder));
  out = noise ? predict (session, c, (guint8 *) frame, (float *) noise, &n, error)
      : encode (session, c, (guint8 *) frame, &n, error);
  return out && g_file_set_contents (argv[4], (char *) out, n * sizeof (float), error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  GhPrecision precision;

  if (argc < 5 || argc > 6 || !parse_precision (argv[3], &precision)) {
    fprintf (stderr, "usage: encode-file MODEL FRAME auto|f32|bf16|int16|int8 OUT [NOISE]\n");
    return 2;
  }
  if (run (argv, precision, &error))
    return 0;
  fprintf (stderr, "%s\n", error->message);
  return 1;
}
