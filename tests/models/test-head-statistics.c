/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head-statistics.c: the covariance of embeddings without labels, shrunk by the book, and heads in its light.
 */
#include "temp-folder.h"
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "models/gh-kernel-ridge.h"
#include "models/gh-random.h"

#include <math.h>
#include <string.h>

enum { DIM = 6 };

/* Rows that share a large random number and differ by small ones: x[n,DIM]. */
static float *
make_rows (int n, int seed)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  float *x = g_new (float, n * DIM);

  for (int i = 0; i < n; i++) {
    double shared = 3 * gh_rand_normal (rand);

    for (int j = 0; j < DIM; j++)
      x[i * DIM + j] = (float) (5 + j + (1 + 0.2 * j) * shared + 0.3 * gh_rand_normal (rand));
  }
  return x;
}

/* metric times ((1 - shrinkage) covariance + shrinkage size I)/size is I, and the shrinkage is Ledoit's and Wolf's. */
static void
test_metric (void)
{
  for (int n = 5; n < 500; n *= 9) {
    g_autofree float *x = make_rows (n, n);
    g_autoptr (GhHeadStatistics) s = gh_head_statistics_new (x, n, DIM, TRUE);
    g_autofree double *z = g_new (double, n * DIM);
    double c[DIM][DIM] = { { 0 } }, size = 0, apart = 0, noise = 0;

    for (int i = 0; i < n; i++)
      gh_scales_apply (s->scales, x + i * DIM, z + i * DIM);
    for (int i = 0; i < n; i++)
      for (int j = 0; j < DIM; j++)
        for (int k = 0; k < DIM; k++)
          c[j][k] += z[i * DIM + j] * z[i * DIM + k] / n;
    for (int j = 0; j < DIM; j++)
      size += c[j][j] / DIM;
    for (int j = 0; j < DIM; j++)
      for (int k = 0; k < DIM; k++) {
        apart += pow (c[j][k] - (j == k) * size, 2);
        for (int i = 0; i < n; i++)
          noise += pow (z[i * DIM + j] * z[i * DIM + k] - c[j][k], 2) / n / n;
      }
    g_test_message ("%d rows: shrinkage %.4f", n, s->shrinkage);
    g_assert_cmpfloat (fabs (s->shrinkage - fmin (noise / apart, 1)), <, 1e-9);
    for (int j = 0; j < DIM; j++)
      for (int k = 0; k < DIM; k++) {
        double sum = 0;

        for (int m = 0; m < DIM; m++)
          sum += s->metric[j * DIM + m] * ((1 - s->shrinkage) * c[m][k] / size + (m == k) * s->shrinkage);
        g_assert_cmpfloat (fabs (sum - (j == k)), <, 1e-8);
      }
  }
}

/* Numbers that never vary, or not at all, do no harm. */
static void
test_awkward (void)
{
  g_autofree float *x = make_rows (20, 1), *same = g_new (float, 20 * DIM);
  g_autoptr (GhHeadStatistics) still = NULL, none = NULL;

  for (int i = 0; i < 20 * DIM; i++) {
    same[i] = 7;
    if (i % DIM == 2)
      x[i] = -1;
  }
  still = gh_head_statistics_new (x, 20, DIM, TRUE);
  none = gh_head_statistics_new (same, 20, DIM, TRUE);
  for (int i = 0; i < DIM * DIM; i++) {
    g_assert_true (isfinite (still->metric[i]));
    g_assert_cmpfloat (none->metric[i], ==, i % (DIM + 1) == 0);
  }
}

/* Straight lines in the metric l l^T are straight lines of z l. All numbers are small and whole, so that no rounding of
 * centres comes between. */
static void
test_lines (void)
{
  enum { N = 25 };
  static const double l[DIM][DIM] = { { 1, 1 }, { 1, -1 }, { 0, 0, 2 }, { 0, 0, 0, 4 }, { 0, 0, 0, 0, 1, 2 },
    { 0, 0, 0, 0, 2, -1 } };
  g_autoptr (GRand) rand = gh_rand_new (1, 0);
  double z[N * DIM], lifted[N * DIM], y[N], metric[DIM * DIM] = { 0 };
  g_autoptr (GhKernelRidge) a = NULL, b = NULL;

  for (int i = 0; i < N; i++)
    for (int j = 0; j < DIM; j++)
      z[i * DIM + j] = g_rand_int_range (rand, -5, 6);
  for (int i = 0; i < N; i++) {
    y[i] = z[i * DIM] - z[i * DIM + 1] + 0.3 * gh_rand_normal (rand);
    for (int j = 0; j < DIM; j++) {
      lifted[i * DIM + j] = 0;
      for (int k = 0; k < DIM; k++)
        lifted[i * DIM + j] += z[i * DIM + k] * l[k][j];
    }
  }
  for (int j = 0; j < DIM; j++)
    for (int k = 0; k < DIM; k++)
      for (int m = 0; m < DIM; m++)
        metric[j * DIM + k] += l[j][m] * l[k][m];
  a = gh_kernel_ridge_new (&(GhKernelRidgeData) { N, DIM, 1, z, y, NULL, TRUE, metric, gh_misfit_squared });
  b = gh_kernel_ridge_new (&(GhKernelRidgeData) { N, DIM, 1, lifted, y, NULL, TRUE, NULL, gh_misfit_squared });
  gh_kernel_ridge_fit (a, 0);
  gh_kernel_ridge_fit (b, 0);
  gh_kernel_ridge_finish (a);
  gh_kernel_ridge_finish (b);
  for (int i = 0; i < N; i++) {
    double ya, yb;

    gh_kernel_ridge_predict (a, z + i * DIM, &ya);
    gh_kernel_ridge_predict (b, lifted + i * DIM, &yb);
    g_assert_cmpfloat (fabs (ya - yb), <, 1e-9);
    g_assert_cmpfloat (fabs (a->held_out[i] - b->held_out[i]), <, 1e-9);
  }
}

static double
error_of (const GhHead *head, const float *x, const double *y, int n)
{
  double sum = 0;

  for (int i = 0; i < n; i++) {
    GhPrediction prediction;

    g_assert_true (gh_head_predict (head, x + i * DIM, &prediction));
    sum += fabs (prediction.value - y[i]) / n;
  }
  return sum;
}

/* What is asked hides in a difference that hardly varies beside what all numbers share: in the metric few labels
 * find it. The head's file is one like any other. */
static void
test_head (void)
{
  enum { N = 12, MANY = 400 };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "head.safetensors", NULL);
  g_autofree float *x = make_rows (MANY, 3);
  g_autofree double *y = g_new (double, MANY);
  g_autoptr (GhHeadStatistics) s = gh_head_statistics_new (x, MANY, DIM, TRUE);
  g_autoptr (GhHeadStatistics) other = gh_head_statistics_new (x, MANY, DIM - 1, FALSE);
  GhHeadData data = { N, DIM, x, y, .kind = GH_HEAD_SCALAR, .task = "t", .encoder_id = "0123456789abcdef",
    .encoder_file = "e" };
  GhHeadTrainOptions options = { .seed = 1, .threads = 1, .linear = TRUE };
  g_autoptr (GhHead) plain = NULL, metric = NULL, loaded = NULL;
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < MANY; i++)
    y[i] = 10 * (x[i * DIM] - 5 - (x[i * DIM + 1] - 6) / 1.2);
  plain = gh_head_train (&data, &options, NULL, &error);
  data.statistics = s;
  metric = gh_head_train (&data, &options, NULL, &error);
  g_assert_no_error (error);
  g_test_message ("without %.3f, with the metric %.3f", error_of (plain, x, y, MANY), error_of (metric, x, y, MANY));
  g_assert_cmpfloat (error_of (metric, x, y, MANY), <, 0.6 * error_of (plain, x, y, MANY));
  for (int j = 0; j < DIM; j++)
    g_assert_cmpfloat (metric->mean[j], ==, (float) s->scales->mean[j]);

  g_assert_true (gh_head_save (metric, path, &error));
  loaded = gh_head_load (path, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (error_of (loaded, x, y, MANY), ==, error_of (metric, x, y, MANY));
  g_assert_cmpint (loaded->n_layers, ==, 1);

  data.statistics = other;
  g_assert_null (gh_head_train (&data, &options, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "5 numbers"));
  temp_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/head-statistics/metric", test_metric);
  g_test_add_func ("/head-statistics/awkward", test_awkward);
  g_test_add_func ("/head-statistics/lines", test_lines);
  g_test_add_func ("/head-statistics/head", test_head);
  return g_test_run ();
}
