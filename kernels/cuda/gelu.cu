/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gelu.cu: x Phi(x) in its erf form, and its gradient Phi(x) + x phi(x). */
#include "cuda.h"

static __device__ float
phi (float x)
{
  return 0.5f * erfcf (-x * 0.70710678118654752f);
}

static __global__ void
gelu_fwd (float *y, const float *x, size_t n)
{
  GH_FOR_EACH (i, n)
    y[i] = x[i] * phi (x[i]);
}

static __global__ void
gelu_bwd (float *dx, const float *dy, const float *x, size_t n)
{
  GH_FOR_EACH (i, n)
    dx[i] = dy[i] * (phi (x[i]) + x[i] * 0.39894228040143268f * expf (-0.5f * x[i] * x[i]));
}

GhStatus
gh_cuda_gelu_fwd (GhCtx *ctx, float *y, const float *x, size_t n)
{
  return GH_LAUNCH (ctx, gelu_fwd, dim3 (gh_grid (ctx, n)), dim3 (256), 0, y, x, n);
}

GhStatus
gh_cuda_gelu_bwd (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n)
{
  return GH_LAUNCH (ctx, gelu_bwd, dim3 (gh_grid (ctx, n)), dim3 (256), 0, dx, dy, x, n);
}
