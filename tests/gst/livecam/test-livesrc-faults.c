/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-faults.c: live-src and a real HTTP origin that fails in every way a live one does: the reason is told, and
 * frames come again. */
#include "live-rig.h"

/* What fails, and the word for it. */
typedef struct {
  const char *fault;
  double value;
  const char *reason;
} Fault;

static const Fault from_the_start[] = {
  { "playlist", 403, "http_403" }, { "playlist", 404, "http_404" }, { "playlist", 429, "http_429" },
  { "html", 1, "not_a_playlist" }, { "empty", 1, "not_a_playlist" }, { "none", 1, "no_segments" },
  { "segment", 403, "http_403" }, { "down", 1, "refused" }, { "keyless", 1, "no_keyframe" },
};

static const Fault midway[] = {
  { "playlist", 403, "http_403" }, { "playlist", 404, "http_404" }, { "playlist", 503, "http_503" },
  { "html", 1, "not_a_playlist" }, { "empty", 1, "not_a_playlist" }, { "none", 1, "no_segments" },
  { "segment", 403, "http_403" }, { "segment", 404, "http_404" }, { "segment", 503, "http_503" },
  { "hang", 1, "timeout" }, { "trickle", 1, "timeout" }, { "down", 1, "refused" },
  { "frozen", 1, "stale" }, { "garbage", 1, "undecodable" }, { "keyless", 1, "no_keyframe" },
};

static const Fault while_playing[] = {
  { "segment", 503, "http_503" }, { "segment", 404, "http_404" }, { "hang", 1, "timeout" }, { "frozen", 1, "stale" },
  { "playlist", 403, "http_403" },
};

static const Fault harmless[] = {
  { "missing", 1, NULL }, { "missing", 2, NULL }, { "truncate", 1, NULL }, { "jump", 20, NULL },
};

GST_START_TEST (test_from_the_start)
{
  const Fault *f = &from_the_start[__i__];
  LiveRig rig;

  live_rig_begin (&rig, "/master.m3u8", "");
  hls_origin_set (rig.origin, f->fault, f->value);
  live_rig_play (&rig);
  live_rig_await_outage (&rig, f->reason, 3);
  live_rig_listen (&rig, 0.5);
  fail_unless_equals_int (rig.begins, 1);
  hls_origin_set (rig.origin, f->fault, 0);
  live_rig_await_end_of_outage (&rig, 4);
  live_rig_await_frames (&rig, 2, 4);
  fail_unless_equals_int (g_atomic_int_get (&rig.events), 2);
  fail_unless_equals_int (rig.warnings, 1);     /* one, however many attempts */
  fail_unless_equals_int (rig.notes, 1);
  live_rig_end (&rig);
}

GST_END_TEST
/* Played in full, nothing can be shown before the first key frame. */
GST_START_TEST (test_plays_from_the_first_key_frame)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "interval=0");
  hls_origin_set (rig.origin, "keyless", 1);
  live_rig_play (&rig);
  live_rig_await_outage (&rig, "no_keyframe", 6);
  fail_unless_equals_int (rig.frames, 0);
  hls_origin_set (rig.origin, "keyless", 0);
  live_rig_await_end_of_outage (&rig, 6);
  live_rig_await_frames (&rig, 12, 6);
  live_rig_end (&rig);
}

GST_END_TEST
static void
break_and_mend (const Fault *f, const char *properties)
{
  LiveRig rig;

  live_rig_begin (&rig, "/master.m3u8", properties);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  fail_unless_equals_int (rig.begins, 0);
  hls_origin_set (rig.origin, f->fault, f->value);
  live_rig_await_outage (&rig, f->reason, 6);
  hls_origin_set (rig.origin, f->fault, 0);
  live_rig_await_end_of_outage (&rig, 5);
  live_rig_await_frames (&rig, 2, 5);
  fail_unless (live_rig_number (&rig, "reconnects", f->reason) > 0);
  live_rig_end (&rig);
}

GST_START_TEST (test_midway)
{
  break_and_mend (&midway[__i__], "");
}

GST_END_TEST
GST_START_TEST (test_while_playing)
{
  break_and_mend (&while_playing[__i__], "interval=0");
}

GST_END_TEST
/* Pictures that were fetched before are shown; then it is one outage, for as long as it lasts. */
GST_START_TEST (test_one_outage_while_playing)
{
  LiveRig rig;
  gint shown;

  live_rig_begin (&rig, "/live.m3u8", "interval=0 timeout=60000000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  hls_origin_set (rig.origin, "playlist", 403);
  live_rig_await_outage (&rig, "http_403", 6);
  live_rig_listen (&rig, 0.5);  /* the last one is on its way */
  shown = g_atomic_int_get (&rig.frames);
  live_rig_listen (&rig, 1.5);
  fail_unless_equals_int (g_atomic_int_get (&rig.frames), shown);
  fail_unless_equals_int (rig.begins, 1);
  fail_unless_equals_int (rig.ends, 0);
  fail_unless (live_rig_number (&rig, "reconnects", "http_403") > 1);
  hls_origin_set (rig.origin, "playlist", 0);
  live_rig_await_end_of_outage (&rig, 5);
  live_rig_await_frames (&rig, 2, 5);
  fail_unless_equals_int (rig.begins, 1);
  live_rig_end (&rig);
}

GST_END_TEST
/* Neither a wait after a failure nor a resolver that takes its time is time that the pictures took. */
GST_START_TEST (test_patience_is_of_the_attempt)
{
  LiveRig rig;
  g_autofree gchar *command = NULL;

  live_rig_begin (&rig, __i__ ? "/page" : "/live.m3u8", "interval=0 retry-min=2100000000 retry-max=2100000000 "
      "resolver-timeout=30000000000");
  command = g_strdup_printf ("sh -c 'sleep 2; echo http://127.0.0.1:%u/live.m3u8'", hls_origin_port (rig.origin));
  g_object_set (rig.src, "resolver", command, NULL);
  hls_origin_set (rig.origin, "playlist", __i__ ? 0 : 503);
  live_rig_play (&rig);
  if (__i__ == 0)
    live_rig_await_outage (&rig, "http_503", 6);
  hls_origin_set (rig.origin, "playlist", 0);
  live_rig_await_frames (&rig, 2, 6);
  fail_unless_equals_uint64 (live_rig_number (&rig, "reconnects", "stale"), 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* ---- a decoder that gives out nothing, not even the end ---- */

static GstFlowReturn
swallow (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
swallow_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  gst_event_unref (event);
  return TRUE;
}

static void
stuck_decoder_class_init (gpointer class, gpointer data)
{
  static GstStaticPadTemplate sink = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
      GST_STATIC_CAPS ("video/x-h264"));
  static GstStaticPadTemplate src = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
      GST_STATIC_CAPS ("video/x-raw"));

  gst_element_class_add_static_pad_template (class, &sink);
  gst_element_class_add_static_pad_template (class, &src);
  gst_element_class_set_static_metadata (class, "Stuck", "Codec/Decoder/Video", "Swallows all", "The gst-heads authors");
}

static void
stuck_decoder_init (GTypeInstance *instance, gpointer class)
{
  GstPad *sink = gst_pad_new_from_template (gst_element_class_get_pad_template (class, "sink"), "sink");

  gst_pad_set_chain_function (sink, swallow);
  gst_pad_set_event_function (sink, swallow_event);
  gst_element_add_pad ((GstElement *) instance, sink);
  gst_element_add_pad ((GstElement *) instance, gst_pad_new_from_template (gst_element_class_get_pad_template (class, "src"),
          "src"));
}

/* It does not hold up the thread that fetches. */
GST_START_TEST (test_stuck_decoder)
{
  GType type = g_type_register_static_simple (GST_TYPE_ELEMENT, "StuckDecoder", sizeof (GstElementClass),
      stuck_decoder_class_init, sizeof (GstElement), stuck_decoder_init, 0);
  LiveRig rig;
  guint before;

  fail_unless (gst_element_register (NULL, "stuck-decoder", GST_RANK_PRIMARY + 1000, type));
  live_rig_begin (&rig, "/live.m3u8", "interval=0 timeout=60000000000 request-timeout=1000000000");
  live_rig_play (&rig);
  for (int i = 0; i < 500 && hls_origin_count (rig.origin, "/segment") < 2; i++)
    live_rig_listen (&rig, 0.02);
  hls_origin_set (rig.origin, "playlist", 403);
  live_rig_await_outage (&rig, "http_403", 6);
  hls_origin_set (rig.origin, "playlist", 0);
  live_rig_listen (&rig, 1);
  before = hls_origin_count (rig.origin, "/segment");
  for (int i = 0; i < 500 && hls_origin_count (rig.origin, "/segment") < before + 4; i++)
    live_rig_listen (&rig, 0.02);
  fail_unless (hls_origin_count (rig.origin, "/segment") >= before + 4, "nothing is fetched any more");
  fail_unless_equals_int (rig.frames, 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* Samples go on, from other segments if need be. */
GST_START_TEST (test_harmless)
{
  const Fault *f = &harmless[__i__];
  LiveRig rig;

  live_rig_begin (&rig, "/master.m3u8", "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  hls_origin_set (rig.origin, f->fault, f->value);
  live_rig_await_frames (&rig, 4, 4);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_does_not_hammer)
{
  static const Fault faults[] = { { "segment", 403, "http_403" }, { "keyless", 1, "no_keyframe" } };
  const Fault *f = &faults[__i__];
  LiveRig rig;
  guint before;

  live_rig_begin (&rig, "/master.m3u8", __i__ ? "retry-min=200000000" : "retry-min=0 retry-max=0");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  hls_origin_set (rig.origin, f->fault, f->value);
  live_rig_await_outage (&rig, f->reason, 6);
  before = hls_origin_count (rig.origin, "/");
  live_rig_listen (&rig, 2);
  /* A try is at most a master and a media playlist and three segments; between two there is a tenth of a second. */
  fail_unless (hls_origin_count (rig.origin, "/") - before <= (__i__ ? 10 : 30) * 5, "%u requests in 2 s",
      hls_origin_count (rig.origin, "/") - before);
  live_rig_end (&rig);
}

GST_END_TEST
/* A server that says when to come back is left alone till then, but for no longer than fifteen times retry-max. */
GST_START_TEST (test_retry_after)
{
  LiveRig rig;
  guint before;

  live_rig_begin (&rig, "/live.m3u8", "retry-max=100000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  hls_origin_set (rig.origin, "retry-after", 3600);
  hls_origin_set (rig.origin, __i__ ? "segment" : "playlist", 429);
  live_rig_await_outage (&rig, "http_429", 4);
  before = hls_origin_count (rig.origin, "/");
  live_rig_listen (&rig, 1);
  fail_unless_equals_int (hls_origin_count (rig.origin, "/"), before);
  hls_origin_set (rig.origin, __i__ ? "segment" : "playlist", 0);
  live_rig_await_end_of_outage (&rig, 4);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_unknown_host)
{
  LiveRig rig;

  live_rig_begin (&rig, "http://no-such-host.invalid/live.m3u8", "request-timeout=5000000000");
  live_rig_play (&rig);
  live_rig_await_outage (&rig, "dns", 8);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_end_of_the_event)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", __i__ ? "interval=0" : "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  hls_origin_set (rig.origin, "frozen", 1);
  hls_origin_set (rig.origin, "ended", 1);
  for (int i = 0; i < 100 && !rig.eos; i++)
    live_rig_listen (&rig, 0.1);
  fail_unless (rig.eos);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_restart_on_eos)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "restart-on-eos=true");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  hls_origin_set (rig.origin, "frozen", 1);
  hls_origin_set (rig.origin, "ended", 1);
  live_rig_await_outage (&rig, "ended", 4);
  hls_origin_set (rig.origin, "ended", 0);
  hls_origin_set (rig.origin, "frozen", 0);
  live_rig_await_frames (&rig, 2, 4);
  fail_if (rig.eos);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_stop_while_it_hangs)
{
  static const char *const faults[] = { "hang", "trickle" };
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "request-timeout=60000000000");
  hls_origin_set (rig.origin, faults[__i__], 1);
  live_rig_play (&rig);
  live_rig_listen (&rig, 0.7);
  live_rig_end (&rig);          /* within two seconds, it checks */
}

GST_END_TEST
/* ---- when frames are handed out ---- */

/* How late a frame is when it is handed out; never early. */
static void
note_lateness (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer least)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (sink);
  GstClockTimeDiff late = GST_CLOCK_DIFF (GST_BUFFER_PTS (buffer) + gst_element_get_base_time (sink),
      gst_clock_get_time (clock));

  g_atomic_int_set ((gint *) least, (gint) MIN (g_atomic_int_get ((gint *) least), ABS (late) / (gint64) GST_MSECOND));
}

/* The milliseconds by which the best of the next n frames is late. */
static gint
lateness (LiveRig *rig, gint n)
{
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (rig->pipeline), "sink");
  gint least = G_MAXINT;
  gulong handler = g_signal_connect (sink, "handoff", G_CALLBACK (note_lateness), &least);

  live_rig_await_frames (rig, n, 4);
  g_signal_handler_disconnect (sink, handler);
  live_rig_await_frames (rig, 1, 4);    /* none is being noted any more */
  return least;
}

/* New segments are noticed up to half of one late, so the first pictures wait as long, and none is late after. */
GST_START_TEST (test_lead)
{
  LiveRig rig;
  gint64 fetched;

  live_rig_begin_paced (&rig, "/live.m3u8", "interval=0", 2);
  live_rig_play (&rig);
  for (int i = 0; i < 1000 && hls_origin_count (rig.origin, "/segment") < 2; i++)       /* the proof, and the first */
    live_rig_listen (&rig, 0.01);
  fetched = g_get_monotonic_time ();
  live_rig_await_frames (&rig, 1, 4);
  fetched = g_get_monotonic_time () - fetched;
  fail_unless (fetched > 0.8 * G_USEC_PER_SEC, "after %g s", fetched / 1e6);
  live_rig_end (&rig);
}

GST_END_TEST
/* A flush sets the time back, and the frames' with it. */
GST_START_TEST (test_flush)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "interval=0");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  live_rig_listen (&rig, 2.5);
  fail_unless (gst_element_send_event (rig.src, gst_event_new_flush_start ()));
  fail_unless (gst_element_send_event (rig.src, gst_event_new_flush_stop (TRUE)));
  gst_element_set_state (rig.pipeline, GST_STATE_PAUSED);
  gst_element_set_state (rig.pipeline, GST_STATE_PLAYING);
  live_rig_await_frames (&rig, 2, 4);
  fail_unless (lateness (&rig, 5) < 300, "frames are %d ms off", lateness (&rig, 5));
  live_rig_end (&rig);
}

GST_END_TEST
/* After a stall the pictures go on from now: a sink that keeps time would drop all that are late. */
GST_START_TEST (test_stall)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "interval=0");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 12, 4);
  fail_unless (lateness (&rig, 10) < 100);
  hls_origin_set (rig.origin, "delay", 0.7);
  live_rig_listen (&rig, 0.5);
  hls_origin_set (rig.origin, "delay", 0);
  live_rig_listen (&rig, 1);
  fail_unless (lateness (&rig, 10) < 300, "frames are %d ms late", lateness (&rig, 10));
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_loop_test (tests, test_from_the_start, 0, G_N_ELEMENTS (from_the_start));
  tcase_add_test (tests, test_plays_from_the_first_key_frame);
  tcase_add_loop_test (tests, test_midway, 0, G_N_ELEMENTS (midway));
  tcase_add_loop_test (tests, test_while_playing, 0, G_N_ELEMENTS (while_playing));
  tcase_add_test (tests, test_one_outage_while_playing);
  tcase_add_loop_test (tests, test_patience_is_of_the_attempt, 0, 2);
  tcase_add_test (tests, test_stuck_decoder);
  tcase_add_loop_test (tests, test_harmless, 0, G_N_ELEMENTS (harmless));
  tcase_add_loop_test (tests, test_does_not_hammer, 0, 2);
  tcase_add_loop_test (tests, test_retry_after, 0, 2);
  tcase_add_test (tests, test_unknown_host);
  tcase_add_loop_test (tests, test_end_of_the_event, 0, 2);
  tcase_add_test (tests, test_restart_on_eos);
  tcase_add_loop_test (tests, test_stop_while_it_hangs, 0, 2);
  tcase_add_test (tests, test_stall);
  tcase_add_test (tests, test_lead);
  tcase_add_test (tests, test_flush);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-faults", 120, add_tests);
}
