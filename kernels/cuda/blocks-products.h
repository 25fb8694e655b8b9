/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks-products.h (private): the products of blocks.cu with what comes before and after each: norms, biases, GELU, and
 * the sums that x is.
 */
#pragma once

#include "attention-tiles.h"
#include "blocks-place.h"
#include "normal.h"

/* ---- working --------------------------------------------------------------------------------------------- */

namespace {
/* How far a worker has come in each ring; its group, its thread there. */
struct Worker {
  unsigned rows, weights;
  int group, thread, warp, g, i;        /* warp 0..7; lane = 4*g + i */
};

/* Of two rows of a thread, g and g + 8: what it knows of their statistics. */
struct RowParts {
  Part p[2][PARTS];
};
struct RowNorms {
  float mean[2], rstd[2];
};
}

static __device__ __forceinline__ void
await_item (const Ring &r, unsigned n)
{
  gh_barrier_wait (r.full + n % SLOTS, n / SLOTS & 1);
}

/* This warp is done with item n; four of them have to say so. */
static __device__ __forceinline__ void
release (const Ring &r, unsigned n)
{
  int lane = threadIdx.x % 32;

  if (lane < r.peers)
    gh_barrier_arrive_at (r.empty + n % SLOTS, r.first_rank + lane * r.rank_step);
}

/* acc[64,COLS] = rows times weights^T, every other step of the group's. */
template <int COLS> static __device__ __forceinline__ void
multiply (float (&acc)[COLS / 2], const Place &p, const Worker &me, int steps)
{
  int last = -1;

#pragma unroll
  for (int i = 0; i < COLS / 2; i++)
    acc[i] = 0;
  for (int step = me.group; step < steps; step += 2) {
    await_item (p.rows, me.rows + step);
    await_item (p.weights, me.weights + step);
    gh_products_begin ();
    gh_tile_product<COLS> (acc, p.rows.slots + (me.rows + step) % SLOTS * TILE,
        p.weights.slots + (me.weights + step) % SLOTS * TILE);
    gh_products_commit ();
    if (last >= 0) {
      gh_products_wait<1> ();
      release (p.rows, me.rows + last);
      release (p.weights, me.weights + last);
    }
    last = step;
  }
  gh_products_wait<0> ();
  gh_products_settle (acc);
  if (last >= 0) {
    release (p.rows, me.rows + last);
    release (p.weights, me.weights + last);
  }
}

/* mine[16] = what both groups have for the half of 64 columns that is this group's. */
static __device__ __forceinline__ void
add_halves (float (&mine)[16], const float (&acc)[32], const Place &p, const Worker &me)
{
  float *to = p.exchange + me.group * 16 * GROUP + me.thread, *from = p.exchange + (1 - me.group) * 16 * GROUP + me.thread;

  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int j = 0; j < 16; j++)
    to[j * GROUP] = me.group ? acc[j] : acc[16 + j];
  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int j = 0; j < 16; j++)
    mine[j] = (me.group ? acc[16 + j] : acc[j]) + from[j * GROUP];
}

/* The first group's acc += the other's, 32 columns. */
static __device__ __forceinline__ void
add_to_first (float (&acc)[16], const Place &p, const Worker &me)
{
  float *at = p.exchange + me.thread;

  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int j = 0; me.group == 1 && j < 16; j++)
    at[j * GROUP] = acc[j];
  gh_some_sync (ALL_WORKERS, WORKERS);
#pragma unroll
  for (int j = 0; me.group == 0 && j < 16; j++)
    acc[j] += at[j * GROUP];
}

/* ---- norms ----------------------------------------------------------------------------------------------- */

/* Row of the tile, for half 0 (g) and 1 (g + 8). */
static __device__ __forceinline__ int
row_of (const Worker &me, int half)
{
  return me.warp % 4 * 16 + me.g + 8 * half;
}

/* What others wrote: not from this multiprocessor's cache. */
static __device__ __forceinline__ Part
load_part (const Part *from)
{
#ifdef GH_CUDA_EMULATION
  return *from;
#else
  float2 v = __ldcg ((const float2 *) from);
  return { v.x, v.y };
#endif
}

static __device__ __forceinline__ void
load_parts (RowParts *to, const Work &w, const Place &p, const Worker &me, int n)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const Part *row = w.parts + (size_t) (p.row * 64 + row_of (me, half)) * n;
#pragma unroll
    for (int j = 0; j < PARTS; j++)
      to->p[half][j] = j * 4 + me.i < n ? load_part (row + j * 4 + me.i) : Part { 0, 0 };
  }
}

/* Mean and variance from those of each 32 columns. */
static __device__ __forceinline__ void
combine_parts (RowNorms *to, const RowParts &from, const Worker &me, int n, float eps)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float sum = 0, square = 0;
#pragma unroll
    for (int j = 0; j < PARTS; j++)
      sum += from.p[half][j].mean;
    float mean = gh_sum_of_four (sum) / n;
#pragma unroll
    for (int j = 0; j < PARTS; j++) {
      float off = j * 4 + me.i < n ? from.p[half][j].mean - mean : 0;
      square += from.p[half][j].square + GH_NARROW * off * off;
    }
    to->mean[half] = mean;
    to->rstd[half] = 1 / sqrtf (gh_sum_of_four (square) / (n * GH_NARROW) + eps);
  }
}

/* ---- qkv and fc1 ----------------------------------------------------------------------------------------- */

/* A tile of act(norm(x) w^T + b), and its flag up. */
template <bool GELU> static __device__ __forceinline__ void
make_wide (const GhLayers &m, const Grid &g, const Place &p, const Work &w, Worker *me, const float *sum,
    const float *add, GhBf16 *to, unsigned *flag)
{
  const int steps = m.C / GH_TILE_COLS, parts = m.C / GH_NARROW, col0 = p.col * GH_WIDE + me->group * 32 + 2 * me->i;
  float acc[32], mine[16];
  float2 sums[4], adds[4];
  RowParts known;
  RowNorms norms;

#pragma unroll
  for (int n = 0; n < 4; n++) {
    sums[n] = *(const float2 *) (sum + col0 + n * 8);
    adds[n] = *(const float2 *) (add + col0 + n * 8);
  }
  await_item (p.rows, me->rows + me->group);    /* then the statistics are there, too */
  load_parts (&known, w, p, *me, parts);
  multiply<GH_WIDE> (acc, p, *me, steps);
  me->rows += steps;
  me->weights += steps;
  combine_parts (&norms, known, *me, parts, m.eps);
  add_halves (mine, acc, p, *me);
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = row_of (*me, half);
    bool there = p.row * 64 + row < g.N;        /* 0 times what is not there must be 0 when keys are weighed */
#pragma unroll
    for (int n = 0; n < 4; n++) {
      float a = norms.rstd[half] * (mine[4 * n + 2 * half] - norms.mean[half] * sums[n].x) + adds[n].x;
      float b = norms.rstd[half] * (mine[4 * n + 2 * half + 1] - norms.mean[half] * sums[n].y) + adds[n].y;
      if (GELU) {
        a *= gh_normal (a).below;
        b *= gh_normal (b).below;
      }
      gh_store_two (to + gh_tile_at (row, me->group * 32 + n * 8) + 2 * me->i, there ? a : 0, there ? b : 0);
    }
  }
  gh_proxy_fence ();
  gh_some_sync (ALL_WORKERS, WORKERS);
  if (threadIdx.x == 0)
    gh_flag_raise (flag);
}

/* ---- out and fc2 ----------------------------------------------------------------------------------------- */

/* Tells the others of x: its statistics, and itself times the next norm's weight. Of the first group. */
static __device__ __forceinline__ void
publish (const GhLayers &m, const Place &p, const Work &w, const Worker &me, const float (&x)[16], const float *norm_w)
{
  const int col0 = p.col % 2 * GH_NARROW;
  GhBf16 *tile = w.tokens + (size_t) (p.row * (m.C / GH_TILE_COLS) + p.col / 2) * TILE;

#pragma unroll
  for (int half = 0; half < 2; half++) {
    int row = row_of (me, half);
    float sum = 0, square = 0;
#pragma unroll
    for (int n = 0; n < 4; n++)
      sum += x[4 * n + 2 * half] + x[4 * n + 2 * half + 1];
    float mean = gh_sum_of_four (sum) / GH_NARROW;
#pragma unroll
    for (int n = 0; n < 4; n++) {
      float a = x[4 * n + 2 * half], b = x[4 * n + 2 * half + 1];
      float2 scale = *(const float2 *) (norm_w + p.col * GH_NARROW + n * 8 + 2 * me.i);
      square += (a - mean) * (a - mean) + (b - mean) * (b - mean);
      gh_store_two (tile + gh_tile_at (row, col0 + n * 8) + 2 * me.i, a * scale.x, b * scale.y);
    }
    square = gh_sum_of_four (square);
    if (me.i == 0)
      w.parts[(size_t) (p.row * 64 + row) * (m.C / GH_NARROW) + p.col] = { mean, square };
  }
  gh_proxy_fence ();
  gh_some_sync (FIRST_GROUP, GROUP);
  if (threadIdx.x == 0)
    gh_flag_raise (tokens_flag (w, p.row));
}

/* Between x[N,C] and the first group's registers; rows beyond N are zero. */
static __device__ __forceinline__ void
load_x (float (&x)[16], const GhLayers &m, const Grid &g, const Place &p, const Work &w, const Worker &me)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int t = p.row * 64 + row_of (me, half);
    const float *from = w.x + (size_t) t * m.C + p.col * GH_NARROW + 2 * me.i;
#pragma unroll
    for (int n = 0; n < 4; n++) {
      float2 v = t < g.N ? *(const float2 *) (from + n * 8) : make_float2 (0, 0);
      x[4 * n + 2 * half] = v.x;
      x[4 * n + 2 * half + 1] = v.y;
    }
  }
}

static __device__ __forceinline__ void
store_x (const float (&x)[16], const GhLayers &m, const Grid &g, const Place &p, const Work &w, const Worker &me)
{
#pragma unroll
  for (int half = 0; half < 2; half++) {
    int t = p.row * 64 + row_of (me, half);
    float *to = w.x + (size_t) t * m.C + p.col * GH_NARROW + 2 * me.i;
#pragma unroll
    for (int n = 0; n < 4 && t < g.N; n++)
      *(float2 *) (to + n * 8) = make_float2 (x[4 * n + 2 * half], x[4 * n + 2 * half + 1]);
  }
}

/* x += rows w^T + bias */
static __device__ __forceinline__ void
add_narrow (float (&x)[16], const Place &p, Worker *me, int steps, const float *bias)
{
  float acc[16];
  float2 biases[4];

#pragma unroll
  for (int n = 0; n < 4; n++)
    biases[n] = bias ? *(const float2 *) (bias + p.col * GH_NARROW + n * 8 + 2 * me->i) : make_float2 (0, 0);
  multiply<GH_NARROW> (acc, p, *me, steps);
  me->rows += steps;
  me->weights += steps;
  add_to_first (acc, p, *me);
#pragma unroll
  for (int n = 0; n < 4; n++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      x[4 * n + 2 * half] += acc[4 * n + 2 * half] + biases[n].x;
      x[4 * n + 2 * half + 1] += acc[4 * n + 2 * half + 1] + biases[n].y;
    }
  }
}
