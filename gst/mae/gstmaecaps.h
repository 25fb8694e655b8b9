/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaecaps.h: what mae-encoder turns caps into: the same video, or tensors of the encoder's width. */
#pragma once

#include <gst/video/video.h>

#include "gstmaecuda.h"
#include "models/gh-encoder.h"

G_BEGIN_DECLS

/* Every raw format in memory the processor can read. */
#define GST_MAE_VIDEO_CAPS GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL) "; " \
    GST_VIDEO_CAPS_MAKE_WITH_FEATURES ("memory:SystemMemory, meta:GstVideoOverlayComposition", GST_VIDEO_FORMATS_ALL)

/* The same and, where the encoder runs on a GPU, frames in its memory, which it is given as they are. */
#define GST_MAE_ENCODER_VIDEO_CAPS GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_MAE_CUDA_FEATURE, \
    "{ NV12, NV21, I420, YV12, RGB, BGR, RGBx, BGRx, RGBA, BGRA, ARGB, ABGR }") "; " GST_MAE_VIDEO_CAPS

gboolean gst_mae_caps_is_video (const GstStructure *structure);

/* From one pad's caps to the other's: video first, then what crosses between video and tensors. direction: of the pad
 * caps belong to. encoder NULL: none is loaded yet, any width will do. on_device: those of a GPU can be read. */
GstCaps *gst_mae_caps_transform (const GhEncoder *encoder, gboolean on_device, GstPadDirection direction,
    const GstCaps *caps);

G_END_DECLS
