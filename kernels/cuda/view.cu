/* SPDX-License-Identifier: LGPL-2.1-or-later
 * view.cu: views of frames. A thread makes four pixels in a row, which are three words where rows are whole words; those
 * of a part as large as the picture are copied. */
#include "cuda.h"

namespace {
enum { PIXELS = 4, VALUES = PIXELS * 3 };

struct Size {
  int height, width;
};
}

/* Before which samples of `from` output i of n falls, in 1/256 of one. */
static __device__ __forceinline__ int
place (int i, int n, int from)
{
  unsigned centre = (2 * i + 1) * (unsigned) from, whole = centre / n;
  int at = (int) (whole * 128 + (centre - whole * n) * 128 / n) - 128;

  return at < 0 ? 0 : min (at, (from - 1) * 256);
}

static __device__ __forceinline__ int
mix (int before, int after, int weight)
{
  return before * (256 - weight) + after * weight;
}

/* value[] = four pixels of row y, from column x on; columns beyond the last are it again. */
static __device__ __forceinline__ void
render (int *value, const GhView &view, const uint8_t *part, size_t frame_row, Size size, int y, int x)
{
  int down = place (y, size.height, view.height), weight = down & 255;
  const uint8_t *upper = part + (down >> 8) * frame_row, *lower = weight ? upper + frame_row : upper;

#pragma unroll
  for (int i = 0; i < PIXELS; i++) {
    int column = min (x + i, size.width - 1);
    int across = place (view.flip ? size.width - 1 - column : column, size.width, view.width);
    int left = (across >> 8) * 3, right = across & 255 ? left + 3 : left;
#pragma unroll
    for (int c = 0; c < 3; c++)
      value[3 * i + c] = (mix (mix (upper[left + c], lower[left + c], weight),
              mix (upper[right + c], lower[right + c], weight), across & 255) + 32768) >> 16;
  }
}

/* The first `count` values that lie there, as they are. */
static __device__ __forceinline__ void
load (int *value, const uint8_t *from, int count)
{
  bool in_words = count == VALUES && (uintptr_t) from % 4 == 0;

#pragma unroll
  for (int w = 0; w < VALUES / 4; w++) {
    unsigned word = in_words ? ((const unsigned *) from)[w] : 0;
#pragma unroll
    for (int i = 4 * w; i < 4 * w + 4; i++)
      value[i] = in_words ? word >> (i % 4 * 8) & 255 : i < count ? from[i] : 0;
  }
}

static __device__ __forceinline__ void
store (uint8_t *to, const int *value, int count)
{
  bool in_words = count == VALUES && (uintptr_t) to % 4 == 0;

#pragma unroll
  for (int w = 0; w < VALUES / 4; w++) {
    const int *v = value + 4 * w;
    if (in_words)
      ((unsigned *) to)[w] = (unsigned) v[0] | (unsigned) v[1] << 8 | (unsigned) v[2] << 16 | (unsigned) v[3] << 24;
#pragma unroll
    for (int i = 4 * w; i < 4 * w + 4; i++) {
      if (!in_words && i < count)
        to[i] = (uint8_t) value[i];
    }
  }
}

static __global__ void
view_frames (uint8_t *rgb, const uint8_t *frames, const GhView *views, Size size, Size frame)
{
  const GhView &view = views[blockIdx.y];
  int of_row = (size.width + PIXELS - 1) / PIXELS, group = blockIdx.x * blockDim.x + threadIdx.x;
  int y = group / of_row, x = group % of_row * PIXELS, count = 3 * min ((int) PIXELS, size.width - x);
  size_t frame_row = (size_t) frame.width * 3;
  const uint8_t *part = frames + ((size_t) view.frame * frame.height + view.y) * frame_row + (size_t) view.x * 3;
  int value[VALUES];

  if (y >= size.height)
    return;
  if (view.width == size.width && view.height == size.height && !view.flip)
    load (value, part + y * frame_row + (size_t) x * 3, count);
  else
    render (value, view, part, frame_row, size, y, x);
  if (view.lit) {
#pragma unroll
    for (int i = 0; i < VALUES; i++)
      value[i] = view.curve[i % 3][value[i]];
  }
  store (rgb + (((size_t) blockIdx.y * size.height + y) * size.width + x) * 3, value, count);
}

GhStatus
gh_cuda_view_fwd (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height, int width,
    int frame_height, int frame_width)
{
  size_t groups = (size_t) height * ((width + PIXELS - 1) / PIXELS);

  return GH_LAUNCH (ctx, view_frames, dim3 (gh_blocks (groups, 256), B), dim3 (256), 0, rgb, frames, views,
      (Size { height, width }), (Size { frame_height, frame_width }));
}
