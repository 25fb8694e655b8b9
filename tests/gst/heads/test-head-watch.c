/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-head-watch.c: files of heads that are replaced, seen once for each time, from the moment they were loaded.
 */
#include "gst/heads/gstheadwatch.h"
#include "predict-fixture.h"

static void
count_change (gpointer data)
{
  g_atomic_int_inc ((gint *) data);
}

static gboolean
await (gint *changes, gint n)
{
  for (guint i = 0; i < 300 && g_atomic_int_get (changes) < n; i++)
    g_usleep (50000);
  return g_atomic_int_get (changes) == n;
}

/* Replaced after it was loaded and before anybody looked. */
GST_START_TEST (test_from_the_beginning)
{
  PredictFixture f;
  GstHeadSlot slot;
  GstHeadWatch *watch;
  g_autofree gchar *one = NULL, *again = NULL;
  gint changes = 0;

  predict_fixture_init (&f);
  gst_head_slot_init (&slot);
  one = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  fail_unless (gst_head_slot_change (&slot, one, NULL));
  fail_unless (gst_head_slot_start (&slot, NULL));
  again = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -10, NULL);
  watch = gst_head_watch_new (&slot, count_change, &changes);
  fail_unless (await (&changes, 1));
  g_usleep (1500000);           /* nobody has loaded it, but nobody is told twice */
  fail_unless_equals_int (g_atomic_int_get (&changes), 1);
  fail_unless (gst_head_slot_change (&slot, NULL, NULL));
  g_usleep (1500000);           /* now it is what was loaded */
  fail_unless_equals_int (g_atomic_int_get (&changes), 1);
  g_clear_pointer (&again, g_free);
  again = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  fail_unless (await (&changes, 2));
  gst_head_watch_free (watch);
  gst_head_slot_stop (&slot);
  gst_head_slot_finish (&slot);
  predict_fixture_clear (&f);
}
GST_END_TEST

static Suite *
head_watch_suite (void)
{
  Suite *suite = suite_create ("head-watch");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_from_the_beginning);
  return suite;
}

GST_CHECK_MAIN (head_watch)
