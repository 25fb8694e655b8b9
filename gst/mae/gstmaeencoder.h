/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeencoder.h: the element mae-encoder; its documentation stands in gstmaeencoder.c. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_MAE_ENCODER (gst_mae_encoder_get_type ())
G_DECLARE_FINAL_TYPE (GstMaeEncoder, gst_mae_encoder, GST, MAE_ENCODER, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (mae_encoder);

G_END_DECLS
