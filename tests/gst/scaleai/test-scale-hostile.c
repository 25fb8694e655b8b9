/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scale-hostile.c: answers that no sane service gives, byte by byte from a socket: each is judged, in one line of
 * words, and none is taken for an upload that is there. */
#include "scale-upload.h"

#include <string.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

typedef struct {
  const gchar *bytes;
  gssize size;                  /* -1: text */
  guint repeat;                 /* of the bytes, 0: once */
} Hostile;

#define TEXT(text) { text, -1, 0 }
#define BODY(text) TEXT (OK "Connection: close\r\n\r\n" text)
#define BINARY(text) { text, sizeof text - 1, 0 }

static const Hostile replies[] = {
  TEXT (""), TEXT ("\r\n\r\n"), TEXT ("SSH-2.0-OpenSSH_9.2\r\n"), TEXT ("220 mail ESMTP\r\n"), TEXT ("HTTP/1.1\r\n\r\n"),
  TEXT ("HTTP/1.1 9999 What\r\n\r\n"), TEXT ("HTTP/1.1 -200 OK\r\n\r\n"), TEXT ("HTTP/9.9 200 OK\r\n\r\n"),
  TEXT ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"), TEXT (OK "Content-Length: 99999999999999999999\r\n\r\n{}"),
  TEXT (OK "Content-Length: 500\r\n\r\n{\"id\":\"x\",\"attachment_url\":\"scaledata://a/b\"}"),
  TEXT (OK "Content-Length: 3\r\n\r\n{\"id\":\"x\",\"attachment_url\":\"scaledata://a/b\"}"),
  TEXT (OK "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), TEXT (OK "Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n{}"),
  TEXT (OK "Content-Encoding: gzip\r\nConnection: close\r\n\r\nnot gzip"), BINARY (OK "Connection: close\r\n\r\n\0\0\0\0"),
  BINARY (OK "Connection: close\r\n\r\n{\"id\":\"x\",\"attachment_url\":\"a\0b\"}"), BODY ("\xff\xfe{\x00"), BODY ("\xc3\x28"),
  BODY ("null"), BODY ("true"), BODY ("[]"), BODY ("[[[[]]]]"), BODY ("42"), BODY ("1e999"), BODY ("\"text\""), BODY ("{}"),
  BODY ("{\"id\":null,\"attachment_url\":null}"), BODY ("{\"id\":1,\"attachment_url\":2}"), BODY ("{\"id\":{},\"attachment_url\":[]}"),
  BODY ("{\"id\":\"x\",\"attachment_url\":\"scaledata"), BODY ("{\"attachment_url\":\"a\"} trailing {"), BODY ("{'id':'x'}"),
  BODY ("{\"error\":\"two\\nlines \\u0007 and a bell\",\"status_code\":500}"), BODY ("<html><body>Sign in to the hotel"),
  TEXT ("HTTP/1.1 302 Found\r\nLocation: http://evil.invalid/\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 307 Moved\r\nLocation: //\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 429 Slow\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 503 Gone\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 503 Gone\r\nRetry-After: Thu, 99 Foo 2099\r\nContent-Length: 0\r\n\r\n"),
  TEXT ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"), TEXT ("HTTP/1.1 204 Nothing\r\n\r\n"),
  TEXT ("HTTP/1.1 500 \xff\xfe\x01\r\nContent-Length: 0\r\n\r\n"),
  { "HTTP/1.1 200 OK\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", -1, 20000 },
  { OK "Connection: close\r\n\r\n{\"attachment_url\":", -1, 1 }, { "[", -1, 100000 },
};

/* ---- the server -------------------------------------------------------------------------------------------------------- */

static gboolean
answer (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  const Hostile *reply = g_object_get_data (G_OBJECT (service), "reply");
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  gsize size = reply->size < 0 ? strlen (reply->bytes) : (gsize) reply->size;
  gchar request[4096];

  g_input_stream_read (in, request, sizeof request, NULL, NULL);
  if (size == 1 && reply->repeat)       /* nesting: a body of it */
    g_output_stream_write_all (out, OK "Connection: close\r\n\r\n", strlen (OK "Connection: close\r\n\r\n"), NULL, NULL, NULL);
  for (guint i = 0; i < MAX (reply->repeat, 1); i++)
    if (!g_output_stream_write_all (out, reply->bytes, size, NULL, NULL, NULL))
      break;
  g_socket_shutdown (g_socket_connection_get_socket (connection), FALSE, TRUE, NULL);
  while (g_input_stream_read (in, request, sizeof request, NULL, NULL) > 0) { /* so that it ends with FIN, not with RST */
  }
  g_io_stream_close (G_IO_STREAM (connection), NULL, NULL);
  return TRUE;
}

static GSocketService *
serve (guint16 *port)
{
  GSocketService *service = g_threaded_socket_service_new (4);
  GError *error = NULL;

  *port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (service, "run", G_CALLBACK (answer), NULL);
  g_socket_service_start (service);
  return service;
}

/* ---- judging ----------------------------------------------------------------------------------------------------------- */

static void
check_words (const gchar *problem)
{
  g_assert_nonnull (problem);
  g_assert_true (g_utf8_validate (problem, -1, NULL));
  g_assert_cmpuint (strlen (problem), <, 2000);
  for (const gchar *at = problem; *at; at = g_utf8_next_char (at))
    g_assert_false (g_unichar_iscntrl (g_utf8_get_char (at)));
}

static void
judge (ScaleApi *api, const gchar *service, guint i)
{
  g_autoptr (GBytes) body = g_bytes_new_static ("{}", 2);
  const gchar *url, *id;
  ScaleReply reply;

  scale_api_call (api, "POST", "/files/upload", body, NULL, NULL, &reply);
  scale_upload_judge (service, &reply, &url, &id);
  g_test_message ("%u: verdict %d, HTTP %u, %s", i, reply.verdict, reply.status, reply.problem);
  g_assert_cmpint (reply.verdict, !=, SCALE_OK);
  g_assert_cmpint (scale_api_pause (1, &reply), <=, G_TIME_SPAN_HOUR);
  check_words (reply.problem);
  scale_reply_clear (&reply);
}

static void
test_hostile (gconstpointer service_name)
{
  guint16 port;
  GSocketService *service = serve (&port);
  g_autofree gchar *url = g_strdup_printf ("http://127.0.0.1:%u", port);
  ScaleApiOptions options = { .base_url = url, .timeout = 3 * G_GUINT64_CONSTANT (1000000000) };

  g_assert_cmpuint (G_N_ELEMENTS (replies), >=, 40);
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++) {
    GError *error = NULL;
    ScaleApi *api = scale_api_new (&options, scale_key_load (NULL, SCALE_KEY_VARIABLE, NULL, NULL), &error);

    g_assert_no_error (error);
    g_object_set_data (G_OBJECT (service), "reply", (gpointer) &replies[i]);
    judge (api, service_name, i);
    scale_api_free (api);
  }
  g_socket_service_stop (service);
  g_socket_listener_close (G_SOCKET_LISTENER (service));
  g_object_unref (service);
}

int
main (int argc, char **argv)
{
  g_setenv (SCALE_KEY_VARIABLE, "test_hostile_key", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/scale-hostile/scale", SCALE_SERVICE, test_hostile);
  g_test_add_data_func ("/scale-hostile/nucleus", NUCLEUS_SERVICE, test_hostile);
  return g_test_run ();
}
