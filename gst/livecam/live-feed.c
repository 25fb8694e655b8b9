/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-feed.c: see live-feed.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "live-feed.h"
#include "live-http.h"

#include "gst/common/gstcaptureinfo.h"

/* Frames that wait for the streaming thread; raw ones are megabytes. */
#define MAX_FRAMES 4
/* Doublings of the wait after a failure. */
#define MAX_DOUBLINGS 16
/* Longest waits, one after the other, where a site bars for up to an hour whoever asks too often. */
#define PATIENCE_WHEN_BARRED 15
/* Characters of a detail: it may be a server's own words. */
#define MAX_DETAIL 400
/* Whatever the settings: nobody is asked without a pause. */
#define SHORTEST_WAIT (100 * GST_MSECOND)

LiveFeed *
live_feed_new (GstElement *element)
{
  LiveFeed *feed = g_new0 (LiveFeed, 1);

  feed->element = element;
  feed->stop = g_cancellable_new ();
  g_mutex_init (&feed->lock);
  g_cond_init (&feed->changed);
  g_queue_init (&feed->items);
  feed->began = feed->attempt = g_get_monotonic_time ();
  feed->answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  feed->reconnects = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return feed;
}

void
live_settings_clear (LiveSettings *settings)
{
  g_free (settings->uri);
  g_free (settings->source);
  g_free (settings->resolver);
  g_free (settings->user_agent);
  *settings = (LiveSettings) { 0 };
}

void
live_item_clear (LiveItem *item)
{
  gst_clear_buffer (&item->buffer);
  gst_clear_caps (&item->caps);
  g_clear_pointer (&item->outage, gst_structure_free);
  g_clear_error (&item->error);
}

static void
free_item (gpointer data)
{
  live_item_clear (data);
  g_free (data);
}

void
live_feed_free (LiveFeed *feed)
{
  if (feed == NULL)
    return;
  g_queue_clear_full (&feed->items, free_item);
  live_settings_clear (&feed->set);
  g_object_unref (feed->stop);
  g_hash_table_unref (feed->answers);
  g_hash_table_unref (feed->reconnects);
  g_free (feed->outage);
  g_free (feed->detail);
  g_cond_clear (&feed->changed);
  g_mutex_clear (&feed->lock);
  g_free (feed);
}

void
live_feed_stop (LiveFeed *feed)
{
  g_mutex_lock (&feed->lock);
  feed->stopping = TRUE;
  g_cond_broadcast (&feed->changed);
  g_mutex_unlock (&feed->lock);
  g_cancellable_cancel (feed->stop);
}

void
live_feed_set_flushing (LiveFeed *feed, gboolean flushing)
{
  g_mutex_lock (&feed->lock);
  feed->flushing = flushing;
  g_cond_broadcast (&feed->changed);
  g_mutex_unlock (&feed->lock);
}

gboolean
live_feed_pop (LiveFeed *feed, LiveItem *item)
{
  LiveItem *next = NULL;

  g_mutex_lock (&feed->lock);
  while (!feed->stopping && !feed->flushing && (next = g_queue_pop_head (&feed->items)) == NULL)
    g_cond_wait (&feed->changed, &feed->lock);
  g_mutex_unlock (&feed->lock);
  if (next == NULL)
    return FALSE;
  *item = *next;
  g_free (next);
  return TRUE;
}

/* ---- numbers -------------------------------------------------------------------------------------------------- */

static GstStructure *
describe_counts (const gchar *name, GHashTable *counts)
{
  GstStructure *description = gst_structure_new_empty (name);
  GHashTableIter iter;
  gpointer word, count;

  g_hash_table_iter_init (&iter, counts);
  while (g_hash_table_iter_next (&iter, &word, &count))
    gst_structure_set (description, word, G_TYPE_UINT, GPOINTER_TO_UINT (count), NULL);
  return description;
}

static void
count (GHashTable *counts, const gchar *word)
{
  guint n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, word));

  g_hash_table_replace (counts, g_strdup (word), GUINT_TO_POINTER (n + 1));
}

GstStructure *
live_feed_describe (LiveFeed *feed)
{
  GstStructure *description, *answers, *reconnects;
  gint64 since;

  g_mutex_lock (&feed->lock);
  since = feed->last_frame ? feed->last_frame : feed->began;
  answers = describe_counts ("http-responses", feed->answers);
  reconnects = describe_counts ("reconnects", feed->reconnects);
  description = gst_structure_new ("live-src-statistics",
      "state", G_TYPE_STRING, feed->told ? feed->outage : feed->last_frame ? "running" : "starting",
      "frames", G_TYPE_UINT64, feed->frames, "dropped", G_TYPE_UINT64, feed->dropped,
      "segments", G_TYPE_UINT64, feed->segments, "bytes", G_TYPE_UINT64, feed->bytes,
      "last-frame-age", G_TYPE_DOUBLE, (g_get_monotonic_time () - since) / 1e6,
      "outages", G_TYPE_UINT64, feed->outages,
      "outage-seconds", G_TYPE_DOUBLE, feed->told ? (g_get_monotonic_time () - feed->told_at) / 1e6 : 0,
      "resolves-ok", G_TYPE_UINT64, feed->resolves_ok, "resolves-failed", G_TYPE_UINT64, feed->resolves_failed,
      "url-expire", G_TYPE_INT64, feed->url_expires,
      "clock-suspect", G_TYPE_BOOLEAN, feed->doubts.clock,
      "clock-offset", G_TYPE_DOUBLE, feed->doubts.clock_offset / 1e6,
      "frozen", G_TYPE_BOOLEAN, feed->doubts.frozen, "keyframes-only", G_TYPE_BOOLEAN, feed->keyframes_only,
      "http-responses", GST_TYPE_STRUCTURE, answers, "reconnects", GST_TYPE_STRUCTURE, reconnects, NULL);
  g_mutex_unlock (&feed->lock);
  gst_structure_free (answers);
  gst_structure_free (reconnects);
  return description;
}

void
live_feed_count_answer (LiveFeed *feed, const gchar *kind, guint status, gsize bytes)
{
  g_autofree gchar *word = status ? g_strdup_printf ("%s-%u", kind, status) : g_strdup_printf ("%s-none", kind);

  g_mutex_lock (&feed->lock);
  count (feed->answers, word);
  feed->bytes += bytes;
  feed->segments += bytes > 0 && *kind == 's';
  g_mutex_unlock (&feed->lock);
}

void
live_feed_count_bytes (LiveFeed *feed, gsize bytes)
{
  g_mutex_lock (&feed->lock);
  feed->bytes += bytes;
  g_mutex_unlock (&feed->lock);
}

void
live_feed_count_resolve (LiveFeed *feed, gboolean ok, gint64 expires)
{
  g_mutex_lock (&feed->lock);
  feed->resolves_ok += ok;
  feed->resolves_failed += !ok;
  if (ok)
    feed->url_expires = expires;
  g_mutex_unlock (&feed->lock);
}

/* ---- waiting --------------------------------------------------------------------------------------------------- */

gboolean
live_feed_wait_until (LiveFeed *feed, gint64 monotonic)
{
  gboolean running;

  g_mutex_lock (&feed->lock);
  while (!feed->stopping && g_get_monotonic_time () < monotonic)
    g_cond_wait_until (&feed->changed, &feed->lock, monotonic);
  running = !feed->stopping;
  g_mutex_unlock (&feed->lock);
  return running;
}

gboolean
live_feed_is_running (LiveFeed *feed)
{
  return live_feed_wait_until (feed, 0);
}

guint
live_feed_patience (const gchar *reason)
{
  static const gchar *const bars[] = { "bot_check", "rate_limited", NULL };

  return reason && g_strv_contains (bars, reason) ? PATIENCE_WHEN_BARRED : 1;
}

void
live_feed_begin_attempt (LiveFeed *feed)
{
  g_mutex_lock (&feed->lock);
  feed->attempt = g_get_monotonic_time ();
  g_mutex_unlock (&feed->lock);
}

gboolean
live_feed_is_stale (LiveFeed *feed, gdouble least)
{
  gint64 limit = (gint64) MAX (MAX (3 * feed->set.interval, feed->set.timeout) / 1000, 3e6 * least);
  gboolean stale;

  g_mutex_lock (&feed->lock);
  stale = g_get_monotonic_time () - MAX (feed->last_frame, feed->attempt) > limit;
  g_mutex_unlock (&feed->lock);
  return stale;
}

/* ---- items --------------------------------------------------------------------------------------------------------- */

/* Locked. */
static void
add (LiveFeed *feed, LiveItem item)
{
  g_queue_push_tail (&feed->items, g_memdup2 (&item, sizeof item));
  g_cond_broadcast (&feed->changed);
}

/* Says it on the bus now, and downstream in order. Unlocked. */
static void
announce (LiveFeed *feed, gboolean begins, const gchar *reason, const gchar *detail)
{
  GstCaptureOutage outage = { begins, feed->set.source, reason, detail, g_get_real_time () };

  gst_capture_outage_post (&outage, feed->element);
  g_mutex_lock (&feed->lock);
  add (feed, (LiveItem) { .kind = LIVE_ITEM_OUTAGE, .outage = gst_capture_outage_describe (&outage,
              GST_CAPTURE_OUTAGE_NAME) });
  g_mutex_unlock (&feed->lock);
}

/* Begins the outage when nothing is left to be shown. */
static void
tell_when_dry (LiveFeed *feed)
{
  g_autofree gchar *reason = NULL, *detail = NULL;

  g_mutex_lock (&feed->lock);
  if (feed->outage && !feed->told && g_get_monotonic_time () >= feed->rest.until) {
    feed->told = TRUE;
    feed->told_at = g_get_monotonic_time ();
    feed->outages++;
    reason = g_strdup (feed->outage);
    detail = g_strdup (feed->detail);
  }
  g_mutex_unlock (&feed->lock);
  if (reason)
    announce (feed, TRUE, reason, detail);
}

/* The same pictures are not due later because another attempt has failed: they may never come. Locked. */
static void
set_rest (LiveFeed *feed, LiveRest rest)
{
  if (feed->outage && rest.epoch == feed->rest.epoch)
    rest.until = MIN (rest.until, feed->rest.until);
  feed->rest = rest;
}

/* A server may send anything for words: what GStreamer, terminals and JSON cannot take is left out of them. */
static gchar *
readable (const gchar *detail)
{
  g_autofree gchar *valid = g_utf8_make_valid (detail, -1);
  GString *text = g_string_new (NULL);
  guint n = 0;

  for (const gchar *at = valid; *at && n < MAX_DETAIL; at = g_utf8_next_char (at), n++) {
    gunichar letter = g_utf8_get_char (at);

    g_string_append_unichar (text, g_unichar_iscntrl (letter) ? ' ' : letter);
  }
  return g_string_free (text, FALSE);
}

void
live_feed_fail (LiveFeed *feed, const LiveRest *rest, const gchar *reason, const gchar *detail)
{
  gchar *words = detail ? readable (detail) : NULL;

  if (!live_feed_is_running (feed)) {
    g_free (words);
    return;
  }
  GST_INFO_OBJECT (feed->element, "attempt failed: %s: %s", reason, GST_STR_NULL (words));
  g_mutex_lock (&feed->lock);
  feed->failures++;
  count (feed->reconnects, reason);
  set_rest (feed, rest ? *rest : (LiveRest) { 0 });
  g_free (feed->outage);
  g_free (feed->detail);
  feed->outage = g_strdup (reason);
  feed->detail = words;
  g_mutex_unlock (&feed->lock);
  tell_when_dry (feed);
}

/* When the next attempt is due. */
static gint64
next_attempt (LiveFeed *feed, gint64 asked)
{
  gint64 now = g_get_monotonic_time (), latest;
  GstClockTime longest = feed->set.retry_max, wait = feed->set.retry_min;
  guint failures, patience;

  g_mutex_lock (&feed->lock);
  failures = feed->failures;
  patience = live_feed_patience (feed->outage);
  g_mutex_unlock (&feed->lock);
  for (guint i = 1; i < MIN (failures, MAX_DOUBLINGS) && wait < longest; i++)
    wait *= 2;
  wait = MAX (patience > 1 ? patience * longest : MIN (wait, longest), SHORTEST_WAIT);
  latest = now + PATIENCE_WHEN_BARRED * (gint64) (longest / 1000);
  /* Many cameras behind one network come back with it, but not in the same instant. */
  return MAX (now + (gint64) (wait / 1000 * g_random_double_range (0.75, 1)), MIN (asked, latest));
}

gboolean
live_feed_back_off (LiveFeed *feed, gint64 asked)
{
  gint64 next = next_attempt (feed, asked), dry;

  g_mutex_lock (&feed->lock);
  dry = feed->rest.until;
  g_mutex_unlock (&feed->lock);
  if (!live_feed_wait_until (feed, MIN (next, dry)))
    return FALSE;
  tell_when_dry (feed);
  if (!live_feed_wait_until (feed, next))
    return FALSE;
  live_feed_begin_attempt (feed);
  return TRUE;
}

/* The oldest frame makes room. Locked. */
static void
make_room (LiveFeed *feed)
{
  guint frames = 0;
  GList *oldest = NULL;

  for (GList *link = feed->items.tail; link; link = link->prev) {
    if (((LiveItem *) link->data)->kind == LIVE_ITEM_FRAME) {
      frames++;
      oldest = link;
    }
  }
  if (frames < MAX_FRAMES)
    return;
  free_item (oldest->data);
  g_queue_delete_link (&feed->items, oldest);
  feed->dropped++;
}

/* The picture with where and when it was taken, and nothing of the inner pipeline's times. */
static GstBuffer *
stamped (LiveFeed *feed, GstBuffer *picture, const LiveFrame *frame)
{
  g_autofree gchar *uri = live_uri_redact (feed->set.uri);
  gint64 now = g_get_real_time ();
  GstCaptureInfo info = { feed->set.source, uri, frame->captured_at ? frame->captured_at : now, now, frame->sequence,
    frame->captured_at && live_clocks_differ (frame->captured_at - now) };
  GstBuffer *buffer = gst_buffer_make_writable (gst_buffer_ref (picture));

  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  gst_buffer_add_capture_info (buffer, &info);
  return buffer;
}

void
live_feed_doubt (LiveFeed *feed, gboolean begins, const gchar *reason, const gchar *detail)
{
  GstCaptureOutage doubt = { begins, feed->set.source, reason, detail, g_get_real_time () };

  gst_element_post_message (feed->element, gst_message_new_element (GST_OBJECT (feed->element),
          gst_capture_outage_describe (&doubt, GST_LIVE_DOUBT_MESSAGE_NAME)));
}

void
live_feed_set_keyframes_only (LiveFeed *feed, gboolean only)
{
  g_mutex_lock (&feed->lock);
  feed->keyframes_only = only;
  g_mutex_unlock (&feed->lock);
}

StreamKind
live_feed_get_kind (LiveFeed *feed)
{
  StreamKind kind;

  g_mutex_lock (&feed->lock);
  kind = feed->kind;
  g_mutex_unlock (&feed->lock);
  return kind;
}

void
live_feed_set_kind (LiveFeed *feed, StreamKind kind)
{
  g_mutex_lock (&feed->lock);
  feed->kind = kind;
  g_mutex_unlock (&feed->lock);
}

/* Frames come, but are they what they seem? Unlocked. */
static void
weigh (LiveFeed *feed, GstSample *sample, const LiveFrame *frame)
{
  gint64 now = g_get_real_time (), patience = (gint64) (feed->set.timeout / 1000);
  gboolean clock, picture;
  LiveDoubts doubts;

  g_mutex_lock (&feed->lock);
  clock = frame->captured_at && live_doubts_weigh_clock (&feed->doubts, frame->captured_at, now);
  picture = live_doubts_weigh_picture (&feed->doubts, sample, g_get_monotonic_time (), patience);
  doubts = feed->doubts;
  g_mutex_unlock (&feed->lock);
  if (clock) {
    g_autofree gchar *detail = g_strdup_printf ("the stream's date is %.0f s off this machine's clock",
        doubts.clock_offset / 1e6);

    live_feed_doubt (feed, doubts.clock, LIVE_DOUBT_CLOCK, detail);
  }
  if (picture)
    live_feed_doubt (feed, doubts.frozen, LIVE_DOUBT_FROZEN,
        doubts.frozen ? "new frames, but the picture has not changed at all" : NULL);
}

/* What was fetched before the last failure says nothing of what came of it. Unlocked. */
static void
end_outage (LiveFeed *feed, const LiveFrame *frame)
{
  g_autofree gchar *reason = NULL;
  gboolean told;

  g_mutex_lock (&feed->lock);
  if (frame->epoch && frame->epoch <= feed->rest.epoch) {
    g_mutex_unlock (&feed->lock);
    return;
  }
  reason = g_steal_pointer (&feed->outage);
  told = feed->told;
  feed->told = FALSE;
  feed->failures = 0;
  g_mutex_unlock (&feed->lock);
  if (told)
    announce (feed, FALSE, reason, NULL);
}

void
live_feed_push (LiveFeed *feed, GstSample *sample, const LiveFrame *frame)
{
  LiveItem item = { .kind = LIVE_ITEM_FRAME, .caps = gst_caps_ref (gst_sample_get_caps (sample)),
    .epoch = frame->epoch, .offset = frame->offset };

  item.buffer = stamped (feed, gst_sample_get_buffer (sample), frame);
  end_outage (feed, frame);
  g_mutex_lock (&feed->lock);
  make_room (feed);
  feed->frames++;
  feed->last_frame = g_get_monotonic_time ();
  add (feed, item);
  g_mutex_unlock (&feed->lock);
  weigh (feed, sample, frame);
}

void
live_feed_end (LiveFeed *feed)
{
  g_mutex_lock (&feed->lock);
  add (feed, (LiveItem) { .kind = LIVE_ITEM_END });
  g_mutex_unlock (&feed->lock);
}

void
live_feed_error (LiveFeed *feed, GError *error)
{
  g_mutex_lock (&feed->lock);
  add (feed, (LiveItem) { .kind = LIVE_ITEM_ERROR, .error = error });
  g_mutex_unlock (&feed->lock);
}
