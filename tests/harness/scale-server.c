/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server.c: the server itself: its thread, and requests from their arrival to their answer. */
#include "leaks.h"
#include "scale-private.h"

#include <string.h>

enum { MAX_REQUESTS = 20000, BODY_SLACK = 1024 * 1024, DEFAULT_MAX_FILE = 80 * 1000 * 1000, FILES_AT_ONCE = 10 };

/* ---- a request from its arrival to its answer -------------------------------------------------------------------- */

typedef struct {
  ScaleRequest request;
  ScaleFault fault;             /* a copy, without the texts */
  gboolean has_fault, bad_path;
  GSource *timer;
} Exchange;

static void
exchange_free (gpointer data)
{
  Exchange *exchange = data;
  ScaleRequest *request = &exchange->request;
  /* An answer that was never sent: what it holds is shared. */
  GMutex *lock = request->log ? &request->server->lock : NULL;

  if (lock)
    g_mutex_lock (lock);
  if (exchange->timer) {
    g_source_destroy (exchange->timer);
    g_source_unref (exchange->timer);
  }
  g_strfreev (request->path);
  g_ptr_array_unref (request->query);
  g_bytes_unref (request->raw);
  g_clear_pointer (&request->body, json_node_unref);
  g_clear_pointer (&request->parts, g_ptr_array_unref);
  g_clear_pointer (&request->answer, g_bytes_unref);
  g_clear_pointer (&request->log, json_object_unref);
  if (lock)
    g_mutex_unlock (lock);
  g_free (exchange);
}

static JsonArray *
describe_parts (GPtrArray *parts)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < parts->len; i++) {
    ScalePart *part = parts->pdata[i];
    JsonObject *object = json_object_new ();

    json_object_set_string_member (object, "headers", part->headers);
    json_object_set_string_member (object, "name", part->name);
    json_object_set_int_member (object, "bytes", (gint64) g_bytes_get_size (part->body));
    json_array_add_object_element (array, object);
  }
  return array;
}

static void
process (Exchange *exchange)
{
  ScaleRequest *request = &exchange->request;

  scale_label_due (request->server);
  if (exchange->bad_path)
    scale_fail (request, 400, "The path or the query is not well encoded");
  else
    scale_route (request);
  if (request->parts)
    json_object_set_array_member (request->log, "parts", describe_parts (request->parts));
}

static gboolean
is_processed (const ScaleFault *fault)
{
  ScaleAction action = fault->action;

  return fault->commit || action == SCALE_NOTHING || action == SCALE_TRUNCATE || action == SCALE_CUT ||
      action == SCALE_SLOW;
}

static void
send_answer (Exchange *exchange)
{
  ScaleRequest *request = &exchange->request;
  const ScaleFault *fault = exchange->has_fault ? &exchange->fault : NULL;

  if (request->answer == NULL && (fault == NULL || is_processed (fault)))
    process (exchange);
  scale_fault_send (fault, request);
  if (fault == NULL || (fault->action != SCALE_DROP && fault->action != SCALE_HANG))
    json_object_set_int_member (request->log, "status", request->status);
  /* Rows may share what these hold, and the references are not atomic: not later, when the lock is not held. */
  g_clear_pointer (&request->log, json_object_unref);
  g_clear_pointer (&request->body, json_node_unref);
}

static gboolean
send_late (gpointer data)
{
  Exchange *exchange = data;
  ScaleServer *server = exchange->request.server;
  SoupServerMessage *message = exchange->request.message;
  ScaleAction action = exchange->fault.action;

  g_mutex_lock (&server->lock);
  g_object_ref (message);
  send_answer (exchange);
  if (action != SCALE_DROP && action != SCALE_CUT)
    soup_server_message_unpause (message);
  g_object_unref (message);
  g_mutex_unlock (&server->lock);
  return G_SOURCE_REMOVE;
}

static void
start_exchange (Exchange *exchange)
{
  ScaleFault *fault = &exchange->fault;

  if (!exchange->has_fault || fault->delay <= 0 || fault->action == SCALE_HANG) {
    send_answer (exchange);
    return;
  }
  if (fault->commit)
    process (exchange);
  soup_server_message_pause (exchange->request.message);
  exchange->timer = g_timeout_source_new ((guint) (fault->delay * 1000));
  g_source_set_callback (exchange->timer, send_late, exchange, NULL);
  g_source_attach (exchange->timer, exchange->request.server->context);
}

/* Segments are split before they are decoded: %2F is no slash. */
static gboolean
split_path (ScaleRequest *request, const char *raw)
{
  request->path = g_strsplit (*raw == '/' ? raw + 1 : raw, "/", -1);
  for (char **segment = request->path; *segment; segment++) {
    char *plain = scale_unescape (*segment);

    if (plain == NULL)
      return FALSE;
    g_free (*segment);
    *segment = plain;
  }
  return TRUE;
}

static void
set_log (ScaleRequest *request, const char *path, const char *query, const char *fault)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (request->message);
  const char *agent = soup_message_headers_get_one (headers, "User-Agent");
  JsonObject *log = request->log = json_object_new ();
  g_autofree char *time = scale_time (scale_now ());

  json_object_set_string_member (log, "time", time);
  json_object_set_string_member (log, "method", request->method);
  json_object_set_string_member (log, "path", path);
  json_object_set_string_member (log, "query", query ? query : "");
  json_object_set_string_member (log, "auth", scale_find_world (request));
  json_object_set_string_member (log, "content_type", request->content_type);
  json_object_set_string_member (log, "user_agent", agent ? agent : "");
  json_object_set_int_member (log, "bytes", (gint64) g_bytes_get_size (request->raw));
  json_object_set_boolean_member (log, "chunked", soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CHUNKED);
  json_object_set_int_member (log, "status", 0);
  json_object_set_string_member (log, "fault", fault ? fault : "");
  g_queue_push_tail (&request->server->requests, json_object_ref (log));
  if (g_queue_get_length (&request->server->requests) > MAX_REQUESTS)
    json_object_unref (g_queue_pop_head (&request->server->requests));
}

static void
on_request (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  ScaleServer *server = data;
  Exchange *exchange = g_new0 (Exchange, 1);
  ScaleRequest *request = &exchange->request;
  const char *type = soup_message_headers_get_one (soup_server_message_get_request_headers (message), "Content-Type");
  const char *raw_query = g_uri_get_query (soup_server_message_get_uri (message));
  ScaleFault *fault;

  g_mutex_lock (&server->lock);
  request->server = server;
  request->message = message;
  request->method = soup_server_message_get_method (message);
  request->content_type = type ? type : "";
  request->raw = g_object_get_data (G_OBJECT (message), "too-large") ? g_bytes_new_static ("", 0) :
      soup_message_body_flatten (soup_server_message_get_request_body (message));
  request->query = g_ptr_array_new_with_free_func (g_free);
  exchange->bad_path = !split_path (request, path) || !scale_read_query (request, raw_query);
  fault = g_str_has_prefix (path, "/control/") ? NULL : scale_fault_choose (server, request->method, path);
  set_log (request, path, raw_query, fault ? fault->text : NULL);
  if (fault) {
    exchange->has_fault = TRUE;
    exchange->fault = *fault;
    exchange->fault.text = exchange->fault.method = exchange->fault.pattern = NULL;
  }
  g_object_ref (message);
  g_object_set_data_full (G_OBJECT (message), "exchange", exchange, exchange_free);
  start_exchange (exchange);
  g_object_unref (message);
  g_mutex_unlock (&server->lock);
}

/* ---- bodies without end ------------------------------------------------------------------------------------------ */

static gsize
max_body (ScaleServer *server)
{
  return server->max_file_bytes * FILES_AT_ONCE + BODY_SLACK;
}

static void
refuse_body (SoupServerMessage *message)
{
  soup_message_body_set_accumulate (soup_server_message_get_request_body (message), FALSE);
  g_object_set_data (G_OBJECT (message), "too-large", message);
}

static void
on_chunk (SoupServerMessage *message, GBytes *chunk, gpointer server)
{
  SoupMessageBody *body = soup_server_message_get_request_body (message);

  if (body->length > (gint64) max_body (server))
    refuse_body (message);
}

static void
on_headers (SoupServer *soup, SoupServerMessage *message, const char *path, GHashTable *query, gpointer server)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);

  if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CONTENT_LENGTH &&
      soup_message_headers_get_content_length (headers) > (goffset) max_body (server))
    refuse_body (message);
  else
    g_signal_connect (message, "got-chunk", G_CALLBACK (on_chunk), server);
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static gpointer
serve (gpointer data)
{
  ScaleServer *server = data;

  ignore_leaks ();
  g_main_context_push_thread_default (server->context);
  g_main_loop_run (server->loop);
  g_main_context_pop_thread_default (server->context);
  mind_leaks ();
  return NULL;
}

const char *
scale_server_certificate (void)
{
  return SCALE_SERVER_CERTIFICATE;
}

static gboolean
listen_on (ScaleServer *server, const ScaleServerOptions *options, GError **error)
{
  SoupServerListenOptions how = SOUP_SERVER_LISTEN_IPV4_ONLY | (options->tls ? SOUP_SERVER_LISTEN_HTTPS : 0);
  g_autoptr (GTlsCertificate) certificate = NULL;
  gboolean listens;
  GSList *uris;

  if (options->tls) {
    certificate = g_tls_certificate_new_from_file (SCALE_SERVER_CERTIFICATE, error);
    if (certificate == NULL)
      return FALSE;
    soup_server_set_tls_certificate (server->soup, certificate);
  }
  ignore_leaks ();
  g_main_context_push_thread_default (server->context);
  listens = soup_server_listen_local (server->soup, options->port, how, error);
  g_main_context_pop_thread_default (server->context);
  uris = soup_server_get_uris (server->soup);
  mind_leaks ();
  if (!listens)
    return FALSE;
  server->url = g_strdup_printf ("http%s://127.0.0.1:%d", options->tls ? "s" : "", g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return TRUE;
}

static gboolean
read_truth (ScaleServer *server, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;
  gsize size;

  if (path == NULL)
    return TRUE;
  if (!g_file_get_contents (path, &text, &size, error))
    return FALSE;
  node = scale_parse_json (text, size, error);
  if (node && JSON_NODE_HOLDS_OBJECT (node)) {
    server->truth = json_node_dup_object (node);
    return TRUE;
  }
  g_clear_error (error);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no JSON object of answers", path);
  return FALSE;
}

static void
set_options (ScaleServer *server, const ScaleServerOptions *options)
{
  static const char *const default_keys[] = { SCALE_SERVER_KEY, NULL };

  server->keys = g_strdupv ((char **) (options->keys ? options->keys : default_keys));
  server->folder = g_strdup (options->folder);
  server->truth_key = g_strdup (options->truth_key ? options->truth_key : "sha256");
  server->complete_after = options->complete_after;
  server->strip_metadata = options->strip_metadata;
  server->max_file_bytes = options->max_file_bytes ? options->max_file_bytes : DEFAULT_MAX_FILE;
  server->random = g_rand_new_with_seed (options->seed);
}

ScaleServer *
scale_server_new (const ScaleServerOptions *options, GError **error)
{
  ScaleServer *server = g_new0 (ScaleServer, 1);

  g_mutex_init (&server->lock);
  set_options (server, options);
  scale_worlds_init (server);
  server->faults = g_ptr_array_new_with_free_func ((GDestroyNotify) scale_fault_free);
  server->puts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  g_queue_init (&server->requests);
  server->context = g_main_context_new ();
  server->loop = g_main_loop_new (server->context, FALSE);
  server->soup = soup_server_new ("raw-paths", TRUE, NULL);
  soup_server_add_early_handler (server->soup, NULL, on_headers, server, NULL);
  soup_server_add_handler (server->soup, NULL, on_request, server, NULL);
  if (!read_truth (server, options->truth_file, error) || !scale_state_open (server, options->state_file, error) ||
      !listen_on (server, options, error)) {
    scale_server_free (server);
    return NULL;
  }
  server->thread = g_thread_new ("scale-server", serve, server);
  return server;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

/* From within the loop: a quit before its thread runs it would be lost. */
static void
end_thread (ScaleServer *server)
{
  GSource *source = g_idle_source_new ();

  g_source_set_callback (source, quit, server->loop, NULL);
  g_source_attach (source, server->context);
  g_source_unref (source);
  g_clear_pointer (&server->thread, g_thread_join);
}

void
scale_server_free (ScaleServer *server)
{
  if (server == NULL)
    return;
  if (server->thread)
    end_thread (server);
  g_main_context_push_thread_default (server->context);
  soup_server_disconnect (server->soup);
  while (g_main_context_iteration (server->context, FALSE)) {
  }
  g_object_unref (server->soup);
  while (g_main_context_iteration (server->context, FALSE)) {
  }
  g_main_context_pop_thread_default (server->context);
  g_main_loop_unref (server->loop);
  g_main_context_unref (server->context);
  g_queue_clear_full (&server->requests, (GDestroyNotify) json_object_unref);
  scale_worlds_clear (server);
  g_hash_table_unref (server->puts);
  g_ptr_array_unref (server->faults);
  g_rand_free (server->random);
  g_clear_pointer (&server->truth, json_object_unref);
  g_strfreev (server->keys);
  g_free (server->folder);
  g_free (server->truth_key);
  g_free (server->url);
  g_mutex_clear (&server->lock);
  g_free (server);
}

const char *
scale_server_url (ScaleServer *server)
{
  return server->url;
}
