/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetsettings.c: see gstdatasetsettings.h. */
#include "gstdatasetsettings.h"

#include <string.h>

#define DEFAULT_QUALITY 90
#define DEFAULT_QUEUE 8
#define DEFAULT_MIN_FREE (G_GUINT64_CONSTANT (1) << 30)

void
gst_dataset_settings_init (GstDatasetSettings *settings)
{
  *settings = (GstDatasetSettings) { .quality = DEFAULT_QUALITY, .queue = DEFAULT_QUEUE, .min_free = DEFAULT_MIN_FREE };
}

void
gst_dataset_settings_clear (GstDatasetSettings *settings)
{
  g_free (settings->location);
  g_free (settings->source);
  g_strfreev (settings->labels);
  g_free (settings->service);
  g_free (settings->project);
  *settings = (GstDatasetSettings) { NULL };
}

GstDatasetSettings
gst_dataset_settings_copy (const GstDatasetSettings *settings)
{
  GstDatasetSettings copy = *settings;

  copy.location = g_strdup (copy.location);
  copy.source = copy.source && *copy.source ? g_strdup (copy.source) : NULL;
  copy.labels = g_strdupv (copy.labels);
  copy.service = g_strdup (copy.service);
  copy.project = g_strdup (copy.project);
  return copy;
}

gboolean
gst_dataset_settings_check (const GstDatasetSettings *settings, GstElement *element, GError **error)
{
  if (settings->location == NULL || *settings->location == 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "%s has no folder: set location",
        GST_OBJECT_NAME (gst_element_get_factory (element)));
    return FALSE;
  }
  for (gchar **label = settings->labels; label && *label; label++) {
    const gchar *dot = strchr (*label, '.');

    if (dot == NULL || dot == *label || dot[1] == 0) {
      g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "\"%s\" names no label. Set labels to META.FIELD, "
          "such as GstPlazaTruth.people, separated by commas", *label);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
gst_dataset_settings_set (GstDatasetSettings *set, guint id, const GValue *value)
{
  switch (id) {
    case GST_DATASET_PROP_LOCATION:
      g_free (set->location);
      set->location = g_value_dup_string (value);
      return TRUE;
    case GST_DATASET_PROP_SOURCE:
      g_free (set->source);
      set->source = g_value_dup_string (value);
      return TRUE;
    case GST_DATASET_PROP_INTERVAL:
      set->interval = g_value_get_uint64 (value);
      return TRUE;
    case GST_DATASET_PROP_QUALITY:
      set->quality = g_value_get_int (value);
      return TRUE;
    case GST_DATASET_PROP_MAX_QUEUE:
      set->queue = g_value_get_uint (value);
      return TRUE;
    case GST_DATASET_PROP_LABELS:
      g_strfreev (set->labels);
      set->labels = g_value_get_string (value) ? g_strsplit (g_value_get_string (value), ",", -1) : NULL;
      return TRUE;
    case GST_DATASET_PROP_EMBEDDINGS:
      set->embeddings = g_value_get_boolean (value);
      return TRUE;
    case GST_DATASET_PROP_KEEP_CORRUPTED:
      set->keep_corrupted = g_value_get_boolean (value);
      return TRUE;
    case GST_DATASET_PROP_MIN_FREE:
      set->min_free = g_value_get_uint64 (value);
      return TRUE;
    case GST_DATASET_PROP_MAX_AGE:
      set->limits.max_age = (gint64) MIN (g_value_get_uint64 (value), G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC;
      return TRUE;
    case GST_DATASET_PROP_MAX_FRAMES:
      set->limits.max_frames = g_value_get_uint64 (value);
      return TRUE;
    case GST_DATASET_PROP_MAX_BYTES:
      set->limits.max_bytes = g_value_get_uint64 (value);
      return TRUE;
    default:
      return FALSE;
  }
}

gboolean
gst_dataset_settings_get (const GstDatasetSettings *set, guint id, GValue *value)
{
  switch (id) {
    case GST_DATASET_PROP_LOCATION:
      g_value_set_string (value, set->location);
      return TRUE;
    case GST_DATASET_PROP_SOURCE:
      g_value_set_string (value, set->source);
      return TRUE;
    case GST_DATASET_PROP_INTERVAL:
      g_value_set_uint64 (value, set->interval);
      return TRUE;
    case GST_DATASET_PROP_QUALITY:
      g_value_set_int (value, set->quality);
      return TRUE;
    case GST_DATASET_PROP_MAX_QUEUE:
      g_value_set_uint (value, set->queue);
      return TRUE;
    case GST_DATASET_PROP_LABELS:
      g_value_take_string (value, set->labels ? g_strjoinv (",", set->labels) : NULL);
      return TRUE;
    case GST_DATASET_PROP_EMBEDDINGS:
      g_value_set_boolean (value, set->embeddings);
      return TRUE;
    case GST_DATASET_PROP_KEEP_CORRUPTED:
      g_value_set_boolean (value, set->keep_corrupted);
      return TRUE;
    case GST_DATASET_PROP_MIN_FREE:
      g_value_set_uint64 (value, set->min_free);
      return TRUE;
    case GST_DATASET_PROP_MAX_AGE:
      g_value_set_uint64 (value, (guint64) (set->limits.max_age / G_USEC_PER_SEC));
      return TRUE;
    case GST_DATASET_PROP_MAX_FRAMES:
      g_value_set_uint64 (value, set->limits.max_frames);
      return TRUE;
    case GST_DATASET_PROP_MAX_BYTES:
      g_value_set_uint64 (value, set->limits.max_bytes);
      return TRUE;
    default:
      return FALSE;
  }
}

#define AT_REST (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

void
gst_dataset_settings_install (GObjectClass *class)
{
  g_object_class_install_property (class, GST_DATASET_PROP_LOCATION, g_param_spec_string ("location", "Location",
          "The dataset's folder; it is made where there is none", NULL, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_SOURCE, g_param_spec_string ("source", "Source",
          "Name of the camera; without it what the frames say, else the element's name", NULL, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_INTERVAL, g_param_spec_uint64 ("interval", "Interval",
          "Nanoseconds of stream between two frames that are kept; 0: all", 0, G_MAXINT64, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (class, GST_DATASET_PROP_QUALITY, g_param_spec_int ("quality", "Quality",
          "Of the JPEG that raw video becomes", 1, 100, DEFAULT_QUALITY, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_MAX_QUEUE, g_param_spec_uint ("max-queue", "Queue",
          "Frames that may wait to be stored", 1, 1000, DEFAULT_QUEUE, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_LABELS, g_param_spec_string ("labels", "Labels",
          "META.FIELD of custom metas to keep as labels, separated by commas; the field names the task", NULL, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_EMBEDDINGS, g_param_spec_boolean ("embeddings", "Embeddings",
          "Keep the embedding that mae-encoder gave a frame", FALSE, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_KEEP_CORRUPTED, g_param_spec_boolean ("keep-corrupted",
          "Keep corrupted", "Keep frames that the decoder says are damaged, too", FALSE, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_MIN_FREE, g_param_spec_uint64 ("min-free", "Smallest free space",
          "Bytes that are left free on the disk: with less, storing pauses", 0, G_MAXUINT64, DEFAULT_MIN_FREE, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_MAX_AGE, g_param_spec_uint64 ("max-age", "Largest age",
          "Seconds after which an image without a label is deleted; 0: never", 0, G_MAXINT64, 0, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_MAX_FRAMES, g_param_spec_uint64 ("max-frames", "Most frames",
          "Images to keep; the oldest without a label go first; 0: all", 0, G_MAXUINT64, 0, AT_REST));
  g_object_class_install_property (class, GST_DATASET_PROP_MAX_BYTES, g_param_spec_uint64 ("max-bytes", "Most bytes",
          "Bytes of images to keep; the oldest without a label go first; 0: all", 0, G_MAXUINT64, 0, AT_REST));
}
