/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headtrainer.c: what head-trainer learns from metas and from CSV files is what models/ learns from the same
 * numbers; when it trains, and that it stops at once and leaves nothing behind.
 */
#include "trainer-rig.h"

#include <gst/heads/heads.h>
#include <math.h>

#include "models/gh-head-train.h"

/* The message with that state, when there is one; the caller unrefs. */
static GstMessage *
pop_state (const gchar *state)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (rig.bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "head-trainer")
        && g_strcmp0 (gst_structure_get_string (gst_message_get_structure (message), "state"), state) == 0)
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static void
end_and_expect_head (void)
{
  GstMessage *message;

  fail_unless (gst_harness_push_event (rig.h, gst_event_new_eos ()));
  message = pop_state ("done");
  fail_unless (message != NULL);
  assert_equals_string (gst_structure_get_string (gst_message_get_structure (message), "location"), rig.location);
  gst_message_unref (message);
}

static GhHead *
load (void)
{
  GError *error = NULL;
  GhHead *head = gh_head_load (rig.location, &error);

  fail_unless (head != NULL, "%s", error ? error->message : "");
  return head;
}

static gdouble
predict (const GhHead *head, guint n)
{
  GhPrediction prediction;
  gfloat values[DIM];

  rig_numbers (n, values);
  fail_unless (gh_head_predict (head, values, &prediction));
  return prediction.value;
}

/* The head that models/ makes of frames first..first+n-1. */
static GhHead *
reference (guint first, guint n, GhHeadKind kind)
{
  gfloat *embeddings = g_new (gfloat, n * DIM);
  gdouble *labels = g_new (gdouble, n);
  GhHeadData data = { n, DIM, embeddings, labels, NULL, kind, NULL, "value", NULL, ID, "small.safetensors" };
  GhHeadTrainOptions options = { .threads = 1 };
  GError *error = NULL;
  GhHead *head;

  for (guint i = 0; i < n; i++) {
    rig_numbers (first + i, embeddings + i * DIM);
    labels[i] = rig_truth (first + i);
  }
  head = gh_head_train (&data, &options, NULL, &error);
  fail_unless (head != NULL, "%s", error ? error->message : "");
  g_free (embeddings);
  g_free (labels);
  return head;
}

static void
check_same (const GhHead *head, const GhHead *expected)
{
  for (guint n = 0; n < 50; n++)
    assert_equals_float (predict (head, n), predict (expected, n));
}

static guint64
stat_of (const gchar *field)
{
  GstStructure *stats;
  guint64 count = 0;
  guint labels = 0;

  g_object_get (rig.element, "stats", &stats, NULL);
  if (!gst_structure_get_uint64 (stats, field, &count)) {
    fail_unless (gst_structure_get_uint (stats, field, &labels), "no %s", field);
    count = labels;
  }
  gst_structure_free (stats);
  return count;
}

/* ---- learning ---------------------------------------------------------------------------------------- */

GST_START_TEST (test_meta)
{
  g_autoptr (GhHead) expected = reference (0, 40, GH_HEAD_SCALAR);
  g_autoptr (GhHead) head = NULL;

  rig_start (VIDEO_CAPS);
  rig_push_labelled (40);
  rig_push_bare (3);
  end_and_expect_head ();
  head = load ();
  check_same (head, expected);
  assert_equals_string (gh_head_name (head), "value");
  assert_equals_string (gh_head_encoder_id (head), ID);
  assert_equals_string (gh_head_encoder_file (head), "small.safetensors");
  fail_unless (fabs (predict (head, 1000) - rig_truth (1000)) < 0.5);
  assert_equals_uint64 (stat_of ("frames"), 43);
  assert_equals_uint64 (stat_of ("without-label"), 3);
  assert_equals_uint64 (stat_of ("labels"), 40);
  assert_equals_uint64 (stat_of ("trainings"), 1);
}
GST_END_TEST;

/* A number that no label can be costs its frame, not the training, and is warned of once. */
GST_START_TEST (test_impossible_labels)
{
  g_autoptr (GhHead) expected = reference (0, 40, GH_HEAD_SCALAR);
  g_autoptr (GhHead) head = NULL;

  rig_start (VIDEO_CAPS);
  rig_push_labelled (40);
  for (guint i = 0; i < 3; i++) {
    GstBuffer *buffer = rig_frame (ID);

    rig_set_label (buffer, i < 2 ? G_TYPE_DOUBLE : G_TYPE_STRING, i < 2 ? "1e300" : "inf");
    rig_push (buffer);
  }
  rig_expect_problem (GST_MESSAGE_WARNING, "The field value of " META " holds 1e+300, which is larger than 1e15");
  end_and_expect_head ();
  fail_unless (rig_pop_problem (GST_MESSAGE_WARNING) == NULL);
  head = load ();
  check_same (head, expected);
  assert_equals_uint64 (stat_of ("without-label"), 3);
}
GST_END_TEST;

/* A second end with nothing new trains nothing. */
GST_START_TEST (test_end_again)
{
  GstSegment segment;

  rig_start (VIDEO_CAPS);
  rig_push_labelled (12);
  end_and_expect_head ();
  fail_unless (gst_harness_push_event (rig.h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (rig.h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (rig.h, gst_event_new_segment (&segment)));
  rig_push_bare (1);
  fail_unless (gst_harness_push_event (rig.h, gst_event_new_eos ()));
  assert_equals_uint64 (stat_of ("trainings"), 1);
}
GST_END_TEST;

static const struct
{
  const gchar *kind, *type, *texts[2], *says[2];
} kinds[] = {
  {"class", "gchararray", {"sunny", "rain"}, {"sunny", "rain"}},
  {"class", "gboolean", {"true", "false"}, {"true", "false"}},
  {"class", "gint", {"10", "9"}, {"10", "9"}},
  {"time", "gchararray", {"06:00", "18:30"}, {"06:00", "18:30"}},
  {"time", "gdouble", {"360", "1110"}, {"06:00", "18:30"}},
  {"count", "gint", {"0", "7"}, {"0", "7"}},
  {"count", "guint64", {"1", "20"}, {"1", "20"}},
  {"scalar", "gchararray", {"-1.5", "2"}, {"-1.50", "2.00"}},
};

/* Two answers, told apart by the sign of one number. */
GST_START_TEST (test_kinds)
{
  g_autoptr (GhHead) head = NULL;

  rig_set_kind (kinds[__i__].kind);
  rig_start (VIDEO_CAPS);
  for (guint i = 0; i < 40; i++) {
    gfloat v[DIM] = { i % 2 ? 1 : -1 };
    GstMaeEmbedding embedding = { .model_id = ID, .dim = DIM, .embedding = gst_buffer_new_memdup (v, sizeof v) };
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

    fail_unless (gst_buffer_add_mae_embedding (buffer, &embedding));
    gst_buffer_unref (embedding.embedding);
    rig_set_label (buffer, g_type_from_name (kinds[__i__].type), kinds[__i__].texts[i % 2]);
    rig_push (buffer);
  }
  end_and_expect_head ();
  head = load ();
  for (guint i = 0; i < 2; i++) {
    gfloat v[DIM] = { i ? 1 : -1 };
    GhPrediction prediction;

    fail_unless (gh_head_predict (head, v, &prediction));
    if (gh_head_kind (head) == GH_HEAD_SCALAR || gh_head_kind (head) == GH_HEAD_COUNT)
      fail_unless (fabs (prediction.value - g_ascii_strtod (kinds[__i__].says[i], NULL)) < 0.2, "%s instead of %s",
          prediction.text, kinds[__i__].says[i]);
    else
      assert_equals_string (prediction.text, kinds[__i__].says[i]);
  }
}
GST_END_TEST;

/* The same labels by number of the row, by file name and by time; rows in any order. */
GST_START_TEST (test_files)
{
  static const gchar *const keys[] = { NULL, "file", "seconds" };
  g_autoptr (GhHead) expected = reference (2, 20, GH_HEAD_SCALAR);
  g_autoptr (GString) text = g_string_new (__i__ == 0 ? "value,other\n,\n,\n" : "file,seconds,value\n");
  g_autofree gchar *path = NULL;
  g_autoptr (GhHead) head = NULL;

  for (gint i = 0; i < 20; i++) {
    gint n = 2 + (__i__ == 0 ? i : 19 - i);
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_dtostr (number, sizeof number, rig_truth (n));
    if (__i__ == 0)
      g_string_append_printf (text, "%s,x\n", number);
    else        /* a little beside the frame's own time */
      g_string_append_printf (text, "images/frame-%05d.jpg,%d.%d3,%s\n", n, n / 10, n % 10, number);
  }
  path = rig_write_csv (text->str);
  g_object_set (rig.element, "label", NULL, "labels", path, "label-column", "value", "key-column", keys[__i__], NULL);
  if (__i__ == 2)
    gst_util_set_object_arg (G_OBJECT (rig.element), "key", "time");
  rig_start (VIDEO_CAPS);
  rig_push_bare (30);
  end_and_expect_head ();
  assert_equals_uint64 (stat_of ("labels"), 20);
  head = load ();
  check_same (head, expected);
}
GST_END_TEST;

/* Row n is for the source's frame n, whatever was dropped before; offsets that count bytes number nothing. */
GST_START_TEST (test_offsets)
{
  const guint first = __i__ == 0 ? 5 : 0, unit = __i__ == 0 ? 1 : 16;
  g_autoptr (GhHead) expected = reference (first, 20 - first, GH_HEAD_SCALAR);
  g_autoptr (GString) text = g_string_new ("value,other\n");
  g_autofree gchar *path = NULL;
  g_autoptr (GhHead) head = NULL;

  for (guint i = 0; i < 20; i++) {
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf (text, "%s,x\n", g_ascii_dtostr (number, sizeof number, rig_truth (i)));
  }
  path = rig_write_csv (text->str);
  g_object_set (rig.element, "label", NULL, "labels", path, "label-column", "value", NULL);
  rig_start (VIDEO_CAPS);
  for (rig.pushed = first; rig.pushed < 20;) {
    const guint64 offset = rig.pushed * unit;
    GstBuffer *buffer = rig_frame (ID);

    GST_BUFFER_OFFSET (buffer) = offset;
    GST_BUFFER_OFFSET_END (buffer) = offset + unit;
    rig_push (buffer);
  }
  end_and_expect_head ();
  head = load ();
  check_same (head, expected);
}
GST_END_TEST;

GST_START_TEST (test_tensors)
{
  g_autoptr (GstCaps) caps = gst_mae_embedding_caps_new (DIM, ID, "small.safetensors", 10, 1);
  g_autofree gchar *text = gst_caps_to_string (caps);
  g_autoptr (GhHead) expected = reference (0, 15, GH_HEAD_SCALAR);
  g_autoptr (GhHead) head = NULL;

  rig_start (text);
  for (guint i = 0; i < 15; i++) {
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];
    gfloat values[DIM];
    GstBuffer *buffer;

    rig_numbers (i, values);
    buffer = gst_buffer_new_memdup (values, sizeof values);
    rig_set_label (buffer, G_TYPE_DOUBLE, g_ascii_dtostr (number, sizeof number, rig_truth (i)));
    rig_push (buffer);
  }
  end_and_expect_head ();
  head = load ();
  check_same (head, expected);
}
GST_END_TEST;

/* ---- when and on what -------------------------------------------------------------------------------- */

static void
wait_for_trainings (guint64 n)
{
  for (guint i = 0; i < 1000 && stat_of ("trainings") < n; i++)
    g_usleep (10 * G_TIME_SPAN_MILLISECOND);
  assert_equals_uint64 (stat_of ("trainings"), n);
  g_usleep (10 * G_TIME_SPAN_MILLISECOND);     /* the thread ends */
}

/* Beside the stream, on the most recent labels. */
GST_START_TEST (test_retraining)
{
  g_autoptr (GhHead) old = reference (0, 10, GH_HEAD_SCALAR), new = reference (5, 15, GH_HEAD_SCALAR);
  g_autoptr (GhHead) head = NULL, other = NULL;

  g_object_set (rig.element, "retrain-every", 10, "max-labels", 15, NULL);
  rig_start (VIDEO_CAPS);
  rig_push_labelled (10);
  wait_for_trainings (1);
  head = load ();
  check_same (head, old);
  rig_push_labelled (10);
  wait_for_trainings (2);
  other = load ();
  check_same (other, new);
  fail_unless (gst_harness_push_event (rig.h, gst_event_new_eos ()));
  assert_equals_uint64 (stat_of ("trainings"), 2);
}
GST_END_TEST;

/* Too few labels are told and forgiven while the stream lasts. */
GST_START_TEST (test_failed_retraining)
{
  GstMessage *message = NULL;

  g_object_set (rig.element, "retrain-every", 2, NULL);
  rig_start (VIDEO_CAPS);
  rig_push_labelled (2);
  for (guint i = 0; i < 1000 && !message; i++) {
    message = pop_state ("failed");
    g_usleep (5 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (message != NULL);
  fail_unless (gst_structure_get_string (gst_message_get_structure (message), "reason") != NULL);
  gst_message_unref (message);
  g_object_set (rig.element, "retrain-every", 0, NULL);
  rig_push_labelled (8);
  end_and_expect_head ();
  fail_unless (rig_pop_problem (GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_interval)
{
  g_object_set (rig.element, "interval", (guint64) (300 * GST_MSECOND), "group-duration", GST_SECOND, NULL);
  rig_start (VIDEO_CAPS);
  rig_push_labelled (60);
  end_and_expect_head ();
  assert_equals_uint64 (stat_of ("labels"), 20);
  assert_equals_uint64 (stat_of ("labelled"), 60);
}
GST_END_TEST;

GST_START_TEST (test_other_encoder)
{
  g_autoptr (GhHead) head = NULL;

  rig_start (VIDEO_CAPS);
  rig_push_labelled (10);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *buffer = rig_frame ("feedfacefeedface");

    rig_set_label (buffer, G_TYPE_INT, "3");
    rig_push (buffer);
  }
  rig_expect_problem (GST_MESSAGE_WARNING, "feedfacefeedface instead of " ID);
  end_and_expect_head ();
  head = load ();
  assert_equals_string (gh_head_encoder_id (head), "feedfacefeedface");
  assert_equals_string (gh_head_metadata (head, "labels"), "5");
}
GST_END_TEST;

/* ---- stopping ---------------------------------------------------------------------------------------- */

static gpointer
end_stream (gpointer data)
{
  gst_harness_push_event (rig.h, gst_event_new_eos ());
  return NULL;
}

/* In the middle of the training that the end of the stream waits for. */
GST_START_TEST (test_stop_while_training)
{
  GThread *thread;
  gint64 before;

  g_object_set (rig.element, "mlp", TRUE, NULL);
  rig_start (VIDEO_CAPS);
  rig_push_labelled (600);
  thread = g_thread_new ("end", end_stream, NULL);
  for (guint i = 0; i < 200; i++) {
    GstMessage *message = pop_state ("training");

    g_usleep (10 * G_TIME_SPAN_MILLISECOND);
    if (message) {
      gst_message_unref (message);
      break;
    }
  }
  before = g_get_monotonic_time ();
  if (__i__ == 0) {
    gst_element_set_state (rig.element, GST_STATE_NULL);
    fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
    fail_unless (!g_file_test (rig.location, G_FILE_TEST_EXISTS));
  } else {      /* flushing lets go of the stream; the training goes on */
    gst_harness_push_event (rig.h, gst_event_new_flush_start ());
  }
  g_thread_join (thread);
  fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
  fail_unless (rig_pop_problem (GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

/* The end of the stream comes after the head, and a pipeline pauses at once while it trains. */
GST_START_TEST (test_pipeline)
{
  g_autofree gchar *line = g_strdup_printf ("plaza-test-src shuffle=true num-buffers=12 ! "
      "video/x-raw,width=64,height=48 ! mae-encoder ! head-trainer label=GstPlazaTruth.people kind=count unit=people "
      "location=%s", rig.location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *pipeline_bus = gst_element_get_bus (pipeline);
  GstMessage *message;
  gboolean done = FALSE;
  g_autoptr (GhHead) head = NULL;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((message = gst_bus_timed_pop_filtered (pipeline_bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS
              | GST_MESSAGE_ELEMENT))) {
    GstMessageType type = GST_MESSAGE_TYPE (message);

    if (type == GST_MESSAGE_ELEMENT && gst_message_has_name (message, "head-trainer")) {
      gst_element_set_state (pipeline, GST_STATE_PAUSED);
      assert_equals_int (gst_element_get_state (pipeline, NULL, NULL, GST_SECOND), GST_STATE_CHANGE_SUCCESS);
      gst_element_set_state (pipeline, GST_STATE_PLAYING);
      done |= g_strcmp0 (gst_structure_get_string (gst_message_get_structure (message), "state"), "done") == 0;
    }
    gst_message_unref (message);
    if (type == GST_MESSAGE_EOS)
      break;
    fail_unless (type != GST_MESSAGE_ERROR);
  }
  fail_unless (done && message != NULL);
  head = load ();
  assert_equals_string (gh_head_unit (head), "people");
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline_bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

static guint
count_threads (void)
{
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

GST_START_TEST (test_cycles)
{
  guint before = 0;

  for (guint i = 0; i < 100; i++) {
    rig_start (VIDEO_CAPS);
    rig_push_labelled (8);
    if (i % 2)
      fail_unless (gst_harness_push_event (rig.h, gst_event_new_eos ()));
    gst_object_ref (rig.element);
    g_clear_pointer (&rig.h, gst_harness_teardown);
    assert_equals_int (gst_element_set_state (rig.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    gst_object_unref (rig.element);
    gst_bus_set_flushing (rig.bus, TRUE);
    gst_bus_set_flushing (rig.bus, FALSE);
    if (i == 10)
      before = count_threads ();
  }
  fail_unless (count_threads () <= before, "%u threads, %u before", count_threads (), before);
}
GST_END_TEST;

static Suite *
headtrainer_suite (void)
{
  Suite *suite = suite_create ("headtrainer");
  TCase *tcase = rig_case ();

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_meta);
  tcase_add_test (tcase, test_impossible_labels);
  tcase_add_test (tcase, test_end_again);
  tcase_add_loop_test (tcase, test_kinds, 0, G_N_ELEMENTS (kinds));
  tcase_add_loop_test (tcase, test_files, 0, 3);
  tcase_add_loop_test (tcase, test_offsets, 0, 2);
  tcase_add_test (tcase, test_tensors);
  tcase_add_test (tcase, test_retraining);
  tcase_add_test (tcase, test_failed_retraining);
  tcase_add_test (tcase, test_interval);
  tcase_add_test (tcase, test_other_encoder);
  tcase_add_loop_test (tcase, test_stop_while_training, 0, 2);
  tcase_add_test (tcase, test_pipeline);
  tcase_add_test (tcase, test_cycles);
  return suite;
}

GST_CHECK_MAIN (headtrainer);
