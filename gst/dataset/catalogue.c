/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue.c: opening, closing and the way of every statement; see catalogue.h. */
#include "catalogue-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

G_DEFINE_QUARK (catalogue-error-quark, catalogue_error)

/* Transactions between two write-backs of the log. */
enum { CHECKPOINT_EVERY = 200, BUSY_MS = 5000 };

gboolean
catalogue_fail (Catalogue *catalogue, GError **error)
{
  int code = sqlite3_extended_errcode (catalogue->db), basic = code & 0xff;

  g_set_error (error, CATALOGUE_ERROR, basic == SQLITE_FULL ? CATALOGUE_ERROR_FULL
      : basic == SQLITE_CORRUPT || basic == SQLITE_NOTADB ? CATALOGUE_ERROR_CORRUPT : CATALOGUE_ERROR_WRITE, "%s: %s",
      catalogue->file, sqlite3_errmsg (catalogue->db));
  return FALSE;
}

/* ---- statements ------------------------------------------------------------------------------------------------- */

static void
bind (sqlite3_stmt *statement, const gchar *types, va_list values)
{
  for (int i = 1; *types; types++, i++) {
    const gchar *text;
    GBytes *bytes;
    gsize size;

    switch (*types) {
      case 's':
        text = va_arg (values, const gchar *);
        sqlite3_bind_text (statement, i, text, -1, SQLITE_TRANSIENT);
        break;
      case 'i':
        sqlite3_bind_int64 (statement, i, va_arg (values, gint64));
        break;
      case 'd':
        sqlite3_bind_double (statement, i, va_arg (values, gdouble));
        break;
      default:
        bytes = va_arg (values, GBytes *);
        if (bytes) {
          gconstpointer data = g_bytes_get_data (bytes, &size);
          sqlite3_bind_blob (statement, i, data, (int) size, SQLITE_TRANSIENT);
        }
    }
  }
}

static sqlite3_stmt *
prepare (Catalogue *catalogue, GError **error, const gchar *sql, const gchar *types, va_list values)
{
  sqlite3_stmt *statement;

  if (sqlite3_prepare_v2 (catalogue->db, sql, -1, &statement, NULL) != SQLITE_OK) {
    catalogue_fail (catalogue, error);
    return NULL;
  }
  bind (statement, types, values);
  return statement;
}

sqlite3_stmt *
catalogue_prepare (Catalogue *catalogue, GError **error, const gchar *sql, const gchar *types, ...)
{
  sqlite3_stmt *statement;
  va_list values;

  va_start (values, types);
  statement = prepare (catalogue, error, sql, types, values);
  va_end (values);
  return statement;
}

gboolean
catalogue_run (Catalogue *catalogue, GError **error, const gchar *sql, const gchar *types, ...)
{
  sqlite3_stmt *statement;
  va_list values;
  int code;

  va_start (values, types);
  statement = prepare (catalogue, error, sql, types, values);
  va_end (values);
  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gint64
catalogue_number (Catalogue *catalogue, gint64 otherwise, const gchar *sql, const gchar *types, ...)
{
  sqlite3_stmt *statement;
  gint64 number = otherwise;
  va_list values;

  va_start (values, types);
  statement = prepare (catalogue, NULL, sql, types, values);
  va_end (values);
  if (statement && sqlite3_step (statement) == SQLITE_ROW && sqlite3_column_type (statement, 0) != SQLITE_NULL)
    number = sqlite3_column_int64 (statement, 0);
  sqlite3_finalize (statement);
  return number;
}

gchar *
catalogue_text (Catalogue *catalogue, const gchar *sql, const gchar *types, ...)
{
  sqlite3_stmt *statement;
  gchar *text = NULL;
  va_list values;

  va_start (values, types);
  statement = prepare (catalogue, NULL, sql, types, values);
  va_end (values);
  if (statement && sqlite3_step (statement) == SQLITE_ROW)
    text = g_strdup ((const gchar *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  return text;
}

void
catalogue_set_progress (Catalogue *catalogue, const gchar *what, gboolean (*progress) (gdouble fraction, const gchar *what,
        gpointer data), gpointer data)
{
  g_free (catalogue->what);
  catalogue->what = g_strdup (what);
  catalogue->progress = progress;
  catalogue->progress_data = data;
}

gboolean
catalogue_tell (Catalogue *catalogue, gint64 done, gint64 all, GError **error)
{
  if (catalogue->progress == NULL
      || catalogue->progress (all ? (gdouble) done / (gdouble) all : 1, catalogue->what, catalogue->progress_data))
    return TRUE;
  g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_STOPPED, "stopped: %s", catalogue->what);
  return FALSE;
}

gboolean
catalogue_begin (Catalogue *catalogue, GError **error)
{
  return catalogue_run (catalogue, error, "BEGIN IMMEDIATE", "");
}

gboolean
catalogue_commit (Catalogue *catalogue, GError **error)
{
  if (!catalogue_run (catalogue, error, "COMMIT", "")) {
    catalogue_rollback (catalogue);
    return FALSE;
  }
  if (++catalogue->since_checkpoint >= CHECKPOINT_EVERY) {
    /* Readers may hold it up; then the next time does it. */
    sqlite3_wal_checkpoint_v2 (catalogue->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    catalogue->since_checkpoint = 0;
  }
  return TRUE;
}

void
catalogue_rollback (Catalogue *catalogue)
{
  if (!sqlite3_get_autocommit (catalogue->db))
    catalogue_run (catalogue, NULL, "ROLLBACK", "");
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

static Catalogue *
new_catalogue (const gchar *folder)
{
  Catalogue *catalogue = g_new0 (Catalogue, 1);

  catalogue->folder = g_strdup (folder);
  catalogue->file = g_build_filename (folder, "catalogue.sqlite", NULL);
  catalogue->lock = -1;
  return catalogue;
}

void
catalogue_close (Catalogue *catalogue)
{
  if (catalogue == NULL)
    return;
  if (catalogue->db && catalogue->lock >= 0)
    sqlite3_wal_checkpoint_v2 (catalogue->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
  sqlite3_close (catalogue->db);
  if (catalogue->lock >= 0)
    close (catalogue->lock);
  g_free (catalogue->folder);
  g_free (catalogue->file);
  g_free (catalogue->what);
  g_free (catalogue);
}

static gboolean
take_lock (Catalogue *catalogue, GError **error)
{
  g_autofree gchar *path = g_build_filename (catalogue->folder, "catalogue.lock", NULL);

  catalogue->lock = open (path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (catalogue->lock < 0) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s cannot be written: %s. Take a folder that this "
        "user may write to", path, g_strerror (errno));
    return FALSE;
  }
  if (flock (catalogue->lock, LOCK_EX | LOCK_NB) == 0)
    return TRUE;
  g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY, "%s is being written by another process or element: give each "
      "a folder of its own", catalogue->folder);
  return FALSE;
}

/* SQLite reads a log and makes shared memory beside the database, which it cannot where it may not write; but where nobody
 * writes there is no log, and it can be told that the file does not change. */
static gboolean
is_at_rest (const Catalogue *catalogue)
{
  g_autofree gchar *log = g_strconcat (catalogue->file, "-wal", NULL);

  return access (catalogue->folder, W_OK) != 0 && !g_file_test (log, G_FILE_TEST_EXISTS);
}

static gboolean
open_database (Catalogue *catalogue, int flags, GError **error)
{
  g_autofree gchar *file = g_canonicalize_filename (catalogue->file, NULL), *escaped = g_filename_to_uri (file, NULL, NULL);
  g_autofree gchar *uri = g_strconcat (escaped, (flags & SQLITE_OPEN_READONLY) && is_at_rest (catalogue) ? "?immutable=1" : "",
      NULL);

  if (sqlite3_open_v2 (uri, &catalogue->db, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s cannot be opened: %s", catalogue->file,
        sqlite3_errmsg (catalogue->db));
    return FALSE;
  }
  sqlite3_extended_result_codes (catalogue->db, TRUE);
  sqlite3_busy_timeout (catalogue->db, BUSY_MS);
  return catalogue_run (catalogue, error, "PRAGMA foreign_keys = ON", "");
}

Catalogue *
catalogue_create (const gchar *folder, const gchar *name, GError **error)
{
  g_autoptr (Catalogue) catalogue = new_catalogue (folder);

  g_free (catalogue->file);
  catalogue->file = g_build_filename (folder, name, NULL);
  return open_database (catalogue, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error) ? g_steal_pointer (&catalogue) : NULL;
}

/* Whether the database finds nothing wrong with itself. */
static gboolean
check (Catalogue *catalogue, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "PRAGMA quick_check(1)", "");
  gboolean sound;

  if (statement == NULL)
    return FALSE;
  sound = sqlite3_step (statement) == SQLITE_ROW
      && g_strcmp0 ((const gchar *) sqlite3_column_text (statement, 0), "ok") == 0;
  sqlite3_finalize (statement);
  if (!sound)
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_CORRUPT, "%s is damaged: put it aside and recover what it holds with "
        "\"sqlite3 FILE .recover\"", catalogue->file);
  return sound;
}

static gboolean
set_pragmas (Catalogue *catalogue, GError **error)
{
  static const gchar *const pragmas[] = { "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0", "PRAGMA journal_size_limit = 16777216" };

  for (gsize i = 0; i < G_N_ELEMENTS (pragmas); i++)
    if (!catalogue_run (catalogue, error, pragmas[i], ""))
      return FALSE;
  return TRUE;
}

static gboolean
prepare_writing (Catalogue *catalogue, GError **error)
{
  return catalogue_check_version (catalogue, error) && set_pragmas (catalogue, error) && check (catalogue, error)
      && catalogue_migrate (catalogue, error) && catalogue_reconcile (catalogue, error);
}

Catalogue *
catalogue_open (const gchar *folder, GError **error)
{
  g_autoptr (Catalogue) catalogue = new_catalogue (folder);
  g_autofree gchar *frames = g_build_filename (folder, CATALOGUE_FRAMES, NULL);

  if (g_mkdir_with_parents (frames, 0755) != 0) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s cannot be made: %s. Take a folder that can be "
        "made and that this user may write to", frames, g_strerror (errno));
    return NULL;
  }
  if (!take_lock (catalogue, error)
      || !open_database (catalogue, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error)
      || !prepare_writing (catalogue, error))
    return NULL;
  return g_steal_pointer (&catalogue);
}

/* An older version is brought up to date, which needs the lock for that moment. */
static gboolean
bring_up_to_date (const gchar *folder, GError **error)
{
  GError *problem = NULL;
  Catalogue *catalogue = catalogue_open (folder, &problem);

  catalogue_close (catalogue);
  if (g_error_matches (problem, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY))
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY, "%s is being written by an older gst-heads: end that process, "
        "then try again", folder);
  else if (problem)
    g_propagate_error (error, g_steal_pointer (&problem));
  g_clear_error (&problem);
  return catalogue != NULL;
}

Catalogue *
catalogue_open_beside (const gchar *folder, GError **error)
{
  g_autoptr (Catalogue) reader = catalogue_open_read (folder, error);
  g_autoptr (Catalogue) catalogue = new_catalogue (folder);

  if (reader == NULL || (!catalogue_is_current (reader) && !bring_up_to_date (folder, error))
      || !open_database (catalogue, SQLITE_OPEN_READWRITE, error) || !catalogue_check_version (catalogue, error)
      || !set_pragmas (catalogue, error))
    return NULL;
  return g_steal_pointer (&catalogue);
}

Catalogue *
catalogue_open_read (const gchar *folder, GError **error)
{
  g_autoptr (Catalogue) catalogue = new_catalogue (folder);

  if (!g_file_test (catalogue->file, G_FILE_TEST_EXISTS)) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s is no dataset: there is no catalogue.sqlite", folder);
    return NULL;
  }
  if (!open_database (catalogue, SQLITE_OPEN_READONLY, error) || !catalogue_check_version (catalogue, error))
    return NULL;
  return g_steal_pointer (&catalogue);
}

const gchar *
catalogue_folder (const Catalogue *catalogue)
{
  return catalogue->folder;
}

guint64
catalogue_free_bytes (const Catalogue *catalogue)
{
  struct statvfs disk;

  return statvfs (catalogue->folder, &disk) == 0 ? (guint64) disk.f_bavail * disk.f_frsize : G_MAXUINT64;
}

guint
catalogue_strays (const Catalogue *catalogue)
{
  return catalogue->strays;
}
