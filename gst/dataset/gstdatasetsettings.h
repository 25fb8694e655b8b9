/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstdatasetsettings.h: what an element that keeps frames can be told, as properties with the ids from 1 on; an element's
 * own come after.
 */
#pragma once

#include "catalogue.h"

#include <gst/gst.h>

G_BEGIN_DECLS

enum {
  GST_DATASET_PROP_LOCATION = 1, GST_DATASET_PROP_SOURCE, GST_DATASET_PROP_INTERVAL, GST_DATASET_PROP_QUALITY,
  GST_DATASET_PROP_MAX_QUEUE, GST_DATASET_PROP_LABELS, GST_DATASET_PROP_EMBEDDINGS, GST_DATASET_PROP_MIN_FREE,
  GST_DATASET_PROP_MAX_AGE, GST_DATASET_PROP_MAX_FRAMES, GST_DATASET_PROP_MAX_BYTES, GST_DATASET_PROP_KEEP_CORRUPTED,
  GST_DATASET_N_PROPS
};

typedef struct {
  gchar *location, *source;     /* source NULL: what the frames say, else the element's name */
  guint64 interval;             /* nanoseconds of stream between frames that are kept */
  gint quality;
  guint queue;                  /* frames that may wait */
  gchar **labels;               /* "META.FIELD" */
  gboolean embeddings;
  gboolean keep_corrupted;
  guint64 min_free;             /* bytes to leave free on the disk */
  CatalogueLimits limits;
  gchar *service, *project;     /* where frames are to be uploaded; NULL: nowhere */
} GstDatasetSettings;

void gst_dataset_settings_init (GstDatasetSettings *settings);
void gst_dataset_settings_clear (GstDatasetSettings *settings);
GstDatasetSettings gst_dataset_settings_copy (const GstDatasetSettings *settings);
/* Whether frames can be kept with them; the error, of GST_RESOURCE_ERROR_SETTINGS, names the property. */
gboolean gst_dataset_settings_check (const GstDatasetSettings *settings, GstElement *element, GError **error);

void gst_dataset_settings_install (GObjectClass *class);
/* FALSE: the id is not one of these. The caller holds the lock that guards the settings. */
gboolean gst_dataset_settings_set (GstDatasetSettings *settings, guint id, const GValue *value);
gboolean gst_dataset_settings_get (const GstDatasetSettings *settings, guint id, GValue *value);

G_END_DECLS
