/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tile-edges.c: differences between neighbouring tiles of RGB images.
 */
#include "ref.h"

/* Of `together` channels. */
static int
tile_sum (const uint8_t *corner, size_t stride, int tile, int together)
{
  int sum = 0;

  for (int y = 0; y < tile; y++)
    for (int x = 0; x < tile; x++)
      for (int c = 0; c < together; c++)
        sum += corner[y * stride + (size_t) x * 3 + c];
  return sum;
}

GhStatus
gh_ref_tile_edges_fwd (GhCtx *ctx, float *edges, const uint8_t *rgb, const float *table, int B, int height, int width,
    size_t stride, int tile, int channels)
{
  for (int b = 0; b < B; b++) {
    for (int i = 0; i < height / tile; i++) {
      const uint8_t *row = rgb + ((size_t) b * height + (size_t) i * tile) * stride;
      for (int j = 0; j < width / tile - 1; j++) {
        for (int c = 0; c < channels; c++) {
          const uint8_t *left = row + (size_t) j * tile * 3 + c;
          *edges++ = table[tile_sum (left + tile * 3, stride, tile, 3 / channels)]
              - table[tile_sum (left, stride, tile, 3 / channels)];
        }
      }
    }
  }
  return GH_OK;
}
