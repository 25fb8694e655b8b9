/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scaleuploader-tasks.c: tasks for what was sent: once, in batches, and never more than allowed. */
#include "uploader-rig.h"

#include <string.h>

static guint
count_of (const gchar *what, const gchar *member, const gchar *value)
{
  JsonArray *list = scale_server_list (rig_server, what);
  guint n = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    n += value == NULL || g_strcmp0 (json_object_get_string_member_with_default (json_array_get_object_element (list, i),
            member, NULL), value) == 0;
  json_array_unref (list);
  return n;
}

static void
check_numbers (const RigRun *run, guint made, guint refused, guint awaiting, guint spent, guint most)
{
  fail_unless_equals_uint64 (rig_run_number (run, "tasks-made"), made);
  fail_unless_equals_uint64 (rig_run_number (run, "tasks-refused"), refused);
  fail_unless_equals_uint64 (rig_run_number (run, "tasks-awaiting"), awaiting);
  fail_unless_equals_uint64 (rig_run_number (run, "tasks-spent"), spent);
  fail_unless_equals_uint64 (rig_run_number (run, "tasks-most"), most);
  fail_unless_equals_int (run->tasks_refused, refused);
  fail_unless_equals_int (run->tasks_spent, spent >= most);
}

static gchar *
geometries_file (void)
{
  gchar *file = g_build_filename (rig_folder, "geometries.json", NULL);

  g_file_set_contents (file, "{\"box\":{\"objects_to_annotate\":[\"person\"]}}", -1, NULL);
  return file;
}

/* The cap holds over runs, answers that are lost make no second task, and nobody is put to work. */
GST_START_TEST (test_tasks)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=4 geometries-file=%s", file);
  JsonArray *tasks;
  RigRun run;

  rig_add_fault ("POST /v1/task/* status=500 commit count=1");
  rig_add_fault ("POST /v1/batches drop commit count=1");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
  check_numbers (&run, 3, 0, 0, 3, 4);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", settings);
  fail_unless_equals_int (run.uploaded, 3);
  check_numbers (&run, 1, 0, 2, 4, 4);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 4);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 1);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 1);
  rig_run_clear (&run);
  tasks = scale_server_list (rig_server, "tasks");
  for (guint i = 0; i < 4; i++) {
    JsonObject *task = json_array_get_object_element (tasks, i), *params = json_object_get_object_member (task, "params");

    fail_unless (g_str_has_prefix (json_object_get_string_member (task, "unique_id"), "square:cam:"));
    fail_unless (g_str_has_prefix (json_object_get_string_member (params, "attachment"), "scaledata://"));
    fail_unless (json_object_has_member (json_object_get_object_member (params, "geometries"), "box"));
    fail_unless (json_object_has_member (json_object_get_object_member (task, "metadata"), "image_path"));
  }
  json_array_unref (tasks);
}

GST_END_TEST;

GST_START_TEST (test_finalize)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=100 batch-tasks=2 finalize=true geometries-file=%s", file);
  RigRun run;

  rig_add_fault ("POST /v1/batches/*/finalize status=500 commit count=1");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 2);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 0);
  rig_run_clear (&run);
  settings[strlen ("max-tasks=100 batch-tasks=")] = '1';        /* several within a moment */
  run = rig_play ("videotestsrc pattern=smpte num-buffers=1 ! video/x-raw,width=96,height=96 ! identity", settings);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=6 ! video/x-raw,width=160,height=96", settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 9);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 0);
  rig_run_clear (&run);
}

GST_END_TEST;

/* The process ends before it hears of the first task of its batch: the next one finds the task, and with it the batch. */
GST_START_TEST (test_first_answer_lost)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 finalize=true geometries-file=%s", file);
  /* One upload at a time: the frame that tasks begin with is the first each time. */
  g_autofree gchar *short_settings = g_strdup_printf ("%s in-flight=1 drain-time=900000000", settings);
  JsonArray *tasks;
  RigRun run;

  rig_add_fault ("POST /v1/task/* status=500 commit count=9");
  rig_add_fault ("GET /v1/tasks status=500 count=9");
  run = rig_play (THREE, short_settings);
  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 1);
  rig_run_clear (&run);
  scale_server_clear_faults (rig_server);
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  tasks = scale_server_list (rig_server, "tasks");
  fail_unless_equals_int (json_array_get_length (tasks), 3);
  for (guint i = 0; i < 3; i++) {
    JsonObject *task = json_array_get_object_element (tasks, i);

    fail_unless_equals_string (json_object_get_string_member (task, "batch"),
        json_object_get_string_member (json_array_get_object_element (tasks, 0), "batch"));
  }
  json_array_unref (tasks);
  fail_unless (count_of ("batches", "status", "staging") < count_of ("batches", NULL, NULL));
  rig_run_clear (&run);
}

GST_END_TEST;

/* A setting that no task can be made with halts them; nothing is written off. */
GST_START_TEST (test_tasks_refused)
{
  /* Neither the project nor a file has geometries. */
  RigRun run = rig_play (THREE, "max-tasks=9 max-frames=1 drain-time=6000000000");
  gboolean halted = FALSE;

  fail_unless (gst_structure_get_boolean (run.statistics, "tasks-halted", &halted) && halted);
  fail_unless (gst_structure_get_string (run.statistics, "tasks-problem") != NULL);
  fail_unless_equals_int (run.tasks_troubles, 1);
  check_numbers (&run, 0, 0, 3, 0, 9);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "No tasks are made"), "%s", run.warning);
  fail_unless_equals_int (run.uploaded, 3);
  rig_run_clear (&run);
  {
    g_autofree gchar *file = geometries_file ();
    g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 max-frames=1 geometries-file=%s", file);

    run = rig_play (THREE, settings);
    fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);   /* no limit has deleted one meanwhile */
    check_numbers (&run, 3, 0, 0, 3, 9);
    rig_run_clear (&run);
  }
  run = rig_play (THREE, "");
  fail_if (gst_structure_has_field (run.statistics, "tasks-made"));     /* nobody asked for any */
  rig_run_clear (&run);
}

GST_END_TEST;

/* Another frame is taken, so it was this one's own fault. */
GST_START_TEST (test_one_task_refused)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 geometries-file=%s", file);
  RigRun run;

  rig_add_fault ("POST /v1/task/* status=400 count=1");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "There will be no task of frame"), "%s", run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 2);
  check_numbers (&run, 2, 1, 0, 2, 9);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 1);
  rig_run_clear (&run);
  run = rig_play ("plaza-test-src num-buffers=1 ! video/x-raw,width=320,height=192", settings);
  fail_unless (run.warning == NULL, "%s", run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);   /* the refused one is not asked for again */
  rig_run_clear (&run);
}

GST_END_TEST;

/* Somebody at the dashboard, while the second task is on its way. */
static gpointer
finalize_batch (gpointer data)
{
  JsonArray *batches;
  g_autofree gchar *path = NULL;

  for (guint i = 0; i < 600 && scale_server_count (rig_server, "POST", "/v1/task/*") < 2; i++)
    g_usleep (50000);
  batches = scale_server_list (rig_server, "batches");
  path = g_strdup_printf ("/v1/batches/%s/finalize", json_object_get_string_member (json_array_get_object_element (batches, 0),
          "name"));
  json_array_unref (batches);
  rig_ask (path, "");
  return NULL;
}

GST_START_TEST (test_batch_finalized_by_others)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 geometries-file=%s", file);
  GThread *person;
  RigRun run;

  rig_add_fault ("POST /v1/task/* delay=3 skip=1 count=1");
  person = g_thread_new ("person", finalize_batch, NULL);
  run = rig_play (THREE, settings);
  g_thread_join (person);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 2);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 1);
  rig_run_clear (&run);
}

GST_END_TEST;

/* Where batches do not wait, a task would put people to work. */
GST_START_TEST (test_batches_that_start_at_once)
{
  g_autofree gchar *file = g_build_filename (rig_folder, "body.json", NULL);
  g_autofree gchar *settings = g_strdup_printf ("project=round max-tasks=9 geometries-file=%s drain-time=5000000000", file);
  g_autofree gchar *meant = g_strconcat (settings, " finalize=true", NULL);
  RigRun run;

  g_file_set_contents (file, "{\"instruction\":\"all\",\"geometries\":{\"box\":{\"objects_to_annotate\":[\"person\"]}}}", -1, NULL);
  rig_ask ("/v1/projects", "{\"name\":\"round\",\"type\":\"imageannotation\",\"rapid\":false}");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "set finalize=true"), "%s", run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 0);
  rig_run_clear (&run);
  run = rig_play (THREE, meant);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (count_of ("tasks", "project", "round") > 0);
  rig_run_clear (&run);
}

GST_END_TEST;

/* A unique id that a task of another project has, which is not this frame's. */
GST_START_TEST (test_id_in_use_elsewhere)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 geometries-file=%s", file), *body = NULL;
  JsonArray *files;
  RigRun run;

  rig_expect_three ("", 3);
  files = scale_server_list (rig_server, "files");
  body = g_strdup_printf ("{\"project\":\"round\",\"instruction\":\"x\",\"unique_id\":\"%s\",\"attachment\":\"%s\",\"attachment_type\":"
      "\"image\",\"geometries\":{\"box\":{\"objects_to_annotate\":[\"person\"]}}}", json_object_get_string_member (
          json_array_get_object_element (files, 0), "reference_id"), json_object_get_string_member (json_array_get_object_element (
              files, 0), "attachment_url"));
  json_array_unref (files);
  rig_ask ("/v1/projects", "{\"name\":\"round\",\"type\":\"imageannotation\",\"rapid\":false}");
  rig_ask ("/v1/task/imageannotation", body);
  run = rig_play ("plaza-test-src num-buffers=1 ! video/x-raw,width=320,height=192", settings);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "of another project"), "%s", run.warning);
  fail_unless_equals_int (count_of ("tasks", "project", "square"), 3);
  rig_run_clear (&run);
}

GST_END_TEST;

/* A batch that nobody finds and that takes no task: another one would be no better, and is not made. */
GST_START_TEST (test_batch_that_takes_nothing)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 geometries-file=%s drain-time=6000000000", file);
  RigRun run;

  rig_add_fault ("POST /v1/task/* status=400");
  rig_add_fault ("GET /v1/batches/* status=404");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "No tasks are made"), "%s", run.warning);
  fail_unless_equals_int (scale_server_count (rig_server, "POST", "/v1/batches"), 1);
  fail_unless_equals_int (scale_server_count (rig_server, "POST", "/v1/task/*"), 1);
  rig_run_clear (&run);
}

GST_END_TEST;

/* A refusal to finalize is taken for done only where it was. */
GST_START_TEST (test_not_finalized)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=3 finalize=true geometries-file=%s drain-time=6000000000", file);
  RigRun run;

  rig_add_fault ("POST /v1/batches/*/finalize status=400");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "No tasks are made"), "%s", run.warning);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 1);
  rig_run_clear (&run);
  scale_server_clear_faults (rig_server);
  run = rig_play (THREE, settings);     /* the cap is reached, the batch is not forgotten */
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 0);
  rig_run_clear (&run);
}

GST_END_TEST;

/* How many uploads had begun when the first task was asked for. */
static gpointer
watch_first_task (gpointer data)
{
  for (guint i = 0; i < 1200 && scale_server_count (rig_server, "POST", "/v1/task/*") < 1; i++)
    g_usleep (25000);
  *(guint *) data = scale_server_count (rig_server, "POST", "/v1/files/upload");
  return NULL;
}

/* A link that is never idle. */
GST_START_TEST (test_tasks_beside_uploads)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 in-flight=1 geometries-file=%s", file);
  guint uploads = 0;
  GThread *watcher;
  RigRun run;

  rig_add_fault ("POST /v1/files/upload delay=1");
  watcher = g_thread_new ("watcher", watch_first_task, &uploads);
  run = rig_play ("videotestsrc pattern=ball num-buffers=6 ! video/x-raw,width=96,height=96", settings);
  g_thread_join (watcher);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (uploads < 6, "%u", uploads);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 6);
  rig_run_clear (&run);
}

GST_END_TEST;

static void
collect_task (const CatalogueTask *task, gpointer ids)
{
  g_ptr_array_add (ids, g_strdup (task->id));
}

/* As a pull finds them at the service, and a person has mended what was wrong. */
static void
let_fail_and_retry (void)
{
  g_autofree gchar *set = g_build_filename (rig_folder, "set", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open_beside (set, NULL);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free);
  const CatalogueDestination square = { "scale", "square" };

  fail_unless (catalogue && catalogue_each_task (catalogue, "scale", "square", collect_task, ids, NULL));
  for (guint i = 0; i < ids->len; i++) {
    CatalogueAnswer answer = { { "scale", ids->pdata[i], "square", NULL, NULL, "error", "2999-01-31T07:05:09Z", NULL, NULL,
        "{\"response\":{\"error\":\"no image\"}}" }, "scale:x" };

    fail_unless (catalogue_keep_answers (catalogue, &answer, 1, NULL));
  }
  fail_unless_equals_int (catalogue_retry_errors (catalogue, &square, NULL), ids->len);
}

/* Tasks that ended in an error are made again, once that is asked for, and count no more; where their unique ids were not freed
 * they stay what they are. */
GST_START_TEST (test_tasks_in_error)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=3 geometries-file=%s", file);
  JsonArray *tasks;
  RigRun run = rig_play (THREE, settings);

  check_numbers (&run, 3, 0, 0, 3, 3);
  rig_run_clear (&run);
  let_fail_and_retry ();
  tasks = scale_server_list (rig_server, "tasks");
  for (guint i = 0; i < 2; i++) {
    g_autofree gchar *path = g_strdup_printf ("/v1/task/%s/cancel?clear_unique_id=true", json_object_get_string_member (
            json_array_get_object_element (tasks, i), "task_id"));

    rig_ask (path, "");
  }
  json_array_unref (tasks);
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  check_numbers (&run, 3, 0, 0, 3, 3);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 5);
  rig_run_clear (&run);
}

GST_END_TEST;

/* What can cost money has to be meant. */
GST_START_TEST (test_live_key)
{
  RigRun run;

  g_setenv ("SCALE_API_KEY", "live_of_somebody", TRUE);
  run = rig_play (THREE, "max-tasks=3");
  fail_unless (run.error && strstr (run.error, "confirm-live"), "%s", run.error);
  fail_unless_equals_int (scale_server_count (rig_server, NULL, "*"), 1);
  rig_run_clear (&run);
  run = rig_play (THREE, "max-tasks=3 finalize=true confirm-live=true drain-time=500000000");
  fail_unless (run.error == NULL, "%s", run.error);
  rig_run_clear (&run);
}

GST_END_TEST;

static Suite *
scale_uploader_tasks_suite (void)
{
  Suite *suite = suite_create ("scale-uploader: tasks");
  TCase *tc = rig_case ();

  tcase_add_test (tc, test_tasks);
  tcase_add_test (tc, test_finalize);
  tcase_add_test (tc, test_first_answer_lost);
  tcase_add_test (tc, test_tasks_refused);
  tcase_add_test (tc, test_one_task_refused);
  tcase_add_test (tc, test_batch_finalized_by_others);
  tcase_add_test (tc, test_batches_that_start_at_once);
  tcase_add_test (tc, test_id_in_use_elsewhere);
  tcase_add_test (tc, test_batch_that_takes_nothing);
  tcase_add_test (tc, test_not_finalized);
  tcase_add_test (tc, test_tasks_beside_uploads);
  tcase_add_test (tc, test_tasks_in_error);
  tcase_add_test (tc, test_live_key);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_uploader_tasks);
