/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-ridge.c: eigenvectors, the thin decomposition, ridge against its closed form, and held-out residuals against
 * really leaving rows out.
 */
#include "models/gh-linalg.h"
#include "models/gh-random.h"
#include "models/gh-ridge.h"

#include <math.h>
#include <string.h>

static double *
random_matrix (GRand *rand, gsize n)
{
  double *a = g_new (double, n);

  for (gsize i = 0; i < n; i++)
    a[i] = gh_rand_normal (rand);
  return a;
}

/* ---- eigenvectors -------------------------------------------------------------------------------------- */

static void
check_eigen (double *a, int n, double scale)
{
  g_autofree double *copy = g_memdup2 (a, sizeof *a * n * n), *values = g_new (double, n);
  double tolerance = 1e-13 * scale * n;

  g_assert_true (gh_eigen_symmetric (a, values, n));
  for (int i = 0; i < n; i++) {
    const double *v = a + (gsize) i * n;

    if (i > 0)
      g_assert_cmpfloat (values[i], <=, values[i - 1]);
    for (int j = 0; j < n; j++) {
      g_assert_cmpfloat (fabs (gh_dot (copy + (gsize) j * n, v, n) - values[i] * v[j]), <=, tolerance);
      g_assert_cmpfloat (fabs (gh_dot (a + (gsize) j * n, v, n) - (i == j)), <=, 1e-13 * n);
    }
  }
}

static void
test_eigen (void)
{
  g_autoptr (GRand) rand = gh_rand_new (1, 0);

  for (int n = 1; n <= 40; n += n < 8 ? 1 : 7) {
    for (int rank = 0; rank <= n; rank += MAX (n / 3, 1)) {
      g_autofree double *x = random_matrix (rand, n * MAX (rank, 1)), *gram = g_new0 (double, n * n);

      if (rank > 0)
        gh_gram (gram, x, n, rank);
      check_eigen (gram, n, 10 * n);
    }
  }
}

static void
test_tridiagonal (void)
{
  g_autoptr (GRand) rand = gh_rand_new (12, 0);

  for (int n = 1; n <= 30; n += n < 6 ? 1 : 8) {
    g_autofree double *x = random_matrix (rand, n * n), *a = g_new (double, n * n), *copy = NULL;
    g_autofree double *d = g_new (double, n), *e = g_new (double, n);

    gh_gram (a, x, n, n);
    copy = g_memdup2 (a, sizeof *a * n * n);
    gh_tridiagonal (a, d, e, n);
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        double sum = 0;

        for (int k = 0; k < n; k++)
          sum += a[k * n + i] * (d[k] * a[k * n + j] + (k > 0 ? e[k - 1] * a[(k - 1) * n + j] : 0)
              + (k < n - 1 ? e[k] * a[(k + 1) * n + j] : 0));
        g_assert_cmpfloat_with_epsilon (sum, copy[i * n + j], 1e-12 * n * n);
        g_assert_cmpfloat_with_epsilon (gh_dot (a + i * n, a + j * n, n), i == j, 1e-13 * n);
      }
    }
  }
}

static void
test_eigen_special (void)
{
  /* Equal and zero values, already diagonal, huge and tiny. */
  double diagonal[] = { 2, 0, 0, 0, 2, 0, 0, 0, -1 };
  double ones[25], huge[] = { 1e200, 2e199, 2e199, 3e200 }, tiny[] = { 1e-200, 2e-201, 2e-201, 3e-200 };
  double bad[] = { 1, NAN, NAN, 1 }, values[2];

  for (int i = 0; i < 25; i++)
    ones[i] = 1;
  check_eigen (diagonal, 3, 1);
  check_eigen (ones, 5, 5);
  check_eigen (huge, 2, 1e200);
  check_eigen (tiny, 2, 1e-200);
  g_assert_false (gh_eigen_symmetric (bad, values, 2));
}

static void
test_solve (void)
{
  g_autoptr (GRand) rand = gh_rand_new (2, 0);
  const int n = 17, m = 3;
  g_autofree double *x = random_matrix (rand, n * 30), *a = g_new (double, n * n), *b = random_matrix (rand, n * m);
  g_autofree double *copy = NULL, *want = g_memdup2 (b, sizeof *b * n * m);
  double indefinite[] = { 1, 2, 2, 1 }, c[2] = { 1, 1 };

  gh_gram (a, x, n, 30);
  copy = g_memdup2 (a, sizeof *a * n * n);
  g_assert_true (gh_solve_positive (a, b, n, m));
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < m; k++) {
      double sum = 0;

      for (int j = 0; j < n; j++)
        sum += copy[i * n + j] * b[j * m + k];
      g_assert_cmpfloat_with_epsilon (sum, want[i * m + k], 1e-10);
    }
  }
  g_assert_false (gh_solve_positive (indefinite, c, 2, 1));
}

/* ---- the decomposition --------------------------------------------------------------------------------- */

static float *
random_inputs (GRand *rand, int n, int dim, const double *scale)
{
  float *x = g_new (float, (gsize) n * dim);

  for (int i = 0; i < n; i++)
    for (int j = 0; j < dim; j++)
      x[(gsize) i * dim + j] = gh_rand_normal (rand) * (scale ? scale[j] : 1 + j % 3) + j;
  return x;
}

static int *
count_up (int n)
{
  int *rows = g_new (int, n);

  for (int i = 0; i < n; i++)
    rows[i] = i;
  return rows;
}

static void
check_spectrum (int n, int dim)
{
  g_autoptr (GRand) rand = gh_rand_new (3, n);
  g_autofree float *x = random_inputs (rand, n, dim, NULL);
  g_autofree int *rows = count_up (n);
  g_autoptr (GhScales) scales = gh_scales_new (x, dim, rows, n);
  g_autoptr (GhSpectrum) s = gh_spectrum_new (x, scales, rows, n, 0);
  g_autofree double *z = g_new (double, dim);

  g_assert_cmpint (s->rank, ==, MIN (n - 1, dim));
  for (int i = 0; i < n; i++) {
    gh_scales_apply (scales, x + (gsize) i * dim, z);
    for (int j = 0; j < dim; j++) {
      double sum = 0;

      for (int k = 0; k < s->rank; k++)
        sum += s->u[i * s->rank + k] * sqrt (s->value[k]) * s->v[(gsize) k * dim + j];
      g_assert_cmpfloat_with_epsilon (sum, z[j], 1e-8);
    }
  }
}

static void
test_spectrum (void)
{
  check_spectrum (12, 30);      /* by rows */
  check_spectrum (40, 7);       /* by columns */
  check_spectrum (2, 5);
}

static void
test_spectrum_degenerate (void)
{
  g_autoptr (GRand) rand = gh_rand_new (4, 0);
  const double scale[] = { 1, 0, 1e30, 0, 1e-30, 2 };
  g_autofree float *x = random_inputs (rand, 9, 6, scale), *same = g_new (float, 9 * 6);
  g_autofree int *rows = count_up (9);
  g_autoptr (GhScales) scales = gh_scales_new (x, 6, rows, 9), flat = NULL;
  g_autoptr (GhSpectrum) s = gh_spectrum_new (x, scales, rows, 9, 0), none = NULL;

  for (int j = 0; j < 6; j++) {
    g_assert_true (isfinite (scales->mean[j]) && isfinite (scales->std[j]) && scales->std[j] > 0);
    for (int k = 0; k < s->rank && (j == 1 || j == 3); k++)
      g_assert_cmpfloat (fabs (s->v[k * 6 + j]), <=, 1e-12);
  }
  for (int i = 0; i < 9 * 6; i++)
    same[i] = 1e20f;
  flat = gh_scales_new (same, 6, rows, 9);
  none = gh_spectrum_new (same, flat, rows, 9, 0);
  g_assert_cmpint (none->rank, ==, 0);
}

/* ---- ridge --------------------------------------------------------------------------------------------- */

typedef struct {
  int n, dim, outputs;
  float *x;
  double *y;                    /* [n,outputs] */
  int *rows;
} Problem;

static Problem
make_problem (int seed, int n, int dim, int outputs)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  Problem p = { n, dim, outputs, random_inputs (rand, n, dim, NULL), random_matrix (rand, n * outputs), count_up (n) };

  return p;
}

static void
problem_clear (Problem *p)
{
  g_free (p->x);
  g_free (p->y);
  g_free (p->rows);
}

/* The textbook way: (Zc^T Zc + penalty) w = Zc^T yc over rows[n], with z standardised; predicts row `at`. */
static void
closed_form (const Problem *p, const GhScales *scales, const int *rows, int n, double penalty, int at, double *y)
{
  int dim = p->dim;
  g_autofree double *z = g_new (double, (gsize) (n + 1) * dim), *mean = g_new0 (double, dim);
  g_autofree double *a = g_new0 (double, (gsize) dim * dim), *b = g_new0 (double, (gsize) dim * p->outputs);
  g_autofree double *my = g_new0 (double, p->outputs);

  for (int i = 0; i <= n; i++)
    gh_scales_apply (scales, p->x + (gsize) (i < n ? rows[i] : at) * dim, z + (gsize) i * dim);
  for (int i = 0; i < n; i++) {
    gh_axpy (mean, 1.0 / n, z + (gsize) i * dim, dim);
    gh_axpy (my, 1.0 / n, p->y + (gsize) rows[i] * p->outputs, p->outputs);
  }
  for (int i = 0; i <= n; i++)
    gh_axpy (z + (gsize) i * dim, -1, mean, dim);
  for (int i = 0; i < n; i++) {
    for (int j = 0; j < dim; j++) {
      gh_axpy (a + (gsize) j * dim, z[(gsize) i * dim + j], z + (gsize) i * dim, dim);
      for (int o = 0; o < p->outputs; o++)
        b[j * p->outputs + o] += z[(gsize) i * dim + j] * (p->y[rows[i] * p->outputs + o] - my[o]);
    }
  }
  for (int j = 0; j < dim; j++)
    a[(gsize) j * dim + j] += penalty;
  g_assert_true (gh_solve_positive (a, b, dim, p->outputs));
  for (int o = 0; o < p->outputs; o++) {
    y[o] = my[o];
    for (int j = 0; j < dim; j++)
      y[o] += z[(gsize) n * dim + j] * b[j * p->outputs + o];
  }
}

static void
check_ridge (int n, int dim, double penalty)
{
  Problem p = make_problem (5, n, dim, 2);
  g_autoptr (GhScales) scales = gh_scales_new (p.x, dim, p.rows, n);
  g_autoptr (GhSpectrum) s = gh_spectrum_new (p.x, scales, p.rows, n, 0);
  g_autofree double *held_out = g_new (double, n * 2), *c = g_new (double, s->rank * 2), *z = g_new (double, dim);
  g_autofree int *others = g_new (int, n);
  double want[2];

  gh_ridge_solve (s, p.y, 2, NULL, penalty, held_out, c);
  for (int i = 0; i < n; i++) {
    int m = 0;

    /* fitted */
    closed_form (&p, scales, p.rows, n, penalty, i, want);
    gh_scales_apply (scales, p.x + (gsize) i * dim, z);
    for (int o = 0; o < 2; o++) {
      double sum = 0;

      for (int k = 0; k < n; k++)
        sum += p.y[k * 2 + o] / n;
      for (int k = 0; k < s->rank; k++)
        sum += gh_dot (s->v + (gsize) k * dim, z, dim) * c[k * 2 + o];
      g_assert_cmpfloat_with_epsilon (sum, want[o], 1e-8);
    }
    /* held out */
    for (int k = 0; k < n; k++)
      if (k != i)
        others[m++] = k;
    closed_form (&p, scales, others, m, penalty, i, want);
    for (int o = 0; o < 2; o++)
      g_assert_cmpfloat_with_epsilon (held_out[i * 2 + o], want[o], 1e-7);
  }
  problem_clear (&p);
}

static void
test_ridge (void)
{
  check_ridge (9, 20, 3.0);
  check_ridge (9, 20, 1e-2);
  check_ridge (25, 6, 1.0);
  check_ridge (25, 6, 1e4);
}

static void
test_groups (void)
{
  Problem p = make_problem (6, 14, 5, 1);
  const int groups[] = { 7, 7, 7, -1, 4, 4, 9, 4, 4, 3, 2, 2, 7, 8 };
  g_autoptr (GhScales) scales = gh_scales_new (p.x, 5, p.rows, 14);
  g_autoptr (GhSpectrum) s = gh_spectrum_new (p.x, scales, p.rows, 14, 0);
  g_autofree double *held_out = g_new (double, 14), *c = g_new (double, s->rank);

  gh_ridge_solve (s, p.y, 1, groups, 0.7, held_out, c);
  for (int i = 0; i < 14; i++) {
    int others[14], m = 0;
    double want;

    for (int k = 0; k < 14; k++)
      if (groups[k] != groups[i])
        others[m++] = k;
    closed_form (&p, scales, others, m, 0.7, i, &want);
    g_assert_cmpfloat_with_epsilon (held_out[i], want, 1e-8);
  }
  problem_clear (&p);
}

/* The mixture finds a planted line with many labels, stays near the mean on noise, and predicts what it says. */
static void
test_mixture (void)
{
  Problem p = make_problem (7, 120, 20, 1);
  g_autoptr (GhScales) scales = gh_scales_new (p.x, 20, p.rows, 120);
  g_autoptr (GhSpectrum) s = gh_spectrum_new (p.x, scales, p.rows, 120, 0);
  g_autoptr (GhRidge) noise = gh_ridge_new (s, p.y, 1, NULL, gh_misfit_squared), line = NULL;
  double z[20], y, error = 0, spread = 0;

  g_assert_cmpfloat (noise->penalty, >, 0.3);
  for (int i = 0; i < 120; i++)
    p.y[i] = p.x[i * 20] - 2 * p.x[i * 20 + 5] + 3;
  line = gh_ridge_new (s, p.y, 1, NULL, gh_misfit_squared);
  g_assert_cmpfloat (line->penalty, <, 0.01);
  for (int i = 0; i < 120; i++) {
    gh_scales_apply (scales, p.x + i * 20, z);
    gh_ridge_predict (line, z, 20, &y);
    error += fabs (y - p.y[i]) / 120;
    spread += fabs (p.y[i] - line->bias[0]) / 120;
  }
  g_assert_cmpfloat (error, <, 0.01 * spread);
  problem_clear (&p);
}

static void
test_constant (void)
{
  Problem p = make_problem (8, 8, 12, 1);
  g_autoptr (GhScales) scales = gh_scales_new (p.x, 12, p.rows, 8);
  g_autoptr (GhSpectrum) s = gh_spectrum_new (p.x, scales, p.rows, 8, 0);
  g_autoptr (GhRidge) ridge = NULL;

  for (int i = 0; i < 8; i++)
    p.y[i] = 0.1;
  ridge = gh_ridge_new (s, p.y, 1, NULL, gh_misfit_squared);
  for (int i = 0; i < 8; i++)
    g_assert_cmpfloat_with_epsilon (ridge->held_out[i], 0.1, 1e-12);
  for (int j = 0; j < 12; j++)
    g_assert_cmpfloat (fabs (ridge->weight[j]), <, 1e-12);
  problem_clear (&p);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/linalg/eigen", test_eigen);
  g_test_add_func ("/linalg/tridiagonal", test_tridiagonal);
  g_test_add_func ("/linalg/eigen-special", test_eigen_special);
  g_test_add_func ("/linalg/solve", test_solve);
  g_test_add_func ("/spectrum/rebuilds", test_spectrum);
  g_test_add_func ("/spectrum/degenerate", test_spectrum_degenerate);
  g_test_add_func ("/ridge/closed-form", test_ridge);
  g_test_add_func ("/ridge/groups", test_groups);
  g_test_add_func ("/ridge/mixture", test_mixture);
  g_test_add_func ("/ridge/constant-targets", test_constant);
  return g_test_run ();
}
