/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labels.h (private): what the files of gst-heads labels share: tasks of a labeling service into a dataset.
 */
#pragma once

#include "tools.h"

#include "gst/dataset/catalogue.h"
#include "gst/scaleai/scale-labels.h"

G_BEGIN_DECLS

typedef struct {
  char *project, *batch, *key_file, *base_url, *ca_file;
  char **counts;
  int attempts;
  gboolean full, retry_errors, json;
} LabelsOptions;

/* Each has said what there is to say; the exit status. */
int gh_labels_pull (const char *folder, const LabelsOptions *options);
int gh_labels_link (const char *folder, char **files, const LabelsOptions *options);
int gh_labels_status (const char *folder, const LabelsOptions *options);

/* ---- labels-keep.c: tasks into the catalogue, and what became of them ---------------------------------------------- */

typedef struct _LabelsKeep LabelsKeep;

/* NULL: words are out, and *status is the exit status. project: of tasks that do not say theirs. */
LabelsKeep *gh_labels_keep_new (const char *folder, const char *project, char **counts, int *status);
void gh_labels_keep_free (LabelsKeep *keep);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LabelsKeep, gh_labels_keep_free)

Catalogue *gh_labels_keep_catalogue (LabelsKeep *keep);
/* All of them, some hundred at a time, each time all or none. FALSE: the catalogue does not take them. */
gboolean gh_labels_keep_tasks (LabelsKeep *keep, JsonArray *docs, GError **error);
/* Frames of the project whose task is in error may get another. */
gboolean gh_labels_keep_retry_errors (LabelsKeep *keep, GError **error);
/* The latest updated_at among them, in microseconds; 0: none. */
gint64 gh_labels_keep_newest (const LabelsKeep *keep);
guint64 gh_labels_keep_count (const LabelsKeep *keep);
/* Entries that are no tasks. */
guint64 gh_labels_keep_unreadable (const LabelsKeep *keep);
/* Prints the result, and returns the exit status that it is worth. */
int gh_labels_keep_report (const LabelsKeep *keep, gboolean json);

/* "2026-01-31T07:05:09Z"; free it. */
char *gh_labels_time (gint64 at);

G_END_DECLS
