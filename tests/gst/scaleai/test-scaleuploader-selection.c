/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scaleuploader-selection.c: which frames are sent when not all of them are to be. */
#include "uploader-rig.h"

#include <sqlite3.h>
#include <string.h>

GST_START_TEST (test_budget)
{
  RigRun run = rig_play ("videotestsrc pattern=ball num-buffers=12 ! video/x-raw,width=96,height=96", "budget=5 keep-all=true");

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 5);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", "budget=5");   /* the same day */
  fail_unless_equals_int (run.uploaded, 0);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", "budget=7");
  fail_unless_equals_int (run.uploaded, 2);
  rig_run_clear (&run);
  rig_check_files ("files", 7);
}

GST_END_TEST;

/* What was uploaded while the clock was years ahead does not take the budget of all those years. */
GST_START_TEST (test_budget_of_a_clock_ahead)
{
  g_autofree gchar *file = g_build_filename (rig_folder, "set", "catalogue.sqlite", NULL);
  RigRun run = rig_play ("videotestsrc pattern=ball num-buffers=3 ! video/x-raw,width=96,height=96", "budget=2");
  sqlite3 *db = NULL;

  fail_unless_equals_int (run.uploaded, 2);
  rig_run_clear (&run);
  fail_unless_equals_int (sqlite3_open (file, &db), SQLITE_OK);
  fail_unless_equals_int (sqlite3_exec (db, "UPDATE upload SET created_at = created_at + 100000000000000", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close (db);
  run = rig_play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", "budget=2");
  fail_unless_equals_int (run.uploaded, 2);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_interval)
{
  RigRun run = rig_play (THREE, "select=interval select-interval=600000000000");

  fail_unless_equals_int (run.uploaded, 1);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192",
      "select=interval select-interval=600000000000");
  fail_unless_equals_int (run.uploaded, 0);     /* the last run was a moment ago */
  rig_run_clear (&run);
}

GST_END_TEST;

/* Frames of one scene again and again, then another: both are chosen, repetitions are not; and a new start knows both. */
GST_START_TEST (test_novelty)
{
  static const gchar scenes[] = "concat name=scenes ! mae-encoder name=encoder  "
      "plaza-test-src seed=1 num-buffers=1 ! video/x-raw,width=320,height=192 ! imagefreeze num-buffers=20 ! scenes.  "
      "videotestsrc pattern=ball num-buffers=1 ! video/x-raw,width=320,height=192 ! imagefreeze num-buffers=20 ! scenes.  "
      "encoder.";
  RigRun run = rig_play (scenes, "select=novelty budget=10");

  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (run.uploaded, 2);
  rig_run_clear (&run);
  run = rig_play (scenes, "select=novelty budget=10");
  fail_unless_equals_int (run.uploaded, 0);
  rig_run_clear (&run);
  run = rig_play (THREE, "select=novelty budget=10");
  fail_unless (run.warning && strstr (run.warning, "put mae-encoder before"), "%s", run.warning);
  fail_unless_equals_int (run.uploaded, 0);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_uncertainty)
{
  RigRun run = rig_play ("plaza-test-src shuffle=true num-buffers=30 ! mae-encoder ! head-predict heads=plaza-time",
      "select=uncertainty budget=4");

  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (run.uploaded >= 1 && run.uploaded <= 4, "%u", run.uploaded);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=1 ! mae-encoder", "select=uncertainty budget=9");
  fail_unless (run.warning && strstr (run.warning, "put head-predict before"), "%s", run.warning);
  rig_run_clear (&run);
}

GST_END_TEST;

static Suite *
scale_uploader_selection_suite (void)
{
  Suite *suite = suite_create ("scale-uploader: selection");
  TCase *tc = rig_case ();

  tcase_add_test (tc, test_budget);
  tcase_add_test (tc, test_budget_of_a_clock_ahead);
  tcase_add_test (tc, test_interval);
  tcase_add_test (tc, test_novelty);
  tcase_add_test (tc, test_uncertainty);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_uploader_selection);
