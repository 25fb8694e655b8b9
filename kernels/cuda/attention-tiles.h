/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-tiles.h (private): what attention on tensor cores is made of, forward and back, for heads of 64 channels:
 * fragments of a warp's 16 rows, tiles of others' rows in shared memory, and the convolution of the values as one more
 * product, whose matrix is a band: W[t,s] = w[s - t + taps/2].
 */
#pragma once

#include "tensor-cores.h"

enum {
  GH_HEAD = 64,                 /* channels */
  GH_STEPS = GH_HEAD / 16,      /* of a product along them */
  GH_ROW = GH_HEAD + 8,         /* of a tile, so that rows begin a bank apart */
  GH_TILE = 64,                 /* rows that are walked past at a time */
  GH_MOST_TAPS = 97             /* more would fill shared memory; a pass of its own convolves then */
};

/* ---- fragments ------------------------------------------------------------------------------------------- */

static __device__ __forceinline__ unsigned
gh_two (const GhBf16 *x)
{
  return *(const unsigned *) x;
}

static __device__ __forceinline__ unsigned
gh_two (const float *x)
{
  float2 v = *(const float2 *) x;
  return gh_pair (v.x, v.y);
}

/* Fragments A of rows t..t+15 of x[N,ld], zero from row N on. */
template <class T> static __device__ __forceinline__ void
gh_row_fragments (unsigned (*a)[4], const T *x, size_t ld, int t, int N)
{
  int g = threadIdx.x % 32 / 4, i = threadIdx.x % 4;
  const T *low = x + (size_t) (t + g) * ld + 2 * i, *high = low + 8 * ld;
  bool has_low = t + g < N, has_high = t + g + 8 < N;

#pragma unroll
  for (int step = 0; step < GH_STEPS; step++) {
    a[step][0] = has_low ? gh_two (low + step * 16) : 0;
    a[step][1] = has_high ? gh_two (high + step * 16) : 0;
    a[step][2] = has_low ? gh_two (low + step * 16 + 8) : 0;
    a[step][3] = has_high ? gh_two (high + step * 16 + 8) : 0;
  }
}

/* c[16,8*BLOCKS] as fragments A of a product along its columns. */
static __device__ __forceinline__ void
gh_as_operand (unsigned *a, const float (*c)[4])
{
  a[0] = gh_pair (c[0][0], c[0][1]);
  a[1] = gh_pair (c[0][2], c[0][3]);
  a[2] = gh_pair (c[1][0], c[1][1]);
  a[3] = gh_pair (c[1][2], c[1][3]);
}

/* ---- tiles ----------------------------------------------------------------------------------------------- */

/* tile[rows][GH_ROW] = rows t0.. of x[N,ld], zero where a row is below `first` or beyond N, by `threads` threads of
 * which this is one. In bfloat16 they come while others are computed with, and are there after gh_copy_wait(). */
static __device__ __forceinline__ void
gh_load_tile_by (int thread, int threads, GhBf16 *tile, const float *x, size_t ld, int t0, int first, int N, int rows)
{
  for (int i = thread; i < rows * GH_HEAD / 4; i += threads) {
    int row = i / (GH_HEAD / 4), d = i % (GH_HEAD / 4) * 4, t = t0 + row;
    float4 v = t >= first && t < N ? *(const float4 *) (x + t * ld + d) : make_float4 (0, 0, 0, 0);
    *(uint2 *) (tile + row * GH_ROW + d) = make_uint2 (gh_pair (v.x, v.y), gh_pair (v.z, v.w));
  }
}

static __device__ __forceinline__ void
gh_load_tile_by (int thread, int threads, GhBf16 *tile, const GhBf16 *x, size_t ld, int t0, int first, int N, int rows)
{
  for (int i = thread; i < rows * GH_HEAD / 8; i += threads) {
    int row = i / (GH_HEAD / 8), d = i % (GH_HEAD / 8) * 8, t = t0 + row;
    bool inside = t >= first && t < N;
    gh_copy_async (tile + row * GH_ROW + d, x + (inside ? t : 0) * ld + d, inside ? 16 : 0);
  }
}

template <class T> static __device__ __forceinline__ void
gh_load_tile (GhBf16 *tile, const T *x, size_t ld, int t0, int first, int N, int rows)
{
  gh_load_tile_by (threadIdx.x, blockDim.x, tile, x, ld, t0, first, N, rows);
}

/* c[16 rows, 8 of the tile's] = a tile^T, rows `row`.. of the tile: products along the channels. */
static __device__ __forceinline__ void
gh_times_rows (float *c, const unsigned (*a)[4], const GhBf16 *tile, int row)
{
  int lane = threadIdx.x % 32;

  c[0] = c[1] = c[2] = c[3] = 0;
#pragma unroll
  for (int step = 0; step < GH_STEPS; step += 2) {
    unsigned b[4];
    gh_load_matrices (b, tile + (row + lane % 8) * GH_ROW + step * 16 + lane / 8 * 8);
    gh_mma (c, a[step], b[0], b[1]);
    gh_mma (c, a[step + 1], b[2], b[3]);
  }
}

/* sums[16 rows, 64 channels] += a[16,16] tile, rows `row`.. of the tile. */
static __device__ __forceinline__ void
gh_add_rows (float (*sums)[4], const unsigned *a, const GhBf16 *tile, int row)
{
  int lane = threadIdx.x % 32;

#pragma unroll
  for (int n = 0; n < GH_HEAD / 8; n += 2) {
    unsigned b[4];
    gh_load_matrices_turned (b, tile + (row + lane % 16) * GH_ROW + n * 8 + lane / 16 * 8);
    gh_mma (sums[n], a, b[0], b[1]);
    gh_mma (sums[n + 1], a, b[2], b[3]);
  }
}

/* ---- bands ----------------------------------------------------------------------------------------------- */

/* Row t0 of a block needs rows t0 - before.. of the other side, in a tile of their own. Of a warp whose rows begin at
 * 16*warp of the block those from 16*warp on: column c of its band is tap c - g for its row g. */
static __host__ __device__ __forceinline__ int
gh_band_steps (int taps)
{
  return (15 + taps + 15) / 16;
}

static __host__ __device__ __forceinline__ int
gh_band_rows (int taps, int warps)
{
  return taps ? 16 * (warps - 1 + gh_band_steps (taps)) : 0;
}

/* Floats that the taps take, with zeros around them. */
static __host__ __device__ __forceinline__ int
gh_filter_size (int taps)
{
  return taps ? 16 + 16 * gh_band_steps (taps) : 0;
}

/* filter[16 + j] = w[j], or from the end of w on when turned; zero elsewhere. */
static __device__ __forceinline__ void
gh_load_filter (float *filter, const float *w, int taps, bool turned)
{
  for (int i = threadIdx.x; i < gh_filter_size (taps); i += blockDim.x) {
    int j = i - 16;
    filter[i] = j >= 0 && j < taps ? w[turned ? taps - 1 - j : j] : 0;
  }
}

/* sums[16 rows, 64 channels] += the band times the tile, for the warp's rows; nothing for rows before `first`. begin and
 * stride: which of the steps. */
static __device__ __forceinline__ void
gh_add_band (float (*sums)[4], const float *filter, const GhBf16 *tile, int taps, int warp, int t, int first,
    int begin = 0, int stride = 1)
{
  int g = threadIdx.x % 32 / 4, i = threadIdx.x % 4;
  bool low = t + g >= first;    /* row g + 8 is none that is left out */

  for (int step = begin; step < gh_band_steps (taps); step += stride) {
    const float *at = filter + 16 + step * 16 + 2 * i - g;
    unsigned a[4] = { low ? gh_pair (at[0], at[1]) : 0, gh_pair (at[-8], at[-7]), low ? gh_pair (at[8], at[9]) : 0,
      gh_pair (at[0], at[1]) };
    gh_add_rows (sums, a, tile, (warp + step) * 16);
  }
}

static __device__ __forceinline__ float
gh_sum_of_four (float x)
{
  x += __shfl_xor_sync (0xffffffffu, x, 1);
  return x + __shfl_xor_sync (0xffffffffu, x, 2);
}

static __device__ __forceinline__ void
gh_store_two (float *o, float low, float high)
{
  *(float2 *) o = make_float2 (low, high);
}

static __device__ __forceinline__ void
gh_store_two (GhBf16 *o, float low, float high)
{
  *(unsigned *) o = gh_pair (low, high);
}

/* Rows t.. of o[N,ld] = factor * sums, up to row N. */
template <class T> static __device__ __forceinline__ void
gh_store_rows (T *o, size_t ld, const float (*sums)[4], float factor, int t, int N)
{
  int g = threadIdx.x % 32 / 4, i = threadIdx.x % 4;

#pragma unroll
  for (int half = 0; half < 2; half++) {
    T *row = o + (size_t) (t + g + 8 * half) * ld + 2 * i;
#pragma unroll
    for (int n = 0; n < GH_HEAD / 8 && t + g + 8 * half < N; n++)
      gh_store_two (row + n * 8, sums[n][2 * half] * factor, sums[n][2 * half + 1] * factor);
  }
}
