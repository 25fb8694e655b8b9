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

/* erfc as a polynomial times exp(-x^2), after Hastings (Abramowitz and Stegun 7.1.26): off by 1.5e-7 at most. */
static __device__ __forceinline__ float
quick_gelu (float x)
{
  float z = fabsf (x) * 0.70710678118654752f, t = __fdividef (1, 1 + 0.3275911f * z);
  float sum = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float tail = 0.5f * sum * exp2f (-1.4426950408889634f * z * z);       /* Phi(-|x|) */
  return x * (x < 0 ? tail : 1 - tail);
}

static __global__ void
finish (GhBf16 *x, const float *bias, bool gelu, int C, size_t eights)
{
  GH_FOR_EACH (i, eights) {
    float v[8];
    int c = (int) (i * 8 % C);
    gh_load_eight (v, x + i * 8);
#pragma unroll
    for (int j = 0; j < 8; j++) {
      v[j] += bias ? bias[c + j] : 0;
      v[j] = gelu ? quick_gelu (v[j]) : v[j];
    }
    gh_store_eight (x + i * 8, v);
  }
}

GhStatus
gh_cuda_finish_bf16 (GhCtx *ctx, GhBf16 *x, const float *bias, GhAct act, int rows, int C)
{
  size_t eights = (size_t) rows * C / 8;

  if (!bias && act == GH_ACT_NONE)
    return GH_OK;
  return GH_LAUNCH (ctx, finish, dim3 (gh_grid (ctx, eights)), dim3 (256), 0, x, bias, act == GH_ACT_GELU, C, eights);
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
