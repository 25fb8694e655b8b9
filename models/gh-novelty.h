/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-novelty.h: how unlike everything that was chosen before an embedding is.
 *
 *   novelty (e) = min over chosen c of sqrt (mean over dimensions d of (e[d] - c[d])^2 / variance[d])
 *
 * The variance is that of all embeddings that were asked about, so 1 is about the distance of two moments of this camera
 * that have nothing to do with each other, divided by sqrt (2). The farthest-first idea of k-center selection (Sener and
 * Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, 2018), as far as a stream allows it.
 *
 * A plain struct of one thread; bounded memory: the oldest chosen are forgotten.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhNovelty GhNovelty;

/* dim: of the embeddings. most: chosen ones to remember, each 4 * dim bytes. */
GhNovelty *gh_novelty_new (guint dim, guint most);
void gh_novelty_free (GhNovelty *novelty);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhNovelty, gh_novelty_free)

/* embedding[dim]. INFINITY when nothing was chosen yet; NAN when a number of it is not finite. */
double gh_novelty_of (GhNovelty *novelty, const float *embedding);
/* For the variance alone: the same without looking at the chosen. */
void gh_novelty_see (GhNovelty *novelty, const float *embedding);
/* It was chosen. */
void gh_novelty_choose (GhNovelty *novelty, const float *embedding);

G_END_DECLS
