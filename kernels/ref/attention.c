/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention.c: exact softmax attention, one query row after the other.
 */
#include "ref.h"

#include <math.h>

/* o[D] = softmax(q[D] k^T / sqrt(D)) v; k and v have N rows, `ld` apart. */
static void
attend (float *o, const float *q, const float *k, const float *v, size_t ld, int N, int D, double *weight)
{
  double top = -INFINITY, sum = 0;

  for (int t = 0; t < N; t++) {
    double dot = 0;
    for (int d = 0; d < D; d++)
      dot += (double) q[d] * k[t * ld + d];
    weight[t] = dot / sqrt (D);
    top = weight[t] > top ? weight[t] : top;
  }
  for (int t = 0; t < N; t++) {
    weight[t] = exp (weight[t] - top);
    sum += weight[t];
  }
  for (int d = 0; d < D; d++) {
    double mix = 0;
    for (int t = 0; t < N; t++)
      mix += weight[t] * v[t * ld + d];
    o[d] = (float) (mix / sum);
  }
}

GhStatus
gh_ref_attention_fwd (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  size_t part = (size_t) H * D, ld = 3 * part;
  double *weight = gh_scratch (ctx, N * sizeof *weight);

  if (!weight)
    return GH_NOMEM;
  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      const float *image = qkv + (size_t) b * N * ld + (size_t) h * D;
      for (int t = 0; t < N; t++)
        attend (o + ((size_t) b * N + t) * part + (size_t) h * D, image + t * ld, image + part, image + 2 * part, ld,
            N, D, weight);
    }
  }
  return GH_OK;
}
