/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadset.h: the heads that answer for one stream, loaded together.
 *
 * Immutable and reference counted: the streaming thread predicts with one set while another thread loads the next.
 */
#pragma once

#include "gst/lib/gstheadpredictionsmeta.h"
#include "models/gh-head.h"

G_BEGIN_DECLS

typedef struct _GstHeadSet GstHeadSet;

/* heads: files or shipped names separated by commas; a backslash takes the next character as it is, white space
 * around a name is nothing. Fails with a GH_ERROR when there is none, one cannot be loaded, or two have the same
 * name. */
GstHeadSet *gst_head_set_load (const gchar *heads, GError **error);
GstHeadSet *gst_head_set_ref (GstHeadSet *set);
void gst_head_set_unref (GstHeadSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstHeadSet, gst_head_set_unref)

guint gst_head_set_size (const GstHeadSet *set);
const GhHead *gst_head_set_get (const GstHeadSet *set, guint i);

/* Whether every head fits an embedding of dim numbers from the encoder model_id; encoder_file: its name for messages
 * or NULL. With model_id NULL (embeddings that do not say whose they are) only the width can be checked. */
gboolean gst_head_set_check (const GstHeadSet *set, const gchar *model_id, const gchar *encoder_file, gint dim,
    GError **error);

/* embedding[E] -> what each head says. numbers[size] and predictions[size] are the caller's room; the strings of a
 * prediction are borrowed from the set, from numbers and from model_id. Returns how many predictions there are: heads
 * whose result is not finite are left out, the first of them in *not_finite (else NULL). Allocates nothing. */
guint gst_head_set_predict (const GstHeadSet *set, const gchar *model_id, const gfloat *embedding,
    GhPrediction *numbers, GstHeadPrediction *predictions, const GhHead **not_finite);

G_END_DECLS
