/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-misfit.h (private): how far predictions of rows held out are off, as one number that gh-mixture.h weighs models by.
 *
 * Of times it has to be one that forgives. At night pictures of hours apart look alike, and the squared error is made of
 * those frames alone, whatever a model says by day: it chose models too smooth for the day. Errors of times are taken for
 * draws of a Cauchy distribution instead, a quarter of an hour wide. Chosen within the first eleven days of a camera,
 * learning from the days before and judged on the next three: 26 % of the frames within 15 minutes became 31 %, more or as
 * many with each of six ways to pool the encoder's tokens (docs/experiments.md).
 */
#pragma once

#include "gh-head.h"

G_BEGIN_DECLS

/* targets, held_out[n,outputs]; at least 0, less is better. A model's likelihood is about its misfit to the power of -n
 * (of the squared error: -n/2). */
typedef double (*GhMisfit) (const double *targets, const double *held_out, int n, int outputs);

/* Mean squared error. */
double gh_misfit_squared (const double *targets, const double *held_out, int n, int outputs);
/* Of times of day (gh-time-of-day.h): the geometric mean of 1 + (time between them / a quarter of an hour)^2. */
double gh_misfit_time (const double *targets, const double *held_out, int n, int outputs);

/* The one for labels of this kind. */
GhMisfit gh_misfit_for (GhHeadKind kind);

G_END_DECLS
