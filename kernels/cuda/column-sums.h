/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * column-sums.h (private): sum[C] += the sum over rows of value(row, column), for any value that a device can compute:
 * what gradients of biases, norms and tokens come down to. Parts of the rows are summed side by side, then the parts,
 * in a fixed order.
 */
#pragma once

#include "cuda.h"

enum { GH_SUM_LANES = 8 };      /* rows in flight of one block, 32 columns wide */

template <class Value> static __global__ void
sum_part_of_rows (float *part, Value value, int rows, int C, int rows_of_part)
{
  GH_SHARED (float, sums);      /* [GH_SUM_LANES][32] */
  int c = blockIdx.x * 32 + threadIdx.x, begin = blockIdx.y * rows_of_part;
  int end = min (begin + rows_of_part, rows);
  float sum = 0;

  for (int r = begin + threadIdx.y; c < C && r < end; r += GH_SUM_LANES)
    sum += value (r, c);
  sums[threadIdx.y * 32 + threadIdx.x] = sum;
  __syncthreads ();
  if (threadIdx.y > 0 || c >= C)
    return;
  for (int lane = 1; lane < GH_SUM_LANES; lane++)
    sum += sums[lane * 32 + threadIdx.x];
  part[(size_t) blockIdx.y * C + c] = sum;
}

static __global__ void
sum_parts (float *sum, const float *part, int parts, int C)
{
  int c = blockIdx.x * blockDim.x + threadIdx.x;
  double total = 0;

  if (c >= C)
    return;
  for (int i = 0; i < parts; i++)
    total += part[(size_t) i * C + c];
  sum[c] = (float) (sum[c] + total);
}

static inline int
gh_rows_of_part (int rows)
{
  return rows <= 64 * 128 ? 64 : (rows + 127) / 128;
}

static inline int
gh_parts (int rows)
{
  return (int) gh_blocks (rows, gh_rows_of_part (rows));
}

/* part: room for gh_parts(rows) * C floats. */
template <class Value> static GhStatus
gh_sum_columns (GhCtx *ctx, float *sum, Value value, int rows, int C, float *part)
{
  int rows_of_part = gh_rows_of_part (rows), parts = gh_parts (rows);

  GH_CUDA_TRY (GH_LAUNCH (ctx, sum_part_of_rows<Value>, dim3 (gh_blocks (C, 32), parts), dim3 (32, GH_SUM_LANES),
          GH_SUM_LANES * 32 * sizeof (float), part, value, rows, C, rows_of_part));
  return GH_LAUNCH (ctx, sum_parts, dim3 (gh_blocks (C, 128)), dim3 (128), 0, sum, part, parts, C);
}
