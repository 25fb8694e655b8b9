/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bmm.c: many small matrix products, c = alpha op(a) op(b) + beta c.
 */
#include "ref.h"

static const float *
element (const float *p, ptrdiff_t ld, bool trans, int row, int col)
{
  return trans ? p + col * ld + row : p + row * ld + col;
}

static void
product (float *c, ptrdiff_t ldc, const float *a, ptrdiff_t lda, bool trans_a, const float *b, ptrdiff_t ldb,
    bool trans_b, float alpha, float beta, int m, int n, int k)
{
  for (int i = 0; i < m; i++) {
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (int p = 0; p < k; p++)
        sum += (double) *element (a, lda, trans_a, i, p) * *element (b, ldb, trans_b, p, j);
      c[i * ldc + j] = (float) (alpha * sum + (beta != 0 ? (double) beta * c[i * ldc + j] : 0));
    }
  }
}

GhStatus
gh_ref_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta, int B, int H,
    int m, int n, int k)
{
  for (int ib = 0; ib < B; ib++) {
    for (int ih = 0; ih < H; ih++)
      product (c.p + ib * c.stride_b + ih * c.stride_h, c.ld,
          a.p + ib * a.stride_b + ih * a.stride_h, a.ld, trans_a,
          b.p + ib * b.stride_b + ih * b.stride_h, b.ld, trans_b, alpha, beta, m, n, k);
  }
  return GH_OK;
}
