/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layernorm.c: layer normalisation and its gradient.
 */
#include "ref.h"

#include <math.h>

GhStatus
gh_ref_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w, const float *b,
    int rows, int C, float eps)
{
  for (int r = 0; r < rows; r++, x += C, y += C) {
    double mu = 0, var = 0;
    for (int c = 0; c < C; c++)
      mu += x[c];
    mu /= C;
    for (int c = 0; c < C; c++)
      var += (x[c] - mu) * (x[c] - mu);
    double rs = 1 / sqrt (var / C + eps);
    for (int c = 0; c < C; c++)
      y[c] = (float) ((x[c] - mu) * rs * w[c] + b[c]);
    if (mean) {
      mean[r] = (float) mu;
      rstd[r] = (float) rs;
    }
  }
  return GH_OK;
}

/* With xh = (x - mean) rstd and g = dy w:  dx = rstd (g - mean(g) - xh mean(g xh)),  dw = sum dy xh,  db = sum dy. */
GhStatus
gh_ref_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
    const float *mean, const float *rstd, const float *residual, int rows, int C)
{
  double *sums = gh_scratch (ctx, 2 * (size_t) C * sizeof *sums);

  if (!sums)
    return GH_NOMEM;
  for (int c = 0; c < 2 * C; c++)
    sums[c] = 0;
  for (int r = 0; r < rows; r++, x += C, dy += C, dx += C) {
    double mu = mean[r], rs = rstd[r], mean_g = 0, mean_gx = 0;
    for (int c = 0; c < C; c++) {
      double xh = (x[c] - mu) * rs;
      mean_g += (double) dy[c] * w[c] / C;
      mean_gx += (double) dy[c] * w[c] * xh / C;
      sums[c] += dy[c] * xh;
      sums[C + c] += dy[c];
    }
    for (int c = 0; c < C; c++)
      dx[c] = (float) (rs * ((double) dy[c] * w[c] - mean_g - (x[c] - mu) * rs * mean_gx)
          + (residual ? residual[c] : 0));
    residual = residual ? residual + C : NULL;
  }
  for (int c = 0; c < C; c++) {
    dw[c] = (float) (dw[c] + sums[c]);
    db[c] = (float) (db[c] + sums[C + c]);
  }
  return GH_OK;
}
