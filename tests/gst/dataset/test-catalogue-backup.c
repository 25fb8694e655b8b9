/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-catalogue-backup.c: copies of a dataset: beside a writer, on another disk, and those that fail. */
#include "catalogue-rig.h"
#include "tests/models/temp-folder.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

/* A dataset of n frames of `size` bytes in FOLDER/data, closed again. */
static gchar *
make_dataset (Fixture *f, guint n, gsize size)
{
  g_autoptr (GError) error = NULL;
  gchar *folder = g_build_filename (f->folder, "data", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open (folder, &error);

  for (guint i = 1; i <= n; i++) {
    g_autofree gchar *id = NULL;
    CatalogueLabel label = { "people", "7", "csv" };

    g_assert_cmpint (add (catalogue, i, size, i * G_USEC_PER_SEC, &id, &error), ==, CATALOGUE_STORED);
    g_assert_true (i > 3 || put_label (catalogue, id, label));
  }
  g_assert_no_error (error);
  return folder;
}

static gboolean
back_up (const gchar *folder, const gchar *target, CatalogueBackup *made, GError **error)
{
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, error);

  g_assert_nonnull (catalogue);
  return catalogue_backup (catalogue, target, made, error);
}

static CatalogueCounts
counts_of (const gchar *folder, gboolean writable)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = (writable ? catalogue_open : catalogue_open_read) (folder, &error);

  g_assert_no_error (error);
  g_assert_cmpint (verify (catalogue), ==, 0);
  return count (catalogue);
}

static gboolean
note_file (const CatalogueRow *row, gpointer data)
{
  g_ptr_array_add (data, g_strdup (row->path));
  return TRUE;
}

static GPtrArray *
paths_of (const gchar *folder)
{
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, NULL);
  GPtrArray *paths = g_ptr_array_new_with_free_func (g_free);

  g_assert_true (catalogue_each (catalogue, note_file, paths, NULL));
  return paths;
}

static guint
files_in (const gchar *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  g_dir_close (dir);
  return n;
}

static void
test_links (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = make_dataset (f, 20, 1000), *target = g_build_filename (f->folder, "copy/", NULL);
  CatalogueBackup made;
  CatalogueCounts counts;
  CatalogueLimits limits = { .max_frames = 5 };
  Catalogue *catalogue;

  g_assert_true (back_up (folder, target, &made, &error));
  g_assert_no_error (error);
  g_assert_cmpint (made.linked, ==, 20);
  g_assert_cmpint (made.copied + made.missing, ==, 0);
  g_assert_cmpint (made.counts.bytes, ==, 20 * 1000);
  /* Nothing but the catalogue and the images: no log, no lock, no part. */
  g_assert_cmpint (files_in (target), ==, 2);

  /* What happens to one is none of the other's business. */
  catalogue = catalogue_open (folder, &error);
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 0, FALSE, &error), ==, 15);
  catalogue_close (catalogue);
  counts = counts_of (target, FALSE);
  g_assert_cmpint (counts.stored, ==, 20);
  g_assert_cmpint (counts.labels, ==, 3);
  /* It is a dataset like any other, to be written, too. */
  g_assert_cmpint (counts_of (target, TRUE).stored, ==, 20);
}

/* ---- beside a writer ---------------------------------------------------------------------------------------------------- */

typedef struct {
  gchar *folder;
  gint stop, added;
} Writer;

/* Adds and deletes as a capture with a limit does, as fast as it can. */
static gpointer
write_frames (gpointer data)
{
  Writer *writer = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = catalogue_open (writer->folder, &error);
  CatalogueLimits limits = { .max_frames = 30 };

  g_assert_no_error (error);
  for (guint i = 1000; !g_atomic_int_get (&writer->stop); i++) {
    g_assert_cmpint (add (catalogue, i, 5000, i * G_USEC_PER_SEC, NULL, &error), ==, CATALOGUE_STORED);
    g_assert_cmpint (catalogue_prune (catalogue, &limits, 0, FALSE, &error), >=, 0);
    g_assert_no_error (error);
    g_atomic_int_inc (&writer->added);
  }
  return NULL;
}

static void
test_beside_a_writer (Fixture *f, gconstpointer data)
{
  Writer writer = { make_dataset (f, 10, 1000) };
  GThread *thread = g_thread_new ("writer", write_frames, &writer);
  gint before = 0;

  for (guint i = 0; i < 5; i++) {
    g_autoptr (GError) error = NULL;
    g_autofree gchar *target = g_strdup_printf ("%s/copy-%u", f->folder, i);
    CatalogueBackup made;

    while (g_atomic_int_get (&writer.added) < before + 3)
      g_usleep (1000);
    before = g_atomic_int_get (&writer.added);
    g_assert_true (back_up (writer.folder, target, &made, &error));
    g_assert_no_error (error);
    g_assert_cmpint (made.missing, ==, 0);
    g_assert_cmpint (counts_of (target, FALSE).stored, ==, made.counts.stored);
    g_assert_cmpint (made.counts.stored + made.counts.evicted, >=, 10 + before);
  }
  g_atomic_int_set (&writer.stop, 1);
  g_thread_join (thread);
  g_free (writer.folder);
}

/* What is deleted after the catalogue was copied is not missed. */
static gboolean
prune_at_first (gdouble fraction, const gchar *what, gpointer folder)
{
  g_autoptr (Catalogue) catalogue = fraction > 0 ? NULL : catalogue_open (folder, NULL);
  CatalogueLimits limits = { .max_frames = 5 };

  g_assert_true (fraction > 0 || catalogue_prune (catalogue, &limits, 0, FALSE, NULL) == 7);
  return TRUE;
}

static void
test_deleted_meanwhile (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = make_dataset (f, 12, 100), *target = g_build_filename (f->folder, "copy", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, &error);
  CatalogueBackup made;

  catalogue_set_progress (catalogue, "copying", prune_at_first, folder);
  g_assert_true (catalogue_backup (catalogue, target, &made, &error));
  g_assert_cmpint (made.missing, ==, 0);
  g_assert_cmpint (made.counts.stored, ==, 5);
  g_assert_cmpint (made.counts.evicted, ==, 7);
  g_assert_cmpint (counts_of (target, FALSE).stored, ==, 5);
}

/* An image that is missed in the dataset does not keep the others from being copied. */
static void
test_missing_image (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = make_dataset (f, 5, 1000), *target = g_build_filename (f->folder, "copy", NULL);
  g_autoptr (GPtrArray) paths = paths_of (folder);
  g_autofree gchar *lost = g_build_filename (folder, paths->pdata[2], NULL);
  CatalogueBackup made;

  g_unlink (lost);
  g_assert_true (back_up (folder, target, &made, &error));
  g_assert_cmpint (made.missing, ==, 1);
  g_assert_cmpint (counts_of (target, FALSE).stored, ==, 4);
  g_assert_cmpint (counts_of (target, FALSE).missing, ==, 1);
}

/* ---- those that fail ---------------------------------------------------------------------------------------------------- */

static void
assert_fails (const gchar *folder, const gchar *target, gint code, const gchar *words)
{
  g_autoptr (GError) error = NULL;
  CatalogueBackup made;

  g_assert_false (back_up (folder, target, &made, &error));
  g_assert_error (error, CATALOGUE_ERROR, code);
  g_assert_nonnull (strstr (error->message, words));
}

static void
test_replaces_nothing (Fixture *f, gconstpointer data)
{
  g_autofree gchar *folder = make_dataset (f, 2, 100), *target = g_build_filename (f->folder, "there", NULL);
  g_autofree gchar *inner = g_build_filename (folder, "frames", "copy", NULL), *file = g_build_filename (target, "file", NULL);
  g_autofree gchar *nowhere = g_build_filename (f->folder, "no", "where", NULL), *text = NULL;

  g_mkdir (target, 0755);
  assert_fails (folder, target, CATALOGUE_ERROR_OPEN, "is there already");
  g_assert_true (g_file_set_contents (file, "mine", -1, NULL));
  assert_fails (folder, target, CATALOGUE_ERROR_OPEN, "is there already");
  assert_fails (folder, file, CATALOGUE_ERROR_OPEN, "is there already");
  assert_fails (folder, folder, CATALOGUE_ERROR_OPEN, "is there already");
  assert_fails (folder, inner, CATALOGUE_ERROR_OPEN, "lies in the dataset itself");
  assert_fails (folder, nowhere, CATALOGUE_ERROR_OPEN, "cannot be made");
  g_assert_true (g_file_get_contents (file, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "mine");
  g_assert_cmpint (counts_of (folder, FALSE).stored, ==, 2);
}

static gboolean
stop_in_the_middle (gdouble fraction, const gchar *what, gpointer data)
{
  return fraction < 0.5;
}

static void
test_stop (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = make_dataset (f, 10, 100), *target = g_build_filename (f->folder, "copy", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, &error);
  CatalogueBackup made;

  catalogue_set_progress (catalogue, "copying", stop_in_the_middle, NULL);
  g_assert_false (catalogue_backup (catalogue, target, &made, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_STOPPED);
  g_assert_false (g_file_test (target, G_FILE_TEST_EXISTS));
}

/* Another disk, of a given size. */
static gboolean
mount_disk (Fixture *f, const gchar *options)
{
  g_autofree gchar *disk = g_build_filename (f->folder, "disk", NULL);

  g_mkdir (disk, 0755);
  if (mount ("none", disk, "tmpfs", 0, options) == 0)
    return TRUE;
  g_test_skip ("no disk of its own can be mounted");
  return FALSE;
}

static void
umount_disk (Fixture *f)
{
  g_autofree gchar *disk = g_build_filename (f->folder, "disk", NULL);

  g_assert_cmpint (files_in (disk), ==, 0);
  g_assert_cmpint (umount (disk), ==, 0);
}

static void
test_another_disk (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = make_dataset (f, 5, 600000), *target = g_build_filename (f->folder, "disk", "copy", NULL);
  CatalogueBackup made;

  if (!mount_disk (f, "size=8m"))
    return;
  g_assert_true (back_up (folder, target, &made, &error));
  g_assert_no_error (error);
  g_assert_cmpint (made.copied, ==, 5);
  temp_folder_remove (folder);
  g_assert_cmpint (counts_of (target, TRUE).stored, ==, 5);
  temp_folder_remove (target);
  umount_disk (f);
}

/* No room for the catalogue, for the bytes of the images, and for their blocks, of which nobody asks before. */
static void
test_full_disk (Fixture *f, gconstpointer data)
{
  static const struct {
    gint beside;                /* KiB, beside the catalogue */
    const gchar *words;
  } disks[] = { { -40, "full" }, { 60, "the images need 120.0" }, { 300, "No space left" } };
  g_autofree gchar *folder = make_dataset (f, 120, 1000), *target = g_build_filename (f->folder, "disk", "copy", NULL);
  g_autofree gchar *file = g_build_filename (folder, "catalogue.sqlite", NULL);
  GStatBuf found;

  g_assert_cmpint (g_stat (file, &found), ==, 0);
  for (gsize i = 0; i < G_N_ELEMENTS (disks); i++) {
    g_autofree gchar *options = g_strdup_printf ("size=%dk", (gint) (found.st_size / 1024) + disks[i].beside);

    if (!mount_disk (f, options))
      return;
    assert_fails (folder, target, CATALOGUE_ERROR_FULL, disks[i].words);
    umount_disk (f);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/catalogue-backup/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  ADD (links);
  ADD (beside_a_writer);
  ADD (deleted_meanwhile);
  ADD (missing_image);
  ADD (replaces_nothing);
  ADD (stop);
  ADD (another_disk);
  ADD (full_disk);
  return g_test_run ();
}
