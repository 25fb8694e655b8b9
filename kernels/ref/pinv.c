/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pinv.c: `iters` steps of the third-order iteration to the Moore-Penrose inverse, Z <- Z (13 I - P (15 I -
 * P (7 I - P))) / 4 with P = A Z, from Z0 = A^T / (r c). Everything between the steps stays in double.
 */
#include "ref.h"

#include <math.h>
#include <stdlib.h>

/* c = a b, all [M,M]. */
static void
multiply (double *c, const double *a, const double *b, int M)
{
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++)
      c[(size_t) i * M + j] = 0;
    for (int k = 0; k < M; k++) {
      double scale = a[(size_t) i * M + k];
      for (int j = 0; j < M; j++)
        c[(size_t) i * M + j] += scale * b[(size_t) k * M + j];
    }
  }
}

/* m = diagonal I - m */
static void
subtract_from_identity (double *m, double diagonal, int M)
{
  for (size_t i = 0; i < (size_t) M * M; i++)
    m[i] = -m[i];
  for (int i = 0; i < M; i++)
    m[(size_t) i * M + i] += diagonal;
}

double
gh_ref_pinv_scale (const float *a, int M)
{
  double row_top = 0, col_top = 0;

  for (int i = 0; i < M; i++) {
    double row = 0, col = 0;
    for (int j = 0; j < M; j++) {
      row += fabs (a[(size_t) i * M + j]);
      col += fabs (a[(size_t) j * M + i]);
    }
    row_top = row > row_top ? row : row_top;
    col_top = col > col_top ? col : col_top;
  }
  return row_top > 0 ? 1 / (row_top * col_top) : 0;     /* the inverse of 0 is 0 */
}

/* z <- z (13 I - p (15 I - p (7 I - p))) / 4; p, t, u are workspace. */
static void
step (double *z, const double *a, double *p, double *t, double *u, int M)
{
  size_t n = (size_t) M * M;

  multiply (p, a, z, M);
  for (size_t i = 0; i < n; i++)
    t[i] = p[i];
  subtract_from_identity (t, 7, M);
  multiply (u, p, t, M);
  subtract_from_identity (u, 15, M);
  multiply (t, p, u, M);
  subtract_from_identity (t, 13, M);
  multiply (u, z, t, M);
  for (size_t i = 0; i < n; i++)
    z[i] = u[i] / 4;
}

GhStatus
gh_ref_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters)
{
  size_t n = (size_t) M * M;
  double *work = gh_scratch (ctx, 5 * n * sizeof *work);

  if (!work)
    return GH_NOMEM;
  double *ad = work, *zd = work + n;
  for (int index = 0; index < count; index++, a += n, z += n) {
    double scale = gh_ref_pinv_scale (a, M);
    for (int i = 0; i < M; i++) {
      for (int j = 0; j < M; j++) {
        ad[(size_t) i * M + j] = a[(size_t) i * M + j];
        zd[(size_t) j * M + i] = scale * a[(size_t) i * M + j];
      }
    }
    for (int iter = 0; iter < iters; iter++) {
      for (size_t i = 0; trail && i < n; i++)
        trail[((size_t) iter * count + index) * n + i] = (float) zd[i];
      step (zd, ad, work + 2 * n, work + 3 * n, work + 4 * n, M);
    }
    for (size_t i = 0; i < n; i++)
      z[i] = (float) zd[i];
  }
  return GH_OK;
}
