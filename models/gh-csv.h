/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-csv.h: a strict reader of comma separated values (RFC 4180): a header line, then rows of as many fields; fields may
 * be quoted, then "" is a quote and commas and line ends are text. UTF-8, with or without a byte order mark; lines end
 * in LF or CRLF; empty lines are skipped. Errors are GH_ERROR_DATA (or OPEN, NOT_FOUND) and begin with FILE:LINE.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int line;                     /* where the row begins, from 1 */
  char **fields;                /* [n_columns], NULL-terminated */
} GhCsvRow;

typedef struct {
  char *path;
  char **columns;               /* NULL-terminated, unique, without surrounding blanks */
  guint n_columns;
  GArray *rows;                 /* of GhCsvRow */
} GhCsv;

GhCsv *gh_csv_read (const char *path, GError **error);
/* text need not be terminated; `path` names it in errors. */
GhCsv *gh_csv_parse (const char *text, gsize size, const char *path, GError **error);
void gh_csv_free (GhCsv *csv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhCsv, gh_csv_free)

/* Index of a column; -1 and an error that lists the columns there are. */
int gh_csv_column (const GhCsv *csv, const char *name, GError **error);
#define gh_csv_row(csv, i) (&g_array_index ((csv)->rows, GhCsvRow, i))

/* Sets GH_ERROR_DATA for that line, also for what a reader of the table makes of it. Returns FALSE. */
gboolean gh_csv_error (GError **error, const char *path, int line, const char *format, ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
