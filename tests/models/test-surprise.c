/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-surprise.c: that an embedding tells of surprise what plain loops find in the pixels, on every back end, and that
 * what is fitted to a camera sees people in changing light. Where there is a cuda back end, it is walked too.
 */
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-embed-fit.h"

#include <math.h>
#include <string.h>

enum { B = 2, LIGHT = 3, FRAMES = 120 };

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* A file's tensor with numbers that matter. */
static void
shake (ModelFile *file, const char *name, double deviation, guint32 seed)
{
  ModelTensor *tensor = model_file_find (file, name);

  g_assert_nonnull (tensor);
  test_fill_normal (tensor->data, tensor->count, deviation, seed);
}

/* seen[N,C] as the header of gh-surprise.h has it, pixel by pixel. */
static void
see (const GhMaeConfig *c, const guint8 *rgb, double *seen)
{
  const int cols = gh_mae_config_grid_cols (c), side = c->patch / 4, C = side * side * 3, p = c->patch;

  for (int token = 0; token < gh_mae_config_tokens (c); token++) {
    const int y0 = token / cols * p, x0 = token % cols * p;
    double sum = 0, square = 0, value[64][64][3];

    for (int y = 0; y < p; y++)
      for (int x = 0; x < p; x++)
        for (int k = 0; k < 3; k++) {
          const gboolean inside = y0 + y < c->height && x0 + x < c->width;
          const double v = inside ? (rgb[((y0 + y) * c->width + x0 + x) * 3 + k] / 255.0 - c->mean[k]) / c->std[k] : 0;

          value[y][x][k] = v;
          sum += v / (p * p * 3);
          square += v * v / (p * p * 3);
        }
    for (int y = 0; y < side; y++)
      for (int x = 0; x < side; x++)
        for (int k = 0; k < 3; k++) {
          double tile = 0;

          for (int i = 0; i < 16; i++)
            tile += value[4 * y + i / 4][4 * x + i % 4][k] / 16;
          seen[token * C + (y * side + x) * 3 + k] = (tile - sum) / sqrt (square - sum * sum + 1e-3);
        }
  }
}

/* energy[rows] of one picture, with the light of the file. */
static void
find_energy (const GhMaeConfig *c, ModelFile *file, const guint8 *rgb, double *energy)
{
  const int rows = gh_mae_config_grid_rows (c), n = gh_mae_config_tokens (c) * (c->patch / 4) * (c->patch / 4) * 3;
  const float *light = model_file_find (file, "surprise.light.weight")->data;
  const float *bias = model_file_find (file, "surprise.light.bias")->data;
  const float *usual = model_file_find (file, "surprise.usual")->data;
  g_autofree double *seen = g_new (double, n), *rest = g_new (double, n);

  see (c, rgb, seen);
  for (int j = 0; j < n; j++)
    rest[j] = seen[j] - usual[j];
  for (int i = 0; i < c->surprise; i++) {
    double code = bias[i];

    for (int j = 0; j < n; j++)
      code += light[i * n + j] * seen[j];
    for (int j = 0; j < n; j++)
      rest[j] -= code * light[i * n + j];
  }
  memset (energy, 0, rows * sizeof *energy);
  for (int j = 0; j < n; j++)
    energy[j / (n / rows)] += rest[j] * rest[j] * rows / n;
}

static float *
encode (GhEncoder *encoder, const guint8 *rgb)
{
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, B);
  const GhMaeConfig *c = gh_encoder_config (encoder);
  float *embedding = g_new (float, B * c->embedding);
  g_autoptr (GError) error = NULL;

  /* Twice and once more: a device records the pass when it comes back. */
  for (int i = 0; i < 3; i++) {
    gh_encoder_encode (session, rgb, c->width * 3, B, embedding, NULL, &error);
    g_assert_no_error (error);
  }
  return embedding;
}

/* The same file without surprise. */
static void
write_without (ModelFile *file, GhMaeConfig c, const char *path)
{
  static const char *const names[] = { "light.weight", "light.bias", "usual", "embed.weight" };
  g_autofree char *json = NULL;

  c.surprise = 0;
  json = gh_mae_config_to_json (&c);
  model_file_set (file, "config", json);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *name = g_strconcat ("surprise.", names[i], NULL);

    model_file_remove (file, name);
  }
  model_file_write (file, path);
}

/* What the surprise adds to the embedding is its matrix times what plain loops find. */
static void
test_forward (gconstpointer data)
{
  const GhDevice device = GPOINTER_TO_INT (data);
  g_autofree char *with = in_folder ("with.safetensors"), *without = in_folder ("without.safetensors");
  g_autofree guint8 *rgb = NULL;
  g_autofree float *patches = NULL, *got = NULL, *plain = NULL, *want = NULL, *latent = NULL;
  g_autofree double *energy = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL, bare = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig c = test_config ();
  int E = c.embedding, rows = gh_mae_config_grid_rows (&c), N = gh_mae_config_tokens (&c);
  const float *weight;

  c.surprise = LIGHT;
  test_make_model (with, &c, 5);
  file = model_file_read (with);
  shake (file, "surprise.light.weight", 0.02, 1);
  shake (file, "surprise.light.bias", 0.5, 2);
  shake (file, "surprise.usual", 0.5, 3);
  shake (file, "surprise.embed.weight", 1, 4);
  model_file_write (file, with);
  rgb = g_malloc (B * c.height * c.width * 3);
  test_fill_bytes (rgb, B * c.height * c.width * 3, 7);
  energy = g_new (double, rows);
  want = g_new0 (float, B * E);
  weight = model_file_find (file, "surprise.embed.weight")->data;
  for (int b = 0; b < B; b++) {
    find_energy (&c, file, rgb + b * c.height * c.width * 3, energy);
    for (int i = 0; i < E * rows; i++)
      want[b * E + i / rows] += weight[i] * energy[i % rows];
  }
  encoder = test_load (with, device, GH_PRECISION_F32);
  got = encode (encoder, rgb);
  write_without (file, c, without);
  bare = test_load (without, device, GH_PRECISION_F32);
  plain = encode (bare, rgb);
  for (int i = 0; i < B * E; i++)
    got[i] -= plain[i];
  g_assert_cmpfloat (test_error (got, want, B * E), <, 1e-4);

  /* Patches by themselves are no picture. */
  session = test_open_session (encoder, 1);
  patches = test_random_patches (&c, 1, N, 6);
  latent = g_new (float, N * c.dim);
  g_assert_false (gh_encoder_forward (session, patches, NULL, 1, N, latent, got, &error));
  g_assert_nonnull (strstr (error->message, "picture"));
  g_clear_error (&error);
  g_assert_true (gh_encoder_forward (session, patches, NULL, 1, N, latent, NULL, &error));
}

/* A texture in one of two lights or between, darker or brighter, with n dots in its second row of patches. */
static void
paint (guint8 *rgb, const GhMaeConfig *c, int frame, int n)
{
  g_autofree guint8 *other = g_malloc (c->height * c->width * 3);
  guint32 state = frame + 99;
  const double t = test_uniform (&state), gain = 0.5 + 0.5 * test_uniform (&state);

  test_fill_bytes (rgb, c->height * c->width * 3, 1);
  test_fill_bytes (other, c->height * c->width * 3, 2);
  for (int i = 0; i < c->height * c->width * 3; i++)
    rgb[i] = (guint8) (gain * ((1 - t) * rgb[i] + t * other[i]));
  for (int i = 0; i < n; i++) {
    const int x = (i * 2 + (int) (3 * test_uniform (&state))) * 8;

    for (int y = 9; y < 15; y++)
      memset (rgb + (y * c->width + x + 2) * 3, 255 * (frame % 2), 3 * 3);
  }
}

static double
correlation (const double *x, const double *y, int n)
{
  double sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;

  for (int i = 0; i < n; i++) {
    sx += x[i] / n;
    sy += y[i] / n;
  }
  for (int i = 0; i < n; i++) {
    xx += (x[i] - sx) * (x[i] - sx);
    yy += (y[i] - sy) * (y[i] - sy);
    xy += (x[i] - sx) * (y[i] - sy);
  }
  return xy / sqrt (xx * yy);
}

/* Fitted to a camera whose light is two pictures deep, row 1's number follows the dots in it, and no other row's does.
 * The columns of the matrix stand at right angles: along one of them the embedding tells that row's number. */
static void
test_fit (void)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 0, 0, 40, 2, TRUE };
  g_autofree char *from = in_folder ("from.safetensors"), *to = in_folder ("to.safetensors");
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = NULL;
  GhMaeConfig c = test_config ();
  const int rows = gh_mae_config_grid_rows (&c);
  double number[FRAMES], told[5][FRAMES], square = 0;
  float embedding[40];
  const float *weight;

  g_assert_cmpint (rows, ==, 5);
  test_make_model (from, &c, 1);
  store = gh_frame_store_new (c.height, c.width, FRAMES, 1);
  rgb = g_malloc (c.height * c.width * 3);
  for (int i = 0; i < FRAMES; i++) {
    paint (rgb, &c, i, i % 4);
    g_assert_true (gh_frame_store_push (store, rgb, c.width * 3, NULL));
  }
  gh_embed_fit (from, to, &shape, store, 1, 1, &error);
  g_assert_no_error (error);
  file = model_file_read (to);
  weight = model_file_find (file, "surprise.embed.weight")->data;
  encoder = test_load (to, GH_DEVICE_REF, GH_PRECISION_F32);
  session = test_open_session (encoder, 1);
  for (int i = 0; i < FRAMES; i++) {
    number[i] = i % 4;
    g_assert_true (gh_frame_store_copy (store, i, rgb, NULL));
    g_assert_true (gh_encoder_encode (session, rgb, c.width * 3, 1, embedding, NULL, NULL));
    for (int r = 0; r < rows; r++)
      told[r][i] = 0;
    for (int e = 0; e < 40; e++) {
      square += (double) embedding[e] * embedding[e] / FRAMES / 40;
      for (int r = 0; r < rows; r++)
        told[r][i] += weight[e * rows + r] * embedding[e];
    }
  }
  for (int r = 0; r < rows; r++) {
    double mean = 0, own = 0;

    for (int i = 0; i < FRAMES; i++) {
      mean += told[r][i] / FRAMES;
      own += told[r][i] * told[r][i] / FRAMES;
    }
    /* The fit saw what the session sees. */
    g_assert_cmpfloat (fabs (mean), <, 0.1 * sqrt (own));
    g_test_message ("row %d: correlation %.3f", r, correlation (told[r], number, FRAMES));
    if (r == 1)
      g_assert_cmpfloat (correlation (told[r], number, FRAMES), >, 0.8);
    else
      g_assert_cmpfloat (fabs (correlation (told[r], number, FRAMES)), <, 0.5);
  }
  g_assert_cmpfloat (fabs (square - 1), <, 0.02);
}

/* What does not fit is named. */
static void
test_refusals (void)
{
  const GhEmbedShape narrow = { GH_POOL_MEAN, 0, 0, 5, 2, FALSE };
  g_autofree char *from = in_folder ("refused.safetensors"), *to = in_folder ("never.safetensors");
  g_autofree guint8 *rgb = NULL;
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig c = test_config (), odd = c, bare = c;

  odd.surprise = bare.surprise = 2;
  odd.patch = 10;
  g_assert_false (gh_mae_config_check (&odd, "x", &error));
  g_assert_nonnull (strstr (error->message, "tiles of 4"));
  g_clear_error (&error);
  bare.has_embed = FALSE;
  bare.embedding = gh_mae_config_pooled (&bare);
  g_assert_false (gh_mae_config_check (&bare, "x", &error));
  g_assert_nonnull (strstr (error->message, "without a projection"));
  g_clear_error (&error);
  test_make_model (from, &c, 1);
  store = gh_frame_store_new (c.height, c.width, 4, 1);
  rgb = g_malloc (c.height * c.width * 3);
  for (int i = 0; i < 4; i++) {
    paint (rgb, &c, i, i);
    g_assert_true (gh_frame_store_push (store, rgb, c.width * 3, NULL));
  }
  g_assert_false (gh_embed_fit (from, to, &narrow, store, 1, 1, &error));
  g_assert_nonnull (strstr (error->message, "no room"));
  g_assert_false (g_file_test (to, G_FILE_TEST_EXISTS));
}

int
main (int argc, char **argv)
{
  char reason[256];
  GhCtx *ctx = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  folder = temp_folder_new ();
  g_test_add_data_func ("/surprise/ref", GINT_TO_POINTER (GH_DEVICE_REF), test_forward);
  g_test_add_data_func ("/surprise/cpu", GINT_TO_POINTER (GH_DEVICE_CPU), test_forward);
  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 1, reason, sizeof reason) == GH_OK)
    g_test_add_data_func ("/surprise/cuda", GINT_TO_POINTER (GH_DEVICE_CUDA), test_forward);
  gh_ctx_free (ctx);
  g_test_add_func ("/surprise/fit", test_fit);
  g_test_add_func ("/surprise/refusals", test_refusals);
  result = g_test_run ();
  temp_folder_remove (folder);
  g_free (folder);
  return result;
}
