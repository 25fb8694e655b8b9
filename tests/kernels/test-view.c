/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-view.c: views of frames.
 */
#include "cases.h"

#include <stdlib.h>

/* at[n]: where the outputs fall among `from` samples, in 1/256: found by walking, as far as the centre of each allows. */
static int *
walk (int n, int from)
{
  int *at = malloc (n * sizeof *at);

  if (!at)
    abort ();
  for (int i = 0, reached = 0; i < n; i++) {
    while (reached < (from - 1) * 256 && (reached + 129LL) * n <= (2LL * i + 1) * from * 128)
      reached++;
    at[i] = reached;
  }
  return at;
}

/* Four samples with their shares of 65536. */
static uint8_t
blend (const uint8_t *part, size_t row, int down, int across, int c)
{
  int y = down / 256, x = across / 256, lower = down % 256, right = across % 256;
  const uint8_t *p = part + y * row + x * 3 + c;
  long sum = 32768 + (256L - lower) * (256 - right) * p[0];

  if (right)
    sum += (256L - lower) * right * p[3];
  if (lower)
    sum += (long) lower * (256 - right) * p[row];
  if (lower && right)
    sum += (long) lower * right * p[row + 3];
  return (uint8_t) (sum / 65536);
}

static void
expect (uint8_t *want, const GhView *v, int height, int width, const uint8_t *frames, int frame_height, int frame_width)
{
  size_t row = (size_t) frame_width * 3;
  const uint8_t *part = frames + v->frame * frame_height * row + v->y * row + v->x * 3;
  int *down = walk (height, v->height), *across = walk (width, v->width);

  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int c = 0; c < 3; c++) {
        uint8_t value = blend (part, row, down[y], across[x], c);
        want[(y * width + (v->flip ? width - 1 - x : x)) * 3 + c] = v->lit ? v->curve[c][value] : value;
      }
    }
  }
  free (down);
  free (across);
}

static GhView
random_view (Hn *hn, int n, int height, int width, int frame_height, int frame_width)
{
  GhView v = { .frame = hn_random_int (hn, 0, n - 1), .width = frame_width, .height = frame_height,
    .flip = hn_random_int (hn, 0, 1), .lit = hn_random_int (hn, 0, 1) };
  int kind = hn_random_int (hn, 0, 2);

  if (kind == 1 && width <= frame_width && height <= frame_height) {    /* as large as the output */
    v.width = width;
    v.height = height;
  } else if (kind == 2) {
    v.width = hn_random_int (hn, 1, frame_width);
    v.height = hn_random_int (hn, 1, frame_height);
  }
  v.x = hn_random_int (hn, 0, frame_width - v.width);
  v.y = hn_random_int (hn, 0, frame_height - v.height);
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < 256; i++)
      v.curve[c][i] = (uint8_t) hn_random (hn);
  }
  return v;
}

static void
check_one (Hn *hn, int B, int height, int width, int n, int frame_height, int frame_width)
{
  size_t out = (size_t) height * width * 3;
  GhView *views = malloc (B * sizeof *views);
  uint8_t *want = malloc (B * out);
  const uint8_t *host;

  if (!views || !want)
    abort ();
  hn_describe (hn, "B=%d %dx%d of %d frames of %dx%d", B, height, width, n, frame_height, frame_width);
  uint8_t *frames = hn_bytes (hn, &host, n * (size_t) frame_height * frame_width * 3);
  for (int b = 0; b < B; b++) {
    views[b] = random_view (hn, n, height, width, frame_height, frame_width);
    expect (want + b * out, &views[b], height, width, host, frame_height, frame_width);
  }
  HnTensor rgb = hn_out (hn, (B * out + 3) / 4);
  if (hn_status (hn, gh_view_fwd (hn_ctx (hn), (uint8_t *) rgb.p, frames, hn_bytes_data (hn, B * sizeof *views, views),
      B, height, width, n, frame_height, frame_width), GH_OK))
    hn_expect_bytes (hn, &rgb, want, B * out);
  hn_reset (hn);
  free (want);
  free (views);
}

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 1, 1, 1, 1);
  check_one (hn, 2, 7, 5, 3, 1, 1);
  check_one (hn, 3, 1, 1, 2, 9, 11);
  check_one (hn, 5, 16, 20, 4, 16, 20);
  check_one (hn, 4, 33, 47, 3, 33, 47);
  check_one (hn, 3, 64, 96, 5, 90, 110);
  check_one (hn, 2, 40, 60, 2, 20, 13);
  check_one (hn, 1, 3, 2000, 1, 5, 3000);
  for (int i = 0; i < 24; i++)
    check_one (hn, hn_random_int (hn, 1, 4), hn_random_int (hn, 1, 40), hn_random_int (hn, 1, 40),
        hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 60), hn_random_int (hn, 1, 60));
}

static void
bench (Hn *hn)
{
  enum { HEIGHT = 576, WIDTH = 960, B = 4 };
  const size_t bytes = (size_t) B * HEIGHT * WIDTH * 3;
  const uint8_t *host;
  uint8_t *frames = hn_bytes (hn, &host, bytes);
  HnTensor rgb = hn_out (hn, bytes / 4);
  GhView views[2][B];

  for (int b = 0; b < B; b++) {
    views[0][b] = (GhView) { .frame = b, .width = WIDTH, .height = HEIGHT };
    views[1][b] = (GhView) { .frame = b, .x = 9, .y = 7, .width = WIDTH - 99, .height = HEIGHT - 77, .flip = true,
      .lit = true };
  }
  for (int i = 0; i < 2; i++) {
    const GhView *there = hn_bytes_data (hn, sizeof views[i], views[i]);
    HN_BENCH (hn, 0, 2.0 * bytes, "%d x %dx%d %s", B, WIDTH, HEIGHT, i ? "cropped, lit" : "whole")
      gh_view_fwd (hn_ctx (hn), (uint8_t *) rgb.p, frames, there, B, HEIGHT, WIDTH, B, HEIGHT, WIDTH);
  }
}

const HnCase hn_view_fwd = { "view_fwd", check, bench };
