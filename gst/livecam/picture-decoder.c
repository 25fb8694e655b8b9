/* SPDX-License-Identifier: LGPL-2.1-or-later
 * picture-decoder.c: see picture-decoder.h. The decoder that stays runs in the thread that asks: what is pushed into it
 * is out of it again when the push returns. */
#include "picture-decoder.h"
#include "gst/common/picturecheck.h"
#include "keyframe-decoder.h"

#include <gst/app/app.h>

/* Bytes after the end of a JPEG that cameras may leave there. */
#define MAX_PADDING 4096

struct _PictureDecoder {
  GstElement *pipeline, *sink;  /* NULL: none, or it has failed */
  GstPad *pad;                  /* into it */
  guint64 n;
};

PictureDecoder *
picture_decoder_new (void)
{
  return g_new0 (PictureDecoder, 1);
}

static void
put_away (PictureDecoder *decoder)
{
  if (decoder->pipeline == NULL)
    return;
  gst_element_set_state (decoder->pipeline, GST_STATE_NULL);
  gst_pad_set_active (decoder->pad, FALSE);
  gst_clear_object (&decoder->pad);
  gst_clear_object (&decoder->pipeline);
}

void
picture_decoder_free (PictureDecoder *decoder)
{
  if (decoder == NULL)
    return;
  put_away (decoder);
  g_free (decoder);
}

static gboolean
has_end (const guint8 *data, gsize size)
{
  gsize padding = 0;

  while (padding < MAX_PADDING && size > 4 && (data[size - 1] == 0 || data[size - 1] == '\r' || data[size - 1] == '\n')) {
    size--;
    padding++;
  }
  return data[size - 2] == 0xff && data[size - 1] == 0xd9;
}

const gchar *
picture_fault (GBytes *picture)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (picture, &size);

  if (size == 0 || (picture_is_jpeg (data, size) && !has_end (data, size)))
    return "undecodable";
  return picture_is_bearable (data, size) ? NULL : "too_large";
}

static void
begin_stream (GstPad *pad)
{
  GstCaps *caps = gst_caps_new_empty_simple ("image/jpeg");
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_set_active (pad, TRUE);
  gst_pad_push_event (pad, gst_event_new_stream_start ("pictures"));
  gst_pad_push_event (pad, gst_event_new_caps (caps));
  gst_pad_push_event (pad, gst_event_new_segment (&segment));
  gst_caps_unref (caps);
}

/* FALSE where there is no jpegdec (gstreamer1.0-plugins-good). */
static gboolean
set_up (PictureDecoder *decoder)
{
  GstElement *jpegdec = gst_element_factory_make ("jpegdec", NULL);
  GstPad *to;

  if (jpegdec == NULL)
    return FALSE;
  decoder->pipeline = gst_pipeline_new (NULL);
  decoder->sink = gst_element_factory_make ("appsink", NULL);
  g_object_set (decoder->sink, "sync", FALSE, "async", FALSE, NULL);
  gst_bin_add_many (GST_BIN (decoder->pipeline), jpegdec, decoder->sink, NULL);
  gst_element_link (jpegdec, decoder->sink);
  gst_element_set_state (decoder->pipeline, GST_STATE_PLAYING);
  decoder->pad = gst_object_ref_sink (gst_pad_new ("pictures", GST_PAD_SRC));
  to = gst_element_get_static_pad (jpegdec, "sink");
  gst_pad_link (decoder->pad, to);
  gst_object_unref (to);
  begin_stream (decoder->pad);
  return TRUE;
}

static GstSample *
decode_jpeg (PictureDecoder *decoder, GBytes *picture)
{
  GstBuffer *buffer = gst_buffer_new_wrapped_bytes (picture);
  GstSample *sample = NULL;
  GstMessage *message;
  GstBus *bus;

  GST_BUFFER_PTS (buffer) = decoder->n++ * GST_SECOND;
  if (gst_pad_push (decoder->pad, buffer) == GST_FLOW_OK)
    sample = gst_app_sink_try_pull_sample (GST_APP_SINK (decoder->sink), 0);
  bus = gst_element_get_bus (decoder->pipeline);
  while ((message = gst_bus_pop (bus)))         /* nobody else reads them */
    gst_message_unref (message);
  gst_object_unref (bus);
  if (sample == NULL)
    put_away (decoder);
  return sample;
}

GstSample *
picture_decode (PictureDecoder *decoder, GBytes *picture, GstClockTime timeout, GCancellable *cancellable,
    const gchar **reason)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (picture, &size);
  GstClockTime offset;
  GstSample *sample;

  if (picture_is_jpeg (data, size) && (decoder->pipeline || set_up (decoder))) {
    sample = decode_jpeg (decoder, picture);
    *reason = sample ? NULL : "undecodable";
    return sample;
  }
  return keyframe_decode (NULL, picture, timeout, cancellable, &offset, reason);
}
