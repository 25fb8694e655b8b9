/* SPDX-License-Identifier: LGPL-2.1-or-later
 * emulated-blas.cc: what kernels/cuda asks of cuBLAS, by plain loops that sum in double. */
#include "kernels/cuda/cuda.h"

#include <algorithm>
#include <vector>

GhStatus
gh_blas_open (GhCtx *ctx, char *reason, size_t reason_size)
{
  return GH_OK;
}

void
gh_blas_close (GhCtx *ctx)
{
}

static float
element (const void *p, bool half, ptrdiff_t at)
{
  return half ? gh_from_bf16 (((const GhBf16 *) p)[at]) : ((const float *) p)[at];
}

/* A row of the product at a time; b is walked along its rows, or turned first, so that the processor may look ahead. */
static void
multiply (const GhGemm &g, int index)
{
  ptrdiff_t a0 = index * g.stride_a, b0 = index * g.stride_b, c_at = index * g.stride_c;
  ptrdiff_t a_row = g.trans_a ? 1 : g.lda, a_col = g.trans_a ? g.lda : 1;
  ptrdiff_t b_row = g.trans_b ? 1 : g.ldb, b_col = g.trans_b ? g.ldb : 1;
  const void *c0 = g.c0 ? g.c0 : g.c;
  std::vector<float> b ((size_t) g.k * g.n);
  std::vector<double> sums (g.n);

  for (int k = 0; k < g.k; k++) {
    for (int j = 0; j < g.n; j++)
      b[(size_t) k * g.n + j] = element (g.b, g.half, b0 + k * b_row + j * b_col);
  }
  for (int i = 0; i < g.m; i++) {
    std::fill (sums.begin (), sums.end (), 0);
    for (int k = 0; k < g.k; k++) {
      double factor = element (g.a, g.half, a0 + i * a_row + k * a_col);
      for (int j = 0; j < g.n; j++)
        sums[j] += factor * b[(size_t) k * g.n + j];
    }
    for (int j = 0; j < g.n; j++) {
      ptrdiff_t at = c_at + i * g.ldc + j;
      double sum = g.alpha * sums[j] + (g.bias ? g.bias[j] : 0);
      if (g.beta != 0)
        sum += (double) g.beta * element (c0, g.half_out, at);
      if (g.half_out)
        gh_store ((GhBf16 *) g.c + at, (float) sum);
      else
        gh_store ((float *) g.c + at, (float) sum);
    }
  }
}

/* As one thread of one block, so that a capture keeps it like a kernel. */
GhStatus
gh_blas_gemm (GhCtx *ctx, const GhGemm *gemm)
{
  GhGemm g = *gemm;

  gh_emulate_launch (dim3 (1), dim3 (1), 0, [=] {
    for (int index = 0; index < g.count; index++)
      multiply (g, index);
  });
  return GH_OK;
}
