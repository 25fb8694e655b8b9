/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * blocks.cu: all blocks of an encoder for one image in one launch (compute capability 9.0). One image is too little for a
 * kernel of its own to each operation: starting eighty of them, and waiting for the slowest multiprocessor and the first
 * byte eighty times, takes longer than the work. Here every thread block stays. It has 64 rows of tokens (its row tile) and
 * some columns of whatever is made:
 *
 *   qkv[64 columns] -> a head's attention for 32 rows -> out[32 columns], added to x -> fc1[64] -> fc2[32], added to x
 *
 * x itself stays in registers, 64 x 32 values a thread block. Everything else goes through the device's memory in tiles
 * (hopper.h), and blocks wait for each other's by flags, one for each row tile and head, never all for all.
 *
 * Two warps bring tiles, each through a ring of slots in shared memory: rows as soon as their flag is up, weights as far
 * ahead as there are slots, so that they come while the rows are waited for. Neighbours in a cluster need the same rows, or
 * the same weights: each brings its share for all. Two warpgroups multiply, of a product's 64-deep steps every other one
 * each, and add up what they have at the end; all eight warps attend.
 */
#include "blocks-attention.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- all of it ------------------------------------------------------------------------------------------- */

#ifdef GH_HOPPER
static __device__ __forceinline__ void
work (const GhLayers &m, const Grid &g, const Place &p, const Work &w)
{
  const int R = g.row_tiles, H = m.H, wide = m.mlp / GH_WIDE, narrow = m.C / GH_NARROW;
  int lane = threadIdx.x % 32;
  Worker me = { 0, 0, (int) threadIdx.x / GROUP, (int) threadIdx.x % GROUP, (int) threadIdx.x / 32, lane / 4, lane % 4 };
  bool has_x = me.group == 0 && p.col < narrow;
  float x[16] = { };

  if (has_x) {
    load_x (x, m, g, p, w, me);
    publish (m, p, w, me, x, m.layers[0].norm1_w);
  }
  for (int l = 0; l < m.depth; l++) {
    const GhLayer &layer = m.layers[l];
    GhBf16 *qkv = w.qkv + (size_t) (l % 2) * 3 * H * R * TILE;
    if (p.col < 3 * H)
      make_wide<false> (m, g, p, w, &me, layer.qkv_sum, layer.qkv_add, qkv + (size_t) (p.col * R + p.row) * TILE,
          head_flag (w, g, p.col % H));
    if (p.col < 2 * H)
      attend (m, g, p, w, &me, layer.conv);
    if (p.col < narrow)
      add_narrow (x, p, &me, H, layer.out_b);
    if (has_x)
      publish (m, p, w, me, x, layer.norm2_w);
    if (p.col < wide)
      make_wide<true> (m, g, p, w, &me, layer.fc1_sum, layer.fc1_add, w.hidden + (size_t) (p.row * wide + p.col) * TILE,
          hidden_flag (w, g, p.row));
    if (p.col < narrow)
      add_narrow (x, p, &me, wide, layer.fc2_b);
    if (has_x && l + 1 < m.depth)
      publish (m, p, w, me, x, m.layers[l + 1].norm1_w);
  }
  if (has_x)
    store_x (x, m, g, p, w, me);
}
#endif

static __global__ void
__launch_bounds__ (THREADS, 1)
run_blocks (GhLayers m, Grid g, Work w)
{
#ifdef GH_HOPPER
  GH_SHARED (unsigned char, shared);
  Place p;

  find_place (&p, g, shared);
  if (threadIdx.x == 0) {
    init_ring (p.rows);
    init_ring (p.weights);
    gh_barriers_ready ();
  }
  __syncthreads ();
  gh_cluster_sync ();
  if (threadIdx.x < WORKERS)
    work (m, g, p, w);
  else if (threadIdx.x == WORKERS)
    bring_all_rows (m, g, p, w);
  else if (threadIdx.x == WORKERS + 32)
    bring_all_weights (m, g, p);
  __syncwarp ();
  __syncthreads ();
  gh_cluster_sync ();           /* nobody ends while a neighbour may still reach into its shared memory */
#else
  __trap ();
#endif
}

/* ---- the launch ------------------------------------------------------------------------------------------ */

static int
most (int a, int b)
{
  return a > b ? a : b;
}

/* Row tiles of 64 tokens, and columns enough for the widest product. */
static Grid
grid_for (const GhLayers *m, int N, int row_peers, int col_peers)
{
  int cols = most (most (3 * m->H, m->mlp / GH_WIDE), m->C / GH_NARROW);

  return { N, (N + 63) / 64, (cols + col_peers - 1) / col_peers * col_peers, row_peers, col_peers };
}

/* Peers are all there for whatever one of them is there for, and tiles are divided evenly; a head's attention is a matter
 * of two columns. */
static bool
shares (const GhLayers *m, const Grid *g)
{
  return g->col_peers <= 2 && (g->row_peers & (g->row_peers - 1)) == 0 && g->row_tiles % g->row_peers == 0
      && 3 * m->H % g->col_peers == 0
      && m->mlp / GH_WIDE % g->col_peers == 0 && m->C / GH_NARROW % g->col_peers == 0;
}

static bool
has_room (const GhCtx *ctx, const GhLayers *m, const Grid *g)
{
  int blocks = g->row_tiles * g->col_places;

  return blocks <= gh_cuda (ctx)->processors && shares (m, g)
      && gh_resident_blocks (ctx, run_blocks, THREADS, shared_bytes (), g->row_peers * g->col_peers) >= blocks;
}

/* Clusters as large as there is room for, or those that GST_HEADS_CUDA_BLOCKS asks for. */
static bool
choose_grid (const GhCtx *ctx, const GhLayers *m, int N, Grid *to)
{
  static const int peers[][2] = { { 2, 2 }, { 1, 2 }, { 1, 1 } };
  const char *wanted = getenv (GH_CUDA_BLOCKS);
  int rows, cols;

  if (wanted && sscanf (wanted, "%dx%d", &rows, &cols) == 2) {
    *to = grid_for (m, N, rows, cols);
    return rows > 0 && cols > 0 && rows * cols <= GH_MOST_PEERS && has_room (ctx, m, to);
  }
  for (const int (&p)[2] : peers) {
    *to = grid_for (m, N, p[0], p[1]);
    if (has_room (ctx, m, to))
      return true;
  }
  return false;
}

bool
gh_cuda_suits_blocks (const GhCtx *ctx, const void *packed, int B, int N)
{
  Grid g;

  return B == 1 && N <= 64 * GH_MOST_ROW_TILES && choose_grid (ctx, (const GhLayers *) packed, N, &g);
}

static size_t
padded (size_t bytes)
{
  return (bytes + 1023) / 1024 * 1024;
}

static GhStatus
make_work (GhCtx *ctx, Work *w, const GhLayers *m, const Grid *g, float *x)
{
  size_t row_tile = (size_t) g->row_tiles * TILE * sizeof (GhBf16), tokens = row_tile * (m->C / GH_TILE_COLS);
  size_t qkv = 2 * 3 * row_tile * m->H, mixed = row_tile * m->H, hidden = row_tile * (m->mlp / GH_WIDE);
  size_t parts = padded ((size_t) g->row_tiles * 64 * (m->C / GH_NARROW) * sizeof (Part));
  size_t flags = n_flags (*g, m->H) * sizeof (unsigned);
  char *at = (char *) gh_scratch (ctx, tokens + qkv + mixed + hidden + parts + flags);

  if (!at)
    return GH_NOMEM;
  w->x = x;
  w->tokens = (GhBf16 *) at;
  w->qkv = (GhBf16 *) (at += tokens);
  w->mixed = (GhBf16 *) (at += qkv);
  w->hidden = (GhBf16 *) (at += mixed);
  w->parts = (Part *) (at += hidden);
  w->flags = (unsigned *) (at += parts);
  return gh_cuda_check (ctx, cudaMemsetAsync (w->flags, 0, flags, gh_cuda (ctx)->stream), "flags");
}

GhStatus
gh_cuda_blocks_fwd (GhCtx *ctx, float *x, const void *packed, int N)
{
  const GhLayers *m = (const GhLayers *) packed;
  Work w;
  Grid g;

  if (!choose_grid (ctx, m, N, &g))
    return gh_fail (ctx, GH_UNSUPPORTED, "there is no room for all blocks of %d tokens at once", N);
  GH_CUDA_TRY (make_work (ctx, &w, m, &g, x));
  return gh_launch_resident (ctx, run_blocks, g.row_tiles * g.col_places, THREADS, shared_bytes (),
      g.row_peers * g.col_peers, *m, g, w);
}
