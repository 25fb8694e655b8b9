/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plaza-frames.h: what the tests of plaza-test-src share: running it, and reading frames and their truth. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

/* plaza-test-src PROPERTIES ! CAPS ! ... of a gst-launch line, played to EOS; the buffers that arrive at its end, in
 * order. Fails on an error message. Free with g_ptr_array_unref(). */
GPtrArray *plaza_frames_play (const gchar *description);
/* The same for a pipeline that holds a sink named "sink"; the caller keeps it. */
GPtrArray *plaza_frames_play_pipeline (GstElement *pipeline);
GstElement *plaza_frames_parse (const gchar *description);

/* The structure of the frame's truth; fails when it has none. */
const GstStructure *plaza_frames_truth (GstBuffer *buffer);
gint plaza_frames_people (GstBuffer *buffer);
gdouble plaza_frames_minute (GstBuffer *buffer);

gboolean plaza_frames_equal (GstBuffer *a, GstBuffer *b);

G_END_DECLS
