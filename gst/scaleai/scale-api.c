/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-api.c: see scale-api.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "scale-api.h"

#include "gst/common/httpexchange.h"
#include "models/gh-json-tree.h"

#include <string.h>

#define AGENT "gst-scale-uploader/" PACKAGE_VERSION

/* A page of 100 tasks with their boxes is below a tenth of it. */
#define MAX_ANSWER (64 * 1024 * 1024)
/* Of a server's words, in a message. */
#define MAX_WORDS 300
#define DEFAULT_TIMEOUT (90 * G_GUINT64_CONSTANT (1000000000))
#define FIRST_PAUSE G_TIME_SPAN_SECOND
#define LONGEST_PAUSE G_TIME_SPAN_MINUTE
#define LONGEST_RETRY_AFTER G_TIME_SPAN_HOUR

struct _ScaleApi {
  GMainContext *context;
  SoupSession *session;
  GCancellable *stop;
  guint under_way;
  gchar *base_url;
  ScaleKey *key;
  guint64 timeout;
};

typedef struct {
  ScaleApi *api;
  ScaleApiDone done;
  gpointer data;
} Call;

/* ---- from start to end --------------------------------------------------------------------------------------------- */

static gboolean
is_loopback (const gchar *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  return g_ascii_strcasecmp (host, "localhost") == 0 || (address && g_inet_address_get_is_loopback (address));
}

static gboolean
check_address (const gchar *base_url, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (base_url, G_URI_FLAGS_NONE, NULL);
  const gchar *scheme = uri ? g_uri_get_scheme (uri) : NULL, *host = uri ? g_uri_get_host (uri) : NULL;

  if (host == NULL || *host == 0 || (strcmp (scheme, "https") != 0 && strcmp (scheme, "http") != 0)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "base-url is no address: it looks like %s",
        SCALE_API_BASE_URL);
    return FALSE;
  }
  if (g_uri_get_userinfo (uri) || g_uri_get_query (uri) || g_uri_get_fragment (uri)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "base-url must not hold a user, a password or a query: the key "
        "comes from a file or the environment");
    return FALSE;
  }
  if (strcmp (scheme, "http") == 0 && !is_loopback (host)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "base-url %s would send the key in the clear: set it to one "
        "with https", base_url);
    return FALSE;
  }
  return TRUE;
}

static gchar *
without_slash (const gchar *url)
{
  gchar *copy = g_strdup (url);

  for (gsize end = strlen (copy); end > 0 && copy[end - 1] == '/'; end--)
    copy[end - 1] = 0;
  return copy;
}

static GTlsDatabase *
load_authorities (const gchar *file, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autofree gchar *absolute = g_canonicalize_filename (file, NULL);
  GTlsDatabase *database = g_tls_file_database_new (absolute, &problem);

  if (database == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "The ca-file %s cannot be used: %s", file, problem->message);
  return database;
}

ScaleApi *
scale_api_new (const ScaleApiOptions *options, ScaleKey *key, GError **error)
{
  g_autofree gchar *base_url = without_slash (options->base_url && *options->base_url ? options->base_url
      : SCALE_API_BASE_URL);
  g_autoptr (GTlsDatabase) authorities = NULL;
  guint connections = options->connections ? options->connections : 4;
  ScaleApi *api;

  if (!check_address (base_url, error)
      || (options->ca_file && *options->ca_file && !(authorities = load_authorities (options->ca_file, error)))) {
    scale_key_free (key);
    return NULL;
  }
  api = g_new0 (ScaleApi, 1);
  api->context = g_main_context_ref_thread_default ();
  api->session = soup_session_new_with_options ("user-agent", options->user_agent && *options->user_agent
      ? options->user_agent : AGENT, "timeout", 0, "idle-timeout", 30, "max-conns-per-host", (int) connections, NULL);
  if (authorities)
    soup_session_set_tls_database (api->session, authorities);
  api->stop = g_cancellable_new ();
  api->base_url = g_steal_pointer (&base_url);
  api->key = key;
  api->timeout = options->timeout ? options->timeout : DEFAULT_TIMEOUT;
  return api;
}

void
scale_api_free (ScaleApi *api)
{
  if (api == NULL)
    return;
  g_cancellable_cancel (api->stop);
  while (api->under_way > 0)
    g_main_context_iteration (api->context, TRUE);
  soup_session_abort (api->session);
  g_object_unref (api->session);
  while (g_main_context_iteration (api->context, FALSE)) { /* what closing left to do */
  }
  g_object_unref (api->stop);
  g_main_context_unref (api->context);
  scale_key_free (api->key);
  g_free (api->base_url);
  g_free (api);
}

const ScaleKey *
scale_api_key (const ScaleApi *api)
{
  return api->key;
}

/* ---- what an answer means -------------------------------------------------------------------------------------------- */

void
scale_reply_clear (ScaleReply *reply)
{
  g_clear_pointer (&reply->json, json_node_unref);
  g_clear_pointer (&reply->problem, g_free);
}

const gchar *
scale_reply_string (const ScaleReply *reply, const gchar *member)
{
  JsonNode *node = reply->json && JSON_NODE_HOLDS_OBJECT (reply->json)
      ? json_object_get_member (json_node_get_object (reply->json), member) : NULL;

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

static ScaleVerdict
judge (guint status)
{
  switch (status) {
    case 401: case 402: case 403: case 404: case 405: case 407:
      return SCALE_HALT;
    case 408: case 425: case 429:
      return SCALE_RETRY;
    case 409:
      return SCALE_CONFLICT;
    default:
      return status >= 200 && status < 300 ? SCALE_OK : status >= 300 && status < 400 ? SCALE_HALT
          : status >= 400 && status < 500 ? SCALE_REFUSED : SCALE_RETRY;
  }
}

static const gchar *
remedy (guint status)
{
  switch (status) {
    case 401: case 403:
      return ": the key is not accepted; check it, and that it is of the account that owns the project";
    case 402:
      return ": the account is not enabled for this; ask Scale AI";
    case 407:
      return ": a proxy stands between, and wants a password of its own";
    case 404: case 405:
      return ": there is no such project or address; check project and base-url";
    default:
      return status >= 300 && status < 400 ? ": the service has moved; set base-url" : "";
  }
}

/* NULL for anything that is no JSON, which a page of a proxy is. */
static JsonNode *
parse (GBytes *body)
{
  gsize size;
  const gchar *text = g_bytes_get_data (body, &size);

  return size > 0 ? gh_json_tree_parse (text, size, NULL) : NULL;
}

/* One line of printable text, cut at a length. */
static gchar *
one_line (const ScaleApi *api, const gchar *text)
{
  g_autofree gchar *safe = scale_key_redact (api->key, text);   /* before it is cut, and half of a key is left */
  g_autofree gchar *valid = g_utf8_make_valid (safe, -1);
  gchar *line = g_utf8_substring (valid, 0, MIN (g_utf8_strlen (valid, -1), MAX_WORDS));

  for (gchar *at = line; *at; at = g_utf8_next_char (at))
    if (g_unichar_iscntrl (g_utf8_get_char (at)))
      for (gchar *byte = at; byte < g_utf8_next_char (at); byte++)
        *byte = ' ';
  return g_strstrip (line);
}

static gchar *
describe (const ScaleApi *api, const ScaleReply *reply, const HttpOutcome *outcome)
{
  const gchar *words = scale_reply_string (reply, "error");
  g_autofree gchar *line = words || outcome->detail ? one_line (api, words ? words : outcome->detail) : NULL, *text = NULL;

  if (outcome->status == 0 || (outcome->reason && !g_str_has_prefix (outcome->reason, "http_")))
    text = g_strdup_printf ("%s: %s", outcome->reason, line);
  else if (reply->verdict == SCALE_RETRY && outcome->status < 300)
    text = g_strdup ("the answer is not what the service says: neither JSON nor \"OK\"");
  else
    text = g_strdup_printf ("HTTP %u %s%s", outcome->status, line ? line : "",
        remedy (outcome->status));
  return scale_key_redact (api->key, text);
}

/* "OK" without being JSON is legal. */
static gboolean
is_plain_ok (GBytes *body)
{
  gsize size;
  const gchar *text = g_bytes_get_data (body, &size);

  return size == 0 || (size >= 2 && size <= 4 && g_ascii_strncasecmp (text, "ok", 2) == 0);
}

static void
read_reply (const ScaleApi *api, SoupMessage *message, const HttpOutcome *outcome, ScaleReply *reply)
{
  gboolean whole = outcome->body != NULL;

  *reply = (ScaleReply) { .verdict = whole ? judge (outcome->status) : SCALE_RETRY, .status = outcome->status,
    .retry_after = outcome->retry_after };
  if (whole)
    reply->json = parse (outcome->body);
  if (reply->verdict == SCALE_OK && reply->json == NULL && !is_plain_ok (outcome->body))
    reply->verdict = SCALE_RETRY;
  if (reply->verdict != SCALE_OK)
    reply->problem = describe (api, reply, outcome);
}

/* ---- asking ---------------------------------------------------------------------------------------------------------- */

static void
on_done (SoupMessage *message, HttpOutcome *outcome, gpointer data)
{
  Call *call = data;
  ScaleReply reply;

  read_reply (call->api, message, outcome, &reply);
  call->done (&reply, call->data);
  scale_reply_clear (&reply);
  call->api->under_way--;
  g_free (call);
}

void
scale_api_send (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    GCancellable *cancellable, ScaleApiDone done, gpointer data)
{
  g_autofree gchar *url = g_strconcat (api->base_url, path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  Call call = { api, done, data };

  g_assert (message);           /* base_url was checked, and paths are escaped */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
      scale_key_authorization (api->key));
  if (body || strcmp (method, SOUP_METHOD_GET) != 0)
    soup_message_set_request_body_from_bytes (message, type ? type : "application/json", body ? body : nothing);
  api->under_way++;
  http_exchange_start (api->session, message, MAX_ANSWER, api->timeout, cancellable ? cancellable : api->stop, on_done,
      g_memdup2 (&call, sizeof call));
}

typedef struct {
  ScaleReply *reply;
  gboolean done;
} Wait;

static void
on_reply (ScaleReply *reply, gpointer data)
{
  Wait *wait = data;

  *wait->reply = *reply;
  *reply = (ScaleReply) { 0 };
  wait->done = TRUE;
}

void
scale_api_call (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    GCancellable *cancellable, ScaleReply *reply)
{
  Wait wait = { reply, FALSE };

  scale_api_send (api, method, path, body, type, cancellable, on_reply, &wait);
  while (!wait.done)
    g_main_context_iteration (api->context, TRUE);
}

/* In small steps, so that a person who ends it does not wait, by whatever the context brings. FALSE: ended. */
static gboolean
rest (ScaleApi *api, gint64 pause, GCancellable *cancellable)
{
  gint64 until = g_get_monotonic_time () + pause;

  while (g_get_monotonic_time () < until && !g_cancellable_is_cancelled (cancellable)) {
    g_main_context_iteration (api->context, FALSE);
    g_usleep ((gulong) CLAMP (until - g_get_monotonic_time (), 1, 50000));
  }
  return !g_cancellable_is_cancelled (cancellable);
}

void
scale_api_call_patiently (ScaleApi *api, const gchar *method, const gchar *path, GBytes *body, const gchar *type,
    guint attempts, GCancellable *cancellable, ScaleReply *reply)
{
  for (guint done = 1;; done++) {
    scale_api_call (api, method, path, body, type, cancellable, reply);
    if (reply->verdict != SCALE_RETRY || done >= attempts || !rest (api, scale_api_pause (done, reply), cancellable))
      return;
    scale_reply_clear (reply);
  }
}

gint64
scale_api_pause (guint attempts, const ScaleReply *reply)
{
  gint64 pause = FIRST_PAUSE << MIN (attempts > 0 ? attempts - 1 : 0, 6);

  pause = MIN (pause, LONGEST_PAUSE);
  pause -= g_random_int_range (0, (gint32) (pause / 2) + 1);
  if (reply && reply->retry_after > pause)
    pause = MIN (reply->retry_after, LONGEST_RETRY_AFTER);
  return pause;
}
