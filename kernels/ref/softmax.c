/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * softmax.c: softmax of rows, and its gradient.
 */
#include "ref.h"

#include <math.h>

GhStatus
gh_ref_softmax_fwd (GhCtx *ctx, float *y, const float *x, int rows, int n)
{
  for (int r = 0; r < rows; r++, x += n, y += n) {
    double top = x[0], sum = 0;
    for (int i = 1; i < n; i++)
      top = x[i] > top ? x[i] : top;
    for (int i = 0; i < n; i++)
      sum += exp (x[i] - top);
    for (int i = 0; i < n; i++)
      y[i] = (float) (exp (x[i] - top) / sum);
  }
  return GH_OK;
}

GhStatus
gh_ref_softmax_bwd (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n)
{
  for (int r = 0; r < rows; r++, dx += n, dy += n, y += n) {
    double dot = 0;
    for (int i = 0; i < n; i++)
      dot += (double) dy[i] * y[i];
    for (int i = 0; i < n; i++)
      dx[i] = (float) (y[i] * (dy[i] - dot));
  }
  return GH_OK;
}
