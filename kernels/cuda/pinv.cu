/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pinv.cu: the iterated pseudo-inverse, all matrices at once: its products by cuBLAS, what stands between them in one
 * small kernel.
 */
#include "cuda.h"

enum { THREADS = 256 };

/* A block per matrix: the largest row and column sum of |a|. */
static __global__ void
scales (float *scale, const float *a, int M)
{
  GH_SHARED (float, shared);    /* [2][THREADS] */
  float row_top = 0, col_top = 0;

  a += (size_t) blockIdx.x * M * M;
  for (int i = threadIdx.x; i < M; i += THREADS) {
    float row = 0, col = 0;
    for (int j = 0; j < M; j++) {
      row += fabsf (a[(size_t) i * M + j]);
      col += fabsf (a[(size_t) j * M + i]);
    }
    row_top = fmaxf (row_top, row);
    col_top = fmaxf (col_top, col);
  }
  shared[threadIdx.x] = row_top;
  shared[THREADS + threadIdx.x] = col_top;
  __syncthreads ();
  if (threadIdx.x > 0)
    return;
  for (int i = 1; i < THREADS; i++) {
    row_top = fmaxf (row_top, shared[i]);
    col_top = fmaxf (col_top, shared[THREADS + i]);
  }
  scale[blockIdx.x] = row_top > 0 ? 1 / (row_top * col_top) : 0;
}

GhStatus
gh_cuda_pinv_scale (GhCtx *ctx, float *scale, const float *a, int count, int M)
{
  return GH_LAUNCH (ctx, scales, dim3 (count), dim3 (THREADS), 2 * THREADS * sizeof (float), scale, a, M);
}

/* z = scale * a^T */
static __global__ void
first_guess (float *z, const float *a, const float *scale, int M, size_t n)
{
  GH_FOR_EACH (i, n) {
    size_t index = i / M / M, row = i / M % M, col = i % M;
    z[i] = scale[index] * a[(index * M + col) * M + row];
  }
}

static __global__ void
diagonal_plus (float *m, const float *m0, float scale, float diagonal, int M, size_t n)
{
  GH_FOR_EACH (i, n)
    m[i] = scale * m0[i] + (i / M % M == i % M ? diagonal : 0);
}

GhStatus
gh_cuda_pinv_diagonal (GhCtx *ctx, float *m, const float *m0, float scale, float diagonal, int count, int M)
{
  size_t n = (size_t) count * M * M;
  return GH_LAUNCH (ctx, diagonal_plus, dim3 (gh_grid (ctx, n)), dim3 (256), 0, m, m0 ? m0 : m, scale, diagonal, M, n);
}

GhStatus
gh_cuda_pinv_product (GhCtx *ctx, float *c, float alpha, const float *a, bool trans_a, const float *b, bool trans_b,
    float beta, int count, int M)
{
  GhGemm g = { };

  g.m = g.n = g.k = M;
  g.count = count;
  g.a = a;
  g.b = b;
  g.c = c;
  g.lda = g.ldb = g.ldc = M;
  g.stride_a = g.stride_b = g.stride_c = (ptrdiff_t) M * M;
  g.trans_a = trans_a;
  g.trans_b = trans_b;
  g.alpha = alpha;
  g.beta = beta;
  return gh_blas_gemm (ctx, &g);
}

/* p = a z; t = 7I - p; u = 15I - p t; t = 13I - p u; z = z t / 4 */
static GhStatus
step (GhCtx *ctx, float *to, const float *z, const float *a, float *p, float *t, float *u, int count, int M)
{
  GH_CUDA_TRY (gh_cuda_pinv_product (ctx, p, 1, a, false, z, false, 0, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_diagonal (ctx, t, p, -1, 7, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_product (ctx, u, -1, p, false, t, false, 0, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_diagonal (ctx, u, NULL, 1, 15, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_product (ctx, t, -1, p, false, u, false, 0, count, M));
  GH_CUDA_TRY (gh_cuda_pinv_diagonal (ctx, t, NULL, 1, 13, count, M));
  return gh_cuda_pinv_product (ctx, to, 0.25f, z, false, t, false, 0, count, M);
}

GhStatus
gh_cuda_pinv_fwd (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters)
{
  size_t n = (size_t) count * M * M, floats = (n + 63) / 64 * 64;
  float *p = (float *) gh_scratch (ctx, (4 * floats + count) * sizeof *p);

  if (!p)
    return GH_NOMEM;
  float *t = p + floats, *u = t + floats, *other = u + floats, *scale = other + floats;
  cudaStream_t stream = gh_cuda (ctx)->stream;
  /* The guesses go to and fro between z and other, so that the last one ends in z. */
  float *now = iters % 2 ? other : z, *next = iters % 2 ? z : other;
  GH_CUDA_TRY (gh_cuda_pinv_scale (ctx, scale, a, count, M));
  GH_CUDA_TRY (GH_LAUNCH (ctx, first_guess, dim3 (gh_grid (ctx, n)), dim3 (256), 0, now, a, scale, M, n));
  for (int i = 0; i < iters; i++) {
    if (trail)
      GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemcpyAsync (trail + i * n, now, n * sizeof *now,
                  cudaMemcpyDeviceToDevice, stream), "pinv"));
    GH_CUDA_TRY (step (ctx, next, now, a, p, t, u, count, M));
    float *swap = now;
    now = next;
    next = swap;
  }
  return GH_OK;
}
