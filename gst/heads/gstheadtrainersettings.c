/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadtrainersettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadtrainersettings.h"

#include <string.h>

enum
{
  PROP_0,
  PROP_LOCATION,
  PROP_TASK,
  PROP_KIND,
  PROP_UNIT,
  PROP_LABEL,
  PROP_LABELS,
  PROP_LABEL_COLUMN,
  PROP_KEY_COLUMN,
  PROP_KEY,
  PROP_MAX_LABELS,
  PROP_RETRAIN_EVERY,
  PROP_INTERVAL,
  PROP_GROUP_DURATION,
  PROP_MLP,
  PROP_SEED,
  PROP_THREADS,
  N_SETTINGS
};

G_STATIC_ASSERT (N_SETTINGS == GST_HEAD_TRAINER_N_SETTINGS);

#define DEFAULT_KIND GH_HEAD_SCALAR
#define DEFAULT_KEY GST_LABEL_KEY_FRAME
#define DEFAULT_MLP TRUE

#define TYPE_KIND (kind_get_type ())
static GType
kind_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GH_HEAD_SCALAR, "A number", "scalar"},
    {GH_HEAD_COUNT, "A number that is never negative", "count"},
    {GH_HEAD_TIME, "A time of day, in minutes or as HH:MM", "time"},
    {GH_HEAD_CLASS, "One of several names", "class"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstHeadTrainerKind", values));
  return type;
}

void
gst_head_trainer_settings_install (GObjectClass *object_class)
{
  GParamSpec *properties[N_SETTINGS] = { NULL };
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;
  const GParamFlags playing = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  properties[PROP_LOCATION] = g_param_spec_string ("location", "Location",
      "Head file to write; whoever reads it meanwhile sees the old or the new one, never a part", NULL, playing);
  properties[PROP_TASK] = g_param_spec_string ("task", "Task",
      "Name of the head; the field's or the column's when it is not set", NULL, ready);
  properties[PROP_KIND] = g_param_spec_enum ("kind", "Kind", "What is predicted", TYPE_KIND, DEFAULT_KIND, ready);
  properties[PROP_UNIT] = g_param_spec_string ("unit", "Unit", "Unit of scalars and counts, such as people", NULL,
      ready);
  properties[PROP_LABEL] = g_param_spec_string ("label", "Label",
      "Where each frame carries its label: a custom meta and its field, as in GstPlazaTruth.people", NULL, ready);
  properties[PROP_LABELS] = g_param_spec_string ("labels", "Labels",
      "CSV file of labels, with a line of column names, instead of a meta", NULL, ready);
  properties[PROP_LABEL_COLUMN] = g_param_spec_string ("label-column", "Label column",
      "Column of the labels in that file", NULL, ready);
  properties[PROP_KEY_COLUMN] = g_param_spec_string ("key-column", "Key column",
      "Column that says which frame a row is for; without it, row n is for frame n", NULL, ready);
  properties[PROP_KEY] = g_param_spec_enum ("key", "Key", "What the key column holds", GST_TYPE_LABEL_KEY, DEFAULT_KEY,
      ready);
  properties[PROP_MAX_LABELS] = g_param_spec_uint ("max-labels", "Max labels",
      "Labels kept; when there are more, the oldest are forgotten (0 = all are kept)", 0, G_MAXINT, 0, playing);
  properties[PROP_RETRAIN_EVERY] = g_param_spec_uint ("retrain-every", "Retrain every",
      "Train whenever so many labels are new, beside the stream (0 = only at its end)", 0, G_MAXINT, 0, playing);
  properties[PROP_INTERVAL] = g_param_spec_uint64 ("interval", "Interval",
      "Nanoseconds of running time from one label taken to the next (0 = every one)", 0, G_MAXINT64, 0, playing);
  properties[PROP_GROUP_DURATION] = g_param_spec_uint64 ("group-duration", "Group duration",
      "Nanoseconds of running time whose labels are held out together when the error is measured (0 = each by itself)",
      0, G_MAXINT64, 0, playing);
  properties[PROP_MLP] = g_param_spec_boolean ("mlp", "MLP",
      "With more than 1000 labels, let small networks compete with a ridge", DEFAULT_MLP, playing);
  properties[PROP_SEED] = g_param_spec_uint64 ("seed", "Seed",
      "Where the random numbers start; the same labels and seed give the same head", 0, G_MAXUINT64, 0, playing);
  properties[PROP_THREADS] = g_param_spec_uint ("threads", "Threads",
      "Threads that train (0 = GST_HEADS_THREADS from the environment, else one per processor)", 0, 1024, 0, playing);
  g_object_class_install_properties (object_class, N_SETTINGS, properties);
  gst_type_mark_as_plugin_api (TYPE_KIND, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_LABEL_KEY, 0);
}

void
gst_head_trainer_settings_init (GstHeadTrainerSettings *s)
{
  *s = (GstHeadTrainerSettings) { .kind = DEFAULT_KIND, .key = DEFAULT_KEY, .mlp = DEFAULT_MLP };
}

void
gst_head_trainer_settings_clear (GstHeadTrainerSettings *s)
{
  g_free (s->location);
  g_free (s->task);
  g_free (s->unit);
  g_free (s->label);
  g_free (s->labels);
  g_free (s->label_column);
  g_free (s->key_column);
}

GstHeadTrainerSettings
gst_head_trainer_settings_copy (const GstHeadTrainerSettings *settings)
{
  GstHeadTrainerSettings s = *settings;

  s.location = g_strdup (s.location);
  s.task = g_strdup (s.task);
  s.unit = g_strdup (s.unit);
  s.label = g_strdup (s.label);
  s.labels = g_strdup (s.labels);
  s.label_column = g_strdup (s.label_column);
  s.key_column = g_strdup (s.key_column);
  return s;
}

/* The text property; NULL for others. */
static gchar **
text_setting (GstHeadTrainerSettings *s, guint id)
{
  switch (id) {
    case PROP_LOCATION:
      return &s->location;
    case PROP_TASK:
      return &s->task;
    case PROP_UNIT:
      return &s->unit;
    case PROP_LABEL:
      return &s->label;
    case PROP_LABELS:
      return &s->labels;
    case PROP_LABEL_COLUMN:
      return &s->label_column;
    case PROP_KEY_COLUMN:
      return &s->key_column;
    default:
      return NULL;
  }
}

static void
set_text (gchar **setting, const GValue *value)
{
  const gchar *text = g_value_get_string (value);

  g_free (*setting);
  *setting = text && *text ? g_strdup (text) : NULL;
}

gboolean
gst_head_trainer_settings_set (GstHeadTrainerSettings *s, guint id, const GValue *value)
{
  switch (id) {
    case PROP_KIND:
      s->kind = g_value_get_enum (value);
      break;
    case PROP_KEY:
      s->key = g_value_get_enum (value);
      break;
    case PROP_MAX_LABELS:
      s->max_labels = g_value_get_uint (value);
      break;
    case PROP_RETRAIN_EVERY:
      s->retrain_every = g_value_get_uint (value);
      break;
    case PROP_INTERVAL:
      s->interval = g_value_get_uint64 (value);
      break;
    case PROP_GROUP_DURATION:
      s->group_duration = g_value_get_uint64 (value);
      break;
    case PROP_MLP:
      s->mlp = g_value_get_boolean (value);
      break;
    case PROP_SEED:
      s->seed = g_value_get_uint64 (value);
      break;
    case PROP_THREADS:
      s->threads = g_value_get_uint (value);
      break;
    default:
      if (!text_setting (s, id))
        return FALSE;
      set_text (text_setting (s, id), value);
      break;
  }
  return TRUE;
}

gboolean
gst_head_trainer_settings_get (const GstHeadTrainerSettings *s, guint id, GValue *value)
{
  switch (id) {
    case PROP_KIND:
      g_value_set_enum (value, s->kind);
      break;
    case PROP_KEY:
      g_value_set_enum (value, s->key);
      break;
    case PROP_MAX_LABELS:
      g_value_set_uint (value, s->max_labels);
      break;
    case PROP_RETRAIN_EVERY:
      g_value_set_uint (value, s->retrain_every);
      break;
    case PROP_INTERVAL:
      g_value_set_uint64 (value, s->interval);
      break;
    case PROP_GROUP_DURATION:
      g_value_set_uint64 (value, s->group_duration);
      break;
    case PROP_MLP:
      g_value_set_boolean (value, s->mlp);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, s->seed);
      break;
    case PROP_THREADS:
      g_value_set_uint (value, s->threads);
      break;
    default:
      if (!text_setting ((GstHeadTrainerSettings *) s, id))
        return FALSE;
      g_value_set_string (value, *text_setting ((GstHeadTrainerSettings *) s, id));
      break;
  }
  return TRUE;
}

gchar *
gst_head_trainer_settings_dup_task (const GstHeadTrainerSettings *s)
{
  const gchar *dot = s->label ? strchr (s->label, '.') : NULL;

  return g_strdup (s->task ? s->task : dot ? dot + 1 : s->label_column);
}
