/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembeddingmeta.c: typed access to the GstMaeEmbedding custom meta. A structure met on a buffer may come from
 * any element or binding, so every field is checked before it is believed.
 */
#include "gstmaeembeddingmeta.h"

#include <string.h>

/**
 * SECTION:gstmaeembeddingmeta
 * @title: GstMaeEmbedding
 * @short_description: the embedding of a frame, travelling with the frame
 *
 * `mae-encoder` attaches it, `head-predict` reads it, and so can an application:
 *
 * |[<!-- language="C" -->
 *   GstMaeEmbedding embedding;
 *
 *   if (gst_buffer_get_mae_embedding (buffer, &embedding)) {
 *     g_autofree gfloat *values = gst_mae_embedding_dup_values (&embedding, NULL);
 *     g_print ("%d numbers from encoder %s\n", embedding.dim, embedding.model_id);
 *   }
 * ]|
 */

/**
 * gst_mae_embedding_meta_register:
 *
 * Registers the meta. The other functions do it themselves; call it before gst_buffer_get_custom_meta() in a process
 * where none of them ran. Harmless to repeat, from any thread.
 *
 * Since: 0.1
 */
void
gst_mae_embedding_meta_register (void)
{
  static gsize registered;

  if (g_once_init_enter (&registered)) {
    /* No tags: base classes drop metas with tags they do not know. */
    static const gchar *tags[] = { NULL };

    if (gst_meta_get_info (GST_MAE_EMBEDDING_META_NAME) == NULL)
      gst_meta_register_custom (GST_MAE_EMBEDDING_META_NAME, tags, NULL, NULL, NULL);
    g_once_init_leave (&registered, 1);
  }
}

/* Whether buffer holds rows * cols * channels floats, all positive, without overflow. */
static gboolean
holds_floats (GstBuffer *buffer, gint rows, gint cols, gint channels)
{
  gsize count;

  return rows > 0 && cols > 0 && channels > 0 && g_size_checked_mul (&count, rows, cols)
      && g_size_checked_mul (&count, count, channels) && g_size_checked_mul (&count, count, sizeof (gfloat))
      && gst_buffer_get_size (buffer) == count;
}

static gboolean
is_sound (const GstMaeEmbedding *embedding)
{
  if (embedding->model_id == NULL || !GST_IS_BUFFER (embedding->embedding)
      || !holds_floats (embedding->embedding, 1, 1, embedding->dim))
    return FALSE;
  if (embedding->grid_rows < 0 || embedding->grid_cols < 0)
    return FALSE;
  if (embedding->tokens == NULL)
    return embedding->token_dim == 0;
  return GST_IS_BUFFER (embedding->tokens)
      && holds_floats (embedding->tokens, embedding->grid_rows, embedding->grid_cols, embedding->token_dim);
}

static GstCustomMeta *
find_meta (GstBuffer *buffer)
{
  gst_mae_embedding_meta_register ();
  return gst_buffer_get_custom_meta (buffer, GST_MAE_EMBEDDING_META_NAME);
}

/**
 * gst_buffer_add_mae_embedding:
 * @buffer: a writable buffer
 * @embedding: what to attach; the meta takes its own references of the buffers and copies of the strings
 *
 * Attaches the embedding, replacing one that is there.
 *
 * Returns: %FALSE, with nothing changed, when the sizes and fields of @embedding contradict each other
 *
 * Since: 0.1
 */
gboolean
gst_buffer_add_mae_embedding (GstBuffer *buffer, const GstMaeEmbedding *embedding)
{
  GstCustomMeta *meta;
  GstStructure *structure;

  g_return_val_if_fail (GST_IS_BUFFER (buffer) && gst_buffer_is_writable (buffer), FALSE);
  g_return_val_if_fail (embedding != NULL, FALSE);

  if (!is_sound (embedding))
    return FALSE;
  if ((meta = find_meta (buffer)))
    gst_buffer_remove_meta (buffer, &meta->meta);

  meta = gst_buffer_add_custom_meta (buffer, GST_MAE_EMBEDDING_META_NAME);
  structure = gst_custom_meta_get_structure (meta);
  gst_structure_set (structure, "model-id", G_TYPE_STRING, embedding->model_id, "dim", G_TYPE_INT, embedding->dim,
      "embedding", GST_TYPE_BUFFER, embedding->embedding, "grid-rows", G_TYPE_INT, embedding->grid_rows,
      "grid-cols", G_TYPE_INT, embedding->grid_cols, "token-dim", G_TYPE_INT, embedding->token_dim,
      "device", G_TYPE_STRING, embedding->device ? embedding->device : "", "encode-time", G_TYPE_UINT64,
      embedding->encode_time, NULL);
  if (embedding->encoder_file)
    gst_structure_set (structure, "encoder-file", G_TYPE_STRING, embedding->encoder_file, NULL);
  if (embedding->tokens)
    gst_structure_set (structure, "tokens", GST_TYPE_BUFFER, embedding->tokens, NULL);
  return TRUE;
}

/* NULL when the field is absent or holds something else. */
static GstBuffer *
get_buffer_field (const GstStructure *structure, const gchar *field)
{
  const GValue *value = gst_structure_get_value (structure, field);

  return value && GST_VALUE_HOLDS_BUFFER (value) ? gst_value_get_buffer (value) : NULL;
}

/**
 * gst_buffer_get_mae_embedding:
 * @buffer: a buffer
 * @embedding: (out caller-allocates): filled with pointers into the meta, valid as long as @buffer holds it
 *
 * Returns: %FALSE, with @embedding cleared, when the buffer has no embedding or a malformed one (wrong sizes, missing
 *   fields)
 *
 * Since: 0.1
 */
gboolean
gst_buffer_get_mae_embedding (GstBuffer *buffer, GstMaeEmbedding *embedding)
{
  GstMaeEmbedding found = { .encode_time = GST_CLOCK_TIME_NONE };
  const GstStructure *structure;
  GstCustomMeta *meta;

  g_return_val_if_fail (GST_IS_BUFFER (buffer), FALSE);
  g_return_val_if_fail (embedding != NULL, FALSE);

  memset (embedding, 0, sizeof *embedding);
  if ((meta = find_meta (buffer)) == NULL)
    return FALSE;

  structure = gst_custom_meta_get_structure (meta);
  found.model_id = gst_structure_get_string (structure, "model-id");
  found.device = gst_structure_get_string (structure, "device");
  found.encoder_file = gst_structure_get_string (structure, "encoder-file");
  found.embedding = get_buffer_field (structure, "embedding");
  found.tokens = get_buffer_field (structure, "tokens");
  gst_structure_get_int (structure, "dim", &found.dim);
  gst_structure_get_int (structure, "grid-rows", &found.grid_rows);
  gst_structure_get_int (structure, "grid-cols", &found.grid_cols);
  gst_structure_get_int (structure, "token-dim", &found.token_dim);
  gst_structure_get_uint64 (structure, "encode-time", &found.encode_time);
  if (!is_sound (&found) || (found.tokens == NULL && gst_structure_has_field (structure, "tokens")))
    return FALSE;
  *embedding = found;
  return TRUE;
}

/**
 * gst_mae_embedding_get_values: (skip)
 * @embedding: an embedding
 * @values: (out caller-allocates) (array length=n): filled in host byte order
 * @n: room in @values
 *
 * Returns: how many numbers there are; nothing is copied when that is more than @n. 0 when the embedding's buffer
 *   cannot be read.
 *
 * Since: 0.1
 */
gint
gst_mae_embedding_get_values (const GstMaeEmbedding *embedding, gfloat *values, gint n)
{
  gsize bytes;

  g_return_val_if_fail (embedding != NULL, 0);
  g_return_val_if_fail (values != NULL || n == 0, 0);

  if (embedding->embedding == NULL || embedding->dim <= 0)
    return 0;
  if (embedding->dim > n)
    return embedding->dim;
  bytes = embedding->dim * sizeof (gfloat);
  if (gst_buffer_extract (embedding->embedding, 0, values, bytes) != bytes)
    return 0;
#if G_BYTE_ORDER == G_BIG_ENDIAN
  for (gint i = 0; i < embedding->dim; i++) {
    guint32 bits;

    memcpy (&bits, &values[i], sizeof bits);
    bits = GUINT32_FROM_LE (bits);
    memcpy (&values[i], &bits, sizeof bits);
  }
#endif
  return embedding->dim;
}

/**
 * gst_mae_embedding_dup_values: (rename-to gst_mae_embedding_get_values)
 * @embedding: an embedding
 * @n: (out) (optional): how many numbers there are
 *
 * Returns: (transfer full) (array length=n) (nullable): the numbers in host byte order, %NULL when they cannot be read.
 *   Free with g_free().
 *
 * Since: 0.1
 */
gfloat *
gst_mae_embedding_dup_values (const GstMaeEmbedding *embedding, gsize *n)
{
  gfloat *values;

  if (n)
    *n = 0;
  g_return_val_if_fail (embedding != NULL, NULL);

  if (embedding->dim <= 0)
    return NULL;
  values = g_new (gfloat, embedding->dim);
  if (gst_mae_embedding_get_values (embedding, values, embedding->dim) != embedding->dim) {
    g_free (values);
    return NULL;
  }
  if (n)
    *n = embedding->dim;
  return values;
}
