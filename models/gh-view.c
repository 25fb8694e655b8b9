/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-view.c: see gh-view.h. */
#include "gh-view.h"
#include "gh-random.h"

#include <math.h>
#include <string.h>

/* How far `light` 1 goes. */
#define MAX_CONTRAST 0.4        /* of its logarithm */
#define MAX_BRIGHTNESS 0.2      /* of white */
#define MAX_GAIN 0.1            /* of its logarithm, per colour */

static double
between (guint64 *random, double low, double high)
{
  return low + (high - low) * gh_splitmix_double (random);
}

static void
draw_crop (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop)
{
  double area = between (random, crop, 1) * frame_height * frame_width;
  double shape = proportion * exp (between (random, -log (4.0 / 3), log (4.0 / 3)));

  view->width = CLAMP ((int) lrint (sqrt (area * shape)), 1, frame_width);
  view->height = CLAMP ((int) lrint (sqrt (area / shape)), 1, frame_height);
  view->x = gh_splitmix_below (random, frame_width - view->width + 1);
  view->y = gh_splitmix_below (random, frame_height - view->height + 1);
}

static void
draw_light (GhView *view, guint64 *random, double light)
{
  double contrast = exp (light * MAX_CONTRAST * between (random, -1, 1));
  double shift = light * MAX_BRIGHTNESS * between (random, -1, 1);

  view->is_lit = TRUE;
  for (int c = 0; c < 3; c++) {
    double gain = exp (light * MAX_GAIN * between (random, -1, 1));

    for (int i = 0; i < 256; i++)
      view->curve[c][i] = lrint (CLAMP (255 * gain * ((i / 255.0 - 0.5) * contrast + 0.5 + shift), 0, 255));
  }
}

void
gh_view_draw (GhView *view, guint64 *random, int frame_height, int frame_width, double proportion, double crop,
    gboolean flip, double light)
{
  *view = (GhView) { .width = frame_width, .height = frame_height };
  if (crop < 1)
    draw_crop (view, random, frame_height, frame_width, proportion, crop);
  if (flip)
    view->flip = gh_splitmix (random) >> 63;
  if (light > 0)
    draw_light (view, random, light);
}

static void
make_room (GhViewRoom *room, int width, int frame_width)
{
  if (width > room->max_width) {
    room->left = g_renew (gint32, room->left, width);
    room->weight = g_renew (guint16, room->weight, width);
    room->max_width = width;
  }
  if (frame_width > room->max_frame_width) {
    room->row = g_renew (guint16, room->row, (frame_width + 1) * 3);
    room->max_frame_width = frame_width;
  }
}

void
gh_view_room_clear (GhViewRoom *room)
{
  g_free (room->left);
  g_free (room->weight);
  g_free (room->row);
  *room = (GhViewRoom) { 0 };
}

/* Where output pixel i of n falls among `from` pixels: the one before, and the weight of the next in 1/256. The last
 * pixel's next is its copy. */
static int
source_place (int i, int n, int from, guint16 *weight)
{
  gint64 at = ((gint64) (2 * i + 1) * from * 128) / n - 128;    /* centres meet; in 1/256 */

  at = CLAMP (at, 0, (gint64) (from - 1) * 256);
  *weight = at & 255;
  return at >> 8;
}

/* row[view width + 1,3] = two rows of the frame mixed, in 1/256. */
static void
mix_rows (guint16 *row, const guint8 *upper, const guint8 *lower, int weight, int width)
{
  for (int i = 0; i < width * 3; i++)
    row[i] = upper[i] * (256 - weight) + lower[i] * weight;
  memcpy (row + width * 3, row + (width - 1) * 3, 3 * sizeof *row);
}

static void
render_row (guint8 *out, const GhViewRoom *room, int width)
{
  for (int x = 0; x < width; x++, out += 3) {
    const guint16 *p = room->row + room->left[x];
    const guint32 right = room->weight[x], left = 256 - right;

    for (int c = 0; c < 3; c++)
      out[c] = (p[c] * left + p[c + 3] * right + 32768) >> 16;
  }
}

static void
light_row (guint8 *out, const GhView *view, int width)
{
  for (int x = 0; x < width; x++, out += 3)
    for (int c = 0; c < 3; c++)
      out[c] = view->curve[c][out[c]];
}

void
gh_view_render (const GhView *view, guint8 *out, int height, int width, const guint8 *frame, int frame_width,
    GhViewRoom *room)
{
  const gsize frame_row = (gsize) frame_width * 3;
  gboolean as_is = view->width == width && view->height == height && !view->flip;

  make_room (room, width, frame_width);
  for (int x = 0; x < width; x++)
    room->left[x] = 3 * source_place (view->flip ? width - 1 - x : x, width, view->width, &room->weight[x]);
  for (int y = 0; y < height; y++, out += (gsize) width * 3) {
    guint16 weight;
    int above = source_place (y, height, view->height, &weight);
    const guint8 *upper = frame + (view->y + above) * frame_row + (gsize) view->x * 3;
    const guint8 *lower = above + 1 < view->height ? upper + frame_row : upper;

    if (as_is) {
      memcpy (out, upper, (gsize) width * 3);
    } else {
      mix_rows (room->row, upper, lower, weight, view->width);
      render_row (out, room, width);
    }
    if (view->is_lit)
      light_row (out, view, width);
  }
}
