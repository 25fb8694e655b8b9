/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks-place.h (private): who is where in blocks.cu: the grid, what goes through the device's memory, a thread block's
 * shared memory, and the two warps that fill it.
 */
#pragma once

#include "blocks.h"

namespace {
enum {
  GROUP = 128,                  /* threads of a warpgroup */
  WORKERS = 2 * GROUP, THREADS = WORKERS + 64,
  TILE = 64 * GH_TILE_COLS,     /* values of a tile, and of a slot */
  SLOTS = 12,                   /* of each ring */
  PARTS = GH_MOST_CHANNELS / GH_NARROW / 4,     /* statistics of a row that each of four lanes looks after */
  FLAG = 32,                    /* words from flag to flag: a line of the cache each */
  ALL_WORKERS = 1, FIRST_GROUP = 2      /* ids of gh_some_sync() */
};

/* Mean, and sum of squares around it, of a row's 32 columns that a thread block has. */
struct Part {
  float mean, square;
};

struct Work {
  float *x;                     /* [N,C] */
  GhBf16 *tokens;               /* x times the next norm's weight: [row tiles][C/64] tiles */
  GhBf16 *qkv;                  /* [2][3H][row tiles] tiles: layers take turns */
  GhBf16 *mixed;                /* [row tiles][H] tiles */
  GhBf16 *hidden;               /* [row tiles][mlp/64] tiles */
  Part *parts;                  /* [64 row tiles][C/32] */
  unsigned *flags;              /* [3 row tiles + H] as below, zero before the launch */
};

/* The grid: row tiles times column places, in clusters of row_peers x col_peers. */
struct Grid {
  int N, row_tiles, col_places, row_peers, col_peers;
};

/* ---- what a thread block is ------------------------------------------------------------------------------ */

struct Ring {
  GhBf16 *slots;
  GhBarrier *full, *empty;
  int peers;                    /* that share what it brings, */
  int share;                    /* of which this one brings this part, */
  unsigned ranks;               /* for these ranks of the cluster */
  int first_rank, rank_step;    /* the same ranks, to walk through */
};

struct Place {
  int row, col;                 /* which row tile, which columns */
  Ring rows, weights;
  float *exchange;              /* [4][2][32][32] */
  float *tops, *totals;         /* [4][32] each: of the keys of each tile, for each query */
  float *filter;                /* [128] */
};
}

static __device__ __forceinline__ unsigned *
tokens_flag (const Work &w, int row)
{
  return w.flags + row * FLAG;
}

static __device__ __forceinline__ unsigned *
mixed_flag (const Work &w, const Grid &g, int row)
{
  return w.flags + (g.row_tiles + row) * FLAG;
}

static __device__ __forceinline__ unsigned *
hidden_flag (const Work &w, const Grid &g, int row)
{
  return w.flags + (2 * g.row_tiles + row) * FLAG;
}

static __device__ __forceinline__ unsigned *
head_flag (const Work &w, const Grid &g, int head)
{
  return w.flags + (3 * g.row_tiles + head) * FLAG;
}

static __host__ __device__ __forceinline__ size_t
n_flags (const Grid &g, int heads)
{
  return (size_t) (3 * g.row_tiles + heads) * FLAG;
}

/* Bytes of shared memory: two rings, exchange, tops, totals and filter, barriers; and to align it all. */
static __host__ __device__ __forceinline__ size_t
shared_bytes (void)
{
  return 1024 + 2 * SLOTS * TILE * sizeof (GhBf16) + (4 * 2 * 32 * 32 + 2 * 4 * 32 + 128) * sizeof (float)
      + 4 * SLOTS * sizeof (GhBarrier);
}

static __device__ __forceinline__ void
find_place (Place *p, const Grid &g, unsigned char *shared)
{
  int peers = g.row_peers * g.col_peers, rank = gh_cluster_rank (), cluster = blockIdx.x / peers;
  int row_groups = g.row_tiles / g.row_peers, row_peer = rank / g.col_peers, col_peer = rank % g.col_peers;
  unsigned char *base = shared + (1024 - (uintptr_t) shared % 1024) % 1024;
  GhBf16 *slots = (GhBf16 *) base;
  float *floats = (float *) (slots + 2 * SLOTS * TILE);
  GhBarrier *barriers = (GhBarrier *) (floats + 4 * 2 * 32 * 32 + 2 * 4 * 32 + 128);

  p->row = cluster % row_groups * g.row_peers + row_peer;
  p->col = cluster / row_groups * g.col_peers + col_peer;
  p->exchange = floats;
  p->tops = floats + 4 * 2 * 32 * 32;
  p->totals = p->tops + 4 * 32;
  p->filter = p->totals + 4 * 32;
  p->rows = { slots, barriers, barriers + SLOTS, g.col_peers, col_peer, 0, row_peer * g.col_peers, 1 };
  p->weights = { slots + SLOTS * TILE, barriers + 2 * SLOTS, barriers + 3 * SLOTS, g.row_peers, row_peer, 0, col_peer,
    g.col_peers };
  for (int i = 0; i < g.col_peers; i++)
    p->rows.ranks |= 1u << (p->rows.first_rank + i * p->rows.rank_step);
  for (int i = 0; i < g.row_peers; i++)
    p->weights.ranks |= 1u << (p->weights.first_rank + i * p->weights.rank_step);
}

/* A slot is full when this block's bringer has said how much comes, and it has come; and empty when four warps of each
 * block that its copies go to are done with it. */
static __device__ __forceinline__ void
init_ring (const Ring &r)
{
  for (int i = 0; i < SLOTS; i++) {
    gh_barrier_init (r.full + i, 1);
    gh_barrier_init (r.empty + i, 4 * r.peers);
  }
}

/* ---- bringing -------------------------------------------------------------------------------------------- */

/* Item n of a ring: so many values from there. */
static __device__ __forceinline__ void
bring (const Ring &r, unsigned n, const GhBf16 *from, int values)
{
  int slot = n % SLOTS, share = values / r.peers;

  gh_barrier_wait (r.empty + slot, (n / SLOTS + 1) & 1);
  gh_barrier_expect (r.full + slot, values * (int) sizeof *from);
  gh_bulk_copy (r.slots + slot * TILE + r.share * share, from + r.share * share, share * (int) sizeof *from, r.full + slot,
      r.ranks);
}

/* Step i of `steps` along a product's depth: neighbouring columns begin at different ones. */
static __device__ __forceinline__ int
depth_at (const Grid &g, const Place &p, int i, int steps)
{
  int at = p.col / g.col_peers % steps + i;
  return at < steps ? at : at - steps;
}

static __device__ __forceinline__ unsigned
bring_rows (const Grid &g, const Place &p, unsigned n, const GhBf16 *tiles, int steps)
{
  for (int i = 0; i < steps; i++)
    bring (p.rows, n + i, tiles + (size_t) (p.row * steps + depth_at (g, p, i, steps)) * TILE, TILE);
  return n + steps;
}

static __device__ __forceinline__ unsigned
bring_weights (const Grid &g, const Place &p, unsigned n, const GhBf16 *tiles, int columns, int steps)
{
  int values = columns * GH_TILE_COLS;

  for (int i = 0; i < steps; i++)
    bring (p.weights, n + i, tiles + (size_t) (p.col * steps + depth_at (g, p, i, steps)) * values, values);
  return n + steps;
}

static __device__ __forceinline__ void
await (const unsigned *flag, unsigned value)
{
  gh_flag_wait (flag, value);
  gh_proxy_fence ();
}

/* A head's queries, keys and values. */
static __device__ __forceinline__ unsigned
bring_head (const Grid &g, const Place &p, unsigned n, const GhBf16 *qkv, int H)
{
  int head = p.col / 2, R = g.row_tiles;

  bring (p.rows, n++, qkv + (size_t) (head * R + p.row) * TILE, TILE);
  for (int i = 0; i < 2 * R; i++)
    bring (p.rows, n++, qkv + (size_t) (((i / R + 1) * H + head) * R + i % R) * TILE, TILE);
  return n;
}

static __device__ __forceinline__ void
bring_all_rows (const GhLayers &m, const Grid &g, const Place &p, const Work &w)
{
  const int R = g.row_tiles, H = m.H, wide = m.mlp / GH_WIDE, narrow = m.C / GH_NARROW, deep = m.C / GH_TILE_COLS;
  unsigned n = 0;

  for (int l = 0; l < m.depth; l++) {
    if (p.col < 3 * H) {
      await (tokens_flag (w, p.row), narrow * (2 * l + 1));
      n = bring_rows (g, p, n, w.tokens, deep);
    }
    if (p.col < 2 * H) {
      await (head_flag (w, g, p.col / 2), 3 * R * (l + 1));
      n = bring_head (g, p, n, w.qkv + (size_t) (l % 2) * 3 * H * R * TILE, H);
    }
    if (p.col < narrow) {
      await (mixed_flag (w, g, p.row), 2 * H * (l + 1));
      n = bring_rows (g, p, n, w.mixed, H);
    }
    if (p.col < wide) {
      await (tokens_flag (w, p.row), narrow * (2 * l + 2));
      n = bring_rows (g, p, n, w.tokens, deep);
    }
    if (p.col < narrow) {
      await (hidden_flag (w, g, p.row), wide * (l + 1));
      n = bring_rows (g, p, n, w.hidden, wide);
    }
  }
}

static __device__ __forceinline__ void
bring_all_weights (const GhLayers &m, const Grid &g, const Place &p)
{
  const int wide = m.mlp / GH_WIDE, narrow = m.C / GH_NARROW, deep = m.C / GH_TILE_COLS;
  unsigned n = 0;

  for (int l = 0; l < m.depth; l++) {
    const GhLayer &layer = m.layers[l];
    if (p.col < 3 * m.H)
      n = bring_weights (g, p, n, layer.qkv, GH_WIDE, deep);
    if (p.col < narrow)
      n = bring_weights (g, p, n, layer.out, GH_NARROW, m.H);
    if (p.col < wide)
      n = bring_weights (g, p, n, layer.fc1, GH_WIDE, deep);
    if (p.col < narrow)
      n = bring_weights (g, p, n, layer.fc2, GH_NARROW, wide);
  }
}
