/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-rig.c: see live-rig.h. */
#include "live-rig.h"

#include "gst/common/gstcaptureinfo.h"
#include "tests/models/temp-folder.h"

#include <sys/wait.h>
#include <unistd.h>

gchar *live_segments, *live_other_segments;

/* Times a hundredth of those in use, except that a first picture may need a decoder to be loaded by a busy machine. */
#define QUICK "retry-min=50000000 retry-max=400000000 timeout=1500000000 request-timeout=5000000000 " \
  "resolver-timeout=1000000000"

/* In a process of its own: threads that GStreamer keeps for later would be missed in the processes of the tests. */
static gboolean
make_segments (void)
{
  int status = 1;
  pid_t child = fork ();

  if (child == 0)
    _exit (hls_origin_make_segments (live_segments, 8, SEGMENT, 160)
        && hls_origin_make_segments (live_other_segments, 8, SEGMENT, 240) ? 0 : 1);
  return child > 0 && waitpid (child, &status, 0) == child && status == 0;
}

static Suite *
make_suite (const char *name, double limit, void (*add_tests) (TCase *tests))
{
  Suite *suite = suite_create (name);
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_set_timeout (tests, limit);
  add_tests (tests);
  return suite;
}

int
live_rig_main (int argc, char **argv, const char *name, double limit, void (*add_tests) (TCase *tests))
{
  int status = 77;

  gst_check_init (&argc, &argv);
  live_segments = temp_folder_new ();
  live_other_segments = temp_folder_new ();
  if (make_segments ())
    status = gst_check_run_suite (make_suite (name, limit, add_tests), name, __FILE__);
  else
    g_print ("SKIP: no H.264 encoder here (gstreamer1.0-plugins-ugly)\n");
  temp_folder_remove (live_segments);
  temp_folder_remove (live_other_segments);
  g_free (live_segments);
  g_free (live_other_segments);
  return status;
}

static GstPadProbeReturn
on_event (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  LiveRig *rig = data;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstCaptureOutage outage;

  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM
      && gst_capture_outage_parse (gst_event_get_structure (event), &outage))
    g_atomic_int_inc (&rig->events);
  return GST_PAD_PROBE_OK;
}

/* Which segment the frame is of, and what lies between it and the one before. */
static void
follow (LiveRig *rig, gint sequence)
{
  gint last = g_atomic_int_get (&rig->last);

  if (last < 0)
    g_atomic_int_set (&rig->first, sequence);
  else if (sequence < last)
    g_atomic_int_inc (&rig->returned);
  else if (sequence > last + 1)
    g_atomic_int_add (&rig->skipped, sequence - last - 1);
  g_atomic_int_set (&rig->last, sequence);
}

static void
on_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
  LiveRig *rig = data;
  GstCaps *caps = gst_pad_get_current_caps (pad);
  GstCaptureInfo info;
  gint width;

  fail_unless (gst_structure_get_int (gst_caps_get_structure (caps, 0), "width", &width));
  gst_caps_unref (caps);
  fail_unless (gst_buffer_get_capture_info (buffer, &info));
  fail_unless (GST_BUFFER_PTS_IS_VALID (buffer));
  if (width != rig->width)
    g_atomic_int_inc (&rig->sizes);
  rig->width = width;
  rig->captured_at = info.captured_at;
  g_atomic_int_add (&rig->suspects, info.clock_suspect);
  if (info.media_sequence != G_MAXUINT64)
    follow (rig, (gint) info.media_sequence);
  g_atomic_int_inc (&rig->frames);
}

void
live_rig_begin (LiveRig *rig, const char *path, const char *properties)
{
  live_rig_begin_paced (rig, path, properties, SEGMENT);
}

void
live_rig_begin_paced (LiveRig *rig, const char *path, const char *properties, double seconds)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *uri = NULL, *launch = NULL;
  GstElement *sink;
  GstPad *pad;

  *rig = (LiveRig) { .first = -1, .last = -1 };
  rig->origin = hls_origin_new (live_segments, live_other_segments, seconds, 0, &error);
  g_assert_no_error (error);
  uri = *path == '/' ? g_strdup_printf ("http://127.0.0.1:%u%s", hls_origin_port (rig->origin), path) : g_strdup (path);
  launch = g_strdup_printf ("live-src name=src uri=\"%s\" interval=500000000 " QUICK " %s ! fakesink name=sink "
      "signal-handoffs=true sync=false async=false", uri, properties);
  rig->pipeline = gst_parse_launch (launch, &error);
  g_assert_no_error (error);
  rig->src = gst_bin_get_by_name (GST_BIN (rig->pipeline), "src");
  sink = gst_bin_get_by_name (GST_BIN (rig->pipeline), "sink");
  g_signal_connect (sink, "handoff", G_CALLBACK (on_frame), rig);
  pad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_event, rig, NULL);
  gst_object_unref (pad);
  gst_object_unref (sink);
  rig->bus = gst_element_get_bus (rig->pipeline);
}

void
live_rig_play (LiveRig *rig)
{
  gst_element_set_state (rig->pipeline, GST_STATE_PLAYING);
}

void
live_rig_end (LiveRig *rig)
{
  gint64 start = g_get_monotonic_time ();

  gst_element_set_state (rig->pipeline, GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - start < 2 * G_USEC_PER_SEC, "stopping took %g s",
      (g_get_monotonic_time () - start) / 1e6);
  gst_object_unref (rig->bus);
  gst_object_unref (rig->src);
  gst_object_unref (rig->pipeline);
  hls_origin_free (rig->origin);
  g_free (rig->reason);
  g_free (rig->detail);
  g_free (rig->error);
  g_free (rig->doubt);
}

static void
take_doubt (LiveRig *rig, const GstStructure *structure)
{
  gboolean begins = g_strcmp0 (gst_structure_get_string (structure, "state"), "begin") == 0;

  fail_unless (gst_structure_has_field_typed (structure, "at", G_TYPE_INT64));
  fail_unless (gst_structure_has_field_typed (structure, "source", G_TYPE_STRING));
  rig->doubts += begins;
  rig->dispelled += !begins;
  g_free (rig->doubt);
  rig->doubt = g_strdup (gst_structure_get_string (structure, "reason"));
}

/* What a program shows that knows nothing of outages. */
static void
take_words (LiveRig *rig, GstMessage *message)
{
  gboolean begins = GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
  GError *error = NULL;

  (begins ? gst_message_parse_warning : gst_message_parse_info) (message, &error, NULL);
  fail_unless (gst_message_is_outage_in_words (message));
  fail_unless (strstr (error->message, begins ? rig->reason : "again") && !strstr (error->message, "://"), "it says %s",
      error->message);
  rig->warnings += begins;
  rig->notes += !begins;
  g_error_free (error);
}

static void
take (LiveRig *rig, GstMessage *message)
{
  GstCaptureOutage outage;
  GError *error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    if (rig->error == NULL)     /* others follow from it */
      rig->error = g_strdup (error->message);
    g_error_free (error);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    rig->eos = TRUE;
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING || GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO) {
    take_words (rig, message);
  } else if (gst_message_has_name (message, GST_LIVE_DOUBT_MESSAGE_NAME)) {
    take_doubt (rig, gst_message_get_structure (message));
  } else if (gst_capture_outage_parse (gst_message_get_structure (message), &outage)) {
    rig->begins += outage.begins;
    rig->ends += !outage.begins;
    g_free (rig->reason);
    g_free (rig->detail);
    rig->reason = g_strdup (outage.reason);
    rig->detail = g_strdup (outage.detail);
    fail_if (outage.detail && strstr (outage.detail, "://"), "an address in %s", outage.detail);
  }
}

static void
listen_once (LiveRig *rig)
{
  GstMessage *message = gst_bus_timed_pop_filtered (rig->bus, 10 * GST_MSECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS
      | GST_MESSAGE_ELEMENT | GST_MESSAGE_WARNING | GST_MESSAGE_INFO);

  if (message) {
    take (rig, message);
    gst_message_unref (message);
  }
}

void
live_rig_listen (LiveRig *rig, double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * 1e6);

  while (g_get_monotonic_time () < end)
    listen_once (rig);
}

/* Under sanitizers and on busy machines all takes longer. */
static gint64
end_of (double limit)
{
  return g_get_monotonic_time () + (gint64) (limit * 5e6);
}

void
live_rig_await_frames (LiveRig *rig, gint n, double limit)
{
  gint first = g_atomic_int_get (&rig->frames);
  gint64 end = end_of (limit);

  while (g_atomic_int_get (&rig->frames) < first + n) {
    listen_once (rig);
    fail_if (rig->error, "an error: %s", rig->error);
    fail_if (g_get_monotonic_time () > end, "%d of %d frames; outage: %s: %s", g_atomic_int_get (&rig->frames) - first, n,
        rig->reason, rig->detail);
  }
}

void
live_rig_await_outage (LiveRig *rig, const char *reason, double limit)
{
  guint before = rig->begins;
  gint64 end = end_of (limit);

  while (rig->begins == before) {
    listen_once (rig);
    fail_if (rig->error, "an error: %s", rig->error);
    fail_if (g_get_monotonic_time () > end, "no outage for %s", reason ? reason : "any reason");
  }
  if (reason)
    fail_unless_equals_string (rig->reason, reason);
}

void
live_rig_await_doubt (LiveRig *rig, const char *reason, gboolean begins, double limit)
{
  guint *count = begins ? &rig->doubts : &rig->dispelled, before = *count;
  gint64 end = end_of (limit);

  while (*count == before) {
    listen_once (rig);
    fail_if (rig->error, "an error: %s", rig->error);
    fail_if (g_get_monotonic_time () > end, "no doubt for %s", reason);
  }
  fail_unless_equals_string (rig->doubt, reason);
}

void
live_rig_await_end_of_outage (LiveRig *rig, double limit)
{
  gint64 end = end_of (limit);

  while (rig->ends < rig->begins) {
    listen_once (rig);
    fail_if (rig->error, "an error: %s", rig->error);
    fail_if (g_get_monotonic_time () > end, "the outage lasts: %s: %s", rig->reason, rig->detail);
  }
}

guint64
live_rig_number (LiveRig *rig, const char *group, const char *name)
{
  g_autoptr (GstStructure) statistics = NULL, inner = NULL;
  guint64 wide = 0;
  guint narrow = 0;
  gboolean truth = FALSE;

  g_object_get (rig->src, "statistics", &statistics, NULL);
  if (group)
    gst_structure_get (statistics, group, GST_TYPE_STRUCTURE, &inner, NULL);
  if (!gst_structure_get_uint64 (group ? inner : statistics, name, &wide)
      && !gst_structure_get_uint (group ? inner : statistics, name, &narrow))
    gst_structure_get_boolean (group ? inner : statistics, name, &truth);
  return MAX (wide, MAX (narrow, (guint) truth));
}
