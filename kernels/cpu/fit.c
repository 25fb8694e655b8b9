/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fit.c (once per instruction set): frames become pictures of the model's size. A task is a band of the picture's rows.
 * It walks down the frame once: a row becomes words of 16 bits, is made RGB and resized across where that comes first,
 * and is kept in a ring for as long as rows of the picture need it.
 *
 * A pixel is four words (three channels and nothing), or, where it is three or four bytes side by side and its colours
 * stay, just these bytes as words, in their order: then rows are summed up as they lie in the frame.
 */
#include "isa.h"

enum { PART = 2 * VL, PARTS = 4, CHUNK = PARTS * PART };        /* words of a vector; of a loop's turn */
enum { MOST_LANES = 4 };

typedef uint16_t words __attribute__ ((vector_size (2 * PART)));
typedef int16_t signed_words __attribute__ ((vector_size (2 * PART)));
typedef uint16_t words_any __attribute__ ((vector_size (2 * PART), aligned (2), may_alias));
typedef uint8_t bytes_any __attribute__ ((vector_size (PART), aligned (1), may_alias));

typedef uint16_t eight __attribute__ ((vector_size (16)));
typedef int16_t signed_eight __attribute__ ((vector_size (16)));
typedef uint16_t eight_any __attribute__ ((vector_size (16), aligned (2), may_alias));
typedef uint64_t Four __attribute__ ((may_alias));             /* four words */

typedef struct {
  const GhFrame *frame;
  const GhFit *fit;
  uint8_t *rgb;
  int height, width, band;      /* band: rows of a task */
  bool as_it_lies;              /* pixels are bytes side by side */
  int lanes, order[3];          /* words of a pixel, and which of them are red, green, blue */
  const uint8_t *pixels;        /* as_it_lies: the first pixel of the part */
  int turns;                    /* vectors of taps of an output across */
  eight *taps;                  /* [width,turns] */
  uint8_t *memory;              /* of thread 0; the others' follow */
  size_t memory_bytes;
} Job;

/* What a thread has in its memory. */
typedef struct {
  uint16_t *ring;               /* [slots,ring_stride] */
  uint16_t *row, *other;        /* [row_words] */
  uint8_t *chroma[2][2];        /* [even or odd row of chroma][Cb, Cr][width + 1], in full width */
  int chroma_row[2];            /* which row that is; -1 for none */
  int slots, next;              /* next: the first row of the frame that is not yet in the ring */
  size_t ring_words, ring_stride;       /* of a row: those that mean something, and all: whole chunks */
} Walk;

/* ---- rows of the frame ------------------------------------------------------------------------------- */

/* full[width] between the samples of one row. */
static void
widen_row (uint8_t *restrict full, const uint8_t *restrict samples, int step, int width, bool cosited)
{
  int last = (width - 1) / 2;

  full[0] = samples[0];
  if (width % 2 == 0)
    full[width - 1] = samples[(size_t) last * step];
  if (cosited) {
    for (int i = 0; i < last; i++) {
      full[2 * i + 1] = (uint8_t) ((samples[i * step] + samples[(i + 1) * step] + 1) >> 1);
      full[2 * i + 2] = samples[(i + 1) * step];
    }
  } else {
    for (int i = 0; i < last; i++) {
      full[2 * i + 1] = (uint8_t) ((3 * samples[i * step] + samples[(i + 1) * step] + 2) >> 2);
      full[2 * i + 2] = (uint8_t) ((samples[i * step] + 3 * samples[(i + 1) * step] + 2) >> 2);
    }
  }
}

/* The usual steps as constants, so that the loops above become vector code. */
static void
widen (const Job *job, Walk *walk, int row)
{
  const GhFrame *frame = job->frame;
  const GhFit *fit = job->fit;

  if (walk->chroma_row[row % 2] == row)
    return;
  walk->chroma_row[row % 2] = row;
  for (int c = 0; c < 2; c++) {
    int step = frame->step[1 + c];
    const uint8_t *samples = frame->channel[1 + c] + row * frame->stride[1 + c] + (size_t) fit->x / 2 * step;
    uint8_t *full = walk->chroma[row % 2][c];

    if (step == 2)
      widen_row (full, samples, 2, fit->width, fit->cosited);
    else if (step == 1)
      widen_row (full, samples, 1, fit->width, fit->cosited);
    else
      widen_row (full, samples, step, fit->width, fit->cosited);
  }
}

static void
blend_row (Four *restrict to, const uint8_t *restrict luma, int step, const uint8_t *restrict cb,
    const uint8_t *restrict far_cb, const uint8_t *restrict cr, const uint8_t *restrict far_cr, int width)
{
  for (int x = 0; x < width; x++) {
    uint16_t blue = (uint16_t) ((3 * cb[x] + far_cb[x] + 2) >> 2);
    uint16_t red = (uint16_t) ((3 * cr[x] + far_cr[x] + 2) >> 2);
    to[x] = (uint64_t) luma[(size_t) x * step] | (uint64_t) blue << 16 | (uint64_t) red << 32;
  }
}

static void
unpack_subsampled (const Job *job, Walk *walk, uint16_t *to, int y)
{
  const GhFrame *frame = job->frame;
  const GhFit *fit = job->fit;
  int line = fit->y + y, beside = line % 2 ? line + 1 : line - 1, near = line / 2;
  int far = beside < 0 || beside >= frame->height ? near : beside / 2, step = frame->step[0];
  const uint8_t *luma = frame->channel[0] + line * frame->stride[0] + (size_t) fit->x * step;
  uint8_t *(*chroma)[2] = walk->chroma;
  Four *pixels = (Four *) to;

  widen (job, walk, near);
  widen (job, walk, far);
  if (step == 1)
    blend_row (pixels, luma, 1, chroma[near % 2][0], chroma[far % 2][0], chroma[near % 2][1], chroma[far % 2][1],
        fit->width);
  else
    blend_row (pixels, luma, step, chroma[near % 2][0], chroma[far % 2][0], chroma[near % 2][1], chroma[far % 2][1],
        fit->width);
}

static void
unpack_channels (const Job *job, uint16_t *to, int y)
{
  const GhFrame *frame = job->frame;
  const GhFit *fit = job->fit;

  for (int c = 0; c < 3; c++) {
    const uint8_t *from = frame->channel[c] + (fit->y + y) * frame->stride[c] + (size_t) fit->x * frame->step[c];
    for (int x = 0; x < fit->width; x++)
      to[MOST_LANES * x + c] = from[(size_t) x * frame->step[c]];
  }
  for (int x = 0; x < fit->width; x++)
    to[MOST_LANES * x + 3] = 0;
}

static const uint8_t *
frame_row (const Job *job, int y)
{
  return job->pixels + y * job->frame->stride[0];
}

static void
unpack (const Job *job, Walk *walk, uint16_t *restrict to, int y)
{
  if (job->as_it_lies) {
    const uint8_t *restrict from = frame_row (job, y);
    size_t n_words = (size_t) job->fit->width * job->lanes;

    for (size_t i = 0; i < n_words; i++)
      to[i] = from[i];
  } else if (job->frame->subsampled) {
    unpack_subsampled (job, walk, to, y);
  } else {
    unpack_channels (job, to, y);
  }
}

/* ---- colours ----------------------------------------------------------------------------------------- */

static inline int16_t
spread (uint16_t value)
{
  return (int16_t) (uint16_t) (257 * (value ^ 128));
}

static inline int16_t
product (int16_t value, int16_t gain)
{
  return (int16_t) ((value * gain) >> 16);
}

static inline uint16_t
clamped (int16_t value)
{
  return (uint16_t) ((value < -128 ? -128 : value > 127 ? 127 : value) + 128);
}

static void
to_rgb (uint16_t *row, int width, const int16_t *gain)
{
  const int16_t g0 = gain[0], g1 = gain[1], g2 = gain[2], g3 = gain[3], g4 = gain[4];

  for (int x = 0; x < width; x++) {
    int16_t y = product (spread (row[MOST_LANES * x]), g0), cb = spread (row[MOST_LANES * x + 1]);
    int16_t cr = spread (row[MOST_LANES * x + 2]);

    row[MOST_LANES * x] = clamped ((int16_t) (y + product (cr, g1)));
    row[MOST_LANES * x + 1] = clamped ((int16_t) (y + product (cb, g3) + product (cr, g4)));
    row[MOST_LANES * x + 2] = clamped ((int16_t) (y + product (cb, g2)));
    row[MOST_LANES * x + 3] = 0;
  }
}

/* ---- resizing ---------------------------------------------------------------------------------------- */

/* Each word shifted, and 255 where it is more; it is 510 at most, so that signed comparisons do. */
#define FINISH(type, sum, shift) ({ \
    type shifted_ = (sum) >> (uint16_t) (shift); \
    (shifted_ | (type) ((signed_##type) shifted_ > 255)) & 255; })

/* A vector is two neighbouring pixels, multiplied by two taps; four of its words are written for an output, the last
 * one in vain where a pixel has three. */
static inline void
across_row (const Job *job, uint16_t *restrict to, const uint16_t *restrict from, int turns, int lanes)
{
  const GhFitAxis *axis = &job->fit->across;
  const eight round = (uint16_t) axis->round - (eight) { 0 };
  const eight second = lanes == 3 ? (eight) { 3, 4, 5, 6, 7, 7, 7, 7 } : (eight) { 4, 5, 6, 7, 7, 7, 7, 7 };
  const eight *taps = job->taps;

  for (int i = 0; i < job->width; i++, taps += turns) {
    const uint16_t *samples = from + axis->first[i] * lanes;
    eight sum = { 0 };

    for (int t = 0; t < turns; t++)
      sum += *(const eight_any *) (samples + 2 * t * lanes) * taps[t];
    sum += __builtin_shuffle (sum, second) + round;
    sum = FINISH (eight, sum, axis->shift);
    memcpy (to + i * lanes, &sum, 4 * sizeof (uint16_t));
  }
}

static inline void
across_lanes (const Job *job, uint16_t *to, const uint16_t *from, int lanes)
{
  switch (job->turns) {
    case 1:
      across_row (job, to, from, 1, lanes);
      break;
    case 2:
      across_row (job, to, from, 2, lanes);
      break;
    case 3:
      across_row (job, to, from, 3, lanes);
      break;
    default:
      across_row (job, to, from, job->turns, lanes);
  }
}

static void
resize_across (const Job *job, uint16_t *to, const uint16_t *from)
{
  if (job->lanes == 3)
    across_lanes (job, to, from, 3);
  else
    across_lanes (job, to, from, MOST_LANES);
}

/* taps[width,turns]: each once for every word it is multiplied with. */
static void
spread_taps (const Job *job, eight *taps)
{
  const GhFitAxis *axis = &job->fit->across;

  for (int i = 0; i < job->width; i++) {
    const uint16_t *from = axis->taps + (size_t) i * axis->n_taps;
    for (int t = 0; t < job->turns; t++, taps++) {
      uint16_t one = from[2 * t], two = 2 * t + 1 < axis->n_taps ? from[2 * t + 1] : 0;
      *taps = job->lanes == 3 ? (eight) { one, one, one, two, two, two, 0, 0 }
          : (eight) { one, one, one, one, two, two, two, two };
    }
  }
}

/* Of n rows of words, which all have room for whole chunks. */
static void
down_words (uint16_t *to, const uint16_t *const *rows, const uint16_t *taps, const GhFitAxis *axis, size_t n_words)
{
  for (size_t i = 0; i < n_words; i += CHUNK) {
    words sum[PARTS];

    for (int k = 0; k < PARTS; k++)
      sum[k] = (uint16_t) axis->round - (words) { 0 };
    for (int t = 0; t < axis->n_taps; t++) {
      for (int k = 0; k < PARTS; k++)
        sum[k] += *(const words_any *) (rows[t] + i + k * PART) * taps[t];
    }
    for (int k = 0; k < PARTS; k++)
      *(words_any *) (to + i + k * PART) = FINISH (words, sum[k], axis->shift);
  }
}

/* Of n rows of bytes, which end with their last pixel. */
static void
down_bytes (uint16_t *to, const uint8_t *first, size_t stride, const uint16_t *taps, const GhFitAxis *axis,
    size_t n_words)
{
  size_t i = 0;

  for (; i + CHUNK <= n_words; i += CHUNK) {
    words sum[PARTS];

    for (int k = 0; k < PARTS; k++)
      sum[k] = (uint16_t) axis->round - (words) { 0 };
    for (int t = 0; t < axis->n_taps; t++) {
      for (int k = 0; k < PARTS; k++)
        sum[k] += __builtin_convertvector (*(const bytes_any *) (first + t * stride + i + k * PART), words) * taps[t];
    }
    for (int k = 0; k < PARTS; k++)
      *(words_any *) (to + i + k * PART) = FINISH (words, sum[k], axis->shift);
  }
  for (; i < n_words; i++) {
    unsigned sum = (unsigned) axis->round;

    for (int t = 0; t < axis->n_taps; t++)
      sum += first[t * stride + i] * taps[t];
    sum >>= axis->shift;
    to[i] = (uint16_t) (sum > 255 ? 255 : sum);
  }
}

/* ---- the walk ---------------------------------------------------------------------------------------- */

/* Row y of the part as the ring keeps it. */
static void
fetch_row (const Job *job, Walk *walk, uint16_t *to, int y)
{
  const GhFit *fit = job->fit;
  bool across = !fit->down_first && fit->across.n_taps > 0;
  uint16_t *row = across ? walk->other : to;

  unpack (job, walk, row, y);
  if (fit->colours == GH_FIT_COLOURS_FIRST)
    to_rgb (row, fit->width, fit->gain);
  if (across)
    resize_across (job, to, row);
}

/* The sum of rows that makes row y of the picture, of the ring or of the frame itself. */
static void
sum_rows (const Job *job, Walk *walk, uint16_t *to, int y)
{
  const GhFitAxis *axis = &job->fit->down;
  const uint16_t *taps = axis->taps + (size_t) y * axis->n_taps, *rows[GH_FIT_MAX_TAPS];
  int first = axis->first[y];

  if (job->as_it_lies && job->fit->down_first) {
    down_bytes (to, frame_row (job, first), job->frame->stride[0], taps, axis, walk->ring_words);
    return;
  }
  for (walk->next = walk->next > first ? walk->next : first; walk->next < first + axis->n_taps; walk->next++)
    fetch_row (job, walk, walk->ring + walk->next % walk->slots * walk->ring_stride, walk->next);
  for (int t = 0; t < axis->n_taps; t++)
    rows[t] = walk->ring + (first + t) % walk->slots * walk->ring_stride;
  down_words (to, rows, taps, axis, walk->ring_words);
}

/* Row y of the picture, in words. */
static uint16_t *
make_row (const Job *job, Walk *walk, int y)
{
  const GhFit *fit = job->fit;
  uint16_t *row = walk->row;

  if (fit->down.n_taps == 0)
    fetch_row (job, walk, row, y);
  else
    sum_rows (job, walk, row, y);
  if (fit->down_first && fit->across.n_taps > 0) {
    resize_across (job, walk->other, row);
    row = walk->other;
  }
  if (fit->colours == GH_FIT_COLOURS_LAST)
    to_rgb (row, job->width, fit->gain);
  return row;
}

static inline void
pack_row (uint8_t *restrict to, const uint16_t *restrict from, int lanes, int red, int green, int blue, int width)
{
  for (int x = 0; x < width; x++) {
    to[3 * x] = (uint8_t) from[lanes * x + red];
    to[3 * x + 1] = (uint8_t) from[lanes * x + green];
    to[3 * x + 2] = (uint8_t) from[lanes * x + blue];
  }
}

/* The usual orders as constants, for the compiler. */
static void
pack (const Job *job, uint8_t *to, const uint16_t *from)
{
  const int *order = job->order;
  int key = 100 * order[0] + 10 * order[1] + order[2];

  if (job->lanes == 3 && key == 12) {
    for (int i = 0; i < 3 * job->width; i++)
      to[i] = (uint8_t) from[i];
  } else if (job->lanes == MOST_LANES && key == 12) {
    pack_row (to, from, MOST_LANES, 0, 1, 2, job->width);
  } else if (job->lanes == MOST_LANES && key == 210) {
    pack_row (to, from, MOST_LANES, 2, 1, 0, job->width);
  } else {
    pack_row (to, from, job->lanes, order[0], order[1], order[2], job->width);
  }
}

/* ---- memory of a thread ------------------------------------------------------------------------------ */

static size_t
ring_words (const Job *job)
{
  return (size_t) (job->fit->down_first ? job->fit->width : job->width) * job->lanes;
}

/* With room for what is written, or read and multiplied by 0, after the last pixel. */
static size_t
row_words (size_t n_words)
{
  return round_up (n_words + 8, CHUNK);
}

static size_t
ring_bytes (const Job *job)
{
  return job->fit->down.n_taps * row_words (ring_words (job)) * sizeof (uint16_t);
}

static size_t
row_bytes (const Job *job)
{
  int widest = job->fit->width > job->width ? job->fit->width : job->width;
  return row_words ((size_t) widest * MOST_LANES) * sizeof (uint16_t);
}

static size_t
chroma_bytes (const Job *job)
{
  return round_up ((size_t) job->fit->width + 1, 64);
}

static Walk
start_walk (const Job *job, int thread)
{
  uint8_t *at = job->memory + thread * job->memory_bytes;
  Walk walk = { .slots = job->fit->down.n_taps, .ring_words = ring_words (job), .chroma_row = { -1, -1 } };

  walk.ring_stride = row_words (walk.ring_words);
  walk.row = (uint16_t *) at;
  walk.other = (uint16_t *) (at + row_bytes (job));
  at += 2 * row_bytes (job);
  walk.ring = (uint16_t *) at;
  at += ring_bytes (job);
  for (int i = 0; i < 4; i++)
    walk.chroma[i / 2][i % 2] = at + i * chroma_bytes (job);
  return walk;
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  Walk walk = start_walk (job, thread);
  int end = smaller ((index + 1) * job->band, job->height);

  for (int y = index * job->band; y < end; y++)
    pack (job, job->rgb + (size_t) y * job->width * 3, make_row (job, &walk, y));
}

/* Whether a pixel is three or four bytes side by side whose colours stay. */
static void
look_at_pixels (Job *job)
{
  const GhFrame *frame = job->frame;
  const GhFit *fit = job->fit;
  const uint8_t *base = frame->channel[0];

  job->lanes = MOST_LANES;
  for (int c = 0; c < 3; c++) {
    job->order[c] = c;
    base = frame->channel[c] < base ? frame->channel[c] : base;
  }
  if (frame->subsampled || fit->colours != GH_FIT_KEEP || (frame->step[0] != 3 && frame->step[0] != 4))
    return;
  for (int c = 0; c < 3; c++) {
    if (frame->step[c] != frame->step[0] || frame->stride[c] != frame->stride[0]
        || frame->channel[c] - base >= frame->step[0])
      return;
  }
  job->as_it_lies = true;
  job->lanes = frame->step[0];
  job->pixels = base + fit->y * frame->stride[0] + (size_t) fit->x * job->lanes;
  for (int c = 0; c < 3; c++)
    job->order[c] = (int) (frame->channel[c] - base);
}

GhStatus
ISA_FN (gh_cpu_fit_fwd) (GhCtx *ctx, uint8_t *rgb, const GhFrame *frame, const GhFit *fit, int height, int width)
{
  /* Neighbouring bands both make the rows they share: few of them, but enough for threads to help each other. */
  int bands = ctx->threads == 1 ? 1 : smaller (4 * ctx->threads, height);
  Job job = { .frame = frame, .fit = fit, .rgb = rgb, .height = height, .width = width,
    .band = ceil_div (height, bands) };
  uint8_t *memory;
  size_t taps_bytes;

  look_at_pixels (&job);
  job.turns = (fit->across.n_taps + 1) / 2;
  job.memory_bytes = round_up (ring_bytes (&job) + 2 * row_bytes (&job) + 4 * chroma_bytes (&job), 64);
  taps_bytes = round_up ((size_t) width * job.turns * sizeof *job.taps, 64);
  memory = gh_scratch (ctx, taps_bytes + job.memory_bytes * ctx->threads);
  if (!memory)
    return GH_NOMEM;
  job.taps = (eight *) memory;
  job.memory = memory + taps_bytes;
  spread_taps (&job, job.taps);
  gh_parallel (ctx, ceil_div (height, job.band), run, &job);
  return GH_OK;
}
