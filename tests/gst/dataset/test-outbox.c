/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-outbox.c: uploads that wait, fail, succeed and survive, and a dataset that version 1 of the catalogue left
 * (version-1.sql, whose path is the argument).
 */
#include "outbox-rig.h"
#include "tests/models/temp-folder.h"

#include <glib/gstdio.h>

static const gchar *old_dataset;

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
  ADD ("version-1", test_version_1);
  ADD ("version-4", test_version_4);
  return g_test_run ();
}
