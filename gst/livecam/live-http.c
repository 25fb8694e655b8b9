/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-http.c: see live-http.h. Requests run on a main context of their own, so that a timer can end them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "live-http.h"

#include <libsoup/soup.h>

#define CHUNK 65536
#define AGENT "gst-heads/" PACKAGE_VERSION

struct _LiveHttp {
  GMainContext *context;
  SoupSession *session;
};

/* One request. */
typedef struct {
  GCancellable *cancellable;    /* of this request alone */
  GInputStream *stream;
  GByteArray *body;
  gsize limit;
  gboolean over, too_large, done;
  GError *error;
} Request;

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
  while (g_main_context_iteration (http->context, FALSE)) { /* what closing left to do */
  }
  g_main_context_pop_thread_default (http->context);
  g_main_context_unref (http->context);
  g_free (http);
}

void
live_http_result_clear (LiveHttpResult *result)
{
  g_clear_pointer (&result->body, g_bytes_unref);
  g_clear_pointer (&result->uri, g_free);
  g_clear_pointer (&result->reason, g_free);
  g_clear_pointer (&result->detail, g_free);
  result->status = 0;
}

/* ---- one request --------------------------------------------------------------------------------------------- */

static void
on_chunk (GObject *stream, GAsyncResult *result, gpointer data)
{
  Request *request = data;
  GBytes *bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (stream), result, &request->error);
  gsize size = bytes ? g_bytes_get_size (bytes) : 0;

  if (size == 0) {
    request->done = TRUE;
  } else if (request->body->len + size > request->limit) {
    request->too_large = request->done = TRUE;
  } else {
    g_byte_array_append (request->body, g_bytes_get_data (bytes, NULL), size);
    g_input_stream_read_bytes_async (G_INPUT_STREAM (stream), CHUNK, G_PRIORITY_DEFAULT, request->cancellable, on_chunk,
        request);
  }
  if (bytes)
    g_bytes_unref (bytes);
}

static void
on_answer (GObject *session, GAsyncResult *result, gpointer data)
{
  Request *request = data;

  request->stream = soup_session_send_finish (SOUP_SESSION (session), result, &request->error);
  if (request->stream == NULL) {
    request->done = TRUE;
    return;
  }
  g_input_stream_read_bytes_async (request->stream, CHUNK, G_PRIORITY_DEFAULT, request->cancellable, on_chunk, request);
}

static gboolean
on_deadline (gpointer data)
{
  Request *request = data;

  request->over = TRUE;
  g_cancellable_cancel (request->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_stop (GCancellable *stop, gpointer data)
{
  g_cancellable_cancel (data);
}

static const gchar *
reason_of (const Request *request)
{
  const GError *error = request->error;

  if (request->over)
    return "timeout";
  if (request->too_large)
    return "too_large";
  if (error->domain == G_RESOLVER_ERROR)
    return "dns";
  if (error->domain == G_TLS_ERROR)
    return "tls";
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return "cancelled";
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return "refused";
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ? "timeout" : "connection";
}

static void
conclude (Request *request, SoupMessage *message, LiveHttpResult *result)
{
  result->status = soup_message_get_status (message);
  if (request->error || request->over || request->too_large) {
    result->reason = g_strdup (reason_of (request));
    result->detail = request->over ? g_strdup ("the answer was not whole in time")
        : request->too_large ? g_strdup_printf ("more than %" G_GSIZE_FORMAT " bytes", request->limit)
        : g_strdup (request->error->message);
    return;
  }
  result->uri = g_uri_to_string (soup_message_get_uri (message));
  result->body = g_bytes_new (request->body->data, request->body->len);
  if (result->status != SOUP_STATUS_OK) {
    result->reason = g_strdup_printf ("http_%u", result->status);
    result->detail = g_strdup (soup_message_get_reason_phrase (message));
  }
}

static void
run (LiveHttp *http, SoupMessage *message, guint64 timeout, Request *request)
{
  GSource *timer = g_timeout_source_new (MAX (1, timeout / 1000000));

  g_source_set_callback (timer, on_deadline, request, NULL);
  g_source_attach (timer, http->context);
  soup_session_send_async (http->session, message, G_PRIORITY_DEFAULT, request->cancellable, on_answer, request);
  while (!request->done)
    g_main_context_iteration (http->context, TRUE);
  g_source_destroy (timer);
  g_source_unref (timer);
  if (request->stream)
    g_input_stream_close (request->stream, NULL, NULL);
}

void
live_http_get (LiveHttp *http, const gchar *uri, GHashTable *headers, gsize limit, guint64 timeout,
    GCancellable *cancellable, LiveHttpResult *result)
{
  SoupMessage *message = soup_message_new (SOUP_METHOD_GET, uri);
  Request request = { .limit = limit };
  GHashTableIter iter;
  gpointer name, value;
  gulong stop;

  *result = (LiveHttpResult) { 0 };
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
  request.cancellable = g_cancellable_new ();
  request.body = g_byte_array_new ();
  stop = g_cancellable_connect (cancellable, G_CALLBACK (on_stop), request.cancellable, NULL);
  run (http, message, timeout, &request);
  g_cancellable_disconnect (cancellable, stop);
  conclude (&request, message, result);
  g_clear_object (&request.stream);
  g_clear_error (&request.error);
  g_byte_array_unref (request.body);
  g_object_unref (request.cancellable);
  g_object_unref (message);
  g_main_context_pop_thread_default (http->context);
}

/* ---- addresses ----------------------------------------------------------------------------------------------- */

gchar *
live_uri_redact (const gchar *uri)
{
  GUri *parsed = uri ? g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL) : NULL;
  gchar *clean;

  if (parsed == NULL)
    return uri ? g_path_get_basename (uri) : NULL;
  if (g_uri_get_host (parsed) == NULL)
    clean = g_strdup_printf ("%s:%s", g_uri_get_scheme (parsed), g_uri_get_path (parsed));
  else
    clean = g_uri_join (G_URI_FLAGS_NONE, g_uri_get_scheme (parsed), NULL, g_uri_get_host (parsed),
        g_uri_get_port (parsed), g_uri_get_path (parsed), NULL, NULL);
  g_uri_unref (parsed);
  return clean;
}

gchar *
live_uri_host (const gchar *uri)
{
  GUri *parsed = uri ? g_uri_parse (uri, G_URI_FLAGS_PARSE_RELAXED, NULL) : NULL;
  const gchar *host = parsed ? g_uri_get_host (parsed) : NULL;
  gchar *name = host && *host ? g_strdup (host) : uri ? g_path_get_basename (parsed ? g_uri_get_path (parsed) : uri) : NULL;

  if (parsed)
    g_uri_unref (parsed);
  return name;
}
