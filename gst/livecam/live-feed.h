/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * live-feed.h: what lies between live-src's streaming thread and the thread that fetches: a short queue of frames, the
 * settings, the outage that lasts, and the numbers. Whatever happens to the network or to an inner pipeline ends here as
 * an outage with a reason; only what no waiting mends is an error.
 *
 * The fetching thread is hls-feed.c's or uri-feed.c's. Every function may be called from any thread.
 */
#pragma once

#include "live-doubts.h"

#include <gio/gio.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* When an address of HTTP goes to the resolver. */
typedef enum {
  LIVE_RESOLVE_AUTO,            /* when it is neither a playlist nor pictures */
  LIVE_RESOLVE_ALWAYS,
  LIVE_RESOLVE_NEVER,
} LiveResolve;

/* What an address of HTTP leads to. */
typedef enum {
  STREAM_KIND_UNKNOWN,
  STREAM_KIND_PLAYLIST,         /* of HLS */
  STREAM_KIND_PICTURES,         /* motion JPEG, or one picture */
  STREAM_KIND_PAGE,             /* something that a program has to resolve */
} StreamKind;

/* Times in nanoseconds. Fixed while the thread runs. */
typedef struct {
  gchar *uri;
  gchar *source;                /* name of the camera */
  gchar *resolver, *user_agent;
  LiveResolve resolve;
  guint max_height;
  gboolean restart_on_eos;
  GstClockTime interval;        /* between two frames; 0: all */
  GstClockTime timeout;         /* without a frame for so long: stale */
  GstClockTime retry_min, retry_max;
  GstClockTime request_timeout, resolver_timeout;
  GstClockTime resolve_margin, resolve_interval;
} LiveSettings;

typedef enum {
  LIVE_ITEM_FRAME,
  LIVE_ITEM_OUTAGE,
  LIVE_ITEM_END,
  LIVE_ITEM_ERROR,
} LiveItemKind;

typedef struct {
  LiveItemKind kind;
  GstBuffer *buffer;            /* FRAME, with its capture info */
  GstCaps *caps;
  guint epoch;                  /* frames of one epoch keep the distances of their offsets; 0: they come when they come */
  GstClockTime offset;
  GstStructure *outage;         /* OUTAGE */
  GError *error;                /* ERROR */
} LiveItem;

/* Pictures that were fetched before a failure and are still to come. */
typedef struct {
  guint epoch;                  /* theirs, and older ones */
  gint64 until;                 /* monotonic microseconds at which the last is due; 0: there are none */
} LiveRest;

typedef struct _LiveFeed LiveFeed;

struct _LiveFeed {
  GstElement *element;          /* borrowed, for messages */
  LiveSettings set;
  GCancellable *stop;
  /* Asked before every new attempt for the address; a new one or NULL. */
  gchar *(*update_uri) (GstElement *element, const gchar *uri);

  GMutex lock;                  /* for what follows */
  GCond changed;
  gboolean stopping, flushing;
  GQueue items;
  gchar *outage, *detail;       /* why the last attempt failed; NULL once frames have come since */
  gboolean told;                /* that it is an outage */
  gint64 told_at;               /* monotonic */
  guint64 outages;              /* that were told */
  LiveRest rest;                /* as of that failure */
  guint failures;               /* since the last frame */
  gint64 began, last_frame;     /* monotonic microseconds; 0: none yet */
  gint64 attempt;               /* when the attempt that lasts began */
  LiveDoubts doubts;
  StreamKind kind;              /* of set.uri, once it has proven to be that */
  gboolean keyframes_only;      /* nothing else is decoded */
  gint64 url_expires;           /* seconds since 1970 */
  guint64 frames, dropped, segments, bytes, resolves_ok, resolves_failed;
  GHashTable *answers, *reconnects;     /* word -> guint count */
};

LiveFeed *live_feed_new (GstElement *element);
void live_feed_free (LiveFeed *feed);
/* Makes waits and requests of the fetching thread end. */
void live_feed_stop (LiveFeed *feed);
void live_settings_clear (LiveSettings *settings);

/* ---- for the streaming thread ---- */

/* Waits for the next; FALSE: flushing or stopping. The caller clears it. */
gboolean live_feed_pop (LiveFeed *feed, LiveItem *item);
void live_item_clear (LiveItem *item);
void live_feed_set_flushing (LiveFeed *feed, gboolean flushing);
GstStructure *live_feed_describe (LiveFeed *feed);

/* ---- for the fetching thread ---- */

/* Both FALSE once it has to stop. */
gboolean live_feed_wait_until (LiveFeed *feed, gint64 monotonic);
gboolean live_feed_is_running (LiveFeed *feed);

/* When and where a frame is from. */
typedef struct {
  gint64 captured_at;           /* microseconds since 1970 UTC; 0: not told */
  guint64 sequence;             /* G_MAXUINT64: none */
  guint epoch;
  GstClockTime offset;
} LiveFrame;

/* Takes a reference of its own; ends an outage, unless it was fetched before that. The oldest frame goes where nobody
 * takes them. */
void live_feed_push (LiveFeed *feed, GstSample *sample, const LiveFrame *frame);
/* An attempt failed: an outage begins unless one lasts, as soon as the rest (may be NULL) has been shown and no newer
 * frame came. detail (may be NULL) holds no address; it may be a server's words, as they came. */
void live_feed_fail (LiveFeed *feed, const LiveRest *rest, const gchar *reason, const gchar *detail);
/* Waits longer after every failure, never as long twice; at once very long where trying again makes it worse. Until
 * `asked` (monotonic; 0: whenever) where the server says so, but no longer than that very long. FALSE once it has to
 * stop. */
gboolean live_feed_back_off (LiveFeed *feed, gint64 asked);
/* How often retry-max is waited after this reason (may be NULL): more than once where the site bars those who come
 * often. */
guint live_feed_patience (const gchar *reason);
void live_feed_end (LiveFeed *feed);
/* That frames come, and are doubtful (or are no longer). */
void live_feed_doubt (LiveFeed *feed, gboolean begins, const gchar *reason, const gchar *detail);
void live_feed_set_keyframes_only (LiveFeed *feed, gboolean only);
/* Takes the error. */
void live_feed_error (LiveFeed *feed, GError *error);
/* An attempt begins, which has its own time for a frame. */
void live_feed_begin_attempt (LiveFeed *feed);
/* Whether no frame came for longer than it may take. least: seconds, such as three segments. */
gboolean live_feed_is_stale (LiveFeed *feed, gdouble least);
/* kind: "playlist", "segment", "picture" or "probe"; bytes 0 unless it came. */
void live_feed_count_answer (LiveFeed *feed, const gchar *kind, guint status, gsize bytes);
void live_feed_count_bytes (LiveFeed *feed, gsize bytes);
StreamKind live_feed_get_kind (LiveFeed *feed);
void live_feed_set_kind (LiveFeed *feed, StreamKind kind);
void live_feed_count_resolve (LiveFeed *feed, gboolean ok, gint64 expires);

G_END_DECLS
