/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * httpexchange.h: a request over HTTP and its answer, with an end in sight: a deadline for the whole of it, which a server
 * that trickles cannot stretch, and a limit to what is taken.
 *
 * It runs on the thread's default main context, as its SoupSession does. A part of its own library (it takes libsoup).
 */
#pragma once

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* What came of it. reason NULL: body is there, perhaps empty, and the status is 200. Else a word for programs (http_403,
 * dns, refused, timeout, tls, connection, too_large, bad_uri, cancelled) and detail for people, without any address; the
 * body is there then too when the answer came whole. */
typedef struct {
  guint status;                 /* of HTTP; 0: none came */
  GBytes *body;
  gchar *uri;                   /* where it came from, after redirects; NULL without an answer */
  gchar *reason, *detail;
  gint64 retry_after;           /* microseconds from now for which the server asks to be left alone; -1: it does not */
} HttpOutcome;

void http_outcome_clear (HttpOutcome *outcome);

/* What is left in the outcome is cleared after the call. */
typedef void (*HttpExchangeDone) (SoupMessage *message, HttpOutcome *outcome, gpointer data);

/* Calls done once, later, from the thread's default main context. limit: of the answer, in bytes. timeout: of the whole
 * exchange, in nanoseconds. cancellable may be NULL. */
void http_exchange_start (SoupSession *session, SoupMessage *message, gsize limit, guint64 timeout,
    GCancellable *cancellable, HttpExchangeDone done, gpointer data);

/* What becomes of a piece of an answer. */
typedef enum {
  HTTP_PIECE_KEEP,              /* a part of the body */
  HTTP_PIECE_TAKEN,             /* it is not, nor does it count against the limit */
  HTTP_PIECE_PROGRESS,          /* the same, and there is time for more */
  HTTP_PIECE_ENOUGH,            /* a part of the body, of which no more is wanted: it counts as whole */
} HttpPiece;

/* Sees an answer while it comes: first its head, with NULL and 0, then each piece. Of answers that have no end. */
typedef struct {
  HttpPiece (*take) (SoupMessage *message, gconstpointer piece, gsize size, gpointer data);
  gpointer data;
  guint64 patience;             /* nanoseconds from each progress to the next, instead of the timeout */
} HttpWatch;

/* The same; the watch outlives the exchange. */
void http_exchange_start_watched (SoupSession *session, SoupMessage *message, gsize limit, guint64 timeout,
    GCancellable *cancellable, const HttpWatch *watch, HttpExchangeDone done, gpointer data);

G_END_DECLS
