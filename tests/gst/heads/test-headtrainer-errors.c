/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-headtrainer-errors.c: settings, labels and streams that head-trainer cannot learn from, and what it says. */
#include "trainer-rig.h"

#include <glib/gstdio.h>

static void
expect_no_start (const gchar *says)
{
  fail_unless_equals_int (gst_element_set_state (rig.element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  rig_expect_problem (GST_MESSAGE_ERROR, says);
  fail_unless (rig_pop_problem (GST_MESSAGE_ERROR) == NULL);
  gst_element_set_state (rig.element, GST_STATE_NULL);
}

GST_START_TEST (test_settings)
{
  g_autofree gchar *path = rig_write_csv ("file,value,seconds\nframe-1.jpg,3,0\nframe-01.jpg,4,x\n");

  g_object_set (rig.element, "location", NULL, NULL);
  expect_no_start ("'location'");
  g_object_set (rig.element, "location", "/nowhere/at/all/head.safetensors", NULL);
  expect_no_start ("/nowhere/at/all/head.safetensors");
  g_object_set (rig.element, "location", rig.folder, NULL);
  expect_no_start ("it is a folder");
  g_object_set (rig.element, "location", rig.location, "label", "people", NULL);
  expect_no_start ("\"people\" does not say");
  g_object_set (rig.element, "label", NULL, NULL);
  expect_no_start ("'labels'");
  g_object_set (rig.element, "label", META ".value", "labels", path, "label-column", "value", NULL);
  expect_no_start ("only one");
  g_object_set (rig.element, "label", NULL, "label-column", NULL, NULL);
  expect_no_start ("'label-column'");
  g_object_set (rig.element, "label-column", "wrong", NULL);
  expect_no_start ("there is no column \"wrong\"");
  g_object_set (rig.element, "label-column", "value", "key-column", "file", NULL);
  expect_no_start ("labels.csv:3: frame 1 was labelled before");
  g_object_set (rig.element, "key-column", "seconds", NULL);
  expect_no_start ("labels.csv:3: \"x\" neither is nor ends");
  gst_util_set_object_arg (G_OBJECT (rig.element), "key", "time");
  expect_no_start ("labels.csv:3: \"x\" is no time");
  g_object_set (rig.element, "key-column", NULL, NULL);
  expect_no_start ("'key-column'");
  g_object_set (rig.element, "labels", "/nowhere.csv", "key-column", "file", NULL);
  expect_no_start ("/nowhere.csv");
}
GST_END_TEST;

static void
end_and_expect_error (const gchar *says)
{
  gst_harness_push_event (rig.h, gst_event_new_eos ());
  rig_expect_problem (GST_MESSAGE_ERROR, says);
  fail_unless (!g_file_test (rig.location, G_FILE_TEST_EXISTS));
}

GST_START_TEST (test_too_few)
{
  rig_start (VIDEO_CAPS);
  rig_push_labelled (2);
  end_and_expect_error ("2 labels are too few");
}
GST_END_TEST;

GST_START_TEST (test_no_labels)
{
  rig_start (VIDEO_CAPS);
  rig_push_bare (31);
  rig_expect_problem (GST_MESSAGE_WARNING, "No frame carries " META ".value");
  fail_unless (rig_pop_problem (GST_MESSAGE_WARNING) == NULL);
  end_and_expect_error ("None of 31 frames has a label");
}
GST_END_TEST;

GST_START_TEST (test_no_embeddings)
{
  rig_start (VIDEO_CAPS);
  for (guint i = 0; i < 31; i++)
    rig_push (gst_buffer_new_allocate (NULL, 16, NULL));
  rig_expect_problem (GST_MESSAGE_WARNING, "Put mae-encoder upstream");
  end_and_expect_error ("None of 31 frames carries an embedding");
}
GST_END_TEST;

static const struct
{
  const gchar *kind, *type, *text, *says;
} bad_labels[] = {
  {"count", "gchararray", "many", "\"many\" is not a number"},
  {"time", "gchararray", "25:00", "is no time of day"},
  {"scalar", "GstCaps", "video/x-raw", "which is no number"},
  {"class", "GstCaps", "video/x-raw", "which names no class"},
};

GST_START_TEST (test_bad_labels)
{
  GstBuffer *buffer;

  rig_set_kind (bad_labels[__i__].kind);
  rig_start (VIDEO_CAPS);
  buffer = rig_frame (ID);
  gst_caps_unref (gst_caps_new_any ());         /* registers the type */
  rig_set_label (buffer, g_type_from_name (bad_labels[__i__].type), bad_labels[__i__].text);
  fail_unless_equals_int (gst_harness_push (rig.h, buffer), GST_FLOW_ERROR);
  rig_expect_problem (GST_MESSAGE_ERROR, bad_labels[__i__].says);
}
GST_END_TEST;

GST_START_TEST (test_bad_tensors)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, DIM * sizeof (gfloat), NULL);

  rig_start ("other/tensors,format=static,num_tensors=1,types=float32,dimensions=6:1:1:1,framerate=10/1");
  rig_set_label (buffer, G_TYPE_INT, "3");
  fail_unless_equals_int (gst_harness_push (rig.h, buffer), GST_FLOW_ERROR);
  rig_expect_problem (GST_MESSAGE_ERROR, "which encoder made them");
}
GST_END_TEST;

GST_START_TEST (test_not_embeddings)
{
  rig.h = gst_harness_new_with_element (rig.element, "sink", NULL);
  gst_harness_set_src_caps_str (rig.h,
      "other/tensors,format=static,num_tensors=1,types=float32,dimensions=6:2:1:1,framerate=10/1");
  gst_harness_push (rig.h, gst_buffer_new_allocate (NULL, 48, NULL));
  rig_expect_problem (GST_MESSAGE_ERROR, "These tensors are not embeddings");
}
GST_END_TEST;

/* The head goes into a folder that disappears meanwhile. */
GST_START_TEST (test_cannot_write)
{
  g_autofree gchar *inner = g_build_filename (rig.folder, "inner", NULL);
  g_autofree gchar *path = g_build_filename (inner, "head.safetensors", NULL);

  assert_equals_int (g_mkdir (inner, 0700), 0);
  g_object_set (rig.element, "location", path, NULL);
  rig_start (VIDEO_CAPS);
  rig_push_labelled (10);
  g_rmdir (inner);
  end_and_expect_error (path);
}
GST_END_TEST;

static Suite *
headtrainer_errors_suite (void)
{
  Suite *suite = suite_create ("headtrainer: errors");
  TCase *tcase = rig_case ();

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_settings);
  tcase_add_test (tcase, test_too_few);
  tcase_add_test (tcase, test_no_labels);
  tcase_add_test (tcase, test_no_embeddings);
  tcase_add_loop_test (tcase, test_bad_labels, 0, G_N_ELEMENTS (bad_labels));
  tcase_add_test (tcase, test_bad_tensors);
  tcase_add_test (tcase, test_not_embeddings);
  tcase_add_test (tcase, test_cannot_write);
  return suite;
}

GST_CHECK_MAIN (headtrainer_errors);
