/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-labels.c GST-HEADS: labels come back to their frames: over pages of tasks from the Scale server, with metadata and
 * without, beside a process that writes the dataset, once more, changed, taken back, of nobody; and over Ctrl-C.
 */
#include "labels-rig.h"

#include "gst/scaleai/scale-upload.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { MANY = 215 };

#define assert_ran(ran, wanted) G_STMT_START { \
    if ((ran).status != (wanted)) \
      g_error ("%s:%d: status %d instead of %d: %s%s", __FILE__, __LINE__, (ran).status, wanted, (ran).out, (ran).err); \
  } G_STMT_END

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

/* Every frame has the labels of its own image. */
static void
check_labels (Rig *rig)
{
  for (guint i = 0; i < rig->frames->len; i++) {
    g_autofree char *labels = rig_labels_of (rig, rig->frames->pdata[i]);
    g_autofree char *people = g_strdup_printf ("\npeople=%u scale:", i % 4);
    g_autofree char *box = g_strdup_printf ("boxes=[{\"label\":\"person\",\"left\":%u", i);

    g_assert_nonnull (strstr (labels, people));
    g_assert_true (g_str_has_prefix (labels, i % 4 ? box : "boxes=[] "));
  }
}

static void
test_many (gconstpointer how)
{
  const gboolean strip = g_strcmp0 (how, "stripped") == 0;
  g_auto (Ran) ran = { 0 };
  g_autofree char *first = NULL, *second = NULL;
  Rig rig;

  rig_init (&rig, strip);
  rig_add_frames (&rig, MANY);
  rig_label (&rig, "one", !strip);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "tasks"), ==, MANY);
  g_assert_cmpint (ran_number (&ran, "new"), ==, MANY);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, MANY);
  g_assert_cmpint (ran_number (&ran, "not_linked"), ==, 0);
  g_assert_cmpuint (scale_server_count (rig.server, "GET", "/v1/tasks"), >=, 3);
  check_labels (&rig);

  first = rig_dump (&rig);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "new") + ran_number (&ran, "changed"), ==, 0);
  rig_pull (&rig, &ran, scale_server_url (rig.server), "--full");
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "same"), ==, MANY);
  second = rig_dump (&rig);
  g_assert_cmpstr (first, ==, second);
  rig_clear (&rig);
}

/* New ones only, after the first time. */
static void
test_increment (void)
{
  g_auto (Ran) ran = { 0 };
  g_autoptr (JsonArray) requests = NULL;
  Rig rig;
  guint asked = 0;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 3);
  rig_label (&rig, "one", TRUE);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  rig_add_frames (&rig, 4);
  rig_label (&rig, "two", TRUE);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "new"), ==, 4);
  check_labels (&rig);
  requests = scale_server_list (rig.server, "requests");
  for (guint i = 0; i < json_array_get_length (requests); i++) {
    const char *query = json_object_get_string_member_with_default (json_array_get_object_element (requests, i), "query", "");

    asked += query && strstr (query, "updated_after=20") != NULL;
  }
  g_assert_cmpuint (asked, ==, 4);
  rig_pull (&rig, &ran, scale_server_url (rig.server), "--batch=two");
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "same"), ==, 4);
  rig_clear (&rig);
}

/* By unique_id: made over the API, their attachments elsewhere, no metadata. */
static void
test_unique_id (void)
{
  g_auto (Ran) ran = { 0 };
  g_autoptr (Answer) batch = NULL;
  Rig rig;

  rig_init (&rig, TRUE);
  rig_add_frames (&rig, 6);
  batch = ask_json (rig.server, "POST", "/v1/batches", "{\"project\":\"" RIG_PROJECT "\",\"name\":\"b\",\"callback\":\"\"}");
  assert_status (batch, 200);
  for (guint i = 0; i < 6; i++) {
    g_autoptr (Answer) task = ask_json (rig.server, "POST", "/v1/task/imageannotation", "{\"project\":\"" RIG_PROJECT "\","
        "\"batch\":\"b\",\"attachment\":\"scaledata://gone/%u\",\"unique_id\":\"" RIG_PROJECT ":cam:0:%.32s%s\"}", i,
        (char *) rig.sums->pdata[i], i % 2 ? "-again:2" : "");

    assert_status (task, 200);
  }
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, 6);       /* as status error: they could not be fetched */
  g_assert_cmpint (ran_number (&ran, "labels"), ==, 0);
  g_assert_cmpint (ran_number (&ran, "retried"), ==, 0);
  g_assert_nonnull (strstr (ran.err, "6 tasks of gate ended in an error"));

  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, NULL });
  g_assert_nonnull (strstr (ran.out, "tasks of gate (scale): 6 error\n  6 error: One or more attachments could not"));
  rig_pull (&rig, &ran, scale_server_url (rig.server), "--retry-errors");
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "retried"), ==, 6);
  g_assert_null (strstr (ran.err, "ended in an error"));
  rig_pull (&rig, &ran, scale_server_url (rig.server), "--full");
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "same"), ==, 6);
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, NULL });
  g_assert_nonnull (strstr (ran.out, "tasks of gate (scale): 6 retried\n  6 retried: One or more attachments could not"));
  rig_clear (&rig);
}

static void
note_task (const CatalogueTask *task, gpointer id)
{
  g_free (*(char **) id);
  *(char **) id = g_strdup (task->id);
}

/* A download from before people had answered, linked after a pull, takes nothing back. */
static void
test_older_download (void)
{
  g_auto (Ran) ran = { 0 };
  g_autofree char *file = NULL, *text = NULL, *before = NULL, *after = NULL, *id = NULL;
  Rig rig;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 2);
  rig_label (&rig, "one", TRUE);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  before = rig_dump (&rig);
  g_assert_true (catalogue_each_task (rig.catalogue, SCALE_SERVICE, RIG_PROJECT, note_task, &id, NULL));
  text = g_strdup_printf ("[{\"task_id\":\"%s\",\"status\":\"pending\",\"updated_at\":\"2020-01-31T07:05:09Z\"}]", id);
  file = g_build_filename (rig.folder, "old.json", NULL);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "link", rig.dataset, file, "--json", NULL });
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "same"), ==, 1);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, 1);
  after = rig_dump (&rig);
  g_assert_cmpstr (before, ==, after);
  rig_clear (&rig);
}

static void
test_of_nobody (void)
{
  g_auto (Ran) ran = { 0 };
  g_autofree char *dump = NULL;
  Rig rig;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 2);
  for (guint i = 300; i < 303; i++) {
    g_autofree char *metadata = g_strdup_printf ("{\"image_path\":\"elsewhere/%u.jpg\"}", i);
    g_autoptr (Answer) answer = upload (rig.server, i, RIG_PROJECT, NULL, i == 300 ? metadata : NULL);

    assert_status (answer, 200);
  }
  rig_label (&rig, "one", TRUE);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 8);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, 2);
  g_assert_cmpint (ran_number (&ran, "not_linked"), ==, 3);
  g_assert_nonnull (strstr (ran.out, "its image_path is not of this dataset, it has no unique_id, its attachment was not uploaded"));
  dump = rig_dump (&rig);
  g_assert_nonnull (strstr (dump, "its metadata has no image_path"));
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);          /* nothing new */
  g_assert_cmpint (ran_number (&ran, "not_linked"), ==, 3);

  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, NULL });
  assert_ran (ran, 0);
  g_assert_nonnull (strstr (ran.out, "uploads of gate (scale): 2 sent\n"));
  g_assert_nonnull (strstr (ran.out, "tasks of gate (scale): 5 completed\n"));
  g_assert_nonnull (strstr (ran.out, "  2 completed, not linked: its metadata has no image_path"));
  g_assert_nonnull (strstr (ran.out, "2 tasks are linked to frames, 3 are not\n"));
  g_assert_nonnull (strstr (ran.out, "last pull of gate: 20"));
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, "--json", NULL });
  assert_ran (ran, 0);
  g_assert_nonnull (strstr (ran.out, "\"unlinked\":\"its metadata"));
  rig_clear (&rig);
}

/* ---- trouble ----------------------------------------------------------------------------------------------------------- */

static void
test_faults (void)
{
  g_auto (Ran) ran = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *base = NULL;
  Rig rig;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 2);
  rig_label (&rig, "one", TRUE);
  base = g_strdup_printf ("--base-url=%s/v1", scale_server_url (rig.server));
  rig_run (&ran, "test_another_key", (const char *[]) { "pull", rig.dataset, "--project=gate", base, NULL });
  assert_ran (ran, 9);
  g_assert_nonnull (strstr (ran.err, "the key is not accepted"));
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "pull", rig.dataset, "--project=gate", base, NULL });
  assert_ran (ran, 9);
  g_assert_nonnull (strstr (ran.err, "There is no API key"));
  rig_pull (&rig, &ran, "http://127.0.0.1:1", "--attempts=1");
  assert_ran (ran, 10);
  rig_pull (&rig, &ran, "http://192.0.2.1", NULL);
  assert_ran (ran, 9);
  g_assert_nonnull (strstr (ran.err, "in the clear"));
  ran_clear (&ran);
  rig_run (&ran, SCALE_SERVER_KEY, (const char *[]) { "pull", rig.dataset, "--project=gate", "--count=x", NULL });
  assert_ran (ran, 1);
  ran_clear (&ran);
  rig_run (&ran, SCALE_SERVER_KEY, (const char *[]) { "pull", rig.folder, "--project=gate", NULL });
  assert_ran (ran, 3);
  g_assert_nonnull (strstr (ran.err, "is no dataset"));

  /* A bad moment is waited for. */
  scale_server_add_fault (rig.server, "GET /v1/tasks status=503 count=1", &error);
  scale_server_add_fault (rig.server, "GET /v1/tasks truncate count=1 skip=1", &error);
  scale_server_add_fault (rig.server, "GET /v1/tasks drop count=1 skip=2", &error);
  g_assert_no_error (error);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "linked"), ==, 2);
  check_labels (&rig);
  rig_clear (&rig);
}

/* Why nothing came is told where it can be known, and only then. */
static void
test_nothing (void)
{
  CatalogueTask task = { .service = SCALE_SERVICE, .id = "1", .project = RIG_PROJECT, .status = "pending", .json = "{}" };
  g_auto (Ran) ran = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *base = NULL;
  Rig rig;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, 2);
  base = g_strdup_printf ("--base-url=%s/v1", scale_server_url (rig.server));
  rig_run (&ran, SCALE_SERVER_KEY, (const char *[]) { "pull", rig.dataset, "--project=gat", base, NULL });
  assert_ran (ran, 0);
  g_assert_nonnull (strstr (ran.err, "nothing was uploaded to gat from here, but to gate: is --project right?"));
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  g_assert_null (strstr (ran.err, "--project"));
  g_assert_null (strstr (ran.err, "not answered"));
  task.frame = rig.frames->pdata[0];
  catalogue_put_task (rig.catalogue, &task, &error);
  g_assert_no_error (error);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_nonnull (strstr (ran.err, "1 tasks of gate are not answered yet"));

  task.id = "refused:1";        /* the uploader's note of one that there will never be */
  task.status = "refused";
  task.json = "\"400: too\\u001bdark\"";
  g_assert_true (catalogue_limit_tasks (rig.catalogue, &(CatalogueDestination) { SCALE_SERVICE, RIG_PROJECT }, 40, &error));
  g_assert_true (catalogue_put_task (rig.catalogue, &task, &error));
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, NULL });
  g_assert_nonnull (strstr (ran.out, "tasks of gate (scale): 1 pending, 1 refused\n  1 refused: 400: too dark\n"
          "1 tasks are linked to frames, 0 are not\nmax-tasks of gate: 1 of 40 are made, 1 sent frames have none\n"));
  ran_clear (&ran);
  rig_run (&ran, NULL, (const char *[]) { "status", rig.dataset, "--json", NULL });
  g_assert_nonnull (strstr (ran.out, "\"max_tasks\":40,\"made\":1,\"refused\":1,\"awaiting\":1"));
  rig_clear (&rig);
}

static void
test_ctrl_c (void)
{
  g_auto (Ran) ran = { 0 };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) environment = g_environ_setenv (g_get_environ (), "SCALE_API_KEY", SCALE_SERVER_KEY, TRUE);
  g_autofree char *base = NULL, *dump = NULL;
  int wait_status;
  Rig rig;
  GPid pid;

  rig_init (&rig, FALSE);
  rig_add_frames (&rig, MANY);
  rig_label (&rig, "one", TRUE);
  scale_server_add_fault (rig.server, "GET /v1/tasks hang skip=1", &error);
  g_assert_no_error (error);
  base = g_strdup_printf ("--base-url=%s/v1", scale_server_url (rig.server));
  {
    const char *argv[] = { rig_command, "labels", "pull", rig.dataset, "--project=gate", "--count=person:people", base, NULL };

    g_assert_true (g_spawn_async (NULL, (char **) argv, environment, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
            NULL, &pid, &error));
  }
  for (int i = 0; i < 1200 && scale_server_count (rig.server, "GET", "/v1/tasks") < 2; i++)
    g_usleep (50000);
  kill (pid, SIGINT);
  g_assert_cmpint (waitpid (pid, &wait_status, 0), ==, pid);
  g_assert_true (WIFEXITED (wait_status));
  g_assert_cmpint (WEXITSTATUS (wait_status), ==, 4);
  dump = rig_dump (&rig);
  g_assert_nonnull (strstr (dump, "people=3 scale:"));  /* the first page is there */

  scale_server_clear_faults (rig.server);
  rig_pull (&rig, &ran, scale_server_url (rig.server), NULL);
  assert_ran (ran, 0);
  g_assert_cmpint (ran_number (&ran, "same"), ==, 100);
  g_assert_cmpint (ran_number (&ran, "new"), ==, MANY - 100);
  check_labels (&rig);
  rig_clear (&rig);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_cmpint (argc, ==, 2);
  rig_command = argv[1];
  g_test_add_data_func ("/labels/many/with-metadata", "kept", test_many);
  g_test_add_data_func ("/labels/many/stripped", "stripped", test_many);
  g_test_add_func ("/labels/increment", test_increment);
  g_test_add_func ("/labels/unique-id", test_unique_id);
  g_test_add_func ("/labels/older-download", test_older_download);
  g_test_add_func ("/labels/of-nobody", test_of_nobody);
  g_test_add_func ("/labels/faults", test_faults);
  g_test_add_func ("/labels/nothing", test_nothing);
  g_test_add_func ("/labels/ctrl-c", test_ctrl_c);
  return g_test_run ();
}
