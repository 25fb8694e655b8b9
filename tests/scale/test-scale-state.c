/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-scale-state.c: the rules of files, batches and tasks, pages, labels by the truth, a server that starts again.
 */
#include "scale-client.h"
#include "tests/models/temp-folder.h"

#include <string.h>

static ScaleServerOptions no_options = SCALE_SERVER_OPTIONS_INIT;

static ScaleServer *
make_server (const ScaleServerOptions *options)
{
  g_autoptr (GError) error = NULL;
  ScaleServer *server = scale_server_new (options, &error);

  g_assert_no_error (error);
  return server;
}

static Answer *
make_task (ScaleServer *server, const char *project, const char *attachment, const char *more)
{
  return ask_json (server, "POST", "/v1/task/imageannotation", "{\"project\":\"%s\",\"attachment\":\"%s\"%s}", project,
      attachment, more ? more : "");
}

/* Of the task with this id, read again. */
static char *
read_member (ScaleServer *server, const char *task_id, const char *name)
{
  g_autofree char *path = g_strconcat ("/v1/task/", task_id, NULL);
  g_autoptr (Answer) answer = ask_json (server, "GET", path, NULL);

  assert_status (answer, 200);
  return g_strdup (answer_string (answer, name));
}

static void
test_files (void)
{
  ScaleServer *server = make_server (&no_options);
  g_autoptr (GBytes) image = tiny_jpeg (1);
  g_autofree char *sha256 = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, image);
  g_autoptr (Answer) first = NULL, again = NULL, shared = NULL, other = NULL, twice = NULL;
  g_autoptr (JsonArray) files = NULL;
  JsonObject *file;

  make_project (server, "p", TRUE);
  make_project (server, "q", TRUE);
  first = upload (server, 1, "p", "ref", "{\"image_path\":\"a/1.jpg\"}");
  again = upload (server, 1, "p", "ref", "{\"image_path\":\"a/1.jpg\"}");
  shared = upload (server, 1, "q", "ref", NULL);
  other = upload (server, 2, "q", "ref", NULL);
  twice = upload (server, 1, "p", NULL, NULL);
  assert_status (first, 200);
  assert_status (again, 409);
  assert_status (shared, 200);
  assert_status (other, 409);
  assert_status (twice, 200);
  g_assert_cmpstr (answer_string (first, "id"), ==, answer_string (shared, "id"));
  g_assert_cmpstr (answer_string (first, "id"), !=, answer_string (twice, "id"));
  g_assert_true (g_str_has_prefix (answer_string (first, "attachment_url"), "scaledata://"));
  g_assert_false (json_object_has_member (answer_object (first), "metadata"));
  files = scale_server_list (server, "files");
  g_assert_cmpuint (json_array_get_length (files), ==, 2);
  file = json_array_get_object_element (files, 0);
  g_assert_cmpstr (json_object_get_string_member (file, "sha256"), ==, sha256);
  g_assert_cmpstr (json_object_get_string_member (file, "filename"), ==, "1.jpg");
  g_assert_cmpstr (json_object_get_string_member (json_object_get_object_member (file, "metadata"), "image_path"), ==,
      "a/1.jpg");
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (file, "project_names")), ==, 2);
  scale_server_free (server);
}

/* Keys of the two worlds do not see each other's rows. */
static void
test_worlds (void)
{
  const char *const keys[] = { SCALE_SERVER_KEY, "live_one", "live_two", NULL };
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  const char *body = "{\"name\":\"p\",\"type\":\"imageannotation\"}";
  ScaleServer *server;
  g_autoptr (Answer) test = NULL, live = NULL, again = NULL;

  options.keys = keys;
  server = make_server (&options);
  test = ask (server, SCALE_SERVER_KEY, "POST", "/v1/projects", NULL, body, -1);
  live = ask (server, "live_one", "POST", "/v1/projects", NULL, body, -1);
  again = ask (server, "live_two", "POST", "/v1/projects", NULL, body, -1);
  assert_status (test, 200);
  assert_status (live, 200);
  assert_status (again, 409);
  scale_server_free (server);
}

static void
expect (ScaleServer *server, const char *method, const char *path, const char *body, guint status)
{
  g_autoptr (Answer) answer = ask_json (server, method, path, body ? "%s" : NULL, body);

  if (answer->status != status)
    g_error ("%s %s %s: %u instead of %u: %s", method, path, body ? body : "", answer->status, status, answer->body);
}

static void
test_batches (void)
{
  static const char task[] = "{\"batch\":\"b\",\"attachment\":\"http://x/\"}";
  ScaleServer *server = make_server (&no_options);
  g_autoptr (Answer) status = NULL;

  make_project (server, "rapid", TRUE);
  make_project (server, "other", FALSE);
  expect (server, "POST", "/v1/task/imageannotation", "{\"project\":\"rapid\",\"attachment\":\"http://x/\"}", 400);
  expect (server, "POST", "/v1/batches", "{\"project\":\"none\",\"name\":\"b\"}", 404);
  expect (server, "POST", "/v1/batches", "{\"project\":\"rapid\",\"name\":\"b\",\"calibration_batch\":true,"
      "\"self_label_batch\":true}", 400);
  expect (server, "POST", "/v1/batches", "{\"project\":\"rapid\",\"name\":\"b\",\"callback\":\"\"}", 200);
  expect (server, "POST", "/v1/batches", "{\"project\":\"other\",\"name\":\"b\"}", 409);
  expect (server, "POST", "/v1/task/imageannotation", task, 200);
  expect (server, "POST", "/v1/task/imageannotation", "{\"project\":\"other\",\"batch\":\"b\","
      "\"attachment\":\"http://x/\"}", 400);
  expect (server, "POST", "/v1/task/textcollection", "{\"batch\":\"b\",\"attachments\":[],\"fields\":[]}", 400);
  g_assert_cmpuint (scale_server_complete (server, NULL), ==, 0);
  expect (server, "POST", "/v1/batches/b/finalize", NULL, 200);
  expect (server, "POST", "/v1/batches/b/finalize", NULL, 400);
  expect (server, "POST", "/v1/task/imageannotation", task, 400);
  g_assert_cmpuint (scale_server_complete (server, NULL), ==, 1);
  status = ask_json (server, "GET", "/v1/batches/b/status", NULL);
  g_assert_cmpstr (answer_string (status, "status"), ==, "completed");
  g_assert_cmpint (answer_int (status, "completed"), ==, 1);
  expect (server, "POST", "/v1/batches", "{\"project\":\"other\",\"name\":\"c\"}", 200);
  expect (server, "POST", "/v1/batches/c/finalize", NULL, 200);
  expect (server, "POST", "/v1/batches/c/finalize", NULL, 200);
  scale_server_free (server);
}

/* Every way in which a unique id becomes free again. */
static void
test_unique_ids (void)
{
  static const char id[] = ",\"unique_id\":\"u\"";
  static const char clearing[] = ",\"unique_id\":\"u\",\"clear_unique_id_on_error\":true";
  ScaleServer *server = make_server (&no_options);
  g_autoptr (Answer) first = NULL, taken = NULL, second = NULL, third = NULL, fourth = NULL, lost = NULL, last = NULL;
  g_autofree char *cancel = NULL, *keep = NULL, *clear = NULL;

  make_project (server, "p", FALSE);
  first = make_task (server, "p", "http://x/", id);
  assert_status (first, 200);
  taken = make_task (server, "p", "http://x/", id);
  assert_status (taken, 409);
  g_assert_nonnull (strstr (answer_string (taken, "error"), answer_string (first, "task_id")));
  keep = g_strdup_printf ("/v1/task/%s/cancel", answer_string (first, "task_id"));
  expect (server, "POST", keep, NULL, 200);
  expect (server, "POST", keep, NULL, 200);
  cancel = g_strconcat (keep, "?clear_unique_id=True", NULL);
  expect (server, "POST", cancel, NULL, 200);
  second = make_task (server, "p", "http://x/", id);
  assert_status (second, 200);
  clear = g_strdup_printf ("/v1/task/%s/unique_id", answer_string (second, "task_id"));
  expect (server, "DELETE", clear, NULL, 200);
  lost = make_task (server, "p", "scaledata://60f000000000000000000000/none", clearing);
  assert_status (lost, 200);
  g_assert_cmpstr (answer_string (lost, "status"), ==, "pending");
  third = make_task (server, "p", "http://x/", id);
  assert_status (third, 200);
  g_assert_true (scale_server_fail (server, answer_string (third, "task_id")));
  g_assert_false (scale_server_fail (server, answer_string (third, "task_id")));
  fourth = make_task (server, "p", "http://x/", id);
  assert_status (fourth, 409);
  expect (server, "POST", clear, "{\"unique_id\":\"u\"}", 409);
  expect (server, "POST", clear, "{\"unique_id\":\"v\"}", 200);
  last = ask_json (server, "GET", "/v1/tasks?unique_id=v&unique_id=u&project=p", NULL);
  g_assert_cmpint (answer_int (last, "total"), ==, 2);
  scale_server_free (server);
}

static void
test_task_errors (void)
{
  ScaleServer *server = make_server (&no_options);
  g_autoptr (Answer) lost = NULL;
  g_autofree char *status = NULL, *path = NULL;

  make_project (server, "p", FALSE);
  expect (server, "POST", "/v1/task/imageannotation", "{\"project\":\"p\"}", 400);
  expect (server, "POST", "/v1/task/imageannotation", "{\"attachment\":\"http://x/\",\"geometries\":{}}", 400);
  expect (server, "POST", "/v1/task/imageannotation", "{\"attachment\":\"http://x/\",\"instruction\":\"i\"}", 400);
  expect (server, "POST", "/v1/task/imageannotation", "{\"attachment\":\"http://x/\",\"instruction\":\"i\","
      "\"geometries\":{}}", 200);
  expect (server, "POST", "/v1/task/imageannotation", "{\"project\":\"p\",\"attachment\":\"http://x/\",\"tags\":"
      "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"]}", 400);
  expect (server, "POST", "/v1/task/categorization", "{\"attachment\":\"http://x/\",\"instruction\":\"i\"}", 400);
  lost = make_task (server, "p", "scaledata://60f000000000000000000000/none", NULL);
  status = read_member (server, answer_string (lost, "task_id"), "status");
  g_assert_cmpstr (status, ==, "error");
  path = g_strdup_printf ("/v1/task/%s/cancel", answer_string (lost, "task_id"));
  expect (server, "POST", path, NULL, 400);
  scale_server_free (server);
}

/* Tasks that arrive between pages neither move nor repeat any. */
static void
test_pages (void)
{
  enum { N = 25, LIMIT = 10 };
  ScaleServer *server = make_server (&no_options);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree char *token = g_strdup ("");
  guint pages = 0;

  make_project (server, "p", FALSE);
  for (int i = 0; i < N; i++)
    answer_free (make_task (server, "p", "http://x/", NULL));
  while (token) {
    g_autofree char *path = g_strdup_printf ("/v1/tasks?project=p&limit=%d&next_token=%s", LIMIT, token);
    g_autoptr (Answer) answer = ask_json (server, "GET", path, NULL);
    JsonArray *docs = json_object_get_array_member (answer_object (answer), "docs");
    const char *next = answer_string (answer, "next_token");

    for (guint i = 0; i < json_array_get_length (docs); i++) {
      JsonObject *task = json_array_get_object_element (docs, i);

      g_assert_true (g_hash_table_add (seen, g_strdup (json_object_get_string_member (task, "task_id"))));
    }
    g_free (token);
    token = next ? g_uri_escape_string (next, NULL, FALSE) : NULL;
    g_assert_true (json_object_get_boolean_member (answer_object (answer), "has_more") == (token != NULL));
    answer_free (make_task (server, "p", "http://x/", NULL));
    pages++;
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, N);
  g_assert_cmpuint (pages, ==, 3);
  scale_server_free (server);
}

/* ---- labels ------------------------------------------------------------------------------------------------------ */

typedef struct {
  char *folder, *truth, *state;
} Folder;

static void
folder_setup (Folder *folder, gconstpointer data)
{
  folder->folder = temp_folder_new ();
  folder->truth = g_build_filename (folder->folder, "truth.json", NULL);
  folder->state = g_build_filename (folder->folder, "state", NULL);
}

static void
folder_teardown (Folder *folder, gconstpointer data)
{
  temp_folder_remove (folder->folder);
  g_free (folder->folder);
  g_free (folder->truth);
  g_free (folder->state);
}

static void
write_truth (Folder *folder, const char *text)
{
  g_assert_true (g_file_set_contents (folder->truth, text, -1, NULL));
}

/* Labels of the first annotations, newest task first, - for a task without. */
static char *
labels (ScaleServer *server)
{
  g_autoptr (Answer) answer = ask_json (server, "GET", "/v1/tasks", NULL);
  JsonArray *docs = json_object_get_array_member (answer_object (answer), "docs");
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (docs); i++) {
    JsonObject *task = json_array_get_object_element (docs, i), *box;

    if (!json_object_has_member (task, "response")) {
      g_string_append (text, "-");
      continue;
    }
    box = json_array_get_object_element (json_object_get_array_member (json_object_get_object_member (task, "response"),
            "annotations"), 0);
    g_assert_true (json_object_has_member (box, "uuid"));
    g_string_append (text, json_object_get_string_member (box, "label"));
  }
  return g_string_free (text, FALSE);
}

static void
test_truth_by_sha256 (Folder *folder, gconstpointer data)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autoptr (GBytes) image = tiny_jpeg (1);
  g_autofree char *sha256 = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, image), *got = NULL;
  g_autofree char *truth = g_strdup_printf ("{\"%s\":{\"annotations\":[{\"label\":\"A\",\"left\":1,\"top\":2,"
      "\"width\":3,\"height\":4}],\"global_attributes\":{\"n\":1}}}", sha256);
  g_autofree char *kept = g_strdup_printf ("%s/%s.jpg", folder->folder, sha256);
  ScaleServer *server;

  write_truth (folder, truth);
  options.truth_file = folder->truth;
  options.folder = folder->folder;
  server = make_server (&options);
  make_project (server, "p", TRUE);
  answer_free (upload (server, 1, "p", NULL, NULL));
  answer_free (upload (server, 2, "p", NULL, NULL));
  g_assert_true (g_file_test (kept, G_FILE_TEST_EXISTS));
  g_assert_cmpint (scale_server_build_batch (server, "none", "b", TRUE), ==, -1);
  g_assert_cmpint (scale_server_build_batch (server, "p", "b", TRUE), ==, 2);
  g_assert_cmpint (scale_server_build_batch (server, "p", "b", TRUE), ==, -1);
  g_assert_cmpint (scale_server_build_batch (server, "p", "c", TRUE), ==, 0);
  g_assert_cmpuint (scale_server_complete (server, NULL), ==, 1);
  g_assert_cmpuint (scale_server_complete (server, NULL), ==, 0);
  got = labels (server);
  g_assert_cmpstr (got, ==, "-A");
  scale_server_free (server);
}

/* By a member of the metadata, at once, with and without the metadata on the way back. */
static void
test_truth_by_metadata (Folder *folder, gconstpointer strip)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autofree char *got = NULL;
  g_autoptr (Answer) answer = NULL;
  JsonObject *task, *metadata;
  ScaleServer *server;

  write_truth (folder, "{\"one\":[{\"label\":\"A\"}],\"two\":[{\"label\":\"B\"}]}");
  options.truth_file = folder->truth;
  options.truth_key = "image_path";
  options.complete_after = 0;
  options.strip_metadata = strip != NULL;
  server = make_server (&options);
  make_project (server, "p", TRUE);
  answer_free (upload (server, 1, "p", NULL, "{\"image_path\":\"two\"}"));
  answer_free (upload (server, 2, "p", NULL, "{\"image_path\":\"one\"}"));
  answer_free (upload (server, 3, "p", NULL, "{\"image_path\":\"three\"}"));
  g_assert_cmpint (scale_server_build_batch (server, "p", "b", strip == NULL), ==, 3);
  got = labels (server);
  g_assert_cmpstr (got, ==, "-AB");
  answer = ask_json (server, "GET", "/v1/tasks?limit=1&status=completed", NULL);
  task = json_array_get_object_element (json_object_get_array_member (answer_object (answer), "docs"), 0);
  metadata = json_object_get_object_member (task, "metadata");
  g_assert_true (json_object_has_member (metadata, "image_path") == (strip == NULL));
  scale_server_free (server);
}

static void
test_complete_after (void)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  ScaleServer *server;
  g_autofree char *early = NULL, *late = NULL;
  gint64 begun;

  options.complete_after = 1;
  server = make_server (&options);
  make_project (server, "p", FALSE);
  begun = g_get_monotonic_time ();
  answer_free (make_task (server, "p", "http://x/", NULL));
  early = labels (server);
  if (g_get_monotonic_time () - begun < 900000)
    g_assert_cmpstr (early, ==, "-");
  g_usleep (1100000);
  late = labels (server);
  g_assert_cmpstr (late, ==, "test");
  scale_server_free (server);
}

/* ---- again ------------------------------------------------------------------------------------------------------- */

static void
test_restart (Folder *folder, gconstpointer data)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  ScaleServer *server;
  g_autofree char *text = NULL, *torn = NULL, *got = NULL;
  g_autoptr (Answer) again = NULL, more = NULL, page = NULL;
  g_autoptr (JsonArray) files = NULL;

  options.state_file = folder->state;
  server = make_server (&options);
  make_project (server, "p", FALSE);
  answer_free (upload (server, 1, "p", "ref", "{\"a\":1}"));
  for (int i = 0; i < 3; i++)
    answer_free (make_task (server, "p", "http://x/", NULL));
  g_assert_cmpuint (scale_server_complete (server, NULL), ==, 3);
  scale_server_free (server);
  /* As if it had died in the middle of a line. */
  g_assert_true (g_file_get_contents (folder->state, &text, NULL, NULL));
  torn = g_strconcat (text, "{\"world\":\"test\",\"tab", NULL);
  g_assert_true (g_file_set_contents (folder->state, torn, -1, NULL));
  for (int i = 0; i < 2; i++) {
    server = make_server (&options);
    scale_server_free (server);
  }
  server = make_server (&options);
  again = upload (server, 1, "p", "ref", "{\"a\":1}");
  assert_status (again, 409);
  more = make_task (server, "p", "http://x/", NULL);
  assert_status (more, 200);
  scale_server_free (server);
  server = make_server (&options);
  got = labels (server);
  g_assert_cmpstr (got, ==, "-testtesttest");
  files = scale_server_list (server, "files");
  g_assert_cmpuint (json_array_get_length (files), ==, 1);
  scale_server_free (server);
}

static void
test_bad_files (Folder *folder, gconstpointer data)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;

  write_truth (folder, "[1]\n");
  options.truth_file = folder->truth;
  for (int i = 0; i < 3; i++) {
    g_autoptr (GError) error = NULL;
    const char *path = options.truth_file ? options.truth_file : options.state_file;

    g_assert_null (scale_server_new (&options, &error));
    g_assert_nonnull (strstr (error->message, path));
    options.truth_file = i == 0 ? "/nonexistent/truth" : NULL;
    options.state_file = i == 1 ? folder->truth : NULL;
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/state/files", test_files);
  g_test_add_func ("/state/worlds", test_worlds);
  g_test_add_func ("/state/batches", test_batches);
  g_test_add_func ("/state/unique-ids", test_unique_ids);
  g_test_add_func ("/state/task-errors", test_task_errors);
  g_test_add_func ("/state/pages", test_pages);
  g_test_add ("/state/truth-by-sha256", Folder, NULL, folder_setup, test_truth_by_sha256, folder_teardown);
  g_test_add ("/state/truth-by-metadata", Folder, NULL, folder_setup, test_truth_by_metadata, folder_teardown);
  g_test_add ("/state/truth-stripped", Folder, "yes", folder_setup, test_truth_by_metadata, folder_teardown);
  g_test_add_func ("/state/complete-after", test_complete_after);
  g_test_add ("/state/restart", Folder, NULL, folder_setup, test_restart, folder_teardown);
  g_test_add ("/state/bad-files", Folder, NULL, folder_setup, test_bad_files, folder_teardown);
  return g_test_run ();
}
