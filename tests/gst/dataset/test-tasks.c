/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-tasks.c: tasks, how they find their frames, and which uploads await one. */
#include "outbox-rig.h"

#include <glib/gstdio.h>
#include <sqlite3.h>

static void
take_task (const CatalogueTask *task, gpointer data)
{
  g_autofree gchar *line = g_strdup_printf ("%s:%s:%s:%s ", task->id, task->status, task->frame ? "linked" : "-",
      task->unlinked ? task->unlinked : "-");

  g_string_append (data, line);
}

static void
test_tasks (Fixture *f, gconstpointer data)
{
  g_autofree gchar *frame = add (f, "a", 1000, &gate), *found = NULL, *path = NULL;
  g_autofree gchar *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "a", -1);
  CatalogueTask task = { "scale", "t1", "gate", NULL, NULL, "pending", "2026-01-31T07:05:09Z", frame, NULL, "{}" };
  CatalogueTask stray = { "scale", "t2", "gate", "b", "u", "completed", "2026-01-31T08:05:09Z", NULL, "no metadata", "{}" };
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_true (catalogue_put_task (f->catalogue, &stray, &error));
  task.status = "completed";
  g_assert_true (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_no_error (error);
  g_assert_true (catalogue_each_task (f->catalogue, "scale", "gate", take_task, lines, &error));
  g_assert_cmpstr (lines->str, ==, "t1:completed:linked:- t2:completed:-:no metadata ");
  task.frame = "nobody";
  g_assert_false (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_WRITE);

  path = g_strdup_printf ("frames/1970-01-01/%s.png", frame);
  found = catalogue_frame_by_path (f->catalogue, path, sum);
  g_assert_cmpstr (found, ==, frame);
  g_assert_null (catalogue_frame_by_path (f->catalogue, path, "another"));
}

/* What a pull in another process has brought since is not put back. */
static void
test_later_stays (Fixture *f, gconstpointer data)
{
  g_autofree gchar *frame = add (f, "a", 1000, &gate);
  CatalogueTask task = { "scale", "t1", "gate", NULL, NULL, "completed", "2026-01-31T07:05:09.500Z", frame, NULL, "{}" };
  g_autoptr (GString) lines = g_string_new (NULL);

  g_assert_true (catalogue_put_task (f->catalogue, &task, NULL));
  task.status = "pending";
  task.updated_at = "2026-01-31T07:05:09.123Z";
  g_assert_true (catalogue_put_task (f->catalogue, &task, NULL));
  g_assert_true (catalogue_each_task (f->catalogue, "scale", "gate", take_task, lines, NULL));
  g_assert_cmpstr (lines->str, ==, "t1:completed:linked:- ");
}

static void
take_tally (const CatalogueTally *tally, gpointer data)
{
  g_string_append_printf (data, "%s:%s:%d ", tally->state, tally->words ? "words" : "-", (int) tally->n);
}

/* Sent by an earlier request whose answer was lost: it is told apart, for no task can be made of it. */
static void
test_sent_nobody_knows_where (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate);
  g_autoptr (GString) lines = g_string_new (NULL);

  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", NULL, NULL));
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), NULL, NULL, NULL));
  g_assert_true (catalogue_each_upload_tally (f->catalogue, take_tally, lines, NULL));
  g_assert_cmpstr (lines->str, ==, "sent:-:1 sent:words:1 ");
}

/* A clock that was ahead when it was put off. */
static void
test_hasten (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "a", 1000, &gate);
  const gint64 now = g_get_real_time ();

  g_assert_true (catalogue_upload_put_off (f->catalogue, first_due (f, &gate), now + 365 * G_TIME_SPAN_DAY, "503", NULL));
  g_assert_true (catalogue_hasten_uploads (f->catalogue, &gate, now + G_TIME_SPAN_HOUR, NULL));
  g_assert_cmpint (next_due (f, &gate, now), ==, now + G_TIME_SPAN_HOUR);
  g_assert_true (catalogue_hasten_uploads (f->catalogue, &gate, now + G_TIME_SPAN_DAY, NULL));
  g_assert_cmpint (next_due (f, &gate, now), ==, now + G_TIME_SPAN_HOUR);
}

/* An answer that names no project leaves the one that is known. */
static void
test_project_stays (Fixture *f, gconstpointer data)
{
  g_autofree gchar *frame = add (f, "a", 1000, &gate);
  CatalogueTask task = { "scale", "t1", "gate", "b1", NULL, "pending", NULL, frame, NULL, "{}" };
  CatalogueAnswer answer = { { "scale", "t1", "", NULL, NULL, "completed", NULL, NULL, "why", "{\"a\":1}" }, "scale:t1" };
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, &error));
  g_assert_no_error (error);
  g_assert_true (catalogue_each_task (f->catalogue, "scale", "gate", take_task, lines, &error));
  g_assert_cmpstr (lines->str, ==, "t1:completed:linked:- ");
}

static gboolean labels_are_broken;

static int
refuse_to_read (void *data, int action, const char *table, const char *column, const char *database, const char *trigger)
{
  return labels_are_broken && action == SQLITE_READ && g_strcmp0 (table, "label") == 0 && g_strcmp0 (column, "task") == 0
      ? SQLITE_DENY : SQLITE_OK;
}

static int
break_labels (sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
  return sqlite3_set_authorizer (db, refuse_to_read, NULL);
}

/* Labels that cannot be read are no labels that are not there: the answer is not taken, and comes again. */
static void
test_unreadable_labels (Fixture *f, gconstpointer data)
{
  g_autofree gchar *frame = add (f, "a", 1000, &gate);
  CatalogueLabel label = { "people", "3", "scale:t1" };
  CatalogueAnswer answer = { { "scale", "t1", "gate", NULL, NULL, "completed", NULL, frame, NULL, "{}" }, "scale:t1", &label, 1 };
  g_autoptr (GError) error = NULL;

  sqlite3_auto_extension ((void (*) (void)) break_labels);
  reopen (f);
  sqlite3_reset_auto_extension ();
  labels_are_broken = TRUE;
  g_assert_false (catalogue_keep_answers (f->catalogue, &answer, 1, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_WRITE);
  labels_are_broken = FALSE;
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  g_assert_cmpint (answer.novelty, ==, CATALOGUE_NEW);
}

static void
test_last_batch (Fixture *f, gconstpointer data)
{
  g_autofree gchar *frame = add (f, "a", 1000, &gate), *none = NULL, *ours = NULL, *theirs = NULL;
  guint tasks;

  none = last_batch (f, "gate-gst-", &tasks);
  g_assert_cmpstr (none, ==, "-");
  g_assert_cmpuint (tasks, ==, 0);
  put_task_of (f, "t1", "gate-gst-1", frame);
  put_task_of (f, "t2", "gate-gst-2", frame);
  put_task_of (f, "t3", "gate-gst-2", NULL);
  put_task_of (f, "t4", "by-hand", frame);
  ours = last_batch (f, "gate-gst-", &tasks);
  g_assert_cmpstr (ours, ==, "gate-gst-2");
  g_assert_cmpuint (tasks, ==, 2);
  theirs = last_batch (f, "by", &tasks);
  g_assert_cmpstr (theirs, ==, "by-hand");
  g_assert_cmpuint (tasks, ==, 1);
}

static void
take_limit (const CatalogueTaskCounts *counts, gpointer data)
{
  g_string_append_printf (data, "%s:%d/%d-%d,%d ", counts->project, (int) counts->made, (int) counts->most, (int) counts->refused,
      (int) counts->awaiting);
}

static void
assert_limits (Fixture *f, const gchar *expected)
{
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_each_task_limit (f->catalogue, take_limit, lines, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (lines->str, ==, expected);
}

static void
test_task_limits (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate), *c = add (f, "c", 3000, &gate);
  CatalogueTask refused = { "scale", "refused:x", "gate", NULL, NULL, "refused", NULL, b, NULL, "\"too dark\"" };

  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 0, NULL));
  assert_limits (f, "");        /* nobody wants any, or ever did */
  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 5, NULL));
  assert_limits (f, "gate:0/5-0,0 ");
  for (guint i = 0; i < 3; i++)
    g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", NULL, NULL));
  assert_limits (f, "gate:0/5-0,3 ");
  put_task_of (f, "t1", NULL, a);
  g_assert_true (catalogue_put_task (f->catalogue, &refused, NULL));
  assert_limits (f, "gate:1/5-1,1 ");
  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 0, NULL));
  assert_limits (f, "gate:1/0-1,1 ");
}

/* Without its image a task is worth nothing, and none is made. */
static void
test_kept_until_task (Fixture *f, gconstpointer data)
{
  const CatalogueLimits all = { .max_age = 1 };
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate), *c = add (f, "c", 3000, &gate);
  CatalogueTask refused = { "scale", "refused:x", "gate", NULL, NULL, "refused", NULL, a, NULL, "\"dark\"" };

  for (guint i = 0; i < 3; i++)
    g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", NULL, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), TRUE, NULL), ==, 3);
  g_assert_true (catalogue_limit_tasks (f->catalogue, &other, 2, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), TRUE, NULL), ==, 3);
  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 1, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 0);
  g_assert_true (catalogue_put_task (f->catalogue, &refused, NULL));    /* given up */
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 1);
  put_task_of (f, "t1", NULL, b);       /* and the cap is reached: c will never be one */
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), TRUE, NULL), ==, 1);
  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 2, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 0);
  g_assert_true (catalogue_limit_tasks (f->catalogue, &gate, 0, NULL)); /* nobody wants it any more */
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 1);
}

/* Whatever happens to uploads, tasks and images, and in whatever order. */
static void
test_awaiting (Fixture *f, gconstpointer data)
{
  const CatalogueLimits all = { .max_age = 1 };
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate), *image = NULL, *path = NULL;
  CatalogueAnswer answer = { { "scale", "t1", "gate", NULL, NULL, "completed", NULL, a, NULL, "{\"a\":1}" }, "scale:t1" };
  CatalogueTask refused = { "scale", "refused:x", "gate", NULL, NULL, "refused", NULL, b, NULL, "\"dark\"" };

  g_assert_cmpint (offer (f, "a", 1000, &other, NULL, NULL), ==, CATALOGUE_DUPLICATE);
  assert_awaiting (f, &gate, NULL, NULL);
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", NULL, NULL));
  assert_awaiting (f, &gate, a, NULL);
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), NULL, NULL, NULL));
  assert_awaiting (f, &gate, a, NULL);  /* where b lies is not known */
  run_sql (f, "UPDATE upload SET attachment_url = 'scaledata://x/2' WHERE attachment_url IS NULL AND state = 'sent'");
  assert_awaiting (f, &gate, a, b);
  assert_awaiting (f, &other, NULL, NULL);

  put_task_of (f, "t2", NULL, NULL);
  assert_awaiting (f, &gate, a, b);
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  assert_awaiting (f, &gate, b, NULL);
  answer.task.frame = b;        /* the link was wrong */
  answer.task.json = "{\"a\":2}";
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  assert_awaiting (f, &gate, a, NULL);
  answer.task.frame = a;
  answer.task.json = "{\"a\":3}";
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  g_assert_true (catalogue_put_task (f->catalogue, &refused, NULL));
  assert_awaiting (f, &gate, NULL, NULL);
  g_assert_cmpint (catalogue_retry_refused (f->catalogue, &gate, NULL), ==, 0);
  assert_awaiting (f, &gate, b, NULL);

  answer.task.status = "error";
  answer.task.json = "{\"a\":4}";
  g_assert_cmpint (catalogue_retry_errors (f->catalogue, &gate, NULL), ==, 0);
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  assert_awaiting (f, &gate, b, NULL);
  g_assert_cmpint (catalogue_retry_errors (f->catalogue, &other, NULL), ==, 0);
  g_assert_cmpint (catalogue_retry_errors (f->catalogue, &gate, NULL), ==, 1);
  assert_awaiting (f, &gate, a, b);
  answer.task.json = "{\"a\":5}";
  g_assert_true (catalogue_keep_answers (f->catalogue, &answer, 1, NULL));
  assert_awaiting (f, &gate, a, b);     /* a pull that brings it once more changes nothing */
  g_assert_cmpint (catalogue_retry_errors (f->catalogue, &gate, NULL), ==, 0);

  path = g_strdup_printf ("frames/1970-01-01/%s.png", b);
  image = g_build_filename (f->folder, path, NULL);
  run_sql (f, "DELETE FROM task WHERE id = 't1'; UPDATE upload SET state = 'sent' WHERE project = 'yard'");
  assert_awaiting (f, &gate, a, b);
  g_assert_cmpint (g_unlink (image), ==, 0);
  reopen (f);
  assert_awaiting (f, &gate, a, NULL);  /* it is missed */
  g_assert_true (g_file_set_contents (image, "b", 1, NULL));
  reopen (f);
  assert_awaiting (f, &gate, a, b);
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 2);
  assert_awaiting (f, &gate, NULL, NULL);
}

/* A catalogue that cannot be read is not an empty one. */
static void
test_unreadable (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) uploads = NULL, tasks = NULL;
  gchar *batch;
  gint64 due;
  guint n;

  run_sql (f, "PRAGMA legacy_alter_table = ON; ALTER TABLE upload RENAME TO lost_upload; ALTER TABLE task RENAME TO lost");
  g_assert_false (catalogue_next_due (f->catalogue, &gate, 0, &due, &uploads));
  g_assert_error (uploads, CATALOGUE_ERROR, CATALOGUE_ERROR_WRITE);
  g_assert_false (catalogue_last_batch (f->catalogue, &gate, "gate", &batch, &n, &tasks));
  g_assert_error (tasks, CATALOGUE_ERROR, CATALOGUE_ERROR_WRITE);
  g_assert_null (batch);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, test) g_test_add ("/tasks/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("tasks", test_tasks);
  ADD ("project-stays", test_project_stays);
  ADD ("unreadable-labels", test_unreadable_labels);
  ADD ("later-stays", test_later_stays);
  ADD ("sent-nobody-knows-where", test_sent_nobody_knows_where);
  ADD ("hasten", test_hasten);
  ADD ("last-batch", test_last_batch);
  ADD ("task-limits", test_task_limits);
  ADD ("kept-until-task", test_kept_until_task);
  ADD ("awaiting", test_awaiting);
  ADD ("unreadable", test_unreadable);
  return g_test_run ();
}
