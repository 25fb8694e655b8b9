/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadslotmessage.h: what applications on the bus get to see of changes of heads. */
#pragma once

#include "gstheadslot.h"

G_BEGIN_DECLS

/* heads-changed: which heads answer from the next frame on. Nothing before the start. Call without a lock held. */
void gst_head_slot_post_heads (GstHeadSlot *slot, GstElement *element);

G_END_DECLS
