/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-gram-solver.h: kernel ridge regression with one kernel, for any number of penalties, and its held-out predictions.
 *
 * Fitted values are S y with the smoother S = 1 1^T/n + K (K + penalty)^-1 for the centred Gram matrix K: the
 * intercept is not penalised. Leaving the rows G out makes the residuals (M_GG)^-1 (M y)_G with M = I - S, exactly and
 * without refitting (Cook & Weisberg 1982).
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhGramRoom GhGramRoom;

typedef struct {
  int n, outputs;
  double *column_mean;          /* [n] of the Gram matrix as it was given */
  double scale;                 /* mean variance of the inputs: the trace of K over n; 1 when they do not vary */
  /* Of the last penalty. */
  double *alpha;                /* [outputs,n]: coefficients of the rows; they add up to 0 */
  double *held_out;             /* [n,outputs]: each row as predicted without it (without its group) */
  GhGramRoom *room;
} GhGramSolver;

/* gram[n,n], of which the lower triangle is read, is overwritten and has to stay; targets[n,outputs] too.
 * groups[n] or NULL: rows of equal number are left out together. */
GhGramSolver *gh_gram_solver_new (double *gram, int n, const double *targets, int outputs, const int *groups);
void gh_gram_solver_free (GhGramSolver *solver);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhGramSolver, gh_gram_solver_free)

/* A group that is all there is has nothing to be predicted from but the mean of the targets. */
void gh_gram_solver_solve (GhGramSolver *solver, double penalty);

G_END_DECLS
