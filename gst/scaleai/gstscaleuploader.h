/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaleuploader.h: the element scale-uploader, see gstscaleuploader.c. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_SCALE_UPLOADER (gst_scale_uploader_get_type ())
G_DECLARE_FINAL_TYPE (GstScaleUploader, gst_scale_uploader, GST, SCALE_UPLOADER, GstElement)

GST_ELEMENT_REGISTER_DECLARE (scale_uploader);

G_END_DECLS
