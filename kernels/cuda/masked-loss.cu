/* SPDX-License-Identifier: LGPL-2.1-or-later
 * masked-loss.cu: a block per row finds its patch's statistics, the errors, and its part of the loss. */
#include "cuda.h"

enum { THREADS = 256 };

static __global__ void
masked_loss (float *part, float *dpred, const float *pred, const float *patches, bool normalise, float scale, int P)
{
  GH_SHARED (float, shared);
  size_t at = (size_t) blockIdx.x * P;
  float mean = 0, inverse = 1, sum = 0;

  if (normalise) {
    for (int i = threadIdx.x; i < P; i += THREADS)
      sum += patches[at + i];
    mean = gh_block_sum (sum, shared) / P;
    sum = 0;
    for (int i = threadIdx.x; i < P; i += THREADS)
      sum += (patches[at + i] - mean) * (patches[at + i] - mean);
    inverse = 1 / sqrtf (gh_block_sum (sum, shared) / (P > 1 ? P - 1 : 1) + 1e-6f);
    sum = 0;
  }
  for (int i = threadIdx.x; i < P; i += THREADS) {
    float error = pred[at + i] - (patches[at + i] - mean) * inverse;
    sum += error * error;
    if (dpred)
      dpred[at + i] = 2 * scale * error;
  }
  sum = gh_block_sum (sum, shared);
  if (threadIdx.x == 0)
    part[blockIdx.x] = sum;
}

GhStatus
gh_cuda_masked_loss (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches, bool normalise,
    float scale, int rows, int P)
{
  float *part = (float *) gh_scratch (ctx, rows * sizeof *part);

  if (!part)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, masked_loss, dim3 (rows), dim3 (THREADS), 32 * sizeof (float), part, dpred, pred,
          patches, normalise, scale, P));
  return gh_cuda_add_up (ctx, loss, part, scale, rows);
}
