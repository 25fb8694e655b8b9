/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-golden.c: the forward pass against the numbers of the PyTorch reference, in f32, on every back end: latent,
 * prediction and embedding within 1e-5. Skipped (77) without the file, see golden.h.
 */
#include "golden.h"

#define TOLERANCE 1e-5

static void
judge (const char *device, const char *what, const float *got, const float *want, gsize n)
{
  double error = test_error (got, want, n);

  g_test_message ("%s: %s off by %.2g", device, what, error);
  g_assert_cmpfloat (error, <, TOLERANCE);
}

static void
run (Golden *g, GhDevice device)
{
  const char *name = gh_device_name (device);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (g->path, device, GH_PRECISION_F32, 0, &error);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *kept = golden_pick (g, g->keep, g->K), *latent = g_new (float, B * g->K * D);
  g_autofree float *embedding = g_new (float, B * E);
  g_autofree float *pred = g_new (float, B * (N - g->K) * P);

  g_assert_no_error (error);
  g_assert_true (gh_encoder_has_decoder (encoder));
  session = gh_encoder_session_new (encoder, B, &error);
  g_assert_no_error (error);

  gh_encoder_forward (session, kept, g->keep, B, g->K, latent, NULL, &error);
  g_assert_no_error (error);
  judge (name, "latent", latent, golden_expect (g, "out.latent", B * g->K * D), B * g->K * D);

  gh_encoder_decode (session, latent, g->keep, g->drop, B, g->K, pred, &error);
  g_assert_no_error (error);
  judge (name, "prediction", pred, golden_expect (g, "out.pred", B * (N - g->K) * P), B * (N - g->K) * P);

  gh_encoder_forward (session, g->patches, NULL, B, N, NULL, embedding, &error);
  g_assert_no_error (error);
  judge (name, "embedding", embedding, golden_expect (g, "out.embedding", B * E), B * E);
}

int
main (int argc, char **argv)
{
  return golden_main (argc, argv, "/golden", run);
}
