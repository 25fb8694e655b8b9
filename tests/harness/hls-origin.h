/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hls-origin.h: a live HLS origin on the loopback, of a folder of segments that it plays for ever, with the faults that
 * real ones have. Its clock is the wall's: the newest segment is the last one that is whole by now.
 *
 * Faults, by name and number (0: none), in force from the next request on:
 *   playlist, segment    HTTP status of all answers of the kind
 *   retry-after          those answers ask not to come again for so many seconds
 *   html, empty, none    a page, nothing, a playlist without segments, instead of the playlist
 *   untyped              the playlist calls itself plain text
 *   frozen               the playlist stays as it is now
 *   ended                the playlist says that nothing follows
 *   jump                 the clock goes on by so many seconds
 *   missing              so many of the newest segments are 404
 *   delay                a playlist comes so many seconds after it was asked for
 *   hang                 a segment's first half, then nothing
 *   trickle              a segment comes at 2 KB a second
 *   truncate             half of a segment as if it were all
 *   garbage              a segment of zeros
 *   skew                 the playlist's dates are so many seconds late
 *   still                every segment is the first one of the first folder
 *   keyless              segments without their key frame: 1: all, n: all whose number n does not divide
 *   down                 no connection is taken
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _HlsOrigin HlsOrigin;

/* folder: 0.ts, 1.ts, ... each `seconds` long, whose times go on from one to the next; alternative (may be NULL): another
 * such folder, for every second time round. port 0: any. Serves from a thread of its own. */
HlsOrigin *hls_origin_new (const char *folder, const char *alternative, double seconds, guint port, GError **error);
void hls_origin_free (HlsOrigin *origin);
guint hls_origin_port (HlsOrigin *origin);
void hls_origin_set (HlsOrigin *origin, const char *fault, double value);
/* Requests so far for paths that begin so. */
guint hls_origin_count (HlsOrigin *origin, const char *path);
/* The path of request i, to be freed; NULL: there have not been so many. */
char *hls_origin_request (HlsOrigin *origin, guint i);

/* Writes n such segments, width pixels wide, with whatever encoder is there. FALSE: there is none. */
gboolean hls_origin_make_segments (const char *folder, int n, double seconds, int width);

G_END_DECLS
