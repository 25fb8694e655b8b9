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

static const GhEmbedHow once = { .seed = 1, .threads = 1 };

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

/* Tiles, as many as there are in a picture. */
typedef struct {
  int side, rows, cols;
} Tiles;

static Tiles
tiles_of (const GhMaeConfig *c)
{
  const int side = (c->width + 239) / 240;

  return (Tiles) { side, c->height / side, c->width / side };
}

static double
logarithm (const guint8 *corner, int stride, int side)
{
  double sum = 0;

  for (int i = 0; i < side * side; i++)
    sum += corner[i / side * stride + i % side * 3];
  return log (sum / (255 * side * side) + 0.05);
}

/* edges[rows,cols-1,3] of the tiles. */
static void
see (const Tiles *t, const guint8 *rgb, int stride, double *edges)
{
  const int line = (t->cols - 1) * 3;

  for (int i = 0; i < t->rows * line; i++) {
    const guint8 *left = rgb + i / line * t->side * stride + i % line / 3 * t->side * 3 + i % 3;

    edges[i] = logarithm (left + t->side * 3, stride, t->side) - logarithm (left, stride, t->side);
  }
}

/* The mean square of rest[rows,cols-1,3] over 13 rows by 3 columns around a place. */
static double
energy_at (const Tiles *t, const double *rest, int row, int col)
{
  const int cols = t->cols - 1;
  double sum = 0;

  for (int y = MAX (row - 6, 0); y <= MIN (row + 6, t->rows - 1); y++)
    for (int x = MAX (col - 1, 0); x <= MIN (col + 1, cols - 1); x++)
      for (int k = 0; k < 3; k++)
        sum += rest[(y * cols + x) * 3 + k] * rest[(y * cols + x) * 3 + k];
  return sum / (13 * 3);
}

/* share[bands] of one picture, with the light of the file. */
static void
find_shares (const GhMaeConfig *c, ModelFile *file, const guint8 *rgb, int stride, int bands, double *share)
{
  const Tiles t = tiles_of (c);
  const int cols = t.cols - 1, n = t.rows * cols * 3;
  const float *light = model_file_find (file, "surprise.light.weight")->data;
  const float *bias = model_file_find (file, "surprise.light.bias")->data;
  const float *usual = model_file_find (file, "surprise.usual")->data;
  const float level = model_file_find (file, "surprise.level")->data[0];
  g_autofree double *edges = g_new (double, n), *rest = g_new (double, n);

  see (&t, rgb, stride, edges);
  for (int j = 0; j < n; j++)
    rest[j] = edges[j] - usual[j];
  for (int i = 0; i < c->surprise; i++) {
    double code = bias[i];

    for (int j = 0; j < n; j++)
      code += light[i * n + j] * edges[j];
    for (int j = 0; j < n; j++)
      rest[j] -= code * light[i * n + j];
  }
  for (int band = 0; band < bands; band++) {
    const int begin = band * t.rows / bands, end = (band + 1) * t.rows / bands;

    share[band] = 0;
    for (int i = begin * cols; i < end * cols; i++)
      share[band] += CLAMP (energy_at (&t, rest, i / cols, i % cols) / level - 0.5, 0, 1) / ((end - begin) * cols);
  }
}

/* The same file without surprise. */
static void
write_without (ModelFile *file, GhMaeConfig c, const char *path)
{
  static const char *const names[] = { "light.weight", "light.bias", "usual", "level", "embed.weight" };
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
check_forward (GhDevice device, const GhMaeConfig *config, int bands, float level, int gap)
{
  g_autofree char *with = in_folder ("with.safetensors"), *without = in_folder ("without.safetensors");
  g_autofree float *got = NULL, *plain = NULL, *want = NULL;
  g_autofree double *share = g_new (double, bands);
  g_autofree guint8 *rgb = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL, bare = NULL;
  const GhMaeConfig c = *config;
  const int E = c.embedding, stride = c.width * 3 + gap;
  const float *weight;

  test_make_model (with, &c, 5);
  file = model_file_read (with);
  shake (file, "surprise.light.weight", 0.02, 1);
  shake (file, "surprise.light.bias", 0.5, 2);
  shake (file, "surprise.usual", 0.5, 3);
  shake (file, "surprise.embed.weight", 1, 4);
  model_file_find (file, "surprise.level")->data[0] = level;
  model_file_write (file, with);
  rgb = g_malloc (B * c.height * stride);
  test_fill_bytes (rgb, B * c.height * stride, 7);
  want = g_new0 (float, B * E);
  g_assert_cmpint (model_file_find (file, "surprise.embed.weight")->count, ==, E * bands);
  weight = model_file_find (file, "surprise.embed.weight")->data;
  for (int b = 0; b < B; b++) {
    find_shares (&c, file, rgb + b * c.height * stride, stride, bands, share);
    g_test_message ("share %g", share[1]);
    /* Neither nothing nor everything stands out. */
    g_assert_cmpfloat (fabs (share[1] - 0.5), <, 0.4);
    for (int i = 0; i < E * bands; i++)
      want[b * E + i / bands] += weight[i] * share[i % bands];
  }
  encoder = test_load (with, device, GH_PRECISION_F32);
  got = test_encode (encoder, rgb, stride, B);
  write_without (file, c, without);
  bare = test_load (without, device, GH_PRECISION_F32);
  plain = test_encode (bare, rgb, stride, B);
  for (int i = 0; i < B * E; i++)
    got[i] -= plain[i];
  g_assert_cmpfloat (test_error (got, want, B * E), <, 1e-4);
}

static void
test_forward (gconstpointer data)
{
  GhMaeConfig c = test_config ();

  c.surprise = LIGHT;
  check_forward (GPOINTER_TO_INT (data), &c, 5, 4, 0);
  /* Tiles of 3 x 3, which neither side divides into; more rows of patches than bands; rows with padding. */
  c.width = 490;
  c.height = 143;
  c.depth = 1;
  c.heads = 1;
  c.landmarks = 0;
  check_forward (GPOINTER_TO_INT (data), &c, 16, 1, 5);
}

/* Patches by themselves are no picture; a level of 0 is none. */
static void
test_no_picture (void)
{
  g_autofree char *path = in_folder ("patches.safetensors");
  g_autofree float *patches = NULL, *latent = NULL, *embedding = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c);

  c.surprise = LIGHT;
  test_make_model (path, &c, 5);
  encoder = test_load (path, GH_DEVICE_REF, GH_PRECISION_F32);
  session = test_open_session (encoder, 1);
  patches = test_random_patches (&c, 1, N, 6);
  latent = g_new (float, N * c.dim);
  embedding = g_new (float, c.embedding);
  g_assert_false (gh_encoder_forward (session, patches, NULL, 1, N, latent, embedding, &error));
  g_assert_nonnull (strstr (error->message, "picture"));
  g_clear_error (&error);
  g_assert_true (gh_encoder_forward (session, patches, NULL, 1, N, latent, NULL, &error));

  file = model_file_read (path);
  model_file_find (file, "surprise.level")->data[0] = 0;
  model_file_write (file, path);
  g_assert_null (gh_encoder_load (path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error));
  g_assert_nonnull (strstr (error->message, "surprise.level"));
}

/* A texture under a light that comes from here or there, and is bright or not; n upright strokes in its second row of
 * patches. */
static void
paint (guint8 *rgb, const GhMaeConfig *c, int frame, int n)
{
  g_autofree guint8 *shade = g_malloc (c->height * c->width * 3);
  guint32 state = (frame + 99) * 2654435761u;
  const double t = test_uniform (&state), gain = 0.5 + 0.5 * test_uniform (&state);

  test_fill_bytes (rgb, c->height * c->width * 3, 1);
  test_fill_bytes (shade, c->height * c->width * 3, 2);
  for (int i = 0; i < c->height * c->width * 3; i++)
    rgb[i] = (guint8) (gain * (100 + 0.5 * rgb[i]) * exp (t * (shade[i] / 255.0 - 1)));
  for (int i = 0; i < n; i++) {
    const int x = (i * 2 + (int) (3 * test_uniform (&state))) * 8;

    for (int y = 8; y < 14; y++)
      memset (rgb + (y * c->width + x + 2) * 3, 255 * (frame % 2), 3 * 3);
  }
}

/* The first n frames, with no strokes to three. */
static GhFrameStore *
new_store (const GhMaeConfig *c, int n)
{
  GhFrameStore *store = gh_frame_store_new (c->height, c->width, n, 1);
  g_autofree guint8 *rgb = g_malloc (c->height * c->width * 3);

  for (int i = 0; i < n; i++) {
    paint (rgb, c, i, i % 4);
    g_assert_true (gh_frame_store_push (store, rgb, c->width * 3, NULL));
  }
  return store;
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

/* Fitted to a camera whose light comes from two sides, band 1's number follows the strokes in it, and bands that no window
 * reaches have nothing to tell. The columns of the matrix stand at right angles: along one of them the embedding tells that
 * band's number, and its first 16 numbers tell nothing else. */
static void
test_fit (void)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 0, 0, 40, 2, 0, TRUE };
  g_autofree char *from = in_folder ("from.safetensors"), *to = in_folder ("to.safetensors");
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = NULL;
  GhMaeConfig c = test_config ();
  const int rows = gh_mae_config_grid_rows (&c);
  double number[FRAMES], told[5][FRAMES], own[5] = { 0 }, square = 0;
  float embedding[40];
  const float *weight;

  g_assert_cmpint (rows, ==, 5);
  test_make_model (from, &c, 1);
  store = new_store (&c, FRAMES);
  rgb = g_malloc (c.height * c.width * 3);
  gh_embed_fit (from, to, &shape, store, &once, &error);
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
    double mean = 0;

    for (int i = 0; i < FRAMES; i++) {
      mean += told[r][i] / FRAMES;
      own[r] += told[r][i] * told[r][i] / FRAMES;
    }
    g_test_message ("row %d: mean square %.3g, correlation %.3f", r, own[r], correlation (told[r], number, FRAMES));
    /* The fit saw what the session sees. */
    if (r <= 2)
      g_assert_cmpfloat (fabs (mean), <, 0.1 * sqrt (own[r]));
    else
      g_assert_cmpfloat (own[r], <, 0.01 * own[1]);
  }
  g_assert_cmpfloat (correlation (told[1], number, FRAMES), >, 0.65);
  g_assert_cmpfloat (fabs (square - 1), <, 0.02);
  for (int e = 0; e < 40; e++) {
    const float *pooled = model_file_find (file, "embed.weight")->data + e * 2 * c.dim;

    for (int i = 0; i < (e < 16 ? 2 * c.dim : rows); i++)
      g_assert_cmpfloat (e < 16 ? pooled[i] : weight[e * rows + i], ==, 0);
  }
}

/* From as many frames as components of the light no level follows that everything else is above. */
static void
test_few_frames (void)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 0, 0, 40, 8, 0, TRUE };
  g_autofree char *from = in_folder ("few.safetensors"), *to = in_folder ("few-fitted.safetensors");
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autofree guint8 *rgb = NULL;
  double share[5], mean = 0;
  GhMaeConfig c = test_config ();

  test_make_model (from, &c, 1);
  store = new_store (&c, 8);
  rgb = g_malloc (c.height * c.width * 3);
  gh_embed_fit (from, to, &shape, store, &once, &error);
  g_assert_no_error (error);
  file = model_file_read (to);
  c.surprise = 8;
  for (int frame = 1000; frame < 1006; frame++) {
    paint (rgb, &c, frame, 0);
    find_shares (&c, file, rgb, c.width * 3, 5, share);
    for (int band = 0; band < 5; band++)
      mean += share[band] / (6 * 5);
  }
  g_test_message ("on average %.2f of a picture stand out", mean);
  g_assert_cmpfloat (mean, <, 0.6);
}

/* What does not fit is named. */
static void
test_refusals (void)
{
  const GhEmbedShape narrow = { GH_POOL_MEAN, 0, 0, 5, 2, 0, FALSE };
  g_autofree char *from = in_folder ("refused.safetensors"), *to = in_folder ("never.safetensors");
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig c = test_config (), odd = c, bare = c;

  odd.surprise = bare.surprise = 2;
  odd.width = 1;
  g_assert_false (gh_mae_config_check (&odd, "x", &error));
  g_assert_nonnull (strstr (error->message, "no edges between tiles of 1 x 1"));
  g_clear_error (&error);
  bare.has_embed = FALSE;
  bare.embedding = gh_mae_config_pooled (&bare);
  g_assert_false (gh_mae_config_check (&bare, "x", &error));
  g_assert_nonnull (strstr (error->message, "without a projection"));
  g_clear_error (&error);
  test_make_model (from, &c, 1);
  store = new_store (&c, 4);
  g_assert_false (gh_embed_fit (from, to, &narrow, store, &once, &error));
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
  g_test_add_func ("/surprise/no-picture", test_no_picture);
  g_test_add_func ("/surprise/fit", test_fit);
  g_test_add_func ("/surprise/few-frames", test_few_frames);
  g_test_add_func ("/surprise/refusals", test_refusals);
  result = g_test_run ();
  temp_folder_remove (folder);
  g_free (folder);
  return result;
}
