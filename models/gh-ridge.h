/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-ridge.h: ridge regression on standardised inputs, averaged over the penalties of gh-mixture.h, from one
 * decomposition of the inputs: for more labels than kernel ridge has time for. The residuals of leaving one label (or
 * one group) out are exact. The mixture is a linear model again.
 */
#pragma once

#include "gh-misfit.h"
#include "gh-spectrum.h"

G_BEGIN_DECLS

typedef struct {
  int outputs;
  double *weight;               /* [outputs,dim], of standardised inputs */
  double *bias;                 /* [outputs] */
  double *held_out;             /* [n,outputs]: each row as predicted without it (without its group) */
  double penalty;               /* geometric mean of the mixture, relative to the inputs' total variance */
} GhRidge;

/* targets[n,outputs]. groups[n] or NULL: rows of equal number are left out together. misfit: what the mixture is weighed
 * by. */
GhRidge *gh_ridge_new (const GhSpectrum *spectrum, const double *targets, int outputs, const int *groups,
    GhMisfit misfit);
void gh_ridge_free (GhRidge *ridge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhRidge, gh_ridge_free)

/* One penalty: fitted values of the rows left out, held_out[n,outputs], and the weights on the singular vectors,
 * coefficients[rank,outputs]. penalty is added to the squared singular values. */
void gh_ridge_solve (const GhSpectrum *spectrum, const double *targets, int outputs, const int *groups,
    double penalty, double *held_out, double *coefficients);

/* y[outputs] = weight z + bias */
void gh_ridge_predict (const GhRidge *ridge, const double *z, int dim, double *y);

G_END_DECLS
