/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-alloc.c: after the first call nothing is allocated: every malloc of the process is counted while a
 * session encodes and decodes and while a trainer makes steps, in each precision, with exact and with Nystrom
 * attention. Skipped (77) where mallocs cannot be counted.
 */
#include "count-mallocs.h"
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-mae-trainer.h"

#include <stdio.h>

#ifdef COUNT_MALLOCS

static void
run (GhEncoderSession *session, const guint8 *rgb, const GhMaeConfig *c, float *latent, float *pred)
{
  static guint8 luma[90 * 70], chroma[90 * 35];
  const guint8 *planes[] = { luma, chroma };
  const gsize strides[] = { 90, 90 };
  gint32 keep[8], drop[64];
  const int N = gh_mae_config_tokens (c);
  float embedding[64];

  for (int i = 0; i < 8; i++)
    keep[i] = i;
  for (int i = 8; i < N; i++)
    drop[i - 8] = i;
  if (!gh_encoder_encode (session, rgb, c->width * 3, 1, embedding, latent, NULL)
      || !gh_encoder_send_frame (session, planes, strides, NULL)
      || !gh_encoder_encode_frame (session, embedding, latent, NULL)
      || !gh_encoder_forward (session, pred, keep, 1, 8, latent, embedding, NULL)
      || !gh_encoder_decode (session, latent, keep, drop, 1, 8, pred, NULL))
    abort ();
}

static void
check (const char *path, const GhMaeConfig *c, GhDevice device, GhPrecision precision)
{
  const gsize values = (gsize) gh_mae_config_tokens (c) * gh_mae_config_patch_values (c);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (path, device, precision, 2, &error);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = g_new0 (guint8, c->width * c->height * 3);
  g_autofree float *latent = g_new0 (float, gh_mae_config_tokens (c) * c->dim), *pred = g_new0 (float, values);
  const GhFrameLayout nv12 = {
    .width = 90, .height = 70, .n_planes = 2, .channel = { { 0, 1, 0 }, { 1, 2, 0 }, { 1, 2, 1 } },
    .subsampled = TRUE, .kr = 0.299, .kb = 0.114, .range = { 219, 224, 224 },
  };
  const GhFrameRectangle all = { 0, 0, 90, 70 };
  int before;

  g_assert_no_error (error);
  session = gh_encoder_session_new (encoder, 1, &error);
  g_assert_no_error (error);
  g_assert_true (gh_encoder_session_expect (session, &nv12, &all));
  run (session, rgb, c, latent, pred);
  before = atomic_load (&mallocs);
  for (int i = 0; i < 10; i++)
    run (session, rgb, c, latent, pred);
  g_assert_cmpint (atomic_load (&mallocs) - before, ==, 0);
}

static void
test_cpu (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "m.safetensors", NULL);
  GhMaeConfig c = test_config ();

  for (int i = 0; i < 2; i++) {
    c.landmarks = i == 0 ? 16 : 0;
    test_make_model (path, &c, 1);
    for (GhPrecision p = GH_PRECISION_F32; p <= GH_PRECISION_INT8; p++)
      check (path, &c, GH_DEVICE_CPU, p);
  }
  temp_folder_remove (folder);
}

static void
check_training (const GhMaeConfig *c, GhPrecision precision)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhFrameStore) store = gh_frame_store_new (c->height + 5, c->width + 9, 4, 1);
  g_autoptr (GhMaeTrainer) trainer = NULL;
  const gsize stride = (c->width + 9) * 3;
  g_autofree guint8 *rgb = g_malloc (stride * (c->height + 5));
  GhMaeTrainOptions options;
  int before;

  gh_mae_train_options_init (&options);
  options.device = GH_DEVICE_CPU;
  options.precision = precision;
  options.threads = options.batch = options.accumulate = 2;
  options.crop = options.light = 0.5;
  options.flip = TRUE;
  for (int i = 0; i < 4; i++) {
    test_fill_bytes (rgb, stride * (c->height + 5), i);
    gh_frame_store_push (store, rgb, stride, &error);
    g_assert_no_error (error);
  }
  trainer = gh_mae_trainer_new (c, &options, &error);
  g_assert_no_error (error);
  gh_mae_trainer_step (trainer, store, NULL, &error);
  g_assert_no_error (error);
  before = atomic_load (&mallocs);
  for (int i = 0; i < 10; i++)
    if (!gh_mae_trainer_step (trainer, store, NULL, NULL))
      abort ();
  g_assert_cmpint (atomic_load (&mallocs) - before, ==, 0);
}

static void
test_training (void)
{
  GhMaeConfig c = test_config ();

  for (int i = 0; i < 2; i++) {
    c.landmarks = i == 0 ? 4 : 0;
    check_training (&c, GH_PRECISION_F32);
    check_training (&c, GH_PRECISION_BF16);
  }
}

#endif

int
main (int argc, char **argv)
{
#ifdef COUNT_MALLOCS
  /* oneDNN, which some processors take for bfloat16, allocates for each product. */
  g_setenv ("GST_HEADS_LINEAR", "own", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/alloc/cpu", test_cpu);
  g_test_add_func ("/alloc/training", test_training);
  return g_test_run ();
#else
  printf ("skipped: mallocs cannot be counted with this C library or sanitizer\n");
  return 77;
#endif
}
