/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layernorm-bwd-bf16.cu: back through a norm and past it, in one pass: the gradient of a block's stream, its copy for the
 * next product, and all that is summed over rows. A block of C/4 threads takes some rows, a few at a time: its warps find
 * the rows' two sums, then each thread has four columns of them all, which still lie in the nearest cache.
 */
#include "column-sums.h"

enum { GROUP = 8 /* rows */, SUMS = 3 };

namespace {
struct Two {
  float sum, along;
};
}

static __device__ __forceinline__ void
load_four (float *v, const GhBf16 *p)
{
  uint2 words = *(const uint2 *) p;
  v[0] = __uint_as_float (words.x << 16);
  v[1] = __uint_as_float (words.x & 0xffff0000);
  v[2] = __uint_as_float (words.y << 16);
  v[3] = __uint_as_float (words.y & 0xffff0000);
}

static __device__ __forceinline__ void
load_four (float *v, const float *p)
{
  float4 four = *(const float4 *) p;
  v[0] = four.x;
  v[1] = four.y;
  v[2] = four.z;
  v[3] = four.w;
}

/* Means of dn and of n dn over a row, dn = dy w, n = (x - mean) rstd: a warp's matter. */
static __device__ __forceinline__ Two
sums_of_row (const GhNormGradient &v, int row, int C)
{
  const GhBf16 *dy = v.dy + (size_t) row * C;
  const float *x = v.x + (size_t) row * C;
  float centre = v.mean[row], scale = v.rstd[row], sum = 0, along = 0;

#pragma unroll 4
  for (int c = threadIdx.x % 32 * 4; c < C; c += 128) {
    float d[4], xs[4], w[4];
    load_four (d, dy + c);
    load_four (xs, x + c);
    load_four (w, v.w + c);
#pragma unroll
    for (int j = 0; j < 4; j++) {
      sum += d[j] * w[j];
      along += d[j] * w[j] * (xs[j] - centre) * scale;
    }
  }
  return { gh_warp_sum (sum) / C, gh_warp_sum (along) / C };
}

/* part[block][SUMS][C] */
static __global__ void
layernorm_bwd (GhNormGradient v, float *part, int rows, int C, int rows_of_part)
{
  GH_SHARED (Two, of_row);      /* [GROUP] */
  int c = threadIdx.x * 4, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  int begin = blockIdx.x * rows_of_part, end = min (begin + rows_of_part, rows);
  float w[4], sums[SUMS][4] = { };

  load_four (w, v.w + c);
  for (int row0 = begin; row0 < end; row0 += GROUP) {
    int n_rows = min (GROUP, end - row0);
    for (int i = warp; i < n_rows; i += warps) {
      Two two = sums_of_row (v, row0 + i, C);
      if (threadIdx.x % 32 == 0)
        of_row[i] = two;
    }
    __syncthreads ();
#pragma unroll 4
    for (int i = 0; i < n_rows; i++) {
      size_t at = (size_t) (row0 + i) * C + c;
      float centre = v.mean[row0 + i], scale = v.rstd[row0 + i], d[4], x[4], past[4];
      load_four (d, v.dy + at);
      load_four (x, v.x + at);
      load_four (past, v.dx + at);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        float n = (x[j] - centre) * scale;
        past[j] += scale * (d[j] * w[j] - of_row[i].sum - n * of_row[i].along);
        sums[0][j] += d[j] * n;
        sums[1][j] += d[j];
        sums[2][j] += past[j];
      }
      *(float4 *) (v.dx + at) = make_float4 (past[0], past[1], past[2], past[3]);
      *(uint2 *) (v.copy + at) = make_uint2 ((unsigned) gh_to_bf16 (past[1]) << 16 | gh_to_bf16 (past[0]),
          (unsigned) gh_to_bf16 (past[3]) << 16 | gh_to_bf16 (past[2]));
    }
    __syncthreads ();
  }
#pragma unroll
  for (int i = 0; i < SUMS; i++)
    *(float4 *) (part + ((size_t) blockIdx.x * SUMS + i) * C + c) = make_float4 (sums[i][0], sums[i][1], sums[i][2],
        sums[i][3]);
}

GhStatus
gh_cuda_layernorm_bwd_bf16 (GhCtx *ctx, const GhNormGradient *gradient, int rows, int C)
{
  int rows_of_part = gh_rows_of_wide_part (ctx, rows, 2), parts = gh_blocks (rows, rows_of_part);
  float *part = (float *) gh_scratch (ctx, (size_t) parts * SUMS * C * sizeof *part);

  if (!part)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, layernorm_bwd, dim3 (parts), dim3 (C / 4), GROUP * sizeof (Two), *gradient, part, rows, C,
          rows_of_part));
  return gh_add_parts (ctx, { gradient->dw, gradient->db, gradient->dsum }, part, parts, C);
}
