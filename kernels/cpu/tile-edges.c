/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tile-edges.c (once per instruction set): differences between neighbouring tiles of RGB images, a row of tiles at a
 * time: the bytes are added down the columns first, which is where most of the work is, then along the tiles.
 */
#include "isa.h"

enum { PIECE = 128 };           /* tiles whose columns are summed at a time */

typedef struct {
  float *edges;
  const uint8_t *rgb;
  const float *table;
  int height, width, tile, channels;
  size_t stride;
} Job;

static void
add_bytes (uint16_t *restrict sum, const uint8_t *restrict from, int n)
{
  for (int i = 0; i < n; i++)
    sum[i] += from[i];
}

/* Looked up: f[n,channels] of tiles from `tile0` on. */
static void
look_up (const Job *job, const uint8_t *row, int tile0, int n, float *f)
{
  const int tile = job->tile, line = n * tile * 3;
  uint16_t column[PIECE * GH_MOST_TILE * 3];

  memset (column, 0, line * sizeof *column);
  for (int y = 0; y < tile; y++)
    add_bytes (column, row + y * job->stride + (size_t) tile0 * tile * 3, line);
  for (int i = 0; i < n; i++) {
    const uint16_t *at = column + i * tile * 3;
    int sum[3] = { 0 };
    for (int x = 0; x < tile; x++, at += 3) {
      sum[0] += at[0];
      sum[1] += at[1];
      sum[2] += at[2];
    }
    if (job->channels == 1)
      f[i] = job->table[sum[0] + sum[1] + sum[2]];
    else
      for (int c = 0; c < 3; c++)
        f[i * 3 + c] = job->table[sum[c]];
  }
}

static void
subtract (float *restrict edges, const float *restrict f, int n, int channels)
{
  for (int i = 0; i < n; i++)
    edges[i] = f[i + channels] - f[i];
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  const int rows = job->height / job->tile, cols = job->width / job->tile;
  const uint8_t *row = job->rgb + ((size_t) (index / rows) * job->height + (size_t) (index % rows) * job->tile)
      * job->stride;
  const int channels = job->channels;
  float *edges = job->edges + (size_t) index * (cols - 1) * channels;
  float f[PIECE * 3];

  for (int j = 0; j < cols - 1; j += PIECE - 1) {
    int n = smaller (PIECE, cols - j);
    look_up (job, row, j, n, f);
    subtract (edges + (size_t) j * channels, f, (n - 1) * channels, channels);
  }
}

GhStatus
ISA_FN (gh_cpu_tile_edges_fwd) (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height,
    int width, size_t stride, int tile, int channels)
{
  Job job = { edges, rgb, table, height, width, tile, channels, stride };

  gh_parallel (ctx, B * (height / tile), run, &job);
  return GH_OK;
}
