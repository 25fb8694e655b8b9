/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * softmax.c (once per instruction set): softmax of rows, and its gradient.
 */
#include "isa.h"

enum { CELLS = 8192 };          /* of one task, about */

static float
row_top (const float *x, int n)
{
  int i = 0;
  float top = x[0];

  if (n >= VL) {
    vf v = vec_load (x);
    for (i = VL; i + VL <= n; i += VL)
      v = vec_max (vec_load (x + i), v);
    top = vec_top (v);
  }
  for (; i < n; i++)
    top = x[i] > top ? x[i] : top;
  return top;
}

/* y[n] = e^(x - top), which is at most 1; returns their sum. y may be x. */
static float
row_weights (float *y, const float *x, int n, float top)
{
  vf sum = { 0 };
  int i = 0;

  for (; i + VL <= n; i += VL) {
    vf v = vec_exp_negative (vec_load (x + i) - top);
    vec_store (y + i, v);
    sum += v;
  }
  if (i < n) {
    vf v = vec_exp_negative (vec_load_part (x + i, n - i) - top);
    vec_store_part (y + i, v, n - i);
    sum += vec_load_part (y + i, n - i);
  }
  return vec_sum (sum);
}

typedef struct {
  float *y;
  const float *x;
  int rows, n, task_rows;
} Job;

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int row = index * job->task_rows, end = smaller (row + job->task_rows, job->rows), n = job->n;

  for (; row < end; row++) {
    float *y = job->y + (size_t) row * n, sum = row_weights (y, job->x + (size_t) row * n, n,
        row_top (job->x + (size_t) row * n, n));
    float inverse = 1 / sum;
    for (int i = 0; i < n; i++)
      y[i] *= inverse;
  }
}

GhStatus
ISA_FN (gh_cpu_softmax_fwd) (GhCtx *ctx, float *y, const float *x, int rows, int n)
{
  Job job = { y, x, rows, n, n < CELLS ? ceil_div (CELLS, n) : 1 };
  gh_parallel (ctx, ceil_div (rows, job.task_rows), run, &job);
  return GH_OK;
}

/* ---- the gradient ------------------------------------------------------------------------------------ */

typedef struct {
  float *dx;
  const float *dy, *y;
  int rows, n, task_rows;
} Backward;

static float
row_dot (const float *a, const float *b, int n)
{
  vf sum[2] = { 0 };
  float rest = 0;
  int i = 0;

  for (; i + 2 * VL <= n; i += 2 * VL) {
    for (int j = 0; j < 2; j++)
      sum[j] += vec_load (a + i + j * VL) * vec_load (b + i + j * VL);
  }
  for (; i < n; i++)
    rest += a[i] * b[i];
  return rest + vec_sum (sum[0] + sum[1]);
}

static void
backward (void *arg, int index, int thread)
{
  const Backward *job = arg;
  int row = index * job->task_rows, end = smaller (row + job->task_rows, job->rows), n = job->n;

  for (; row < end; row++) {
    const float *dy = job->dy + (size_t) row * n, *y = job->y + (size_t) row * n;
    float *dx = job->dx + (size_t) row * n, dot = row_dot (dy, y, n);
    for (int i = 0; i < n; i++)
      dx[i] = y[i] * (dy[i] - dot);
  }
}

GhStatus
ISA_FN (gh_cpu_softmax_bwd) (GhCtx *ctx, float *dx, const float *dy, const float *y, int rows, int n)
{
  Backward job = { dx, dy, y, rows, n, n < CELLS ? ceil_div (CELLS, n) : 1 };
  gh_parallel (ctx, ceil_div (rows, job.task_rows), backward, &job);
  return GH_OK;
}
