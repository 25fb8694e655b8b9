/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaeencoder.c: video frames in, the same frames with their embedding out, or the embeddings alone.
 */
/**
 * SECTION:element-mae-encoder
 * @title: mae-encoder
 * @see_also: head-predict
 *
 * Runs the encoder of a masked autoencoder on video and attaches the embedding, a few hundred numbers that describe the
 * picture, to each frame as a #GstMaeEmbedding meta. Frames of any raw format and size are taken, no `videoconvert` or
 * `videoscale` is needed before: the device that runs the encoder makes a picture of the encoder's size of them (the whole
 * frame, stretched; of NV12, NV21, I420, YV12 and RGB in three or four bytes, else GStreamer's converter does), and the
 * frame itself passes on untouched, without a copy of its pixels. Where downstream wants `other/tensors` instead of video, only the embeddings leave the element, two
 * kilobytes a frame, so that heads may run in another process or on another machine.
 *
 * ## Live streams
 *
 * Files are encoded frame by frame, however long it takes. On a live source that outruns the encoder the element lets
 * frames that come too late pass without an embedding (as tensors: drops them), so that latency stays bounded; how many
 * is in #GstMaeEncoder:stats. A frame is late when it arrives more than #GstMaeEncoder:max-lateness behind the latency
 * that upstream announces, or behind the most punctual frame so far when upstream announces too little. The time one
 * encoding takes is added to the LATENCY query. With #GstMaeEncoder:interval fewer frames are encoded by intent.
 *
 * Put a `queue` behind the element where a live pipeline ends in a sink that synchronises (a window on a screen):
 * without one the frame that waits in the sink for its time keeps the next one from being encoded meanwhile.
 *
 * ## Which device runs
 *
 * When it starts the element posts one element message `mae-encoder-ready` with the fields `model` and `model-id`
 * (strings), `device`, `precision` and `reason` (strings), `width`, `height` and `embedding` (int) and `trained`
 * (boolean), and an INFO message with the same for people, which gst-launch-1.0 prints. An encoder that was never trained
 * (the one the project's build makes is such a one) is announced with `trained=false` and says so: its embeddings are
 * random features, good enough to try pipelines and simple heads, no more.
 *
 * ## Errors
 *
 * A model file that is absent, unreadable, corrupt or does not fit, and a device that does not work, are errors on the
 * bus while the element starts; each names the file and says what to do.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -m plaza-test-src num-buffers=10 ! mae-encoder ! fakesink
 * ]| The plaza of the test source, encoded by the default model; `-m` shows the message that says which device runs.
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=10 ! mae-encoder ! other/tensors ! gdppay ! fakesink
 * ]| Only the embeddings, ready for tcpserversink and a `head-predict` elsewhere.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 ! video/x-raw,framerate=10/1 ! mae-encoder interval=1000000000 ! fakesink
 * ]| One embedding per second of video.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaeencoder.h"

#include "gst/common/gstinterval.h"
#include "gst/common/gstmodelerror.h"
#include "gst/lib/gstmaeembeddingcaps.h"
#include "gstlateness.h"
#include "gstmaeannounce.h"
#include "gstmaecaps.h"
#include "gstmaeembedder.h"
#include "gstmaeencodersettings.h"
#include "gstmaeenums.h"
#include "gstmaestats.h"

GST_DEBUG_CATEGORY_STATIC (gst_mae_encoder_debug);
#define GST_CAT_DEFAULT gst_mae_encoder_debug

#define PROP_MODEL_ID GST_MAE_ENCODER_N_SETTINGS
#define PROP_STATS (GST_MAE_ENCODER_N_SETTINGS + 1)

/* Who allows more lateness than this wants none to count; keeps sums in range. */
#define MAX_LATENESS (24 * 60 * 60 * GST_SECOND)

/* So many encodings make a percentile worth changing the pipeline's latency for. */
#define LATENCY_SAMPLES 16

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_VIDEO_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_VIDEO_CAPS "; " GST_MAE_EMBEDDING_CAPS));

/* What happens to a frame. */
typedef enum
{
  ENCODE,
  SKIP_INTERVAL,
  SKIP_LATE,
} Verdict;

struct _GstMaeEncoder
{
  GstBaseTransform parent;

  GstMaeEncoderSettings settings;       /* under the object lock */

  /* From start() to stop(), under the object lock. */
  GstMaeEmbedder *embedder;
  GstClockTime latency;         /* of one encoding, as announced */
  GstClockTime pipeline_latency;        /* of everything, as last told by the pipeline */

  GstMaeStats stats;            /* also after stop(); under the object lock */

  /* The stream; only the streaming thread. */
  gboolean negotiated;
  gboolean as_tensors;
  GstInterval pace;
  GstLateness lateness;
  gboolean live;
  GstClockTime upstream_latency;
  gint ask_latency;             /* atomic: upstream's latency may have changed */
};

G_DEFINE_TYPE (GstMaeEncoder, gst_mae_encoder, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (mae_encoder, "mae-encoder", GST_RANK_NONE, GST_TYPE_MAE_ENCODER);

static GstMaeEmbedder *
get_embedder (GstMaeEncoder *self)
{
  GstMaeEmbedder *embedder;

  GST_OBJECT_LOCK (self);
  embedder = self->embedder ? gst_mae_embedder_ref (self->embedder) : NULL;
  GST_OBJECT_UNLOCK (self);
  return embedder;
}

/* ---- starting and stopping ------------------------------------------------------------------------- */

static void
reset_stream (GstMaeEncoder *self)
{
  gst_interval_reset (&self->pace);
  gst_lateness_reset (&self->lateness);
  g_atomic_int_set (&self->ask_latency, TRUE);
}

static gboolean
gst_mae_encoder_start (GstBaseTransform *trans)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *model = NULL;
  GstMaeEmbedder *embedder;
  GstClockTime latency;
  GhEncoder *encoder;
  GhDevice device;
  GhPrecision precision;
  guint threads;
  gboolean tokens;

  GST_OBJECT_LOCK (self);
  model = g_strdup (self->settings.model);
  device = self->settings.device;
  precision = self->settings.precision;
  threads = self->settings.threads;
  tokens = self->settings.tokens;
  GST_OBJECT_UNLOCK (self);

  if (!(embedder = gst_mae_embedder_new (model, device, precision, threads, tokens, &error))) {
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return FALSE;
  }
  encoder = gst_mae_embedder_encoder (embedder);
  latency = gst_mae_embedder_rehearse (embedder);       /* a live pipeline asks before the first frame */

  GST_OBJECT_LOCK (self);
  self->embedder = embedder;
  self->latency = latency;
  self->pipeline_latency = 0;
  gst_mae_stats_start (&self->stats, encoder);
  GST_OBJECT_UNLOCK (self);

  self->negotiated = FALSE;
  reset_stream (self);
  gst_mae_announce (GST_ELEMENT (self), encoder, "mae-encoder-ready", "the encoder was never trained: its embeddings "
      "are random features, good enough to try pipelines");
  g_object_notify (G_OBJECT (self), "model-id");
  return TRUE;
}

static gboolean
gst_mae_encoder_stop (GstBaseTransform *trans)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  GstMaeEmbedder *embedder;

  GST_OBJECT_LOCK (self);
  embedder = g_steal_pointer (&self->embedder);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&embedder, gst_mae_embedder_unref);
  return TRUE;
}

/* ---- caps ------------------------------------------------------------------------------------------ */

static GstCaps *
gst_mae_encoder_transform_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GstMaeEmbedder) embedder = get_embedder (self);
  GstCaps *result;

  result = gst_mae_caps_transform (embedder ? gst_mae_embedder_encoder (embedder) : NULL, direction, caps);
  if (filter) {
    GstCaps *all = result;

    result = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  GST_DEBUG_OBJECT (self, "%" GST_PTR_FORMAT " becomes %" GST_PTR_FORMAT, caps, result);
  return result;
}

/* Whoever takes both gets the frames. */
static GstCaps *
gst_mae_encoder_fixate_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *othercaps)
{
  for (guint i = 0; direction == GST_PAD_SINK && i < gst_caps_get_size (othercaps); i++) {
    if (gst_mae_caps_is_video (gst_caps_get_structure (othercaps, i))) {
      GstCaps *video = gst_caps_copy_nth (othercaps, i);

      gst_caps_unref (othercaps);
      return gst_caps_fixate (video);
    }
  }
  return gst_caps_fixate (othercaps);
}

static gboolean
gst_mae_encoder_set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GstMaeEmbedder) embedder = get_embedder (self);
  GstVideoInfo info;

  self->as_tensors = !gst_mae_caps_is_video (gst_caps_get_structure (out, 0));
  self->negotiated = embedder && gst_video_info_from_caps (&info, in) && gst_mae_embedder_set_info (embedder, &info);
  GST_DEBUG_OBJECT (self, "%s %" GST_PTR_FORMAT ", out %" GST_PTR_FORMAT, self->negotiated ? "taking" : "refusing",
      in, out);
  return self->negotiated;
}

static gboolean
gst_mae_encoder_propose_allocation (GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  /* Frames go on: what downstream answers holds for them. */
  if (!GST_MAE_ENCODER (trans)->as_tensors)
    return GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->propose_allocation (trans, NULL, query);

  /* Frames end here and are read with whatever strides and cropping they have. */
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* ---- latency --------------------------------------------------------------------------------------- */

static gboolean
gst_mae_encoder_query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  GstClockTime min, max, own;
  gboolean live;

  if (!GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->query (trans, direction, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY || direction != GST_PAD_SRC)
    return TRUE;

  gst_query_parse_latency (query, &live, &min, &max);
  if (!live)
    return TRUE;
  GST_OBJECT_LOCK (self);
  own = self->latency + (self->settings.max_lateness <= MAX_LATENESS ? self->settings.max_lateness : 0);
  GST_OBJECT_UNLOCK (self);
  GST_DEBUG_OBJECT (self, "adding %" GST_TIME_FORMAT " of latency", GST_TIME_ARGS (own));
  gst_query_set_latency (query, TRUE, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}

/* Encoding takes longer than was announced: has the pipeline ask again. The object lock is held. */
static gboolean
latency_grew (GstMaeEncoder *self, GstClockTime last)
{
  GstClockTime usual;

  if (!self->live || last <= self->latency || self->stats.times.count < LATENCY_SAMPLES)
    return FALSE;
  usual = gst_timing_window_percentile (&self->stats.times, 0.95);
  if (usual <= self->latency + self->latency / 10)
    return FALSE;
  self->latency = usual;
  return TRUE;
}

static void
ask_upstream_latency (GstMaeEncoder *self)
{
  GstQuery *query = gst_query_new_latency ();

  self->live = FALSE;
  self->upstream_latency = 0;
  if (gst_pad_peer_query (GST_BASE_TRANSFORM_SINK_PAD (self), query))
    gst_query_parse_latency (query, &self->live, &self->upstream_latency, NULL);
  gst_query_unref (query);
  GST_DEBUG_OBJECT (self, "upstream is %slive, latency %" GST_TIME_FORMAT, self->live ? "" : "not ",
      GST_TIME_ARGS (self->upstream_latency));
}

/* Lag up to which a frame is on time by what the pipeline has announced: it comes from upstream no later than promised,
 * or leaves us early enough for the sink all the same. */
static GstClockTime
announced_lag (GstMaeEncoder *self)
{
  GstClockTime lag = self->upstream_latency;

  GST_OBJECT_LOCK (self);
  lag += self->settings.max_lateness;
  if (self->pipeline_latency > lag + self->latency)
    lag = self->pipeline_latency - self->latency;
  GST_OBJECT_UNLOCK (self);
  return lag;
}

static gboolean
gst_mae_encoder_src_event (GstBaseTransform *trans, GstEvent *event)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  GstClockTime latency;

  if (GST_EVENT_TYPE (event) == GST_EVENT_LATENCY) {
    gst_event_parse_latency (event, &latency);
    GST_OBJECT_LOCK (self);
    self->pipeline_latency = latency;
    GST_OBJECT_UNLOCK (self);
    g_atomic_int_set (&self->ask_latency, TRUE);
  }
  return GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->src_event (trans, event);
}

static gboolean
gst_mae_encoder_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    reset_stream (GST_MAE_ENCODER (trans));
  return GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->sink_event (trans, event);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static gboolean
is_late (GstMaeEncoder *self, GstClockTime running_time, GstClockTime max_lateness)
{
  GstClockTime now;

  if (g_atomic_int_compare_and_exchange (&self->ask_latency, TRUE, FALSE))
    ask_upstream_latency (self);
  if (!self->live || !GST_CLOCK_TIME_IS_VALID (running_time) || max_lateness > MAX_LATENESS)
    return FALSE;
  now = gst_element_get_current_running_time (GST_ELEMENT (self));
  return GST_CLOCK_TIME_IS_VALID (now)
      && gst_lateness_is_late (&self->lateness, now, running_time, announced_lag (self), max_lateness);
}

static Verdict
judge (GstMaeEncoder *self, GstBuffer *frame)
{
  GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstClockTime running_time = GST_CLOCK_TIME_NONE, interval, max_lateness, slack;
  gboolean late;

  if (segment->format == GST_FORMAT_TIME)
    running_time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (frame));
  slack = GST_BUFFER_DURATION_IS_VALID (frame) ? GST_BUFFER_DURATION (frame) / 2 : 0;
  GST_OBJECT_LOCK (self);
  interval = self->settings.interval;
  max_lateness = self->settings.max_lateness;
  GST_OBJECT_UNLOCK (self);

  late = is_late (self, running_time, max_lateness);    /* learns from every frame, due or not */
  if (!gst_interval_is_due (&self->pace, running_time, interval, slack))
    return SKIP_INTERVAL;
  if (late)
    return SKIP_LATE;
  gst_interval_take (&self->pace, running_time, interval);
  return ENCODE;
}

/* Fills embedding when the frame yields one; its buffers are the caller's. A frame that cannot be read is counted, the
 * first one warned about, and the stream goes on. */
static GstFlowReturn
encode (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, GstMaeEmbedding *embedding)
{
  g_autoptr (GError) error = NULL;
  gboolean grew, warn;

  if (gst_mae_embedder_embed (embedder, frame, embedding, &error)) {
    GST_OBJECT_LOCK (self);
    gst_mae_stats_encoded (&self->stats, embedding->encode_time);
    grew = latency_grew (self, embedding->encode_time);
    GST_OBJECT_UNLOCK (self);
    GST_LOG_OBJECT (self, "encoded in %" GST_TIME_FORMAT, GST_TIME_ARGS (embedding->encode_time));
    if (grew)
      gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
    return GST_FLOW_OK;
  }
  if (error->domain != GST_STREAM_ERROR) {
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return GST_FLOW_ERROR;
  }
  GST_OBJECT_LOCK (self);
  warn = gst_mae_stats_passed (&self->stats, &self->stats.unreadable);
  GST_OBJECT_UNLOCK (self);
  if (warn)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("%s. Such frames get no embedding.", error->message), (NULL));
  return GST_FLOW_OK;
}

/* A buffer of the numbers alone, with the times, the embedding and the metas of the frame that outlive its pixels. */
static GstBuffer *
tensors_buffer (GstMaeEncoder *self, GstMaeEmbedder *embedder, GstBuffer *frame, const GstMaeEmbedding *embedding)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstBuffer *buffer = gst_mae_embedder_copy_embedding (embedder, embedding->embedding);

  if (!buffer)
    return NULL;
  GST_BASE_TRANSFORM_GET_CLASS (trans)->copy_metadata (trans, frame, buffer);
  gst_buffer_add_mae_embedding (buffer, embedding);
  return buffer;
}

static void
count_skipped (GstMaeEncoder *self, Verdict verdict)
{
  GST_OBJECT_LOCK (self);
  gst_mae_stats_passed (&self->stats, verdict == SKIP_LATE ? &self->stats.skipped_late
      : &self->stats.skipped_interval);
  GST_OBJECT_UNLOCK (self);
}

/* Replaces transform and transform_ip, because only one of our two outputs is the input buffer. The base class takes an
 * element without those for a passthrough one, and rightly so: it must never allocate video frames for us. */
static GstFlowReturn
gst_mae_encoder_generate_output (GstBaseTransform *trans, GstBuffer **outbuf)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GstMaeEmbedder) embedder = get_embedder (self);
  g_autoptr (GstBuffer) frame = g_steal_pointer (&trans->queued_buf);
  GstMaeEmbedding embedding = { NULL };
  GstFlowReturn flow = GST_FLOW_OK;
  Verdict verdict;

  *outbuf = NULL;
  if (!frame)
    return GST_FLOW_OK;
  if (!self->negotiated || !embedder)
    return GST_FLOW_NOT_NEGOTIATED;

  verdict = judge (self, frame);
  GST_LOG_OBJECT (self, "%s %" GST_PTR_FORMAT, verdict == ENCODE ? "encoding" : verdict == SKIP_LATE ? "too late:"
      : "not due:", frame);
  if (verdict != ENCODE)
    count_skipped (self, verdict);
  else if ((flow = encode (self, embedder, frame, &embedding)) != GST_FLOW_OK)
    return flow;

  if (!self->as_tensors) {
    /* Copies the buffer's description at most; both copies hold the same pixels. */
    *outbuf = gst_buffer_make_writable (g_steal_pointer (&frame));
    if (embedding.embedding)
      gst_buffer_add_mae_embedding (*outbuf, &embedding);
  } else if (embedding.embedding && !(*outbuf = tensors_buffer (self, embedder, frame, &embedding))) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("There is no memory for an embedding."), (NULL));
    flow = GST_FLOW_ERROR;
  }
  gst_clear_buffer (&embedding.embedding);
  gst_clear_buffer (&embedding.tokens);
  return flow;
}

/* ---- the object ------------------------------------------------------------------------------------ */

static void
gst_mae_encoder_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_mae_encoder_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_encoder_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_MODEL_ID)
    g_value_set_string (value, gst_mae_stats_model_id (&self->stats));
  else if (id == PROP_STATS)
    g_value_take_boxed (value, gst_mae_stats_describe (&self->stats));
  else
    known = gst_mae_encoder_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_encoder_finalize (GObject *object)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (object);

  gst_mae_stats_clear (&self->stats);
  g_clear_pointer (&self->embedder, gst_mae_embedder_unref);
  gst_mae_encoder_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_mae_encoder_parent_class)->finalize (object);
}

static void
install_properties (GObjectClass *class)
{
  const GParamFlags readable = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

  gst_mae_encoder_settings_install (class);
  g_object_class_install_property (class, PROP_MODEL_ID, g_param_spec_string ("model-id", "Model id",
          "First 16 hexadecimal digits of the SHA-256 of the model file; known once the element has started",
          NULL, readable));
  g_object_class_install_property (class, PROP_STATS, g_param_spec_boxed ("stats", "Statistics",
          "Since the last start: frames, encoded, skipped-late, skipped-interval, unreadable (uint64); ms-p50, ms-p95 "
          "of the last 256 encodings (double); device, precision, reason, model-id (string)",
          GST_TYPE_STRUCTURE, readable));
}

static void
gst_mae_encoder_class_init (GstMaeEncoderClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (class);

  GST_DEBUG_CATEGORY_INIT (gst_mae_encoder_debug, "mae-encoder", 0, "masked autoencoder: frames to embeddings");

  object_class->set_property = gst_mae_encoder_set_property;
  object_class->get_property = gst_mae_encoder_get_property;
  object_class->finalize = gst_mae_encoder_finalize;
  install_properties (object_class);

  transform_class->start = GST_DEBUG_FUNCPTR (gst_mae_encoder_start);
  transform_class->stop = GST_DEBUG_FUNCPTR (gst_mae_encoder_stop);
  transform_class->transform_caps = GST_DEBUG_FUNCPTR (gst_mae_encoder_transform_caps);
  transform_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_mae_encoder_fixate_caps);
  transform_class->set_caps = GST_DEBUG_FUNCPTR (gst_mae_encoder_set_caps);
  transform_class->propose_allocation = GST_DEBUG_FUNCPTR (gst_mae_encoder_propose_allocation);
  transform_class->query = GST_DEBUG_FUNCPTR (gst_mae_encoder_query);
  transform_class->src_event = GST_DEBUG_FUNCPTR (gst_mae_encoder_src_event);
  transform_class->sink_event = GST_DEBUG_FUNCPTR (gst_mae_encoder_sink_event);
  transform_class->generate_output = GST_DEBUG_FUNCPTR (gst_mae_encoder_generate_output);
  transform_class->passthrough_on_same_caps = FALSE;

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Masked autoencoder encoder", "Filter/Analyzer/Video",
      "Attaches to video frames the embedding that a masked autoencoder's encoder computes, or sends it alone",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 -m plaza-test-src num-buffers=10 ! mae-encoder ! fakesink");
  gst_type_mark_as_plugin_api (GST_TYPE_MAE_DEVICE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_MAE_PRECISION, 0);
}

static void
gst_mae_encoder_init (GstMaeEncoder *self)
{
  gst_mae_encoder_settings_init (&self->settings);
  reset_stream (self);
}
