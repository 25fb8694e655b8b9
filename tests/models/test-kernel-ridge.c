/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-kernel-ridge.c: kernel ridge against Gaussian elimination, held-out predictions against really leaving rows
 * out, the mixture against one made by hand, and data that gives nothing to hold on to.
 */
#include "models/gh-gram-solver.h"
#include "models/gh-kernel-ridge.h"
#include "models/gh-linalg.h"
#include "models/gh-mixture.h"
#include "models/gh-random.h"

#include <math.h>
#include <string.h>

/* ---- the long way round -------------------------------------------------------------------------------- */

/* Solves a x = b by elimination with pivots; b[n,m] becomes x. */
static void
eliminate (double *a, double *b, int n, int m)
{
  for (int k = 0; k < n; k++) {
    int best = k;

    for (int i = k + 1; i < n; i++)
      best = fabs (a[i * n + k]) > fabs (a[best * n + k]) ? i : best;
    for (int j = 0; j < n; j++) {
      double swap = a[k * n + j];

      a[k * n + j] = a[best * n + j];
      a[best * n + j] = swap;
    }
    for (int c = 0; c < m; c++) {
      double swap = b[k * m + c];

      b[k * m + c] = b[best * m + c];
      b[best * m + c] = swap;
    }
    for (int i = 0; i < n; i++) {
      double f = i == k ? 0 : a[i * n + k] / a[k * n + k];

      for (int j = k; j < n && f != 0; j++)
        a[i * n + j] -= f * a[k * n + j];
      for (int c = 0; c < m; c++)
        b[i * m + c] -= f * b[k * m + c];
    }
  }
  for (int k = 0; k < n; k++)
    for (int c = 0; c < m; c++)
      b[k * m + c] /= a[k * n + k];
}

/* What rows[m] of the n say about a point whose kernel values with all n are in `near`: [K + penalty, 1; 1^T, 0]. */
static void
refit (const double *gram, int n, const double *targets, int outputs, const int *rows, int m, double penalty,
    const double *near, double *y)
{
  int size = m + 1;
  g_autofree double *a = g_new0 (double, size * size), *b = g_new0 (double, size * outputs);

  for (int i = 0; i < m; i++) {
    for (int j = 0; j < m; j++)
      a[i * size + j] = gram[rows[i] * n + rows[j]] + (i == j ? penalty : 0);
    a[i * size + m] = a[m * size + i] = 1;
    for (int o = 0; o < outputs; o++)
      b[i * outputs + o] = targets[rows[i] * outputs + o];
  }
  eliminate (a, b, size, outputs);
  for (int o = 0; o < outputs; o++) {
    y[o] = b[m * outputs + o];
    for (int i = 0; i < m; i++)
      y[o] += near[rows[i]] * b[i * outputs + o];
  }
}

/* Numbers that bfloat16 holds, so that centres are what they were. */
static double *
random_inputs (GRand *rand, int n)
{
  double *z = g_new (double, n);

  for (int i = 0; i < n; i++)
    z[i] = g_rand_int_range (rand, -100, 101) / 64.0;
  return z;
}

static double *
random_targets (GRand *rand, int n)
{
  double *y = g_new (double, n);

  for (int i = 0; i < n; i++)
    y[i] = gh_rand_normal (rand) + 5;
  return y;
}

/* width 0: the linear kernel */
static double
kernel_of (const double *a, const double *b, int dim, double width)
{
  double product = 0, squared = 0;

  for (int j = 0; j < dim; j++) {
    product += a[j] * b[j];
    squared += (a[j] - b[j]) * (a[j] - b[j]);
  }
  return width == 0 ? product : (1 + sqrt (squared) / width) * exp (-sqrt (squared) / width);
}

static double *
gram_of (const double *z, int n, int dim, double width)
{
  double *gram = g_new (double, n * n);

  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++)
      gram[i * n + j] = kernel_of (z + i * dim, z + j * dim, dim, width);
  return gram;
}

/* ---- one kernel ---------------------------------------------------------------------------------------- */

static void
check_solver (int n, int dim, double width, double penalty, const int *groups)
{
  g_autoptr (GRand) rand = gh_rand_new (n, dim);
  g_autofree double *z = random_inputs (rand, n * dim), *y = random_targets (rand, n * 2);
  g_autofree double *gram = gram_of (z, n, dim, width), *copy = g_memdup2 (gram, n * n * sizeof *gram);
  g_autofree int *others = g_new (int, n);
  g_autoptr (GhGramSolver) s = gh_gram_solver_new (copy, n, y, 2, groups);

  gh_gram_solver_solve (s, penalty);
  for (int i = 0; i < n; i++) {
    double want[2];
    int m = 0;

    for (int k = 0; k < n; k++)
      if (groups ? groups[k] != groups[i] : k != i)
        others[m++] = k;
    refit (gram, n, y, 2, others, m, penalty, gram + i * n, want);
    for (int o = 0; o < 2; o++)
      g_assert_cmpfloat_with_epsilon (s->held_out[i * 2 + o], want[o], 1e-6 * (1 + fabs (want[o])));
    /* fitted: the target less penalty * alpha */
    for (m = 0; m < n; m++)
      others[m] = m;
    refit (gram, n, y, 2, others, n, penalty, gram + i * n, want);
    for (int o = 0; o < 2; o++)
      g_assert_cmpfloat_with_epsilon (y[i * 2 + o] - penalty * s->alpha[o * n + i], want[o], 1e-7);
  }
}

static void
test_leave_one_out (void)
{
  const int sizes[] = { 2, 3, 4, 9, 26 };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    check_solver (sizes[i], 7, 0, 0.3, NULL);
    check_solver (sizes[i], 40, 0, 20, NULL);
    check_solver (sizes[i], 1, 0.5, 0.01, NULL);
    check_solver (sizes[i], 40, 6, 1e-4, NULL);
    check_solver (sizes[i], 40, 3, 1, NULL);
  }
}

static void
test_leave_group_out (void)
{
  const int groups[] = { 7, 7, -1, 4, 7, 4, 9, 4, 4, 3, 2, 2, 7, 8, 4, 4 }, halves[] = { 1, 0, 1, 1, 0, 0, 1, 1, 1 };

  check_solver (16, 5, 0, 0.7, groups);
  check_solver (16, 30, 0, 0.7, groups);
  check_solver (16, 30, 4, 1e-3, groups);
  check_solver (16, 30, 4, 10, groups);
  check_solver (9, 3, 1, 0.1, halves);
}

/* A single group is predicted as the mean. */
static void
test_one_group (void)
{
  g_autoptr (GRand) rand = gh_rand_new (1, 0);
  const int groups[5] = { 3, 3, 3, 3, 3 };
  g_autofree double *z = random_inputs (rand, 10), *gram = gram_of (z, 5, 2, 1);
  const double y[] = { 1, 2, 3, 4, 10 };
  g_autoptr (GhGramSolver) s = gh_gram_solver_new (gram, 5, y, 1, groups);

  gh_gram_solver_solve (s, 1e-3);
  for (int i = 0; i < 5; i++)
    g_assert_cmpfloat_with_epsilon (s->held_out[i], 4, 1e-12);
}

/* ---- the model ------------------------------------------------------------------------------------------ */

static GhKernelRidge *
make_from (const GhKernelRidgeData *data)
{
  GhKernelRidge *ridge = gh_kernel_ridge_new (data);

  for (int k = gh_kernel_ridge_n_members (ridge) - 1; k >= 0; k--)
    gh_kernel_ridge_fit (ridge, k);
  gh_kernel_ridge_finish (ridge);
  return ridge;
}

static GhKernelRidge *
make_model (const double *z, int n, int dim, const double *y, int outputs, const int *groups, gboolean linear)
{
  return make_from (&(GhKernelRidgeData) { n, dim, outputs, z, y, groups, linear, NULL, gh_misfit_squared });
}

/* The median of the squared distances, all of which are above 0. */
static double
median_distance (const double *z, int n, int dim)
{
  g_autofree double *all = g_new (double, n * n);
  int m = 0;

  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) {
      double squared = kernel_of (z + i * dim, z + i * dim, dim, 0) + kernel_of (z + j * dim, z + j * dim, dim, 0)
          - 2 * kernel_of (z + i * dim, z + j * dim, dim, 0);
      int at = m++;

      for (; at > 0 && all[at - 1] > squared; at--)
        all[at] = all[at - 1];
      all[at] = squared;
    }
  return all[m / 2];
}

/* A mixture's sums: what is wanted at one place, and each row without itself. */
typedef struct {
  double total, want;
  double *held_out;
} Sums;

/* Kernels of n_widths widths, relative to the typical distance, and every penalty, refitted with every row left out and
 * weighed by the book. z[n,dim] and at[dim] are what the kernels see. */
static void
add_by_hand (Sums *sums, const double *z, int n, int dim, const double *y, const double *at, const double *widths,
    int n_widths)
{
  double typical = sqrt (median_distance (z, n, dim));
  g_autofree double *left = g_new (double, n), *near = g_new (double, n);
  g_autofree int *rows = g_new (int, n);

  for (int k = 0; k < n_widths; k++) {
    g_autofree double *gram = gram_of (z, n, dim, typical * widths[k]);
    double trace = 0, mean = 0;

    for (int i = 0; i < n; i++) {
      trace += gram[i * n + i] / n;
      for (int j = 0; j < n; j++)
        mean += gram[i * n + j] / (n * n);
      near[i] = kernel_of (z + i * dim, at, dim, typical * widths[k]);
    }
    for (int step = 0; step < gh_ladder_steps (n); step++) {
      double penalty = gh_ladder_penalty (step) * (trace - mean), error = 0, weight, value;

      for (int i = 0; i < n; i++) {
        int m = 0;

        for (int j = 0; j < n; j++)
          if (j != i)
            rows[m++] = j;
        refit (gram, n, y, 1, rows, m, penalty, gram + i * n, &left[i]);
        error += pow (left[i] - y[i], 2) / n;
      }
      for (int j = 0; j < n; j++)
        rows[j] = j;
      refit (gram, n, y, 1, rows, n, penalty, near, &value);
      weight = pow (error, -n / 6.0);
      sums->total += weight;
      sums->want += weight * value;
      gh_axpy (sums->held_out, weight, left, n);
    }
  }
}

static const double straight[] = { 0 }, curves[] = { 0.25, 0.5, 1, 2, 4 };

static void
mix_by_hand (const double *z, int n, int dim, const double *y, const double *at, double *want, double *held_out)
{
  Sums sums = { 0, 0, held_out };

  memset (held_out, 0, n * sizeof *held_out);
  add_by_hand (&sums, z, n, dim, y, at, straight, 1);
  add_by_hand (&sums, z, n, dim, y, at, curves, 5);
  *want = sums.want / sums.total;
  for (int i = 0; i < n; i++)
    held_out[i] /= sums.total;
}

static void
test_by_hand (void)
{
  const int n = 14, dim = 3;
  g_autoptr (GRand) rand = gh_rand_new (4, 0);
  g_autofree double *z = random_inputs (rand, n * dim), *y = random_targets (rand, n), *held_out = g_new (double, n);
  g_autofree double *at = random_inputs (rand, 20 * dim);
  g_autoptr (GhKernelRidge) ridge = NULL;
  double want, got;

  for (int i = 0; i < n; i++)
    y[i] += 3 * z[i * dim];
  ridge = make_model (z, n, dim, y, 1, NULL, FALSE);
  g_assert_cmpint (ridge->aside, ==, 0);
  for (int i = 0; i < 20; i++) {
    mix_by_hand (z, n, dim, y, at + i * dim, &want, held_out);
    gh_kernel_ridge_predict (ridge, at + i * dim, &got);
    /* Kernels of less than a thousandth are left out. */
    g_assert_cmpfloat_with_epsilon (got, want, 5e-3);
  }
  for (int i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (ridge->held_out[i], held_out[i], 5e-3);
}

/* ---- parts --------------------------------------------------------------------------------------------- */

enum { LONG = 40, TAIL = 8, N_SETS = 6 };

/* Columns from `begin` to `end` of x[n,LONG]. */
static double *
columns (const double *x, int n, int begin, int end)
{
  double *part = g_new (double, n * (end - begin));

  for (int i = 0; i < n; i++)
    memcpy (part + i * (end - begin), x + i * LONG + begin, (end - begin) * sizeof *x);
  return part;
}

/* As test_by_hand(): lines over everything, over the beginning and, with an end, over that; and of the curves over everything,
 * behind the beginning and over the end those that do best, which do not see the first `aside` numbers (-1: any of these). */
static void
check_parts (const double *z, int n, const double *y, const double *at, int end, int aside)
{
  const struct {
    int first, last;
    const double *widths;
    int n_widths;
  } sets[N_SETS] = { { 0, LONG, straight, 1 }, { 0, GH_EMBED_BEGINNING, straight, 1 }, { LONG - end, LONG, straight, 1 },
    { 0, LONG, curves, 5 }, { GH_EMBED_BEGINNING, LONG, curves, 5 }, { LONG - end, LONG, curves, 5 } };
  g_autofree double *held_out = g_new0 (double, N_SETS * n);
  g_autoptr (GhKernelRidge) ridge = make_from (&(GhKernelRidgeData) { n, LONG, 1, z, y, NULL, FALSE, NULL, gh_misfit_squared,
          .end = end });
  Sums sums[N_SETS];
  double total = 0, want = 0, got;

  for (int k = 0; k < N_SETS; k++) {
    g_autofree double *part = NULL;

    sums[k] = (Sums) { 0, 0, held_out + k * n };
    if (sets[k].first == sets[k].last)
      continue;
    part = columns (z, n, sets[k].first, sets[k].last);
    add_by_hand (&sums[k], part, n, sets[k].last - sets[k].first, y, at + sets[k].first, sets[k].widths, sets[k].n_widths);
  }
  g_assert_true (aside < 0 || ridge->aside == aside);
  for (int k = 0; k < N_SETS; k++) {
    if (k >= 3 && sets[k].first == ridge->aside) {
      for (int other = 3; other < N_SETS; other++)
        g_assert_cmpfloat (sums[k].total, >=, sums[other].total);
    } else if (k >= 3) {
      sums[k].total = sums[k].want = 0;
      memset (sums[k].held_out, 0, n * sizeof *held_out);
    }
    total += sums[k].total;
    want += sums[k].want;
  }
  gh_kernel_ridge_predict (ridge, at, &got);
  /* Kernels of less than a thousandth are left out, and there are many. */
  g_assert_cmpfloat_with_epsilon (got, want / total, 1e-2);
  for (int i = 0; i < n; i++) {
    double left = 0;

    for (int k = 0; k < N_SETS; k++)
      left += sums[k].held_out[i];
    g_assert_cmpfloat_with_epsilon (ridge->held_out[i], left / total, 1e-2);
  }
}

static void
test_parts (void)
{
  const int n = 24;
  g_autoptr (GRand) rand = gh_rand_new (7, 0);
  g_autofree double *z = random_inputs (rand, n * LONG), *at = random_inputs (rand, LONG), *y = g_new (double, n);

  /* A line over the beginning, and nearly one over the end. */
  for (int i = 0; i < n; i++)
    y[i] = z[i * LONG] - z[i * LONG + 3] + z[i * LONG + 9];
  check_parts (z, n, y, at, 0, 0);
  for (int i = 0; i < n; i++)
    y[i] = z[i * LONG + 33] - z[i * LONG + 36] + sin (3 * z[i * LONG + 35]);
  check_parts (z, n, y, at, TAIL, -1);
  /* A curve over the rest, beside a beginning that is louder, and an end that says nothing. */
  for (int i = 0; i < n * LONG; i++)
    z[i] = i % LONG < GH_EMBED_BEGINNING ? z[i] * 2 : i % LONG == 20 ? z[i] * 4 : z[i] / 8;
  for (int i = 0; i < n; i++)
    y[i] = sin (z[i * LONG + 20]);
  check_parts (z, n, y, at, 0, GH_EMBED_BEGINNING);
  check_parts (z, n, y, at, TAIL, GH_EMBED_BEGINNING);
  /* One over the end, which all others drown. */
  for (int i = 0; i < n * LONG; i++)
    z[i] *= i % LONG == 35 ? 12 : i % LONG < LONG - TAIL ? 2 : 1;
  for (int i = 0; i < n; i++)
    y[i] = sin (2 * z[i * LONG + 35]);
  check_parts (z, n, y, at, TAIL, LONG - TAIL);
}

/* ---- what it is for ------------------------------------------------------------------------------------ */

/* Distance of the model's answers from sin (4 x), x the first of two inputs, on points between the labels. */
static double
sine_error (gboolean linear)
{
  const int n = 60;
  g_autoptr (GRand) rand = gh_rand_new (5, 0);
  g_autofree double *z = random_inputs (rand, n * 2), *y = g_new (double, n);
  g_autoptr (GhKernelRidge) ridge = NULL;
  double error = 0;

  for (int i = 0; i < n; i++) {
    z[i * 2 + 1] /= 16;
    y[i] = sin (4 * z[i * 2]);
  }
  ridge = make_model (z, n, 2, y, 1, NULL, linear);
  g_assert_true (linear == (ridge->n_kernels == 0));
  for (int i = 0; i < 100; i++) {
    double at[2] = { -1.5 + 0.03 * i, 0.05 }, got;

    gh_kernel_ridge_predict (ridge, at, &got);
    error += fabs (got - sin (4 * at[0])) / 100;
  }
  return error;
}

static void
test_sine (void)
{
  double line = sine_error (TRUE), curve = sine_error (FALSE);

  g_test_message ("a line is %.3f off, kernels %.3f", line, curve);
  g_assert_cmpfloat (line, >, 0.4);
  g_assert_cmpfloat (curve, <, 0.08);
}

/* Far away the curved part is a constant; a line without noise needs no kernels. */
static void
test_line (void)
{
  const int n = 40, dim = 4;
  g_autoptr (GRand) rand = gh_rand_new (6, 0);
  g_autofree double *z = random_inputs (rand, n * dim), *y = g_new (double, n);
  g_autoptr (GhKernelRidge) ridge = NULL;
  double at[] = { 50, -20, 30, 7 }, got;

  for (int i = 0; i < n; i++)
    y[i] = 2 + z[i * dim] - 3 * z[i * dim + 2];
  ridge = make_model (z, n, dim, y, 1, NULL, FALSE);
  g_assert_cmpint (ridge->n_kernels, ==, 0);
  g_assert_cmpfloat (ridge->penalty, <, 0.01);
  gh_kernel_ridge_predict (ridge, at, &got);
  g_assert_cmpfloat_with_epsilon (got, 2 + 50 - 90, 1);
}

/* ---- nothing to hold on to ----------------------------------------------------------------------------- */

static void
check_finite (const double *z, int n, int dim, const double *y, const int *groups, double low, double high)
{
  g_autoptr (GhKernelRidge) ridge = make_model (z, n, dim, y, 1, groups, FALSE);

  for (int i = 0; i < n; i++) {
    double got;

    gh_kernel_ridge_predict (ridge, z + i * dim, &got);
    g_assert_cmpfloat (got, >=, low);
    g_assert_cmpfloat (got, <=, high);
    g_assert_true (isfinite (ridge->held_out[i]));
  }
}

/* With inputs so short that there is no beginning, and long ones. */
static void
check_degenerate (int dim)
{
  const int n = 12;
  g_autoptr (GRand) rand = gh_rand_new (7, 0);
  g_autofree double *z = random_inputs (rand, n * dim), *twins = g_memdup2 (z, n * dim * sizeof *z);
  g_autofree double *same = g_new0 (double, n * dim), *y = random_targets (rand, n), *flat = g_new (double, n);
  g_autofree double *large = g_new (double, n), *still = g_memdup2 (z, n * dim * sizeof *z);
  const int groups[12] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2 };

  for (int i = 0; i < n; i++) {
    flat[i] = 1e15;
    large[i] = y[i] * 1e14;
  }
  for (int i = 3; i < n; i++)
    memcpy (twins + i * dim, twins + i % 3 * dim, dim * sizeof *z);
  for (int m = 1; m <= 3; m++)
    check_finite (z, m, dim, y, NULL, 0, 10);
  check_finite (z, n, dim, flat, NULL, 1e15 * (1 - 1e-12), 1e15 * (1 + 1e-12));
  check_finite (z, n, dim, large, NULL, 0, 1e15);
  check_finite (z, n, dim, y, groups, -20, 30);
  check_finite (twins, n, dim, y, NULL, 0, 10);
  check_finite (same, n, dim, y, NULL, 0, 10);
  check_finite (same, n, dim, flat, groups, 1e15 * (1 - 1e-12), 1e15 * (1 + 1e-12));
  /* Nothing varies in the beginning; nothing behind it. */
  for (int part = 0; part < 2; part++) {
    memcpy (still, z, n * dim * sizeof *z);
    for (int i = 0; i < n * dim; i++)
      if ((i % dim < GH_EMBED_BEGINNING) == (part == 0))
        still[i] = 0;
    check_finite (still, n, dim, y, NULL, -20, 30);
  }
}

static void
test_degenerate (void)
{
  check_degenerate (5);
  check_degenerate (LONG);
}

/* All models are as good. */
static double
misfit_of_any (const double *targets, const double *held_out, int n, int outputs)
{
  return 1;
}

/* Those whose second output is nothing. */
static double
misfit_of_plain (const double *targets, const double *held_out, int n, int outputs)
{
  for (int i = 0; i < n; i++)
    if (held_out[i * outputs + 1] != 0)
      return 1e60;
  return 1;
}

/* Where only the plain model is any good: what a ridge says that learns the targets times the same numbers. */
static void
test_plain (void)
{
  enum { N = 24, DIM = 40 };
  const double plain[] = { 2.5, 0 };
  double z[N * DIM], y[2 * N], times[2 * N], at[DIM], got[2], want[2];
  g_autoptr (GRand) rand = gh_rand_new (12, 0);
  GhKernelRidgeData data = { N, DIM, 2, z, y, NULL, FALSE, NULL, misfit_of_plain, plain };
  g_autoptr (GhKernelRidge) both = NULL, alone = NULL;

  for (int i = 0; i < N * DIM; i++)
    z[i] = g_rand_double_range (rand, -1, 1);
  for (int i = 0; i < 2 * N; i++) {
    y[i] = 3 + g_rand_double_range (rand, -1, 1);
    times[i] = y[i] * plain[i % 2];
  }
  for (int i = 0; i < DIM; i++)
    at[i] = g_rand_double_range (rand, -1, 1);
  both = make_from (&data);
  data.targets = times;
  data.misfit = misfit_of_any;
  data.plain = NULL;
  alone = make_from (&data);
  gh_kernel_ridge_predict (both, at, got);
  gh_kernel_ridge_predict (alone, at, want);
  for (int o = 0; o < 2; o++)
    g_assert_cmpfloat_with_epsilon (got[o], want[o], 1e-9);
  for (int i = 0; i < 2 * N; i++)
    g_assert_cmpfloat_with_epsilon (both->held_out[i], alone->held_out[i], 1e-9);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gram-solver/leave-one-out", test_leave_one_out);
  g_test_add_func ("/gram-solver/leave-group-out", test_leave_group_out);
  g_test_add_func ("/gram-solver/one-group", test_one_group);
  g_test_add_func ("/kernel-ridge/by-hand", test_by_hand);
  g_test_add_func ("/kernel-ridge/parts", test_parts);
  g_test_add_func ("/kernel-ridge/plain", test_plain);
  g_test_add_func ("/kernel-ridge/sine", test_sine);
  g_test_add_func ("/kernel-ridge/line", test_line);
  g_test_add_func ("/kernel-ridge/degenerate", test_degenerate);
  return g_test_run ();
}
