/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadpredict.c: the element head-predict. It knows heads and metas, never pixels: a frame's embedding comes with
 * the frame (mae-encoder upstream) or is the frame (other/tensors), its memory is never touched.
 *
 * Locks: the object lock guards what the streaming thread and properties share, the slot locks itself; messages are
 * posted with none held.
 */

/**
 * SECTION:element-head-predict
 * @title: head-predict
 * @short_description: answers questions from the embedding of a frame
 *
 * A head is a small model trained on the embeddings of one encoder (`gst-heads train-head`): how many people there
 * are, what time of day it seems to be, which weather. head-predict runs one or several of them on every frame that
 * carries an embedding. It attaches the answers to the frame (the meta `GstHeadPredictions`, which `head-overlay`
 * draws), posts them as messages and writes them as JSON lines.
 *
 * It takes any raw video whose frames passed a `mae-encoder`, in any memory, and passes it on with the pictures
 * untouched. It also takes `other/tensors`, the embeddings alone, so that the encoder may run on another machine.
 *
 * A head answers whatever it is shown. When 25 frames in a row are unlike those it learned from (another camera, crop or
 * shape of the picture), a warning message says so, once per head; #GstHeadPredict:stats counts them as `unlike`.
 *
 * ## Message
 *
 * With #GstHeadPredict:post-messages each frame with predictions is followed by an element message whose structure
 * `head-prediction` has the fields
 *
 * * `timestamp`, `stream-time`, `running-time`, `duration` (guint64): nanoseconds, all ones where unknown
 * * `model-id` (string): the encoder
 * * `predictions` (GstStructure): one field per head, named by the head, each a GstStructure with `kind` (string),
 *   `value` (double), `unit`, `text` (strings), `confidence` (double, only where it means something), `head-id` and
 *   `model-id` (strings)
 *
 * ## JSON lines
 *
 * With #GstHeadPredict:location each frame with predictions becomes one line:
 *
 * ```
 * {"time":"2024-05-01T12:00:00.040Z","pts_ns":40000000,"running_time_ns":40000000,"model_id":"9f86d081884c7d65",
 *  "predictions":{"people":{"kind":"count","value":3,"unit":"people","text":"3 people","confidence":null,
 *  "head_id":"60303ae22b998861"}}}
 * ```
 *
 * `time` is the frame's own where its source knows it (a reference timestamp of `timestamp/x-unix` or
 * `timestamp/x-ntp`); else it is the pipeline's clock translated to the time of day, and never later than the moment
 * of writing.
 *
 * ## Changing heads while running
 *
 * Writing #GstHeadPredict:heads or emitting #GstHeadPredict::reload loads the files and swaps all heads between two
 * frames; with #GstHeadPredict:auto-reload files that others replace are taken so by themselves. Each time the element
 * message `heads-changed` says which, with the fields
 *
 * * `heads` (string): the list of files
 * * `ids`, `old-ids` (string): of the heads that answer from now on and of those that did, in the order of their lists
 *   with commas between; each as `head-id` in predictions
 *
 * Files that are bad or do not fit the stream's encoder are refused with a warning message that names the file and the
 * reason, and the heads in use go on. The element message `heads-refused` says the same to programs: `heads` is the
 * list that was asked for, `reason` (string) names the file, and `ids` are, like `old-ids`, the heads that go on.
 *
 * ## Example launch line
 *
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=3 ! mae-encoder ! head-predict heads=plaza-people location=- ! fakesink
 * ]| Prints the number of people on each frame as JSON lines.
 *
 * With `mae-encoder ! other/tensors ! gdppay ! tcpserversink` on one machine and `tcpclientsrc ! gdpdepay !
 * head-predict` on another the numbers are the same.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadpredict.h"

#include "gst/common/gstmodelerror.h"
#include "gst/lib/heads.h"
#include "gstembeddingsource.h"
#include "gst/common/gstframetime.h"
#include "gstheadpredictsettings.h"
#include "gstheadpredictstats.h"
#include "gstheadunlike.h"
#include "gstheadslotmessage.h"
#include "gstheadwatch.h"
#include "gstpredictionlog.h"
#include "gstpredictionmessage.h"

GST_DEBUG_CATEGORY_STATIC (head_predict_debug);
#define GST_CAT_DEFAULT head_predict_debug

#define PROP_HEADS GST_HEAD_PREDICT_N_SETTINGS
#define PROP_STATS (GST_HEAD_PREDICT_N_SETTINGS + 1)

enum
{
  SIGNAL_RELOAD,
  N_SIGNALS
};

/* So many frames without any embedding, and the user hears about it. */
#define PATIENCE_FRAMES 30

struct _GstHeadPredict {
  GstBaseTransform parent;

  GstHeadSlot slot;             /* locks itself */

  /* Under the object lock. */
  GstHeadPredictSettings settings;
  GstHeadPredictStats stats;
  GstHeadWatch *watch;          /* from start to stop, with auto_reload */
  GstPredictionLog *log;        /* set and cleared under the lock while nothing streams */

  /* Streaming thread. */
  GstEmbeddingSource source;
  GstHeadSet *checked;          /* the set that was compared with the stream's embeddings, and whether it fits */
  gboolean fits, ever_fitted;
  gboolean refused_caps, warned_embedding, warned_not_finite;   /* said once */
  gfloat *values;               /* [dim] */
  GhPrediction *numbers;        /* [heads] */
  GstHeadPrediction *predictions;       /* [heads], what numbers say in words; borrowed strings */
  GstHeadUnlike unlike;
};

static guint signals[N_SIGNALS];

#define HEAD_PREDICT_CAPS "video/x-raw(ANY); " GST_MAE_EMBEDDING_CAPS

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (HEAD_PREDICT_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (HEAD_PREDICT_CAPS));

#define gst_head_predict_parent_class parent_class
G_DEFINE_TYPE (GstHeadPredict, gst_head_predict, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE (head_predict, "head-predict", GST_RANK_NONE, GST_TYPE_HEAD_PREDICT)

/* heads: the new list, or NULL to read the present files again. */
static gboolean
change_heads (GstHeadPredict *self, const gchar *heads)
{
  g_autoptr (GError) error = NULL;
  g_auto (GstHeadChange) change = { 0 };
  gboolean accepted = gst_head_slot_change_full (&self->slot, heads, &change, &error);

  if (accepted)
    GST_INFO_OBJECT (self, "heads: %s", change.heads);
  else
    GST_ELEMENT_MODEL_WARNING (self, error, "heads", "The heads in use go on.");
  gst_head_change_post (&change, GST_ELEMENT (self), error);
  return accepted;
}

static gboolean
gst_head_predict_reload (GstHeadPredict *self)
{
  return change_heads (self, NULL);
}

static void
on_files_changed (gpointer data)
{
  gst_head_predict_reload (data);
}

static void
start_watch (GstHeadPredict *self)
{
  gboolean wanted;

  GST_OBJECT_LOCK (self);
  wanted = self->settings.auto_reload;
  GST_OBJECT_UNLOCK (self);
  if (wanted)
    self->watch = gst_head_watch_new (&self->slot, on_files_changed, self);
}

static gboolean
open_log (GstHeadPredict *self, GError **error)
{
  g_autofree gchar *location = NULL;
  GstPredictionLog *log;
  gboolean append;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.location);
  append = self->settings.append;
  GST_OBJECT_UNLOCK (self);
  if (location == NULL || *location == '\0')
    return TRUE;
  if ((log = gst_prediction_log_open (location, append, error)) == NULL)
    return FALSE;
  GST_OBJECT_LOCK (self);
  self->log = log;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_head_predict_start (GstBaseTransform *trans)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (trans);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *heads = NULL;

  GST_OBJECT_LOCK (self);
  gst_head_predict_stats_clear (&self->stats);
  GST_OBJECT_UNLOCK (self);

  if (!gst_head_slot_start (&self->slot, &error)) {
    GST_ELEMENT_MODEL_ERROR (self, error, "heads");
    return FALSE;
  }
  if (!open_log (self, &error)) {
    gst_head_slot_stop (&self->slot);
    GST_ELEMENT_ERROR (self, RESOURCE, OPEN_WRITE, ("%s. Set the property 'location' to a file that can be written, "
            "or to - for standard output.", error->message), (NULL));
    return FALSE;
  }
  start_watch (self);
  heads = gst_head_slot_dup_heads (&self->slot);
  GST_INFO_OBJECT (self, "predicting with %s", heads);
  return TRUE;
}

/* Nothing of the stream stays; the statistics do, to be read after the end. */
static gboolean
gst_head_predict_stop (GstBaseTransform *trans)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (trans);
  g_autoptr (GError) error = NULL;
  GstPredictionLog *log;

  g_clear_pointer (&self->watch, gst_head_watch_free);
  gst_head_slot_stop (&self->slot);
  g_clear_pointer (&self->checked, gst_head_set_unref);
  gst_embedding_source_clear (&self->source);
  g_clear_pointer (&self->values, g_free);
  g_clear_pointer (&self->numbers, g_free);
  g_clear_pointer (&self->predictions, g_free);
  gst_head_unlike_clear (&self->unlike);
  self->fits = self->ever_fitted = FALSE;
  self->refused_caps = self->warned_embedding = self->warned_not_finite = FALSE;

  GST_OBJECT_LOCK (self);
  log = g_steal_pointer (&self->log);
  GST_OBJECT_UNLOCK (self);
  if (!gst_prediction_log_close (log, &error))
    GST_ELEMENT_WARNING (self, RESOURCE, CLOSE, ("%s. Predictions may be missing in it.", error->message), (NULL));
  return TRUE;
}

/* A write that waits for the reader of a pipe would keep the streaming thread from ending. */
static GstStateChangeReturn
gst_head_predict_change_state (GstElement *element, GstStateChange transition)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (element);

  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    GST_OBJECT_LOCK (self);
    if (self->log)
      gst_prediction_log_cancel (self->log);
    GST_OBJECT_UNLOCK (self);
  }
  return GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
}

static gboolean
gst_head_predict_set_caps (GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (trans);

  GST_DEBUG_OBJECT (self, "caps %" GST_PTR_FORMAT, incaps);
  if (gst_embedding_source_set_caps (&self->source, incaps))
    return TRUE;
  /* The event comes again before the next buffer. */
  if (!self->refused_caps)
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, ("These tensors are not embeddings, which have types=float32 and "
            "dimensions=512:1:1:1 (the first number may differ). Put mae-encoder upstream."),
        ("caps %" GST_PTR_FORMAT, incaps));
  self->refused_caps = TRUE;
  return FALSE;
}

/* Compares set with the embeddings when either is new. A stream that never fitted is a mistake in the pipeline and
 * ends it; one that stops fitting (an encoder swapped upstream) goes on without predictions. */
static GstFlowReturn
check_fit (GstHeadPredict *self, GstHeadSet *set, const GstMaeEmbedding *embedding)
{
  g_autoptr (GError) error = NULL;
  const gchar *model_id = embedding->model_id;
  gboolean is_new_stream = gst_head_slot_set_stream (&self->slot, model_id, embedding->encoder_file, embedding->dim);

  if (!is_new_stream && set == self->checked)
    return GST_FLOW_OK;

  gst_head_set_unref (self->checked);
  self->checked = gst_head_set_ref (set);
  self->fits = gst_head_set_check (set, model_id, embedding->encoder_file, embedding->dim, &error);
  self->values = g_renew (gfloat, self->values, embedding->dim);
  self->numbers = g_renew (GhPrediction, self->numbers, gst_head_set_size (set));
  self->predictions = g_renew (GstHeadPrediction, self->predictions, gst_head_set_size (set));
  gst_head_unlike_reset (&self->unlike, gst_head_set_size (set));
  self->warned_not_finite = FALSE;

  if (!self->fits && !self->ever_fitted) {
    GST_ELEMENT_MODEL_ERROR (self, error, "heads");
    return GST_FLOW_ERROR;
  }
  if (!self->fits)
    GST_ELEMENT_MODEL_WARNING (self, error, "heads",
        "Frames pass without predictions until heads and embeddings fit again.");
  else if (is_new_stream && model_id == NULL)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("The embeddings do not say which encoder made them, so whether the "
            "heads were trained on it cannot be checked. Have their sender put model-id into the caps, as mae-encoder "
            "does."), (NULL));
  self->ever_fitted |= self->fits;
  return GST_FLOW_OK;
}

static void
log_predictions (GstHeadPredict *self, GstBuffer *buffer, const gchar *model_id, guint n)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstPredictionRecord record = { .pts = GST_BUFFER_PTS (buffer), .running_time = GST_CLOCK_TIME_NONE,
    .model_id = model_id, .predictions = self->predictions, .n = n
  };
  g_autoptr (GError) error = NULL;

  if (segment->format == GST_FORMAT_TIME)
    record.running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, record.pts);
  record.time = gst_frame_time_of_day (GST_ELEMENT (self), buffer, record.running_time);
  if (gst_prediction_log_write (self->log, &record, &error) || error == NULL)
    return;
  if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOSPC))
    GST_ELEMENT_WARNING (self, RESOURCE, NO_SPACE_LEFT, ("%s. No more predictions are written; make room and start "
            "again.", error->message), (NULL));
  else
    GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s. No more predictions are written.", error->message), (NULL));
}

static void
report_predictions (GstHeadPredict *self, GstBuffer *buffer, const gchar *model_id, guint n)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstStructure *all = gst_predictions_describe (self->predictions, n);
  gboolean post_messages;

  for (guint i = 0; i < n; i++)
    gst_buffer_add_head_prediction (buffer, &self->predictions[i]);
  if (self->log)
    log_predictions (self, buffer, model_id, n);

  GST_OBJECT_LOCK (self);
  post_messages = self->settings.post_messages;
  GST_OBJECT_UNLOCK (self);
  if (post_messages)
    gst_element_post_message (GST_ELEMENT (self),
        gst_predictions_message_new (GST_OBJECT (self), buffer, segment, model_id, all));

  GST_OBJECT_LOCK (self);
  gst_clear_structure (&self->stats.last);
  self->stats.last = all;
  GST_OBJECT_UNLOCK (self);
}

static void
predict (GstHeadPredict *self, GstHeadSet *set, GstBuffer *buffer, const GstMaeEmbedding *embedding)
{
  gint64 start = g_get_monotonic_time ();
  const GhHead *not_finite;
  gboolean unlike;
  guint n;

  if (gst_mae_embedding_get_values (embedding, self->values, embedding->dim) != embedding->dim) {
    GST_WARNING_OBJECT (self, "could not map the embedding of %" GST_PTR_FORMAT, buffer);
    return;
  }
  unlike = gst_head_unlike_see (&self->unlike, set, self->values, GST_ELEMENT (self));
  n = gst_head_set_predict (set, embedding->model_id, self->values, self->numbers, self->predictions, &not_finite);
  GST_LOG_OBJECT (self, "%u predictions for %" GST_PTR_FORMAT, n, buffer);
  GST_OBJECT_LOCK (self);
  gst_timing_window_add (&self->stats.times, (g_get_monotonic_time () - start) * GST_USECOND);
  self->stats.predicted += n > 0;
  self->stats.not_finite += gst_head_set_size (set) - n;
  self->stats.unlike += unlike;
  GST_OBJECT_UNLOCK (self);

  if (not_finite && !self->warned_not_finite) {
    GST_ELEMENT_WARNING (self, STREAM, FAILED, ("The head '%s' (%s) gave a result that is not a finite number; such "
            "results are left out. Check the encoder and the head with 'gst-heads inspect'.",
            gh_head_name (not_finite), gh_head_path (not_finite)), (NULL));
    self->warned_not_finite = TRUE;
  }
  if (n > 0)
    report_predictions (self, buffer, embedding->model_id, n);
}

/* Once frames enough have come, or all of them, and none had an embedding. */
static void
warn_without_embedding (GstHeadPredict *self, guint64 enough)
{
  gboolean none;

  GST_OBJECT_LOCK (self);
  none = self->stats.frames >= enough && self->stats.without_embedding == self->stats.frames;
  GST_OBJECT_UNLOCK (self);
  if (!none || self->warned_embedding)
    return;
  self->warned_embedding = TRUE;
  if (self->source.is_tensors)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("No buffer holds the %d numbers its caps promise, so there is nothing "
            "to predict from. Check what sends them.", self->source.dim), (NULL));
  else
    GST_ELEMENT_WARNING (self, STREAM, WRONG_TYPE, ("No frame carries an embedding, so there is nothing to predict "
            "from. Put mae-encoder upstream of %s.", GST_OBJECT_NAME (self)), (NULL));
}

static GstFlowReturn
gst_head_predict_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (trans);
  g_autoptr (GstHeadSet) set = gst_head_slot_acquire (&self->slot);
  GstMaeEmbedding embedding;
  GstFlowReturn flow = GST_FLOW_OK;
  gboolean found = gst_embedding_source_find (&self->source, buffer, &embedding);

  if (found)
    flow = check_fit (self, set, &embedding);
  GST_OBJECT_LOCK (self);
  self->stats.frames++;
  self->stats.without_embedding += !found;
  self->stats.mismatched += found && !self->fits;
  GST_OBJECT_UNLOCK (self);

  if (!found)
    warn_without_embedding (self, PATIENCE_FRAMES);
  else if (self->fits)
    predict (self, set, buffer, &embedding);
  return flow;
}

static gboolean
gst_head_predict_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS)
    warn_without_embedding (GST_HEAD_PREDICT (trans), 1);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
}

static GstStructure *
describe_stats (GstHeadPredict *self)
{
  GstStructure *stats;
  guint64 reloads, refused;

  gst_head_slot_get_counts (&self->slot, &reloads, &refused);
  GST_OBJECT_LOCK (self);
  stats = gst_head_predict_stats_describe (&self->stats, reloads, refused);
  GST_OBJECT_UNLOCK (self);
  return stats;
}

static void
gst_head_predict_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (object);
  gboolean known;

  if (id == PROP_HEADS) {
    change_heads (self, g_value_get_string (value) ? g_value_get_string (value) : "");
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_head_predict_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_head_predict_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (object);
  gboolean known;

  if (id == PROP_HEADS) {
    g_value_take_string (value, gst_head_slot_dup_heads (&self->slot));
    return;
  }
  if (id == PROP_STATS) {
    g_value_take_boxed (value, describe_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_head_predict_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_head_predict_finalize (GObject *object)
{
  GstHeadPredict *self = GST_HEAD_PREDICT (object);

  gst_head_slot_finish (&self->slot);
  gst_head_predict_settings_clear (&self->settings);
  gst_head_predict_stats_clear (&self->stats);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *object_class)
{
  /**
   * GstHeadPredict:heads:
   *
   * Head files or names of shipped heads, separated by commas; a backslash before a comma makes it part of a name.
   * Writing it while the element runs swaps all heads between two frames; what cannot be loaded or does not fit is
   * refused with a warning message, and reading gives the heads in use.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_HEADS, g_param_spec_string ("heads", "Heads",
          "Head files (or shipped heads) to predict with, separated by commas; may be changed while running", NULL,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  gst_head_predict_settings_install (object_class);
  /**
   * GstHeadPredict:stats:
   *
   * Since the element started (guint64): `frames`; `predicted`, those with at least one prediction;
   * `without-embedding`; `mismatched`, those with an embedding the heads do not fit; `not-finite`, results left out;
   * `unlike`, frames unlike those that a head learned from; `reloads`; `refused-reloads`. `ms-p50` and `ms-p95`
   * (double): how long all heads together took on the last 256 frames. `last` (GstStructure): the last predictions, as
   * in the message.
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, PROP_STATS, g_param_spec_boxed ("stats", "Statistics",
          "Frames seen and predicted, changes of heads, milliseconds spent, the last predictions", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_head_predict_class_init (GstHeadPredictClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (head_predict_debug, "head-predict", 0, "predictions from embeddings");

  object_class->set_property = gst_head_predict_set_property;
  object_class->get_property = gst_head_predict_get_property;
  object_class->finalize = gst_head_predict_finalize;
  install_properties (object_class);

  /**
   * GstHeadPredict::reload:
   * @object: the element
   *
   * Reads the head files again, for instance after training wrote them anew. From any thread; returns once the new
   * heads are in use or refused.
   *
   * Returns: %FALSE when they were refused; a warning message tells why
   *
   * Since: 0.1
   */
  signals[SIGNAL_RELOAD] = g_signal_new_class_handler ("reload", G_TYPE_FROM_CLASS (klass),
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION, G_CALLBACK (gst_head_predict_reload), NULL, NULL, NULL, G_TYPE_BOOLEAN, 0);

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_head_predict_change_state);
  gst_element_class_set_static_metadata (element_class, "Head predictor", "Filter/Analyzer/Video",
      "Answers questions from the embedding that mae-encoder gave a frame: counts, numbers, time of day, classes",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 plaza-test-src num-buffers=3 ! mae-encoder ! head-predict heads=plaza-people location=- ! fakesink");
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);

  transform_class->start = GST_DEBUG_FUNCPTR (gst_head_predict_start);
  transform_class->stop = GST_DEBUG_FUNCPTR (gst_head_predict_stop);
  transform_class->set_caps = GST_DEBUG_FUNCPTR (gst_head_predict_set_caps);
  transform_class->transform_ip = GST_DEBUG_FUNCPTR (gst_head_predict_transform_ip);
  transform_class->sink_event = GST_DEBUG_FUNCPTR (gst_head_predict_sink_event);

  gst_head_predictions_meta_register ();
  gst_mae_embedding_meta_register ();
}

static void
gst_head_predict_init (GstHeadPredict *self)
{
  gst_head_slot_init (&self->slot);
  gst_head_predict_settings_init (&self->settings);
  /* Metas are all that is added: the base class then neither copies memory nor comes between up- and downstream's
   * allocation. */
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
