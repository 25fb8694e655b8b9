/* SPDX-License-Identifier: LGPL-2.1-or-later
 * hls-playlist.c: see hls-playlist.h. */
#include "hls-playlist.h"

#include <math.h>
#include <string.h>

G_DEFINE_QUARK (hls-playlist-error-quark, hls_playlist_error)

#define MAX_SECONDS 86400       /* of a segment */
#define MAX_ENTRIES 20000

/* What the lines so far say about the segment that follows. */
typedef struct {
  HlsPlaylist *playlist;
  const gchar *base;
  guint64 sequence;
  gdouble duration;             /* -1: no EXTINF yet */
  gint64 time;
  gboolean discontinuity, variant_follows;
  gchar *map;
  HlsVariant variant;
} Parser;

static void
clear_segment (gpointer data)
{
  HlsSegment *segment = data;

  g_free (segment->uri);
  g_free (segment->map);
}

static void
clear_variant (gpointer data)
{
  g_free (((HlsVariant *) data)->uri);
}

void
hls_playlist_free (HlsPlaylist *playlist)
{
  if (playlist == NULL)
    return;
  g_array_unref (playlist->segments);
  g_array_unref (playlist->variants);
  g_free (playlist);
}

static gboolean
broken (GError **error, const gchar *line)
{
  g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_BROKEN, "the playlist has a line that makes no sense: %.60s",
      line);
  return FALSE;
}

/* A number without a sign and anything behind it but `end`. */
static gboolean
parse_seconds (const gchar *text, const gchar *end, gdouble *seconds)
{
  gchar *stop;

  *seconds = g_ascii_strtod (text, &stop);
  return stop != text && (*stop == 0 || strchr (end, *stop)) && isfinite (*seconds) && *seconds >= 0
      && *seconds <= MAX_SECONDS;
}

static gboolean
parse_count (const gchar *text, guint64 *count)
{
  return g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, count, NULL);
}

/* The value of NAME in NAME=VALUE,NAME="VALUE", or NULL. */
static gchar *
attribute (const gchar *list, const gchar *name)
{
  gsize length = strlen (name);

  while (*list) {
    const gchar *equals = strchr (list, '='), *value, *end;
    gboolean quoted;

    if (equals == NULL)
      return NULL;
    quoted = equals[1] == '"';
    value = equals + (quoted ? 2 : 1);
    end = strchr (value, quoted ? '"' : ',');
    if (end == NULL)
      end = value + strlen (value);
    if ((gsize) (equals - list) == length && strncmp (list, name, length) == 0)
      return g_strndup (value, end - value);
    list = end + (quoted && *end ? 1 : 0);
    list += *list == ',';
    while (*list == ' ')
      list++;
  }
  return NULL;
}

static gchar *
absolute (const Parser *parser, const gchar *uri)
{
  return g_uri_resolve_relative (parser->base, uri, G_URI_FLAGS_PARSE_RELAXED, NULL);
}

static void
parse_stream_info (Parser *parser, const gchar *list)
{
  g_autofree gchar *bandwidth = attribute (list, "BANDWIDTH"), *resolution = attribute (list, "RESOLUTION");
  const gchar *cross = resolution ? strchr (resolution, 'x') : NULL;

  parser->variant = (HlsVariant) { 0 };
  if (bandwidth)
    parse_count (bandwidth, &parser->variant.bandwidth);
  if (cross)
    parser->variant.height = (guint) MIN (g_ascii_strtoull (cross + 1, NULL, 10), 100000);
  parser->variant_follows = TRUE;
}

static gboolean
parse_key (const gchar *list, GError **error)
{
  g_autofree gchar *method = attribute (list, "METHOD");

  if (g_strcmp0 (method, "NONE") == 0)
    return TRUE;
  g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_UNSUPPORTED, "the stream is encrypted (%s)",
      method ? method : "unknown");
  return FALSE;
}

static gboolean
parse_map (Parser *parser, const gchar *list, const gchar *line, GError **error)
{
  g_autofree gchar *uri = attribute (list, "URI"), *range = attribute (list, "BYTERANGE");

  g_clear_pointer (&parser->map, g_free);
  if (range) {
    g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_UNSUPPORTED, "segments are ranges of bytes");
    return FALSE;
  }
  parser->map = uri ? absolute (parser, uri) : NULL;
  return parser->map ? TRUE : broken (error, line);
}

static gint64
parse_time (const gchar *text)
{
  GTimeZone *utc = g_time_zone_new_utc ();
  GDateTime *time = g_date_time_new_from_iso8601 (text, utc);
  gint64 microseconds = time ? g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time) : 0;

  if (time)
    g_date_time_unref (time);
  g_time_zone_unref (utc);
  return MAX (microseconds, 0);
}

/* What follows the name of a tag, or NULL for another tag. */
static const gchar *
tag (const gchar *line, const gchar *name)
{
  return g_str_has_prefix (line, name) ? line + strlen (name) : NULL;
}

static gboolean
parse_tag (Parser *parser, const gchar *line, GError **error)
{
  HlsPlaylist *playlist = parser->playlist;
  const gchar *value;

  if ((value = tag (line, "#EXTINF:")))
    return parse_seconds (value, ", ", &parser->duration) ? TRUE : broken (error, line);
  if ((value = tag (line, "#EXT-X-TARGETDURATION:")))
    return parse_seconds (value, " ", &playlist->target) ? TRUE : broken (error, line);
  if ((value = tag (line, "#EXT-X-MEDIA-SEQUENCE:")))
    return parse_count (value, &parser->sequence) ? TRUE : broken (error, line);
  if ((value = tag (line, "#EXT-X-PROGRAM-DATE-TIME:")))
    parser->time = parse_time (value);
  else if ((value = tag (line, "#EXT-X-STREAM-INF:")))
    parse_stream_info (parser, value);
  else if ((value = tag (line, "#EXT-X-KEY:")))
    return parse_key (value, error);
  else if ((value = tag (line, "#EXT-X-MAP:")))
    return parse_map (parser, value, line, error);
  else if (tag (line, "#EXT-X-BYTERANGE:")) {
    g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_UNSUPPORTED, "segments are ranges of bytes");
    return FALSE;
  } else if (g_str_equal (line, "#EXT-X-DISCONTINUITY"))
    parser->discontinuity = TRUE;
  else if (g_str_equal (line, "#EXT-X-ENDLIST"))
    playlist->ended = TRUE;
  return TRUE;
}

static gboolean
add_uri (Parser *parser, const gchar *line, GError **error)
{
  HlsPlaylist *playlist = parser->playlist;
  gchar *uri = absolute (parser, line);

  if (uri == NULL || playlist->segments->len + playlist->variants->len >= MAX_ENTRIES
      || (!parser->variant_follows && parser->duration < 0)) {
    g_free (uri);
    return broken (error, line);
  }
  if (parser->variant_follows) {
    parser->variant.uri = uri;
    g_array_append_val (playlist->variants, parser->variant);
    parser->variant_follows = FALSE;
  } else {
    HlsSegment segment = { uri, g_strdup (parser->map), parser->sequence++, parser->duration, parser->time,
      parser->discontinuity };

    g_array_append_val (playlist->segments, segment);
    if (parser->time)
      parser->time += (gint64) (parser->duration * G_USEC_PER_SEC);
    parser->duration = -1;
    parser->discontinuity = FALSE;
  }
  return TRUE;
}

static gboolean
parse_lines (Parser *parser, gchar **lines, GError **error)
{
  for (; *lines; lines++) {
    gchar *line = g_strstrip (*lines);

    if (*line == '#' ? !parse_tag (parser, line, error) : *line && !add_uri (parser, line, error))
      return FALSE;
  }
  if (parser->playlist->variants->len == 0 && parser->playlist->segments->len == 0) {
    g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_EMPTY, "the playlist has no segments");
    return FALSE;
  }
  return TRUE;
}

HlsPlaylist *
hls_playlist_parse (const gchar *text, gsize size, const gchar *base, GError **error)
{
  Parser parser = { .base = base, .duration = -1 };
  g_autoptr (HlsPlaylist) playlist = NULL;
  g_autofree gchar *copy = NULL;
  g_auto (GStrv) lines = NULL;
  gboolean sound;

  if (size > 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0) {
    text += 3;
    size -= 3;
  }
  if (size < 7 || memcmp (text, "#EXTM3U", 7) != 0 || memchr (text, 0, size)) {
    g_set_error (error, HLS_PLAYLIST_ERROR, HLS_PLAYLIST_ERROR_NONE, "not a playlist (%" G_GSIZE_FORMAT " bytes)", size);
    return NULL;
  }
  playlist = parser.playlist = g_new0 (HlsPlaylist, 1);
  playlist->segments = g_array_new (FALSE, FALSE, sizeof (HlsSegment));
  playlist->variants = g_array_new (FALSE, FALSE, sizeof (HlsVariant));
  g_array_set_clear_func (playlist->segments, clear_segment);
  g_array_set_clear_func (playlist->variants, clear_variant);
  copy = g_strndup (text, size);
  lines = g_strsplit (copy, "\n", -1);
  sound = parse_lines (&parser, lines, error);
  g_free (parser.map);
  return sound ? g_steal_pointer (&playlist) : NULL;
}

const HlsVariant *
hls_playlist_choose (const HlsPlaylist *playlist, guint max_height)
{
  const HlsVariant *best = NULL;

  for (guint i = 0; i < playlist->variants->len; i++) {
    const HlsVariant *v = &g_array_index (playlist->variants, HlsVariant, i);
    gboolean fits = max_height == 0 || v->height <= max_height;
    gboolean best_fits = best && (max_height == 0 || best->height <= max_height);
    gboolean larger = best && (v->height > best->height || (v->height == best->height && v->bandwidth > best->bandwidth));

    if (best == NULL || (fits && (!best_fits || larger)) || (!fits && !best_fits && !larger))
      best = v;
  }
  return best;
}
