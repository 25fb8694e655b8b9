/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-verify.c: every row against the disk, and the disk against the rows. */
#include "catalogue-private.h"

#include <string.h>

typedef struct {
  Catalogue *catalogue;
  void (*say) (const gchar *line, gpointer data);
  gpointer data;
  GHashTable *paths;            /* of all stored rows */
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
    report (r, row->path, "the image is missing");
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
      report (r, path, "no row knows this file");
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

gint
catalogue_verify (Catalogue *catalogue, void (*say) (const gchar *line, gpointer data), gpointer data, GError **error)
{
  Report r = { catalogue, say, data, g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), 0 };
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "PRAGMA integrity_check(20)", "");
  gboolean read = statement != NULL;

  while (read && sqlite3_step (statement) == SQLITE_ROW) {
    const gchar *line = (const gchar *) sqlite3_column_text (statement, 0);

    if (g_strcmp0 (line, "ok") != 0)
      report (&r, "catalogue.sqlite", line);
  }
  sqlite3_finalize (statement);
  read = read && catalogue_each (catalogue, verify_row, &r, error);
  if (read)
    verify_files (&r);
  g_hash_table_unref (r.paths);
  return read ? r.wrong : -1;
}
