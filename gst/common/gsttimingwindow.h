/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gsttimingwindow.h: how long the last few hundred rounds took, for the `stats` properties.
 *
 * A plain struct: zero it to start, nothing is allocated, the owner locks.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TIMING_WINDOW_SIZE 256

typedef struct {
  GstClockTime times[GST_TIMING_WINDOW_SIZE];   /* a ring once full */
  guint count;                                  /* valid entries */
  guint next;
} GstTimingWindow;

void gst_timing_window_reset (GstTimingWindow *window);
void gst_timing_window_add (GstTimingWindow *window, GstClockTime time);

/* The smallest time that at least `fraction` (0..1) of the window does not exceed; 0 while the window is empty. */
GstClockTime gst_timing_window_percentile (const GstTimingWindow *window, gdouble fraction);

/* Sets the double fields ms-p50 and ms-p95. */
void gst_timing_window_describe (const GstTimingWindow *window, GstStructure *structure);

G_END_DECLS
