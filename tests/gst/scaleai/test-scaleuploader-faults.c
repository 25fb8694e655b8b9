/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scaleuploader-faults.c: what becomes of frames, and what the outbox says of it, when the network, the service or
 * the answers are not as they should be. */
#include "uploader-rig.h"

#include <gst/check/gstharness.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>

static const gchar *const faults[] = {
  "status=500", "status=500 commit", "status=502", "status=503 retry-after=1", "status=504 commit", "status=429 retry-after=1",
  "status=429 retry-after=date:1", "status=408", "html=502", "html=200", "html=503 commit", "drop", "drop commit", "hang",
  "hang commit", "truncate", "cut", "slow=20", "delay=2", "delay=2 commit",
};

/* Every one once, two requests apart, so that none is taken for an outage. */
GST_START_TEST (test_faults)
{
  const guint n = 2 * G_N_ELEMENTS (faults);
  g_autofree gchar *source = g_strdup_printf ("videotestsrc pattern=ball num-buffers=%u ! video/x-raw,width=96,height=96", n);
  RigRun run;

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autofree gchar *once = g_strdup_printf ("POST /v1/files/upload %s skip=%u count=1", faults[i], 2 * i);

    rig_add_fault (once);
  }
  run = rig_play (source, "in-flight=4 timeout=3000000000");
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (run.uploaded == n && run.refused == 0, "%u uploaded, %u refused", run.uploaded, run.refused);
  fail_unless (run.already > 0);
  rig_check_files ("files", n);
  rig_check_outbox (0, n, 0);
  rig_run_clear (&run);
}

GST_END_TEST;

/* An outage is told once, and its end. */
GST_START_TEST (test_outage)
{
  RigRun run;

  rig_add_fault ("POST /v1/files/upload drop count=5");
  run = rig_play (THREE, "");
  fail_unless_equals_int (run.uploaded, 3);
  fail_unless_equals_int (run.troubles, 1);
  fail_unless_equals_int (run.resumed, 1);
  rig_check_files ("files", 3);
  rig_run_clear (&run);
}

GST_END_TEST;

/* What was not sent is sent by the next run. */
GST_START_TEST (test_next_start)
{
  RigRun run;

  g_clear_pointer (&rig_server, scale_server_free);
  run = rig_play (THREE, "drain-time=100000000");
  fail_unless (run.error == NULL && run.uploaded == 0, "%s", run.error);
  fail_unless_equals_uint64 (run.pending, 3);
  rig_check_outbox (3, 0, 0);
  rig_run_clear (&run);
  rig_serve ();
  run = rig_play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "");
  fail_unless_equals_int (run.uploaded, 4);
  fail_unless_equals_uint64 (run.pending, 0);
  rig_check_files ("files", 4);
  rig_check_outbox (0, 4, 0);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_bad_key)
{
  RigRun run;

  g_setenv ("SCALE_API_KEY", "test_of_somebody_else", TRUE);
  run = rig_play (THREE, "drain-time=1000000000");
  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless (run.warning && strstr (run.warning, "key is not accepted"), "%s", run.warning);
  fail_unless (run.uploaded == 0 && run.refused == 0 && run.troubles == 1);
  rig_check_outbox (3, 0, 0);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_unknown_project)
{
  RigRun run = rig_play (THREE, "project=round drain-time=1000000000");

  fail_unless (run.warning && strstr (run.warning, "check project"), "%s", run.warning);
  fail_unless_equals_uint64 (rig_outbox ("scale", "round").pending, 3);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_refused)
{
  RigRun run;

  rig_add_fault ("POST /v1/files/upload status=400 count=1");
  run = rig_play (THREE, "");
  fail_unless_equals_int (run.uploaded, 2);
  fail_unless_equals_int (run.refused, 1);
  rig_check_outbox (0, 2, 1);
  rig_run_clear (&run);
  run = rig_play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "retry-refused=true");
  fail_unless_equals_int (run.uploaded, 2);
  rig_check_outbox (0, 4, 0);
  rig_check_files ("files", 4);
  rig_run_clear (&run);
}

GST_END_TEST;

/* A service that refuses everything has another reason than the frames. */
GST_START_TEST (test_all_refused)
{
  RigRun run;

  rig_add_fault ("POST /v1/files/upload status=422");
  run = rig_play ("plaza-test-src num-buffers=8 ! video/x-raw,width=320,height=192", "drain-time=3000000000");
  fail_unless (run.warning != NULL && run.refused < 5, "%u refused", run.refused);
  rig_check_outbox (8 - run.refused, 0, run.refused);
  rig_run_clear (&run);
}

GST_END_TEST;

static void
push_gray (GstHarness *harness, guint8 value)
{
  GstBuffer *frame = gst_harness_create_buffer (harness, 256);

  gst_buffer_memset (frame, 0, value, 256);
  fail_unless_equals_int (gst_harness_push (harness, frame), GST_FLOW_OK);
}

/* The catalogue is locked, by a backup or a person, when the answers come: none is asked for again, and none is lost. */
GST_START_TEST (test_catalogue_locked)
{
  g_autofree gchar *file = g_build_filename (rig_folder, "set", "catalogue.sqlite", NULL);
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s/set project=square base-url=%s/v1", rig_folder,
      scale_server_url (rig_server));
  GstHarness *harness = gst_harness_new_parse (launch);
  sqlite3 *db;

  rig_add_fault ("POST /v1/files/upload delay=1");
  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  push_gray (harness, 0);
  push_gray (harness, 100);
  fail_unless (rig_await_files (2));
  fail_unless_equals_int (sqlite3_open (file, &db), SQLITE_OK);
  sqlite3_busy_timeout (db, 10000);
  fail_unless_equals_int (sqlite3_exec (db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  rig_check_outbox (2, 0, 0);
  g_usleep (9 * G_USEC_PER_SEC);        /* more than a statement waits for another's */
  fail_unless_equals_int (scale_server_count (rig_server, "POST", "/v1/files/upload"), 2);
  sqlite3_close (db);
  fail_unless (gst_harness_push_event (harness, gst_event_new_eos ()));
  gst_harness_teardown (harness);
  fail_unless_equals_int (scale_server_count (rig_server, "POST", "/v1/files/upload"), 2);
  rig_check_outbox (0, 2, 0);
  rig_check_files ("files", 2);
}

GST_END_TEST;

static gdouble
processor_seconds (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Frames that come while a service takes its time wait for an answer or a place, and ask nobody again and again. */
GST_START_TEST (test_waits_at_rest)
{
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s/set project=square base-url=%s/v1 in-flight=%u",
      rig_folder, scale_server_url (rig_server), __i__ ? 4 : 1);
  GstHarness *harness = gst_harness_new_parse (launch);
  gdouble began, took;

  rig_add_fault ("POST /v1/files/upload hang");
  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  push_gray (harness, 0);
  fail_unless (rig_await_files (1));
  push_gray (harness, 100);
  for (guint i = 0; i < 500 && rig_outbox ("scale", "square").pending < 2; i++)
    g_usleep (20000);
  fail_unless (rig_await_files (__i__ ? 2 : 1));
  began = processor_seconds ();
  g_usleep (G_USEC_PER_SEC);
  took = processor_seconds () - began;
  fail_unless (took < 0.01, "%.3f s of a processor in a second", took);
  gst_harness_teardown (harness);
}

GST_END_TEST;

/* A clock that goes back leaves nothing to wait for the year that it came from. */
GST_START_TEST (test_clock_goes_back)
{
  g_autofree gchar *set = g_build_filename (rig_folder, "set", NULL), *file = g_build_filename (set, "catalogue.sqlite", NULL);
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s project=square base-url=%s/v1 batch-frames=2", set,
      scale_server_url (rig_server));
  GstHarness *harness = gst_harness_new_parse (launch);
  CatalogueDestination to = { "scale", "square" };
  g_autoptr (Catalogue) catalogue = NULL;
  gint64 due = G_MAXINT64;
  sqlite3 *db;

  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  push_gray (harness, 0);
  for (guint i = 0; i < 500 && rig_outbox ("scale", "square").pending < 1; i++)
    g_usleep (20000);
  fail_unless_equals_int (sqlite3_open (file, &db), SQLITE_OK);
  fail_unless_equals_int (sqlite3_exec (db, "UPDATE upload SET next_attempt_at = next_attempt_at + 100000000000000", NULL, NULL,
          NULL), SQLITE_OK);
  sqlite3_close (db);
  push_gray (harness, 100);
  catalogue = catalogue_open_read (set, NULL);
  for (guint i = 0; i < 150 && due > g_get_real_time () + 3 * G_TIME_SPAN_HOUR; i++) {
    g_usleep (20000);
    fail_unless (catalogue_next_due (catalogue, &to, g_get_real_time (), &due, NULL));
  }
  fail_unless (due < g_get_real_time () + 3 * G_TIME_SPAN_HOUR, "it waits for %" G_GINT64_FORMAT, due);
  gst_harness_teardown (harness);
}

GST_END_TEST;

/* Deleted by somebody who needed room, or changed, before it was sent. */
GST_START_TEST (test_image_gone)
{
  g_autofree gchar *days = g_build_filename (rig_folder, "set", "frames", NULL), *frames = NULL;
  GDir *dir;
  RigRun run;

  g_clear_pointer (&rig_server, scale_server_free);
  run = rig_play (THREE, "drain-time=100000000");
  rig_check_outbox (3, 0, 0);
  rig_run_clear (&run);
  dir = g_dir_open (days, 0, NULL);
  frames = g_build_filename (days, g_dir_read_name (dir), NULL);
  g_dir_close (dir);
  dir = g_dir_open (frames, 0, NULL);
  for (guint i = 0; i < 2; i++) {
    g_autofree gchar *file = g_build_filename (frames, g_dir_read_name (dir), NULL);

    fail_unless (i == 0 ? g_unlink (file) == 0 : g_file_set_contents (file, "another", -1, NULL));
  }
  g_dir_close (dir);
  rig_serve ();
  run = rig_play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "");
  fail_unless_equals_int (run.uploaded, 2);
  fail_unless_equals_int (run.refused, 2);
  rig_check_outbox (0, 2, 2);
  rig_run_clear (&run);
}

GST_END_TEST;

/* Neither an end nor a stop waits for a service that does not answer. */
GST_START_TEST (test_stop_under_way)
{
  GstElement *pipeline;
  g_autofree gchar *launch = g_strdup_printf ("videotestsrc pattern=ball num-buffers=9 ! video/x-raw,width=96,height=96 ! "
      "scale-uploader location=%s/set project=square base-url=%s/v1 in-flight=4 source=cam", rig_folder,
      scale_server_url (rig_server));
  gint64 began;
  guint waiting;

  rig_add_fault ("POST /v1/files/upload hang");
  pipeline = gst_parse_launch (launch, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless (rig_await_files (4));
  began = g_get_monotonic_time ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - began < 30 * G_TIME_SPAN_SECOND);
  gst_object_unref (pipeline);
  scale_server_clear_faults (rig_server);
  waiting = (guint) rig_outbox ("scale", "square").pending;
  fail_unless (waiting >= 4);
  rig_expect_three ("", waiting);   /* the three are of them */
  rig_check_files ("files", waiting);
}

GST_END_TEST;

static Suite *
scale_uploader_faults_suite (void)
{
  Suite *suite = suite_create ("scale-uploader: faults");
  TCase *tc = rig_case ();

  tcase_add_test (tc, test_faults);
  tcase_add_test (tc, test_outage);
  tcase_add_test (tc, test_next_start);
  tcase_add_test (tc, test_bad_key);
  tcase_add_test (tc, test_unknown_project);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_all_refused);
  tcase_add_test (tc, test_catalogue_locked);
  tcase_add_loop_test (tc, test_waits_at_rest, 0, 2);
  tcase_add_test (tc, test_clock_goes_back);
  tcase_add_test (tc, test_image_gone);
  tcase_add_test (tc, test_stop_under_way);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_uploader_faults);
