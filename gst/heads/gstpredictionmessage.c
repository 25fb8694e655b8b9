/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstpredictionmessage.c: what applications on the bus get to see of predictions.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstpredictionmessage.h"

GstStructure *
gst_predictions_describe (const GstHeadPrediction *predictions, guint n)
{
  GstStructure *all = gst_structure_new_empty ("head-predictions");

  for (guint i = 0; i < n; i++) {
    GValue value = G_VALUE_INIT;

    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value, gst_head_prediction_to_structure (&predictions[i]));
    gst_structure_take_value (all, predictions[i].name, &value);
  }
  return all;
}

GstMessage *
gst_predictions_message_new (GstObject *source, GstBuffer *frame, const GstSegment *segment, const gchar *model_id,
    const GstStructure *predictions)
{
  guint64 running_time = GST_CLOCK_TIME_NONE, stream_time = GST_CLOCK_TIME_NONE;

  if (segment->format == GST_FORMAT_TIME) {
    running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));
    stream_time = gst_segment_to_stream_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));
  }
  return gst_message_new_element (source, gst_structure_new ("head-prediction", "timestamp", G_TYPE_UINT64,
          GST_BUFFER_PTS (frame), "stream-time", G_TYPE_UINT64, stream_time, "running-time", G_TYPE_UINT64,
          running_time, "duration", G_TYPE_UINT64, GST_BUFFER_DURATION (frame), "model-id", G_TYPE_STRING,
          model_id ? model_id : "", "predictions", GST_TYPE_STRUCTURE, predictions, NULL));
}
