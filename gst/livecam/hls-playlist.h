/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hls-playlist.h: playlists of HTTP Live Streaming (RFC 8216), as far as a camera's stream needs them: master playlists'
 * variants, media playlists' segments. What cannot be played (encryption, byte ranges) is refused, what is not known is
 * passed over, as the RFC wants.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define HLS_PLAYLIST_ERROR (hls_playlist_error_quark ())
GQuark hls_playlist_error_quark (void);

typedef enum {
  HLS_PLAYLIST_ERROR_NONE,      /* not a playlist at all */
  HLS_PLAYLIST_ERROR_EMPTY,     /* one without segments or variants */
  HLS_PLAYLIST_ERROR_BROKEN,    /* one with a line that makes no sense */
  HLS_PLAYLIST_ERROR_UNSUPPORTED,
} HlsPlaylistError;

typedef struct {
  gchar *uri;                   /* absolute */
  gchar *map;                   /* of what has to come before it (fragmented MP4), or NULL */
  guint64 sequence;
  gdouble duration;             /* seconds */
  gint64 time;                  /* of its first frame, microseconds since 1970 UTC; 0: not told */
  gboolean discontinuity;       /* its times do not go on from those before */
} HlsSegment;

typedef struct {
  gchar *uri;
  guint64 bandwidth;            /* bits a second; 0: not told */
  guint height;                 /* 0: not told */
} HlsVariant;

typedef struct {
  GArray *variants;             /* HlsVariant; a master playlist has these alone */
  GArray *segments;             /* HlsSegment */
  gdouble target;               /* seconds, longest segment as promised */
  gboolean ended;               /* no segment will follow */
} HlsPlaylist;

/* text[size] as it came from base, an absolute address. */
HlsPlaylist *hls_playlist_parse (const gchar *text, gsize size, const gchar *base, GError **error);
void hls_playlist_free (HlsPlaylist *playlist);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (HlsPlaylist, hls_playlist_free)

/* The largest variant not higher than max_height (0: any); of equal ones that with the highest bandwidth; the smallest
 * when all are higher. */
const HlsVariant *hls_playlist_choose (const HlsPlaylist *playlist, guint max_height);

G_END_DECLS
