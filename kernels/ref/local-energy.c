/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * local-energy.c: mean squares over the windows around all places.
 */
#include "ref.h"

GhStatus
gh_ref_local_energy_fwd (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C, int window_rows,
    int window_cols)
{
  for (int b = 0; b < B; b++, x += (size_t) rows * cols * C) {
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        double sum = 0;
        for (int y = i - window_rows / 2; y <= i + window_rows / 2; y++) {
          for (int z = j - window_cols / 2; z <= j + window_cols / 2; z++) {
            for (int c = 0; y >= 0 && y < rows && z >= 0 && z < cols && c < C; c++) {
              double value = x[((size_t) y * cols + z) * C + c];
              sum += value * value;
            }
          }
        }
        *energy++ = (float) (sum / (window_rows * window_cols));
      }
    }
  }
  return GH_OK;
}
