/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * value-conv.c: one filter per head along the tokens, added to the attention's output, and its gradients.
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

/* The token that tap j of token t's filter reads, or -1 beyond the ends. */
static int
source_of (int t, int j, int N, int taps, int first)
{
  int source = t + j - taps / 2;
  return source >= first && source < N ? source : -1;
}

static double
tap_gradient (const float *dout, const float *v, int j, int N, size_t part, int D, int taps, int first)
{
  double sum = 0;

  for (int t = first; t < N; t++) {
    int source = source_of (t, j, N, taps, first);
    for (int d = 0; source >= 0 && d < D; d++)
      sum += (double) dout[t * part + d] * v[source * 3 * part + d];
  }
  return sum;
}

static void
value_gradient (float *dv, const float *dout, const float *w, int N, size_t part, int D, int taps, int first)
{
  for (int s = first; s < N; s++) {
    for (size_t hd = 0; hd < part; hd++) {
      double sum = dv[s * 3 * part + hd];
      for (int j = 0; j < taps; j++) {
        int t = s - j + taps / 2;
        if (t >= first && t < N)
          sum += (double) w[hd / D * taps + j] * dout[t * part + hd];
      }
      dv[s * 3 * part + hd] = (float) sum;
    }
  }
}

GhStatus
gh_ref_value_conv_bwd (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv, const float *w, int B,
    int N, int H, int D, int taps, int first)
{
  size_t part = (size_t) H * D;

  for (int h = 0; h < H; h++) {
    for (int j = 0; j < taps; j++) {
      double sum = dw[(size_t) h * taps + j];
      for (int b = 0; b < B; b++)
        sum += tap_gradient (dout + (size_t) b * N * part + (size_t) h * D,
            qkv + (size_t) b * N * 3 * part + 2 * part + (size_t) h * D, j, N, part, D, taps, first);
      dw[(size_t) h * taps + j] = (float) sum;
    }
  }
  for (int b = 0; b < B; b++)
    value_gradient (dqkv + (size_t) b * N * 3 * part + 2 * part, dout + (size_t) b * N * part, w, N, part, D, taps,
        first);
  return GH_OK;
}
