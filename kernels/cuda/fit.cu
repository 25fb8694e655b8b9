/* SPDX-License-Identifier: LGPL-2.1-or-later
 * fit.cu: frames become pictures of the model's size, in two passes over whole pixels: the first reads the frame and
 * resizes one direction, the second resizes the other. A thread makes a pixel; neighbours walk along a row. */
#include "cuda.h"

namespace {
struct Pixel {
  int v[3];
};

struct Source {
  GhFrame frame;
  GhFit fit;
};

struct Size {
  int height, width;
};
}

static __device__ __forceinline__ Pixel
unpacked (unsigned word)
{
  return { { (int) (word & 255), (int) (word >> 8 & 255), (int) (word >> 16 & 255) } };
}

static __device__ __forceinline__ unsigned
packed (Pixel p)
{
  return (unsigned) p.v[0] | (unsigned) p.v[1] << 8 | (unsigned) p.v[2] << 16;
}

/* ---- the frame in full size -------------------------------------------------------------------------- */

/* Chroma of its own row, at column x of the part. */
static __device__ __forceinline__ int
chroma_along (const GhFit &fit, const uint8_t *samples, int step, int x)
{
  int near = x / 2, own = samples[near * step];

  if (x % 2 == 0)
    return fit.cosited || x == 0 ? own : (samples[(near - 1) * step] + 3 * own + 2) >> 2;
  if (x == fit.width - 1)
    return own;
  return fit.cosited ? (own + samples[(near + 1) * step] + 1) >> 1 : (3 * own + samples[(near + 1) * step] + 2) >> 2;
}

static __device__ __forceinline__ int
chroma (const GhFrame &frame, const GhFit &fit, int channel, int line, int x)
{
  int beside = line % 2 ? line + 1 : line - 1, step = frame.step[channel];
  const uint8_t *samples = frame.channel[channel] + (size_t) (fit.x / 2) * step;
  int own = chroma_along (fit, samples + (size_t) (line / 2) * frame.stride[channel], step, x);

  if (beside < 0 || beside >= frame.height)
    return own;
  return (3 * own + chroma_along (fit, samples + (size_t) (beside / 2) * frame.stride[channel], step, x) + 2) >> 2;
}

static __device__ __forceinline__ int
product (int value, int gain)
{
  return ((int16_t) (257 * (value ^ 128)) * gain) >> 16;
}

static __device__ __forceinline__ int
clamped (int value)
{
  return (value < -128 ? -128 : value > 127 ? 127 : value) + 128;
}

static __device__ __forceinline__ Pixel
to_rgb (const GhFit &fit, Pixel p)
{
  int luma = product (p.v[0], fit.gain[0]);
  return { { clamped (luma + product (p.v[2], fit.gain[1])),
      clamped (luma + product (p.v[1], fit.gain[3]) + product (p.v[2], fit.gain[4])),
      clamped (luma + product (p.v[1], fit.gain[2])) } };
}

/* Pixel x, y of the part. */
static __device__ __forceinline__ Pixel
read_frame (const Source &source, int y, int x)
{
  const GhFrame &frame = source.frame;
  const GhFit &fit = source.fit;
  int line = fit.y + y;
  Pixel p;

#pragma unroll
  for (int c = 0; c < 3; c++)
    p.v[c] = frame.subsampled && c ? chroma (frame, fit, c, line, x)
        : frame.channel[c][line * frame.stride[c] + (size_t) (fit.x + x) * frame.step[c]];
  return fit.colours == GH_FIT_COLOURS_FIRST ? to_rgb (fit, p) : p;
}

/* ---- the passes -------------------------------------------------------------------------------------- */

/* Output i of an axis, over what read(t) says of the sample there. */
template <class Read> static __device__ __forceinline__ Pixel
weigh (const GhFitAxis &axis, int i, Read read)
{
  int first = axis.n_taps ? axis.first[i] : i;
  Pixel sum = { { axis.round, axis.round, axis.round } };

  if (axis.n_taps == 0)
    return read (i);
  for (int t = 0; t < axis.n_taps; t++) {
    Pixel p = read (first + t);
    int tap = axis.taps[(size_t) i * axis.n_taps + t];
    for (int c = 0; c < 3; c++)
      sum.v[c] += tap * p.v[c];
  }
  for (int c = 0; c < 3; c++)
    sum.v[c] = min (sum.v[c] >> axis.shift, 255);
  return sum;
}

/* between[size.height,size.width], a word per pixel. */
static __global__ void
fit_first (unsigned *between, Source source, Size size)
{
  int y = blockIdx.y, x = blockIdx.x * blockDim.x + threadIdx.x;

  if (x >= size.width)
    return;
  Pixel p = source.fit.down_first
      ? weigh (source.fit.down, y, [&] (int from) { return read_frame (source, from, x); })
      : weigh (source.fit.across, x, [&] (int from) { return read_frame (source, y, from); });
  between[(size_t) y * size.width + x] = packed (p);
}

/* rgb[size.height,size.width,3] of between[...,between_width]. */
static __global__ void
fit_second (uint8_t *rgb, const unsigned *between, Source source, int between_width, Size size)
{
  int y = blockIdx.y, x = blockIdx.x * blockDim.x + threadIdx.x;

  if (x >= size.width)
    return;
  Pixel p = source.fit.down_first
      ? weigh (source.fit.across, x, [&] (int from) { return unpacked (between[(size_t) y * between_width + from]); })
      : weigh (source.fit.down, y, [&] (int from) { return unpacked (between[(size_t) from * between_width + x]); });
  if (source.fit.colours == GH_FIT_COLOURS_LAST)
    p = to_rgb (source.fit, p);
  for (int c = 0; c < 3; c++)
    rgb[((size_t) y * size.width + x) * 3 + c] = (uint8_t) p.v[c];
}

GhStatus
gh_cuda_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width)
{
  Source source = { *frame, *fit };
  Size whole = { height, width };
  Size half = { fit->down_first ? height : fit->height, fit->down_first ? fit->width : width };
  unsigned *between = (unsigned *) gh_scratch (ctx, (size_t) half.height * half.width * sizeof *between);

  if (!between)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, fit_first, dim3 (gh_blocks (half.width, 128), half.height), dim3 (128), 0, between,
          source, half));
  return GH_LAUNCH (ctx, fit_second, dim3 (gh_blocks (width, 128), height), dim3 (128), 0, rgb, between, source,
      half.width, whole);
}
