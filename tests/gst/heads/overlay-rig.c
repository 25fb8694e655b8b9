/* SPDX-License-Identifier: LGPL-2.1-or-later
 * overlay-rig.c: see overlay-rig.h. */
#include "overlay-rig.h"

#include <gst/heads/heads.h>
#include <gst/video/video.h>
#include <math.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

#define FRAME (40 * GST_MSECOND)

GstHarness *
rig_harness (const gchar *properties)
{
  g_autofree gchar *line = g_strdup_printf ("head-overlay %s", properties);

  return gst_harness_new_parse (line);
}

void
rig_set_caps (GstHarness *h, const gchar *feature, const gchar *format, gint width, gint height)
{
  g_autofree gchar *caps = g_strdup_printf ("video/x-raw%s,format=%s,width=%d,height=%d,framerate=25/1", feature, format,
      width, height);

  gst_harness_set_src_caps_str (h, caps);
}

GstBuffer *
rig_frame (GstHarness *h, guint n)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->srcpad);
  GstVideoInfo info;
  GstBuffer *buffer;

  fail_unless (gst_video_info_from_caps (&info, caps));
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (buffer, 0, 0x70, info.size);
  GST_BUFFER_PTS (buffer) = n * FRAME;
  GST_BUFFER_DURATION (buffer) = FRAME;
  return buffer;
}

GstBuffer *
rig_predict (GstBuffer *buffer, const gchar *name, const gchar *kind, gdouble value, const gchar *text)
{
  GstHeadPrediction prediction = { .name = name, .kind = kind, .value = value, .confidence = 0.8, .unit = "", .text = text,
    .head_id = "0123456789abcdef", .model_id = "fedcba9876543210" };

  fail_unless (gst_buffer_add_head_prediction (buffer, &prediction));
  return buffer;
}

GstBuffer *
rig_pass (GstHarness *h, GstBuffer *buffer)
{
  GstBuffer *out;

  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  out = gst_harness_pull (h);
  fail_unless (out != NULL);
  return out;
}

Trace
rig_trace (GstBuffer *buffer, gint width)
{
  Trace found = { 0, G_MAXINT, G_MAXINT, -1, -1 };
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  for (gsize i = 0; i < map.size; i++) {
    gint x = (gint) (i / 4 % width), y = (gint) (i / 4 / width);

    if (map.data[i] == 0x70)
      continue;
    found.changed++;
    found.x0 = MIN (found.x0, x);
    found.y0 = MIN (found.y0, y);
    found.x1 = MAX (found.x1, x);
    found.y1 = MAX (found.y1, y);
  }
  gst_buffer_unmap (buffer, &map);
  return found;
}

Trace
rig_trace_of_prediction (GstHarness *h, guint n, gint width)
{
  GstBuffer *out = rig_pass (h, rig_predict (rig_frame (h, n), "people", "count", n, "3 people"));
  Trace found = rig_trace (out, width);

  gst_buffer_unref (out);
  return found;
}

void
rig_load_fonts (void)
{
  GstHeadPrediction prediction = { "people", "count", 3, NAN, "", "3 people", "0123456789abcdef", "0123456789abcdef" };
  GstHarness *h = rig_harness ("");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 320 * 240 * 4, NULL);

  /* Fontconfig links its patterns in ways a leak checker cannot follow. */
  __lsan_disable ();
  rig_set_caps (h, "", "BGRx", 320, 240);
  gst_buffer_add_head_prediction (buffer, &prediction);
  buffer = gst_harness_push_and_pull (h, buffer);
  __lsan_enable ();
  gst_clear_buffer (&buffer);
  gst_harness_teardown (h);
}
