/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstimageencoder.h: frames of raw video as JPEG, one by one, through GStreamer's own encoder. One thread at a time. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstImageEncoder GstImageEncoder;

/* NULL with an error of the domain GST_CORE_ERROR: an element is not installed. quality: 1 to 100. */
GstImageEncoder *gst_image_encoder_new (gint quality, GError **error);
void gst_image_encoder_free (GstImageEncoder *encoder);

/* caps: of the frame, any raw format. NULL with GST_STREAM_ERROR. */
GBytes *gst_image_encoder_encode (GstImageEncoder *encoder, GstBuffer *frame, GstCaps *caps, GError **error);

G_END_DECLS
