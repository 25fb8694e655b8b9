/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * layernorm.c (once per instruction set): layer normalisation and its gradient. A row is read from memory once; the
 * later passes find it in the cache.
 */
#include "isa.h"

#include <math.h>

enum { TASK_ROWS = 16 };

typedef struct {
  float *y, *mean, *rstd;
  const float *x, *w, *b;
  int rows, C;
  float eps;
} Forward;

/* Sums run in four vectors side by side: one alone would wait for each addition. */
enum { LANES = 4 };

static float
row_sum (const float *x, int C)
{
  vf sum[LANES] = { 0 };
  int c = 0;

  for (; c + LANES * VL <= C; c += LANES * VL) {
    for (int j = 0; j < LANES; j++)
      sum[j] += vec_load (x + c + j * VL);
  }
  for (; c + VL <= C; c += VL)
    sum[0] += vec_load (x + c);
  return vec_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]) + vec_load_part (x + c, C - c));
}

/* The sum of deviations corrects what rounding did to the mean, and the variance with it. */
static void
statistics (const float *x, int C, float eps, float *mean, float *rstd)
{
  float first = row_sum (x, C) / (float) C;
  vf sum[LANES] = { 0 }, square[LANES] = { 0 };
  int c = 0;

  for (; c + LANES * VL <= C; c += LANES * VL) {
    for (int j = 0; j < LANES; j++) {
      vf d = vec_load (x + c + j * VL) - first;
      sum[j] += d;
      square[j] += d * d;
    }
  }
  float rest = vec_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]));
  float var = vec_sum ((square[0] + square[1]) + (square[2] + square[3]));
  for (; c < C; c++) {
    float d = x[c] - first;
    rest += d;
    var += d * d;
  }
  rest /= (float) C;
  var = var / (float) C - rest * rest;
  *mean = first + rest;
  *rstd = 1 / sqrtf ((var < 0 ? 0 : var) + eps);
}

static void
forward (void *arg, int index, int thread)
{
  const Forward *job = arg;
  int C = job->C, end = smaller ((index + 1) * TASK_ROWS, job->rows);

  for (int r = index * TASK_ROWS; r < end; r++) {
    const float *x = job->x + (size_t) r * C, *w = job->w, *b = job->b;
    float *y = job->y + (size_t) r * C, mean, rstd;
    int c = 0;

    statistics (x, C, job->eps, &mean, &rstd);
    for (; c + VL <= C; c += VL)
      vec_store (y + c, (vec_load (x + c) - mean) * rstd * vec_load (w + c) + vec_load (b + c));
    for (; c < C; c++)
      y[c] = (x[c] - mean) * rstd * w[c] + b[c];
    if (job->mean) {
      job->mean[r] = mean;
      job->rstd[r] = rstd;
    }
  }
}

GhStatus
ISA_FN (gh_cpu_layernorm_fwd) (GhCtx *ctx, float *y, float *mean, float *rstd, const float *x, const float *w,
    const float *b, int rows, int C, float eps)
{
  Forward job = { y, mean, rstd, x, w, b, rows, C, eps };
  gh_parallel (ctx, ceil_div (rows, TASK_ROWS), forward, &job);
  return GH_OK;
}

/* ---- the gradient ------------------------------------------------------------------------------------ */

/* A task sums its rows' share of dw and db into a part of its own; the parts are added in order afterwards, so that
 * the result does not depend on who ran what. */
typedef struct {
  float *dx, *dw, *db, *part;   /* part[tasks][2][C] */
  const float *dy, *x, *w, *mean, *rstd, *residual;
  int rows, C, n_tasks;
} Backward;

/* With xh = (x - mean) rstd and g = dy w:  dx = rstd (g - mean(g) - xh mean(g xh)). */
static void
row_gradient (float *restrict dx, float *restrict dw, float *restrict db, const float *dy, const float *x,
    const float *w, const float *residual, float mean, float rstd, int C)
{
  vf sum_g = { 0 }, sum_gx = { 0 };
  int c = 0;

  for (; c + VL <= C; c += VL) {
    vf d = vec_load (dy + c), xh = (vec_load (x + c) - mean) * rstd, g = d * vec_load (w + c);
    sum_g += g;
    sum_gx += g * xh;
    vec_store (dw + c, vec_load (dw + c) + d * xh);
    vec_store (db + c, vec_load (db + c) + d);
  }
  float mean_g = vec_sum (sum_g), mean_gx = vec_sum (sum_gx);
  for (; c < C; c++) {
    float xh = (x[c] - mean) * rstd;
    mean_g += dy[c] * w[c];
    mean_gx += dy[c] * w[c] * xh;
    dw[c] += dy[c] * xh;
    db[c] += dy[c];
  }
  mean_g /= (float) C;
  mean_gx /= (float) C;
  for (c = 0; c + VL <= C; c += VL) {
    vf xh = (vec_load (x + c) - mean) * rstd, g = vec_load (dy + c) * vec_load (w + c);
    vf d = rstd * (g - mean_g - xh * mean_gx);
    vec_store (dx + c, residual ? d + vec_load (residual + c) : d);
  }
  for (; c < C; c++)
    dx[c] = rstd * (dy[c] * w[c] - mean_g - (x[c] - mean) * rstd * mean_gx) + (residual ? residual[c] : 0);
}

static void
backward (void *arg, int index, int thread)
{
  const Backward *job = arg;
  int C = job->C, end = smaller ((index + 1) * TASK_ROWS, job->rows);
  float *dw = job->part + (size_t) index * 2 * C, *db = dw + C;

  memset (dw, 0, 2 * (size_t) C * sizeof *dw);
  for (int r = index * TASK_ROWS; r < end; r++) {
    size_t at = (size_t) r * C;
    row_gradient (job->dx + at, dw, db, job->dy + at, job->x + at, job->w, job->residual ? job->residual + at : NULL,
        job->mean[r], job->rstd[r], C);
  }
}

enum { TASK_COLUMNS = 256 };

static void
add_parts (void *arg, int index, int thread)
{
  const Backward *job = arg;
  int from = index * TASK_COLUMNS, end = smaller (from + TASK_COLUMNS, job->C);

  for (int task = 0; task < job->n_tasks; task++) {
    const float *dw = job->part + (size_t) task * 2 * job->C, *db = dw + job->C;
    for (int c = from; c < end; c++) {
      job->dw[c] += dw[c];
      job->db[c] += db[c];
    }
  }
}

GhStatus
ISA_FN (gh_cpu_layernorm_bwd) (GhCtx *ctx, float *dx, float *dw, float *db, const float *dy, const float *x,
    const float *w, const float *mean, const float *rstd, const float *residual, int rows, int C)
{
  int n_tasks = ceil_div (rows, TASK_ROWS);
  Backward job = { dx, dw, db, NULL, dy, x, w, mean, rstd, residual, rows, C, n_tasks };

  job.part = gh_scratch (ctx, (size_t) n_tasks * 2 * C * sizeof *job.part);
  if (!job.part)
    return GH_NOMEM;
  gh_parallel (ctx, n_tasks, backward, &job);
  gh_parallel (ctx, ceil_div (C, TASK_COLUMNS), add_parts, &job);
  return GH_OK;
}
