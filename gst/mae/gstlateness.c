/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstlateness.c: judges single frames; the header says how.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlateness.h"

#define MIN_PATIENCE (500 * GST_MSECOND)
#define MAX_PATIENCE (64 * GST_SECOND)
/* A stretch of late frames catches up when its lag falls by more than this part of the time it took. */
#define CATCHING_UP 20
/* A frame that comes within this part of its distance to the one before has been waiting. */
#define WAITING 4
/* Patience is back to its minimum when it has not run out for so many times its length. */
#define FORGIVEN 10

void
gst_lateness_reset (GstLateness *lateness)
{
  lateness->seen = FALSE;
  lateness->late_since = lateness->patience_ended = GST_CLOCK_TIME_NONE;
  lateness->patience = MIN_PATIENCE;
}

static void
lose_patience (GstLateness *lateness, GstClockTime now)
{
  GstClockTime ended = lateness->patience_ended;

  if (GST_CLOCK_TIME_IS_VALID (ended) && now - ended < FORGIVEN * lateness->patience)
    lateness->patience = MIN (2 * lateness->patience, MAX_PATIENCE);
  else
    lateness->patience = MIN_PATIENCE;
  lateness->patience_ended = now;
}

/* Notes the frame and says whether it has been waiting for us. */
static gboolean
note_frame (GstLateness *lateness, GstClockTime now, GstClockTime running_time, GstClockTimeDiff lag)
{
  gboolean waiting = lateness->seen && running_time > lateness->last_time
      && now - lateness->last_now < (running_time - lateness->last_time) / WAITING;

  if (!lateness->seen || lag < lateness->base)
    lateness->base = lag;
  lateness->seen = TRUE;
  lateness->last_now = now;
  lateness->last_time = running_time;
  return waiting;
}

gboolean
gst_lateness_is_late (GstLateness *lateness, GstClockTime now, GstClockTime running_time, GstClockTime announced,
    GstClockTime tolerance)
{
  GstClockTimeDiff lag = GST_CLOCK_DIFF (running_time, now);
  gboolean waiting = note_frame (lateness, now, running_time, lag);
  GstClockTime waited;

  if (lag <= (GstClockTimeDiff) announced || (!waiting && lag <= lateness->base + (GstClockTimeDiff) tolerance)) {
    lateness->late_since = GST_CLOCK_TIME_NONE;
    return FALSE;
  }

  waited = GST_CLOCK_TIME_IS_VALID (lateness->late_since) ? now - lateness->late_since : 0;
  if (waited >= lateness->patience) {
    gboolean catching_up = lag < lateness->late_lag - (GstClockTimeDiff) (waited / CATCHING_UP);

    lateness->late_since = GST_CLOCK_TIME_NONE;
    if (!catching_up) {
      lateness->base = lag;
      lose_patience (lateness, now);
      return FALSE;
    }
  }
  if (!GST_CLOCK_TIME_IS_VALID (lateness->late_since)) {
    lateness->late_since = now;
    lateness->late_lag = lag;
  }
  return TRUE;
}
