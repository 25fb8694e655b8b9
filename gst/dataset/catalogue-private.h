/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-private.h (private): what the files of the catalogue share. */
#pragma once

#include "catalogue.h"

#include <sqlite3.h>

G_BEGIN_DECLS

#define CATALOGUE_FRAMES "frames"

struct _Catalogue {
  gchar *folder, *file;
  sqlite3 *db;
  int lock;                     /* -1: for reading */
  guint since_checkpoint;       /* transactions */
  guint strays;                 /* images without a row, put aside when it was opened */
  gboolean (*progress) (gdouble fraction, const gchar *what, gpointer data);
  gpointer progress_data;
  gchar *what;
};

/* Sets *error to what SQLite says; FALSE. */
gboolean catalogue_fail (Catalogue *catalogue, GError **error);

/* A prepared statement; NULL with an error. The arguments are bound in order by the letters of types: s text, i gint64,
 * d double, b GBytes; NULL text and GBytes are NULL. */
sqlite3_stmt *catalogue_prepare (Catalogue *catalogue, GError **error, const gchar *sql, const gchar *types, ...);
/* Prepares, runs to the end and finalises. */
gboolean catalogue_run (Catalogue *catalogue, GError **error, const gchar *sql, const gchar *types, ...);
/* The first column of the first row, or otherwise. */
gint64 catalogue_number (Catalogue *catalogue, gint64 otherwise, const gchar *sql, const gchar *types, ...);

/* So much is done. FALSE with an error when it is to stop. */
gboolean catalogue_tell (Catalogue *catalogue, gint64 done, gint64 all, GError **error);

gboolean catalogue_begin (Catalogue *catalogue, GError **error);
/* Commits, and now and then writes the log back. */
gboolean catalogue_commit (Catalogue *catalogue, GError **error);
void catalogue_rollback (Catalogue *catalogue);

/* A column of the row a statement stands at, as text; borrowed until it moves on. */
static inline const gchar *
catalogue_column (sqlite3_stmt *statement, int column)
{
  return (const gchar *) sqlite3_column_text (statement, column);
}

/* The first column of the first row as text, to be freed; NULL when there is none. */
gchar *catalogue_text (Catalogue *catalogue, const gchar *sql, const gchar *types, ...);

/* A database of that name in a folder that is there, empty, without the lock. */
Catalogue *catalogue_create (const gchar *folder, const gchar *name, GError **error);

/* catalogue-outbox.c: a frame's upload, in the transaction of the frame. */
gboolean catalogue_insert_upload (Catalogue *catalogue, const CatalogueDestination *to, const gchar *frame,
    const gchar *source, const gchar *sha256, gboolean *added, GError **error);

/* catalogue-schema.c: brings the database to this version. */
gboolean catalogue_migrate (Catalogue *catalogue, GError **error);
/* Whether it is of this version already. */
gboolean catalogue_is_current (Catalogue *catalogue);
/* Refuses another program's database and a newer version. */
gboolean catalogue_check_version (Catalogue *catalogue, GError **error);

/* catalogue-files.c: what a crash left. */
gboolean catalogue_reconcile (Catalogue *catalogue, GError **error);
/* Sets *error to errno, about a path; FALSE. */
gboolean catalogue_fail_file (const gchar *path, GError **error);
/* FALSE with errno. */
gboolean catalogue_write_all (int fd, const guint8 *data, gsize size);
/* Makes names in a folder durable. */
gboolean catalogue_sync_folder (const gchar *folder);
/* Writes an image under path (below the folder), durably. */
gboolean catalogue_write_file (Catalogue *catalogue, const gchar *path, GBytes *image, GError **error);
/* The path of a stored frame's file; free it. */
gchar *catalogue_path (const Catalogue *catalogue, const gchar *path);

G_END_DECLS
