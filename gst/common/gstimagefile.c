/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstimagefile.c: see gstimagefile.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstimagefile.h"
#include "picturecheck.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define DECODE_SECONDS 30
#define DECODE GST_STREAM_ERROR, GST_STREAM_ERROR_DECODE

static void G_GNUC_PRINTF (5, 6)
fail (GError **error, GQuark domain, gint code, const gchar *path, const gchar *format, ...)
{
  g_autofree gchar *name = g_filename_display_name (path), *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, domain, code, "%s: %s", name, text);
}

/* Behind the header of a JPEG file, where its pixels begin; NULL for what is none or breaks off before. */
static const guint8 *
find_scan (const guint8 *data, const guint8 *end)
{
  const guint8 *p = data + 2;

  if (end - data < 4 || data[0] != 0xff || data[1] != 0xd8)
    return NULL;
  /* Segments: 0xff, kind, length with itself in two bytes, contents. 0xda is the one that pixels follow. */
  while (end - p >= 4 && p[0] == 0xff) {
    if (p[1] == 0xda)
      return p;
    p += p[1] == 0xff ? 1 : 2 + (p[2] << 8 | p[3]);
  }
  return NULL;
}

gboolean
gst_image_file_has_end (const gchar *path)
{
  static const guint8 end_of_image[] = { 0xff, 0xd9 };
  g_autofree gchar *data = NULL;
  const guint8 *scan;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, NULL))
    return TRUE;
  scan = find_scan ((const guint8 *) data, (const guint8 *) data + size);
  return !scan || memmem (scan, (const guint8 *) data + size - scan, end_of_image, sizeof end_of_image);
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
    fail (error, DECODE, path, "cannot be decoded: %s Put the picture there anew, or take the file away.", reason->message);
    return NULL;
  }
  g_object_get (sink, "last-sample", &sample, NULL);
  if (!sample && message)
    fail (error, DECODE, path, "holds no whole picture: put it there anew, or take the file away");
  else if (!sample)
    fail (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY, path, "was not decoded within %d seconds", DECODE_SECONDS);
  return sample;
}

static gboolean
check_claims (const gchar *path, GError **error)
{
  g_autofree gchar *data = NULL;
  gsize size;

  if (!g_file_get_contents (path, &data, &size, NULL) || picture_is_bearable ((const guint8 *) data, size))
    return TRUE;
  fail (error, DECODE, path, "claims more than 128 megapixels, or a hundred scans: take it away, or scale it down");
  return FALSE;
}

GstSample *
gst_image_file_read (const gchar *path, GError **error)
{
  GError *problem = NULL;
  g_autoptr (GstElement) pipeline = NULL, source = NULL;
  GstSample *sample;

  if (g_access (path, R_OK) != 0) {
    fail (error, GST_RESOURCE_ERROR, errno == ENOENT ? GST_RESOURCE_ERROR_NOT_FOUND : GST_RESOURCE_ERROR_OPEN_READ, path,
        "cannot be opened: %s", g_strerror (errno));
    return NULL;
  }
  if (!check_claims (path, error))
    return NULL;
  pipeline = gst_parse_launch ("filesrc name=source ! decodebin ! video/x-raw ! fakesink name=sink sync=false", &problem);
  if (problem) {
    fail (error, DECODE, path, "cannot be decoded: %s", problem->message);
    g_error_free (problem);
    return NULL;
  }
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_object_set (source, "location", path, NULL);
  sample = wait_for_frame (pipeline, path, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return sample;
}
