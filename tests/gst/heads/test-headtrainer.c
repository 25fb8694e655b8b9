/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headtrainer.c: what head-trainer learns from metas and from CSV files is what models/ learns from the same
 * numbers; when it trains, what it refuses, and that it stops at once and leaves nothing behind.
 */
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/heads/heads.h>
#include <math.h>
#include <string.h>

#include "models/gh-head-train.h"
#include "tests/models/temp-folder.h"

#define DIM 6
#define ID "0123456789abcdef"
#define VIDEO_CAPS "video/x-raw,format=GRAY8,width=4,height=4,framerate=10/1"
#define META "HeadTrainerTestMeta"

static gchar *folder;
static gchar *location;
static GstElement *element;
static GstBus *bus;
static GstHarness *h;
static guint pushed;

static void
setup (void)
{
  const gchar *tags[] = { NULL };

  if (!gst_meta_get_info (META))
    gst_meta_register_custom (META, tags, NULL, NULL, NULL);
  folder = temp_folder_new ();
  location = g_build_filename (folder, "head.safetensors", NULL);
  element = gst_element_factory_make ("head-trainer", NULL);
  fail_unless (element != NULL);
  g_object_set (element, "location", location, "label", META ".value", "mlp", FALSE, "threads", 1, NULL);
  bus = gst_bus_new ();
  gst_element_set_bus (element, bus);
  h = NULL;
  pushed = 0;
}

static void
teardown (void)
{
  g_clear_pointer (&h, gst_harness_teardown);
  gst_element_set_state (element, GST_STATE_NULL);
  gst_bus_set_flushing (bus, TRUE);
  gst_element_set_bus (element, NULL);
  gst_object_unref (element);
  gst_object_unref (bus);
  temp_folder_remove (folder);
  g_free (folder);
  g_free (location);
}

static void
start (const gchar *caps)
{
  h = gst_harness_new_with_element (element, "sink", NULL);
  gst_harness_set_src_caps_str (h, caps);
}

static void
set_kind (const gchar *kind)
{
  gst_util_set_object_arg (G_OBJECT (element), "kind", kind);
}

/* The numbers of frame n. */
static void
numbers (guint n, gfloat values[DIM])
{
  for (guint i = 0; i < DIM; i++)
    values[i] = sinf (1 + 2.7f * n + 1.3f * i * n);
}

/* What is to be learned from them. */
static gdouble
truth (guint n)
{
  gfloat v[DIM];

  numbers (n, v);
  return 5 + v[0] - 2 * v[3];
}

static GstBuffer *
frame_new (const gchar *id)
{
  GstMaeEmbedding embedding = { .model_id = id, .dim = DIM, .device = "ref", .encoder_file = "small.safetensors" };
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);
  gfloat values[DIM];

  numbers (pushed, values);
  embedding.embedding = gst_buffer_new_memdup (values, sizeof values);
  fail_unless (gst_buffer_add_mae_embedding (buffer, &embedding));
  gst_buffer_unref (embedding.embedding);
  GST_BUFFER_PTS (buffer) = pushed++ * 100 * GST_MSECOND;
  GST_BUFFER_DURATION (buffer) = 100 * GST_MSECOND;
  return buffer;
}

static void
set_label (GstBuffer *buffer, GType type, const gchar *text)
{
  GstCustomMeta *meta = gst_buffer_add_custom_meta (buffer, META);
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  fail_unless (gst_value_deserialize (&value, text));
  gst_structure_take_value (gst_custom_meta_get_structure (meta), "value", &value);
}

static void
push (GstBuffer *buffer)
{
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
}

static void
push_labelled (guint n)
{
  for (guint i = 0; i < n; i++) {
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];
    gdouble label = truth (pushed);
    GstBuffer *buffer = frame_new (ID);

    set_label (buffer, G_TYPE_DOUBLE, g_ascii_dtostr (text, sizeof text, label));
    push (buffer);
  }
}

static void
push_bare (guint n)
{
  for (guint i = 0; i < n; i++)
    push (frame_new (ID));
}

/* The message with that state, when there is one; the caller unrefs. */
static GstMessage *
pop_state (const gchar *state)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
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

  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  message = pop_state ("done");
  fail_unless (message != NULL);
  assert_equals_string (gst_structure_get_string (gst_message_get_structure (message), "location"), location);
  gst_message_unref (message);
}

static GError *
pop_problem (GstMessageType type)
{
  GstMessage *message = gst_bus_pop_filtered (bus, type);
  GError *error = NULL;

  if (message) {
    (type == GST_MESSAGE_ERROR ? gst_message_parse_error : gst_message_parse_warning) (message, &error, NULL);
    gst_message_unref (message);
  }
  return error;
}

static void
expect_problem (GstMessageType type, const gchar *says)
{
  GError *error = pop_problem (type);

  fail_unless (error != NULL, "nobody says \"%s\"", says);
  fail_unless (strstr (error->message, says) != NULL, "\"%s\" does not say \"%s\"", error->message, says);
  g_error_free (error);
}

static GhHead *
load (void)
{
  GError *error = NULL;
  GhHead *head = gh_head_load (location, &error);

  fail_unless (head != NULL, "%s", error ? error->message : "");
  return head;
}

static gdouble
predict (const GhHead *head, guint n)
{
  GhPrediction prediction;
  gfloat values[DIM];

  numbers (n, values);
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
    numbers (first + i, embeddings + i * DIM);
    labels[i] = truth (first + i);
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

  g_object_get (element, "stats", &stats, NULL);
  if (!gst_structure_get_uint64 (stats, field, &count)) {
    fail_unless (gst_structure_get_uint (stats, field, &labels), "no %s", field);
    count = labels;
  }
  gst_structure_free (stats);
  return count;
}

static gchar *
write_csv (const gchar *text)
{
  gchar *path = g_build_filename (folder, "labels.csv", NULL);

  fail_unless (g_file_set_contents (path, text, -1, NULL));
  return path;
}

/* ---- learning ---------------------------------------------------------------------------------------- */

GST_START_TEST (test_meta)
{
  g_autoptr (GhHead) expected = reference (0, 40, GH_HEAD_SCALAR);
  g_autoptr (GhHead) head = NULL;

  start (VIDEO_CAPS);
  push_labelled (40);
  push_bare (3);
  end_and_expect_head ();
  head = load ();
  check_same (head, expected);
  assert_equals_string (gh_head_name (head), "value");
  assert_equals_string (gh_head_encoder_id (head), ID);
  assert_equals_string (gh_head_encoder_file (head), "small.safetensors");
  fail_unless (fabs (predict (head, 1000) - truth (1000)) < 0.5);
  assert_equals_uint64 (stat_of ("frames"), 43);
  assert_equals_uint64 (stat_of ("without-label"), 3);
  assert_equals_uint64 (stat_of ("labels"), 40);
  assert_equals_uint64 (stat_of ("trainings"), 1);
}
GST_END_TEST;

/* A second end with nothing new trains nothing. */
GST_START_TEST (test_end_again)
{
  GstSegment segment;

  start (VIDEO_CAPS);
  push_labelled (12);
  end_and_expect_head ();
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
  fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  fail_unless (gst_harness_push_event (h, gst_event_new_segment (&segment)));
  push_bare (1);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
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

  set_kind (kinds[__i__].kind);
  start (VIDEO_CAPS);
  for (guint i = 0; i < 40; i++) {
    gfloat v[DIM] = { i % 2 ? 1 : -1 };
    GstMaeEmbedding embedding = { .model_id = ID, .dim = DIM, .embedding = gst_buffer_new_memdup (v, sizeof v) };
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

    fail_unless (gst_buffer_add_mae_embedding (buffer, &embedding));
    gst_buffer_unref (embedding.embedding);
    set_label (buffer, g_type_from_name (kinds[__i__].type), kinds[__i__].texts[i % 2]);
    push (buffer);
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
  g_autoptr (GString) text = g_string_new (__i__ == 0 ? "value\n,\n,\n" : "file,seconds,value\n");
  g_autofree gchar *path = NULL;
  g_autoptr (GhHead) head = NULL;

  if (__i__ == 0)
    g_string_assign (text, "value,other\n,\n,\n");
  for (gint i = 0; i < 20; i++) {
    gint n = 2 + (__i__ == 0 ? i : 19 - i);
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_dtostr (number, sizeof number, truth (n));
    if (__i__ == 0)
      g_string_append_printf (text, "%s,x\n", number);
    else        /* a little beside the frame's own time */
      g_string_append_printf (text, "images/frame-%05d.jpg,%d.%d3,%s\n", n, n / 10, n % 10, number);
  }
  path = write_csv (text->str);
  g_object_set (element, "label", NULL, "labels", path, "label-column", "value", "key-column", keys[__i__], NULL);
  if (__i__ == 2)
    gst_util_set_object_arg (G_OBJECT (element), "key", "time");
  start (VIDEO_CAPS);
  push_bare (30);
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

    g_string_append_printf (text, "%s,x\n", g_ascii_dtostr (number, sizeof number, truth (i)));
  }
  path = write_csv (text->str);
  g_object_set (element, "label", NULL, "labels", path, "label-column", "value", NULL);
  start (VIDEO_CAPS);
  for (pushed = first; pushed < 20;) {
    const guint64 offset = pushed * unit;
    GstBuffer *buffer = frame_new (ID);

    GST_BUFFER_OFFSET (buffer) = offset;
    GST_BUFFER_OFFSET_END (buffer) = offset + unit;
    push (buffer);
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

  start (text);
  for (guint i = 0; i < 15; i++) {
    gchar number[G_ASCII_DTOSTR_BUF_SIZE];
    gfloat values[DIM];
    GstBuffer *buffer;

    numbers (i, values);
    buffer = gst_buffer_new_memdup (values, sizeof values);
    set_label (buffer, G_TYPE_DOUBLE, g_ascii_dtostr (number, sizeof number, truth (i)));
    push (buffer);
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

  g_object_set (element, "retrain-every", 10, "max-labels", 15, NULL);
  start (VIDEO_CAPS);
  push_labelled (10);
  wait_for_trainings (1);
  head = load ();
  check_same (head, old);
  push_labelled (10);
  wait_for_trainings (2);
  other = load ();
  check_same (other, new);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  assert_equals_uint64 (stat_of ("trainings"), 2);
}
GST_END_TEST;

/* Too few labels are told and forgiven while the stream lasts. */
GST_START_TEST (test_failed_retraining)
{
  GstMessage *message = NULL;

  g_object_set (element, "retrain-every", 2, NULL);
  start (VIDEO_CAPS);
  push_labelled (2);
  for (guint i = 0; i < 1000 && !message; i++) {
    message = pop_state ("failed");
    g_usleep (5 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (message != NULL);
  fail_unless (gst_structure_get_string (gst_message_get_structure (message), "reason") != NULL);
  gst_message_unref (message);
  g_object_set (element, "retrain-every", 0, NULL);
  push_labelled (8);
  end_and_expect_head ();
  fail_unless (pop_problem (GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

GST_START_TEST (test_interval)
{
  g_object_set (element, "interval", (guint64) (300 * GST_MSECOND), "group-duration", GST_SECOND, NULL);
  start (VIDEO_CAPS);
  push_labelled (60);
  end_and_expect_head ();
  assert_equals_uint64 (stat_of ("labels"), 20);
  assert_equals_uint64 (stat_of ("labelled"), 60);
}
GST_END_TEST;

GST_START_TEST (test_other_encoder)
{
  g_autoptr (GhHead) head = NULL;

  start (VIDEO_CAPS);
  push_labelled (10);
  for (guint i = 0; i < 5; i++) {
    GstBuffer *buffer = frame_new ("feedfacefeedface");

    set_label (buffer, G_TYPE_INT, "3");
    push (buffer);
  }
  expect_problem (GST_MESSAGE_WARNING, "feedfacefeedface instead of " ID);
  end_and_expect_head ();
  head = load ();
  assert_equals_string (gh_head_encoder_id (head), "feedfacefeedface");
  assert_equals_string (gh_head_metadata (head, "labels"), "5");
}
GST_END_TEST;

/* ---- what is refused --------------------------------------------------------------------------------- */

static void
expect_no_start (const gchar *says)
{
  fail_unless_equals_int (gst_element_set_state (element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  expect_problem (GST_MESSAGE_ERROR, says);
  fail_unless (pop_problem (GST_MESSAGE_ERROR) == NULL);
  gst_element_set_state (element, GST_STATE_NULL);
}

GST_START_TEST (test_settings)
{
  g_autofree gchar *path = write_csv ("file,value,seconds\nframe-1.jpg,3,0\nframe-01.jpg,4,x\n");

  g_object_set (element, "location", NULL, NULL);
  expect_no_start ("'location'");
  g_object_set (element, "location", "/nowhere/at/all/head.safetensors", NULL);
  expect_no_start ("/nowhere/at/all/head.safetensors");
  g_object_set (element, "location", folder, NULL);
  expect_no_start ("it is a folder");
  g_object_set (element, "location", location, "label", "people", NULL);
  expect_no_start ("\"people\" does not say");
  g_object_set (element, "label", NULL, NULL);
  expect_no_start ("'labels'");
  g_object_set (element, "label", META ".value", "labels", path, "label-column", "value", NULL);
  expect_no_start ("only one");
  g_object_set (element, "label", NULL, "label-column", NULL, NULL);
  expect_no_start ("'label-column'");
  g_object_set (element, "label-column", "wrong", NULL);
  expect_no_start ("there is no column \"wrong\"");
  g_object_set (element, "label-column", "value", "key-column", "file", NULL);
  expect_no_start ("labels.csv:3: frame 1 was labelled before");
  g_object_set (element, "key-column", "seconds", NULL);
  expect_no_start ("labels.csv:3: \"x\" neither is nor ends");
  gst_util_set_object_arg (G_OBJECT (element), "key", "time");
  expect_no_start ("labels.csv:3: \"x\" is no time");
  g_object_set (element, "key-column", NULL, NULL);
  expect_no_start ("'key-column'");
  g_object_set (element, "labels", "/nowhere.csv", "key-column", "file", NULL);
  expect_no_start ("/nowhere.csv");
}
GST_END_TEST;

static void
end_and_expect_error (const gchar *says)
{
  gst_harness_push_event (h, gst_event_new_eos ());
  expect_problem (GST_MESSAGE_ERROR, says);
  fail_unless (!g_file_test (location, G_FILE_TEST_EXISTS));
}

GST_START_TEST (test_too_few)
{
  start (VIDEO_CAPS);
  push_labelled (2);
  end_and_expect_error ("2 labels are too few");
}
GST_END_TEST;

GST_START_TEST (test_no_labels)
{
  start (VIDEO_CAPS);
  push_bare (31);
  expect_problem (GST_MESSAGE_WARNING, "No frame carries " META ".value");
  fail_unless (pop_problem (GST_MESSAGE_WARNING) == NULL);
  end_and_expect_error ("None of 31 frames has a label");
}
GST_END_TEST;

GST_START_TEST (test_no_embeddings)
{
  start (VIDEO_CAPS);
  for (guint i = 0; i < 31; i++)
    push (gst_buffer_new_allocate (NULL, 16, NULL));
  expect_problem (GST_MESSAGE_WARNING, "Put mae-encoder upstream");
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

  set_kind (bad_labels[__i__].kind);
  start (VIDEO_CAPS);
  buffer = frame_new (ID);
  gst_caps_unref (gst_caps_new_any ());         /* registers the type */
  set_label (buffer, g_type_from_name (bad_labels[__i__].type), bad_labels[__i__].text);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  expect_problem (GST_MESSAGE_ERROR, bad_labels[__i__].says);
}
GST_END_TEST;

GST_START_TEST (test_bad_tensors)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, DIM * sizeof (gfloat), NULL);

  start ("other/tensors,format=static,num_tensors=1,types=float32,dimensions=6:1:1:1,framerate=10/1");
  set_label (buffer, G_TYPE_INT, "3");
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_ERROR);
  expect_problem (GST_MESSAGE_ERROR, "which encoder made them");
}
GST_END_TEST;

GST_START_TEST (test_not_embeddings)
{
  h = gst_harness_new_with_element (element, "sink", NULL);
  gst_harness_set_src_caps_str (h,
      "other/tensors,format=static,num_tensors=1,types=float32,dimensions=6:2:1:1,framerate=10/1");
  gst_harness_push (h, gst_buffer_new_allocate (NULL, 48, NULL));
  expect_problem (GST_MESSAGE_ERROR, "These tensors are not embeddings");
}
GST_END_TEST;

/* The head goes into a folder that disappears meanwhile. */
GST_START_TEST (test_cannot_write)
{
  g_autofree gchar *inner = g_build_filename (folder, "inner", NULL);
  g_autofree gchar *path = g_build_filename (inner, "head.safetensors", NULL);

  assert_equals_int (g_mkdir (inner, 0700), 0);
  g_object_set (element, "location", path, NULL);
  start (VIDEO_CAPS);
  push_labelled (10);
  g_rmdir (inner);
  end_and_expect_error (path);
}
GST_END_TEST;

/* ---- stopping ---------------------------------------------------------------------------------------- */

static gpointer
end_stream (gpointer data)
{
  gst_harness_push_event (h, gst_event_new_eos ());
  return NULL;
}

/* In the middle of the training that the end of the stream waits for. */
GST_START_TEST (test_stop_while_training)
{
  GThread *thread;
  gint64 before;

  g_object_set (element, "mlp", TRUE, NULL);
  start (VIDEO_CAPS);
  push_labelled (600);
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
    gst_element_set_state (element, GST_STATE_NULL);
    fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
    fail_unless (!g_file_test (location, G_FILE_TEST_EXISTS));
  } else {      /* flushing lets go of the stream; the training goes on */
    gst_harness_push_event (h, gst_event_new_flush_start ());
  }
  g_thread_join (thread);
  fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
  fail_unless (pop_problem (GST_MESSAGE_ERROR) == NULL);
}
GST_END_TEST;

/* The end of the stream comes after the head, and a pipeline pauses at once while it trains. */
GST_START_TEST (test_pipeline)
{
  g_autofree gchar *line = g_strdup_printf ("plaza-test-src shuffle=true num-buffers=12 ! "
      "video/x-raw,width=64,height=48 ! mae-encoder ! head-trainer label=GstPlazaTruth.people kind=count unit=people "
      "location=%s", location);
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
    start (VIDEO_CAPS);
    push_labelled (8);
    if (i % 2)
      fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
    gst_object_ref (element);
    g_clear_pointer (&h, gst_harness_teardown);
    assert_equals_int (gst_element_set_state (element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
    gst_object_unref (element);
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
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
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_add_test (tcase, test_meta);
  tcase_add_test (tcase, test_end_again);
  tcase_add_loop_test (tcase, test_kinds, 0, G_N_ELEMENTS (kinds));
  tcase_add_loop_test (tcase, test_files, 0, 3);
  tcase_add_loop_test (tcase, test_offsets, 0, 2);
  tcase_add_test (tcase, test_tensors);
  tcase_add_test (tcase, test_retraining);
  tcase_add_test (tcase, test_failed_retraining);
  tcase_add_test (tcase, test_interval);
  tcase_add_test (tcase, test_other_encoder);
  tcase_add_test (tcase, test_settings);
  tcase_add_test (tcase, test_too_few);
  tcase_add_test (tcase, test_no_labels);
  tcase_add_test (tcase, test_no_embeddings);
  tcase_add_loop_test (tcase, test_bad_labels, 0, G_N_ELEMENTS (bad_labels));
  tcase_add_test (tcase, test_bad_tensors);
  tcase_add_test (tcase, test_not_embeddings);
  tcase_add_test (tcase, test_cannot_write);
  tcase_add_loop_test (tcase, test_stop_while_training, 0, 2);
  tcase_add_test (tcase, test_pipeline);
  tcase_add_test (tcase, test_cycles);
  tcase_set_timeout (tcase, 60);
  return suite;
}

GST_CHECK_MAIN (headtrainer);
