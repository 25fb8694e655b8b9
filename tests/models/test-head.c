/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head.c: heads from parts, through files, and what they say.
 */
#include "models/gh-head-private.h"
#include "models/gh-time-of-day.h"
#include "models/gh-head-train.h"

#include "temp-folder.h"

#include <locale.h>
#include <math.h>
#include <string.h>

#define ID "0123456789abcdef"
#define OTHER_ID "fedcba9876543210"

/* ---- heads for the tests -------------------------------------------------------------------------------- */

/* Random numbers from -limit to limit, rounded to bfloat16 like a file's centres; freed with the buffers. */
static float *
random_floats (GRand *rand, gsize n, double limit, GPtrArray *buffers)
{
  float *values = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    values[i] = g_rand_int_range (rand, -128, 129) / 128.0 * limit;
  g_ptr_array_add (buffers, values);
  return values;
}

/* A head with random weights and the given layer widths (widths[0] = E, 0 ends the list), and with centres if any. */
static GhHead *
random_kernel_head (GhHeadKind kind, const char *unit, const char *const *classes, const int *widths, int centres,
    guint seed)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  g_autoptr (GPtrArray) buffers = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) record = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) error = NULL;
  GhHeadParts parts = { kind, "people", unit, classes, ID, "tiny.safetensors", widths[0], .record = record };
  float *mean = g_new (float, widths[0]), *std = g_new (float, widths[0]);
  GhHead *head;

  g_hash_table_insert (record, "held_out_error", "0.42");
  for (int i = 0; i < widths[0]; i++) {
    mean[i] = g_rand_double_range (rand, -3, 3);
    std[i] = g_rand_double_range (rand, 0.1, 3);
  }
  g_ptr_array_add (buffers, mean);
  g_ptr_array_add (buffers, std);
  parts.mean = mean;
  parts.std = std;
  for (int i = 0; widths[i + 1]; i++) {
    gsize n = (gsize) widths[i] * widths[i + 1];
    GhHeadLayer layer = { widths[i], widths[i + 1], g_new (float, n), g_new (float, widths[i + 1]) };

    for (gsize k = 0; k < n; k++)
      layer.weight[k] = g_rand_double_range (rand, -1, 1) / sqrt (widths[i]) * 2;
    for (int k = 0; k < widths[i + 1]; k++)
      layer.bias[k] = g_rand_double_range (rand, -1, 1);
    g_ptr_array_add (buffers, layer.weight);
    g_ptr_array_add (buffers, layer.bias);
    parts.layers[parts.n_layers++] = layer;
  }
  if (centres > 0) {
    float *kernel_widths = random_floats (rand, 3, 1, buffers);

    parts.kernels = (GhHeadKernels) { centres, 3, random_floats (rand, (gsize) centres * widths[0], 2, buffers),
      kernel_widths, random_floats (rand, (gsize) 3 * centres * widths[1], 1, buffers) };
    for (int i = 0; i < 3; i++)
      kernel_widths[i] = sqrt (widths[0]) * (0.25 + i);
  }
  head = gh_head_new (&parts, "test", &error);
  g_assert_no_error (error);
  return head;
}

static GhHead *
random_head (GhHeadKind kind, const char *unit, const char *const *classes, const int *widths, guint seed)
{
  return random_kernel_head (kind, unit, classes, widths, 0, seed);
}

/* A head of one input whose outputs are biases alone. */
static GhHead *
constant_head (GhHeadKind kind, const char *unit, const char *const *classes, const float *outputs)
{
  float zero[16] = { 0 }, one = 1, mean = 0;
  int n = gh_head_outputs (kind, classes, 1);
  GhHeadParts parts = { kind, "x", unit, classes, ID, "tiny.safetensors", 1, &mean, &one, 1,
    {{1, n, zero, (float *) outputs}} };

  return gh_head_new (&parts, "test", NULL);
}

static void
add_kernels (const GhHead *head, const double *z, double *out)
{
  const GhHeadKernels *k = &head->kernels;

  for (int o = 0; o < head->layers[0].n_out; o++) {
    for (int w = 0; w < k->n_kernels; w++) {
      for (int c = 0; c < k->n_centres; c++) {
        double squared = 0;

        for (int i = 0; i < head->embedding; i++)
          squared += pow (z[i] - k->centres[c * head->embedding + i], 2);
        out[o] += k->weight[(o * k->n_kernels + w) * k->n_centres + c] * (1 + sqrt (squared) / k->widths[w])
            * exp (-sqrt (squared) / k->widths[w]);
      }
    }
  }
}

/* The same in double precision, written the long way round. */
static void
reference (const GhHead *head, const float *embedding, double *out)
{
  g_autofree double *x = g_new (double, GH_HEAD_MAX_WIDTH), *y = g_new (double, GH_HEAD_MAX_WIDTH), *z = NULL;

  for (int i = 0; i < head->embedding; i++)
    x[i] = ((double) embedding[i] - head->mean[i]) / head->std[i];
  z = g_memdup2 (x, head->embedding * sizeof *x);
  for (int l = 0; l < head->n_layers; l++) {
    const GhHeadLayer *layer = &head->layers[l];

    for (int o = 0; o < layer->n_out; o++) {
      y[o] = layer->bias[o];
      for (int i = 0; i < layer->n_in; i++)
        y[o] += (double) layer->weight[o * layer->n_in + i] * x[i];
      if (l < head->n_layers - 1)
        y[o] = y[o] * 0.5 * erfc (-y[o] / G_SQRT2);
    }
    memcpy (x, y, layer->n_out * sizeof *x);
  }
  memcpy (out, x, head->layers[head->n_layers - 1].n_out * sizeof *out);
  add_kernels (head, z, out);
}

/* ---- predictions ---------------------------------------------------------------------------------------- */

static const char *const weather[] = { "sunny", "cloudy", "rain", "snow", "night", NULL };

static void
check_prediction (const GhHead *head, int step)
{
  g_autofree float *embedding = g_new (float, head->embedding);
  const int n = head->layers[head->n_layers - 1].n_out;
  double out[2 * GH_DAY_HARMONICS], sum = 0;
  GhPrediction p;

  for (int i = 0; i < head->embedding; i++)
    embedding[i] = head->mean[i] + head->std[i] * sin (i * 1.7 + step);
  reference (head, embedding, out);
  g_assert_true (gh_head_predict (head, embedding, &p));
  if (head->kind == GH_HEAD_TIME) {
    /* Its own tests say what the highest place is (test-time-of-day.c). */
    double height, minute = n > 2 ? gh_day_decode (out, n, &height)
        : fmod (atan2 (out[1], out[0]) / (2 * G_PI) * 1440 + 1440, 1440);

    g_assert_cmpfloat (fabs (remainder (p.value - minute, 1440)), <, 1e-2);
    g_assert_cmpfloat_with_epsilon (p.confidence, MIN (1, n > 2 ? height : hypot (out[0], out[1])), 1e-4);
  } else if (head->kind == GH_HEAD_CLASS) {
    int best = 0;

    for (int i = 1; i < 5; i++)
      best = out[i] > out[best] ? i : best;
    for (int i = 0; i < 5; i++)
      sum += exp (out[i] - out[best]);
    g_assert_cmpfloat (p.value, ==, best);
    g_assert_cmpstr (p.text, ==, weather[best]);
    g_assert_cmpfloat_with_epsilon (p.confidence, 1 / sum, 1e-5);
  } else {
    double want = head->kind == GH_HEAD_COUNT ? MAX (0, out[0]) : out[0];

    g_assert_cmpfloat (fabs (p.value - want), <, 1e-5 * (1 + fabs (want)));
    g_assert_true (isnan (p.confidence));
  }
}

static void
test_against_reference (void)
{
  static const int shapes[][6] = { {1, 0}, {512, 0}, {512, 64, 0}, {37, 19, 5, 0}, {512, 2048, 512, 0},
    {15, 16, 17, 3} };

  for (guint s = 0; s < G_N_ELEMENTS (shapes); s++) {
    for (int kind = GH_HEAD_SCALAR; kind <= GH_HEAD_CLASS; kind++) {
      const char *const *names = kind == GH_HEAD_CLASS ? weather : NULL;
      g_autoptr (GhHead) head = NULL;
      int widths[8] = { 0 }, n = 0;

      while (n < 6 && shapes[s][n]) {
        widths[n] = shapes[s][n];
        n++;
      }
      widths[n] = gh_head_outputs (kind, names, s % 2 ? GH_DAY_HARMONICS : 1);
      head = random_head (kind, NULL, names, widths, 100 + s);
      check_prediction (head, s);
    }
  }
}

static void
test_kernels_against_reference (void)
{
  static const int shapes[][2] = { {1, 1}, {512, 300}, {16, 7}, {37, 19} };

  for (guint s = 0; s < G_N_ELEMENTS (shapes); s++) {
    for (int kind = GH_HEAD_SCALAR; kind <= GH_HEAD_CLASS; kind++) {
      const char *const *names = kind == GH_HEAD_CLASS ? weather : NULL;
      const int widths[] = { shapes[s][0], gh_head_outputs (kind, names, s % 2 ? GH_DAY_HARMONICS : 1), 0 };
      g_autoptr (GhHead) head = random_kernel_head (kind, NULL, names, widths, shapes[s][1], 200 + s);

      check_prediction (head, s);
    }
  }
}

/* However far from all centres, the answer is a number. */
static void
test_kernels_far (void)
{
  static const int widths[] = { 4, 1, 0 };
  g_autoptr (GhHead) head = random_kernel_head (GH_HEAD_SCALAR, NULL, NULL, widths, 5, 3);
  const float far[] = { 1e30f, -1e30f, 1e30f, 1e30f }, bad[] = { 0, NAN, 0, 0 };
  GhPrediction p;

  g_assert_true (gh_head_predict (head, far, &p));
  g_assert_true (isfinite (p.value));
  g_assert_false (gh_head_predict (head, bad, &p));
}

static void
test_texts (void)
{
  static const char *const names[] = { "a", "b", NULL };
  const struct { GhHeadKind kind; const char *unit; float out[2]; const char *text; } cases[] = {
    {GH_HEAD_SCALAR, "m", {2.414f}, "2.41 m"},
    {GH_HEAD_SCALAR, "", {-0.001f}, "-0.001"},
    {GH_HEAD_SCALAR, NULL, {0}, "0.00"},
    {GH_HEAD_SCALAR, NULL, {-0.0f}, "0.00"},
    {GH_HEAD_SCALAR, "°C", {-12.34f}, "-12.3 °C"},
    {GH_HEAD_SCALAR, NULL, {123456}, "123456"},
    {GH_HEAD_SCALAR, NULL, {1.5e20f}, "1.5e+20"},
    {GH_HEAD_COUNT, NULL, {2.6f}, "3"},
    {GH_HEAD_COUNT, "cats", {1.2f}, "1 cats"},
    {GH_HEAD_COUNT, NULL, {-7}, "0"},
    {GH_HEAD_TIME, NULL, {1, 0}, "00:00"},
    {GH_HEAD_TIME, NULL, {0, 1}, "06:00"},
    {GH_HEAD_TIME, NULL, {-2, 0}, "12:00"},
    {GH_HEAD_TIME, NULL, {0, -1}, "18:00"},
    {GH_HEAD_TIME, NULL, {1, -1e-6f}, "00:00"},
    {GH_HEAD_TIME, NULL, {0, 0}, "00:00"},
    {GH_HEAD_CLASS, NULL, {-1, 2}, "b"},
    {GH_HEAD_CLASS, NULL, {1e30f, -1e30f}, "a"},
  };
  const float embedding = 3;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GhHead) head = constant_head (cases[i].kind, cases[i].unit,
        cases[i].kind == GH_HEAD_CLASS ? names : NULL, cases[i].out);
    GhPrediction p;

    g_assert_true (gh_head_predict (head, &embedding, &p));
    g_assert_cmpstr (p.text, ==, cases[i].text);
    g_assert_true (p.value < 1440 || cases[i].kind != GH_HEAD_TIME);
    g_assert_cmpstr (gh_head_unit (head), ==, cases[i].unit ? cases[i].unit : "");
  }
}

/* A long class name is cut between characters. */
static void
test_long_class (void)
{
  g_autofree char *name = g_strnfill (61, 'x'), *wide = g_strconcat (name, "€uro", NULL);
  const char *const classes[] = { wide, "b", NULL };
  const float outputs[] = { 1, 0 }, embedding = 0;
  g_autoptr (GhHead) head = constant_head (GH_HEAD_CLASS, NULL, classes, outputs);
  GhPrediction p;

  g_assert_true (gh_head_predict (head, &embedding, &p));
  g_assert_cmpstr (p.text, ==, name);
}

static void
test_not_finite (void)
{
  static const int widths[] = { 4, 8, 1, 0 };
  const float bad[][4] = { {0, NAN, 0, 0}, {INFINITY, 0, 0, 0}, {-INFINITY, 1, 1, 1}, {3e38f, -3e38f, 3e38f, 3e38f} };
  g_autoptr (GhHead) head = random_head (GH_HEAD_COUNT, NULL, NULL, widths, 9);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    GhPrediction p = { 1, 1, "old" };

    g_assert_false (gh_head_predict (head, bad[i], &p));
    g_assert_true (isnan (p.value) && isnan (p.confidence));
    g_assert_cmpstr (p.text, ==, "");
  }
}

static gpointer
predict_often (gpointer data)
{
  GhHead *head = data;
  g_autofree float *embedding = g_new (float, head->embedding);
  GhPrediction first, p;

  for (int i = 0; i < head->embedding; i++)
    embedding[i] = i % 7;
  g_assert_true (gh_head_predict (head, embedding, &first));
  for (int i = 0; i < 200; i++) {
    g_assert_true (gh_head_predict (head, embedding, &p));
    g_assert_cmpfloat (p.value, ==, first.value);
  }
  gh_head_unref (head);
  return NULL;
}

static void
test_threads (void)
{
  static const int widths[] = { 512, 64, 1, 0 };
  GhHead *head = random_head (GH_HEAD_SCALAR, NULL, NULL, widths, 4);
  GThread *threads[4];

  for (int i = 0; i < 4; i++)
    threads[i] = g_thread_new ("predict", predict_often, gh_head_ref (head));
  gh_head_unref (head);
  for (int i = 0; i < 4; i++)
    g_thread_join (threads[i]);
}

/* ---- files ---------------------------------------------------------------------------------------------- */

static void
test_round_trip (void)
{
  static const char *const classes[] = { "Sonne ☀", "\"rain\"", "c\\d", NULL };
  static const int widths[] = { 33, 20, 3, 0 };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "weather.safetensors", NULL);
  g_autoptr (GhHead) head = random_head (GH_HEAD_CLASS, "", classes, widths, 12), loaded = NULL;
  g_autoptr (GError) error = NULL;
  float embedding[33];
  GhPrediction a, b;

  g_assert_null (gh_head_path (head));
  g_assert_null (gh_head_id (head));
  g_assert_true (gh_head_save (head, path, &error));
  g_assert_cmpstr (gh_head_path (head), ==, path);
  loaded = gh_head_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (gh_head_id (loaded), ==, gh_head_id (head));
  g_assert_cmpuint (strlen (gh_head_id (loaded)), ==, 16);
  g_assert_cmpstr (gh_head_path (loaded), ==, path);
  g_assert_cmpstr (gh_head_name (loaded), ==, "people");
  g_assert_cmpstr (gh_head_encoder_id (loaded), ==, ID);
  g_assert_cmpstr (gh_head_encoder_file (loaded), ==, "tiny.safetensors");
  g_assert_cmpstr (gh_head_metadata (loaded, "held_out_error"), ==, "0.42");
  g_assert_cmpstr (gh_head_metadata (loaded, "format_version"), ==, "1");
  g_assert_cmpint (gh_head_embedding (loaded), ==, 33);
  g_assert_cmpint (gh_head_kind (loaded), ==, GH_HEAD_CLASS);
  g_assert_true (g_strv_equal (gh_head_classes (loaded), classes));
  for (int i = 0; i < 33; i++)
    embedding[i] = cos (i);
  g_assert_true (gh_head_predict (head, embedding, &a) && gh_head_predict (loaded, embedding, &b));
  g_assert_cmpfloat (a.confidence, ==, b.confidence);
  g_assert_cmpstr (a.text, ==, b.text);
  temp_folder_remove (folder);
}

static void
test_kernels_round_trip (void)
{
  static const int widths[] = { 33, 2, 0 };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "time.safetensors", NULL);
  g_autoptr (GhHead) head = random_kernel_head (GH_HEAD_TIME, NULL, NULL, widths, 21, 5), loaded = NULL;
  g_autoptr (GError) error = NULL;
  float embedding[33];
  GhPrediction a, b;

  g_assert_true (gh_head_save (head, path, &error));
  loaded = gh_head_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpint (loaded->kernels.n_centres, ==, 21);
  g_assert_cmpint (loaded->kernels.n_kernels, ==, 3);
  g_assert_cmpmem (loaded->kernels.centres, 21 * 33 * sizeof (float), head->kernels.centres, 21 * 33 * sizeof (float));
  for (int i = 0; i < 33; i++)
    embedding[i] = cos (i);
  g_assert_true (gh_head_predict (head, embedding, &a) && gh_head_predict (loaded, embedding, &b));
  g_assert_cmpfloat (a.value, ==, b.value);
  g_assert_cmpfloat (a.confidence, ==, b.confidence);
  temp_folder_remove (folder);
}

static void
test_save_fails (void)
{
  static const int widths[] = { 3, 1, 0 };
  g_autoptr (GhHead) head = random_head (GH_HEAD_SCALAR, NULL, NULL, widths, 1);
  g_autoptr (GError) error = NULL;

  g_assert_false (gh_head_save (head, "/nowhere/x.safetensors", &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
  g_assert_null (gh_head_path (head));
}

static void
test_check (void)
{
  static const int widths[] = { 5, 1, 0 };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "people.safetensors", NULL);
  g_autoptr (GhHead) head = random_head (GH_HEAD_COUNT, NULL, NULL, widths, 1);
  const struct { const char *id, *encoder; int dim; const char *words[6]; } cases[] = {
    {OTHER_ID, "/models/other.safetensors", 5, {"tiny.safetensors", ID, "/models/other.safetensors", OTHER_ID,
        "gst-heads train-head --encoder=/models/other.safetensors"}},
    {OTHER_ID, NULL, 5, {"tiny.safetensors", OTHER_ID, "train-head --encoder="}},
    {ID, "/models/other.safetensors", 6, {"reads 5 numbers", "have 6", "train-head"}},
    {NULL, NULL, 512, {"reads 5 numbers", "have 512"}},
  };

  g_assert_true (gh_head_save (head, path, NULL));
  g_assert_true (gh_head_check (head, ID, "tiny.safetensors", 5, NULL));
  g_assert_true (gh_head_check (head, ID, NULL, 5, NULL));
  g_assert_true (gh_head_check (head, NULL, NULL, 5, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_head_check (head, cases[i].id, cases[i].encoder, cases[i].dim, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
    g_assert_nonnull (strstr (error->message, path));
    g_test_message ("%s", error->message);
    for (const char *const *word = cases[i].words; *word; word++)
      if (!strstr (error->message, *word))
        g_error ("\"%s\" lacks \"%s\"", error->message, *word);
  }
  temp_folder_remove (folder);
}

static void
test_kinds (void)
{
  GhHeadKind kind;

  for (int i = GH_HEAD_SCALAR; i <= GH_HEAD_CLASS; i++)
    g_assert_true (gh_head_kind_from_name (gh_head_kind_name (i), &kind) && (int) kind == i);
  g_assert_false (gh_head_kind_from_name ("Scalar", &kind));
  g_assert_false (gh_head_kind_from_name ("", &kind));
}

int
main (int argc, char **argv)
{
  /* A locale with a decimal comma, where there is one: texts and files must not follow it. */
  if (!setlocale (LC_ALL, "de_DE.UTF-8"))
    setlocale (LC_ALL, "");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/head/against-reference", test_against_reference);
  g_test_add_func ("/head/kernels-against-reference", test_kernels_against_reference);
  g_test_add_func ("/head/kernels-far", test_kernels_far);
  g_test_add_func ("/head/texts", test_texts);
  g_test_add_func ("/head/long-class", test_long_class);
  g_test_add_func ("/head/not-finite", test_not_finite);
  g_test_add_func ("/head/threads", test_threads);
  g_test_add_func ("/head/round-trip", test_round_trip);
  g_test_add_func ("/head/kernels-round-trip", test_kernels_round_trip);
  g_test_add_func ("/head/save-fails", test_save_fails);
  g_test_add_func ("/head/check", test_check);
  g_test_add_func ("/head/kinds", test_kinds);
  return g_test_run ();
}
