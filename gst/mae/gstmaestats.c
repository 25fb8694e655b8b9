/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaestats.c: counts and describes. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaestats.h"

void
gst_mae_stats_start (GstMaeStats *stats, const GhEncoder *encoder)
{
  gst_mae_stats_clear (stats);
  *stats = (GstMaeStats) { NULL };
  stats->running = gst_structure_new ("mae-encoder-stats",
      "device", G_TYPE_STRING, gh_encoder_device (encoder),
      "precision", G_TYPE_STRING, gh_encoder_precision (encoder),
      "reason", G_TYPE_STRING, gh_encoder_reason (encoder),
      "model-id", G_TYPE_STRING, gh_encoder_id (encoder), NULL);
}

void
gst_mae_stats_clear (GstMaeStats *stats)
{
  g_clear_pointer (&stats->running, gst_structure_free);
}

void
gst_mae_stats_encoded (GstMaeStats *stats, GstClockTime time)
{
  stats->frames++;
  stats->encoded++;
  gst_timing_window_add (&stats->times, time);
}

gboolean
gst_mae_stats_passed (GstMaeStats *stats, guint64 *counter)
{
  stats->frames++;
  return (*counter)++ == 0;
}

GstStructure *
gst_mae_stats_describe (const GstMaeStats *stats)
{
  GstStructure *description = stats->running ? gst_structure_copy (stats->running)
      : gst_structure_new_empty ("mae-encoder-stats");

  gst_structure_set (description,
      "frames", G_TYPE_UINT64, stats->frames,
      "encoded", G_TYPE_UINT64, stats->encoded,
      "skipped-late", G_TYPE_UINT64, stats->skipped_late,
      "skipped-interval", G_TYPE_UINT64, stats->skipped_interval,
      "unreadable", G_TYPE_UINT64, stats->unreadable, NULL);
  gst_timing_window_describe (&stats->times, description);
  return description;
}

const gchar *
gst_mae_stats_model_id (const GstMaeStats *stats)
{
  return stats->running ? gst_structure_get_string (stats->running, "model-id") : NULL;
}
