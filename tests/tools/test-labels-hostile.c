/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-labels-hostile.c GST-HEADS: services and files that nobody in his senses would make: each is answered with words on
 * one line and an exit status, and no label is lost. Also answers that change, and the key, which nothing says.
 */
#include "labels-rig.h"

#include <string.h>

#define T "\"task_id\":\"t1\",\"status\":\"completed\""
#define PAGE(docs) "{\"docs\":[" docs "],\"total\":1,\"has_more\":false}"

/* What the service answers, whatever it is asked; raw: headers too. */
typedef struct {
  const char *text;
  gsize size;
  gboolean raw;
} Reply;

static GMutex lock;             /* for the reply, which the service's threads read */
static Reply current;

static const char *const bad_replies[] = {
  "", "null", "true", "42", "1e999", "\"docs\"", "[]", "[[]]", "{}", "{\"docs\":null}", "{\"docs\":{}}", "{\"docs\":\"x\"}",
  "{\"docs\":[", "{\"docs\":[{" T "}", "{\"docs\":[{" T "}],\"has_more\":tru", "{'docs':[]}", "/* */{\"docs\":[]}",
  "<html><body>Sign in to the hotel</body></html>", "\xff\xfe", "{\"docs\":[\"\xc3\x28\"]}", "ok then",
  "{\"docs\":[],\"has_more\":true}", "{\"docs\":[{" T "}],\"has_more\":true}", "{\"docs\":[{" T "}],\"has_more\":true,\"next_token\":7}",
  "{\"docs\":[{" T "}],\"has_more\":true,\"next_token\":\"\"}", "{\"docs\":[{" T "}],\"has_more\":true,\"next_token\":\"again\"}",
  "{\"docs\":[],\"has_more\":true,\"next_token\":\"a\"}", "{\"docs\":[{" T "}],\"next_token\":\"only\"}",
  "{\"docs\":[null],\"total\":1}", "{\"docs\":[1,\"x\",[],{}],\"total\":1}", "{\"docs\":[{\"task_id\":null}]}",
  "{\"docs\":[{\"task_id\":7}]}", "{\"docs\":[{\"task_id\":\"\"}]}", "{\"docs\":[{\"task_id\":\"a b\\n\\u0007\"}]}",
  "{\"docs\":[{\"task_id\":{}}]}", "{\"error\":\"two\\nlines\",\"status_code\":500}", "{\"docs\":[{" T "}]} trailing {",
};

static const char *const raw_replies[] = {
  "", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"docs\":[]}",
  "HTTP/1.1 302 Found\r\nLocation: http://evil.invalid/\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 402 Pay\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 500 \xff\x01\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 503 No\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 Nothing\r\n\r\n",
};

/* These are tasks, of strange content; they are kept. */
static const char *const odd_tasks[] = {
  "{" T ",\"status\":\"error\"}", "{" T ",\"response\":null}", "{" T ",\"response\":[]}", "{" T ",\"response\":{\"annotations\":7}}",
  "{" T ",\"response\":{\"annotations\":[7,null,[],{}]}}", "{" T ",\"type\":5,\"project\":6,\"batch\":[],\"unique_id\":{}}",
  "{" T ",\"response\":{\"annotations\":[{\"label\":{},\"left\":1e400,\"top\":-1e308,\"width\":\"x\",\"height\":null}]}}",
  "{" T ",\"params\":[],\"metadata\":\"x\",\"updated_at\":\"9999-99-99\"}", "{" T ",\"params\":{\"attachments\":[null,7,{}]}}",
  "{" T ",\"metadata\":{\"image_path\":\"../../etc/passwd\",\"sha256\":7}}", "{" T ",\"updated_at\":\"9999-01-01T00:00:00Z\"}",
  "{" T ",\"params\":{\"geometries\":{\"box\":{\"objects_to_annotate\":[{\"choice\":7,\"subchoices\":[[]]},null,\"\"]}}},"
      "\"response\":{\"annotations\":[{\"label\":\"\"}]}}",
};

/* ---- the service ---------------------------------------------------------------------------------------------------- */

static Reply
get_reply (void)
{
  Reply reply;

  g_mutex_lock (&lock);
  reply = current;
  g_mutex_unlock (&lock);
  return reply;
}

static gboolean
answer_raw (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer data)
{
  const Reply reply = get_reply ();
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (connection));
  GOutputStream *out = g_io_stream_get_output_stream (G_IO_STREAM (connection));
  g_autofree char *head = g_strdup_printf ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
      "Content-Length: %" G_GSIZE_FORMAT "\r\n\r\n", reply.size);
  char request[4096];

  g_input_stream_read (in, request, sizeof request, NULL, NULL);
  if (!reply.raw)
    g_output_stream_write_all (out, head, strlen (head), NULL, NULL, NULL);
  g_output_stream_write_all (out, reply.text, reply.size, NULL, NULL, NULL);
  g_socket_shutdown (g_socket_connection_get_socket (connection), FALSE, TRUE, NULL);
  while (g_input_stream_read (in, request, sizeof request, NULL, NULL) > 0) { /* so that it ends with FIN, not with RST */
  }
  return TRUE;
}

static GSocketService *
serve (char **url)
{
  GSocketService *service = g_threaded_socket_service_new (4);
  guint16 port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (service), NULL, NULL);

  g_assert_cmpuint (port, >, 0);
  g_signal_connect (service, "run", G_CALLBACK (answer_raw), NULL);
  g_socket_service_start (service);
  *url = g_strdup_printf ("http://127.0.0.1:%u", port);
  return service;
}

/* So that connections are accepted while the command runs. */
static gpointer
iterate (gpointer data)
{
  g_main_loop_run (data);
  return NULL;
}

static void
set_reply (const char *text, gssize size, gboolean raw)
{
  g_mutex_lock (&lock);
  current = (Reply) { text, size < 0 ? strlen (text) : (gsize) size, raw };
  g_mutex_unlock (&lock);
}

/* ---- judging ---------------------------------------------------------------------------------------------------------- */

/* Ended by itself, with a report and with few words that a terminal bears. */
static void
check_ran (const Ran *ran, const char *what, gboolean good)
{
  g_auto (GStrv) lines = g_strsplit (ran->err, "\n", -1);

  if (ran->status < 0 || ran->status > 10 || strstr (ran->err, "Sanitizer") || !g_utf8_validate (ran->err, -1, NULL)
      || g_strv_length (lines) > 8 || strlen (ran->err) > 4000
      || (good ? ran->status != 0 && ran->status != 8 : ran->status != 3 && ran->status != 9 && ran->status != 10)
      || (!good && strstr (ran->err, "gst-heads labels: ") == NULL))
    g_error ("%.200s: status %d: %.2000s%.2000s", what, ran->status, ran->out, ran->err);
  for (const char *at = ran->err; *at; at++)
    g_assert_true (*at == '\n' || !g_ascii_iscntrl (*at));
}

static void
check_reply (Rig *rig, const char *url, const char *what, gboolean good)
{
  g_auto (Ran) ran = { 0 };

  rig_pull (rig, &ran, url, "--attempts=1");
  check_ran (&ran, what, good);
}

static char *
repeat (const char *begin, const char *middle, guint n, const char *end)
{
  GString *text = g_string_new (begin);

  while (n-- > 0)
    g_string_append (text, middle);
  g_string_append (text, end);
  return g_string_free (text, FALSE);
}

static void
test_large (Rig *rig, const char *url)
{
  static const char nul[] = "{\"docs\":[{\"task_id\":\"a\0b\"}]}";
  g_autofree char *deep = repeat ("", "[", 100000, ""), *objects = repeat ("", "{\"docs\":", 50000, "");
  g_autofree char *token = repeat ("{\"docs\":[{" T "}],\"has_more\":true,\"next_token\":\"", "0123456789", 1000000, "\"}");
  g_autofree char *id = repeat ("{\"docs\":[{\"task_id\":\"", "0123456789", 1000000, "\"}]}");
  g_autofree char *label = repeat ("{\"docs\":[{" T ",\"response\":{\"annotations\":[{\"label\":\"", "0123456789", 1000000,
      "\"}]}}]}");
  const char *const bad[] = { deep, objects, token, id };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++) {
    set_reply (bad[i], -1, FALSE);
    check_reply (rig, url, bad[i], FALSE);
  }
  set_reply (nul, sizeof nul - 1, FALSE);
  check_reply (rig, url, "NUL", FALSE);
  set_reply (label, -1, FALSE);
  check_reply (rig, url, "a label of 10 MB", TRUE);
}

static void
test_replies (Rig *rig, const char *url)
{
  g_assert_cmpuint (G_N_ELEMENTS (bad_replies) + G_N_ELEMENTS (raw_replies), >=, 40);
  for (gsize i = 0; i < G_N_ELEMENTS (bad_replies); i++) {
    set_reply (bad_replies[i], -1, FALSE);
    check_reply (rig, url, bad_replies[i], FALSE);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (raw_replies); i++) {
    set_reply (raw_replies[i], -1, TRUE);
    check_reply (rig, url, raw_replies[i], FALSE);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (odd_tasks); i++) {
    g_autofree char *page = g_strdup_printf (PAGE ("%s"), odd_tasks[i]);

    set_reply (page, -1, FALSE);
    check_reply (rig, url, page, TRUE);
  }
  test_large (rig, url);
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

static void
check_file (Rig *rig, const char *text, gssize size, gboolean good)
{
  g_autofree char *file = g_build_filename (rig->folder, "tasks.json", NULL);
  g_auto (Ran) ran = { 0 };

  g_assert_true (g_file_set_contents (file, text, size, NULL));
  rig_run (&ran, NULL, (const char *[]) { "link", rig->dataset, file, NULL });
  check_ran (&ran, text, good);
}

static void
test_files (Rig *rig)
{
  static const char *const bad[] = { "", " ", "\n\n", "null", "7", "\"x\"", "{}", "{\"docs\":7}", "[", "[{" T "}", "[1,2]", "[{}]",
    "{" T "}\nnot json\n", "{" T "}\n{}\n", "{" T "}\n[[[\n", "\xff\xfe[\0", "<html>", "task_id,label\nx,1\n", "{\"task_id\":", "[{'a':1}]",
    "{\"docs\":[{" T "},{\"task_id\":[]}]}" };
  static const char *const good[] = { "[]", "{" T "}", "[{" T "}]", "{\"docs\":[{" T "}]}", "{" T "}\n\n{" T "}\r\n",
    "\xef\xbb\xbf[{" T "}]", "[{" T "},{" T "}]" };
  g_autofree char *deep = repeat ("[", "[", 200000, ""), *missing = g_build_filename (rig->folder, "missing.json", NULL);
  g_auto (Ran) folder = { 0 }, none = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    check_file (rig, bad[i], -1, FALSE);
  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    check_file (rig, good[i], -1, TRUE);
  check_file (rig, deep, -1, FALSE);
  check_file (rig, "[{\"task_id\":\"a\0\"}]", 19, FALSE);
  rig_run (&folder, NULL, (const char *[]) { "link", rig->dataset, rig->folder, NULL });
  check_ran (&folder, "a folder", FALSE);
  rig_run (&none, NULL, (const char *[]) { "link", rig->dataset, missing, NULL });
  check_ran (&none, "no file", FALSE);
}

/* ---- answers that change ------------------------------------------------------------------------------------------------ */

static void
change (Rig *rig, const char *url, const char *status, const char *annotations, const char *wanted)
{
  g_autofree char *page = g_strdup_printf (PAGE ("{\"task_id\":\"changing\",\"status\":\"%s\",\"unique_id\":\"" RIG_PROJECT
          ":cam:0:%.32s\",\"response\":{\"annotations\":[%s],\"global_attributes\":{\"sky\":[[\"blue\"],\"grey\"]}}}"), status,
      (char *) rig->sums->pdata[2], annotations);
  g_autofree char *labels = NULL;
  g_auto (Ran) ran = { 0 };

  set_reply (page, -1, FALSE);
  rig_pull (rig, &ran, url, NULL);
  g_assert_cmpint (ran.status, ==, 0);
  g_assert_cmpint (ran_number (&ran, "new") + ran_number (&ran, "changed"), ==, 1);
  labels = rig_labels_of (rig, rig->frames->pdata[2]);
  g_assert_cmpstr (labels, ==, wanted);
}

static void
test_changes (Rig *rig, const char *url)
{
  change (rig, url, "completed", "{\"label\":\"person\"},{\"label\":\"dog\"}", "boxes=[] scale:changing\ndog=1 scale:changing\n"
      "people=1 scale:changing\nsky=blue|grey scale:changing\n");
  change (rig, url, "completed", "{\"label\":\"person\"},{\"label\":\"person\"}", "boxes=[] scale:changing\n"
      "people=2 scale:changing\nsky=blue|grey scale:changing\n");
  change (rig, url, "pending", "", "");
}

/* ---- the terminal ------------------------------------------------------------------------------------------------------- */

static void
test_terminal (Rig *rig)
{
  g_autofree char *file = g_build_filename (rig->folder, "odd.json", NULL);
  g_auto (Ran) linked = { 0 }, ran = { 0 };

  g_assert_true (g_file_set_contents (file, "[{\"task_id\":\"odd\",\"status\":\"\\u001b[31mred\\nline\",\"project\":\"\\u009b2Jp\"}]",
          -1, NULL));
  rig_run (&linked, NULL, (const char *[]) { "link", rig->dataset, file, NULL });
  rig_run (&ran, NULL, (const char *[]) { "status", rig->dataset, NULL });
  g_assert_cmpint (ran.status, ==, 0);
  g_assert_null (strchr (ran.out, '\x1b'));
  g_assert_null (strstr (ran.out, "\xc2\x9b"));
  g_assert_nonnull (strstr (ran.out, "2Jp (scale): 1  [31mred line\n"));
}

/* ---- the key ------------------------------------------------------------------------------------------------------------ */

static void
test_secrecy (Rig *rig)
{
  g_autofree char *base = g_strdup_printf ("--base-url=%s/v1", scale_server_url (rig->server));
  static const char *const keys[] = { SCALE_SERVER_KEY, "test_fiddlesticks_7261" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *coded = g_base64_encode ((const guchar *) keys[i], strlen (keys[i]) / 3 * 3);
    g_auto (Ran) ran = { 0 };

    rig_run_verbose (&ran, keys[i], (const char *[]) { "pull", rig->dataset, "--project=gate", base, NULL });
    g_assert_cmpint (ran.status, ==, i ? 9 : 0);
    g_assert_null (strstr (ran.out, keys[i]));
    g_assert_null (strstr (ran.err, keys[i]));
    g_assert_null (strstr (ran.err, coded));
    g_assert_nonnull (strstr (ran.out, "-DEBUG: "));
  }
}

static void
test_hostile (void)
{
  g_autofree char *url = NULL, *before = NULL, *after = NULL;
  g_auto (Ran) ran = { 0 };
  GSocketService *service = serve (&url);
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);
  GThread *thread = g_thread_new ("accept", iterate, loop);
  Rig rig;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 2);
  rig_label (&rig, "one", TRUE);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, 2);
  test_secrecy (&rig);
  rig_pull (&rig, &ran, scale_server_url (rig.server), "--full");
  before = rig_labels_of (&rig, rig.frames->pdata[1]);
  g_assert_nonnull (strstr (before, "people=1"));
  test_replies (&rig, url);
  test_files (&rig);
  after = rig_labels_of (&rig, rig.frames->pdata[1]);
  g_assert_cmpstr (before, ==, after);
  test_terminal (&rig);
  rig_add_frames (&rig, 1);
  test_changes (&rig, url);
  g_main_loop_quit (loop);
  g_thread_join (thread);
  g_main_loop_unref (loop);
  g_socket_service_stop (service);
  g_object_unref (service);
  rig_clear (&rig);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  rig_command = argv[1];
  g_test_add_func ("/labels-hostile", test_hostile);
  return g_test_run ();
}
