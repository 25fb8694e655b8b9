/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-csv.c: see the header. */
#include "gh-csv.h"
#include "gh-error.h"

#include <string.h>

#define MAX_COLUMNS 4096

typedef struct {
  const char *path, *p, *end;
  int line;
} Reader;

gboolean
gh_csv_error (GError **error, const char *path, int line, const char *format, ...)
{
  g_autofree char *name = g_filename_display_name (path), *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s:%d: %s", name, line, text);
  return FALSE;
}

/* ---- one row ------------------------------------------------------------------------------------------- */

static gboolean
at_line_end (const Reader *r)
{
  return r->p == r->end || *r->p == '\n' || (*r->p == '\r' && (r->p + 1 == r->end || r->p[1] == '\n'));
}

static void
skip_line_end (Reader *r)
{
  if (r->p < r->end && *r->p == '\r')
    r->p++;
  if (r->p < r->end && *r->p == '\n')
    r->p++;
  r->line++;
}

static char *
read_quoted (Reader *r, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  int opened = r->line;

  for (r->p++; r->p < r->end; r->p++) {
    if (*r->p == '"' && r->p + 1 < r->end && r->p[1] == '"')
      r->p++;
    else if (*r->p == '"')
      break;
    if (*r->p == '\n')
      r->line++;
    g_string_append_c (text, *r->p);
  }
  if (r->p == r->end) {
    gh_csv_error (error, r->path, opened, "a quote is opened and never closed");
    return NULL;
  }
  r->p++;
  if (!at_line_end (r) && *r->p != ',') {
    gh_csv_error (error, r->path, r->line, "text follows a closing quote; quotes inside quoted text are doubled");
    return NULL;
  }
  return g_strdup (text->str);
}

static char *
read_plain (Reader *r, GError **error)
{
  const char *start = r->p;

  while (!at_line_end (r) && *r->p != ',') {
    if (*r->p == '"') {
      gh_csv_error (error, r->path, r->line, "a quote stands inside unquoted text");
      return NULL;
    }
    r->p++;
  }
  return g_strndup (start, r->p - start);
}

static char **
read_fields (Reader *r, GError **error)
{
  g_autoptr (GPtrArray) fields = g_ptr_array_new_with_free_func (g_free);

  for (;;) {
    char *field = r->p < r->end && *r->p == '"' ? read_quoted (r, error) : read_plain (r, error);

    if (!field)
      return NULL;
    g_ptr_array_add (fields, g_strstrip (field));
    if (fields->len > MAX_COLUMNS) {
      gh_csv_error (error, r->path, r->line, "more than %d fields in a row", MAX_COLUMNS);
      return NULL;
    }
    if (at_line_end (r))
      break;
    r->p++;                     /* the comma */
  }
  skip_line_end (r);
  g_ptr_array_add (fields, NULL);
  g_ptr_array_set_free_func (fields, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&fields), FALSE);
}

/* ---- the table ----------------------------------------------------------------------------------------- */

static gboolean
check_header (GhCsv *csv, int line, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  csv->n_columns = g_strv_length (csv->columns);
  if (csv->n_columns == 1 && strpbrk (csv->columns[0], ";\t"))
    return gh_csv_error (error, csv->path, line, "fields are separated by \"%s\"; commas are expected",
        strchr (csv->columns[0], ';') ? ";" : "tab");
  for (guint i = 0; i < csv->n_columns; i++) {
    if (*csv->columns[i] == '\0')
      return gh_csv_error (error, csv->path, line, "column %u has no name", i + 1);
    if (!g_hash_table_add (seen, csv->columns[i]))
      return gh_csv_error (error, csv->path, line, "two columns are named \"%s\"", csv->columns[i]);
  }
  return TRUE;
}

static gboolean
read_table (GhCsv *csv, Reader *r, GError **error)
{
  while (r->p < r->end) {
    GhCsvRow row = { r->line, NULL };

    if (at_line_end (r)) {
      skip_line_end (r);
      continue;
    }
    row.fields = read_fields (r, error);
    if (!row.fields)
      return FALSE;
    if (!csv->columns) {
      csv->columns = row.fields;
      if (!check_header (csv, row.line, error))
        return FALSE;
      continue;
    }
    g_array_append_val (csv->rows, row);
    if (g_strv_length (row.fields) != csv->n_columns)
      return gh_csv_error (error, csv->path, row.line, "%u fields, the header has %u", g_strv_length (row.fields),
          csv->n_columns);
  }
  return csv->columns || gh_csv_error (error, csv->path, 1, "the file is empty; a line of column names is expected");
}

static void
clear_row (gpointer row)
{
  g_strfreev (((GhCsvRow *) row)->fields);
}

GhCsv *
gh_csv_parse (const char *text, gsize size, const char *path, GError **error)
{
  g_autoptr (GhCsv) csv = g_new0 (GhCsv, 1);
  Reader r = { path, text, text + size, 1 };
  const char *bad = NULL;

  csv->path = g_strdup (path);
  csv->rows = g_array_new (FALSE, FALSE, sizeof (GhCsvRow));
  g_array_set_clear_func (csv->rows, clear_row);
  if (!g_utf8_validate (text, size, &bad)) {
    for (const char *p = text; p < bad; p++)
      r.line += *p == '\n';
    gh_csv_error (error, path, r.line, "not UTF-8 text");
    return NULL;
  }
  if (size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    r.p += 3;
  return read_table (csv, &r, error) ? g_steal_pointer (&csv) : NULL;
}

GhCsv *
gh_csv_read (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *text = NULL;
  gsize size;

  if (g_file_get_contents (path, &text, &size, &local))
    return gh_csv_parse (text, size, path, error);
  if (g_error_matches (local, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "%s: there is no such CSV file", path);
  else
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s", local->message);
  return NULL;
}

void
gh_csv_free (GhCsv *csv)
{
  if (!csv)
    return;
  g_free (csv->path);
  g_strfreev (csv->columns);
  g_array_unref (csv->rows);
  g_free (csv);
}

int
gh_csv_column (const GhCsv *csv, const char *name, GError **error)
{
  g_autofree char *there = NULL;

  for (guint i = 0; i < csv->n_columns; i++)
    if (strcmp (csv->columns[i], name) == 0)
      return i;
  there = g_strjoinv (", ", csv->columns);
  gh_csv_error (error, csv->path, 1, "there is no column \"%s\"; there are: %s", name, there);
  return -1;
}
