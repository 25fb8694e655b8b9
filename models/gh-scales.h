/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-scales.h: the mean and the spread of every input over a training set, by which embeddings are standardised:
 * z = (x - mean)/std. Variances are pulled towards their median as if three more rows had been seen, which matters
 * where labels are few, and keeps inputs that never vary harmless.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  int dim;
  double *mean, *std;           /* [dim]; std > 0 and a float, as head files hold it */
} GhScales;

/* Of the rows[n] of x[*,dim], all finite. */
GhScales *gh_scales_new (const float *x, int dim, const int *rows, int n);
void gh_scales_free (GhScales *scales);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhScales, gh_scales_free)

/* z[dim] = (x - mean)/std */
void gh_scales_apply (const GhScales *scales, const float *x, double *z);

G_END_DECLS
