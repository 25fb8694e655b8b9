/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-tensors.c: the embeddings alone: who gets them, what their caps and buffers say, and that the
 * numbers are those the frames would carry, also through gdppay and gdpdepay.
 */
#include "mae-test.h"

#include <string.h>

static MaeTest test;

#define SOURCE_CAPS "video/x-raw,format=I420,width=320,height=240,framerate=25/1"

static GstHarness *
harness_with_sink (const gchar *sink_caps)
{
  GstHarness *h = mae_test_harness (&test, NULL);

  gst_harness_set_sink_caps_str (h, sink_caps);
  gst_harness_set_src_caps_str (h, SOURCE_CAPS);
  return h;
}

static gboolean
gives_video (const gchar *sink_caps)
{
  GstHarness *h = harness_with_sink (sink_caps);
  GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 0));
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  gboolean video = gst_structure_has_name (gst_caps_get_structure (caps, 0), "video/x-raw");

  assert_equals_int (gst_buffer_get_size (out), video ? 320 * 240 * 3 / 2 : MAE_TEST_EMBEDDING * sizeof (gfloat));
  fail_unless (mae_test_has_embedding (out));
  gst_buffer_unref (out);
  gst_caps_unref (caps);
  mae_test_harness_free (h);
  return video;
}

/* Frames for whoever takes them, numbers only for who asks. */
GST_START_TEST (test_preference)
{
  fail_unless (gives_video ("ANY"));
  fail_unless (gives_video ("video/x-raw"));
  fail_unless (gives_video ("other/tensors; video/x-raw"));
  fail_unless (gives_video ("video/x-raw; other/tensors"));
  fail_if (gives_video ("other/tensors"));
  fail_if (gives_video ("other/tensors; video/x-raw,format=RGB"));
  fail_if (gives_video ("other/tensors,format=static,num_tensors=1,dimensions=32:1:1:1,types=float32,framerate=25/1"));
}
GST_END_TEST;

GST_START_TEST (test_caps)
{
  GstHarness *h = harness_with_sink ("other/tensors");
  const gchar *model_id, *file;
  gchar *expected_id;
  GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 0));
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  gint dim, fps_n, fps_d;

  fail_unless (gst_mae_embedding_caps_parse (caps, &dim, &model_id, &file), "%" GST_PTR_FORMAT, caps);
  g_object_get (h->element, "model-id", &expected_id, NULL);
  assert_equals_int (dim, MAE_TEST_EMBEDDING);
  assert_equals_string (model_id, expected_id);
  assert_equals_string (file, "encoder.safetensors");
  fail_unless (gst_structure_get_fraction (gst_caps_get_structure (caps, 0), "framerate", &fps_n, &fps_d));
  fail_unless (fps_n == 25 && fps_d == 1);
  g_free (expected_id);
  gst_caps_unref (caps);
  gst_buffer_unref (out);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* An embedding of another width is not to be had, and that is no crash. */
GST_START_TEST (test_wrong_width)
{
  GstHarness *h = harness_with_sink ("other/tensors,dimensions=(string)512:1:1:1");

  assert_equals_int (gst_harness_push (h, mae_test_frame_for (h, 0)), GST_FLOW_NOT_NEGOTIATED);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* The buffer is the numbers of its own meta, with the frame's times and the metas that are not about pixels. */
GST_START_TEST (test_buffers)
{
  GstHarness *h = harness_with_sink ("other/tensors");
  gfloat expected[MAE_TEST_EMBEDDING];
  GstReferenceTimestampMeta *reference;
  GstCaps *utc = gst_caps_new_empty_simple ("timestamp/x-unix");
  GstVideoInfo info;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 320, 240);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *frame = mae_test_frame (&info, i), *out;

    gst_buffer_add_reference_timestamp_meta (frame, utc, 1000 + i, GST_CLOCK_TIME_NONE);
    gst_buffer_add_video_crop_meta (frame)->width = 0;
    mae_test_reference (&test, &info, frame, expected, NULL);
    out = gst_harness_push_and_pull (h, frame);
    mae_test_check_embedding (out, expected, "as tensors");
    gst_check_buffer_data (out, expected, sizeof expected);
    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * 40 * GST_MSECOND);
    fail_unless_equals_uint64 (GST_BUFFER_DURATION (out), 40 * GST_MSECOND);
    reference = gst_buffer_get_reference_timestamp_meta (out, utc);
    fail_unless (reference && reference->timestamp == 1000 + i);
    fail_unless (gst_buffer_get_video_crop_meta (out) == NULL);
    gst_buffer_unref (out);
  }
  gst_caps_unref (utc);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Without an embedding there is nothing to send. */
GST_START_TEST (test_skipped_frames_are_dropped)
{
  GstHarness *h = harness_with_sink ("other/tensors");

  g_object_set (h->element, "interval", 200 * GST_MSECOND, NULL);
  for (guint i = 0; i < 20; i++)
    assert_equals_int (gst_harness_push (h, mae_test_frame_for (h, i)), GST_FLOW_OK);
  assert_equals_int (gst_harness_buffers_in_queue (h), 4);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *out = gst_harness_pull (h);

    fail_unless_equals_uint64 (GST_BUFFER_PTS (out), i * 200 * GST_MSECOND);
    gst_buffer_unref (out);
  }
  fail_unless_equals_uint64 (mae_test_count (h->element, "skipped-interval"), 16);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Frames end here: upstream may use any strides and cropping. */
GST_START_TEST (test_allocation)
{
  GstHarness *h = harness_with_sink ("other/tensors");
  GstCaps *caps = gst_caps_from_string (SOURCE_CAPS);
  GstQuery *query = gst_query_new_allocation (caps, FALSE);

  gst_buffer_unref (gst_harness_push_and_pull (h, mae_test_frame_for (h, 0)));
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL));
  gst_query_unref (query);
  gst_caps_unref (caps);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Downstream changes its mind in mid-stream. */
GST_START_TEST (test_renegotiation)
{
  GstHarness *h = harness_with_sink ("video/x-raw");
  GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 0));

  assert_equals_int (gst_buffer_get_size (out), 320 * 240 * 3 / 2);
  gst_buffer_unref (out);
  gst_harness_set_sink_caps_str (h, "other/tensors");
  out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 1));
  assert_equals_int (gst_buffer_get_size (out), MAE_TEST_EMBEDDING * sizeof (gfloat));
  gst_buffer_unref (out);
  mae_test_harness_free (h);
}
GST_END_TEST;

static void
collect (GstElement *sink, GstBuffer *buffer, GstPad *pad, GByteArray *numbers)
{
  GstMaeEmbedding embedding;
  gfloat values[MAE_TEST_EMBEDDING];

  if (gst_buffer_get_mae_embedding (buffer, &embedding))
    gst_mae_embedding_get_values (&embedding, values, MAE_TEST_EMBEDDING);
  else
    gst_buffer_extract (buffer, 0, values, sizeof values);
  g_byte_array_append (numbers, (const guint8 *) values, sizeof values);
}

/* Runs it to EOS and returns the numbers that reached the element "sink". */
static GByteArray *
run_pipeline (const gchar *middle)
{
  gchar *launch = g_strdup_printf ("videotestsrc num-buffers=6 pattern=ball ! video/x-raw,width=200,height=150 ! "
      "mae-encoder model=%s device=ref threads=1 ! %s ! fakesink name=sink signal-handoffs=true", test.model, middle);
  GByteArray *numbers = g_byte_array_new ();
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (launch, &error), *sink;
  GstMessage *message;

  fail_unless (error == NULL, "%s", error ? error->message : "");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_signal_connect (sink, "handoff", G_CALLBACK (collect), numbers);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline), 30 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS, "%s", middle);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  g_free (launch);
  return numbers;
}

GST_START_TEST (test_gdp)
{
  GstElementFactory *factory = gst_element_factory_find ("gdppay");
  GByteArray *frames, *tensors;

  if (!factory) {
    g_printerr ("gdppay is not installed: not tested\n");
    return;
  }
  gst_object_unref (factory);
  frames = run_pipeline ("identity");
  tensors = run_pipeline ("other/tensors ! gdppay ! gdpdepay ! other/tensors");
  assert_equals_int (frames->len, 6 * MAE_TEST_EMBEDDING * sizeof (gfloat));
  assert_equals_int (tensors->len, frames->len);
  fail_unless (memcmp (frames->data, tensors->data, frames->len) == 0);
  g_byte_array_unref (frames);
  g_byte_array_unref (tensors);
}
GST_END_TEST;

static Suite *
mae_encoder_tensors_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-tensors");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_preference);
  tcase_add_test (tcase, test_caps);
  tcase_add_test (tcase, test_wrong_width);
  tcase_add_test (tcase, test_buffers);
  tcase_add_test (tcase, test_skipped_frames_are_dropped);
  tcase_add_test (tcase, test_allocation);
  tcase_add_test (tcase, test_renegotiation);
  tcase_add_test (tcase, test_gdp);
  return suite;
}

GST_CHECK_MAIN (mae_encoder_tensors);
