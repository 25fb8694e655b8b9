/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstimagefile.c: see gstimagefile.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstimagefile.h"

#define DECODE_SECONDS 30

static void G_GNUC_PRINTF (3, 4)
fail (GError **error, const gchar *path, const gchar *format, ...)
{
  g_autofree gchar *name = g_filename_display_name (path), *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE, "%s: %s", name, text);
}

/* Waits until the sink holds the first frame. */
static GstSample *
wait_for_frame (GstElement *pipeline, const gchar *path, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstMessage) message = NULL;
  GstSample *sample = NULL;

  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  message = gst_bus_timed_pop_filtered (bus, DECODE_SECONDS * GST_SECOND,
      GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_EOS);
  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) reason = NULL;

    gst_message_parse_error (message, &reason, NULL);
    fail (error, path, "cannot be decoded: %s Put the picture there anew, or take the file away.", reason->message);
    return NULL;
  }
  g_object_get (sink, "last-sample", &sample, NULL);
  if (!sample)
    fail (error, path, message ? "holds no whole picture: put it there anew, or take the file away"
        : "was not decoded within %d seconds", DECODE_SECONDS);
  return sample;
}

GstSample *
gst_image_file_read (const gchar *path, GError **error)
{
  GError *problem = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch ("filesrc name=source ! decodebin ! video/x-raw ! "
      "fakesink name=sink sync=false", &problem), source = NULL;
  GstSample *sample;

  if (problem) {
    fail (error, path, "cannot be decoded: %s", problem->message);
    g_error_free (problem);
    return NULL;
  }
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_object_set (source, "location", path, NULL);
  sample = wait_for_frame (pipeline, path, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return sample;
}
