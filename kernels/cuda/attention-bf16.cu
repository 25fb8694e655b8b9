/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bf16.cu: attention over heads of 64 channels on tensor cores, after FlashAttention-2 (Dao 2023): a warp
 * takes 16 queries of one head, and its block walks the keys 64 at a time. Scores never leave the registers: the
 * fragment a product ends in is the one that the next product begins with. The convolution of the values is added while
 * the block is at it.
 */
#include "attention-tiles.h"

static __device__ __forceinline__ float
largest_of_four (float x)
{
  x = fmaxf (x, __shfl_xor_sync (0xffffffffu, x, 1));
  return fmaxf (x, __shfl_xor_sync (0xffffffffu, x, 2));
}

/* s[8][4] = the scores of 16 queries and 64 keys, -inf beyond the last key. */
static __device__ __forceinline__ void
scores (float (*s)[4], const unsigned (*q)[4], const GhBf16 *k, int key0, int N)
{
  int i = threadIdx.x % 4;

#pragma unroll
  for (int n = 0; n < 8; n++)
    gh_times_rows (s[n], q, k, n * 8);
  if (key0 + GH_TILE <= N)
    return;
#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++)
      s[n][c] = key0 + n * 8 + 2 * i + c % 2 < N ? s[n][c] : -INFINITY;
  }
}

namespace {
/* Of rows g, then g + 8: the highest score yet, and the sum of the weights as seen from there. */
struct Softmax {
  float top[2], total[2];
};
}

/* Scores become weights; what was summed before shrinks to the new highest score. */
static __device__ __forceinline__ void
weigh (Softmax *rows, float (*s)[4], float (*sums)[4], float scale)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float highest = rows->top[half], sum = 0;
#pragma unroll
    for (int n = 0; n < 8; n++)
      highest = fmaxf (highest, fmaxf (s[n][2 * half], s[n][2 * half + 1]));
    highest = largest_of_four (highest);
    float shrink = exp2f ((rows->top[half] - highest) * scale), shift = highest * scale;
    rows->top[half] = highest;
#pragma unroll
    for (int n = 0; n < 8; n++) {
#pragma unroll
      for (int c = 2 * half; c < 2 * half + 2; c++) {
        s[n][c] = exp2f (fmaf (s[n][c], scale, -shift));
        sum += s[n][c];
        sums[n][c] *= shrink;
      }
    }
    rows->total[half] = rows->total[half] * shrink + gh_sum_of_four (sum);
  }
}

template <class T, int WARPS> static __global__ void
__launch_bounds__ (32 * WARPS)
attention_bf16 (T *o, float *lse, const T *qkv, GhAttention v, float scale)
{
  GH_SHARED (GhBf16, tiles);    /* two sets of keys and values, [GH_TILE][GH_ROW] each; the band's values; its taps */
  const int taps = v.conv ? v.taps : 0, N = v.N, warp = threadIdx.x / 32;
  GhBf16 *band = tiles + 4 * GH_TILE * GH_ROW;
  float *filter = (float *) (band + gh_band_rows (taps, WARPS) * GH_ROW);
  size_t I = (size_t) v.H * GH_HEAD, ld = 3 * I;
  int block0 = blockIdx.x * 16 * WARPS, t0 = block0 + warp * 16;
  const T *q = qkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD, *k = q + I, *values = k + I;
  unsigned a[GH_STEPS][4];
  float sums[8][4] = { };
  Softmax rows = { { -INFINITY, -INFINITY }, { } };

  gh_load_tile (tiles, k, ld, 0, 0, N, GH_TILE);
  gh_load_tile (tiles + GH_TILE * GH_ROW, values, ld, 0, 0, N, GH_TILE);
  gh_load_tile (band, values, ld, block0 - taps / 2, v.first, N, gh_band_rows (taps, WARPS));
  gh_copy_commit ();
  gh_row_fragments (a, q, ld, t0, N);
  if (taps)
    gh_load_filter (filter, v.conv + blockIdx.y * taps, taps, false);
  for (int key0 = 0; key0 < N; key0 += GH_TILE) {
    int set = key0 / GH_TILE % 2;
    GhBf16 *now = tiles + 2 * set * GH_TILE * GH_ROW, *next = tiles + 2 * (1 - set) * GH_TILE * GH_ROW;
    float s[8][4];
    gh_copy_wait<0> ();
    __syncthreads ();           /* this set is there, and nobody reads the other any more */
    if (key0 + GH_TILE < N) {
      gh_load_tile (next, k, ld, key0 + GH_TILE, 0, N, GH_TILE);
      gh_load_tile (next + GH_TILE * GH_ROW, values, ld, key0 + GH_TILE, 0, N, GH_TILE);
    }
    gh_copy_commit ();
    scores (s, a, now, key0, N);
    weigh (&rows, s, sums, scale);
#pragma unroll
    for (int step = 0; step < 4; step++) {      /* 16 keys */
      unsigned weights[4];
      gh_as_operand (weights, s + 2 * step);
      gh_add_rows (sums, weights, now + GH_TILE * GH_ROW, step * 16);
    }
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int t = t0 + threadIdx.x % 32 / 4 + 8 * half;
    float inverse = 1 / rows.total[half];
#pragma unroll
    for (int n = 0; n < 8; n++) {
      sums[n][2 * half] *= inverse;
      sums[n][2 * half + 1] *= inverse;
    }
    if (lse && threadIdx.x % 4 == 0 && t < N)
      lse[((size_t) blockIdx.z * v.H + blockIdx.y) * N + t] = rows.top[half] * scale + log2f (rows.total[half]);
  }
  if (taps)
    gh_add_band (sums, filter, band, taps, warp, t0, v.first);
  gh_store_rows (o + blockIdx.z * N * I + blockIdx.y * GH_HEAD, I, sums, 1, t0, N);
}

/* ---- few heads ------------------------------------------------------------------------------------------- */

enum { SPLIT = 4 /* warps */ };

/* Where heads are too few to fill the device, a block takes 16 queries, and its warps share the keys: each walks every
 * fourth tile of them, then all are added up, each as far down as the highest score of all asks. */
template <class T> static __global__ void
__launch_bounds__ (32 * SPLIT)
attention_few (T *o, float *lse, const T *qkv, GhAttention v, float scale)
{
  GH_SHARED (GhBf16, tiles);    /* each warp's keys and values; the band's values, its taps; top and total of each row */
  const int taps = v.conv ? v.taps : 0, N = v.N, warp = threadIdx.x / 32, lane = threadIdx.x % 32, g = lane / 4;
  GhBf16 *mine = tiles + warp * 2 * GH_TILE * GH_ROW, *band = tiles + SPLIT * 2 * GH_TILE * GH_ROW;
  float *filter = (float *) (band + gh_band_rows (taps, 1) * GH_ROW);
  float *tops = filter + gh_filter_size (taps), *totals = tops + SPLIT * 16, *parts = (float *) tiles;
  size_t I = (size_t) v.H * GH_HEAD, ld = 3 * I;
  int t0 = blockIdx.x * 16;
  const T *q = qkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD, *k = q + I, *values = k + I;
  unsigned a[GH_STEPS][4];
  float sums[8][4] = { };
  Softmax rows = { { -INFINITY, -INFINITY }, { } };

  gh_load_tile (band, values, ld, t0 - taps / 2, v.first, N, gh_band_rows (taps, 1));
  gh_copy_commit ();
  if (taps)
    gh_load_filter (filter, v.conv + blockIdx.y * taps, taps, false);
  gh_row_fragments (a, q, ld, t0, N);
  for (int key0 = warp * GH_TILE; key0 < N; key0 += SPLIT * GH_TILE) {
    float s[8][4];
    gh_load_tile_by (lane, 32, mine, k, ld, key0, 0, N, GH_TILE);
    gh_load_tile_by (lane, 32, mine + GH_TILE * GH_ROW, values, ld, key0, 0, N, GH_TILE);
    gh_copy_commit ();
    gh_copy_wait<0> ();
    __syncwarp ();
    scores (s, a, mine, key0, N);
    weigh (&rows, s, sums, scale);
#pragma unroll
    for (int step = 0; step < 4; step++) {
      unsigned weights[4];
      gh_as_operand (weights, s + 2 * step);
      gh_add_rows (sums, weights, mine + GH_TILE * GH_ROW, step * 16);
    }
    __syncwarp ();              /* before the tile is loaded anew */
  }
  gh_copy_wait<0> ();           /* the band, where a warp had no keys */
  if (lane % 4 == 0) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      tops[warp * 16 + g + 8 * half] = rows.top[half];
      totals[warp * 16 + g + 8 * half] = rows.total[half];
    }
  }
  __syncthreads ();
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = g + 8 * half;
    float highest = tops[row], total = 0;
    for (int i = 1; i < SPLIT; i++)
      highest = fmaxf (highest, tops[i * 16 + row]);
    for (int i = 0; i < SPLIT; i++)
      total += totals[i * 16 + row] * exp2f ((tops[i * 16 + row] - highest) * scale);
    float factor = exp2f ((rows.top[half] - highest) * scale) / total;
#pragma unroll
    for (int n = 0; n < 8; n++) {
      sums[n][2 * half] *= factor;
      sums[n][2 * half + 1] *= factor;
    }
    if (lse && warp == 0 && lane % 4 == 0 && t0 + row < N)
      lse[((size_t) blockIdx.z * v.H + blockIdx.y) * N + t0 + row] = highest * scale + log2f (total);
  }
  if (taps)
    gh_add_band (sums, filter, band, taps, 0, t0, v.first, warp, SPLIT);
  gh_store_rows (parts + warp * 16 * GH_HEAD, GH_HEAD, sums, 1, 0, 16);
  __syncthreads ();
  for (int i = threadIdx.x; i < 16 * GH_HEAD; i += 32 * SPLIT) {
    float sum = 0;
    for (int part = 0; part < SPLIT; part++)
      sum += parts[part * 16 * GH_HEAD + i];
    if (t0 + i / GH_HEAD < N)
      gh_store (o + ((size_t) blockIdx.z * N + t0 + i / GH_HEAD) * I + blockIdx.y * GH_HEAD + i % GH_HEAD, sum);
  }
}

template <class T> static GhStatus
launch_few (GhCtx *ctx, T *o, float *lse, const T *qkv, const GhAttention *v, float scale)
{
  int taps = v->conv ? v->taps : 0;
  size_t shared = (SPLIT * 2 * GH_TILE + gh_band_rows (taps, 1)) * GH_ROW * sizeof (GhBf16)
      + (gh_filter_size (taps) + 2 * SPLIT * 16) * sizeof (float);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) attention_few<T>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared), "attention_few"));
  return GH_LAUNCH (ctx, attention_few<T>, dim3 (gh_blocks (v->N, 16), v->H, v->B), dim3 (32 * SPLIT), shared, o, lse,
      qkv, *v, scale);
}

/* ---- which ----------------------------------------------------------------------------------------------- */

template <class T, int WARPS> static GhStatus
launch (GhCtx *ctx, T *o, float *lse, const T *qkv, const GhAttention *v, float scale)
{
  int taps = v->conv ? v->taps : 0;
  size_t shared = (4 * GH_TILE + gh_band_rows (taps, WARPS)) * GH_ROW * sizeof (GhBf16)
      + gh_filter_size (taps) * sizeof (float);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) attention_bf16<T, WARPS>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) shared), "attention_bf16"));
  return GH_LAUNCH (ctx, (attention_bf16<T, WARPS>), dim3 (gh_blocks (v->N, 16 * WARPS), v->H, v->B), dim3 (32 * WARPS),
      shared, o, lse, qkv, *v, scale);
}

bool
gh_cuda_attends_in_bf16 (const GhCtx *ctx, int D)
{
  return D == GH_HEAD && gh_cuda (ctx)->capability >= 80;
}

/* A block of 80 queries is what the 72 tokens need that an encoder is shown of 240 when it learns. */
template <class T> GhStatus
gh_cuda_attention_bf16 (GhCtx *ctx, T *o, float *lse, const T *qkv, const GhAttention *attention)
{
  const float scale = 0.125f * 1.4426950408889634f;     /* 1/sqrt(64), log2(e) */
  GhAttention v = *attention;
  size_t heads = (size_t) v.H * v.B, processors = gh_cuda (ctx)->processors;
  bool late = v.conv && v.taps > GH_MOST_TAPS;
  GhStatus status;

  if (late)
    v.conv = NULL;
  if (gh_blocks (v.N, 16) * heads <= 2 * processors)
    status = launch_few (ctx, o, lse, qkv, &v, scale);
  else if (v.N > 64 && v.N <= 80)
    status = launch<T, 5> (ctx, o, lse, qkv, &v, scale);
  else
    status = launch<T, 4> (ctx, o, lse, qkv, &v, scale);
  if (status != GH_OK || !late)
    return status;
  int I = v.H * GH_HEAD;
  return gh_cuda_convolve (ctx, o, I, qkv + 2 * I, 3 * I, attention->conv, false, v.B, v.N, v.H, GH_HEAD, v.taps,
      v.first);
}

template GhStatus gh_cuda_attention_bf16 (GhCtx *, float *, float *, const float *, const GhAttention *);
template GhStatus gh_cuda_attention_bf16 (GhCtx *, GhBf16 *, float *, const GhBf16 *, const GhAttention *);
