/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstinterval.c: keeps the rhythm; see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstinterval.h"

void
gst_interval_reset (GstInterval *state)
{
  state->next = GST_CLOCK_TIME_NONE;
}

/* Time within one interval of `next`, on either side; beyond it time jumped. */
static gboolean
is_near (const GstInterval *state, GstClockTime running_time, GstClockTime interval)
{
  GstClockTimeDiff early = GST_CLOCK_DIFF (running_time, state->next);

  return early <= (GstClockTimeDiff) interval && -early < (GstClockTimeDiff) interval;
}

gboolean
gst_interval_is_due (const GstInterval *state, GstClockTime running_time, GstClockTime interval, GstClockTime slack)
{
  if (interval == 0 || !GST_CLOCK_TIME_IS_VALID (running_time) || !GST_CLOCK_TIME_IS_VALID (state->next))
    return TRUE;
  return running_time + slack >= state->next || !is_near (state, running_time, interval);
}

void
gst_interval_take (GstInterval *state, GstClockTime running_time, GstClockTime interval)
{
  if (interval == 0 || !GST_CLOCK_TIME_IS_VALID (running_time))
    state->next = GST_CLOCK_TIME_NONE;
  else if (GST_CLOCK_TIME_IS_VALID (state->next) && is_near (state, running_time, interval))
    state->next += interval;
  else
    state->next = running_time + interval;
}
