/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscaleselection.h: which frames are worth a label. Labels cost money, and neighbouring frames say the same.
 *
 *   all          every one
 *   interval     one in so much time
 *   novelty      those whose embedding is the most unlike all that were chosen before (models/gh-novelty.h)
 *   uncertainty  those that the heads are least sure of: 1 - confidence where a head tells it (classes, times of day), and
 *                how far two heads of the same kind and unit are apart, as a part of what they say
 *
 * With a budget no more than that many are chosen in any 24 hours, also over restarts, and novelty and uncertainty choose the
 * best for it (models/gh-budget.h). What was uploaded before is read from the catalogue.
 *
 * Of the streaming thread.
 */
#pragma once

#include "gst/dataset/gstdatasetwriter.h"

G_BEGIN_DECLS

typedef enum {
  GST_SCALE_SELECT_ALL, GST_SCALE_SELECT_INTERVAL, GST_SCALE_SELECT_NOVELTY, GST_SCALE_SELECT_UNCERTAINTY
} GstScaleSelect;

#define GST_TYPE_SCALE_SELECT (gst_scale_select_get_type ())
GType gst_scale_select_get_type (void);

typedef struct {
  GstScaleSelect select;
  guint64 interval;             /* nanoseconds, of INTERVAL */
  guint budget;                 /* a day; 0: any number */
} GstScaleSelectionSettings;

typedef struct _GstScaleSelection GstScaleSelection;

/* writer is borrowed; to: where uploads of earlier runs went. NULL with an error of GST_RESOURCE_ERROR_SETTINGS. */
GstScaleSelection *gst_scale_selection_new (GstElement *element, GstDatasetWriter *writer, const CatalogueDestination *to,
    const GstScaleSelectionSettings *settings, GError **error);
void gst_scale_selection_free (GstScaleSelection *selection);

/* now: microseconds since 1970. A frame that says nothing of what is asked for is not chosen, and a warning tells once. */
gboolean gst_scale_selection_choose (GstScaleSelection *selection, GstBuffer *frame, gint64 now);

G_END_DECLS
