/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaeenums.h: the enumerations of models/ and kernels/ as GLib types, for the properties of this plugin. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Values are those of GhDevice. */
#define GST_TYPE_MAE_DEVICE (gst_mae_device_get_type ())
GType gst_mae_device_get_type (void);

/* Values are those of GhPrecision. */
#define GST_TYPE_MAE_PRECISION (gst_mae_precision_get_type ())
GType gst_mae_precision_get_type (void);

G_END_DECLS
