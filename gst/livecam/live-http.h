/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * live-http.h: one HTTP request at a time, for a thread of its own, with a deadline and a limit to what is taken.
 */
#pragma once

#include "gst/common/httpexchange.h"

G_BEGIN_DECLS

typedef struct _LiveHttp LiveHttp;

/* See httpexchange.h. */
typedef HttpOutcome LiveHttpResult;

/* user_agent NULL: our own. Belongs to the thread that makes it. */
LiveHttp *live_http_new (const gchar *user_agent);
void live_http_free (LiveHttp *http);

/* timeout: of the whole request, in nanoseconds. headers: NULL or name -> value. */
void live_http_get (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, LiveHttpResult *result);
/* The same, of an answer that may have no end; see httpexchange.h. watch may be NULL. */
void live_http_watch (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, const HttpWatch *watch, LiveHttpResult *result);
void live_http_result_clear (LiveHttpResult *result);
/* Monotonic microseconds until which the server that refused the last request asks to be left alone; 0: it does not. */
gint64 live_http_asked_until (const LiveHttp *http);

/* "https://host/path": without user, password, query and fragment, and with *** for a password in the
 * path. NULL gives NULL. */
gchar *live_uri_redact (const gchar *uri);
/* "host", or the file's name. */
gchar *live_uri_host (const gchar *uri);

G_END_DECLS
