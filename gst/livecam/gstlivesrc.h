/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstlivesrc.h: the element live-src, see gstlivesrc.c. */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_LIVE_SRC (gst_live_src_get_type ())
G_DECLARE_FINAL_TYPE (GstLiveSrc, gst_live_src, GST, LIVE_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (live_src);

G_END_DECLS
