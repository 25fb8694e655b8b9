/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaetrainer.c: the element mae-trainer. The streaming thread scales frames and puts them into a store; a thread of
 * its own trains on what the store holds (gstmaetrainerjob.c). The streaming thread waits for it only at the end of the
 * stream.
 *
 * Locks: the object lock guards properties and statistics; the store and the job lock themselves; messages are posted
 * with none held.
 */
/**
 * SECTION:element-mae-trainer
 * @title: mae-trainer
 * @see_also: mae-encoder, mae-decoder, head-trainer
 *
 * Trains a masked autoencoder on the frames of a stream, without labels: most patches of a frame are hidden, the
 * encoder sees the others, and the decoder has to say what was hidden. What comes out is an encoder file for
 * `mae-encoder` that knows this camera. A new model of a given shape (#GstMaeTrainer:config) or an existing one
 * (#GstMaeTrainer:model) is trained; frames of any raw format and size are taken and scaled as `mae-encoder` does.
 *
 * ## Recordings
 *
 * From a source that is not live frames are collected until the stream ends, which an info message says once; then
 * #GstMaeTrainer:steps of training follow, and the end of the stream is passed on when the encoder is written. The same
 * frames and seed give the same encoder, byte for byte, on the same machine. Of more frames than
 * #GstMaeTrainer:buffer-size a sample is kept; #GstMaeTrainer:interval takes fewer. Streams that never end but are not
 * live, such as some network sources, want #GstMaeTrainer:mode `live`.
 *
 * ## Live streams
 *
 * From a live source it trains while frames come, as soon as #GstMaeTrainer:start-after of them are there, and follows
 * the camera as it changes: half of the buffer are the most recent frames, half a sample of all that came before. After
 * the last step, or when the stream ends, the encoder is written. The stream is never held up longer than it takes to
 * copy a frame, or a GPU to look at a batch of them.
 *
 * ## On a GPU
 *
 * With #GstMaeTrainer:device `cuda` room for #GstMaeTrainer:buffer-size frames is taken on the device when the element
 * starts, unless they need more than half of what the model and a batch leave free there. Then a step brings a
 * kilobyte or two an image instead of its pixels. Frames that do not fit stay in the host's memory and travel with each step; the
 * encoder is the same. The element says which when it starts, and how many would have fitted. docs/benchmarks
 * tells how fast that is.
 *
 * ## Checkpoints
 *
 * #GstMaeTrainer:checkpoint names a file with everything a training needs to go on: it is written every
 * #GstMaeTrainer:checkpoint-interval, at the end, and when the pipeline is stopped, and replaced in one go, so that
 * there is always a whole one. Where it exists already the training goes on from it; with the same frames the result is
 * that of a training that was never interrupted. One that has had all its #GstMaeTrainer:steps is refused: its result
 * is another training's. Frames are in no checkpoint: from a live source the buffer, and what it keeps of long ago, is
 * filled anew. A loss that is no longer a finite number ends the training with an error; the checkpoint is
 * the last good one. So does a last checkpoint that cannot be written, after the encoder. A checkpoint that another
 * training on this machine is writing is refused.
 *
 * ## Several processes
 *
 * The same pipeline, started several times, trains one model: every process learns from its share of each step, and
 * what they learn is added up. A launcher says in the environment which process is which: `RANK`, `WORLD_SIZE`,
 * `MASTER_ADDR` and `MASTER_PORT`, as torchrun sets them, or the variables of Open MPI or Slurm; by hand:
 * |[<!-- language="plain" -->
 * export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29500
 * pipeline='plaza-test-src shuffle=true num-buffers=40 ! mae-trainer steps=20 batch-size=4 location=plaza.safetensors'
 * RANK=1 gst-launch-1.0 $pipeline &
 * RANK=0 gst-launch-1.0 $pipeline
 * ]|
 * All need the same frames and properties: then two processes with a batch of 4 learn what one with a batch of 8 does.
 * From live sources each learns from the frames that it got itself, and the first stream that ends ends the training of
 * all. The checkpoint of rank 0 counts, and only rank 0 writes files. The element waits for the others when it starts,
 * at most a minute (`GST_HEADS_JOIN_SECONDS`). A process that dies, hangs or is stopped ends the others with an error
 * within 30 seconds; rank 0 writes a checkpoint first. Nothing that is sent is encrypted: this is for networks that are
 * trusted. Gradients travel over TCP; between GPUs they travel by NCCL (2.14 or later) where every process finds it, as
 * `libnccl.so.2` or by `GST_HEADS_NCCL`. Give each process a GPU of its own with `CUDA_VISIBLE_DEVICES`. This way has
 * been tested with a stand-in for NCCL only, never on several GPUs.
 *
 * ## Messages
 *
 * Element messages `mae-trainer` tell how it goes. `state` (string) is
 *
 * * `ready` when the element starts, with `reason` (string: device, precision, memory, frames), `width`, `height` (int),
 *   `step` (guint64) above 0 when a checkpoint goes on, `steps` (guint64), `rank` and `processes` (int; 0 and 1 alone)
 * * `training` a few times per second, with `step`, `steps`, `images`, `frames` (guint64; frames held), `loss`,
 *   `loss-mean` (since the message before), `learning-rate`, `gradient-norm`, `images-per-second`, `eta`, the
 *   seconds that are left (double), and `processes` (int)
 * * `fitting` a few times per second while the embedding is fitted to the frames, with `part` (double, 0 to 1); a stop of the
 *   pipeline waits for that
 * * `checkpoint`, with `checkpoint` (string) and `step`
 * * `done`, with `location`, `checkpoint` (strings, where written), `step`, `loss-mean` of the last hundred steps and
 *   `seconds` (double)
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m plaza-test-src shuffle=true num-buffers=40 ! mae-trainer config=tiny steps=4 batch-size=4 \
 *   learning-rate=0.001 location=plaza.safetensors
 * ]| Far too few steps to learn much; `steps=2000` on as many frames takes a while and shows.
 * |[
 * gst-launch-1.0 plaza-test-src is-live=true num-buffers=30 ! video/x-raw,framerate=10/1 ! mae-trainer start-after=10 \
 *   steps=1000000 batch-size=2 checkpoint=plaza.checkpoint location=plaza.safetensors
 * ]| Beside a live camera, until it ends.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaetrainerprivate.h"

#include <gst/video/video.h>

#include "gst/common/gstmodelerror.h"
#include "gst/common/gstposterror.h"
#include "gstmaecaps.h"
#include "gstmaetrainerstart.h"

GST_DEBUG_CATEGORY (gst_mae_trainer_debug);
#define GST_CAT_DEFAULT gst_mae_trainer_debug

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_VIDEO_CAPS));

#define gst_mae_trainer_parent_class parent_class
G_DEFINE_TYPE (GstMaeTrainer, gst_mae_trainer, GST_TYPE_BASE_SINK);
GST_ELEMENT_REGISTER_DEFINE (mae_trainer, "mae-trainer", GST_RANK_NONE, GST_TYPE_MAE_TRAINER);

static guint prop_stats;

GstMaeTrainerSettings
gst_mae_trainer_copy_settings (GstMaeTrainer *self)
{
  GstMaeTrainerSettings copy;

  GST_OBJECT_LOCK (self);
  copy = gst_mae_trainer_settings_copy (&self->settings);
  GST_OBJECT_UNLOCK (self);
  return copy;
}

void
gst_mae_trainer_post (GstMaeTrainer *self, GstStructure *structure)
{
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), structure));
}

/* ---- the stream -------------------------------------------------------------------------------------- */

static gboolean
gst_mae_trainer_set_caps (GstBaseSink *sink, GstCaps *caps)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (sink);
  GstVideoInfo info;

  return gst_video_info_from_caps (&info, caps) && gst_frame_scaler_set_info (self->scaler, &info);
}

static gboolean
gst_mae_trainer_propose_allocation (GstBaseSink *sink, GstQuery *query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* Whether frames are trained on as they come; asks upstream once. */
static gboolean
is_live (GstMaeTrainer *self)
{
  GstMaeTrainerMode mode;
  GstQuery *query;

  if (self->mode_known)
    return self->live;
  GST_OBJECT_LOCK (self);
  mode = self->settings.mode;
  GST_OBJECT_UNLOCK (self);
  self->live = mode == GST_MAE_TRAINER_LIVE;
  self->mode_known = TRUE;
  if (mode == GST_MAE_TRAINER_AUTO) {
    query = gst_query_new_latency ();
    if (gst_pad_peer_query (GST_BASE_SINK_PAD (self), query))
      gst_query_parse_latency (query, &self->live, NULL, NULL);
    gst_query_unref (query);
    if (!self->live)
      GST_ELEMENT_INFO (self, RESOURCE, SETTINGS, ("The source is not live: frames are collected until the stream "
              "ends, and trained on then. With mode=live it trains meanwhile."), (NULL));
  }
  GST_INFO_OBJECT (self, "%s", self->live ? "training as frames come" : "collecting frames until the stream ends");
  return self->live;
}

static void
start_training (GstMaeTrainer *self)
{
  gst_background_job_start (&self->job, "mae-trainer", gst_mae_trainer_train, NULL, self);
}

static gboolean
is_due (GstMaeTrainer *self, const GstSegment *segment, GstBuffer *buffer)
{
  GstClockTime running_time = GST_CLOCK_TIME_NONE, interval;

  if (segment->format == GST_FORMAT_TIME)
    running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GST_OBJECT_LOCK (self);
  interval = self->settings.interval;
  GST_OBJECT_UNLOCK (self);
  if (!gst_interval_is_due (&self->pace, running_time, interval,
          GST_BUFFER_DURATION_IS_VALID (buffer) ? GST_BUFFER_DURATION (buffer) / 2 : 0))
    return FALSE;
  gst_interval_take (&self->pace, running_time, interval);
  return TRUE;
}

/* Returns what the counter was. */
static guint64
count (GstMaeTrainer *self, guint64 *counter)
{
  guint64 before;

  GST_OBJECT_LOCK (self);
  self->stats.frames++;
  before = (*counter)++;
  GST_OBJECT_UNLOCK (self);
  return before;
}

/* A live stream trains from its start-after-th frame on. */
static void
start_when_enough (GstMaeTrainer *self)
{
  guint start_after;

  if (!is_live (self) || self->job.thread)
    return;
  GST_OBJECT_LOCK (self);
  start_after = self->settings.start_after;
  GST_OBJECT_UNLOCK (self);
  if (gh_frame_store_pushed (self->store) >= start_after)
    start_training (self);
}

static GstFlowReturn
gst_mae_trainer_render (GstBaseSink *sink, GstBuffer *buffer)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (sink);
  g_autoptr (GError) error = NULL;
  const guint8 *rgb;
  gsize stride;

  if (g_atomic_int_get (&self->complete))
    return GST_FLOW_EOS;
  if (!is_due (self, &sink->segment, buffer)) {
    count (self, &self->stats.skipped_interval);
    return GST_FLOW_OK;
  }
  if (!(rgb = gst_frame_scaler_scale (self->scaler, buffer, &stride))) {
    if (count (self, &self->stats.unreadable) == 0)
      GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("A frame of %" G_GSIZE_FORMAT " bytes does not hold the picture its "
              "caps promise. Such frames are left out.", gst_buffer_get_size (buffer)), (NULL));
    return GST_FLOW_OK;
  }
  if (!gh_frame_store_push (self->store, rgb, stride, &error)) {
    if (g_error_matches (error, GH_ERROR, GH_ERROR_DEVICE))
      GST_ELEMENT_MODEL_ERROR (self, error, NULL);
    else
      GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("%s. Set the property 'buffer-size' to fewer frames.",
              error->message), (NULL));
    return GST_FLOW_ERROR;
  }
  count (self, &self->stats.taken);
  start_when_enough (self);
  return GST_FLOW_OK;
}

/* Nothing was trained on: FALSE, and an error. */
static gboolean
check_frames (GstMaeTrainer *self)
{
  const guint64 pushed = gh_frame_store_pushed (self->store);

  if (pushed > 0 && !is_live (self))
    return TRUE;
  if (pushed == 0)
    GST_ELEMENT_ERROR (self, STREAM, FAILED, ("The stream ended without a frame to learn from."), (NULL));
  else
    GST_ELEMENT_ERROR (self, STREAM, FAILED, ("The stream ended after %" G_GUINT64_FORMAT " frames, before training "
            "began. Set the property 'start-after' to fewer, or 'mode' to 'recorded'.", pushed), (NULL));
  return FALSE;
}

/* FALSE when the end is not to be passed on: an error is out, or the stream is no longer there. */
static gboolean
finish (GstMaeTrainer *self)
{
  if (!self->job.thread) {
    if (!check_frames (self))
      return FALSE;
    start_training (self);
  }
  g_atomic_int_set (&self->ending, is_live (self));
  return gst_background_job_wait (&self->job, GST_BASE_SINK (self)) && g_atomic_int_get (&self->complete);
}

static gboolean
gst_mae_trainer_event (GstBaseSink *sink, GstEvent *event)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (sink);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_interval_reset (&self->pace);
  if (GST_EVENT_TYPE (event) == GST_EVENT_EOS && !finish (self)) {
    gst_event_unref (event);
    return FALSE;
  }
  return GST_BASE_SINK_CLASS (parent_class)->event (sink, event);
}

static gboolean
gst_mae_trainer_unlock (GstBaseSink *sink)
{
  gst_background_job_unlock (&GST_MAE_TRAINER (sink)->job);
  return TRUE;
}

static gboolean
gst_mae_trainer_unlock_stop (GstBaseSink *sink)
{
  gst_background_job_unlock_stop (&GST_MAE_TRAINER (sink)->job);
  return TRUE;
}

/* ---- starting and stopping --------------------------------------------------------------------------- */

static void
announce (GstMaeTrainer *self)
{
  const GhMaeConfig *config = gh_mae_trainer_config (self->trainer);
  const guint64 step = gh_mae_trainer_steps_done (self->trainer), steps = gh_mae_trainer_options (self->trainer)->steps;
  const gchar *where = gh_frame_store_where (self->store);
  g_autofree gchar *resumed = step ? g_strdup_printf ("; goes on after step %" G_GUINT64_FORMAT, step) : g_strdup ("");
  g_autofree gchar *reason = g_strconcat (gh_mae_trainer_reason (self->trainer), where ? "; " : "", where, NULL);

  GST_ELEMENT_INFO (self, RESOURCE, SETTINGS, ("%s%s", reason, resumed), (NULL));
  gst_mae_trainer_post (self, gst_structure_new ("mae-trainer", "state", G_TYPE_STRING, "ready", "reason",
          G_TYPE_STRING, reason, "width", G_TYPE_INT, config->width, "height",
          G_TYPE_INT, config->height, "step", G_TYPE_UINT64, step, "steps", G_TYPE_UINT64, steps, "rank", G_TYPE_INT,
          gh_mae_trainer_rank (self->trainer), "processes", G_TYPE_INT, gh_mae_trainer_processes (self->trainer),
          NULL));
}

static gboolean
begin (GstMaeTrainer *self)
{
  g_auto (GstMaeTrainerSettings) s = gst_mae_trainer_copy_settings (self);
  g_autoptr (GError) error = NULL;
  const gchar *property = NULL;
  const GhMaeConfig *config;

  if (!(self->trainer = gst_mae_trainer_start (&s, &self->lock, &property, &error))) {
    if (error->domain == GST_RESOURCE_ERROR)
      GST_ELEMENT_POST_ERROR (self, error);
    else
      GST_ELEMENT_MODEL_ERROR (self, error, property);
    return FALSE;
  }
  config = gh_mae_trainer_config (self->trainer);
  self->store = gh_mae_trainer_new_store (self->trainer, s.buffer_size);
  self->scaler = gst_frame_scaler_new (config->width, config->height, s.options.threads);
  self->mode_known = self->ending = self->complete = FALSE;
  gst_interval_reset (&self->pace);
  GST_OBJECT_LOCK (self);
  self->stats = (GstMaeTrainerCounters) { .steps = gh_mae_trainer_options (self->trainer)->steps,
    .last = { .step = gh_mae_trainer_steps_done (self->trainer) }
  };
  GST_OBJECT_UNLOCK (self);
  announce (self);
  return TRUE;
}

static void
end (GstMaeTrainer *self)
{
  gst_background_job_join (&self->job);
  g_clear_pointer (&self->trainer, gh_mae_trainer_free);
  g_clear_pointer (&self->lock, gh_file_lock_free);
  g_clear_pointer (&self->store, gh_frame_store_free);
  g_clear_pointer (&self->scaler, gst_frame_scaler_free);
}

static GstStateChangeReturn
gst_mae_trainer_change_state (GstElement *element, GstStateChange transition)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !begin (self))
    return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    gst_background_job_stop (&self->job);       /* the streaming thread may be waiting for it */
    gh_mae_trainer_stop (self->trainer);        /* and it for other processes */
  }
  result = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY
      || (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    end (self);
  return result;
}

/* ---- the object -------------------------------------------------------------------------------------- */

static GstStructure *
describe_stats (GstMaeTrainer *self)
{
  const gboolean training = gst_background_job_is_running (&self->job);
  GstStructure *description;
  GstMaeTrainerCounters stats;

  GST_OBJECT_LOCK (self);
  stats = self->stats;
  GST_OBJECT_UNLOCK (self);
  description = gst_structure_new ("mae-trainer-stats", "frames", G_TYPE_UINT64, stats.frames, "skipped-interval",
      G_TYPE_UINT64, stats.skipped_interval, "unreadable", G_TYPE_UINT64, stats.unreadable, "taken", G_TYPE_UINT64,
      stats.taken, "checkpoints", G_TYPE_UINT64, stats.checkpoints, "step", G_TYPE_UINT64, stats.last.step, "steps",
      G_TYPE_UINT64, stats.steps, "images", G_TYPE_UINT64, stats.last.images, "training", G_TYPE_BOOLEAN, training,
      "done", G_TYPE_BOOLEAN, stats.done, NULL);
  if (stats.last.images > 0)
    gst_structure_set (description, "loss", G_TYPE_DOUBLE, stats.last.loss, "learning-rate", G_TYPE_DOUBLE,
        stats.last.lr, "images-per-second", G_TYPE_DOUBLE, stats.last.images_per_second, NULL);
  return description;
}

static void
gst_mae_trainer_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_mae_trainer_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_trainer_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (object);
  gboolean known;

  if (id == prop_stats) {
    g_value_take_boxed (value, describe_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_mae_trainer_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_trainer_finalize (GObject *object)
{
  GstMaeTrainer *self = GST_MAE_TRAINER (object);

  gst_background_job_clear (&self->job);
  gst_mae_trainer_settings_clear (&self->settings);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_mae_trainer_class_init (GstMaeTrainerClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);
  GstBaseSinkClass *sink_class = GST_BASE_SINK_CLASS (class);

  GST_DEBUG_CATEGORY_INIT (gst_mae_trainer_debug, "mae-trainer", 0, "masked autoencoder: training");

  object_class->set_property = gst_mae_trainer_set_property;
  object_class->get_property = gst_mae_trainer_get_property;
  object_class->finalize = gst_mae_trainer_finalize;
  prop_stats = gst_mae_trainer_settings_install (object_class);
  /**
   * GstMaeTrainer:stats:
   *
   * Since the element started: `frames`, of which `skipped-interval`, `unreadable` and `taken` (guint64); `step` and
   * `steps`, `images` seen, `checkpoints` written (guint64); `training`, whether it trains now, and `done` (boolean);
   * after the first step `loss`, `learning-rate` and `images-per-second` of the last (double).
   *
   * Since: 0.1
   */
  g_object_class_install_property (object_class, prop_stats, g_param_spec_boxed ("stats", "Statistics",
          "Frames seen and taken, steps done, the last loss and the speed", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  element_class->change_state = GST_DEBUG_FUNCPTR (gst_mae_trainer_change_state);
  gst_element_class_set_static_metadata (element_class, "Masked autoencoder trainer", "Sink/Video",
      "Trains a masked autoencoder on the frames of a stream, without labels", "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example", "gst-launch-1.0 -m plaza-test-src shuffle=true "
      "num-buffers=500 ! mae-trainer steps=1000 learning-rate=0.001 location=encoder.safetensors");
  gst_element_class_add_static_pad_template (element_class, &sink_template);

  sink_class->set_caps = GST_DEBUG_FUNCPTR (gst_mae_trainer_set_caps);
  sink_class->propose_allocation = GST_DEBUG_FUNCPTR (gst_mae_trainer_propose_allocation);
  sink_class->event = GST_DEBUG_FUNCPTR (gst_mae_trainer_event);
  sink_class->unlock = GST_DEBUG_FUNCPTR (gst_mae_trainer_unlock);
  sink_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_mae_trainer_unlock_stop);
  sink_class->render = GST_DEBUG_FUNCPTR (gst_mae_trainer_render);
}

static void
gst_mae_trainer_init (GstMaeTrainer *self)
{
  GstBaseSink *sink = GST_BASE_SINK (self);

  gst_background_job_init (&self->job);
  gst_mae_trainer_settings_init (&self->settings);
  gst_base_sink_set_sync (sink, FALSE);
  gst_base_sink_set_last_sample_enabled (sink, FALSE);
}
