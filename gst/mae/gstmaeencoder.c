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
 * ## On a GPU
 *
 * With the encoder on an NVIDIA GPU, frames in its memory (`memory:CUDAMemory`, as `nvh264dec` makes them) are read where
 * they lie, and pass on there. The element shares the CUDA context it works in, by the query and the message that
 * GStreamer has for that: decoders of the same pipeline use it. Frames of another context or another GPU, and formats that
 * the kernels do not know, are copied to the processor's memory first; a warning says so once. GStreamer's library for such
 * frames, libgstcuda-1.0 (1.22 or newer), is opened at run time: without it, or on the processor, only frames in system
 * memory are asked for.
 *
 * #GstMaeEncoder:overlap holds each encoded frame back until the next one comes, so that it is encoded while that one is
 * decoded and copied. The frame more of latency is in the LATENCY query. Whatever must not overtake a frame (the end,
 * another format, a gap) brings it out first; a flush throws it away. A live source that stalls keeps one frame waiting.
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
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=50 ! video/x-raw,width=1280,height=720 ! x264enc \
 *     ! h264parse ! nvh264dec ! mae-encoder device=cuda overlap=true ! fakesink
 * ]| Decoded and encoded on a GPU, where the frames stay.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gst/common/gstmodelerror.h"
#include "gst/lib/gstmaeembeddingcaps.h"
#include "gstmaeannounce.h"
#include "gstmaecaps.h"
#include "gstmaeencoderprivate.h"
#include "gstmaeenums.h"

GST_DEBUG_CATEGORY (gst_mae_encoder_debug);
#define GST_CAT_DEFAULT gst_mae_encoder_debug

#define PROP_MODEL_ID GST_MAE_ENCODER_N_SETTINGS
#define PROP_STATS (GST_MAE_ENCODER_N_SETTINGS + 1)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_ENCODER_VIDEO_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_ENCODER_VIDEO_CAPS "; " GST_MAE_EMBEDDING_CAPS));

G_DEFINE_TYPE (GstMaeEncoder, gst_mae_encoder, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (mae_encoder, "mae-encoder", GST_RANK_NONE, GST_TYPE_MAE_ENCODER);

/* ---- starting and stopping ------------------------------------------------------------------------- */

/* One for all who ask. NULL, and the reason (g_free()), where no frames in a GPU's memory can be had. */
static GstMaeCuda *
get_cuda (GstMaeEncoder *self, gchar **why)
{
  GstMaeCuda *cuda;
  GhDevice device;

  GST_OBJECT_LOCK (self);
  device = self->settings.device;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&self->cuda_lock);
  if (!self->cuda)
    self->cuda = gst_mae_cuda_new (device, why);
  cuda = self->cuda ? gst_mae_cuda_ref (self->cuda) : NULL;
  g_mutex_unlock (&self->cuda_lock);
  return cuda;
}

/* Elements that come later, decoders too, are given our context by their bin. */
static void
offer_device (GstMaeEncoder *self, GstMaeEmbedder *embedder)
{
  const gboolean on_device = g_str_equal (gh_encoder_device (gst_mae_embedder_encoder (embedder)), "cuda");
  g_autofree gchar *why = NULL;
  g_autoptr (GstMaeCuda) cuda = on_device ? get_cuda (self, &why) : NULL;

  if (cuda) {
    gst_mae_embedder_use_cuda (embedder, cuda);
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_have_context (GST_OBJECT (self),
            gst_mae_cuda_context (cuda)));
  } else if (on_device) {
    GST_INFO_OBJECT (self, "frames in the GPU's memory are not taken: %s", why);
  }
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
  offer_device (self, embedder);

  GST_OBJECT_LOCK (self);
  self->embedder = embedder;
  self->latency = latency;
  self->hold = 0;
  self->pipeline_latency = 0;
  gst_mae_stats_start (&self->stats, encoder);
  GST_OBJECT_UNLOCK (self);

  self->negotiated = FALSE;
  gst_mae_encoder_reset_pace (self);
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

  gst_mae_encoder_forget_frames (self);
  GST_OBJECT_LOCK (self);
  embedder = g_steal_pointer (&self->embedder);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&embedder, gst_mae_embedder_unref);
  g_mutex_lock (&self->cuda_lock);      /* the device may be another one next time */
  g_clear_pointer (&self->cuda, gst_mae_cuda_unref);
  g_mutex_unlock (&self->cuda_lock);
  return TRUE;
}

/* ---- caps ------------------------------------------------------------------------------------------ */

static GstCaps *
gst_mae_encoder_transform_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GstMaeEmbedder) embedder = gst_mae_encoder_get_embedder (self);
  GstCaps *result;

  result = gst_mae_caps_transform (embedder ? gst_mae_embedder_encoder (embedder) : NULL,
      !embedder || gst_mae_embedder_uses_cuda (embedder), direction, caps);
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

/* Frames that are held back are late by the time from one to the next. 0: none is. */
static void
choose_hold (GstMaeEncoder *self, GstMaeEmbedder *embedder, const GstVideoInfo *info)
{
  const gboolean on_device = g_str_equal (gh_encoder_device (gst_mae_embedder_encoder (embedder)), "cuda");
  GstClockTime hold = 0;
  gboolean changed;

  if (on_device && GST_VIDEO_INFO_FPS_N (info) > 0)
    hold = gst_util_uint64_scale (GST_SECOND, GST_VIDEO_INFO_FPS_D (info), GST_VIDEO_INFO_FPS_N (info));
  GST_OBJECT_LOCK (self);
  if (!self->settings.overlap)
    hold = 0;
  changed = hold != self->hold;
  self->hold = hold;
  GST_OBJECT_UNLOCK (self);
  if (changed)
    gst_element_post_message (GST_ELEMENT (self), gst_message_new_latency (GST_OBJECT (self)));
}

static gboolean
gst_mae_encoder_set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  g_autoptr (GstMaeEmbedder) embedder = gst_mae_encoder_get_embedder (self);
  GstVideoInfo info;

  gst_mae_encoder_drain (self);         /* what is held back leaves by the caps of before */
  self->as_tensors = !gst_mae_caps_is_video (gst_caps_get_structure (out, 0));
  self->negotiated = embedder && gst_video_info_from_caps (&info, in) && gst_mae_embedder_set_info (embedder, &info);
  GST_DEBUG_OBJECT (self, "%s %" GST_PTR_FORMAT ", out %" GST_PTR_FORMAT, self->negotiated ? "taking" : "refusing",
      in, out);
  if (self->negotiated)
    choose_hold (self, embedder, &info);
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

/* ---- queries and events ---------------------------------------------------------------------------- */

/* Elements that make frames on a GPU ask whose context to use, before we have started. */
static gboolean
answer_context (GstMaeEncoder *self, GstQuery *query)
{
  g_autofree gchar *why = NULL;
  g_autoptr (GstMaeCuda) cuda = NULL;
  const gchar *type;

  if (!gst_query_parse_context_type (query, &type) || !g_str_equal (type, GST_MAE_CUDA_CONTEXT))
    return FALSE;
  if (!(cuda = get_cuda (self, &why)))
    GST_INFO_OBJECT (self, "no CUDA context to share: %s", why);
  return cuda && gst_mae_cuda_answer (cuda, GST_ELEMENT (self), query);
}

static gboolean
gst_mae_encoder_query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONTEXT && answer_context (self, query))
    return TRUE;
  if (direction == GST_PAD_SINK && GST_QUERY_IS_SERIALIZED (query))
    gst_mae_encoder_drain (self);
  if (!GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->query (trans, direction, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && direction == GST_PAD_SRC)
    gst_mae_encoder_add_latency (self, query);
  return TRUE;
}

static gboolean
gst_mae_encoder_src_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_LATENCY)
    gst_mae_encoder_take_latency (GST_MAE_ENCODER (trans), event);
  return GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->src_event (trans, event);
}

static gboolean
gst_mae_encoder_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP)
    gst_mae_encoder_forget_frames (self);
  else if (GST_EVENT_IS_SERIALIZED (event))
    gst_mae_encoder_drain (self);
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    gst_mae_encoder_reset_pace (self);
  return GST_BASE_TRANSFORM_CLASS (gst_mae_encoder_parent_class)->sink_event (trans, event);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

/* Replaces transform and transform_ip, because only one of our two outputs is the input buffer. The base class takes an
 * element without those for a passthrough one, and rightly so: it must never allocate video frames for us. It asks again
 * until nothing comes. */
static GstFlowReturn
gst_mae_encoder_generate_output (GstBaseTransform *trans, GstBuffer **outbuf)
{
  GstMaeEncoder *self = GST_MAE_ENCODER (trans);
  GstBuffer *frame = g_steal_pointer (&trans->queued_buf);
  GstFlowReturn flow = frame ? gst_mae_encoder_take (self, frame) : GST_FLOW_OK;

  *outbuf = flow == GST_FLOW_OK ? g_queue_pop_head (&self->outgoing) : NULL;
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
  g_clear_pointer (&self->cuda, gst_mae_cuda_unref);
  g_mutex_clear (&self->cuda_lock);
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
  g_mutex_init (&self->cuda_lock);
  g_queue_init (&self->outgoing);
  gst_mae_encoder_reset_pace (self);
}
