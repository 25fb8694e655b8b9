/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * segment-player.h: every picture of segments that follow each other, at the pace of the stream.
 *
 * Belongs to the fetching thread; pictures go to the feed from a thread of its pipeline.
 */
#pragma once

#include "live-feed.h"
#include "hls-playlist.h"

G_BEGIN_DECLS

typedef struct _SegmentPlayer SegmentPlayer;

/* lead: microseconds to wait before the first picture, by which segments may then come late. */
SegmentPlayer *segment_player_new (LiveFeed *feed, guint epoch, gint64 lead);
void segment_player_free (SegmentPlayer *player);

/* The segment has to follow the last one without a gap. */
void segment_player_push (SegmentPlayer *player, const HlsSegment *segment, GBytes *map, GBytes *data);
/* Seconds until all that was pushed should have been shown. */
gdouble segment_player_backlog (SegmentPlayer *player);
/* No segment follows: waits until everything was shown, or should have been, or something failed, or the feed stops. */
void segment_player_finish (SegmentPlayer *player);
/* NULL while all is well, else a word as of keyframe_decode(). */
const gchar *segment_player_failure (SegmentPlayer *player);
/* The word for why no picture came for long. */
const gchar *segment_player_silence (SegmentPlayer *player);

G_END_DECLS
