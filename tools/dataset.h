/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.h (private): what the commands of gst-heads dataset share.
 */
#pragma once

#include "tools.h"

#include "gst/dataset/catalogue.h"

G_BEGIN_DECLS

typedef struct {
  char *source, *after, *before, *task;
  gboolean labeled, unlabeled, json;
  gint64 limit;
  CatalogueFilter filter;       /* made of those; borrows from them */
  char *output, *format, *csv, *column, *file_column, *time_column, *origin;
  double tolerance;             /* seconds; below 0: none was given */
  double max_age_days;
  gint64 max_frames, max_bytes;
  gboolean dry_run;
  const char *target;           /* of a backup */
  GhToolProgress *bar;
} DatasetOptions;

/* Each returns the exit status; the words are out. */
int gh_dataset_list (Catalogue *catalogue, const DatasetOptions *options);
int gh_dataset_label (Catalogue *catalogue, const DatasetOptions *options);
int gh_dataset_export (Catalogue *catalogue, const DatasetOptions *options);

/* Says the error; GH_EXIT_FAILED, or GH_EXIT_INTERRUPTED. */
int gh_dataset_fail (const GError *error);
/* What the catalogue does from now on has a bar of this name on a terminal, until gh_dataset_end_progress(), and Ctrl-C stops
 * it in order. */
void gh_dataset_progress (Catalogue *catalogue, const DatasetOptions *options, const char *what);
void gh_dataset_end_progress (Catalogue *catalogue, const DatasetOptions *options);
/* Where no frame fits: fails when that is because there is no source of that name. */
int gh_dataset_nothing (Catalogue *catalogue, const DatasetOptions *options);
/* 2026-01-31T07:00:00.000Z, to be freed. */
char *gh_dataset_time (gint64 at);

G_END_DECLS
