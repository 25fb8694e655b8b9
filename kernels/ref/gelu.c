/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gelu.c: y = x Phi(x) with the normal distribution function, and its gradient. erfc keeps the small values of the
 * left tail exact.
 */
#include "ref.h"

#include <math.h>

static double
phi_integral (double x)
{
  return 0.5 * erfc (-x * M_SQRT1_2);
}

static double
gelu_slope (double x)
{
  double density = exp (-0.5 * x * x) * M_2_SQRTPI * M_SQRT1_2 * 0.5;
  return phi_integral (x) + (density > 0 ? x * density : 0);
}

GhStatus
gh_ref_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] = (float) (x[i] * phi_integral (x[i]));
  return GH_OK;
}

GhStatus
gh_ref_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    dx[i] = (float) (dy[i] * gelu_slope (x[i]));
  return GH_OK;
}
