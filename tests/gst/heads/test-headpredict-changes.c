/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headpredict-changes.c: head-predict while things change: heads swapped between frames, caps, flushes, restarts.
 */
#include "predict-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "tests/harness/resident-memory.h"

#define OTHER_ID "ffffffffffffffff"

static gboolean
reload (PredictFixture *f)
{
  gboolean accepted;

  g_signal_emit_by_name (f->element, "reload", &accepted);
  return accepted;
}

/* The ids that the last of the messages heads-changed names, and how many there were. */
static guint
count_changes (PredictFixture *f, gchar **ids)
{
  GstMessage *message;
  guint count = 0;

  while ((message = predict_fixture_pop (f, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "heads-changed")) {
      count++;
      g_free (*ids);
      *ids = g_strdup (gst_structure_get_string (gst_message_get_structure (message), "ids"));
    }
    gst_message_unref (message);
  }
  return count;
}

/* A head trained anew, under the same name or another. */
GST_START_TEST (test_swapped)
{
  PredictFixture f;
  g_autofree gchar *one = NULL, *two = NULL, *both = NULL, *used = NULL, *again = NULL, *ids = NULL;
  GstHeadPrediction prediction;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  fail_unless (reload (&f));    /* nothing runs, nothing to do */
  one = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  two = head_file_write (f.folder, "two", "level", GH_HEAD_SCALAR, 0, NULL);
  both = g_strjoin (",", one, two, NULL);
  predict_fixture_start (&f, one, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);

  again = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -10, NULL);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  fail_unless (reload (&f));
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 11);
  assert_equals_int (count_changes (&f, &ids), 1);

  g_object_set (f.element, "heads", both, NULL);
  buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, 1, NULL));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 2);
  fail_unless (gst_buffer_get_head_prediction (buffer, "people", &prediction));
  fail_unless (g_str_has_prefix (ids, prediction.head_id));
  assert_equals_int (count_changes (&f, &ids), 1);
  fail_unless (g_str_has_prefix (ids, prediction.head_id) && strchr (ids, ','), "%s", ids);
  gst_buffer_unref (buffer);
  g_object_get (f.element, "heads", &used, NULL);
  assert_equals_string (used, both);
  assert_equals_uint64 (predict_fixture_stat (&f, "reloads"), 2);
  assert_equals_uint64 (predict_fixture_stat (&f, "refused-reloads"), 0);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 0);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* A file that is replaced is read again without a word from anybody, and a bad one changes nothing. */
GST_START_TEST (test_auto_reload)
{
  PredictFixture f;
  g_autofree gchar *one = NULL, *again = NULL, *restored = NULL;

  predict_fixture_init (&f);
  g_object_set (f.element, "auto-reload", TRUE, NULL);
  one = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, one, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  again = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -10, NULL);
  for (guint i = 0; i < 300 && predict_fixture_stat (&f, "reloads") == 0; i++)
    g_usleep (50000);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 11);

  g_file_set_contents (one, "no head", -1, NULL);
  for (guint i = 0; i < 300 && predict_fixture_stat (&f, "refused-reloads") == 0; i++)
    g_usleep (50000);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 11);
  restored = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  for (guint i = 0; i < 300 && predict_fixture_stat (&f, "reloads") == 1; i++)
    g_usleep (50000);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  assert_equals_uint64 (predict_fixture_stat (&f, "refused-reloads"), 1);
  predict_fixture_clear (&f);
}
GST_END_TEST

static void
expect_refused (PredictFixture *f, const gchar *heads, const gchar *named, guint64 refused)
{
  g_autofree gchar *text = NULL, *used = NULL, *before = NULL;

  g_object_get (f->element, "heads", &before, NULL);
  g_object_set (f->element, "heads", heads, NULL);
  assert_equals_int (predict_fixture_count (f, GST_MESSAGE_WARNING, &text), 1);
  fail_unless (strstr (text, named) != NULL && strstr (text, "go on") != NULL, "%s", text);
  g_object_get (f->element, "heads", &used, NULL);
  assert_equals_string (used, before);
  assert_equals_float (predict_fixture_ask (f, 1, "people"), 3);
  assert_equals_uint64 (predict_fixture_stat (f, "refused-reloads"), refused);
}

GST_START_TEST (test_refused)
{
  PredictFixture f;
  g_autofree gchar *head = NULL, *foreign = NULL, *twin = NULL, *pair = NULL, *absent = NULL, *corrupt = NULL;
  g_autofree gchar *text = NULL;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  foreign = head_file_write (f.folder, "foreign", "people", GH_HEAD_COUNT, 0, OTHER_ID);
  twin = head_file_write (f.folder, "twin", "people", GH_HEAD_COUNT, 0, NULL);
  pair = g_strjoin (",", head, twin, NULL);
  absent = g_build_filename (f.folder, "absent.safetensors", NULL);
  corrupt = g_build_filename (f.folder, "corrupt.safetensors", NULL);
  fail_unless (g_file_set_contents (corrupt, "this is no safetensors file", -1, NULL));

  predict_fixture_start (&f, head, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  expect_refused (&f, absent, absent, 1);
  expect_refused (&f, corrupt, corrupt, 2);
  expect_refused (&f, foreign, OTHER_ID, 3);
  expect_refused (&f, pair, twin, 4);
  expect_refused (&f, "", "'heads'", 5);

  g_unlink (head);
  fail_if (reload (&f));
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, &text), 1);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  assert_equals_uint64 (predict_fixture_stat (&f, "reloads"), 0);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_ERROR, NULL), 0);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* The oldest message of that name; the caller frees it. */
static GstStructure *
pop_said (PredictFixture *f, const gchar *name)
{
  GstMessage *message;

  while ((message = predict_fixture_pop (f, GST_MESSAGE_ELEMENT))) {
    GstStructure *said = gst_structure_copy (gst_message_get_structure (message));

    gst_message_unref (message);
    if (gst_structure_has_name (said, name))
      return said;
    gst_structure_free (said);
  }
  fail ("no message %s", name);
  return NULL;
}

/* Programs hear which head came after which, and why another did not. */
GST_START_TEST (test_changes_are_told)
{
  PredictFixture f;
  g_autofree gchar *file = NULL, *again = NULL;
  g_autoptr (GhHead) old = NULL, new = NULL;
  GstStructure *said;

  predict_fixture_init (&f);
  file = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  old = gh_head_load (file, NULL);
  predict_fixture_start (&f, file, VIDEO_CAPS);
  again = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -10, NULL);
  new = gh_head_load (file, NULL);
  fail_if (g_str_equal (gh_head_id (old), gh_head_id (new)));
  fail_unless (reload (&f));
  said = pop_said (&f, "heads-changed");
  assert_equals_string (gst_structure_get_string (said, "heads"), file);
  assert_equals_string (gst_structure_get_string (said, "old-ids"), gh_head_id (old));
  assert_equals_string (gst_structure_get_string (said, "ids"), gh_head_id (new));
  gst_structure_free (said);

  fail_unless (g_file_set_contents (file, "no head", -1, NULL));
  fail_if (reload (&f));
  said = pop_said (&f, "heads-refused");
  assert_equals_string (gst_structure_get_string (said, "heads"), file);
  fail_unless (strstr (gst_structure_get_string (said, "reason"), file) != NULL);
  assert_equals_string (gst_structure_get_string (said, "old-ids"), gh_head_id (new));
  assert_equals_string (gst_structure_get_string (said, "ids"), gh_head_id (new));
  gst_structure_free (said);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 11);
  predict_fixture_clear (&f);
}
GST_END_TEST

typedef struct {
  PredictFixture *f;
  gchar *heads[2];
  gint stop;
} Swapper;

static gpointer
swap_until_stopped (gpointer data)
{
  Swapper *swapper = data;

  for (guint i = 0; !g_atomic_int_get (&swapper->stop); i++)
    g_object_set (swapper->f->element, "heads", swapper->heads[i % 2], NULL);
  return NULL;
}

/* One frame in, the same one out and no other, answered by the head that signs the answer. */
static void
ask_swapped (PredictFixture *f, gchar *const ids[2])
{
  GstBuffer *frame = predict_fixture_frame (f, 1, NULL);
  GstClockTime pts = GST_BUFFER_PTS (frame);
  GstBuffer *out = predict_fixture_pass (f, frame);
  GstHeadPrediction prediction;

  assert_equals_uint64 (GST_BUFFER_PTS (out), pts);
  assert_equals_int (gst_harness_buffers_in_queue (f->h), 0);
  assert_equals_int (gst_buffer_n_head_predictions (out), 1);
  fail_unless (gst_buffer_get_head_prediction (out, "people", &prediction));
  assert_equals_float (prediction.value, g_str_equal (prediction.head_id, ids[0]) ? 3 : 101);
  fail_unless (g_str_equal (prediction.head_id, ids[0]) || g_str_equal (prediction.head_id, ids[1]));
  gst_buffer_unref (out);
}

static gchar *
id_of (const gchar *file)
{
  g_autoptr (GhHead) head = gh_head_load (file, NULL);

  return g_strdup (gh_head_id (head));
}

/* No frame is lost or doubled, and every one is answered by one head or the other, whole. */
GST_START_TEST (test_swapped_while_streaming)
{
  PredictFixture f;
  Swapper swapper = { &f };
  gchar *ids[2];
  GThread *thread;

  predict_fixture_init (&f);
  swapper.heads[0] = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, -18, NULL);
  swapper.heads[1] = head_file_write (f.folder, "two", "people", GH_HEAD_COUNT, 80, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++)
    ids[i] = id_of (swapper.heads[i]);
  predict_fixture_start (&f, swapper.heads[0], VIDEO_CAPS);
  ask_swapped (&f, ids);
  thread = g_thread_new ("swapper", swap_until_stopped, &swapper);
  for (guint i = 0; i < 50000 && (i < 1000 || predict_fixture_stat (&f, "reloads") < 20); i++) {
    ask_swapped (&f, ids);
    if (i % 256 == 0)
      predict_fixture_count (&f, GST_MESSAGE_ANY, NULL);
  }
  g_atomic_int_set (&swapper.stop, TRUE);
  g_thread_join (thread);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR, NULL), 0);
  for (guint i = 0; i < G_N_ELEMENTS (ids); i++) {
    g_free (swapper.heads[i]);
    g_free (ids[i]);
  }
  predict_fixture_clear (&f);
}
GST_END_TEST

/* Other sizes, formats and memories, even embeddings alone; a flush; the end; and all again. */
GST_START_TEST (test_caps_flush_eos)
{
  static const gchar *const caps[] = {
    VIDEO_CAPS, "video/x-raw,format=NV12,width=1921,height=1079,framerate=0/1",
    "video/x-raw(memory:DMABuf),format=RGB,width=3,height=1,framerate=25/1",
    "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)6:1:1:1,framerate=10/1,"
        "model-id=(string)" HEAD_FILE_ENCODER_ID,
    "video/x-raw,format=RGB,width=320,height=240,framerate=10/1",
  };
  const gfloat values[HEAD_FILE_DIM] = { 1, 1, 1, 1, 1, 1 };
  PredictFixture f;
  g_autofree gchar *head = NULL;
  GstHeadPrediction prediction;
  GstSegment segment;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, caps[0]);
  for (guint i = 0; i < G_N_ELEMENTS (caps); i++) {
    gst_harness_set_src_caps_str (f.h, caps[i]);
    if (g_str_has_prefix (caps[i], "other"))
      buffer = predict_fixture_pass (&f, gst_buffer_new_memdup (values, sizeof values));
    else
      buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, 1, NULL));
    fail_unless (gst_buffer_get_head_prediction (buffer, "people", &prediction) && prediction.value == 3);
    gst_buffer_unref (buffer);
  }

  fail_unless (gst_harness_push_event (f.h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (f.h, gst_event_new_segment (&segment)));
  assert_equals_float (predict_fixture_ask (&f, 2, "people"), 4);
  fail_unless (gst_harness_push_event (f.h, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_push (f.h, predict_fixture_frame (&f, 1, NULL)), GST_FLOW_EOS);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR, NULL), 0);

  predict_fixture_stop (&f);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 2, "people"), 4);
  assert_equals_uint64 (predict_fixture_stat (&f, "frames"), 1);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* Upstream gets downstream's answer to ALLOCATION, as if the element were not there. */
GST_START_TEST (test_allocation_passes)
{
  PredictFixture f;
  g_autofree gchar *head = NULL;
  GstAllocationParams params;
  GstQuery *query;
  GstCaps *caps;

  gst_allocation_params_init (&params);
  params.align = 255;
  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  gst_harness_add_propose_allocation_meta (f.h, gst_meta_api_type_register ("TestOnlyMetaAPI", (const gchar *[]) {
          NULL}), NULL);
  gst_harness_set_propose_allocator (f.h, NULL, &params);
  predict_fixture_ask (&f, 1, "people");
  caps = gst_caps_from_string (VIDEO_CAPS);
  query = gst_query_new_allocation (caps, FALSE);
  fail_unless (gst_pad_peer_query (f.h->srcpad, query));
  fail_unless (gst_query_find_allocation_meta (query, g_type_from_name ("TestOnlyMetaAPI"), NULL));
  fail_unless (gst_query_get_n_allocation_params (query) > 0);
  gst_query_parse_nth_allocation_param (query, 0, NULL, &params);
  assert_equals_int (params.align, 255);
  gst_query_unref (query);
  gst_caps_unref (caps);
  predict_fixture_clear (&f);
}
GST_END_TEST

static GstPadProbeReturn
attach_embedding (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  const gfloat values[HEAD_FILE_DIM] = { 1, 1, 1, 1, 1, 1 };
  GstMaeEmbedding embedding = { .model_id = HEAD_FILE_ENCODER_ID, .dim = HEAD_FILE_DIM,
    .embedding = gst_buffer_new_memdup (values, sizeof values)
  };

  info->data = gst_buffer_make_writable (info->data);
  fail_unless (gst_buffer_add_mae_embedding (info->data, &embedding));
  gst_buffer_unref (embedding.embedding);
  return GST_PAD_PROBE_OK;
}

static void
run_to_eos (GstElement *pipeline)
{
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_READY);
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 10 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  fail_unless (message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_object_unref (bus);
  fail_unless_equals_int (gst_element_set_state (pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

/* 100 whole lives of a pipeline; what the first ones leave in caches does not count. */
GST_START_TEST (test_hundred_lives)
{
  PredictFixture f;
  g_autofree gchar *head = NULL, *launch = NULL;
  GstElement *pipeline, *source;
  glong before = 0;
  GstPad *pad;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  launch = g_strdup_printf ("videotestsrc name=s num-buffers=20 ! video/x-raw,format=GRAY8,width=64,height=64 ! "
      "head-predict heads=%s location=%s/out.jsonl ! fakesink", head, f.folder);
  pipeline = gst_parse_launch (launch, NULL);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  pad = gst_element_get_static_pad (source, "src");
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, attach_embedding, NULL, NULL);
  for (guint i = 0; i < 100; i++) {
    run_to_eos (pipeline);
    if (i == 30)
      before = resident_kb ();
  }
  fail_unless (resident_kb () - before < 1024, "grew by %ld kB", resident_kb () - before);
  gst_object_unref (pad);
  gst_object_unref (source);
  gst_object_unref (pipeline);
  predict_fixture_clear (&f);
}
GST_END_TEST

static Suite *
headpredict_changes_suite (void)
{
  Suite *suite = suite_create ("head-predict-changes");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_swapped);
  tcase_add_test (tests, test_auto_reload);
  tcase_add_test (tests, test_refused);
  tcase_add_test (tests, test_changes_are_told);
  tcase_add_test (tests, test_swapped_while_streaming);
  tcase_add_test (tests, test_caps_flush_eos);
  tcase_add_test (tests, test_allocation_passes);
  tcase_add_test (tests, test_hundred_lives);
  return suite;
}

GST_CHECK_MAIN (headpredict_changes)
