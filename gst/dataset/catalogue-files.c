/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-files.c: images on the disk, and what a crash left of them. */
#include "catalogue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
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

static void
sweep_folder (Catalogue *catalogue, const gchar *day)
{
  g_autofree gchar *folder = g_build_filename (catalogue->folder, CATALOGUE_FRAMES, day, NULL);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *file = g_build_filename (folder, name, NULL);
    g_autofree gchar *path = g_build_filename (CATALOGUE_FRAMES, day, name, NULL);

    sweep_file (catalogue, file, path, name);
  }
  if (dir)
    g_dir_close (dir);
}

static void
sweep (Catalogue *catalogue)
{
  g_autofree gchar *frames = catalogue_path (catalogue, CATALOGUE_FRAMES);
  GDir *dir = g_dir_open (frames, 0, NULL);
  const gchar *day;

  while (dir && (day = g_dir_read_name (dir)))
    sweep_folder (catalogue, day);
  if (dir)
    g_dir_close (dir);
}

typedef struct {
  const Catalogue *catalogue;
  GPtrArray *lost;              /* ids */
  guint n;
} Search;

static gboolean
look_for_file (const CatalogueRow *row, gpointer data)
{
  Search *search = data;
  g_autofree gchar *file = catalogue_path (search->catalogue, row->path);

  search->n++;
  if (!g_file_test (file, G_FILE_TEST_EXISTS))
    g_ptr_array_add (search->lost, g_strdup (row->id));
  return TRUE;
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

gboolean
catalogue_reconcile (Catalogue *catalogue, GError **error)
{
  Search search = { catalogue, g_ptr_array_new_with_free_func (g_free), 0 };
  gboolean done = catalogue_each (catalogue, look_for_file, &search, error);

  if (done && search.lost->len > MASS_LEAST && search.lost->len > MASS_SHARE * search.n) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%u of %u images are missing below %s: is another disk to be "
        "mounted there? If they are gone for good, begin another dataset", search.lost->len, search.n, catalogue->folder);
    done = FALSE;
  }
  if (done && search.lost->len)
    done = mark_missing (catalogue, search.lost, error);
  if (done) {
    sweep (catalogue);
    /* What had not ended when the process did has ended by now, if nobody says otherwise. */
    done = catalogue_run (catalogue, error, "UPDATE outage SET ended_at = ? WHERE ended_at IS NULL", "i", g_get_real_time ());
  }
  g_ptr_array_unref (search.lost);
  return done;
}
