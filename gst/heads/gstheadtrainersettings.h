/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadtrainersettings.h: the properties of head-trainer as a plain struct: declared, written and read in one place.
 * The owner locks.
 */
#pragma once

#include "gstlabelsource.h"

G_BEGIN_DECLS

typedef struct {
  gchar *location, *task, *unit, *label, *labels, *label_column, *key_column;   /* never empty; NULL when not set */
  GhHeadKind kind;
  GstLabelKey key;
  guint max_labels, retrain_every, threads;
  GstClockTime interval, group_duration;
  gboolean mlp;
  guint64 seed;
} GstHeadTrainerSettings;

/* Property ids from 1 to below this one are taken. */
#define GST_HEAD_TRAINER_N_SETTINGS 17

void gst_head_trainer_settings_install (GObjectClass *object_class);
void gst_head_trainer_settings_init (GstHeadTrainerSettings *settings);
void gst_head_trainer_settings_clear (GstHeadTrainerSettings *settings);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GstHeadTrainerSettings, gst_head_trainer_settings_clear)
GstHeadTrainerSettings gst_head_trainer_settings_copy (const GstHeadTrainerSettings *settings);

/* FALSE: the id is none of these. */
gboolean gst_head_trainer_settings_set (GstHeadTrainerSettings *settings, guint id, const GValue *value);
gboolean gst_head_trainer_settings_get (const GstHeadTrainerSettings *settings, guint id, GValue *value);

/* The task's name: the property, else the field's or the column's. */
gchar *gst_head_trainer_settings_dup_task (const GstHeadTrainerSettings *settings);

G_END_DECLS
