/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks-attention.h (private): a head's attention in blocks.cu, for 32 queries of at most 256 tokens: eight warps, of which
 * each has 16 queries and one tile of keys. Scores stay in registers; what the warps have of a row is added up in shared
 * memory.
 */
#pragma once

#include "blocks-products.h"

namespace {
/* A warp's share of a head's attention: 16 queries of the 32, and one tile of keys. */
struct Share {
  int queries, keys;            /* which 16, which tile */
  int row0;                     /* of the queries in the row tile */
  int t0;                       /* tokens: of row g, */
  int key0;                     /* and of column 2i */
};
}

/* s[8][4] = scores of 16 queries and 64 keys; -inf beyond the last. */
static __device__ __forceinline__ void
score (float (&s)[8][4], const GhBf16 *q, const GhBf16 *k, const Share &at, int N)
{
  int lane = threadIdx.x % 32;
  unsigned a[GH_STEPS][4];

#pragma unroll
  for (int step = 0; step < GH_STEPS; step++)
    gh_load_matrices (a[step], q + gh_tile_at (at.row0 + lane % 16, step * 16 + lane / 16 * 8));
#pragma unroll
  for (int n = 0; n < 8; n++) {
    s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0;
#pragma unroll
    for (int step = 0; step < GH_STEPS; step += 2) {
      unsigned b[4];
      gh_load_matrices (b, k + gh_tile_at (n * 8 + lane % 8, step * 16 + lane / 8 * 8));
      gh_mma (s[n], a[step], b[0], b[1]);
      gh_mma (s[n], a[step + 1], b[2], b[3]);
    }
#pragma unroll
    for (int c = 0; c < 4; c++)
      s[n][c] = at.key0 + n * 8 + c % 2 < N ? s[n][c] : -INFINITY;
  }
}

/* Of the rows g and g + 8: the highest score of all keys, then the sum of the weights that s becomes. */
static __device__ __forceinline__ void
weigh_all (float (&s)[8][4], const Place &p, const Share &at, const Worker &me, float scale)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float top = -INFINITY;
#pragma unroll
    for (int n = 0; n < 8; n++)
      top = fmaxf (top, fmaxf (s[n][2 * half], s[n][2 * half + 1]));
    top = fmaxf (top, __shfl_xor_sync (0xffffffffu, top, 1));
    top = fmaxf (top, __shfl_xor_sync (0xffffffffu, top, 2));
    if (me.i == 0)
      p.tops[at.keys * 32 + at.queries * 16 + me.g + 8 * half] = top;
  }
  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = at.queries * 16 + me.g + 8 * half;
    float top = fmaxf (fmaxf (p.tops[row], p.tops[32 + row]), fmaxf (p.tops[64 + row], p.tops[96 + row])), sum = 0;
#pragma unroll
    for (int n = 0; n < 8; n++) {
#pragma unroll
      for (int c = 2 * half; c < 2 * half + 2; c++) {
        s[n][c] = exp2f ((s[n][c] - top) * scale);
        sum += s[n][c];
      }
    }
    sum = gh_sum_of_four (sum);
    if (me.i == 0)
      p.totals[at.keys * 32 + row] = sum;
  }
  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = at.queries * 16 + me.g + 8 * half;
    float inverse = 1 / (p.totals[row] + p.totals[32 + row] + p.totals[64 + row] + p.totals[96 + row]);
#pragma unroll
    for (int n = 0; n < 8; n++) {
      s[n][2 * half] *= inverse;
      s[n][2 * half + 1] *= inverse;
    }
  }
}

/* The convolution is one more weight for the keys near a query. */
static __device__ __forceinline__ void
add_taps (float (&s)[8][4], const Place &p, const Share &at, int taps, int first, int N)
{
#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++) {
      int t = at.t0 + c / 2 * 8, key = at.key0 + n * 8 + c % 2, tap = key - t + taps / 2;
      if (tap >= 0 && tap < taps && t >= first && key >= first && key < N)
        s[n][c] += p.filter[tap];
    }
  }
}

/* Each warp's sums over its keys, added up: of the columns each warp takes 16. */
static __device__ __forceinline__ void
add_shares (GhBf16 *to, const float (&sums)[8][4], const Place &p, const Share &at, const Worker &me)
{
  int lane = threadIdx.x % 32;
  float *mine = p.exchange + (at.keys * 2 + at.queries) * 32 * 32 + lane;

#pragma unroll
  for (int n = 0; n < 8; n++) {
#pragma unroll
    for (int c = 0; c < 4; c++)
      mine[(n * 4 + c) * 32] = sums[n][c];
  }
  gh_shared_proxy_fence ();
  gh_some_sync (ALL_WORKERS, WORKERS);  /* nobody reads the tiles any more, either */
#pragma unroll
  for (int n = 0; n < 2; n++) {
    float sum[4] = { };
#pragma unroll
    for (int c = 0; c < 4; c++) {
#pragma unroll
      for (int keys = 0; keys < 4; keys++)
        sum[c] += p.exchange[(keys * 2 + at.queries) * 32 * 32 + ((at.keys * 2 + n) * 4 + c) * 32 + lane];
    }
    gh_store_two (to + gh_tile_at (at.row0 + me.g, (at.keys * 2 + n) * 8) + 2 * me.i, sum[0], sum[1]);
    gh_store_two (to + gh_tile_at (at.row0 + me.g + 8, (at.keys * 2 + n) * 8) + 2 * me.i, sum[2], sum[3]);
  }
}

/* 32 queries of a head; four tiles of keys at most, one for every two warps. */
static __device__ __forceinline__ void
attend (const GhLayers &m, const Grid &g, const Place &p, const Work &w, Worker *me, const float *conv)
{
  const int R = g.row_tiles, head = p.col / 2, items = 1 + 2 * R;
  const float scale = 0.125f * 1.4426950408889634f;     /* 1/sqrt(64), log2(e) */
  Share at = { me->warp % 2, me->warp / 2, p.col % 2 * 32 + me->warp % 2 * 16, 0, 0 };
  const GhBf16 *slots = p.rows.slots, *q = slots + me->rows % SLOTS * TILE;
  unsigned keys = me->rows + 1 + at.keys, values = keys + R;
  float s[8][4], sums[8][4] = { };
  bool some = at.keys < R;

  at.t0 = p.row * 64 + at.row0 + me->g;
  at.key0 = at.keys * 64 + 2 * me->i;
  for (int i = threadIdx.x; conv && i < m.taps; i += WORKERS)
    p.filter[i] = conv[head * m.taps + i];
#pragma unroll
  for (int n = 0; n < 8; n++)
    s[n][0] = s[n][1] = s[n][2] = s[n][3] = -INFINITY;
  await_item (p.rows, me->rows);
  if (some) {
    await_item (p.rows, keys);
    score (s, q, slots + keys % SLOTS * TILE, at, g.N);
  }
  weigh_all (s, p, at, *me, scale);
  if (conv)
    add_taps (s, p, at, m.taps, m.first, g.N);
  if (some) {
    await_item (p.rows, values);
#pragma unroll
    for (int step = 0; step < 4; step++) {
      const GhBf16 *v = slots + values % SLOTS * TILE;
      int lane = threadIdx.x % 32;
      unsigned a[4];
      gh_as_operand (a, s + 2 * step);
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        unsigned b[4];
        gh_load_matrices_turned (b, v + gh_tile_at (step * 16 + lane % 16, n * 8 + lane / 16 * 8));
        gh_mma (sums[n], a, b[0], b[1]);
        gh_mma (sums[n + 1], a, b[2], b[3]);
      }
    }
  }
  add_shares (w.mixed + (size_t) (p.row * m.H + head) * TILE, sums, p, at, *me);
  for (int i = 0; me->group == 0 && i < items; i++)
    release (p.rows, me->rows + i);
  me->rows += items;
  gh_proxy_fence ();
  gh_some_sync (ALL_WORKERS, WORKERS);
  if (threadIdx.x == 0)
    gh_flag_raise (mixed_flag (w, g, p.row));
}
