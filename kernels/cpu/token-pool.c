/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * token-pool.c (once per instruction set): one vector per image from its tokens, a block of columns at a time.
 */
#include "isa.h"

#include <math.h>

enum { TASK_COLUMNS = 128, BLOCK_ROWS = 64 };

typedef struct {
  float *y;
  const float *x;
  bool with_deviation;
  int N, C, first, column_tasks;
} Job;

/* sum[n] = column sums of x[rows,n], or of (x - centre)^2; blocks of rows are summed apart to keep the digits. */
static void
column_sums (float *restrict sum, const float *restrict x, const float *restrict centre, int rows, int ld, int n)
{
  memset (sum, 0, n * sizeof *sum);
  for (int r0 = 0; r0 < rows; r0 += BLOCK_ROWS) {
    float part[TASK_COLUMNS] = { 0 };
    int end = smaller (r0 + BLOCK_ROWS, rows);
    for (int r = r0; r < end; r++) {
      const float *row = x + (size_t) r * ld;
      if (centre) {
        for (int c = 0; c < n; c++)
          part[c] += (row[c] - centre[c]) * (row[c] - centre[c]);
      } else {
        for (int c = 0; c < n; c++)
          part[c] += row[c];
      }
    }
    for (int c = 0; c < n; c++)
      sum[c] += part[c];
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int b = index / job->column_tasks, from = index % job->column_tasks * TASK_COLUMNS;
  int n = smaller (TASK_COLUMNS, job->C - from), C = job->C;
  const float *x = job->x + ((size_t) b * (job->first + job->N) + job->first) * C + from;
  float *y = job->y + (size_t) b * (job->with_deviation ? 2 : 1) * C + from;
  float sum[TASK_COLUMNS];

  column_sums (sum, x, NULL, job->N, C, n);
  for (int c = 0; c < n; c++)
    y[c] = sum[c] / (float) job->N;
  if (!job->with_deviation)
    return;
  column_sums (sum, x, y, job->N, C, n);
  for (int c = 0; c < n; c++)
    y[C + c] = sqrtf (sum[c] / (float) job->N);
}

GhStatus
ISA_FN (gh_cpu_pool_fwd) (GhCtx *ctx, float *y, const float *x, GhPool pool, int B, int N, int C, int first)
{
  Job job = { y, x, pool == GH_POOL_MEAN_STD, N, C, first, ceil_div (C, TASK_COLUMNS) };

  if (pool == GH_POOL_CLS) {
    for (int b = 0; b < B; b++)
      memcpy (y + (size_t) b * C, x + (size_t) b * (first + N) * C, C * sizeof *y);
    return GH_OK;
  }
  gh_parallel (ctx, B * job.column_tasks, run, &job);
  return GH_OK;
}
