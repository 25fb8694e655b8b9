/* SPDX-License-Identifier: LGPL-2.1-or-later
 * trainer-rig.c: see trainer-rig.h. */
#include "trainer-rig.h"

#include <gst/heads/heads.h>
#include <math.h>
#include <string.h>

#include "tests/models/temp-folder.h"

TrainerRig rig;

static void
setup (void)
{
  const gchar *tags[] = { NULL };

  if (!gst_meta_get_info (META))
    gst_meta_register_custom (META, tags, NULL, NULL, NULL);
  rig.folder = temp_folder_new ();
  rig.location = g_build_filename (rig.folder, "head.safetensors", NULL);
  rig.element = gst_element_factory_make ("head-trainer", NULL);
  fail_unless (rig.element != NULL);
  g_object_set (rig.element, "location", rig.location, "label", META ".value", "mlp", FALSE, "threads", 1, NULL);
  rig.bus = gst_bus_new ();
  gst_element_set_bus (rig.element, rig.bus);
  rig.h = NULL;
  rig.pushed = 0;
}

static void
teardown (void)
{
  g_clear_pointer (&rig.h, gst_harness_teardown);
  gst_element_set_state (rig.element, GST_STATE_NULL);
  gst_bus_set_flushing (rig.bus, TRUE);
  gst_element_set_bus (rig.element, NULL);
  gst_object_unref (rig.element);
  gst_object_unref (rig.bus);
  temp_folder_remove (rig.folder);
  g_free (rig.folder);
  g_free (rig.location);
}

void
rig_start (const gchar *caps)
{
  rig.h = gst_harness_new_with_element (rig.element, "sink", NULL);
  gst_harness_set_src_caps_str (rig.h, caps);
}

void
rig_set_kind (const gchar *kind)
{
  gst_util_set_object_arg (G_OBJECT (rig.element), "kind", kind);
}

void
rig_numbers (guint n, gfloat values[DIM])
{
  for (guint i = 0; i < DIM; i++)
    values[i] = sinf (1 + 2.7f * n + 1.3f * i * n);
}

gdouble
rig_truth (guint n)
{
  gfloat v[DIM];

  rig_numbers (n, v);
  return 5 + v[0] - 2 * v[3];
}

GstBuffer *
rig_frame (const gchar *id)
{
  GstMaeEmbedding embedding = { .model_id = id, .dim = DIM, .device = "ref", .encoder_file = "small.safetensors" };
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 16, NULL);
  gfloat values[DIM];

  rig_numbers (rig.pushed, values);
  embedding.embedding = gst_buffer_new_memdup (values, sizeof values);
  fail_unless (gst_buffer_add_mae_embedding (buffer, &embedding));
  gst_buffer_unref (embedding.embedding);
  GST_BUFFER_PTS (buffer) = rig.pushed++ * 100 * GST_MSECOND;
  GST_BUFFER_DURATION (buffer) = 100 * GST_MSECOND;
  return buffer;
}

void
rig_set_label (GstBuffer *buffer, GType type, const gchar *text)
{
  GstCustomMeta *meta = gst_buffer_add_custom_meta (buffer, META);
  GValue value = G_VALUE_INIT;

  g_value_init (&value, type);
  fail_unless (gst_value_deserialize (&value, text));
  gst_structure_take_value (gst_custom_meta_get_structure (meta), "value", &value);
}

void
rig_push (GstBuffer *buffer)
{
  fail_unless_equals_int (gst_harness_push (rig.h, buffer), GST_FLOW_OK);
}

void
rig_push_labelled (guint n)
{
  for (guint i = 0; i < n; i++) {
    gchar text[G_ASCII_DTOSTR_BUF_SIZE];
    gdouble label = rig_truth (rig.pushed);
    GstBuffer *buffer = rig_frame (ID);

    rig_set_label (buffer, G_TYPE_DOUBLE, g_ascii_dtostr (text, sizeof text, label));
    rig_push (buffer);
  }
}

void
rig_push_bare (guint n)
{
  for (guint i = 0; i < n; i++)
    rig_push (rig_frame (ID));
}

GError *
rig_pop_problem (GstMessageType type)
{
  GstMessage *message = gst_bus_pop_filtered (rig.bus, type);
  GError *error = NULL;

  if (message) {
    (type == GST_MESSAGE_ERROR ? gst_message_parse_error : gst_message_parse_warning) (message, &error, NULL);
    gst_message_unref (message);
  }
  return error;
}

void
rig_expect_problem (GstMessageType type, const gchar *says)
{
  GError *error = rig_pop_problem (type);

  fail_unless (error != NULL, "nobody says \"%s\"", says);
  fail_unless (strstr (error->message, says) != NULL, "\"%s\" does not say \"%s\"", error->message, says);
  g_error_free (error);
}

gchar *
rig_write_csv (const gchar *text)
{
  gchar *path = g_build_filename (rig.folder, "labels.csv", NULL);

  fail_unless (g_file_set_contents (path, text, -1, NULL));
  return path;
}

TCase *
rig_case (void)
{
  TCase *tcase = tcase_create ("general");

  tcase_add_checked_fixture (tcase, setup, teardown);
  tcase_set_timeout (tcase, 60);
  return tcase;
}
