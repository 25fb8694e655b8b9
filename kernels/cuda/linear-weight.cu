/* SPDX-License-Identifier: LGPL-2.1-or-later
 * linear-weight.cu: the gradients of a linear layer's weight, dw += dy^T x by cuBLAS, of its bias, and of its input. */
#include "cuda.h"

/* Bytes of n values in bfloat16, so that what follows lies as it likes. */
static size_t
rounded_bytes (size_t n)
{
  return (n * sizeof (GhBf16) + 255) / 256 * 256;
}

GhStatus
gh_cuda_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype, int rows,
    int n_out, int n_in)
{
  size_t n_dy = (size_t) rows * n_out, n_x = (size_t) rows * n_in;
  GhGemm g = gh_gemm_weight_gradient (dw, NULL, NULL, rows, n_out, n_in);

  if (db)
    GH_CUDA_TRY (gh_cuda_sum_rows (ctx, db, dy, rows, n_out));
  g.a = dy;
  g.b = x;
  g.half = false;
  if (dtype == GH_DTYPE_BF16) {
    char *scratch = (char *) gh_scratch (ctx, rounded_bytes (n_dy) + rounded_bytes (n_x));
    if (!scratch)
      return GH_NOMEM;
    g.a = scratch;
    g.b = scratch + rounded_bytes (n_dy);
    g.half = true;
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, (GhBf16 *) g.a, dy, n_dy));
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, (GhBf16 *) g.b, x, n_x));
  }
  return gh_blas_gemm (ctx, &g);
}

GhStatus
gh_cuda_linear_bwd_input (GhCtx *ctx, float *dx, const float *dy, const GhPacked *w, int rows)
{
  GhGemm g = gh_gemm_back (dx, dy, w, rows);
  size_t n = (size_t) rows * w->n_out;

  if (g.half) {
    GhBf16 *rounded = (GhBf16 *) gh_scratch (ctx, n * sizeof *rounded);
    if (!rounded)
      return GH_NOMEM;
    GH_CUDA_TRY (gh_cuda_round_bf16 (ctx, rounded, dy, n));
    g.a = rounded;
  }
  return gh_blas_gemm (ctx, &g);
}
