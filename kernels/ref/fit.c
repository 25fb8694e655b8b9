/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fit.c: frames become pictures of the model's size.
 */
#include "ref.h"

/* Three channels of bytes, plane after plane. */
typedef struct {
  uint8_t *p;
  int height, width;
} Planes;

static uint8_t *
at (const Planes *planes, int channel, int y, int x)
{
  return planes->p + ((size_t) channel * planes->height + y) * planes->width + x;
}

/* ---- the frame in full size -------------------------------------------------------------------------- */

/* Chroma of its own row, at column x of the part. */
static int
chroma_along (const GhFrame *frame, const GhFit *fit, int channel, int row, int x)
{
  const uint8_t *samples = frame->channel[channel] + row * frame->stride[channel];
  int step = frame->step[channel], near = fit->x / 2 + x / 2, own = samples[near * step];

  if (x % 2 == 0)
    return fit->cosited || x == 0 ? own : (samples[(near - 1) * step] + 3 * own + 2) >> 2;
  if (x == fit->width - 1)
    return own;
  return fit->cosited ? (own + samples[(near + 1) * step] + 1) >> 1 : (3 * own + samples[(near + 1) * step] + 2) >> 2;
}

/* Between the two rows of chroma that a row of the frame lies between; at the frame's edge there is one. */
static int
chroma (const GhFrame *frame, const GhFit *fit, int channel, int y, int x)
{
  int line = fit->y + y, other = line % 2 ? line + 1 : line - 1, own = chroma_along (frame, fit, channel, line / 2, x);

  if (other < 0 || other >= frame->height)
    other = line;
  return (3 * own + chroma_along (frame, fit, channel, other / 2, x) + 2) >> 2;
}

static void
read_frame (Planes *to, const GhFrame *frame, const GhFit *fit)
{
  for (int channel = 0; channel < 3; channel++) {
    const uint8_t *samples = frame->channel[channel];
    for (int y = 0; y < to->height; y++) {
      for (int x = 0; x < to->width; x++)
        *at (to, channel, y, x) = (uint8_t) (frame->subsampled && channel ? chroma (frame, fit, channel, y, x)
            : samples[(fit->y + y) * frame->stride[channel] + (size_t) (fit->x + x) * frame->step[channel]]);
    }
  }
}

/* ---- colours ----------------------------------------------------------------------------------------- */

static int
product (int value, int gain)
{
  return ((int16_t) (257 * (value ^ 128)) * gain) >> 16;
}

static uint8_t
clamped (int value)
{
  return (uint8_t) ((value < -128 ? -128 : value > 127 ? 127 : value) + 128);
}

static void
to_rgb (Planes *planes, const int16_t *gain)
{
  for (int y = 0; y < planes->height; y++) {
    for (int x = 0; x < planes->width; x++) {
      uint8_t *first = at (planes, 0, y, x), *second = at (planes, 1, y, x), *third = at (planes, 2, y, x);
      int luma = product (*first, gain[0]), cb = *second, cr = *third;
      *first = clamped (luma + product (cr, gain[1]));
      *second = clamped (luma + product (cb, gain[3]) + product (cr, gain[4]));
      *third = clamped (luma + product (cb, gain[2]));
    }
  }
}

/* ---- resizing ---------------------------------------------------------------------------------------- */

static uint8_t
weigh (const GhFitAxis *axis, int output, const uint8_t *samples, size_t distance)
{
  int sum = axis->round;

  for (int t = 0; t < axis->n_taps; t++)
    sum += axis->taps[(size_t) output * axis->n_taps + t] * samples[(axis->first[output] + t) * distance];
  sum >>= axis->shift;
  return (uint8_t) (sum > 255 ? 255 : sum);
}

/* The picture moves to `place`, which has room for it. */
static void
resize_across (Planes *planes, const GhFitAxis *axis, int width, uint8_t *place)
{
  Planes to = { place, planes->height, width };

  if (axis->n_taps == 0)
    return;
  for (int channel = 0; channel < 3; channel++) {
    for (int y = 0; y < to.height; y++) {
      for (int x = 0; x < width; x++)
        *at (&to, channel, y, x) = weigh (axis, x, at (planes, channel, y, 0), 1);
    }
  }
  *planes = to;
}

static void
resize_down (Planes *planes, const GhFitAxis *axis, int height, uint8_t *place)
{
  Planes to = { place, height, planes->width };

  if (axis->n_taps == 0)
    return;
  for (int channel = 0; channel < 3; channel++) {
    for (int y = 0; y < height; y++) {
      for (int x = 0; x < to.width; x++)
        *at (&to, channel, y, x) = weigh (axis, y, at (planes, channel, 0, x), planes->width);
    }
  }
  *planes = to;
}

GhStatus
gh_ref_fit_fwd (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width)
{
  size_t whole = (size_t) 3 * fit->height * fit->width;
  size_t between = (size_t) 3 * (fit->down_first ? height : fit->height) * (fit->down_first ? fit->width : width);
  size_t result = (size_t) 3 * height * width;
  uint8_t *memory = gh_scratch (ctx, whole + between + result);
  Planes planes = { memory, fit->height, fit->width };

  if (!memory)
    return GH_NOMEM;
  read_frame (&planes, frame, fit);
  if (fit->colours == GH_FIT_COLOURS_FIRST)
    to_rgb (&planes, fit->gain);
  if (fit->down_first) {
    resize_down (&planes, &fit->down, height, memory + whole);
    resize_across (&planes, &fit->across, width, memory + whole + between);
  } else {
    resize_across (&planes, &fit->across, width, memory + whole);
    resize_down (&planes, &fit->down, height, memory + whole + between);
  }
  if (fit->colours == GH_FIT_COLOURS_LAST)
    to_rgb (&planes, fit->gain);
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      for (int channel = 0; channel < 3; channel++)
        *rgb++ = *at (&planes, channel, y, x);
    }
  }
  return GH_OK;
}
