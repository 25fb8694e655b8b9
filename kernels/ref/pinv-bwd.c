/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pinv-bwd.c: the gradient of the pseudo-inverse iteration, last step first. One step is
 *   P = A Z, T1 = 7 I - P, T2 = 15 I - P T1, T3 = 13 I - P T2, Z' = Z T3 / 4
 * and with g(X) for the gradient of X:
 *   g(T3) = Z^T g(Z') / 4, g(T2) = -P^T g(T3), g(T1) = -P^T g(T2), g(P) = -g(T3) T2^T - g(T2) T1^T - g(T1),
 *   g(Z) = g(Z') T3^T / 4 + A^T g(P), g(A) += g(P) Z^T.
 * Z comes from the trail, the rest is computed again, all in double.
 */
#include "ref.h"

#include <string.h>

enum { PLAIN = 0, TRANS_A = 1, TRANS_B = 2 };

/* c = scale op(a) op(b) + diagonal I, or added to c, all [M,M]. */
static void
product (double *c, double scale, const double *a, const double *b, int trans, double diagonal, bool add, int M)
{
  ptrdiff_t a_row = trans & TRANS_A ? 1 : M, a_col = trans & TRANS_A ? M : 1;
  ptrdiff_t b_row = trans & TRANS_B ? 1 : M, b_col = trans & TRANS_B ? M : 1;

  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++) {
      double sum = 0;
      for (int k = 0; k < M; k++)
        sum += a[i * a_row + k * a_col] * b[k * b_row + j * b_col];
      sum = scale * sum + (i == j ? diagonal : 0);
      c[(size_t) i * M + j] = add ? c[(size_t) i * M + j] + sum : sum;
    }
  }
}

/* One step backwards: g, the gradient of Z', becomes that of Z; ga accumulates. */
static void
step_back (double *g, double *ga, const double *a, const double *z, double *work, int M)
{
  size_t n = (size_t) M * M;
  double *p = work, *t1 = p + n, *t2 = t1 + n, *t3 = t2 + n, *g1 = t3 + n, *g2 = g1 + n, *g3 = g2 + n, *gp = g3 + n;

  product (p, 1, a, z, PLAIN, 0, false, M);
  for (size_t i = 0; i < n; i++)
    t1[i] = (i % (M + 1) == 0 ? 7 : 0) - p[i];
  product (t2, -1, p, t1, PLAIN, 15, false, M);
  product (t3, -1, p, t2, PLAIN, 13, false, M);
  product (g3, 0.25, z, g, TRANS_A, 0, false, M);
  product (g2, -1, p, g3, TRANS_A, 0, false, M);
  product (g1, -1, p, g2, TRANS_A, 0, false, M);
  for (size_t i = 0; i < n; i++)
    gp[i] = -g1[i];
  product (gp, -1, g3, t2, TRANS_B, 0, true, M);
  product (gp, -1, g2, t1, TRANS_B, 0, true, M);
  product (g1, 0.25, g, t3, TRANS_B, 0, false, M);
  product (g1, 1, a, gp, TRANS_A, 0, true, M);
  product (ga, 1, gp, z, TRANS_B, 0, true, M);
  memcpy (g, g1, n * sizeof *g);
}

GhStatus
gh_ref_pinv_bwd (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M,
    int iters)
{
  size_t n = (size_t) M * M;
  double *work = gh_scratch (ctx, 12 * n * sizeof *work);

  if (!work)
    return GH_NOMEM;
  double *ad = work, *zd = ad + n, *g = zd + n, *ga = g + n;
  for (size_t index = 0; index < (size_t) count; index++) {
    for (size_t i = 0; i < n; i++) {
      ad[i] = a[index * n + i];
      g[i] = dz[index * n + i];
      ga[i] = 0;
    }
    for (int iter = iters - 1; iter >= 0; iter--) {
      for (size_t i = 0; i < n; i++)
        zd[i] = trail[(iter * (size_t) count + index) * n + i];
      step_back (g, ga, ad, zd, ga + n, M);
    }
    double scale = gh_ref_pinv_scale (a + index * n, M);
    for (int i = 0; i < M; i++) {
      for (int j = 0; j < M; j++)
        da[index * n + (size_t) i * M + j] = (float) (ga[(size_t) i * M + j] + scale * g[(size_t) j * M + i]);
    }
  }
  return GH_OK;
}
