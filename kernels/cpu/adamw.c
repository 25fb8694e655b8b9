/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * adamw.c (once per instruction set): one step of AdamW. Bound by memory: every array is walked once.
 */
#include "isa.h"

#include <math.h>

enum { CHUNK = 16384 };

typedef struct {
  float *p, *m, *v;
  const float *g;
  size_t n;
  float grad_scale, lr, beta1, rest1, beta2, rest2, eps, weight_decay;
  float correct1, correct2;     /* 1 / (1 - beta^t) */
} Job;

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  size_t from = (size_t) index * CHUNK;
  int n = job->n - from < CHUNK ? (int) (job->n - from) : CHUNK;
  float *restrict p = job->p + from, *restrict m = job->m + from, *restrict v = job->v + from;
  const float *restrict g = job->g + from;
  const Job j = *job;

  for (int i = 0; i < n; i++) {
    float gradient = j.grad_scale * g[i];
    float mean = j.beta1 * m[i] + j.rest1 * gradient;
    float square = j.beta2 * v[i] + j.rest2 * gradient * gradient;
    m[i] = mean;
    v[i] = square;
    p[i] -= j.lr * (mean * j.correct1 / (sqrtf (square * j.correct2) + j.eps) + j.weight_decay * p[i]);
  }
}

GhStatus
ISA_FN (gh_cpu_adamw) (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale,
    float lr, float beta1, float beta2, float eps, float weight_decay, int step)
{
  Job job = { p, m, v, g, n, grad_scale, lr, beta1, (float) (1 - (double) beta1), beta2, (float) (1 - (double) beta2),
    eps, weight_decay, (float) (1 / (1 - pow (beta1, step))), (float) (1 / (1 - pow (beta2, step))) };

  gh_parallel (ctx, (int) ((n - 1) / CHUNK + 1), run, &job);
  return GH_OK;
}
