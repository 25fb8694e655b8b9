/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-labels.c: see the header. */
#include "gh-labels.h"
#include "gh-error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MISSING_SHOWN 8

/* ---- one label ----------------------------------------------------------------------------------------- */

static gboolean
parse_number (const char *text, double *value)
{
  char *end;

  *value = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (*value);
}

/* Digits at *p, as many as `digits`. */
static gboolean
take_digits (const char **p, int digits, int *value)
{
  *value = 0;
  for (int i = 0; i < digits; i++, (*p)++) {
    if (!g_ascii_isdigit (**p))
      return FALSE;
    *value = *value * 10 + (**p - '0');
  }
  return TRUE;
}

/* HH:MM[:SS[.fraction]]; *p ends behind it. One digit will do for the hour. */
static gboolean
take_clock (const char **p, double *minute)
{
  int hour, minutes, seconds = 0;
  double fraction = 0;

  if (!take_digits (p, g_ascii_isdigit ((*p)[0]) && (*p)[1] == ':' ? 1 : 2, &hour) || *(*p)++ != ':'
      || !take_digits (p, 2, &minutes))
    return FALSE;
  if (**p == ':') {
    (*p)++;
    if (!take_digits (p, 2, &seconds))
      return FALSE;
    if (**p == '.' && g_ascii_isdigit ((*p)[1])) {
      double unit = 0.1;

      for ((*p)++; g_ascii_isdigit (**p); (*p)++, unit /= 10)
        fraction += unit * (**p - '0');
    }
  }
  *minute = hour * 60 + minutes + (seconds + fraction) / 60;
  return hour < 24 && minutes < 60 && seconds < 61;
}

/* "", "Z", "+02", "+0200", "-07:00" */
static gboolean
is_zone (const char *text)
{
  int digits;

  if (*text == '\0' || strcmp (text, "Z") == 0)
    return TRUE;
  if (*text != '+' && *text != '-')
    return FALSE;
  text++;
  if (!take_digits (&text, 2, &digits))
    return FALSE;
  if (*text == ':')
    text++;
  return *text == '\0' || (take_digits (&text, 2, &digits) && *text == '\0');
}

gboolean
gh_parse_time (const char *text, double *minute)
{
  const char *p = text;
  int year, month, day;

  if (parse_number (text, minute))
    return *minute >= 0 && *minute < 1440;
  if (take_digits (&p, 4, &year) && *p++ == '-' && take_digits (&p, 2, &month) && *p++ == '-'
      && take_digits (&p, 2, &day) && month >= 1 && month <= 12 && day >= 1 && day <= 31 && (*p == 'T' || *p == ' '))
    p++;
  else
    p = text;
  if (!take_clock (&p, minute) || !is_zone (p))
    return FALSE;
  *minute = *minute < 1440 ? *minute : 0;       /* a leap second before midnight */
  return TRUE;
}

char *
gh_label_parse (const char *text, GhHeadKind kind, double *value)
{
  if (kind == GH_HEAD_TIME)
    return gh_parse_time (text, value) ? NULL : g_strdup_printf ("\"%s\" is no time of day: HH:MM, HH:MM:SS, "
        "YYYY-MM-DDTHH:MM:SS or minutes from 0 to below 1440 are", text);
  if (!parse_number (text, value))
    return g_strdup_printf ("\"%s\" is not a number", text);
  if (kind == GH_HEAD_COUNT && *value < 0)
    return g_strdup_printf ("\"%s\" is a count below zero", text);
  return NULL;
}

static gboolean
parse_value (const char *text, GhHeadKind kind, double *value, const char *path, int line, GError **error)
{
  g_autofree char *problem = gh_label_parse (text, kind, value);

  return !problem || gh_csv_error (error, path, line, "%s", problem);
}

/* ---- all of them --------------------------------------------------------------------------------------- */

static int
compare_strings (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Sorted and without repetition. */
static char **
collect_classes (const GhCsv *csv, int column)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char **keys = NULL;
  char **classes;
  guint n;

  for (guint i = 0; i < csv->rows->len; i++)
    if (*gh_csv_row (csv, i)->fields[column])
      g_hash_table_add (seen, gh_csv_row (csv, i)->fields[column]);
  keys = (char **) g_hash_table_get_keys_as_array (seen, &n);
  classes = g_strdupv (keys);
  qsort (classes, n, sizeof *classes, compare_strings);
  return classes;
}

static int
class_index (char **classes, const char *name)
{
  for (int i = 0; classes[i]; i++)
    if (strcmp (classes[i], name) == 0)
      return i;
  return -1;
}

static int
group_number (GHashTable *groups, char *name)
{
  gpointer number;

  if (!g_hash_table_lookup_extended (groups, name, NULL, &number)) {
    number = GUINT_TO_POINTER (g_hash_table_size (groups));
    g_hash_table_insert (groups, name, number);
  }
  return GPOINTER_TO_INT (number);
}

typedef struct {
  int file, label, group;       /* columns; -1 for none of files or groups */
  GHashTable *lines;            /* file -> line */
  GHashTable *groups;           /* group -> number */
} Columns;

static gboolean
add_row (GhLabels *labels, const GhCsv *csv, guint number, GhHeadKind kind, const Columns *c, GError **error)
{
  const GhCsvRow *row = gh_csv_row (csv, number);
  g_autofree char *place = g_strdup_printf ("%u", number);
  char *file = c->file >= 0 ? row->fields[c->file] : place, *text = row->fields[c->label];
  gpointer before = c->file >= 0 ? g_hash_table_lookup (c->lines, file) : NULL;

  if (*file == '\0')
    return gh_csv_error (error, csv->path, row->line, "the column \"%s\" is empty", csv->columns[c->file]);
  if (before)
    return gh_csv_error (error, csv->path, row->line, "\"%s\" was labelled before, in line %d", file,
        GPOINTER_TO_INT (before));
  if (*text == '\0') {
    labels->skipped++;
    return TRUE;
  }
  if (c->file >= 0)
    g_hash_table_insert (c->lines, file, GINT_TO_POINTER (row->line));
  if (kind == GH_HEAD_CLASS)
    labels->values[labels->n] = class_index (labels->classes, text);
  else if (!parse_value (text, kind, &labels->values[labels->n], csv->path, row->line, error))
    return FALSE;
  if (c->group >= 0)
    labels->groups[labels->n] = group_number (c->groups, row->fields[c->group]);
  labels->lines[labels->n] = row->line;
  labels->files[labels->n++] = g_strdup (file);
  return TRUE;
}

static gboolean
fill (GhLabels *labels, const GhCsv *csv, GhHeadKind kind, const Columns *columns, GError **error)
{
  guint n = csv->rows->len;

  labels->files = g_new0 (char *, n + 1);
  labels->values = g_new (double, n + 1);
  labels->lines = g_new (int, n + 1);
  if (columns->group >= 0)
    labels->groups = g_new (int, n + 1);
  if (kind == GH_HEAD_CLASS)
    labels->classes = collect_classes (csv, columns->label);
  for (guint i = 0; i < n; i++)
    if (!add_row (labels, csv, i, kind, columns, error))
      return FALSE;
  return labels->n > 0 || gh_csv_error (error, csv->path, 1, "no row has a label in the column \"%s\"",
      csv->columns[columns->label]);
}

GhLabels *
gh_labels_read (const char *path, GhHeadKind kind, const char *file_column, const char *label_column,
    const char *group_column, GError **error)
{
  g_autoptr (GhCsv) csv = gh_csv_read (path, error);
  g_autoptr (GhLabels) labels = NULL;
  g_autoptr (GHashTable) lines = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GHashTable) groups = g_hash_table_new (g_str_hash, g_str_equal);
  Columns c = { -1, -1, -1, lines, groups };

  if (!csv || (file_column && (c.file = gh_csv_column (csv, file_column, error)) < 0)
      || (c.label = gh_csv_column (csv, label_column, error)) < 0
      || (group_column && (c.group = gh_csv_column (csv, group_column, error)) < 0))
    return NULL;
  labels = g_new0 (GhLabels, 1);
  return fill (labels, csv, kind, &c, error) ? g_steal_pointer (&labels) : NULL;
}

void
gh_labels_free (GhLabels *labels)
{
  if (!labels)
    return;
  g_strfreev (labels->files);
  g_free (labels->values);
  g_free (labels->groups);
  g_strfreev (labels->classes);
  g_free (labels->lines);
  g_free (labels);
}

gboolean
gh_labels_check_files (const GhLabels *labels, const char *path, const char *folder, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);
  g_autofree char *name = g_filename_display_name (path), *where = g_filename_display_name (folder);
  guint missing = 0;

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "%s: there is no such folder of images", where);
    return FALSE;
  }
  if (g_access (folder, X_OK) != 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: this user may not read that folder", where);
    return FALSE;
  }
  for (guint i = 0; i < labels->n; i++) {
    g_autofree char *file = g_build_filename (folder, labels->files[i], NULL);

    if (g_file_test (file, G_FILE_TEST_IS_REGULAR))
      continue;
    if (missing++ < MISSING_SHOWN)
      g_string_append_printf (list, "\n  %s (line %d)", labels->files[i], labels->lines[i]);
  }
  if (missing == 0)
    return TRUE;
  if (missing > MISSING_SHOWN)
    g_string_append_printf (list, "\n  and %u more", missing - MISSING_SHOWN);
  g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "%s: %u of its %u images are not in %s:%s", name, missing,
      labels->n, where, list->str);
  return FALSE;
}

void
gh_labels_drop (GhLabels *labels, const guint *index, guint n)
{
  guint kept = 0, next = 0;

  for (guint i = 0; i < labels->n; i++) {
    if (next < n && index[next] == i) {
      g_free (labels->files[i]);
      next++;
      continue;
    }
    labels->files[kept] = labels->files[i];
    labels->values[kept] = labels->values[i];
    labels->lines[kept] = labels->lines[i];
    if (labels->groups)
      labels->groups[kept] = labels->groups[i];
    kept++;
  }
  labels->files[kept] = NULL;
  labels->n = kept;
}

gboolean
gh_labels_use_classes (GhLabels *labels, const char *path, const char *const *classes, GError **error)
{
  for (guint i = 0; i < labels->n; i++) {
    const char *name = labels->classes[(int) labels->values[i]];
    int index = class_index ((char **) classes, name);

    if (index < 0)
      return gh_csv_error (error, path, labels->lines[i], "the head knows no class \"%s\"", name);
    labels->values[i] = index;
  }
  g_strfreev (labels->classes);
  labels->classes = g_strdupv ((char **) classes);
  return TRUE;
}
