/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadoverlaytracks.h: what head-overlay remembers of each head: its last answer and the values of the last while.
 * One thread at a time.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_HEAD_TRACK_SAMPLES 240      /* that many steps of time make up the history */

typedef enum { GST_HEAD_TRACK_SCALAR, GST_HEAD_TRACK_COUNT, GST_HEAD_TRACK_TIME, GST_HEAD_TRACK_CLASS } GstHeadTrackKind;

typedef struct {
  GstClockTime time;
  gdouble value;
} GstHeadSample;

typedef struct {
  gchar *name;
  GstHeadTrackKind kind;
  gchar *text;
  gdouble value;
  gint percent;                 /* confidence, or -1 where it means nothing */
  guint number;                 /* of the head in order of appearance: picks its colour */
  GstClockTime seen;
  GstHeadSample samples[GST_HEAD_TRACK_SAMPLES + 2];    /* a ring, oldest at first */
  guint first, n_samples;
} GstHeadTrack;

typedef struct _GstHeadTracks GstHeadTracks;

GstHeadTracks *gst_head_tracks_new (void);
void gst_head_tracks_free (GstHeadTracks *tracks);
void gst_head_tracks_clear (GstHeadTracks *tracks);

/* Takes in the predictions of a frame of stream time now. names: which heads and in what order, NULL for all as they
 * come. history, hold: nanoseconds; a head silent for longer than hold (NONE: ever) is forgotten. Time that runs
 * backwards begins anew. Returns TRUE when something that is shown has changed; with plot, that includes the passing
 * of a step of history. */
gboolean gst_head_tracks_update (GstHeadTracks *tracks, GstBuffer *buffer, GstClockTime now, gchar **names,
    GstClockTime history, GstClockTime hold, gboolean plot);

guint gst_head_tracks_count (GstHeadTracks *tracks);
const GstHeadTrack *gst_head_tracks_nth (GstHeadTracks *tracks, guint n);
GstClockTime gst_head_tracks_now (GstHeadTracks *tracks);

const GstHeadSample *gst_head_track_sample (const GstHeadTrack *track, guint n);

G_END_DECLS
