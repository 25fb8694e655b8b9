/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaetrainersettings.h: the properties of mae-trainer as a plain struct: declared, written and read by one table.
 * The owner locks.
 */
#pragma once

#include <gst/gst.h>

#include "models/gh-mae-trainer.h"

G_BEGIN_DECLS

typedef enum {
  GST_MAE_TRAINER_AUTO,         /* live where upstream is */
  GST_MAE_TRAINER_RECORDED,     /* collects until the end of the stream, then trains */
  GST_MAE_TRAINER_LIVE,         /* trains while frames come */
} GstMaeTrainerMode;

typedef struct {
  gchar *config, *model, *checkpoint, *location, *record;       /* never empty; NULL when not set */
  GhMaeTrainOptions options;    /* but for warmup */
  gint64 warmup;                /* negative: a part of the steps */
  GstMaeTrainerMode mode;
  guint buffer_size, start_after;
  GstClockTime checkpoint_interval, interval;
  gboolean decoder, bfloat16;   /* of the file at location */
  gboolean parallel;
} GstMaeTrainerSettings;

void gst_mae_trainer_settings_init (GstMaeTrainerSettings *settings);
void gst_mae_trainer_settings_clear (GstMaeTrainerSettings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstMaeTrainerSettings, gst_mae_trainer_settings_clear)
GstMaeTrainerSettings gst_mae_trainer_settings_copy (const GstMaeTrainerSettings *settings);

/* What models/ takes, warm-up included. */
GhMaeTrainOptions gst_mae_trainer_settings_options (const GstMaeTrainerSettings *settings);

/* Installs them with the ids 1 and on; returns the first id that is free. */
guint gst_mae_trainer_settings_install (GObjectClass *object_class);
/* FALSE: the id is none of these. */
gboolean gst_mae_trainer_settings_set (GstMaeTrainerSettings *settings, guint id, const GValue *value);
gboolean gst_mae_trainer_settings_get (const GstMaeTrainerSettings *settings, guint id, GValue *value);

G_END_DECLS
