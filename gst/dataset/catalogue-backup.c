/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-backup.c: a second dataset of the same frames, while others write the first. The catalogue is copied first, of
 * one moment, then the images that it names; it gets its name when they are all on the disk, so that a copy that broke off
 * is no dataset. */
#include "catalogue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNNAMED "catalogue.sqlite.part"
enum { BLOCK = 256 * 1024, ATTEMPTS = 100, ATTEMPT_MS = 50 };

typedef struct {
  Catalogue *from, *to;
  CatalogueBackup *result;
  GHashTable *folders;          /* that were made, to be synced */
  GPtrArray *gone;              /* ids of frames whose image is not there */
  gboolean links;               /* one disk: images get a second name */
  GError *error;
} Backup;

/* ---- the folder --------------------------------------------------------------------------------------------------------- */

static gboolean
is_within (const gchar *folder, const gchar *target)
{
  g_autofree gchar *parent = g_path_get_dirname (target);
  gchar *outer = realpath (folder, NULL), *inner = realpath (parent, NULL);
  gsize n = outer ? strlen (outer) : 0;
  gboolean within = inner && n && strncmp (outer, inner, n) == 0 && (inner[n] == 0 || inner[n] == '/');

  free (outer);
  free (inner);
  return within;
}

static gboolean
make_target (const Catalogue *from, const gchar *target, GError **error)
{
  g_autofree gchar *frames = g_build_filename (target, CATALOGUE_FRAMES, NULL);

  if (is_within (from->folder, target))
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s lies in the dataset itself: give a folder outside of %s",
        target, from->folder);
  else if (g_mkdir (target, 0755) != 0)
    g_set_error (error, CATALOGUE_ERROR, errno == ENOSPC ? CATALOGUE_ERROR_FULL : CATALOGUE_ERROR_OPEN, errno == EEXIST
        ? "%s is there already, and a backup replaces nothing: give a new name" : "%s cannot be made: %s", target,
        g_strerror (errno));
  else if (g_mkdir (frames, 0755) == 0)
    return TRUE;
  else {
    catalogue_fail_file (frames, error);
    g_rmdir (target);
  }
  return FALSE;
}

/* All in it is ours: the folder was not there before. */
static void
remove_tree (const gchar *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *inner = g_build_filename (path, name, NULL);

    remove_tree (inner);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

/* ---- the catalogue ------------------------------------------------------------------------------------------------------ */

/* All pages in one step: in several, each transaction of a writer would begin it anew. */
static gboolean
copy_pages (Backup *b, GError **error)
{
  sqlite3_backup *copy = sqlite3_backup_init (b->to->db, "main", b->from->db, "main");
  int code = SQLITE_ERROR;

  if (copy == NULL)
    return catalogue_fail (b->to, error);
  for (guint i = 0; i < ATTEMPTS; i++) {
    code = sqlite3_backup_step (copy, -1);
    if (code != SQLITE_BUSY && code != SQLITE_LOCKED)
      break;
    sqlite3_sleep (ATTEMPT_MS);
  }
  if (sqlite3_backup_finish (copy) == SQLITE_OK && code == SQLITE_DONE)
    return TRUE;
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY, "%s is locked by another process", b->from->file);
    return FALSE;
  }
  return catalogue_fail (b->to, error);
}

/* One file, with no log beside it that would have to be renamed, too. Nobody else looks at it yet: it needs no shared memory. */
static gboolean
copy_catalogue (Backup *b, GError **error)
{
  return catalogue_run (b->to, error, "PRAGMA locking_mode = EXCLUSIVE", "") && copy_pages (b, error)
      && catalogue_run (b->to, error, "PRAGMA journal_mode = DELETE", "")
      && catalogue_run (b->to, error, "PRAGMA synchronous = FULL", "");
}

/* What was deleted since the catalogue was copied was deleted by prune, or it is missed in the dataset, too. */
static gboolean
mark_gone (Backup *b, GError **error)
{
  if (b->gone->len == 0)
    return TRUE;
  if (!catalogue_begin (b->to, error))
    return FALSE;
  for (guint i = 0; i < b->gone->len; i++) {
    const gchar *id = b->gone->pdata[i];
    gboolean evicted = catalogue_number (b->from, 0, "SELECT state = 'evicted' FROM frame WHERE id = ?", "s", id);

    b->result->missing += !evicted;
    if (!catalogue_run (b->to, error, "UPDATE frame SET state = ? WHERE id = ?", "ss", evicted ? "evicted" : "missing", id)) {
      catalogue_rollback (b->to);
      return FALSE;
    }
  }
  return catalogue_commit (b->to, error);
}

/* ---- the images --------------------------------------------------------------------------------------------------------- */

/* FALSE with errno. */
static gboolean
copy_bytes (int from, int to)
{
  g_autofree guint8 *block = g_malloc (BLOCK);
  ssize_t n;

  while ((n = read (from, block, BLOCK)) != 0)
    if ((n < 0 && errno != EINTR) || (n > 0 && !catalogue_write_all (to, block, n)))
      return FALSE;
  return fsync (to) == 0;
}

static gboolean
copy_file (int from, const gchar *path, GError **error)
{
  int to = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  gboolean copied = to >= 0 && copy_bytes (from, to);

  if (!copied)
    catalogue_fail_file (path, error);
  if (to >= 0)
    close (to);
  return copied;
}

static gboolean
make_folder_of (Backup *b, const gchar *path, GError **error)
{
  gchar *folder = g_path_get_dirname (path);

  if (g_hash_table_contains (b->folders, folder)) {
    g_free (folder);
    return TRUE;
  }
  if (g_mkdir (folder, 0755) == 0)
    return g_hash_table_add (b->folders, folder);
  catalogue_fail_file (folder, error);
  g_free (folder);
  return FALSE;
}

/* An image is never written a second time, so one file under two names serves both datasets. */
static gboolean
keep_image (Backup *b, const CatalogueRow *row, const gchar *from, const gchar *to, GError **error)
{
  gboolean kept;
  int fd;

  if (b->links && link (from, to) == 0) {
    b->result->linked++;
    return TRUE;
  }
  fd = open (from, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    g_ptr_array_add (b->gone, g_strdup (row->id));
    return TRUE;
  }
  if (fd < 0) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s cannot be read: %s", from, g_strerror (errno));
    return FALSE;
  }
  kept = copy_file (fd, to, error);
  close (fd);
  b->result->copied += kept;
  return kept;
}

static gboolean
take_row (const CatalogueRow *row, gpointer data)
{
  Backup *b = data;
  g_autofree gchar *from = catalogue_path (b->from, row->path), *to = catalogue_path (b->to, row->path);

  return make_folder_of (b, to, &b->error) && keep_image (b, row, from, to, &b->error);
}

/* Asked before hours of copying end in it. */
static gboolean
has_room (Backup *b, GError **error)
{
  guint64 free_bytes = catalogue_free_bytes (b->to);
  g_autofree gchar *wanted = NULL, *there = NULL;
  struct stat from, to;
  CatalogueCounts counts;

  b->links = stat (b->from->folder, &from) == 0 && stat (b->to->folder, &to) == 0 && from.st_dev == to.st_dev;
  if (!catalogue_count (b->to, &counts, error))
    return FALSE;
  if (b->links || counts.bytes <= free_bytes)
    return TRUE;
  wanted = g_format_size (counts.bytes);
  there = g_format_size (free_bytes);
  g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_FULL, "%s: the images need %s, and %s are free", b->to->folder, wanted,
      there);
  return FALSE;
}

static gboolean
keep_images (Backup *b, GError **error)
{
  gboolean kept;

  catalogue_set_progress (b->to, b->from->what, b->from->progress, b->from->progress_data);
  kept = catalogue_each (b->to, take_row, b, error);
  if (b->error == NULL)
    return kept;
  g_propagate_error (error, g_steal_pointer (&b->error));
  return FALSE;
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------- */

static gboolean
sync_names (Backup *b, GError **error)
{
  g_autofree gchar *frames = catalogue_path (b->to, CATALOGUE_FRAMES), *parent = g_path_get_dirname (b->to->folder);
  GHashTableIter iter;
  gpointer folder;

  g_hash_table_iter_init (&iter, b->folders);
  while (g_hash_table_iter_next (&iter, &folder, NULL))
    if (!catalogue_sync_folder (folder))
      return catalogue_fail_file (folder, error);
  return (catalogue_sync_folder (frames) && catalogue_sync_folder (b->to->folder) && catalogue_sync_folder (parent))
      || catalogue_fail_file (b->to->folder, error);
}

static gboolean
name_catalogue (const gchar *target, GError **error)
{
  g_autofree gchar *part = g_build_filename (target, UNNAMED, NULL), *file = g_build_filename (target, "catalogue.sqlite", NULL);

  return (g_rename (part, file) == 0 && catalogue_sync_folder (target)) || catalogue_fail_file (file, error);
}

static gboolean
fill (Backup *b, GError **error)
{
  return copy_catalogue (b, error) && has_room (b, error) && keep_images (b, error) && mark_gone (b, error)
      && sync_names (b, error) && catalogue_count (b->to, &b->result->counts, error);
}

gboolean
catalogue_backup (Catalogue *catalogue, const gchar *target, CatalogueBackup *result, GError **error)
{
  g_autofree gchar *folder = g_strdup (target);
  Backup b = { catalogue, NULL, result, NULL, NULL, FALSE, NULL };
  gboolean done;

  for (gsize n = strlen (folder); n > 1 && folder[n - 1] == '/'; n--)
    folder[n - 1] = 0;          /* so that its parent is its parent */
  *result = (CatalogueBackup) { { 0 } };
  if (!make_target (catalogue, folder, error))
    return FALSE;
  b.folders = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  b.gone = g_ptr_array_new_with_free_func (g_free);
  b.to = catalogue_create (folder, UNNAMED, error);
  done = b.to && fill (&b, error);
  catalogue_close (b.to);
  done = done && name_catalogue (folder, error);
  if (!done)
    remove_tree (folder);
  g_ptr_array_unref (b.gone);
  g_hash_table_unref (b.folders);
  return done;
}
