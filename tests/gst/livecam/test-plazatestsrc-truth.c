/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-plazatestsrc-truth.c: the truth on the buffers, in the CSV file, and what is said when the file cannot be had.
 */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "../full-device.h"
#include "plaza-frames.h"

#define SMALL "video/x-raw,width=320,height=192,framerate=30/1"

/* Boxes are as many as people, inside the frame; the day passes as time-scale says. */
GST_START_TEST (test_meta)
{
  GPtrArray *frames = plaza_frames_play ("num-buffers=20 people=6 time-of-day=1430 time-scale=1800 ! " SMALL);

  for (guint i = 0; i < frames->len; i++) {
    GstBuffer *buffer = g_ptr_array_index (frames, i);
    const GValue *boxes = gst_structure_get_value (plaza_frames_truth (buffer), "boxes");
    guint n = gst_value_array_get_size (boxes);

    fail_unless_equals_int (plaza_frames_people (buffer), n);
    fail_unless (n >= 3 && n <= 6, "%u of 6 people", n);
    for (guint k = 0; k < n; k++) {
      const GValue *box = gst_value_array_get_value (boxes, k);
      gint side[4];

      fail_unless_equals_int (gst_value_array_get_size (box), 4);
      for (guint s = 0; s < 4; s++)
        side[s] = g_value_get_int (gst_value_array_get_value (box, s));
      fail_unless (side[0] >= 0 && side[1] >= 0 && side[2] > 0 && side[3] > 0 && side[0] + side[2] <= 320
          && side[1] + side[3] <= 192);
    }
    /* One minute a frame, over midnight. */
    fail_unless (fabs (remainder (plaza_frames_minute (buffer) - (1430.0 + i), 1440)) < 1e-6);
  }
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* The meta is still there behind conversion, scaling and encoding. */
GST_START_TEST (test_meta_survives)
{
  GPtrArray *frames = plaza_frames_play ("num-buffers=2 people=4 ! " SMALL " ! videoconvert ! videoscale ! "
      "video/x-raw,format=I420,width=160,height=96 ! jpegenc");

  for (guint i = 0; i < frames->len; i++)
    fail_unless (plaza_frames_people (g_ptr_array_index (frames, i)) > 0);
  g_ptr_array_unref (frames);
}

GST_END_TEST;

/* One line per frame, saying what the meta says. */
GST_START_TEST (test_csv)
{
  g_autofree gchar *path = g_build_filename (g_get_tmp_dir (), "plaza-truth-XXXXXX", NULL);
  g_autofree gchar *contents = NULL, *line = NULL;
  g_auto (GStrv) lines = NULL;
  GPtrArray *frames;

  g_close (g_mkstemp (path), NULL);
  line = g_strdup_printf ("num-buffers=12 shuffle=true seed=5 truth-location=%s truth-pattern=a,%%03d%%%%.jpg ! " SMALL, path);
  frames = plaza_frames_play (line);
  fail_unless (g_file_get_contents (path, &contents, NULL, NULL));
  lines = g_strsplit (contents, "\n", -1);
  fail_unless_equals_int (g_strv_length (lines), frames->len + 2);
  assert_equals_string (lines[0], "file,people,minute_of_day");
  for (guint i = 0; i < frames->len; i++) {
    GstBuffer *buffer = g_ptr_array_index (frames, i);
    gchar minute[G_ASCII_DTOSTR_BUF_SIZE];
    g_autofree gchar *expected = NULL;

    g_ascii_formatd (minute, sizeof minute, "%.3f", plaza_frames_minute (buffer));
    expected = g_strdup_printf ("\"a,%03u%%.jpg\",%d,%s", i, plaza_frames_people (buffer), minute);
    assert_equals_string (lines[1 + i], expected);
  }
  g_ptr_array_unref (frames);
  g_unlink (path);
}

GST_END_TEST;

/* The pipeline fails with this resource error, and its text names `part`. */
static void
check_refused (const gchar *properties, gint code, const gchar *part)
{
  g_autofree gchar *line = g_strdup_printf ("plaza-test-src %s ! " SMALL " ! fakesink", properties);
  GstElement *pipeline = plaza_frames_parse (line);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR, "%s was accepted", properties);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s: %s", properties, error->message);
  fail_unless (strstr (error->message, part) != NULL, "\"%s\" does not name %s", error->message, part);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* Labels that are there stay there. */
GST_START_TEST (test_present)
{
  g_autofree gchar *path = g_build_filename (g_get_tmp_dir (), "plaza-truth-XXXXXX", NULL), *present = NULL, *contents = NULL;

  g_close (g_mkstemp (path), NULL);
  present = g_strdup_printf ("truth-location=%s", path);
  fail_unless (g_file_set_contents (path, "labels of others", -1, NULL));
  check_refused (present, GST_RESOURCE_ERROR_OPEN_WRITE, "written over");
  fail_unless (g_file_get_contents (path, &contents, NULL, NULL));
  assert_equals_string (contents, "labels of others");
  g_unlink (path);
}
GST_END_TEST;

GST_START_TEST (test_refusals)
{
  check_refused ("truth-location=/nonexistent/labels.csv", GST_RESOURCE_ERROR_OPEN_WRITE, "/nonexistent/labels.csv");
  if (has_full_device ())
    check_refused ("truth-location=/dev/full", GST_RESOURCE_ERROR_NO_SPACE_LEFT, "/dev/full");
  check_refused ("truth-location=/dev/null truth-pattern=frame.jpg", GST_RESOURCE_ERROR_SETTINGS, "truth-pattern");
  check_refused ("truth-location=/dev/null truth-pattern=%s.jpg", GST_RESOURCE_ERROR_SETTINGS, "%s.jpg");
  check_refused ("truth-location=/dev/null truth-pattern=%d-%d.jpg", GST_RESOURCE_ERROR_SETTINGS, "%d-%d");
  check_refused ("truth-location=/dev/null truth-pattern=%9999999999d", GST_RESOURCE_ERROR_SETTINGS, "truth-pattern");
  check_refused ("truth-location=/dev/null truth-pattern=50%", GST_RESOURCE_ERROR_SETTINGS, "50%");
}

GST_END_TEST;

static Suite *
plazatestsrc_truth_suite (void)
{
  Suite *suite = suite_create ("plazatestsrc-truth");
  TCase *tc = tcase_create ("general");

  suite_add_tcase (suite, tc);
  tcase_add_test (tc, test_meta);
  tcase_add_test (tc, test_meta_survives);
  tcase_add_test (tc, test_csv);
  tcase_add_test (tc, test_present);
  tcase_add_test (tc, test_refusals);
  return suite;
}

GST_CHECK_MAIN (plazatestsrc_truth);
