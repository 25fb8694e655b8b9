/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstlateness.h: is a live frame so late that encoding it would make everything after it later still?
 *
 * QoS events come only from sinks that synchronise, so the element judges by itself. The lag of a frame is the clock's
 * running time at its arrival minus its own. A frame is on time when it lags no more than the pipeline has announced,
 * or no more than the most punctual frame so far (sources that announce less than they take), give or take a
 * tolerance. While frames are late nothing is encoded, so an encoder slower than its source takes the newest frame it
 * can and the lag stays bounded by one encoding. Frames that come in quick succession have been waiting for us: as long
 * as they do, even the most punctual one so far was not punctual, and they count as late.
 *
 * A source may also fall back for good (a camera that reconnects, a network that got slower), or downstream may hold
 * every frame until its time. Late frames whose lag does not shrink while nothing is encoded are not ours to repair:
 * after some patience that lag becomes the new normal. Patience doubles each time it runs out soon again, so a pipeline
 * that is overloaded even without us is burdened ever more rarely.
 *
 * A plain struct without locks or clocks of its own: the streaming thread owns it and tests feed it any time.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  gboolean seen;                /* the four below are valid */
  GstClockTimeDiff base;        /* what counts as punctual: the smallest lag seen */
  GstClockTime last_now, last_time;     /* of the last frame */
  GstClockTime late_since;      /* start of the present stretch of late frames, NONE when punctual */
  GstClockTimeDiff late_lag;    /* lag at that time */
  GstClockTime patience;
  GstClockTime patience_ended;  /* when it last ran out */
} GstLateness;

/* A new stream, or the present one after a flush. */
void gst_lateness_reset (GstLateness *lateness);

/* now: running time of the clock; running_time: of the frame; announced: lag that is certainly on time; tolerance: on
 * top of the most punctual frame's. */
gboolean gst_lateness_is_late (GstLateness *lateness, GstClockTime now, GstClockTime running_time,
    GstClockTime announced, GstClockTime tolerance);

G_END_DECLS
