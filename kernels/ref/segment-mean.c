/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * segment-mean.c: landmarks, the means of M segments of the token sequence: the first M - N%M segments hold
 * floor(N/M) tokens, the others one more.
 */
#include "ref.h"

GhStatus
gh_ref_segment_mean_fwd (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N, int H,
    int D, int M)
{
  int base = N / M, n_short = M - N % M;

  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      const float *tokens = x + (size_t) b * N * ld + col + (size_t) h * D;
      for (int j = 0; j < M; j++) {
        int length = j < n_short ? base : base + 1;
        for (int d = 0; d < D; d++) {
          double sum = 0;
          for (int t = 0; t < length; t++)
            sum += tokens[(size_t) t * ld + d];
          *y++ = (float) (scale * sum / length);
        }
        tokens += (size_t) length * ld;
      }
    }
  }
  return GH_OK;
}

GhStatus
gh_ref_segment_mean_bwd (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N, int H,
    int D, int M)
{
  int base = N / M, n_short = M - N % M;

  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      float *tokens = dx + (size_t) b * N * ld + col + (size_t) h * D;
      for (int j = 0; j < M; j++, dy += D) {
        int length = j < n_short ? base : base + 1;
        for (int t = 0; t < length; t++, tokens += ld) {
          for (int d = 0; d < D; d++)
            tokens[d] = (float) (tokens[d] + (double) scale / length * dy[d]);
        }
      }
    }
  }
  return GH_OK;
}
