/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembeddingcaps.c: builds and reads the caps of a stream of embeddings.
 */
#include "gstmaeembeddingcaps.h"

#include <string.h>

/**
 * gst_mae_embedding_caps_new:
 * @dim: numbers in an embedding, at least 1
 * @model_id: (nullable): 16 hex digits naming the encoder
 * @encoder_file: (nullable): file name of the encoder, for messages
 * @fps_n: numerator of the frame rate, 0 when it varies
 * @fps_d: denominator of the frame rate, at least 1
 *
 * Returns: (transfer full): fixed caps of a stream of embeddings
 *
 * Since: 0.1
 */
GstCaps *
gst_mae_embedding_caps_new (gint dim, const gchar *model_id, const gchar *encoder_file, gint fps_n, gint fps_d)
{
  GstCaps *caps;
  gchar *dimensions;

  g_return_val_if_fail (dim > 0, NULL);
  g_return_val_if_fail (fps_n >= 0 && fps_d > 0, NULL);

  dimensions = g_strdup_printf ("%d:1:1:1", dim);
  caps = gst_caps_new_simple ("other/tensors", "format", G_TYPE_STRING, "static", "num_tensors", G_TYPE_INT, 1,
      "dimensions", G_TYPE_STRING, dimensions, "types", G_TYPE_STRING, "float32", "framerate", GST_TYPE_FRACTION,
      fps_n, fps_d, NULL);
  g_free (dimensions);
  if (model_id)
    gst_caps_set_simple (caps, "model-id", G_TYPE_STRING, model_id, NULL);
  if (encoder_file)
    gst_caps_set_simple (caps, "encoder-file", G_TYPE_STRING, encoder_file, NULL);
  return caps;
}

/* "512:1:1:1", "512:1" or "512" is 512; anything else that is not one vector is 0. */
static gint
parse_dimensions (const gchar *text)
{
  gchar *end;
  guint64 dim;

  if (text == NULL || !g_ascii_isdigit (*text))
    return 0;
  dim = g_ascii_strtoull (text, &end, 10);
  while (strncmp (end, ":1", 2) == 0)
    end += 2;
  return *end == '\0' && dim <= G_MAXINT / sizeof (gfloat) ? (gint) dim : 0;
}

/**
 * gst_mae_embedding_caps_parse:
 * @caps: caps
 * @dim: (out) (optional): numbers in an embedding
 * @model_id: (out) (optional) (nullable) (transfer none): names the encoder, %NULL when the caps do not; owned by @caps
 * @encoder_file: (out) (optional) (nullable) (transfer none): file name of the encoder or %NULL; owned by @caps
 *
 * Returns: whether @caps, which must be fixed, describe a stream of float32 embeddings
 *
 * Since: 0.1
 */
gboolean
gst_mae_embedding_caps_parse (const GstCaps *caps, gint *dim, const gchar **model_id, const gchar **encoder_file)
{
  const GstStructure *structure;
  gint width, tensors;

  g_return_val_if_fail (GST_IS_CAPS (caps), FALSE);

  if (!gst_caps_is_fixed (caps))
    return FALSE;
  structure = gst_caps_get_structure (caps, 0);
  width = parse_dimensions (gst_structure_get_string (structure, "dimensions"));
  if (!gst_structure_has_name (structure, "other/tensors") || width == 0
      || g_strcmp0 (gst_structure_get_string (structure, "format"), "static") != 0
      || g_strcmp0 (gst_structure_get_string (structure, "types"), "float32") != 0
      || !gst_structure_get_int (structure, "num_tensors", &tensors) || tensors != 1)
    return FALSE;
  if (dim)
    *dim = width;
  if (model_id)
    *model_id = gst_structure_get_string (structure, "model-id");
  if (encoder_file)
    *encoder_file = gst_structure_get_string (structure, "encoder-file");
  return TRUE;
}
