/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadpredictionsmeta.c: typed access to the GstHeadPredictions custom meta. A structure met on a buffer may come
 * from any element or binding, so fields that are not what they should be are passed over.
 */
#include "gstheadpredictionsmeta.h"

#include <math.h>
#include <string.h>

/**
 * SECTION:gstheadpredictionsmeta
 * @title: GstHeadPrediction
 * @short_description: what the heads said about a frame
 *
 * `head-predict` attaches the predictions, `head-overlay` draws them, and an application reads them so:
 *
 * |[<!-- language="C" -->
 *   GstHeadPrediction prediction;
 *
 *   for (guint i = 0; gst_buffer_nth_head_prediction (buffer, i, &prediction); i++)
 *     g_print ("%s: %s\n", prediction.name, prediction.text);
 * ]|
 */

#define FIELD_STRUCTURE "head-prediction"

/**
 * gst_head_predictions_meta_register:
 *
 * Registers the meta. The other functions do it themselves; call it before gst_buffer_get_custom_meta() in a process
 * where none of them ran. Harmless to repeat, from any thread.
 *
 * Since: 0.1
 */
void
gst_head_predictions_meta_register (void)
{
  static gsize registered;

  if (g_once_init_enter (&registered)) {
    /* No tags: base classes drop metas with tags they do not know. */
    static const gchar *tags[] = { NULL };

    if (gst_meta_get_info (GST_HEAD_PREDICTIONS_META_NAME) == NULL)
      gst_meta_register_custom (GST_HEAD_PREDICTIONS_META_NAME, tags, NULL, NULL, NULL);
    g_once_init_leave (&registered, 1);
  }
}

static gboolean
is_name (const gchar *name)
{
  if (name == NULL || *name == '\0')
    return FALSE;
  for (; *name; name++) {
    if (!g_ascii_isalnum (*name) && *name != '-' && *name != '_')
      return FALSE;
  }
  return TRUE;
}

static gboolean
is_kind (const gchar *kind)
{
  static const gchar *const kinds[] = { "scalar", "count", "time", "class", NULL };

  return kind && g_strv_contains (kinds, kind);
}

/**
 * gst_head_prediction_to_structure:
 * @prediction: a prediction
 *
 * The form in which a prediction stands in the meta and in the bus message `head-prediction`.
 *
 * Returns: (transfer full): a structure named "head-prediction"; the name of the head is not in it, since it is the
 *   name of the field that holds it
 *
 * Since: 0.1
 */
GstStructure *
gst_head_prediction_to_structure (const GstHeadPrediction *prediction)
{
  GstStructure *structure;

  g_return_val_if_fail (prediction != NULL, NULL);

  structure = gst_structure_new (FIELD_STRUCTURE, "kind", G_TYPE_STRING, prediction->kind, "value", G_TYPE_DOUBLE,
      prediction->value, "unit", G_TYPE_STRING, prediction->unit ? prediction->unit : "", "text", G_TYPE_STRING,
      prediction->text ? prediction->text : "", "head-id", G_TYPE_STRING,
      prediction->head_id ? prediction->head_id : "", "model-id", G_TYPE_STRING,
      prediction->model_id ? prediction->model_id : "", NULL);
  if (!isnan (prediction->confidence))
    gst_structure_set (structure, "confidence", G_TYPE_DOUBLE, prediction->confidence, NULL);
  return structure;
}

static GstCustomMeta *
find_meta (GstBuffer *buffer)
{
  gst_head_predictions_meta_register ();
  return gst_buffer_get_custom_meta (buffer, GST_HEAD_PREDICTIONS_META_NAME);
}

/* One field per head; NULL when there is no meta. */
static const GstStructure *
find_structure (GstBuffer *buffer)
{
  GstCustomMeta *meta = find_meta (buffer);

  return meta ? gst_custom_meta_get_structure (meta) : NULL;
}

/* FALSE when the value is no prediction. */
static gboolean
read_prediction (const gchar *name, const GValue *value, GstHeadPrediction *prediction)
{
  GstHeadPrediction found = { .name = name, .confidence = NAN };
  const GstStructure *structure;

  if (value == NULL || !GST_VALUE_HOLDS_STRUCTURE (value) || (structure = gst_value_get_structure (value)) == NULL
      || !gst_structure_has_name (structure, FIELD_STRUCTURE))
    return FALSE;
  found.kind = gst_structure_get_string (structure, "kind");
  found.unit = gst_structure_get_string (structure, "unit");
  found.text = gst_structure_get_string (structure, "text");
  found.head_id = gst_structure_get_string (structure, "head-id");
  found.model_id = gst_structure_get_string (structure, "model-id");
  gst_structure_get_double (structure, "confidence", &found.confidence);
  if (!is_name (name) || !is_kind (found.kind) || !found.unit || !found.text || !found.head_id || !found.model_id
      || !gst_structure_get_double (structure, "value", &found.value))
    return FALSE;
  *prediction = found;
  return TRUE;
}

/**
 * gst_buffer_add_head_prediction:
 * @buffer: a writable buffer
 * @prediction: what to add; its strings are copied
 *
 * Adds one prediction to the buffer's meta, creating the meta where there is none. A prediction of the same name is
 * replaced.
 *
 * Returns: %FALSE, with nothing changed, when the name or the kind is not one
 *
 * Since: 0.1
 */
gboolean
gst_buffer_add_head_prediction (GstBuffer *buffer, const GstHeadPrediction *prediction)
{
  GstCustomMeta *meta;
  GstStructure *structure;

  g_return_val_if_fail (GST_IS_BUFFER (buffer) && gst_buffer_is_writable (buffer), FALSE);
  g_return_val_if_fail (prediction != NULL, FALSE);

  if (!is_name (prediction->name) || !is_kind (prediction->kind))
    return FALSE;
  if ((meta = find_meta (buffer)) == NULL)
    meta = gst_buffer_add_custom_meta (buffer, GST_HEAD_PREDICTIONS_META_NAME);
  structure = gst_head_prediction_to_structure (prediction);
  gst_structure_set (gst_custom_meta_get_structure (meta), prediction->name, GST_TYPE_STRUCTURE, structure, NULL);
  gst_structure_free (structure);
  return TRUE;
}

/**
 * gst_buffer_n_head_predictions:
 * @buffer: a buffer
 *
 * Returns: number of well-formed predictions on the buffer, 0 when it has none
 *
 * Since: 0.1
 */
guint
gst_buffer_n_head_predictions (GstBuffer *buffer)
{
  GstHeadPrediction prediction;
  guint n = 0;

  while (gst_buffer_nth_head_prediction (buffer, n, &prediction))
    n++;
  return n;
}

/**
 * gst_buffer_nth_head_prediction:
 * @buffer: a buffer
 * @n: which one, from 0, in the order they were added
 * @prediction: (out caller-allocates): filled with strings of the meta, valid as long as @buffer holds it
 *
 * Returns: %FALSE, with @prediction cleared, when there are no more well-formed predictions
 *
 * Since: 0.1
 */
gboolean
gst_buffer_nth_head_prediction (GstBuffer *buffer, guint n, GstHeadPrediction *prediction)
{
  const GstStructure *all;

  g_return_val_if_fail (GST_IS_BUFFER (buffer), FALSE);
  g_return_val_if_fail (prediction != NULL, FALSE);

  all = find_structure (buffer);
  for (gint i = 0; all && i < gst_structure_n_fields (all); i++) {
    const gchar *name = gst_structure_nth_field_name (all, i);

    if (read_prediction (name, gst_structure_get_value (all, name), prediction) && n-- == 0)
      return TRUE;
  }
  memset (prediction, 0, sizeof *prediction);
  return FALSE;
}

/**
 * gst_buffer_get_head_prediction:
 * @buffer: a buffer
 * @name: the head's name
 * @prediction: (out caller-allocates): filled with strings of the meta, valid as long as @buffer holds it
 *
 * Returns: %FALSE, with @prediction cleared, when the buffer has no prediction of that name or a malformed one
 *
 * Since: 0.1
 */
gboolean
gst_buffer_get_head_prediction (GstBuffer *buffer, const gchar *name, GstHeadPrediction *prediction)
{
  const GstStructure *all;

  g_return_val_if_fail (GST_IS_BUFFER (buffer), FALSE);
  g_return_val_if_fail (name != NULL && prediction != NULL, FALSE);

  /* By index, so that the name in the view is the meta's string and not the caller's. */
  all = find_structure (buffer);
  for (gint i = 0; all && i < gst_structure_n_fields (all); i++) {
    const gchar *field = gst_structure_nth_field_name (all, i);

    if (g_str_equal (field, name) && read_prediction (field, gst_structure_get_value (all, field), prediction))
      return TRUE;
  }
  memset (prediction, 0, sizeof *prediction);
  return FALSE;
}
