/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-plazatestsrc.c: the element as a source: formats and sizes, repeatability, seeking, changes of caps, live timing,
 * errors, and starting and stopping a hundred times.
 */
#include <gst/check/gstharness.h>

#include "plaza-frames.h"
#include "tests/harness/resident-memory.h"

#define GROWTH_LIMIT_KB 2048

#ifdef __SANITIZE_ADDRESS__
#define FORMAT_STEP 9                   /* a sanitizer is slow */
#define CYCLES 30
#else
#define FORMAT_STEP 1
#define CYCLES 120
#endif

#define SMALL "video/x-raw,width=64,height=48,framerate=30/1"

static GstBuffer *
nth (GPtrArray *frames, guint n)
{
  fail_unless (n < frames->len, "only %u frames", frames->len);
  return g_ptr_array_index (frames, n);
}

GST_START_TEST (test_defaults)
{
  GstHarness *h = gst_harness_new ("plaza-test-src");
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo info;
  GstBuffer *buffer;

  gst_harness_play (h);
  buffer = gst_harness_pull (h);
  fail_unless (buffer != NULL);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_video_info_from_caps (&info, caps));
  fail_unless_equals_int (info.width, 960);
  fail_unless_equals_int (info.height, 576);
  fail_unless_equals_int (info.fps_n, 30);
  fail_unless_equals_int (info.fps_d, 1);
  fail_unless (GST_VIDEO_INFO_IS_RGB (&info));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), 0);
  fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), GST_SECOND / 30);
  fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), 0);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A width alone brings a height that fits it. */
GST_START_TEST (test_half_given_size)
{
  GstElement *pipeline = plaza_frames_parse ("plaza-test-src num-buffers=1 ! video/x-raw,width=500 ! fakesink name=sink");
  GPtrArray *frames = plaza_frames_play_pipeline (pipeline);

  fail_unless_equals_int (gst_buffer_get_size (nth (frames, 0)), 500 * 300 * 4);
  g_ptr_array_unref (frames);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* Mean of the frame's green, or what comes nearest to it after conversion to RGB. */
static gdouble
brightness (GstBuffer *buffer)
{
  GstMapInfo map;
  gdouble sum = 0;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  for (gsize i = 0; i < map.size; i++)
    sum += map.data[i];
  gst_buffer_unmap (buffer, &map);
  return sum / map.size;
}

/* Every format of the template, at an odd size: a frame of the right size that shows the same plaza. */
GST_START_TEST (test_formats)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("plaza-test-src");
  const GList *templates = gst_element_factory_get_static_pad_templates (factory);
  g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (templates->data);
  const GValue *formats = gst_structure_get_value (gst_caps_get_structure (caps, 1), "format");
  GPtrArray *plain = plaza_frames_play ("num-buffers=1 noise=0 time-of-day=700 ! video/x-raw,format=GRAY8,width=63,height=47"
      " ! videoconvert ! video/x-raw,format=GRAY8");
  gdouble expected = brightness (nth (plain, 0));

  fail_unless (gst_value_list_get_size (formats) > 50);
  for (guint i = 0; i < gst_value_list_get_size (formats); i += FORMAT_STEP) {
    const gchar *name = g_value_get_string (gst_value_list_get_value (formats, i));
    g_autofree gchar *line = g_strdup_printf ("num-buffers=1 noise=0 time-of-day=700 ! video/x-raw,format=%s,width=63,"
        "height=47 ! videoconvert ! video/x-raw,format=GRAY8", name);
    GPtrArray *frames = plaza_frames_play (line);
    gdouble got = brightness (nth (frames, 0));

    /* GStreamer's conversion to a palette is left alone. */
    fail_unless (ABS (got - expected) < 12 || g_str_equal (name, "RGB8P"), "%s: brightness %.1f instead of %.1f", name, got, expected);
    fail_unless (plaza_frames_people (nth (frames, 0)) >= 0);
    g_ptr_array_unref (frames);
  }
  g_ptr_array_unref (plain);
}

GST_END_TEST;

GST_START_TEST (test_same_seed_same_bytes)
{
  GPtrArray *a = plaza_frames_play ("num-buffers=6 seed=8 time-scale=600 ! video/x-raw,width=320,height=192");
  GPtrArray *b = plaza_frames_play ("num-buffers=6 seed=8 time-scale=600 ! video/x-raw,width=320,height=192");
  GPtrArray *c = plaza_frames_play ("num-buffers=6 seed=9 time-scale=600 ! video/x-raw,width=320,height=192");

  fail_unless_equals_int (a->len, 6);
  for (guint i = 0; i < a->len; i++) {
    fail_unless (plaza_frames_equal (nth (a, i), nth (b, i)));
    fail_if (plaza_frames_equal (nth (a, i), nth (c, i)));
    fail_unless_equals_uint64 (GST_BUFFER_PTS (nth (a, i)), gst_util_uint64_scale (i, GST_SECOND, 30));
  }
  g_ptr_array_unref (a);
  g_ptr_array_unref (b);
  g_ptr_array_unref (c);
}

GST_END_TEST;

typedef struct { GPtrArray *frames; GMutex lock; } Collector;

static GstPadProbeReturn
collect (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Collector *collector = data;

  g_mutex_lock (&collector->lock);
  g_ptr_array_add (collector->frames, gst_buffer_ref (GST_PAD_PROBE_INFO_BUFFER (info)));
  g_mutex_unlock (&collector->lock);
  return GST_PAD_PROBE_OK;
}

/* Plays [start, stop) at rate after a flushing seek from PAUSED, and returns what came after the seek. */
static GPtrArray *
play_part (gdouble rate, GstClockTime start, GstClockTime stop)
{
  GstElement *pipeline = plaza_frames_parse ("plaza-test-src name=src seed=3 time-scale=60 ! " SMALL
      " ! fakesink name=sink sync=false");
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (src, "src");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  Collector collector = { g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref) };

  g_mutex_init (&collector.lock);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  fail_unless_equals_int (gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, collect, &collector, NULL);
  g_mutex_lock (&collector.lock);
  g_ptr_array_set_size (collector.frames, 0);
  g_mutex_unlock (&collector.lock);
  fail_unless (gst_element_seek (pipeline, rate, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE,
          GST_SEEK_TYPE_SET, start, GST_SEEK_TYPE_SET, stop));
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_mutex_clear (&collector.lock);
  return collector.frames;
}

/* A frame reached by seeking is the frame reached by waiting, forwards and backwards. */
GST_START_TEST (test_seek)
{
  GPtrArray *straight = plaza_frames_play ("num-buffers=90 seed=3 time-scale=60 ! " SMALL);
  GPtrArray *later = play_part (1, 2 * GST_SECOND, 3 * GST_SECOND), *back = play_part (-1, GST_SECOND, 2 * GST_SECOND);
  guint offset = 0;

  /* A frame of before the seek may still have been on its way. */
  if (GST_BUFFER_OFFSET (nth (later, 0)) != 60)
    offset = 1;
  fail_unless (later->len >= 30 + offset);
  for (guint i = 0; i < 30; i++) {
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth (later, offset + i)), 60 + i);
    fail_unless (plaza_frames_equal (nth (later, offset + i), nth (straight, 60 + i)));
  }
  offset = GST_BUFFER_OFFSET (nth (back, 0)) == 59 ? 0 : 1;
  fail_unless (back->len >= 30 + offset);
  for (guint i = 0; i < 30; i++) {
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (nth (back, offset + i)), 59 - i);
    fail_unless (plaza_frames_equal (nth (back, offset + i), nth (straight, 59 - i)));
  }
  g_ptr_array_unref (straight);
  g_ptr_array_unref (later);
  g_ptr_array_unref (back);
}

GST_END_TEST;

/* Size and rate may change in the middle: time goes on without a gap, and so do the people. */
GST_START_TEST (test_caps_change)
{
  GstElement *pipeline = plaza_frames_parse ("plaza-test-src num-buffers=40 noise=0 ! capsfilter name=filter caps=" SMALL
      " ! fakesink name=sink");
  g_autoptr (GstElement) filter = gst_bin_get_by_name (GST_BIN (pipeline), "filter");
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw,width=97,height=61,framerate=10/1,format=I420");
  GstClockTime expected = 0;
  GPtrArray *frames;
  gboolean changed = FALSE;
  gulong probe;
  Collector counter = { g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref) };

  g_mutex_init (&counter.lock);
  probe = gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, collect, &counter, NULL);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
  g_object_set (filter, "caps", caps, NULL);
  frames = plaza_frames_play_pipeline (pipeline);
  for (guint i = 0; i < counter.frames->len; i++) {
    GstBuffer *buffer = nth (counter.frames, i);
    gboolean large = gst_buffer_get_size (buffer) != 64 * 48 * 4;

    fail_if (changed && !large, "the old size came back");
    changed |= large;
    fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), expected);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (buffer), large ? GST_SECOND / 10 : GST_SECOND / 30);
    fail_unless_equals_uint64 (GST_BUFFER_OFFSET (buffer), i);
    expected += GST_BUFFER_DURATION (buffer);
  }
  fail_unless (changed && counter.frames->len == 40);
  gst_pad_remove_probe (pad, probe);
  g_ptr_array_unref (counter.frames);
  g_ptr_array_unref (frames);
  g_mutex_clear (&counter.lock);
  gst_object_unref (pipeline);
}

GST_END_TEST;

/* Without a frame rate there is one picture. */
GST_START_TEST (test_still)
{
  GPtrArray *frames = plaza_frames_play ("! video/x-raw,width=64,height=48,framerate=0/1");

  fail_unless_equals_int (frames->len, 1);
  fail_if (GST_BUFFER_DURATION_IS_VALID (nth (frames, 0)));
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* A live source sends by the clock: half a second of frames takes half a second. */
GST_START_TEST (test_live)
{
  gint64 begun = g_get_monotonic_time ();
  GPtrArray *frames = plaza_frames_play ("is-live=true num-buffers=11 ! video/x-raw,width=64,height=48,framerate=20/1");
  gdouble seconds = (g_get_monotonic_time () - begun) / 1e6;
  GstClockTime last = 0;

  fail_unless (seconds > 0.45 && seconds < 5, "took %.2f s", seconds);
  fail_unless_equals_int (frames->len, 11);
  for (guint i = 1; i < frames->len; i++) {
    fail_unless (GST_BUFFER_PTS (nth (frames, i)) > last);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (nth (frames, i)) % (50 * GST_MSECOND), 0);
    last = GST_BUFFER_PTS (nth (frames, i));
  }
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* A pipeline that needs 100 ms a frame gets every other or third frame of a live 30/1 stream, and stays in time. */
GST_START_TEST (test_live_leaves_out)
{
  GPtrArray *frames = plaza_frames_play ("is-live=true num-buffers=8 ! " SMALL " ! identity sleep-time=100000");
  GstBuffer *last = nth (frames, 7);

  fail_unless (GST_BUFFER_OFFSET (last) >= 16, "the 8th frame is number %" G_GUINT64_FORMAT, GST_BUFFER_OFFSET (last));
  fail_unless (GST_BUFFER_FLAG_IS_SET (last, GST_BUFFER_FLAG_DISCONT));
  fail_unless_equals_uint64 (GST_BUFFER_PTS (last), gst_util_uint64_scale (GST_BUFFER_OFFSET (last), GST_SECOND, 30));
  g_ptr_array_unref (frames);
}

GST_END_TEST;

GST_START_TEST (test_queries)
{
  GstElement *pipeline = plaza_frames_parse ("plaza-test-src name=src is-live=true ! video/x-raw,width=64,height=48,"
      "framerate=25/1 ! fakesink name=sink");
  g_autoptr (GstElement) src = gst_bin_get_by_name (GST_BIN (pipeline), "src");
  GstQuery *query = gst_query_new_latency ();
  GstClockTime least;
  gboolean live, seekable;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
  fail_unless (gst_element_query (src, query));
  gst_query_parse_latency (query, &live, &least, NULL);
  fail_unless (live);
  fail_unless_equals_uint64 (least, 40 * GST_MSECOND);
  gst_query_unref (query);

  query = gst_query_new_seeking (GST_FORMAT_TIME);
  fail_unless (gst_element_query (src, query));
  gst_query_parse_seeking (query, NULL, &seekable, NULL, NULL);
  fail_if (seekable, "a live source cannot be seeked");
  gst_query_unref (query);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST;

GST_START_TEST (test_timestamp_offset)
{
  GPtrArray *frames = plaza_frames_play ("num-buffers=2 timestamp-offset=5000000000 ! " SMALL);

  fail_unless_equals_uint64 (GST_BUFFER_PTS (nth (frames, 0)), 5 * GST_SECOND);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

GST_START_TEST (test_state_cycles)
{
  GstElement *pipeline = plaza_frames_parse ("plaza-test-src ! video/x-raw,format=I420,width=96,height=64 ! fakesink "
      "sync=false name=sink");
  glong settled = 0;

  for (int i = 0; i < CYCLES; i++) {
    gst_element_set_state (pipeline, i % 3 ? GST_STATE_PLAYING : GST_STATE_PAUSED);
    fail_unless_equals_int (gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state (pipeline, i % 2 ? GST_STATE_NULL : GST_STATE_READY);
    if (i == 20)
      settled = resident_kb ();
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (resident_kb () - settled < GROWTH_LIMIT_KB, "grew from %ld to %ld kB", settled, resident_kb ());
  gst_object_unref (pipeline);
}

GST_END_TEST;

static Suite *
plazatestsrc_suite (void)
{
  Suite *suite = suite_create ("plazatestsrc");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_set_timeout (tc, 60);
  tcase_add_test (tc, test_defaults);
  tcase_add_test (tc, test_half_given_size);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_same_seed_same_bytes);
  tcase_add_test (tc, test_seek);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_still);
  tcase_add_test (tc, test_live);
  tcase_add_test (tc, test_live_leaves_out);
  tcase_add_test (tc, test_queries);
  tcase_add_test (tc, test_timestamp_offset);
  tcase_add_test (tc, test_state_cycles);
  return suite;
}

GST_CHECK_MAIN (plazatestsrc);
