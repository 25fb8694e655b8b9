/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaestats.h: what mae-encoder's property `stats` tells: what runs, what became of the frames, how long it took.
 *
 * A plain struct without a lock; zero it before the first start. It keeps its numbers after the element has stopped.
 * Every frame is in exactly one of the counters beside `frames`.
 */
#pragma once

#include "gst/common/gsttimingwindow.h"
#include "models/gh-encoder.h"

G_BEGIN_DECLS

typedef struct {
  GstStructure *running;        /* device, precision, reason, model-id; NULL before the first start */
  guint64 frames, encoded, skipped_late, skipped_interval, unreadable;
  GstTimingWindow times;
} GstMaeStats;

/* From now on it is about this encoder. */
void gst_mae_stats_start (GstMaeStats *stats, const GhEncoder *encoder);
void gst_mae_stats_clear (GstMaeStats *stats);

void gst_mae_stats_encoded (GstMaeStats *stats, GstClockTime time);
/* counter: one of stats' own beside encoded. Returns whether it was the first. */
gboolean gst_mae_stats_passed (GstMaeStats *stats, guint64 *counter);

GstStructure *gst_mae_stats_describe (const GstMaeStats *stats);
/* NULL before the first start; owned by stats. */
const gchar *gst_mae_stats_model_id (const GstMaeStats *stats);

G_END_DECLS
