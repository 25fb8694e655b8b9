/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-label.h (private): what the kinds of heads mean for training: labels as numbers to regress on and back, the
 * best constant, and how far a prediction is off (gh_head_distance()).
 */
#pragma once

#include "gh-head-train.h"

G_BEGIN_DECLS

/* label -> y[outputs]: itself; gh_day_encode() for time; one at its place for class. */
void gh_head_label_encode (GhHeadKind kind, double label, double *y, int outputs);
/* y[outputs] -> label: counts not below 0, minutes in [0,1440), the index of the largest for class. */
double gh_head_label_decode (GhHeadKind kind, const double *y, int outputs);

/* The constant with the least mean distance to labels[n]: the median, the circular median to the minute, the most
 * frequent class. */
double gh_head_label_constant (GhHeadKind kind, const double *labels, int n);

/* NULL when a head of this kind can have this label, otherwise what is wrong with it. */
const char *gh_head_label_problem (GhHeadKind kind, double label, int n_classes);

G_END_DECLS
