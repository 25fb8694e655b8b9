/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hls-address.h: where the media playlist is: out of a page, by the resolver, or of a master playlist; which of
 * these an address is, the server tells (stream-probe.h). An address counts
 * only when one of its segments was fetched.
 */
#pragma once

#include "live-feed.h"
#include "live-http.h"
#include "hls-playlist.h"

G_BEGIN_DECLS

#define HLS_PLAYLIST_LIMIT (1 << 20)
#define HLS_SEGMENT_LIMIT (64 << 20)

typedef struct {
  gchar *uri;                   /* of the media playlist; NULL: none, for this reason: */
  GHashTable *headers;
  gint64 expires;               /* seconds since 1970; 0: not told */
  StreamKind kind;              /* of what it was found by; PICTURES: it is no playlist at all */
  gchar *reason, *detail;
} HlsAddress;

void hls_address_clear (HlsAddress *address);

/* Blocks, up to the time limits of the feed's settings. */
void hls_address_find (LiveFeed *feed, LiveHttp *http, HlsAddress *address);

/* A playlist from uri, which counts in the feed's numbers. NULL with a reason and detail of the caller's to free. */
HlsPlaylist *hls_fetch_playlist (LiveFeed *feed, LiveHttp *http, const gchar *uri, GHashTable *headers, gchar **reason,
    gchar **detail);
/* The same for what a segment's uri or map says. */
GBytes *hls_fetch_segment (LiveFeed *feed, LiveHttp *http, const gchar *uri, GHashTable *headers, gchar **reason,
    gchar **detail);

/* The same in a thread of its own. */
typedef struct _HlsFinder HlsFinder;

HlsFinder *hls_finder_start (LiveFeed *feed);
/* TRUE once it has ended; *address is the caller's then, and the finder is gone. */
gboolean hls_finder_take (HlsFinder *finder, HlsAddress *address);
/* Waits for its end; the feed has stopped, so that is soon. NULL is fine. */
void hls_finder_free (HlsFinder *finder);

G_END_DECLS
