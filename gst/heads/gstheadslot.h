/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadslot.h: the heads in use, and how others take their place while frames flow.
 *
 * Any thread may change the heads; changes happen one at a time, and files are read without holding the streaming
 * thread up. What cannot be loaded, or does not fit the embeddings the stream has shown, is refused and changes
 * nothing.
 */
#pragma once

#include "gstheadset.h"

G_BEGIN_DECLS

typedef struct {
  GMutex change_lock;           /* held through a change; never taken by the streaming thread */
  GMutex lock;                  /* guards the rest, held for moments */
  gboolean started;
  gchar *heads;                 /* the list: what is to be used, once started what is used */
  GstHeadSet *set;              /* NULL unless started */
  gchar *model_id, *encoder_file;       /* of the stream's embeddings, NULL where it does not say */
  gint dim;                     /* 0 before the first */
  guint64 reloads, refused_reloads;
} GstHeadSlot;

void gst_head_slot_init (GstHeadSlot *slot);
void gst_head_slot_finish (GstHeadSlot *slot);

/* Loads the list; GH_ERROR. */
gboolean gst_head_slot_start (GstHeadSlot *slot, GError **error);
/* Forgets heads and stream; the list stays. */
void gst_head_slot_stop (GstHeadSlot *slot);

/* The list; free with g_free(). */
gchar *gst_head_slot_dup_heads (GstHeadSlot *slot);
/* Takes a new list, or reads the present files again when heads is NULL. Before the start it is only noted. FALSE
 * with a GH_ERROR when refused. */
gboolean gst_head_slot_change (GstHeadSlot *slot, const gchar *heads, GError **error);
/* The same, and what it changed: the heads before and after, which are the same when it was refused and NULL before the
 * start; the list that was asked for. Cleared by gst_head_change_clear(). */
typedef struct {
  gchar *heads;
  GstHeadSet *before, *after;
} GstHeadChange;

gboolean gst_head_slot_change_full (GstHeadSlot *slot, const gchar *heads, GstHeadChange *change, GError **error);
void gst_head_change_clear (GstHeadChange *change);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstHeadChange, gst_head_change_clear)
/* Since the last start. */
void gst_head_slot_get_counts (GstHeadSlot *slot, guint64 *reloads, guint64 *refused_reloads);

/* What to predict with; a reference of the caller's. NULL unless started. */
GstHeadSet *gst_head_slot_acquire (GstHeadSlot *slot);
/* Streaming thread: whose embeddings they are. TRUE when that differs from the last call. */
gboolean gst_head_slot_set_stream (GstHeadSlot *slot, const gchar *model_id, const gchar *encoder_file, gint dim);

G_END_DECLS
