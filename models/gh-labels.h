/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-labels.h: labels of images, from a CSV file: one row per image with its file name and its label.
 *
 * Labels by kind: numbers (scalar, count); HH:MM, HH:MM:SS, a date and time of ISO 8601 (whose clock counts as written,
 * whatever the zone) or minutes of the day (time); any text (class). Rows without a label are skipped and counted;
 * everything else that is not a label is an error that names the line.
 */
#pragma once

#include "gh-csv.h"
#include "gh-head.h"

G_BEGIN_DECLS

typedef struct {
  guint n;
  char **files;                 /* [n] as in the file, NULL-terminated */
  double *values;               /* [n]: number, minute of the day, class index */
  int *groups;                  /* [n] or NULL */
  char **classes;               /* sorted, NULL-terminated; NULL unless the kind is class */
  int *lines;                   /* [n] */
  guint skipped;                /* rows without a label */
} GhLabels;

/* columns: of the file names (NULL: `files` holds the numbers of the rows, from 0), of the labels, of the groups (NULL:
 * none). */
GhLabels *gh_labels_read (const char *path, GhHeadKind kind, const char *file_column, const char *label_column,
    const char *group_column, GError **error);
void gh_labels_free (GhLabels *labels);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhLabels, gh_labels_free)

/* Checks that every file is in `folder`; the error lists those that are not. */
gboolean gh_labels_check_files (const GhLabels *labels, const char *path, const char *folder, GError **error);
/* Takes away the rows index[n], which ascend. */
void gh_labels_drop (GhLabels *labels, const guint *index, guint n);
/* Replaces class indices by those of `classes` (a head's); an unknown class is an error. */
gboolean gh_labels_use_classes (GhLabels *labels, const char *path, const char *const *classes, GError **error);

/* The label in one text, for kinds other than class. NULL, or what is wrong with the text, which the caller frees. */
char *gh_label_parse (const char *text, GhHeadKind kind, double *value);
/* Minute of the day of one text; FALSE when it is none. */
gboolean gh_parse_time (const char *text, double *minute);

G_END_DECLS
