/* SPDX-License-Identifier: LGPL-2.1-or-later
 * layernorm.cu: a warp per row, forward and back; the gradients of weight and bias are column sums. */
#include "column-sums.h"

enum { WARPS = 4 };

/* T: how y is held. */
template <class T> static __global__ void
layernorm_fwd (T *y, float *mean, float *rstd, const float *x, const float *w, const float *b, int rows, int C,
    float eps)
{
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float sum = 0, square = 0;

  if (row >= rows)
    return;
  x += (size_t) row * C;
  y += (size_t) row * C;
  for (int c = lane; c < C; c += 32)
    sum += x[c];
  float centre = gh_warp_sum (sum) / C;
  for (int c = lane; c < C; c += 32)
    square += (x[c] - centre) * (x[c] - centre);
  float scale = 1 / sqrtf (gh_warp_sum (square) / C + eps);
  for (int c = lane; c < C; c += 32)
    gh_store (y + c, (x[c] - centre) * scale * w[c] + b[c]);
  if (lane == 0 && mean)
    mean[row] = centre;
  if (lane == 0 && rstd)
    rstd[row] = scale;
}

static __device__ __forceinline__ void
store_four (float *y, float4 v)
{
  *(float4 *) y = v;
}

static __device__ __forceinline__ void
store_four (GhBf16 *y, float4 v)
{
  *(uint2 *) y = make_uint2 ((unsigned) gh_to_bf16 (v.y) << 16 | gh_to_bf16 (v.x),
      (unsigned) gh_to_bf16 (v.w) << 16 | gh_to_bf16 (v.z));
}

/* The same for C = 128 * FOURS, aligned to 16 bytes: the row is read once and stays in registers. */
template <class T, int FOURS> static __global__ void
layernorm_fwd_wide (T *y, float *mean, float *rstd, const float *x, const float *w, const float *b, int rows, float eps)
{
  const int C = 128 * FOURS;
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float4 v[FOURS];
  float sum = 0, square = 0;

  if (row >= rows)
    return;
#pragma unroll
  for (int i = 0; i < FOURS; i++) {
    v[i] = ((const float4 *) (x + (size_t) row * C))[i * 32 + lane];
    sum += v[i].x + v[i].y + v[i].z + v[i].w;
  }
  float centre = gh_warp_sum (sum) / C;
#pragma unroll
  for (int i = 0; i < FOURS; i++) {
    v[i] = make_float4 (v[i].x - centre, v[i].y - centre, v[i].z - centre, v[i].w - centre);
    square += v[i].x * v[i].x + v[i].y * v[i].y + v[i].z * v[i].z + v[i].w * v[i].w;
  }
  float scale = 1 / sqrtf (gh_warp_sum (square) / C + eps);
#pragma unroll
  for (int i = 0; i < FOURS; i++) {
    float4 wi = ((const float4 *) w)[i * 32 + lane], bi = ((const float4 *) b)[i * 32 + lane];
    store_four (y + (size_t) row * C + (i * 32 + lane) * 4, make_float4 (v[i].x * scale * wi.x + bi.x,
            v[i].y * scale * wi.y + bi.y, v[i].z * scale * wi.z + bi.z, v[i].w * scale * wi.w + bi.w));
  }
  if (lane == 0 && mean)
    mean[row] = centre;
  if (lane == 0 && rstd)
    rstd[row] = scale;
}

/* dx = rstd (dn - mean of dn - n mean of dn n), n = (x - mean) rstd, dn = dy w. */
static __global__ void
layernorm_bwd (float *dx, const float *dy, const float *x, const float *w, const float *mean, const float *rstd,
    const float *residual, int rows, int C)
{
  int row = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
  float sum = 0, along = 0;

  if (row >= rows)
    return;
  size_t at = (size_t) row * C;
  float centre = mean[row], scale = rstd[row];
  for (int c = lane; c < C; c += 32) {
    float dn = dy[at + c] * w[c];
    sum += dn;
    along += dn * (x[at + c] - centre) * scale;
  }
  sum = gh_warp_sum (sum) / C;
  along = gh_warp_sum (along) / C;
  for (int c = lane; c < C; c += 32) {
    float n = (x[at + c] - centre) * scale;
    dx[at + c] = scale * (dy[at + c] * w[c] - sum - n * along) + (residual ? residual[at + c] : 0);
  }
}

namespace {
struct WeightGradient {
  const float *dy, *x, *mean, *rstd;
  int C;
  __device__ float operator() (int row, int c) const
  {
    size_t at = (size_t) row * C + c;
    return dy[at] * (x[at] - mean[row]) * rstd[row];
  }
};

struct BiasGradient {
  const float *dy;
  int C;
  __device__ float operator() (int row, int c) const { return dy[(size_t) row * C + c]; }
};
}

template <class T> static GhStatus
forward (GhCtx *ctx, T *y, float *mean, float *rstd, const float *x, const float *w, const float *b, int rows, int C,
    float eps)
{
  dim3 grid (gh_blocks (rows, WARPS)), block (32 * WARPS);
  bool aligned = ((uintptr_t) y | (uintptr_t) x | (uintptr_t) w | (uintptr_t) b) % 16 == 0;

  if (aligned && C == 1024)
    return GH_LAUNCH (ctx, (layernorm_fwd_wide<T, 8>), grid, block, 0, y, mean, rstd, x, w, b, rows, eps);
  if (aligned && C == 768)
    return GH_LAUNCH (ctx, (layernorm_fwd_wide<T, 6>), grid, block, 0, y, mean, rstd, x, w, b, rows, eps);
  if (aligned && C == 512)
    return GH_LAUNCH (ctx, (layernorm_fwd_wide<T, 4>), grid, block, 0, y, mean, rstd, x, w, b, rows, eps);
  if (aligned && C == 256)
    return GH_LAUNCH (ctx, (layernorm_fwd_wide<T, 2>), grid, block, 0, y, mean, rstd, x, w, b, rows, eps);
  return GH_LAUNCH (ctx, layernorm_fwd<T>, grid, block, 0, y, mean, rstd, x, w, b, rows, C, eps);
}

GhStatus
gh_cuda_layernorm_fwd (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w, const float *b,
    int rows, int C, float eps)
{
  return forward (ctx, y, mean, rstd, x, w, b, rows, C, eps);
}

GhStatus
gh_cuda_layernorm_bf16 (GhCtx *ctx, GhBf16 *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps)
{
  return forward (ctx, y, mean, rstd, x, w, b, rows, C, eps);
}

/* The sums come first: dx may be dy. */
GhStatus
gh_cuda_layernorm_bwd (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x, const float *w,
    const float *mean, const float *rstd, const float *residual, int rows, int C)
{
  float *part = (float *) gh_scratch (ctx, (size_t) gh_parts (rows) * C * sizeof *part);

  if (!part)
    return GH_NOMEM;
  GH_CUDA_TRY (gh_sum_columns (ctx, dw, WeightGradient { dy, x, mean, rstd, C }, rows, C, part));
  GH_CUDA_TRY (gh_sum_columns (ctx, db, BiasGradient { dy, C }, rows, C, part));
  return GH_LAUNCH (ctx, layernorm_bwd, dim3 (gh_blocks (rows, WARPS)), dim3 (32 * WARPS), 0, dx, dy, x, w, mean, rstd,
      residual, rows, C);
}
