/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-spectrum.h: the inputs of a training set, standardised and taken apart: z = (x - mean)/std of n rows is
 * u diag(sqrt(value)) v, a thin singular value decomposition. Every ridge penalty, every held-out residual and the
 * principal components an MLP reads come out of it without another factorisation. It is found from the smaller of the
 * two Gram matrices, n x n or dim x dim.
 */
#pragma once

#include "gh-scales.h"

G_BEGIN_DECLS

typedef struct {
  int n, dim, rank;
  double *value;                /* [rank] descending: squared singular values */
  double *u;                    /* [n,rank], columns of length 1 and mean 0 */
  double *v;                    /* [rank,dim], rows of length 1 */
} GhSpectrum;

/* Of the rows[n] of x[*,dim], all finite, where dim is that of the scales. The rank is 0 when nothing varies. By so
 * many threads where that is worth it; 0: all processors. */
GhSpectrum *gh_spectrum_new (const float *x, const GhScales *scales, const int *rows, int n, int threads);
void gh_spectrum_free (GhSpectrum *spectrum);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhSpectrum, gh_spectrum_free)

G_END_DECLS
