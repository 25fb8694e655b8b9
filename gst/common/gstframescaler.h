/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstframescaler.h: any raw video frame -> the packed RGB picture an encoder wants.
 *
 * Everybody who feeds an encoder (mae-encoder, training from image files) goes through here, so that a head sees at
 * prediction the pixels it was trained on. The whole picture is stretched to the encoder's size with a filter as wide
 * as the reduction (no aliasing); the aspect ratio is not kept, because black bars are something no encoder was
 * trained on and cutting would hide part of the scene. A GstVideoCropMeta is honoured: its rectangle is the picture.
 * Colours become full-range RGB according to the frame's own colorimetry; interlaced frames are taken as they lie.
 * GStreamer's converter defines the picture, with one thread (where several meet they take the chroma of other rows):
 * what gstframelayout.h describes is made by our kernels, to the same bytes and faster, all else by the converter.
 *
 * One thread at a time per scaler. Nothing is allocated per frame while caps and crop rectangle stay the same.
 */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef struct _GstFrameScaler GstFrameScaler;

/* width, height of the picture to make; threads: how many convert one frame, 0 for as many as pay (at most 4). */
GstFrameScaler *gst_frame_scaler_new (gint width, gint height, guint threads);
void gst_frame_scaler_free (GstFrameScaler *scaler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstFrameScaler, gst_frame_scaler_free)

/* What the following frames look like. FALSE when GStreamer cannot convert the format. */
gboolean gst_frame_scaler_set_info (GstFrameScaler *scaler, const GstVideoInfo *info);

/* Returns rgb[height,width,3] in bytes, *stride bytes from row to row, owned by the scaler and valid until its next
 * call; NULL when set_info() has not succeeded or the buffer is smaller than its caps promise. */
const guint8 *gst_frame_scaler_scale (GstFrameScaler *scaler, GstBuffer *buffer, gsize *stride);

G_END_DECLS
