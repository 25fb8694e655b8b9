/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstembeddingsource.h: where the embedding of a buffer is: in its meta (video) or in its memory (other/tensors).
 *
 * A plain struct of the streaming thread; zero it to start.
 */
#pragma once

#include "gst/lib/heads.h"

G_BEGIN_DECLS

typedef struct {
  gboolean is_tensors;
  gint dim;                     /* of tensors */
  gchar *model_id, *encoder_file;       /* of tensors, NULL where the caps do not say */
} GstEmbeddingSource;

void gst_embedding_source_clear (GstEmbeddingSource *source);

/* FALSE for tensors that are no embeddings. */
gboolean gst_embedding_source_set_caps (GstEmbeddingSource *source, const GstCaps *caps);

/* FALSE when the buffer has no embedding or one of another size than it promises. The view's pointers belong to the
 * buffer or to source. */
gboolean gst_embedding_source_find (const GstEmbeddingSource *source, GstBuffer *buffer, GstMaeEmbedding *embedding);

G_END_DECLS
