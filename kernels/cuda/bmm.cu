/* SPDX-License-Identifier: LGPL-2.1-or-later
 * bmm.cu: products of many matrices, by cuBLAS. */
#include "cuda.h"

/* One call where the matrices lie at one distance, else a call per image or per head, whichever are fewer. */
GhStatus
gh_cuda_gemm_heads (GhCtx *ctx, const GhGemm *gemm, const GhGemmSteps *s, int B, int H)
{
  GhGemm g = *gemm;
  size_t in = g.half ? sizeof (GhBf16) : sizeof (float);
  bool even = s->a_b == s->a_h * H && s->b_b == s->b_h * H && s->c_b == s->c_h * H;
  bool by_image = B < H || even;
  int calls = even ? 1 : by_image ? B : H;

  g.count = even ? B * H : by_image ? H : B;
  g.stride_a = by_image ? s->a_h : s->a_b;
  g.stride_b = by_image ? s->b_h : s->b_b;
  g.stride_c = by_image ? s->c_h : s->c_b;
  for (int i = 0; i < calls; i++) {
    g.a = (const char *) gemm->a + (ptrdiff_t) in * i * (by_image ? s->a_b : s->a_h);
    g.b = (const char *) gemm->b + (ptrdiff_t) in * i * (by_image ? s->b_b : s->b_h);
    g.c = (float *) gemm->c + i * (by_image ? s->c_b : s->c_h);
    GH_CUDA_TRY (gh_blas_gemm (ctx, &g));
  }
  return GH_OK;
}

GhStatus
gh_cuda_bmm (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta, int B, int H,
    int m, int n, int k)
{
  GhGemm g = { };
  GhGemmSteps steps = { a.stride_b, a.stride_h, b.stride_b, b.stride_h, c.stride_b, c.stride_h };

  g.m = m;
  g.n = n;
  g.k = k;
  g.a = a.p;
  g.b = b.p;
  g.c = c.p;
  g.lda = a.ld;
  g.ldb = b.ld;
  g.ldc = c.ld;
  g.trans_a = trans_a;
  g.trans_b = trans_b;
  g.alpha = alpha;
  g.beta = beta;
  return gh_cuda_gemm_heads (ctx, &g, &steps, B, H);
}
