/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-files.c: images on the disk, and what a crash left of them. */
#include "catalogue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Where images go that no row knows: after a crash the one that was being stored, after the restoring of an older
 * catalogue all since. Nothing is deleted. */
#define LOST "lost"
/* More missing files than this share of all: a disk that is not mounted, not a loss to be recorded. */
#define MASS_SHARE 0.5
#define MASS_LEAST 10

gchar *
catalogue_path (const Catalogue *catalogue, const gchar *path)
{
  return g_build_filename (catalogue->folder, path, NULL);
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

gboolean
catalogue_fail_file (const gchar *path, GError **error)
{
  int code = errno;

  g_set_error (error, CATALOGUE_ERROR, code == ENOSPC || code == EDQUOT ? CATALOGUE_ERROR_FULL : CATALOGUE_ERROR_WRITE,
      "%s cannot be written: %s", path, g_strerror (code));
  return FALSE;
}

gboolean
catalogue_write_all (int fd, const guint8 *data, gsize size)
{
  while (size > 0) {
    ssize_t n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return FALSE;
    data += n;
    size -= n;
  }
  return TRUE;
}

gboolean
catalogue_sync_folder (const gchar *folder)
{
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced = fd >= 0 && fsync (fd) == 0;

  if (fd >= 0)
    close (fd);
  return synced;
}

static gboolean
make_folder (Catalogue *catalogue, const gchar *folder)
{
  g_autofree gchar *frames = catalogue_path (catalogue, CATALOGUE_FRAMES);

  if (g_mkdir (folder, 0755) == 0)
    return catalogue_sync_folder (frames);
  return errno == EEXIST;
}

gboolean
catalogue_write_file (Catalogue *catalogue, const gchar *path, GBytes *image, GError **error)
{
  g_autofree gchar *file = catalogue_path (catalogue, path), *part = g_strconcat (file, ".part", NULL);
  g_autofree gchar *folder = g_path_get_dirname (file);
  gsize size;
  const guint8 *data = g_bytes_get_data (image, &size);
  gboolean written;
  int fd;

  if (!make_folder (catalogue, folder))
    return catalogue_fail_file (folder, error);
  fd = open (part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0)
    return catalogue_fail_file (part, error);
  written = catalogue_write_all (fd, data, size) && fsync (fd) == 0;
  if (!written)
    catalogue_fail_file (part, error);
  close (fd);
  if (written && (g_rename (part, file) != 0 || !catalogue_sync_folder (folder)))
    written = catalogue_fail_file (file, error);
  if (!written) {
    g_unlink (part);
    g_unlink (file);            /* no row knows it */
  }
  return written;
}

/* ---- reconciling ----------------------------------------------------------------------------------------------------- */

/* What the row of an image says of it: "stored", "evicted", "missing"; "" without a row, NULL where that cannot be read. */
static gchar *
state_of (Catalogue *catalogue, const gchar *path)
{
  gint64 n = catalogue_number (catalogue, -1, "SELECT count(*) FROM frame WHERE path = ?", "s", path);

  return n < 0 ? NULL : n == 0 ? g_strdup ("") : catalogue_text (catalogue, "SELECT state FROM frame WHERE path = ?", "s", path);
}

/* A file that was missed and is back, whole, is stored again. */
static gboolean
take_back (Catalogue *catalogue, const gchar *file, const gchar *path)
{
  g_autofree gchar *data = NULL, *sum = NULL;
  gsize size;

  if (!g_file_get_contents (file, &data, &size, NULL))
    return FALSE;
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, size);
  return catalogue_number (catalogue, 0, "SELECT count(*) FROM frame WHERE path = ? AND bytes = ? AND sha256 = ?", "sis", path,
          (gint64) size, sum) > 0
      && catalogue_run (catalogue, NULL, "UPDATE frame SET state = 'stored' WHERE path = ?", "s", path);
}

static void
put_aside (Catalogue *catalogue, const gchar *file, const gchar *name)
{
  g_autofree gchar *folder = catalogue_path (catalogue, LOST), *to = g_build_filename (folder, name, NULL);

  if ((g_mkdir (folder, 0755) != 0 && errno != EEXIST) || g_rename (file, to) != 0)
    g_warning ("%s, which no row knows, cannot be moved to %s: %s", file, to, g_strerror (errno));
  else
    catalogue->strays++;
}

/* Nobody else writes: the lock is ours. What the catalogue does not say for certain stays as it is. */
static void
sweep_file (Catalogue *catalogue, const gchar *file, const gchar *path, const gchar *name)
{
  g_autofree gchar *state = g_str_has_suffix (name, ".part") ? g_strdup ("evicted") : state_of (catalogue, path);

  if (state == NULL)
    g_warning ("%s stays, for its row cannot be read: %s", file, sqlite3_errmsg (catalogue->db));
  else if (g_str_equal (state, "evicted"))
    g_unlink (file);
  else if (*state == 0 || (g_str_equal (state, "missing") && !take_back (catalogue, file, path)))
    put_aside (catalogue, file, name);
}

/* What is on the disk and what the catalogue says of it, day by day, so that neither is held as a whole. */
typedef struct {
  Catalogue *catalogue;
  gchar *day;                   /* below the dataset's folder; NULL: none yet */
  GHashTable *names;            /* of the files there that no row of a stored image has named so far */
  GHashTable *seen;             /* days */
  GPtrArray *lost;              /* ids of rows without a file */
  GPtrArray *odd;               /* paths of files without such a row */
  guint n;                      /* rows of stored images */
} Search;

static void
end_day (Search *search)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, search->names);
  while (search->day && g_hash_table_iter_next (&iter, &name, NULL))
    g_ptr_array_add (search->odd, g_build_filename (search->day, name, NULL));
  g_hash_table_remove_all (search->names);
  g_clear_pointer (&search->day, g_free);
}

/* A folder that is not there is empty; one that cannot be read says nothing of its images. */
static gboolean
begin_day (Search *search, const gchar *day, GError **error)
{
  g_autofree gchar *folder = catalogue_path (search->catalogue, day);
  g_autoptr (GError) problem = NULL;
  GDir *dir = g_dir_open (folder, 0, &problem);
  const gchar *name;

  end_day (search);
  search->day = g_strdup (day);
  g_hash_table_add (search->seen, g_strdup (day));
  while (dir && (name = g_dir_read_name (dir)))
    g_hash_table_add (search->names, g_strdup (name));
  if (dir)
    g_dir_close (dir);
  else if (!g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s cannot be read: %s", folder, problem->message);
  return dir || g_error_matches (problem, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

/* The rows by path, which is day by day. */
static gboolean
search_rows (Search *search, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (search->catalogue, error, "SELECT path, id FROM frame WHERE state = 'stored' "
      "ORDER BY path", "");
  int code = SQLITE_ERROR;
  gboolean readable = TRUE;

  while (statement && readable && (code = sqlite3_step (statement)) == SQLITE_ROW) {
    const gchar *path = catalogue_column (statement, 0), *slash = strrchr (path, '/');
    gsize n = slash ? (gsize) (slash - path) : 0;

    if (search->day == NULL || strncmp (search->day, path, n) != 0 || search->day[n] != 0) {
      g_autofree gchar *day = g_strndup (path, n);

      readable = begin_day (search, day, error);
    }
    search->n++;
    if (!g_hash_table_remove (search->names, path + n + (slash != NULL)))
      g_ptr_array_add (search->lost, g_strdup (catalogue_column (statement, 1)));
  }
  if (statement && readable && code != SQLITE_DONE)
    catalogue_fail (search->catalogue, error);
  sqlite3_finalize (statement);
  end_day (search);
  return code == SQLITE_DONE;
}

/* Days of which no row is left. */
static void
search_other_days (Search *search)
{
  g_autofree gchar *frames = catalogue_path (search->catalogue, CATALOGUE_FRAMES);
  GDir *dir = g_dir_open (frames, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *day = g_build_filename (CATALOGUE_FRAMES, name, NULL);

    if (!g_hash_table_contains (search->seen, day))
      begin_day (search, day, NULL);    /* its images are of no row */
  }
  if (dir)
    g_dir_close (dir);
  end_day (search);
}

static void
sweep (Catalogue *catalogue, const GPtrArray *odd)
{
  for (guint i = 0; i < odd->len; i++) {
    g_autofree gchar *file = catalogue_path (catalogue, odd->pdata[i]), *name = g_path_get_basename (odd->pdata[i]);

    sweep_file (catalogue, file, odd->pdata[i], name);
  }
}

static gboolean
mark_missing (Catalogue *catalogue, const GPtrArray *lost, GError **error)
{
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  for (guint i = 0; i < lost->len; i++)
    if (!catalogue_run (catalogue, error, "UPDATE frame SET state = 'missing' WHERE id = ?", "s", lost->pdata[i])) {
      catalogue_rollback (catalogue);
      return FALSE;
    }
  return catalogue_commit (catalogue, error);
}

static gboolean
settle (Catalogue *catalogue, const Search *search, GError **error)
{
  if (search->lost->len > MASS_LEAST && search->lost->len > MASS_SHARE * search->n) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%u of %u images are missing below %s: is another disk to be "
        "mounted there? If they are gone for good, begin another dataset", search->lost->len, search->n, catalogue->folder);
    return FALSE;
  }
  if (search->lost->len && !mark_missing (catalogue, search->lost, error))
    return FALSE;
  sweep (catalogue, search->odd);
  /* What had not ended when the process did has ended by now, if nobody says otherwise. */
  return catalogue_run (catalogue, error, "UPDATE outage SET ended_at = ? WHERE ended_at IS NULL", "i", g_get_real_time ());
}

gboolean
catalogue_reconcile (Catalogue *catalogue, GError **error)
{
  Search search = { .catalogue = catalogue, .names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL),
    .lost = g_ptr_array_new_with_free_func (g_free), .odd = g_ptr_array_new_with_free_func (g_free) };
  gboolean done = search_rows (&search, error);

  if (done) {
    search_other_days (&search);
    done = settle (catalogue, &search, error);
  }
  g_hash_table_unref (search.names);
  g_hash_table_unref (search.seen);
  g_ptr_array_unref (search.lost);
  g_ptr_array_unref (search.odd);
  return done;
}
