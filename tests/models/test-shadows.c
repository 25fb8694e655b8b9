/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-shadows.c: that an embedding tells the shadows as plain loops find them in the pixels, on every back end, and that
 * what is fitted to a camera tells the time of days whose ground looks like none before. Where there is a cuda back end,
 * it is walked too.
 */
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-embed-fit.h"
#include "models/gh-linalg.h"
#include "models/gh-shadows-fit.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

enum { B = 2, NUMBERS = 3, DAYS = 12, HOURS = 24, FRAMES = DAYS * HOURS, E = 40, FITTED = 8 };

static const GhEmbedHow once = { .seed = 1, .threads = 1 };

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static const float *
fill (ModelFile *file, const char *name, double deviation, guint32 seed)
{
  ModelTensor *tensor = model_file_find (file, name);

  g_assert_nonnull (tensor);
  test_fill_normal (tensor->data, tensor->count, deviation, seed);
  return tensor->data;
}

/* The logarithm of the mean of a tile of side x side pixels, of all channels. */
static double
logarithm (const guint8 *rgb, int stride, int side, int row, int col)
{
  double sum = 0;

  for (int y = row * side; y < (row + 1) * side; y++)
    for (int x = col * side * 3; x < (col + 1) * side * 3; x++)
      sum += rgb[y * stride + x];
  return log (sum / (255 * side * side * 3) + 0.05);
}

/* code[numbers] of a picture, by the matrix and bias of a file. */
static void
find_code (const GhMaeConfig *c, const float *weight, const float *bias, const guint8 *rgb, int stride, double *code)
{
  const int side = (c->width + 239) / 240, rows = c->height / side, cols = c->width / side - 1, n = rows * cols;

  for (int i = 0; i < c->shadows; i++)
    code[i] = bias[i];
  for (int j = 0; j < n; j++) {
    const int row = j / cols, col = j % cols;
    const double edge = logarithm (rgb, stride, side, row, col + 1) - logarithm (rgb, stride, side, row, col);

    for (int i = 0; i < c->shadows; i++)
      code[i] += weight[(gsize) i * n + j] * edge;
  }
}

/* The embedding with the shadows less the one that a matrix of zeros makes of them is the matrix times what plain loops find. */
static void
check_forward (GhDevice device, const GhMaeConfig *config, int gap)
{
  g_autofree char *with = in_folder ("with.safetensors"), *without = in_folder ("without.safetensors");
  g_autofree float *got = NULL, *plain = NULL, *want = NULL;
  g_autofree guint8 *rgb = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoder) encoder = NULL, bare = NULL;
  const GhMaeConfig c = *config;
  const int stride = c.width * 3 + gap;
  const float *weight, *bias, *embed;
  ModelTensor *tensor;
  double code[NUMBERS];

  test_make_model (with, &c, 5);
  file = model_file_read (with);
  weight = fill (file, "shadows.code.weight", 0.02, 1);
  bias = fill (file, "shadows.code.bias", 0.5, 2);
  embed = fill (file, "shadows.embed.weight", 1, 3);
  model_file_write (file, with);
  rgb = g_malloc (B * c.height * stride);
  test_fill_bytes (rgb, B * c.height * stride, 7);
  want = g_new0 (float, B * c.embedding);
  for (int b = 0; b < B; b++) {
    find_code (&c, weight, bias, rgb + b * c.height * stride, stride, code);
    for (int i = 0; i < c.embedding * NUMBERS; i++)
      want[b * c.embedding + i / NUMBERS] += embed[i] * code[i % NUMBERS];
  }
  encoder = test_load (with, device, GH_PRECISION_F32);
  got = test_encode (encoder, rgb, stride, B);
  tensor = model_file_find (file, "shadows.embed.weight");
  memset (tensor->data, 0, tensor->count * sizeof *tensor->data);
  model_file_write (file, without);
  bare = test_load (without, device, GH_PRECISION_F32);
  plain = test_encode (bare, rgb, stride, B);
  for (int i = 0; i < B * c.embedding; i++)
    got[i] -= plain[i];
  g_assert_cmpfloat (test_error (got, want, B * c.embedding), <, 1e-4);
}

static void
test_forward (gconstpointer data)
{
  GhMaeConfig c = test_config ();

  c.shadows = NUMBERS;
  c.depth = 1;
  /* Rows with padding. */
  check_forward (GPOINTER_TO_INT (data), &c, 5);
  /* Beside the surprise, which looks at the same edges. Tiles of other sizes are its test's. */
  c.surprise = 2;
  check_forward (GPOINTER_TO_INT (data), &c, 0);
}

/* ---- a camera ---------------------------------------------------------------------------------------------------- */

/* A wall above, whose stripes face east and west and are lit by the hour; a ground below, where every day other things stand,
 * and stay; clouds over all of it, and noise. */
static void
paint (guint8 *rgb, const GhMaeConfig *c, int frame)
{
  const int day = frame / HOURS, hour = frame % HOURS;
  const double angle = 2 * G_PI * hour / HOURS;
  g_autoptr (GRand) things = g_rand_new_with_seed (100 + day), noise = g_rand_new_with_seed (frame);
  const double cloud = g_rand_double_range (noise, 0.7, 1);
  g_autofree double *ground = g_new (double, c->width);

  for (int x = 0; x < c->width; x++)
    ground[x] = g_rand_double_range (things, 0.1, 0.9);
  for (int y = 0; y < c->height; y++)
    for (int x = 0; x < c->width; x++) {
      const double wall = 0.5 + 0.15 * (x % 4 < 2 ? cos (angle) : sin (angle)) * (x % 2 ? 1 : -1);
      const double light = cloud * (y < c->height / 3 ? wall : ground[(x + y / 4) % c->width]);

      for (int k = 0; k < 3; k++)
        rgb[(y * c->width + x) * 3 + k] = CLAMP (255 * light + g_rand_double_range (noise, -8, 8), 0, 255);
    }
}

static GhFrameStore *
new_store (const GhMaeConfig *c, int n)
{
  GhFrameStore *store = gh_frame_store_new (c->height, c->width, n, 1);
  g_autofree guint8 *rgb = g_malloc (c->height * c->width * 3);

  for (int i = 0; i < n; i++) {
    paint (rgb, c, i);
    g_assert_true (gh_frame_store_push (store, rgb, c->width * 3, NULL));
  }
  return store;
}

static void
fit_to_days (const char *to, const GhMaeConfig *c, int days, const GhEmbedShape *shape, int *told)
{
  const GhEmbedHow how = { .seed = 1, .threads = 1, .shadows_told = told };
  g_autofree char *from = in_folder ("from.safetensors");
  g_autoptr (GhFrameStore) store = new_store (c, days * HOURS);
  g_autoptr (GError) error = NULL;

  test_make_model (from, c, 1);
  gh_embed_fit (from, to, shape, store, &how, &error);
  g_assert_no_error (error);
}

/* How much of the hour's cosine a line over `width` numbers of x[FRAMES,E], from `begin` on, learned on the first days, leaves
 * unexplained on the others; 1 is all of it. */
static double
unexplained (const float *x, int begin, int width, int days)
{
  const int D = width + 1;
  g_autofree double *square = g_new0 (double, D * D), *line = g_new0 (double, D), *row = g_new (double, D);
  double left = 0;

  for (int pass = 0; pass < 2; pass++) {
    for (int i = pass ? days * HOURS : 0; i < (pass ? FRAMES : days * HOURS); i++) {
      const double want = cos (2 * G_PI * (i % HOURS) / HOURS);

      for (int j = 0; j < D; j++)
        row[j] = j < width ? x[i * E + begin + j] : 1;
      for (int j = 0; j < D && pass == 0; j++) {
        gh_axpy (square + j * D, row[j], row, D);
        line[j] += row[j] * want;
      }
      if (pass == 1)
        left += pow (gh_dot (line, row, D) - want, 2) / ((DAYS - days) * HOURS / 2.0);
    }
    for (int j = 0; j < D && pass == 0; j++)
      square[j * D + j] += 1e-3 * days * HOURS;
    g_assert_true (pass == 1 || gh_solve_positive (square, line, D, 1));
  }
  return left;
}

/* Fitted to eight days without labels, three quarters of the embedding tell the hour of four more, whatever stands on the
 * ground; the last quarter, the tokens, does less well. Every number varies about as much as the others. */
static void
test_fit (void)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 0, 0, E, 0, FITTED, TRUE };
  g_autofree char *to = in_folder ("to.safetensors");
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *x = g_new (float, FRAMES * E);
  g_autofree guint8 *rgb = NULL;
  const GhMaeConfig c = test_config ();
  double shadows, tokens, mean = 0;
  int told = -1;

  fit_to_days (to, &c, 8, &shape, &told);
  g_assert_cmpint (told, ==, FITTED);
  encoder = test_load (to, GH_DEVICE_REF, GH_PRECISION_F32);
  session = test_open_session (encoder, 1);
  rgb = g_malloc (c.height * c.width * 3);
  for (int i = 0; i < FRAMES; i++) {
    paint (rgb, &c, i);
    g_assert_true (gh_encoder_encode (session, rgb, c.width * 3, 1, x + i * E, NULL, NULL));
  }
  for (int e = 0; e < E; e++) {
    double square = 0;

    for (int i = 0; i < 8 * HOURS; i++)
      square += x[i * E + e] * x[i * E + e] / (8 * HOURS);
    /* The tokens are twice as loud. */
    if (e >= E - E / 4)
      square /= 4;
    g_assert_cmpfloat (square, >, 0.1);
    g_assert_cmpfloat (square, <, 4);
    mean += square / E;
  }
  shadows = unexplained (x, 0, E * 3 / 4, 8);
  tokens = unexplained (x, E * 3 / 4, E / 4, 8);
  g_test_message ("left of the hour: shadows %.4f, tokens %.4f; mean square %.3f", shadows, tokens, mean);
  g_assert_cmpfloat (shadows, <, 0.05);
  g_assert_cmpfloat (shadows, <, tokens / 3);
  g_assert_cmpfloat (fabs (mean - 1), <, 0.05);
}

/* A replay buffer holds frames in an order of its own; what follows from them is what their order in time says. */
static void
test_order (void)
{
  const GhEmbedShape shape = { GH_POOL_MEAN, 0, 0, E, 0, FITTED, FALSE };
  g_autofree char *from = in_folder ("order.safetensors"), *to = in_folder ("order-fitted.safetensors");
  g_autoptr (GhFrameStore) buffer = NULL, sorted = NULL;
  g_autofree guint8 *rgb = NULL, *frame = NULL;
  g_autofree float *first = NULL;
  const GhMaeConfig c = test_config ();
  guint64 number[FRAMES / 2];
  gboolean shuffled = FALSE;
  gsize length = 0;

  buffer = gh_frame_store_new (c.height, c.width, FRAMES / 2, 1);
  sorted = gh_frame_store_new (c.height, c.width, FRAMES / 2, 1);
  rgb = g_malloc (c.height * c.width * 3);
  frame = g_malloc (c.height * c.width * 3);
  for (int i = 0; i < FRAMES; i++) {
    paint (rgb, &c, i);
    g_assert_true (gh_frame_store_push (buffer, rgb, c.width * 3, NULL));
  }
  gh_frame_store_numbers (buffer, number, FRAMES / 2);
  for (guint i = 0; i < FRAMES; i++)
    for (guint j = 0; j < FRAMES / 2; j++)
      if (number[j] == i) {
        paint (rgb, &c, i);
        g_assert_true (gh_frame_store_copy (buffer, j, frame, NULL));
        g_assert_cmpmem (rgb, c.height * c.width * 3, frame, c.height * c.width * 3);
        shuffled = shuffled || j != gh_frame_store_count (sorted);
        g_assert_true (gh_frame_store_push (sorted, rgb, c.width * 3, NULL));
      }
  g_assert_cmpint (gh_frame_store_count (sorted), ==, FRAMES / 2);
  g_assert_true (shuffled);
  test_make_model (from, &c, 1);
  for (int i = 0; i < 2; i++) {
    g_autoptr (ModelFile) file = NULL;
    const ModelTensor *weight;

    g_assert_true (gh_embed_fit (from, to, &shape, i ? sorted : buffer, &once, NULL));
    file = model_file_read (to);
    weight = model_file_find (file, "shadows.code.weight");
    if (i == 0) {
      length = weight->count * sizeof *weight->data;
      first = g_memdup2 (weight->data, length);
    } else {
      g_assert_cmpmem (first, length, weight->data, weight->count * sizeof *weight->data);
    }
  }
}

/* n frames, of which all show what number `first` of the camera does, or each what comes next. */
typedef struct {
  const GhMaeConfig *config;
  int first;
  gboolean alike;
  int looks, stop;              /* go_on() is FALSE at that look; 0: never */
  double part;
} Film;

static gboolean
show (gpointer data, guint i, guint8 *rgb, GError **error)
{
  const Film *film = data;

  paint (rgb, film->config, film->first + (film->alike ? 0 : i));
  return TRUE;
}

static gboolean
go_on (gpointer data, double part, GError **error)
{
  Film *film = data;

  g_assert_cmpfloat (part, >=, film->part);
  g_assert_cmpfloat (part, <, 1);
  film->part = part;
  if (++film->looks != film->stop)
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  return FALSE;
}

/* What is found has numbers that are finite, and told[] of them are not 0; the same ones by any number of threads. */
static void
check_found (const Film *film, int n, int least, int most)
{
  const int places = (film->config->width - 1) * film->config->height;
  GhShadowsFit fits[2];

  for (int i = 0; i < 2; i++) {
    Film again = *film;
    const GhPictures pictures = { show, go_on, &again };
    g_autoptr (GError) error = NULL;

    gh_shadows_fit (&fits[i], film->config, n, &pictures, i + 1, &error);
    g_assert_no_error (error);
    g_assert_cmpint (fits[i].count, >=, least);
    g_assert_cmpint (fits[i].count, <=, most);
  }
  for (int i = 0; i < FITTED; i++) {
    double square = 0;

    for (int j = 0; j < places; j++)
      square += pow (fits[0].weight[i * places + j], 2);
    g_assert_true (isfinite (square) && isfinite (fits[0].bias[i]));
    g_assert_true ((square > 0) == (i < fits[0].count));
  }
  g_assert_cmpmem (fits[0].weight, FITTED * places * sizeof (float), fits[1].weight, FITTED * places * sizeof (float));
  g_assert_cmpmem (fits[0].bias, FITTED * sizeof (float), fits[1].bias, FITTED * sizeof (float));
  gh_shadows_fit_clear (&fits[0]);
  gh_shadows_fit_clear (&fits[1]);
}

/* Frames that are few or all alike tell little or nothing. */
static void
test_little (void)
{
  GhMaeConfig c = test_config ();

  c.shadows = FITTED;
  check_found (&(Film) { &c, 3, TRUE }, 30, 0, 0);
  check_found (&(Film) { &c, 3, FALSE }, 2, 0, 1);
  check_found (&(Film) { &c, 3, FALSE }, 18, 1, 4);
  check_found (&(Film) { &c, 0, FALSE }, 3 * HOURS, 2, FITTED);
}

/* It can be ended while frames are looked at, and between what follows. */
static void
test_stop (void)
{
  GhMaeConfig c = test_config ();

  c.shadows = FITTED;
  for (int stop = 10; stop <= 34; stop += 24) {
    Film film = { &c, 0, FALSE, .stop = stop };
    const GhPictures pictures = { show, go_on, &film };
    g_autoptr (GError) error = NULL;
    GhShadowsFit fit;

    g_assert_false (gh_shadows_fit (&fit, &c, 32, &pictures, 1, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    g_assert_cmpint (film.looks, ==, stop);
    gh_shadows_fit_clear (&fit);
  }
}

/* What does not fit is named. */
static void
test_refusals (void)
{
  const GhEmbedShape narrow = { GH_POOL_MEAN, 0, 0, 9, 0, FITTED, FALSE };
  g_autofree char *from = in_folder ("refused.safetensors"), *to = in_folder ("never.safetensors");
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig c = test_config (), bare = c;

  bare.shadows = 2;
  bare.has_embed = FALSE;
  bare.embedding = gh_mae_config_pooled (&bare);
  g_assert_false (gh_mae_config_check (&bare, "x", &error));
  g_assert_nonnull (strstr (error->message, "\"shadows\": 2 without a projection"));
  g_clear_error (&error);
  test_make_model (from, &c, 1);
  store = new_store (&c, 4);
  g_assert_false (gh_embed_fit (from, to, &narrow, store, &once, &error));
  g_assert_nonnull (strstr (error->message, "has room for 7"));
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
  g_test_add_data_func ("/shadows/ref", GINT_TO_POINTER (GH_DEVICE_REF), test_forward);
  g_test_add_data_func ("/shadows/cpu", GINT_TO_POINTER (GH_DEVICE_CPU), test_forward);
  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 1, reason, sizeof reason) == GH_OK)
    g_test_add_data_func ("/shadows/cuda", GINT_TO_POINTER (GH_DEVICE_CUDA), test_forward);
  gh_ctx_free (ctx);
  g_test_add_func ("/shadows/fit", test_fit);
  g_test_add_func ("/shadows/order", test_order);
  g_test_add_func ("/shadows/little", test_little);
  g_test_add_func ("/shadows/stop", test_stop);
  g_test_add_func ("/shadows/refusals", test_refusals);
  result = g_test_run ();
  temp_folder_remove (folder);
  g_free (folder);
  return result;
}
