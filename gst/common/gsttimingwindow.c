/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gsttimingwindow.c: percentiles of the most recent durations.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsttimingwindow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
gst_timing_window_reset (GstTimingWindow *window)
{
  window->count = window->next = 0;
}

void
gst_timing_window_add (GstTimingWindow *window, GstClockTime time)
{
  window->times[window->next] = time;
  window->next = (window->next + 1) % GST_TIMING_WINDOW_SIZE;
  window->count = MIN (window->count + 1, GST_TIMING_WINDOW_SIZE);
}

static int
compare_times (const void *a, const void *b)
{
  GstClockTime x = *(const GstClockTime *) a, y = *(const GstClockTime *) b;

  return (x > y) - (x < y);
}

GstClockTime
gst_timing_window_percentile (const GstTimingWindow *window, gdouble fraction)
{
  GstClockTime sorted[GST_TIMING_WINDOW_SIZE];
  gdouble rank = ceil (CLAMP (fraction, 0.0, 1.0) * window->count);

  if (window->count == 0)
    return 0;
  memcpy (sorted, window->times, window->count * sizeof (sorted[0]));
  qsort (sorted, window->count, sizeof (sorted[0]), compare_times);
  return sorted[rank < 1.0 ? 0 : (guint) rank - 1];
}

void
gst_timing_window_describe (const GstTimingWindow *window, GstStructure *structure)
{
  gst_structure_set (structure,
      "ms-p50", G_TYPE_DOUBLE, gst_timing_window_percentile (window, 0.50) / (gdouble) GST_MSECOND,
      "ms-p95", G_TYPE_DOUBLE, gst_timing_window_percentile (window, 0.95) / (gdouble) GST_MSECOND, NULL);
}
