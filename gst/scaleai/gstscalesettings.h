/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscalesettings.h: what scale-uploader can be told beyond what every element that keeps frames can be told
 * (gst/dataset/gstdatasetsettings.h), as properties with the ids after those.
 */
#pragma once

#include "gstscaleselection.h"

#include "gst/dataset/gstdatasetsettings.h"

G_BEGIN_DECLS

/* "scale" and "nucleus" */
enum { GST_SCALE_API_LABELING, GST_SCALE_API_NUCLEUS };

#define GST_TYPE_SCALE_API (gst_scale_api_get_type ())
GType gst_scale_api_get_type (void);

enum {
  GST_SCALE_PROP_PROJECT = GST_DATASET_N_PROPS, GST_SCALE_PROP_API, GST_SCALE_PROP_BASE_URL,
  GST_SCALE_PROP_KEY_FILE, GST_SCALE_PROP_CA_FILE, GST_SCALE_PROP_USER_AGENT, GST_SCALE_PROP_TIMEOUT,
  GST_SCALE_PROP_IN_FLIGHT, GST_SCALE_PROP_BATCH_FRAMES, GST_SCALE_PROP_BATCH_TIME, GST_SCALE_PROP_RETRY_REFUSED,
  GST_SCALE_PROP_DRAIN_TIME, GST_SCALE_PROP_MAX_TASKS, GST_SCALE_PROP_TASK_TYPE, GST_SCALE_PROP_GEOMETRIES_FILE,
  GST_SCALE_PROP_BATCH_TASKS, GST_SCALE_PROP_FINALIZE, GST_SCALE_PROP_CONFIRM_LIVE, GST_SCALE_PROP_SELECT,
  GST_SCALE_PROP_SELECT_INTERVAL, GST_SCALE_PROP_BUDGET, GST_SCALE_PROP_KEEP_ALL, GST_SCALE_N_PROPS
};

typedef struct {
  gchar *project, *base_url, *key_file, *ca_file, *user_agent;
  gint api;                     /* GST_SCALE_API_* */
  guint64 timeout, batch_time, drain_time;      /* nanoseconds */
  guint in_flight, batch_frames;
  gboolean retry_refused;
  gchar *task_type, *geometries_file;
  guint max_tasks, batch_tasks;
  gboolean finalize, confirm_live;
  GstScaleSelectionSettings selected;
  gboolean keep_all;
} GstScaleSettings;

void gst_scale_settings_init (GstScaleSettings *settings);
void gst_scale_settings_clear (GstScaleSettings *settings);

void gst_scale_settings_install (GObjectClass *class);
/* FALSE: the id is not one of these. The caller holds the lock that guards the settings. */
gboolean gst_scale_settings_set (GstScaleSettings *settings, guint id, const GValue *value);
gboolean gst_scale_settings_get (const GstScaleSettings *settings, guint id, GValue *value);

G_END_DECLS
