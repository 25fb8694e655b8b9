/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstbackgroundjob.h: work in a thread of its own beside a stream into a GstBaseSink: one job after the other, which
 * the streaming thread may wait for at the end of the stream without being caught there when the pipeline pauses, stops
 * or flushes.
 *
 * The streaming thread starts and waits; stop() and unlock() may come from any thread; join() when the stream ended.
 */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

typedef struct {
  GMutex lock;                  /* for what follows */
  GCond changed;
  GThread *thread;
  GFunc work;
  gpointer data, user_data;
  gboolean running, stopping, unlocked;
} GstBackgroundJob;

void gst_background_job_init (GstBackgroundJob *job);
void gst_background_job_clear (GstBackgroundJob *job);

/* Runs work (data, user_data) in a new thread. The job before has to have ended. */
void gst_background_job_start (GstBackgroundJob *job, const gchar *name, GFunc work, gpointer data,
    gpointer user_data);
gboolean gst_background_job_is_running (GstBackgroundJob *job);

/* Waits, in the sink's event function, until nothing runs; also through pauses. FALSE: the stream flushes or stops. */
gboolean gst_background_job_wait (GstBackgroundJob *job, GstBaseSink *sink);
/* For the sink's functions of the same names: make wait() let go of the sink's lock, and no longer. */
void gst_background_job_unlock (GstBackgroundJob *job);
void gst_background_job_unlock_stop (GstBackgroundJob *job);

/* Asks the work to end and whoever waits to go. */
void gst_background_job_stop (GstBackgroundJob *job);
/* For the work: whether it was asked to end. */
gboolean gst_background_job_is_stopping (GstBackgroundJob *job);
/* Waits for the work to end, whatever happens, and forgets that it was asked to. */
void gst_background_job_join (GstBackgroundJob *job);

G_END_DECLS
