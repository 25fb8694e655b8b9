/* SPDX-License-Identifier: LGPL-2.1-or-later
 * tokens-bwd.cu: the gradients of tokens.cu; those of cls and mask tokens are column sums over the rows they fed. */
#include "column-sums.h"

namespace {
/* Row b of the cls tokens. */
struct ClsGradient {
  const float *dy;
  size_t image;                 /* values of one */
  __device__ float operator() (int b, int c) const { return dy[b * image + c]; }
};

/* Row b*N + i; nothing where the token was kept. */
struct MaskGradient {
  const float *dy;
  const uint8_t *kept;          /* [B,N] */
  int N, C, first;
  __device__ float operator() (int row, int c) const
  {
    size_t b = row / N, t = first + row % N;
    return kept[row] ? 0 : dy[(b * (first + N) + t) * C + c];
  }
};
}

static __global__ void
skip_cls (float *dx, const float *dy, int K, int C, int first, size_t n)
{
  GH_FOR_EACH (i, n) {
    size_t b = i / C / K;
    dx[i] = dy[i + (b + 1) * first * C];
  }
}

GhStatus
gh_cuda_embed_tokens_bwd (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first)
{
  size_t n = (size_t) B * K * C;

  if (first) {
    float *part = (float *) gh_scratch (ctx, (size_t) gh_parts (B) * C * sizeof *part);
    if (!part)
      return GH_NOMEM;
    GH_CUDA_TRY (gh_sum_columns (ctx, dcls, ClsGradient { dy, (size_t) (first + K) * C }, B, C, part));
  }
  if (dx == dy || n == 0)
    return GH_OK;
  return GH_LAUNCH (ctx, skip_cls, dim3 (gh_grid (ctx, n)), dim3 (256), 0, dx, dy, K, C, first, n);
}

static __global__ void
mark_kept (uint8_t *kept, const int32_t *keep, int N, int K, size_t n)
{
  GH_FOR_EACH (i, n)
    kept[i / K * N + keep[i]] = 1;
}

static __global__ void
take_kept (float *dx, const float *dy, const int32_t *keep, int N, int K, int C, int first, size_t n)
{
  int T = first + K;

  GH_FOR_EACH (i, n) {
    int c = i % C, t = i / C % T;
    size_t b = i / C / T;
    int from = t < first ? 0 : first + (keep ? keep[b * K + t - first] : t - first);
    dx[i] = dy[(b * (first + N) + from) * C + c];
  }
}

GhStatus
gh_cuda_unmask_tokens_bwd (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep, int B,
    int N, int K, int C, int first)
{
  size_t n = (size_t) B * (first + K) * C, marks = ((size_t) B * N + 15) / 16 * 16;
  char *scratch = (char *) gh_scratch (ctx, marks + (size_t) gh_parts (B * N) * C * sizeof (float));
  uint8_t *kept = (uint8_t *) scratch;

  if (!scratch)
    return GH_NOMEM;
  if (n > 0)
    GH_CUDA_TRY (GH_LAUNCH (ctx, take_kept, dim3 (gh_grid (ctx, n)), dim3 (256), 0, dx, dy, keep, N, K, C, first, n));
  if (!keep)
    return GH_OK;
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemsetAsync (kept, 0, marks, gh_cuda (ctx)->stream), "unmask_tokens_bwd"));
  if (K > 0)
    GH_CUDA_TRY (GH_LAUNCH (ctx, mark_kept, dim3 (gh_grid (ctx, (size_t) B * K)), dim3 (256), 0, kept, keep, N, K,
            (size_t) B * K));
  return gh_sum_columns (ctx, dmask_token, MaskGradient { dy, kept, N, C, first }, B * N, C,
      (float *) (scratch + marks));
}

static __global__ void
scatter_rows (float *dx, const float *dy, const int32_t *index, int N, int K, int C, int first, size_t n)
{
  GH_FOR_EACH (i, n) {
    int c = i % C, k = i / C % K;
    size_t b = i / C / K;
    dx[(b * (first + N) + first + (index ? index[b * K + k] : k)) * C + c] = dy[i];
  }
}

GhStatus
gh_cuda_gather_rows_bwd (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K, int C,
    int first)
{
  size_t n = (size_t) B * K * C;

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaMemsetAsync (dx, 0, (size_t) B * (first + N) * C * sizeof *dx,
              gh_cuda (ctx)->stream), "gather_rows_bwd"));
  if (n == 0)
    return GH_OK;
  return GH_LAUNCH (ctx, scatter_rows, dim3 (gh_grid (ctx, n)), dim3 (256), 0, dx, dy, index, N, K, C, first, n);
}
