/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-cycles.c: what starting, stopping, running long and running twice cost: no memory, no files, no
 * threads left behind, and one copy of the weights.
 */
#include "mae-test.h"

#include <glib/gstdio.h>

static MaeTest test;

static GstElement *
launch (const gchar *middle)
{
  gchar *line = g_strdup_printf ("videotestsrc ! video/x-raw,width=200,height=150 ! mae-encoder model=%s device=cpu "
      "threads=2 ! %s", test.model, middle);
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  fail_unless (error == NULL, "%s", error ? error->message : "");
  g_free (line);
  return pipeline;
}

static void
cycle (GstElement *pipeline)
{
  fail_unless (gst_element_set_state (pipeline, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE);
  fail_unless (gst_element_set_state (pipeline, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  assert_equals_int (gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
  fail_unless (gst_element_set_state (pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
}

static const gchar *const middles[] = { "fakesink", "other/tensors ! fakesink" };

GST_START_TEST (test_cycles)
{
  GstElement *pipeline = launch (middles[__i__]);
  MaeTestUsage before;

  for (guint i = 0; i < 10; i++)
    cycle (pipeline);
  before = mae_test_usage ();
  for (guint i = 0; i < 100; i++)
    cycle (pipeline);
  mae_test_check_no_growth (before, middles[__i__]);
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* Elements made, used and thrown away. */
GST_START_TEST (test_new_elements)
{
  MaeTestUsage before = { 0, 0, 0 };

  for (guint i = 0; i < 40; i++) {
    GstElement *pipeline = launch ("fakesink");

    if (i == 10)
      before = mae_test_usage ();
    cycle (pipeline);
    gst_object_unref (pipeline);
  }
  mae_test_check_no_growth (before, "new elements");
}
GST_END_TEST;

/* Two thousand frames in one go. */
GST_START_TEST (test_long_stream)
{
  GstHarness *h = mae_test_harness (&test, "device", GH_DEVICE_CPU, "tokens", TRUE, NULL);
  MaeTestUsage before = { 0, 0, 0 };

  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=200,height=150,framerate=25/1");
  for (guint i = 0; i < 2000; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));

    gst_buffer_unref (out);
    if (i == 300)
      before = mae_test_usage ();
  }
  mae_test_check_no_growth (before, "long stream");
  mae_test_harness_free (h);
}
GST_END_TEST;

/* The second element on the same file costs activations, not weights. */
GST_START_TEST (test_shared_weights)
{
  gchar *path = mae_test_write_model (&test, "large.safetensors", 512, 12);
  GStatBuf info;
  GstElement *elements[3];
  MaeTestUsage usage[G_N_ELEMENTS (elements) + 1];
  glong weights;

  assert_equals_int (g_stat (path, &info), 0);
  weights = info.st_size / 1024;
  fail_unless (weights > 16 * 1024);
  usage[0] = mae_test_usage ();
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    elements[i] = gst_element_factory_make ("mae-encoder", NULL);
    g_object_set (elements[i], "model", path, "device", GH_DEVICE_CPU, "precision", GH_PRECISION_F32, NULL);
    fail_unless (gst_element_set_state (elements[i], GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    usage[i + 1] = mae_test_usage ();
  }
  fail_unless (mae_test_sanitized () || usage[1].rss - usage[0].rss > weights * 3 / 4);
  for (guint i = 1; i < G_N_ELEMENTS (elements); i++)
    fail_unless (mae_test_sanitized () || usage[i + 1].rss - usage[i].rss < weights / 4,
        "element %u took %ld kB, the weights are %ld kB", i, usage[i + 1].rss - usage[i].rss, weights);
  for (guint i = 0; i < G_N_ELEMENTS (elements); i++) {
    gst_element_set_state (elements[i], GST_STATE_NULL);
    gst_object_unref (elements[i]);
  }
  g_free (path);
}
GST_END_TEST;

static Suite *
mae_encoder_cycles_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-cycles");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_cycles, 0, G_N_ELEMENTS (middles));
  tcase_add_test (tcase, test_new_elements);
  tcase_add_test (tcase, test_long_stream);
  tcase_add_test (tcase, test_shared_weights);
  tcase_set_timeout (tcase, 90);
  return suite;
}

GST_CHECK_MAIN (mae_encoder_cycles);
