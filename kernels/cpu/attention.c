/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention.c (once per instruction set): softmax(q k^T / sqrt(D)) v, fused, exact for any N and D.
 *
 * First every head's v is packed into panels of NR columns. Then a task takes up to TASK_ROWS queries of one head,
 * packs them, and walks the keys in blocks: scores, weights e^(s - top), and their share of the output, which is scaled
 * down whenever a later block raises a query's top (Milakov & Gimelshein 2018). Scores are held with the queries side
 * by side, so that maxima and sums of a softmax run over whole vectors, and k is read where it lies. They never leave
 * the second-level cache; up to KEYS tokens there is one block and nothing is scaled.
 */
#include "tile.h"

#include <math.h>

/* TASK_ROWS is a multiple of MR and of NR. At most PACKED_LIMIT floats of v are packed at a time, or one image's. */
enum { TASK_ROWS = VL == 16 ? 96 : 48, KEYS = 256, PACKED_LIMIT = 8 << 20 };

typedef struct {
  float *o;
  const float *qkv;
  int N, H, D;
  int key_block;                /* a multiple of MR */
  int image0;                   /* the first image whose v is packed now */
  int row_tasks;
  size_t v_size, thread_size;
  float *v, *work;              /* v[heads][D/NR][N][NR], work[threads][thread_size] */
} Job;

/* What one thread needs for one task of `rows` queries of a head. */
typedef struct {
  const float *k;               /* of the head, rows ld apart */
  size_t ld;
  const float *v;
  int rows, columns, strips;    /* queries; rounded up to NR; rounded up to MR */
  float *q;                     /* [columns/NR][D][NR], scaled by 1/sqrt(D) */
  float *s;                     /* [key_block][TASK_ROWS] scores, then weights */
  float *o;                     /* [strips][D rounded up to NR] */
  float *edge;                  /* [MR][D]: keys of a tile that is not full */
  float *top, *sum;             /* [TASK_ROWS] */
} Task;

static const float *
head_of (const Job *job, int head, int part)
{
  size_t width = (size_t) job->H * job->D;
  return job->qkv + (size_t) (job->image0 + head / job->H) * job->N * 3 * width + part * width
      + (size_t) (head % job->H) * job->D;
}

static void
pack_values (void *arg, int head, int thread)
{
  const Job *job = arg;
  size_t ld = 3 * (size_t) job->H * job->D;
  const float *v = head_of (job, head, 2);
  float *to = job->v + (size_t) head * job->v_size;

  for (int d = 0; d < job->D; d += NR) {
    int n = smaller (NR, job->D - d);
    for (int t = 0; t < job->N; t++, to += NR) {
      if (n == NR) {
        memcpy (to, v + t * ld + d, NR * sizeof *to);
      } else {
        memcpy (to, v + t * ld + d, n * sizeof *to);
        memset (to + n, 0, (NR - n) * sizeof *to);
      }
    }
  }
}

static void
pack_queries (const Task *task, const float *q, int D)
{
  float scale = (float) (1 / sqrt (D));

  for (int i0 = 0; i0 < task->columns; i0 += NR) {
    float *panel = task->q + (size_t) i0 * D;
    int n = smaller (NR, task->rows - i0);
    if (n < NR)
      memset (panel, 0, (size_t) NR * D * sizeof *panel);
    for (int i = 0; i < n; i++) {
      const float *row = q + (i0 + i) * task->ld;
      for (int d = 0; d < D; d++)
        panel[d * NR + i] = row[d] * scale;
    }
  }
}

/* s[keys][queries] = k q^T for n keys from `key`. The last tile steps back over keys already done, where there are any,
 * rather than beyond the end. */
static void
scores (const Task *task, int D, int key, int n)
{
  for (int j = 0; j < n; j += MR) {
    int start = j + MR <= n ? j : n > MR ? n - MR : 0, count = smaller (MR, n);
    const float *k = task->k + (key + start) * task->ld;
    ptrdiff_t ld = (ptrdiff_t) task->ld;
    if (count < MR) {
      memset (task->edge, 0, (size_t) MR * D * sizeof (float));
      for (int i = 0; i < count; i++)
        memcpy (task->edge + (size_t) i * D, k + i * ld, D * sizeof (float));
      k = task->edge;
      ld = D;
    }
    for (int i = 0; i < task->columns; i += NR) {
      vf acc[MR * NV];
      tile_product (acc, k, ld, 1, task->q + (size_t) i * D, NR, D);
      tile_store (task->s + (size_t) start * TASK_ROWS + i, TASK_ROWS, acc, count, NR, 1, 0);
    }
  }
}

/* Scores of NR queries into weights; earlier sums and outputs are scaled to the new top. */
static void
weigh (const Task *task, int i, int n, bool first, size_t width)
{
  float *s = task->s + i, down[NR];
  vf top[NV], sum[NV];

  TILE_UNROLL
  for (int j = 0; j < NV; j++)
    top[j] = first ? vec_load (s + j * VL) : vec_load (task->top + i + j * VL);
  for (int t = 0; t < n; t++) {
    TILE_UNROLL
    for (int j = 0; j < NV; j++)
      top[j] = vec_max (vec_load (s + (size_t) t * TASK_ROWS + j * VL), top[j]);
  }
  TILE_UNROLL
  for (int j = 0; j < NV; j++) {
    sum[j] = (vf) { 0 };
    if (!first) {
      vf scale = vec_exp_negative (vec_load (task->top + i + j * VL) - top[j]);
      sum[j] = scale * vec_load (task->sum + i + j * VL);
      vec_store (down + j * VL, scale);
    }
    vec_store (task->top + i + j * VL, top[j]);
  }
  for (int t = 0; t < n; t++) {
    TILE_UNROLL
    for (int j = 0; j < NV; j++) {
      float *at = s + (size_t) t * TASK_ROWS + j * VL;
      vf w = vec_exp_negative (vec_load (at) - top[j]);
      vec_store (at, w);
      sum[j] += w;
    }
  }
  TILE_UNROLL
  for (int j = 0; j < NV; j++)
    vec_store (task->sum + i + j * VL, sum[j]);
  for (int r = 0; !first && r < NR && i + r < task->strips; r++) {
    float *o = task->o + (i + r) * width;
    for (size_t d = 0; d < width; d++)
      o[d] *= down[r];
  }
}

/* o (+)= weights v for n keys from `key`. */
static void
mix (const Task *task, int N, int key, int n, bool first, size_t width)
{
  for (size_t d = 0; d < width; d += NR) {
    const float *panel = task->v + d * N + (size_t) key * NR;
    for (int i = 0; i < task->strips; i += MR) {
      vf acc[MR * NV];
      tile_product (acc, task->s + i, 1, TASK_ROWS, panel, NR, n);
      tile_store (task->o + i * width + d, (ptrdiff_t) width, acc, MR, NR, 1, first ? 0 : 1);
    }
  }
}

static void
begin_task (const Job *job, Task *task, int head, int row, int thread)
{
  size_t width = round_up (job->D, NR);

  task->k = head_of (job, head, 1);
  task->ld = 3 * (size_t) job->H * job->D;
  task->v = job->v + (size_t) head * job->v_size;
  task->rows = smaller (TASK_ROWS, job->N - row);
  task->columns = (int) round_up (task->rows, NR);
  task->strips = (int) round_up (task->rows, MR);
  task->q = job->work + thread * job->thread_size;
  task->s = task->q + TASK_ROWS * (size_t) job->D;
  task->o = task->s + (size_t) TASK_ROWS * job->key_block;
  task->top = task->o + TASK_ROWS * width;
  task->sum = task->top + TASK_ROWS;
  task->edge = task->sum + TASK_ROWS;
  /* Tiles of the output may reach past the scores' last column: its weights must be numbers. */
  if (task->strips > task->columns) {
    for (int t = 0; t < job->key_block; t++)
      memset (task->s + (size_t) t * TASK_ROWS + task->columns, 0, (task->strips - task->columns) * sizeof (float));
  }
}

static void
attend (void *arg, int index, int thread)
{
  const Job *job = arg;
  int head = index / job->row_tasks, row = index % job->row_tasks * TASK_ROWS;
  size_t width = round_up (job->D, NR), ld = (size_t) job->H * job->D;
  Task task;

  begin_task (job, &task, head, row, thread);
  pack_queries (&task, head_of (job, head, 0) + row * task.ld, job->D);
  for (int key = 0; key < job->N; key += job->key_block) {
    int n = smaller (job->key_block, job->N - key);
    scores (&task, job->D, key, n);
    for (int i = 0; i < task.columns; i += NR)
      weigh (&task, i, n, key == 0, width);
    mix (&task, job->N, key, n, key == 0, width);
  }
  float *to = job->o + ((size_t) (job->image0 + head / job->H) * job->N + row) * ld
      + (size_t) (head % job->H) * job->D;
  for (int i = 0; i < task.rows; i++) {
    float inverse = 1 / task.sum[i];
    for (int d = 0; d < job->D; d++)
      to[i * ld + d] = task.o[i * width + d] * inverse;
  }
}

GhStatus
ISA_FN (gh_cpu_attention_fwd) (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  Job job = { .o = o, .qkv = qkv, .N = N, .H = H, .D = D };
  size_t width = round_up (D, NR);

  /* Blocks of about the same length, for as many images at once as fit. */
  job.key_block = (int) round_up (ceil_div (N, ceil_div (N, KEYS)), MR);
  job.row_tasks = ceil_div (N, TASK_ROWS);
  job.v_size = (size_t) N * width;
  job.thread_size = round_up (TASK_ROWS * (D + job.key_block + width + 2) + MR * (size_t) D, 16);
  size_t image = H * job.v_size;
  int group = image >= PACKED_LIMIT ? 1 : smaller (B, (int) (PACKED_LIMIT / image));

  job.v = gh_scratch (ctx, (group * image + ctx->threads * job.thread_size) * sizeof (float));
  if (!job.v)
    return GH_NOMEM;
  job.work = job.v + group * image;
  for (; job.image0 < B; job.image0 += group) {
    int heads = smaller (group, B - job.image0) * H;
    gh_parallel (ctx, heads, pack_values, &job);
    gh_parallel (ctx, heads * job.row_tasks, attend, &job);
  }
  return GH_OK;
}
