/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstinterval.h: one frame per interval of running time.
 *
 * The rhythm is kept (0 s, 1 s, 2 s, not 0 s, 1.03 s, 2.07 s) as long as frames come near their time; after a gap or a
 * jump it begins anew with the frame at hand. Frames without a running time are always due.
 *
 * A plain struct without locks: the streaming thread owns it.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  GstClockTime next;            /* NONE: the next frame is due */
} GstInterval;

void gst_interval_reset (GstInterval *state);

/* interval 0: every frame is due. slack: so much too early still counts, half a frame, so that rounded timestamps do
 * not cost one. */
gboolean gst_interval_is_due (const GstInterval *state, GstClockTime running_time, GstClockTime interval,
    GstClockTime slack);

/* The frame was taken. */
void gst_interval_take (GstInterval *state, GstClockTime running_time, GstClockTime interval);

G_END_DECLS
