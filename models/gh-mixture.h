/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mixture.h: models that differ in their penalty or kernel, averaged by how well each does on rows held out.
 *
 * The weight is proportional to (mean squared held-out error)^(-n/6). With few labels the best penalty is guesswork
 * and mixing varies far less from one set of labels to the next; with many the best one takes all the weight. On
 * counts and times of two cameras, with 15 to 300 labels, exponents of n/5 and n/7 were within 2 % of each other; n/10
 * lost 5 % with 15 labels, n/20 7 % with 30. Weights from stacking (least squares on the held-out predictions) were as
 * good for counts, and for time of day a fifth worse.
 *
 * Models are met one after the other and nothing is kept but sums, so many penalties cost no memory.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Penalties relative to the inputs' mean variance: half decades from 1000 down to 0.03/n, at least as far as 0.001.
 * Smaller ones pay with many labels only; with few they would weigh in without being told from better ones. */
int gh_ladder_steps (int n);
double gh_ladder_penalty (int step);

typedef struct {
  double sharpness;
  double best;                  /* the least error so far */
  double total;                 /* weight of all models; that of the best is 1 */
} GhMixture;

void gh_mixture_init (GhMixture *mixture, int n);
/* One more model: every sum over the models before is to be multiplied with *keep, and the new one added with the
 * weight that is returned. */
double gh_mixture_add (GhMixture *mixture, double error, double *keep);
/* share[n], which add up to 1: what part of a mixture of all of them each mixture is. */
void gh_mixture_shares (const GhMixture *mixtures, int n, double *share);

G_END_DECLS
