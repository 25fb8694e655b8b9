/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscalegate.h: whether anything is sent at all: how troubles of the network and the service, which are nobody's frame's
 * fault, stop all uploads for a while, and what the bus is told of them.
 *
 * Failures in a row (FAILURES_OF_AN_OUTAGE) close the gate for growing pauses; a key, project or address that is not accepted
 * closes it for minutes (a halt), and so do several refusals in a row. Several uploads are under way at a time, and all meet the
 * same trouble: what began before the gate was closed tells nothing new, and is not counted again.
 *
 * Of one thread, but for gst_scale_gate_describe(). Messages of the element:
 *   scale-upload-trouble (problem, retry-in (ns), halted): once at its beginning
 *   scale-upload-resumed: it is over
 */
#pragma once

#include "scale-api.h"

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstScaleGate GstScaleGate;

/* element is borrowed. */
GstScaleGate *gst_scale_gate_new (GstElement *element, const gchar *project);
void gst_scale_gate_free (GstScaleGate *gate);

/* Monotonic time, in the past when it is open. */
gint64 gst_scale_gate_closed_until (const GstScaleGate *gate);
/* Whether the last thing that was heard is trouble: one upload at a time is enough to see whether it lasts. */
gboolean gst_scale_gate_is_in_trouble (const GstScaleGate *gate);

/* What became of an upload that began at a monotonic time; those that return a time return when to attempt that upload again,
 * in microseconds from now. */
void gst_scale_gate_accepted (GstScaleGate *gate);
gint64 gst_scale_gate_failed (GstScaleGate *gate, gint64 began, guint attempts, const ScaleReply *reply);
gint64 gst_scale_gate_halted (GstScaleGate *gate, gint64 began, const gchar *problem);
/* 0: it was the frame's own fault. */
gint64 gst_scale_gate_refused (GstScaleGate *gate, gint64 began, const gchar *problem);

/* Trouble that closes nothing. */
void gst_scale_gate_remember (GstScaleGate *gate, const gchar *problem);

/* Thread-safe: adds halted, last-problem. */
void gst_scale_gate_describe (GstScaleGate *gate, GstStructure *description);

G_END_DECLS
