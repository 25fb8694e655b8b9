/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-request.c: what a request asks for: its query, its key, its body, its route; and what answers are. */
#include "scale-private.h"

#include <string.h>

/* ---- answers ----------------------------------------------------------------------------------------------------- */

void
scale_answer (ScaleRequest *request, JsonNode *node)
{
  char *text = scale_json_text (node);

  g_clear_pointer (&request->answer, g_bytes_unref);
  request->status = 200;
  request->type = "application/json";
  request->answer = g_bytes_new_take (text, strlen (text));
  json_node_unref (node);
}

void
scale_answer_object (ScaleRequest *request, JsonObject *object)
{
  scale_answer (request, scale_object_node (object));
}

void
scale_fail (ScaleRequest *request, guint status, const char *format, ...)
{
  JsonObject *object = json_object_new ();
  g_autofree char *words = NULL;
  va_list arguments;

  va_start (arguments, format);
  words = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  json_object_set_int_member (object, "status_code", status);
  json_object_set_string_member (object, "error", words);
  scale_answer_object (request, object);
  request->status = status;
}

JsonObject *
scale_body_object (ScaleRequest *request)
{
  if (request->body && JSON_NODE_HOLDS_OBJECT (request->body))
    return json_node_get_object (request->body);
  scale_fail (request, 400, "The body has to be a JSON object");
  return NULL;
}

/* ---- the query --------------------------------------------------------------------------------------------------- */

char *
scale_unescape (const char *text)
{
  char *plain = g_uri_unescape_string (text, NULL);

  if (plain && !g_utf8_validate (plain, -1, NULL))
    g_clear_pointer (&plain, g_free);
  return plain;
}

/* As forms are encoded: + is a blank. FALSE: not so encoded. */
gboolean
scale_read_query (ScaleRequest *request, const char *text)
{
  g_auto (GStrv) pairs = g_strsplit (text ? text : "", "&", -1);

  for (char **pair = pairs; *pair; pair++) {
    g_auto (GStrv) halves = g_strsplit (g_strdelimit (*pair, "+", ' '), "=", 2);

    for (int i = 0; i < 2 && **pair; i++) {
      char *half = scale_unescape (halves[0] && halves[i] ? halves[i] : "");

      if (half == NULL)
        return FALSE;
      g_ptr_array_add (request->query, half);
    }
  }
  return TRUE;
}

const char *
scale_query (ScaleRequest *request, const char *name)
{
  for (guint i = 0; i + 1 < request->query->len; i += 2)
    if (g_str_equal (request->query->pdata[i], name) && *(char *) request->query->pdata[i + 1])
      return request->query->pdata[i + 1];
  return NULL;
}

gboolean
scale_query_is_true (ScaleRequest *request, const char *name)
{
  const char *value = scale_query (request, name);

  return value && (g_ascii_strcasecmp (value, "true") == 0 || g_str_equal (value, "1"));
}

gboolean
scale_query_number (ScaleRequest *request, const char *name, gint64 least, gint64 most, gint64 *value)
{
  const char *text = scale_query (request, name);
  char *end = NULL;

  if (text == NULL)
    return TRUE;
  *value = g_ascii_strtoll (text, &end, 10);
  if (*end || *value < least) {
    scale_fail (request, 400, "%s has to be a number of at least %" G_GINT64_FORMAT, name, least);
    return FALSE;
  }
  *value = MIN (*value, most);
  return TRUE;
}

/* ISO 8601 with T or a blank, with or without time and zone, as scale_time() has it. */
static char *
read_time (const char *text)
{
  g_autofree char *whole = strlen (text) == 10 ? g_strconcat (text, "T00:00:00", NULL) : g_strdup (text);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (whole, utc);

  return time ? scale_time (g_date_time_to_unix (time) + g_date_time_get_microsecond (time) / 1e6) : NULL;
}

gboolean
scale_query_times (ScaleRequest *request, const char *after, const char *before, char **from, char **to)
{
  const char *names[] = { after, before };
  char **times[] = { from, to };

  for (int i = 0; i < 2; i++) {
    const char *text = scale_query (request, names[i]);

    if (text && (*times[i] = read_time (text)) == NULL) {
      scale_fail (request, 400, "%s is no time: %s", names[i], text);
      return FALSE;
    }
  }
  return TRUE;
}

gboolean
scale_in_times (const char *time, const char *from, const char *to)
{
  return (from == NULL && to == NULL) || (time && (from == NULL || strcmp (time, from) >= 0) && (to == NULL ||
          strcmp (time, to) <= 0));
}

/* ---- keys and routes --------------------------------------------------------------------------------------------- */

const char *
scale_find_world (ScaleRequest *request)
{
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (request->message);
  const char *basic = soup_message_headers_get_one (headers, "Authorization");
  const char *limited = soup_message_headers_get_one (headers, "x-limited-access-key");
  g_autofree char *key = NULL;
  gsize size;

  if (basic && g_ascii_strncasecmp (basic, "Basic ", 6) == 0 && strlen (basic) > 6) {
    g_autofree guchar *plain = g_base64_decode (basic + 6, &size);

    key = g_strndup ((char *) plain, size);
    if (strchr (key, ':') && strchr (key, ':')[1] == 0)
      *strchr (key, ':') = 0;
  } else if (basic == NULL && limited && g_strcmp0 (request->path[1], "nucleus") == 0)
    key = g_strdup (limited);
  if (key == NULL)
    return "none";
  if (!g_strv_contains ((const char *const *) request->server->keys, key))
    return "unknown";
  request->world = &request->server->worlds[!(g_str_has_prefix (key, "test_") || g_str_has_suffix (key, "|test"))];
  return request->world->name;
}

/* path: the decoded segments after the route's base. */
static gboolean
path_is (const char *pattern, char **path)
{
  g_auto (GStrv) segments = g_strsplit (pattern, "/", -1);
  guint n = g_strv_length (segments);

  if (n != g_strv_length (path))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (g_str_equal (segments[i], "*") ? *path[i] == 0 : !g_str_equal (segments[i], path[i]))
      return FALSE;
  return TRUE;
}

static void
walk_routes (ScaleRequest *request, const ScaleRoute *const *tables)
{
  gboolean found = FALSE;

  for (; *tables; tables++)
    for (const ScaleRoute *route = *tables; route->method; route++) {
      if (!path_is (route->path, request->path))
        continue;
      found = TRUE;
      if (g_str_equal (route->method, request->method)) {
        route->handler (request);
        return;
      }
    }
  if (found)
    scale_fail (request, 405, "This path has no method %s", request->method);
  else
    scale_fail (request, 404, "There is nothing at this path");
}

static gboolean
read_body (ScaleRequest *request)
{
  g_autoptr (GError) error = NULL;
  gsize size;
  const char *text = g_bytes_get_data (request->raw, &size);

  if (g_ascii_strncasecmp (request->content_type, "multipart/form-data", 19) == 0) {
    request->parts = scale_multipart_parse (request->content_type, request->raw, &error);
    if (request->parts)
      return TRUE;
  } else if (size == 0 || (request->body = scale_parse_json (text, size, &error)) != NULL)
    return TRUE;
  scale_fail (request, 400, "The body cannot be read: %s", error->message);
  return FALSE;
}

static void
route_api (ScaleRequest *request)
{
  static const ScaleRoute *const labeling[] = {
    scale_project_routes, scale_file_routes, scale_task_routes, scale_change_routes, NULL
  };
  static const ScaleRoute *const datasets[] = { scale_nucleus_routes, scale_nucleus_read_routes, NULL };
  gboolean nucleus = g_strcmp0 (request->path[1], "nucleus") == 0;
  char **whole = request->path;

  if (request->world == NULL) {
    scale_fail (request, 401, "Please provide your API key as the user name of basic authentication");
    return;
  }
  if (!read_body (request))
    return;
  request->path += nucleus ? 2 : 1;
  walk_routes (request, nucleus ? datasets : labeling);
  request->path = whole;
}

/* What is stored below a signed URL; no key. */
static void
put_signed (ScaleRequest *request)
{
  g_autofree char *name = g_strjoinv ("/", request->path + 1);

  g_hash_table_insert (request->server->puts, g_steal_pointer (&name), g_bytes_ref (request->raw));
  scale_answer_object (request, json_object_new ());
}

void
scale_route (ScaleRequest *request)
{
  guint n = g_strv_length (request->path);

  if (g_object_get_data (G_OBJECT (request->message), "too-large"))
    scale_fail (request, 413, "The body is too large");
  else if (n > 1 && g_str_equal (request->path[0], "v1"))
    route_api (request);
  else if (n == 3 && g_str_equal (request->path[0], "signed") && g_str_equal (request->method, "PUT"))
    put_signed (request);
  else if (n == 2 && g_str_equal (request->path[0], "control"))
    scale_control (request);
  else
    scale_fail (request, 404, "There is nothing at this path");
}
