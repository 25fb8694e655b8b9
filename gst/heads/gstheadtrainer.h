/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadtrainer.h: the element head-trainer, see the .c file. */
#pragma once

#include <gst/base/gstbasesink.h>

G_BEGIN_DECLS

#define GST_TYPE_HEAD_TRAINER (gst_head_trainer_get_type ())
G_DECLARE_FINAL_TYPE (GstHeadTrainer, gst_head_trainer, GST, HEAD_TRAINER, GstBaseSink)
GST_ELEMENT_REGISTER_DECLARE (head_trainer)

G_END_DECLS
