/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * view.c (once per instruction set): views of frames. A task is a row of a picture: two rows of the frame are mixed, then
 * the columns of that, by a table that all rows of the view share.
 */
#include "isa.h"

typedef struct {
  uint8_t *rgb;
  const uint8_t *frames;
  const GhView *views;
  int32_t *left;                /* [B,width] place in a row of the value to the left */
  uint16_t *weight;             /* [B,width] of the value to the right, in 1/256 */
  uint16_t *mixed;              /* [threads,frame_width+1,3] two rows mixed, in 1/256 */
  int height, width, frame_height, frame_width;
} Job;

/* Before which samples of `from` output i of n falls, in 1/256 of one. */
static inline int
place (int i, int n, int from)
{
  uint32_t centre = (uint32_t) (2 * i + 1) * (uint32_t) from, whole = centre / (uint32_t) n;
  int at = (int) (whole * 128 + (centre - whole * (uint32_t) n) * 128 / (uint32_t) n) - 128, last = (from - 1) * 256;

  return at < 0 ? 0 : smaller (at, last);
}

static inline bool
is_as_it_is (const Job *job, const GhView *view)
{
  return view->width == job->width && view->height == job->height && !view->flip;
}

static void
find_columns (void *arg, int b, int thread)
{
  const Job *job = arg;
  const GhView *view = &job->views[b];

  if (is_as_it_is (job, view))
    return;
  for (int x = 0; x < job->width; x++) {
    int at = place (view->flip ? job->width - 1 - x : x, job->width, view->width);
    job->left[(size_t) b * job->width + x] = at / 256 * 3;
    job->weight[(size_t) b * job->width + x] = (uint16_t) (at % 256);
  }
}

/* The last pixel's neighbour is its copy. */
static void
mix_rows (uint16_t *restrict mixed, const uint8_t *restrict upper, const uint8_t *restrict lower, int weight, int width)
{
  for (int i = 0; i < width * 3; i++)
    mixed[i] = (uint16_t) (upper[i] * (256 - weight) + lower[i] * weight);
  memcpy (mixed + width * 3, mixed + (width - 1) * 3, 3 * sizeof *mixed);
}

static void
mix_columns (uint8_t *out, const uint16_t *mixed, const int32_t *left, const uint16_t *weight, int width)
{
  for (int x = 0; x < width; x++, out += 3) {
    const uint16_t *p = mixed + left[x];
    uint32_t after = weight[x], before = 256 - after;
    for (int c = 0; c < 3; c++)
      out[c] = (uint8_t) ((p[c] * before + p[c + 3] * after + 32768) >> 16);
  }
}

static void
light (uint8_t *out, const GhView *view, int width)
{
  for (int x = 0; x < width; x++, out += 3) {
    for (int c = 0; c < 3; c++)
      out[c] = view->curve[c][out[c]];
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int b = index / job->height, y = index % job->height, width = job->width;
  const GhView *view = &job->views[b];
  size_t frame_row = (size_t) job->frame_width * 3;
  int at = place (y, job->height, view->height);
  const uint8_t *upper = job->frames + ((size_t) view->frame * job->frame_height + view->y + at / 256) * frame_row
      + (size_t) view->x * 3;
  uint8_t *out = job->rgb + (size_t) index * width * 3;

  if (is_as_it_is (job, view)) {
    memcpy (out, upper, (size_t) width * 3);
  } else {
    uint16_t *mixed = job->mixed + (size_t) thread * (job->frame_width + 1) * 3;
    mix_rows (mixed, upper, at % 256 ? upper + frame_row : upper, at % 256, view->width);
    mix_columns (out, mixed, job->left + (size_t) b * width, job->weight + (size_t) b * width, width);
  }
  if (view->lit)
    light (out, view, width);
}

GhStatus
ISA_FN (gh_cpu_view_fwd) (GhCtx *ctx, uint8_t *rgb, const uint8_t *frames, const GhView *views, int B, int height,
    int width, int frame_height, int frame_width)
{
  size_t columns = (size_t) B * width, room = (size_t) ctx->threads * (frame_width + 1) * 3;
  int32_t *left = gh_scratch (ctx, columns * (sizeof (int32_t) + sizeof (uint16_t)) + room * sizeof (uint16_t));

  if (!left)
    return GH_NOMEM;
  Job job = { rgb, frames, views, left, (uint16_t *) (left + columns), (uint16_t *) (left + columns) + columns, height,
    width, frame_height, frame_width };
  gh_parallel (ctx, B, find_columns, &job);
  gh_parallel (ctx, B * height, run, &job);
  return GH_OK;
}
