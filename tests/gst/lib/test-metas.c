/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-metas.c: typed access to the metas of embeddings and predictions: what goes in comes out, what contradicts
 * itself is refused, and both survive the elements that stand between an encoder and an application.
 */
#include <gst/heads/heads.h>

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <math.h>

#define ID "0123456789abcdef"
#define HEAD_ID "fedcba9876543210"
#define DIM 5

static const gfloat numbers[DIM] = { 0.5f, -1.25f, 1e-30f, 1e30f, 0.1f };

static GstBuffer *
floats (guint n)
{
  return gst_buffer_new_allocate (NULL, n * sizeof (gfloat), NULL);
}

/* Takes the buffers of embedding. */
static gboolean
add_and_release (GstBuffer *buffer, GstMaeEmbedding *embedding)
{
  gboolean added = gst_buffer_add_mae_embedding (buffer, embedding);

  gst_clear_buffer (&embedding->embedding);
  gst_clear_buffer (&embedding->tokens);
  return added;
}

static void
add_embedding (GstBuffer *buffer)
{
  GstMaeEmbedding embedding = { .model_id = ID, .dim = DIM, .embedding = gst_buffer_new_memdup (numbers,
        sizeof numbers), .tokens = floats (3 * 4 * 2), .grid_rows = 3, .grid_cols = 4, .token_dim = 2, .device = "cpu",
    .encode_time = 12345678, .encoder_file = "tiny.safetensors"
  };

  fail_unless (add_and_release (buffer, &embedding));
}

static void
check_embedding (GstBuffer *buffer)
{
  GstMaeEmbedding embedding;
  gfloat values[DIM];

  fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding));
  assert_equals_string (embedding.model_id, ID);
  assert_equals_int (embedding.dim, DIM);
  assert_equals_int (embedding.grid_rows, 3);
  assert_equals_int (embedding.grid_cols, 4);
  assert_equals_int (embedding.token_dim, 2);
  assert_equals_string (embedding.device, "cpu");
  assert_equals_uint64 (embedding.encode_time, 12345678);
  assert_equals_string (embedding.encoder_file, "tiny.safetensors");
  assert_equals_int (gst_buffer_get_size (embedding.tokens), 3 * 4 * 2 * sizeof (gfloat));
  assert_equals_int (gst_mae_embedding_get_values (&embedding, values, DIM), DIM);
  fail_unless (memcmp (values, numbers, sizeof numbers) == 0);
}

static GstHeadPrediction
people (gdouble value, const gchar *text)
{
  return (GstHeadPrediction) { "people", "count", value, NAN, "people", text, HEAD_ID, ID };
}

static void
add_predictions (GstBuffer *buffer)
{
  GstHeadPrediction count = people (3, "3");
  GstHeadPrediction weather = { "weather_now-1", "class", 1, 0.75, "", "sunny", HEAD_ID, ID };

  fail_unless (gst_buffer_add_head_prediction (buffer, &count));
  fail_unless (gst_buffer_add_head_prediction (buffer, &weather));
}

static void
check_predictions (GstBuffer *buffer)
{
  GstHeadPrediction prediction;

  assert_equals_int (gst_buffer_n_head_predictions (buffer), 2);
  fail_unless (gst_buffer_nth_head_prediction (buffer, 0, &prediction));
  assert_equals_string (prediction.name, "people");
  assert_equals_string (prediction.kind, "count");
  assert_equals_float (prediction.value, 3);
  fail_unless (isnan (prediction.confidence));
  fail_unless (gst_buffer_nth_head_prediction (buffer, 1, &prediction));
  assert_equals_string (prediction.name, "weather_now-1");
  fail_unless (gst_buffer_get_head_prediction (buffer, "weather_now-1", &prediction));
  assert_equals_string (prediction.kind, "class");
  assert_equals_string (prediction.text, "sunny");
  assert_equals_string (prediction.unit, "");
  assert_equals_string (prediction.head_id, HEAD_ID);
  assert_equals_string (prediction.model_id, ID);
  assert_equals_float (prediction.confidence, 0.75);
}

static gpointer
touch_metas (gpointer buffer)
{
  GstMaeEmbedding embedding;

  fail_if (gst_buffer_get_mae_embedding (buffer, &embedding));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
  return NULL;
}

/* Each test runs in a process of its own, so here the metas are registered by whichever thread comes first. */
GST_START_TEST (test_registered_by_any_thread)
{
  GstBuffer *frames[8];
  GThread *threads[8];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
    frames[i] = gst_buffer_new ();
    threads[i] = g_thread_new (NULL, touch_metas, frames[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++) {
    g_thread_join (threads[i]);
    gst_buffer_unref (frames[i]);
  }
  gst_mae_embedding_meta_register ();
  gst_head_predictions_meta_register ();
}
GST_END_TEST

GST_START_TEST (test_embedding_round_trip)
{
  GstBuffer *buffer = gst_buffer_new ();
  GstMaeEmbedding embedding, other = { .model_id = "feedfacefeedface", .dim = 2, .encode_time = GST_CLOCK_TIME_NONE };
  gfloat values[DIM] = { 42 }, *copy;
  gsize n;

  fail_if (gst_buffer_get_mae_embedding (buffer, &embedding));
  fail_unless (embedding.model_id == NULL && embedding.embedding == NULL);
  add_embedding (buffer);
  check_embedding (buffer);

  fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding));
  assert_equals_int (gst_mae_embedding_get_values (&embedding, values, DIM - 1), DIM);
  assert_equals_float (values[0], 42);
  copy = gst_mae_embedding_dup_values (&embedding, &n);
  assert_equals_int (n, DIM);
  fail_unless (memcmp (copy, numbers, sizeof numbers) == 0);
  g_free (copy);

  other.embedding = floats (2);
  fail_unless (add_and_release (buffer, &other));
  fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding));
  assert_equals_int (embedding.dim, 2);
  fail_unless (embedding.tokens == NULL);
  assert_equals_string (embedding.device, "");
  assert_equals_uint64 (embedding.encode_time, GST_CLOCK_TIME_NONE);
  assert_equals_int (gst_buffer_get_n_meta (buffer, gst_meta_get_info (GST_MAE_EMBEDDING_META_NAME)->api), 1);
  gst_buffer_unref (buffer);
}
GST_END_TEST

/* What its own sizes deny is not attached, and what was attached before stays. */
GST_START_TEST (test_embedding_refused)
{
  const GstMaeEmbedding wrong[] = {
    { .model_id = NULL, .dim = DIM, .embedding = floats (DIM) },
    { .model_id = ID, .dim = DIM, .embedding = NULL },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM - 1) },
    { .model_id = ID, .dim = DIM - 1, .embedding = floats (DIM) },
    { .model_id = ID, .dim = 0, .embedding = floats (0) },
    { .model_id = ID, .dim = -1, .embedding = floats (DIM) },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM), .token_dim = 2 },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM), .grid_rows = -1 },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM), .tokens = floats (6) },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM), .tokens = floats (6), .grid_rows = 2, .grid_cols = 2,
        .token_dim = 2 },
    { .model_id = ID, .dim = DIM, .embedding = floats (DIM), .tokens = floats (0), .grid_rows = G_MAXINT,
        .grid_cols = G_MAXINT, .token_dim = 4 },
  };
  GstBuffer *buffer = gst_buffer_new ();

  add_embedding (buffer);
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    GstMaeEmbedding embedding = wrong[i];

    fail_if (add_and_release (buffer, &embedding), "case %u", i);
    check_embedding (buffer);
  }
  gst_buffer_unref (buffer);
}
GST_END_TEST

/* As some other element or binding might write it: each field in turn removed or of another type, then the rest. */
GST_START_TEST (test_embedding_malformed)
{
  static const gchar *const spoilt[] = { "model-id", "dim", "embedding" };
  GstMaeEmbedding embedding;
  GstStructure *structure;
  GstBuffer *buffer, *vector = floats (DIM);

  gst_mae_embedding_meta_register ();
  for (guint i = 0; i < 2 * G_N_ELEMENTS (spoilt) + 3; i++) {
    const gchar *field = spoilt[i / 2 % G_N_ELEMENTS (spoilt)];

    buffer = gst_buffer_new ();
    structure = gst_custom_meta_get_structure (gst_buffer_add_custom_meta (buffer, GST_MAE_EMBEDDING_META_NAME));
    gst_structure_set (structure, "model-id", G_TYPE_STRING, ID, "dim", G_TYPE_INT, DIM, "embedding",
        GST_TYPE_BUFFER, vector, NULL);
    fail_unless (gst_buffer_get_mae_embedding (buffer, &embedding));
    if (i == 2 * G_N_ELEMENTS (spoilt))
      gst_structure_set (structure, "tokens", G_TYPE_INT, 1, NULL);
    else if (i == 2 * G_N_ELEMENTS (spoilt) + 1)
      gst_structure_set (structure, "embedding", GST_TYPE_BUFFER, NULL, NULL);
    else if (i == 2 * G_N_ELEMENTS (spoilt) + 2)
      gst_structure_set (structure, "dim", G_TYPE_INT, G_MAXINT, NULL);
    else if (i % 2)
      gst_structure_remove_field (structure, field);
    else
      gst_structure_set (structure, field, G_TYPE_DOUBLE, 5.0, NULL);
    fail_if (gst_buffer_get_mae_embedding (buffer, &embedding), "case %u", i);
    fail_unless (embedding.model_id == NULL && embedding.embedding == NULL && embedding.dim == 0);
    gst_buffer_unref (buffer);
  }
  gst_buffer_unref (vector);
}
GST_END_TEST

GST_START_TEST (test_predictions_round_trip)
{
  GstBuffer *buffer = gst_buffer_new ();
  GstHeadPrediction prediction, count = people (4, "4");

  assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
  fail_if (gst_buffer_get_head_prediction (buffer, "people", &prediction));
  add_predictions (buffer);
  check_predictions (buffer);
  fail_if (gst_buffer_get_head_prediction (buffer, "nobody", &prediction));
  fail_unless (prediction.name == NULL);
  fail_if (gst_buffer_nth_head_prediction (buffer, 2, &prediction));

  fail_unless (gst_buffer_add_head_prediction (buffer, &count));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 2);
  fail_unless (gst_buffer_get_head_prediction (buffer, "people", &prediction));
  assert_equals_float (prediction.value, 4);
  gst_buffer_unref (buffer);
}
GST_END_TEST

GST_START_TEST (test_predictions_refused)
{
  static const gchar *const names[] = { NULL, "", "two words", "a,b", "a=b", "z\xc3\xa4hlung", "a;b" };
  GstBuffer *buffer = gst_buffer_new ();
  GstHeadPrediction prediction;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    prediction = people (3, "3");
    prediction.name = names[i];
    fail_if (gst_buffer_add_head_prediction (buffer, &prediction), "name %u", i);
  }
  prediction = people (3, "3");
  prediction.kind = "guess";
  fail_if (gst_buffer_add_head_prediction (buffer, &prediction));
  prediction.kind = NULL;
  fail_if (gst_buffer_add_head_prediction (buffer, &prediction));
  assert_equals_int (gst_buffer_n_head_predictions (buffer), 0);
  fail_unless (gst_buffer_get_custom_meta (buffer, GST_HEAD_PREDICTIONS_META_NAME) == NULL);
  gst_buffer_unref (buffer);
}
GST_END_TEST

/* Fields that are no predictions are passed over, and the good one among them is found. */
GST_START_TEST (test_predictions_malformed)
{
  static const gchar *const fields[] = { "kind", "value", "unit", "text", "head-id", "model-id" };
  GstHeadPrediction count = people (3, "3"), prediction;
  GstBuffer *buffer = gst_buffer_new ();
  GstStructure *all, *entry;

  gst_head_predictions_meta_register ();
  all = gst_custom_meta_get_structure (gst_buffer_add_custom_meta (buffer, GST_HEAD_PREDICTIONS_META_NAME));
  gst_structure_set (all, "number", G_TYPE_INT, 3, "null", GST_TYPE_STRUCTURE, NULL, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (fields); i++) {
    g_autofree gchar *without = g_strconcat ("without-", fields[i], NULL), *spoilt = g_strconcat ("bad-", fields[i],
        NULL);

    entry = gst_head_prediction_to_structure (&count);
    gst_structure_remove_field (entry, fields[i]);
    gst_structure_set (all, without, GST_TYPE_STRUCTURE, entry, NULL);
    gst_structure_set (entry, fields[i], G_TYPE_BOOLEAN, TRUE, NULL);
    gst_structure_set (all, spoilt, GST_TYPE_STRUCTURE, entry, NULL);
    gst_structure_free (entry);
  }
  entry = gst_head_prediction_to_structure (&count);
  gst_structure_set (all, "people", GST_TYPE_STRUCTURE, entry, NULL);
  gst_structure_set_name (entry, "something-else");
  gst_structure_set (all, "misnamed", GST_TYPE_STRUCTURE, entry, NULL);
  gst_structure_free (entry);

  assert_equals_int (gst_buffer_n_head_predictions (buffer), 1);
  fail_unless (gst_buffer_nth_head_prediction (buffer, 0, &prediction));
  assert_equals_string (prediction.name, "people");
  fail_if (gst_buffer_get_head_prediction (buffer, "without-kind", &prediction));
  fail_if (gst_buffer_get_head_prediction (buffer, "number", &prediction));
  gst_buffer_unref (buffer);
}
GST_END_TEST

/* A copy is its own: it outlives the original and can be added to. */
GST_START_TEST (test_copies)
{
  GstBuffer *buffer = gst_buffer_new (), *copy;
  GstHeadPrediction prediction = people (9, "9");

  add_embedding (buffer);
  add_predictions (buffer);
  copy = gst_buffer_copy (buffer);
  gst_buffer_unref (buffer);
  check_embedding (copy);
  check_predictions (copy);
  prediction.name = "more";
  fail_unless (gst_buffer_add_head_prediction (copy, &prediction));
  assert_equals_int (gst_buffer_n_head_predictions (copy), 3);
  add_embedding (copy);
  check_embedding (copy);
  gst_buffer_unref (copy);
}
GST_END_TEST

static const struct {
  const gchar *launch, *needs;  /* needs: an element that may be missing */
} paths[] = {
  { "identity", NULL },
  { "queue", NULL },
  { "tee name=t t. ! queue", NULL },
  { "clocksync sync=false", NULL },
  { "videorate", "videorate" },
  { "videoconvert ! capsfilter caps=video/x-raw,format=NV12", "videoconvert" },
  { "videoscale ! capsfilter caps=video/x-raw,width=32,height=24", "videoscale" },
  { "videoconvert ! videoscale ! capsfilter caps=video/x-raw,format=RGB,width=30,height=50", "videoconvert" },
  { "videocrop top=2 left=2", "videocrop" },
  { "jpegenc ! jpegdec", "jpegenc" },
  { "x264enc tune=zerolatency speed-preset=ultrafast ! h264parse", "x264enc" },
};

GST_START_TEST (test_survival)
{
  GstHarness *h;
  GstBuffer *buffer;

  if (paths[__i__].needs && !gst_registry_check_feature_version (gst_registry_get (), paths[__i__].needs, 1, 0, 0))
    return;
  h = gst_harness_new_parse (paths[__i__].launch);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=I420,width=64,height=48,framerate=10/1");
  for (guint i = 0; i < 2; i++) {
    buffer = gst_buffer_new_allocate (NULL, 64 * 48 * 3 / 2, NULL);
    gst_buffer_memset (buffer, 0, 100, 64 * 48 * 3 / 2);
    GST_BUFFER_PTS (buffer) = i * GST_SECOND / 10;
    GST_BUFFER_DURATION (buffer) = GST_SECOND / 10;
    add_embedding (buffer);
    add_predictions (buffer);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  buffer = gst_harness_pull (h);
  fail_unless (buffer != NULL, "%s", paths[__i__].launch);
  check_embedding (buffer);
  check_predictions (buffer);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST

static Suite *
metas_suite (void)
{
  Suite *suite = suite_create ("metas");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_registered_by_any_thread);
  tcase_add_test (tests, test_embedding_round_trip);
  tcase_add_test (tests, test_embedding_refused);
  tcase_add_test (tests, test_embedding_malformed);
  tcase_add_test (tests, test_predictions_round_trip);
  tcase_add_test (tests, test_predictions_refused);
  tcase_add_test (tests, test_predictions_malformed);
  tcase_add_test (tests, test_copies);
  tcase_add_loop_test (tests, test_survival, 0, G_N_ELEMENTS (paths));
  return suite;
}

GST_CHECK_MAIN (metas)
