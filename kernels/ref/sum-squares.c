/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum-squares.c: the sum of squares, what a gradient's norm is made of.
 */
#include "ref.h"

GhStatus
gh_ref_sum_squares (GhCtx *ctx, float *sum, const float *x, size_t n)
{
  double total = *sum;

  for (size_t i = 0; i < n; i++)
    total += (double) x[i] * x[i];
  *sum = (float) total;
  return GH_OK;
}
