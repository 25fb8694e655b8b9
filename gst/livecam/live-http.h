/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * live-http.h: one HTTP request at a time, for a thread of its own, with an end in sight: a deadline for the whole of it,
 * which a server that trickles cannot stretch, and a limit to what is taken.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _LiveHttp LiveHttp;

/* What came of a request. reason NULL: body is there, perhaps empty. Else a word for programs (http_403, dns, refused,
 * timeout, tls, connection, too_large, bad_uri, cancelled) and detail for people, without any address. */
typedef struct {
  guint status;                 /* of HTTP; 0: none came */
  GBytes *body;
  gchar *uri;                   /* where it came from, after redirects; NULL without an answer */
  gchar *reason, *detail;
} LiveHttpResult;

/* user_agent NULL: our own. Belongs to the thread that makes it. */
LiveHttp *live_http_new (const gchar *user_agent);
void live_http_free (LiveHttp *http);

/* timeout: of the whole request, in nanoseconds. headers: NULL or name -> value. */
void live_http_get (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, LiveHttpResult *result);
void live_http_result_clear (LiveHttpResult *result);

/* "https://host/path": without user, password, query and fragment. NULL gives NULL. */
gchar *live_uri_redact (const gchar *uri);
/* "host", or the file's name. */
gchar *live_uri_host (const gchar *uri);

G_END_DECLS
