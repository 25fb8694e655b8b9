/* SPDX-License-Identifier: LGPL-2.1-or-later
 * sum-squares.cu: parts of the squares by blocks, then the parts by one block. */
#include "cuda.h"

enum { BLOCKS = 512, THREADS = 256 };

static __global__ void
square_parts (float *part, const float *x, size_t n)
{
  GH_SHARED (float, shared);
  float sum = 0;

  GH_FOR_EACH (i, n)
    sum += x[i] * x[i];
  sum = gh_block_sum (sum, shared);
  if (threadIdx.x == 0)
    part[blockIdx.x] = sum;
}

static __global__ void
add_up (float *sum, const float *part, float scale, int n)
{
  GH_SHARED (float, shared);
  float total = 0, lost = 0;    /* summed with what rounding loses */

  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    float term = part[i] - lost, next = total + term;
    lost = (next - total) - term;
    total = next;
  }
  total = gh_block_sum (total, shared);
  if (threadIdx.x == 0)
    *sum += scale * total;
}

GhStatus
gh_cuda_add_up (GhCtx *ctx, float *sum, const float *part, float scale, int n)
{
  return GH_LAUNCH (ctx, add_up, dim3 (1), dim3 (THREADS), 32 * sizeof (float), sum, part, scale, n);
}

GhStatus
gh_cuda_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n)
{
  int blocks = n < (size_t) BLOCKS * THREADS ? (int) gh_blocks (n, THREADS) : BLOCKS;
  float *part = (float *) gh_scratch (ctx, BLOCKS * sizeof *part);

  if (!part)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, square_parts, dim3 (blocks), dim3 (THREADS), 32 * sizeof (float), part, x, n));
  return gh_cuda_add_up (ctx, sum, part, 1, blocks);
}
