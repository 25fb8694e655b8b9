/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetintake.c: see gstdatasetintake.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstdatasetintake.h"

#include "gst/common/gstframetime.h"
#include "gst/common/gstposterror.h"

/* The part of an interval by which a frame may come early. */
#define EARLY 20

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_DATASET_INTAKE_CAPS));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_DATASET_INTAKE_CAPS));

/* ---- frames ---------------------------------------------------------------------------------------------------------- */

static gboolean
is_live (GstDatasetIntake *intake)
{
  GstQuery *query;

  if (intake->live < 0) {
    query = gst_query_new_latency ();
    intake->live = FALSE;
    if (gst_pad_peer_query (intake->sink, query))
      gst_query_parse_latency (query, &intake->live, NULL, NULL);
    gst_query_unref (query);
  }
  return intake->live;
}

/* Whether the frame is one of those asked for, which are counted along the stream. A little early is in time: frames that come
 * once an interval tremble, and each second one would be left out. */
static gboolean
is_due (GstDatasetIntake *intake, GstBuffer *buffer)
{
  GstClockTime pts = GST_BUFFER_PTS (buffer), interval;
  gboolean known = GST_CLOCK_TIME_IS_VALID (intake->due);

  GST_OBJECT_LOCK (intake->element);
  interval = intake->set.interval;
  GST_OBJECT_UNLOCK (intake->element);
  if (interval == 0 || !GST_CLOCK_TIME_IS_VALID (pts))
    return TRUE;
  if (known && pts + interval / EARLY < intake->due && intake->due <= pts + interval)
    return FALSE;
  if (known && ABS (GST_CLOCK_DIFF (intake->due, pts)) <= (gint64) interval)
    intake->due += interval;
  else
    intake->due = pts + interval;
  return TRUE;
}

/* What a decoder made of lost packets is nothing that the camera saw. */
static gboolean
is_sound (GstDatasetIntake *intake, GstBuffer *buffer)
{
  gboolean keep;

  if (!GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_CORRUPTED))
    return TRUE;
  GST_OBJECT_LOCK (intake->element);
  keep = intake->set.keep_corrupted;
  GST_OBJECT_UNLOCK (intake->element);
  if (!keep)
    gst_dataset_writer_pass_corrupted (intake->writer);
  return keep;
}

/* FALSE: flushing. */
static gboolean
take (GstDatasetIntake *intake, GstBuffer *buffer)
{
  gboolean wait = !is_live (intake), drop = !wait && !gst_dataset_writer_has_place (intake->writer);
  /* Who is not asked spends no budget on it. */
  GstDatasetVerdict verdict = intake->judge && !drop ? intake->judge (intake->element, buffer) : GST_DATASET_KEEP;
  GstClockTime running_time = gst_segment_to_running_time (&intake->segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));

  if (verdict == GST_DATASET_PASS)
    return TRUE;
  return gst_dataset_writer_add (intake->writer, buffer, intake->caps, gst_frame_time_of_day (intake->element, buffer,
          running_time), verdict == GST_DATASET_UPLOAD, wait);
}

static GstFlowReturn
chain (GstPad *pad, GstObject *parent, GstBuffer *buffer)
{
  GstDatasetIntake *intake = gst_pad_get_element_private (pad);
  GstFlowReturn flow;

  if (intake->caps == NULL) {
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  if (is_sound (intake, buffer) && is_due (intake, buffer) && !take (intake, buffer)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  if (!gst_pad_is_linked (intake->src)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  flow = gst_pad_push (intake->src, buffer);
  return flow == GST_FLOW_NOT_LINKED ? GST_FLOW_OK : flow;
}

/* ---- events ---------------------------------------------------------------------------------------------------------- */

/* To whatever follows, or to nobody, which is fine. */
static gboolean
pass_event (GstDatasetIntake *intake, GstEvent *event)
{
  gboolean passed = gst_pad_push_event (intake->src, event);

  return passed || !gst_pad_is_linked (intake->src);
}

/* A pipeline waits for the word of every element that can be its end. */
static gboolean
end_stream (GstDatasetIntake *intake, GstEvent *event)
{
  guint32 seqnum = gst_event_get_seqnum (event);
  GstMessage *message;

  if (!gst_dataset_writer_drain (intake->writer) || (intake->drain && !intake->drain (intake->element))) {
    gst_event_unref (event);
    return FALSE;
  }
  message = gst_message_new_eos (GST_OBJECT (intake->element));
  gst_message_set_seqnum (message, seqnum);
  gst_element_post_message (intake->element, message);
  return pass_event (intake, event);
}

static void
set_flushing (GstDatasetIntake *intake, gboolean flushing)
{
  gst_dataset_writer_set_flushing (intake->writer, flushing);
  if (intake->set_flushing)
    intake->set_flushing (intake->element, flushing);
}

static gboolean
handle_event (GstPad *pad, GstObject *parent, GstEvent *event)
{
  GstDatasetIntake *intake = gst_pad_get_element_private (pad);
  GstCaps *caps;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps (event, &caps);
      gst_caps_replace (&intake->caps, caps);
      return pass_event (intake, event);
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment (event, &intake->segment);
      return pass_event (intake, event);
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      gst_dataset_writer_add_outage (intake->writer, gst_event_get_structure (event));
      return pass_event (intake, event);
    case GST_EVENT_FLUSH_START:
      set_flushing (intake, TRUE);
      return pass_event (intake, event);
    case GST_EVENT_FLUSH_STOP:
      set_flushing (intake, FALSE);
      gst_segment_init (&intake->segment, GST_FORMAT_TIME);
      intake->due = GST_CLOCK_TIME_NONE;
      return pass_event (intake, event);
    case GST_EVENT_EOS:
      return end_stream (intake, event);
    default:
      return pass_event (intake, event);
  }
}

/* ---- from start to stop ---------------------------------------------------------------------------------------------- */

void
gst_dataset_intake_add_templates (GstElementClass *class)
{
  gst_element_class_add_static_pad_template (class, &sink_template);
  gst_element_class_add_static_pad_template (class, &src_template);
}

void
gst_dataset_intake_init (GstDatasetIntake *intake, GstElement *element)
{
  intake->element = element;
  gst_dataset_settings_init (&intake->set);
  intake->sink = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_element_private (intake->sink, intake);
  gst_pad_set_chain_function (intake->sink, chain);
  gst_pad_set_event_function (intake->sink, handle_event);
  GST_PAD_SET_PROXY_CAPS (intake->sink);
  GST_PAD_SET_PROXY_ALLOCATION (intake->sink);
  gst_element_add_pad (element, intake->sink);
  intake->src = gst_pad_new_from_static_template (&src_template, "src");
  GST_PAD_SET_PROXY_CAPS (intake->src);
  gst_element_add_pad (element, intake->src);
  GST_OBJECT_FLAG_SET (element, GST_ELEMENT_FLAG_SINK);
}

void
gst_dataset_intake_clear (GstDatasetIntake *intake)
{
  gst_dataset_settings_clear (&intake->set);
}

void
gst_dataset_intake_fail (GstDatasetIntake *intake, GError *error)
{
  GST_ELEMENT_POST_ERROR (intake->element, error);
  g_error_free (error);
}

gboolean
gst_dataset_intake_start (GstDatasetIntake *intake)
{
  GstDatasetSettings set;
  GstDatasetWriter *writer;
  GError *error = NULL;

  GST_OBJECT_LOCK (intake->element);
  set = gst_dataset_settings_copy (&intake->set);
  GST_OBJECT_UNLOCK (intake->element);
  writer = gst_dataset_settings_check (&set, intake->element, &error)
      ? gst_dataset_writer_new (intake->element, &set, &error) : NULL;
  if (writer == NULL) {
    gst_dataset_settings_clear (&set);
    gst_dataset_intake_fail (intake, error);
    return FALSE;
  }
  gst_segment_init (&intake->segment, GST_FORMAT_TIME);
  intake->due = GST_CLOCK_TIME_NONE;
  intake->live = -1;
  GST_OBJECT_LOCK (intake->element);
  intake->writer = writer;
  GST_OBJECT_UNLOCK (intake->element);
  return TRUE;
}

void
gst_dataset_intake_unblock (GstDatasetIntake *intake)
{
  set_flushing (intake, TRUE);
}

void
gst_dataset_intake_stop (GstDatasetIntake *intake)
{
  GstDatasetWriter *writer;

  GST_OBJECT_LOCK (intake->element);
  writer = g_steal_pointer (&intake->writer);
  GST_OBJECT_UNLOCK (intake->element);
  gst_dataset_writer_free (writer);
  gst_clear_caps (&intake->caps);
}
