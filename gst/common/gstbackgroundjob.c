/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstbackgroundjob.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstbackgroundjob.h"

void
gst_background_job_init (GstBackgroundJob *job)
{
  *job = (GstBackgroundJob) { .running = FALSE };
  g_mutex_init (&job->lock);
  g_cond_init (&job->changed);
}

void
gst_background_job_clear (GstBackgroundJob *job)
{
  gst_background_job_stop (job);
  gst_background_job_join (job);
  g_cond_clear (&job->changed);
  g_mutex_clear (&job->lock);
}

static gpointer
run (gpointer data)
{
  GstBackgroundJob *job = data;

  job->work (job->data, job->user_data);
  g_mutex_lock (&job->lock);
  job->running = FALSE;
  g_cond_broadcast (&job->changed);
  g_mutex_unlock (&job->lock);
  return NULL;
}

void
gst_background_job_start (GstBackgroundJob *job, const gchar *name, GFunc work, gpointer data, gpointer user_data)
{
  g_return_if_fail (!gst_background_job_is_running (job));

  g_clear_pointer (&job->thread, g_thread_join);
  job->work = work;
  job->data = data;
  job->user_data = user_data;
  job->running = TRUE;
  job->thread = g_thread_new (name, run, job);
}

gboolean
gst_background_job_is_running (GstBackgroundJob *job)
{
  gboolean running;

  g_mutex_lock (&job->lock);
  running = job->running;
  g_mutex_unlock (&job->lock);
  return running;
}

/* TRUE once nothing runs, FALSE as soon as the sink's lock is wanted elsewhere. */
static gboolean
wait_locked (GstBackgroundJob *job)
{
  gboolean ended;

  g_mutex_lock (&job->lock);
  while (job->running && !job->stopping && !job->unlocked)
    g_cond_wait (&job->changed, &job->lock);
  ended = !job->running && !job->stopping;
  g_mutex_unlock (&job->lock);
  return ended;
}

gboolean
gst_background_job_wait (GstBackgroundJob *job, GstBaseSink *sink)
{
  while (!wait_locked (job)) {
    if (gst_base_sink_wait_preroll (sink) != GST_FLOW_OK)
      return FALSE;
  }
  return TRUE;
}

static void
set_unlocked (GstBackgroundJob *job, gboolean unlocked)
{
  g_mutex_lock (&job->lock);
  job->unlocked = unlocked;
  g_cond_broadcast (&job->changed);
  g_mutex_unlock (&job->lock);
}

void
gst_background_job_unlock (GstBackgroundJob *job)
{
  set_unlocked (job, TRUE);
}

void
gst_background_job_unlock_stop (GstBackgroundJob *job)
{
  set_unlocked (job, FALSE);
}

void
gst_background_job_stop (GstBackgroundJob *job)
{
  g_mutex_lock (&job->lock);
  job->stopping = TRUE;
  g_cond_broadcast (&job->changed);
  g_mutex_unlock (&job->lock);
}

gboolean
gst_background_job_is_stopping (GstBackgroundJob *job)
{
  gboolean stopping;

  g_mutex_lock (&job->lock);
  stopping = job->stopping;
  g_mutex_unlock (&job->lock);
  return stopping;
}

void
gst_background_job_join (GstBackgroundJob *job)
{
  g_clear_pointer (&job->thread, g_thread_join);
  job->stopping = job->unlocked = FALSE;
}
