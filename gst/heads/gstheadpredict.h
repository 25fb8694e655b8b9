/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadpredict.h: the element head-predict, see the .c file. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_HEAD_PREDICT (gst_head_predict_get_type ())
G_DECLARE_FINAL_TYPE (GstHeadPredict, gst_head_predict, GST, HEAD_PREDICT, GstBaseTransform)
GST_ELEMENT_REGISTER_DECLARE (head_predict)

G_END_DECLS
