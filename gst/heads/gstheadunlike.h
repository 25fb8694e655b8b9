/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadunlike.h: whether a stream's embeddings are like those its heads learned from. Another camera, crop or shape of the
 * picture gives answers like any others, which mean nothing; gh_head_strangeness() tells.
 *
 * A plain struct of one thread.
 */
#pragma once

#include "gstheadset.h"

G_BEGIN_DECLS

/* So many embeddings in a row, and there is something to say. */
#define GST_HEAD_UNLIKE_PATIENCE 25

typedef struct {
  guint *rows;                  /* [heads] embeddings in a row that were far; those of heads that were named stay full */
  guint heads;
} GstHeadUnlike;

/* Forgets; for another set of heads, or another stream. */
void gst_head_unlike_reset (GstHeadUnlike *unlike, guint heads);
void gst_head_unlike_clear (GstHeadUnlike *unlike);

/* Whether embedding[E] is far from what any head of the set learned from. When it has been for so long that somebody should
 * know, the element says so on the bus, once per head. Call without a lock held. */
gboolean gst_head_unlike_see (GstHeadUnlike *unlike, const GstHeadSet *set, const gfloat *embedding, GstElement *element);

G_END_DECLS
