/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda-rig.h: frames in a GPU's memory as GStreamer's own library makes them, for the tests of mae-encoder: over a GPU,
 * or over the driver of tests/cuda-emulation/.
 */
#pragma once

#include "mae-test.h"

/* Whether there is libgstcuda, a driver below it and a cuda back end; else says why not, for a test to exit with 77. From
 * now on cases run in this process: what a device was told does not outlive a fork. */
gboolean cuda_rig_works (void);

/* The caps with memory:CUDAMemory. */
gchar *cuda_rig_caps (const gchar *format, gint width, gint height);

/* What element answers to a decoder that asks for a context (transfer full); NULL when it has none. */
gpointer cuda_rig_ask (GstElement *element);
gpointer cuda_rig_context_new (guint device);   /* another one than the element's */
gpointer cuda_rig_handle (gpointer context);
guint cuda_rig_device (gpointer context);

/* A frame like `frame` (info: its caps), with its times and metas for cropping, in memory of the context from
 * libgstcuda's pool. */
GstBuffer *cuda_rig_upload (gpointer context, const GstVideoInfo *info, GstBuffer *frame);
/* Removes the GstVideoMeta: only the memory itself knows its strides. */
GstBuffer *cuda_rig_strip (GstBuffer *frame);
/* The same by a copy in a stream, as decoders do, that has been given to the device and not been waited for. NV12. The
 * stream stays. */
GstBuffer *cuda_rig_upload_late (gpointer context, const GstVideoInfo *info, GstBuffer *frame);

/* Copies from a device to the processor so far; -1 where nobody counts them: on a GPU. */
gint cuda_rig_downloads (void);
