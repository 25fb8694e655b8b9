/* SPDX-License-Identifier: LGPL-2.1-or-later
 * softmax.cu: a warp per row. */
#include "cuda.h"

enum { WARPS = 8 };

static __global__ void
softmax_fwd (float *y, const float *x, int rows, int n)
{
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float top = -INFINITY, sum = 0;

  if (row >= rows)
    return;
  x += (size_t) row * n;
  y += (size_t) row * n;
  for (int i = lane; i < n; i += 32)
    top = fmaxf (top, x[i]);
  top = gh_warp_max (top);
  for (int i = lane; i < n; i += 32)
    sum += expf (x[i] - top);
  sum = gh_warp_sum (sum);
  for (int i = lane; i < n; i += 32)
    y[i] = expf (x[i] - top) / sum;
}

static __global__ void
softmax_bwd (float *dx, const float *dy, const float *y, int rows, int n)
{
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float sum = 0;

  if (row >= rows)
    return;
  size_t at = (size_t) row * n;
  for (int i = lane; i < n; i += 32)
    sum += dy[at + i] * y[at + i];
  sum = gh_warp_sum (sum);
  for (int i = lane; i < n; i += 32)
    dx[at + i] = y[at + i] * (dy[at + i] - sum);
}

GhStatus
gh_cuda_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n)
{
  return GH_LAUNCH (ctx, softmax_fwd, dim3 (gh_blocks (rows, WARPS)), dim3 (32 * WARPS), 0, y, x, rows, n);
}

GhStatus
gh_cuda_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n)
{
  return GH_LAUNCH (ctx, softmax_bwd, dim3 (gh_blocks (rows, WARPS)), dim3 (32 * WARPS), 0, dx, dy, y, rows, n);
}
