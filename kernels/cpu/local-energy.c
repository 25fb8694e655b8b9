/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * local-energy.c (once per instruction set): mean squares over windows, some rows of an image at a time. Squares are
 * summed down the window's rows for a whole line, channels and all, then along it.
 */
#include "isa.h"

enum { TASK_ROWS = 8 };

typedef struct {
  float *energy;
  const float *x;
  float *lines;                 /* [threads, cols C] */
  int rows, cols, C, window_rows, window_cols, row_tasks;
} Job;

static void
add_squares (float *restrict sum, const float *restrict x, int n)
{
  for (int i = 0; i < n; i++)
    sum[i] += x[i] * x[i];
}

/* line[cols C] = squares of the window's rows around `row`. */
static void
sum_down (float *line, const Job *job, const float *image, int row)
{
  const int n = job->cols * job->C, half = job->window_rows / 2;

  memset (line, 0, n * sizeof *line);
  for (int y = row > half ? row - half : 0; y < smaller (row + half + 1, job->rows); y++)
    add_squares (line, image + (size_t) y * n, n);
}

static void
sum_along (float *energy, const float *line, const Job *job)
{
  const int half = job->window_cols / 2, C = job->C;
  const float scale = 1.0f / (float) (job->window_rows * job->window_cols);

  for (int j = 0; j < job->cols; j++) {
    float sum = 0;
    for (int i = (j > half ? j - half : 0) * C; i < smaller (j + half + 1, job->cols) * C; i++)
      sum += line[i];
    energy[j] = sum * scale;
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  const size_t b = index / job->row_tasks;
  const int row0 = index % job->row_tasks * TASK_ROWS;
  float *line = job->lines + (size_t) thread * job->cols * job->C;

  for (int row = row0; row < smaller (row0 + TASK_ROWS, job->rows); row++) {
    sum_down (line, job, job->x + b * job->rows * job->cols * job->C, row);
    sum_along (job->energy + (b * job->rows + row) * job->cols, line, job);
  }
}

GhStatus
ISA_FN (gh_cpu_local_energy_fwd) (GhCtx *ctx, float *energy, const float *x, int B, int rows, int cols, int C,
    int window_rows, int window_cols)
{
  Job job = { energy, x, gh_scratch (ctx, (size_t) ctx->threads * cols * C * sizeof (float)), rows, cols, C,
    window_rows, window_cols, ceil_div (rows, TASK_ROWS) };

  if (!job.lines)
    return GH_NOMEM;
  gh_parallel (ctx, B * job.row_tasks, run, &job);
  return GH_OK;
}
