/* SPDX-License-Identifier: LGPL-2.1-or-later
 * outbox-rig.c: see the header. */
#include "outbox-rig.h"
#include "tests/models/temp-folder.h"

#include <sqlite3.h>
#include <string.h>

void
reopen (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&f->catalogue, catalogue_close);
  f->catalogue = catalogue_open (f->folder, &error);
  g_assert_no_error (error);
}

void
set_up (Fixture *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
  reopen (f);
}

void
tear_down (Fixture *f, gconstpointer data)
{
  catalogue_close (f->catalogue);
  temp_folder_remove (f->folder);
  g_free (f->folder);
}

CatalogueOutcome
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

gchar *
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

guint
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

gint64
first_due (Fixture *f, const CatalogueDestination *to)
{
  gint64 id = -1;

  catalogue_each_due (f->catalogue, to, G_MAXINT64, 1, take_id, &id, NULL);
  g_assert_cmpint (id, >, 0);
  return id;
}

gint64
next_due (Fixture *f, const CatalogueDestination *to, gint64 now)
{
  g_autoptr (GError) error = NULL;
  gint64 due;

  g_assert_true (catalogue_next_due (f->catalogue, to, now, &due, &error));
  g_assert_no_error (error);
  return due;
}

gchar *
last_batch (Fixture *f, const gchar *prefix, guint *tasks)
{
  g_autoptr (GError) error = NULL;
  gchar *batch;

  g_assert_true (catalogue_last_batch (f->catalogue, &gate, prefix, &batch, tasks, &error));
  g_assert_no_error (error);
  return batch ? batch : g_strdup ("-");
}

void
run_sql (Fixture *f, const gchar *sql)
{
  g_autofree gchar *file = g_build_filename (f->folder, "catalogue.sqlite", NULL);
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (file, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

void
assert_counts (Fixture *f, const CatalogueDestination *to, guint64 pending, guint64 sent, guint64 refused)
{
  CatalogueUploadCounts counts;

  g_assert_true (catalogue_count_uploads (f->catalogue, to, &counts, NULL));
  g_assert_cmpuint (counts.pending, ==, pending);
  g_assert_cmpuint (counts.sent, ==, sent);
  g_assert_cmpuint (counts.refused, ==, refused);
}

void
put_task_of (Fixture *f, const gchar *id, const gchar *batch, const gchar *frame)
{
  CatalogueTask task = { "scale", id, "gate", batch, NULL, "pending", NULL, frame, NULL, "{}" };
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_put_task (f->catalogue, &task, &error));
  g_assert_no_error (error);
  g_usleep (1);                 /* the next is heard of later */
}

static void
note_frame (const CatalogueUpload *upload, gpointer data)
{
  g_string_append_printf (data, "%s ", upload->frame);
}

void
assert_awaiting (Fixture *f, const CatalogueDestination *to, const gchar *first, const gchar *second)
{
  g_autofree gchar *expected = g_strconcat (first ? first : "", first ? " " : "", second ? second : "", second ? " " : "", NULL);
  g_autoptr (GString) lines = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (catalogue_each_without_task (f->catalogue, to, 9, note_frame, lines, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (lines->str, ==, expected);
}
