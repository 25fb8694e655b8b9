/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetentry.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstdatasetentry.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"

#include <string.h>

enum { MAX_PREDICTIONS = 64 };

static const gchar *
keep (GstDatasetEntry *entry, gchar *text)
{
  if (text)
    g_ptr_array_add (entry->texts, text);
  return text;
}

/* label: "META.FIELD"; its task is the field, its origin the meta. FALSE: the frame has none. */
static gboolean
take_label (GstDatasetEntry *entry, GstBuffer *buffer, const gchar *label)
{
  const gchar *dot = strchr (label, '.');
  const gchar *meta_name = keep (entry, g_strndup (label, dot - label));
  GstCustomMeta *meta = gst_meta_get_info (meta_name) ? gst_buffer_get_custom_meta (buffer, meta_name) : NULL;
  const GValue *value = meta ? gst_structure_get_value (gst_custom_meta_get_structure (meta), dot + 1) : NULL;
  CatalogueLabel taken = { dot + 1, NULL, meta_name };

  if (value == NULL)
    return FALSE;
  taken.value = keep (entry, G_VALUE_HOLDS_STRING (value) ? g_value_dup_string (value) : gst_value_serialize (value));
  if (taken.value)
    g_array_append_val (entry->labels, taken);
  return TRUE;
}

static void
take_predictions (GstDatasetEntry *entry, GstBuffer *buffer)
{
  guint n = MIN (gst_buffer_n_head_predictions (buffer), MAX_PREDICTIONS);

  for (guint i = 0; i < n; i++) {
    GstHeadPrediction p;

    if (gst_buffer_nth_head_prediction (buffer, i, &p)) {
      CataloguePrediction taken = { keep (entry, g_strdup (p.name)), keep (entry, g_strdup (p.kind)),
        keep (entry, g_strdup (p.text)), keep (entry, g_strdup (p.head_id)), p.value };

      g_array_append_val (entry->predictions, taken);
    }
  }
}

static void
take_embedding (GstDatasetEntry *entry, GstBuffer *buffer)
{
  GstMaeEmbedding embedding;
  g_autofree gfloat *values = NULL;
  gsize n;

  if (!gst_buffer_get_mae_embedding (buffer, &embedding) || !(values = gst_mae_embedding_dup_values (&embedding, &n)))
    return;
  entry->frame.model_id = keep (entry, g_strdup (embedding.model_id));
  entry->frame.embedding = g_bytes_new (values, n * sizeof *values);
}

void
gst_dataset_entry_init (GstDatasetEntry *entry, const GstDatasetSettings *set, const gchar *element, GstBuffer *frame,
    GstCaps *caps, gint64 captured_at, gboolean *label_seen)
{
  const GstStructure *structure = gst_caps_get_structure (caps, 0);
  GstCaptureInfo info = { .captured_at = captured_at, .received_at = g_get_real_time (), .media_sequence = G_MAXUINT64 };

  gst_buffer_get_capture_info (frame, &info);
  entry->labels = g_array_new (FALSE, FALSE, sizeof (CatalogueLabel));
  entry->predictions = g_array_new (FALSE, FALSE, sizeof (CataloguePrediction));
  entry->texts = g_ptr_array_new_with_free_func (g_free);
  entry->frame = (CatalogueFrame) { .source = set->source ? set->source : info.source ? info.source : element,
    .uri = info.uri, .captured_at = info.captured_at, .received_at = info.received_at,
    .media_sequence = info.media_sequence, .pts = GST_BUFFER_PTS (frame), .clock_suspect = info.clock_suspect,
    .suffix = gst_structure_has_name (structure, "image/png") ? "png" : "jpg" };
  gst_structure_get_int (structure, "width", &entry->frame.width);
  gst_structure_get_int (structure, "height", &entry->frame.height);
  for (guint i = 0; set->labels && set->labels[i]; i++)
    label_seen[i] |= take_label (entry, frame, set->labels[i]);
  take_predictions (entry, frame);
  if (set->embeddings)
    take_embedding (entry, frame);
  entry->frame.labels = (const CatalogueLabel *) entry->labels->data;
  entry->frame.n_labels = entry->labels->len;
  entry->frame.predictions = (const CataloguePrediction *) entry->predictions->data;
  entry->frame.n_predictions = entry->predictions->len;
}

void
gst_dataset_entry_clear (GstDatasetEntry *entry)
{
  g_clear_pointer (&entry->frame.image, g_bytes_unref);
  g_clear_pointer (&entry->frame.embedding, g_bytes_unref);
  g_array_unref (entry->labels);
  g_array_unref (entry->predictions);
  g_ptr_array_unref (entry->texts);
}
