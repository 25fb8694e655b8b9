/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bwd-bf16.cu: the gradients of attention on tensor cores, for heads of 64 channels. Scores are computed
 * again from q, k and the logarithm of their sums that the forward pass kept:
 *
 *   P = exp(S - lse), dP = dout v^T, dS = P (dP - delta), delta[t] = sum over s of P dP
 *
 * One kernel takes 16 queries a warp and walks the keys, for dq = dS k / 8; it finds delta on the way in. The other
 * takes 16 keys a warp and walks the queries, for dk = dS^T q / 8 and dv = P^T dout. Each computes S and dP for itself:
 * that is cheaper than sums of many blocks in one place, and has one order.
 *
 * With a convolution o is (P + W) v: delta is dout o less the sum of W dP, dv gains W^T dout, and the gradient of a tap
 * is the sum of a diagonal of dP. The first kernel computes that band of dP.
 */
#include "attention-tiles.h"
#include "column-sums.h"

enum { HALF = 16 /* rows of a tile that are computed with at a time */ };

/* P and dS of 16 rows and HALF columns: scores and dP in, fragments for products along the columns out. The logarithms
 * and deltas are of rows where per_row, else of columns. */
static __device__ __forceinline__ void
slopes (float (*s)[4], float (*dp)[4], const float *lse, const float *delta, float scale, bool per_row)
{
  int i = threadIdx.x % 4;

#pragma unroll
  for (int n = 0; n < HALF / 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      int at = per_row ? c / 2 : n * 8 + 2 * i + c % 2;
      s[n][c] = exp2f (fmaf (s[n][c], scale, -lse[at]));
      dp[n][c] = s[n][c] * (dp[n][c] - delta[at]);
    }
  }
}

/* Scores of columns from `end` on become such that they weigh nothing. Left at the 0 that rows beyond the last give, they
 * would weigh without bound where all others are far below. */
static __device__ __forceinline__ void
cut_off (float (*s)[4], int end)
{
  int i = threadIdx.x % 4;

#pragma unroll
  for (int n = 0; n < HALF / 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++)
      s[n][c] = n * 8 + 2 * i + c % 2 < end ? s[n][c] : -INFINITY;
  }
}

/* sums[16 rows, 64 channels] += c[16,HALF] as bfloat16, times HALF rows of the tile. */
static __device__ __forceinline__ void
add_half (float (*sums)[4], const float (*c)[4], const GhBf16 *tile, int row)
{
#pragma unroll
  for (int step = 0; step < HALF / 16; step++) {
    unsigned a[4];
    gh_as_operand (a, c + 2 * step);
    gh_add_rows (sums, a, tile, row + step * 16);
  }
}

/* ---- queries --------------------------------------------------------------------------------------------- */

namespace {
struct Gradients {
  GhBf16 *dqkv;
  float *delta, *taps;          /* [B,H,N]; parts of the taps' gradients, [B * blocks of queries, H, taps] */
  const GhBf16 *dout, *o, *qkv;
  const float *lse;
  float scale;                  /* of scores, for exp2 */
};
}

/* The band of dP for the warp's queries, [16][width + 1], in its own part of shared memory. */
static __device__ __forceinline__ void
band_of_slopes (float *rows, const unsigned (*dout)[4], const GhBf16 *band, int width, int warp)
{
  int g = threadIdx.x % 32 / 4, i = threadIdx.x % 4;

  for (int n = 0; n < width / 8; n++) {
    float c[4];
    gh_times_rows (c, dout, band, warp * 16 + n * 8);
    for (int j = 0; j < 4; j++)
      rows[(g + j / 2 * 8) * (width + 1) + n * 8 + 2 * i + j % 2] = c[j];
  }
  __syncwarp ();
}

/* Sums along the band: of each row, weighed by the taps, into of_row[16]; of each diagonal into of_tap[taps]. Rows before
 * `first` and beyond the last are no rows of the convolution. */
static __device__ __forceinline__ void
sum_band (float *of_row, float *of_tap, const float *rows, const float *filter, int taps, int width, int t0, int first,
    int N)
{
  int lane = threadIdx.x % 32, begin = max (first - t0, 0), end = min (N - t0, 16);

  for (int j = lane; j < taps; j += 32) {
    float sum = 0;
    for (int row = begin; row < end; row++)
      sum += rows[row * (width + 1) + row + j];
    of_tap[j] = sum;
  }
  if (lane < 16) {
    float sum = 0;
    for (int j = 0; j < taps && lane >= begin; j++)
      sum += filter[16 + j] * rows[lane * (width + 1) + lane + j];
    of_row[lane] = sum;
  }
  __syncwarp ();
}

/* delta of rows g and g + 8 without the convolution's part. */
static __device__ __forceinline__ void
row_deltas (float *delta, const unsigned (*dout)[4], const unsigned (*o)[4])
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = 0;
#pragma unroll
    for (int step = 0; step < GH_STEPS; step++) {
#pragma unroll
      for (int part = half; part < 4; part += 2) {
        unsigned a = dout[step][part], b = o[step][part];
        sum += __uint_as_float (a << 16) * __uint_as_float (b << 16)
            + __uint_as_float (a & 0xffff0000) * __uint_as_float (b & 0xffff0000);
      }
    }
    delta[half] = gh_sum_of_four (sum);
  }
}

template <int WARPS, bool CONVOLVED> static __global__ void
__launch_bounds__ (32 * WARPS, 16 / WARPS)
query_gradients (Gradients w, GhAttention v)
{
  GH_SHARED (GhBf16, tiles);    /* as in attention-bf16.cu; then per warp rows of the band, their sums, its taps' sums */
  const int taps = CONVOLVED ? v.taps : 0, N = v.N, warp = threadIdx.x / 32, width = 16 * gh_band_steps (taps);
  GhBf16 *band = tiles + 4 * GH_TILE * GH_ROW;
  float *filter = (float *) (band + gh_band_rows (taps, WARPS) * GH_ROW);
  float *rows = filter + gh_filter_size (taps) + warp * 16 * (width + 1);
  float *of_row = filter + gh_filter_size (taps) + WARPS * 16 * (width + 1) + warp * 16;
  float *of_taps = filter + gh_filter_size (taps) + WARPS * 16 * (width + 2);
  size_t I = (size_t) v.H * GH_HEAD, ld = 3 * I, head = ((size_t) blockIdx.z * v.H + blockIdx.y) * N;
  size_t image = blockIdx.z * N * I + blockIdx.y * GH_HEAD;
  int block0 = blockIdx.x * 16 * WARPS, t0 = block0 + warp * 16;
  const GhBf16 *q = w.qkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD, *k = q + I, *values = k + I;
  unsigned a[GH_STEPS][4], dout[GH_STEPS][4];
  float dq[8][4] = { }, lse[2], delta[2];

  gh_load_tile (tiles, k, ld, 0, 0, N, GH_TILE);
  gh_load_tile (tiles + GH_TILE * GH_ROW, values, ld, 0, 0, N, GH_TILE);
  gh_load_tile (band, values, ld, block0 - taps / 2, v.first, N, gh_band_rows (taps, WARPS));
  gh_copy_commit ();
  gh_row_fragments (a, w.o + image, I, t0, N);
  gh_row_fragments (dout, w.dout + image, I, t0, N);
  row_deltas (delta, dout, a);
  gh_row_fragments (a, q, ld, t0, N);
  if (CONVOLVED) {
    gh_load_filter (filter, v.conv + blockIdx.y * taps, taps, false);
    gh_copy_wait<0> ();
    __syncthreads ();
    band_of_slopes (rows, dout, band, width, warp);
    sum_band (of_row, of_taps + warp * taps, rows, filter, taps, width, t0, v.first, N);
    delta[0] -= of_row[threadIdx.x % 32 / 4];
    delta[1] -= of_row[threadIdx.x % 32 / 4 + 8];
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int t = t0 + threadIdx.x % 32 / 4 + 8 * half;
    lse[half] = t < N ? w.lse[head + t] : 0;
    if (threadIdx.x % 4 == 0 && t < N)
      w.delta[head + t] = delta[half];
  }
  for (int key0 = 0; key0 < N; key0 += GH_TILE) {
    int set = key0 / GH_TILE % 2;
    GhBf16 *now = tiles + 2 * set * GH_TILE * GH_ROW, *next = tiles + 2 * (1 - set) * GH_TILE * GH_ROW;
    gh_copy_wait<0> ();
    __syncthreads ();           /* this set is there, and nobody reads the other any more */
    if (key0 + GH_TILE < N) {
      gh_load_tile (next, k, ld, key0 + GH_TILE, 0, N, GH_TILE);
      gh_load_tile (next + GH_TILE * GH_ROW, values, ld, key0 + GH_TILE, 0, N, GH_TILE);
    }
    gh_copy_commit ();
#pragma unroll 1
    for (int row = 0; row < GH_TILE && key0 + row < N; row += HALF) {
      float s[HALF / 8][4], dp[HALF / 8][4];
#pragma unroll
      for (int n = 0; n < HALF / 8; n++) {
        gh_times_rows (s[n], a, now, row + n * 8);
        gh_times_rows (dp[n], dout, now + GH_TILE * GH_ROW, row + n * 8);
      }
      if (key0 + row + HALF > N)
        cut_off (s, N - key0 - row);
      slopes (s, dp, lse, delta, w.scale, true);
      add_half (dq, dp, now, row);
    }
  }
  gh_store_rows (w.dqkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD, ld, dq, 0.125f, t0, N);
  for (int j = threadIdx.x; j < taps; j += 32 * WARPS) {
    float sum = 0;
    for (int i = 0; i < WARPS; i++)
      sum += of_taps[i * taps + j];
    w.taps[((blockIdx.z * gridDim.x + blockIdx.x) * (size_t) v.H + blockIdx.y) * taps + j] = sum;
  }
}

/* ---- keys and values ------------------------------------------------------------------------------------- */

/* lse and delta of a tile of queries, [2][GH_TILE]. One beyond the last weighs nothing. */
static __device__ __forceinline__ void
load_sums (float *to, const float *lse, const float *delta, int t0, int N)
{
  for (int i = threadIdx.x; i < GH_TILE; i += blockDim.x) {
    to[i] = t0 + i < N ? lse[t0 + i] : INFINITY;
    to[GH_TILE + i] = t0 + i < N ? delta[t0 + i] : 0;
  }
}

template <int WARPS, bool CONVOLVED> static __global__ void
__launch_bounds__ (32 * WARPS, 12 / WARPS)
key_gradients (Gradients w, GhAttention v)
{
  GH_SHARED (GhBf16, tiles);    /* two sets of queries and their gradients, the band's gradients, its taps; each set's lse
                                 * and delta */
  const int taps = CONVOLVED ? v.taps : 0, N = v.N, warp = threadIdx.x / 32, ahead = taps - 1 - taps / 2;
  GhBf16 *band = tiles + 4 * GH_TILE * GH_ROW;
  float *filter = (float *) (band + gh_band_rows (taps, WARPS) * GH_ROW);
  float *of_rows = filter + gh_filter_size (taps);      /* [2][2][GH_TILE] */
  size_t I = (size_t) v.H * GH_HEAD, ld = 3 * I, head = ((size_t) blockIdx.z * v.H + blockIdx.y) * N;
  int block0 = blockIdx.x * 16 * WARPS, s0 = block0 + warp * 16;
  const GhBf16 *q = w.qkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD;
  const GhBf16 *dout = w.dout + blockIdx.z * N * I + blockIdx.y * GH_HEAD;
  GhBf16 *dqkv = w.dqkv + blockIdx.z * N * ld + blockIdx.y * GH_HEAD;
  unsigned k[GH_STEPS][4], values[GH_STEPS][4];
  float dk[8][4] = { }, dv[8][4] = { };

  gh_load_tile (tiles, q, ld, 0, 0, N, GH_TILE);
  gh_load_tile (tiles + GH_TILE * GH_ROW, dout, I, 0, 0, N, GH_TILE);
  gh_load_tile (band, dout, I, block0 - ahead, v.first, N, gh_band_rows (taps, WARPS));
  gh_copy_commit ();
  gh_row_fragments (k, q + I, ld, s0, N);
  gh_row_fragments (values, q + 2 * I, ld, s0, N);
  if (CONVOLVED)
    gh_load_filter (filter, v.conv + blockIdx.y * taps, taps, true);
  load_sums (of_rows, w.lse + head, w.delta + head, 0, N);
  for (int t0 = 0; t0 < N; t0 += GH_TILE) {
    int set = t0 / GH_TILE % 2;
    GhBf16 *now = tiles + 2 * set * GH_TILE * GH_ROW, *next = tiles + 2 * (1 - set) * GH_TILE * GH_ROW;
    gh_copy_wait<0> ();
    __syncthreads ();
    if (t0 + GH_TILE < N) {
      gh_load_tile (next, q, ld, t0 + GH_TILE, 0, N, GH_TILE);
      gh_load_tile (next + GH_TILE * GH_ROW, dout, I, t0 + GH_TILE, 0, N, GH_TILE);
      load_sums (of_rows + (1 - set) * 2 * GH_TILE, w.lse + head, w.delta + head, t0 + GH_TILE, N);
    }
    gh_copy_commit ();
    const float *lse = of_rows + set * 2 * GH_TILE, *delta = lse + GH_TILE;
#pragma unroll 1
    for (int row = 0; row < GH_TILE && t0 + row < N; row += HALF) {
      float p[HALF / 8][4], ds[HALF / 8][4];
#pragma unroll
      for (int n = 0; n < HALF / 8; n++) {
        gh_times_rows (p[n], k, now, row + n * 8);
        gh_times_rows (ds[n], values, now + GH_TILE * GH_ROW, row + n * 8);
      }
      slopes (p, ds, lse + row, delta + row, w.scale, false);
      add_half (dv, p, now + GH_TILE * GH_ROW, row);
      add_half (dk, ds, now, row);
    }
  }
  if (CONVOLVED)
    gh_add_band (dv, filter, band, taps, warp, s0, v.first);
  gh_store_rows (dqkv + I, ld, dk, 0.125f, s0, N);
  gh_store_rows (dqkv + 2 * I, ld, dv, 1, s0, N);
}

/* ---- both ------------------------------------------------------------------------------------------------ */

namespace {
struct Part {
  const float *part;
  int C;
  __device__ float operator() (int row, int c) const { return part[(size_t) row * C + c]; }
};

/* The least of what a block takes where a head has few rows, 64 else. */
struct Cut {
  int warps, blocks;
};
}

static Cut
cut (int N)
{
  int warps = N > 64 && N <= 80 ? 5 : 4;
  return { warps, (int) gh_blocks (N, 16 * warps) };
}

/* In floats: deltas, parts of the taps' gradients, and what gh_sum_columns() wants. */
size_t
gh_cuda_attention_bwd_work (const GhAttention *v)
{
  int taps = v->conv ? v->taps : 0, rows = v->B * cut (v->N).blocks;
  size_t floats = (size_t) v->B * v->H * v->N + ((size_t) rows + gh_parts (rows)) * v->H * taps;

  return floats * sizeof (float);
}

template <int WARPS, bool CONVOLVED> static GhStatus
launch (GhCtx *ctx, const Gradients *w, const GhAttention *v)
{
  int taps = v->conv ? v->taps : 0, width = 16 * gh_band_steps (taps);
  dim3 grid (gh_blocks (v->N, 16 * WARPS), v->H, v->B), block (32 * WARPS);
  size_t tiles = (4 * GH_TILE + gh_band_rows (taps, WARPS)) * GH_ROW * sizeof (GhBf16);
  size_t queries = tiles + (gh_filter_size (taps) + (taps ? WARPS * (16 * (width + 2) + taps) : 0)) * sizeof (float);
  size_t keys = tiles + (gh_filter_size (taps) + 4 * GH_TILE) * sizeof (float);

  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) query_gradients<WARPS, CONVOLVED>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) queries), "query_gradients"));
  GH_CUDA_TRY (gh_cuda_check (ctx, cudaFuncSetAttribute ((const void *) key_gradients<WARPS, CONVOLVED>,
              cudaFuncAttributeMaxDynamicSharedMemorySize, (int) keys), "key_gradients"));
  GH_CUDA_TRY (GH_LAUNCH (ctx, (query_gradients<WARPS, CONVOLVED>), grid, block, queries, *w, *v));
  return GH_LAUNCH (ctx, (key_gradients<WARPS, CONVOLVED>), grid, block, keys, *w, *v);
}

GhStatus
gh_cuda_attention_bwd_bf16 (GhCtx *ctx, GhBf16 *dqkv, float *dconv, const GhBf16 *dout, const GhBf16 *o,
    const float *lse, const GhBf16 *qkv, const GhAttention *v, void *work)
{
  float *delta = (float *) work, *taps = delta + (size_t) v->B * v->H * v->N;
  Gradients w = { dqkv, delta, taps, dout, o, qkv, lse, 0.125f * 1.4426950408889634f };
  Cut parts = cut (v->N);
  int rows = v->B * parts.blocks, columns = v->conv ? v->H * v->taps : 0;

  if (!v->conv)
    return parts.warps == 5 ? launch<5, false> (ctx, &w, v) : launch<4, false> (ctx, &w, v);
  GH_CUDA_TRY (parts.warps == 5 ? (launch<5, true> (ctx, &w, v)) : (launch<4, true> (ctx, &w, v)));
  return gh_sum_columns (ctx, dconv, Part { taps, columns }, rows, columns, taps + (size_t) rows * columns);
}
