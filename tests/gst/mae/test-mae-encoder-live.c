/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-live.c: a live source far faster than the encoder, in real time. The sink does not synchronise, so
 * no QoS event helps; frames must still leave the element soon after their time, and be counted when skipped.
 */
#include "mae-test.h"

static MaeTest test;

typedef struct
{
  GstElement *pipeline, *encoder;
  GMutex lock;
  guint frames, encoded;
  GstClockTime worst;           /* delay of a frame at the sink */
  GstClockTime last_delay;
} Watch;

static GstPadProbeReturn
watch_frame (GstPad *pad, GstPadProbeInfo *info, Watch *watch)
{
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  GstClockTime now = gst_element_get_current_running_time (watch->encoder), delay;

  delay = now > GST_BUFFER_PTS (buffer) ? now - GST_BUFFER_PTS (buffer) : 0;
  g_mutex_lock (&watch->lock);
  watch->frames++;
  watch->encoded += mae_test_has_embedding (buffer);
  watch->worst = MAX (watch->worst, delay);
  watch->last_delay = delay;
  g_mutex_unlock (&watch->lock);
  return GST_PAD_PROBE_OK;
}

static GstClockTime
one_encoding (Watch *watch)
{
  GstStructure *stats;
  gdouble ms = 0;

  g_object_get (watch->encoder, "stats", &stats, NULL);
  gst_structure_get_double (stats, "ms-p50", &ms);
  gst_structure_free (stats);
  return ms * GST_MSECOND;
}

/* Plays the live pipeline for so long and fills watch. */
static void
play (Watch *watch, const gchar *model, gint fps, const gchar *more, GstClockTime duration)
{
  gchar *launch = g_strdup_printf ("videotestsrc is-live=true pattern=black ! "
      "video/x-raw,format=RGB,width=32,height=32,framerate=%d/1 ! mae-encoder name=encoder model=%s device=ref "
      "threads=1 %s ! fakesink name=sink sync=false", fps, model, more);
  GError *error = NULL;
  GstElement *sink;
  GstMessage *message;
  GstPad *pad;

  memset (watch, 0, sizeof *watch);
  g_mutex_init (&watch->lock);
  watch->pipeline = gst_parse_launch (launch, &error);
  fail_unless (error == NULL, "%s", error ? error->message : "");
  watch->encoder = gst_bin_get_by_name (GST_BIN (watch->pipeline), "encoder");
  sink = gst_bin_get_by_name (GST_BIN (watch->pipeline), "sink");
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, (GstPadProbeCallback) watch_frame, watch, NULL);
  fail_unless (gst_element_set_state (watch->pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  message = gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (watch->pipeline), duration, GST_MESSAGE_ERROR);
  fail_unless (message == NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  g_free (launch);
}

static void
finish (Watch *watch)
{
  gst_element_set_state (watch->pipeline, GST_STATE_NULL);
  gst_object_unref (watch->encoder);
  gst_object_unref (watch->pipeline);
  g_mutex_clear (&watch->lock);
}

/* An encoder that is slower than 240 frames a second on any machine. */
static gchar *
slow_model (void)
{
  return mae_test_sanitized () ? mae_test_write_model (&test, "slow.safetensors", 96, 3)
      : mae_test_write_model (&test, "slow.safetensors", 256, 6);
}

GST_START_TEST (test_latency_is_bounded)
{
  gchar *model = slow_model ();
  GstClockTime encoding, min = 0;
  guint64 frames, skipped;
  gboolean live = FALSE;
  GstQuery *query;
  Watch watch;

  play (&watch, model, 240, "", 4 * GST_SECOND);
  encoding = one_encoding (&watch);
  fail_unless (encoding > GST_SECOND / 240, "the encoder is too fast for this test");

  /* Whoever synchronises is told of it. */
  query = gst_query_new_latency ();
  fail_unless (gst_element_query (watch.encoder, query));
  gst_query_parse_latency (query, &live, &min, NULL);
  gst_query_unref (query);
  fail_unless (live && min >= encoding / 2, "latency %" GST_TIME_FORMAT, GST_TIME_ARGS (min));

  g_mutex_lock (&watch.lock);
  fail_unless (watch.encoded >= 3, "%u of %u frames", watch.encoded, watch.frames);
  fail_unless (watch.encoded < watch.frames);
  /* One encoding, the tolerance, and room for a busy machine; without skipping it would be seconds. */
  fail_unless (watch.last_delay <= 3 * encoding + 500 * GST_MSECOND, "delay %" GST_TIME_FORMAT ", encoding %"
      GST_TIME_FORMAT, GST_TIME_ARGS (watch.last_delay), GST_TIME_ARGS (encoding));
  g_mutex_unlock (&watch.lock);

  gst_element_set_state (watch.pipeline, GST_STATE_PAUSED);
  frames = mae_test_count (watch.encoder, "frames");
  skipped = mae_test_count (watch.encoder, "skipped-late");
  fail_unless (skipped > 0);
  fail_unless_equals_uint64 (frames, skipped + mae_test_count (watch.encoder, "encoded"));
  finish (&watch);
  g_free (model);
}
GST_END_TEST;

/* At a rate the encoder can keep nothing is skipped but what a busy machine delays. */
GST_START_TEST (test_fast_enough)
{
  Watch watch;

  play (&watch, test.model, 10, "max-lateness=400000000", 2 * GST_SECOND);
  g_mutex_lock (&watch.lock);
  fail_unless (watch.frames >= 5);
  fail_unless (watch.encoded == watch.frames, "%u of %u", watch.encoded, watch.frames);
  g_mutex_unlock (&watch.lock);
  finish (&watch);
}
GST_END_TEST;

/* Who wants it slow gets every frame, later and later. */
GST_START_TEST (test_no_limit)
{
  gchar *model = slow_model ();
  Watch watch;

  play (&watch, model, 240, "max-lateness=18446744073709551615", 2 * GST_SECOND);
  g_mutex_lock (&watch.lock);
  fail_unless (watch.encoded == watch.frames);
  g_mutex_unlock (&watch.lock);
  fail_unless_equals_uint64 (mae_test_count (watch.encoder, "skipped-late"), 0);
  finish (&watch);
  g_free (model);
}
GST_END_TEST;

static Suite *
mae_encoder_live_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-live");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_latency_is_bounded);
  tcase_add_test (tcase, test_fast_enough);
  tcase_add_test (tcase, test_no_limit);
  tcase_set_timeout (tcase, 60);
  return suite;
}

GST_CHECK_MAIN (mae_encoder_live);
