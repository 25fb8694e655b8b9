/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-headpredict.c: what head-predict says, on every way an embedding can come, and what it refuses to start with.
 * The other embeddings' numbers being 1, a head of bias b says b + 20 + first.
 */
#include "predict-fixture.h"

#include <math.h>
#include <string.h>

#define OTHER_ID "ffffffffffffffff"

GST_START_TEST (test_all_kinds)
{
  PredictFixture f;
  g_autofree gchar *count = NULL, *scalar = NULL, *time = NULL, *class = NULL, *heads = NULL;
  GstHeadPrediction prediction;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  count = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  scalar = head_file_write (f.folder, "a,b", "level", GH_HEAD_SCALAR, 0.5, NULL);
  time = head_file_write (f.folder, "time", "time", GH_HEAD_TIME, -40, NULL);
  class = head_file_write (f.folder, "class", "light", GH_HEAD_CLASS, -30, NULL);
  heads = g_strdup_printf (" %s , %s/a\\,b.safetensors,%s,,%s,", count, f.folder, time, class);
  predict_fixture_start (&f, heads, VIDEO_CAPS);

  buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, 1.25, NULL));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 4);
  fail_unless (gst_buffer_nth_head_prediction (buffer, 0, &prediction));
  assert_equals_string (prediction.name, "people");
  assert_equals_string (prediction.kind, "count");
  assert_equals_string (prediction.unit, "people");
  assert_equals_string (prediction.text, "3 people");
  assert_equals_string (prediction.model_id, HEAD_FILE_ENCODER_ID);
  assert_equals_int (strlen (prediction.head_id), 16);
  assert_equals_float (prediction.value, 3.25);
  fail_unless (gst_buffer_get_head_prediction (buffer, "level", &prediction));
  assert_equals_float (prediction.value, 21.75);
  fail_unless (gst_buffer_get_head_prediction (buffer, "time", &prediction));
  assert_equals_float (prediction.value, 720);
  assert_equals_string (prediction.text, "12:00");
  fail_unless (gst_buffer_get_head_prediction (buffer, "light", &prediction));
  assert_equals_string (prediction.text, "night");
  fail_unless (prediction.confidence > 0.9 && prediction.confidence <= 1);
  gst_buffer_unref (buffer);

  assert_equals_uint64 (predict_fixture_stat (&f, "frames"), 1);
  assert_equals_uint64 (predict_fixture_stat (&f, "predicted"), 1);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* The same embeddings as payload of other/tensors, also across gdppay, say the same. */
static void
check_tensors (const gchar *heads, const gchar *launch, gdouble expected)
{
  const gfloat values[HEAD_FILE_DIM] = { 1.2345678f, 1, 1, 1, 1, 1 };
  g_autofree gchar *line = g_strdup_printf (launch, heads);
  GstHarness *h = gst_harness_new_parse (line);
  GstHeadPrediction prediction;
  GstBuffer *buffer;

  gst_harness_set_src_caps (h, gst_mae_embedding_caps_new (HEAD_FILE_DIM, HEAD_FILE_ENCODER_ID, "tiny.safetensors",
          10, 1));
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_new_memdup (values, sizeof values)), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  fail_unless (gst_buffer_memcmp (buffer, 0, values, sizeof values) == 0);
  fail_unless (gst_buffer_get_head_prediction (buffer, "people", &prediction));
  fail_unless (prediction.value == expected, "%.17g instead of %.17g", prediction.value, expected);
  assert_equals_string (prediction.model_id, HEAD_FILE_ENCODER_ID);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

GST_START_TEST (test_tensors_say_the_same)
{
  PredictFixture f;
  g_autofree gchar *head = NULL;
  gdouble expected;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  expected = predict_fixture_ask (&f, 1.2345678f, "people");
  check_tensors (head, "head-predict heads=%s", expected);
  check_tensors (head, "gdppay ! gdpdepay ! head-predict heads=%s", expected);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* A tensor without model-id is predicted from after one warning; one of the wrong size passes; other tensors are
 * refused. */
GST_START_TEST (test_foreign_tensors)
{
  const gfloat values[HEAD_FILE_DIM] = { 0, 1, 1, 1, 1, 1 };
  PredictFixture f;
  g_autofree gchar *head = NULL, *text = NULL;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)6:1:1:1,"
      "framerate=10/1");
  for (guint i = 0; i < 2; i++) {
    buffer = predict_fixture_pass (&f, gst_buffer_new_memdup (values, sizeof values));
    assert_equals_int (gst_buffer_n_head_predictions (buffer), 1);
    gst_buffer_unref (buffer);
  }
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, &text), 1);
  fail_unless (strstr (text, "model-id") != NULL, "%s", text);
  buffer = predict_fixture_pass (&f, gst_buffer_new_memdup (values, sizeof values - 1));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
  gst_buffer_unref (buffer);
  assert_equals_uint64 (predict_fixture_stat (&f, "without-embedding"), 1);

  gst_harness_set_src_caps_str (f.h, "other/tensors,format=static,num_tensors=1,types=float32,"
      "dimensions=(string)6:6:1:1,framerate=10/1");
  fail_unless_equals_int (gst_harness_push (f.h, gst_buffer_new_memdup (values, sizeof values)),
      GST_FLOW_NOT_NEGOTIATED);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_ERROR, &text), 1);
  predict_fixture_clear (&f);
}
GST_END_TEST

GST_START_TEST (test_message)
{
  PredictFixture f;
  g_autofree gchar *head = NULL;
  const GstStructure *structure;
  GstStructure *predictions, *people;
  GstMessage *message;
  guint64 time;
  gdouble value;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  predict_fixture_ask (&f, 0, "people");
  predict_fixture_count (&f, GST_MESSAGE_ELEMENT, NULL);
  predict_fixture_ask (&f, 5, "people");

  message = predict_fixture_pop (&f, GST_MESSAGE_ELEMENT);
  structure = gst_message_get_structure (message);
  fail_unless (gst_structure_has_name (structure, "head-prediction"));
  fail_unless (gst_structure_get_uint64 (structure, "timestamp", &time) && time == 100 * GST_MSECOND);
  fail_unless (gst_structure_get_uint64 (structure, "stream-time", &time) && time == 100 * GST_MSECOND);
  fail_unless (gst_structure_get_uint64 (structure, "running-time", &time) && time == 100 * GST_MSECOND);
  fail_unless (gst_structure_get_uint64 (structure, "duration", &time) && time == 100 * GST_MSECOND);
  assert_equals_string (gst_structure_get_string (structure, "model-id"), HEAD_FILE_ENCODER_ID);
  fail_unless (gst_structure_get (structure, "predictions", GST_TYPE_STRUCTURE, &predictions, NULL));
  fail_unless (gst_structure_get (predictions, "people", GST_TYPE_STRUCTURE, &people, NULL));
  fail_unless (gst_structure_get_double (people, "value", &value) && value == 7);
  fail_if (gst_structure_has_field (people, "confidence"));
  gst_structure_free (people);
  gst_structure_free (predictions);
  gst_message_unref (message);

  g_object_set (f.element, "post-messages", FALSE, NULL);
  predict_fixture_ask (&f, 5, "people");
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_ELEMENT, NULL), 0);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* The picture's memory is neither read nor copied, whoever holds it, wherever it lies. */
GST_START_TEST (test_memory_untouched)
{
  PredictFixture f;
  g_autofree gchar *head = NULL;
  GstBuffer *buffer, *out;
  GstMemory *memory;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, "video/x-raw(memory:CUDAMemory),format=NV12,width=4,height=4,framerate=10/1");

  buffer = predict_fixture_frame (&f, 0, NULL);
  memory = gst_buffer_peek_memory (buffer, 0);
  out = predict_fixture_pass (&f, buffer);
  fail_unless (out == buffer && gst_buffer_peek_memory (out, 0) == memory);
  gst_buffer_unref (out);

  buffer = predict_fixture_frame (&f, 0, NULL);
  memory = gst_buffer_peek_memory (buffer, 0);
  out = predict_fixture_pass (&f, gst_buffer_ref (buffer));
  fail_unless (out != buffer && gst_buffer_peek_memory (out, 0) == memory);
  assert_equals_int (gst_buffer_n_head_predictions (out), 1);
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
  gst_buffer_unref (out);
  gst_buffer_unref (buffer);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* Said once when many frames came without, or at the end of few; never when one had an embedding. */
GST_START_TEST (test_without_embedding)
{
  PredictFixture f;
  g_autofree gchar *head = NULL, *text = NULL;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  for (guint i = 0; i < 100; i++)
    gst_buffer_unref (predict_fixture_pass (&f, predict_fixture_bare_frame (&f)));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, &text), 1);
  fail_unless (strstr (text, "mae-encoder") != NULL, "%s", text);
  assert_equals_uint64 (predict_fixture_stat (&f, "frames"), 100);
  assert_equals_uint64 (predict_fixture_stat (&f, "without-embedding"), 100);
  predict_fixture_clear (&f);

  predict_fixture_init (&f);
  g_free (head);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  gst_buffer_unref (predict_fixture_pass (&f, predict_fixture_bare_frame (&f)));
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 0);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 1);
  predict_fixture_clear (&f);

  predict_fixture_init (&f);
  g_free (head);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  predict_fixture_ask (&f, 0, "people");
  for (guint i = 0; i < 100; i++)
    gst_buffer_unref (predict_fixture_pass (&f, predict_fixture_bare_frame (&f)));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 0);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* A result that is no number is left out, said once, and the stream goes on. */
GST_START_TEST (test_not_finite)
{
  PredictFixture f;
  g_autofree gchar *count = NULL, *level = NULL, *heads = NULL, *text = NULL;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  count = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  level = head_file_write (f.folder, "level", "level", GH_HEAD_SCALAR, 0, NULL);
  heads = g_strjoin (",", count, level, NULL);
  predict_fixture_start (&f, heads, VIDEO_CAPS);
  for (guint i = 0; i < 3; i++) {
    buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, i % 2 ? INFINITY : NAN, NULL));
    assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
    gst_buffer_unref (buffer);
  }
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_ELEMENT, NULL), 0);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, &text), 1);
  fail_unless (strstr (text, count) != NULL, "%s", text);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  assert_equals_uint64 (predict_fixture_stat (&f, "not-finite"), 6);
  assert_equals_uint64 (predict_fixture_stat (&f, "predicted"), 1);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* Frames that a head cannot know are counted, and said once per head after a while; some odd ones are not. */
GST_START_TEST (test_unlike)
{
  PredictFixture f;
  g_autofree gchar *count = NULL, *text = NULL;

  predict_fixture_init (&f);
  count = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  predict_fixture_start (&f, count, VIDEO_CAPS);
  for (guint i = 0; i < 100; i++)
    predict_fixture_ask (&f, i % 20 ? 10 : 1, "people");
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 0);
  assert_equals_uint64 (predict_fixture_stat (&f, "unlike"), 95);
  for (guint i = 0; i < 100; i++)
    predict_fixture_ask (&f, 10, "people");
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, &text), 1);
  fail_unless (strstr (text, count) != NULL && strstr (text, "4.2 deviations") != NULL, "%s", text);
  assert_equals_uint64 (predict_fixture_stat (&f, "predicted"), 200);
  predict_fixture_clear (&f);
}
GST_END_TEST

GST_START_TEST (test_refused_at_start)
{
  PredictFixture f;
  g_autofree gchar *one = NULL, *two = NULL, *both = NULL, *spaced = NULL, *absent = NULL, *corrupt = NULL;
  g_autofree gchar *nowhere = NULL, *text = NULL;

  predict_fixture_init (&f);
  one = head_file_write (f.folder, "one", "people", GH_HEAD_COUNT, 0, NULL);
  two = head_file_write (f.folder, "two", "people", GH_HEAD_SCALAR, 0, NULL);
  spaced = head_file_write (f.folder, "spaced", "number of people", GH_HEAD_COUNT, 0, NULL);
  both = g_strjoin (",", one, two, NULL);
  absent = g_build_filename (f.folder, "absent.safetensors", NULL);
  corrupt = g_build_filename (f.folder, "corrupt.safetensors", NULL);
  nowhere = g_build_filename (f.folder, "no", "such", "folder", NULL);
  fail_unless (g_file_set_contents (corrupt, "this is no safetensors file", -1, NULL));

  text = predict_fixture_fail_start (&f, NULL, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless (strstr (text, "'heads'") != NULL, "%s", text);
  g_free (text);
  text = predict_fixture_fail_start (&f, " , ", GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  g_free (text);
  text = predict_fixture_fail_start (&f, absent, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND);
  fail_unless (strstr (text, absent) != NULL, "%s", text);
  g_free (text);
  text = predict_fixture_fail_start (&f, corrupt, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_READ);
  fail_unless (strstr (text, corrupt) != NULL, "%s", text);
  g_free (text);
  text = predict_fixture_fail_start (&f, both, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (strstr (text, one) != NULL && strstr (text, two) != NULL, "%s", text);
  g_free (text);
  text = predict_fixture_fail_start (&f, spaced, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS);
  fail_unless (strstr (text, "number of people") != NULL, "%s", text);
  g_free (text);
  g_object_set (f.element, "location", nowhere, NULL);
  text = predict_fixture_fail_start (&f, one, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE);
  fail_unless (strstr (text, nowhere) != NULL, "%s", text);

  /* The same element starts once its properties are right. */
  g_object_set (f.element, "location", NULL, NULL);
  predict_fixture_start (&f, one, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 21);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* A head of another encoder ends a stream that has just begun ... */
GST_START_TEST (test_mismatch_at_first_frame)
{
  PredictFixture f;
  g_autofree gchar *head = NULL, *text = NULL;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, 0, OTHER_ID);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  fail_unless_equals_int (gst_harness_push (f.h, predict_fixture_frame (&f, 0, NULL)), GST_FLOW_ERROR);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_ERROR, &text), 1);
  fail_unless (strstr (text, head) != NULL && strstr (text, OTHER_ID) != NULL
      && strstr (text, HEAD_FILE_ENCODER_ID) != NULL, "%s", text);
  predict_fixture_clear (&f);
}
GST_END_TEST

/* ... and one whose encoder changes goes on without predictions, until encoder or heads fit again. */
GST_START_TEST (test_mismatch_later)
{
  PredictFixture f;
  g_autofree gchar *head = NULL, *other = NULL;
  GstBuffer *buffer;

  predict_fixture_init (&f);
  head = head_file_write (f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  other = head_file_write (f.folder, "other", "people", GH_HEAD_COUNT, 0, OTHER_ID);
  predict_fixture_start (&f, head, VIDEO_CAPS);
  assert_equals_float (predict_fixture_ask (&f, 1, "people"), 3);
  for (guint i = 0; i < 3; i++) {
    buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, 0, OTHER_ID));
    assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
    gst_buffer_unref (buffer);
  }
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 1);
  assert_equals_uint64 (predict_fixture_stat (&f, "mismatched"), 3);

  g_object_set (f.element, "heads", other, NULL);
  buffer = predict_fixture_pass (&f, predict_fixture_frame (&f, 0, OTHER_ID));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 1);
  gst_buffer_unref (buffer);
  assert_equals_int (predict_fixture_count (&f, GST_MESSAGE_WARNING, NULL), 0);
  predict_fixture_clear (&f);
}
GST_END_TEST

static Suite *
headpredict_suite (void)
{
  Suite *suite = suite_create ("head-predict");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_all_kinds);
  tcase_add_test (tests, test_tensors_say_the_same);
  tcase_add_test (tests, test_foreign_tensors);
  tcase_add_test (tests, test_message);
  tcase_add_test (tests, test_memory_untouched);
  tcase_add_test (tests, test_without_embedding);
  tcase_add_test (tests, test_not_finite);
  tcase_add_test (tests, test_unlike);
  tcase_add_test (tests, test_refused_at_start);
  tcase_add_test (tests, test_mismatch_at_first_frame);
  tcase_add_test (tests, test_mismatch_later);
  return suite;
}

GST_CHECK_MAIN (headpredict)
