/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-overlap.c: with overlap=true a frame is held back while it is encoded, and nothing else changes: the
 * numbers, the order, and that every frame comes out, through whatever ends or interrupts a stream; the latency says so.
 * Runs as test-mae-encoder-cuda.c does.
 */
#include "cuda-rig.h"
#include "tests/models/model-file.h"

#include <string.h>

enum { FRAMES = 6 };

static MaeTest test;
static const gchar caps[] = "video/x-raw,format=NV12,width=200,height=100,framerate=25/1";
static const gchar other_caps[] = "video/x-raw,format=RGB,width=100,height=80,framerate=25/1";
static gfloat want[FRAMES][MAE_TEST_EMBEDDING];         /* of frames of caps */

static void
get_values (GstBuffer *buffer, gfloat *values)
{
  GstMaeEmbedding embedding;

  fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding), "no embedding");
  fail_unless (embedding.encode_time > 0 && embedding.encode_time < 60 * GST_SECOND);
  fail_unless_equals_int (gst_mae_embedding_get_values (&embedding, values, MAE_TEST_EMBEDDING), MAE_TEST_EMBEDDING);
}

static GstHarness *
new_harness (gboolean overlap)
{
  GstHarness *h = mae_test_harness (&test, "device", GH_DEVICE_CUDA, "precision", GH_PRECISION_F32, "overlap", overlap,
      NULL);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

static void
push (GstHarness *h, guint n)
{
  fail_unless_equals_int (gst_harness_push (h, mae_test_frame_for (h, n)), GST_FLOW_OK);
}

/* The next that comes out is frame n, with the numbers it has without overlap. */
static void
check_next (GstHarness *h, guint n)
{
  GstBuffer *out = gst_harness_try_pull (h);
  gfloat got[MAE_TEST_EMBEDDING];

  fail_unless (out != NULL, "frame %u did not come", n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (out), n * 40 * GST_MSECOND);
  get_values (out, got);
  fail_unless (memcmp (got, want[n], sizeof got) == 0, "frame %u has other numbers", n);
  gst_buffer_unref (out);
}

static void
check_none (GstHarness *h)
{
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 0);
}

static void
set_up (void)
{
  GstHarness *h;

  mae_test_setup (&test);
  h = new_harness (FALSE);
  for (guint n = 0; n < FRAMES; n++) {
    GstBuffer *out = gst_harness_push_and_pull (h, mae_test_frame_for (h, n));

    get_values (out, want[n]);
    gst_buffer_unref (out);
    check_none (h);
  }
  fail_unless (memcmp (want[0], want[1], sizeof want[0]) != 0);
  mae_test_harness_free (h);
}

static void
tear_down (void)
{
  mae_test_teardown (&test);
}

/* One is held back, in order; the end brings it out, before itself. */
GST_START_TEST (test_order)
{
  GstHarness *h = new_harness (TRUE);
  GstEvent *event;

  for (guint n = 0; n < FRAMES; n++) {
    push (h, n);
    if (n > 0)
      check_next (h, n - 1);
    check_none (h);
  }
  while ((event = gst_harness_try_pull_event (h)))
    gst_event_unref (event);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  check_next (h, FRAMES - 1);
  event = gst_harness_try_pull_event (h);
  fail_unless (event && GST_EVENT_TYPE (event) == GST_EVENT_EOS);
  gst_event_unref (event);
  fail_unless_equals_uint64 (mae_test_count (h->element, "encoded"), FRAMES);
  fail_unless_equals_uint64 (mae_test_count (h->element, "frames"), FRAMES);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Where the caps tell no rate, or the processor encodes, nothing is held back. */
GST_START_TEST (test_not_held)
{
  GstHarness *h = new_harness (TRUE);

  gst_harness_set_src_caps_str (h, "video/x-raw,format=NV12,width=200,height=100,framerate=0/1");
  push (h, 0);
  check_next (h, 0);
  mae_test_harness_free (h);
  h = mae_test_harness (&test, "overlap", TRUE, NULL);
  gst_harness_set_src_caps_str (h, caps);
  push (h, 0);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A gap in the stream stays in its place. */
GST_START_TEST (test_discont)
{
  GstHarness *h = new_harness (TRUE);
  GstBuffer *frame, *out;

  push (h, 0);
  push (h, 1);
  gst_buffer_unref (gst_harness_pull (h));
  frame = mae_test_frame_for (h, 5);
  GST_BUFFER_FLAG_SET (frame, GST_BUFFER_FLAG_DISCONT);
  fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
  out = gst_harness_try_pull (h);
  fail_unless (out && !GST_BUFFER_IS_DISCONT (out));
  gst_buffer_unref (out);
  check_none (h);
  gst_harness_push_event (h, gst_event_new_eos ());
  out = gst_harness_try_pull (h);
  fail_unless (out && GST_BUFFER_IS_DISCONT (out));
  gst_buffer_unref (out);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Whatever comes after a frame leaves after it. */
GST_START_TEST (test_events)
{
  GstHarness *h = new_harness (TRUE);
  GstQuery *drain = gst_query_new_drain ();

  push (h, 0);
  fail_unless (gst_harness_push_event (h, gst_event_new_gap (0, 1)));
  check_next (h, 0);
  push (h, 1);
  fail_unless (gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new_empty ())));
  check_next (h, 1);
  push (h, 2);
  gst_pad_peer_query (h->srcpad, drain);
  gst_query_unref (drain);
  check_next (h, 2);
  push (h, 3);
  gst_harness_set_src_caps_str (h, other_caps);         /* by the caps of before */
  check_next (h, 3);
  push (h, 0);
  gst_harness_set_src_caps_str (h, caps);
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), 1);
  gst_buffer_unref (gst_harness_pull (h));
  push (h, 4);
  check_none (h);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A flush throws away what is held back, and no more. */
GST_START_TEST (test_flush)
{
  GstHarness *h = new_harness (TRUE);
  GstSegment segment;

  push (h, 0);
  push (h, 1);
  check_next (h, 0);
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  for (guint n = 2; n < 4; n++)
    push (h, n);
  check_next (h, 2);
  check_none (h);
  gst_harness_push_event (h, gst_event_new_eos ());
  check_next (h, 3);
  check_none (h);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Frames without an embedding keep their place, the one before is not late by them. */
GST_START_TEST (test_skipped)
{
  GstHarness *h = mae_test_harness (&test, "device", GH_DEVICE_CUDA, "precision", GH_PRECISION_F32, "overlap", TRUE,
      "interval", 80 * GST_MSECOND, NULL);
  GstBuffer *out, *small;

  gst_harness_set_src_caps_str (h, caps);
  push (h, 0);
  check_none (h);
  push (h, 1);
  check_next (h, 0);
  out = gst_harness_pull (h);
  fail_unless (GST_BUFFER_PTS (out) == 40 * GST_MSECOND && !mae_test_has_embedding (out));
  gst_buffer_unref (out);
  push (h, 2);
  small = gst_buffer_new_allocate (NULL, 100, NULL);    /* cannot be read */
  GST_BUFFER_PTS (small) = 160 * GST_MSECOND;
  fail_unless_equals_int (gst_harness_push (h, small), GST_FLOW_OK);
  check_next (h, 2);
  out = gst_harness_pull (h);
  fail_unless (GST_BUFFER_PTS (out) == 160 * GST_MSECOND && !mae_test_has_embedding (out));
  gst_buffer_unref (out);
  fail_unless_equals_uint64 (mae_test_count (h->element, "unreadable"), 1);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Another crop, and a frame that GStreamer's converter makes a picture of: the order stays. */
GST_START_TEST (test_changes)
{
  static const gchar *const formats[] = { "NV12", "GRAY8" };

  for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
    gfloat straight[FRAMES][MAE_TEST_EMBEDDING], values[MAE_TEST_EMBEDDING];
    gchar *string = mae_test_caps (formats[f], 200, 100);

    for (guint overlap = 0; overlap < 2; overlap++) {
      GstHarness *h = new_harness (overlap);

      gst_harness_set_src_caps_str (h, string);
      for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *frame = mae_test_frame_for (h, n);

        if (n % 2) {
          GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

          crop->x = crop->y = 2 * n;
          crop->width = crop->height = 60;
        }
        fail_unless_equals_int (gst_harness_push (h, frame), GST_FLOW_OK);
      }
      gst_harness_push_event (h, gst_event_new_eos ());
      fail_unless_equals_int (gst_harness_buffers_in_queue (h), FRAMES);
      for (guint n = 0; n < FRAMES; n++) {
        GstBuffer *out = gst_harness_pull (h);

        fail_unless_equals_uint64 (GST_BUFFER_PTS (out), n * 40 * GST_MSECOND);
        get_values (out, overlap ? values : straight[n]);
        fail_unless (!overlap || memcmp (values, straight[n], sizeof values) == 0, "%s, frame %u", formats[f], n);
        gst_buffer_unref (out);
      }
      mae_test_harness_free (h);
    }
    g_free (string);
  }
}
GST_END_TEST;

/* Frames in the device's memory are held as long as they are read there, with what their element has under way. */
GST_START_TEST (test_on_device)
{
  GstHarness *h = new_harness (TRUE);
  gpointer context = cuda_rig_ask (h->element);
  GstVideoInfo info;
  GstCaps *system = gst_caps_from_string (caps);
  gchar *there = cuda_rig_caps ("NV12", 200, 100);

  fail_unless (gst_video_info_from_caps (&info, system));
  gst_harness_set_src_caps_str (h, there);
  for (guint n = 0; n < FRAMES; n++) {
    GstBuffer *frame = mae_test_frame (&info, n);

    fail_unless_equals_int (gst_harness_push (h, cuda_rig_upload_late (context, &info, frame)), GST_FLOW_OK);
    gst_buffer_unref (frame);
    if (n > 0)
      check_next (h, n - 1);
    check_none (h);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  check_next (h, FRAMES - 1);
  gst_object_unref (context);
  gst_caps_unref (system);
  g_free (there);
  mae_test_harness_free (h);
}
GST_END_TEST;

static GstClockTime
ask_latency (GstHarness *h)
{
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min;

  fail_unless (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, NULL, &min, NULL);
  gst_query_unref (query);
  return min;
}

/* A live pipeline learns of the frame that is held back, and is told when that changes. */
GST_START_TEST (test_latency)
{
  GstHarness *h = new_harness (TRUE);
  GstClockTime held, not_held;
  GstMessage *message;

  gst_harness_set_live (h, TRUE);
  held = ask_latency (h);
  gst_bus_set_flushing (mae_test_bus (h), TRUE);
  gst_bus_set_flushing (mae_test_bus (h), FALSE);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=NV12,width=200,height=100,framerate=0/1");
  not_held = ask_latency (h);
  fail_unless_equals_uint64 (held - not_held, 40 * GST_MSECOND);
  message = gst_bus_pop_filtered (mae_test_bus (h), GST_MESSAGE_LATENCY);
  fail_unless (message != NULL);
  gst_message_unref (message);
  mae_test_harness_free (h);
}
GST_END_TEST;

/* Stopped with a frame under way; as tensors. */
GST_START_TEST (test_tensors)
{
  GstHarness *h = new_harness (TRUE);
  GstBuffer *out;
  GstMapInfo map;

  push (h, 0);
  mae_test_harness_free (h);

  h = mae_test_harness (&test, "device", GH_DEVICE_CUDA, "precision", GH_PRECISION_F32, "overlap", TRUE, NULL);
  gst_harness_set_sink_caps_str (h, GST_MAE_EMBEDDING_CAPS);
  gst_harness_set_src_caps_str (h, caps);
  for (guint n = 0; n < FRAMES; n++)
    push (h, n);
  gst_harness_push_event (h, gst_event_new_eos ());
  fail_unless_equals_int (gst_harness_buffers_in_queue (h), FRAMES);
  for (guint n = 0; n < FRAMES; n++) {
    out = gst_harness_pull (h);
    fail_unless (gst_buffer_map (out, &map, GST_MAP_READ));
    fail_unless_equals_int (map.size, sizeof want[n]);
    fail_unless (memcmp (map.data, want[n], sizeof want[n]) == 0);
    gst_buffer_unmap (out, &map);
    gst_buffer_unref (out);
  }
  mae_test_harness_free (h);
}
GST_END_TEST;

/* A frame that comes to nothing is an error; the frame held back goes with it, and what follows finds none. */
GST_START_TEST (test_failure)
{
  MaeTest broken = { .folder = test.folder, .model = mae_test_write_model (&test, "broken.safetensors", MAE_TEST_DIM, 2) };
  g_autoptr (ModelFile) file = model_file_read (broken.model);
  ModelTensor *weight = model_file_find (file, "embed.weight");
  GstHarness *h;

  for (gint64 i = 0; i < weight->count; i++)
    weight->data[i] = weight->data[i] > 0 ? 3e38f : -3e38f;
  model_file_write (file, broken.model);
  h = mae_test_harness (&broken, "device", GH_DEVICE_CUDA, "precision", GH_PRECISION_F32, "overlap", TRUE, NULL);
  gst_harness_set_src_caps_str (h, caps);
  push (h, 0);
  fail_unless_equals_int (gst_harness_push (h, mae_test_frame_for (h, 1)), GST_FLOW_ERROR);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));        /* as sources do after an error */
  check_none (h);
  mae_test_harness_free (h);
  g_free (broken.model);
}
GST_END_TEST;

static Suite *
mae_encoder_overlap_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-overlap");
  TCase *tcase = tcase_create ("general");

  tcase_add_unchecked_fixture (tcase, set_up, tear_down);
  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_order);
  tcase_add_test (tcase, test_not_held);
  tcase_add_test (tcase, test_discont);
  tcase_add_test (tcase, test_events);
  tcase_add_test (tcase, test_flush);
  tcase_add_test (tcase, test_skipped);
  tcase_add_test (tcase, test_changes);
  tcase_add_test (tcase, test_on_device);
  tcase_add_test (tcase, test_latency);
  tcase_add_test (tcase, test_tensors);
  tcase_add_test (tcase, test_failure);
  return suite;
}

int
main (int argc, char **argv)
{
  gst_check_init (&argc, &argv);
  if (!cuda_rig_works ())
    return 77;
  return gst_check_run_suite (mae_encoder_overlap_suite (), "mae-encoder-overlap", __FILE__);
}
