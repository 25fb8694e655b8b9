/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstplazatimeline.h: which frame comes next and when it begins, through seeks, both directions and changes of the
 * frame rate. Plain data of one thread.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gint64 frame;                 /* number of the next frame; below 0 the beginning has been passed backwards */
  gboolean reverse;
  /* Private. */
  gint fps_n, fps_d;            /* 0/1: a single frame */
  gint64 origin_frame;          /* the frame rate holds since this frame, */
  GstClockTime origin_time;     /* which began here */
  GstClockTime seek_time;       /* NONE once the next frame is known */
} GstPlazaTimeline;

void gst_plaza_timeline_reset (GstPlazaTimeline *timeline);
/* The new rate takes over where the next frame would have begun. */
void gst_plaza_timeline_set_rate (GstPlazaTimeline *timeline, gint fps_n, gint fps_d);
/* The next frame is the one at time; in reverse, the one before it. The rate may become known later. */
void gst_plaza_timeline_seek (GstPlazaTimeline *timeline, GstClockTime time, gboolean reverse);
/* To be called with the rate known, before frame is read. */
void gst_plaza_timeline_settle (GstPlazaTimeline *timeline);
/* Stream time at which a frame begins. */
GstClockTime gst_plaza_timeline_begin (const GstPlazaTimeline *timeline, gint64 frame);
/* NONE without a frame rate. */
GstClockTime gst_plaza_timeline_duration (const GstPlazaTimeline *timeline, gint64 frame);

G_END_DECLS
