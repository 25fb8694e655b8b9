/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadoverlaypanel.h: draws the tracks of head-overlay into a picture with transparency: per head a card with its
 * name, its answer and a plot of the last while.
 */
#pragma once

#include <gst/video/video-overlay-composition.h>

#include "gstheadoverlaytracks.h"

G_BEGIN_DECLS

typedef enum {
  GST_HEAD_OVERLAY_TOP_LEFT, GST_HEAD_OVERLAY_TOP_RIGHT, GST_HEAD_OVERLAY_BOTTOM_LEFT, GST_HEAD_OVERLAY_BOTTOM_RIGHT
} GstHeadOverlayAnchor;

typedef struct {
  gint width, height;           /* of the frame */
  gint par_n, par_d;
  GstHeadOverlayAnchor anchor;
  gdouble scale, opacity;
  const gchar *font;            /* a Pango font description; its size is ignored */
  gboolean plot;
  GstClockTime history;         /* width of a plot */
  GstClockTime hold;            /* a pause longer than this breaks the line; NONE never */
} GstHeadPanelStyle;

/* Never larger than the frame: what does not fit is drawn smaller, and cards that do not fit even so are left out. NULL
 * when there is nothing to draw or no memory. Thread-safe. (transfer full) */
GstVideoOverlayRectangle *gst_head_panel_draw (GstHeadTracks *tracks, const GstHeadPanelStyle *style);

G_END_DECLS
