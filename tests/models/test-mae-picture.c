/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-picture.c: reconstructions against the same computed here in double from what encoder and decoder say, on
 * pictures whose last row and column of patches are padded; masks that depend on seed and number alone.
 */
#include "model-file.h"
#include "models/gh-mae-picture.h"
#include "temp-folder.h"

#include <math.h>
#include <string.h>

enum { W = 53, H = 37, PATCH = 8, COLS = 7, N = 35, P = PATCH * PATCH * 3, STRIDE = W * 3 + 5, OUT = W * 3 + 11 };

typedef struct {
  char *folder, *path;
  GhEncoder *encoder;
  GhMaePicture *picture;
  guint8 rgb[H * STRIDE], masked[H * OUT], completed[H * OUT];
} Fixture;

static void
setup (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GhMaeConfig config = test_config ();

  config.width = W;
  g_assert_cmpint (config.height, ==, H);
  g_assert_cmpint (config.patch, ==, PATCH);
  config.cls_token = GPOINTER_TO_INT (data);
  f->folder = temp_folder_new ();
  f->path = g_build_filename (f->folder, "encoder.safetensors", NULL);
  test_make_model (f->path, &config, 3);
  f->encoder = test_load (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  f->picture = gh_mae_picture_new (f->encoder, &error);
  g_assert_no_error (error);
  test_fill_bytes (f->rgb, sizeof f->rgb, 11);
}

static void
teardown (Fixture *f, gconstpointer data)
{
  gh_mae_picture_free (f->picture);
  gh_encoder_unref (f->encoder);
  temp_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->path);
}

static double
make (Fixture *f, double ratio, guint64 seed, guint64 number)
{
  g_autoptr (GError) error = NULL;
  GhMaePictureMask mask = { ratio, seed, number };
  double loss = NAN;

  memset (f->masked, 7, sizeof f->masked);
  memset (f->completed, 7, sizeof f->completed);
  gh_mae_picture_make (f->picture, f->rgb, STRIDE, &mask, f->masked, f->completed, OUT, &loss, &error);
  g_assert_no_error (error);
  return loss;
}

static gboolean
pixel_is (const guint8 *picture, const guint8 *rgb, int x, int y)
{
  return memcmp (picture + y * OUT + 3 * x, rgb + y * STRIDE + 3 * x, 3) == 0;
}

/* Which patches of `masked` show the mean colour; every other pixel must be the picture's. */
static int
hidden_patches (const Fixture *f, gboolean *hidden)
{
  static const guint8 grey[3] = { 124, 116, 104 };      /* ImageNet's mean times 255 */
  int n = 0;

  for (int i = 0; i < N; i++) {
    int x0 = i % COLS * PATCH, y0 = i / COLS * PATCH;

    hidden[i] = memcmp (f->masked + y0 * OUT + 3 * x0, grey, 3) == 0;
    n += hidden[i];
    for (int y = y0; y < MIN (y0 + PATCH, H); y++) {
      for (int x = x0; x < MIN (x0 + PATCH, W); x++) {
        if (hidden[i])
          g_assert_cmpmem (f->masked + y * OUT + 3 * x, 3, grey, 3);
        else
          g_assert_true (pixel_is (f->masked, f->rgb, x, y) && pixel_is (f->completed, f->rgb, x, y));
      }
    }
  }
  return n;
}

/* patches[N,P], normalised, in double. */
static void
cut (const GhMaeConfig *c, const guint8 *rgb, double *patches)
{
  for (int i = 0; i < N; i++) {
    for (int v = 0; v < P; v++) {
      int x = i % COLS * PATCH + v / 3 % PATCH, y = i / COLS * PATCH + v / 3 / PATCH, channel = v % 3;

      patches[i * P + v] = x < W && y < H ? (rgb[y * STRIDE + 3 * x + channel] / 255.0 - c->mean[channel])
          / c->std[channel] : 0;
    }
  }
}

/* pred[n hidden,P] by the encoder itself. */
static void
ask (Fixture *f, const double *patches, const gboolean *hidden, float *pred)
{
  g_autoptr (GhEncoderSession) session = test_open_session (f->encoder, 1);
  g_autofree float *kept = g_new (float, N * P), *latent = g_new (float, (N + 1) * gh_encoder_config (f->encoder)->dim);
  g_autoptr (GError) error = NULL;
  gint32 keep[N], drop[N];
  int k = 0, d = 0;

  for (int i = 0; i < N; i++) {
    if (hidden[i]) {
      drop[d++] = i;
      continue;
    }
    for (int v = 0; v < P; v++)
      kept[k * P + v] = patches[i * P + v];
    keep[k++] = i;
  }
  gh_encoder_forward (session, kept, keep, 1, k, latent, NULL, &error);
  g_assert_no_error (error);
  gh_encoder_decode (session, latent, keep, drop, 1, k, pred, &error);
  g_assert_no_error (error);
}

static void
statistics (const double *patch, double *mean, double *spread)
{
  long double sum = 0, squares = 0;

  for (int v = 0; v < P; v++)
    sum += patch[v];
  for (int v = 0; v < P; v++)
    squares += (patch[v] - sum / P) * (patch[v] - sum / P);
  *mean = sum / P;
  *spread = sqrtl (squares / (P - 1) + 1e-6L);
}

static void
test_reconstruction (Fixture *f, gconstpointer data)
{
  const GhMaeConfig *c = gh_encoder_config (f->encoder);
  g_autofree double *patches = g_new (double, N * P);
  g_autofree float *pred = g_new (float, N * P);
  gboolean hidden[N];
  double loss = make (f, 0.7, 5, 2), expected = 0;
  int n = hidden_patches (f, hidden), at = 0;

  g_assert_cmpint (n, ==, N - gh_mae_config_kept (c, 0.7));
  cut (c, f->rgb, patches);
  ask (f, patches, hidden, pred);
  for (int i = 0; i < N; i++) {
    double mean, spread;

    if (!hidden[i])
      continue;
    statistics (patches + i * P, &mean, &spread);
    for (int v = 0; v < P; v++) {
      int x = i % COLS * PATCH + v / 3 % PATCH, y = i / COLS * PATCH + v / 3 / PATCH;
      double value = pred[at * P + v], off = value - (patches[i * P + v] - mean) / spread;
      double pixel = 255 * ((value * spread + mean) * c->std[v % 3] + c->mean[v % 3]);

      expected += off * off / (n * P);
      if (x < W && y < H)
        g_assert_cmpfloat (fabs (f->completed[y * OUT + 3 * x + v % 3] - CLAMP (pixel, 0, 255)), <=, 0.51);
    }
    at++;
  }
  g_assert_cmpfloat (fabs (loss - expected), <=, 1e-4 * expected);
  for (int y = 0; y < H; y++)
    for (int x = W * 3; x < OUT; x++)
      g_assert_true (f->masked[y * OUT + x] == 7 && f->completed[y * OUT + x] == 7);
}

/* The mean colour everywhere: next to nothing to divide by, and nothing to add. */
static void
test_blank (Fixture *f, gconstpointer data)
{
  for (int y = 0; y < H; y++)
    for (int x = 0; x < W; x++)
      memcpy (f->rgb + y * STRIDE + 3 * x, (guint8[]) { 124, 116, 104 }, 3);
  g_assert_true (isfinite (make (f, 0.5, 1, 1)));
  for (int y = 0; y < H; y++)
    for (int x = 0; x < 3 * W; x++)
      g_assert_cmpint (ABS (f->completed[y * OUT + x] - f->rgb[y * STRIDE + x]), <=, 2);
}

static void
test_masks (Fixture *f, gconstpointer data)
{
  gboolean first[N], second[N];

  make (f, 0.7, 5, 2);
  hidden_patches (f, first);
  make (f, 0.7, 5, 3);
  hidden_patches (f, second);
  g_assert_true (memcmp (first, second, sizeof first) != 0);
  make (f, 0.7, 6, 2);
  hidden_patches (f, second);
  g_assert_true (memcmp (first, second, sizeof first) != 0);
  make (f, 0.7, 5, 2);
  hidden_patches (f, second);
  g_assert_cmpmem (first, sizeof first, second, sizeof second);
  make (f, -1, 5, 2);
  g_assert_cmpint (hidden_patches (f, second), ==, N - gh_mae_config_kept (gh_encoder_config (f->encoder),
          gh_encoder_config (f->encoder)->mask_ratio));
}

static void
test_extremes (Fixture *f, gconstpointer data)
{
  gboolean hidden[N];
  GhMaePictureMask mask = { 0.5, 0, 0 };

  g_assert_cmpfloat (make (f, 0, 5, 2), ==, 0);
  g_assert_cmpint (hidden_patches (f, hidden), ==, 0);
  make (f, 1, 5, 2);
  g_assert_cmpint (hidden_patches (f, hidden), ==, N - 1);
  g_assert_true (gh_mae_picture_make (f->picture, f->rgb, STRIDE, &mask, NULL, NULL, 0, NULL, NULL));
}

static void
test_no_decoder (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->folder, "encoder-only.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  GhMaeConfig config = test_config ();

  g_assert_true (gh_encoder_init_file (path, &config, 1, FALSE, NULL));
  encoder = test_load (path, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_null (gh_mae_picture_new (encoder, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, path));
}

/* Weights that overflow. */
static void
test_not_finite (Fixture *f, gconstpointer data)
{
  g_autoptr (ModelFile) file = model_file_read (f->path);
  g_autofree char *path = g_build_filename (f->folder, "large.safetensors", NULL);
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhMaePicture) picture = NULL;
  g_autoptr (GError) error = NULL;
  GhMaePictureMask mask = { 0.5, 0, 0 };

  for (guint i = 0; i < file->tensors->len; i++) {
    ModelTensor *tensor = g_ptr_array_index (file->tensors, i);

    for (gint64 j = 0; strstr (tensor->name, "decoder") && tensor->rank > 1 && j < tensor->count; j++)
      tensor->data[j] *= 1e30f;
  }
  model_file_write (file, path);
  encoder = test_load (path, GH_DEVICE_CPU, GH_PRECISION_F32);
  picture = gh_mae_picture_new (encoder, NULL);
  g_assert_nonnull (picture);
  g_assert_false (gh_mae_picture_make (picture, f->rgb, STRIDE, &mask, f->masked, f->completed, OUT, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function, data) g_test_add ("/mae-picture/" name, Fixture, GINT_TO_POINTER (data), setup, function, \
      teardown)
  ADD ("reconstruction", test_reconstruction, FALSE);
  ADD ("reconstruction-cls", test_reconstruction, TRUE);
  ADD ("blank", test_blank, FALSE);
  ADD ("masks", test_masks, FALSE);
  ADD ("extremes", test_extremes, FALSE);
  ADD ("no-decoder", test_no_decoder, FALSE);
  ADD ("not-finite", test_not_finite, FALSE);
  return g_test_run ();
}
