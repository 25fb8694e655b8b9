/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadtrainer.c: the element head-trainer. The streaming thread collects labelled embeddings and nothing more;
 * training runs in a thread of its own (gstheadtrainerjob.c), which the streaming thread waits for only at the end of
 * the stream.
 *
 * Locks: the object lock guards properties and statistics, the job locks itself; messages are posted with none held.
 */

/**
 * SECTION:element-head-trainer
 * @title: head-trainer
 * @short_description: trains a head on the embeddings and labels of a stream
 * @see_also: mae-encoder, head-predict
 *
 * Takes what head-predict takes, video whose frames passed a `mae-encoder` or `other/tensors`, and trains a head on the
 * frames that have a label, just as `gst-heads train-head` does: by kernel ridge regression, and with more than 1000
 * labels by a ridge or small networks. The head is written to #GstHeadTrainer:location with its held-out error.
 *
 * ## Labels
 *
 * They come with the frames, or from a file:
 *
 * * #GstHeadTrainer:label names a field of a custom meta, as in `GstPlazaTruth.people`. Any element or application may
 *   attach one (gst_buffer_add_custom_meta()); numbers, texts and booleans are understood.
 * * #GstHeadTrainer:labels names a CSV file and #GstHeadTrainer:label-column its column of labels. Row n belongs to
 *   frame n of the stream, or #GstHeadTrainer:key-column says in each row which frame it is for: by number, by the name
 *   of an image file that ends in the number, or by time (#GstHeadTrainer:key). Frames are numbered as their source
 *   numbers them in offsets, as cameras and test sources do, so that one dropped on the way shifts no label; else in
 *   the order they come. Decoders give no numbers: where frames of a file are dropped, time is the key to use.
 *
 * Frames without a label are passed over. Neighbouring frames are alike: #GstHeadTrainer:interval takes fewer of them,
 * and with #GstHeadTrainer:group-duration those of a stretch of time are held out together, so that the error is not
 * judged on what was all but seen.
 *
 * ## When it trains
 *
 * At the end of the stream; the end is passed on when the head is written. With #GstHeadTrainer:retrain-every also
 * whenever so many labels are new, beside the stream, which goes on: with #GstHeadTrainer:max-labels the head follows a
 * camera as it changes. A `head-predict` takes the new file when it is told to `reload`.
 *
 * ## Message
 *
 * Element messages `head-trainer` tell how it goes. `state` (string) is `training`, with `fraction` (double, 0 to 1)
 * and `what` (string); `done`, with `location`, `head-id`, `model-id`, `model`, `metric` (strings), `error`,
 * `error-low`, `error-high`, `baseline-error` and `seconds` (double); or `failed`, with `reason` (string), after which
 * a live stream goes on. All have `task` (string) and `labels` (uint).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m plaza-test-src shuffle=true num-buffers=30 ! mae-encoder ! \
 *   head-trainer label=GstPlazaTruth.people kind=count unit=people location=people.safetensors
 * ]| A head that counts people, from thirty labelled frames of the test source.
 * |[
 * gst-launch-1.0 plaza-test-src shuffle=true num-buffers=20 truth-location=truth.csv ! fakesink && \
 *   gst-launch-1.0 plaza-test-src shuffle=true num-buffers=20 ! mae-encoder ! other/tensors ! \
 *   head-trainer labels=truth.csv label-column=minute_of_day key-column=file kind=time location=time.safetensors
 * ]| Labels from a file: the rows name frames as frame-00012.jpg.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadtrainerprivate.h"

#include "gst/common/gstoutputfile.h"
#include "gst/common/gstposterror.h"
#include "gst/lib/heads.h"

GST_DEBUG_CATEGORY (gst_head_trainer_debug);
#define GST_CAT_DEFAULT gst_head_trainer_debug

#define PROP_STATS GST_HEAD_TRAINER_N_SETTINGS

/* So many frames without anything to learn from, and the user hears about it. */
#define PATIENCE_FRAMES 30

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw(ANY); " GST_MAE_EMBEDDING_CAPS));

#define gst_head_trainer_parent_class parent_class
G_DEFINE_TYPE (GstHeadTrainer, gst_head_trainer, GST_TYPE_BASE_SINK)
GST_ELEMENT_REGISTER_DEFINE (head_trainer, "head-trainer", GST_RANK_NONE, GST_TYPE_HEAD_TRAINER)

GstHeadTrainerSettings
gst_head_trainer_copy_settings (GstHeadTrainer *self)
{
  GstHeadTrainerSettings copy;

  GST_OBJECT_LOCK (self);
  copy = gst_head_trainer_settings_copy (&self->settings);
  GST_OBJECT_UNLOCK (self);
  return copy;
}

/* ---- the stream -------------------------------------------------------------------------------------- */

static void
start_training (GstHeadTrainer *self, gboolean ending)
{
  g_auto (GstHeadTrainerSettings) s = gst_head_trainer_copy_settings (self);
  g_autofree gchar *task = gst_head_trainer_settings_dup_task (&s);

  self->fresh = 0;
  self->last_progress = 0;
  g_atomic_int_set (&self->failed, FALSE);
  g_atomic_int_set (&self->ending, ending);
  gst_background_job_start (&self->job, "head-trainer", gst_head_trainer_train,
      gst_head_training_set_new (&self->samples, s.kind, task, s.unit, s.group_duration), self);
}

static gboolean
gst_head_trainer_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (sink);

  if (gst_embedding_source_set_caps (&self->source, caps))
    return TRUE;
  GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("These tensors are not embeddings, which have types=float32 and "
          "dimensions=512:1:1:1 (the first number may differ). Put mae-encoder upstream."), ("caps %" GST_PTR_FORMAT,
          caps));
  return FALSE;
}

/* Nothing to learn from in so many frames is a mistake in the pipeline. */
static void
warn_without (GstHeadTrainer *self)
{
  g_auto (GstHeadTrainerSettings) s = { NULL };
  GstHeadTrainerCounters stats;

  GST_OBJECT_LOCK (self);
  stats = self->stats;
  GST_OBJECT_UNLOCK (self);
  if (self->warned || self->warned_impossible || stats.labelled > 0 || stats.frames < PATIENCE_FRAMES)
    return;
  s = gst_head_trainer_copy_settings (self);
  if (stats.without_embedding == stats.frames)
    GST_ELEMENT_WARNING (self, STREAM, WRONG_TYPE, ("No frame carries an embedding, so there is nothing to learn from. "
            "Put mae-encoder upstream of %s.", GST_OBJECT_NAME (self)), (NULL));
  else if (s.label && stats.without_label == stats.frames - stats.without_embedding)
    GST_ELEMENT_WARNING (self, STREAM, WRONG_TYPE, ("No frame carries %s. Set the property 'label' to a meta that "
            "something upstream attaches, and one of its fields.", s.label), (NULL));
  else
    return;
  self->warned = TRUE;
}

static void
count (GstHeadTrainer *self, guint64 *counter)
{
  GST_OBJECT_LOCK (self);
  self->stats.frames++;
  self->stats.labels = gst_head_samples_count (&self->samples);
  if (counter)
    (*counter)++;
  GST_OBJECT_UNLOCK (self);
}

/* When the buffer was; all GST_CLOCK_TIME_NONE where that is unknown. */
typedef struct {
  GstClockTime running, stream, duration;
} Moment;

static Moment
moment_of (const GstSegment *segment, GstBuffer *buffer)
{
  const GstClockTime pts = GST_BUFFER_PTS (buffer);

  if (segment->format != GST_FORMAT_TIME)
    return (Moment) { GST_CLOCK_TIME_NONE, pts, GST_BUFFER_DURATION (buffer) };
  return (Moment) { gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts),
    gst_segment_to_stream_time (segment, GST_FORMAT_TIME, pts), GST_BUFFER_DURATION (buffer)
  };
}

/* A head has to name the encoder it is for, and all of its labels have to come from that one. */
static gboolean
check_encoder (GstHeadTrainer *self, const GstMaeEmbedding *embedding)
{
  if (!embedding->model_id) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, ("The embeddings do not say which encoder made them, which a head has to "
            "know. Have their sender put model-id into the caps, as mae-encoder does."), (NULL));
    return FALSE;
  }
  if (gst_head_samples_fit (&self->samples, embedding))
    return TRUE;
  GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("The embeddings come from another encoder now (%s instead of %s). The "
          "%u labels collected so far do not fit it and are forgotten.", embedding->model_id, self->samples.model_id,
          gst_head_samples_count (&self->samples)), (NULL));
  gst_head_samples_reset (&self->samples);
  self->fresh = 0;
  return TRUE;
}

static void
take_sample (GstHeadTrainer *self, const GstMaeEmbedding *embedding, const GstLabel *label, const Moment *moment)
{
  const GstClockTime slack = GST_CLOCK_TIME_IS_VALID (moment->duration) ? moment->duration / 2 : 0;
  guint max_labels, retrain_every;
  GstClockTime interval;

  GST_OBJECT_LOCK (self);
  interval = self->settings.interval;
  max_labels = self->settings.max_labels;
  retrain_every = self->settings.retrain_every;
  GST_OBJECT_UNLOCK (self);

  if (!gst_interval_is_due (&self->pace, moment->running, interval, slack))
    return;
  gst_interval_take (&self->pace, moment->running, interval);
  if (gst_head_samples_add (&self->samples, embedding, label, moment->running, max_labels))
    self->fresh++;
  if (retrain_every > 0 && self->fresh >= retrain_every && !gst_background_job_is_running (&self->job))
    start_training (self, FALSE);
}

/* What the source says it is the n-th of, where it does: offsets count frames if each ends one further, else bytes. */
static guint64
number_of (GstHeadTrainer *self, GstBuffer *buffer)
{
  const guint64 arrived = self->number++;

  return GST_BUFFER_OFFSET_IS_VALID (buffer) && GST_BUFFER_OFFSET_END (buffer) == GST_BUFFER_OFFSET (buffer) + 1
      ? GST_BUFFER_OFFSET (buffer) : arrived;
}

/* Once: who attaches such numbers does so again. */
static void
warn_impossible (GstHeadTrainer *self, const GError *error)
{
  if (!self->warned_impossible)
    GST_ELEMENT_WARNING (self, STREAM, WRONG_TYPE, ("%s. Frames with such labels are passed over.", error->message), (NULL));
  self->warned_impossible = TRUE;
}

static GstFlowReturn
gst_head_trainer_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (sink);
  const Moment moment = moment_of (&sink->segment, buffer);
  const guint64 number = number_of (self, buffer);
  g_autoptr (GError) error = NULL;
  GstMaeEmbedding embedding;
  GstLabel label;

  if (!gst_embedding_source_find (&self->source, buffer, &embedding)) {
    count (self, &self->stats.without_embedding);
  } else if (gst_label_source_find (&self->label_source, buffer, number, moment.stream, moment.duration, &label,
          self->scratch, &error)) {
    if (!check_encoder (self, &embedding))
      return GST_FLOW_ERROR;
    take_sample (self, &embedding, &label, &moment);
    count (self, &self->stats.labelled);
  } else if (g_error_matches (error, GH_ERROR, GH_ERROR_UNSUITABLE)) {
    warn_impossible (self, error);
    count (self, &self->stats.without_label);
  } else if (error) {
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("%s.", error->message), (NULL));
    return GST_FLOW_ERROR;
  } else {
    count (self, &self->stats.without_label);
  }
  warn_without (self);
  return GST_FLOW_OK;
}

static void
fail_without_labels (GstHeadTrainer *self)
{
  g_auto (GstHeadTrainerSettings) s = gst_head_trainer_copy_settings (self);
  GstHeadTrainerCounters stats;

  GST_OBJECT_LOCK (self);
  stats = self->stats;
  GST_OBJECT_UNLOCK (self);
  if (stats.frames > stats.without_embedding)
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("None of %" G_GUINT64_FORMAT " frames has a label, so there is "
            "nothing to learn from. %s is where labels were looked for.", stats.frames, s.label ? s.label : s.labels),
        (NULL));
  else
    GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("None of %" G_GUINT64_FORMAT " frames carries an embedding, so there "
            "is nothing to learn from. Put mae-encoder upstream of %s.", stats.frames, GST_OBJECT_NAME (self)), (NULL));
}

/* Trains on what is new and waits. FALSE when the end is not to be passed on: an error is out, or the stream is no
 * longer there. */
static gboolean
finish (GstHeadTrainer *self)
{
  if (!gst_background_job_wait (&self->job, GST_BASE_SINK (self)))
    return FALSE;
  if (gst_head_samples_count (&self->samples) == 0) {
    fail_without_labels (self);
    return FALSE;
  }
  if (self->fresh > 0 || g_atomic_int_get (&self->failed))
    start_training (self, TRUE);
  return gst_background_job_wait (&self->job, GST_BASE_SINK (self)) && !g_atomic_int_get (&self->failed);
}

static void
reset_stream (GstHeadTrainer *self)
{
  gst_interval_reset (&self->pace);
  self->number = 0;
}

static gboolean
gst_head_trainer_event (GstBaseSink *sink, GstEvent *event)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (sink);

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:
      reset_stream (self);
      break;
    case GST_EVENT_EOS:
      if (!finish (self)) {
        gst_event_unref (event);
        return FALSE;
      }
      break;
    default:
      break;
  }
  return GST_BASE_SINK_CLASS (parent_class)->event (sink, event);
}

static gboolean
gst_head_trainer_unlock (GstBaseSink *sink)
{
  gst_background_job_unlock (&GST_HEAD_TRAINER (sink)->job);
  return TRUE;
}

static gboolean
gst_head_trainer_unlock_stop (GstBaseSink *sink)
{
  gst_background_job_unlock_stop (&GST_HEAD_TRAINER (sink)->job);
  return TRUE;
}

/* ---- starting and stopping --------------------------------------------------------------------------- */

static gboolean
begin (GstHeadTrainer *self)
{
  g_auto (GstHeadTrainerSettings) s = gst_head_trainer_copy_settings (self);
  GstLabelSettings labels = { s.kind, s.label, s.labels, s.label_column, s.key_column, s.key };
  g_autoptr (GError) error = NULL;

  if (!gst_output_file_check (s.location, "location", &error)) {
    GST_ELEMENT_POST_ERROR (self, error);
    return FALSE;
  }
  if (!gst_label_source_open (&self->label_source, &labels, &error)) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s.", error->message), (NULL));
    return FALSE;
  }
  gst_head_samples_init (&self->samples);
  self->scratch = g_string_new (NULL);
  self->fresh = 0;
  self->failed = self->warned = self->warned_impossible = FALSE;
  reset_stream (self);
  GST_OBJECT_LOCK (self);
  self->stats = (GstHeadTrainerCounters) { 0 };
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static void
end (GstHeadTrainer *self)
{
  gst_background_job_join (&self->job);
  gst_embedding_source_clear (&self->source);
  gst_label_source_clear (&self->label_source);
  if (self->scratch) {
    gst_head_samples_clear (&self->samples);
    g_string_free (self->scratch, TRUE);
    self->scratch = NULL;
  }
}

static GstStateChangeReturn
gst_head_trainer_change_state (GstElement *element, GstStateChange transition)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !begin (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_background_job_stop (&self->job);       /* the streaming thread may be waiting for it */
  result = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    end (self);
  return result;
}

/* ---- the object -------------------------------------------------------------------------------------- */

static GstStructure *
describe_stats (GstHeadTrainer *self)
{
  const gboolean training = gst_background_job_is_running (&self->job);
  GstStructure *stats;

  GST_OBJECT_LOCK (self);
  stats = gst_structure_new ("head-trainer-stats", "frames", G_TYPE_UINT64, self->stats.frames, "without-embedding",
      G_TYPE_UINT64, self->stats.without_embedding, "without-label", G_TYPE_UINT64, self->stats.without_label,
      "labelled", G_TYPE_UINT64, self->stats.labelled, "labels", G_TYPE_UINT, self->stats.labels, "trainings",
      G_TYPE_UINT64, self->stats.trainings, "failed", G_TYPE_UINT64, self->stats.failed, "training", G_TYPE_BOOLEAN,
      training, NULL);
  if (self->stats.trainings > 0)
    gst_structure_set (stats, "error", G_TYPE_DOUBLE, self->stats.error, "baseline-error", G_TYPE_DOUBLE,
        self->stats.baseline_error, NULL);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

static void
gst_head_trainer_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_head_trainer_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_head_trainer_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (object);
  gboolean known;

  if (id == PROP_STATS) {
    g_value_take_boxed (value, describe_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_head_trainer_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_head_trainer_finalize (GObject *object)
{
  GstHeadTrainer *self = GST_HEAD_TRAINER (object);

  gst_background_job_clear (&self->job);
  gst_head_trainer_settings_clear (&self->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_head_trainer_class_init (GstHeadTrainerClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_head_trainer_debug, "head-trainer", 0, "heads from embeddings and labels");

  object_class->set_property = gst_head_trainer_set_property;
  object_class->get_property = gst_head_trainer_get_property;
  object_class->finalize = gst_head_trainer_finalize;
  gst_head_trainer_settings_install (object_class);
  /**
   * GstHeadTrainer:stats:
   *
   * Since the element started: `frames`, `without-embedding`, `without-label`, `labelled`, `trainings`, `failed`
   * (guint64); `labels` (guint), those held; `training` (boolean), whether it trains now; after the first training
   * `error` and `baseline-error` (double) of the last.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS, g_param_spec_boxed ("stats", "Statistics",
      "Frames seen, labels held, trainings and the error of the last", GST_TYPE_STRUCTURE,
      G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_head_trainer_change_state);
  gst_element_class_set_static_metadata (element_class, "Head trainer", "Sink/Video",
      "Trains a head on the embeddings that mae-encoder gave frames and on the frames' labels",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example", "gst-launch-1.0 plaza-test-src shuffle=true "
      "num-buffers=30 ! mae-encoder ! head-trainer label=GstPlazaTruth.people kind=count location=people.safetensors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);

  sink_class->set_caps = GST_DEBUG_FUNCPTR (gst_head_trainer_set_caps);
  sink_class->event = GST_DEBUG_FUNCPTR (gst_head_trainer_event);
  sink_class->unlock = GST_DEBUG_FUNCPTR (gst_head_trainer_unlock);
  sink_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_head_trainer_unlock_stop);
  sink_class->render = GST_DEBUG_FUNCPTR (gst_head_trainer_render);

  gst_mae_embedding_meta_register ();
}

static void
gst_head_trainer_init (GstHeadTrainer *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_background_job_init (&self->job);
  gst_head_trainer_settings_init (&self->settings);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
}
