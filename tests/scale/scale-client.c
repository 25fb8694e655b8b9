/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-client.c: see scale-client.h. */
#include "scale-client.h"

#include <string.h>

#define BEGIN "--frontier\r\nContent-Disposition: form-data; name="

enum { LIMIT_S = 30 };

static void
set_key (SoupMessage *message, const char *key)
{
  g_autofree char *pair = g_strconcat (key, ":", NULL), *basic = g_base64_encode ((guchar *) pair, strlen (pair));
  g_autofree char *value = g_strconcat ("Basic ", basic, NULL);

  soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", value);
}

static SoupSession *
make_session (gboolean tls)
{
  SoupSession *session = soup_session_new_with_options ("timeout", LIMIT_S, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GTlsDatabase) database = tls ? g_tls_file_database_new (scale_server_certificate (), &error) : NULL;

  g_assert_no_error (error);
  if (database)
    soup_session_set_tls_database (session, database);
  return session;
}

Answer *
ask (ScaleServer *server, const char *key, const char *method, const char *path, const char *type,
    const char *body, gssize size)
{
  Answer *answer = g_new0 (Answer, 1);
  g_autoptr (SoupSession) session = make_session (g_str_has_prefix (scale_server_url (server), "https"));
  g_autofree char *url = g_strconcat (scale_server_url (server), path, NULL);
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  g_autoptr (GBytes) sent = body ? g_bytes_new (body, size < 0 ? strlen (body) : (gsize) size) : NULL;
  g_autoptr (GBytes) got = NULL;
  SoupMessageHeaders *headers = soup_message_get_response_headers (message);
  gsize n;
  const char *data;

  if (key)
    set_key (message, key);
  if (sent)
    soup_message_set_request_body_from_bytes (message, type ? type : "application/json", sent);
  got = soup_session_send_and_read (session, message, NULL, &answer->error);
  answer->status = got ? soup_message_get_status (message) : 0;
  answer->type = g_strdup (soup_message_headers_get_content_type (headers, NULL));
  answer->retry_after = g_strdup (soup_message_headers_get_one (headers, "Retry-After"));
  data = got ? g_bytes_get_data (got, &n) : NULL;
  if (got) {
    answer->body = g_strndup (data ? data : "", n);
    answer->json = json_from_string (answer->body, NULL);
  }
  soup_session_abort (session);
  return answer;
}

Answer *
ask_json (ScaleServer *server, const char *method, const char *path, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = format ? g_strdup_vprintf (format, arguments) : NULL;
  va_end (arguments);
  return ask (server, SCALE_SERVER_KEY, method, path, NULL, text, -1);
}

void
answer_free (Answer *answer)
{
  g_free (answer->body);
  g_free (answer->type);
  g_free (answer->retry_after);
  g_clear_pointer (&answer->json, json_node_unref);
  g_clear_error (&answer->error);
  g_free (answer);
}

JsonObject *
answer_object (Answer *answer)
{
  if (answer->json == NULL || !JSON_NODE_HOLDS_OBJECT (answer->json))
    g_error ("no object: %s", answer->body ? answer->body : "nothing at all");
  return json_node_get_object (answer->json);
}

const char *
answer_string (Answer *answer, const char *name)
{
  return json_object_get_string_member_with_default (answer_object (answer), name, NULL);
}

gint64
answer_int (Answer *answer, const char *name)
{
  return json_object_get_int_member_with_default (answer_object (answer), name, -1);
}

GBytes *
tiny_jpeg (guint number)
{
  char *text = g_strdup_printf ("\xff\xd8\xff\xe0 picture %u\r\n--not the boundary\r\n", number);

  return g_bytes_new_take (text, strlen (text));
}

static void
append_text (GString *body, const char *name, const char *text)
{
  if (text)
    g_string_append_printf (body, BEGIN "\"%s\"\r\n\r\n%s\r\n", name, text);
}

Answer *
upload (ScaleServer *server, guint number, const char *project, const char *reference_id, const char *metadata)
{
  g_autoptr (GString) body = g_string_new (NULL);
  g_autoptr (GBytes) image = tiny_jpeg (number);

  append_text (body, "project_name", project);
  append_text (body, "reference_id", reference_id);
  append_text (body, "metadata", metadata);
  g_string_append_printf (body, BEGIN "\"file\"; filename=\"%u.jpg\"\r\n\r\n", number);
  g_string_append_len (body, g_bytes_get_data (image, NULL), (gssize) g_bytes_get_size (image));
  g_string_append (body, "\r\n--frontier--\r\n");
  return ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", "multipart/form-data; boundary=frontier", body->str,
      (gssize) body->len);
}

void
make_project (ScaleServer *server, const char *name, gboolean rapid)
{
  g_autoptr (Answer) answer = ask_json (server, "POST", "/v1/projects", "{\"name\":\"%s\",\"type\":\"imageannotation\","
      "\"rapid\":%s,\"params\":{\"instruction\":\"boxes\",\"geometries\":{\"box\":{}}}}", name,
      rapid ? "true" : "false");

  assert_status (answer, 200);
}
