/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-scale-uploader
 * @title: scale-uploader
 *
 * Uploads frames to Scale AI, where people label them, with metadata that leads back to the frame. Every frame is first
 * kept in a dataset, as dataset-sink does, together with a line of an outbox: what the network or the service does, and
 * when the machine dies, is all the same then, and nothing is uploaded twice. Sending happens in a thread of its own, after
 * #GstScaleUploader:batch-frames frames or #GstScaleUploader:batch-time; the stream never waits for it.
 *
 * Frames go on through the src pad when something is linked there. Images (JPEG, PNG) are uploaded as they come, raw video
 * is made JPEG.
 *
 * Uploading costs nothing and puts nobody to work: the files lie in the project (or, with api=nucleus, in the dataset)
 * until somebody makes tasks of them, in the dashboard of Scale AI or with #GstScaleUploader:max-tasks. Tasks come in
 * batches, and people see a batch, which is then paid for, when it is finalized: by somebody in the dashboard or with
 * #GstScaleUploader:finalize, which a live key takes only together with #GstScaleUploader:confirm-live.
 *
 * What is sent with each: its path below the dataset's folder, SHA-256, the time it was
 * taken, the camera's name and address (without passwords), size, and what mae-encoder and head-predict said of it.
 *
 * Labels cost money, and most frames say nothing new: #GstScaleUploader:select=novelty takes those whose embedding (of
 * mae-encoder before it) is the most unlike all that were uploaded, select=uncertainty those the heads are least sure of, and
 * #GstScaleUploader:budget says how many in a day.
 *
 * The API key comes from the file #GstScaleUploader:key-file or from the environment variable SCALE_API_KEY
 * (NUCLEUS_API_KEY), and can be read nowhere. A key, project or address that is not accepted never ends the stream: a
 * warning and the message `scale-upload-trouble` say so, frames are kept, and it is tried again.
 *
 * Messages: `scale-uploaded` for each frame, `scale-upload-refused`, `scale-upload-trouble`, `scale-upload-resumed`,
 * `scale-task-created`, `scale-batch-finalized`, and those of dataset-sink. `gst-heads labels` brings the labels back.
 *
 * ## Example launch lines
 * |[
 * SCALE_API_KEY=test_no_such_key gst-launch-1.0 plaza-test-src num-buffers=3 ! \
 *   scale-uploader location=square project=square base-url=https://localhost:1 drain-time=0
 * ]| With nobody there to take them, three frames are kept for later. Of a camera, with the key of an account:
 * `live-src uri=rtsp://camera/stream ! scale-uploader location=square project=square interval=600000000000`
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstscaleuploader.h"
#include "gstscaleselection.h"
#include "gstscalesender.h"
#include "scale-upload.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/dataset/gstdatasetintake.h"
#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_scale_uploader_debug);
#define GST_CAT_DEFAULT gst_scale_uploader_debug

#define DEFAULT_IN_FLIGHT 2
#define DEFAULT_BATCH_FRAMES 1
#define DEFAULT_BATCH_TIME (60 * GST_SECOND)
#define DEFAULT_TIMEOUT (90 * GST_SECOND)
#define DEFAULT_SELECT_INTERVAL (600 * GST_SECOND)
#define DEFAULT_TASK_TYPE "imageannotation"
#define DEFAULT_BATCH_TASKS 20
#define DEFAULT_DRAIN_TIME (60 * GST_SECOND)

enum { LABELING, NUCLEUS };

enum {
  PROP_PROJECT = GST_DATASET_N_PROPS, PROP_API, PROP_BASE_URL, PROP_KEY_FILE, PROP_CA_FILE, PROP_USER_AGENT, PROP_TIMEOUT,
  PROP_IN_FLIGHT, PROP_BATCH_FRAMES, PROP_BATCH_TIME, PROP_RETRY_REFUSED, PROP_DRAIN_TIME, PROP_MAX_TASKS, PROP_TASK_TYPE,
  PROP_GEOMETRIES_FILE, PROP_BATCH_TASKS, PROP_FINALIZE, PROP_CONFIRM_LIVE, PROP_SELECT, PROP_SELECT_INTERVAL, PROP_BUDGET,
  PROP_KEEP_ALL, PROP_STATISTICS
};

struct _GstScaleUploader {
  GstElement parent;
  GstDatasetIntake intake;
  GstScaleSender *sender;       /* while not stopped; the pointer under the object lock */

  /* Properties, under the object lock. */
  gchar *project, *base_url, *key_file, *ca_file, *user_agent;
  gint api;
  guint64 timeout, batch_time, drain_time;      /* nanoseconds */
  guint in_flight, batch_frames;
  gboolean retry_refused;
  gchar *task_type, *geometries_file;
  guint max_tasks, batch_tasks;
  gboolean finalize, confirm_live;
  GstScaleSelectionSettings selected;
  gboolean keep_all;

  GstScaleSelection *selection; /* of the streaming thread, while not stopped */
};

G_DEFINE_TYPE (GstScaleUploader, gst_scale_uploader, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (scale_uploader, "scale-uploader", GST_RANK_NONE, GST_TYPE_SCALE_UPLOADER);

GType
gst_scale_api_get_type (void)
{
  static const GEnumValue values[] = {
    { LABELING, "Files of a project of the labeling API", "scale" }, { NUCLEUS, "Items of a dataset of Nucleus", "nucleus" },
    { 0, NULL, NULL }
  };
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstScaleApi", values));
  return (GType) type;
}

/* ---- properties ---------------------------------------------------------------------------------------------------------- */

static void
set_string (gchar **string, const GValue *value)
{
  g_free (*string);
  *string = g_value_dup_string (value);
}

static gboolean
set_selection (GstScaleUploader *self, guint id, const GValue *value)
{
  switch (id) {
    case PROP_SELECT:
      self->selected.select = g_value_get_enum (value);
      return TRUE;
    case PROP_SELECT_INTERVAL:
      self->selected.interval = g_value_get_uint64 (value);
      return TRUE;
    case PROP_BUDGET:
      self->selected.budget = g_value_get_uint (value);
      return TRUE;
    case PROP_KEEP_ALL:
      self->keep_all = g_value_get_boolean (value);
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
get_selection (GstScaleUploader *self, guint id, GValue *value)
{
  switch (id) {
    case PROP_SELECT:
      g_value_set_enum (value, self->selected.select);
      return TRUE;
    case PROP_SELECT_INTERVAL:
      g_value_set_uint64 (value, self->selected.interval);
      return TRUE;
    case PROP_BUDGET:
      g_value_set_uint (value, self->selected.budget);
      return TRUE;
    case PROP_KEEP_ALL:
      g_value_set_boolean (value, self->keep_all);
      return TRUE;
    default:
      return FALSE;
  }
}

static gboolean
set_of_tasks (GstScaleUploader *self, guint id, const GValue *value)
{
  switch (id) {
    case PROP_MAX_TASKS:
      self->max_tasks = g_value_get_uint (value);
      return TRUE;
    case PROP_TASK_TYPE:
      set_string (&self->task_type, value);
      return TRUE;
    case PROP_GEOMETRIES_FILE:
      set_string (&self->geometries_file, value);
      return TRUE;
    case PROP_BATCH_TASKS:
      self->batch_tasks = g_value_get_uint (value);
      return TRUE;
    case PROP_FINALIZE:
      self->finalize = g_value_get_boolean (value);
      return TRUE;
    case PROP_CONFIRM_LIVE:
      self->confirm_live = g_value_get_boolean (value);
      return TRUE;
    default:
      return set_selection (self, id, value);
  }
}

static gboolean
get_of_tasks (GstScaleUploader *self, guint id, GValue *value)
{
  switch (id) {
    case PROP_MAX_TASKS:
      g_value_set_uint (value, self->max_tasks);
      return TRUE;
    case PROP_TASK_TYPE:
      g_value_set_string (value, self->task_type);
      return TRUE;
    case PROP_GEOMETRIES_FILE:
      g_value_set_string (value, self->geometries_file);
      return TRUE;
    case PROP_BATCH_TASKS:
      g_value_set_uint (value, self->batch_tasks);
      return TRUE;
    case PROP_FINALIZE:
      g_value_set_boolean (value, self->finalize);
      return TRUE;
    case PROP_CONFIRM_LIVE:
      g_value_set_boolean (value, self->confirm_live);
      return TRUE;
    default:
      return get_selection (self, id, value);
  }
}

/* FALSE: the id is none of the element's own. */
static gboolean
set_own (GstScaleUploader *self, guint id, const GValue *value)
{
  switch (id) {
    case PROP_PROJECT:
      set_string (&self->project, value);
      return TRUE;
    case PROP_API:
      self->api = g_value_get_enum (value);
      return TRUE;
    case PROP_BASE_URL:
      set_string (&self->base_url, value);
      return TRUE;
    case PROP_KEY_FILE:
      set_string (&self->key_file, value);
      return TRUE;
    case PROP_CA_FILE:
      set_string (&self->ca_file, value);
      return TRUE;
    case PROP_USER_AGENT:
      set_string (&self->user_agent, value);
      return TRUE;
    case PROP_TIMEOUT:
      self->timeout = g_value_get_uint64 (value);
      return TRUE;
    case PROP_IN_FLIGHT:
      self->in_flight = g_value_get_uint (value);
      return TRUE;
    case PROP_BATCH_FRAMES:
      self->batch_frames = g_value_get_uint (value);
      return TRUE;
    case PROP_BATCH_TIME:
      self->batch_time = g_value_get_uint64 (value);
      return TRUE;
    case PROP_RETRY_REFUSED:
      self->retry_refused = g_value_get_boolean (value);
      return TRUE;
    case PROP_DRAIN_TIME:
      self->drain_time = g_value_get_uint64 (value);
      return TRUE;
    default:
      return set_of_tasks (self, id, value);
  }
}

static gboolean
get_own (GstScaleUploader *self, guint id, GValue *value)
{
  switch (id) {
    case PROP_PROJECT:
      g_value_set_string (value, self->project);
      return TRUE;
    case PROP_API:
      g_value_set_enum (value, self->api);
      return TRUE;
    case PROP_BASE_URL:
      g_value_set_string (value, self->base_url);
      return TRUE;
    case PROP_KEY_FILE:
      g_value_set_string (value, self->key_file);
      return TRUE;
    case PROP_CA_FILE:
      g_value_set_string (value, self->ca_file);
      return TRUE;
    case PROP_USER_AGENT:
      g_value_set_string (value, self->user_agent);
      return TRUE;
    case PROP_TIMEOUT:
      g_value_set_uint64 (value, self->timeout);
      return TRUE;
    case PROP_IN_FLIGHT:
      g_value_set_uint (value, self->in_flight);
      return TRUE;
    case PROP_BATCH_FRAMES:
      g_value_set_uint (value, self->batch_frames);
      return TRUE;
    case PROP_BATCH_TIME:
      g_value_set_uint64 (value, self->batch_time);
      return TRUE;
    case PROP_RETRY_REFUSED:
      g_value_set_boolean (value, self->retry_refused);
      return TRUE;
    case PROP_DRAIN_TIME:
      g_value_set_uint64 (value, self->drain_time);
      return TRUE;
    default:
      return get_of_tasks (self, id, value);
  }
}

static void
gst_scale_uploader_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_dataset_settings_set (&self->intake.set, id, value) || set_own (self, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static GstStructure *
describe (GstScaleUploader *self)
{
  GstStructure *description;

  if (self->intake.writer == NULL || self->sender == NULL)
    return gst_structure_new_empty ("scale-uploader-statistics");
  description = gst_dataset_writer_describe (self->intake.writer);
  gst_structure_set_name (description, "scale-uploader-statistics");
  gst_scale_sender_describe (self->sender, description);
  return description;
}

static void
gst_scale_uploader_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATISTICS)
    g_value_take_boxed (value, describe (self));
  else
    known = gst_dataset_settings_get (&self->intake.set, id, value) || get_own (self, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_scale_uploader_finalize (GObject *object)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (object);

  gst_dataset_intake_clear (&self->intake);
  g_free (self->project);
  g_free (self->base_url);
  g_free (self->key_file);
  g_free (self->ca_file);
  g_free (self->user_agent);
  g_free (self->task_type);
  g_free (self->geometries_file);
  G_OBJECT_CLASS (gst_scale_uploader_parent_class)->finalize (object);
}

/* ---- from start to stop -------------------------------------------------------------------------------------------------- */

static ScaleKey *
load_key (GstScaleUploader *self, GError **error)
{
  const gchar *variable = self->api == NUCLEUS ? NUCLEUS_KEY_VARIABLE : SCALE_KEY_VARIABLE;
  gboolean exposed = FALSE;
  ScaleKey *key = scale_key_load (self->key_file, variable, &exposed, error);

  if (exposed)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("Others can read the key-file %s: chmod 600 it", self->key_file), (NULL));
  return key;
}

static GstScaleSender *
new_sender (GstScaleUploader *self, GError **error)
{
  GstScaleSenderSettings settings = { self->intake.set.service, self->project, self->in_flight, self->batch_frames,
    (gint64) (self->batch_time / GST_USECOND), self->retry_refused, { self->project, self->task_type, self->geometries_file,
      self->max_tasks, self->batch_tasks, self->finalize, self->confirm_live } };
  gboolean own_address = self->base_url && *self->base_url;
  ScaleApiOptions options = { own_address ? self->base_url : self->api == NUCLEUS ? SCALE_API_BASE_URL "/nucleus" : NULL,
    self->user_agent, self->ca_file, self->timeout, self->in_flight };
  ScaleKey *key = load_key (self, error);

  return key ? gst_scale_sender_new (GST_ELEMENT (self), self->intake.writer, &settings, &options, key, error) : NULL;
}

static gboolean
check (GstScaleUploader *self)
{
  if (self->project == NULL || *self->project == 0)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("scale-uploader has no project: set project to %s", self->api == NUCLEUS
            ? "the id of a dataset of Nucleus (ds_...)" : "the name of a project of your account at Scale AI"), (NULL));
  else if (self->api == NUCLEUS && self->max_tasks > 0)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("Tasks are made of the files of a project: set api=scale, or max-tasks=0"),
        (NULL));
  else
    return TRUE;
  return FALSE;
}

static void
on_journaled (gpointer data)
{
  gst_scale_sender_wake (data);
}

static gboolean
start (GstScaleUploader *self)
{
  CatalogueDestination to;
  GError *error = NULL;
  GstScaleSender *sender;

  if (!check (self))
    return FALSE;
  GST_OBJECT_LOCK (self);
  g_free (self->intake.set.service);
  g_free (self->intake.set.project);
  self->intake.set.service = g_strdup (self->api == NUCLEUS ? NUCLEUS_SERVICE : SCALE_SERVICE);
  self->intake.set.project = g_strdup (self->project);
  GST_OBJECT_UNLOCK (self);
  if (!gst_dataset_intake_start (&self->intake))
    return FALSE;
  to = (CatalogueDestination) { self->intake.set.service, self->project };
  self->selection = gst_scale_selection_new (GST_ELEMENT (self), self->intake.writer, &to, &self->selected, &error);
  sender = self->selection ? new_sender (self, &error) : NULL;
  if (sender == NULL) {
    g_clear_pointer (&self->selection, gst_scale_selection_free);
    gst_dataset_intake_fail (&self->intake, g_error_new_literal (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
            error->message));
    g_error_free (error);
    gst_dataset_intake_stop (&self->intake);
    return FALSE;
  }
  gst_dataset_writer_on_journaled (self->intake.writer, on_journaled, sender);
  GST_OBJECT_LOCK (self);
  self->sender = sender;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* The writer first: it wakes the sender. */
static void
stop (GstScaleUploader *self)
{
  GstScaleSender *sender;

  gst_dataset_writer_finish (self->intake.writer);
  GST_OBJECT_LOCK (self);
  sender = g_steal_pointer (&self->sender);
  GST_OBJECT_UNLOCK (self);
  gst_scale_sender_free (sender);
  g_clear_pointer (&self->selection, gst_scale_selection_free);
  gst_dataset_intake_stop (&self->intake);
}

static GstStateChangeReturn
gst_scale_uploader_change_state (GstElement *element, GstStateChange change)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (element);
  GstStateChangeReturn result;

  if (change == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_dataset_intake_unblock (&self->intake);
  result = GST_ELEMENT_CLASS (gst_scale_uploader_parent_class)->change_state (element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY
      || (change == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

/* ---- what the intake asks ------------------------------------------------------------------------------------------------ */

static GstDatasetVerdict
judge (GstElement *element, GstBuffer *frame)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (element);

  if (gst_scale_selection_choose (self->selection, frame, g_get_real_time ()))
    return GST_DATASET_UPLOAD;
  return self->keep_all ? GST_DATASET_KEEP : GST_DATASET_PASS;
}

/* At the end of the stream what waits is sent, as long as that goes. */
static gboolean
drain (GstElement *element)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (element);
  GstStructure *description = gst_structure_new_empty ("description");
  guint64 pending = 0, drain_time;
  gboolean drained;

  GST_OBJECT_LOCK (self);
  drain_time = self->drain_time;
  GST_OBJECT_UNLOCK (self);
  drained = gst_scale_sender_drain (self->sender, (gint64) MIN (drain_time / GST_USECOND, G_MAXINT64 / 2));
  gst_scale_sender_describe (self->sender, description);
  gst_structure_get_uint64 (description, "pending", &pending);
  if (drained && pending > 0)
    GST_ELEMENT_INFO (self, RESOURCE, WRITE, ("%" G_GUINT64_FORMAT " frames are not uploaded yet: they wait in %s for the next "
            "start", pending, self->intake.set.location), (NULL));
  gst_structure_free (description);
  return drained;
}

static void
set_flushing (GstElement *element, gboolean flushing)
{
  gst_scale_sender_set_flushing (GST_SCALE_UPLOADER (element)->sender, flushing);
}

/* ---- class --------------------------------------------------------------------------------------------------------------- */

#define AT_REST (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_service (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_PROJECT, g_param_spec_string ("project", "Project",
          "Name of a project at Scale AI; with api=nucleus the id of a dataset", NULL, AT_REST));
  g_object_class_install_property (class, PROP_API, g_param_spec_enum ("api", "API", "What the frames become there",
          GST_TYPE_SCALE_API, LABELING, AT_REST));
  g_object_class_install_property (class, PROP_BASE_URL, g_param_spec_string ("base-url", "Base URL",
          "Address of the API; without it Scale AI's. http is for the loopback only", NULL, AT_REST));
  g_object_class_install_property (class, PROP_KEY_FILE, g_param_spec_string ("key-file", "Key file",
          "File with the API key in its first line; without it the environment variable SCALE_API_KEY (NUCLEUS_API_KEY)", NULL,
          AT_REST));
  g_object_class_install_property (class, PROP_CA_FILE, g_param_spec_string ("ca-file", "Authorities",
          "PEM file of the certificate authorities to trust; without it the system's", NULL, AT_REST));
  g_object_class_install_property (class, PROP_USER_AGENT, g_param_spec_string ("user-agent", "User agent",
          "What requests say that they come from", NULL, AT_REST));
  g_object_class_install_property (class, PROP_TIMEOUT, g_param_spec_uint64 ("timeout", "Timeout",
          "Nanoseconds that one upload may take", GST_SECOND, G_MAXINT64, DEFAULT_TIMEOUT, AT_REST));
}

static void
install_sending (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_IN_FLIGHT, g_param_spec_uint ("in-flight", "In flight",
          "Uploads at a time, at most", 1, 4, DEFAULT_IN_FLIGHT, AT_REST));
  g_object_class_install_property (class, PROP_BATCH_FRAMES, g_param_spec_uint ("batch-frames", "Frames of a batch",
          "Frames to collect before they are uploaded", 1, G_MAXUINT, DEFAULT_BATCH_FRAMES, AT_REST));
  g_object_class_install_property (class, PROP_BATCH_TIME, g_param_spec_uint64 ("batch-time", "Time of a batch",
          "Nanoseconds after which a frame is uploaded that waits for others", 0, G_MAXINT64, DEFAULT_BATCH_TIME, AT_REST));
  g_object_class_install_property (class, PROP_RETRY_REFUSED, g_param_spec_boolean ("retry-refused", "Retry the refused",
          "Upload once more what the service refused in earlier runs", FALSE, AT_REST));
  g_object_class_install_property (class, PROP_DRAIN_TIME, g_param_spec_uint64 ("drain-time", "Drain time",
          "Nanoseconds that the end of the stream waits for uploads; what is left waits for the next start", 0, G_MAXINT64,
          DEFAULT_DRAIN_TIME, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (class, PROP_STATISTICS, g_param_spec_boxed ("statistics", "Statistics",
          "Those of dataset-sink, and pending, sent, already, refused, retries, bytes-sent, halted, last-problem",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
install_selection (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_SELECT, g_param_spec_enum ("select", "Select", "Which frames are uploaded",
          GST_TYPE_SCALE_SELECT, GST_SCALE_SELECT_ALL, AT_REST));
  g_object_class_install_property (class, PROP_SELECT_INTERVAL, g_param_spec_uint64 ("select-interval", "Interval of selection",
          "Nanoseconds between two frames that are uploaded, with select=interval", 0, G_MAXINT64, DEFAULT_SELECT_INTERVAL,
          AT_REST));
  g_object_class_install_property (class, PROP_BUDGET, g_param_spec_uint ("budget", "Budget",
          "Frames to upload in any 24 hours, over restarts, too; 0: any number. novelty and uncertainty need one", 0, 100000, 0,
          AT_REST));
  g_object_class_install_property (class, PROP_KEEP_ALL, g_param_spec_boolean ("keep-all", "Keep all",
          "Keep in the dataset also the frames that are not uploaded", FALSE, AT_REST));
}

static void
install_tasks (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_MAX_TASKS, g_param_spec_uint ("max-tasks", "Most tasks",
          "Tasks to make of uploads, in all runs of this dataset and project together: a cap on what is spent. 0: none", 0,
          G_MAXUINT, 0, AT_REST));
  g_object_class_install_property (class, PROP_TASK_TYPE, g_param_spec_string ("task-type", "Task type",
          "Type of the tasks: imageannotation, textcollection or another that takes an image", DEFAULT_TASK_TYPE, AT_REST));
  g_object_class_install_property (class, PROP_GEOMETRIES_FILE, g_param_spec_string ("geometries-file", "Geometries file",
          "JSON of what a task asks for: geometries, or all that its body holds; without it what the project says", NULL,
          AT_REST));
  g_object_class_install_property (class, PROP_BATCH_TASKS, g_param_spec_uint ("batch-tasks", "Tasks of a batch",
          "Tasks that one batch takes", 1, G_MAXUINT, DEFAULT_BATCH_TASKS, AT_REST));
  g_object_class_install_property (class, PROP_FINALIZE, g_param_spec_boolean ("finalize", "Finalize",
          "Give full batches, and at the end of the stream the last, to the people who label; without it somebody does it in "
          "the dashboard", FALSE, AT_REST));
  g_object_class_install_property (class, PROP_CONFIRM_LIVE, g_param_spec_boolean ("confirm-live", "Confirm live",
          "That finalize with a live key, which costs money, is meant", FALSE, AT_REST));
}

static void
gst_scale_uploader_class_init (GstScaleUploaderClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);

  object_class->set_property = gst_scale_uploader_set_property;
  object_class->get_property = gst_scale_uploader_get_property;
  object_class->finalize = gst_scale_uploader_finalize;
  gst_dataset_settings_install (object_class);
  install_service (object_class);
  install_sending (object_class);
  install_tasks (object_class);
  install_selection (object_class);
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_scale_uploader_change_state);
  gst_dataset_intake_add_templates (element_class);
  gst_element_class_set_static_metadata (element_class, "Scale AI uploader", "Sink/Filter/Network/Video",
      "Uploads frames to Scale AI for labeling, journaled in a dataset so that none is lost and none is sent twice",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 live-src uri=rtsp://camera/stream ! scale-uploader location=square project=square");
  gst_type_mark_as_plugin_api (GST_TYPE_SCALE_API, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_SCALE_SELECT, 0);
  gst_capture_info_meta_register ();
  gst_head_predictions_meta_register ();
  gst_mae_embedding_meta_register ();
  GST_DEBUG_CATEGORY_INIT (gst_scale_uploader_debug, "scale-uploader", 0, "frames uploaded to Scale AI");
}

static void
gst_scale_uploader_init (GstScaleUploader *self)
{
  gst_dataset_intake_init (&self->intake, GST_ELEMENT (self));
  self->intake.set.embeddings = TRUE;   /* of what is uploaded, for heads and for what is new */
  self->intake.judge = judge;
  self->intake.drain = drain;
  self->intake.set_flushing = set_flushing;
  self->timeout = DEFAULT_TIMEOUT;
  self->in_flight = DEFAULT_IN_FLIGHT;
  self->batch_frames = DEFAULT_BATCH_FRAMES;
  self->batch_time = DEFAULT_BATCH_TIME;
  self->drain_time = DEFAULT_DRAIN_TIME;
  self->task_type = g_strdup (DEFAULT_TASK_TYPE);
  self->batch_tasks = DEFAULT_BATCH_TASKS;
  self->selected.interval = DEFAULT_SELECT_INTERVAL;
}
