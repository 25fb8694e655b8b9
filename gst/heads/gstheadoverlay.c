/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadoverlay.c: the element head-overlay: negotiation, and the picture of the panel kept until it changes. It knows
 * the predictions meta and nothing of models.
 */
/**
 * SECTION:element-head-overlay
 * @title: head-overlay
 *
 * Draws the predictions that #head-predict attached to a frame: per head a card with its name, its answer and what it
 * said in the last while (a plot for numbers, a clock for the time of day, the confidence for classes). The cards scale
 * with the frame, from thumbnails to 4K.
 *
 * Where downstream can lay an overlay over the video itself (glimagesink and the like), the picture is left untouched
 * and the cards travel as a #GstVideoOverlayCompositionMeta; elsewhere they are blended into the frame. They are only
 * drawn anew when a prediction changes or the plot moves on.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=3 ! mae-encoder ! head-predict heads=plaza-people ! head-overlay ! videoconvert ! fakevideosink
 * ]| Shows how many people are on the plaza. Use autovideosink to watch.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadoverlay.h"

#include <gst/video/video.h>

#include "gstheadoverlaypanel.h"
#include "gstheadoverlaytracks.h"

GST_DEBUG_CATEGORY_STATIC (gst_head_overlay_debug);
#define GST_CAT_DEFAULT gst_head_overlay_debug

#define DEFAULT_HEADS NULL
#define DEFAULT_ANCHOR GST_HEAD_OVERLAY_TOP_LEFT
#define DEFAULT_SCALE 1.0
#define DEFAULT_FONT_DESC "Sans"
#define DEFAULT_PLOT TRUE
#define DEFAULT_HISTORY (30 * GST_SECOND)
#define DEFAULT_HOLD_TIME (5 * GST_SECOND)
#define DEFAULT_OPACITY 0.72

enum {
  PROP_0, PROP_HEADS, PROP_ANCHOR, PROP_SCALE, PROP_FONT_DESC, PROP_PLOT, PROP_HISTORY, PROP_HOLD_TIME, PROP_OPACITY
};

#define OVERLAY_FEATURE GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION
#define CAPS GST_VIDEO_CAPS_MAKE (GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS) "; " \
    GST_VIDEO_CAPS_MAKE_WITH_FEATURES (GST_CAPS_FEATURE_MEMORY_SYSTEM_MEMORY ", " OVERLAY_FEATURE, \
        GST_VIDEO_OVERLAY_COMPOSITION_BLEND_FORMATS)

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));

struct _GstHeadOverlay {
  GstBaseTransform parent;

  /* Properties, under the object lock. */
  gchar **heads;                /* NULL: all */
  gchar *font_desc;
  GstHeadOverlayAnchor anchor;
  gdouble scale, opacity;
  gboolean plot;
  GstClockTime history, hold_time;
  gboolean restyled;            /* a property changed since the panel was drawn */

  /* The stream; only the streaming thread, or nobody while it is stopped. */
  GstVideoInfo info;
  GstHeadTracks *tracks;
  GstVideoOverlayComposition *composition;      /* NULL: nothing to show */
  gboolean asked;               /* since the last caps, which is it: */
  gboolean attach;              /* downstream lays the overlay over the video */
  gboolean refused;             /* it accepted the caps feature, but does not know the meta */
};

G_DEFINE_TYPE (GstHeadOverlay, gst_head_overlay, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (head_overlay, "head-overlay", GST_RANK_NONE, GST_TYPE_HEAD_OVERLAY);

#define GST_TYPE_HEAD_OVERLAY_ANCHOR (gst_head_overlay_anchor_get_type ())
static GType
gst_head_overlay_anchor_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_HEAD_OVERLAY_TOP_LEFT, "Upper left corner", "top-left"},
    {GST_HEAD_OVERLAY_TOP_RIGHT, "Upper right corner", "top-right"},
    {GST_HEAD_OVERLAY_BOTTOM_LEFT, "Lower left corner", "bottom-left"},
    {GST_HEAD_OVERLAY_BOTTOM_RIGHT, "Lower right corner", "bottom-right"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstHeadOverlayAnchor", values));
  return type;
}

/* "people, time" -> { "people", "time" }; NULL when it names none. */
static gchar **
split_names (const gchar *text)
{
  g_auto (GStrv) parts = g_strsplit (text ? text : "", ",", -1);
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; parts[i]; i++) {
    if (*g_strstrip (parts[i]))
      g_ptr_array_add (names, g_strdup (parts[i]));
  }
  g_ptr_array_add (names, NULL);
  if (names->len > 1)
    return (gchar **) g_ptr_array_free (names, FALSE);
  g_ptr_array_free (names, TRUE);
  return NULL;
}

static void
gst_head_overlay_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_HEADS:
      g_strfreev (self->heads);
      self->heads = split_names (g_value_get_string (value));
      break;
    case PROP_ANCHOR:
      self->anchor = g_value_get_enum (value);
      break;
    case PROP_SCALE:
      self->scale = g_value_get_double (value);
      break;
    case PROP_FONT_DESC:
      g_free (self->font_desc);
      self->font_desc = g_value_dup_string (value);
      break;
    case PROP_PLOT:
      self->plot = g_value_get_boolean (value);
      break;
    case PROP_HISTORY:
      self->history = g_value_get_uint64 (value);
      break;
    case PROP_HOLD_TIME:
      self->hold_time = g_value_get_uint64 (value);
      break;
    case PROP_OPACITY:
      self->opacity = g_value_get_double (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  self->restyled = TRUE;
  GST_OBJECT_UNLOCK (self);
}

static void
gst_head_overlay_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_HEADS:
      g_value_take_string (value, self->heads ? g_strjoinv (",", self->heads) : NULL);
      break;
    case PROP_ANCHOR:
      g_value_set_enum (value, self->anchor);
      break;
    case PROP_SCALE:
      g_value_set_double (value, self->scale);
      break;
    case PROP_FONT_DESC:
      g_value_set_string (value, self->font_desc);
      break;
    case PROP_PLOT:
      g_value_set_boolean (value, self->plot);
      break;
    case PROP_HISTORY:
      g_value_set_uint64 (value, self->history);
      break;
    case PROP_HOLD_TIME:
      g_value_set_uint64 (value, self->hold_time);
      break;
    case PROP_OPACITY:
      g_value_set_double (value, self->opacity);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_head_overlay_finalize (GObject *object)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (object);

  gst_head_tracks_free (self->tracks);
  g_strfreev (self->heads);
  g_free (self->font_desc);
  G_OBJECT_CLASS (gst_head_overlay_parent_class)->finalize (object);
}

/* The same caps with or without the overlay feature. */
static GstCaps *
with_feature (GstCaps *caps, gboolean overlay)
{
  GstCaps *result = gst_caps_new_empty ();

  for (guint i = 0; i < gst_caps_get_size (caps); i++) {
    GstCapsFeatures *features = gst_caps_features_copy (gst_caps_get_features (caps, i));

    if (!gst_caps_features_is_any (features)) {
      gst_caps_features_remove (features, OVERLAY_FEATURE);
      if (overlay)
        gst_caps_features_add (features, OVERLAY_FEATURE);
    }
    gst_caps_append_structure_full (result, gst_structure_copy (gst_caps_get_structure (caps, i)), features);
  }
  return gst_caps_simplify (result);
}

/* Either side may come with the feature or without it. Downstream is asked for it first, unless it does not know the
 * meta after all; upstream is asked to do without. */
static GstCaps *
gst_head_overlay_transform_caps (GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);
  gboolean overlay_first = direction == GST_PAD_SINK && !self->refused;
  GstCaps *result = gst_caps_merge (with_feature (caps, overlay_first), with_feature (caps, !overlay_first));

  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full (result, filter, GST_CAPS_INTERSECT_FIRST);

    gst_caps_unref (result);
    result = filtered;
  }
  return result;
}

static gboolean
gst_head_overlay_set_caps (GstBaseTransform *trans, GstCaps *incaps, GstCaps *outcaps)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);

  if (!gst_video_info_from_caps (&self->info, incaps)) {
    GST_ERROR_OBJECT (self, "cannot use %" GST_PTR_FORMAT, incaps);
    return FALSE;
  }
  GST_DEBUG_OBJECT (self, "from %" GST_PTR_FORMAT " to %" GST_PTR_FORMAT, incaps, outcaps);
  GST_OBJECT_LOCK (self);
  self->restyled = TRUE;
  GST_OBJECT_UNLOCK (self);
  self->asked = FALSE;
  return TRUE;
}

/* Elements that take any caps also take the feature; only the allocation query tells whether they know the meta. */
static void
ask_downstream (GstHeadOverlay *self)
{
  GstPad *pad = GST_BASE_TRANSFORM_SRC_PAD (self);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  GstQuery *query;

  self->asked = caps != NULL;
  self->attach = FALSE;
  if (!caps || !gst_caps_features_contains (gst_caps_get_features (caps, 0), OVERLAY_FEATURE))
    return;
  query = gst_query_new_allocation (caps, FALSE);
  self->attach = gst_pad_peer_query (pad, query)
      && gst_query_find_allocation_meta (query, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, NULL);
  gst_query_unref (query);
  if (!self->attach && !self->refused) {
    GST_DEBUG_OBJECT (self, "downstream takes the caps feature but does not know the meta: blending instead");
    self->refused = TRUE;
    gst_base_transform_reconfigure_src (GST_BASE_TRANSFORM (self));
  }
}

static gboolean
gst_head_overlay_sink_event (GstBaseTransform *trans, GstEvent *event)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_STOP || GST_EVENT_TYPE (event) == GST_EVENT_STREAM_START) {
    gst_head_tracks_clear (self->tracks);
    g_clear_pointer (&self->composition, gst_video_overlay_composition_unref);
  }
  /* Before the first frame, so that it is not sent with caps that do not stay. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_CAPS) {
    gboolean ret = GST_BASE_TRANSFORM_CLASS (gst_head_overlay_parent_class)->sink_event (trans, event);

    if (ret)
      ask_downstream (self);
    return ret;
  }
  return GST_BASE_TRANSFORM_CLASS (gst_head_overlay_parent_class)->sink_event (trans, event);
}

static gboolean
gst_head_overlay_src_event (GstBaseTransform *trans, GstEvent *event)
{
  /* Something else may stand downstream now. */
  if (GST_EVENT_TYPE (event) == GST_EVENT_RECONFIGURE)
    GST_HEAD_OVERLAY (trans)->refused = FALSE;
  return GST_BASE_TRANSFORM_CLASS (gst_head_overlay_parent_class)->src_event (trans, event);
}

/* Brings tracks up to the frame, and the composition up to the tracks. */
static void
update (GstHeadOverlay *self, GstBuffer *buffer)
{
  GstHeadPanelStyle style = { self->info.width, self->info.height, self->info.par_n, self->info.par_d };
  g_autofree gchar *font = NULL;
  g_auto (GStrv) names = NULL;
  GstVideoOverlayRectangle *rectangle;
  gboolean redraw;

  GST_OBJECT_LOCK (self);
  style.anchor = self->anchor;
  style.scale = self->scale;
  style.opacity = self->opacity;
  style.plot = self->plot;
  style.history = self->history;
  style.font = font = g_strdup (self->font_desc);
  names = g_strdupv (self->heads);
  style.hold = self->hold_time;
  redraw = self->restyled;
  self->restyled = FALSE;
  GST_OBJECT_UNLOCK (self);

  redraw |= gst_head_tracks_update (self->tracks, buffer, GST_BUFFER_PTS (buffer), names, style.history,
      style.hold, style.plot);
  if (!redraw)
    return;
  g_clear_pointer (&self->composition, gst_video_overlay_composition_unref);
  rectangle = gst_head_panel_draw (self->tracks, &style);
  if (!rectangle)
    return;
  self->composition = gst_video_overlay_composition_new (rectangle);
  gst_video_overlay_rectangle_unref (rectangle);
}

/* For downstream to lay over the frame: what upstream wants there, with the panel on top. */
static void
attach (GstHeadOverlay *self, GstBuffer *buffer, GstVideoOverlayCompositionMeta *upstream)
{
  GstVideoOverlayComposition *both;

  if (!self->composition)
    return;
  if (!upstream || !upstream->overlay) {
    gst_buffer_add_video_overlay_composition_meta (buffer, self->composition);
    return;
  }
  both = gst_video_overlay_composition_copy (upstream->overlay);
  gst_video_overlay_composition_add_rectangle (both, gst_video_overlay_composition_get_rectangle (self->composition, 0));
  gst_buffer_remove_meta (buffer, GST_META_CAST (upstream));
  gst_buffer_add_video_overlay_composition_meta (buffer, both);
  gst_video_overlay_composition_unref (both);
}

/* The same, into the pixels. */
static GstFlowReturn
blend (GstHeadOverlay *self, GstBuffer *buffer, GstVideoOverlayCompositionMeta *upstream)
{
  GstVideoFrame frame;

  if (!self->composition && !upstream)
    return GST_FLOW_OK;
  if (!gst_video_frame_map (&frame, &self->info, buffer, GST_MAP_READWRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, ("head-overlay cannot draw into the memory of these frames. Put "
            "videoconvert or a download element before it."), ("mapping the frame for writing failed"));
    return GST_FLOW_ERROR;
  }
  if (upstream && upstream->overlay)
    gst_video_overlay_composition_blend (upstream->overlay, &frame);
  if (self->composition)
    gst_video_overlay_composition_blend (self->composition, &frame);
  gst_video_frame_unmap (&frame);
  if (upstream)
    gst_buffer_remove_meta (buffer, GST_META_CAST (upstream));
  return GST_FLOW_OK;
}

static GstFlowReturn
gst_head_overlay_transform_ip (GstBaseTransform *trans, GstBuffer *buffer)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);
  GstVideoOverlayCompositionMeta *upstream = gst_buffer_get_video_overlay_composition_meta (buffer);

  if (!self->asked)
    ask_downstream (self);
  update (self, buffer);
  if (!self->attach)
    return blend (self, buffer, upstream);
  attach (self, buffer, upstream);
  return GST_FLOW_OK;
}

static gboolean
gst_head_overlay_start (GstBaseTransform *trans)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);

  gst_video_info_init (&self->info);
  self->asked = self->attach = self->refused = FALSE;
  return TRUE;
}

static gboolean
gst_head_overlay_stop (GstBaseTransform *trans)
{
  GstHeadOverlay *self = GST_HEAD_OVERLAY (trans);

  gst_head_tracks_clear (self->tracks);
  g_clear_pointer (&self->composition, gst_video_overlay_composition_unref);
  return TRUE;
}

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING;

  g_object_class_install_property (klass, PROP_HEADS, g_param_spec_string ("heads", "Heads",
          "Which heads to show, top to bottom, separated by commas (unset = all)", DEFAULT_HEADS, flags));
  g_object_class_install_property (klass, PROP_ANCHOR, g_param_spec_enum ("anchor", "Anchor",
          "The corner of the frame to draw in", GST_TYPE_HEAD_OVERLAY_ANCHOR, DEFAULT_ANCHOR, flags));
  g_object_class_install_property (klass, PROP_SCALE, g_param_spec_double ("scale", "Scale",
          "Size of everything drawn; at 1 it follows the frame's height", 0.25, 8, DEFAULT_SCALE, flags));
  g_object_class_install_property (klass, PROP_FONT_DESC, g_param_spec_string ("font-desc", "Font description",
          "Pango description of the font, such as 'Noto Sans Condensed'; its size follows from scale",
          DEFAULT_FONT_DESC, flags));
  g_object_class_install_property (klass, PROP_PLOT, g_param_spec_boolean ("plot", "Plot",
          "Draw the values of the last while beside the answer (a clock for times of day, the confidence for classes)",
          DEFAULT_PLOT, flags));
  g_object_class_install_property (klass, PROP_HISTORY, g_param_spec_uint64 ("history", "History",
          "Nanoseconds of stream time that a plot shows", GST_SECOND, 7 * 24 * 3600 * GST_SECOND, DEFAULT_HISTORY, flags));
  /**
   * GstHeadOverlay:hold-time:
   *
   * An encoder that does not look at every frame leaves frames without predictions between; they go on showing the last
   * one for this long.
   */
  g_object_class_install_property (klass, PROP_HOLD_TIME, g_param_spec_uint64 ("hold-time", "Hold time",
          "Nanoseconds to go on showing the last prediction on frames without one (18446744073709551615 = for ever)", 0,
          G_MAXUINT64, DEFAULT_HOLD_TIME, flags));
  g_object_class_install_property (klass, PROP_OPACITY, g_param_spec_double ("opacity", "Opacity",
          "How opaque the cards behind the text are, from 0 (text and lines only) to 1", 0, 1, DEFAULT_OPACITY, flags));
}

static void
gst_head_overlay_class_init (GstHeadOverlayClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_head_overlay_debug, "head-overlay", 0, "draws head predictions");
  object_class->set_property = gst_head_overlay_set_property;
  object_class->get_property = gst_head_overlay_get_property;
  object_class->finalize = gst_head_overlay_finalize;
  install_properties (object_class);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Head overlay", "Filter/Effect/Video",
      "Draws the predictions that travel with a frame onto it, as text and plots", "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example", "gst-launch-1.0 plaza-test-src num-buffers=3 ! "
      "mae-encoder ! head-predict heads=plaza-people ! head-overlay ! videoconvert ! fakevideosink");
  gst_type_mark_as_plugin_api (GST_TYPE_HEAD_OVERLAY_ANCHOR, 0);

  trans_class->transform_caps = GST_DEBUG_FUNCPTR (gst_head_overlay_transform_caps);
  trans_class->set_caps = GST_DEBUG_FUNCPTR (gst_head_overlay_set_caps);
  trans_class->sink_event = GST_DEBUG_FUNCPTR (gst_head_overlay_sink_event);
  trans_class->src_event = GST_DEBUG_FUNCPTR (gst_head_overlay_src_event);
  trans_class->transform_ip = GST_DEBUG_FUNCPTR (gst_head_overlay_transform_ip);
  trans_class->start = GST_DEBUG_FUNCPTR (gst_head_overlay_start);
  trans_class->stop = GST_DEBUG_FUNCPTR (gst_head_overlay_stop);
}

static void
gst_head_overlay_init (GstHeadOverlay *self)
{
  self->tracks = gst_head_tracks_new ();
  self->anchor = DEFAULT_ANCHOR;
  self->scale = DEFAULT_SCALE;
  self->font_desc = g_strdup (DEFAULT_FONT_DESC);
  self->plot = DEFAULT_PLOT;
  self->history = DEFAULT_HISTORY;
  self->hold_time = DEFAULT_HOLD_TIME;
  self->opacity = DEFAULT_OPACITY;
  gst_base_transform_set_in_place (GST_BASE_TRANSFORM (self), TRUE);
}
