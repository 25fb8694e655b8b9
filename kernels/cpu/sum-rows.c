/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum-rows.c (once per instruction set): column sums. Blocks of rows are summed apart and added in order.
 */
#include "isa.h"

enum { TASK_COLUMNS = 256, BLOCK_ROWS = 64 };

typedef struct {
  float *sum;
  const float *x;
  int rows, C;
} Job;

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int from = index * TASK_COLUMNS, n = smaller (TASK_COLUMNS, job->C - from);

  for (int r0 = 0; r0 < job->rows; r0 += BLOCK_ROWS) {
    float part[TASK_COLUMNS] = { 0 };
    int end = smaller (r0 + BLOCK_ROWS, job->rows);
    for (int r = r0; r < end; r++) {
      const float *x = job->x + (size_t) r * job->C + from;
      for (int c = 0; c < n; c++)
        part[c] += x[c];
    }
    for (int c = 0; c < n; c++)
      job->sum[from + c] += part[c];
  }
}

GhStatus
ISA_FN (gh_cpu_sum_rows) (GhCtx *ctx, float *sum, const float *x, int rows, int C)
{
  Job job = { sum, x, rows, C };
  gh_parallel (ctx, ceil_div (C, TASK_COLUMNS), run, &job);
  return GH_OK;
}
