/* SPDX-License-Identifier: LGPL-2.1-or-later
 * tile-edges.cu: a thread per edge sums both of its tiles: neighbours read the same lines at the same time. */
#include "cuda.h"

namespace {
struct Picture {
  int height, cols, rows, tile, channels;
  size_t stride;
};
}

/* Of `together` channels. */
static __device__ int
tile_sum (const uint8_t *corner, size_t stride, int tile, int together)
{
  int sum = 0;

  for (int y = 0; y < tile; y++)
    for (int x = 0; x < tile; x++)
      for (int c = 0; c < together; c++)
        sum += corner[y * stride + x * 3 + c];
  return sum;
}

static __global__ void
tile_edges (float *edges, const uint8_t *rgb, const float *table, Picture p, size_t n)
{
  int line = (p.cols - 1) * p.channels, together = 3 / p.channels;

  GH_FOR_EACH (i, n) {
    size_t row = i / line, b = row / p.rows;
    int at = (int) (i - row * line);
    const uint8_t *left = rgb + (b * p.height + (row - b * p.rows) * p.tile) * p.stride
        + at / p.channels * p.tile * 3 + at % p.channels;
    edges[i] = table[tile_sum (left + p.tile * 3, p.stride, p.tile, together)]
        - table[tile_sum (left, p.stride, p.tile, together)];
  }
}

GhStatus
gh_cuda_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height, int width,
    size_t stride, int tile, int channels)
{
  const Picture p = { height, width / tile, height / tile, tile, channels, stride };
  size_t n = (size_t) B * p.rows * (p.cols - 1) * channels;

  return GH_LAUNCH (ctx, tile_edges, dim3 (gh_grid (ctx, n)), dim3 (256), 0, edges, rgb, table, p, n);
}
