/* SPDX-License-Identifier: LGPL-2.1-or-later
 * token-pool.cu: a block walks 32 columns of an image, 8 tokens at a time. */
#include "cuda.h"

enum { LANES = 8 };

/* The sum over the block's lanes of each column, in all of them. */
static __device__ float
sum_lanes (float x, float *shared)
{
  float sum = 0;

  shared[threadIdx.y * 32 + threadIdx.x] = x;
  __syncthreads ();
  for (int lane = 0; lane < LANES; lane++)
    sum += shared[lane * 32 + threadIdx.x];
  __syncthreads ();
  return sum;
}

static __global__ void
pool (float *y, const float *x, bool deviation, int N, int C, int first)
{
  GH_SHARED (float, shared);
  int c = blockIdx.x * 32 + threadIdx.x;
  size_t b = blockIdx.y;
  const float *column = x + (b * (first + N) + first) * C + c;
  float sum = 0;

  for (int t = threadIdx.y; c < C && t < N; t += LANES)
    sum += column[(size_t) t * C];
  float mean = sum_lanes (sum, shared) / N;
  y += b * (deviation ? 2 * C : C);
  if (threadIdx.y == 0 && c < C)
    y[c] = mean;
  if (!deviation)
    return;
  sum = 0;
  for (int t = threadIdx.y; c < C && t < N; t += LANES)
    sum += (column[(size_t) t * C] - mean) * (column[(size_t) t * C] - mean);
  sum = sum_lanes (sum, shared);
  if (threadIdx.y == 0 && c < C)
    y[C + c] = sqrtf (sum / N);
}

GhStatus
gh_cuda_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pooling, int B, int N, int C, int first)
{
  if (pooling == GH_POOL_CLS)
    return gh_cuda_check (ctx, cudaMemcpy2DAsync (y, C * sizeof *y, x, (size_t) (first + N) * C * sizeof *x,
            C * sizeof *y, B, cudaMemcpyDeviceToDevice, gh_cuda (ctx)->stream), "pool");
  return GH_LAUNCH (ctx, pool, dim3 (gh_blocks (C, 32), B), dim3 (32, LANES), LANES * 32 * sizeof (float), y, x,
      pooling == GH_POOL_MEAN_STD, N, C, first);
}
