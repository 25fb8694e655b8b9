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

enum { GH_MOST_SUMS = 3 };

namespace {
struct GhSums {
  float *of[GH_MOST_SUMS];
};
}

/* sums.of[i][C] += the sum over parts of part[parts][gridDim.y][C], i = blockIdx.y; nothing where that is NULL. */
static __global__ void
add_parts (GhSums sums, const float *part, int parts, int C)
{
  GH_SHARED (double, lanes);    /* [GH_SUM_LANES][32] */
  int c = blockIdx.x * 32 + threadIdx.x;
  float *to = blockIdx.y == 0 ? sums.of[0] : blockIdx.y == 1 ? sums.of[1] : sums.of[2];
  double sum = 0;

  if (!to)
    return;
#pragma unroll 8
  for (int i = threadIdx.y; c < C && i < parts; i += GH_SUM_LANES)
    sum += part[((size_t) i * gridDim.y + blockIdx.y) * C + c];
  lanes[threadIdx.y * 32 + threadIdx.x] = sum;
  __syncthreads ();
  if (threadIdx.y > 0 || c >= C)
    return;
  for (int lane = 1; lane < GH_SUM_LANES; lane++)
    sum += lanes[lane * 32 + threadIdx.x];
  to[c] = (float) (to[c] + sum);
}

/* One sum, or all three, of which the last may be NULL: part[parts][sums][C]. */
static inline GhStatus
gh_add_parts (GhCtx *ctx, GhSums sums, const float *part, int parts, int C)
{
  return GH_LAUNCH (ctx, add_parts, dim3 (gh_blocks (C, 32), sums.of[1] ? GH_MOST_SUMS : 1), dim3 (32, GH_SUM_LANES),
      GH_SUM_LANES * 32 * sizeof (double), sums, part, parts, C);
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
  return gh_add_parts (ctx, { { sum } }, part, parts, C);
}

/* Rows of a part where another kernel sums on its way, and a block takes one of `columns` parts of a row: eight blocks or
 * so to a multiprocessor, of whole eights of rows. */
static inline int
gh_rows_of_wide_part (const GhCtx *ctx, int rows, int columns)
{
  int parts = max (8 * gh_cuda (ctx)->processors / columns, 1);
  return (int) gh_blocks (gh_blocks (rows, parts), GH_SUM_LANES) * GH_SUM_LANES;
}
