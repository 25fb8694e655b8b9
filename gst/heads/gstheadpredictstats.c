/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadpredictstats.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadpredictstats.h"

#include <string.h>

void
gst_head_predict_stats_clear (GstHeadPredictStats *stats)
{
  gst_clear_structure (&stats->last);
  memset (stats, 0, sizeof *stats);
}

GstStructure *
gst_head_predict_stats_describe (GstHeadPredictStats *stats, guint64 reloads, guint64 refused_reloads)
{
  GstStructure *all = gst_structure_new ("head-predict-stats", "frames", G_TYPE_UINT64, stats->frames, "predicted",
      G_TYPE_UINT64, stats->predicted, "without-embedding", G_TYPE_UINT64, stats->without_embedding,
      "mismatched", G_TYPE_UINT64, stats->mismatched, "not-finite", G_TYPE_UINT64, stats->not_finite,
      "unlike", G_TYPE_UINT64, stats->unlike, "reloads", G_TYPE_UINT64, reloads,
      "refused-reloads", G_TYPE_UINT64, refused_reloads, NULL);

  gst_timing_window_describe (&stats->times, all);
  if (stats->last)
    gst_structure_set (all, "last", GST_TYPE_STRUCTURE, stats->last, NULL);
  return all;
}
