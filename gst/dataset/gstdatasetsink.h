/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetsink.h: the element dataset-sink, see gstdatasetsink.c. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_DATASET_SINK (gst_dataset_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstDatasetSink, gst_dataset_sink, GST, DATASET_SINK, GstElement)

GST_ELEMENT_REGISTER_DECLARE (dataset_sink);

G_END_DECLS
