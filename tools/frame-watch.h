/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * frame-watch.h (private): what arrives at the sinks of a pipeline, which is what a pipeline is for: it lives as long as
 * frames get there. Ages are by the monotonic clock, which nobody sets.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GhFrameWatch GhFrameWatch;

typedef struct {
  const char *sink;             /* the element's name; lives as long as the watch */
  guint64 frames;               /* buffers that arrived */
  double age;                   /* seconds since the last one, or since the watch began */
  double time;                  /* of the last one, seconds since 1970; 0: none yet */
} GhSinkFrames;

/* Watches every sink that is in the pipeline now. on_frame, if any, is called for every buffer, in its streaming
 * thread. */
GhFrameWatch *gh_frame_watch_new (GstElement *pipeline, void (*on_frame) (gpointer data), gpointer data);
void gh_frame_watch_free (GhFrameWatch *watch);

guint gh_frame_watch_count (const GhFrameWatch *watch);
GhSinkFrames gh_frame_watch_get (const GhFrameWatch *watch, guint i);

G_END_DECLS
