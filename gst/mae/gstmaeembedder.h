/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembedder.h: an encoder at work on video frames: frames in, embeddings as GstBuffers out.
 *
 * It joins what a stream needs and shares nothing with other streams but the weights: an encoder session, which takes
 * frames as they come where it can (gstframelayout.h), a frame scaler for all others, and pools for the results, so that
 * a frame costs no allocation once the pools are warm. Reference counted; every function may be called from any thread,
 * frames wait for each other.
 */
#pragma once

#include "gst/lib/gstmaeembeddingmeta.h"
#include "gstmaecuda.h"
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

/* What the following frames look like; none is in. FALSE when GStreamer cannot convert the format. */
gboolean gst_mae_embedder_set_info (GstMaeEmbedder *embedder, const GstVideoInfo *info);

/* Frames in the GPU's memory will be taken, too. Once, before others have the embedder. */
void gst_mae_embedder_use_cuda (GstMaeEmbedder *embedder, GstMaeCuda *cuda);
gboolean gst_mae_embedder_uses_cuda (GstMaeEmbedder *embedder);

/* A frame comes in, its embedding out, in the same order; at most one frame is in when the next is pushed. On a GPU it is
 * encoded while the caller does something else. push(): GST_STREAM_ERROR when the frame cannot be read (it is not in
 * then, all else is as before, and the next one may be), GH_ERROR when encoding fails. What lies on the device stays
 * mapped until it is encoded. */
gboolean gst_mae_embedder_push (GstMaeEmbedder *embedder, GstBuffer *frame, GError **error);
/* Fills embedding with that of the oldest frame that is in; waits for it. Its two buffers are the caller's to unref, its
 * strings the embedder's. encode_time: what callers have spent on it. GH_ERROR when encoding fails. */
gboolean gst_mae_embedder_pull (GstMaeEmbedder *embedder, GstMaeEmbedding *embedding, GError **error);
/* Whatever is in comes to nothing. */
void gst_mae_embedder_forget (GstMaeEmbedder *embedder);

/* Why frames on the GPU had to be fetched to the processor, once per set_info(); else NULL. */
const gchar *gst_mae_embedder_take_detour (GstMaeEmbedder *embedder);

/* A buffer of the pool the embeddings come from, for one more copy of the numbers. NULL when memory is out. */
GstBuffer *gst_mae_embedder_copy_embedding (GstMaeEmbedder *embedder, GstBuffer *embedding);

/* How long a black frame takes once everything is warm; runs the encoder. */
GstClockTime gst_mae_embedder_rehearse (GstMaeEmbedder *embedder);

G_END_DECLS
