/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream-resolver.h: from the page of a live video to the address of its stream, by an external program that is replaced
 * more often than this one: yt-dlp -j, streamlink --json, or anything that prints one address.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Video as HLS; {uri} becomes the page, {height} the lines that it may have at most. */
#define STREAM_RESOLVER_DEFAULT "yt-dlp -j --no-warnings --no-playlist -4 " \
  "-f \"bv*[protocol^=m3u8][vcodec^=avc1][height<={height}]/b[protocol^=m3u8]/bv*[protocol^=m3u8]\" {uri}"

/* reason NULL: uri is there. Else a word for programs (resolver_missing, resolver_failed, resolver_garbage,
 * resolver_too_much, resolver_timeout, cancelled, bot_check, rate_limited, private, region, offline, ended, no_formats)
 * and detail for people, without addresses. */
typedef struct {
  gchar *uri;
  GHashTable *headers;          /* for requests to uri; NULL: none */
  gint64 expires;               /* when uri stops working, seconds since 1970; 0: not told */
  gchar *reason, *detail;
} StreamAddress;

/* Runs command, which no shell sees, for at most `timeout` nanoseconds. Blocks. max_height 0: any. */
void stream_resolve (const gchar *command, const gchar *page, guint max_height, guint64 timeout,
    GCancellable *cancellable, StreamAddress *address);
void stream_address_clear (StreamAddress *address);

/* What the program printed, read as an address; of several streams the largest one that max_height (0: any) allows, else the
 * smallest. */
void stream_address_parse (const gchar *output, gsize size, guint max_height, StreamAddress *address);
/* When an address stops working, by /expire/SECONDS/ or expire=SECONDS in it; 0: it does not say. */
gint64 stream_address_expiry (const gchar *uri);

G_END_DECLS
