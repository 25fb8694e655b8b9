/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-train.h: from embeddings and a few labels to a head file.
 *
 * Embeddings are standardised. Up to 1000 labels a mixture of kernel ridge regressions learns from them, from straight
 * lines to curves that only reach from one label to the next, weighted by how each predicts the labels left out; with
 * more labels, where that would take minutes, a ridge and an ensemble of small AdamW MLPs compete in cross-validation
 * inside the labels (gh-kernel-ridge.h and gh-head-fit.h have the figures). Counts never go below zero, times of day
 * are learned on the circle, classes by least squares or cross-entropy.
 *
 * The report is honest about the choice as well: its error comes from an outer cross-validation in which every fold
 * standardises, chooses and fits anew without the labels it is judged on (nested cross-validation). The interval is a
 * bootstrap over labels (over groups, where given); it knows nothing of neighbouring frames being alike, which is
 * what groups are for.
 */
#pragma once

#include "gh-head.h"
#include "gh-head-statistics.h"

G_BEGIN_DECLS

typedef struct {
  int n, dim;
  const float *embeddings;      /* [n,dim] */
  const double *labels;         /* [n]: number, minute of the day, or class index */
  const int *groups;            /* [n] or NULL: labels of one group never split between training and held-out folds */
  GhHeadKind kind;
  const char *const *classes;   /* NULL-terminated for class, else NULL */
  const char *task, *unit;      /* unit may be NULL */
  const char *encoder_id, *encoder_file;
  const GhHeadStatistics *statistics;   /* of the camera's embeddings without labels; NULL: the labels' own */
} GhHeadData;

typedef struct {
  guint64 seed;
  int folds;                    /* 0: 5, or n when n is below 10 */
  gboolean try_mlp;             /* with more than 1000 labels; with fewer there are kernels */
  int threads;                  /* 0: the default of gh_ctx_new() */
  /* Called now and then from the calling thread with 0..1; FALSE cancels. May be NULL. */
  gboolean (*progress) (double fraction, const char *what, gpointer data);
  gpointer progress_data;
  gboolean linear;              /* nothing but straight lines: ridge */
} GhHeadTrainOptions;

typedef struct {
  char *model;                  /* "kernel ridge, 300 centres", "ridge lambda=3.2", "mlp 512-64-64-1 x 10" */
  char *metric;                 /* "mean absolute error in people", "... in minutes", "error rate" (class) */
  double error, error_low, error_high;  /* held out, with a 95 % bootstrap interval */
  double baseline_error;        /* the constant predictor's (median, circular median, most frequent class), held out */
  double seconds;
  double *predicted;            /* [n], held out */
  int n;
} GhHeadReport;

void gh_head_report_free (GhHeadReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhHeadReport, gh_head_report_free)

/* Returns a head in memory (path NULL until saved). Needs at least 3 labels in at least 2 groups, all finite; errors
 * are GH_ERROR_DATA and count labels from 1. Cancelling gives G_IO_ERROR_CANCELLED. The same data, seed and machine
 * give the same weights and report bit for bit, for any number of threads. report may be NULL. */
GhHead *gh_head_train (const GhHeadData *data, const GhHeadTrainOptions *options, GhHeadReport **report,
    GError **error);
/* Atomic; afterwards gh_head_id() is that of the file. */
gboolean gh_head_save (GhHead *head, const char *path, GError **error);

/* |a - b|, on the circle of 1440 minutes for time, 0 or 1 for class. */
double gh_head_distance (GhHeadKind kind, double a, double b);

G_END_DECLS
