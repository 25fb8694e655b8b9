/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-decoder.c: the panels show what models/ makes of the scaled frame, for any format and size; masks follow
 * seed, mode and flushes; errors, metas, aspect ratios and many state cycles.
 */
#include "mae-test.h"

#include <string.h>

#include "gst/common/gstframescaler.h"
#include "models/gh-mae-picture.h"

enum { W = 160, H = 96, PANEL = W * 3 };

static MaeTest test;
static gchar *model;

static void
setup (void)
{
  mae_test_setup (&test);
  model = mae_test_write_autoencoder (&test, "autoencoder.safetensors");
}

static void
teardown (void)
{
  g_free (model);
  mae_test_teardown (&test);
}

static GstElement *
decoder_new (void)
{
  GstElement *element = gst_element_factory_make ("mae-decoder", NULL);

  fail_unless (element != NULL);
  g_object_set (element, "model", model, "device", GH_DEVICE_REF, "threads", 1, NULL);
  return element;
}

static GstHarness *
harness_new (const gchar *format, gint width, gint height)
{
  GstHarness *h = mae_test_harness_new (decoder_new ());
  g_autofree gchar *caps = mae_test_caps (format, width, height);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* What should lie side by side: expected[panel][H*PANEL]. */
static void
reference (const GstVideoInfo *info, GstBuffer *frame, gdouble ratio, guint64 seed, guint64 number,
    guint8 expected[3][H * PANEL])
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (model, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error);
  g_autoptr (GhMaePicture) picture = encoder ? gh_mae_picture_new (encoder, &error) : NULL;
  g_autoptr (GstFrameScaler) scaler = gst_frame_scaler_new (W, H, 1);
  GhMaePictureMask mask = { ratio, seed, number };
  const guint8 *rgb;
  gsize stride;

  fail_unless (picture != NULL, "%s", error ? error->message : "");
  fail_unless (gst_frame_scaler_set_info (scaler, info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  for (gint y = 0; y < H; y++)
    memcpy (expected[0] + y * PANEL, rgb + y * stride, PANEL);
  fail_unless (gh_mae_picture_make (picture, rgb, stride, &mask, expected[1], expected[2], PANEL, NULL, &error));
}

/* Which of the three are shown, from left to right. */
static void
check_panels (GstBuffer *buffer, guint8 expected[3][H * PANEL], const gchar *shown, const gchar *what)
{
  gint n = strlen (shown), stride = GST_ROUND_UP_4 (n * PANEL);
  GstMapInfo map;

  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  assert_equals_int (map.size, stride * H);
  for (gint i = 0; i < n; i++) {
    for (gint y = 0; y < H; y++)
      fail_unless (memcmp (map.data + y * stride + i * PANEL, expected[shown[i] - '0'] + y * PANEL, PANEL) == 0,
          "%s: panel %d, row %d", what, i, y);
  }
  gst_buffer_unmap (buffer, &map);
}

/* Pushes frame n and takes what comes; *out_frame is what was pushed. */
static GstBuffer *
pass (GstHarness *h, guint n, GstBuffer **frame)
{
  GstBuffer *in = mae_test_frame_for (h, n), *out;

  *frame = gst_buffer_copy_deep (in);
  out = gst_harness_push_and_pull (h, in);
  fail_unless (out != NULL);
  return out;
}

static void
check_frame (GstHarness *h, guint n, gdouble ratio, guint64 seed, guint64 number, const gchar *shown)
{
  static guint8 expected[3][H * PANEL];
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  g_autofree gchar *what = gst_caps_to_string (caps);
  GstBuffer *in, *out = pass (h, n, &in);
  GstVideoInfo info;

  fail_unless (gst_video_info_from_caps (&info, caps));
  reference (&info, in, ratio, seed, number, expected);
  check_panels (out, expected, shown, what);
  assert_equals_uint64 (GST_BUFFER_PTS (out), GST_BUFFER_PTS (in));
  assert_equals_uint64 (GST_BUFFER_DURATION (out), GST_BUFFER_DURATION (in));
  gst_buffer_unref (in);
  gst_buffer_unref (out);
  gst_caps_unref (caps);
}

static const struct
{
  const gchar *format;
  gint width, height;
} cases[] = {
  {"RGB", W, H}, {"I420", 320, 180}, {"NV12", 161, 97}, {"GRAY8", 33, 500}, {"BGRx", 50, 40}, {"P010_10LE", 640, 360},
};

GST_START_TEST (test_pictures)
{
  GstHarness *h = harness_new (cases[__i__].format, cases[__i__].width, cases[__i__].height);

  check_frame (h, 0, -1, 0, 0, "012");
  check_frame (h, 1, -1, 0, 1, "012");
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Formats and sizes that change in the middle. */
GST_START_TEST (test_caps_changes)
{
  GstHarness *h = harness_new ("RGB", W, H);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree gchar *caps = mae_test_caps (cases[i].format, cases[i].width, cases[i].height);

    gst_harness_set_src_caps_str (h, caps);
    check_frame (h, i, -1, 0, i, "012");
  }
  mae_test_harness_free (h);
}
GST_END_TEST;

static void
check_out_caps (GstHarness *h, gint width, gint height, gint par_n, gint par_d)
{
  GstCaps *caps = gst_pad_get_current_caps (h->sinkpad);
  GstVideoInfo info;

  fail_unless (caps && gst_video_info_from_caps (&info, caps));
  assert_equals_int (GST_VIDEO_INFO_FORMAT (&info), GST_VIDEO_FORMAT_RGB);
  assert_equals_int (info.width, width);
  assert_equals_int (info.height, height);
  assert_equals_int (info.par_n, par_n);
  assert_equals_int (info.par_d, par_d);
  assert_equals_int (info.fps_n, 25);
  gst_caps_unref (caps);
}

GST_START_TEST (test_panels)
{
  static const struct
  {
    const gchar *panels, *shown;
  } choices[] = { {"original", "0"}, {"masked", "1"}, {"completed", "2"}, {"original+completed", "02"} };

  for (guint i = 0; i < G_N_ELEMENTS (choices); i++) {
    GstElement *element = decoder_new ();
    GstHarness *h;

    gst_util_set_object_arg (G_OBJECT (element), "panels", choices[i].panels);
    h = mae_test_harness_new (element);
    gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=200,height=150,framerate=25/1");
    check_frame (h, 3, -1, 0, 0, choices[i].shown);
    check_out_caps (h, W * strlen (choices[i].shown), H, 4, 5);
    mae_test_harness_free (h);
  }
}
GST_END_TEST;

/* The scene keeps its proportions, unless downstream wants square pixels. */
GST_START_TEST (test_aspect_ratio)
{
  GstHarness *h = harness_new ("RGB", 500, 300);

  check_frame (h, 0, -1, 0, 0, "012");
  check_out_caps (h, 3 * W, H, 1, 1);
  gst_harness_set_src_caps_str (h,
      "video/x-raw,format=RGB,width=720,height=576,framerate=25/1,pixel-aspect-ratio=16/15");
  check_frame (h, 1, -1, 0, 1, "012");
  check_out_caps (h, 3 * W, H, 4, 5);
  mae_test_harness_free (h);

  h = mae_test_harness_new (decoder_new ());
  gst_harness_set_sink_caps_str (h, "video/x-raw,format=RGB,pixel-aspect-ratio=1/1");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=720,height=576,framerate=25/1");
  check_frame (h, 0, -1, 0, 0, "012");
  check_out_caps (h, 3 * W, H, 1, 1);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Ratio, seed and mode may change between two frames. */
GST_START_TEST (test_masks)
{
  GstHarness *h = harness_new ("RGB", W, H);

  check_frame (h, 0, -1, 0, 0, "012");
  g_object_set (h->element, "mask-ratio", 0.25, "seed", (guint64) 77, NULL);
  check_frame (h, 1, 0.25, 77, 1, "012");
  gst_util_set_object_arg (G_OBJECT (h->element), "mask-mode", "fixed");
  check_frame (h, 2, 0.25, 77, 0, "012");
  check_frame (h, 3, 0.25, 77, 0, "012");
  g_object_set (h->element, "mask-ratio", 0.0, NULL);
  check_frame (h, 4, 0, 77, 0, "012");
  g_object_set (h->element, "mask-ratio", 1.0, NULL);
  check_frame (h, 5, 1, 77, 0, "012");
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A stream that starts again has the same masks. */
GST_START_TEST (test_flush_and_eos)
{
  GstHarness *h = harness_new ("RGB", W, H);
  GstSegment segment;

  for (guint i = 0; i < 3; i++)
    check_frame (h, i, -1, 0, i, "012");
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  check_frame (h, 9, -1, 0, 0, "012");
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  assert_equals_uint64 (mae_test_count (h->element, "frames"), 4);
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_metas)
{
  GstHarness *h = harness_new ("RGB", W, H);
  GstMaeEmbedding embedding = { .model_id = "0123456789abcdef", .dim = 2, .device = "ref" };
  const gfloat numbers[2] = { 1, 2 };
  GstBuffer *in = mae_test_frame_for (h, 0), *out;

  embedding.embedding = gst_buffer_new_memdup (numbers, sizeof numbers);
  fail_unless (gst_buffer_add_mae_embedding (in, &embedding));
  gst_buffer_unref (embedding.embedding);
  out = gst_harness_push_and_pull (h, in);
  fail_unless (mae_test_has_embedding (out));
  gst_buffer_unref (out);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A frame that is too short is left out, said once, and the next one comes. */
GST_START_TEST (test_unreadable)
{
  GstHarness *h = harness_new ("RGB", W, H);
  GstMessage *message;

  for (guint i = 0; i < 2; i++)
    fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_allocate (NULL, 100, NULL)), GST_FLOW_OK);
  fail_unless (gst_harness_try_pull (h) == NULL);
  check_frame (h, 0, -1, 0, 0, "012");
  message = gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_unref (message);
  fail_unless (gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_WARNING) == NULL);
  assert_equals_uint64 (mae_test_count (h->element, "unreadable"), 2);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* It says that the model knows nothing, and how little. */
GST_START_TEST (test_announcement)
{
  GstHarness *h = harness_new ("RGB", W, H);
  GstMessage *message = gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_ELEMENT);
  GstStructure *stats;
  gboolean trained = TRUE;
  gdouble loss, mean;

  fail_unless (message && gst_message_has_name (message, "mae-decoder-ready"));
  fail_unless (gst_structure_get_boolean (gst_message_get_structure (message), "trained", &trained) && !trained);
  gst_message_unref (message);
  check_frame (h, 0, -1, 0, 0, "012");
  g_object_get (h->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get (stats, "loss", G_TYPE_DOUBLE, &loss, "loss-mean", G_TYPE_DOUBLE, &mean, NULL));
  fail_unless (loss > 0.5 && loss < 3 && loss == mean, "loss %g, mean %g", loss, mean);
  gst_structure_free (stats);
  mae_test_harness_free (h);
}
GST_END_TEST;

static void
check_error (GstElement *element, gint code, const gchar *says)
{
  GError *error = mae_test_start_and_fail (element);

  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%s", error->message);
  fail_unless (strstr (error->message, says) != NULL, "%s", error->message);
  g_error_free (error);
}

GST_START_TEST (test_errors)
{
  GstElement *element = decoder_new ();
  g_autofree gchar *absent = g_build_filename (test.folder, "absent.safetensors", NULL);

  g_object_set (element, "model", test.model, NULL);
  check_error (element, GST_RESOURCE_ERROR_SETTINGS, "no decoder");
  g_object_set (element, "model", absent, NULL);
  check_error (element, GST_RESOURCE_ERROR_NOT_FOUND, absent);
  g_object_set (element, "model", model, "panels", 0, NULL);
  check_error (element, GST_RESOURCE_ERROR_SETTINGS, "'panels'");
  g_object_set (element, "panels", 7, NULL);
  fail_unless (gst_element_set_state (element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_object_unref (element);
}
GST_END_TEST;

GST_START_TEST (test_cycles)
{
  g_autofree gchar *line = g_strdup_printf ("videotestsrc ! video/x-raw,width=200,height=150 ! mae-decoder model=%s "
      "device=cpu threads=2 ! fakesink", model);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  MaeTestUsage before;

  for (guint i = 0; i < 110; i++) {
    if (i == 10)
      before = mae_test_usage ();
    fail_unless (gst_element_set_state (pipeline, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
    assert_equals_int (gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    fail_unless (gst_element_set_state (pipeline, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    fail_unless (gst_element_set_state (pipeline, GST_STATE_NULL) == GST_STATE_CHANGE_SUCCESS);
  }
  mae_test_check_no_growth (before, "cycles");
  gst_object_unref (pipeline);
}
GST_END_TEST;

static Suite *
mae_decoder_suite (void)
{
  Suite *suite = suite_create ("mae-decoder");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_loop_test (tcase, test_pictures, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tcase, test_caps_changes);
  tcase_add_test (tcase, test_panels);
  tcase_add_test (tcase, test_aspect_ratio);
  tcase_add_test (tcase, test_masks);
  tcase_add_test (tcase, test_flush_and_eos);
  tcase_add_test (tcase, test_metas);
  tcase_add_test (tcase, test_unreadable);
  tcase_add_test (tcase, test_announcement);
  tcase_add_test (tcase, test_errors);
  tcase_add_test (tcase, test_cycles);
  tcase_set_timeout (tcase, 60);
  return suite;
}

GST_CHECK_MAIN (mae_decoder);
