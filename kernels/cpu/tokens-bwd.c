/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tokens-bwd.c (once per instruction set): the gradients of embedding, unmasking and gathering. Rows are copied as
 * they lie; the row that many tokens share is summed a block of columns at a time, in the order of the tokens.
 */
#include "isa.h"

enum { TASK_COLUMNS = 256, BLOCK_ROWS = 64, TASK_ROWS = 16 };

/* ---- rows copied: to[b, to_first + j] = from[b, from_first + row[b,j]] or the other way round ------------ */

typedef struct {
  float *to;
  const float *from;
  const int32_t *row;           /* [B,K] on the indexed side, NULL: j itself */
  size_t to_image, from_image;  /* floats of an image */
  bool scatter;                 /* the index is to's */
  int K, C, tasks;
} Move;

static void
move (void *arg, int index, int thread)
{
  const Move *job = arg;
  int b = index / job->tasks, j = index % job->tasks * TASK_ROWS, end = smaller (j + TASK_ROWS, job->K);

  for (; j < end; j++) {
    size_t at = (size_t) (job->row ? job->row[(size_t) b * job->K + j] : j), plain = (size_t) j;
    memcpy (job->to + b * job->to_image + (job->scatter ? at : plain) * job->C,
        job->from + b * job->from_image + (job->scatter ? plain : at) * job->C, job->C * sizeof (float));
  }
}

static void
move_rows (GhCtx *ctx, Move job, int B)
{
  if (job.K == 0)
    return;
  job.tasks = ceil_div (job.K, TASK_ROWS);
  gh_parallel (ctx, B * job.tasks, move, &job);
}

/* ---- rows summed ------------------------------------------------------------------------------------- */

typedef struct {
  float *sum;                   /* [C] accumulates */
  const float *from;            /* rows of C */
  const char *skip;             /* [rows], NULL: none */
  size_t image;                 /* floats of an image */
  int rows, n, C;               /* rows[b, 0..n] of every image, rows = B * n */
} Sum;

static void
sum_columns (void *arg, int index, int thread)
{
  const Sum *job = arg;
  int from = index * TASK_COLUMNS, n = smaller (TASK_COLUMNS, job->C - from);

  for (int r0 = 0; r0 < job->rows; r0 += BLOCK_ROWS) {
    float part[TASK_COLUMNS] = { 0 };
    int end = smaller (r0 + BLOCK_ROWS, job->rows);
    for (int r = r0; r < end; r++) {
      const float *x = job->from + r / job->n * job->image + (size_t) (r % job->n) * job->C + from;
      for (int c = 0; !(job->skip && job->skip[r]) && c < n; c++)
        part[c] += x[c];
    }
    for (int c = 0; c < n; c++)
      job->sum[from + c] += part[c];
  }
}

static void
sum_shared (GhCtx *ctx, Sum job)
{
  gh_parallel (ctx, ceil_div (job.C, TASK_COLUMNS), sum_columns, &job);
}

/* ---- the operations ------------------------------------------------------------------------------------ */

GhStatus
ISA_FN (gh_cpu_embed_tokens_bwd) (GhCtx *ctx, float *dx, float *dcls, const float *dy, int B, int K, int C, int first)
{
  size_t image = (size_t) (first + K) * C;

  if (first)
    sum_shared (ctx, (Sum) { dcls, dy, NULL, image, B, 1, C });
  if (dx != dy)
    move_rows (ctx, (Move) { dx, dy + (size_t) first * C, NULL, (size_t) K * C, image, false, K, C }, B);
  return GH_OK;
}

GhStatus
ISA_FN (gh_cpu_unmask_tokens_bwd) (GhCtx *ctx, float *dx, float *dmask_token, const float *dy, const int32_t *keep,
    int B, int N, int K, int C, int first)
{
  size_t to_image = (size_t) (first + K) * C, from_image = (size_t) (first + N) * C;

  if (first)
    move_rows (ctx, (Move) { dx, dy, NULL, to_image, from_image, false, 1, C }, B);
  move_rows (ctx, (Move) { dx + (size_t) first * C, dy + (size_t) first * C, keep, to_image, from_image, false, K, C },
      B);
  if (!keep)
    return GH_OK;

  char *kept = gh_scratch (ctx, (size_t) B * N);
  if (!kept)
    return GH_NOMEM;
  memset (kept, 0, (size_t) B * N);
  for (size_t i = 0; i < (size_t) B * K; i++)
    kept[i / K * N + keep[i]] = 1;
  sum_shared (ctx, (Sum) { dmask_token, dy + (size_t) first * C, kept, from_image, B * N, N, C });
  return GH_OK;
}

GhStatus
ISA_FN (gh_cpu_gather_rows_bwd) (GhCtx *ctx, float *dx, const float *dy, const int32_t *index, int B, int N, int K,
    int C, int first)
{
  size_t image = (size_t) (first + N) * C;

  ISA_FN (gh_cpu_zero) (ctx, dx, B * image * sizeof *dx);
  move_rows (ctx, (Move) { dx + (size_t) first * C, dy, index, image, (size_t) K * C, true, K, C }, B);
  return GH_OK;
}
