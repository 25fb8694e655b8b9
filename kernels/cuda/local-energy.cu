/* SPDX-License-Identifier: LGPL-2.1-or-later
 * local-energy.cu: a thread per place walks its window; neighbours find it in the cache. */
#include "cuda.h"

namespace {
struct Shape {
  int rows, cols, C, window_rows, window_cols;
};
}

static __global__ void
local_energy (float *energy, const float *x, Shape s, size_t n)
{
  GH_FOR_EACH (i, n) {
    size_t line = i / s.cols, b = line / s.rows;
    int row = (int) (line - b * s.rows), col = (int) (i - line * s.cols);
    int begin = max (col - s.window_cols / 2, 0) * s.C, end = min (col + s.window_cols / 2 + 1, s.cols) * s.C;
    int y1 = min (row + s.window_rows / 2 + 1, s.rows);
    float sum = 0;

    for (int y = max (row - s.window_rows / 2, 0); y < y1; y++) {
      const float *from = x + (b * s.rows + y) * s.cols * s.C;
      for (int k = begin; k < end; k++)
        sum += from[k] * from[k];
    }
    energy[i] = sum / (s.window_rows * s.window_cols);
  }
}

GhStatus
gh_cuda_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C, int window_rows,
    int window_cols)
{
  const Shape s = { rows, cols, C, window_rows, window_cols };
  size_t n = (size_t) B * rows * cols;

  return GH_LAUNCH (ctx, local_energy, dim3 (gh_grid (ctx, n)), dim3 (256), 0, energy, x, s, n);
}
