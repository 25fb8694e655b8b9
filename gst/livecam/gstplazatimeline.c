/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstplazatimeline.c: frame numbers and stream times. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstplazatimeline.h"

void
gst_plaza_timeline_reset (GstPlazaTimeline *timeline)
{
  timeline->frame = timeline->origin_frame = 0;
  timeline->origin_time = 0;
  timeline->seek_time = GST_CLOCK_TIME_NONE;
  timeline->reverse = FALSE;
  timeline->fps_n = 0;
  timeline->fps_d = 1;
}

void
gst_plaza_timeline_set_rate (GstPlazaTimeline *timeline, gint fps_n, gint fps_d)
{
  timeline->origin_time = gst_plaza_timeline_begin (timeline, timeline->frame);
  timeline->origin_frame = timeline->frame;
  timeline->fps_n = fps_n;
  timeline->fps_d = fps_d;
}

void
gst_plaza_timeline_seek (GstPlazaTimeline *timeline, GstClockTime time, gboolean reverse)
{
  timeline->seek_time = time;
  timeline->reverse = reverse;
}

void
gst_plaza_timeline_settle (GstPlazaTimeline *timeline)
{
  guint64 second = timeline->fps_d * GST_SECOND;

  if (!GST_CLOCK_TIME_IS_VALID (timeline->seek_time))
    return;
  timeline->origin_frame = timeline->frame = 0;
  timeline->origin_time = 0;
  if (timeline->fps_n > 0 && timeline->reverse)
    timeline->frame = (gint64) gst_util_uint64_scale_ceil (timeline->seek_time, timeline->fps_n, second) - 1;
  else if (timeline->fps_n > 0)
    timeline->frame = gst_util_uint64_scale (timeline->seek_time, timeline->fps_n, second);
  timeline->seek_time = GST_CLOCK_TIME_NONE;
}

GstClockTime
gst_plaza_timeline_begin (const GstPlazaTimeline *timeline, gint64 frame)
{
  gint64 ahead = frame - timeline->origin_frame;
  GstClockTime distance;

  if (timeline->fps_n == 0)
    return timeline->origin_time;
  distance = gst_util_uint64_scale (ABS (ahead), timeline->fps_d * GST_SECOND, timeline->fps_n);
  if (ahead >= 0)
    return timeline->origin_time + distance;
  return timeline->origin_time - MIN (distance, timeline->origin_time);
}

GstClockTime
gst_plaza_timeline_duration (const GstPlazaTimeline *timeline, gint64 frame)
{
  if (timeline->fps_n == 0)
    return GST_CLOCK_TIME_NONE;
  return gst_plaza_timeline_begin (timeline, frame + 1) - gst_plaza_timeline_begin (timeline, frame);
}
