/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * eval-select.h: which frames of a pool get one of the few labels: at random, or as scale-uploader would choose them from a
 * stream (gh-novelty.h, gh-budget.h), or with all of the pool in view, farthest first.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum { GH_SELECT_RANDOM, GH_SELECT_NOVELTY, GH_SELECT_FARTHEST } GhSelect;

const char *gh_select_name (GhSelect select);
gboolean gh_select_from_name (const char *name, GhSelect *select);

/* rows[n] of the pool of vectors[n_pool,dim], which are in the order of time. A draw by novelty sees the pool from a random
 * frame on and around, each frame with one chance in two; one that is farthest first begins with a random frame. What the
 * stream did not choose in its one pass is filled up farthest first. vectors may be NULL for RANDOM. */
void gh_select_rows (GhSelect select, GRand *rand, const float *vectors, guint n_pool, int dim, int n, int *rows);

G_END_DECLS
