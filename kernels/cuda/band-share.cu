/* SPDX-License-Identifier: LGPL-2.1-or-later
 * band-share.cu: a block per band; its threads' sums are added pairwise, in a fixed order. */
#include "cuda.h"

enum { THREADS = 256 };

static __global__ void
band_share (float *share, const float *x, float scale, int rows, int cols, int bands)
{
  GH_SHARED (float, sums);      /* [THREADS] */
  int begin = gh_band_row (blockIdx.x, rows, bands), end = gh_band_row (blockIdx.x + 1, rows, bands);
  int n = (end - begin) * cols;
  const float *from = x + ((size_t) blockIdx.y * rows + begin) * cols;
  float sum = 0;

  for (int i = threadIdx.x; i < n; i += THREADS)
    sum += fminf (fmaxf (from[i] * scale - 0.5f, 0), 1);
  sums[threadIdx.x] = sum;
  for (unsigned half = THREADS / 2; half > 0; half /= 2) {
    __syncthreads ();
    if (threadIdx.x < half)
      sums[threadIdx.x] += sums[threadIdx.x + half];
  }
  if (threadIdx.x == 0)
    share[(size_t) blockIdx.y * bands + blockIdx.x] = sums[0] / n;
}

GhStatus
gh_cuda_band_share_fwd (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols, int bands)
{
  return GH_LAUNCH (ctx, band_share, dim3 (bands, B), dim3 (THREADS), THREADS * sizeof (float), share, x, 1 / level,
      rows, cols, bands);
}
