/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bmm.c (once per instruction set): general products in tiles of MR x NR.
 *
 * A task is a block of one matrix of the batch. It walks k in blocks of KC; within one it packs NR columns of b at a
 * time (KC x NR floats, which stay in the first-level cache) and runs all its rows of a over them. a is read where it
 * lies unless it is transposed or its last rows do not fill a tile; then it is packed in strips of MR rows. Which task
 * computes a cell does not change the order of its sum, so the result is the same for any number of threads.
 */
#include "bmm.h"
#include "tile.h"

enum { KC = 256, TASK_ROWS = 240, TASK_COLUMNS = 192 };

typedef struct {
  GhMat c, a, b;
  bool trans_a, trans_b;
  float alpha, beta;
  int H, m, n, k;
  int task_rows, row_tasks, column_tasks;
  float *work;
} Job;

/* strip[k][MR] = op(a)[row..row+MR, p..p+k], missing rows zero. */
static void
pack_a (float *restrict strip, const float *restrict a, ptrdiff_t row_step, ptrdiff_t k_step, int rows, int k)
{
  if (rows == MR && row_step == 1) {
    for (int p = 0; p < k; p++)
      memcpy (strip + (size_t) p * MR, a + p * k_step, MR * sizeof *a);
    return;
  }
  if (rows < MR)
    memset (strip, 0, (size_t) k * MR * sizeof *strip);
  for (int i = 0; i < rows; i++) {
    for (int p = 0; p < k; p++)
      strip[(size_t) p * MR + i] = a[i * row_step + p * k_step];
  }
}

/* panel[k][NR] = op(b)[p..p+k, col..col+NR], missing columns zero. */
static void
pack_b (float *restrict panel, const float *restrict b, ptrdiff_t k_step, ptrdiff_t col_step, int cols, int k)
{
  if (cols == NR && col_step == 1) {
    for (int p = 0; p < k; p++)
      memcpy (panel + (size_t) p * NR, b + p * k_step, NR * sizeof *b);
    return;
  }
  if (cols < NR)
    memset (panel, 0, (size_t) k * NR * sizeof *panel);
  for (int j = 0; j < cols; j++) {
    for (int p = 0; p < k; p++)
      panel[(size_t) p * NR + j] = b[p * k_step + j * col_step];
  }
}

/* One block of k: rows x cols cells of c. a, b and c point at the block's first cells. */
static void
multiply_block (const Job *job, float *c, const float *a, const float *b, int rows, int cols, int k, float beta,
    float *panel, float *strips)
{
  ptrdiff_t a_row = job->trans_a ? 1 : job->a.ld, a_k = job->trans_a ? job->a.ld : 1;
  ptrdiff_t b_k = job->trans_b ? 1 : job->b.ld, b_col = job->trans_b ? job->b.ld : 1;

  for (int i = 0; i < rows; i += MR) {
    if (job->trans_a || rows - i < MR)
      pack_a (strips + (size_t) i * KC, a + i * a_row, a_row, a_k, smaller (MR, rows - i), k);
  }
  for (int j = 0; j < cols; j += NR) {
    pack_b (panel, b + j * b_col, b_k, b_col, smaller (NR, cols - j), k);
    for (int i = 0; i < rows; i += MR) {
      vf acc[MR * NV];
      if (job->trans_a || rows - i < MR)
        tile_product (acc, strips + (size_t) i * KC, 1, MR, panel, NR, k);
      else
        tile_product (acc, a + i * a_row, a_row, 1, panel, NR, k);
      tile_store (c + i * job->c.ld + j, job->c.ld, acc, smaller (MR, rows - i), smaller (NR, cols - j), job->alpha,
          beta);
    }
  }
}

static const float *
matrix (GhMat mat, const Job *job, int index)
{
  return mat.p + index / job->H * mat.stride_b + index % job->H * mat.stride_h;
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int which = index / (job->row_tasks * job->column_tasks);
  int row = index / job->column_tasks % job->row_tasks * job->task_rows;
  int col = index % job->column_tasks * TASK_COLUMNS;
  int rows = smaller (job->task_rows, job->m - row), cols = smaller (TASK_COLUMNS, job->n - col);
  float *panel = job->work + thread * ISA_FN (gh_cpu_bmm_work) (1), *strips = panel + KC * NR;
  const float *a = matrix (job->a, job, which), *b = matrix (job->b, job, which);
  float *c = (float *) matrix (job->c, job, which) + row * job->c.ld + col;

  for (int p = 0; p < job->k; p += KC) {
    multiply_block (job, c, a + (job->trans_a ? p * job->a.ld + row : row * job->a.ld + p),
        b + (job->trans_b ? col * job->b.ld + p : p * job->b.ld + col), rows, cols, smaller (KC, job->k - p),
        p == 0 ? job->beta : 1, panel, strips);
  }
}

size_t
ISA_FN (gh_cpu_bmm_work) (int threads)
{
  return (size_t) threads * (KC * NR + KC * (TASK_ROWS + MR));
}

void
ISA_FN (gh_cpu_bmm_run) (GhCtx *ctx, float *work, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha,
    float beta, int B, int H, int m, int n, int k)
{
  Job job = { c, a, b, trans_a, trans_b, alpha, beta, H, m, n, k, TASK_ROWS, 0, ceil_div (n, TASK_COLUMNS), work };

  /* Lower blocks when there are too few to go round: packing b again costs less than an idle processor. */
  while (job.task_rows > 60 && (long long) B * H * ceil_div (m, job.task_rows) * job.column_tasks < 3 * ctx->threads)
    job.task_rows /= 2;
  job.row_tasks = ceil_div (m, job.task_rows);
  gh_parallel (ctx, B * H * job.row_tasks * job.column_tasks, run, &job);
}

GhStatus
ISA_FN (gh_cpu_bmm) (GhCtx *ctx, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta, int B,
    int H, int m, int n, int k)
{
  float *work = gh_scratch (ctx, ISA_FN (gh_cpu_bmm_work) (ctx->threads) * sizeof *work);

  if (!work)
    return GH_NOMEM;
  ISA_FN (gh_cpu_bmm_run) (ctx, work, c, a, trans_a, b, trans_b, alpha, beta, B, H, m, n, k);
  return GH_OK;
}
