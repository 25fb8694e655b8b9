/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-tile-edges.c: what lies between neighbouring tiles of a picture.
 */
#include "cases.h"

static void
check_one (Hn *hn, int B, int height, int width, int gap, int tile, int channels)
{
  const int rows = height / tile, cols = width / tile, entries = 255 * tile * tile * 3 / channels + 1;
  const size_t stride = (size_t) width * 3 + gap, n = (size_t) B * rows * (cols - 1) * channels;
  const uint8_t *host;
  double *want = hn_doubles (hn, n);

  hn_describe (hn, "B=%d %dx%d gap=%d tile=%d channels=%d", B, height, width, gap, tile, channels);
  uint8_t *rgb = hn_bytes (hn, &host, B * height * stride);
  HnTensor table = hn_in (hn, entries, HN_NORMAL), edges = hn_out (hn, n);
  /* Pixel by pixel: which sum it belongs to. */
  double *sums = hn_doubles (hn, (size_t) B * rows * cols * channels);
  for (int b = 0; b < B; b++)
    for (int y = 0; y < rows * tile; y++)
      for (int x = 0; x < cols * tile; x++)
        for (int c = 0; c < 3; c++)
          sums[((b * rows + y / tile) * cols + x / tile) * channels + c % channels]
              += host[((size_t) b * height + y) * stride + x * 3 + c];
  for (size_t i = 0; i < n; i++) {
    size_t line = (cols - 1) * channels, row = i / line, left = row * cols * channels + i % line;
    want[i] = (double) table.host[(int) sums[left + channels]] - table.host[(int) sums[left]];
  }
  if (hn_status (hn, gh_tile_edges_fwd (hn_ctx (hn), edges.p, rgb, table.p, B, height, width, stride, tile, channels),
          GH_OK))
    hn_expect (hn, &edges, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 2, 0, 1, 3);
  check_one (hn, 2, 5, 7, 1, 1, 3);
  check_one (hn, 2, 37, 56, 3, 2, 3);
  check_one (hn, 1, 288, 480, 0, 2, 3);
  check_one (hn, 2, 37, 56, 3, 2, 1);
  check_one (hn, 3, 41, 130, 5, 3, 3);
  check_one (hn, 1, 20, 2100, 0, 4, 3);
  check_one (hn, 1, 20, 2100, 0, 4, 1);
  check_one (hn, 1, 70, 135, 0, 64, 3);
  check_one (hn, 1, 70, 135, 0, 64, 1);
  for (int i = 0; i < 6; i++) {
    int tile = hn_random_int (hn, 1, 9);
    check_one (hn, hn_random_int (hn, 1, 3), hn_random_int (hn, tile, 50), hn_random_int (hn, 2 * tile, 90),
        hn_random_int (hn, 0, 7), tile, i % 2 ? 3 : 1);
  }
}

static void
bench (Hn *hn)
{
  enum { HEIGHT = 576, WIDTH = 960, TILE = 4 };
  const uint8_t *host;
  uint8_t *rgb = hn_bytes (hn, &host, HEIGHT * WIDTH * 3);
  HnTensor table = hn_in (hn, 255 * TILE * TILE + 1, HN_NORMAL);
  HnTensor edges = hn_out (hn, (size_t) HEIGHT / TILE * (WIDTH / TILE - 1) * 3);

  HN_BENCH (hn, 0, (double) HEIGHT * WIDTH * 3, "%dx%d tile %d", WIDTH, HEIGHT, TILE)
    gh_tile_edges_fwd (hn_ctx (hn), edges.p, rgb, table.p, 1, HEIGHT, WIDTH, (size_t) WIDTH * 3, TILE, 3);
}

const HnCase hn_tile_edges_fwd = { "tile_edges_fwd", check, bench };
