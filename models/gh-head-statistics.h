/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-statistics.h: what embeddings of a camera without labels say about those with: their mean and spread, and how
 * their numbers vary together. A head can be trained in their light (GhHeadData.statistics), and costs no more to run: its
 * straight lines are the same few weights, whatever they were made from.
 *
 * The metric is the inverse of the covariance of the standardised embeddings, shrunk towards a multiple of the identity
 * by as much as its own noise demands (Ledoit & Wolf 2004). Lines that are penalised in it prefer no direction that
 * varies a lot over one that hardly varies. docs/experiments.md has what comes of that.
 */
#pragma once

#include "gh-scales.h"

G_BEGIN_DECLS

typedef struct {
  GhScales *scales;
  double *metric;               /* [dim,dim] symmetric, positive definite; NULL: none is wanted */
  double shrinkage;             /* 0: the covariance as it was measured, 1: nothing of it; 0 without a metric */
} GhHeadStatistics;

/* Of x[n,dim], all finite, n at least 2. */
GhHeadStatistics *gh_head_statistics_new (const float *x, int n, int dim, gboolean whiten);
void gh_head_statistics_free (GhHeadStatistics *statistics);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhHeadStatistics, gh_head_statistics_free)

G_END_DECLS
