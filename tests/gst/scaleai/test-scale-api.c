/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scale-api.c: the API's client against the Scale server: what each answer means, how long to wait, and where the key
 * does not go. */
#include "scale-api.h"
#include "scale-server.h"
#include "tests/models/temp-folder.h"

#include <string.h>

static ScaleServer *
serve (gboolean tls, const gchar *fault)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  GError *error = NULL;
  ScaleServer *server;

  options.tls = tls;
  server = scale_server_new (&options, &error);
  g_assert_no_error (error);
  if (fault)
    scale_server_add_fault (server, fault, &error);
  g_assert_no_error (error);
  return server;
}

static ScaleKey *
key_of (const gchar *plain)
{
  ScaleKey *key;

  g_setenv (SCALE_KEY_VARIABLE, plain, TRUE);
  key = scale_key_load (NULL, SCALE_KEY_VARIABLE, NULL, NULL);
  g_assert_nonnull (key);
  return key;
}

static ScaleApi *
client (ScaleServer *server, guint64 timeout)
{
  g_autofree gchar *url = g_strconcat (scale_server_url (server), "/v1/", NULL);
  ScaleApiOptions options = { .base_url = url, .timeout = timeout,
    .ca_file = g_str_has_prefix (url, "https") ? scale_server_certificate () : NULL };
  GError *error = NULL;
  ScaleApi *api = scale_api_new (&options, key_of (SCALE_SERVER_KEY), &error);

  g_assert_no_error (error);
  return api;
}

/* ---- what an answer means -------------------------------------------------------------------------------------------- */

static const struct {
  const gchar *fault;
  ScaleVerdict verdict;
  guint status;
} answers[] = {
  { "GET * status=400", SCALE_REFUSED, 400 }, { "GET * status=401", SCALE_HALT, 401 },
  { "GET * status=402", SCALE_HALT, 402 }, { "GET * status=403", SCALE_HALT, 403 },
  { "GET * status=404", SCALE_HALT, 404 }, { "GET * status=408", SCALE_RETRY, 408 },
  { "GET * status=409", SCALE_CONFLICT, 409 }, { "GET * status=413", SCALE_REFUSED, 413 },
  { "GET * status=422", SCALE_REFUSED, 422 }, { "GET * status=429", SCALE_RETRY, 429 },
  { "GET * status=500", SCALE_RETRY, 500 }, { "GET * status=503", SCALE_RETRY, 503 },
  { "GET * status=504", SCALE_RETRY, 504 }, { "GET * html=502", SCALE_RETRY, 502 },
  { "GET * html=200", SCALE_RETRY, 200 }, { "GET * html=302", SCALE_HALT, 302 },
  { "GET * html=403", SCALE_HALT, 403 }, { "GET * drop", SCALE_RETRY, 0 },
  { "GET * truncate", SCALE_RETRY, 200 }, { "GET * cut", SCALE_RETRY, 200 },
  { "GET * hang", SCALE_RETRY, 0 }, { "GET * slow=1", SCALE_RETRY, 200 },
};

/* Only a deadline ends it. */
static gboolean
is_slow (const gchar *fault)
{
  return strstr (fault, "hang") || strstr (fault, "slow");
}

static void
test_verdicts (gconstpointer tls)
{
  for (guint i = 0; i < G_N_ELEMENTS (answers); i++) {
    ScaleServer *server = serve (tls != NULL, answers[i].fault);
    ScaleApi *api = client (server, is_slow (answers[i].fault) ? 1500 * G_GUINT64_CONSTANT (1000000) : 0);
    ScaleReply reply;

    scale_api_call (api, "GET", "/batches", NULL, NULL, NULL, &reply);
    g_test_message ("%s: %u, %s", answers[i].fault, reply.status, reply.problem);
    g_assert_cmpint (reply.verdict, ==, answers[i].verdict);
    if (!is_slow (answers[i].fault))    /* where the deadline falls is chance */
      g_assert_cmpuint (reply.status, ==, answers[i].status);
    g_assert_nonnull (reply.problem);
    g_assert_null (strchr (reply.problem, '\n'));
    scale_reply_clear (&reply);
    scale_api_free (api);
    scale_server_free (server);
  }
}

static void
test_good_answers (void)
{
  ScaleServer *server = serve (TRUE, NULL);
  ScaleApi *api = client (server, 0);
  static const gchar text[] = "{\"name\":\"plaza\",\"type\":\"imageannotation\"}";
  g_autoptr (GBytes) project = g_bytes_new_static (text, sizeof text - 1);
  ScaleReply reply;

  scale_api_call (api, "POST", "/projects", project, NULL, NULL, &reply);
  g_assert_cmpint (reply.verdict, ==, SCALE_OK);
  g_assert_cmpstr (scale_reply_string (&reply, "name"), ==, "plaza");
  g_assert_null (scale_reply_string (&reply, "param_history"));
  g_assert_null (scale_reply_string (&reply, "nothing"));
  scale_reply_clear (&reply);
  scale_api_call (api, "POST", "/projects", project, NULL, NULL, &reply);
  g_assert_cmpint (reply.verdict, ==, SCALE_CONFLICT);
  scale_reply_clear (&reply);
  scale_api_free (api);
  scale_server_free (server);
}

/* ---- waiting --------------------------------------------------------------------------------------------------------- */

static gint64
asked_for (const gchar *fault)
{
  ScaleServer *server = serve (FALSE, fault);
  ScaleApi *api = client (server, 0);
  ScaleReply reply;
  gint64 after;

  scale_api_call (api, "GET", "/projects", NULL, NULL, NULL, &reply);
  after = reply.retry_after;
  scale_reply_clear (&reply);
  scale_api_free (api);
  scale_server_free (server);
  return after;
}

static void
test_retry_after (void)
{
  gint64 seconds = asked_for ("GET * status=503 retry-after=7"), date = asked_for ("GET * status=429 retry-after=date:1000");
  ScaleReply reply = { .retry_after = 7 * G_TIME_SPAN_SECOND }, forever = { .retry_after = G_MAXINT64 / 2 };

  g_assert_cmpint (seconds, ==, 7 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (date, >, 800 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (date, <=, 1000 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (asked_for ("GET * status=503"), ==, -1);
  g_assert_cmpint (scale_api_pause (1, &reply), ==, 7 * G_TIME_SPAN_SECOND);
  g_assert_cmpint (scale_api_pause (1, &forever), ==, G_TIME_SPAN_HOUR);
  for (guint attempts = 0; attempts < 200; attempts++) {
    gint64 pause = scale_api_pause (attempts, NULL);

    g_assert_cmpint (pause, >=, G_TIME_SPAN_SECOND / 2);
    g_assert_cmpint (pause, <=, G_TIME_SPAN_MINUTE);
  }
}

static void
test_patience (void)
{
  ScaleServer *server = serve (FALSE, "GET * status=503 count=1");
  ScaleApi *api = client (server, 0);
  ScaleReply reply;

  scale_api_call_patiently (api, "GET", "/projects", NULL, NULL, 2, NULL, &reply);
  g_assert_cmpint (reply.verdict, ==, SCALE_OK);
  g_assert_cmpuint (scale_server_count (server, "GET", "*"), ==, 2);
  scale_reply_clear (&reply);
  scale_api_free (api);
  scale_server_free (server);
}

static void
never (ScaleReply *reply, gpointer data)
{
  g_assert_cmpint (reply->verdict, ==, SCALE_RETRY);
  ++*(guint *) data;
}

static void
test_freed_under_way (void)
{
  ScaleServer *server = serve (FALSE, "GET * hang");
  ScaleApi *api = client (server, 0);
  guint ended = 0;

  for (guint i = 0; i < 4; i++)
    scale_api_send (api, "GET", "/projects", NULL, NULL, NULL, never, &ended);
  scale_api_free (api);
  g_assert_cmpuint (ended, ==, 4);
  scale_server_free (server);
}

/* ---- the key ----------------------------------------------------------------------------------------------------------- */

static void
test_addresses (void)
{
  static const gchar *const bad[] = { "http://api.scale.com/v1", "ftp://127.0.0.1", "api.scale.com", "https://", "https://me:pw@host",
    "https://host/v1?key=x", "http://127.0.0.1.evil.org/", "" };
  static const gchar *const good[] = { "https://api.scale.com/v1", "http://127.0.0.1:1/v1", "http://[::1]:8080", "http://localhost/" };

  for (guint i = 0; i + 1 < G_N_ELEMENTS (bad); i++) {
    ScaleApiOptions options = { .base_url = bad[i] };
    g_autoptr (GError) error = NULL;

    g_assert_null (scale_api_new (&options, key_of ("test_secret"), &error));
    g_assert_nonnull (strstr (error->message, "base-url"));
  }
  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    ScaleApiOptions options = { .base_url = good[i] };
    GError *error = NULL;

    scale_api_free (scale_api_new (&options, key_of ("test_secret"), &error));
    g_assert_no_error (error);
  }
}

static void
expect_no_key (const gchar *file, const gchar *words)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (scale_key_load (file, "GST_HEADS_NO_SUCH_KEY", NULL, &error));
  g_assert_nonnull (strstr (error->message, words));
  g_assert_null (strstr (error->message, "hunter2"));
}

static void
test_key_files (void)
{
  g_autofree gchar *folder = temp_folder_new (), *file = g_build_filename (folder, "key", NULL);
  g_autofree gchar *large = g_strnfill (5000, 'a'), *hidden = NULL;
  gboolean exposed;
  ScaleKey *key;

  expect_no_key (NULL, "GST_HEADS_NO_SUCH_KEY");
  expect_no_key (file, "cannot be read");
  expect_no_key (folder, "cannot be read");
  g_file_set_contents (file, "hunter2 with words after it\n", -1, NULL);
  expect_no_key (file, "holds no API key");
  g_file_set_contents (file, "", -1, NULL);
  expect_no_key (file, "holds no API key");
  g_file_set_contents (file, large, -1, NULL);
  expect_no_key (file, "holds no API key");
  g_file_set_contents (file, "  live_hunter2hunter2 \r\nsecond line\n", -1, NULL);
  g_chmod (file, 0600);
  key = scale_key_load (file, SCALE_KEY_VARIABLE, &exposed, NULL);
  g_assert_false (exposed);
  g_assert_true (scale_key_is_live (key));
  g_assert_cmpstr (scale_key_authorization (key), ==, "Basic bGl2ZV9odW50ZXIyaHVudGVyMjo=");
  hidden = scale_key_redact (key, "bad key live_hunter2hunter2 (bGl2ZV9odW50ZXIyaHVudGVyMjo=)");
  g_assert_cmpstr (hidden, ==, "bad key <key> (<key>)");
  scale_key_free (key);
  g_chmod (file, 0644);
  key = scale_key_load (file, SCALE_KEY_VARIABLE, &exposed, NULL);
  g_assert_true (exposed);
  scale_key_free (key);
  key = key_of ("abcdefgh|test");
  g_assert_false (scale_key_is_live (key));
  scale_key_free (key);
  temp_folder_remove (folder);
}

static void
test_untrusted (void)
{
  ScaleServer *server = serve (TRUE, NULL);
  g_autofree gchar *url = g_strconcat (scale_server_url (server), "/v1", NULL);
  ScaleApiOptions options = { .base_url = url };
  ScaleApi *api = scale_api_new (&options, key_of (SCALE_SERVER_KEY), NULL);
  ScaleReply reply;

  scale_api_call (api, "GET", "/projects", NULL, NULL, NULL, &reply);
  g_assert_cmpint (reply.verdict, ==, SCALE_RETRY);
  g_assert_true (g_str_has_prefix (reply.problem, "tls:"));
  g_assert_cmpuint (scale_server_count (server, NULL, "*"), ==, 0);
  scale_reply_clear (&reply);
  scale_api_free (api);
  scale_server_free (server);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/scale-api/verdicts/http", NULL, test_verdicts);
  g_test_add_data_func ("/scale-api/verdicts/https", "tls", test_verdicts);
  g_test_add_func ("/scale-api/good-answers", test_good_answers);
  g_test_add_func ("/scale-api/retry-after", test_retry_after);
  g_test_add_func ("/scale-api/patience", test_patience);
  g_test_add_func ("/scale-api/freed-under-way", test_freed_under_way);
  g_test_add_func ("/scale-api/addresses", test_addresses);
  g_test_add_func ("/scale-api/key-files", test_key_files);
  g_test_add_func ("/scale-api/untrusted", test_untrusted);
  return g_test_run ();
}
