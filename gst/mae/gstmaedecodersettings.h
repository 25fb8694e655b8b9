/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaedecodersettings.h: the properties of mae-decoder as a plain struct: declared, written and read in one place.
 * The owner locks.
 */
#pragma once

#include <gst/gst.h>

#include "models/gh-encoder.h"

G_BEGIN_DECLS

typedef enum {
  GST_MAE_DECODER_ORIGINAL = 1 << 0,
  GST_MAE_DECODER_MASKED = 1 << 1,
  GST_MAE_DECODER_COMPLETED = 1 << 2,
} GstMaeDecoderPanels;

typedef enum {
  GST_MAE_DECODER_CHANGING,
  GST_MAE_DECODER_FIXED,
} GstMaeDecoderMaskMode;

typedef struct {
  gchar *model;                 /* never empty */
  GhDevice device;
  GhPrecision precision;
  guint threads;
  gdouble mask_ratio;           /* negative: the model's */
  GstMaeDecoderMaskMode mask_mode;
  guint64 seed;
  guint panels;                 /* GstMaeDecoderPanels */
} GstMaeDecoderSettings;

/* Property ids from 1 to below this one are taken. */
#define GST_MAE_DECODER_N_SETTINGS 9

void gst_mae_decoder_settings_install (GObjectClass *object_class);
void gst_mae_decoder_settings_init (GstMaeDecoderSettings *settings);
void gst_mae_decoder_settings_clear (GstMaeDecoderSettings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstMaeDecoderSettings, gst_mae_decoder_settings_clear)
GstMaeDecoderSettings gst_mae_decoder_settings_copy (const GstMaeDecoderSettings *settings);

/* FALSE: the id is none of these. */
gboolean gst_mae_decoder_settings_set (GstMaeDecoderSettings *settings, guint id, const GValue *value);
gboolean gst_mae_decoder_settings_get (const GstMaeDecoderSettings *settings, guint id, GValue *value);

G_END_DECLS
