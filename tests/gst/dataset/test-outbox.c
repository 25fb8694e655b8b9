/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-outbox.c: uploads that wait, fail, succeed and survive; tasks and how they find their frames; and a dataset that
 * version 1 of the catalogue left (version-1.sql, whose path is the argument).
 */
#include "gst/dataset/catalogue.h"
#include "tests/models/temp-folder.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

static const CatalogueDestination gate = { "scale", "gate" }, other = { "scale", "yard" };
static const gchar *old_dataset;

typedef struct {
  gchar *folder;
  Catalogue *catalogue;
} Fixture;

static void
reopen (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&f->catalogue, catalogue_close);
  f->catalogue = catalogue_open (f->folder, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
  reopen (f);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  catalogue_close (f->catalogue);
  temp_folder_remove (f->folder);
  g_free (f->folder);
}

/* A frame with this text for an image. */
static CatalogueOutcome
offer (Fixture *f, const gchar *text, gint64 at, const CatalogueDestination *to, gchar **id, gboolean *journaled)
{
  static const CataloguePrediction prediction = { "people", "regression", "about 3", "0123456789abcdef", 3.1 };
  g_autoptr (GBytes) image = g_bytes_new (text, strlen (text)), embedding = g_bytes_new ("\0\0\200?", 4);
  CatalogueFrame frame = { .source = "cam0", .uri = "rtsp://gate/", .captured_at = at, .received_at = at, .media_sequence = 5,
    .pts = G_MAXUINT64, .width = 8, .height = 6, .suffix = "png", .image = image, .predictions = &prediction,
    .n_predictions = 1, .model_id = "fedcba9876543210", .embedding = embedding, .upload = to };
  g_autoptr (GError) error = NULL;
  CatalogueOutcome outcome = catalogue_add (f->catalogue, &frame, id, journaled, &error);

  g_assert_no_error (error);
  return outcome;
}

/* The id of a new one. */
static gchar *
add (Fixture *f, const gchar *text, gint64 at, const CatalogueDestination *to)
{
  gchar *id = NULL;

  g_assert_cmpint (offer (f, text, at, to, &id, NULL), ==, CATALOGUE_STORED);
  return id;
}

static void
collect (const CatalogueUpload *upload, gpointer data)
{
  g_ptr_array_add (data, g_strdup_printf ("%s %s %s", upload->frame, upload->reference, upload->path));
}

static guint
count_due (Fixture *f, const CatalogueDestination *to, gint64 now, guint most)
{
  g_autoptr (GPtrArray) lines = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_each_due (f->catalogue, to, now, most, collect, lines, &error));
  g_assert_no_error (error);
  return lines->len;
}

static void
take_id (const CatalogueUpload *upload, gpointer data)
{
  *(gint64 *) data = upload->id;
}

static gint64
first_due (Fixture *f, const CatalogueDestination *to)
{
  gint64 id = -1;

  catalogue_each_due (f->catalogue, to, G_MAXINT64, 1, take_id, &id, NULL);
  g_assert_cmpint (id, >, 0);
  return id;
}

static gint64
next_due (Fixture *f, const CatalogueDestination *to, gint64 now)
{
  g_autoptr (GError) error = NULL;
  gint64 due;

  g_assert_true (catalogue_next_due (f->catalogue, to, now, &due, &error));
  g_assert_no_error (error);
  return due;
}

/* The name, or "-" when there is none. */
static gchar *
last_batch (Fixture *f, const gchar *prefix, guint *tasks)
{
  g_autoptr (GError) error = NULL;
  gchar *batch;

  g_assert_true (catalogue_last_batch (f->catalogue, &gate, prefix, &batch, tasks, &error));
  g_assert_no_error (error);
  return batch ? batch : g_strdup ("-");
}

/* By a connection of its own. */
static void
run_sql (Fixture *f, const gchar *sql)
{
  g_autofree gchar *file = g_build_filename (f->folder, "catalogue.sqlite", NULL);
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (file, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

static void
assert_counts (Fixture *f, const CatalogueDestination *to, guint64 pending, guint64 sent, guint64 refused)
{
  CatalogueUploadCounts counts;

  g_assert_true (catalogue_count_uploads (f->catalogue, to, &counts, NULL));
  g_assert_cmpuint (counts.pending, ==, pending);
  g_assert_cmpuint (counts.sent, ==, sent);
  g_assert_cmpuint (counts.refused, ==, refused);
}

/* ---- uploads ------------------------------------------------------------------------------------------------------- */

static void
test_life (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate), *c = add (f, "c", 3000, &other);
  g_autofree gchar *none = add (f, "d", 4000, NULL), *found = NULL;
  const gint64 now = g_get_real_time ();

  assert_counts (f, &gate, 2, 0, 0);
  assert_counts (f, &other, 1, 0, 0);
  g_assert_cmpuint (count_due (f, &gate, now, 1), ==, 1);
  g_assert_cmpint (next_due (f, &gate, 0), <=, now);
  g_assert_cmpint (next_due (f, &gate, now), ==, G_MAXINT64);

  g_assert_true (catalogue_upload_put_off (f->catalogue, first_due (f, &gate), now + 60 * G_USEC_PER_SEC, "503", NULL));
  g_assert_cmpuint (count_due (f, &gate, now, 10), ==, 1);
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", "file_1", NULL));
  assert_counts (f, &gate, 1, 1, 0);
  g_assert_cmpint (next_due (f, &gate, now), ==, now + 60 * G_USEC_PER_SEC);
  found = catalogue_frame_by_url (f->catalogue, "scaledata://x/1");
  g_assert_cmpstr (found, ==, b);

  reopen (f);
  assert_counts (f, &gate, 1, 1, 0);
  g_assert_true (catalogue_upload_refused (f->catalogue, first_due (f, &gate), "400", NULL));
  assert_counts (f, &gate, 0, 1, 1);
  g_assert_cmpint (next_due (f, &gate, now), ==, G_MAXINT64);
  g_assert_cmpint (catalogue_retry_refused (f->catalogue, &gate, NULL), ==, 1);
  assert_counts (f, &gate, 1, 1, 0);
}

static void
test_same_image (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "same", 1000, &gate), *b = add (f, "same", 2000, &gate);
  g_autofree gchar *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "same", -1);
  g_autofree gchar *reference = g_strdup_printf ("gate:cam0:%.32s", sum);
  g_autofree gchar *found = catalogue_frame_by_reference (f->catalogue, "scale", reference);

  assert_counts (f, &gate, 1, 0, 0);
  g_assert_cmpstr (found, ==, a);
  g_assert_null (catalogue_frame_by_reference (f->catalogue, "nucleus", reference));
}

/* Kept before without being uploaded, or for another project: it is now, once. */
static void
test_chosen_later (Fixture *f, gconstpointer data)
{
  const CatalogueLimits all = { .max_age = 1 };
  g_autofree gchar *a = add (f, "a", 1000, NULL), *b = add (f, "b", 2000, NULL);
  gboolean journaled = FALSE;

  g_assert_cmpint (offer (f, "a", 1000, &gate, NULL, &journaled), ==, CATALOGUE_DUPLICATE);
  g_assert_true (journaled);
  g_assert_cmpint (offer (f, "a", 1000, &gate, NULL, &journaled), ==, CATALOGUE_DUPLICATE);
  g_assert_false (journaled);
  g_assert_cmpint (offer (f, "a", 1000, &other, NULL, &journaled), ==, CATALOGUE_DUPLICATE);
  g_assert_true (journaled);
  g_assert_cmpint (offer (f, "a", 1000, NULL, NULL, &journaled), ==, CATALOGUE_DUPLICATE);
  g_assert_false (journaled);
  assert_counts (f, &gate, 1, 0, 0);
  assert_counts (f, &other, 1, 0, 0);
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 1);
  g_assert_cmpint (offer (f, "b", 2000, &gate, NULL, &journaled), ==, CATALOGUE_DUPLICATE);
  g_assert_false (journaled);   /* its image is gone */
}

static void
test_kept_until_answered (Fixture *f, gconstpointer data)
{
  const CatalogueLimits all = { .max_age = 1 };
  g_autofree gchar *a = add (f, "a", 1000, &gate);
  CatalogueTask task = { "scale", "t1", "gate", "b1", NULL, "pending", NULL, a, NULL, "{}" };

  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), NULL, NULL, NULL));
  g_assert_true (catalogue_put_task (f->catalogue, &task, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 0);
  task.status = "canceled";
  g_assert_true (catalogue_put_task (f->catalogue, &task, NULL));
  g_assert_cmpint (catalogue_prune (f->catalogue, &all, g_get_real_time (), FALSE, NULL), ==, 1);
}

static void
test_kept_until_sent (Fixture *f, gconstpointer data)
{
  const CatalogueLimits limits = { .max_frames = 1 };
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, NULL), *c = add (f, "c", 3000, NULL);
  g_autofree gchar *path = NULL;
  CatalogueCounts counts;

  g_assert_cmpint (catalogue_prune (f->catalogue, &limits, g_get_real_time (), FALSE, NULL), ==, 2);
  g_assert_true (catalogue_count (f->catalogue, &counts, NULL));
  g_assert_cmpuint (counts.stored, ==, 1);
  assert_counts (f, &gate, 1, 0, 0);
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), NULL, NULL, NULL));
  path = add (f, "d", 4000, NULL);
  g_assert_cmpint (catalogue_prune (f->catalogue, &limits, g_get_real_time (), FALSE, NULL), ==, 1);
}

/* ---- what goes with an upload ----------------------------------------------------------------------------------------- */

static void
take_prediction (const CataloguePrediction *p, gpointer data)
{
  g_assert_cmpstr (p->head, ==, "people");
  g_assert_cmpstr (p->text, ==, "about 3");
  g_assert_cmpfloat (p->value, ==, 3.1);
  ++*(guint *) data;
}

static void
test_companions (Fixture *f, gconstpointer data)
{
  g_autofree gchar *id = add (f, "a", 1000, &gate), *encoder = catalogue_encoder_of (f->catalogue, id);
  guint n = 0;

  g_assert_cmpstr (encoder, ==, "fedcba9876543210");
  g_assert_true (catalogue_each_prediction (f->catalogue, id, take_prediction, &n, NULL));
  g_assert_cmpuint (n, ==, 1);
  g_assert_null (catalogue_encoder_of (f->catalogue, "nobody"));
}

/* ---- tasks -------------------------------------------------------------------------------------------------------------- */

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
put_task_of (Fixture *f, const gchar *id, const gchar *batch, const gchar *frame)
{
  CatalogueTask task = { "scale", id, "gate", batch, NULL, "pending", NULL, frame, NULL, "{}" };
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_no_error (error);
  g_usleep (1);                 /* the next is heard of later */
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

static void
note_frame (const CatalogueUpload *upload, gpointer data)
{
  g_string_append_printf (data, "%s ", upload->frame);
}

static void
assert_awaiting (Fixture *f, const CatalogueDestination *to, const gchar *first, const gchar *second)
{
  g_autofree gchar *expected = g_strconcat (first ? first : "", first ? " " : "", second ? second : "", second ? " " : "", NULL);
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_each_without_task (f->catalogue, to, 9, note_frame, lines, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (lines->str, ==, expected);
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

/* ---- an older dataset -------------------------------------------------------------------------------------------------- */

static void
note (const gchar *line, gpointer data)
{
  g_test_message ("%s", line);
}

static void
test_version_1 (Fixture *f, gconstpointer data)
{
  g_autofree gchar *sql = NULL;
  g_autofree gchar *day = g_build_filename (f->folder, "frames", "2026-01-31", NULL);
  g_autofree gchar *image = g_build_filename (day, "20260131T070509.123456-1a2b3c4d.jpg", NULL), *id = NULL;
  CatalogueCounts counts;

  g_clear_pointer (&f->catalogue, catalogue_close);
  temp_folder_remove (f->folder);
  g_assert_cmpint (g_mkdir_with_parents (day, 0700), ==, 0);
  g_assert_true (g_file_set_contents (image, "old", 3, NULL));
  g_assert_true (g_file_get_contents (old_dataset, &sql, NULL, NULL));
  run_sql (f, sql);

  reopen (f);
  g_assert_true (catalogue_count (f->catalogue, &counts, NULL));
  g_assert_cmpuint (counts.stored, ==, 1);
  g_assert_cmpuint (counts.labels, ==, 1);
  g_assert_cmpint (catalogue_verify (f->catalogue, note, NULL, NULL), ==, 0);
  assert_counts (f, &gate, 0, 0, 0);
  id = add (f, "new", 1000, &gate);
  assert_counts (f, &gate, 1, 0, 0);
}

/* Of a version that did not say which uploads await a task. */
static void
test_version_4 (Fixture *f, gconstpointer data)
{
  g_autofree gchar *a = add (f, "a", 1000, &gate), *b = add (f, "b", 2000, &gate), *c = add (f, "c", 3000, &gate);

  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/1", NULL, NULL));
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/2", NULL, NULL));
  put_task_of (f, "t1", NULL, a);
  g_clear_pointer (&f->catalogue, catalogue_close);
  run_sql (f, "DROP TRIGGER upload_changes; DROP TRIGGER frame_changes; DROP TRIGGER task_comes; DROP TRIGGER task_changes; DROP "
      "TRIGGER task_goes; DROP INDEX upload_awaits_task; DROP INDEX task_by_status; ALTER TABLE upload DROP COLUMN awaits_task; "
      "ALTER TABLE task DROP COLUMN retried_at; PRAGMA user_version = 4");
  reopen (f);
  assert_awaiting (f, &gate, b, NULL);
  g_assert_true (catalogue_upload_sent (f->catalogue, first_due (f, &gate), "scaledata://x/3", NULL, NULL));
  assert_awaiting (f, &gate, b, c);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (argc != 2) {
    g_printerr ("usage: test-outbox VERSION-1.SQL\n");
    return 2;
  }
  old_dataset = argv[1];
#define ADD(name, test) g_test_add ("/outbox/" name, Fixture, NULL, set_up, test, tear_down)
  ADD ("life", test_life);
  ADD ("same-image", test_same_image);
  ADD ("chosen-later", test_chosen_later);
  ADD ("kept-until-sent", test_kept_until_sent);
  ADD ("kept-until-answered", test_kept_until_answered);
  ADD ("companions", test_companions);
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
  ADD ("version-1", test_version_1);
  ADD ("version-4", test_version_4);
  return g_test_run ();
}
