/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaecuda.h: frames in a GPU's memory (caps feature memory:CUDAMemory), as nvh264dec and other elements make them.
 *
 * GStreamer's library for them, libgstcuda-1.0, is opened at run time: it takes GL, X11 and Wayland with it, and is not
 * on every machine that runs us. Other elements are offered the context that the encoder's memory lies in: what they put
 * there is read without a copy. Any thread.
 */
#pragma once

#include "kernels/gh-kernels.h"
#include "models/gh-frame-layout.h"

#include <gst/video/video.h>

G_BEGIN_DECLS

#define GST_MAE_CUDA_FEATURE "memory:CUDAMemory"
#define GST_MAE_CUDA_CONTEXT "gst.cuda.context"

typedef struct _GstMaeCuda GstMaeCuda;

/* For an encoder that runs on `device`. NULL, and in *why the reason (g_free()), where that is no GPU, or libgstcuda does
 * not open or finds no driver. */
GstMaeCuda *gst_mae_cuda_new (GhDevice device, gchar **why);
GstMaeCuda *gst_mae_cuda_ref (GstMaeCuda *cuda);
void gst_mae_cuda_unref (GstMaeCuda *cuda);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstMaeCuda, gst_mae_cuda_unref)

/* What other elements are given (transfer full), and the answer when they ask; FALSE when they ask for something else. */
GstContext *gst_mae_cuda_context (GstMaeCuda *cuda);
gboolean gst_mae_cuda_answer (GstMaeCuda *cuda, GstElement *element, GstQuery *query);

/* A frame that is mapped, and where its planes lie in the encoder's memory. */
typedef struct {
  GstMemory *memory;            /* NULL: none is mapped */
  GstMapInfo map;
  const guint8 *planes[GH_FRAME_MAX_PLANES];
  gsize strides[GH_FRAME_MAX_PLANES];
} GstMaeCudaFrame;

gboolean gst_mae_cuda_is_on_device (const GstMaeCuda *cuda, GstBuffer *frame);
/* Frames on a device have rows of a length of their own: makes info, of the caps, that of a frame without GstVideoMeta.
 * FALSE when it is smaller than its caps, or of another format. */
gboolean gst_mae_cuda_take_strides (GstBuffer *frame, GstVideoInfo *info);
/* Maps a frame on the device for reading there; gh_encoder_lend_frame() waits for what its element has under way. info:
 * with the frame's strides. FALSE with nothing mapped, and in *why the reason, when it has to be fetched to the processor
 * instead. */
gboolean gst_mae_cuda_map (GstMaeCuda *cuda, const GhFrameLayout *layout, const GstVideoInfo *info, GstBuffer *buffer,
    GstMaeCudaFrame *frame, const gchar **why);
void gst_mae_cuda_unmap (GstMaeCudaFrame *frame);       /* also when none is mapped */

G_END_DECLS
