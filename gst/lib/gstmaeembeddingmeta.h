/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembeddingmeta.h: the embedding of a frame, as it travels with the frame.
 *
 * It is a GstCustomMeta named "GstMaeEmbedding" with an empty tag list, so every conversion, scaling and encoding
 * element of GStreamer >= 1.20 keeps it, and an application may read it with gst_buffer_get_custom_meta() alone.
 * Fields of its structure:
 *   model-id     string   first 16 hex digits of the encoder file's SHA-256
 *   dim          int      numbers in the embedding
 *   embedding    GstBuffer  float32, little endian, [dim]
 *   tokens       GstBuffer  optional: float32 LE, [grid-rows * grid-cols, token-dim]
 *   grid-rows, grid-cols, token-dim   int   (0 without tokens: token-dim)
 *   device       string   "cpu", "ref", "cuda"
 *   encode-time  guint64  nanoseconds the encoder took
 *
 * Every function may be called from any thread; a buffer is handled under GStreamer's usual rules (only a writable
 * one is changed, and by one thread).
 */
#pragma once

#include "heads-prelude.h"

G_BEGIN_DECLS

#define GST_MAE_EMBEDDING_META_NAME "GstMaeEmbedding"

typedef struct _GstMaeEmbedding GstMaeEmbedding;

/**
 * GstMaeEmbedding:
 * @model_id: 16 hex digits naming the encoder
 * @dim: numbers in @embedding
 * @embedding: (transfer none): float32 little endian, [dim]
 * @tokens: (nullable) (transfer none): float32 little endian, [grid_rows * grid_cols, token_dim]
 * @grid_rows: rows of the patch grid, 0 when unknown
 * @grid_cols: columns of the patch grid, 0 when unknown
 * @token_dim: channels of a token, 0 without @tokens
 * @device: (nullable): what computed it: "cpu", "ref", "cuda"
 * @encode_time: nanoseconds it took, #GST_CLOCK_TIME_NONE when unknown
 * @encoder_file: (nullable): name of the encoder's file, for people; @model_id is what identifies it
 *
 * The embedding of one frame. As filled by gst_buffer_get_mae_embedding() it is a borrowed view: its pointers are
 * those of the meta, valid as long as the buffer holds it, and nothing is freed.
 *
 * Since: 0.1
 */
struct _GstMaeEmbedding {
  const gchar *model_id;
  gint dim;
  GstBuffer *embedding;
  GstBuffer *tokens;
  gint grid_rows;
  gint grid_cols;
  gint token_dim;
  const gchar *device;
  GstClockTime encode_time;
  const gchar *encoder_file;
};

GST_HEADS_API
void gst_mae_embedding_meta_register (void);

GST_HEADS_API
gboolean gst_buffer_add_mae_embedding (GstBuffer *buffer, const GstMaeEmbedding *embedding);
GST_HEADS_API
gboolean gst_buffer_get_mae_embedding (GstBuffer *buffer, GstMaeEmbedding *embedding);

GST_HEADS_API
gint gst_mae_embedding_get_values (const GstMaeEmbedding *embedding, gfloat *values, gint n);
GST_HEADS_API
gfloat *gst_mae_embedding_dup_values (const GstMaeEmbedding *embedding, gsize *n);

G_END_DECLS
