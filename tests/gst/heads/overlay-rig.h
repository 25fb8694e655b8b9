/* SPDX-License-Identifier: LGPL-2.1-or-later
 * overlay-rig.h: head-overlay in a harness, frames of one colour with predictions, and what was drawn on them. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

/* How many bytes are not 0x70, and in which part of a packed frame of 4 bytes per pixel. */
typedef struct { guint changed; gint x0, y0, x1, y1; } Trace;

/* Each test runs in a fork of the first process: fonts loaded there are loaded for all. Makes no checks, as this is
 * outside of tests. */
void rig_load_fonts (void);

/* properties: as in gst-launch, or "". */
GstHarness *rig_harness (const gchar *properties);
/* feature: "" or in parentheses. 25 frames per second. */
void rig_set_caps (GstHarness *h, const gchar *feature, const gchar *format, gint width, gint height);

/* Frame n of the harness's caps, all bytes 0x70. */
GstBuffer *rig_frame (GstHarness *h, guint n);
/* The buffer, with that prediction. */
GstBuffer *rig_predict (GstBuffer *buffer, const gchar *name, const gchar *kind, gdouble value, const gchar *text);
/* What becomes of it. */
GstBuffer *rig_pass (GstHarness *h, GstBuffer *buffer);

Trace rig_trace (GstBuffer *buffer, gint width);
/* Of frame n with a prediction of its own. */
Trace rig_trace_of_prediction (GstHarness *h, guint n, gint width);
