/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hls-feed.h: the fetching thread for HTTP Live Streaming.
 *
 * It polls the media playlist. Where frames are wanted less often than segments come, it takes the newest segment when a
 * frame is due and decodes one picture of it (keyframe-decoder.h); where they are wanted more often, it fetches every
 * segment in order and plays them (segment-player.h). An address of another ending is asked what it is (stream-probe.h).
 * A page instead of a playlist is resolved by a program (stream-resolver.h), again before its answer expires and whenever
 * the server refuses; that happens in a thread beside, while the old address still works, and counts only once a segment
 * came from the new one. Pictures instead of a playlist are picture-feed.h's from then on.
 */
#pragma once

#include "live-feed.h"

G_BEGIN_DECLS

/* A GThreadFunc; data is the LiveFeed. Returns when that stops, or after live_feed_end() or live_feed_error(). */
gpointer hls_feed_run (gpointer data);

G_END_DECLS
