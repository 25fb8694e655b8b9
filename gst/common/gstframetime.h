/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstframetime.h: when a frame was, in time of day. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Microseconds since 1970-01-01 UTC: the buffer's reference timestamp (timestamp/x-unix or timestamp/x-ntp) where it
 * has one; else running_time on the element's clock translated to the time of day, but never later than now, since a
 * stream that runs ahead of its clock (a file converted at full speed) is no prophecy; else now. */
gint64 gst_frame_time_of_day (GstElement *element, GstBuffer *buffer, GstClockTime running_time);

G_END_DECLS
