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
 * #GstScaleUploader:finalize. In a project that is not self-serve people see tasks at once, so none is made there without
 * finalize; and a live key makes tasks only together with #GstScaleUploader:confirm-live.
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
 * `scale-task-created`, `scale-task-refused`, `scale-tasks-spent` (#GstScaleUploader:max-tasks is reached),
 * `scale-tasks-trouble`, `scale-tasks-resumed`, `scale-batch-finalized`, and those of dataset-sink. `gst-heads labels` brings
 * the labels back.
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
#include "gstscalesettings.h"
#include "scale-upload.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/dataset/gstdatasetintake.h"
#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_scale_uploader_debug);
#define GST_CAT_DEFAULT gst_scale_uploader_debug

enum { PROP_STATISTICS = GST_SCALE_N_PROPS };

struct _GstScaleUploader {
  GstElement parent;
  GstDatasetIntake intake;
  GstScaleSettings set;         /* under the object lock */
  GstScaleSender *sender;       /* while not stopped; the pointer under the object lock */
  GstScaleSelection *selection; /* of the streaming thread, while not stopped */
};

G_DEFINE_TYPE (GstScaleUploader, gst_scale_uploader, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (scale_uploader, "scale-uploader", GST_RANK_NONE, GST_TYPE_SCALE_UPLOADER);

/* ---- properties ---------------------------------------------------------------------------------------------------------- */

static void
gst_scale_uploader_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_dataset_settings_set (&self->intake.set, id, value) || gst_scale_settings_set (&self->set, id, value);
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
    known = gst_dataset_settings_get (&self->intake.set, id, value) || gst_scale_settings_get (&self->set, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_scale_uploader_finalize (GObject *object)
{
  GstScaleUploader *self = GST_SCALE_UPLOADER (object);

  gst_dataset_intake_clear (&self->intake);
  gst_scale_settings_clear (&self->set);
  G_OBJECT_CLASS (gst_scale_uploader_parent_class)->finalize (object);
}

/* ---- from start to stop -------------------------------------------------------------------------------------------------- */

static ScaleKey *
load_key (GstScaleUploader *self, GError **error)
{
  const gchar *variable = self->set.api == GST_SCALE_API_NUCLEUS ? NUCLEUS_KEY_VARIABLE : SCALE_KEY_VARIABLE;
  gboolean exposed = FALSE;
  ScaleKey *key = scale_key_load (self->set.key_file, variable, &exposed, error);

  if (exposed)
    GST_ELEMENT_WARNING (self, RESOURCE, SETTINGS, ("Others can read the key-file %s: chmod 600 it", self->set.key_file), (NULL));
  return key;
}

static GstScaleSender *
new_sender (GstScaleUploader *self, GError **error)
{
  const GstScaleSettings *set = &self->set;
  GstScaleSenderSettings settings = { self->intake.set.service, set->project, set->in_flight, set->batch_frames,
    (gint64) (set->batch_time / GST_USECOND), set->retry_refused, { set->project, set->task_type, set->geometries_file,
      set->max_tasks, set->batch_tasks, set->finalize, set->confirm_live } };
  const gchar *usual = set->api == GST_SCALE_API_NUCLEUS ? SCALE_API_BASE_URL "/nucleus" : SCALE_API_BASE_URL;
  ScaleApiOptions options = { set->base_url && *set->base_url ? set->base_url : usual, set->user_agent, set->ca_file,
    set->timeout, set->in_flight + 1 };
  ScaleKey *key = load_key (self, error);

  return key ? gst_scale_sender_new (GST_ELEMENT (self), self->intake.writer, &settings, &options, key, error) : NULL;
}

static gboolean
check (GstScaleUploader *self)
{
  if (self->set.project == NULL || *self->set.project == 0)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("scale-uploader has no project: set project to %s", self->set.api == GST_SCALE_API_NUCLEUS
            ? "the id of a dataset of Nucleus (ds_...)" : "the name of a project of your account at Scale AI"), (NULL));
  else if (self->set.api == GST_SCALE_API_NUCLEUS && self->set.max_tasks > 0)
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
  self->intake.set.service = g_strdup (self->set.api == GST_SCALE_API_NUCLEUS ? NUCLEUS_SERVICE : SCALE_SERVICE);
  self->intake.set.project = g_strdup (self->set.project);
  GST_OBJECT_UNLOCK (self);
  if (!gst_dataset_intake_start (&self->intake))
    return FALSE;
  to = (CatalogueDestination) { self->intake.set.service, self->set.project };
  self->selection = gst_scale_selection_new (GST_ELEMENT (self), self->intake.writer, &to, &self->set.selected, &error);
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
  return self->set.keep_all ? GST_DATASET_KEEP : GST_DATASET_PASS;
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
  drain_time = self->set.drain_time;
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

static void
gst_scale_uploader_class_init (GstScaleUploaderClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);

  object_class->set_property = gst_scale_uploader_set_property;
  object_class->get_property = gst_scale_uploader_get_property;
  object_class->finalize = gst_scale_uploader_finalize;
  gst_dataset_settings_install (object_class);
  gst_scale_settings_install (object_class);
  g_object_class_install_property (object_class, PROP_STATISTICS, g_param_spec_boxed ("statistics", "Statistics",
          "Those of dataset-sink, and pending, sent, already, refused, retries, bytes-sent, halted, last-problem; with max-tasks "
          "also tasks-made, tasks-refused, tasks-awaiting, tasks-spent, tasks-most, tasks-halted, tasks-problem",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
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
  gst_scale_settings_init (&self->set);
}
