/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeembeddingcaps.h: embeddings as a stream of their own.
 *
 * The caps are NNStreamer's, with two fields that say whose numbers they are:
 *   other/tensors, format=static, num_tensors=1, dimensions=512:1:1:1, types=float32, framerate=25/1,
 *     model-id=(string)0123456789abcdef, encoder-file=(string)tiny.safetensors
 * A buffer is dim float32 numbers, little endian, nothing else. The first number of `dimensions` is the width of the
 * embedding, all others are 1. `model-id` and `encoder-file` are optional for a reader and survive `gdppay`.
 */
#pragma once

#include "heads-prelude.h"

G_BEGIN_DECLS

/* For pad templates: any width, any encoder. */
#define GST_MAE_EMBEDDING_CAPS \
    "other/tensors, format = (string) static, num_tensors = (int) 1, types = (string) float32, " \
    "framerate = (fraction) [ 0, max ]"

GST_HEADS_API
GstCaps *gst_mae_embedding_caps_new (gint dim, const gchar *model_id, const gchar *encoder_file, gint fps_n,
    gint fps_d);
GST_HEADS_API
gboolean gst_mae_embedding_caps_parse (const GstCaps *caps, gint *dim, const gchar **model_id,
    const gchar **encoder_file);

G_END_DECLS
