/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetsrc.h: the element dataset-src. */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_DATASET_SRC (gst_dataset_src_get_type ())
G_DECLARE_FINAL_TYPE (GstDatasetSrc, gst_dataset_src, GST, DATASET_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (dataset_src);

G_END_DECLS
