/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-embed-fit.c: that a fitted `embed` keeps the distances between frames as the pooled numbers have them, spreads
 * them evenly over the embedding, and leaves everything else of the encoder alone.
 */
#include "model-file.h"
#include "temp-folder.h"
#include "models/gh-embed-fit.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

enum { FRAMES = 24, E = 40 };

static const GhEmbedHow once = { .seed = 1, .threads = 1 };

typedef struct {
  char *folder, *from, *to, *other;
  GhMaeConfig config;           /* of the file `from` */
  GhFrameStore *store;
} Fixture;

/* A square of another colour in another place, on noise. */
static void
paint (guint8 *rgb, const GhMaeConfig *c, int frame)
{
  guint32 state = frame + 1;

  test_fill_bytes (rgb, (gsize) c->height * c->width * 3, frame + 1);
  for (int y = frame % 5 * 5; y < frame % 5 * 5 + 12; y++)
    memset (rgb + (y * c->width + frame * 2 % 40) * 3, (int) (255 * test_uniform (&state)), 12 * 3);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *rgb = NULL;

  f->folder = temp_folder_new ();
  f->from = g_build_filename (f->folder, "from.safetensors", NULL);
  f->to = g_build_filename (f->folder, "to.safetensors", NULL);
  f->other = g_build_filename (f->folder, "other.safetensors", NULL);
  f->config = test_config ();
  test_make_model (f->from, &f->config, 1);
  f->store = gh_frame_store_new (f->config.height, f->config.width, FRAMES, 1);
  rgb = g_malloc ((gsize) f->config.height * f->config.width * 3);
  for (int i = 0; i < FRAMES; i++) {
    paint (rgb, &f->config, i);
    g_assert_true (gh_frame_store_push (f->store, rgb, f->config.width * 3, NULL));
  }
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  gh_frame_store_free (f->store);
  temp_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->from);
  g_free (f->to);
  g_free (f->other);
}

/* [FRAMES,width]; the caller frees. */
static float *
encode_all (Fixture *f, const char *path, int *width)
{
  g_autoptr (GhEncoder) encoder = test_load (path, GH_DEVICE_REF, GH_PRECISION_F32);
  g_autoptr (GhEncoderSession) session = test_open_session (encoder, 1);
  const GhMaeConfig *c = gh_encoder_config (encoder);
  g_autofree guint8 *rgb = g_malloc ((gsize) c->height * c->width * 3);
  float *all = g_new (float, FRAMES * c->embedding);

  *width = c->embedding;
  for (int i = 0; i < FRAMES; i++) {
    g_assert_true (gh_frame_store_copy (f->store, i, rgb, NULL));
    g_assert_true (gh_encoder_encode (session, rgb, c->width * 3, 1, all + i * c->embedding, NULL, NULL));
  }
  return all;
}

/* Makes each of the n columns of x mean 0 and variance 1; variances are drawn towards their median, as if three more
 * rows had it. */
static void
standardise (float *x, int n)
{
  g_autofree double *variance = g_new0 (double, n), *sorted = NULL;

  for (int j = 0; j < n; j++) {
    double mean = 0;

    for (int i = 0; i < FRAMES; i++)
      mean += x[i * n + j] / (double) FRAMES;
    for (int i = 0; i < FRAMES; i++) {
      x[i * n + j] -= (float) mean;
      variance[j] += (double) x[i * n + j] * x[i * n + j] / FRAMES;
    }
  }
  sorted = g_memdup2 (variance, n * sizeof *variance);
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && sorted[j] < sorted[j - 1]; j--) {
      double swap = sorted[j];

      sorted[j] = sorted[j - 1];
      sorted[j - 1] = swap;
    }
  for (int j = 0; j < n; j++)
    for (int i = 0; i < FRAMES; i++)
      x[i * n + j] /= (float) sqrt ((variance[j] * FRAMES + sorted[n / 2] * 3) / (FRAMES + 3));
}

static double
distance (const float *x, int n, int a, int b)
{
  double sum = 0;

  for (int j = 0; j < n; j++)
    sum += pow ((double) x[a * n + j] - x[b * n + j], 2);
  return sqrt (sum);
}

/* With fewer frames than numbers, nothing is lost. */
static void
test_distances (Fixture *f, gconstpointer data)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 2, 3, E };
  GhMaeConfig pooled = f->config;
  g_autofree float *have = NULL, *want = NULL;
  g_autoptr (ModelFile) file = NULL;
  double factor, square = 0, sum = 0;
  g_autoptr (GError) error = NULL;
  int n_have, n_want;

  gh_embed_fit (f->from, f->to, &shape, f->store, &once, &error);
  g_assert_no_error (error);
  have = encode_all (f, f->to, &n_have);
  g_assert_cmpint (n_have, ==, E);

  /* The same weights without the projection. */
  pooled.pool = GH_POOL_MEAN_STD;
  pooled.pool_rows = 2;
  pooled.pool_cols = 3;
  pooled.has_embed = FALSE;
  pooled.embedding = 2 * 3 * 2 * pooled.dim;
  file = model_file_read (f->to);
  model_file_remove (file, "embed.weight");
  model_file_remove (file, "embed.bias");
  {
    g_autofree char *json = gh_mae_config_to_json (&pooled);

    model_file_set (file, "config", json);
  }
  model_file_write (file, f->other);
  want = encode_all (f, f->other, &n_want);
  standardise (want, n_want);

  factor = distance (have, E, 0, 1) / distance (want, n_want, 0, 1);
  for (int a = 0; a < FRAMES; a++)
    for (int b = 0; b < a; b++)
      g_assert_cmpfloat (fabs (distance (have, E, a, b) / distance (want, n_want, a, b) / factor - 1), <, 1e-3);

  /* Mean 0, mean square 1, and no number far from its share: 23 components over 40 numbers. */
  for (int j = 0; j < E; j++) {
    double own = 0;

    for (int i = 0; i < FRAMES; i++) {
      sum += have[i * E + j];
      own += (double) have[i * E + j] * have[i * E + j] / FRAMES;
    }
    g_assert_cmpfloat (own, >, 0.1);
    g_assert_cmpfloat (own, <, 4);
    square += own / E;
  }
  g_assert_cmpfloat (fabs (sum / FRAMES / E), <, 1e-3);
  g_assert_cmpfloat (fabs (square - 1), <, 1e-3);
}

/* The layer that encoder and decoder shared is still the decoder's, and every other tensor is as it was, also when the
 * file is written over itself. */
static void
test_leaves_the_rest (Fixture *f, gconstpointer data)
{
  const GhEmbedShape shape = { GH_POOL_MEAN, 0, 0, 16 };
  g_autoptr (ModelFile) was = model_file_read (f->from), is = NULL;
  g_autoptr (GError) error = NULL;

  gh_embed_fit (f->from, f->from, &shape, f->store, &once, &error);
  g_assert_no_error (error);
  is = model_file_read (f->from);
  g_assert_cmpuint (is->tensors->len, ==, was->tensors->len + 2);
  for (guint i = 0; i < was->tensors->len; i++) {
    const ModelTensor *a = g_ptr_array_index (was->tensors, i);
    g_autofree char *name = g_str_has_prefix (a->name, "embed.") ? g_strconcat ("decoder.", a->name, NULL)
        : g_strdup (a->name);
    const ModelTensor *b = model_file_find (is, name);

    g_assert_cmpmem (a->data, a->count * sizeof (float), b->data, b->count * sizeof (float));
  }
  g_assert_cmpint (model_file_find (is, "embed.weight")->shape[0], ==, 16);
  g_assert_cmpstr (g_hash_table_lookup (is->metadata, "embed_fitted"), ==, "24 frames");
  g_assert_cmpstr (g_hash_table_lookup (is->metadata, "trained"), ==, "false");
}

static void
test_repeats (Fixture *f, gconstpointer data)
{
  static const int threads[] = { 1, 2, 1 };
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 5, 7, E };
  g_autofree char *bytes[3] = { NULL };
  gsize size[3];

  for (int i = 0; i < 3; i++) {
    g_autoptr (GError) error = NULL;

    gh_embed_fit (f->from, f->to, &shape, f->store, &(GhEmbedHow) { .seed = i < 2 ? 1 : 2, .threads = threads[i] },
        &error);
    g_assert_no_error (error);
    g_assert_true (g_file_get_contents (f->to, &bytes[i], &size[i], NULL));
  }
  g_assert_cmpmem (bytes[0], size[0], bytes[1], size[1]);
  g_assert_cmpint (memcmp (bytes[0], bytes[2], size[0]), !=, 0);
  g_free (bytes[1]);
  g_free (bytes[2]);
}

/* Nothing is left behind by what fails. */
static void
expect_refusal (Fixture *f, const GhEmbedShape *shape, GhFrameStore *store, int code, const char *words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDir) folder = NULL;
  int n = 0;

  g_assert_false (gh_embed_fit (f->from, f->to, shape, store, &once, &error));
  g_assert_error (error, GH_ERROR, code);
  if (!strstr (error->message, words))
    g_error ("\"%s\" lacks \"%s\"", error->message, words);
  folder = g_dir_open (f->folder, 0, NULL);
  while (g_dir_read_name (folder))
    n++;
  g_assert_cmpint (n, ==, 1);
}

static void
test_refusals (Fixture *f, gconstpointer data)
{
  const GhEmbedShape good = { GH_POOL_MEAN_STD, 2, 3, E }, fine = { GH_POOL_MEAN_STD, 6, 3, E };
  const GhEmbedShape cls = { GH_POOL_CLS, 0, 0, E }, none = { GH_POOL_MEAN, 0, 0, 0 };
  g_autoptr (GhFrameStore) alike = gh_frame_store_new (f->config.height, f->config.width, 4, 1);
  g_autofree guint8 *rgb = g_malloc0 ((gsize) f->config.height * f->config.width * 3);

  expect_refusal (f, &fine, f->store, GH_ERROR_UNSUITABLE, "pool_rows");
  expect_refusal (f, &cls, f->store, GH_ERROR_UNSUITABLE, "cls");
  expect_refusal (f, &none, f->store, GH_ERROR_UNSUITABLE, "embedding");
  g_assert_true (gh_frame_store_push (alike, rgb, f->config.width * 3, NULL));
  expect_refusal (f, &good, alike, GH_ERROR_DATA, "too few");
  g_assert_true (gh_frame_store_push (alike, rgb, f->config.width * 3, NULL));
  expect_refusal (f, &good, alike, GH_ERROR_DATA, "alike");
}

typedef struct {
  double part;
  int calls, most;              /* it is stopped at call number `most`; 0: never */
} Course;

static gboolean
follow (double part, gpointer data)
{
  Course *course = data;

  g_assert_cmpfloat (part, >=, course->part);
  g_assert_cmpfloat (part, <=, 1);
  course->part = part;
  return ++course->calls != course->most;
}

/* Of 24 frames, eight at a time, each batch is told of. Who stops it finds what was there before; the file it was made of
 * goes if that is asked for, whatever happens. */
static void
test_progress (Fixture *f, gconstpointer data)
{
  const GhEmbedShape shape = { GH_POOL_MEAN_STD, 2, 3, E };
  Course course = { 0 }, short_course = { .most = 2 };
  GhEmbedHow how = { .seed = 1, .threads = 1, .progress = follow, .data = &course };
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_embed_fit (f->from, f->to, &shape, f->store, &how, &error));
  g_assert_cmpint (course.calls, ==, 3);
  g_assert_cmpfloat (course.part, ==, 16.0 / FRAMES);
  g_unlink (f->to);
  how.data = &short_course;
  how.removes_from = TRUE;
  g_assert_false (gh_embed_fit (f->from, f->to, &shape, f->store, &how, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_false (g_file_test (f->to, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (f->from, G_FILE_TEST_EXISTS));
}

#define ADD(name, function) g_test_add ("/embed-fit/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("distances", test_distances);
  ADD ("leaves-the-rest", test_leaves_the_rest);
  ADD ("repeats", test_repeats);
  ADD ("refusals", test_refusals);
  ADD ("progress", test_progress);
  return g_test_run ();
}
