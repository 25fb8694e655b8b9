/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscalesettings.c: see gstscalesettings.h. */
#include "gstscalesettings.h"

#define DEFAULT_IN_FLIGHT 2
#define DEFAULT_BATCH_FRAMES 1
#define DEFAULT_BATCH_TIME (60 * GST_SECOND)
#define DEFAULT_TIMEOUT (90 * GST_SECOND)
#define DEFAULT_SELECT_INTERVAL (600 * GST_SECOND)
#define DEFAULT_TASK_TYPE "imageannotation"
#define DEFAULT_BATCH_TASKS 20
#define DEFAULT_DRAIN_TIME (60 * GST_SECOND)

GType
gst_scale_api_get_type (void)
{
  static const GEnumValue values[] = {
    { GST_SCALE_API_LABELING, "Files of a project of the labeling API", "scale" },
    { GST_SCALE_API_NUCLEUS, "Items of a dataset of Nucleus", "nucleus" },
    { 0, NULL, NULL }
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstScaleApi", values));
  return (GType) type;
}

void
gst_scale_settings_init (GstScaleSettings *set)
{
  *set = (GstScaleSettings) { .timeout = DEFAULT_TIMEOUT, .in_flight = DEFAULT_IN_FLIGHT, .batch_frames = DEFAULT_BATCH_FRAMES,
    .batch_time = DEFAULT_BATCH_TIME, .drain_time = DEFAULT_DRAIN_TIME, .task_type = g_strdup (DEFAULT_TASK_TYPE),
    .batch_tasks = DEFAULT_BATCH_TASKS, .selected.interval = DEFAULT_SELECT_INTERVAL };
}

void
gst_scale_settings_clear (GstScaleSettings *set)
{
  g_free (set->project);
  g_free (set->base_url);
  g_free (set->key_file);
  g_free (set->ca_file);
  g_free (set->user_agent);
  g_free (set->task_type);
  g_free (set->geometries_file);
  *set = (GstScaleSettings) { NULL };
}

/* ---- values -------------------------------------------------------------------------------------------------------------- */

static void
set_string (gchar **string, const GValue *value)
{
  g_free (*string);
  *string = g_value_dup_string (value);
}

static gboolean
set_selection (GstScaleSettings *set, guint id, const GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_SELECT:
      set->selected.select = g_value_get_enum (value);
      return TRUE;
    case GST_SCALE_PROP_SELECT_INTERVAL:
      set->selected.interval = g_value_get_uint64 (value);
      return TRUE;
    case GST_SCALE_PROP_BUDGET:
      set->selected.budget = g_value_get_uint (value);
      return TRUE;
    case GST_SCALE_PROP_KEEP_ALL:
      set->keep_all = g_value_get_boolean (value);
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
get_selection (const GstScaleSettings *set, guint id, GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_SELECT:
      g_value_set_enum (value, set->selected.select);
      return TRUE;
    case GST_SCALE_PROP_SELECT_INTERVAL:
      g_value_set_uint64 (value, set->selected.interval);
      return TRUE;
    case GST_SCALE_PROP_BUDGET:
      g_value_set_uint (value, set->selected.budget);
      return TRUE;
    case GST_SCALE_PROP_KEEP_ALL:
      g_value_set_boolean (value, set->keep_all);
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
set_of_tasks (GstScaleSettings *set, guint id, const GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_MAX_TASKS:
      set->max_tasks = g_value_get_uint (value);
      return TRUE;
    case GST_SCALE_PROP_TASK_TYPE:
      set_string (&set->task_type, value);
      return TRUE;
    case GST_SCALE_PROP_GEOMETRIES_FILE:
      set_string (&set->geometries_file, value);
      return TRUE;
    case GST_SCALE_PROP_BATCH_TASKS:
      set->batch_tasks = g_value_get_uint (value);
      return TRUE;
    case GST_SCALE_PROP_FINALIZE:
      set->finalize = g_value_get_boolean (value);
      return TRUE;
    case GST_SCALE_PROP_CONFIRM_LIVE:
      set->confirm_live = g_value_get_boolean (value);
      return TRUE;
    default:
      return set_selection (set, id, value);
  }
}

static gboolean
get_of_tasks (const GstScaleSettings *set, guint id, GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_MAX_TASKS:
      g_value_set_uint (value, set->max_tasks);
      return TRUE;
    case GST_SCALE_PROP_TASK_TYPE:
      g_value_set_string (value, set->task_type);
      return TRUE;
    case GST_SCALE_PROP_GEOMETRIES_FILE:
      g_value_set_string (value, set->geometries_file);
      return TRUE;
    case GST_SCALE_PROP_BATCH_TASKS:
      g_value_set_uint (value, set->batch_tasks);
      return TRUE;
    case GST_SCALE_PROP_FINALIZE:
      g_value_set_boolean (value, set->finalize);
      return TRUE;
    case GST_SCALE_PROP_CONFIRM_LIVE:
      g_value_set_boolean (value, set->confirm_live);
      return TRUE;
    default:
      return get_selection (set, id, value);
  }
}

gboolean
gst_scale_settings_set (GstScaleSettings *set, guint id, const GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_PROJECT:
      set_string (&set->project, value);
      return TRUE;
    case GST_SCALE_PROP_API:
      set->api = g_value_get_enum (value);
      return TRUE;
    case GST_SCALE_PROP_BASE_URL:
      set_string (&set->base_url, value);
      return TRUE;
    case GST_SCALE_PROP_KEY_FILE:
      set_string (&set->key_file, value);
      return TRUE;
    case GST_SCALE_PROP_CA_FILE:
      set_string (&set->ca_file, value);
      return TRUE;
    case GST_SCALE_PROP_USER_AGENT:
      set_string (&set->user_agent, value);
      return TRUE;
    case GST_SCALE_PROP_TIMEOUT:
      set->timeout = g_value_get_uint64 (value);
      return TRUE;
    case GST_SCALE_PROP_IN_FLIGHT:
      set->in_flight = g_value_get_uint (value);
      return TRUE;
    case GST_SCALE_PROP_BATCH_FRAMES:
      set->batch_frames = g_value_get_uint (value);
      return TRUE;
    case GST_SCALE_PROP_BATCH_TIME:
      set->batch_time = g_value_get_uint64 (value);
      return TRUE;
    case GST_SCALE_PROP_RETRY_REFUSED:
      set->retry_refused = g_value_get_boolean (value);
      return TRUE;
    case GST_SCALE_PROP_DRAIN_TIME:
      set->drain_time = g_value_get_uint64 (value);
      return TRUE;
    default:
      return set_of_tasks (set, id, value);
  }
}

gboolean
gst_scale_settings_get (const GstScaleSettings *set, guint id, GValue *value)
{
  switch (id) {
    case GST_SCALE_PROP_PROJECT:
      g_value_set_string (value, set->project);
      return TRUE;
    case GST_SCALE_PROP_API:
      g_value_set_enum (value, set->api);
      return TRUE;
    case GST_SCALE_PROP_BASE_URL:
      g_value_set_string (value, set->base_url);
      return TRUE;
    case GST_SCALE_PROP_KEY_FILE:
      g_value_set_string (value, set->key_file);
      return TRUE;
    case GST_SCALE_PROP_CA_FILE:
      g_value_set_string (value, set->ca_file);
      return TRUE;
    case GST_SCALE_PROP_USER_AGENT:
      g_value_set_string (value, set->user_agent);
      return TRUE;
    case GST_SCALE_PROP_TIMEOUT:
      g_value_set_uint64 (value, set->timeout);
      return TRUE;
    case GST_SCALE_PROP_IN_FLIGHT:
      g_value_set_uint (value, set->in_flight);
      return TRUE;
    case GST_SCALE_PROP_BATCH_FRAMES:
      g_value_set_uint (value, set->batch_frames);
      return TRUE;
    case GST_SCALE_PROP_BATCH_TIME:
      g_value_set_uint64 (value, set->batch_time);
      return TRUE;
    case GST_SCALE_PROP_RETRY_REFUSED:
      g_value_set_boolean (value, set->retry_refused);
      return TRUE;
    case GST_SCALE_PROP_DRAIN_TIME:
      g_value_set_uint64 (value, set->drain_time);
      return TRUE;
    default:
      return get_of_tasks (set, id, value);
  }
}

/* ---- properties ---------------------------------------------------------------------------------------------------------- */

#define AT_REST (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_service (GObjectClass *class)
{
  g_object_class_install_property (class, GST_SCALE_PROP_PROJECT, g_param_spec_string ("project", "Project",
          "Name of a project at Scale AI; with api=nucleus the id of a dataset", NULL, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_API, g_param_spec_enum ("api", "API", "What the frames become there",
          GST_TYPE_SCALE_API, GST_SCALE_API_LABELING, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_BASE_URL, g_param_spec_string ("base-url", "Base URL",
          "Address of the API; without it Scale AI's. http is for the loopback only", NULL, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_KEY_FILE, g_param_spec_string ("key-file", "Key file",
          "File with the API key in its first line; without it the environment variable SCALE_API_KEY (NUCLEUS_API_KEY)", NULL,
          AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_CA_FILE, g_param_spec_string ("ca-file", "Authorities",
          "PEM file of the certificate authorities to trust; without it the system's", NULL, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_USER_AGENT, g_param_spec_string ("user-agent", "User agent",
          "What requests say that they come from", NULL, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_TIMEOUT, g_param_spec_uint64 ("timeout", "Timeout",
          "Nanoseconds that one upload may take", GST_SECOND, G_MAXINT64, DEFAULT_TIMEOUT, AT_REST));
}

static void
install_sending (GObjectClass *class)
{
  g_object_class_install_property (class, GST_SCALE_PROP_IN_FLIGHT, g_param_spec_uint ("in-flight", "In flight",
          "Uploads at a time, at most", 1, 4, DEFAULT_IN_FLIGHT, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_BATCH_FRAMES, g_param_spec_uint ("batch-frames", "Frames of a batch",
          "Frames to collect before they are uploaded", 1, G_MAXUINT, DEFAULT_BATCH_FRAMES, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_BATCH_TIME, g_param_spec_uint64 ("batch-time", "Time of a batch",
          "Nanoseconds after which a frame is uploaded that waits for others", 0, G_MAXINT64, DEFAULT_BATCH_TIME, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_RETRY_REFUSED, g_param_spec_boolean ("retry-refused", "Retry the refused",
          "Upload once more what the service refused in earlier runs", FALSE, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_DRAIN_TIME, g_param_spec_uint64 ("drain-time", "Drain time",
          "Nanoseconds that the end of the stream waits for uploads; what is left waits for the next start", 0, G_MAXINT64,
          DEFAULT_DRAIN_TIME, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
}

static void
install_selection (GObjectClass *class)
{
  g_object_class_install_property (class, GST_SCALE_PROP_SELECT, g_param_spec_enum ("select", "Select", "Which frames are uploaded",
          GST_TYPE_SCALE_SELECT, GST_SCALE_SELECT_ALL, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_SELECT_INTERVAL, g_param_spec_uint64 ("select-interval", "Interval of selection",
          "Nanoseconds between two frames that are uploaded, with select=interval", 0, G_MAXINT64, DEFAULT_SELECT_INTERVAL,
          AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_BUDGET, g_param_spec_uint ("budget", "Budget",
          "Frames to upload in any 24 hours, over restarts, too; 0: any number. novelty and uncertainty need one", 0, 100000, 0,
          AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_KEEP_ALL, g_param_spec_boolean ("keep-all", "Keep all",
          "Keep in the dataset also the frames that are not uploaded", FALSE, AT_REST));
}

static void
install_tasks (GObjectClass *class)
{
  g_object_class_install_property (class, GST_SCALE_PROP_MAX_TASKS, g_param_spec_uint ("max-tasks", "Most tasks",
          "Tasks to make of uploads, in all runs of this dataset and project together: a cap on what is spent. 0: none", 0,
          G_MAXUINT, 0, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_TASK_TYPE, g_param_spec_string ("task-type", "Task type",
          "Type of the tasks: imageannotation, textcollection or another that takes an image", DEFAULT_TASK_TYPE, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_GEOMETRIES_FILE, g_param_spec_string ("geometries-file", "Geometries file",
          "JSON of what a task asks for: geometries, or all that its body holds; without it what the project says", NULL,
          AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_BATCH_TASKS, g_param_spec_uint ("batch-tasks", "Tasks of a batch",
          "Tasks that one batch takes", 1, G_MAXUINT, DEFAULT_BATCH_TASKS, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_FINALIZE, g_param_spec_boolean ("finalize", "Finalize",
          "Give full batches, and at the end of the stream the last, to the people who label; without it somebody does it in "
          "the dashboard", FALSE, AT_REST));
  g_object_class_install_property (class, GST_SCALE_PROP_CONFIRM_LIVE, g_param_spec_boolean ("confirm-live", "Confirm live",
          "That max-tasks with a live key, which can cost money, is meant", FALSE, AT_REST));
}

void
gst_scale_settings_install (GObjectClass *class)
{
  install_service (class);
  install_sending (class);
  install_tasks (class);
  install_selection (class);
}
