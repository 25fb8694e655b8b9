/* SPDX-License-Identifier: LGPL-2.1-or-later
 * sum-rows.cu: the column sums of a matrix. */
#include "column-sums.h"

namespace {
struct Element {
  const float *x;
  int C;
  __device__ float operator() (int row, int c) const { return x[(size_t) row * C + c]; }
};
}

GhStatus
gh_cuda_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C)
{
  float *part = (float *) gh_scratch (ctx, (size_t) gh_parts (rows) * C * sizeof *part);

  if (!part)
    return GH_NOMEM;
  return gh_sum_columns (ctx, sum, Element { x, C }, rows, C, part);
}
