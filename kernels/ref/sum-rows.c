/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum-rows.c: column sums, the gradient of a bias.
 */
#include "ref.h"

GhStatus
gh_ref_sum_rows (GhCtx *ctx, float *sum, const float *x, int rows, int C)
{
  for (int c = 0; c < C; c++) {
    double total = sum[c];
    for (int r = 0; r < rows; r++)
      total += x[(size_t) r * C + c];
    sum[c] = (float) total;
  }
  return GH_OK;
}
