/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-doubts.c: frames that come but are not what they seem: of a clock that is off, and of a picture that
 * does not move. They go on, and it is told. */
#include "live-rig.h"

#define PATIENCE 20             /* seconds */
#define DAY 86400.

static double
clock_offset (LiveRig *rig)
{
  g_autoptr (GstStructure) statistics = NULL;
  double offset = 0;

  g_object_get (rig->src, "statistics", &statistics, NULL);
  fail_unless (gst_structure_get_double (statistics, "clock-offset", &offset));
  return offset;
}

/* Begins where the origin's dates leave this machine's by more than a minute, and ends where they are back. */
GST_START_TEST (test_clock)
{
  static const double skews[] = { 90, -90, DAY, -DAY };
  double skew = skews[__i__ / 2], offset;
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", __i__ % 2 ? "interval=0" : "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, PATIENCE);
  fail_unless_equals_int (g_atomic_int_get (&rig.suspects), 0);
  hls_origin_set (rig.origin, "skew", skew);
  live_rig_await_doubt (&rig, "clock", TRUE, PATIENCE);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "clock-suspect"), TRUE);
  live_rig_await_frames (&rig, 2, PATIENCE);
  fail_unless (g_atomic_int_get (&rig.suspects) >= 2);
  offset = clock_offset (&rig);
  fail_unless (ABS (offset - skew) < 25, "%g s, and the clock is off by %g", offset, skew);
  hls_origin_set (rig.origin, "skew", 0);
  live_rig_await_doubt (&rig, "clock", FALSE, PATIENCE);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "clock-suspect"), FALSE);
  fail_unless_equals_int (rig.doubts, 1);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* Half a minute is what players and networks keep back; that is nobody's fault. */
GST_START_TEST (test_clock_nearly_right)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "");
  hls_origin_set (rig.origin, "skew", -30);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 4, PATIENCE);
  fail_unless_equals_int (g_atomic_int_get (&rig.suspects), 0);
  fail_unless_equals_int (rig.doubts, 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* New segments with the old picture. */
GST_START_TEST (test_frozen)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live.m3u8", "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 8, PATIENCE);
  fail_unless_equals_int (rig.doubts, 0);
  hls_origin_set (rig.origin, "still", 1);
  live_rig_await_doubt (&rig, "frozen", TRUE, PATIENCE);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "frozen"), TRUE);
  live_rig_await_frames (&rig, 2, PATIENCE);    /* flagged, not left out */
  hls_origin_set (rig.origin, "still", 0);
  live_rig_await_doubt (&rig, "frozen", FALSE, PATIENCE);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "frozen"), FALSE);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_loop_test (tests, test_clock, 0, 8);
  tcase_add_test (tests, test_clock_nearly_right);
  tcase_add_test (tests, test_frozen);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-doubts", 120, add_tests);
}
