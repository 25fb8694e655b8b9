/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-linalg.c: symmetric eigenproblems and Cholesky's solution, as in Golub & Van Loan, Matrix Computations,
 * sections 8.3 and 4.2. Every inner loop runs along rows in memory.
 */
#include "gh-linalg.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* QL needs about two steps per eigenvalue; a finite matrix never comes near this. */
#define MAX_STEPS 60

/* 16 bytes fit a register of every machine. */
typedef double Lanes __attribute__ ((vector_size (16), aligned (8), may_alias));

/* Eight sums side by side: one sum alone would wait for each addition. */
double
gh_dot (const double *a, const double *b, gsize n)
{
  Lanes s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
  double sum;
  gsize i = 0;

  for (; i + 8 <= n; i += 8) {
    s0 += *(const Lanes *) (a + i) * *(const Lanes *) (b + i);
    s1 += *(const Lanes *) (a + i + 2) * *(const Lanes *) (b + i + 2);
    s2 += *(const Lanes *) (a + i + 4) * *(const Lanes *) (b + i + 4);
    s3 += *(const Lanes *) (a + i + 6) * *(const Lanes *) (b + i + 6);
  }
  s0 = (s0 + s1) + (s2 + s3);
  sum = s0[0] + s0[1];
  for (; i < n; i++)
    sum += a[i] * b[i];
  return sum;
}

void
gh_axpy (double *y, double alpha, const double *x, gsize n)
{
  const Lanes both = { alpha, alpha };
  gsize i = 0;

  for (; i + 4 <= n; i += 4) {
    Lanes low = *(const Lanes *) (y + i) + both * *(const Lanes *) (x + i);
    Lanes high = *(const Lanes *) (y + i + 2) + both * *(const Lanes *) (x + i + 2);

    *(Lanes *) (y + i) = low;
    *(Lanes *) (y + i + 2) = high;
  }
  for (; i < n; i++)
    y[i] += alpha * x[i];
}

/* Four rows at a time: y is read and written once for them. */
void
gh_axpy_rows (double *y, const double *alpha, const double *x, int rows, gsize n)
{
  int k = 0;

  for (; k + 4 <= rows; k += 4) {
    const double *a = x + k * n, *b = a + n, *c = b + n, *d = c + n;
    const Lanes by_a = { alpha[k], alpha[k] }, by_b = { alpha[k + 1], alpha[k + 1] };
    const Lanes by_c = { alpha[k + 2], alpha[k + 2] }, by_d = { alpha[k + 3], alpha[k + 3] };
    gsize i = 0;

    for (; i + 2 <= n; i += 2)
      *(Lanes *) (y + i) += (by_a * *(const Lanes *) (a + i) + by_b * *(const Lanes *) (b + i))
          + (by_c * *(const Lanes *) (c + i) + by_d * *(const Lanes *) (d + i));
    for (; i < n; i++)
      y[i] += (alpha[k] * a[i] + alpha[k + 1] * b[i]) + (alpha[k + 2] * c[i] + alpha[k + 3] * d[i]);
  }
  for (; k < rows; k++)
    gh_axpy (y, alpha[k], x + k * n, n);
}

/* z += alpha x + beta y */
static void
axpy_two (double *z, double alpha, const double *x, double beta, const double *y, gsize n)
{
  const Lanes by_x = { alpha, alpha }, by_y = { beta, beta };
  gsize i = 0;

  for (; i + 2 <= n; i += 2)
    *(Lanes *) (z + i) += by_x * *(const Lanes *) (x + i) + by_y * *(const Lanes *) (y + i);
  for (; i < n; i++)
    z[i] += alpha * x[i] + beta * y[i];
}

/* y += alpha x, and x^T z: one row of a symmetric product, read once. y is none of the others. */
static double
axpy_dot (double *y, double alpha, const double *x, const double *z, gsize n)
{
  const Lanes both = { alpha, alpha };
  Lanes s0 = { 0 }, s1 = { 0 };
  double sum;
  gsize i = 0;

  for (; i + 4 <= n; i += 4) {
    const Lanes low = *(const Lanes *) (x + i), high = *(const Lanes *) (x + i + 2);

    *(Lanes *) (y + i) += both * low;
    *(Lanes *) (y + i + 2) += both * high;
    s0 += low * *(const Lanes *) (z + i);
    s1 += high * *(const Lanes *) (z + i + 2);
  }
  s0 += s1;
  sum = s0[0] + s0[1];
  for (; i < n; i++) {
    y[i] += alpha * x[i];
    sum += x[i] * z[i];
  }
  return sum;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

void
gh_sort (double *x, gsize n)
{
  qsort (x, n, sizeof *x, compare_doubles);
}

double
gh_median (double *x, gsize n)
{
  gh_sort (x, n);
  return x[n / 2];
}

void
gh_gram (double *gram, const double *x, int n, int dim)
{
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++)
      gram[(gsize) i * n + j] = gram[(gsize) j * n + i] = gh_dot (x + (gsize) i * dim, x + (gsize) j * dim, dim);
}

/* ---- symmetric eigenproblem --------------------------------------------------------------------------- */

/* p = A v for the symmetric A held in the lower triangle of the last n rows and columns of a (row length ld). */
static void
symmetric_times (double *p, const double *a, gsize ld, const double *v, int n)
{
  for (int i = 0; i < n; i++) {
    const double *row = a + i * ld;

    p[i] = row[i] * v[i] + axpy_dot (p, v[i], row, v, i);
  }
}

/* Reflects column k below the diagonal onto its first element: A becomes H A H with H = I - beta v v^T, where v (whose
 * length is n-k-1) goes to `v` and beta is returned. *below gets the element that is left. */
static double
reflect (double *a, int n, int k, double *v, double *p, double *below)
{
  int m = n - k - 1;
  double *sub = a + (gsize) (k + 1) * n + k + 1, norm, beta, half;

  for (int i = 0; i < m; i++)
    v[i] = a[(gsize) (k + 1 + i) * n + k];
  norm = sqrt (gh_dot (v, v, m));
  *below = v[0];
  if (norm == fabs (v[0]))      /* nothing below the first element */
    return 0;
  *below = v[0] > 0 ? -norm : norm;
  v[0] -= *below;
  beta = 2 / gh_dot (v, v, m);

  /* A - v w^T - w v^T with w = beta A v - (beta^2/2 v^T A v) v, lower triangle only. */
  symmetric_times (p, sub, n, v, m);
  half = 0.5 * beta * beta * gh_dot (p, v, m);
  for (int i = 0; i < m; i++)
    p[i] = beta * p[i] - half * v[i];
  for (int i = 0; i < m; i++)
    axpy_two (sub + (gsize) i * n, -v[i], p, -p[i], v, i + 1);
  return beta;
}

/* q[n,n] = (H_0 H_1 ... H_{n-3})^T, from the vectors in the rows of `vectors`. */
static void
gather_reflections (double *q, const double *vectors, const double *beta, int n)
{
  memset (q, 0, (gsize) n * n * sizeof *q);
  for (int i = 0; i < n; i++)
    q[(gsize) i * n + i] = 1;
  for (int k = n - 3; k >= 0; k--) {
    const double *v = vectors + (gsize) k * n;
    int m = n - k - 1;
    double *sub = q + (gsize) (k + 1) * n + k + 1;

    for (int i = 0; i < m; i++) {
      double *row = sub + (gsize) i * n;

      gh_axpy (row, -beta[k] * gh_dot (row, v, m), v, m);
    }
  }
}

/* Turns rows i and i+1 by the angle of (c, s). */
static void
rotate_rows (double *z, int n, int i, double c, double s)
{
  double *restrict low = z + (gsize) i * n, *restrict high = low + n;

  for (int k = 0; k < n; k++) {
    double a = low[k], b = high[k];

    high[k] = s * a + c * b;
    low[k] = c * a - s * b;
  }
}

/* One implicit QL step with Wilkinson's shift on the unreduced block l..m of the three diagonals. */
static void
ql_step (double *d, double *e, double *z, int n, int l, int m)
{
  double g = (d[l + 1] - d[l]) / (2 * e[l]), r = hypot (g, 1), s = 1, c = 1, shift = 0;

  g = d[m] - d[l] + e[l] / (g + copysign (r, g));
  for (int i = m - 1; i >= l; i--) {
    double f = s * e[i], b = c * e[i];

    r = hypot (f, g);
    e[i + 1] = r;
    if (r == 0) {               /* the block falls apart here by itself */
      d[i + 1] -= shift;
      e[m] = 0;
      return;
    }
    s = f / r;
    c = g / r;
    g = d[i + 1] - shift;
    r = (d[i] - g) * s + 2 * c * b;
    shift = s * r;
    d[i + 1] = g + shift;
    g = c * r - b;
    rotate_rows (z, n, i, c, s);
  }
  d[l] -= shift;
  e[l] = g;
  e[m] = 0;
}

/* d[n] diagonal, e[n] beside it (e[n-1] unused); the rows of z turn into eigenvectors. */
static gboolean
diagonalise (double *d, double *e, double *z, int n)
{
  double norm = 0;

  e[n - 1] = 0;
  for (int i = 0; i < n; i++) {
    double size = fabs (d[i]) + fabs (e[i]);

    if (!isfinite (size))
      return FALSE;
    norm = MAX (norm, size);
  }
  for (int l = 0; l < n; l++) {
    for (int step = 0;; step++) {
      int m = l;

      while (m < n - 1 && fabs (e[m]) > DBL_EPSILON * norm * 0.25)
        m++;
      if (m == l)
        break;
      if (step == MAX_STEPS)
        return FALSE;
      ql_step (d, e, z, n, l, m);
    }
  }
  return TRUE;
}

/* Selection sort of the rows by descending value, and a sign for each. */
static void
order_rows (double *z, double *values, int n)
{
  for (int i = 0; i < n; i++) {
    double *row = z + (gsize) i * n;
    int best = i, peak = 0;

    for (int j = i + 1; j < n; j++)
      if (values[j] > values[best])
        best = j;
    if (best != i) {
      double *other = z + (gsize) best * n, value = values[i];

      values[i] = values[best];
      values[best] = value;
      for (int k = 0; k < n; k++) {
        double swap = row[k];

        row[k] = other[k];
        other[k] = swap;
      }
    }
    for (int k = 1; k < n; k++)
      if (fabs (row[k]) > fabs (row[peak]))
        peak = k;
    if (row[peak] < 0)
      for (int k = 0; k < n; k++)
        row[k] = -row[k];
  }
}

void
gh_tridiagonal (double *a, double *d, double *e, int n)
{
  g_autofree double *vectors = g_new0 (double, (gsize) n * n);
  g_autofree double *beta = g_new0 (double, n), *t = g_new (double, n);

  for (int k = 0; k + 2 < n; k++)
    beta[k] = reflect (a, n, k, vectors + (gsize) k * n, t, &e[k]);
  if (n > 1)
    e[n - 2] = a[(gsize) (n - 1) * n + n - 2];
  for (int i = 0; i < n; i++)
    d[i] = a[(gsize) i * n + i];
  gather_reflections (a, vectors, beta, n);
}

gboolean
gh_eigen_symmetric (double *a, double *values, int n)
{
  g_autofree double *e = g_new0 (double, n);

  gh_tridiagonal (a, values, e, n);
  if (n > 0 && !diagonalise (values, e, a, n))
    return FALSE;
  order_rows (a, values, n);
  return TRUE;
}

/* ---- positive definite systems ------------------------------------------------------------------------ */

gboolean
gh_solve_positive (double *a, double *b, int n, int m)
{
  for (int j = 0; j < n; j++) {
    double *row = a + (gsize) j * n;

    for (int i = 0; i < j; i++) {
      const double *other = a + (gsize) i * n;

      row[i] = (row[i] - gh_dot (row, other, i)) / other[i];
    }
    row[j] -= gh_dot (row, row, j);
    if (!(row[j] > 0))
      return FALSE;
    row[j] = sqrt (row[j]);
  }
  for (int i = 0; i < n; i++) {
    for (int k = 0; k < i; k++)
      gh_axpy (b + (gsize) i * m, -a[(gsize) i * n + k], b + (gsize) k * m, m);
    for (int c = 0; c < m; c++)
      b[(gsize) i * m + c] /= a[(gsize) i * n + i];
  }
  for (int i = n - 1; i >= 0; i--) {
    for (int c = 0; c < m; c++)
      b[(gsize) i * m + c] /= a[(gsize) i * n + i];
    for (int k = 0; k < i; k++)
      gh_axpy (b + (gsize) k * m, -a[(gsize) i * n + k], b + (gsize) i * m, m);
  }
  return TRUE;
}
