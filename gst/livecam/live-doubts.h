/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * live-doubts.h: what makes frames doubtful although they come: a camera's clock far from this machine's, and a picture
 * that does not change in a single bit, as no sensor's does. They are told, and nothing is left out for them.
 *
 * A LiveDoubts of zeros has none. One thread at a time.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Words for programs. */
#define LIVE_DOUBT_CLOCK "clock"
#define LIVE_DOUBT_FROZEN "frozen"
#define LIVE_DOUBT_KEYFRAMES "keyframes"        /* of keyframe-gate.c: too rare for the interval */

typedef struct {
  gboolean clock, frozen;       /* whether there is the doubt */
  gint64 clock_offset;          /* microseconds, camera's clock less this machine's, by the last that told it */
  guint64 picture;              /* a hash of the last one looked at */
  gint64 looked, since;         /* monotonic microseconds; since: of the first that was the same */
  guint same;                   /* pictures that were the same as the one before them */
} LiveDoubts;

/* Whether so many microseconds are too many. */
gboolean live_clocks_differ (gint64 offset);

/* Each returns TRUE when its doubt begins or ends. captured_at, now: microseconds since 1970. */
gboolean live_doubts_weigh_clock (LiveDoubts *doubts, gint64 captured_at, gint64 now);
/* now: monotonic microseconds; patience: microseconds for which a picture may stay the same. */
gboolean live_doubts_weigh_picture (LiveDoubts *doubts, GstSample *picture, gint64 now, gint64 patience);

G_END_DECLS
