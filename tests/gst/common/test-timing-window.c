/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-timing-window.c: percentiles of few, many and too many durations. */
#include <gst/check/gstcheck.h>

#include "gst/common/gsttimingwindow.h"

GST_START_TEST (test_percentiles)
{
  GstTimingWindow window = { {0}, 0, 0 };

  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 0.5), 0);
  gst_timing_window_add (&window, 7);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 0.0), 7);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 0.5), 7);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 1.0), 7);

  gst_timing_window_reset (&window);
  for (guint i = 100; i >= 1; i--)
    gst_timing_window_add (&window, i);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 0.50), 50);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 0.95), 95);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 1.0), 100);
  fail_unless_equals_uint64 (gst_timing_window_percentile (&window, 7.0), 100);
}
GST_END_TEST;

/* Only the most recent ones count. */
GST_START_TEST (test_forgets)
{
  GstTimingWindow window = { {0}, 0, 0 };
  GstStructure *stats;
  gdouble p50, p95;

  for (guint i = 0; i < 1000; i++)
    gst_timing_window_add (&window, 500 * GST_MSECOND);
  for (guint i = 0; i < GST_TIMING_WINDOW_SIZE; i++)
    gst_timing_window_add (&window, 2 * GST_MSECOND);
  stats = gst_structure_new_empty ("stats");
  gst_timing_window_describe (&window, stats);
  fail_unless (gst_structure_get (stats, "ms-p50", G_TYPE_DOUBLE, &p50, "ms-p95", G_TYPE_DOUBLE, &p95, NULL));
  fail_unless_equals_float (p50, 2.0);
  fail_unless_equals_float (p95, 2.0);
  gst_structure_free (stats);
}
GST_END_TEST;

static Suite *
timing_window_suite (void)
{
  Suite *suite = suite_create ("timing-window");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_percentiles);
  tcase_add_test (tcase, test_forgets);
  return suite;
}

GST_CHECK_MAIN (timing_window);
