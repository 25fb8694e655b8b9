/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembedder.h: an encoder at work on video frames: frame in, embedding as GstBuffers out.
 *
 * It joins what a stream needs and shares nothing with other streams but the weights: an encoder session, which takes
 * frames as they come where it can (gstframelayout.h), a frame scaler for all others, and pools for the results, so that
 * a frame costs no allocation once the pools are warm. Reference counted; every function may be called from any thread,
 * frames wait for each other.
 */
#pragma once

#include "gst/lib/gstmaeembeddingmeta.h"
#include "models/gh-encoder.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstMaeEmbedder GstMaeEmbedder;

/* model, device, precision, threads: as gh_encoder_load(). tokens: keep the token grid beside the embedding. */
GstMaeEmbedder *gst_mae_embedder_new (const gchar *model, GhDevice device, GhPrecision precision, guint threads,
    gboolean tokens, GError **error);
GstMaeEmbedder *gst_mae_embedder_ref (GstMaeEmbedder *embedder);
void gst_mae_embedder_unref (GstMaeEmbedder *embedder);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstMaeEmbedder, gst_mae_embedder_unref)

GhEncoder *gst_mae_embedder_encoder (GstMaeEmbedder *embedder);      /* borrowed */

/* What the following frames look like. FALSE when GStreamer cannot convert the format. */
gboolean gst_mae_embedder_set_info (GstMaeEmbedder *embedder, const GstVideoInfo *info);

/* Fills embedding; its two buffers are the caller's to unref, its strings the embedder's. GST_STREAM_ERROR when the
 * frame cannot be read (the next one may be), GH_ERROR when encoding fails. */
gboolean gst_mae_embedder_embed (GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeEmbedding *embedding,
    GError **error);

/* A buffer of the pool the embeddings come from, for one more copy of the numbers. NULL when memory is out. */
GstBuffer *gst_mae_embedder_copy_embedding (GstMaeEmbedder *embedder, GstBuffer *embedding);

/* How long a black frame takes once everything is warm; runs the encoder. */
GstClockTime gst_mae_embedder_rehearse (GstMaeEmbedder *embedder);

G_END_DECLS
