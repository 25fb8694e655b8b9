/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder.c: frames pass untouched and carry exactly what the encoder says to them, whatever their format,
 * size, strides and cropping, through caps changes, flushes, seeks and EOS.
 */
#include "mae-test.h"

static MaeTest test;

/* The frame of the harness's caps goes through and comes out with the right numbers. */
static void
check_one_frame (GstHarness *h, GstBuffer *frame, const gchar *what)
{
  gfloat expected[MAE_TEST_EMBEDDING];
  GstCaps *caps = gst_pad_get_current_caps (h->srcpad);
  GstVideoInfo info;
  GstBuffer *out;

  fail_unless (gst_video_info_from_caps (&info, caps));
  gst_caps_unref (caps);
  mae_test_reference (&test, &info, frame, expected, NULL);
  out = gst_harness_push_and_pull (h, frame);
  fail_unless (out != NULL, "%s", what);
  mae_test_check_embedding (out, expected, what);
  gst_buffer_unref (out);
}

GST_START_TEST (test_same_memory)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  GstBuffer *frame, *out;
  GstMemory *memory;
  gpointer before;
  GstMapInfo map;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=320,height=240,framerate=25/1");

  /* Nobody else holds it: the very buffer comes out, bytes unchanged. */
  frame = mae_test_frame_for (h, 0);
  memory = gst_buffer_peek_memory (frame, 0);
  gst_buffer_map (frame, &map, GST_MAP_READ);
  before = g_memdup2 (map.data, map.size);
  gst_buffer_unmap (frame, &map);
  out = gst_harness_push_and_pull (h, frame);
  fail_unless (out == frame);
  fail_unless (gst_buffer_peek_memory (out, 0) == memory && gst_buffer_n_memory (out) == 1);
  fail_unless (mae_test_has_embedding (out));
  gst_check_buffer_data (out, before, 320 * 240 * 3 / 2);
  fail_unless (GST_BUFFER_PTS (out) == 0 && GST_BUFFER_DURATION (out) == 40 * GST_MSECOND);
  gst_buffer_unref (out);
  g_free (before);

  /* Somebody else (a tee's other branch) holds it: a new description of the same memory, theirs left alone. */
  frame = mae_test_frame_for (h, 1);
  gst_buffer_ref (frame);
  memory = gst_buffer_peek_memory (frame, 0);
  out = gst_harness_push_and_pull (h, frame);
  fail_unless (out != frame);
  fail_unless (gst_buffer_peek_memory (out, 0) == memory);
  fail_unless (mae_test_has_embedding (out) && !mae_test_has_embedding (frame));
  gst_buffer_unref (out);
  gst_buffer_unref (frame);

  mae_test_harness_free (h);
}
GST_END_TEST;

static const gchar *const formats[] = { "I420", "NV12", "RGB", "BGRx", "GRAY8", "YUY2", "I420_10LE", "P010_10LE",
  "AYUV", "RGB16"
};
static const gint sizes[][2] = { {160, 96}, {1, 1}, {17, 33}, {4096, 16}, {641, 359} };

/* All of them in one stream: every pair is a caps change, too. */
GST_START_TEST (test_formats)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  guint n = 0;

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
      gchar *caps = mae_test_caps (formats[f], sizes[s][0], sizes[s][1]);

      gst_harness_set_src_caps_str (h, caps);
      check_one_frame (h, mae_test_frame_for (h, n++), caps);
      g_free (caps);
    }
  }
  fail_unless_equals_uint64 (mae_test_count (h->element, "encoded"), n);
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_strides_and_crop)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  gsize offset[GST_VIDEO_MAX_PLANES] = { 32, 32 + 512 * 100 };
  gint stride[GST_VIDEO_MAX_PLANES] = { 512, 512 };
  GstVideoCropMeta *crop;
  GstVideoInfo info;
  GstBuffer *frame;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=NV12,width=322,height=98,framerate=25/1");
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_NV12, 512, 200);
  frame = mae_test_frame (&info, 0);
  gst_buffer_add_video_meta_full (frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_NV12, 322, 98, 2, offset, stride);
  check_one_frame (h, frame, "padded rows");

  frame = mae_test_frame_for (h, 1);
  crop = gst_buffer_add_video_crop_meta (frame);
  crop->x = 20;
  crop->y = 10;
  crop->width = 101;
  crop->height = 57;
  check_one_frame (h, frame, "cropped");
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_tokens)
{
  GstHarness *h = mae_test_harness (&test, "tokens", TRUE, NULL);
  static gfloat expected[MAE_TEST_TOKENS * MAE_TEST_DIM];
  gfloat pooled[MAE_TEST_EMBEDDING];
  GstMaeEmbedding embedding;
  GstBuffer *frame, *out;
  GstVideoInfo info;
  GstMapInfo map;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=160,height=96,framerate=25/1");
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, 160, 96);
  frame = mae_test_frame (&info, 0);
  mae_test_reference (&test, &info, frame, pooled, expected);
  out = gst_harness_push_and_pull (h, frame);
  mae_test_check_embedding (out, pooled, "with tokens");
  fail_unless (gst_buffer_get_mae_embedding (out, &embedding) && embedding.tokens != NULL);
  assert_equals_int (embedding.token_dim, MAE_TEST_DIM);
  fail_unless (gst_buffer_map (embedding.tokens, &map, GST_MAP_READ));
  fail_unless (map.size == sizeof expected);
  for (guint i = 0; i < G_N_ELEMENTS (expected); i++) {
    if (ABS (((const gfloat *) map.data)[i] - expected[i]) > 1e-5)
      fail ("token value %u is %g instead of %g", i, ((const gfloat *) map.data)[i], expected[i]);
  }
  gst_buffer_unmap (embedding.tokens, &map);
  gst_buffer_unref (out);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Frames held by somebody keep their own numbers while others are encoded. */
GST_START_TEST (test_held_frames)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  gfloat expected[20][MAE_TEST_EMBEDDING];
  GstBuffer *held[20];
  GstVideoInfo info;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, 40, 24);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++) {
    GstBuffer *frame = mae_test_frame (&info, i);

    mae_test_reference (&test, &info, frame, expected[i], NULL);
    held[i] = gst_harness_push_and_pull (h, frame);
  }
  /* They outlive the element. */
  mae_test_harness_free (h);
  for (guint i = 0; i < G_N_ELEMENTS (held); i++) {
    mae_test_check_embedding (held[i], expected[i], "held");
    gst_buffer_unref (held[i]);
  }
}
GST_END_TEST;

/* The hot path takes its buffers from a pool: the same ones come round. */
GST_START_TEST (test_pool)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  GHashTable *seen = g_hash_table_new (NULL, NULL);

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  for (guint i = 0; i < 30; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));
    GstMaeEmbedding embedding;

    fail_unless (gst_buffer_get_mae_embedding (out, &embedding));
    g_hash_table_add (seen, embedding.embedding);
    gst_buffer_unref (out);
  }
  fail_unless (g_hash_table_size (seen) <= 3, "%u buffers", g_hash_table_size (seen));
  g_hash_table_unref (seen);
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_interval)
{
  GstHarness *h = mae_test_harness (&test, "interval", 100 * GST_MSECOND, NULL);
  GString *pattern = g_string_new (NULL);

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  for (guint i = 0; i < 16; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));

    g_string_append_c (pattern, mae_test_has_embedding (out) ? 'x' : '.');
    gst_buffer_unref (out);
  }
  /* 0, 100, 200 ... ms on a grid of 40 ms, the nearest frame each time: 0 80 200 280 400 480 600. */
  assert_equals_string (pattern->str, "x.x..x.x..x.x..x");
  fail_unless_equals_uint64 (mae_test_count (h->element, "frames"), 16);
  fail_unless_equals_uint64 (mae_test_count (h->element, "encoded"), 7);
  fail_unless_equals_uint64 (mae_test_count (h->element, "skipped-interval"), 9);
  fail_unless_equals_uint64 (mae_test_count (h->element, "skipped-late"), 0);

  /* It may change while frames flow. */
  g_object_set (h->element, "interval", (guint64) 0, NULL);
  for (guint i = 16; i < 20; i++) {
    GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));

    fail_unless (mae_test_has_embedding (out));
    gst_buffer_unref (out);
  }
  g_string_free (pattern, TRUE);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A flushing seek restarts the interval; frames before and after are encoded right. */
GST_START_TEST (test_flush_seek_eos)
{
  GstHarness *h = mae_test_harness (&test, "interval", 10 * GST_SECOND, NULL);
  GstSegment segment;
  GstEvent *event;
  GstBuffer *out;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  check_one_frame (h, mae_test_frame_for (h, 0), "before the seek");
  out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 1));
  fail_unless (!mae_test_has_embedding (out));
  gst_buffer_unref (out);

  /* The seek goes upstream unharmed. */
  while ((event = gst_harness_try_pull_upstream_event (h)))
    gst_event_unref (event);
  fail_unless (gst_harness_push_upstream_event (h, gst_event_new_seek (1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
              GST_SEEK_TYPE_SET, 5 * GST_SECOND, GST_SEEK_TYPE_NONE, 0)));
  event = gst_harness_pull_upstream_event (h);
  fail_unless (GST_EVENT_TYPE (event) == GST_EVENT_SEEK);
  gst_event_unref (event);

  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  assert_equals_int (gst_harness_push (h, mae_test_frame_for (h, 2)), GST_FLOW_FLUSHING);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = segment.time = 5 * GST_SECOND;
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  check_one_frame (h, mae_test_frame_for (h, 125), "after the seek");

  while ((event = gst_harness_try_pull_event (h)))
    gst_event_unref (event);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  event = gst_harness_pull_event (h);
  fail_unless (GST_EVENT_TYPE (event) == GST_EVENT_EOS);
  gst_event_unref (event);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A frame with too few bytes passes without an embedding and is told of once; the next one is fine. */
GST_START_TEST (test_short_frame)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  guint warnings = 0;
  GstMessage *message;
  GstBuffer *out;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=320,height=240,framerate=25/1");
  for (guint i = 0; i < 3; i++) {
    out = gst_harness_push_and_pull (h, gst_buffer_new_allocate (NULL, 100, NULL));
    fail_unless (out && !mae_test_has_embedding (out));
    gst_buffer_unref (out);
  }
  check_one_frame (h, mae_test_frame_for (h, 3), "after short frames");
  fail_unless_equals_uint64 (mae_test_count (h->element, "unreadable"), 3);
  while ((message = gst_bus_pop (mae_test_bus (h)))) {
    fail_if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
    warnings += GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING;
    gst_message_unref (message);
  }
  assert_equals_int (warnings, 1);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* One message says what runs; stats say the same, also afterwards. */
GST_START_TEST (test_ready_message_and_stats)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  GstElement *element = gst_object_ref (h->element);
  GstMessage *message = gst_bus_timed_pop_filtered (mae_test_bus (h), 0, GST_MESSAGE_ELEMENT);
  const GstStructure *ready;
  gchar *model_id = NULL, *expected = NULL;
  gboolean trained = TRUE;
  GstStructure *stats;
  GstBuffer *out;
  gdouble p50 = -1, p95 = -1;

  fail_unless (message != NULL);
  ready = gst_message_get_structure (message);
  fail_unless (gst_structure_has_name (ready, "mae-encoder-ready"));
  assert_equals_string (gst_structure_get_string (ready, "device"), "ref");
  assert_equals_string (gst_structure_get_string (ready, "precision"), "f32");
  assert_equals_string (gst_structure_get_string (ready, "model"), test.model);
  fail_unless (strlen (gst_structure_get_string (ready, "reason")) > 5);
  fail_unless (gst_structure_get_boolean (ready, "trained", &trained) && !trained);
  expected = g_strdup (gst_structure_get_string (ready, "model-id"));
  gst_message_unref (message);
  message = gst_bus_timed_pop_filtered (mae_test_bus (h), 0, GST_MESSAGE_ELEMENT);
  fail_unless (message == NULL);

  g_object_get (element, "model-id", &model_id, NULL);
  assert_equals_string (model_id, expected);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 0));
  gst_buffer_unref (out);
  mae_test_harness_free (h);

  g_object_get (element, "stats", &stats, NULL);
  assert_equals_string (gst_structure_get_string (stats, "device"), "ref");
  assert_equals_string (gst_structure_get_string (stats, "model-id"), expected);
  fail_unless (gst_structure_get (stats, "ms-p50", G_TYPE_DOUBLE, &p50, "ms-p95", G_TYPE_DOUBLE, &p95, NULL));
  fail_unless (p50 > 0 && p50 <= p95);
  fail_unless_equals_uint64 (mae_test_count (element, "encoded"), 1);
  gst_structure_free (stats);
  g_free (model_id);
  g_free (expected);
  gst_object_unref (element);
}
GST_END_TEST;

/* A live stream in slow motion: the test says when frames arrive. */
GST_START_TEST (test_late_frames_by_clock)
{
  GstHarness *h = mae_test_harness (&test, "max-lateness", 20 * GST_MSECOND, NULL);
  static const struct
  {
    guint frame, arrival;       /* ms */
    gboolean encoded;
  } events[] = {
    {0, 100, TRUE}, {1, 140, TRUE}, {2, 199, TRUE}, {3, 300, FALSE}, {4, 305, FALSE}, {5, 319, TRUE}, {6, 340, TRUE},
    {7, 500, FALSE},
  };

  gst_harness_set_live (h, TRUE);
  gst_harness_set_upstream_latency (h, 100 * GST_MSECOND);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  for (guint i = 0; i < G_N_ELEMENTS (events); i++) {
    GstBuffer *out;

    fail_unless (gst_harness_set_time (h, events[i].arrival * GST_MSECOND));
    out = gst_harness_push_and_pull (h, mae_test_frame_for (h, events[i].frame));
    fail_unless (mae_test_has_embedding (out) == events[i].encoded, "frame %u", events[i].frame);
    gst_buffer_unref (out);
  }
  fail_unless_equals_uint64 (mae_test_count (h->element, "skipped-late"), 3);

  /* Who wants every frame at any price gets it. */
  fail_unless (gst_harness_set_time (h, 60 * GST_SECOND));
  for (guint i = 8; i < 12; i++) {
    GstBuffer *out;

    g_object_set (h->element, "max-lateness", GST_CLOCK_TIME_NONE - i % 2, NULL);
    out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));

    fail_unless (mae_test_has_embedding (out));
    gst_buffer_unref (out);
  }
  mae_test_harness_free (h);
}
GST_END_TEST;

/* The same arrivals from a file are nobody's business. */
GST_START_TEST (test_files_are_never_late)
{
  GstHarness *h = mae_test_harness (&test, NULL);

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  fail_unless (gst_harness_set_time (h, GST_SECOND));
  for (guint i = 0; i < 5; i++) {
    GstBuffer *out;

    fail_unless (gst_harness_set_time (h, (i + 1) * GST_SECOND));
    out = gst_harness_push_and_pull (h, mae_test_frame_for (h, i));
    fail_unless (mae_test_has_embedding (out));
    gst_buffer_unref (out);
  }
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_latency_query)
{
  GstHarness *h = mae_test_harness (&test, "max-lateness", 30 * GST_MSECOND, NULL);
  GstClockTime latency;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  gst_harness_set_upstream_latency (h, 100 * GST_MSECOND);
  fail_unless_equals_uint64 (gst_harness_query_latency (h), 100 * GST_MSECOND);        /* a file waits for nobody */

  gst_harness_set_live (h, TRUE);
  latency = gst_harness_query_latency (h);
  fail_unless (latency > 130 * GST_MSECOND && latency < 10 * GST_SECOND, "%" GST_TIME_FORMAT, GST_TIME_ARGS (latency));
  fail_unless_equals_uint64 (gst_harness_query_latency (h), latency);  /* measured once */
  fail_unless_equals_uint64 (mae_test_count (h->element, "frames"), 0);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Frames whose overlays travel beside the pixels are in plain memory all the same. */
GST_START_TEST (test_overlay_feature)
{
  const gchar *caps = "video/x-raw(memory:SystemMemory, meta:GstVideoOverlayComposition),"
      "format=I420,width=64,height=48,framerate=25/1";
  GstHarness *h = mae_test_harness (&test, NULL);
  GstCaps *expected = gst_caps_from_string (caps), *out;

  gst_harness_set_src_caps_str (h, caps);
  check_one_frame (h, mae_test_frame_for (h, 0), "with overlay composition");
  out = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_caps_is_equal (out, expected));
  gst_caps_unref (out);
  gst_caps_unref (expected);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* What downstream wants of the frames' memory reaches upstream. */
GST_START_TEST (test_allocation)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  GstCaps *caps;
  GstQuery *query;
  GstBuffer *out;

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=40,height=24,framerate=25/1");
  out = gst_harness_push_and_pull (h, mae_test_frame_for (h, 0));
  gst_buffer_unref (out);
  caps = gst_pad_get_current_caps (h->srcpad);
  query = gst_query_new_allocation (caps, FALSE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref (query);

  gst_harness_add_propose_allocation_meta (h, GST_VIDEO_META_API_TYPE, NULL);
  query = gst_query_new_allocation (caps, FALSE);
  fail_unless (gst_pad_peer_query (h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL));
  gst_query_unref (query);
  gst_caps_unref (caps);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Before caps there is nothing to do with a buffer; nothing breaks. */
GST_START_TEST (test_no_caps)
{
  GstHarness *h = mae_test_harness (&test, NULL);
  GstSegment segment;

  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (h->srcpad, gst_event_new_stream_start ("x"));
  gst_pad_push_event (h->srcpad, gst_event_new_segment (&segment));
  assert_equals_int (gst_pad_push (h->srcpad, gst_buffer_new_allocate (NULL, 16, NULL)), GST_FLOW_NOT_NEGOTIATED);
  mae_test_harness_free (h);
}
GST_END_TEST;

GST_START_TEST (test_properties)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  GstStructure *stats;
  gchar *model, *id;

  g_object_get (element, "model", &model, "model-id", &id, "stats", &stats, NULL);
  assert_equals_string (model, "default");
  fail_unless (id == NULL);
  fail_unless (gst_structure_has_field (stats, "frames") && !gst_structure_has_field (stats, "device"));
  gst_structure_free (stats);
  g_free (model);

  /* Emptied means: the default again. */
  g_object_set (element, "model", "", NULL);
  g_object_get (element, "model", &model, NULL);
  assert_equals_string (model, "default");
  g_free (model);
  gst_util_set_object_arg (G_OBJECT (element), "precision", "bf16");
  gst_util_set_object_arg (G_OBJECT (element), "device", "cpu");
  gst_object_unref (element);
}
GST_END_TEST;

static Suite *
mae_encoder_suite (void)
{
  Suite *suite = suite_create ("mae-encoder");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_same_memory);
  tcase_add_test (tcase, test_formats);
  tcase_add_test (tcase, test_strides_and_crop);
  tcase_add_test (tcase, test_tokens);
  tcase_add_test (tcase, test_held_frames);
  tcase_add_test (tcase, test_pool);
  tcase_add_test (tcase, test_interval);
  tcase_add_test (tcase, test_flush_seek_eos);
  tcase_add_test (tcase, test_short_frame);
  tcase_add_test (tcase, test_ready_message_and_stats);
  tcase_add_test (tcase, test_late_frames_by_clock);
  tcase_add_test (tcase, test_files_are_never_late);
  tcase_add_test (tcase, test_latency_query);
  tcase_add_test (tcase, test_overlay_feature);
  tcase_add_test (tcase, test_allocation);
  tcase_add_test (tcase, test_no_caps);
  tcase_add_test (tcase, test_properties);
  return suite;
}

GST_CHECK_MAIN (mae_encoder);
