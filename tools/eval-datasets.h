/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * eval-datasets.h: the labelled image sets `gst-heads eval --dataset` knows, described as data: where labels are, what
 * part of the picture counts, and which rows may be learned from or are the test. Splits are in time: neighbouring
 * frames are nearly the same image.
 */
#pragma once

#include "models/gh-csv.h"
#include "image-folder.h"
#include "models/gh-head.h"

G_BEGIN_DECLS

/* Rows whose text in `column` sorts from `first` to `last`, both included (a longer text that begins like `last`
 * counts as well, so that a date stands for its whole day). */
typedef struct {
  const char *first, *last;
} GhRange;

typedef struct {
  const char *name, *summary;
  const char *labels, *images;  /* in the data folder */
  const char *file_column, *label_column, *split_column;
  GhRange pool, test;
  GhHeadKind kind;
  const char *unit;
  GhCrop crop;
  /* What is drawn by default: the fewer the labels, the more chance has a say. */
  int n_labels, draws_of_few, draws_of_many;
  /* Labels whose split_column begins with the same so many characters (10: a date) are held out together; 0: each by
   * itself. */
  int group_length;
} GhDataset;

/* By default, of so many labels; from 100 on they are many. */
int gh_dataset_draws (const GhDataset *dataset, int n_labels);

/* NULL when there is none of this name; list them with index 0, 1, ... until NULL. */
const GhDataset *gh_dataset_find (const char *name);
const GhDataset *gh_dataset_nth (guint index);

/* The rows of both parts: first the pool, then the test. */
typedef struct {
  guint n, n_pool;
  char **files;                 /* [n], NULL-terminated */
  double *values;               /* [n] */
  int *groups;                  /* [n]: equal on the same day; NULL where the dataset has no days */
} GhSamples;

GhSamples *gh_dataset_load (const GhDataset *dataset, const char *folder, GError **error);
void gh_samples_free (GhSamples *samples);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhSamples, gh_samples_free)

G_END_DECLS
