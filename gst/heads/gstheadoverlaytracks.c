/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadoverlaytracks.c: the answers of each head over time, from the predictions meta alone. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadoverlaytracks.h"

#include <math.h>

#include "gst/lib/gstheadpredictionsmeta.h"

#define LONGEST_TEXT 80                 /* characters */

struct _GstHeadTracks {
  GPtrArray *tracks;            /* GstHeadTrack, in the order shown */
  guint appeared;
  GstClockTime now;
  guint64 step;                 /* of the history the plots were last drawn for */
};

static void
track_free (gpointer data)
{
  GstHeadTrack *track = data;

  g_free (track->name);
  g_free (track->text);
  g_free (track);
}

GstHeadTracks *
gst_head_tracks_new (void)
{
  GstHeadTracks *tracks = g_new0 (GstHeadTracks, 1);

  tracks->tracks = g_ptr_array_new_with_free_func (track_free);
  return tracks;
}

void
gst_head_tracks_free (GstHeadTracks *tracks)
{
  if (!tracks)
    return;
  g_ptr_array_unref (tracks->tracks);
  g_free (tracks);
}

void
gst_head_tracks_clear (GstHeadTracks *tracks)
{
  g_ptr_array_set_size (tracks->tracks, 0);
  tracks->appeared = 0;
  tracks->now = 0;
  tracks->step = 0;
}

static GstHeadTrackKind
kind_from_name (const gchar *kind)
{
  if (g_strcmp0 (kind, "count") == 0)
    return GST_HEAD_TRACK_COUNT;
  if (g_strcmp0 (kind, "time") == 0)
    return GST_HEAD_TRACK_TIME;
  return g_strcmp0 (kind, "class") == 0 ? GST_HEAD_TRACK_CLASS : GST_HEAD_TRACK_SCALAR;
}

static GstHeadTrack *
find (GstHeadTracks *tracks, const gchar *name)
{
  for (guint i = 0; i < tracks->tracks->len; i++) {
    GstHeadTrack *track = g_ptr_array_index (tracks->tracks, i);

    if (g_str_equal (track->name, name))
      return track;
  }
  return NULL;
}

/* Where in `names` a head stands; at the end without names. */
static guint
rank (gchar **names, const gchar *name)
{
  guint i = 0;

  while (names && names[i] && !g_str_equal (names[i], name))
    i++;
  return i;
}

static GstHeadTrack *
begin (GstHeadTracks *tracks, const gchar *name, gchar **names)
{
  GstHeadTrack *track = g_new0 (GstHeadTrack, 1);
  guint at = 0;

  track->name = g_strdup (name);
  track->number = tracks->appeared++;
  while (at < tracks->tracks->len
      && rank (names, ((GstHeadTrack *) g_ptr_array_index (tracks->tracks, at))->name) <= rank (names, name))
    at++;
  g_ptr_array_insert (tracks->tracks, at, track);
  return track;
}

const GstHeadSample *
gst_head_track_sample (const GstHeadTrack *track, guint n)
{
  return &track->samples[(track->first + n) % G_N_ELEMENTS (track->samples)];
}

/* One sample per step of the history: within a step the latest value stands. */
static void
remember (GstHeadTrack *track, GstClockTime now, gdouble value, GstClockTime history)
{
  const guint room = G_N_ELEMENTS (track->samples);
  GstClockTime step = MAX (history / GST_HEAD_TRACK_SAMPLES, 1);
  GstHeadSample *last;

  if (track->n_samples > 0) {
    last = &track->samples[(track->first + track->n_samples - 1) % room];
    if (last->time / step == now / step) {
      last->value = value;
      return;
    }
  }
  if (track->n_samples == room) {
    track->first = (track->first + 1) % room;
    track->n_samples--;
  }
  last = &track->samples[(track->first + track->n_samples++) % room];
  last->time = now;
  last->value = value;
}

/* Drops what has left the window, but keeps one sample beyond it, where the line comes from. */
static void
forget_old (GstHeadTrack *track, GstClockTime now, GstClockTime history)
{
  while (track->n_samples > 1 && gst_head_track_sample (track, 1)->time + history < now) {
    track->first = (track->first + 1) % G_N_ELEMENTS (track->samples);
    track->n_samples--;
  }
}

/* What a card can hold is far less; nothing else bounds what a producer may send. */
static gchar *
shorten (const gchar *text)
{
  return g_utf8_substring (text, 0, MIN (g_utf8_strlen (text, LONGEST_TEXT * 4), LONGEST_TEXT));
}

/* TRUE when what is written about the head changes. */
static gboolean
take (GstHeadTrack *track, const GstHeadPrediction *prediction, GstClockTime now, GstClockTime history)
{
  GstHeadTrackKind kind = kind_from_name (prediction->kind);
  gint percent = isfinite (prediction->confidence) ? (gint) lrint (100 * CLAMP (prediction->confidence, 0, 1)) : -1;
  g_autofree gchar *text = shorten (prediction->text ? prediction->text : "");
  gboolean changed = kind != track->kind || percent != track->percent || g_strcmp0 (track->text, text) != 0;

  if (kind != track->kind)
    track->n_samples = 0;
  g_free (track->text);
  track->text = g_steal_pointer (&text);
  track->kind = kind;
  track->percent = percent;
  track->value = prediction->value;
  track->seen = now;
  if (isfinite (prediction->value))
    remember (track, now, prediction->value, history);
  return changed;
}

gboolean
gst_head_tracks_update (GstHeadTracks *tracks, GstBuffer *buffer, GstClockTime now, gchar **names, GstClockTime history,
    GstClockTime hold, gboolean plot)
{
  guint64 step;
  gboolean changed = FALSE, plotted = FALSE;
  GstHeadPrediction prediction;

  if (!GST_CLOCK_TIME_IS_VALID (now))
    now = tracks->now;
  if (now < tracks->now) {
    changed = tracks->tracks->len > 0;
    gst_head_tracks_clear (tracks);
  }
  tracks->now = now;
  for (guint i = 0; gst_buffer_nth_head_prediction (buffer, i, &prediction); i++) {
    GstHeadTrack *track;

    if (names && !g_strv_contains ((const gchar * const *) names, prediction.name))
      continue;
    track = find (tracks, prediction.name);
    if (!track) {
      track = begin (tracks, prediction.name, names);
      changed = TRUE;
    }
    changed |= take (track, &prediction, now, history);
  }
  for (guint i = 0; i < tracks->tracks->len;) {
    GstHeadTrack *track = g_ptr_array_index (tracks->tracks, i);

    if ((names && !g_strv_contains ((const gchar * const *) names, track->name))
        || (GST_CLOCK_TIME_IS_VALID (hold) && now - track->seen > hold)) {
      g_ptr_array_remove_index (tracks->tracks, i);
      changed = TRUE;
      continue;
    }
    forget_old (track, now, history);
    plotted |= track->kind <= GST_HEAD_TRACK_COUNT;
    i++;
  }
  step = now / MAX (history / GST_HEAD_TRACK_SAMPLES, 1);
  if (plot && plotted && step != tracks->step)
    changed = TRUE;
  tracks->step = step;
  return changed;
}

guint
gst_head_tracks_count (GstHeadTracks *tracks)
{
  return tracks->tracks->len;
}

const GstHeadTrack *
gst_head_tracks_nth (GstHeadTracks *tracks, guint n)
{
  return g_ptr_array_index (tracks->tracks, n);
}

GstClockTime
gst_head_tracks_now (GstHeadTracks *tracks)
{
  return tracks->now;
}
