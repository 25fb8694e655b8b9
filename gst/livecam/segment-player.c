/* SPDX-License-Identifier: LGPL-2.1-or-later
 * segment-player.c: see segment-player.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "segment-player.h"
#include "keyframe-decoder.h"

#include <gst/app/app.h>

/* A picture that comes later than this begins a new count: the stream had stopped for a while. So does one that would have
 * to wait so long: its times have jumped. */
#define LATE_US (G_USEC_PER_SEC / 2)
#define EARLY_US (10 * G_USEC_PER_SEC)
#define SLICE_US 20000

/* Where a segment lies in the player's stream. */
typedef struct {
  GstClockTime start;
  gint64 time;                  /* microseconds since 1970 UTC of its first frame; 0: not told */
  guint64 sequence;
} Place;

struct _SegmentPlayer {
  LiveFeed *feed;
  guint epoch;
  gint64 lead;                  /* microseconds */
  GstElement *pipeline, *source;
  const gchar *failure;
  PassedPictures passed;
  gboolean mapped;

  GMutex lock;                  /* for what follows */
  GArray *places;
  GstClockTime pushed, shown;
  gint64 base;                  /* monotonic microseconds at which the stream's 0 is due; 0: not yet */
  gint64 first_base;            /* the first of them: the 0 of the offsets, which count what was waited, too */
  GstClockTime last_kept;       /* offset */
};

/* Waits until the picture is due; FALSE once the feed stops. */
static gboolean
wait_for (SegmentPlayer *player, GstClockTime time)
{
  gint64 now = g_get_monotonic_time (), due;

  g_mutex_lock (&player->lock);
  due = player->base + (gint64) (time / 1000);
  if (player->base == 0) {
    due = now + player->lead;
    player->base = player->first_base = due - (gint64) (time / 1000);
  } else if (now - due > LATE_US || due - now > EARLY_US) {
    player->base = now - (gint64) (time / 1000);
    due = now;
  }
  g_mutex_unlock (&player->lock);
  return live_feed_wait_until (player->feed, due);
}

/* Whether the picture is one of those asked for; and where it is from. */
static gboolean
locate (SegmentPlayer *player, GstClockTime time, LiveFrame *frame)
{
  GstClockTime interval = player->feed->set.interval;
  const Place *place = NULL;
  GstClockTime offset;

  g_mutex_lock (&player->lock);
  player->shown = time;
  for (guint i = player->places->len; i-- > 0 && place == NULL;) {
    const Place *candidate = &g_array_index (player->places, Place, i);

    if (candidate->start <= time || i == 0)
      place = candidate;
  }
  offset = time + (player->base - player->first_base) * 1000;   /* may wrap, and wraps back */
  *frame = (LiveFrame) { 0, place ? place->sequence : G_MAXUINT64, player->epoch, offset };
  if (place && place->time)
    frame->captured_at = place->time + (gint64) (time / 1000) - (gint64) (place->start / 1000);
  g_mutex_unlock (&player->lock);
  if (GST_CLOCK_TIME_IS_VALID (player->last_kept) && offset < player->last_kept + interval)
    return FALSE;
  player->last_kept = offset;
  return TRUE;
}

static GstFlowReturn
on_sample (GstAppSink *sink, gpointer data)
{
  SegmentPlayer *player = data;
  GstSample *sample = gst_app_sink_pull_sample (sink);
  GstClockTime time;
  LiveFrame frame;
  gboolean running;

  if (sample == NULL)
    return GST_FLOW_EOS;
  time = gst_segment_to_running_time (gst_sample_get_segment (sample), GST_FORMAT_TIME,
      GST_BUFFER_PTS (gst_sample_get_buffer (sample)));
  if (!GST_CLOCK_TIME_IS_VALID (time))
    time = 0;
  running = wait_for (player, time);
  if (running && locate (player, time, &frame))
    live_feed_push (player->feed, sample, &frame);
  gst_sample_unref (sample);
  return running ? GST_FLOW_OK : GST_FLOW_FLUSHING;
}

SegmentPlayer *
segment_player_new (LiveFeed *feed, guint epoch, gint64 lead)
{
  SegmentPlayer *player = g_new0 (SegmentPlayer, 1);
  GstElement *decodebin = gst_element_factory_make ("decodebin", NULL), *sink = gst_element_factory_make ("appsink", NULL);
  GstAppSinkCallbacks callbacks = { .new_sample = on_sample };
  GstCaps *raw = gst_caps_new_empty_simple ("video/x-raw");

  player->feed = feed;
  player->epoch = epoch;
  player->lead = lead;
  player->last_kept = GST_CLOCK_TIME_NONE;
  player->places = g_array_new (FALSE, FALSE, sizeof (Place));
  g_mutex_init (&player->lock);
  player->pipeline = gst_pipeline_new (NULL);
  player->source = gst_element_factory_make ("appsrc", NULL);
  watch_pictures (player->pipeline, &player->passed);
  gst_bin_add_many (GST_BIN (player->pipeline), player->source, decodebin, sink, NULL);
  gst_element_link (player->source, decodebin);
  link_pictures_to (decodebin, sink);
  g_object_set (player->source, "max-bytes", G_GUINT64_CONSTANT (0), NULL);
  g_object_set (sink, "sync", FALSE, "max-buffers", 2, "caps", raw, NULL);
  gst_app_sink_set_callbacks (GST_APP_SINK (sink), &callbacks, player, NULL);
  gst_caps_unref (raw);
  gst_element_set_state (player->pipeline, GST_STATE_PLAYING);
  return player;
}

void
segment_player_free (SegmentPlayer *player)
{
  if (player == NULL)
    return;
  gst_element_set_state (player->pipeline, GST_STATE_NULL);
  gst_object_unref (player->pipeline);
  g_array_unref (player->places);
  g_mutex_clear (&player->lock);
  g_free (player);
}

void
segment_player_push (SegmentPlayer *player, const HlsSegment *segment, GBytes *map, GBytes *data)
{
  Place place = { 0, segment->time, segment->sequence };

  g_mutex_lock (&player->lock);
  place.start = player->pushed;
  g_array_append_val (player->places, place);
  while (player->places->len > 2 && g_array_index (player->places, Place, 1).start <= player->shown)
    g_array_remove_index (player->places, 0);
  player->pushed += (GstClockTime) (segment->duration * GST_SECOND);
  g_mutex_unlock (&player->lock);
  if (map && !player->mapped)
    gst_app_src_push_buffer (GST_APP_SRC (player->source), gst_buffer_new_wrapped_bytes (map));
  player->mapped = TRUE;
  gst_app_src_push_buffer (GST_APP_SRC (player->source), gst_buffer_new_wrapped_bytes (data));
}

gdouble
segment_player_backlog (SegmentPlayer *player)
{
  gdouble backlog, lead;

  g_mutex_lock (&player->lock);
  lead = player->base == 0 ? player->lead
      : MAX (player->base + (gint64) (player->shown / 1000) - g_get_monotonic_time (), 0);
  backlog = GST_CLOCK_DIFF (player->shown, player->pushed) / 1e9 + lead / 1e6;
  g_mutex_unlock (&player->lock);
  return backlog;
}

static gboolean
check_bus (SegmentPlayer *player)
{
  GstBus *bus = gst_element_get_bus (player->pipeline);
  GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  GError *error = NULL;

  if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    player->failure = decoding_reason (error);
    if (g_str_equal (player->failure, "undecodable") && lacks_key_frame (&player->passed))
      player->failure = "no_keyframe";
    g_error_free (error);
  }
  gst_object_unref (bus);
  if (message)
    gst_message_unref (message);
  return message != NULL;
}

void
segment_player_finish (SegmentPlayer *player)
{
  gint64 end = g_get_monotonic_time () + (gint64) (MAX (segment_player_backlog (player), 0) * 1e6)
      + (gint64) (player->feed->set.request_timeout / 1000);

  gst_app_src_end_of_stream (GST_APP_SRC (player->source));
  while (!player->failure && !check_bus (player) && g_get_monotonic_time () < end
      && live_feed_wait_until (player->feed, g_get_monotonic_time () + SLICE_US)) {
  }
}

const gchar *
segment_player_silence (SegmentPlayer *player)
{
  return lacks_key_frame (&player->passed) ? "no_keyframe" : "stale";
}

const gchar *
segment_player_failure (SegmentPlayer *player)
{
  if (!player->failure)
    check_bus (player);
  return player->failure;
}
