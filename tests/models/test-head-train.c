/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head-train.c: heads trained from embeddings: planted functions are found, noise is reported as noise, the head
 * says what its report promises, bad data is refused in words, training repeats and can be cancelled.
 */
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "models/gh-random.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

enum { DIM = 24 };
static const char *const weather[] = { "sunny", "cloudy", "rain", NULL };

typedef struct {
  GhHeadData data;
  float *x;
  double *y;
} Set;

/* Embeddings whose variance falls off, as real ones do; labels are the caller's to fill in. */
static Set
make_set (GhHeadKind kind, int n, int seed)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  Set set = { { n, DIM, .kind = kind, .task = "people", .unit = "people", .encoder_id = "0123456789abcdef",
      .encoder_file = "tiny.safetensors" }, g_new (float, n * DIM), g_new0 (double, n) };

  for (int i = 0; i < n * DIM; i++)
    set.x[i] = gh_rand_normal (rand) * (1 + 10.0 / (1 + i % DIM)) + 3;
  if (kind == GH_HEAD_CLASS)
    set.data.classes = weather;
  set.data.embeddings = set.x;
  set.data.labels = set.y;
  return set;
}

static void
set_clear (Set *set)
{
  g_free (set->x);
  g_free (set->y);
}

static GhHead *
train (const Set *set, gboolean try_mlp, GhHeadReport **report)
{
  GhHeadTrainOptions options = { .seed = 3, .try_mlp = try_mlp, .threads = 1 };
  g_autoptr (GError) error = NULL;
  GhHead *head = gh_head_train (&set->data, &options, report, &error);

  g_assert_no_error (error);
  g_assert_nonnull (head);
  g_assert_cmpfloat ((*report)->error_low, <=, (*report)->error + 1e-9);
  g_assert_cmpfloat ((*report)->error_high, >=, (*report)->error - 1e-9);
  return head;
}

/* Mean distance of the head's predictions on a set. */
static double
measure (const GhHead *head, const Set *set)
{
  double sum = 0;

  for (int i = 0; i < set->data.n; i++) {
    GhPrediction prediction;

    g_assert_true (gh_head_predict (head, set->x + i * DIM, &prediction));
    sum += gh_head_distance (set->data.kind, prediction.value, set->y[i]);
  }
  return sum / set->data.n;
}

/* ---- what is there to find ----------------------------------------------------------------------------- */

static void
plant_count (Set *set)
{
  for (int i = 0; i < set->data.n; i++)
    set->y[i] = floor (MAX (0, 4 + 0.6 * (set->x[i * DIM] - 3) - 0.5 * (set->x[i * DIM + 2] - 3)));
}

static void
plant_time (Set *set)
{
  for (int i = 0; i < set->data.n; i++) {
    double turn = atan2 (set->x[i * DIM] - 3, set->x[i * DIM + 1] - 3) / (2 * G_PI);

    set->y[i] = floor (1440 * (turn - floor (turn)));
  }
}

static void
plant_class (Set *set)
{
  for (int i = 0; i < set->data.n; i++)
    set->y[i] = set->x[i * DIM] > 7 ? 2 : set->x[i * DIM + 1] > 3;
}

/* The held-out error is near what fresh data shows, and far from the constant's. */
static void
check_planted (GhHeadKind kind, void (*plant) (Set *set), double gain)
{
  Set set = make_set (kind, 120, 1), fresh = make_set (kind, 400, 2);
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = NULL;
  double error;

  plant (&set);
  plant (&fresh);
  head = train (&set, TRUE, &report);
  error = measure (head, &fresh);
  g_test_message ("%s: held out %.3f (%.3f to %.3f), fresh %.3f, constant %.3f", report->model, report->error,
      report->error_low, report->error_high, error, report->baseline_error);
  g_assert_cmpfloat (report->error, <, gain * report->baseline_error);
  g_assert_cmpfloat (error, <, 1.3 * report->error);
  g_assert_cmpfloat (error, >, 0.6 * report->error);
  set_clear (&set);
  set_clear (&fresh);
}

static void
test_count (void)
{
  check_planted (GH_HEAD_COUNT, plant_count, 0.35);
}

static void
test_time (void)
{
  check_planted (GH_HEAD_TIME, plant_time, 0.35);
}

static void
test_class (void)
{
  check_planted (GH_HEAD_CLASS, plant_class, 0.6);
}

/* A line without noise needs no kernels, and with the option there are none; a bend does. */
static void
test_choice (void)
{
  Set set = make_set (GH_HEAD_SCALAR, 120, 4);
  GhHeadTrainOptions options = { .seed = 3, .threads = 1, .linear = TRUE };
  g_autoptr (GhHeadReport) line = NULL, bent = NULL, straight = NULL;
  g_autoptr (GhHead) head = NULL, other = NULL, third = NULL;

  for (int i = 0; i < 120; i++)
    set.y[i] = set.x[i * DIM] - 0.2 * set.x[i * DIM + 3];
  head = train (&set, TRUE, &line);
  g_assert_true (g_str_has_prefix (line->model, "ridge lambda="));
  g_assert_cmpint (head->kernels.n_centres, ==, 0);
  g_assert_cmpfloat (line->error, <, 0.05);
  for (int i = 0; i < 120; i++)
    set.y[i] = fabs (set.x[i * DIM] - 3) + fabs (set.x[i * DIM + 1] - 3);
  other = train (&set, TRUE, &bent);
  g_assert_cmpstr (bent->model, ==, "kernel ridge, 120 centres");
  g_assert_cmpint (other->kernels.n_centres, ==, 120);
  g_assert_cmpfloat (bent->error, <, 0.95 * bent->baseline_error);
  third = gh_head_train (&set.data, &options, &straight, NULL);
  g_assert_true (g_str_has_prefix (straight->model, "ridge lambda="));
  g_assert_cmpfloat (straight->error, >, bent->error);
  set_clear (&set);
}

/* What no line can follow: the sine of the one input that counts, and the time of a hand that goes round twice. */
static void
test_curves (void)
{
  Set sine = make_set (GH_HEAD_SCALAR, 150, 16), hand = make_set (GH_HEAD_TIME, 150, 17);
  g_autoptr (GhHeadReport) report = NULL, other = NULL;
  g_autoptr (GhHead) head = NULL, turning = NULL;

  for (int i = 0; i < 150; i++) {
    double turn = i / 150.0 * 2;

    for (int j = 0; j < DIM; j++) {
      sine.x[i * DIM + j] = j == 0 ? i / 150.0 : 7;
      hand.x[i * DIM + j] = cos (2 * G_PI * (turn / 2 + j / 24.0)) + 0.01f * hand.x[i * DIM + j];
    }
    sine.y[i] = sin (12 * sine.x[i * DIM]);
    hand.y[i] = floor (1440 * (turn - floor (turn)));
  }
  head = train (&sine, FALSE, &report);
  g_test_message ("sine: %s, %.3f of %.3f", report->model, report->error, report->baseline_error);
  g_assert_cmpfloat (report->error, <, 0.3 * report->baseline_error);
  turning = train (&hand, FALSE, &other);
  g_test_message ("hand: %s, %.1f of %.1f", other->model, other->error, other->baseline_error);
  g_assert_cmpfloat (other->error, <, 0.2 * other->baseline_error);
  g_assert_cmpfloat (measure (turning, &hand), <, other->error + 5);
  set_clear (&sine);
  set_clear (&hand);
}

/* More labels than kernels have time for: a line is a matter for the ridge, bends for the networks. */
static void
test_many_labels (void)
{
  const int n = 1001;
  Set set = make_set (GH_HEAD_SCALAR, n, 4);
  g_autoptr (GhHeadReport) line = NULL, bent = NULL, without = NULL;
  g_autoptr (GhHead) head = NULL, other = NULL, third = NULL;

  for (int i = 0; i < n; i++)
    set.y[i] = set.x[i * DIM] - 0.2 * set.x[i * DIM + 3];
  head = train (&set, TRUE, &line);
  g_assert_true (g_str_has_prefix (line->model, "ridge"));
  g_assert_cmpfloat (line->error, <, 0.05);
  for (int i = 0; i < n; i++)
    set.y[i] = fabs (set.x[i * DIM] - 3) + fabs (set.x[i * DIM + 1] - 3);
  other = train (&set, TRUE, &bent);
  g_assert_true (g_str_has_prefix (bent->model, "mlp"));
  g_assert_cmpfloat (bent->error, <, 0.6 * bent->baseline_error);
  /* The one network in the file is the ensemble that was trained. */
  g_assert_cmpfloat (measure (other, &set), <, 0.6 * bent->baseline_error);
  third = train (&set, FALSE, &without);
  g_assert_true (g_str_has_prefix (without->model, "ridge"));
  set_clear (&set);
}

/* ---- honesty ------------------------------------------------------------------------------------------- */

/* Labels that have nothing to do with the embeddings: over several sets no gain beyond chance is reported. */
static void
check_noise (GhHeadKind kind, int n)
{
  double gain = 0, square = 0;
  const int sets = 6;

  for (int seed = 0; seed < sets; seed++) {
    g_autoptr (GRand) rand = gh_rand_new (seed, 9);
    g_autoptr (GhHeadReport) report = NULL;
    g_autoptr (GhHead) head = NULL;
    Set set = make_set (kind, n, 100 + seed);
    double part;

    for (int i = 0; i < n; i++)
      set.y[i] = kind == GH_HEAD_CLASS ? g_rand_int_range (rand, 0, 3) : g_rand_int_range (rand, 0, 10);
    head = train (&set, TRUE, &report);
    part = 1 - report->error / report->baseline_error;
    gain += part / sets;
    square += part * part / sets;
    set_clear (&set);
  }
  square = sqrt (MAX (square - gain * gain, 0) / (sets - 1));
  g_test_message ("mean gain over the constant on noise: %.3f +- %.3f", gain, square);
  g_assert_cmpfloat (gain, <, 2.5 * square);
  g_assert_cmpfloat (gain, <, 0.05);
}

static void
test_noise (void)
{
  check_noise (GH_HEAD_COUNT, 24);
  check_noise (GH_HEAD_CLASS, 24);
}

/* Every label five times, in groups: without groups the twins would give the answer away. */
static void
test_groups (void)
{
  Set set = make_set (GH_HEAD_SCALAR, 100, 6);
  g_autoptr (GRand) rand = gh_rand_new (7, 0);
  g_autoptr (GhHeadReport) leaky = NULL, fair = NULL;
  g_autoptr (GhHead) head = NULL, other = NULL;
  int groups[100];

  for (int i = 0; i < 100; i++) {
    groups[i] = i / 5;
    set.y[i] = i % 5 ? set.y[i - 1] : gh_rand_normal (rand);
    if (i % 5)
      memcpy (set.x + i * DIM, set.x + (i - 1) * DIM, DIM * sizeof (float));
  }
  head = train (&set, TRUE, &leaky);
  set.data.groups = groups;
  other = train (&set, TRUE, &fair);
  g_assert_cmpfloat (leaky->error, <, 0.5 * leaky->baseline_error);
  g_assert_cmpfloat (fair->error, >, 0.8 * fair->baseline_error);
  set_clear (&set);
}

/* ---- odd data ------------------------------------------------------------------------------------------ */

static void
test_constant_labels (void)
{
  const GhHeadKind kinds[] = { GH_HEAD_SCALAR, GH_HEAD_COUNT, GH_HEAD_TIME, GH_HEAD_CLASS };

  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
    Set set = make_set (kinds[k], 20, 8);
    g_autoptr (GhHeadReport) report = NULL;
    g_autoptr (GhHead) head = NULL;

    for (int i = 0; i < 20; i++)
      set.y[i] = 2;
    head = train (&set, TRUE, &report);
    g_assert_cmpfloat (report->error, <, 1e-6);
    g_assert_cmpfloat (measure (head, &set), <, 1e-3);
    set_clear (&set);
  }
}

static void
test_few_labels (void)
{
  for (int n = 3; n < 14; n++) {
    Set set = make_set (GH_HEAD_COUNT, n, 9);
    g_autoptr (GhHeadReport) report = NULL;
    g_autoptr (GhHead) head = NULL;

    plant_count (&set);
    head = train (&set, TRUE, &report);
    g_assert_true (isfinite (report->error));
    set_clear (&set);
  }
}

/* Inputs that never vary, are huge, tiny or all the same do no harm. */
static void
test_awkward_inputs (void)
{
  Set set = make_set (GH_HEAD_COUNT, 60, 10), same = make_set (GH_HEAD_COUNT, 12, 10);
  g_autoptr (GhHeadReport) report = NULL, flat = NULL;
  g_autoptr (GhHead) head = NULL, other = NULL;

  plant_count (&set);
  for (int i = 0; i < 60; i++) {
    set.x[i * DIM + 20] = 1e30f;
    set.x[i * DIM + 21] = i % 2 ? 3e37f : -3e37f;
    set.x[i * DIM + 22] = i * 1e-38f;
    set.x[i * DIM + 23] = 0;
  }
  head = train (&set, TRUE, &report);
  g_assert_cmpfloat (report->error, <, 0.6 * report->baseline_error);
  set.x[23] = 1;                /* moves only now */
  g_assert_cmpfloat (measure (head, &set), <, 0.6 * report->baseline_error);

  for (int i = 0; i < 12; i++) {
    memcpy (same.x + i * DIM, same.x, DIM * sizeof (float));
    same.y[i] = i % 4;
  }
  other = train (&same, TRUE, &flat);
  g_assert_cmpfloat (flat->error, <, 2);
  g_assert_cmpfloat (measure (other, &same), <, 2);
  set_clear (&set);
  set_clear (&same);
}

static void
check_refused (const Set *set, const char *words)
{
  GhHeadTrainOptions options = { .seed = 1, .threads = 1 };
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_null (gh_head_train (&set->data, &options, &report, &error));
  g_assert_null (report);
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
check_label_refused (GhHeadKind kind, double label, const char *words)
{
  Set set = make_set (kind, 6, 11);

  set.y[4] = label;
  check_refused (&set, words);
  set_clear (&set);
}

static void
test_refused (void)
{
  Set set = make_set (GH_HEAD_COUNT, 6, 11);
  const int one_group[6] = { 0 };
  const char *const one_class[] = { "sunny", NULL };

  check_label_refused (GH_HEAD_SCALAR, NAN, "label 5 (nan) is not a finite number");
  check_label_refused (GH_HEAD_SCALAR, INFINITY, "not a finite number");
  check_label_refused (GH_HEAD_SCALAR, 1e300, "larger than");
  check_label_refused (GH_HEAD_COUNT, -1, "below zero");
  check_label_refused (GH_HEAD_TIME, 1440, "minute of the day");
  check_label_refused (GH_HEAD_CLASS, 3, "index of a class");
  check_label_refused (GH_HEAD_CLASS, 0.5, "index of a class");
  set.data.groups = one_group;
  check_refused (&set, "one group");
  set.data.groups = NULL;
  set.x[3 * DIM + 7] = NAN;
  check_refused (&set, "the embedding of label 4 is not finite at number 8");
  set.data.n = 2;
  check_refused (&set, "2 labels are too few");
  set.data.n = 3;
  set.data.kind = GH_HEAD_CLASS;
  set.data.classes = one_class;
  check_refused (&set, "1 classes");
  set_clear (&set);
}

/* ---- conduct ------------------------------------------------------------------------------------------- */

static void
assert_same_floats (const float *a, const float *b, gsize n)
{
  g_assert_cmpmem (a, n * sizeof *a, b, n * sizeof *b);
}

static void
assert_same_weights (const GhHead *a, const GhHead *b)
{
  const GhHeadKernels *k = &a->kernels, *l = &b->kernels;
  gsize outputs = a->layers[0].n_out;

  g_assert_cmpint (a->n_layers, ==, 1);
  assert_same_floats (a->layers[0].weight, b->layers[0].weight, outputs * a->embedding);
  assert_same_floats (a->layers[0].bias, b->layers[0].bias, outputs);
  g_assert_cmpint (k->n_kernels, >, 0);
  g_assert_true (k->n_centres == l->n_centres && k->n_kernels == l->n_kernels);
  assert_same_floats (k->centres, l->centres, (gsize) k->n_centres * a->embedding);
  assert_same_floats (k->widths, l->widths, k->n_kernels);
  assert_same_floats (k->weight, l->weight, outputs * k->n_kernels * k->n_centres);
}

/* Any number of threads gives the same bits, another seed other folds. */
static void
test_repeats (void)
{
  Set set = make_set (GH_HEAD_TIME, 24, 12);
  GhHeadTrainOptions options = { .seed = 3, .threads = 1 };
  GhHeadReport *reports[3];
  GhHead *heads[3];

  plant_time (&set);
  for (int i = 0; i < 3; i++) {
    options.threads = 1 + 2 * (i % 2);
    options.seed = i < 2 ? 3 : 4;
    heads[i] = gh_head_train (&set.data, &options, &reports[i], NULL);
    g_assert_nonnull (heads[i]);
  }
  assert_same_weights (heads[0], heads[1]);
  g_assert_cmpmem (reports[0]->predicted, 24 * sizeof (double), reports[1]->predicted, 24 * sizeof (double));
  g_assert_true (reports[0]->error_low == reports[1]->error_low);
  g_assert_cmpint (memcmp (reports[0]->predicted, reports[2]->predicted, 24 * sizeof (double)), !=, 0);
  for (int i = 0; i < 3; i++) {
    gh_head_report_free (reports[i]);
    gh_head_unref (heads[i]);
  }
  set_clear (&set);
}

static gboolean
stop_at (double fraction, const char *what, gpointer limit)
{
  g_assert_cmpfloat (fraction, >=, 0);
  g_assert_cmpfloat (fraction, <=, 1);
  g_assert_nonnull (what);
  return fraction < *(double *) limit;
}

static void
test_cancel (void)
{
  Set set = make_set (GH_HEAD_COUNT, 40, 13);
  double limits[] = { 0, 0.2, 0.6, 1 };

  plant_count (&set);
  for (guint i = 0; i < G_N_ELEMENTS (limits); i++) {
    GhHeadTrainOptions options = { .threads = 1 + i % 2, .progress = stop_at, .progress_data = &limits[i] };
    g_autoptr (GError) error = NULL;

    g_assert_null (gh_head_train (&set.data, &options, NULL, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  }
  set_clear (&set);
}

static void
test_record (void)
{
  Set set = make_set (GH_HEAD_COUNT, 30, 14);
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = NULL;
  const char *keys[] = { "held_out_error", "held_out_error_low", "held_out_error_high", "baseline_error", "metric",
    "labels", "label_mean", "label_std", "model", "seed", "folds", "trained_at" };

  plant_count (&set);
  head = train (&set, FALSE, &report);
  g_assert_cmpstr (report->metric, ==, "mean absolute error in people");
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    if (!g_hash_table_contains (head->metadata, keys[i]))
      g_error ("the head's record has no %s", keys[i]);
  g_assert_cmpstr (g_hash_table_lookup (head->metadata, "labels"), ==, "30");
  set_clear (&set);
}

/* 300 labels of the real width: about a second. */
G_GNUC_UNUSED static void
test_large (void)
{
  g_autoptr (GRand) rand = gh_rand_new (15, 0);
  const int n = 300, dim = 512;
  g_autofree float *x = g_new (float, n * dim);
  g_autofree double *y = g_new (double, n);
  GhHeadData data = { n, dim, x, y, NULL, GH_HEAD_TIME, NULL, "time", NULL, "0123456789abcdef", "tiny.safetensors" };
  GhHeadTrainOptions options = { .seed = 0 };
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = NULL;

  for (int i = 0; i < n * dim; i++)
    x[i] = gh_rand_normal (rand);
  for (int i = 0; i < n; i++)
    y[i] = g_rand_int_range (rand, 0, 1440);
  head = gh_head_train (&data, &options, &report, NULL);
  g_assert_nonnull (head);
  g_test_message ("%d labels of %d numbers: %.2f s", n, dim, report->seconds);
  g_assert_cmpint (head->kernels.n_centres, ==, n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/head-train/count", test_count);
  g_test_add_func ("/head-train/time", test_time);
  g_test_add_func ("/head-train/class", test_class);
  g_test_add_func ("/head-train/choice", test_choice);
  g_test_add_func ("/head-train/curves", test_curves);
#ifndef __SANITIZE_ADDRESS__      /* minutes there, and the same code as in test-mlp */
  g_test_add_func ("/head-train/many-labels", test_many_labels);
#endif
  g_test_add_func ("/head-train/noise", test_noise);
  g_test_add_func ("/head-train/groups", test_groups);
  g_test_add_func ("/head-train/constant-labels", test_constant_labels);
  g_test_add_func ("/head-train/few-labels", test_few_labels);
  g_test_add_func ("/head-train/awkward-inputs", test_awkward_inputs);
  g_test_add_func ("/head-train/refused", test_refused);
  g_test_add_func ("/head-train/repeats", test_repeats);
  g_test_add_func ("/head-train/cancel", test_cancel);
  g_test_add_func ("/head-train/record", test_record);
#ifndef __SANITIZE_ADDRESS__      /* minutes there, and the same code */
  g_test_add_func ("/head-train/large", test_large);
#endif
  return g_test_run ();
}
