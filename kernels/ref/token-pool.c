/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * token-pool.c: one vector per image from its tokens.
 */
#include "ref.h"

#include <math.h>
#include <string.h>

static double
column_mean (const float *x, int N, int C)
{
  double sum = 0;
  for (int t = 0; t < N; t++)
    sum += x[(size_t) t * C];
  return sum / N;
}

static double
column_deviation (const float *x, int N, int C, double mean)
{
  double sum = 0;
  for (int t = 0; t < N; t++)
    sum += (x[(size_t) t * C] - mean) * (x[(size_t) t * C] - mean);
  return sqrt (sum / N);
}

GhStatus
gh_ref_pool_fwd (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first)
{
  for (int b = 0; b < B; b++, x += (size_t) (first + N) * C) {
    if (pool == GH_POOL_CLS) {
      memcpy (y, x, C * sizeof *y);
      y += C;
      continue;
    }
    for (int c = 0; c < C; c++) {
      const float *column = x + (size_t) first * C + c;
      double mean = column_mean (column, N, C);
      y[c] = (float) mean;
      if (pool == GH_POOL_MEAN_STD)
        y[C + c] = (float) column_deviation (column, N, C, mean);
    }
    y += pool == GH_POOL_MEAN_STD ? 2 * C : C;
  }
  return GH_OK;
}
