/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-plaza-test-src
 * @title: plaza-test-src
 *
 * Draws a plaza as a fixed camera sees it from above: houses, trees, lamps and a fountain, a changing number of people
 * walking about, and the light of the time of day. It is to learning from a camera what #videotestsrc is to video: it
 * needs no network and no licence, and knows what is really in each frame.
 *
 * The truth travels with each buffer as a #GstCustomMeta named "GstPlazaTruth" (people, minute-of-day, boxes), and with
 * #GstPlazaTestSrc:truth-location also goes to a CSV file that makes a folder of frames a labelled data set.
 *
 * A frame depends on the seed and its place in the stream alone: the same seed gives the same bytes, and seeking and
 * playing backwards are exact. People walk at the speed of the stream; #GstPlazaTestSrc:time-scale lets the daylight
 * run faster, and #GstPlazaTestSrc:shuffle makes every frame a moment of its own.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=60 time-of-day=1080 ! videoconvert ! fakevideosink
 * ]| Two seconds of the late afternoon, six o'clock. Use autovideosink to watch.
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=30 time-scale=2880 people=5 ! video/x-raw,width=480,height=288 ! fakesink
 * ]| A day passes in thirty seconds.
 * |[
 * gst-launch-1.0 plaza-test-src shuffle=true num-buffers=8 truth-location=/dev/null ! jpegenc ! fakesink
 * ]| Frames for training: each a random time of day and number of people. With multifilesink location=frame-%05d.jpg
 * and truth-location=labels.csv it is a labelled folder.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstplazatestsrc.h"

#include <gst/video/gstvideometa.h>
#include <gst/video/gstvideopool.h>
#include <gst/video/video.h>

#include "gst/common/gstposterror.h"
#include "gstplazasettings.h"
#include "gstplazatimeline.h"
#include "gstplazatruth.h"
#include "plaza-paint.h"

GST_DEBUG_CATEGORY_STATIC (gst_plaza_test_src_debug);
#define GST_CAT_DEFAULT gst_plaza_test_src_debug

#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define NATIVE_FORMAT GST_VIDEO_FORMAT_BGRx
#define NATIVE_NAME "BGRx"
#else
#define NATIVE_FORMAT GST_VIDEO_FORMAT_xRGB
#define NATIVE_NAME "xRGB"
#endif

#define DEFAULT_WIDTH 960
#define DEFAULT_HEIGHT 576

#define PROP_IS_LIVE GST_PLAZA_N_SETTINGS

#define RANGE "width = (int) [ 16, 8192 ], height = (int) [ 16, 8192 ], framerate = (fraction) [ 0/1, max ], " \
    "interlace-mode = (string) progressive"

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw, format = (string) " NATIVE_NAME ", " RANGE "; "
        "video/x-raw, format = (string) " GST_VIDEO_FORMATS_ALL ", " RANGE));

struct _GstPlazaTestSrc {
  GstPushSrc parent;

  GstPlazaSettings settings;    /* under the object lock */

  /* The stream; only the streaming thread, or nobody while it is stopped. */
  GstVideoInfo info;
  PlazaPainter *painter;
  PlazaMoment moment;
  GstVideoConverter *converter; /* NULL when downstream takes the native format */
  GstVideoInfo native;
  GstBuffer *canvas;            /* of the native format, with a converter */
  GstPlazaTruthFile *truth_file;
  GstPlazaTimeline timeline;
  guint64 sent;
  gboolean discont;

  /* Waiting for a live frame's time, under the object lock. */
  GstClockID wait;
  gboolean flushing;
};

G_DEFINE_TYPE (GstPlazaTestSrc, gst_plaza_test_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (plaza_test_src, "plaza-test-src", GST_RANK_NONE, GST_TYPE_PLAZA_TEST_SRC);

static void
gst_plaza_test_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (object);
  gboolean known;

  if (id == PROP_IS_LIVE) {
    gst_base_src_set_live (GST_BASE_SRC (self), g_value_get_boolean (value));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_plaza_settings_set (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_plaza_test_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (object);
  gboolean known;

  if (id == PROP_IS_LIVE) {
    g_value_set_boolean (value, gst_base_src_is_live (GST_BASE_SRC (self)));
    return;
  }
  GST_OBJECT_LOCK (self);
  known = gst_plaza_settings_get (&self->settings, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_plaza_test_src_finalize (GObject *object)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (object);

  gst_plaza_settings_clear (&self->settings);
  G_OBJECT_CLASS (gst_plaza_test_src_parent_class)->finalize (object);
}

static void
drop_picture (GstPlazaTestSrc *self)
{
  g_clear_pointer (&self->painter, plaza_painter_free);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  gst_clear_buffer (&self->canvas);
}

static GstCaps *
gst_plaza_test_src_fixate (GstBaseSrc *bsrc, GstCaps *caps)
{
  GstStructure *structure;
  gint width;

  caps = gst_caps_make_writable (gst_caps_truncate (caps));
  structure = gst_caps_get_structure (caps, 0);
  gst_structure_fixate_field_nearest_int (structure, "width", DEFAULT_WIDTH);
  if (gst_structure_get_int (structure, "width", &width))
    gst_structure_fixate_field_nearest_int (structure, "height", MAX (16, width * DEFAULT_HEIGHT / DEFAULT_WIDTH));
  gst_structure_fixate_field_nearest_fraction (structure, "framerate", 30, 1);
  if (gst_structure_has_field (structure, "pixel-aspect-ratio"))
    gst_structure_fixate_field_nearest_fraction (structure, "pixel-aspect-ratio", 1, 1);
  return GST_BASE_SRC_CLASS (gst_plaza_test_src_parent_class)->fixate (bsrc, caps);
}

static gboolean
gst_plaza_test_src_set_caps (GstBaseSrc *bsrc, GstCaps *caps)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (bsrc);
  GstVideoInfo info;
  gboolean same_size;

  if (!gst_video_info_from_caps (&info, caps)) {
    GST_ERROR_OBJECT (self, "cannot use %" GST_PTR_FORMAT, caps);
    return FALSE;
  }
  GST_DEBUG_OBJECT (self, "drawing %" GST_PTR_FORMAT, caps);
  same_size = self->painter && info.width == self->info.width && info.height == self->info.height;
  self->info = info;
  gst_plaza_timeline_set_rate (&self->timeline, info.fps_n, info.fps_d);
  if (!same_size)
    drop_picture (self);
  g_clear_pointer (&self->converter, gst_video_converter_free);
  gst_clear_buffer (&self->canvas);
  gst_base_src_set_blocksize (bsrc, (guint) info.size);
  return TRUE;
}

/* Says that the machine is too small for the frame, once. */
static GstFlowReturn
no_room (GstPlazaTestSrc *self)
{
  GST_ELEMENT_ERROR (self, RESOURCE, NO_SPACE_LEFT,
      ("There is not enough memory to draw frames of %dx%d. Ask for smaller ones with a caps filter.",
          self->info.width, self->info.height), (NULL));
  return GST_FLOW_ERROR;
}

/* The painter, and what is needed to turn its pixels into the negotiated format. */
static GstFlowReturn
ready_picture (GstPlazaTestSrc *self)
{
  if (!self->painter && !(self->painter = plaza_painter_new (self->info.width, self->info.height)))
    return no_room (self);
  if (GST_VIDEO_INFO_FORMAT (&self->info) == NATIVE_FORMAT || self->converter)
    return GST_FLOW_OK;
  gst_video_info_set_format (&self->native, NATIVE_FORMAT, self->info.width, self->info.height);
  self->native.fps_n = self->info.fps_n;
  self->native.fps_d = self->info.fps_d;
  self->native.par_n = self->info.par_n;
  self->native.par_d = self->info.par_d;
  self->converter = gst_video_converter_new (&self->native, &self->info, NULL);
  if (!self->converter) {
    GST_ELEMENT_ERROR (self, CORE, NEGOTIATION,
        ("plaza-test-src cannot draw %s. Put videoconvert after it.", GST_VIDEO_INFO_NAME (&self->info)), (NULL));
    return GST_FLOW_NOT_NEGOTIATED;
  }
  self->canvas = gst_buffer_new_allocate (NULL, self->native.size, NULL);
  return self->canvas ? GST_FLOW_OK : no_room (self);
}

static gboolean
gst_plaza_test_src_decide_allocation (GstBaseSrc *bsrc, GstQuery *query)
{
  GstBufferPool *pool = NULL;
  guint size = 0, min = 0, max = 0;
  GstStructure *config;
  GstCaps *caps;
  GstVideoInfo info;
  gboolean listed = gst_query_get_n_allocation_pools (query) > 0;

  gst_query_parse_allocation (query, &caps, NULL);
  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (listed)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &min, &max);
  size = MAX (size, info.size);
  if (!pool)
    pool = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, size, min, max);
  if (gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL))
    gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_set_config (pool, config);
  if (listed)
    gst_query_set_nth_allocation_pool (query, 0, pool, size, min, max);
  else
    gst_query_add_allocation_pool (query, pool, size, min, max);
  gst_object_unref (pool);
  return GST_BASE_SRC_CLASS (gst_plaza_test_src_parent_class)->decide_allocation (bsrc, query);
}

static gboolean
gst_plaza_test_src_query (GstBaseSrc *bsrc, GstQuery *query)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (bsrc);
  GstFormat from, to;
  gint64 value, result;

  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY && GST_VIDEO_INFO_FPS_N (&self->info) > 0) {
    GstClockTime latency = gst_util_uint64_scale (GST_SECOND, GST_VIDEO_INFO_FPS_D (&self->info),
        GST_VIDEO_INFO_FPS_N (&self->info));

    gst_query_set_latency (query, gst_base_src_is_live (bsrc), latency, GST_CLOCK_TIME_NONE);
    return TRUE;
  }
  if (GST_QUERY_TYPE (query) == GST_QUERY_CONVERT) {
    gst_query_parse_convert (query, &from, &value, &to, NULL);
    if (!self->info.finfo || !gst_video_info_convert (&self->info, from, value, to, &result))
      return FALSE;
    gst_query_set_convert (query, from, value, to, result);
    return TRUE;
  }
  return GST_BASE_SRC_CLASS (gst_plaza_test_src_parent_class)->query (bsrc, query);
}

static gboolean
gst_plaza_test_src_is_seekable (GstBaseSrc *bsrc)
{
  return !gst_base_src_is_live (bsrc);
}

static gboolean
gst_plaza_test_src_do_seek (GstBaseSrc *bsrc, GstSegment *segment)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (bsrc);

  gboolean reverse = segment->rate < 0;

  segment->time = segment->start;
  if (reverse && !GST_CLOCK_TIME_IS_VALID (segment->stop)) {
    GST_WARNING_OBJECT (self, "an endless stream cannot be played backwards from its end: the seek needs a stop");
    return FALSE;
  }
  gst_plaza_timeline_seek (&self->timeline, reverse ? segment->stop : segment->position, reverse);
  return TRUE;
}

/* The truth meta and CSV line of a frame that has just been drawn. */
static GstFlowReturn
record_truth (GstPlazaTestSrc *self, GstBuffer *buffer, const PlazaTruth *truth)
{
  g_autoptr (GError) error = NULL;

  gst_buffer_add_plaza_truth (buffer, truth, self->moment.minute);
  if (!self->truth_file
      || gst_plaza_truth_file_add (self->truth_file, self->sent, truth, self->moment.minute, &error))
    return GST_FLOW_OK;
  GST_ELEMENT_POST_ERROR (self, error);
  return GST_FLOW_ERROR;
}

static GstFlowReturn
draw (GstPlazaTestSrc *self, GstBuffer *buffer, gdouble noise, PlazaTruth *truth)
{
  GstVideoFrame out, in;

  if (!gst_video_frame_map (&out, &self->info, buffer, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, ("The memory given to plaza-test-src for its frames cannot be written to."),
        ("mapping a buffer of %" G_GSIZE_FORMAT " bytes failed", gst_buffer_get_size (buffer)));
    return GST_FLOW_ERROR;
  }
  if (!self->converter) {
    plaza_painter_paint (self->painter, &self->moment, noise, GST_VIDEO_FRAME_PLANE_DATA (&out, 0),
        GST_VIDEO_FRAME_PLANE_STRIDE (&out, 0), truth);
  } else if (gst_video_frame_map (&in, &self->native, self->canvas, GST_MAP_READWRITE)) {
    plaza_painter_paint (self->painter, &self->moment, noise, GST_VIDEO_FRAME_PLANE_DATA (&in, 0),
        GST_VIDEO_FRAME_PLANE_STRIDE (&in, 0), truth);
    gst_video_converter_frame (self->converter, &in, &out);
    gst_video_frame_unmap (&in);
  }
  gst_video_frame_unmap (&out);
  return GST_FLOW_OK;
}

static gboolean
set_flushing (GstPlazaTestSrc *self, gboolean flushing)
{
  GST_OBJECT_LOCK (self);
  self->flushing = flushing;
  if (flushing && self->wait)
    gst_clock_id_unschedule (self->wait);
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_plaza_test_src_unlock (GstBaseSrc *bsrc)
{
  return set_flushing (GST_PLAZA_TEST_SRC (bsrc), TRUE);
}

static gboolean
gst_plaza_test_src_unlock_stop (GstBaseSrc *bsrc)
{
  return set_flushing (GST_PLAZA_TEST_SRC (bsrc), FALSE);
}

static GstFlowReturn
wait_until (GstPlazaTestSrc *self, GstClock *clock, GstClockTime time)
{
  GstClockReturn ret = GST_CLOCK_UNSCHEDULED;

  GST_OBJECT_LOCK (self);
  if (!self->flushing) {
    self->wait = gst_clock_new_single_shot_id (clock, time);
    GST_OBJECT_UNLOCK (self);
    ret = gst_clock_id_wait (self->wait, NULL);
    GST_OBJECT_LOCK (self);
    gst_clock_id_unref (self->wait);
    self->wait = NULL;
  }
  GST_OBJECT_UNLOCK (self);
  return ret == GST_CLOCK_UNSCHEDULED ? GST_FLOW_FLUSHING : GST_FLOW_OK;
}

/* Live, a frame is drawn when its time has come, as a camera takes it. A camera does not wait for a slow pipeline
 * either: frames whose time is over are never drawn. */
static GstFlowReturn
keep_time (GstPlazaTestSrc *self)
{
  GstBaseSrc *bsrc = GST_BASE_SRC (self);
  GstPlazaTimeline *timeline = &self->timeline;
  GstClockTime duration = gst_plaza_timeline_duration (timeline, timeline->frame), begins, now;
  g_autoptr (GstClock) clock = NULL;

  if (!gst_base_src_is_live (bsrc) || !GST_CLOCK_TIME_IS_VALID (duration) || duration == 0
      || !(clock = gst_element_get_clock (GST_ELEMENT (self))))
    return GST_FLOW_OK;
  begins = gst_segment_to_running_time (&bsrc->segment, GST_FORMAT_TIME,
      gst_plaza_timeline_begin (timeline, timeline->frame));
  if (!GST_CLOCK_TIME_IS_VALID (begins))
    return GST_FLOW_OK;
  begins += gst_element_get_base_time (GST_ELEMENT (self));
  now = gst_clock_get_time (clock);
  if (now < begins)
    return wait_until (self, clock, begins);
  if (now < begins + duration)
    return GST_FLOW_OK;
  guint64 late = (now - begins) / duration;

  GST_DEBUG_OBJECT (self, "leaving out %" G_GUINT64_FORMAT " frames whose time is over", late);
  timeline->frame += late;
  self->discont = TRUE;
  return GST_FLOW_OK;
}

/* Copies what the frame depends on, with controlled properties brought up to its time. */
static void
take_settings (GstPlazaTestSrc *self, GstClockTime time, PlazaSettings *picture, gdouble *noise, gint64 *offset)
{
  gst_object_sync_values (GST_OBJECT (self), time);
  GST_OBJECT_LOCK (self);
  *picture = gst_plaza_settings_of_picture (&self->settings);
  *noise = self->settings.noise;
  *offset = self->settings.timestamp_offset;
  GST_OBJECT_UNLOCK (self);
}

static gboolean
at_end (GstPlazaTestSrc *self)
{
  return self->timeline.frame < 0 || (GST_VIDEO_INFO_FPS_N (&self->info) == 0 && self->sent > 0);
}

static void
stamp (GstPlazaTestSrc *self, GstBuffer *buffer, GstClockTime begins, gint64 timestamp_offset)
{
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  if (gst_base_src_get_do_timestamp (GST_BASE_SRC (self)))
    GST_BUFFER_PTS (buffer) = GST_CLOCK_TIME_NONE;
  else if (timestamp_offset < 0 && begins < (GstClockTime) (-timestamp_offset))
    GST_BUFFER_PTS (buffer) = 0;
  else
    GST_BUFFER_PTS (buffer) = begins + timestamp_offset;
  GST_BUFFER_DURATION (buffer) = gst_plaza_timeline_duration (&self->timeline, self->timeline.frame);
  GST_BUFFER_OFFSET (buffer) = self->timeline.frame;
  GST_BUFFER_OFFSET_END (buffer) = self->timeline.frame + 1;
  if (self->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  self->discont = FALSE;
}

static GstFlowReturn
gst_plaza_test_src_fill (GstPushSrc *psrc, GstBuffer *buffer)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (psrc);
  PlazaSettings picture;
  PlazaTruth truth = { 0 };
  gdouble noise;
  gint64 timestamp_offset;
  GstFlowReturn ret;

  if (!self->info.finfo)
    return GST_FLOW_NOT_NEGOTIATED;
  gst_plaza_timeline_settle (&self->timeline);
  if (at_end (self))
    return GST_FLOW_EOS;
  if ((ret = keep_time (self)) != GST_FLOW_OK || (ret = ready_picture (self)) != GST_FLOW_OK)
    return ret;

  GstClockTime begins = gst_plaza_timeline_begin (&self->timeline, self->timeline.frame);

  take_settings (self, begins, &picture, &noise, &timestamp_offset);
  plaza_moment_at (&self->moment, &picture, self->timeline.frame, begins / (gdouble) GST_SECOND,
      plaza_painter_camera (self->painter));
  if ((ret = draw (self, buffer, noise, &truth)) != GST_FLOW_OK
      || (ret = record_truth (self, buffer, &truth)) != GST_FLOW_OK)
    return ret;
  stamp (self, buffer, begins, timestamp_offset);
  GST_LOG_OBJECT (self, "frame %" G_GINT64_FORMAT ": %d people at minute %.2f", self->timeline.frame, truth.people,
      self->moment.minute);
  self->timeline.frame += self->timeline.reverse ? -1 : 1;
  self->sent++;
  return GST_FLOW_OK;
}

static gboolean
gst_plaza_test_src_start (GstBaseSrc *bsrc)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (bsrc);
  g_autofree gchar *location = NULL, *pattern = NULL;
  g_autoptr (GError) error = NULL;

  GST_OBJECT_LOCK (self);
  location = g_strdup (self->settings.truth_location);
  pattern = g_strdup (self->settings.truth_pattern ? self->settings.truth_pattern : "");
  GST_OBJECT_UNLOCK (self);
  gst_video_info_init (&self->info);
  self->info.finfo = NULL;
  gst_plaza_timeline_reset (&self->timeline);
  self->sent = 0;
  self->discont = FALSE;
  if (!location || !*location)
    return TRUE;
  self->truth_file = gst_plaza_truth_file_open (location, pattern, &error);
  if (self->truth_file)
    return TRUE;
  GST_ELEMENT_POST_ERROR (self, error);
  return FALSE;
}

static gboolean
gst_plaza_test_src_stop (GstBaseSrc *bsrc)
{
  GstPlazaTestSrc *self = GST_PLAZA_TEST_SRC (bsrc);

  drop_picture (self);
  g_clear_pointer (&self->truth_file, gst_plaza_truth_file_close);
  return TRUE;
}

static void
gst_plaza_test_src_class_init (GstPlazaTestSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_plaza_test_src_debug, "plaza-test-src", 0, "drawn plaza with the truth attached");
  object_class->set_property = gst_plaza_test_src_set_property;
  object_class->get_property = gst_plaza_test_src_get_property;
  object_class->finalize = gst_plaza_test_src_finalize;
  gst_plaza_settings_install (object_class);
  /**
   * GstPlazaTestSrc:is-live:
   *
   * Frames come at their time by the clock, as from a camera; those a slow pipeline has no time for are left out.
   */
  g_object_class_install_property (object_class, PROP_IS_LIVE, g_param_spec_boolean ("is-live", "Is live",
          "Send frames at their time by the clock, as a camera does, and leave out those that would come late",
          FALSE, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY));

  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Plaza test source", "Source/Video",
      "Draws a plaza with walking people and the light of the day, and tells what is in each frame",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 plaza-test-src num-buffers=60 time-of-day=1080 ! videoconvert ! fakevideosink");

  base_class->fixate = GST_DEBUG_FUNCPTR (gst_plaza_test_src_fixate);
  base_class->set_caps = GST_DEBUG_FUNCPTR (gst_plaza_test_src_set_caps);
  base_class->decide_allocation = GST_DEBUG_FUNCPTR (gst_plaza_test_src_decide_allocation);
  base_class->query = GST_DEBUG_FUNCPTR (gst_plaza_test_src_query);
  base_class->unlock = GST_DEBUG_FUNCPTR (gst_plaza_test_src_unlock);
  base_class->unlock_stop = GST_DEBUG_FUNCPTR (gst_plaza_test_src_unlock_stop);
  base_class->is_seekable = GST_DEBUG_FUNCPTR (gst_plaza_test_src_is_seekable);
  base_class->do_seek = GST_DEBUG_FUNCPTR (gst_plaza_test_src_do_seek);
  base_class->start = GST_DEBUG_FUNCPTR (gst_plaza_test_src_start);
  base_class->stop = GST_DEBUG_FUNCPTR (gst_plaza_test_src_stop);
  GST_PUSH_SRC_CLASS (klass)->fill = GST_DEBUG_FUNCPTR (gst_plaza_test_src_fill);
}

static void
gst_plaza_test_src_init (GstPlazaTestSrc *self)
{
  gst_plaza_settings_init (&self->settings);
  gst_plaza_timeline_reset (&self->timeline);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  gst_plaza_truth_meta_register ();
}
