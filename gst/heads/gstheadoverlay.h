/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadoverlay.h: head-overlay, draws the predictions that travel with a frame onto it. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_HEAD_OVERLAY (gst_head_overlay_get_type ())
G_DECLARE_FINAL_TYPE (GstHeadOverlay, gst_head_overlay, GST, HEAD_OVERLAY, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (head_overlay);

G_END_DECLS
