/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-verify.c: every row against the disk, and the disk against the rows. Others may store and delete meanwhile:
 * what does not fit is looked at once more before it is told. */
#include "catalogue-private.h"

#include <glib/gstdio.h>
#include <string.h>

/* How long storing and deleting may be under way, in all, and how old a file is that may still get its row. */
#define PATIENCE_US (2 * G_USEC_PER_SEC)
#define SLICE_US (G_USEC_PER_SEC / 10)
#define FRESH_SECONDS 10

typedef struct {
  Catalogue *catalogue;
  void (*say) (const gchar *line, gpointer data);
  gpointer data;
  GHashTable *paths;            /* of all stored rows */
  GPtrArray *gone, *strangers;  /* paths of rows without an image, and of files without a row */
  gint64 until;                 /* monotonic: the end of all waiting; 0: none so far */
  gint wrong;
} Report;

static void
report (Report *report, const gchar *path, const gchar *what)
{
  g_autofree gchar *line = g_strdup_printf ("%s: %s", path, what);

  report->wrong++;
  report->say (line, report->data);
}

static gboolean
verify_row (const CatalogueRow *row, gpointer data)
{
  Report *r = data;
  g_autofree gchar *file = catalogue_path (r->catalogue, row->path), *image = NULL, *sum = NULL;
  gsize size;

  g_hash_table_add (r->paths, g_strdup (row->path));
  if (!g_file_get_contents (file, &image, &size, NULL)) {
    g_ptr_array_add (r->gone, g_strdup (row->path));
    return TRUE;
  }
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) image, size);
  if (size != row->bytes)
    report (r, row->path, "the image has another size than it was stored with");
  else if (strcmp (sum, row->sha256) != 0)
    report (r, row->path, "the image is not what was stored");
  return TRUE;
}

static void
verify_folder (Report *r, const gchar *day)
{
  g_autofree gchar *folder = g_build_filename (r->catalogue->folder, CATALOGUE_FRAMES, day, NULL);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *path = g_build_filename (CATALOGUE_FRAMES, day, name, NULL);

    if (!g_hash_table_contains (r->paths, path))
      g_ptr_array_add (r->strangers, g_steal_pointer (&path));
  }
  if (dir)
    g_dir_close (dir);
}

static void
verify_files (Report *r)
{
  g_autofree gchar *frames = catalogue_path (r->catalogue, CATALOGUE_FRAMES);
  GDir *dir = g_dir_open (frames, 0, NULL);
  const gchar *day;

  while (dir && (day = g_dir_read_name (dir)))
    verify_folder (r, day);
  if (dir)
    g_dir_close (dir);
}

/* ---- a second look --------------------------------------------------------------------------------------------- */

static gchar *
state_of (const Report *r, const gchar *path)
{
  return catalogue_text (r->catalogue, "SELECT state FROM frame WHERE path = ?", "s", path);
}

/* Limits delete rows first, then the files. */
static void
report_gone (Report *r)
{
  for (guint i = 0; i < r->gone->len; i++) {
    g_autofree gchar *state = state_of (r, r->gone->pdata[i]);

    if (g_strcmp0 (state, "evicted") != 0)
      report (r, r->gone->pdata[i], "the image is missing");
  }
}

/* A file that is being stored gets its row, or goes; one that is being deleted goes. */
static gboolean
is_under_way (const gchar *file, const gchar *state)
{
  GStatBuf info;

  return g_strcmp0 (state, "evicted") == 0
      || (g_stat (file, &info) == 0 && ABS (g_get_real_time () / G_USEC_PER_SEC - info.st_mtime) < FRESH_SECONDS);
}

static gboolean
may_wait (Report *r)
{
  if (r->until == 0)
    r->until = g_get_monotonic_time () + PATIENCE_US;
  if (g_get_monotonic_time () >= r->until)
    return FALSE;
  g_usleep (SLICE_US);
  return TRUE;
}

static void
report_stranger (Report *r, const gchar *path)
{
  g_autofree gchar *file = catalogue_path (r->catalogue, path), *state = NULL;

  do {
    g_free (state);
    state = state_of (r, path);
    if (g_strcmp0 (state, "stored") == 0 || !g_file_test (file, G_FILE_TEST_EXISTS))
      return;
  } while (is_under_way (file, state) && may_wait (r));
  report (r, path, state ? "this file should have been deleted" : "no row knows this file");
}

gint
catalogue_verify (Catalogue *catalogue, void (*say) (const gchar *line, gpointer data), gpointer data, GError **error)
{
  Report r = { catalogue, say, data, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    g_ptr_array_new_with_free_func (g_free), g_ptr_array_new_with_free_func (g_free), 0, 0 };
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "PRAGMA integrity_check(20)", "");
  gboolean read = statement != NULL;

  while (read && sqlite3_step (statement) == SQLITE_ROW) {
    const gchar *line = (const gchar *) sqlite3_column_text (statement, 0);

    if (g_strcmp0 (line, "ok") != 0)
      report (&r, "catalogue.sqlite", line);
  }
  sqlite3_finalize (statement);
  read = read && catalogue_each (catalogue, verify_row, &r, error);
  if (read) {
    report_gone (&r);
    verify_files (&r);
    for (guint i = 0; i < r.strangers->len; i++)
      report_stranger (&r, r.strangers->pdata[i]);
  }
  g_hash_table_unref (r.paths);
  g_ptr_array_unref (r.gone);
  g_ptr_array_unref (r.strangers);
  return read ? r.wrong : -1;
}
