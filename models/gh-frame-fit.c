/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-frame-fit.c: see gh-frame-fit.h. The order of the steps, and where each rounds, are those of GStreamer's
 * converter: what it made of a frame is what encoders and heads were trained on.
 */
#include "gh-frame-fit.h"

#include "gh-forward.h"
#include "gh-resize.h"

#include <math.h>
#include <string.h>

struct _GhFrameFit
{
  GhCtx *ctx;                   /* borrowed */
  int width, height;            /* of the picture */
  gboolean is_host;

  gboolean is_planned;
  GhFrameLayout layout;
  GhFit fit;
  void *tables;                 /* of the context: what fit's axes point to */

  /* Frames sent and not yet made a picture. */
  struct
  {
    gboolean in_lane;           /* else the context's memory: */
    const guint8 *planes[GH_FRAME_MAX_PLANES];
    gsize strides[GH_FRAME_MAX_PLANES];
  } ahead[GH_FRAMES_AHEAD];
  guint n_sent, n_run;
  GhLanes *lanes;               /* to a device's: planes one after the other, rows without gaps */
  gsize lane_bytes;
};

GhFrameFit *
gh_frame_fit_new (GhCtx *ctx, int width, int height)
{
  GhFrameFit *fit = g_new0 (GhFrameFit, 1);

  fit->ctx = ctx;
  fit->width = width;
  fit->height = height;
  fit->is_host = gh_ctx_device (ctx) != GH_DEVICE_CUDA;
  return fit;
}

void
gh_frame_fit_drop (GhFrameFit *fit)
{
  const void *brought;

  for (; fit->n_run != fit->n_sent; fit->n_run++) {
    if (fit->ahead[fit->n_run % GH_FRAMES_AHEAD].in_lane) {
      gh_lanes_take (fit->lanes, &brought);
      gh_lanes_done (fit->lanes);
    }
  }
  fit->n_sent = fit->n_run = 0;
}

/* The plan, and frames on their way; lanes stay for the next plan. */
static void
forget (GhFrameFit *fit)
{
  gh_frame_fit_drop (fit);
  fit->is_planned = FALSE;
  gh_free (fit->ctx, fit->tables);
  fit->tables = NULL;
}

void
gh_frame_fit_free (GhFrameFit *fit)
{
  if (!fit)
    return;
  forget (fit);
  gh_lanes_free (fit->lanes);
  g_free (fit);
}

gboolean
gh_frame_fit_is_planned (const GhFrameFit *fit)
{
  return fit->is_planned;
}

/* ---- planning ---------------------------------------------------------------------------------------------------- */

static int
plane_rows (const GhFrameLayout *layout, int plane)
{
  return layout->subsampled && plane > 0 ? (layout->height + 1) / 2 : layout->height;
}

/* Bytes of a row that hold samples. */
static gsize
plane_row_bytes (const GhFrameLayout *layout, int plane)
{
  gsize bytes = 0;

  for (int c = 0; c < 3; c++) {
    gsize samples = layout->subsampled && c > 0 ? (layout->width + 1) / 2 : layout->width;

    if (layout->channel[c].plane == plane)
      bytes = MAX (bytes, (samples - 1) * layout->channel[c].step + layout->channel[c].offset + 1);
  }
  return bytes;
}

/* The part cut to the frame, its corner moved to where chroma has one. */
static gboolean
take_part (GhFit *plan, const GhFrameLayout *layout, const GhFrameRectangle *part)
{
  const int even = layout->subsampled ? ~1 : ~0;

  plan->x = part->x & even;
  plan->y = part->y & even;
  plan->width = MIN (part->width, layout->width - plan->x);
  plan->height = MIN (part->height, layout->height - plan->y);
  /* A single row that becomes many is another case that GStreamer mixes up. */
  return part->x >= 0 && part->y >= 0 && plan->width > 0 && plan->height > 1;
}

/* What full scale of Y, Cb, Cr adds to full scale of red, green and blue, in 256ths. */
static void
take_colours (GhFit *plan, const GhFrameLayout *layout)
{
  const double kr = layout->kr, kb = layout->kb, kg = 1.0 - kr - kb;
  double unit[3];

  if (kr == 0)
    return;
  for (int c = 0; c < 3; c++)
    unit[c] = 1 / (float) layout->range[c];
  plan->gain[0] = (gint16) rint (unit[0] * 255 * 256);
  plan->gain[1] = (gint16) rint (2 * (1 - kr) * unit[2] * 255 * 256);
  plan->gain[2] = (gint16) rint (2 * (1 - kb) * unit[1] * 255 * 256);
  plan->gain[3] = (gint16) rint (-2 * kb * (1 - kb) / kg * unit[1] * 255 * 256);
  plan->gain[4] = (gint16) rint (-2 * kr * (1 - kr) / kg * unit[2] * 255 * 256);
}

/* Colours in the smaller of both sizes, and of the directions the one first that leaves fewer samples. */
static void
take_order (GhFit *plan, const GhFrameLayout *layout, const GhResize *down, int width, int height)
{
  const gint64 across_first = (gint64) width * plan->height, down_first = (gint64) plan->width * height;

  if (layout->packed_rgb && down->n_taps > 0)
    plan->down_first = down->first[height - 1] > height;
  else
    plan->down_first = across_first > down_first;
  if (layout->kr == 0)
    plan->colours = GH_FIT_KEEP;
  else if ((gint64) width * height <= (gint64) plan->width * plan->height)
    plan->colours = GH_FIT_COLOURS_LAST;
  else
    plan->colours = GH_FIT_COLOURS_FIRST;
}

static gsize
table_bytes (const GhResize *resize)
{
  return resize->n_taps == 0 ? 0 : (gsize) resize->size * (sizeof (gint32) + resize->n_taps * sizeof (guint16)) + 3;
}

/* Copies a direction's tables into `bytes`, of which it uses up some, and notes where they will be on the device. */
static void
place_tables (GhFitAxis *axis, const GhResize *resize, guint8 *bytes, gsize *used, const guint8 *device)
{
  const gsize firsts = resize->size * sizeof *resize->first;
  const gsize taps = (gsize) resize->size * resize->n_taps * sizeof *resize->taps;

  axis->n_taps = resize->n_taps;
  axis->shift = resize->shift;
  axis->round = resize->round;
  if (resize->n_taps == 0)
    return;
  axis->first = (const gint32 *) (device + *used);
  memcpy (bytes + *used, resize->first, firsts);
  axis->taps = (const guint16 *) (device + *used + firsts);
  memcpy (bytes + *used + firsts, resize->taps, taps);
  *used += (firsts + taps + 3) / 4 * 4;
}

static GhStatus
bring_tables (GhFrameFit *fit, const GhResize *across, const GhResize *down)
{
  const gsize bytes = table_bytes (across) + table_bytes (down);
  g_autofree guint8 *host = g_malloc0 (bytes + 1);
  gsize used = 0;

  if (bytes > 0)
    GH_TRY (gh_alloc (fit->ctx, &fit->tables, bytes));
  place_tables (&fit->fit.across, across, host, &used, fit->tables);
  place_tables (&fit->fit.down, down, host, &used, fit->tables);
  GH_TRY (gh_upload (fit->ctx, fit->tables, host, used));
  return gh_sync (fit->ctx);
}

static GhStatus
open_lanes (GhFrameFit *fit)
{
  gsize bytes = 0;

  for (int p = 0; p < fit->layout.n_planes; p++)
    bytes += plane_row_bytes (&fit->layout, p) * plane_rows (&fit->layout, p);
  if (fit->is_host || (fit->lanes && fit->lane_bytes == bytes))
    return GH_OK;
  g_clear_pointer (&fit->lanes, gh_lanes_free);
  fit->lane_bytes = bytes;
  return gh_lanes_new (fit->ctx, &fit->lanes, bytes);
}

/* A quirk of GStreamer 1.22, kept because pictures have always been made with it: where rows with subsampled chroma are
 * summed up before columns, five or more at a time, its ring of rows is short by one, and every sum that ends with an
 * odd row takes the row after that one in the place of its first. */
static gboolean
has_short_ring (const GhFrameFit *fit, const GhResize *down)
{
  return fit->layout.subsampled && fit->fit.down_first && down->n_taps >= 5;
}

/* The same as sums of one row more. FALSE where that row lies outside the part, or would not be RGB yet. */
static gboolean
lend_rows (GhResize *down, const GhFit *fit, int frame_height)
{
  const int n = down->n_taps + 1;
  g_autofree guint16 *taps = g_new0 (guint16, (gsize) down->size * n);

  if (fit->colours == GH_FIT_COLOURS_FIRST || n > MIN (GH_FIT_MAX_TAPS, fit->height)
      || fit->y + fit->height < frame_height)
    return FALSE;
  for (int i = 0; i < down->size; i++) {
    const guint16 *from = down->taps + (gsize) i * (n - 1);
    const int first = MIN (down->first[i], fit->height - n), skipped = down->first[i] - first;
    guint16 *to = taps + (gsize) i * n;
    const gboolean is_odd = (down->first[i] + n - 2) % 2 != 0;

    for (int t = 0; t < n - 1; t++)
      to[skipped + t] = from[t];
    if (is_odd) {               /* after the frame's last row comes the last row again */
      to[skipped] = 0;
      to[n - 1] += from[0];
    }
    down->first[i] = first;
  }
  g_free (down->taps);
  down->taps = g_steal_pointer (&taps);
  down->n_taps = n;
  return TRUE;
}

static GhStatus
plan (GhFrameFit *fit, const GhResize *across, GhResize *down)
{
  take_colours (&fit->fit, &fit->layout);
  take_order (&fit->fit, &fit->layout, down, fit->width, fit->height);
  fit->fit.cosited = fit->layout.cosited;
  if (has_short_ring (fit, down) && !lend_rows (down, &fit->fit, fit->layout.height))
    return GH_UNSUPPORTED;
  GH_TRY (bring_tables (fit, across, down));
  GH_TRY (open_lanes (fit));
  fit->is_planned = TRUE;
  return GH_OK;
}

GhStatus
gh_frame_fit_expect (GhFrameFit *fit, const GhFrameLayout *layout, const GhFrameRectangle *part)
{
  GhResize across, down;
  GhStatus status;

  forget (fit);
  fit->layout = *layout;
  memset (&fit->fit, 0, sizeof fit->fit);
  if (!take_part (&fit->fit, layout, part)
      || !gh_resize_init (&across, fit->fit.width, fit->width, layout->packed_rgb ? GH_RESIZE_COARSE : GH_RESIZE_RUN))
    return GH_UNSUPPORTED;
  if (gh_resize_init (&down, fit->fit.height, fit->height, GH_RESIZE_FINE)) {
    status = plan (fit, &across, &down);
    gh_resize_clear (&down);
  } else {
    status = GH_UNSUPPORTED;
  }
  gh_resize_clear (&across);
  if (status != GH_OK)
    forget (fit);
  return status;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

/* Into a lane, packed. */
static GhStatus
fill_lane (GhFrameFit *fit, const guint8 *const *planes, const gsize *strides)
{
  guint8 *to;

  GH_TRY (gh_lanes_fill (fit->lanes, (void **) &to));
  for (int p = 0; p < fit->layout.n_planes; p++) {
    const gsize row = plane_row_bytes (&fit->layout, p);

    for (int y = 0; y < plane_rows (&fit->layout, p); y++, to += row)
      memcpy (to, planes[p] + y * strides[p], row);
  }
  return gh_lanes_send (fit->lanes);
}

GhStatus
gh_frame_fit_send (GhFrameFit *fit, const guint8 *const *planes, const gsize *strides)
{
  g_return_val_if_fail (fit->is_planned && fit->n_sent - fit->n_run < GH_FRAMES_AHEAD, GH_INVAL);
  if (fit->is_host)
    return gh_frame_fit_lend (fit, planes, strides);
  GH_TRY (fill_lane (fit, planes, strides));
  fit->ahead[fit->n_sent++ % GH_FRAMES_AHEAD].in_lane = TRUE;
  return GH_OK;
}

GhStatus
gh_frame_fit_lend (GhFrameFit *fit, const guint8 *const *planes, const gsize *strides)
{
  const guint next = fit->n_sent % GH_FRAMES_AHEAD;

  g_return_val_if_fail (fit->is_planned && fit->n_sent - fit->n_run < GH_FRAMES_AHEAD, GH_INVAL);
  for (int p = 0; p < fit->layout.n_planes; p++) {
    fit->ahead[next].planes[p] = planes[p];
    fit->ahead[next].strides[p] = strides[p];
  }
  fit->ahead[next].in_lane = FALSE;
  fit->n_sent++;
  return GH_OK;
}

guint
gh_frame_fit_ahead (const GhFrameFit *fit)
{
  return fit->n_sent - fit->n_run;
}

/* Where the planes of the oldest frame lie in the context's memory. */
static GhStatus
find_planes (GhFrameFit *fit, const guint8 **planes, gsize *strides)
{
  const guint oldest = fit->n_run % GH_FRAMES_AHEAD;
  const guint8 *at = NULL;

  if (fit->ahead[oldest].in_lane)
    GH_TRY (gh_lanes_take (fit->lanes, (const void **) &at));
  else
    GH_TRY (gh_await_others (fit->ctx));
  for (int p = 0; p < fit->layout.n_planes; p++) {
    planes[p] = at ? at : fit->ahead[oldest].planes[p];
    strides[p] = at ? plane_row_bytes (&fit->layout, p) : fit->ahead[oldest].strides[p];
    if (at)
      at += strides[p] * plane_rows (&fit->layout, p);
  }
  return GH_OK;
}

GhStatus
gh_frame_fit_run (GhFrameFit *fit, guint8 *rgb)
{
  const GhFrameLayout *layout = &fit->layout;
  const guint8 *planes[GH_FRAME_MAX_PLANES];
  gsize strides[GH_FRAME_MAX_PLANES];
  GhFrame frame = { .height = layout->height, .width = layout->width, .subsampled = layout->subsampled };
  gboolean in_lane;
  GhStatus status;

  g_return_val_if_fail (fit->is_planned && fit->n_sent != fit->n_run, GH_INVAL);
  in_lane = fit->ahead[fit->n_run % GH_FRAMES_AHEAD].in_lane;
  GH_TRY (find_planes (fit, planes, strides));
  for (int c = 0; c < 3; c++) {
    frame.channel[c] = planes[layout->channel[c].plane] + layout->channel[c].offset;
    frame.stride[c] = strides[layout->channel[c].plane];
    frame.step[c] = layout->channel[c].step;
  }
  status = gh_fit_fwd (fit->ctx, rgb, &frame, &fit->fit, fit->height, fit->width);
  fit->n_run++;
  if (in_lane)
    GH_TRY (gh_lanes_done (fit->lanes));
  return status;
}
