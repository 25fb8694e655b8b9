/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstembeddingsource.c: one view of embeddings, however they travel.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstembeddingsource.h"

void
gst_embedding_source_clear (GstEmbeddingSource *source)
{
  g_free (source->model_id);
  g_free (source->encoder_file);
  *source = (GstEmbeddingSource) { 0 };
}

gboolean
gst_embedding_source_set_caps (GstEmbeddingSource *source, const GstCaps *caps)
{
  const gchar *model_id, *encoder_file;

  gst_embedding_source_clear (source);
  source->is_tensors = gst_structure_has_name (gst_caps_get_structure (caps, 0), "other/tensors");
  if (!source->is_tensors)
    return TRUE;
  if (!gst_mae_embedding_caps_parse (caps, &source->dim, &model_id, &encoder_file))
    return FALSE;
  source->model_id = g_strdup (model_id);
  source->encoder_file = g_strdup (encoder_file);
  return TRUE;
}

gboolean
gst_embedding_source_find (const GstEmbeddingSource *source, GstBuffer *buffer, GstMaeEmbedding *embedding)
{
  if (!source->is_tensors)
    return gst_buffer_get_mae_embedding (buffer, embedding);
  if (gst_buffer_get_size (buffer) != source->dim * sizeof (gfloat))
    return FALSE;
  *embedding = (GstMaeEmbedding) {
    .model_id = source->model_id,
    .encoder_file = source->encoder_file,
    .dim = source->dim,
    .embedding = buffer,
    .encode_time = GST_CLOCK_TIME_NONE,
  };
  return TRUE;
}
