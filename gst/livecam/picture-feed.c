/* SPDX-License-Identifier: LGPL-2.1-or-later
 * picture-feed.c: see picture-feed.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "picture-feed.h"
#include "multipart-reader.h"
#include "picture-decoder.h"

#define PICTURE_LIMIT (32 << 20)
/* Between two requests, whatever the interval. */
#define MIN_POLL_US (G_USEC_PER_SEC / 10)

typedef struct {
  LiveFeed *feed;
  LiveHttp *http;
  gchar *uri;
  PictureDecoder *decoder;
  gint64 due;                   /* monotonic, of the next picture that is wanted */
  GBytes *last;                 /* that was asked for */
  gboolean over;
  /* Of one request. */
  MultipartReader *parts;       /* NULL: the answer is one picture */
  gboolean other;               /* it is none at all */
  guint whole;                  /* pictures */
  const gchar *broken;          /* the word for the last picture, if it could not be shown */
} Pictures;

/* ---- pictures ----------------------------------------------------------------------------------------------------- */

static void
count_on (Pictures *pictures)
{
  gint64 now = g_get_monotonic_time (), interval = (gint64) (pictures->feed->set.interval / 1000);

  pictures->due += interval;
  if (pictures->due + interval < now)
    pictures->due = now;
}

/* FALSE: it is broken. */
static gboolean
show (Pictures *pictures, GBytes *picture)
{
  const LiveFrame frame = { 0, G_MAXUINT64, 0, 0 };
  LiveFeed *feed = pictures->feed;
  GstSample *sample;

  pictures->broken = picture_fault (picture);
  if (pictures->broken)
    return FALSE;
  if (g_get_monotonic_time () < pictures->due) {
    pictures->whole++;
    return TRUE;
  }
  sample = picture_decode (pictures->decoder, picture, feed->set.request_timeout, feed->stop, &pictures->broken);
  if (sample == NULL)
    return FALSE;
  live_feed_push (feed, sample, &frame);
  gst_sample_unref (sample);
  pictures->whole++;
  count_on (pictures);
  return TRUE;
}

/* ---- one answer ----------------------------------------------------------------------------------------------------- */

/* What kind of answer it is. */
static HttpPiece
begin (Pictures *pictures, SoupMessage *message)
{
  GHashTable *parameters = NULL;
  const gchar *type = soup_message_headers_get_content_type (soup_message_get_response_headers (message), &parameters);

  live_feed_count_answer (pictures->feed, "picture", soup_message_get_status (message), 0);
  pictures->other = type && (g_str_equal (type, "text/html") || g_str_equal (type, "application/xhtml+xml"));
  if (soup_message_get_status (message) == SOUP_STATUS_OK && type && g_str_has_prefix (type, "multipart/"))
    pictures->parts = multipart_reader_new (g_hash_table_lookup (parameters, "boundary"), PICTURE_LIMIT);
  if (parameters)
    g_hash_table_unref (parameters);
  return pictures->parts ? HTTP_PIECE_PROGRESS : HTTP_PIECE_KEEP;
}

static HttpPiece
take (SoupMessage *message, gconstpointer piece, gsize size, gpointer data)
{
  Pictures *pictures = data;
  HttpPiece result = HTTP_PIECE_TAKEN;
  GBytes *picture;

  if (piece == NULL)
    return begin (pictures, message);
  if (pictures->parts == NULL)
    return HTTP_PIECE_KEEP;
  live_feed_count_bytes (pictures->feed, size);
  multipart_reader_push (pictures->parts, piece, size);
  while ((picture = multipart_reader_take (pictures->parts))) {
    if (show (pictures, picture))
      result = HTTP_PIECE_PROGRESS;
    g_bytes_unref (picture);
  }
  return multipart_reader_failure (pictures->parts) || g_strcmp0 (pictures->broken, "no_decoder") == 0 ? HTTP_PIECE_ENOUGH
      : result;
}

/* ---- what came of it -------------------------------------------------------------------------------------------------- */

/* What no waiting mends, as long as nothing ever worked. */
static gboolean
lacks_decoder (Pictures *pictures, const gchar *reason)
{
  if (!g_str_equal (reason, "no_decoder") || pictures->feed->frames > 0)
    return FALSE;
  live_feed_error (pictures->feed, g_error_new (GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN, "There is no decoder for the "
          "pictures of %s: install gstreamer1.0-plugins-good", pictures->feed->set.source));
  pictures->over = TRUE;
  return TRUE;
}

static void
fail (Pictures *pictures, const gchar *reason, const gchar *detail)
{
  if (lacks_decoder (pictures, reason))
    return;
  live_feed_fail (pictures->feed, NULL, reason, detail);
  live_feed_back_off (pictures->feed, live_http_asked_until (pictures->http));
  g_clear_pointer (&pictures->uri, g_free);
}

/* The last picture could not be shown. */
static void
fail_by_picture (Pictures *pictures, const gchar *detail)
{
  fail (pictures, pictures->broken, g_str_equal (pictures->broken, "too_large")
      ? "a picture that claims more than 128 megapixels, or a hundred scans" : detail);
}

static void
await_next (Pictures *pictures)
{
  live_feed_wait_until (pictures->feed, MAX (pictures->due, g_get_monotonic_time () + MIN_POLL_US));
}

static void
conclude_stream (Pictures *pictures, const LiveHttpResult *result)
{
  const gchar *failure = multipart_reader_failure (pictures->parts);

  if (failure == NULL && result->reason && multipart_reader_is_lost (pictures->parts))
    failure = "undecodable";
  if (failure)
    fail (pictures, failure, g_str_equal (failure, "too_large") ? "a picture of more than 32 MiB"
        : "the stream is not made of parts");
  else if (pictures->broken && (pictures->whole == 0 || g_strcmp0 (result->reason, "timeout") == 0))
    fail_by_picture (pictures, "pictures, but none that is whole");
  else if (g_strcmp0 (result->reason, "timeout") == 0)
    fail (pictures, pictures->whole ? "stale" : "timeout", "no new pictures");
  else if (result->reason)
    fail (pictures, result->reason, result->detail);
  else if (multipart_reader_is_inside (pictures->parts))
    fail (pictures, "connection", "the camera ended the stream in the middle of a picture");
  else if (pictures->whole == 0)
    fail (pictures, "ended", "the camera ended the stream");
  else                          /* some do from time to time, and it is no outage where the next one comes */
    await_next (pictures);
}

static void
conclude_picture (Pictures *pictures, LiveHttpResult *result)
{
  gboolean same = result->reason == NULL && pictures->last && g_bytes_equal (pictures->last, result->body);

  live_feed_count_bytes (pictures->feed, result->reason ? 0 : g_bytes_get_size (result->body));
  if (result->status == SOUP_STATUS_OK && pictures->other) {
    fail (pictures, "not_a_picture", "the camera answered with a page");
  } else if (result->reason) {
    fail (pictures, result->reason, result->detail);
  } else if (same && live_feed_is_stale (pictures->feed, 0)) {
    fail (pictures, "stale", "the picture is the same every time");
  } else if (!same && !show (pictures, result->body)) {
    fail_by_picture (pictures, "the picture is not whole");
  } else if (same) {
    count_on (pictures);
  } else {
    g_clear_pointer (&pictures->last, g_bytes_unref);
    pictures->last = g_bytes_ref (result->body);
  }
  await_next (pictures);        /* before it is due, nobody wants it */
}

/* ---- the thread ----------------------------------------------------------------------------------------------------------- */

/* A stream that stops is begun anew after as long as any other. */
static GstClockTime
patience (const LiveSettings *set)
{
  return MAX (set->request_timeout, MAX (3 * set->interval, set->timeout));
}

static void
ask (Pictures *pictures)
{
  LiveFeed *feed = pictures->feed;
  const HttpWatch watch = { take, pictures, patience (&feed->set) };
  LiveHttpResult result;

  if (pictures->uri == NULL && feed->update_uri)
    pictures->uri = feed->update_uri (feed->element, feed->set.uri);
  if (pictures->uri == NULL)
    pictures->uri = g_strdup (feed->set.uri);
  pictures->other = FALSE;
  pictures->whole = 0;
  pictures->broken = NULL;
  live_http_watch (pictures->http, pictures->uri, NULL, PICTURE_LIMIT, feed->set.request_timeout, feed->stop, &watch,
      &result);
  if (result.status == 0)
    live_feed_count_answer (feed, "picture", 0, 0);
  if (pictures->parts)
    conclude_stream (pictures, &result);
  else
    conclude_picture (pictures, &result);
  g_clear_pointer (&pictures->parts, multipart_reader_free);
  live_http_result_clear (&result);
}

void
picture_feed_run (LiveFeed *feed, LiveHttp *http)
{
  Pictures pictures = { .feed = feed, .http = http, .decoder = picture_decoder_new (), .due = g_get_monotonic_time () };

  while (!pictures.over && live_feed_is_running (feed))
    ask (&pictures);
  picture_decoder_free (pictures.decoder);
  g_clear_pointer (&pictures.last, g_bytes_unref);
  g_free (pictures.uri);
}
