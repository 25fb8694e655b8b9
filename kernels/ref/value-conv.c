/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * value-conv.c: one filter per head along the tokens, added to the attention's output.
 */
#include "ref.h"

GhStatus
gh_ref_value_conv_fwd (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D, int taps,
    int first)
{
  size_t part = (size_t) H * D;

  for (int b = 0; b < B; b++) {
    const float *v = qkv + (size_t) b * N * 3 * part + 2 * part;
    for (int t = first; t < N; t++) {
      for (size_t hd = 0; hd < part; hd++) {
        const float *filter = w + hd / D * taps;
        double sum = 0;
        for (int j = 0; j < taps; j++) {
          int source = t + j - taps / 2;
          if (source >= first && source < N)
            sum += (double) filter[j] * v[source * 3 * part + hd];
        }
        float *out = o + ((size_t) b * N + t) * part + hd;
        *out = (float) (*out + sum);
      }
    }
  }
  return GH_OK;
}
