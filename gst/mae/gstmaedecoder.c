/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmaedecoder.c: video frames in; out, side by side, the frame, what a masked autoencoder saw of it, and what it made
 * of that.
 */
/**
 * SECTION:element-mae-decoder
 * @title: mae-decoder
 * @see_also: mae-encoder, mae-trainer
 *
 * Shows what a masked autoencoder has learned: most patches of each frame are hidden, the encoder looks at the others,
 * and the decoder paints the hidden ones. Out comes RGB video of up to three panels side by side, each of the model's
 * size: the original, the masked and the completed picture. What lies in a hidden patch of the completed one comes from
 * the model; only the patch's mean and contrast are taken from the original, because training leaves them out. Panels
 * carry a pixel aspect ratio with which the scene is not distorted.
 *
 * The model has to be a file with a decoder, as `mae-trainer` and `gst-heads train-encoder` write them; Meta's files of
 * pre-training in the Hugging Face layout have one too. One that was never trained works, paints noise, and says so.
 *
 * Which patches are hidden depends on #GstMaeDecoder:seed and the number of the frame since the stream began, so that
 * the same stream gives the same pictures.
 *
 * When it starts the element posts an element message `mae-decoder-ready` with the fields of `mae-encoder-ready`. A
 * frame that arrives too late at a synchronising sink makes it leave out the next ones, as every filter may.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 plaza-test-src shuffle=true num-buffers=3 seed=2 ! mae-decoder ! videoconvert ! pngenc ! \
 *   multifilesink location=triptych-%d.png
 * ]| Three moments on the plaza, and what the shipped encoder makes of a quarter of each.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaedecoder.h"

#include <gst/video/video.h>
#include <string.h>

#include "gst/common/gstframescaler.h"
#include "gst/common/gstmodelerror.h"
#include "gst/common/gsttimingwindow.h"
#include "gstmaeannounce.h"
#include "gstmaecaps.h"
#include "gstmaedecodersettings.h"
#include "models/gh-mae-picture.h"

GST_DEBUG_CATEGORY_STATIC (gst_mae_decoder_debug);
#define GST_CAT_DEFAULT gst_mae_decoder_debug

#define PROP_STATS GST_MAE_DECODER_N_SETTINGS

#define OUTPUT_CAPS GST_VIDEO_CAPS_MAKE ("RGB")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_MAE_VIDEO_CAPS));

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (OUTPUT_CAPS));

typedef struct
{
  guint64 frames, unreadable;
  gdouble loss, loss_sum;
  GstTimingWindow times;
} Stats;

struct _GstMaeDecoder
{
  GstBaseTransform parent;

  GstMaeDecoderSettings settings;       /* under the object lock */

  /* From start() to stop(), under the object lock. */
  GhEncoder *encoder;
  guint shown;                  /* panels, as they were at start() */
  GstClockTime latency;

  Stats stats;                  /* also after stop(); under the object lock */

  /* From start() to stop(); only the streaming thread uses them in between. */
  GhMaePicture *picture;
  GstFrameScaler *scaler;
  GstVideoInfo out_info;
  guint64 number;               /* of the next frame */
};

G_DEFINE_TYPE (GstMaeDecoder, gst_mae_decoder, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (mae_decoder, "mae-decoder", GST_RANK_NONE, GST_TYPE_MAE_DECODER);

/* ---- starting and stopping ------------------------------------------------------------------------- */

/* How long a frame takes; the first round warms up. */
static GstClockTime
rehearse (GhMaePicture *picture, const GhMaeConfig *config)
{
  gsize stride = (gsize) config->width * 3;
  g_autofree guint8 *black = g_malloc0 (stride * config->height);
  GhMaePictureMask mask = { -1, 0, 0 };
  GstClockTime start = 0;

  for (gint round = 0; round < 2; round++) {
    start = gst_util_get_timestamp ();
    gh_mae_picture_make (picture, black, stride, &mask, NULL, NULL, 0, NULL, NULL);
  }
  return gst_util_get_timestamp () - start;
}

static gboolean
gst_mae_decoder_start (GstBaseTransform *trans)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  g_auto (GstMaeDecoderSettings) s = { NULL };
  g_autoptr (GError) error = NULL;
  const GhMaeConfig *config;
  GhEncoder *encoder;
  GstClockTime latency;

  GST_OBJECT_LOCK (self);
  s = gst_mae_decoder_settings_copy (&self->settings);
  GST_OBJECT_UNLOCK (self);

  if (s.panels == 0) {
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("There is nothing to show. Set the property 'panels' to one or more "
            "of original, masked and completed, joined by +."), (NULL));
    return FALSE;
  }
  encoder = gh_encoder_load (s.model, s.device, s.precision, s.threads, &error);
  self->picture = encoder ? gh_mae_picture_new (encoder, &error) : NULL;
  if (!self->picture) {
    g_clear_pointer (&encoder, gh_encoder_unref);
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return FALSE;
  }
  config = gh_encoder_config (encoder);
  self->scaler = gst_frame_scaler_new (config->width, config->height, s.threads);
  self->number = 0;
  latency = rehearse (self->picture, config);

  GST_OBJECT_LOCK (self);
  self->encoder = encoder;
  self->shown = s.panels;
  self->latency = latency;
  self->stats = (Stats) { 0 };
  GST_OBJECT_UNLOCK (self);

  gst_mae_announce (GST_ELEMENT (self), encoder, "mae-decoder-ready", "the model was never trained: what it paints is "
      "noise");
  return TRUE;
}

static gboolean
gst_mae_decoder_stop (GstBaseTransform *trans)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GhEncoder *encoder;

  GST_OBJECT_LOCK (self);
  encoder = g_steal_pointer (&self->encoder);
  GST_OBJECT_UNLOCK (self);
  g_clear_pointer (&self->picture, gh_mae_picture_free);
  g_clear_pointer (&self->scaler, gst_frame_scaler_free);
  g_clear_pointer (&encoder, gh_encoder_unref);
  return TRUE;
}

/* ---- caps ------------------------------------------------------------------------------------------ */

static guint
n_panels (guint shown)
{
  return !!(shown & GST_MAE_DECODER_ORIGINAL) + !!(shown & GST_MAE_DECODER_MASKED)
      + !!(shown & GST_MAE_DECODER_COMPLETED);
}

/* RGB of any size before start(), of the one there is afterwards. */
static GstCaps *
output_caps (GstMaeDecoder *self)
{
  GstCaps *caps = gst_caps_from_string (OUTPUT_CAPS);

  GST_OBJECT_LOCK (self);
  if (self->encoder)
    gst_caps_set_simple (caps, "width", G_TYPE_INT, gh_encoder_config (self->encoder)->width * n_panels (self->shown),
        "height", G_TYPE_INT, gh_encoder_config (self->encoder)->height, NULL);
  GST_OBJECT_UNLOCK (self);
  gst_caps_set_simple (caps, "pixel-aspect-ratio", GST_TYPE_FRACTION_RANGE, 1, G_MAXINT, G_MAXINT, 1, NULL);
  return caps;
}

static GstCaps *
gst_mae_decoder_transform_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    const GValue *framerate = gst_structure_get_value (gst_caps_get_structure (caps, i), "framerate");
    GstCaps *one = direction == GST_PAD_SINK ? output_caps (self) : gst_caps_from_string (GST_MAE_VIDEO_CAPS);

    if (framerate)
      gst_caps_set_value (one, "framerate", framerate);
    result = gst_caps_merge (result, one);
  }
  if (filter) {
    GstCaps *all = result;

    result = gst_caps_intersect_full (filter, all, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref (all);
  }
  GST_DEBUG_OBJECT (self, "%" GST_PTR_FORMAT " becomes %" GST_PTR_FORMAT, caps, result);
  return result;
}

/* The panels' pixels undo the stretching to the model's size. */
static GstCaps *
gst_mae_decoder_fixate_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *othercaps)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GstVideoInfo info;
  guint num = 1, den = 1;

  othercaps = gst_caps_make_writable (gst_caps_truncate (othercaps));
  if (direction == GST_PAD_SINK && gst_video_info_from_caps (&info, caps)) {
    GST_OBJECT_LOCK (self);
    if (self->encoder && !gst_video_calculate_display_ratio (&num, &den, info.width, info.height, info.par_n,
            info.par_d, gh_encoder_config (self->encoder)->width, gh_encoder_config (self->encoder)->height))
      num = den = 1;
    GST_OBJECT_UNLOCK (self);
    gst_structure_fixate_field_nearest_fraction (gst_caps_get_structure (othercaps, 0), "pixel-aspect-ratio", num, den);
  }
  return gst_caps_fixate (othercaps);
}

static gboolean
gst_mae_decoder_set_caps (GstBaseTransform *trans, GstCaps *in, GstCaps *out)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GstVideoInfo info;

  return self->scaler && gst_video_info_from_caps (&info, in) && gst_video_info_from_caps (&self->out_info, out)
      && gst_frame_scaler_set_info (self->scaler, &info);
}

/* A frame of the input, whatever padding its buffer has, becomes one of the output. */
static gboolean
gst_mae_decoder_transform_size (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, gsize size,
    GstCaps *othercaps, gsize *othersize)
{
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, othercaps))
    return FALSE;
  *othersize = info.size;
  return TRUE;
}

static gboolean
gst_mae_decoder_propose_allocation (GstBaseTransform *trans, GstQuery *decide_query, GstQuery *query)
{
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  gst_query_add_allocation_meta (query, GST_VIDEO_CROP_META_API_TYPE, NULL);
  return TRUE;
}

/* ---- latency and events ---------------------------------------------------------------------------- */

static gboolean
gst_mae_decoder_query (GstBaseTransform *trans, GstPadDirection direction, GstQuery *query)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GstClockTime min, max, own;
  gboolean live;

  if (!GST_BASE_TRANSFORM_CLASS (gst_mae_decoder_parent_class)->query (trans, direction, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY || direction != GST_PAD_SRC)
    return TRUE;

  gst_query_parse_latency (query, &live, &min, &max);
  GST_OBJECT_LOCK (self);
  own = live ? self->latency : 0;
  GST_OBJECT_UNLOCK (self);
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_IS_VALID (max) ? max + own : max);
  return TRUE;
}

static gboolean
gst_mae_decoder_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START)
    GST_MAE_DECODER (trans)->number = 0;
  return GST_BASE_TRANSFORM_CLASS (gst_mae_decoder_parent_class)->sink_event (trans, event);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static GhMaePictureMask
next_mask (GstMaeDecoder *self)
{
  GhMaePictureMask mask;

  GST_OBJECT_LOCK (self);
  mask = (GhMaePictureMask) { self->settings.mask_ratio, self->settings.seed,
    self->settings.mask_mode == GST_MAE_DECODER_FIXED ? 0 : self->number };
  GST_OBJECT_UNLOCK (self);
  self->number++;
  return mask;
}

/* Fills the mapped output from rgb[height,width,3]. */
static gboolean
draw (GstMaeDecoder *self, GstVideoFrame *out, const guint8 *rgb, gsize stride, gdouble *loss, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (self->encoder);
  const gsize out_stride = GST_VIDEO_FRAME_PLANE_STRIDE (out, 0), panel = (gsize) config->width * 3;
  guint8 *at = GST_VIDEO_FRAME_PLANE_DATA (out, 0), *masked = NULL, *completed = NULL;
  GhMaePictureMask mask = next_mask (self);

  if (self->shown & GST_MAE_DECODER_ORIGINAL) {
    for (gint y = 0; y < config->height; y++)
      memcpy (at + y * out_stride, rgb + y * stride, panel);
    at += panel;
  }
  if (self->shown & GST_MAE_DECODER_MASKED) {
    masked = at;
    at += panel;
  }
  if (self->shown & GST_MAE_DECODER_COMPLETED)
    completed = at;
  return gh_mae_picture_make (self->picture, rgb, stride, &mask, masked, completed, out_stride, loss, error);
}

static void
count (GstMaeDecoder *self, gdouble loss, GstClockTime time)
{
  GST_OBJECT_LOCK (self);
  self->stats.frames++;
  self->stats.loss = loss;
  self->stats.loss_sum += loss;
  gst_timing_window_add (&self->stats.times, time);
  GST_OBJECT_UNLOCK (self);
}

/* A frame that cannot be read is counted, the first one warned about, and left out. */
static GstFlowReturn
leave_out (GstMaeDecoder *self, GstBuffer *in)
{
  gboolean first;

  GST_OBJECT_LOCK (self);
  first = self->stats.unreadable++ == 0;
  GST_OBJECT_UNLOCK (self);
  if (first)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT, ("A frame of %" G_GSIZE_FORMAT " bytes does not hold the picture its "
            "caps promise. Such frames are left out.", gst_buffer_get_size (in)), (NULL));
  return GST_BASE_TRANSFORM_FLOW_DROPPED;
}

static GstFlowReturn
gst_mae_decoder_transform (GstBaseTransform *trans, GstBuffer *in, GstBuffer *out)
{
  GstMaeDecoder *self = GST_MAE_DECODER (trans);
  GstClockTime start = gst_util_get_timestamp ();
  g_autoptr (GError) error = NULL;
  const guint8 *rgb;
  GstVideoFrame frame;
  gdouble loss;
  gsize stride;
  gboolean drawn;

  if (!(rgb = gst_frame_scaler_scale (self->scaler, in, &stride)))
    return leave_out (self, in);
  if (!gst_video_frame_map (&frame, &self->out_info, out, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT, ("A buffer for the pictures cannot be written to. Put "
            "'videoconvert' behind %s.", GST_OBJECT_NAME (self)), (NULL));
    return GST_FLOW_ERROR;
  }
  drawn = draw (self, &frame, rgb, stride, &loss, &error);
  gst_video_frame_unmap (&frame);
  if (!drawn) {
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return GST_FLOW_ERROR;
  }
  count (self, loss, gst_util_get_timestamp () - start);
  GST_LOG_OBJECT (self, "loss %.4f for %" GST_PTR_FORMAT, loss, in);
  return GST_FLOW_OK;
}

/* ---- the object ------------------------------------------------------------------------------------ */

static GstStructure *
describe_stats (const Stats *stats)
{
  GstStructure *description = gst_structure_new ("mae-decoder-stats", "frames", G_TYPE_UINT64, stats->frames,
      "unreadable", G_TYPE_UINT64, stats->unreadable, "loss", G_TYPE_DOUBLE, stats->loss, "loss-mean", G_TYPE_DOUBLE,
      stats->frames ? stats->loss_sum / stats->frames : 0.0, NULL);

  gst_timing_window_describe (&stats->times, description);
  return description;
}

static void
gst_mae_decoder_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstMaeDecoder *self = GST_MAE_DECODER (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_mae_decoder_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_decoder_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstMaeDecoder *self = GST_MAE_DECODER (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATS)
    g_value_take_boxed (value, describe_stats (&self->stats));
  else
    known = gst_mae_decoder_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_mae_decoder_finalize (GObject *object)
{
  GstMaeDecoder *self = GST_MAE_DECODER (object);

  gst_mae_decoder_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_mae_decoder_parent_class)->finalize (object);
}

static void
gst_mae_decoder_class_init (GstMaeDecoderClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);
  GstBaseTransformClass *transform_class = GST_BASE_TRANSFORM_CLASS (class);

  GST_DEBUG_CATEGORY_INIT (gst_mae_decoder_debug, "mae-decoder", 0, "masked autoencoder: what it knows, as pictures");

  object_class->set_property = gst_mae_decoder_set_property;
  object_class->get_property = gst_mae_decoder_get_property;
  object_class->finalize = gst_mae_decoder_finalize;
  gst_mae_decoder_settings_install (object_class);
  g_object_class_install_property (object_class, PROP_STATS, g_param_spec_boxed ("stats", "Statistics",
          "Since the last start: frames, unreadable (uint64); loss of the last frame and loss-mean of all, as in "
          "training: about 1 for a model that knows nothing (double); ms-p50, ms-p95 of the last 256 frames (double)",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  transform_class->start = GST_DEBUG_FUNCPTR (gst_mae_decoder_start);
  transform_class->stop = GST_DEBUG_FUNCPTR (gst_mae_decoder_stop);
  transform_class->transform_caps = GST_DEBUG_FUNCPTR (gst_mae_decoder_transform_caps);
  transform_class->fixate_caps = GST_DEBUG_FUNCPTR (gst_mae_decoder_fixate_caps);
  transform_class->set_caps = GST_DEBUG_FUNCPTR (gst_mae_decoder_set_caps);
  transform_class->transform_size = GST_DEBUG_FUNCPTR (gst_mae_decoder_transform_size);
  transform_class->propose_allocation = GST_DEBUG_FUNCPTR (gst_mae_decoder_propose_allocation);
  transform_class->query = GST_DEBUG_FUNCPTR (gst_mae_decoder_query);
  transform_class->sink_event = GST_DEBUG_FUNCPTR (gst_mae_decoder_sink_event);
  transform_class->transform = GST_DEBUG_FUNCPTR (gst_mae_decoder_transform);
  transform_class->passthrough_on_same_caps = FALSE;

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Masked autoencoder decoder", "Filter/Effect/Video",
      "Shows frames, what a masked autoencoder sees of them, and what it makes of that, side by side",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example", "gst-launch-1.0 plaza-test-src num-buffers=40 ! "
      "mae-trainer config=tiny steps=4 batch-size=4 location=tiny.safetensors && gst-launch-1.0 plaza-test-src "
      "num-buffers=3 ! mae-decoder model=tiny.safetensors ! videoconvert ! fakevideosink");
}

static void
gst_mae_decoder_init (GstMaeDecoder *self)
{
  gst_mae_decoder_settings_init (&self->settings);
  gst_base_transform_set_qos_enabled (GST_BASE_TRANSFORM (self), TRUE);
}
