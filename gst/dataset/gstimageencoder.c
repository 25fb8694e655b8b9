/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstimageencoder.c: see gstimageencoder.h. */
#include "gstimageencoder.h"

#include <gst/app/app.h>

#define TIMEOUT (10 * GST_SECOND)

struct _GstImageEncoder {
  GstElement *pipeline, *source, *sink;
};

GstImageEncoder *
gst_image_encoder_new (gint quality, GError **error)
{
  g_autofree gchar *launch = g_strdup_printf ("appsrc name=source format=time max-bytes=0 ! videoconvert ! jpegenc quality=%d ! "
      "appsink name=sink sync=false async=false", quality);
  GError *problem = NULL;
  GstElement *pipeline = gst_parse_launch_full (launch, NULL, GST_PARSE_FLAG_FATAL_ERRORS, &problem);
  GstImageEncoder *encoder;

  if (pipeline == NULL) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "Frames cannot be made JPEG: %s. Install "
        "gstreamer1.0-plugins-good", problem->message);
    g_error_free (problem);
    return NULL;
  }
  encoder = g_new (GstImageEncoder, 1);
  encoder->pipeline = pipeline;
  encoder->source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  encoder->sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  return encoder;
}

void
gst_image_encoder_free (GstImageEncoder *encoder)
{
  if (encoder == NULL)
    return;
  gst_element_set_state (encoder->pipeline, GST_STATE_NULL);
  gst_object_unref (encoder->source);
  gst_object_unref (encoder->sink);
  gst_object_unref (encoder->pipeline);
  g_free (encoder);
}

/* A pipeline that failed does not work again until it was put to rest. */
static void
restart (GstImageEncoder *encoder)
{
  gst_element_set_state (encoder->pipeline, GST_STATE_NULL);
  gst_element_set_state (encoder->pipeline, GST_STATE_PLAYING);
}

GBytes *
gst_image_encoder_encode (GstImageEncoder *encoder, GstBuffer *frame, GstCaps *caps, GError **error)
{
  GstSample *raw = gst_sample_new (frame, caps, NULL, NULL), *coded;
  GBytes *image = NULL;
  GstMapInfo map;

  gst_app_src_push_sample (GST_APP_SRC (encoder->source), raw);
  gst_sample_unref (raw);
  coded = gst_app_sink_try_pull_sample (GST_APP_SINK (encoder->sink), TIMEOUT);
  if (coded && gst_buffer_map (gst_sample_get_buffer (coded), &map, GST_MAP_READ)) {
    image = g_bytes_new (map.data, map.size);
    gst_buffer_unmap (gst_sample_get_buffer (coded), &map);
  }
  if (coded)
    gst_sample_unref (coded);
  if (image == NULL) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_ENCODE, "A frame could not be made JPEG: put "
        "\"videoconvert ! jpegenc\" before this element to see why");
    restart (encoder);
  }
  return image;
}
