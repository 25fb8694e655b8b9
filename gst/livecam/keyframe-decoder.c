/* SPDX-License-Identifier: LGPL-2.1-or-later
 * keyframe-decoder.c: see keyframe-decoder.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "keyframe-decoder.h"

#include <gst/app/app.h>

#define SLICE (20 * GST_MSECOND)

const gchar *
decoding_reason (const GError *error)
{
  return g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN)
      || g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ? "no_decoder" : "undecodable";
}

static void
on_pad (GstElement *decodebin, GstPad *pad, gpointer sink)
{
  GstPad *to = gst_element_get_static_pad (sink, "sink");

  if (!gst_pad_is_linked (to))
    gst_pad_link (pad, to);     /* which fails for sound: the sink takes pictures alone */
  gst_object_unref (to);
}

/* Sound and text end undecoded at a pad that nobody links. */
static gboolean
on_autoplug_continue (GstElement *decodebin, GstPad *pad, GstCaps *caps, gpointer data)
{
  const gchar *name = gst_structure_get_name (gst_caps_get_structure (caps, 0));

  return !g_str_has_prefix (name, "audio/") && !g_str_has_prefix (name, "text/");
}

void
link_pictures_to (GstElement *decodebin, GstElement *sink)
{
  g_signal_connect (decodebin, "autoplug-continue", G_CALLBACK (on_autoplug_continue), NULL);
  g_signal_connect (decodebin, "pad-added", G_CALLBACK (on_pad), sink);
}

/* Where asked for, lets the first key frame into the decoder and nothing else. The end of the stream then makes it give
 * it out. */
static GstPadProbeReturn
on_coded_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  PassedPictures *passed = data;
  gboolean first = FALSE;

  g_atomic_int_set (&passed->coded, TRUE);
  if (!GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info), GST_BUFFER_FLAG_DELTA_UNIT))
    first = g_atomic_int_compare_and_exchange (&passed->key, FALSE, TRUE);
  return first || !passed->first_only ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

/* A parser that never saw the head of a sequence lets nothing through, and says that nothing is valid. */
static GstPadProbeReturn
on_coded_bytes (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  g_atomic_int_set (&((PassedPictures *) data)->coded, TRUE);
  return GST_PAD_PROBE_REMOVE;
}

static gboolean
is_of_type (GstElement *element, GstElementFactoryListType type)
{
  GstElementFactory *factory = gst_element_get_factory (element);

  return factory && gst_element_factory_list_is_type (factory, type | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO);
}

gboolean
is_picture_decoder (GstElement *element)
{
  return is_of_type (element, GST_ELEMENT_FACTORY_TYPE_DECODER);
}

static void
on_element (GstBin *pipeline, GstBin *bin, GstElement *element, gpointer passed)
{
  GstPadProbeCallback probe = NULL;
  GstPad *pad;

  if (is_picture_decoder (element))
    probe = on_coded_frame;
  else if (is_of_type (element, GST_ELEMENT_FACTORY_TYPE_PARSER))
    probe = on_coded_bytes;
  pad = probe ? gst_element_get_static_pad (element, "sink") : NULL;
  if (pad) {
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, probe, passed, NULL);
    gst_object_unref (pad);
  }
}

void
watch_pictures (GstElement *pipeline, PassedPictures *passed)
{
  g_signal_connect (pipeline, "deep-element-added", G_CALLBACK (on_element), passed);
}

gboolean
lacks_key_frame (PassedPictures *passed)
{
  return g_atomic_int_get (&passed->coded) && !g_atomic_int_get (&passed->key);
}

static GstSample *
await (GstElement *pipeline, GstElement *sink, gint64 deadline, GCancellable *cancellable, PassedPictures *passed,
    const gchar **reason)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstSample *sample;

  *reason = NULL;
  while ((sample = gst_app_sink_try_pull_sample (GST_APP_SINK (sink), SLICE)) == NULL && *reason == NULL) {
    GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

    if (message) {
      GError *error = NULL;

      gst_message_parse_error (message, &error, NULL);
      *reason = decoding_reason (error);
      g_error_free (error);
      gst_message_unref (message);
    } else if (gst_app_sink_is_eos (GST_APP_SINK (sink))) {
      *reason = "undecodable";
    } else if (g_cancellable_is_cancelled (cancellable)) {
      *reason = "cancelled";
    } else if (g_get_monotonic_time () > deadline) {
      *reason = "decode_timeout";
    }
  }
  gst_object_unref (bus);
  if (g_strcmp0 (*reason, "undecodable") == 0 && lacks_key_frame (passed))
    *reason = "no_keyframe";
  return sample;
}

static GstClockTime
offset_of (GstSample *sample)
{
  GstClockTime time = gst_segment_to_running_time (gst_sample_get_segment (sample), GST_FORMAT_TIME,
      GST_BUFFER_PTS (gst_sample_get_buffer (sample)));

  return GST_CLOCK_TIME_IS_VALID (time) ? time : 0;
}

GstSample *
keyframe_decode (GBytes *map, GBytes *segment, GstClockTime timeout, GCancellable *cancellable, GstClockTime *offset,
    const gchar **reason)
{
  GstElement *pipeline = gst_pipeline_new (NULL), *source = gst_element_factory_make ("appsrc", NULL);
  GstElement *decodebin = gst_element_factory_make ("decodebin", NULL), *sink = gst_element_factory_make ("appsink", NULL);
  GstCaps *raw = gst_caps_new_empty_simple ("video/x-raw");
  GstSample *sample;
  PassedPictures passed = { .first_only = TRUE };

  watch_pictures (pipeline, &passed);
  gst_bin_add_many (GST_BIN (pipeline), source, decodebin, sink, NULL);
  gst_element_link (source, decodebin);
  link_pictures_to (decodebin, sink);
  g_object_set (source, "max-bytes", G_GUINT64_CONSTANT (0), NULL);
  g_object_set (sink, "sync", FALSE, "max-buffers", 1, "caps", raw, NULL);
  gst_caps_unref (raw);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  if (map)
    gst_app_src_push_buffer (GST_APP_SRC (source), gst_buffer_new_wrapped_bytes (map));
  gst_app_src_push_buffer (GST_APP_SRC (source), gst_buffer_new_wrapped_bytes (segment));
  gst_app_src_end_of_stream (GST_APP_SRC (source));
  sample = await (pipeline, sink, g_get_monotonic_time () + (gint64) (timeout / 1000), cancellable, &passed, reason);
  *offset = sample ? offset_of (sample) : 0;
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  return sample;
}
