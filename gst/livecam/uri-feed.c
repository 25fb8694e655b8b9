/* SPDX-License-Identifier: LGPL-2.1-or-later
 * uri-feed.c: see uri-feed.h. */
#include "uri-feed.h"
#include "keyframe-decoder.h"
#include "keyframe-gate.h"

#include <gst/app/app.h>
#include <string.h>

#define SLICE_US 50000

/* One attempt. */
typedef struct {
  LiveFeed *feed;
  GstElement *pipeline;
  gboolean file;
  guint epoch;
  KeyframeGate *gate;
  gchar *reason, *detail;       /* of its failure; NULL while it runs or when it has ended */
  GError *error;
  gboolean ended;
} Attempt;

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer data)
{
  Attempt *attempt = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  LiveFrame frame = { 0, G_MAXUINT64, attempt->epoch, 0 };

  if (sample == NULL)
    return GST_FLOW_EOS;
  frame.offset = gst_segment_to_running_time (gst_sample_get_segment (sample), GST_FORMAT_TIME,
      GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
  if (!GST_CLOCK_TIME_IS_VALID (frame.offset))
    frame.offset = frame.epoch = 0;
  if (frame.epoch == 0 || keyframe_gate_takes (attempt->gate, frame.offset))
    live_feed_push (attempt->feed, sample, &frame);
  gst_sample_unref (sample);
  return GST_FLOW_OK;
}

static void
begin (Attempt *attempt, const gchar *uri)
{
  GstElement *source = gst_element_factory_make ("uridecodebin", NULL), *sink = gst_element_factory_make ("appsink", NULL);
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  GstCaps *raw = gst_caps_new_empty_simple ("video/x-raw");

  attempt->pipeline = gst_pipeline_new (NULL);
  if (!attempt->file)
    keyframe_gate_watch (attempt->gate, attempt->pipeline);
  gst_bin_add_many (GST_BIN (attempt->pipeline), source, sink, NULL);
  link_pictures_to (source, sink);
  g_object_set (source, "uri", uri, NULL);
  g_object_set (sink, "sync", attempt->file, "max-buffers", 2, "drop", !attempt->file, "caps", raw, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, attempt, NULL);
  gst_caps_unref (raw);
  gst_element_set_state (attempt->pipeline, GST_STATE_PLAYING);
}

static const gchar *
reason_of (const GError *error)
{
  if (error->domain == GST_RESOURCE_ERROR)
    return error->code == GST_RESOURCE_ERROR_NOT_FOUND ? "not_found"
        : error->code == GST_RESOURCE_ERROR_NOT_AUTHORIZED ? "unauthorized" : "connection";
  return error->domain == GST_STREAM_ERROR || error->domain == GST_CORE_ERROR ? decoding_reason (error) : "connection";
}

/* TRUE when the pipeline has said that it is over, one way or the other. */
static gboolean
check (Attempt *attempt, GstBus *bus)
{
  GstMessage *message = gst_bus_timed_pop_filtered (bus, 0, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);

  if (message == NULL) {
    if (attempt->file || !live_feed_is_stale (attempt->feed, 0))
      return FALSE;
    attempt->reason = g_strdup ("stale");
    attempt->detail = g_strdup ("no new pictures");
    return TRUE;
  }
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    attempt->ended = TRUE;
  } else {
    gst_message_parse_error (message, &attempt->error, NULL);
    attempt->reason = g_strdup (reason_of (attempt->error));
    if (strstr (attempt->error->message, "://") == NULL)        /* addresses may hold passwords */
      attempt->detail = g_strdup (attempt->error->message);
  }
  gst_message_unref (message);
  return TRUE;
}

static void
run (Attempt *attempt)
{
  g_autofree gchar *other = attempt->feed->update_uri
      ? attempt->feed->update_uri (attempt->feed->element, attempt->feed->set.uri) : NULL;
  GstBus *bus;

  attempt->gate = keyframe_gate_new (attempt->feed);
  attempt->epoch++;
  begin (attempt, other ? other : attempt->feed->set.uri);
  bus = gst_element_get_bus (attempt->pipeline);
  while (!check (attempt, bus) && live_feed_wait_until (attempt->feed, g_get_monotonic_time () + SLICE_US)) {
  }
  gst_object_unref (bus);
  gst_element_set_state (attempt->pipeline, GST_STATE_NULL);
  gst_clear_object (&attempt->pipeline);
  g_clear_pointer (&attempt->gate, keyframe_gate_free);
}

/* TRUE when no further attempt makes sense. */
static gboolean
conclude (Attempt *attempt)
{
  LiveFeed *feed = attempt->feed;
  gboolean fatal = attempt->error && (attempt->file || (feed->frames == 0 && g_str_equal (attempt->reason, "no_decoder")));

  if (fatal) {
    g_autofree gchar *place = attempt->file ? g_filename_from_uri (feed->set.uri, NULL, NULL) : NULL;

    live_feed_error (feed, g_error_new (attempt->error->domain, attempt->error->code, "live-src cannot play %s: %s "
            "Set uri to %s", place ? place : feed->set.source, attempt->error->message,
            attempt->file ? "a film that is there" : "a stream for which there is a decoder, or install gstreamer1.0-libav"));
    return TRUE;
  }
  if (attempt->ended && attempt->file && !feed->set.restart_on_eos) {
    live_feed_end (feed);
    return TRUE;
  }
  if (attempt->ended && attempt->file)
    return FALSE;
  if (attempt->ended)
    live_feed_fail (feed, NULL, "ended", "the camera ended the stream");
  else if (attempt->reason)
    live_feed_fail (feed, NULL, attempt->reason, attempt->detail);
  return !live_feed_back_off (feed, 0);
}

gpointer
uri_feed_run (gpointer data)
{
  Attempt attempt = { .feed = data };
  gboolean over = FALSE;

  attempt.file = g_strcmp0 (g_uri_peek_scheme (attempt.feed->set.uri), "file") == 0;
  while (!over && live_feed_is_running (attempt.feed)) {
    run (&attempt);
    over = conclude (&attempt);
    g_clear_pointer (&attempt.reason, g_free);
    g_clear_pointer (&attempt.detail, g_free);
    g_clear_error (&attempt.error);
    attempt.ended = FALSE;
  }
  return NULL;
}
