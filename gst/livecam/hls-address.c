/* SPDX-License-Identifier: LGPL-2.1-or-later
 * hls-address.c: see hls-address.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "hls-address.h"
#include "stream-probe.h"
#include "stream-resolver.h"

#include <string.h>

/* Segments that are tried before an address is given up. */
#define PROOFS 3

void
hls_address_clear (HlsAddress *address)
{
  g_clear_pointer (&address->uri, g_free);
  g_clear_pointer (&address->headers, g_hash_table_unref);
  g_clear_pointer (&address->reason, g_free);
  g_clear_pointer (&address->detail, g_free);
  address->expires = 0;
}

/* ---- what is fetched ---------------------------------------------------------------------------------------------- */

static GBytes *
fetch (LiveFeed *feed, LiveHttp *http, const gchar *kind, const gchar *uri, GHashTable *headers, gsize limit,
    gchar **from, gchar **reason, gchar **detail)
{
  LiveHttpResult result;
  GBytes *body = NULL;

  live_http_get (http, uri, headers, limit, feed->set.request_timeout, feed->stop, &result);
  live_feed_count_answer (feed, kind, result.status, result.reason ? 0 : g_bytes_get_size (result.body));
  *reason = g_steal_pointer (&result.reason);
  *detail = g_steal_pointer (&result.detail);
  if (*reason == NULL)
    body = g_steal_pointer (&result.body);
  if (from)
    *from = g_steal_pointer (&result.uri);
  live_http_result_clear (&result);
  return body;
}

HlsPlaylist *
hls_fetch_playlist (LiveFeed *feed, LiveHttp *http, const gchar *uri, GHashTable *headers, gchar **reason,
    gchar **detail)
{
  g_autofree gchar *from = NULL;
  GBytes *body = fetch (feed, http, "playlist", uri, headers, HLS_PLAYLIST_LIMIT, &from, reason, detail);
  GError *error = NULL;
  HlsPlaylist *playlist;
  gconstpointer text;
  gsize size;

  if (body == NULL)
    return NULL;
  text = g_bytes_get_data (body, &size);        /* NULL when it is empty */
  playlist = hls_playlist_parse (text, size, from, &error);
  g_bytes_unref (body);
  if (playlist == NULL) {
    *reason = g_strdup (error->code == HLS_PLAYLIST_ERROR_NONE ? "not_a_playlist"
        : error->code == HLS_PLAYLIST_ERROR_EMPTY ? "no_segments"
        : error->code == HLS_PLAYLIST_ERROR_UNSUPPORTED ? "unsupported" : "broken_playlist");
    *detail = g_strdup (error->message);
    g_error_free (error);
  }
  return playlist;
}

GBytes *
hls_fetch_segment (LiveFeed *feed, LiveHttp *http, const gchar *uri, GHashTable *headers, gchar **reason,
    gchar **detail)
{
  GBytes *body = fetch (feed, http, "segment", uri, headers, HLS_SEGMENT_LIMIT, NULL, reason, detail);

  if (body && g_bytes_get_size (body) == 0) {
    g_clear_pointer (&body, g_bytes_unref);
    *reason = g_strdup ("empty_segment");
    *detail = g_strdup ("a segment without a byte");
  }
  return body;
}

/* ---- where it is ------------------------------------------------------------------------------------------------ */

/* Whether one of the newest segments can be had. */
static gboolean
prove (LiveFeed *feed, LiveHttp *http, HlsAddress *address, const HlsPlaylist *playlist)
{
  for (guint i = 0; i < MIN (PROOFS, playlist->segments->len); i++) {
    const HlsSegment *segment = &g_array_index (playlist->segments, HlsSegment, playlist->segments->len - 1 - i);
    GBytes *body;

    g_clear_pointer (&address->reason, g_free);
    g_clear_pointer (&address->detail, g_free);
    body = hls_fetch_segment (feed, http, segment->uri, address->headers, &address->reason, &address->detail);
    if (body) {
      g_bytes_unref (body);
      return TRUE;
    }
    if (live_http_asked_until (http))
      return FALSE;
  }
  return FALSE;
}

/* From any playlist's address to the media playlist's, proven by a segment. */
static void
descend (LiveFeed *feed, LiveHttp *http, HlsAddress *address, const gchar *uri)
{
  g_autoptr (HlsPlaylist) playlist = hls_fetch_playlist (feed, http, uri, address->headers, &address->reason,
      &address->detail);

  if (playlist == NULL)
    return;
  if (playlist->variants->len) {
    g_autofree gchar *media = g_strdup (hls_playlist_choose (playlist, feed->set.max_height)->uri);
    HlsPlaylist *inner = hls_fetch_playlist (feed, http, media, address->headers, &address->reason, &address->detail);

    if (inner == NULL)
      return;
    hls_playlist_free (playlist);
    playlist = inner;
    uri = address->uri = g_steal_pointer (&media);
    if (playlist->segments->len == 0) {
      address->reason = g_strdup ("no_segments");
      address->detail = g_strdup ("a master playlist inside a master playlist");
    }
  } else {
    address->uri = g_strdup (uri);
  }
  if (address->reason || !prove (feed, http, address, playlist))
    g_clear_pointer (&address->uri, g_free);
}

/* A resolver that fails without knowing more does not change that the server has refused. */
static void
keep_refusal (HlsAddress *address, const gchar *refusal, const gchar *words)
{
  gchar *detail;

  if (address->reason == NULL || !g_str_has_prefix (address->reason, "resolver_"))
    return;
  detail = g_strdup_printf ("%s; the resolver: %s", words ? words : "no", address->detail ? address->detail : address->reason);
  g_free (address->reason);
  g_free (address->detail);
  address->reason = g_strdup (refusal);
  address->detail = detail;
}

/* Out of a page. `refusal`: of the page's server to ourselves, or NULL, and its words. */
static void
resolve (LiveFeed *feed, LiveHttp *http, HlsAddress *address, const gchar *uri, const gchar *refusal, const gchar *words)
{
  StreamAddress stream = { 0 };

  stream_resolve (feed->set.resolver, uri, feed->set.max_height, feed->set.resolver_timeout, feed->stop, &stream);
  address->headers = g_steal_pointer (&stream.headers);
  address->expires = stream.expires;
  address->reason = g_steal_pointer (&stream.reason);
  address->detail = g_steal_pointer (&stream.detail);
  if (stream.uri)
    descend (feed, http, address, stream.uri);
  if (refusal)
    keep_refusal (address, refusal, words);
  live_feed_count_resolve (feed, address->uri != NULL, address->expires);
  stream_address_clear (&stream);
}

void
hls_address_find (LiveFeed *feed, LiveHttp *http, HlsAddress *address)
{
  g_autofree gchar *other = feed->update_uri ? feed->update_uri (feed->element, feed->set.uri) : NULL;
  g_autofree gchar *reason = NULL, *detail = NULL;
  const gchar *uri = other ? other : feed->set.uri;
  StreamKind kind = stream_probe (feed, http, uri, &reason, &detail);

  *address = (HlsAddress) { .kind = kind };
  if (kind == STREAM_KIND_PLAYLIST) {
    address->expires = stream_address_expiry (uri);
    descend (feed, http, address, uri);
  } else if (kind == STREAM_KIND_PAGE) {
    resolve (feed, http, address, uri, reason, detail);
  } else {
    address->reason = kind == STREAM_KIND_PICTURES ? g_strdup ("not_a_playlist") : g_steal_pointer (&reason);
    address->detail = kind == STREAM_KIND_PICTURES ? g_strdup ("pictures") : g_steal_pointer (&detail);
  }
  if (address->uri && other == NULL)
    live_feed_set_kind (feed, kind);    /* whatever the server says later, while it is ill */
}

/* ---- beside the fetching thread ------------------------------------------------------------------------------------ */

struct _HlsFinder {
  LiveFeed *feed;
  GThread *thread;
  HlsAddress address;
  gint done;
};

static gpointer
find (gpointer data)
{
  HlsFinder *finder = data;
  LiveHttp *http = live_http_new (finder->feed->set.user_agent);

  hls_address_find (finder->feed, http, &finder->address);
  live_http_free (http);
  g_atomic_int_set (&finder->done, TRUE);
  return NULL;
}

HlsFinder *
hls_finder_start (LiveFeed *feed)
{
  HlsFinder *finder = g_new0 (HlsFinder, 1);

  finder->feed = feed;
  finder->thread = g_thread_new ("live-resolve", find, finder);
  return finder;
}

gboolean
hls_finder_take (HlsFinder *finder, HlsAddress *address)
{
  if (!g_atomic_int_get (&finder->done))
    return FALSE;
  g_thread_join (finder->thread);
  *address = finder->address;
  g_free (finder);
  return TRUE;
}

void
hls_finder_free (HlsFinder *finder)
{
  if (finder == NULL)
    return;
  g_thread_join (finder->thread);
  hls_address_clear (&finder->address);
  g_free (finder);
}
