/* SPDX-License-Identifier: LGPL-2.1-or-later
 * predict-fixture.c: see the header. */
#include "predict-fixture.h"

#include "tests/models/temp-folder.h"

void
predict_fixture_init (PredictFixture *fixture)
{
  fixture->folder = temp_folder_new ();
  fixture->element = gst_element_factory_make ("head-predict", NULL);
  fail_unless (fixture->element != NULL, "head-predict is not among the plugins");
  fixture->bus = gst_bus_new ();
  g_queue_init (&fixture->messages);
  gst_element_set_bus (fixture->element, fixture->bus);
  fixture->h = NULL;
  fixture->pushed = 0;
}

void
predict_fixture_clear (PredictFixture *fixture)
{
  predict_fixture_stop (fixture);
  gst_element_set_bus (fixture->element, NULL);
  gst_object_unref (fixture->element);
  gst_bus_set_flushing (fixture->bus, TRUE);
  g_queue_clear_full (&fixture->messages, (GDestroyNotify) gst_message_unref);
  gst_object_unref (fixture->bus);
  temp_folder_remove (fixture->folder);
  g_free (fixture->folder);
}

void
predict_fixture_start (PredictFixture *fixture, const gchar *heads, const gchar *caps)
{
  g_autofree gchar *text = NULL;

  g_object_set (fixture->element, "heads", heads, NULL);
  fixture->h = gst_harness_new_with_element (fixture->element, "sink", "src");
  predict_fixture_count (fixture, GST_MESSAGE_ERROR, &text);
  fail_if (text != NULL, "%s", text);
  gst_harness_set_src_caps_str (fixture->h, caps);
}

void
predict_fixture_stop (PredictFixture *fixture)
{
  static const gchar *const names[] = { "sink", "src" };

  g_clear_pointer (&fixture->h, gst_harness_teardown);
  gst_element_set_state (fixture->element, GST_STATE_NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GstPad *pad = gst_element_get_static_pad (fixture->element, names[i]), *peer = gst_pad_get_peer (pad);

    if (peer && i == 0)
      gst_pad_unlink (peer, pad);
    else if (peer)
      gst_pad_unlink (pad, peer);
    gst_clear_object (&peer);
    gst_object_unref (pad);
  }
}

gchar *
predict_fixture_fail_start (PredictFixture *fixture, const gchar *heads, GQuark domain, gint code)
{
  GstMessage *message;
  GError *error = NULL;
  gchar *text;

  g_object_set (fixture->element, "heads", heads, NULL);
  fail_unless_equals_int (gst_element_set_state (fixture->element, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  message = predict_fixture_pop (fixture, GST_MESSAGE_ERROR);
  fail_unless (message != NULL, "no error for heads=%s", heads);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, domain, code), "%s %d: %s", g_quark_to_string (error->domain), error->code,
      error->message);
  text = g_strdup (error->message);
  g_error_free (error);
  gst_message_unref (message);
  fail_unless (predict_fixture_pop (fixture, GST_MESSAGE_ERROR) == NULL, "more than one error");
  gst_element_set_state (fixture->element, GST_STATE_NULL);
  return text;
}

GstBuffer *
predict_fixture_bare_frame (PredictFixture *fixture)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);

  gst_buffer_memset (buffer, 0, 0, 16);
  GST_BUFFER_PTS (buffer) = fixture->pushed++ * 100 * GST_MSECOND;
  GST_BUFFER_DURATION (buffer) = 100 * GST_MSECOND;
  return buffer;
}

GstBuffer *
predict_fixture_frame (PredictFixture *fixture, gfloat first, const gchar *model_id)
{
  const gfloat values[HEAD_FILE_DIM] = { first, 1, 1, 1, 1, 1 };
  GstBuffer *buffer = predict_fixture_bare_frame (fixture);
  GstMaeEmbedding embedding = { .model_id = model_id ? model_id : HEAD_FILE_ENCODER_ID, .dim = HEAD_FILE_DIM,
    .embedding = gst_buffer_new_memdup (values, sizeof values), .device = "ref"
  };

  fail_unless (gst_buffer_add_mae_embedding (buffer, &embedding));
  gst_buffer_unref (embedding.embedding);
  return buffer;
}

GstBuffer *
predict_fixture_pass (PredictFixture *fixture, GstBuffer *buffer)
{
  fail_unless_equals_int (gst_harness_push (fixture->h, buffer), GST_FLOW_OK);
  return gst_harness_pull (fixture->h);
}

gdouble
predict_fixture_ask (PredictFixture *fixture, gfloat first, const gchar *task)
{
  GstBuffer *buffer = predict_fixture_pass (fixture, predict_fixture_frame (fixture, first, NULL));
  GstHeadPrediction prediction;

  fail_unless (gst_buffer_get_head_prediction (buffer, task, &prediction), "no prediction %s", task);
  gst_buffer_unref (buffer);
  return prediction.value;
}

GstMessage *
predict_fixture_pop (PredictFixture *fixture, GstMessageType type)
{
  GstMessage *message;

  while ((message = gst_bus_pop (fixture->bus)))
    g_queue_push_tail (&fixture->messages, message);
  for (GList *node = fixture->messages.head; node; node = node->next) {
    message = node->data;
    if (GST_MESSAGE_TYPE (message) & type) {
      g_queue_delete_link (&fixture->messages, node);
      return message;
    }
  }
  return NULL;
}

guint
predict_fixture_count (PredictFixture *fixture, GstMessageType type, gchar **text)
{
  GstMessage *message;
  guint count = 0;

  while ((message = predict_fixture_pop (fixture, type))) {
    GError *error = NULL;

    count++;
    if (type == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, NULL);
    else if (type == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, NULL);
    if (text && error) {
      g_free (*text);
      *text = g_strdup (error->message);
    }
    g_clear_error (&error);
    gst_message_unref (message);
  }
  return count;
}

guint64
predict_fixture_stat (PredictFixture *fixture, const gchar *field)
{
  GstStructure *stats;
  guint64 value = G_MAXUINT64;

  g_object_get (fixture->element, "stats", &stats, NULL);
  fail_unless (gst_structure_get_uint64 (stats, field, &value), "no statistic %s", field);
  gst_structure_free (stats);
  return value;
}
