/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * softmax.c (once per instruction set): softmax of rows.
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
