/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-frames.c: running plaza-test-src and looking at what it sends. */
#include "plaza-frames.h"

#define PATIENCE (30 * GST_SECOND)

GstElement *
plaza_frames_parse (const gchar *description)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (description, &error);

  fail_unless (pipeline && !error, "%s: %s", description, error ? error->message : "");
  return pipeline;
}

static void
keep (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer frames)
{
  g_ptr_array_add (frames, gst_buffer_ref (buffer));
}

GPtrArray *
plaza_frames_play_pipeline (GstElement *pipeline)
{
  GPtrArray *frames = g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;

  g_object_set (sink, "signal-handoffs", TRUE, NULL);
  gulong handler = g_signal_connect (sink, "handoff", G_CALLBACK (keep), frames);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, PATIENCE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "neither EOS nor an error");
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    fail ("%s", error->message);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_signal_handler_disconnect (sink, handler);
  return frames;
}

GPtrArray *
plaza_frames_play (const gchar *description)
{
  g_autofree gchar *line = g_strdup_printf ("plaza-test-src %s ! fakesink name=sink", description);
  GstElement *pipeline = plaza_frames_parse (line);
  GPtrArray *frames = plaza_frames_play_pipeline (pipeline);

  gst_object_unref (pipeline);
  return frames;
}

const GstStructure *
plaza_frames_truth (GstBuffer *buffer)
{
  GstCustomMeta *meta = gst_buffer_get_custom_meta (buffer, "GstPlazaTruth");

  fail_unless (meta != NULL, "a frame without its truth");
  return gst_custom_meta_get_structure (meta);
}

gint
plaza_frames_people (GstBuffer *buffer)
{
  gint people = -1;

  fail_unless (gst_structure_get_int (plaza_frames_truth (buffer), "people", &people));
  return people;
}

gdouble
plaza_frames_minute (GstBuffer *buffer)
{
  gdouble minute = -1;

  fail_unless (gst_structure_get_double (plaza_frames_truth (buffer), "minute-of-day", &minute));
  return minute;
}

gboolean
plaza_frames_equal (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo map;
  gboolean equal;

  fail_unless (gst_buffer_map (a, &map, GST_MAP_READ));
  equal = gst_buffer_get_size (b) == map.size && gst_buffer_memcmp (b, 0, map.data, map.size) == 0;
  gst_buffer_unmap (a, &map);
  return equal;
}
