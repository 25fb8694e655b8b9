/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * masked-loss.c: the squared distance between what the decoder said and the patches, normalised or not.
 */
#include "ref.h"

#include <math.h>

/* (x - mean) / deviation is the target; the variance's divisor is P-1. */
static void
statistics (const float *p, int P, double *mean, double *deviation)
{
  double sum = 0, square = 0;

  for (int i = 0; i < P; i++)
    sum += p[i];
  *mean = sum / P;
  for (int i = 0; i < P; i++)
    square += (p[i] - *mean) * (p[i] - *mean);
  *deviation = sqrt (square / (P > 1 ? P - 1 : 1) + 1e-6);
}

GhStatus
gh_ref_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches, bool normalise,
    float scale, int rows, int P)
{
  double sum = 0;

  for (int r = 0; r < rows; r++) {
    double mean = 0, deviation = 1;
    size_t row = (size_t) r * P;
    if (normalise)
      statistics (patches + row, P, &mean, &deviation);
    for (size_t i = row; i < row + P; i++) {
      double error = pred[i] - (patches[i] - mean) / deviation;
      sum += error * error;
      if (dpred)
        dpred[i] = (float) (2 * (double) scale * error);
    }
  }
  *loss = (float) (*loss + scale * sum);
  return GH_OK;
}
