/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainer.h: the element mae-trainer; its documentation stands in gstmaetrainer.c. */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_MAE_TRAINER (gst_mae_trainer_get_type ())
G_DECLARE_FINAL_TYPE (GstMaeTrainer, gst_mae_trainer, GST, MAE_TRAINER, GstBaseSink)

GST_ELEMENT_REGISTER_DECLARE (mae_trainer);

G_END_DECLS
