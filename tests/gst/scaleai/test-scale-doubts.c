/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scale-doubts.c: whose fault it is when the service makes no task of a frame.
 */
#include "gst/scaleai/gstscaledoubts.h"

static void
note (const gchar *reference, const gchar *frame, const gchar *problem, gpointer data)
{
  g_string_append_printf (data, "%s:%s ", reference, problem);
}

static GstScaleDoubt
refuse (GstScaleDoubts *doubts, const gchar *reference)
{
  return gst_scale_doubts_refused (doubts, reference, "frame", "400");
}

static char *
take (GstScaleDoubts *doubts, const gchar *reference)
{
  GString *text = g_string_new (NULL);

  gst_scale_doubts_taken (doubts, reference, note, text);
  return g_string_free (text, FALSE);
}

static void
test_own_fault (void)
{
  GstScaleDoubts *doubts = gst_scale_doubts_new ();
  g_autofree char *said = NULL;

  g_assert_cmpint (refuse (doubts, "a"), ==, GST_SCALE_DOUBTED);
  g_assert_true (gst_scale_doubts_holds (doubts, "a"));
  g_assert_false (gst_scale_doubts_holds (doubts, "b"));
  said = take (doubts, "b");
  g_assert_cmpstr (said, ==, "a:400 ");
  g_assert_cmpuint (gst_scale_doubts_size (doubts), ==, 0);
  gst_scale_doubts_free (doubts);
}

/* What was wrong for all was mended: nobody is written off for it, but for who is refused again. */
static void
test_mended (void)
{
  GstScaleDoubts *doubts = gst_scale_doubts_new ();
  g_autofree char *first = NULL, *second = NULL, *third = NULL;

  refuse (doubts, "a");
  refuse (doubts, "b");
  g_assert_cmpint (refuse (doubts, "c"), ==, GST_SCALE_NOTHING_IS_TAKEN);
  gst_scale_doubts_halted (doubts);
  first = take (doubts, "d");
  g_assert_cmpstr (first, ==, "");
  g_assert_false (gst_scale_doubts_holds (doubts, "a"));
  second = take (doubts, "a");
  g_assert_cmpstr (second, ==, "");
  g_assert_cmpint (refuse (doubts, "b"), ==, GST_SCALE_OWN_FAULT);
  g_assert_cmpint (refuse (doubts, "e"), ==, GST_SCALE_DOUBTED);
  third = take (doubts, "c");
  g_assert_cmpstr (third, ==, "e:400 ");
  g_assert_cmpuint (gst_scale_doubts_size (doubts), ==, 0);
  gst_scale_doubts_free (doubts);
}

/* With nobody else to ask for, each halt gives one more chance, and not one more. */
static void
test_one_chance (void)
{
  GstScaleDoubts *doubts = gst_scale_doubts_new ();

  refuse (doubts, "a");
  g_assert_false (gst_scale_doubts_forgive (doubts));
  gst_scale_doubts_halted (doubts);
  g_assert_true (gst_scale_doubts_forgive (doubts));
  g_assert_false (gst_scale_doubts_holds (doubts, "a"));
  g_assert_cmpint (refuse (doubts, "a"), ==, GST_SCALE_DOUBTED);
  g_assert_false (gst_scale_doubts_forgive (doubts));
  g_assert_true (gst_scale_doubts_holds (doubts, "a"));
  gst_scale_doubts_free (doubts);
}

static void
test_bound (void)
{
  GstScaleDoubts *doubts = gst_scale_doubts_new ();

  for (guint i = 0; i < 1000; i++) {
    g_autofree char *reference = g_strdup_printf ("%u", i);

    refuse (doubts, reference);
    g_assert_cmpuint (gst_scale_doubts_size (doubts), <=, 32);
  }
  gst_scale_doubts_free (doubts);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scale-doubts/own-fault", test_own_fault);
  g_test_add_func ("/scale-doubts/mended", test_mended);
  g_test_add_func ("/scale-doubts/one-chance", test_one_chance);
  g_test_add_func ("/scale-doubts/bound", test_bound);
  return g_test_run ();
}
