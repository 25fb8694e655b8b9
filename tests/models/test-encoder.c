/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder.c: what must hold of the encoder whatever its weights: which attention runs when, images of a batch do
 * not see each other, pixels and patches give the same, precisions stay within their tolerances, every way of pooling
 * and of sharing the decoder's first layer works, and wrong calls are refused.
 */
#include "encoder-fixture.h"
#include "model-file.h"
#include "models/gh-error.h"

#include <math.h>
#include <string.h>

enum { MAX_BATCH = 3 };

/* ---- short words for the calls ----------------------------------------------------------------------------------- */

static GhEncoderSession *
load_session (const char *path, GhDevice device, GhPrecision precision)
{
  g_autoptr (GhEncoder) encoder = test_load (path, device, precision);

  return test_open_session (encoder, MAX_BATCH);
}

/* From patches[B,K,P]; the caller frees. */
static float *
forward (GhEncoderSession *session, const float *patches, const gint32 *keep, int B, int K, int E)
{
  g_autoptr (GError) error = NULL;
  float *embedding = g_new (float, B * E);

  gh_encoder_forward (session, patches, keep, B, K, NULL, embedding, &error);
  g_assert_no_error (error);
  return embedding;
}

static float *
encode (GhEncoderSession *session, const guint8 *rgb, gsize stride, int B, int E, float *tokens)
{
  g_autoptr (GError) error = NULL;
  float *embedding = g_new (float, B * E);

  gh_encoder_encode (session, rgb, stride, B, embedding, tokens, &error);
  g_assert_no_error (error);
  return embedding;
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

/* The embedding of K random patches by a model of these landmarks; the weights are the same for all landmarks. */
static float *
embed_with_landmarks (Fixture *f, int landmarks, int K)
{
  GhMaeConfig c = test_config ();
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *patches = test_random_patches (&c, 1, K, 5);
  g_autofree gint32 *keep = g_new (gint32, K);

  c.landmarks = landmarks;
  test_make_model (f->path, &c, 1);
  session = load_session (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
  for (int i = 0; i < K; i++)
    keep[i] = i;
  return forward (session, patches, keep, 1, K, c.embedding);
}

static double
change_by_landmarks (Fixture *f, int landmarks, int K)
{
  g_autofree float *exact = embed_with_landmarks (f, 0, K), *other = embed_with_landmarks (f, landmarks, K);

  return test_error (other, exact, test_config ().embedding);
}

static void
test_selection (Fixture *f, gconstpointer data)
{
  g_assert_cmpfloat (change_by_landmarks (f, 16, 15), ==, 0);
  g_assert_cmpfloat (change_by_landmarks (f, 16, 16), ==, 0);
  g_assert_cmpfloat (change_by_landmarks (f, 16, 17), >, 1e-5);
  g_assert_cmpfloat (change_by_landmarks (f, 34, 35), >, 1e-6);
  g_assert_cmpfloat (change_by_landmarks (f, 35, 35), ==, 0);
}

/* The cls token counts: 16 patches and cls are 17 tokens. */
static void
test_selection_counts_cls (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  g_autofree float *patches = test_random_patches (&c, 1, 16, 5);
  float *embeddings[2];
  gint32 keep[16];

  for (int i = 0; i < 16; i++)
    keep[i] = 2 * i;
  c.cls_token = TRUE;
  for (int i = 0; i < 2; i++) {
    g_autoptr (GhEncoderSession) session = NULL;

    c.landmarks = i == 0 ? 0 : 16;
    test_make_model (f->path, &c, 1);
    session = load_session (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
    embeddings[i] = forward (session, patches, keep, 1, 16, c.embedding);
  }
  g_assert_cmpfloat (test_error (embeddings[1], embeddings[0], c.embedding), >, 1e-5);
  g_free (embeddings[0]);
  g_free (embeddings[1]);
}

/* ---- batches and pixels ------------------------------------------------------------------------------------------ */

static void
check_batch (Fixture *f, GhDevice device, int landmarks)
{
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c), E = c.embedding;
  const gsize per_image = (gsize) N * gh_mae_config_patch_values (&c);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *patches = test_random_patches (&c, MAX_BATCH, N, 11), *together = NULL;

  c.landmarks = landmarks;
  test_make_model (f->path, &c, 2);
  session = load_session (f->path, device, GH_PRECISION_F32);
  for (gsize i = 0; i < per_image; i++) {
    patches[i] *= 100;          /* loud mates on both sides */
    patches[2 * per_image + i] *= 1e-3f;
  }
  together = forward (session, patches, NULL, MAX_BATCH, N, E);
  for (int b = 0; b < MAX_BATCH; b++) {
    g_autofree float *alone = forward (session, patches + b * per_image, NULL, 1, N, E);

    g_assert_cmpfloat (test_error (together + b * E, alone, E), <, 1e-6);
  }
}

static void
test_batch (Fixture *f, gconstpointer data)
{
  const GhDevice device = GPOINTER_TO_INT (data);

  check_batch (f, device, 0);
  check_batch (f, device, 16);
}

/* Patches by the words of the header: (u8/255 - mean)/std, and 0 beyond the image. */
static void
cut_patches (float *patches, const guint8 *rgb, gsize stride, const GhMaeConfig *c)
{
  const int cols = gh_mae_config_grid_cols (c), rows = gh_mae_config_grid_rows (c), p = c->patch;

  for (int y = 0; y < rows * p; y++)
    for (int x = 0; x < cols * p; x++)
      for (int i = 0; i < 3; i++) {
        gsize token = (gsize) (y / p) * cols + x / p, at = (token * p * p + (y % p) * p + x % p) * 3 + i;
        gboolean inside = y < c->height && x < c->width;

        patches[at] = inside ? (float) ((rgb[y * stride + 3 * x + i] / 255.0 - c->mean[i]) / c->std[i]) : 0;
      }
}

static void
test_pixels (Fixture *f, gconstpointer data)
{
  const GhDevice device = GPOINTER_TO_INT (data);
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c), E = c.embedding, B = 2;
  const gsize stride = c.width * 3 + 8, image = stride * c.height;
  const gsize per_image = (gsize) N * gh_mae_config_patch_values (&c);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = g_new (guint8, B * image);
  g_autofree float *patches = g_new (float, B * per_image), *tokens = g_new (float, B * N * c.dim);
  g_autofree float *latent = g_new (float, B * N * c.dim), *by_pixels = NULL, *by_patches = g_new (float, B * E);

  test_make_model (f->path, &c, 3);
  session = load_session (f->path, device, GH_PRECISION_F32);
  test_fill_bytes (rgb, B * image, 4);
  for (int b = 0; b < B; b++)
    cut_patches (patches + b * per_image, rgb + b * image, stride, &c);
  by_pixels = encode (session, rgb, stride, B, E, tokens);
  gh_encoder_forward (session, patches, NULL, B, N, latent, by_patches, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (test_error (by_pixels, by_patches, B * E), <, 1e-5);
  g_assert_cmpfloat (test_error (tokens, latent, B * N * c.dim), <, 1e-5);
}

/* Tokens leave the cls row out, for every image of the batch. */
static void
test_tokens_without_cls (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c), B = 2, D = c.dim;
  const gsize stride = c.width * 3, image = stride * c.height, per_image = (gsize) N * gh_mae_config_patch_values (&c);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = g_new (guint8, B * image);
  g_autofree float *patches = g_new (float, B * per_image), *tokens = g_new (float, B * N * D);
  g_autofree float *latent = g_new (float, B * (1 + N) * D), *embedding = NULL;

  c.cls_token = TRUE;
  c.pool = GH_POOL_CLS;
  c.has_embed = FALSE;
  c.embedding = D;
  test_make_model (f->path, &c, 3);
  session = load_session (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
  test_fill_bytes (rgb, B * image, 4);
  for (int b = 0; b < B; b++)
    cut_patches (patches + b * per_image, rgb + b * image, stride, &c);
  embedding = encode (session, rgb, stride, B, D, tokens);
  gh_encoder_forward (session, patches, NULL, B, N, latent, NULL, &error);
  g_assert_no_error (error);
  for (int b = 0; b < B; b++) {
    const float *rows = latent + b * (1 + N) * D;

    g_assert_cmpfloat (test_error (embedding + b * D, rows, D), <, 1e-5);
    g_assert_cmpfloat (test_error (tokens + b * N * D, rows + D, N * D), <, 1e-5);
  }
}

/* ---- pooling and the decoder's first layer ----------------------------------------------------------------------- */

/* Mean and standard deviation with divisor N of the latent, then the projection, in double. */
static void
test_mean_std (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c), E = c.embedding, D = c.dim;
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autoptr (ModelFile) file = NULL;
  g_autofree float *patches = test_random_patches (&c, 1, N, 6), *latent = g_new (float, N * D);
  g_autofree float *got = g_new (float, E), *want = g_new (float, E);
  g_autofree double *pooled = g_new0 (double, 2 * D);
  ModelTensor *weight, *bias;

  c.pool = GH_POOL_MEAN_STD;
  test_make_model (f->path, &c, 4);
  file = model_file_read (f->path);
  weight = model_file_find (file, "embed.weight");
  bias = model_file_find (file, "embed.bias");
  g_assert_cmpint (weight->shape[1], ==, 2 * D);
  g_assert_nonnull (model_file_find (file, "decoder.embed.weight"));
  session = load_session (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
  gh_encoder_forward (session, patches, NULL, 1, N, latent, got, &error);
  g_assert_no_error (error);
  for (int d = 0; d < D; d++) {
    double squares = 0;

    for (int t = 0; t < N; t++) {
      pooled[d] += latent[t * D + d] / (double) N;
      squares += (double) latent[t * D + d] * latent[t * D + d] / N;
    }
    pooled[D + d] = sqrt (squares - pooled[d] * pooled[d]);
  }
  for (int e = 0; e < E; e++) {
    double sum = bias->data[e];

    for (int i = 0; i < 2 * D; i++)
      sum += pooled[i] * weight->data[e * 2 * D + i];
    want[e] = (float) sum;
  }
  g_assert_cmpfloat (test_error (got, want, E), <, 1e-5);
}

/* Mean and deviation of a token's numbers over rows y0..y1-1 and columns x0..x1-1 of the grid. */
static void
pool_region (const GhMaeConfig *c, const float *rows, int y0, int y1, int x0, int x1, double *pooled)
{
  const int cols = gh_mae_config_grid_cols (c), D = c->dim, n = (y1 - y0) * (x1 - x0);

  for (int d = 0; d < D; d++) {
    double sum = 0, squares = 0;

    for (int y = y0; y < y1; y++)
      for (int x = x0; x < x1; x++) {
        const double value = rows[(y * cols + x) * D + d];

        sum += value / n;
        squares += value * value / n;
      }
    pooled[d] = sum;
    pooled[D + d] = sqrt (squares - sum * sum);
  }
}

/* Regions of the 5 x 7 grid, 2 x 3 of them: rows 0-2 and 2-4, columns 0-2, 2-4 and 4-6, in a batch and with a cls
 * token; and a pass over some of the patches, which has no such regions, is refused an embedding. */
static void
test_regions (Fixture *f, gconstpointer device)
{
  GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c), D = c.dim, B = 2, pooled = 2 * 3 * 2 * D;
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *patches = test_random_patches (&c, B, N, 6), *latent = g_new (float, B * (1 + N) * D);
  g_autofree float *got = g_new (float, B * pooled), *want = g_new (float, B * pooled);
  g_autofree double *region = g_new (double, 2 * D);
  gint32 keep[] = { 0, 3, 9 };

  g_assert_cmpint (gh_mae_config_grid_rows (&c), ==, 5);
  g_assert_cmpint (gh_mae_config_grid_cols (&c), ==, 7);
  c.pool = GH_POOL_MEAN_STD;
  c.pool_rows = 2;
  c.pool_cols = 3;
  c.cls_token = TRUE;
  c.has_embed = FALSE;
  c.embedding = pooled;
  test_make_model (f->path, &c, 4);
  session = load_session (f->path, GPOINTER_TO_INT (device), GH_PRECISION_F32);
  gh_encoder_forward (session, patches, NULL, B, N, latent, got, &error);
  g_assert_no_error (error);
  for (int i = 0; i < B * 6; i++) {
    const int row = i % 6 / 3, col = i % 3;

    pool_region (&c, latent + (i / 6 * (1 + N) + 1) * D, 2 * row, 2 * row + 3, 2 * col, 2 * col + 3, region);
    for (int d = 0; d < 2 * D; d++)
      want[i * 2 * D + d] = (float) region[d];
  }
  g_assert_cmpfloat (test_error (got, want, B * pooled), <, 1e-5);

  g_assert_false (gh_encoder_forward (session, patches, keep, 1, 3, latent, got, &error));
  g_assert_nonnull (strstr (error->message, "regions"));
  g_clear_error (&error);
  g_assert_true (gh_encoder_forward (session, patches, keep, 1, 3, latent, NULL, &error));
}

/* Prediction of a random latent. */
static float *
decode (const char *path, const GhMaeConfig *c, GhPrecision precision)
{
  const int N = gh_mae_config_tokens (c), K = gh_mae_config_kept (c, c->mask_ratio), first = c->cls_token ? 1 : 0;
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoderSession) session = load_session (path, GH_DEVICE_CPU, precision);
  g_autofree float *latent = g_new (float, (first + K) * c->dim), *noise = g_new (float, N);
  g_autofree gint32 *keep = g_new (gint32, K), *drop = g_new (gint32, N - K);
  float *pred = g_new (float, (N - K) * gh_mae_config_patch_values (c));

  test_fill_normal (latent, (first + K) * c->dim, 1, 21);
  test_fill_normal (noise, N, 1, 22);
  gh_mae_mask (noise, N, K, keep, drop);
  gh_encoder_decode (session, latent, keep, drop, 1, K, pred, &error);
  g_assert_no_error (error);
  return pred;
}

/* With `embed` fit for both uses the decoder shares it; a decoder.embed of the same numbers changes nothing, one of
 * other numbers counts. */
static void
test_shared_embed (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  const gsize n = (gsize) (gh_mae_config_tokens (&c) - gh_mae_config_kept (&c, c.mask_ratio))
      * gh_mae_config_patch_values (&c);
  g_autoptr (ModelFile) file = NULL;
  g_autofree float *shared = NULL, *own = NULL, *other = NULL;
  ModelTensor *weight, *bias;

  test_make_model (f->path, &c, 5);
  shared = decode (f->path, &c, GH_PRECISION_F32);
  file = model_file_read (f->path);
  g_assert_null (model_file_find (file, "decoder.embed.weight"));
  weight = model_file_find (file, "embed.weight");
  bias = model_file_find (file, "embed.bias");
  weight = model_file_add (file, "decoder.embed.weight", 2, weight->shape, weight->data);
  model_file_add (file, "decoder.embed.bias", 1, bias->shape, bias->data);
  model_file_write (file, f->path);
  own = decode (f->path, &c, GH_PRECISION_F32);
  for (gint64 i = 0; i < weight->count; i++)
    weight->data[i] = -weight->data[i];
  model_file_write (file, f->path);
  other = decode (f->path, &c, GH_PRECISION_F32);
  g_assert_cmpfloat (test_error (own, shared, n), <, 1e-6);
  g_assert_cmpfloat (test_error (other, shared, n), >, 1e-2);
}

/* ---- precision --------------------------------------------------------------------------------------------------- */

static void
check_precision (const char *path, const GhMaeConfig *c, GhPrecision precision, double tolerance)
{
  const gsize stride = c->width * 3;
  g_autofree guint8 *rgb = g_new (guint8, stride * c->height);
  g_autofree float *want = NULL, *got = NULL;
  g_autoptr (GhEncoderSession) exact = load_session (path, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_autoptr (GhEncoder) encoder = test_load (path, GH_DEVICE_CPU, precision);
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, MAX_BATCH);
  double error;

  test_fill_bytes (rgb, stride * c->height, 8);
  want = encode (exact, rgb, stride, 1, c->embedding, NULL);
  got = encode (session, rgb, stride, 1, c->embedding, NULL);
  error = test_error (got, want, c->embedding);
  g_test_message ("%dx%d %s: off by %.2g", c->width, c->height, gh_encoder_precision (encoder), error);
  g_assert_cmpfloat (error, <, tolerance);
}

/* The tolerances docs/checkpoint-format.md promises for the embedding. */
static void
check_precisions (const char *path, const GhMaeConfig *c)
{
  check_precision (path, c, GH_PRECISION_BF16, 2e-2);
  check_precision (path, c, GH_PRECISION_INT16, 3e-3);
  check_precision (path, c, GH_PRECISION_INT8, 4e-2);
  check_precision (path, c, GH_PRECISION_AUTO, 2e-2);
}

static void
test_precision_small (Fixture *f, gconstpointer data)
{
  GhMaeConfig c = test_config ();
  g_autofree float *want = NULL;

  test_make_model (f->path, &c, 6);
  check_precisions (f->path, &c);
  want = decode (f->path, &c, GH_PRECISION_F32);
  for (GhPrecision p = GH_PRECISION_BF16; p <= GH_PRECISION_INT8; p++) {
    const double tolerance[] = { [GH_PRECISION_BF16] = 2e-2, [GH_PRECISION_INT16] = 3e-3, [GH_PRECISION_INT8] = 4e-2 };
    g_autofree float *got = decode (f->path, &c, p);
    int dropped = gh_mae_config_tokens (&c) - gh_mae_config_kept (&c, c.mask_ratio);

    g_assert_cmpfloat (test_error (got, want, (gsize) dropped * gh_mae_config_patch_values (&c)), <, tolerance[p]);
  }
}

/* Width, heads, patch and tokens of the almacam model; two layers of it keep the test short. */
static void
test_precision_almacam (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GhMaeConfig c;

  gh_mae_config_load (&c, "almacam", &error);
  g_assert_no_error (error);
  c.depth = 2;
  c.dec_depth = c.dec_dim = c.dec_heads = c.dec_head_dim = c.dec_mlp = 0;
  test_make_model (f->path, &c, 7);
  check_precisions (f->path, &c);
}

/* ---- words and wrong calls --------------------------------------------------------------------------------------- */

static void
test_reason (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  g_autoptr (GhEncoder) encoder = NULL;
  const char *reason;

  test_make_model (f->path, &c, 9);
  encoder = gh_encoder_load (f->path, GH_DEVICE_CPU, GH_PRECISION_AUTO, 1, NULL);
  reason = gh_encoder_reason (encoder);
  g_test_message ("%s", reason);
  g_assert_nonnull (strstr (reason, "cpu"));
  g_assert_nonnull (strstr (reason, gh_encoder_precision (encoder)));
  g_assert_nonnull (strstr (reason, "1 thread"));
  g_assert_null (strchr (reason, '\n'));
  g_assert_cmpint (strlen (gh_encoder_id (encoder)), ==, 16);
  g_assert_cmpstr (gh_encoder_path (encoder), ==, f->path);
}

static void
test_wrong_calls (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *patches = test_random_patches (&c, 1, N, 5), *embedding = g_new (float, c.embedding);
  const gint32 descending[] = { 3, 2 }, twice[] = { 3, 3 }, outside[] = { 3, N }, negative[] = { -1, 3 };
  const gint32 *const bad[] = { descending, twice, outside, negative };
  guint8 rgb[3] = { 0 };
  GError *error = NULL;

  test_make_model (f->path, &c, 9);
  session = load_session (f->path, GH_DEVICE_REF, GH_PRECISION_F32);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_assert_false (gh_encoder_forward (session, patches, bad[i], 1, 2, NULL, embedding, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
    g_clear_error (&error);
  }
  g_assert_false (gh_encoder_forward (session, patches, NULL, 1, N - 1, NULL, embedding, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_clear_error (&error);
  g_assert_false (gh_encoder_forward (session, patches, NULL, MAX_BATCH + 1, N, NULL, embedding, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_clear_error (&error);
  g_assert_false (gh_encoder_encode (session, rgb, 3 * c.width - 1, 1, embedding, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_clear_error (&error);
}

/* Weights that are finite but overflow make an error, never a NaN in a stream. */
static void
test_overflow (Fixture *f, gconstpointer data)
{
  const GhMaeConfig c = test_config ();
  const int N = gh_mae_config_tokens (&c);
  g_autoptr (ModelFile) file = NULL;
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree float *patches = test_random_patches (&c, 1, N, 5), *embedding = g_new (float, c.embedding);
  g_autoptr (GError) error = NULL;
  ModelTensor *weight;

  test_make_model (f->path, &c, 9);
  file = model_file_read (f->path);
  weight = model_file_find (file, "embed.weight");
  for (gint64 i = 0; i < weight->count; i++)
    weight->data[i] = weight->data[i] > 0 ? 3e38f : -3e38f;
  model_file_write (file, f->path);
  session = load_session (f->path, GH_DEVICE_CPU, GH_PRECISION_F32);
  g_assert_false (gh_encoder_forward (session, patches, NULL, 1, N, NULL, embedding, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, f->path));
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

#define ADD(name, data, function) \
  g_test_add ("/encoder/" name, Fixture, GINT_TO_POINTER (data), set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("selection", 0, test_selection);
  ADD ("selection/cls", 0, test_selection_counts_cls);
  ADD ("batch/ref", GH_DEVICE_REF, test_batch);
  ADD ("batch/cpu", GH_DEVICE_CPU, test_batch);
  ADD ("pixels/ref", GH_DEVICE_REF, test_pixels);
  ADD ("pixels/cpu", GH_DEVICE_CPU, test_pixels);
  ADD ("tokens/cls", 0, test_tokens_without_cls);
  ADD ("pool/mean-std", 0, test_mean_std);
  ADD ("pool/regions/ref", GH_DEVICE_REF, test_regions);
  ADD ("pool/regions/cpu", GH_DEVICE_CPU, test_regions);
  ADD ("decoder/shared-embed", 0, test_shared_embed);
  ADD ("precision/small", 0, test_precision_small);
  ADD ("precision/almacam", 0, test_precision_almacam);
  ADD ("reason", 0, test_reason);
  ADD ("wrong-calls", 0, test_wrong_calls);
  ADD ("overflow", 0, test_overflow);
  return g_test_run ();
}
