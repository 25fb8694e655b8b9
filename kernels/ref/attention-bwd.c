/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bwd.c: the gradient of exact softmax attention, one query row after the other. With the weights w of a
 * query's row and e = dout v^T, the scores' gradient is s = w (e - sum of w e); then dq = s k / sqrt(D),
 * dk += s^T q / sqrt(D) and dv += w^T dout.
 */
#include "ref.h"

#include <math.h>

/* One head of an image: rows `ld` apart in qkv and dqkv. */
typedef struct {
  const float *q, *k, *v;
  size_t ld;
  int N, D;
  double *weight, *slope;       /* [N] */
  double *dk, *dv;              /* [N,D] */
} Head;

static double
dot (const float *a, const float *b, int n)
{
  double sum = 0;
  for (int i = 0; i < n; i++)
    sum += (double) a[i] * b[i];
  return sum;
}

static void
row_weights (const Head *head, const float *q)
{
  double top = -INFINITY, sum = 0;

  for (int s = 0; s < head->N; s++) {
    head->weight[s] = dot (q, head->k + s * head->ld, head->D) / sqrt (head->D);
    top = head->weight[s] > top ? head->weight[s] : top;
  }
  for (int s = 0; s < head->N; s++)
    sum += head->weight[s] = exp (head->weight[s] - top);
  for (int s = 0; s < head->N; s++)
    head->weight[s] /= sum;
}

static void
row_gradient (const Head *head, float *dq, const float *q, const float *dout)
{
  double mean = 0;

  row_weights (head, q);
  for (int s = 0; s < head->N; s++) {
    head->slope[s] = dot (dout, head->v + s * head->ld, head->D);
    mean += head->weight[s] * head->slope[s];
  }
  for (int s = 0; s < head->N; s++)
    head->slope[s] = head->weight[s] * (head->slope[s] - mean) / sqrt (head->D);
  for (int d = 0; d < head->D; d++) {
    double sum = 0;
    for (int s = 0; s < head->N; s++) {
      sum += head->slope[s] * head->k[s * head->ld + d];
      head->dk[(size_t) s * head->D + d] += head->slope[s] * q[d];
      head->dv[(size_t) s * head->D + d] += head->weight[s] * dout[d];
    }
    dq[d] = (float) sum;
  }
}

GhStatus
gh_ref_attention_bwd (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype,
    int B, int N, int H, int D)
{
  size_t part = (size_t) H * D, ld = 3 * part, n = (size_t) N * D;
  double *work = gh_scratch (ctx, 2 * (N + n) * sizeof *work);

  if (!work)
    return GH_NOMEM;
  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      size_t at = (size_t) b * N * ld + (size_t) h * D;
      Head head = { qkv + at, qkv + at + part, qkv + at + 2 * part, ld, N, D, work, work + N, work + 2 * (size_t) N,
        work + 2 * (size_t) N + n };
      for (size_t i = 0; i < n; i++)
        head.dk[i] = head.dv[i] = 0;
      for (int t = 0; t < N; t++)
        row_gradient (&head, dqkv + at + t * ld, head.q + t * ld, dout + ((size_t) b * N + t) * part + (size_t) h * D);
      for (size_t i = 0; i < n; i++) {
        float *to = dqkv + at + i / D * ld + i % D;
        to[part] = (float) head.dk[i];
        to[2 * part] = (float) head.dv[i];
      }
    }
  }
  return GH_OK;
}
