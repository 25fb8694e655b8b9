/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadslotmessage.h: what applications on the bus get to see of changes of heads. */
#pragma once

#include "gstheadslot.h"

G_BEGIN_DECLS

/* heads-changed: which heads answer from the next frame on, and which did; with a refusal heads-refused: what was asked
 * for, why not, and which heads go on. Nothing before the start. Call without a lock held. */
void gst_head_change_post (const GstHeadChange *change, GstElement *element, const GError *refusal);

G_END_DECLS
