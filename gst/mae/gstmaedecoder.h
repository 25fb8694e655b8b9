/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaedecoder.h: the element mae-decoder; its documentation stands in gstmaedecoder.c. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_MAE_DECODER (gst_mae_decoder_get_type ())
G_DECLARE_FINAL_TYPE (GstMaeDecoder, gst_mae_decoder, GST, MAE_DECODER, GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (mae_decoder);

G_END_DECLS
