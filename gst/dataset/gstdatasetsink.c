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
 * Frames that their decoder has marked as damaged (GST_BUFFER_FLAG_CORRUPTED: what it made of lost packets) pass by and are
 * counted, unless #GstDatasetSink:keep-corrupted is set; the next one that is sound takes their place.
 *
 * Limits by age, number and bytes are looked after every fifty frames, at the end, and when the disk has too little
 * room. When the machine's clock jumps ahead by more than an hour, #GstDatasetSink:max-age goes by the time before
 * for a day, with a warning: a wrong clock would make every image old at once.
 *
 * A label of #GstDatasetSink:labels that none of the first frames carries is told in a warning, once: a name that is written
 * wrong would cost the labels of weeks.
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
#include "gstdatasetintake.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/lib/gstheadpredictionsmeta.h"
#include "gst/lib/gstmaeembeddingmeta.h"

GST_DEBUG_CATEGORY_STATIC (gst_dataset_sink_debug);
#define GST_CAT_DEFAULT gst_dataset_sink_debug

enum { PROP_STATISTICS = GST_DATASET_N_PROPS };

struct _GstDatasetSink {
  GstElement parent;
  GstDatasetIntake intake;
};

G_DEFINE_TYPE (GstDatasetSink, gst_dataset_sink, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (dataset_sink, "dataset-sink", GST_RANK_NONE, GST_TYPE_DATASET_SINK);

static void
gst_dataset_sink_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstDatasetSink *self = GST_DATASET_SINK (object);
  gboolean known;

  GST_OBJECT_LOCK (self);
  known = gst_dataset_settings_set (&self->intake.set, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_dataset_sink_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstDatasetSink *self = GST_DATASET_SINK (object);
  gboolean known = TRUE;

  GST_OBJECT_LOCK (self);
  if (id == PROP_STATISTICS)
    g_value_take_boxed (value, self->intake.writer ? gst_dataset_writer_describe (self->intake.writer)
        : gst_structure_new_empty ("dataset-sink-statistics"));
  else
    known = gst_dataset_settings_get (&self->intake.set, id, value);
  GST_OBJECT_UNLOCK (self);
  if (!known)
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
}

static void
gst_dataset_sink_finalize (GObject *object)
{
  gst_dataset_intake_clear (&GST_DATASET_SINK (object)->intake);
  G_OBJECT_CLASS (gst_dataset_sink_parent_class)->finalize (object);
}

static GstStateChangeReturn
gst_dataset_sink_change_state (GstElement *element, GstStateChange change)
{
  GstDatasetIntake *intake = &GST_DATASET_SINK (element)->intake;
  GstStateChangeReturn result;

  if (change == GST_STATE_CHANGE_READY_TO_PAUSED && !gst_dataset_intake_start (intake))
    return GST_STATE_CHANGE_FAILURE;
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY)
    gst_dataset_intake_unblock (intake);
  result = GST_ELEMENT_CLASS (gst_dataset_sink_parent_class)->change_state (element, change);
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY
      || (change == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
    gst_dataset_intake_stop (intake);
  return result;
}

static void
gst_dataset_sink_class_init (GstDatasetSinkClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);

  object_class->set_property = gst_dataset_sink_set_property;
  object_class->get_property = gst_dataset_sink_get_property;
  object_class->finalize = gst_dataset_sink_finalize;
  gst_dataset_settings_install (object_class);
  g_object_class_install_property (object_class, PROP_STATISTICS, g_param_spec_boxed ("statistics", "Statistics",
          "Frames, stored, duplicates, dropped, failed, corrupted (passed by, not among the frames), paused, waiting, "
          "bytes-free", GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  element_class->change_state = GST_DEBUG_FUNCPTR (gst_dataset_sink_change_state);
  gst_dataset_intake_add_templates (element_class);
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
  gst_dataset_intake_init (&self->intake, GST_ELEMENT (self));
}
