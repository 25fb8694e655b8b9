/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-fit.h (private): the model fitted to one set of labels. gh-head-train.c makes one per fold of its
 * cross-validation and one for all labels.
 *
 * Up to 1000 labels it is the kernel ridge of gh-kernel-ridge.h, a mixture that holds straight lines as well and needs
 * no choice. Small MLPs were not better anywhere there: on four trained encoders with 30 and 300 labels counts never
 * took them, times took them and came out the same (median 10 minutes by daylight with 300 labels), at ten times the
 * work.
 *
 * The work of kernel ridge grows with the cube of the labels. With more of them the linear ridge of gh-ridge.h competes
 * with an ensemble of MLPs (gh-head-networks.h), judged on the same parts of the labels. Numbers and classes take the
 * MLPs when they beat the ridge by more than the standard error of their difference. Time of day takes them unless they
 * are a quarter worse: two networks per label are judged where ten will answer, and on the cameras seen so far the
 * ridge, then a straight line through (cos, sin), lost more on the days after those of the labels, where for counts it
 * was the networks that did.
 */
#pragma once

#include "gh-head-private.h"
#include "gh-head-train.h"

G_BEGIN_DECLS

/* What every fit of one training shares. */
typedef struct {
  const GhHeadData *data;
  int outputs;
  double *targets;              /* [n,outputs] */
  guint64 seed;
  int threads;
  gboolean linear;              /* straight lines only */
} GhHeadTask;

/* Whether the labels are few enough for kernel ridge. All fits of a task are of the same family. */
gboolean gh_head_task_suits_kernels (const GhHeadTask *task);

typedef struct _GhHeadFit GhHeadFit;

/* rows[n] of the task's labels. */
GhHeadFit *gh_head_fit_new (const GhHeadTask *task, const int *rows, int n);
void gh_head_fit_free (GhHeadFit *fit);

/* What is left to do, in pieces that any threads may do: gh_head_fit_work() once per piece, then
 * gh_head_fit_finish(). */
int gh_head_fit_pieces (const GhHeadFit *fit);
void gh_head_fit_work (GhHeadFit *fit, int piece);
void gh_head_fit_finish (GhHeadFit *fit);

/* For labels too many for kernels, after gh_head_fit_finish(): trains the networks of all fits side by side and lets
 * each fit choose. */
gboolean gh_head_fits_train_networks (GhHeadFit **fits, int n, gboolean (*progress) (double fraction, gpointer data),
    gpointer data, GError **error);

/* The model's label for row `row` of the task's embeddings. */
double gh_head_fit_predict (const GhHeadFit *fit, int row);

/* The model for gh_head_new(). Caller frees with gh_head_parts_clear(). */
void gh_head_fit_parts (const GhHeadFit *fit, GhHeadParts *parts);

/* "kernel ridge, 300 centres", "ridge lambda=0.32", "mlp 512-64-64-1 x 10" */
char *gh_head_fit_model (const GhHeadFit *fit);

G_END_DECLS
