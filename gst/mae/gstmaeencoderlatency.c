/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeencoderlatency.c: the time mae-encoder takes: what it tells the pipeline, and which frames it lets pass because
 * they come too late, or too soon after the last. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeencoderprivate.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mae_encoder_debug);
#define GST_CAT_DEFAULT gst_mae_encoder_debug

/* Who allows more lateness than this wants none to count; keeps sums in range. */
#define MAX_LATENESS (24 * 60 * 60 * GST_SECOND)

/* So many encodings make a percentile worth changing the pipeline's latency for. */
#define LATENCY_SAMPLES 16

void
gst_mae_encoder_reset_pace (GstMaeEncoder *self)
{
  gst_interval_reset (&self->pace);
  gst_lateness_reset (&self->lateness);
  g_atomic_int_set (&self->ask_latency, TRUE);
}

/* ---- latency --------------------------------------------------------------------------------------- */

void
gst_mae_encoder_add_latency (GstMaeEncoder *self, GstQuery *query)
{
  GstClockTime min, max, own;
  gboolean live;

  gst_query_parse_latency (query, &live, &min, &max);
  if (!live)
    return;
  GST_OBJECT_LOCK (self);
  own = self->latency + self->hold + (self->settings.max_lateness <= MAX_LATENESS ? self->settings.max_lateness : 0);
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self, "adding %" GST_TIME_FORMAT " of latency", GST_TIME_ARGS (own));
  gst_query_set_latency (query, TRUE, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
}

void
gst_mae_encoder_take_latency (GstMaeEncoder *self, GstEvent *event)
{
  GstClockTime latency;

  gst_event_parse_latency (event, &latency);
  GST_OBJECT_LOCK (self);
  self->pipeline_latency = latency;
  GST_OBJECT_UNLOCK (self);
  g_atomic_int_set (&self->ask_latency, TRUE);
}

gboolean
gst_mae_encoder_latency_grew (GstMaeEncoder *self, GstClockTime last)
{
  GstClockTime usual;

  if (!self->live || last <= self->latency || self->stats.times.count < LATENCY_SAMPLES)
    return FALSE;
  usual = gst_timing_window_percentile (&self->stats.times, 0.95);
  if (usual <= self->latency + self->latency / 10)
    return FALSE;
  self->latency = usual;
  return TRUE;
}

static void
ask_upstream_latency (GstMaeEncoder *self)
{
  GstQuery *query = gst_query_new_latency ();

  self->live = FALSE;
  self->upstream_latency = 0;
  if (gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    gst_query_parse_latency (query, &self->live, &self->upstream_latency, NULL);
  gst_query_unref (query);
  GST_DEBUG_OBJECT (self, "upstream is %slive, latency %" GST_TIME_FORMAT, self->live ? "" : "not ",
      GST_TIME_ARGS (self->upstream_latency));
}

/* Lag up to which a frame is on time by what the pipeline has announced: it comes from upstream no later than promised,
 * or leaves us early enough for the sink all the same. */
static GstClockTime
announced_lag (GstMaeEncoder *self)
{
  GstClockTime lag = self->upstream_latency;

  GST_OBJECT_LOCK (self);
  lag += self->settings.max_lateness;
  if (self->pipeline_latency > lag + self->latency + self->hold)
    lag = self->pipeline_latency - self->latency - self->hold;
  GST_OBJECT_UNLOCK (self);
  return lag;
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static gboolean
is_late (GstMaeEncoder *self, GstClockTime running_time, GstClockTime max_lateness)
{
  GstClockTime now;

  if (g_atomic_int_compare_and_exchange (&self->ask_latency, TRUE, FALSE))
    ask_upstream_latency (self);
  if (!self->live || !GST_CLOCK_TIME_IS_VALID (running_time) || max_lateness > MAX_LATENESS)
    return FALSE;
  now = gst_element_get_current_running_time (GST_ELEMENT (self));
  return GST_CLOCK_TIME_IS_VALID (now)
      && gst_lateness_is_late (&self->lateness, now, running_time, announced_lag (self), max_lateness);
}

GstMaeVerdict
gst_mae_encoder_judge (GstMaeEncoder *self, GstBuffer *frame)
{
  GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstClockTime running_time = GST_CLOCK_TIME_NONE, interval, max_lateness, slack;
  gboolean late;

  if (segment->format == GST_FORMAT_TIME)
    running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));
  slack = GST_BUFFER_DURATION_IS_VALID (frame) ? GST_BUFFER_DURATION (frame) / 2 : 0;
  GST_OBJECT_LOCK (self);
  interval = self->settings.interval;
  max_lateness = self->settings.max_lateness;
  GST_OBJECT_UNLOCK (self);

  late = is_late (self, running_time, max_lateness);    /* learns from every frame, due or not */
  if (!gst_interval_is_due (&self->pace, running_time, interval, slack))
    return GST_MAE_SKIP_INTERVAL;
  if (late)
    return GST_MAE_SKIP_LATE;
  gst_interval_take (&self->pace, running_time, interval);
  return GST_MAE_ENCODE;
}
