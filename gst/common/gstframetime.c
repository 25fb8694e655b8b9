/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstframetime.c: from reference timestamps and pipeline clocks to the time of day.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframetime.h"

/* From the epoch of NTP (1900) to that of Unix (1970). */
#define NTP_TO_UNIX (G_GUINT64_CONSTANT (2208988800) * GST_SECOND)

static GstStaticCaps unix_caps = GST_STATIC_CAPS ("timestamp/x-unix");
static GstStaticCaps ntp_caps = GST_STATIC_CAPS ("timestamp/x-ntp");

static GstClockTime
reference_time (GstBuffer *buffer, GstStaticCaps *static_caps)
{
  GstCaps *caps = gst_static_caps_get (static_caps);
  GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);

  gst_caps_unref (caps);
  return meta ? meta->timestamp : GST_CLOCK_TIME_NONE;
}

gint64
gst_frame_time_of_day (GstElement *element, GstBuffer *buffer, GstClockTime running_time)
{
  GstClockTime reference = reference_time (buffer, &unix_caps);
  gint64 now = g_get_real_time ();
  GstClock *clock;
  GstClockTimeDiff ago;

  if (GST_CLOCK_TIME_IS_VALID (reference))
    return GST_TIME_AS_USECONDS (reference);
  reference = reference_time (buffer, &ntp_caps);
  if (GST_CLOCK_TIME_IS_VALID (reference) && reference >= NTP_TO_UNIX)
    return GST_TIME_AS_USECONDS (reference - NTP_TO_UNIX);

  clock = GST_CLOCK_TIME_IS_VALID (running_time) ? gst_element_get_clock (element) : NULL;
  if (clock == NULL)
    return now;
  ago = GST_CLOCK_DIFF (gst_element_get_base_time (element) + running_time, gst_clock_get_time (clock));
  gst_object_unref (clock);
  return ago > 0 ? now - GST_TIME_AS_USECONDS (ago) : now;
}
