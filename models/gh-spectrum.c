/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-spectrum.c: the thin singular value decomposition by the smaller Gram matrix.
 */
#include "gh-spectrum.h"
#include "gh-linalg.h"

#include <math.h>
#include <string.h>

/* Squared singular values below this part of the largest are rounding. */
#define RANK_TOLERANCE 1e-11

static int
count_rank (const double *value, int n)
{
  int rank = 0;

  while (rank < n && value[rank] > RANK_TOLERANCE * value[0])
    rank++;
  return rank;
}

/* From the eigenvectors g[n,n] of z z^T: u = g^T, v = diag(value)^-1/2 g z. */
static void
from_rows (GhSpectrum *s, const double *z, const double *g)
{
  for (int k = 0; k < s->rank; k++) {
    double *v = s->v + (gsize) k * s->dim, scale = 1 / sqrt (s->value[k]);

    for (int i = 0; i < s->n; i++) {
      double u = g[(gsize) k * s->n + i];

      s->u[(gsize) i * s->rank + k] = u;
      gh_axpy (v, u * scale, z + (gsize) i * s->dim, s->dim);
    }
  }
}

/* From the eigenvectors g[dim,dim] of z^T z: v = g, u = z g^T diag(value)^-1/2. */
static void
from_columns (GhSpectrum *s, const double *z, const double *g)
{
  memcpy (s->v, g, (gsize) s->rank * s->dim * sizeof *g);
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < s->rank; k++)
      s->u[(gsize) i * s->rank + k] = gh_dot (z + (gsize) i * s->dim, g + (gsize) k * s->dim, s->dim)
          / sqrt (s->value[k]);
}

static double *
transpose (const double *z, int n, int dim)
{
  double *t = g_new (double, (gsize) n * dim);

  for (int i = 0; i < n; i++)
    for (int j = 0; j < dim; j++)
      t[(gsize) j * n + i] = z[(gsize) i * dim + j];
  return t;
}

static void
decompose (GhSpectrum *s, const double *z)
{
  gboolean by_rows = s->n <= s->dim;
  int size = MIN (s->n, s->dim);
  g_autofree double *gram = g_new (double, (gsize) size * size), *value = g_new (double, size);

  if (by_rows) {
    gh_gram (gram, z, s->n, s->dim);
  } else {
    g_autofree double *columns = transpose (z, s->n, s->dim);

    gh_gram (gram, columns, s->dim, s->n);
  }
  s->rank = gh_eigen_symmetric (gram, value, size) && value[0] > 0 ? count_rank (value, size) : 0;
  s->value = g_memdup2 (value, MAX (s->rank, 1) * sizeof *value);
  s->u = g_new0 (double, (gsize) s->n * MAX (s->rank, 1));
  s->v = g_new0 (double, (gsize) MAX (s->rank, 1) * s->dim);
  if (by_rows)
    from_rows (s, z, gram);
  else
    from_columns (s, z, gram);
}

GhSpectrum *
gh_spectrum_new (const float *x, const GhScales *scales, const int *rows, int n)
{
  GhSpectrum *s = g_new0 (GhSpectrum, 1);
  g_autofree double *z = g_new (double, (gsize) n * scales->dim);

  s->n = n;
  s->dim = scales->dim;
  for (int i = 0; i < n; i++)
    gh_scales_apply (scales, x + (gsize) rows[i] * s->dim, z + (gsize) i * s->dim);
  decompose (s, z);
  return s;
}

void
gh_spectrum_free (GhSpectrum *s)
{
  if (!s)
    return;
  g_free (s->value);
  g_free (s->u);
  g_free (s->v);
  g_free (s);
}
