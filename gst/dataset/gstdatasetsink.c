/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-dataset-sink
 * @title: dataset-sink
 *
 * Keeps frames as training data: each as an image in a folder, with a row in the SQLite file beside it that says when and
 * where it was taken, what the heads said of it and what is known to be in it. A frame is on the disk for good before its
 * row is, so that no crash loses one or leaves half of one.
 *
 * It stands at the end of a pipeline or in the middle of it: frames go on through the src pad when something is linked
 * there. Images (JPEG, PNG) are kept as they come, raw video is made JPEG.
 *
 * It never holds up a live stream: encoding and storing happen in a thread of its own, and frames that come faster are
 * dropped and counted. A stream that is not live waits. When the disk has less than #GstDatasetSink:min-free left, storing
 * pauses (message `dataset-paused`) and goes on by itself (`dataset-resumed`); frames pass meanwhile.
 *
 * From frames of live-src it knows when they were taken and by what camera, and it records the camera's outages.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 plaza-test-src shuffle=true num-buffers=8 ! dataset-sink location=plaza labels=GstPlazaTruth.people
 * ]| A labelled dataset. Of a camera: live-src uri=rtsp://camera/stream ! dataset-sink location=square max-age=2592000
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=30 ! mae-encoder ! head-predict heads=plaza-people ! \
 *   dataset-sink location=plaza interval=500000000 ! fakesink
 * ]| Two frames a second of a running prediction, with what was predicted.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstdatasetsink.h"
#include "gstdatasetwriter.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/common/gstframetime.h"
#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"

#include <string.h>

GST_DEBUG_CATEGORY_STATIC (gst_dataset_sink_debug);
#define GST_CAT_DEFAULT gst_dataset_sink_debug

#define DEFAULT_QUALITY 90
#define DEFAULT_QUEUE 8
#define DEFAULT_MIN_FREE (G_GUINT64_CONSTANT (1) << 30)

enum {
  PROP_0, PROP_LOCATION, PROP_SOURCE, PROP_INTERVAL, PROP_QUALITY, PROP_MAX_QUEUE, PROP_LABELS, PROP_EMBEDDINGS,
  PROP_MIN_FREE, PROP_MAX_AGE, PROP_MAX_FRAMES, PROP_MAX_BYTES, PROP_STATISTICS
};

#define CAPS "image/jpeg; image/png; video/x-raw"
static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));

struct _GstDatasetSink {
  GstElement parent;
  GstPad *sink, *src;

  GstDatasetSettings set;       /* under the object lock */
  guint64 interval, max_age;    /* nanoseconds, seconds */
  GstDatasetWriter *writer;     /* while not stopped; the pointer under the object lock */

  /* The streaming thread's. */
  GstCaps *caps;
  GstSegment segment;
  GstClockTime last_kept;
  gint live;                    /* -1: not asked yet */
};

G_DEFINE_TYPE (GstDatasetSink, gst_dataset_sink, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (dataset_sink, "dataset-sink", GST_RANK_NONE, GST_TYPE_DATASET_SINK);

/* ---- properties -------------------------------------------------------------------------------------------------- */

static void
gst_dataset_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstDatasetSink *self = GST_DATASET_SINK (object);
  GstDatasetSettings *set = &self->set;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_free (set->location);
      set->location = g_value_dup_string (value);
      break;
    case PROP_SOURCE:
      g_free (set->source);
      set->source = g_value_dup_string (value);
      break;
    case PROP_INTERVAL:
      self->interval = g_value_get_uint64 (value);
      break;
    case PROP_QUALITY:
      set->quality = g_value_get_int (value);
      break;
    case PROP_MAX_QUEUE:
      set->queue = g_value_get_uint (value);
      break;
    case PROP_LABELS:
      g_strfreev (set->labels);
      set->labels = g_value_get_string (value) ? g_strsplit (g_value_get_string (value), ",", -1) : NULL;
      break;
    case PROP_EMBEDDINGS:
      set->embeddings = g_value_get_boolean (value);
      break;
    case PROP_MIN_FREE:
      set->min_free = g_value_get_uint64 (value);
      break;
    case PROP_MAX_AGE:
      self->max_age = g_value_get_uint64 (value);
      break;
    case PROP_MAX_FRAMES:
      set->limits.max_frames = g_value_get_uint64 (value);
      break;
    case PROP_MAX_BYTES:
      set->limits.max_bytes = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dataset_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstDatasetSink *self = GST_DATASET_SINK (object);
  const GstDatasetSettings *set = &self->set;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, set->location);
      break;
    case PROP_SOURCE:
      g_value_set_string (value, set->source);
      break;
    case PROP_INTERVAL:
      g_value_set_uint64 (value, self->interval);
      break;
    case PROP_QUALITY:
      g_value_set_int (value, set->quality);
      break;
    case PROP_MAX_QUEUE:
      g_value_set_uint (value, set->queue);
      break;
    case PROP_LABELS:
      g_value_take_string (value, set->labels ? g_strjoinv (",", set->labels) : NULL);
      break;
    case PROP_EMBEDDINGS:
      g_value_set_boolean (value, set->embeddings);
      break;
    case PROP_MIN_FREE:
      g_value_set_uint64 (value, set->min_free);
      break;
    case PROP_MAX_AGE:
      g_value_set_uint64 (value, self->max_age);
      break;
    case PROP_MAX_FRAMES:
      g_value_set_uint64 (value, set->limits.max_frames);
      break;
    case PROP_MAX_BYTES:
      g_value_set_uint64 (value, set->limits.max_bytes);
      break;
    case PROP_STATISTICS:
      g_value_take_boxed (value, self->writer ? gst_dataset_writer_describe (self->writer)
          : gst_structure_new_empty ("dataset-sink-statistics"));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_dataset_sink_finalize (GObject *object)
{
  gst_dataset_settings_clear (&GST_DATASET_SINK (object)->set);
  G_OBJECT_CLASS (gst_dataset_sink_parent_class)->finalize (object);
}

/* ---- from start to stop ---------------------------------------------------------------------------------------------- */

static GstDatasetSettings
copy_settings (GstDatasetSink *self)
{
  GstDatasetSettings copy;

  GST_OBJECT_LOCK (self);
  copy = self->set;
  copy.location = g_strdup (copy.location);
  copy.source = copy.source && *copy.source ? g_strdup (copy.source) : NULL;
  copy.labels = g_strdupv (copy.labels);
  copy.limits.max_age = (gint64) MIN (self->max_age, G_MAXINT64 / G_USEC_PER_SEC) * G_USEC_PER_SEC;
  GST_OBJECT_UNLOCK (self);
  return copy;
}

static gboolean
check_labels (GstDatasetSink *self, gchar **labels)
{
  for (; labels && *labels; labels++) {
    const gchar *dot = strchr (*labels, '.');

    if (dot == NULL || dot == *labels || dot[1] == 0) {
      GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("\"%s\" names no label. Set labels to META.FIELD, such as "
              "GstPlazaTruth.people, separated by commas", *labels), (NULL));
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
start (GstDatasetSink *self)
{
  GstDatasetSettings set = copy_settings (self);
  GError *error = NULL;
  GstDatasetWriter *writer;

  if (set.location == NULL)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("dataset-sink has no folder: set location"), (NULL));
  if (set.location == NULL || !check_labels (self, set.labels)) {
    gst_dataset_settings_clear (&set);
    return FALSE;
  }
  writer = gst_dataset_writer_new (GST_ELEMENT (self), &set, &error);
  if (writer == NULL) {
    gst_element_message_full (GST_ELEMENT (self), GST_MESSAGE_ERROR, error->domain, error->code, g_strdup (error->message),
        NULL, __FILE__, GST_FUNCTION, __LINE__);
    g_error_free (error);
    return FALSE;
  }
  gst_segment_init (&self->segment, GST_FORMAT_TIME);
  self->last_kept = GST_CLOCK_TIME_NONE;
  self->live = -1;
  GST_OBJECT_LOCK (self);
  self->writer = writer;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static void
stop (GstDatasetSink *self)
{
  GstDatasetWriter *writer;

  GST_OBJECT_LOCK (self);
  writer = g_steal_pointer (&self->writer);
  GST_OBJECT_UNLOCK (self);
  gst_dataset_writer_free (writer);
  gst_clear_caps (&self->caps);
}

static GstStateChangeReturn
gst_dataset_sink_change_state (GstElement *element, GstStateChange change)
{
  GstDatasetSink *self = GST_DATASET_SINK (element);
  GstStateChangeReturn result;

  if (change == GST_STATE_CHANGE_READY_TO_PAUSED && !start (self))
    return GST_STATE_CHANGE_FAILURE;
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)       /* whoever waits holds the pad that is to be stopped */
    gst_dataset_writer_set_flushing (self->writer, TRUE);
  result = GST_ELEMENT_CLASS (gst_dataset_sink_parent_class)->change_state (element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY
      || (change == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    stop (self);
  return result;
}

/* ---- the stream ---------------------------------------------------------------------------------------------------------- */

static gboolean
is_live (GstDatasetSink *self)
{
  GstQuery *query;

  if (self->live < 0) {
    query = gst_query_new_latency ();
    self->live = FALSE;
    if (gst_pad_peer_query (self->sink, query))
      gst_query_parse_latency (query, &self->live, NULL, NULL);
    gst_query_unref (query);
  }
  return self->live;
}

/* Whether enough time has passed since the last frame that was kept. */
static gboolean
is_due (GstDatasetSink *self, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer), interval;

  GST_OBJECT_LOCK (self);
  interval = self->interval;
  GST_OBJECT_UNLOCK (self);
  if (interval == 0 || !GST_CLOCK_TIME_IS_VALID (pts))
    return TRUE;
  if (GST_CLOCK_TIME_IS_VALID (self->last_kept) && pts >= self->last_kept && pts < self->last_kept + interval)
    return FALSE;
  self->last_kept = pts;
  return TRUE;
}

static GstFlowReturn
gst_dataset_sink_chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstDatasetSink *self = GST_DATASET_SINK (parent);
  GstClockTime running_time;
  GstFlowReturn flow;

  if (self->caps == NULL) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (is_due (self, buffer)) {
    running_time = gst_segment_to_running_time (&self->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
    if (!gst_dataset_writer_add (self->writer, buffer, self->caps, gst_frame_time_of_day (GST_ELEMENT (self), buffer,
                running_time), !is_live (self))) {
      gst_buffer_unref (buffer);
      return GST_FLOW_FLUSHING;
    }
  }
  if (!gst_pad_is_linked (self->src)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  flow = gst_pad_push (self->src, buffer);
  return flow == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : flow;
}

/* To whatever follows, or to nobody, which is fine. */
static gboolean
pass_event (GstDatasetSink *self, GstEvent *event)
{
  gboolean passed = gst_pad_push_event (self->src, event);

  return passed || !gst_pad_is_linked (self->src);
}

/* A pipeline waits for the word of every element that can be its end. */
static gboolean
end_stream (GstDatasetSink *self, GstEvent *event)
{
  guint32 seqnum = gst_event_get_seqnum (event);
  GstMessage *message;

  if (!gst_dataset_writer_drain (self->writer)) {
    gst_event_unref (event);
    return FALSE;
  }
  message = gst_message_new_eos (GST_OBJECT (self));
  gst_message_set_seqnum (message, seqnum);
  gst_element_post_message (GST_ELEMENT (self), message);
  return pass_event (self, event);
}

static gboolean
gst_dataset_sink_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstDatasetSink *self = GST_DATASET_SINK (parent);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      gst_caps_replace (&self->caps, caps);
      return pass_event (self, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &self->segment);
      return pass_event (self, event);
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      gst_dataset_writer_add_outage (self->writer, gst_event_get_structure (event));
      return pass_event (self, event);
    case GST_EVENT_FLUSH_START:
      gst_dataset_writer_set_flushing (self->writer, TRUE);
      return pass_event (self, event);
    case GST_EVENT_FLUSH_STOP:
      gst_dataset_writer_set_flushing (self->writer, FALSE);
      gst_segment_init (&self->segment, GST_FORMAT_TIME);
      self->last_kept = GST_CLOCK_TIME_NONE;
      return pass_event (self, event);
    case GST_EVENT_EOS:
      return end_stream (self, event);
    default:
      return pass_event (self, event);
  }
}

/* ---- class --------------------------------------------------------------------------------------------------------------- */

#define AT_REST (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)

static void
install_properties (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_LOCATION, g_param_spec_string ("location", "Location",
          "The dataset's folder; it is made where there is none", NULL, AT_REST));
  g_object_class_install_property (class, PROP_SOURCE, g_param_spec_string ("source", "Source",
          "Name of the camera; without it what the frames say, else the element's name", NULL, AT_REST));
  g_object_class_install_property (class, PROP_INTERVAL, g_param_spec_uint64 ("interval", "Interval",
          "Nanoseconds of stream between two frames that are kept; 0: all", 0, G_MAXINT64, 0,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (class, PROP_QUALITY, g_param_spec_int ("quality", "Quality",
          "Of the JPEG that raw video becomes", 1, 100, DEFAULT_QUALITY, AT_REST));
  g_object_class_install_property (class, PROP_MAX_QUEUE, g_param_spec_uint ("max-queue", "Queue",
          "Frames that may wait to be stored", 1, 1000, DEFAULT_QUEUE, AT_REST));
  g_object_class_install_property (class, PROP_LABELS, g_param_spec_string ("labels", "Labels",
          "META.FIELD of custom metas to keep as labels, separated by commas; the field names the task", NULL, AT_REST));
  g_object_class_install_property (class, PROP_EMBEDDINGS, g_param_spec_boolean ("embeddings", "Embeddings",
          "Keep the embedding that mae-encoder gave a frame", FALSE, AT_REST));
  g_object_class_install_property (class, PROP_MIN_FREE, g_param_spec_uint64 ("min-free", "Smallest free space",
          "Bytes that are left free on the disk: with less, storing pauses", 0, G_MAXUINT64, DEFAULT_MIN_FREE, AT_REST));
  g_object_class_install_property (class, PROP_MAX_AGE, g_param_spec_uint64 ("max-age", "Largest age",
          "Seconds after which an image without a label is deleted; 0: never", 0, G_MAXINT64, 0, AT_REST));
  g_object_class_install_property (class, PROP_MAX_FRAMES, g_param_spec_uint64 ("max-frames", "Most frames",
          "Images to keep; the oldest without a label go first; 0: all", 0, G_MAXUINT64, 0, AT_REST));
  g_object_class_install_property (class, PROP_MAX_BYTES, g_param_spec_uint64 ("max-bytes", "Most bytes",
          "Bytes of images to keep; the oldest without a label go first; 0: all", 0, G_MAXUINT64, 0, AT_REST));
  g_object_class_install_property (class, PROP_STATISTICS, g_param_spec_boxed ("statistics", "Statistics",
          "Frames, stored, duplicates, dropped, failed, paused, waiting, bytes-free", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_dataset_sink_class_init (GstDatasetSinkClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);

  object_class->set_property = gst_dataset_sink_set_property;
  object_class->get_property = gst_dataset_sink_get_property;
  object_class->finalize = gst_dataset_sink_finalize;
  install_properties (object_class);
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_dataset_sink_change_state);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Dataset sink", "Sink/Filter/Video",
      "Keeps frames as images with a catalogue of when, where and what, at the end of a pipeline or on the way",
      "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 plaza-test-src shuffle=true num-buffers=8 ! dataset-sink location=plaza labels=GstPlazaTruth.people");
  gst_capture_info_meta_register ();
  gst_head_predictions_meta_register ();
  gst_mae_embedding_meta_register ();
  GST_DEBUG_CATEGORY_INIT (gst_dataset_sink_debug, "dataset-sink", 0, "frames kept as training data");
}

static void
gst_dataset_sink_init (GstDatasetSink *self)
{
  self->set = (GstDatasetSettings) { .quality = DEFAULT_QUALITY, .queue = DEFAULT_QUEUE, .min_free = DEFAULT_MIN_FREE };
  self->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sink, GST_DEBUG_FUNCPTR (gst_dataset_sink_chain));
  gst_pad_set_event_function (self->sink, GST_DEBUG_FUNCPTR (gst_dataset_sink_event));
  GST_PAD_SET_PROXY_CAPS (self->sink);
  GST_PAD_SET_PROXY_ALLOCATION (self->sink);
  gst_element_add_pad (GST_ELEMENT (self), self->sink);
  self->src = gst_pad_new_from_static_template (&src_template, "src");
  GST_PAD_SET_PROXY_CAPS (self->src);
  gst_element_add_pad (GST_ELEMENT (self), self->src);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_SINK);
}
