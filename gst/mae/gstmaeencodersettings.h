/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeencodersettings.h: the properties of mae-encoder as a plain struct: declared, written and read in one place.
 * The owner locks.
 */
#pragma once

#include <gst/gst.h>

#include "models/gh-encoder.h"

G_BEGIN_DECLS

typedef struct {
  gchar *model;                 /* never empty */
  GhDevice device;
  GhPrecision precision;
  guint threads;
  gboolean tokens;
  GstClockTime interval;
  GstClockTime max_lateness;
  gboolean overlap;
} GstMaeEncoderSettings;

/* Property ids from 1 to below this one are taken. */
#define GST_MAE_ENCODER_N_SETTINGS 9

void gst_mae_encoder_settings_install (GObjectClass *object_class);
void gst_mae_encoder_settings_init (GstMaeEncoderSettings *settings);
void gst_mae_encoder_settings_clear (GstMaeEncoderSettings *settings);

/* FALSE: the id is none of these. */
gboolean gst_mae_encoder_settings_set (GstMaeEncoderSettings *settings, guint id, const GValue *value);
gboolean gst_mae_encoder_settings_get (const GstMaeEncoderSettings *settings, guint id, GValue *value);

G_END_DECLS
