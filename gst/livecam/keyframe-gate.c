/* SPDX-License-Identifier: LGPL-2.1-or-later
 * keyframe-gate.c: see keyframe-gate.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "keyframe-gate.h"
#include "keyframe-decoder.h"

#include <gst/video/video.h>

/* Distances of key frames, one after the other, that are short enough to trust: at first, and after a disappointment. */
#define SURE 2
#define SURE_AGAIN 10
/* By how much a distance may be longer than the interval, for they tremble. */
#define TREMBLE 1.05
/* Without a key frame for twice the interval, and at least so long, they have become rarer. */
#define LATE (2 * GST_SECOND)

struct _KeyframeGate {
  LiveFeed *feed;
  GMutex lock;                  /* for what follows: a decoder may have a thread of its own */
  GstClockTime due;             /* running time of the next picture; NONE: any */
  GstClockTime last_key, distance;      /* of the last key frame, and between the last two; NONE: not known */
  guint near;                   /* distances in a row that were short enough */
  guint sure;                   /* so many are needed */
  gboolean keys_only;
  gboolean broken;              /* the next frames refer to what the decoder did not get */
  gboolean held;                /* the decoder may still have the last picture */
  gboolean doubted;
};

KeyframeGate *
keyframe_gate_new (LiveFeed *feed)
{
  KeyframeGate *gate = g_new0 (KeyframeGate, 1);

  gate->feed = feed;
  gate->due = gate->last_key = gate->distance = GST_CLOCK_TIME_NONE;
  gate->sure = SURE;
  g_mutex_init (&gate->lock);
  return gate;
}

/* Unlocked. */
static void
tell (KeyframeGate *gate, gboolean doubted)
{
  if (gate->doubted == doubted)
    return;
  gate->doubted = doubted;
  live_feed_doubt (gate->feed, doubted, LIVE_DOUBT_KEYFRAMES,
      doubted ? "key frames have become rarer than the interval: all frames are decoded, which costs ten times as much; let "
      "the camera send them more often, or make interval longer" : NULL);
}

void
keyframe_gate_free (KeyframeGate *gate)
{
  if (gate == NULL)
    return;
  tell (gate, FALSE);
  live_feed_set_keyframes_only (gate->feed, FALSE);
  g_mutex_clear (&gate->lock);
  g_free (gate);
}

/* ---- what is asked for ------------------------------------------------------------------------------------------ */

/* Of key frames the one nearest to the time is taken. Locked. */
static gboolean
is_due (const KeyframeGate *gate, GstClockTime time)
{
  GstClockTime interval = gate->feed->set.interval, slack = gate->keys_only ? gate->distance / 2 : 0;

  return !GST_CLOCK_TIME_IS_VALID (gate->due) || time + slack >= gate->due
      || gate->due > time + 2 * interval;       /* times have jumped back */
}

gboolean
keyframe_gate_takes (KeyframeGate *gate, GstClockTime time)
{
  GstClockTime interval = gate->feed->set.interval;
  gboolean due;

  g_mutex_lock (&gate->lock);
  due = is_due (gate, time);
  if (due && (!GST_CLOCK_TIME_IS_VALID (gate->due) || ABS (GST_CLOCK_DIFF (gate->due, time)) > (gint64) interval))
    gate->due = time + interval;
  else if (due)
    gate->due += interval;
  g_mutex_unlock (&gate->lock);
  return due;
}

/* ---- what the decoder gets --------------------------------------------------------------------------------------- */

/* Locked. */
static void
measure (KeyframeGate *gate, GstClockTime time)
{
  gboolean near;

  if (GST_CLOCK_TIME_IS_VALID (gate->last_key) && time > gate->last_key) {
    gate->distance = time - gate->last_key;
    near = gate->distance <= TREMBLE * gate->feed->set.interval;
    gate->near = near ? gate->near + 1 : 0;
    if (!near && gate->keys_only)
      gate->sure = SURE_AGAIN;
    gate->keys_only = gate->near >= gate->sure;
  }
  gate->last_key = time;
  gate->broken = FALSE;
}

/* Locked. */
static gboolean
is_late (const KeyframeGate *gate, GstClockTime time)
{
  return time > gate->last_key + MAX (2 * gate->feed->set.interval, LATE);
}

/* Whether the decoder gets the frame. Locked. */
static gboolean
pass (KeyframeGate *gate, GstClockTime time, gboolean key)
{
  if (key) {
    measure (gate, time);
  } else if (gate->keys_only && is_late (gate, time)) {
    gate->keys_only = FALSE;
    gate->broken = TRUE;
    gate->near = 0;
    gate->sure = SURE_AGAIN;
  }
  return gate->keys_only ? key && is_due (gate, time) : !gate->broken;
}

static GstClockTime
running_time (GstPad *pad, GstBuffer *buffer)
{
  GstEvent *event = gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  const GstSegment *segment;

  if (event) {
    gst_event_parse_segment (event, &segment);
    time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
    gst_event_unref (event);
  }
  return time;
}

/* A decoder may wait for more before it gives out a picture, which would be a whole distance late. Of a still frame it
 * knows that nothing comes. */
static void
let_go (GstPad *pad)
{
  gst_pad_send_event (pad, gst_video_event_new_still_frame (TRUE));
  gst_pad_send_event (pad, gst_video_event_new_still_frame (FALSE));
}

static GstPadProbeReturn
on_coded_frame (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  KeyframeGate *gate = data;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  gboolean key = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT), passes, keys_only, before, held, broke;
  GstClockTime time = running_time (pad, buffer);

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&gate->lock);
  before = gate->keys_only;
  passes = pass (gate, time, key);
  keys_only = gate->keys_only;
  broke = before && gate->broken;
  held = gate->held && !passes;
  gate->held = passes && keys_only;
  g_mutex_unlock (&gate->lock);
  if (before != keys_only) {
    live_feed_set_keyframes_only (gate->feed, keys_only);
    tell (gate, before);
  }
  if (broke)
    gst_pad_push_event (pad, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, FALSE, 0));
  if (held)
    let_go (pad);
  return passes ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static void
on_element (GstBin *pipeline, GstBin *bin, GstElement *element, gpointer gate)
{
  GstPad *pad = is_picture_decoder (element) ? gst_element_get_static_pad (element, "sink") : NULL;

  if (pad == NULL)
    return;
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, on_coded_frame, gate, NULL);
  gst_object_unref (pad);
}

void
keyframe_gate_watch (KeyframeGate *gate, GstElement *pipeline)
{
  if (gate->feed->set.interval > 0)
    g_signal_connect (pipeline, "deep-element-added", G_CALLBACK (on_element), gate);
}
