/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaecaps.h: what mae-encoder turns caps into: the same video, or tensors of the encoder's width. */
#pragma once

#include <gst/video/video.h>

#include "models/gh-encoder.h"

G_BEGIN_DECLS

/* Every raw format in memory the processor can read. */
#define GST_MAE_VIDEO_CAPS GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) "; " \
    GST_VIDEO_CAPS_MAKE_WITH_FEATURES ("memory:SystemMemory, meta:GstVideoOverlayComposition", GST_VIDEO_FORMATS_ALL)

gboolean gst_mae_caps_is_video (const GstStructure *structure);

/* From one pad's caps to the other's: video first, then what crosses between video and tensors. direction: of the pad
 * caps belong to. encoder NULL: none is loaded yet, any width will do. */
GstCaps *gst_mae_caps_transform (const GhEncoder *encoder, GstPadDirection direction, const GstCaps *caps);

G_END_DECLS
