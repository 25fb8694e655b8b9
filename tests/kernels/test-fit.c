/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-fit.c: frames to pictures. (That the plans of models/ make the pictures that GStreamer makes is the matter of
 * tests/gst/common/test-frame-layout.c.)
 */
#include "cases.h"

#include <stdlib.h>
#include <string.h>

/* Where the samples of a frame lie. */
typedef enum { NV12, I420, PACKED_3, PACKED_4, PLANAR, LOOSE, N_LAYOUTS } Layout;
static const char *const layout_names[] = { "NV12", "I420", "three bytes", "four bytes", "planes", "loose" };

typedef struct {
  GhFrame frame;                /* of the context */
  const uint8_t *host[3];       /* the channels again */
} Frame;

/* Channels that share a plane of bytes: all of them, or one. */
static void
take_plane (Hn *hn, Frame *to, int from_channel, int to_channel, int rows, int columns, int step, int gap)
{
  size_t stride = (size_t) columns * step + gap, bytes = (rows - 1) * stride + (size_t) columns * step;
  const uint8_t *host, *plane = hn_bytes (hn, &host, bytes);
  int turn = hn_random_int (hn, 0, step - 1);

  for (int c = from_channel; c <= to_channel; c++) {
    int offset = from_channel == to_channel ? 0 : (turn + c) % step;
    to->frame.channel[c] = plane + offset;
    to->host[c] = host + offset;
    to->frame.stride[c] = stride;
    to->frame.step[c] = step;
  }
}

static Frame
make_frame (Hn *hn, Layout layout, int height, int width, int gap)
{
  Frame to = { .frame = { .height = height, .width = width, .subsampled = layout == NV12 || layout == I420 } };
  int half_rows = (height + 1) / 2, half_columns = (width + 1) / 2;

  switch (layout) {
    case NV12:
      take_plane (hn, &to, 0, 0, height, width, 1, gap);
      take_plane (hn, &to, 1, 2, half_rows, half_columns, 2, gap);
      break;
    case I420:
      take_plane (hn, &to, 0, 0, height, width, 1, gap);
      take_plane (hn, &to, 1, 1, half_rows, half_columns, 1, gap + 1);
      take_plane (hn, &to, 2, 2, half_rows, half_columns, 1, gap);
      break;
    case PACKED_3:
      take_plane (hn, &to, 0, 2, height, width, 3, gap);
      break;
    case PACKED_4:
      take_plane (hn, &to, 0, 2, height, width, 4, gap);
      break;
    case PLANAR:
      for (int c = 0; c < 3; c++)
        take_plane (hn, &to, c, c, height, width, 1, gap);
      break;
    default:
      for (int c = 0; c < 3; c++)
        take_plane (hn, &to, c, c, height, width, 1 + c, gap);
  }
  return to;
}

/* ---- what is expected -------------------------------------------------------------------------------- */

/* [height,width,3] of int. */
typedef struct {
  int *p, height, width;
} Picture;

static Picture
new_picture (int height, int width)
{
  Picture picture = { calloc ((size_t) height * width * 3, sizeof (int)), height, width };

  if (!picture.p)
    abort ();
  return picture;
}

static int *
pixel (const Picture *picture, int y, int x)
{
  return picture->p + ((size_t) y * picture->width + x) * 3;
}

/* One of a plane's own samples, never outside of it. */
static int
sample (const Frame *from, int channel, int y, int x)
{
  return from->host[channel][y * from->frame.stride[channel] + (size_t) x * from->frame.step[channel]];
}

/* Rows first stretched sideways, then blended: each sample of a row of chroma is handed to the columns it reaches. */
static Picture
stretched_row (const Frame *from, const GhFit *fit, int row)
{
  Picture to = new_picture (1, fit->width);

  for (int c = 1; c < 3; c++) {
    for (int x = 0; x < fit->width; x++) {
      int k = x / 2, left = sample (from, c, row, fit->x / 2 + k), right = left, value = left;
      bool between = x % 2 == 1 && x < fit->width - 1, after = x % 2 == 0 && x > 0 && !fit->cosited;
      if (between) {
        right = sample (from, c, row, fit->x / 2 + k + 1);
        value = fit->cosited ? (left + right + 1) / 2 : (3 * left + right + 2) / 4;
      } else if (after) {
        value = (sample (from, c, row, fit->x / 2 + k - 1) + 3 * left + 2) / 4;
      }
      pixel (&to, 0, x)[c] = value;
    }
  }
  return to;
}

static Picture
whole_part (const Frame *from, const GhFit *fit)
{
  Picture to = new_picture (fit->height, fit->width);

  for (int y = 0; y < fit->height; y++) {
    int line = fit->y + y, pair = line + (line % 2 ? 1 : -1);
    for (int x = 0; x < fit->width; x++) {
      for (int c = 0; c < (from->frame.subsampled ? 1 : 3); c++)
        pixel (&to, y, x)[c] = sample (from, c, line, fit->x + x);
    }
    if (!from->frame.subsampled)
      continue;
    pair = pair < 0 || pair > from->frame.height - 1 ? line : pair;
    Picture near = stretched_row (from, fit, line / 2), far = stretched_row (from, fit, pair / 2);
    for (int x = 0; x < fit->width; x++) {
      for (int c = 1; c < 3; c++)
        pixel (&to, y, x)[c] = (3 * pixel (&near, 0, x)[c] + pixel (&far, 0, x)[c] + 2) / 4;
    }
    free (near.p);
    free (far.p);
  }
  return to;
}

/* floor (a / 2^16) of the product of a byte, spread over 16 signed bits, and a gain. */
static int
product (int value, int gain)
{
  int centred = value - 128, spread = 256 * centred + (centred < 0 ? centred + 256 : centred);
  long long exact = (long long) spread * gain;
  return (int) (exact >= 0 ? exact / 65536 : -((-exact + 65535) / 65536));
}

static int
byte_of (int value)
{
  return value < -128 ? 0 : value > 127 ? 255 : value + 128;
}

static void
colour (Picture *picture, const int16_t *gain)
{
  for (size_t i = 0; i < (size_t) picture->height * picture->width; i++) {
    int *p = picture->p + 3 * i, y = product (p[0], gain[0]), cb = p[1], cr = p[2];
    p[0] = byte_of (y + product (cr, gain[1]));
    p[1] = byte_of (y + product (cb, gain[3]) + product (cr, gain[4]));
    p[2] = byte_of (y + product (cb, gain[2]));
  }
}

/* first and taps: the host's. */
static void
resize (Picture *picture, const GhFitAxis *axis, bool down, int outputs)
{
  Picture to;

  if (axis->n_taps == 0)
    return;
  to = new_picture (down ? outputs : picture->height, down ? picture->width : outputs);
  for (int y = 0; y < to.height; y++) {
    for (int x = 0; x < to.width; x++) {
      for (int c = 0; c < 3; c++) {
        int i = down ? y : x;
        double sum = axis->round;
        for (int t = 0; t < axis->n_taps; t++) {
          int from = axis->first[i] + t;
          sum += (double) axis->taps[i * axis->n_taps + t] * pixel (picture, down ? from : y, down ? x : from)[c];
        }
        int value = (int) (sum / (1 << axis->shift));
        pixel (&to, y, x)[c] = value > 255 ? 255 : value;
      }
    }
  }
  free (picture->p);
  *picture = to;
}

static uint8_t *
expected (Hn *hn, const Frame *from, const GhFit *fit, int height, int width)
{
  Picture picture = whole_part (from, fit);
  size_t n = (size_t) height * width * 3;
  uint8_t *bytes = (uint8_t *) hn_doubles (hn, n / 8 + 1);

  if (fit->colours == GH_FIT_COLOURS_FIRST)
    colour (&picture, fit->gain);
  if (fit->down_first)
    resize (&picture, &fit->down, true, height);
  resize (&picture, &fit->across, false, width);
  if (!fit->down_first)
    resize (&picture, &fit->down, true, height);
  if (fit->colours == GH_FIT_COLOURS_LAST)
    colour (&picture, fit->gain);
  for (size_t i = 0; i < n; i++)
    bytes[i] = (uint8_t) picture.p[i];
  free (picture.p);
  return bytes;
}

/* ---- plans ------------------------------------------------------------------------------------------- */

static int
ascending (const void *a, const void *b)
{
  return *(const int32_t *) a - *(const int32_t *) b;
}

/* Random tables in memory of the context; *host has the same ones. */
static GhFitAxis
make_axis (Hn *hn, GhFitAxis *host, int samples, int outputs, int n_taps)
{
  GhFitAxis axis = { .n_taps = n_taps, .shift = hn_random_int (hn, 0, 2) ? hn_random_int (hn, 5, 8) : 0 };
  int most = 2 << axis.shift < 256 ? 2 << axis.shift : 256;
  int32_t *first = (int32_t *) hn_doubles (hn, (size_t) outputs);
  uint16_t *taps = (uint16_t *) hn_doubles (hn, (size_t) outputs * n_taps + 1);

  axis.round = hn_random_int (hn, 0, (1 << axis.shift) - 1);
  for (int i = 0; i < outputs; i++) {
    int left = hn_random_int (hn, 0, 1) ? most : 1 << axis.shift;
    first[i] = hn_random_int (hn, 0, samples - n_taps);
    for (int t = 0; t < n_taps; t++) {
      taps[i * n_taps + t] = (uint16_t) hn_random_int (hn, 0, left);
      left -= taps[i * n_taps + t];
    }
  }
  qsort (first, (size_t) outputs, sizeof *first, ascending);
  *host = axis;
  host->first = first;
  host->taps = taps;
  axis.first = hn_bytes_data (hn, outputs * sizeof *first, first);
  axis.taps = hn_bytes_data (hn, (size_t) outputs * n_taps * sizeof *taps, taps);
  return axis;
}

typedef struct {
  Layout layout;
  int frame_height, frame_width, gap;
  int y, x, part_height, part_width;
  int height, width, down_taps, across_taps;    /* taps 0: the size stays */
  bool down_first, cosited;
  GhFitColours colours;
} Shape;

static void
check_one (Hn *hn, const Shape *s)
{
  Frame frame = make_frame (hn, s->layout, s->frame_height, s->frame_width, s->gap);
  int height = s->down_taps ? s->height : s->part_height, width = s->across_taps ? s->width : s->part_width;
  GhFit fit = { s->x, s->y, s->part_width, s->part_height, .down_first = s->down_first, .cosited = s->cosited,
    .colours = s->colours };
  GhFit host;

  for (int i = 0; i < 5; i++)
    fit.gain[i] = (int16_t) (hn_random_int (hn, 0, 3) ? hn_random_int (hn, -550, 550)
        : hn_random_int (hn, 0, 1) * 8192 - 4096);
  host = fit;
  if (s->across_taps)
    fit.across = make_axis (hn, &host.across, s->part_width, width, s->across_taps);
  if (s->down_taps)
    fit.down = make_axis (hn, &host.down, s->part_height, height, s->down_taps);
  hn_describe (hn, "%s %dx%d+%d, %dx%d at %d,%d, to %dx%d with %d, %d taps%s%s, colours %d", layout_names[s->layout],
      s->frame_width, s->frame_height, s->gap, s->part_width, s->part_height, s->x, s->y, width, height, s->across_taps,
      s->down_taps, s->down_first ? ", rows first" : "", s->cosited ? ", cosited" : "", s->colours);
  HnTensor rgb = hn_out (hn, ((size_t) height * width * 3 + 3) / 4);
  if (hn_status (hn, gh_fit_fwd (hn_ctx (hn), (uint8_t *) rgb.p, &frame.frame, &fit, height, width), GH_OK))
    hn_expect_bytes (hn, &rgb, expected (hn, &frame, &host, height, width), (size_t) height * width * 3);
  hn_reset (hn);
}

/* Everything at random, the smallest sizes included. */
static void
check_random (Hn *hn, Layout layout, int most)
{
  int even = layout == NV12 || layout == I420 ? ~1 : ~0;
  Shape s = { layout, hn_random_int (hn, 1, most), hn_random_int (hn, 1, most), hn_random_int (hn, 0, 9) };

  s.y = hn_random_int (hn, 0, s.frame_height - 1) & even;
  s.x = hn_random_int (hn, 0, s.frame_width - 1) & even;
  s.part_height = hn_random_int (hn, 1, s.frame_height - s.y);
  s.part_width = hn_random_int (hn, 1, s.frame_width - s.x);
  s.height = hn_random_int (hn, 1, most);
  s.width = hn_random_int (hn, 1, most);
  s.down_taps = hn_random_int (hn, 0, s.part_height < 11 ? s.part_height : 11);
  s.across_taps = hn_random_int (hn, 0, s.part_width < 11 ? s.part_width : 11);
  s.down_first = hn_random_int (hn, 0, 1);
  s.cosited = hn_random_int (hn, 0, 1);
  s.colours = (GhFitColours) hn_random_int (hn, GH_FIT_KEEP, GH_FIT_COLOURS_LAST);
  check_one (hn, &s);
}

static void
check (Hn *hn)
{
  const Shape model = { NV12, 120, 200, 0, 0, 0, 120, 200, 96, 160, 3, 3, false, true, GH_FIT_COLOURS_LAST };
  const Shape widest = { PACKED_3, 130, 130, 1, 0, 0, 130, 130, 2, 3, 128, 128, true, false, GH_FIT_KEEP };

  check_one (hn, &model);
  check_one (hn, &widest);
  for (Layout layout = NV12; layout < N_LAYOUTS; layout++) {
    for (int i = 0; i < 12; i++)
      check_random (hn, layout, i % 3 == 0 ? 8 : i % 3 == 1 ? 40 : 100);
  }
}

static void
bench (Hn *hn)
{
  const int shift = 6, n_taps = 4;
  int height = 576, width = 960, full_height = 1080, full_width = 1920;
  Frame frame = make_frame (hn, NV12, full_height, full_width, 0);
  GhFit fit = { 0, 0, full_width, full_height, .colours = GH_FIT_COLOURS_LAST, .gain = { 298, 409, 516, -100, -208 } };
  HnTensor rgb = hn_out (hn, (size_t) height * width * 3 / 4);
  GhFitAxis host;

  fit.across = make_axis (hn, &host, full_width, width, n_taps);
  fit.down = make_axis (hn, &host, full_height, height, n_taps);
  fit.across.shift = fit.down.shift = shift;
  fit.across.round = fit.down.round = 1 << (shift - 1);
  HN_BENCH (hn, 0, 1.5 * full_height * full_width + 3.0 * height * width, "NV12 %dx%d to %dx%d", full_width,
      full_height, width, height)
    gh_fit_fwd (hn_ctx (hn), (uint8_t *) rgb.p, &frame.frame, &fit, height, width);
}

const HnCase hn_fit_fwd = { "fit_fwd", check, bench };
