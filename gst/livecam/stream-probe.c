/* SPDX-License-Identifier: LGPL-2.1-or-later
 * stream-probe.c: see stream-probe.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "stream-probe.h"

#include <string.h>

/* First bytes that are looked at, and what comes at most with them. */
#define ENOUGH 64
#define LIMIT (1 << 20)

static gboolean
ends_as_playlist (const gchar *uri)
{
  GUri *parsed = g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
  gboolean playlist = parsed && (g_str_has_suffix (g_uri_get_path (parsed), ".m3u8")
      || g_str_has_suffix (g_uri_get_path (parsed), ".m3u"));

  if (parsed)
    g_uri_unref (parsed);
  return playlist;
}

/* ---- one answer ----------------------------------------------------------------------------------------------------- */

typedef struct {
  gchar *type;                  /* in small letters, "" for none */
  gchar bytes[ENOUGH + 1];
  gsize n;
} Probe;

static StreamKind
kind_of_type (const gchar *type)
{
  static const gchar *const playlists[] = { "application/vnd.apple.mpegurl", "application/x-mpegurl", "audio/mpegurl",
    "audio/x-mpegurl", "application/mpegurl", NULL };

  if (g_strv_contains (playlists, type))
    return STREAM_KIND_PLAYLIST;
  return g_str_has_prefix (type, "image/") || g_str_has_prefix (type, "multipart/") ? STREAM_KIND_PICTURES : STREAM_KIND_UNKNOWN;
}

/* Of servers that name no type, or a wrong one. */
static StreamKind
kind_of_bytes (const gchar *bytes, gsize n)
{
  if (n >= 3 && memcmp (bytes, "\xef\xbb\xbf", 3) == 0)
    return kind_of_bytes (bytes + 3, n - 3);
  if (n >= 7 && memcmp (bytes, "#EXTM3U", 7) == 0)
    return STREAM_KIND_PLAYLIST;
  return n >= 3 && memcmp (bytes, "\xff\xd8\xff", 3) == 0 ? STREAM_KIND_PICTURES : STREAM_KIND_PAGE;
}

static HttpPiece
take (SoupMessage *message, gconstpointer piece, gsize size, gpointer data)
{
  Probe *probe = data;
  const gchar *type;

  if (piece == NULL) {
    type = soup_message_headers_get_content_type (soup_message_get_response_headers (message), NULL);
    probe->type = g_ascii_strdown (type ? type : "", -1);
    return kind_of_type (probe->type) != STREAM_KIND_UNKNOWN ? HTTP_PIECE_ENOUGH : HTTP_PIECE_KEEP;
  }
  memcpy (probe->bytes + probe->n, piece, MIN (size, ENOUGH - probe->n));
  probe->n += MIN (size, ENOUGH - probe->n);
  return probe->n < ENOUGH ? HTTP_PIECE_KEEP : HTTP_PIECE_ENOUGH;
}

/* ---- what it says ---------------------------------------------------------------------------------------------------- */

/* A page that tells why, or a site that bars whoever is no browser; but not a camera that wants a password. */
static gboolean
refuses_with_a_page (const LiveHttpResult *result, const Probe *probe)
{
  return result->status >= 400 && result->status != 401 && g_strcmp0 (probe->type, "text/html") == 0;
}

static StreamKind
conclude (const LiveHttpResult *result, const Probe *probe)
{
  StreamKind kind;

  if (result->reason)
    return refuses_with_a_page (result, probe) ? STREAM_KIND_PAGE : STREAM_KIND_UNKNOWN;
  kind = kind_of_type (probe->type);
  return kind != STREAM_KIND_UNKNOWN ? kind : kind_of_bytes (probe->bytes, probe->n);
}

static StreamKind
ask (LiveFeed *feed, LiveHttp *http, const gchar *uri, gchar **reason, gchar **detail)
{
  Probe probe = { 0 };
  const HttpWatch watch = { take, &probe, 0 };
  LiveHttpResult result;
  StreamKind kind;

  live_http_watch (http, uri, NULL, LIMIT, feed->set.request_timeout, feed->stop, &watch, &result);
  live_feed_count_answer (feed, "probe", result.status, probe.n);
  kind = conclude (&result, &probe);
  *reason = g_steal_pointer (&result.reason);
  *detail = result.status == SOUP_STATUS_UNAUTHORIZED ? g_strdup ("the camera asks for a user and a password, or for "
      "others: write them before its host in uri") : g_steal_pointer (&result.detail);
  if (kind == STREAM_KIND_PAGE && feed->set.resolve == LIVE_RESOLVE_NEVER) {
    kind = STREAM_KIND_UNKNOWN;
    if (*reason == NULL) {
      *reason = g_strdup ("not_a_stream");
      *detail = g_strdup_printf ("the answer (%s) is neither a playlist nor pictures, and resolve is never",
          *probe.type ? probe.type : "of no type");
    }
  }
  live_http_result_clear (&result);
  g_free (probe.type);
  return kind;
}

StreamKind
stream_probe (LiveFeed *feed, LiveHttp *http, const gchar *uri, gchar **reason, gchar **detail)
{
  StreamKind known = g_strcmp0 (uri, feed->set.uri) == 0 ? live_feed_get_kind (feed) : STREAM_KIND_UNKNOWN;

  *reason = *detail = NULL;
  if (feed->set.resolve == LIVE_RESOLVE_ALWAYS)
    return STREAM_KIND_PAGE;
  if (ends_as_playlist (uri))
    return STREAM_KIND_PLAYLIST;
  return known != STREAM_KIND_UNKNOWN ? known : ask (feed, http, uri, reason, detail);
}
