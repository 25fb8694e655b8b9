/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-scale-faults.c: each fault does what it says, to the requests it is meant for, and to no others.
 */
#include "scale-client.h"

#include <string.h>

static ScaleServer *
make_server (const char *fault, gboolean tls, guint32 seed)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autoptr (GError) error = NULL;
  ScaleServer *server;

  options.tls = tls;
  options.seed = seed;
  server = scale_server_new (&options, &error);
  g_assert_no_error (error);
  if (fault)
    scale_server_add_fault (server, fault, &error);
  g_assert_no_error (error);
  return server;
}

static guint
n_files (ScaleServer *server)
{
  g_autoptr (JsonArray) files = scale_server_list (server, "files");

  return json_array_get_length (files);
}

/* What one upload gets under each fault. */
static const struct {
  const char *fault;
  guint status;
  gboolean done;                /* whether the file is there */
  const char *type, *retry_after;
} cases[] = {
  { "POST /v1/files/upload status=503", 503, FALSE, "application/json" },
  { "POST /v1/files/upload status=429 retry-after=7", 429, FALSE, "application/json", "7" },
  { "POST /v1/files/upload status=500 commit", 500, TRUE, "application/json" },
  { "* html=502", 502, FALSE, "text/html" },
  { "* html=502 commit", 502, TRUE, "text/html" },
  { "* html=200", 200, FALSE, "text/html" },
  { "* drop", 0, FALSE },
  { "* drop commit", 0, TRUE },
  { "* drop delay=0.05", 0, FALSE },
  { "* cut", 0, TRUE },
  { "* cut delay=0.05", 0, TRUE },
  { "* truncate", 200, TRUE, "application/json" },
  { "* slow=2000", 200, TRUE, "application/json" },
  { "* delay=0.2", 200, TRUE, "application/json" },
  { "* delay=0.2 commit", 200, TRUE, "application/json" },
  { "* status=500 commit delay=0.05", 500, TRUE, "application/json" },
  { "GET /v1/files/upload status=503", 200, TRUE, "application/json" },
  { "POST /v1/files status=503", 200, TRUE, "application/json" },
  { "* status=503 skip=1", 200, TRUE, "application/json" },
  { "* status=503 count=0", 200, TRUE, "application/json" },
  { "* status=503 probability=0", 200, TRUE, "application/json" },
};

static void
check_case (guint i, gboolean tls)
{
  ScaleServer *server = make_server (cases[i].fault, tls, 1);
  g_autoptr (Answer) answer = upload (server, 1, NULL, NULL, NULL), other = NULL;

  g_test_message ("%s", cases[i].fault);
  assert_status (answer, cases[i].status);
  g_assert_cmpuint (n_files (server), ==, cases[i].done);
  if (cases[i].status) {
    g_assert_cmpstr (answer->type, ==, cases[i].type);
    g_assert_cmpstr (answer->retry_after, ==, cases[i].retry_after);
  }
  if (strstr (cases[i].fault, "truncate")) {
    g_assert_null (answer->json);
    g_assert_cmpuint (strlen (answer->body), >, 10);
  }
  scale_server_clear_faults (server);
  other = upload (server, 2, NULL, NULL, NULL);
  assert_status (other, 200);
  scale_server_free (server);
}

static void
test_actions (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    check_case (i, FALSE);
}

static void
test_actions_tls (void)
{
  if (!g_tls_backend_supports_tls (g_tls_backend_get_default ())) {
    g_test_skip ("GIO has no TLS here: install glib-networking");
    return;
  }
  /* Those that take the connection away, or make the answer themselves. */
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    if (cases[i].status == 0 || strstr (cases[i].fault, "slow"))
      check_case (i, TRUE);
}

/* Times that are too short would be wrong; longer ones are only slow. */
static void
test_times (void)
{
  static const char *const faults[] = { "* delay=0.5", "* slow=400" };

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    ScaleServer *server = make_server (faults[i], FALSE, 0);
    gint64 begun = g_get_monotonic_time ();
    g_autoptr (Answer) answer = upload (server, 1, NULL, NULL, NULL);

    assert_status (answer, 200);
    g_assert_nonnull (answer_string (answer, "attachment_url"));
    g_assert_cmpint (g_get_monotonic_time () - begun, >=, 450000);
    scale_server_free (server);
  }
}

static gboolean
give_up (gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_sent (GObject *session, GAsyncResult *result, gpointer error)
{
  g_autoptr (GBytes) got = soup_session_send_and_read_finish (SOUP_SESSION (session), result, error);

  g_assert_null (got);
}

/* Nobody answers, and the server can end nevertheless. */
static void
test_hang (void)
{
  ScaleServer *server = make_server ("* hang count=1", FALSE, 0);
  g_autofree char *url = g_strconcat (scale_server_url (server), "/v1/projects", NULL);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (Answer) answer = NULL;

  g_timeout_add (300, give_up, cancellable);
  soup_session_send_and_read_async (session, message, 0, cancellable, on_sent, &error);
  while (error == NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  answer = ask_json (server, "GET", "/v1/projects", NULL);
  assert_status (answer, 200);
  scale_server_free (server);
}

/* It ends with an answer that is late. With "commit" the work is done by then. */
static void
test_end_while_late (gconstpointer fault)
{
  const char *body = "{\"name\":\"p\",\"type\":\"imageannotation\"}";
  ScaleServer *server = make_server (fault, FALSE, 0);
  g_autofree char *url = g_strconcat (scale_server_url (server), "/v1/projects", NULL);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("POST", url);
  g_autoptr (GBytes) sent = g_bytes_new_static (body, strlen (body));
  g_autoptr (JsonArray) projects = NULL;
  g_autoptr (GError) error = NULL;

  soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization",
      "Basic dGVzdF9zY2FsZV9zZXJ2ZXI6");
  soup_message_set_request_body_from_bytes (message, "application/json", sent);
  soup_session_send_and_read_async (session, message, 0, NULL, on_sent, &error);
  while (scale_server_count (server, NULL, "*") == 0)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  projects = scale_server_list (server, "projects");
  g_assert_true (json_array_get_length (projects) == (strstr (fault, "commit") != NULL));
  scale_server_free (server);
  while (error == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_counts (void)
{
  static const guint wanted[] = { 200, 200, 503, 503, 503, 200, 200 };
  ScaleServer *server = make_server ("POST /v1/files/* status=503 skip=2 count=3", FALSE, 0);

  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++) {
    g_autoptr (Answer) answer = upload (server, i, NULL, NULL, NULL);
    g_autoptr (Answer) other = ask_json (server, "GET", "/v1/projects", NULL);

    assert_status (answer, wanted[i]);
    assert_status (other, 200);
  }
  scale_server_free (server);
}

/* Two of the same seed do the same; half of them all fails, more or less. */
static void
test_probability (void)
{
  enum { N = 60 };
  ScaleServer *one = make_server ("* status=500 probability=0.5", FALSE, 7);
  ScaleServer *two = make_server ("* status=500 probability=0.5", FALSE, 7);
  guint n = 0;

  for (guint i = 0; i < N; i++) {
    g_autoptr (Answer) a = ask_json (one, "GET", "/v1/projects", NULL), b = ask_json (two, "GET", "/v1/projects", NULL);

    g_assert_cmpuint (a->status, ==, b->status);
    n += a->status == 500;
  }
  g_assert_cmpuint (n, >, N / 6);
  g_assert_cmpuint (n, <, N - N / 6);
  scale_server_free (one);
  scale_server_free (two);
}

static void
test_retry_date (void)
{
  ScaleServer *server = make_server ("* status=503 retry-after=date:60", FALSE, 0);
  g_autoptr (Answer) answer = ask_json (server, "GET", "/v1/projects", NULL);
  g_autoptr (GDateTime) date = NULL, now = g_date_time_new_now_utc ();

  assert_status (answer, 503);
  g_assert_nonnull (answer->retry_after);
  date = soup_date_time_new_from_http_string (answer->retry_after);
  g_assert_nonnull (date);
  g_assert_cmpint (g_date_time_difference (date, now), <=, 60 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (g_date_time_difference (date, now), >, 10 * G_TIME_SPAN_SECOND);
  scale_server_free (server);
}

/* A commit and then a 500: the client tries again and learns of the task that it made. */
static void
test_commit_then_500 (void)
{
  ScaleServer *server = make_server ("POST /v1/task/* status=500 commit count=1", FALSE, 0);
  const char *body = "{\"project\":\"p\",\"attachment\":\"http://x/\",\"unique_id\":\"u\"}";
  g_autoptr (Answer) first = NULL, second = NULL, found = NULL;
  JsonObject *task;

  make_project (server, "p", FALSE);
  first = ask_json (server, "POST", "/v1/task/imageannotation", "%s", body);
  second = ask_json (server, "POST", "/v1/task/imageannotation", "%s", body);
  found = ask_json (server, "GET", "/v1/tasks?unique_id=u", NULL);
  assert_status (first, 500);
  assert_status (second, 409);
  assert_status (found, 200);
  g_assert_cmpint (answer_int (found, "total"), ==, 1);
  task = json_array_get_object_element (json_object_get_array_member (answer_object (found), "docs"), 0);
  g_assert_nonnull (strstr (answer_string (second, "error"), json_object_get_string_member (task, "task_id")));
  g_assert_nonnull (strstr (answer_string (second, "error"), "u"));
  scale_server_free (server);
}

static void
test_words (void)
{
  static const char *const bad[] = { "", "POST", "/v1", "POST /v1", "* status", "* status=", "* status=0",
    "* status=1000", "* status=abc", "* drop=1", "* drop hang", "* nonsense", "* count=1", "* slow=0", "* delay=-1",
    "* delay=x", "* delay=nan", "* status=500 retry-after=soon" };
  ScaleServer *server = make_server (NULL, FALSE, 0);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    if (scale_server_add_fault (server, bad[i], &error))
      g_error ("the fault \"%s\" was taken", bad[i]);
    g_assert_nonnull (strstr (error->message, bad[i]));
  }
  scale_server_free (server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/faults/actions", test_actions);
  g_test_add_func ("/faults/actions-tls", test_actions_tls);
  g_test_add_func ("/faults/times", test_times);
  g_test_add_func ("/faults/hang", test_hang);
  g_test_add_data_func ("/faults/end-while-late", "* delay=100", test_end_while_late);
  g_test_add_data_func ("/faults/end-while-late-and-done", "* delay=100 commit", test_end_while_late);
  g_test_add_func ("/faults/counts", test_counts);
  g_test_add_func ("/faults/probability", test_probability);
  g_test_add_func ("/faults/retry-date", test_retry_date);
  g_test_add_func ("/faults/commit-then-500", test_commit_then_500);
  g_test_add_func ("/faults/words", test_words);
  return g_test_run ();
}
