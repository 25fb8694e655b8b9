/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-weight.c: the gradients of a linear layer's weights and bias, dw += dy^T x and db += the column sums of dy.
 * BF16 rounds both operands of the product, not what db sums.
 */
#include "ref.h"

static float
hold (float x, GhDtype dtype)
{
  return dtype == GH_DTYPE_BF16 ? gh_ref_round_bf16 (x) : x;
}

GhStatus
gh_ref_linear_bwd_weight (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype, int rows,
    int n_out, int n_in)
{
  double *sums = gh_scratch (ctx, n_in * sizeof *sums);

  if (!sums)
    return GH_NOMEM;
  for (int o = 0; o < n_out; o++) {
    double sum = 0;
    for (int i = 0; i < n_in; i++)
      sums[i] = 0;
    for (int r = 0; r < rows; r++) {
      float d = dy[(size_t) r * n_out + o];
      double held = hold (d, dtype);
      for (int i = 0; i < n_in; i++)
        sums[i] += held * hold (x[(size_t) r * n_in + i], dtype);
      sum += d;
    }
    for (int i = 0; i < n_in; i++)
      dw[(size_t) o * n_in + i] = (float) (dw[(size_t) o * n_in + i] + sums[i]);
    if (db)
      db[o] = (float) (db[o] + sum);
  }
  return GH_OK;
}
