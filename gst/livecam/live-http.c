/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-http.c: see live-http.h. Requests run on a main context of their own. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "live-http.h"

#include "gst/common/camerasecret.h"

#include <string.h>

#define AGENT "gst-heads/" PACKAGE_VERSION

struct _LiveHttp {
  GMainContext *context;
  SoupSession *session;
  gint64 asked_until;
};

/* What a request leaves behind ends now, not at the next one, which may be minutes away. */
static void
finish_what_is_left (LiveHttp *http)
{
  while (g_main_context_iteration (http->context, FALSE)) {
  }
}

LiveHttp *
live_http_new (const gchar *user_agent)
{
  LiveHttp *http = g_new0 (LiveHttp, 1);

  http->context = g_main_context_new ();
  g_main_context_push_thread_default (http->context);
  http->session = soup_session_new_with_options ("user-agent", user_agent ? user_agent : AGENT, "timeout", 0,
      "max-conns-per-host", 2, NULL);
  g_main_context_pop_thread_default (http->context);
  return http;
}

void
live_http_free (LiveHttp *http)
{
  if (http == NULL)
    return;
  g_main_context_push_thread_default (http->context);
  soup_session_abort (http->session);
  g_object_unref (http->session);
  finish_what_is_left (http);
  g_main_context_pop_thread_default (http->context);
  g_main_context_unref (http->context);
  g_free (http);
}

void
live_http_result_clear (LiveHttpResult *result)
{
  http_outcome_clear (result);
}

/* ---- one request --------------------------------------------------------------------------------------------- */

typedef struct {
  LiveHttpResult *result;
  gboolean done;
} Request;

static void
on_done (SoupMessage *message, HttpOutcome *outcome, gpointer data)
{
  Request *request = data;

  *request->result = *outcome;
  *outcome = (HttpOutcome) { 0 };
  request->done = TRUE;
}

void
live_http_get (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, LiveHttpResult *result)
{
  live_http_watch (http, uri, headers, limit, timeout, cancellable, NULL, result);
}

void
live_http_watch (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, const HttpWatch *watch, LiveHttpResult *result)
{
  SoupMessage *message = soup_message_new (SOUP_METHOD_GET, uri);
  Request request = { result, FALSE };
  GHashTableIter iter;
  gpointer name, value;

  *result = (LiveHttpResult) { .retry_after = -1 };
  http->asked_until = 0;
  if (message == NULL) {
    result->reason = g_strdup ("bad_uri");
    result->detail = g_strdup ("that is no address for HTTP");
    return;
  }
  if (headers) {
    g_hash_table_iter_init (&iter, headers);
    while (g_hash_table_iter_next (&iter, &name, &value))
      soup_message_headers_replace (soup_message_get_request_headers (message), name, value);
  }
  g_main_context_push_thread_default (http->context);
  http_exchange_start_watched (http->session, message, limit, timeout, cancellable, watch, on_done, &request);
  while (!request.done)
    g_main_context_iteration (http->context, TRUE);
  g_object_unref (message);
  finish_what_is_left (http);
  g_main_context_pop_thread_default (http->context);
  if (result->reason && result->retry_after > 0)
    http->asked_until = g_get_monotonic_time () + result->retry_after;
}

gint64
live_http_asked_until (const LiveHttp *http)
{
  return http->asked_until;
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

/* What may be told of an address that cannot be taken apart: a file's name, but nothing that may hold a password. */
static gchar *
name_of (const gchar *uri)
{
  return strstr (uri, "://") ? g_strdup ("unknown") : g_path_get_basename (uri);
}

gchar *
live_uri_redact (const gchar *uri)
{
  GUri *parsed = uri ? g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL) : NULL;
  g_autofree gchar *path = parsed ? camera_secret_redact (g_uri_get_path (parsed)) : NULL;
  gchar *clean;

  if (parsed == NULL)
    return uri ? name_of (uri) : NULL;
  if (g_uri_get_host (parsed) == NULL)
    clean = g_strdup_printf ("%s:%s", g_uri_get_scheme (parsed), path);
  else
    clean = g_uri_join (G_URI_FLAGS_NONE, g_uri_get_scheme (parsed), NULL, g_uri_get_host (parsed),
        g_uri_get_port (parsed), path, NULL, NULL);
  g_uri_unref (parsed);
  return clean;
}

gchar *
live_uri_host (const gchar *uri)
{
  GUri *parsed = uri ? g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL) : NULL;
  const gchar *host = parsed ? g_uri_get_host (parsed) : NULL;
  gchar *name = host && *host ? g_strdup (host) : parsed ? g_path_get_basename (g_uri_get_path (parsed))
      : uri ? name_of (uri) : NULL;

  if (parsed)
    g_uri_unref (parsed);
  return name;
}
