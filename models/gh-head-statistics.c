/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-statistics.c: see the header. */
#include "gh-head-statistics.h"
#include "gh-linalg.h"

#include <math.h>

/* What is left of a covariance that varies nowhere. */
#define LEAST_SHRINKAGE 1e-6

/* zt[dim,n]: standardised, a row for every number of the embedding. */
static double *
standardise (const GhScales *scales, const float *x, int n)
{
  const int dim = scales->dim;
  double *zt = g_new (double, (gsize) dim * n);

  for (int i = 0; i < n; i++)
    for (int j = 0; j < dim; j++)
      zt[(gsize) j * n + i] = (x[(gsize) i * dim + j] - scales->mean[j]) / scales->std[j];
  return zt;
}

/* The sum over rows of |z|^4. */
static double
fourth_powers (const double *zt, int n, int dim)
{
  g_autofree double *square = g_new0 (double, n);
  double sum = 0;

  for (int j = 0; j < dim; j++)
    for (int i = 0; i < n; i++)
      square[i] += zt[(gsize) j * n + i] * zt[(gsize) j * n + i];
  for (int i = 0; i < n; i++)
    sum += square[i] * square[i];
  return sum;
}

/* How much of covariance[dim,dim] is noise of having seen n rows, and *size, the mean of its diagonal. */
static double
find_shrinkage (const double *covariance, const double *zt, int n, int dim, double *size)
{
  const gsize cells = (gsize) dim * dim;
  double trace = 0, squares, apart, noise;

  for (int j = 0; j < dim; j++)
    trace += covariance[(gsize) j * dim + j];
  *size = trace > 0 ? trace / dim : 1;
  squares = gh_dot (covariance, covariance, cells);
  apart = squares - trace * trace / dim;        /* from the identity, times its size */
  noise = (fourth_powers (zt, n, dim) / n - squares) / n;
  return apart > 0 ? CLAMP (noise / apart, LEAST_SHRINKAGE, 1) : 1;
}

static void
find_metric (GhHeadStatistics *s, const float *x, int n)
{
  const int dim = s->scales->dim;
  g_autofree double *zt = standardise (s->scales, x, n), *covariance = g_new (double, (gsize) dim * dim);
  double size;

  gh_gram (covariance, zt, dim, n);
  for (gsize i = 0; i < (gsize) dim * dim; i++)
    covariance[i] /= n;
  s->shrinkage = find_shrinkage (covariance, zt, n, dim, &size);
  s->metric = g_new0 (double, (gsize) dim * dim);
  for (int j = 0; j < dim; j++) {
    for (int k = 0; k < dim; k++)
      covariance[(gsize) j * dim + k] *= (1 - s->shrinkage) / size;
    covariance[(gsize) j * dim + j] += s->shrinkage;
    s->metric[(gsize) j * dim + j] = 1;
  }
  if (!gh_solve_positive (covariance, s->metric, dim, dim))
    g_assert_not_reached ();            /* no eigenvalue is below the shrinkage but by rounding, far smaller */
}

GhHeadStatistics *
gh_head_statistics_new (const float *x, int n, int dim, gboolean whiten)
{
  GhHeadStatistics *s = g_new0 (GhHeadStatistics, 1);
  g_autofree int *rows = g_new (int, n);

  for (int i = 0; i < n; i++)
    rows[i] = i;
  s->scales = gh_scales_new (x, dim, rows, n);
  if (whiten)
    find_metric (s, x, n);
  return s;
}

void
gh_head_statistics_free (GhHeadStatistics *s)
{
  if (!s)
    return;
  gh_scales_free (s->scales);
  g_free (s->metric);
  g_free (s);
}
