/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headoverlay.c: head-overlay draws where it should and nowhere else, into any format and size, and forgets what
 * is over.
 */
#include "overlay-rig.h"

#include <gst/heads/heads.h>
#include <math.h>

#include "tests/harness/resident-memory.h"

#define GROWTH_LIMIT_KB 2048

#ifdef __SANITIZE_ADDRESS__
#define FORMAT_STEP 9                   /* a sanitizer is slow */
#else
#define FORMAT_STEP 1
#endif

/* Without predictions the frame passes as it is, in the same memory. */
GST_START_TEST (test_nothing_to_draw)
{
  GstHarness *h = rig_harness ("");
  GstBuffer *in, *out;

  rig_set_caps (h, "", "BGRx", 320, 240);
  in = rig_frame (h, 0);
  out = rig_pass (h, in);
  fail_unless (in == out);
  fail_unless_equals_int (rig_trace (out, 320).changed, 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* The cards stay in their corner, whichever it is, also when it changes on the way. */
GST_START_TEST (test_anchors)
{
  static const gchar *const anchors[] = { "top-left", "top-right", "bottom-left", "bottom-right" };
  GstHarness *h = rig_harness ("");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");

  rig_set_caps (h, "", "BGRx", 640, 480);
  for (guint i = 0; i < 4; i++) {
    Trace found;

    gst_util_set_object_arg (G_OBJECT (overlay), "anchor", anchors[i]);
    found = rig_trace_of_prediction (h, i, 640);
    fail_unless (found.changed > 2000, "%s: %u bytes changed", anchors[i], found.changed);
    fail_unless (i & 1 ? found.x0 > 200 && found.x1 < 636 : found.x0 > 4 && found.x1 < 440, "%s: %d to %d", anchors[i],
        found.x0, found.x1);
    fail_unless (i & 2 ? found.y0 > 360 && found.y1 < 476 : found.y0 > 4 && found.y1 < 120, "%s: %d to %d", anchors[i],
        found.y0, found.y1);
  }
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

static guint
differing_bytes (GstBuffer *a, GstBuffer *b)
{
  GstMapInfo x, y;
  guint n = 0;

  fail_unless (gst_buffer_map (a, &x, GST_MAP_READ) && gst_buffer_map (b, &y, GST_MAP_READ));
  fail_unless_equals_int (x.size, y.size);
  for (gsize i = 0; i < x.size; i++)
    n += x.data[i] != y.data[i];
  gst_buffer_unmap (a, &x);
  gst_buffer_unmap (b, &y);
  return n;
}

/* Every format of the template at an odd size: some bytes change, most do not. */
GST_START_TEST (test_formats)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("head-overlay");
  const GList *templates = gst_element_factory_get_static_pad_templates (factory);
  g_autoptr (GstCaps) caps = gst_static_pad_template_get_caps (templates->data);
  const GValue *formats = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");

  fail_unless (gst_value_list_get_size (formats) > 50);
  for (guint i = 0; i < gst_value_list_get_size (formats); i += FORMAT_STEP) {
    const gchar *name = g_value_get_string (gst_value_list_get_value (formats, i));
    GstHarness *h = rig_harness ("plot=false");
    GstBuffer *before, *after;
    guint changed;

    rig_set_caps (h, "", name, 321, 241);
    before = rig_frame (h, 0);
    after = rig_pass (h, rig_predict (gst_buffer_copy_deep (before), "people", "count", 3, "3"));
    changed = differing_bytes (before, after);
    fail_unless (changed > 500, "%s: %u bytes changed", name, changed);
    fail_unless (changed < gst_buffer_get_size (before) / 3, "%s: %u of %" G_GSIZE_FORMAT " bytes changed", name, changed,
        gst_buffer_get_size (before));
    gst_buffer_unref (before);
    gst_buffer_unref (after);
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* From a single pixel to 4K; where there is room for letters there are some. */
GST_START_TEST (test_sizes)
{
  static const gint sizes[][2] = { {1, 1}, {16, 16}, {17, 401}, {64, 48}, {161, 121}, {480, 360}, {1920, 1080},
    {3840, 2160} };

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstHarness *h = rig_harness ("");
    Trace found;

    rig_set_caps (h, "", "BGRx", sizes[i][0], sizes[i][1]);
    found = rig_trace_of_prediction (h, 0, sizes[i][0]);
    if (sizes[i][0] >= 160)
      fail_unless (found.changed > 500, "nothing drawn at %dx%d", sizes[i][0], sizes[i][1]);
    /* A third of the frame at most. */
    fail_unless (found.changed <= (guint) (sizes[i][0] * sizes[i][1] * 4 / 3));
    gst_harness_teardown (h);
  }
}

GST_END_TEST;

/* Frames without a prediction go on showing the last one for hold-time, and then nothing. */
GST_START_TEST (test_hold_time)
{
  GstHarness *h = rig_harness ("hold-time=200000000");

  rig_set_caps (h, "", "BGRx", 320, 240);
  fail_unless (rig_trace_of_prediction (h, 0, 320).changed > 500);
  for (guint i = 1; i < 10; i++) {
    GstBuffer *out = rig_pass (h, rig_frame (h, i));

    /* 200 ms are five frames. */
    fail_unless_equals_int (rig_trace (out, 320).changed > 0, i <= 5);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* After a flush, and when time jumps back, nothing of before is shown. */
GST_START_TEST (test_flush)
{
  GstHarness *h = rig_harness ("hold-time=18446744073709551615");
  GstBuffer *out;

  rig_set_caps (h, "", "BGRx", 320, 240);
  fail_unless (rig_trace_of_prediction (h, 50, 320).changed > 500);
  gst_harness_push_event (h, gst_event_new_flush_start ());
  gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  out = rig_pass (h, rig_frame (h, 51));
  fail_unless_equals_int (rig_trace (out, 320).changed, 0);
  gst_buffer_unref (out);

  fail_unless (rig_trace_of_prediction (h, 52, 320).changed > 500);
  out = rig_pass (h, rig_frame (h, 1));
  fail_unless_equals_int (rig_trace (out, 320).changed, 0);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* New caps redraw at the new size and keep the history. */
GST_START_TEST (test_caps_change)
{
  GstHarness *h = rig_harness ("");
  Trace small, large;

  rig_set_caps (h, "", "BGRx", 320, 240);
  small = rig_trace_of_prediction (h, 0, 320);
  rig_set_caps (h, "", "BGRx", 1280, 960);
  large = rig_trace_of_prediction (h, 1, 1280);
  fail_unless (large.y1 - large.y0 > 1.8 * (small.y1 - small.y0));
  rig_set_caps (h, "", "I420", 33, 31);
  gst_buffer_unref (rig_pass (h, rig_predict (rig_frame (h, 2), "people", "count", 3, "3")));
  gst_harness_teardown (h);
}

GST_END_TEST;

/* Predictions no sane head would make neither crash nor leave the frame. */
GST_START_TEST (test_odd_predictions)
{
  static const gdouble values[] = { NAN, INFINITY, -INFINITY, 1e308, -1e308, 5e-324, 0 };
  GstHarness *h = rig_harness ("");
  g_autofree gchar *endless = g_strnfill (20000, 'W');
  guint n = 0;

  rig_set_caps (h, "", "BGRx", 320, 240);
  for (guint i = 0; i < G_N_ELEMENTS (values); i++) {
    static const gchar *const kinds[] = { "scalar", "count", "time", "class" };

    for (guint k = 0; k < 4; k++, n++) {
      GstBuffer *in = rig_frame (h, n), *out;
      GstHeadPrediction prediction = { "odd", kinds[k], values[i], values[i], "", n % 2 ? endless : "\xe2\x82\xac\n?",
        "0123456789abcdef", "0123456789abcdef" };

      /* The library may refuse it; a producer without the library may not. */
      gst_buffer_add_head_prediction (in, &prediction);
      rig_predict (in, "fine", "scalar", values[i], "a\nb\tc");
      out = rig_pass (h, in);
      fail_unless (rig_trace (out, 320).changed < 320 * 240 * 4);
      gst_buffer_unref (out);
    }
  }
  gst_harness_teardown (h);
}

GST_END_TEST;

/* More heads than fit: those that do. */
GST_START_TEST (test_many_heads)
{
  GstHarness *h = rig_harness ("scale=2");
  GstBuffer *in, *out;

  rig_set_caps (h, "", "BGRx", 320, 240);
  in = rig_frame (h, 0);
  for (guint i = 0; i < 40; i++) {
    g_autofree gchar *name = g_strdup_printf ("head-%u", i);

    rig_predict (in, name, "scalar", i, "1.5 m");
  }
  out = rig_pass (h, in);
  fail_unless (rig_trace (out, 320).changed > 2000);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

GST_END_TEST;

/* A hundred lives of the element, each drawing: nothing is left behind. */
GST_START_TEST (test_state_cycles)
{
  GstHarness *h = rig_harness ("");
  GstElement *overlay = gst_harness_find_element (h, "head-overlay");
  glong settled = 0;

  for (guint i = 0; i < 120; i++) {
    gst_element_set_state (overlay, GST_STATE_NULL);
    gst_harness_play (h);
    rig_set_caps (h, "", "I420", 320 + i % 3, 240);
    gst_harness_push_event (h, gst_event_new_flush_start ());
    gst_harness_push_event (h, gst_event_new_flush_stop (TRUE));
    GstSegment segment;
    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_harness_push_event (h, gst_event_new_segment (&segment));
    for (guint k = 0; k < 3; k++)
      gst_buffer_unref (rig_pass (h, rig_predict (rig_frame (h, k), "people", "count", k, "3 people")));
    if (i == 20)
      settled = resident_kb ();
  }
  fail_unless (resident_kb () - settled < GROWTH_LIMIT_KB, "grew from %ld to %ld kB", settled, resident_kb ());
  gst_object_unref (overlay);
  gst_harness_teardown (h);
}

GST_END_TEST;

static Suite *
headoverlay_suite (void)
{
  Suite *suite = suite_create ("headoverlay");
  TCase *tc = tcase_create ("general");

  rig_load_fonts ();
  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_nothing_to_draw);
  tcase_add_test (tc, test_anchors);
  tcase_add_test (tc, test_formats);
  tcase_add_test (tc, test_sizes);
  tcase_add_test (tc, test_hold_time);
  tcase_add_test (tc, test_flush);
  tcase_add_test (tc, test_caps_change);
  tcase_add_test (tc, test_odd_predictions);
  tcase_add_test (tc, test_many_heads);
  tcase_add_test (tc, test_state_cycles);
  return suite;
}

GST_CHECK_MAIN (headoverlay);
