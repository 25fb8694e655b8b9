/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstpredictionmessage.h: predictions as structures and as the bus message `head-prediction`. */
#pragma once

#include "gst/lib/gstheadpredictionsmeta.h"

G_BEGIN_DECLS

/* "head-predictions": one field per head, as in the meta. The caller frees it. */
GstStructure *gst_predictions_describe (const GstHeadPrediction *predictions, guint n);

/* For a frame with times as on the bus: nanoseconds or GST_CLOCK_TIME_NONE. model_id may be NULL; predictions is
 * copied. */
GstMessage *gst_predictions_message_new (GstObject *source, GstBuffer *frame, const GstSegment *segment,
    const gchar *model_id, const GstStructure *predictions);

G_END_DECLS
