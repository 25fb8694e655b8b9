/* SPDX-License-Identifier: LGPL-2.1-or-later
 * hls-feed.c: see hls-feed.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "hls-feed.h"
#include "hls-address.h"
#include "keyframe-decoder.h"
#include "picture-feed.h"
#include "segment-player.h"

/* Failures in a row after which the address itself is doubted. */
#define DOUBTS 3
/* Between two looks at a playlist that has nothing new. */
#define MIN_POLL_US (G_USEC_PER_SEC / 10)
#define MAX_POLL_US (5 * G_USEC_PER_SEC)
/* Seconds that pictures may lie behind before they jump to the newest segment, and in segments. */
#define MAX_BACKLOG 30
#define MAX_BACKLOG_SEGMENTS 4
/* Segments that are tried for one picture, and the part of one by which lengths may be rounded. */
#define MAX_TRIES 4
/* Segments without a key frame, one after the other, that are no failure: a group of pictures may be longer. */
#define MAX_KEYLESS 3
#define ROUNDING 0.01

typedef struct {
  LiveFeed *feed;
  LiveHttp *http;
  HlsAddress address;
  HlsFinder *finder;            /* of the next address, while this one works */
  gint64 next_find, next_frame; /* monotonic; next_find 0: never */
  gdouble target;
  gboolean any;                 /* last_sequence counts */
  guint64 last_sequence;
  gdouble due;                  /* seconds from the begin of segment last_sequence to the next picture asked for */
  guint failures;               /* in a row, with this address */
  guint keyless;                /* segments without a key frame, in a row */
  SegmentPlayer *player;
  guint epoch;
  gboolean gap;                 /* what comes next does not follow what the player has */
  gchar *map_uri;
  GBytes *map;
  gboolean over;                /* nothing follows */
  gboolean pictures;            /* it is no HLS */
} Hls;

static void
drop_player (Hls *hls)
{
  g_clear_pointer (&hls->player, segment_player_free);
}

/* ---- the address ------------------------------------------------------------------------------------------------ */

/* Seconds from now: the margin before the address expires, but half of its life where that is later, so that one of short
 * life is not looked for all the time. A date that is over while the address works says nothing: it is none, or a clock is
 * off. */
static gdouble
seconds_to_find (const Hls *hls)
{
  const LiveSettings *set = &hls->feed->set;
  gdouble longest = set->resolve_interval / 1e9, life = hls->address.expires - g_get_real_time () / 1e6;

  if (hls->address.expires == 0 || life <= 0)
    return longest;
  return MIN (longest, MAX (life - set->resolve_margin / 1e9, life / 2));
}

static void
schedule_find (Hls *hls)
{
  hls->next_find = 0;
  if (hls->address.kind != STREAM_KIND_PAGE && hls->address.expires == 0)
    return;
  hls->next_find = g_get_monotonic_time ()
      + (gint64) (MAX (seconds_to_find (hls), 1) * g_random_double_range (0.9, 1) * 1e6);
}

static void
use_address (Hls *hls, HlsAddress *address)
{
  hls_address_clear (&hls->address);
  hls->address = *address;
  hls->failures = 0;
  schedule_find (hls);
}

/* A new address takes over while the old one still works; a failure to find one is no outage. */
static void
look_ahead (Hls *hls)
{
  HlsAddress next;

  if (hls->finder == NULL && hls->next_find && g_get_monotonic_time () >= hls->next_find)
    hls->finder = hls_finder_start (hls->feed);
  if (hls->finder == NULL || !hls_finder_take (hls->finder, &next))
    return;
  hls->finder = NULL;
  if (next.uri) {
    use_address (hls, &next);
    return;
  }
  GST_WARNING_OBJECT (hls->feed->element, "no next address yet: %s: %s", next.reason, GST_STR_NULL (next.detail));
  hls->next_find = g_get_monotonic_time ()
      + (gint64) (live_feed_patience (next.reason) * hls->feed->set.retry_max / 1000);
  hls_address_clear (&next);
}

static gdouble
max_backlog (const Hls *hls)
{
  return MAX (MAX_BACKLOG, MAX_BACKLOG_SEGMENTS * hls->target);
}

/* It is an outage once the pictures that are there have been shown. */
static void
tell (Hls *hls, const gchar *reason, const gchar *detail)
{
  gdouble rest = hls->player ? MIN (segment_player_backlog (hls->player), max_backlog (hls)) : 0;

  live_feed_fail (hls->feed, &(LiveRest) { hls->epoch, rest > 0 ? g_get_monotonic_time () + (gint64) (rest * 1e6) : 0 },
      reason, detail);
}

static gboolean
find_address (Hls *hls)
{
  HlsAddress address;

  hls_address_find (hls->feed, hls->http, &address);
  if (address.uri) {
    use_address (hls, &address);
    live_feed_begin_attempt (hls->feed);        /* the resolver has taken its time */
    return TRUE;
  }
  hls->pictures = address.kind == STREAM_KIND_PICTURES && live_feed_get_kind (hls->feed) == STREAM_KIND_UNKNOWN;
  if (!hls->pictures)
    tell (hls, address.reason, address.detail);
  hls_address_clear (&address);
  return FALSE;
}

/* ---- failures and ends ---------------------------------------------------------------------------------------------- */

static gboolean
is_refusal (const gchar *reason)
{
  static const gchar *const refusals[] = { "http_401", "http_403", "http_404", "http_410", "stale", "ended", NULL };

  return g_strv_contains (refusals, reason);
}

/* What no waiting mends, as long as nothing ever worked. */
static gboolean
lacks_decoder (Hls *hls, const gchar *reason)
{
  if (!g_str_equal (reason, "no_decoder") || hls->feed->frames > 0)
    return FALSE;
  live_feed_error (hls->feed, g_error_new (GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "There is no decoder for the "
          "stream of %s: install gstreamer1.0-libav and gstreamer1.0-plugins-bad", hls->feed->set.source));
  hls->over = TRUE;
  return TRUE;
}

static void
fail (Hls *hls, const gchar *reason, const gchar *detail)
{
  if (lacks_decoder (hls, reason))
    return;
  tell (hls, reason, detail);
  hls->gap = TRUE;
  if (is_refusal (reason) || ++hls->failures >= DOUBTS)
    hls_address_clear (&hls->address);
  live_feed_back_off (hls->feed, live_http_asked_until (hls->http));
}

static void
fail_and_free (Hls *hls, gchar *reason, gchar *detail)
{
  fail (hls, reason, detail);
  g_free (reason);
  g_free (detail);
}

static void
end (Hls *hls)
{
  if (hls->player && hls->feed->set.restart_on_eos == FALSE)
    segment_player_finish (hls->player);
  drop_player (hls);
  if (hls->feed->set.restart_on_eos || hls->address.kind == STREAM_KIND_PAGE) {
    fail (hls, "ended", "the stream says that it has ended");
  } else {
    live_feed_end (hls->feed);
    hls->over = TRUE;
  }
}

/* ---- segments ----------------------------------------------------------------------------------------------------------- */

static gint64
poll_interval (const Hls *hls)
{
  return CLAMP ((gint64) (hls->target * 1e6 / 2), MIN_POLL_US, MAX_POLL_US);
}

/* A stream that begins to count again was begun again. */
static void
notice_restart (Hls *hls, const HlsPlaylist *playlist)
{
  const HlsSegment *newest = &g_array_index (playlist->segments, HlsSegment, playlist->segments->len - 1);

  if (hls->any && newest->sequence + playlist->segments->len < hls->last_sequence) {
    hls->any = FALSE;
    hls->gap = TRUE;
  }
}

static gboolean
is_new (const Hls *hls, const HlsSegment *segment)
{
  return !hls->any || segment->sequence > hls->last_sequence;
}

static GBytes *
fetch_segment (Hls *hls, const HlsSegment *segment, gchar **reason, gchar **detail)
{
  *reason = *detail = NULL;
  if (g_strcmp0 (segment->map, hls->map_uri) != 0) {
    g_clear_pointer (&hls->map, g_bytes_unref);
    g_clear_pointer (&hls->map_uri, g_free);
    if (segment->map) {
      hls->map = hls_fetch_segment (hls->feed, hls->http, segment->map, hls->address.headers, reason, detail);
      if (hls->map == NULL)
        return NULL;
      hls->map_uri = g_strdup (segment->map);
    }
    hls->gap = TRUE;
  }
  return hls_fetch_segment (hls->feed, hls->http, segment->uri, hls->address.headers, reason, detail);
}

/* Whether segments that were there are not any more. One that is not there yet is no such thing. */
static gboolean
are_gone (Hls *hls, const HlsPlaylist *playlist)
{
  guint known = playlist->segments->len;
  g_autofree gchar *reason = NULL, *detail = NULL;
  GBytes *data;

  while (known > 0 && is_new (hls, &g_array_index (playlist->segments, HlsSegment, known - 1)))
    known--;
  if (known == 0)
    return TRUE;
  data = hls_fetch_segment (hls->feed, hls->http, g_array_index (playlist->segments, HlsSegment, known / 2).uri,
      hls->address.headers, &reason, &detail);
  if (data)
    g_bytes_unref (data);
  return data == NULL;
}

/* A new segment cannot be had. Takes the texts. */
static void
miss (Hls *hls, const HlsPlaylist *playlist, gchar *reason, gchar *detail)
{
  if (g_strcmp0 (reason, "http_404") != 0 || are_gone (hls, playlist) || live_feed_is_stale (hls->feed, hls->target)) {
    fail_and_free (hls, reason, detail);
    return;
  }
  g_free (reason);
  g_free (detail);
  live_feed_wait_until (hls->feed, g_get_monotonic_time () + poll_interval (hls));
}

/* ---- one picture now and then ------------------------------------------------------------------------------------------ */

/* The index of the segment in which the next picture is due, counted along the stream: one that comes to it late takes
 * the segment that it would have taken in time, so nothing is left out. -1: it is not there yet. The newest, where
 * nothing leads on from the last one or too much lies between. */
static gint
find_due (const Hls *hls, const HlsPlaylist *playlist)
{
  gdouble begin = 0, behind = 0;
  gint n = (gint) playlist->segments->len, due = -1;
  gboolean known = FALSE;

  for (gint i = 0; i < n; i++) {
    const HlsSegment *segment = &g_array_index (playlist->segments, HlsSegment, i);

    known |= hls->any && segment->sequence == hls->last_sequence;
    if (!known)
      continue;
    behind += due < 0 ? 0 : segment->duration;
    begin += segment->duration;
    if (due < 0 && is_new (hls, segment) && begin > hls->due + segment->duration * ROUNDING)
      due = i;
  }
  if (!known)
    return is_new (hls, &g_array_index (playlist->segments, HlsSegment, n - 1)) ? n - 1 : -1;
  return due >= 0 && (hls->gap || behind > max_backlog (hls)) ? n - 1 : due;
}

/* Counts on from the segment: a picture each interval of the stream, not of the clock that wakes us. */
static void
count_on (Hls *hls, const HlsPlaylist *playlist, const HlsSegment *segment)
{
  gdouble interval = hls->feed->set.interval / 1e9, begin = 0, from = -1;

  for (guint i = 0; i < playlist->segments->len; i++) {
    const HlsSegment *other = &g_array_index (playlist->segments, HlsSegment, i);

    if (hls->any && !hls->gap && other->sequence == hls->last_sequence)
      from = begin;
    if (other->sequence == segment->sequence)
      break;
    begin += other->duration;
  }
  hls->due = interval + (from < 0 ? 0 : CLAMP (from + hls->due - begin, 0, segment->duration));
  hls->any = TRUE;
  hls->last_sequence = segment->sequence;       /* also when it is broken: it would be again */
  hls->gap = FALSE;
}

static void
sample (Hls *hls, const HlsPlaylist *playlist, const HlsSegment *segment, GBytes *data)
{
  LiveFrame frame = { segment->time, segment->sequence, 0, 0 };
  GstClockTime offset;
  const gchar *reason;
  GstSample *picture = keyframe_decode (hls->map, data, hls->feed->set.request_timeout, hls->feed->stop, &offset, &reason);
  gint64 now = g_get_monotonic_time ();

  count_on (hls, playlist, segment);
  if (picture == NULL && g_str_equal (reason, "no_keyframe") && hls->keyless++ < MAX_KEYLESS) {
    hls->due = 0;               /* the one after it */
    return;
  }
  if (picture == NULL) {
    fail (hls, reason, "a segment without a picture");
    return;
  }
  if (frame.captured_at)
    frame.captured_at += (gint64) (MIN (offset, segment->duration * 1e9) / 1000);
  live_feed_push (hls->feed, picture, &frame);
  gst_sample_unref (picture);
  hls->failures = hls->keyless = 0;
  hls->next_frame += (gint64) (hls->feed->set.interval / 1000);
  if (hls->next_frame < now || find_due (hls, playlist) >= 0)
    hls->next_frame = now;
}

/* Segment i; where that is missing, the newer ones, and then those before it that are new too. */
static void
sample_near (Hls *hls, const HlsPlaylist *playlist, gint i)
{
  gint n = (gint) playlist->segments->len, at = i, step = 1;
  gchar *reason = NULL, *detail = NULL;
  GBytes *data;

  for (guint tries = 0; tries < MAX_TRIES; tries++) {
    const HlsSegment *segment = &g_array_index (playlist->segments, HlsSegment, at);

    g_free (reason);
    g_free (detail);
    data = fetch_segment (hls, segment, &reason, &detail);
    if (data) {
      sample (hls, playlist, segment, data);
      g_bytes_unref (data);
      return;
    }
    at += step;
    if (at >= n) {
      at = i - 1;
      step = -1;
    }
    if (g_strcmp0 (reason, "http_404") != 0 || at < 0
        || !is_new (hls, &g_array_index (playlist->segments, HlsSegment, at)))
      break;
  }
  miss (hls, playlist, reason, detail);
}

static void
step_sampling (Hls *hls, const HlsPlaylist *playlist)
{
  gint due = find_due (hls, playlist);

  if (due >= 0)
    sample_near (hls, playlist, due);
  else if (playlist->ended)
    end (hls);
  else if (live_feed_is_stale (hls->feed, hls->target) && hls->keyless)
    fail (hls, "no_keyframe", "segments, but none with a key frame");
  else if (live_feed_is_stale (hls->feed, hls->target))
    fail (hls, "stale", "the playlist has nothing new");
  else
    live_feed_wait_until (hls->feed, g_get_monotonic_time () + poll_interval (hls));
}

/* ---- all pictures ------------------------------------------------------------------------------------------------------- */

/* Segments are noticed up to a poll late. Pictures that begin anew begin so much later, and are never late for that. */
static void
play (Hls *hls, const HlsSegment *segment, GBytes *data)
{
  gint64 lead = hls->player && !hls->gap ? 0 : poll_interval (hls);

  if (hls->player && !hls->gap && !segment->discontinuity) {
    segment_player_push (hls->player, segment, hls->map, data);
    return;
  }
  if (hls->player)
    segment_player_finish (hls->player);
  drop_player (hls);
  hls->player = segment_player_new (hls->feed, ++hls->epoch, lead);
  hls->gap = FALSE;
  segment_player_push (hls->player, segment, hls->map, data);
}

/* Fetches what is new. FALSE after a failure. */
static gboolean
play_new (Hls *hls, const HlsPlaylist *playlist)
{
  guint first = hls->any && !hls->gap ? 0 : playlist->segments->len - 1;

  for (guint i = first; i < playlist->segments->len && live_feed_is_running (hls->feed); i++) {
    const HlsSegment *segment = &g_array_index (playlist->segments, HlsSegment, i);
    gboolean last = i + 1 == playlist->segments->len;
    gchar *reason, *detail;
    GBytes *data;

    if (!is_new (hls, segment))
      continue;
    hls->gap |= hls->any && segment->sequence != hls->last_sequence + 1;
    data = fetch_segment (hls, segment, &reason, &detail);
    if (data) {
      play (hls, segment, data);
      g_bytes_unref (data);
    } else if (last || !g_str_equal (reason, "http_404")) {
      miss (hls, playlist, reason, detail);
      return FALSE;
    } else {
      hls->gap = TRUE;          /* it is missing, those after it need not be */
      g_free (reason);
      g_free (detail);
    }
    hls->any = TRUE;
    hls->last_sequence = segment->sequence;
  }
  return TRUE;
}

static void
step_playing (Hls *hls, const HlsPlaylist *playlist)
{
  const gchar *failure;

  if (!play_new (hls, playlist))
    return;
  failure = hls->player ? segment_player_failure (hls->player) : NULL;
  if (failure) {
    drop_player (hls);
    fail (hls, failure, "the segments cannot be decoded");
  } else if (playlist->ended) {
    end (hls);
  } else if (live_feed_is_stale (hls->feed, hls->target)) {
    failure = hls->player ? segment_player_silence (hls->player) : "stale";
    drop_player (hls);
    fail (hls, failure, "no new pictures");
  } else {
    if (hls->player && segment_player_backlog (hls->player) > max_backlog (hls)) {
      drop_player (hls);
      hls->gap = TRUE;
    }
    live_feed_wait_until (hls->feed, g_get_monotonic_time () + poll_interval (hls));
  }
}

/* ---- the thread ---------------------------------------------------------------------------------------------------------- */

static void
step (Hls *hls)
{
  g_autoptr (HlsPlaylist) playlist = NULL;
  GstClockTime interval = hls->feed->set.interval;
  gchar *reason = NULL, *detail = NULL;

  playlist = hls_fetch_playlist (hls->feed, hls->http, hls->address.uri, hls->address.headers, &reason, &detail);
  if (playlist == NULL || playlist->segments->len == 0) {
    fail_and_free (hls, playlist ? g_strdup ("no_segments") : reason, detail);
    return;
  }
  hls->target = playlist->target > 0 ? playlist->target
      : MAX (0.1, g_array_index (playlist->segments, HlsSegment, 0).duration);
  notice_restart (hls, playlist);
  live_feed_set_keyframes_only (hls->feed, interval / 1e9 >= hls->target);
  if (interval / 1e9 >= hls->target)
    step_sampling (hls, playlist);
  else
    step_playing (hls, playlist);
}

gpointer
hls_feed_run (gpointer data)
{
  Hls hls = { .feed = data };

  hls.http = live_http_new (hls.feed->set.user_agent);
  hls.next_frame = g_get_monotonic_time ();
  while (!hls.over && !hls.pictures && live_feed_wait_until (hls.feed, hls.next_frame)) {
    look_ahead (&hls);
    if (hls.address.uri)
      step (&hls);
    else if (!find_address (&hls) && !hls.pictures)
      live_feed_back_off (hls.feed, live_http_asked_until (hls.http));
  }
  if (hls.pictures)
    picture_feed_run (hls.feed, hls.http);
  drop_player (&hls);
  hls_finder_free (hls.finder);
  hls_address_clear (&hls.address);
  live_http_free (hls.http);
  g_clear_pointer (&hls.map, g_bytes_unref);
  g_free (hls.map_uri);
  return NULL;
}
