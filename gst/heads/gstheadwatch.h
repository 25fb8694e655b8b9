/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadwatch.h: looks once a second whether the files of the heads in use are others than those that were loaded,
 * however soon after that they came.
 */
#pragma once

#include "gstheadslot.h"

G_BEGIN_DECLS

typedef struct _GstHeadWatch GstHeadWatch;

/* slot is borrowed and has been started. changed is called from a thread of the watch, once for each change of files that
 * are all there; what it does with them is its business. */
GstHeadWatch *gst_head_watch_new (GstHeadSlot *slot, void (*changed) (gpointer data), gpointer data);
/* Waits for a call that is under way. NULL is fine. Before the slot is stopped. */
void gst_head_watch_free (GstHeadWatch *watch);

G_END_DECLS
