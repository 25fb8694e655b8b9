/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pinv.c (once per instruction set): the pseudo-inverse iteration, each product over all matrices at once. The two
 * inner terms are one product: 15 I - P (7 I - P) = 15 I - 7 P + P P.
 */
#include "bmm.h"

#include <math.h>

typedef struct {
  GhCtx *ctx;
  float *work;
  int count, M;
} Set;

typedef struct {
  float *m;
  const float *a;
  float diagonal;
  int M;
} Job;

static double
largest_row_sum (const float *a, int M, ptrdiff_t row_step, ptrdiff_t col_step)
{
  double top = 0;

  for (int i = 0; i < M; i++) {
    double sum = 0;
    for (int j = 0; j < M; j++)
      sum += fabsf (a[i * row_step + j * col_step]);
    top = sum > top ? sum : top;
  }
  return top;
}

float
ISA_FN (gh_cpu_pinv_scale) (const float *a, int M)
{
  double rows = largest_row_sum (a, M, M, 1), cols = largest_row_sum (a, M, 1, M);
  return rows > 0 ? (float) (1 / (rows * cols)) : 0;
}

/* m = A^T / (r c) of one matrix. */
static void
start (void *arg, int index, int thread)
{
  const Job *job = arg;
  int M = job->M;
  const float *a = job->a + (size_t) index * M * M;
  float *m = job->m + (size_t) index * M * M, scale = ISA_FN (gh_cpu_pinv_scale) (a, M);

  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++)
      m[(size_t) j * M + i] = scale * a[(size_t) i * M + j];
  }
}

static void
add_diagonal (void *arg, int index, int thread)
{
  const Job *job = arg;
  float *m = job->m + (size_t) index * job->M * job->M;

  for (int i = 0; i < job->M; i++)
    m[(size_t) i * job->M + i] += job->diagonal;
}

/* c = alpha a b + beta c + diagonal I, for every matrix of the set. */
static void
combine (const Set *set, float *c, const float *a, const float *b, float alpha, float beta, float diagonal)
{
  int M = set->M;
  ptrdiff_t n = (ptrdiff_t) M * M;

  ISA_FN (gh_cpu_bmm_run) (set->ctx, set->work, (GhMat) { c, M, 0, n }, (GhMat) { (float *) a, M, 0, n }, false,
      (GhMat) { (float *) b, M, 0, n }, false, alpha, beta, 1, set->count, M, M, M);
  if (diagonal != 0) {
    Job job = { c, NULL, diagonal, M };
    gh_parallel (set->ctx, set->count, add_diagonal, &job);
  }
}

GhStatus
ISA_FN (gh_cpu_pinv_fwd) (GhCtx *ctx, float *z, float *trail, const float *a, int count, int M, int iters)
{
  size_t n = (size_t) count * M * M, bmm_work = ISA_FN (gh_cpu_bmm_work) (ctx->threads);
  float *work = gh_scratch (ctx, (bmm_work + 3 * n) * sizeof *work);

  if (!work)
    return GH_NOMEM;
  Set set = { ctx, work, count, M };
  float *p = work + bmm_work, *t = p + n, *u = t + n;
  Job job = { z, a, 0, M };

  gh_parallel (ctx, count, start, &job);
  for (int i = 0; i < iters; i++) {
    if (trail)
      memcpy (trail + i * n, z, n * sizeof *z);
    combine (&set, p, a, z, 1, 0, 0);
    memcpy (t, p, n * sizeof *p);
    combine (&set, t, p, p, 1, -7, 15);
    combine (&set, u, p, t, -1, 0, 13);
    combine (&set, t, z, u, 0.25f, 0, 0);
    memcpy (z, t, n * sizeof *z);
  }
  return GH_OK;
}
