/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstframelabels.h: what a frame's labels say, on the frame.
 *
 * The meta is a GstCustomMeta "GstFrameLabels" with an empty tag list, so it survives conversion and encoding. Its structure
 * holds a string field per task, as the label was stored: people="3". head-trainer reads it with
 * label=GstFrameLabels.people.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_FRAME_LABELS_META_NAME "GstFrameLabels"

/* Harmless to repeat; thread-safe. */
void gst_frame_labels_meta_register (void);
/* The buffer has to be writable. labels: its fields are copied. */
void gst_buffer_add_frame_labels (GstBuffer *buffer, const GstStructure *labels);

G_END_DECLS
