/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadpredictionsmeta.h: what the heads said about a frame.
 *
 * A GstCustomMeta named "GstHeadPredictions" (empty tag list). Its structure holds one field per head, named by the
 * head, each a GstStructure "head-prediction" with: kind (string: scalar, count, time, class), value (double), unit
 * (string), text (string), confidence (double, only where it means something), head-id, model-id (strings).
 *
 * Every function may be called from any thread; a buffer is handled under GStreamer's usual rules (only a writable
 * one is changed, and by one thread).
 */
#pragma once

#include "heads-prelude.h"

G_BEGIN_DECLS

#define GST_HEAD_PREDICTIONS_META_NAME "GstHeadPredictions"

typedef struct _GstHeadPrediction GstHeadPrediction;

/**
 * GstHeadPrediction:
 * @name: the head's name (its task): letters, digits, '-', '_'
 * @kind: "scalar", "count", "time" or "class"
 * @value: the number; minute of the day for time; class index for class
 * @confidence: 0..1, or NAN where it means nothing
 * @unit: "" when none
 * @text: as a person reads it
 * @head_id: 16 hex digits of the head file
 * @model_id: 16 hex digits of the encoder file
 *
 * One prediction. As filled by gst_buffer_get_head_prediction() it is a borrowed view: its strings are those of the
 * meta, valid as long as the buffer holds it, and nothing is freed.
 *
 * Since: 0.1
 */
struct _GstHeadPrediction {
  const gchar *name;
  const gchar *kind;
  gdouble value;
  gdouble confidence;
  const gchar *unit;
  const gchar *text;
  const gchar *head_id;
  const gchar *model_id;
};

GST_HEADS_API
GstStructure *gst_head_prediction_to_structure (const GstHeadPrediction *prediction);

GST_HEADS_API
void gst_head_predictions_meta_register (void);

GST_HEADS_API
gboolean gst_buffer_add_head_prediction (GstBuffer *buffer, const GstHeadPrediction *prediction);
GST_HEADS_API
guint gst_buffer_n_head_predictions (GstBuffer *buffer);
GST_HEADS_API
gboolean gst_buffer_nth_head_prediction (GstBuffer *buffer, guint n, GstHeadPrediction *prediction);
GST_HEADS_API
gboolean gst_buffer_get_head_prediction (GstBuffer *buffer, const gchar *name, GstHeadPrediction *prediction);

G_END_DECLS
