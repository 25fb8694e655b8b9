/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-fit.h (private): all candidates fitted to one set of labels, and the choice among them from these labels
 * alone. gh-head-train.c makes one per fold of its cross-validation and one for all labels.
 *
 * Candidates: the ridge of gh-ridge.h, whose held-out predictions are exact; and an ensemble of small MLPs on the
 * leading principal components. Each network of the ensemble leaves one part of the labels out, so what the networks
 * say about the parts they have not seen is the MLP's held-out prediction, and their mean is the model: no second
 * training. The ridge is judged on the same parts.
 *
 * Numbers and classes take the MLP when it beats the ridge by more than the standard error of their difference. Time
 * of day takes it unless it is a quarter worse: two networks per label are judged where ten will answer, and on the
 * cameras seen so far the ridge, a straight line through (cos, sin), lost more on the days after those of the labels,
 * where for counts it was the networks that did.
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
} GhHeadTask;

typedef struct _GhHeadFit GhHeadFit;

/* Ridge and everything the networks read; rows[n] of the task's labels. index: which fit it is, for its own random
 * numbers. */
GhHeadFit *gh_head_fit_new (const GhHeadTask *task, const int *rows, int n, int index);
void gh_head_fit_free (GhHeadFit *fit);

/* Trains the networks of all fits side by side and lets each fit choose. Fits with too few labels stay with the
 * ridge. */
gboolean gh_head_fits_train_mlp (GhHeadFit **fits, int n, gboolean (*progress) (double fraction, gpointer data),
    gpointer data, GError **error);

/* The chosen model's label for row `row` of the task's embeddings. */
double gh_head_fit_predict (const GhHeadFit *fit, int row);

/* The layers of the chosen model, for gh_head_new(). Caller frees with gh_head_fit_layers_clear(). */
void gh_head_fit_layers (const GhHeadFit *fit, GhHeadParts *parts);
void gh_head_fit_layers_clear (GhHeadParts *parts);

/* "ridge lambda=0.32", "mlp 512-64-64-1 x 10" */
char *gh_head_fit_model (const GhHeadFit *fit);

G_END_DECLS
