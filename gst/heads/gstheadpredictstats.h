/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadpredictstats.h: what head-predict counts. The owner locks. */
#pragma once

#include "gst/common/gsttimingwindow.h"

G_BEGIN_DECLS

typedef struct {
  guint64 frames, predicted, without_embedding, mismatched, not_finite, unlike;
  GstTimingWindow times;
  GstStructure *last;           /* the last predictions */
} GstHeadPredictStats;

/* To nothing counted; frees what it holds. */
void gst_head_predict_stats_clear (GstHeadPredictStats *stats);
/* As the property `stats` says it; reloads and refused_reloads are the slot's. The caller frees it. */
GstStructure *gst_head_predict_stats_describe (GstHeadPredictStats *stats, guint64 reloads, guint64 refused_reloads);

G_END_DECLS
