/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-spectrum.c: the thin singular value decomposition by the smaller Gram matrix.
 */
#include "gh-spectrum.h"
#include "gh-linalg.h"
#include "gh-threads.h"

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

/* Products worth a thread of their own; those of heads are smaller, and made by several threads as it is. */
#define MANY_PRODUCTS 1e9
/* Numbers of a row that are gone through at a time, so that they stay near. */
#define BLOCK 2048

typedef struct {
  GhSpectrum *s;
  const double *z;              /* [n,dim] */
  double *g;                    /* [n,n] z z^T, then its eigenvectors */
} Rows;

static int
threads_for (const GhSpectrum *s, int threads)
{
  return (double) s->n * s->n * s->dim >= MANY_PRODUCTS ? threads : 1;
}

static void
gram_row (int i, gpointer data)
{
  const Rows *r = data;
  const gsize n = r->s->n, dim = r->s->dim;

  for (int j = 0; j <= i; j++)
    r->g[i * n + j] = r->g[j * n + i] = gh_dot (r->z + i * dim, r->z + j * dim, dim);
}

/* u[:,k] and v[k] from the eigenvectors: u = g^T, v = diag(value)^-1/2 g z. */
static void
direction_from_rows (int k, gpointer data)
{
  const Rows *r = data;
  const GhSpectrum *s = r->s;
  const double *g = r->g + (gsize) k * s->n, scale = 1 / sqrt (s->value[k]);

  for (int i = 0; i < s->n; i++)
    s->u[(gsize) i * s->rank + k] = g[i];
  for (int at = 0; at < s->dim; at += BLOCK)
    for (int i = 0; i < s->n; i++)
      gh_axpy (s->v + (gsize) k * s->dim + at, g[i] * scale, r->z + (gsize) i * s->dim + at, MIN (BLOCK, s->dim - at));
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
decompose (GhSpectrum *s, const double *z, int threads)
{
  gboolean by_rows = s->n <= s->dim;
  int size = MIN (s->n, s->dim);
  g_autofree double *gram = g_new (double, (gsize) size * size), *value = g_new (double, size);
  Rows rows = { s, z, gram };

  if (by_rows) {
    gh_threads_run (threads_for (s, threads), s->n, gram_row, NULL, &rows);
  } else {
    g_autofree double *columns = transpose (z, s->n, s->dim);

    gh_gram (gram, columns, s->dim, s->n);
  }
  s->rank = gh_eigen_symmetric (gram, value, size) && value[0] > 0 ? count_rank (value, size) : 0;
  s->value = g_memdup2 (value, MAX (s->rank, 1) * sizeof *value);
  s->u = g_new0 (double, (gsize) s->n * MAX (s->rank, 1));
  s->v = g_new0 (double, (gsize) MAX (s->rank, 1) * s->dim);
  if (by_rows)
    gh_threads_run (threads_for (s, threads), s->rank, direction_from_rows, NULL, &rows);
  else
    from_columns (s, z, gram);
}

GhSpectrum *
gh_spectrum_new (const float *x, const GhScales *scales, const int *rows, int n, int threads)
{
  GhSpectrum *s = g_new0 (GhSpectrum, 1);
  g_autofree double *z = g_new (double, (gsize) n * scales->dim);

  s->n = n;
  s->dim = scales->dim;
  for (int i = 0; i < n; i++)
    gh_scales_apply (scales, x + (gsize) rows[i] * s->dim, z + (gsize) i * s->dim);
  decompose (s, z, threads);
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
