/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * band-share.c: how much of each band of rows is above a level.
 */
#include "ref.h"

#include <math.h>

GhStatus
gh_ref_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols, int bands)
{
  for (int b = 0; b < B; b++, x += (size_t) rows * cols) {
    for (int band = 0; band < bands; band++) {
      int begin = gh_band_row (band, rows, bands), end = gh_band_row (band + 1, rows, bands);
      double sum = 0;
      for (int i = begin * cols; i < end * cols; i++)
        sum += fmin (fmax (x[i] / (double) level - 0.5, 0), 1);
      *share++ = (float) (sum / ((end - begin) * (double) cols));
    }
  }
  return GH_OK;
}
