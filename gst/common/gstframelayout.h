/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstframelayout.h: a stream's caps in the words of models/. */
#pragma once

#include "models/gh-frame-layout.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

/* FALSE when frames like these have to go through GstFrameScaler to become pictures of width x height: interlaced ones,
 * more than 8 bits, and what GStreamer itself converts in another way than the rest. TRUE for progressive NV12, NV21,
 * I420, YV12 and RGB in three or four bytes, in any order. */
gboolean gst_frame_layout_from_info (GhFrameLayout *layout, const GstVideoInfo *info, gint width, gint height);

/* The part of the frame that is the picture: its crop rectangle, cut to the frame; all of it without one, or when
 * nothing of it lies inside. */
GhFrameRectangle gst_frame_layout_part (GstBuffer *frame, const GstVideoInfo *info);

gboolean gst_frame_layout_same_part (const GhFrameRectangle *a, const GhFrameRectangle *b);

/* Maps a frame that looks as the layout says: planes[n_planes], strides[n_planes]. FALSE, with nothing mapped, when it
 * is smaller than its caps promise, or its rows do not follow each other. gst_video_frame_unmap() when done. */
gboolean gst_frame_layout_map (const GhFrameLayout *layout, const GstVideoInfo *info, GstBuffer *frame,
    GstVideoFrame *map, const guint8 **planes, gsize *strides);

G_END_DECLS
