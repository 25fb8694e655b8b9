/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-scale-requests.c: which requests the Scale server takes: keys, paths, bodies, multipart as enemies write it.
 */
#include "scale-client.h"

#include <gio/gio.h>
#include <string.h>

#define FORM "multipart/form-data; boundary=B"
#define FILE_PART "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\xff\xd8\xff\xe0\r\n"
#define PART(name, text) "--B\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define END "--B--\r\n"

static const char *const keys[] = { SCALE_SERVER_KEY, "live_key", "odd|test", NULL };

static ScaleServer *
make_server (guint64 max_file)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  ScaleServer *server;

  options.keys = keys;
  options.max_file_bytes = max_file;
  server = scale_server_new (&options, &error);
  g_assert_no_error (error);
  return server;
}

static void
test_keys (void)
{
  static const struct {
    const char *key;
    guint status;
  } cases[] = { { NULL, 401 }, { "", 401 }, { "test_other", 401 }, { "live_", 401 }, { "test_scale_server ", 401 },
    { SCALE_SERVER_KEY ":x", 401 }, { SCALE_SERVER_KEY, 200 }, { "odd|test", 200 }, { "live_key", 404 } };
  ScaleServer *server = make_server (0);

  make_project (server, "p", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Answer) answer = ask (server, cases[i].key, "GET", "/v1/projects/p", NULL, NULL, -1);

    assert_status (answer, cases[i].status);
    g_assert_cmpstr (answer->type, ==, "application/json");
    if (cases[i].status != 200)
      g_assert_cmpint (answer_int (answer, "status_code"), ==, cases[i].status);
  }
  scale_server_free (server);
}

/* Keys never reach the log. */
static void
test_log (void)
{
  ScaleServer *server = make_server (0);
  g_autoptr (Answer) unknown = ask (server, "secret", "GET", "/v1/projects", NULL, NULL, -1);
  g_autoptr (Answer) sent = upload (server, 1, NULL, NULL, "{}");
  g_autoptr (JsonArray) requests = scale_server_list (server, "requests");
  JsonObject *first = json_array_get_object_element (requests, 0);
  JsonObject *second = json_array_get_object_element (requests, 1);
  JsonArray *parts = json_object_get_array_member (second, "parts");

  assert_status (unknown, 401);
  assert_status (sent, 200);
  g_assert_cmpuint (json_array_get_length (requests), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (first, "auth"), ==, "unknown");
  g_assert_cmpint (json_object_get_int_member (first, "status"), ==, 401);
  g_assert_cmpstr (json_object_get_string_member (second, "auth"), ==, "test");
  g_assert_cmpuint (json_array_get_length (parts), ==, 2);
  g_assert_cmpstr (json_object_get_string_member (json_array_get_object_element (parts, 0), "headers"), ==,
      "Content-Disposition: form-data; name=\"metadata\"\r\n");
  g_assert_cmpuint (scale_server_count (server, "POST", "/v1/files/*"), ==, 1);
  g_assert_cmpuint (scale_server_count (server, NULL, "*"), ==, 2);
  scale_server_free (server);
}

static void
test_paths (void)
{
  static const struct {
    const char *method, *path;
    guint status;
  } cases[] = {
    { "GET", "/v1/projects", 200 },
    { "GET", "/v1/projects/", 404 },
    { "GET", "/v1//projects", 404 },
    { "GET", "//v1/projects", 404 },
    { "GET", "/v1/projects/p/more", 404 },
    { "GET", "/v1/projects/a%2Fb%20c", 200 },
    { "GET", "/v1/projects/a%2Fb+c", 404 },
    { "GET", "/v1/projects/a/b%20c", 404 },
    { "GET", "/v1%2Fprojects", 404 },
    { "GET", "/v1/tasks?limit=0", 400 },
    { "GET", "/v1/tasks?limit=many", 400 },
    { "GET", "/v1/tasks?next_token=nonsense", 400 },
    { "GET", "/v1/tasks?updated_after=yesterday", 400 },
    { "GET", "/v1/tasks?updated_after=2026-01-31%2007:05:09.123000&limit=1000&next_token=", 200 },
    { "GET", "/v1/files/upload", 405 },
    { "DELETE", "/v1/projects", 405 },
    { "PUT", "/v1/projects/p", 405 },
    { "GET", "/v1", 404 },
    { "GET", "/", 404 },
    { "GET", "/v2/projects", 404 },
    { "GET", "/v1/nucleus", 404 },
    { "GET", "/v1/nucleus/dataset/ds_none/info", 404 },
    { "GET", "/v1/nucleus/projects", 404 },
    { "POST", "/control/none", 404 },
    { "POST", "/v1/task/nonsense", 404 },
  };
  ScaleServer *server = make_server (0);

  make_project (server, "a/b c", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (Answer) answer = ask (server, SCALE_SERVER_KEY, cases[i].method, cases[i].path, NULL, NULL, -1);

    if (answer->status != cases[i].status)
      g_error ("%s %s: %u instead of %u", cases[i].method, cases[i].path, answer->status, cases[i].status);
  }
  scale_server_free (server);
}

static void
test_json (void)
{
  g_autofree char *deep = g_strnfill (100000, '['), *long_text = g_strnfill (11000, 'x');
  g_autofree char *metadata = g_strdup_printf ("{\"project\":\"p\",\"attachment\":\"http://x/\","
      "\"metadata\":{\"a\":\"%s\"}}", long_text);
  const char *const bodies[] = { "", "{", "[]", "7", "null", "{\"name\":NaN}", deep, "\xff", "{\"name\":\"\xff\"}",
    "{\"name\":1,\"type\":2}", "{\"name\":\"n\",\"type\":\"nonsense\"}",
    "{\"name\":\"n\",\"type\":\"imageannotation\",\"params\":[]}" };
  ScaleServer *server = make_server (0);
  g_autoptr (Answer) too_long = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++) {
    g_autoptr (Answer) answer = ask_json (server, "POST", "/v1/projects", "%s", bodies[i]);

    assert_status (answer, 400);
  }
  make_project (server, "p", FALSE);
  too_long = ask_json (server, "POST", "/v1/task/imageannotation", "%s", metadata);
  assert_status (too_long, 400);
  scale_server_free (server);
}

/* ---- multipart --------------------------------------------------------------------------------------------------- */

static const struct {
  const char *type, *body;
  guint status;
} forms[] = {
  { FORM, FILE_PART END, 200 },
  { "multipart/form-data; boundary=\"B\"; charset=x", "preamble\r\n" FILE_PART "--B--epilogue", 200 },
  { "Multipart/Form-Data;boundary=B", FILE_PART PART ("metadata", "{\"a\":1}") END, 200 },
  { FORM, FILE_PART PART ("display_name", "") END, 200 },
  { "multipart/form-data", FILE_PART END, 400 },
  { "multipart/form-data; boundary=", FILE_PART END, 400 },
  { "multipart/form-data; boundary=C", FILE_PART END, 400 },
  { "multipart/form-data; boundary=0123456789012345678901234567890123456789012345678901234567890123456789x",
      FILE_PART END, 400 },
  { "application/json", FILE_PART END, 400 },
  { FORM, "", 400 },
  { FORM, "--B", 400 },
  { FORM, "--B\r\n", 400 },
  { FORM, "--B\r\n--B--", 400 },
  { FORM, "--B--", 400 },
  { FORM, FILE_PART, 400 },
  { FORM, FILE_PART "--B", 400 },
  { FORM, FILE_PART "--B-", 400 },
  { FORM, FILE_PART "--Bx\r\n" END, 400 },
  { FORM, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n" END, 400 },
  { FORM, "--B\r\nContent-Disposition: form-data; filename=\"a.jpg\"\r\n\r\n\xff\xd8\xff\r\n" END, 400 },
  { FORM, "--B\r\nContent-Disposition: attachment; name=\"file\"; filename=\"a\"\r\n\r\n\xff\xd8\xff\r\n" END, 400 },
  { FORM, "--B\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\r\n" END, 400 },
  { FORM, "--B\r\n\r\n\xff\xd8\xff\r\n" END, 400 },
  { FORM, PART ("file", "\xff\xd8\xff") END, 400 },
  { FORM, FILE_PART FILE_PART END, 400 },
  { FORM, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.gif\"\r\n\r\nGIF89a\r\n" END, 400 },
  { FORM, "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jpg\"\r\n\r\n\r\n" END, 400 },
  { FORM, FILE_PART PART ("metadata", "[1]") END, 400 },
  { FORM, FILE_PART PART ("metadata", "") END, 400 },
  { FORM, FILE_PART PART ("metadata", "image_path") PART ("metadata", "sha256") END, 400 },
  { FORM, FILE_PART PART ("metadata", "{}") PART ("metadata", "{}") END, 400 },
  { FORM, FILE_PART PART ("project_name", "none such") END, 404 },
  { FORM, FILE_PART PART ("reference_id", "\xff") END, 400 },
};

static void
test_forms (void)
{
  ScaleServer *server = make_server (0);
  guint good = 0;

  for (guint i = 0; i < G_N_ELEMENTS (forms); i++) {
    g_autoptr (Answer) answer = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", forms[i].type,
        forms[i].body, -1);
    g_autoptr (JsonArray) files = scale_server_list (server, "files");

    if (answer->status != forms[i].status)
      g_error ("form %u: %u instead of %u: %s", i, answer->status, forms[i].status, answer->body);
    good += forms[i].status == 200;
    g_assert_cmpuint (json_array_get_length (files), ==, good);
  }
  scale_server_free (server);
}

/* Each cut of a good form is refused, and no cut crashes. */
static void
test_cuts (void)
{
  const char *whole = FILE_PART PART ("metadata", "{\"a\":1}") "--B--";
  ScaleServer *server = make_server (0);

  for (gsize n = 0; n < strlen (whole); n++) {
    g_autoptr (Answer) answer = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", FORM, whole, (gssize) n);

    assert_status (answer, 400);
  }
  scale_server_free (server);
}

static void
test_many_parts (void)
{
  g_autoptr (GString) parts = g_string_new (FILE_PART), headers = g_string_new ("--B\r\n");
  ScaleServer *server = make_server (0);
  g_autoptr (Answer) many = NULL, long_headers = NULL;

  for (int i = 0; i < 1000; i++)
    g_string_append (parts, PART ("x", "y"));
  g_string_append (parts, END);
  for (int i = 0; i < 2000; i++)
    g_string_append (headers, "X-Header: something\r\n");
  g_string_append (headers, "\r\n\r\n" END);
  many = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", FORM, parts->str, -1);
  long_headers = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", FORM, headers->str, -1);
  assert_status (many, 400);
  assert_status (long_headers, 400);
  scale_server_free (server);
}

/* One part larger than a file may be, and a body larger than any. */
static void
test_huge (void)
{
  enum { MAX = 50000, PART_SIZE = 60000, BODY_SIZE = 8000000 };
  ScaleServer *server = make_server (MAX);
  g_autoptr (GString) body = g_string_new ("--B\r\nContent-Disposition: form-data; name=\"file\"; "
      "filename=\"a.jpg\"\r\n\r\n\xff\xd8\xff");
  g_autoptr (Answer) part = NULL, whole = NULL, after = NULL;
  gsize start = body->len;

  g_string_set_size (body, start + PART_SIZE);
  memset (body->str + start, 'x', PART_SIZE);
  g_string_append (body, "\r\n" END);
  part = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", FORM, body->str, (gssize) body->len);
  assert_status (part, 413);
  g_string_set_size (body, BODY_SIZE);
  whole = ask (server, SCALE_SERVER_KEY, "POST", "/v1/files/upload", FORM, body->str, (gssize) body->len);
  assert_status (whole, 413);
  after = upload (server, 1, NULL, NULL, NULL);
  assert_status (after, 200);
  scale_server_free (server);
}

/* ---- requests that no library sends ------------------------------------------------------------------------------ */

/* Writes text, reads n bytes or all until the end, and closes. */
static char *
talk (ScaleServer *server, const char *text, gsize n)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GIOStream) stream = NULL;
  char *got = g_malloc0 (n + 1);
  gsize size = 0;

  g_socket_client_set_timeout (client, 30);
  stream = G_IO_STREAM (g_socket_client_connect_to_uri (client, scale_server_url (server), 80, NULL, &error));
  g_assert_no_error (error);
  g_output_stream_write_all (g_io_stream_get_output_stream (stream), text, strlen (text), NULL, NULL, &error);
  g_assert_no_error (error);
  if (n)
    g_input_stream_read_all (g_io_stream_get_input_stream (stream), got, n, &size, NULL, NULL);
  g_io_stream_close (stream, NULL, NULL);
  return got;
}

/* dGVzdF9zY2FsZV9zZXJ2ZXI6 is the key. */
#define UPLOAD "POST /v1/files/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Basic dGVzdF9zY2FsZV9zZXJ2ZXI6\r\n" \
    "Content-Type: " FORM "\r\n"

static void
test_encodings (void)
{
  static const char *const bad[] = { "/v1/projects/%00", "/v1/projects/%ff", "/v1/projects/%zz", "/v1/projects/%2",
    "/v1/tasks?limit=%zz", "/v1/tasks?project=%ff", "/v1/tasks?%00=1" };
  ScaleServer *server = make_server (0);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Basic "
        "dGVzdF9zY2FsZV9zZXJ2ZXI6\r\n\r\n", bad[i]);
    g_autofree char *got = talk (server, request, 12);

    g_test_message ("%s", bad[i]);
    g_assert_cmpstr (got, ==, "HTTP/1.1 400");
  }
  scale_server_free (server);
}

/* In pieces of 7 bytes, across every boundary. */
static char *
upload_in_chunks (ScaleServer *server)
{
  enum { PIECE = 7 };
  const char *form = FILE_PART END;
  g_autoptr (GString) text = g_string_new (UPLOAD "Transfer-Encoding: chunked\r\n\r\n");

  for (gsize i = 0; i < strlen (form); i += PIECE) {
    gsize n = MIN (PIECE, strlen (form) - i);

    g_string_append_printf (text, "%zx\r\n%.*s\r\n", n, (int) n, form + i);
  }
  g_string_append (text, "0\r\n\r\n");
  return talk (server, text->str, 15);
}

static void
test_raw (void)
{
  static const char *const bad[] = {
    UPLOAD "Content-Length: 1000\r\n\r\n" FILE_PART,
    UPLOAD "Transfer-Encoding: chunked\r\n\r\n20\r\n--B\r\n",
    UPLOAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "POST /v1/files/upload HTTP/1.1\r\n",
    "nonsense\r\n\r\n",
  };
  ScaleServer *server = make_server (50000);
  g_autofree char *chunked = NULL, *endless = NULL;
  g_autoptr (GString) flood = g_string_new (UPLOAD "Transfer-Encoding: chunked\r\n\r\n");
  g_autoptr (JsonArray) files = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_free (talk (server, bad[i], 0));
  chunked = upload_in_chunks (server);
  g_assert_cmpstr (chunked, ==, "HTTP/1.1 200 OK");
  for (int i = 0; i < 4000; i++)
    g_string_append_printf (flood, "400\r\n%01024d\r\n", 0);
  g_string_append (flood, "0\r\n\r\n");
  endless = talk (server, flood->str, 12);
  g_assert_cmpstr (endless, ==, "HTTP/1.1 413");
  files = scale_server_list (server, "files");
  g_assert_cmpuint (json_array_get_length (files), ==, 1);
  scale_server_free (server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/requests/keys", test_keys);
  g_test_add_func ("/requests/log", test_log);
  g_test_add_func ("/requests/paths", test_paths);
  g_test_add_func ("/requests/json", test_json);
  g_test_add_func ("/requests/forms", test_forms);
  g_test_add_func ("/requests/cuts", test_cuts);
  g_test_add_func ("/requests/many-parts", test_many_parts);
  g_test_add_func ("/requests/huge", test_huge);
  g_test_add_func ("/requests/encodings", test_encodings);
  g_test_add_func ("/requests/raw", test_raw);
  return g_test_run ();
}
