/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-sequence.c: that no sample is missed, told by the media sequence of each frame: when the thread that
 * takes them is late, and where one address of the stream gives way to the next before it expires.
 *
 * Segments are counted, not seconds: the origin keeps the last six, so a machine may be slow, but none may be left
 * out. */
#include "live-rig.h"

#define PATIENCE 60             /* seconds */

/* Waits until frames of n more segments have come. */
static void
await_segments (LiveRig *rig, gint n)
{
  gint from = g_atomic_int_get (&rig->last);

  while (g_atomic_int_get (&rig->last) < from + n)
    live_rig_await_frames (rig, 1, PATIENCE);
}

static void
check_sequence (LiveRig *rig, gint frames)
{
  fail_unless_equals_int (g_atomic_int_get (&rig->skipped), 0);
  fail_unless_equals_int (g_atomic_int_get (&rig->returned), 0);
  fail_unless_equals_int (rig->begins, 0);
  if (frames)                   /* one of each segment */
    fail_unless_equals_int (frames, g_atomic_int_get (&rig->last) - g_atomic_int_get (&rig->first) + 1);
}

/* An interval of one segment takes each of them once. */
GST_START_TEST (test_every_segment)
{
  LiveRig rig;

  live_rig_begin_paced (&rig, "/live.m3u8", "interval=1000000000", 1);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 8, PATIENCE);
  gst_element_set_state (rig.pipeline, GST_STATE_READY);
  check_sequence (&rig, rig.frames);
  live_rig_end (&rig);
}

GST_END_TEST
/* An interval of two segments takes every other, also where the clock that wakes the sampler drifts against the
 * stream's. */
GST_START_TEST (test_every_other_segment)
{
  LiveRig rig;
  gint frames;

  live_rig_begin_paced (&rig, "/live.m3u8", "interval=1000000000", 0.5);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 6, PATIENCE);
  gst_element_set_state (rig.pipeline, GST_STATE_READY);
  frames = rig.frames;
  fail_unless_equals_int (rig.last - rig.first, 2 * (frames - 1));
  fail_unless_equals_int (rig.skipped, frames - 1);
  live_rig_end (&rig);
}

GST_END_TEST
/* Answers that come two and a half segments late leave none out. */
GST_START_TEST (test_late)
{
  LiveRig rig;

  live_rig_begin_paced (&rig, "/live.m3u8", "interval=1000000000 request-timeout=60000000000 timeout=60000000000", 1);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, PATIENCE);
  for (int i = 0; i < 2; i++) {
    hls_origin_set (rig.origin, "delay", 2.5);
    live_rig_await_frames (&rig, 1, PATIENCE);
    hls_origin_set (rig.origin, "delay", 0);
    live_rig_await_frames (&rig, 4, PATIENCE);
  }
  gst_element_set_state (rig.pipeline, GST_STATE_READY);
  check_sequence (&rig, rig.frames);
  live_rig_end (&rig);
}

GST_END_TEST
/* Where only every other segment begins with a key frame, those are what is taken, and it is no outage. */
GST_START_TEST (test_long_groups)
{
  LiveRig rig;

  live_rig_begin_paced (&rig, "/live.m3u8", "interval=500000000", 0.5);
  hls_origin_set (rig.origin, "keyless", 2);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 6, PATIENCE);
  gst_element_set_state (rig.pipeline, GST_STATE_READY);
  fail_unless_equals_int (rig.begins, 0);
  fail_unless_equals_int (rig.first % 2, 0);
  fail_unless_equals_int (rig.last - rig.first, 2 * (rig.frames - 1));
  live_rig_end (&rig);
}

GST_END_TEST
/* How many addresses were polled, each until the next one took over for good; one look at each is the proof of a
 * finder. */
static guint
count_addresses (HlsOrigin *origin)
{
  g_autoptr (GPtrArray) seen = g_ptr_array_new_with_free_func (g_free);
  g_autofree gchar *current = NULL;
  gchar *path;
  guint back = 0;

  for (guint i = 0; (path = hls_origin_request (origin, i)); i++) {
    if (!g_str_has_prefix (path, "/expire/")) {
      g_free (path);
      continue;
    }
    if (!g_ptr_array_find_with_equal_func (seen, path, g_str_equal, NULL)) {
      g_ptr_array_add (seen, path);     /* proven; the old one may go on for a poll or so */
      continue;
    }
    if (g_strcmp0 (path, current) != 0 && current) {
      guint old, new;

      g_ptr_array_find_with_equal_func (seen, current, g_str_equal, &old);
      g_ptr_array_find_with_equal_func (seen, path, g_str_equal, &new);
      back += new < old;
    }
    g_free (current);
    current = path;
  }
  fail_unless_equals_int (back, 0);
  return seen->len;
}

/* Addresses that live for ten seconds, renewed half way by a program that takes half a second: the switch
 * comes while the old one works, and samples go on through it, segment after segment. */
GST_START_TEST (test_switch)
{
  LiveRig rig;
  g_autofree gchar *command = NULL;
  guint switches = 0;

  live_rig_begin_paced (&rig, "/page", "resolve-margin=7000000000 resolver-timeout=30000000000 timeout=60000000000 "
      "request-timeout=30000000000", __i__ ? SEGMENT : 1);
  command = g_strdup_printf ("sh -c 'sleep 0.5; echo http://127.0.0.1:%u/expire/$(($(date +%%s) + 10))/live.m3u8'",
      hls_origin_port (rig.origin));
  g_object_set (rig.src, "resolver", command, "interval", (guint64) (__i__ ? 0 : GST_SECOND), NULL);
  live_rig_play (&rig);
  await_segments (&rig, 3);     /* before */
  while (switches < 3) {        /* across */
    await_segments (&rig, 1);
    switches = live_rig_number (&rig, NULL, "resolves-ok") - 1;
  }
  await_segments (&rig, 3);     /* after */
  fail_unless_equals_uint64 (live_rig_number (&rig, "http-responses", "playlist-410"), 0);
  gst_element_set_state (rig.pipeline, GST_STATE_READY);
  check_sequence (&rig, __i__ ? 0 : rig.frames);
  fail_unless (count_addresses (rig.origin) >= 4);
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_test (tests, test_every_segment);
  tcase_add_test (tests, test_every_other_segment);
  tcase_add_test (tests, test_late);
  tcase_add_test (tests, test_long_groups);
  tcase_add_loop_test (tests, test_switch, 0, 2);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-sequence", 2 * PATIENCE, add_tests);
}
