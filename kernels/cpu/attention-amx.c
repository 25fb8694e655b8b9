/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-amx.c: softmax(q k^T / sqrt(D)) v with q, k, v and the weights in bfloat16, on the matrix unit.
 *
 * A task is a run of queries of one head. It walks the keys in blocks: packs their k and v, then for every strip of 32
 * queries computes the scores, the weights e^(s - top), and their share of the output, which is scaled down whenever a
 * later block raises a query's top (Milakov & Gimelshein 2018). A block and a strip stay in the caches near the core.
 * Tasks of one head pack its keys each for itself: that costs less than a barrier. A query's result is the same in any
 * task.
 */
#include "amx.h"

#include <math.h>

/* Keys of a block and queries of a task at most, multiples of 32. */
enum { KEYS = 256, TASK_ROWS = 512 };

typedef struct {
  float *o;
  const float *qkv;
  int N, H, D;
  int steps;                    /* of 32 channels */
  int key_tiles;                /* of 32 keys, of a full block */
  int task_rows, row_tasks;
  size_t thread_bytes;
  char *work;
} Job;

/* One thread's workspace. Left and right sides as amx.h has them. */
typedef struct {
  char *q;                      /* left sides [strips][steps] */
  char *k;                      /* right sides [key tiles][steps], columns are keys */
  char *v;                      /* right sides [steps][key tiles], columns are channels */
  char *weights;                /* left side of a strip [key tiles] */
  float *scores;                /* of a strip [key tiles][32][32] */
  float *o;                     /* [task rows][32 steps] */
  float *fresh;                 /* a later block's share of it [32][32 steps] */
  float *top, *sum;             /* [task rows] */
} Task;

VEC_INLINE __mmask16
first_lanes (int n)
{
  return n >= VL ? 0xffff : n > 0 ? (1u << n) - 1 : 0;
}

/* Scores of query r of a strip against n keys into weights. *top and *sum are brought up to date; returns what earlier
 * shares of the output are to be scaled by. */
static float
weigh (const Task *task, int r, int n, float scale, float *top, float *sum)
{
  const float *s = task->scores + r * AMX_COLUMNS;
  char *to = task->weights + r * AMX_LINE;
  __m512 most = _mm512_set1_ps (*top), total = _mm512_setzero_ps ();
  float before = *top * scale;

  for (int k = 0; k < n; k += 2 * VL, s += AMX_ROWS * AMX_COLUMNS) {
    most = _mm512_mask_max_ps (most, first_lanes (n - k), _mm512_load_ps (s), most);
    most = _mm512_mask_max_ps (most, first_lanes (n - k - VL), _mm512_load_ps (s + VL), most);
  }
  *top = _mm512_reduce_max_ps (most);
  s = task->scores + r * AMX_COLUMNS;
  for (int k = 0; k < n; k += 2 * VL, s += AMX_ROWS * AMX_COLUMNS, to += AMX_LEFT_STEP) {
    __m512 low = amx_power_of_2 ((__m512) (vec_load (s) * scale - *top * scale));
    __m512 high = amx_power_of_2 ((__m512) (vec_load (s + VL) * scale - *top * scale));

    low = _mm512_maskz_mov_ps (first_lanes (n - k), low);
    high = _mm512_maskz_mov_ps (first_lanes (n - k - VL), high);
    total = _mm512_add_ps (total, _mm512_add_ps (low, high));
    _mm512_store_si512 (to, (__m512i) _mm512_cvtne2ps_pbh (high, low));
  }
  float down = exp2f (before - *top * scale);
  *sum = *sum * down + _mm512_reduce_add_ps (total);
  return down;
}

/* Brings what the thread's next task reads of a token nearer: q, k and v of the next head. */
VEC_INLINE void
foresee (const Job *job, const float *next, int token)
{
  size_t part = (size_t) job->H * job->D;
  const float *q = next + token * 3 * part;

  for (int d = 0; d < job->D; d += VL) {
    _mm_prefetch (q + d, _MM_HINT_T1);
    _mm_prefetch (q + part + d, _MM_HINT_T1);
    _mm_prefetch (q + 2 * part + d, _MM_HINT_T1);
  }
}

/* o += fresh, o scaled by `down` first; both [width]. */
static void
fold (float *o, const float *fresh, float down, int width)
{
  for (int d = 0; d < width; d += VL)
    vec_store (o + d, vec_load (o + d) * down + vec_load (fresh + d));
}

/* A strip of `rows` queries, row0 of the task, against the n keys packed now. next: the task that follows, or NULL. */
static void
attend_strip (const Job *job, const Task *task, int row0, int rows, int n, bool first, const float *next)
{
  int tiles = ceil_div (n, AMX_COLUMNS), steps = job->steps, width = steps * 32;
  const char *q = task->q + (size_t) row0 * steps * AMX_LINE;
  float *o = task->o + (size_t) row0 * width, *out = first ? o : task->fresh;
  float scale = (float) (M_LOG2E / sqrt (job->D)), down[AMX_ROWS];

  for (int t = 0; t < tiles; t++)
    amx_product (task->scores + (size_t) t * AMX_ROWS * AMX_COLUMNS, AMX_COLUMNS, q,
        task->k + (size_t) t * steps * AMX_RIGHT_STEP, steps, rows, false, NULL, 0);
  for (int r = 0; r < rows; r++) {
    if (next)
      foresee (job, next, row0 + r);
    down[r] = weigh (task, r, n, scale, task->top + row0 + r, task->sum + row0 + r);
  }
  amx_clear_rows (task->weights, rows, tiles);
  for (int s = 0; s < steps; s++)
    amx_product (out + s * 32, width, task->weights, task->v + (size_t) s * job->key_tiles * AMX_RIGHT_STEP, tiles,
        rows, false, NULL, 0);
  for (int r = 0; r < rows && !first; r++)
    fold (o + (size_t) r * width, task->fresh + (size_t) r * width, down[r], width);
}

static void
begin_task (const Job *job, Task *task, int thread)
{
  size_t block = (size_t) job->key_tiles * job->steps * AMX_RIGHT_STEP, width = (size_t) job->steps * 32;

  task->q = job->work + thread * job->thread_bytes;
  task->k = task->q + job->task_rows * width * 2;
  task->v = task->k + block;
  task->weights = task->v + block;
  task->scores = (float *) (task->weights + job->key_tiles * AMX_LEFT_STEP);
  task->o = task->scores + (size_t) job->key_tiles * AMX_ROWS * AMX_COLUMNS;
  task->fresh = task->o + job->task_rows * width;
  task->top = task->fresh + AMX_ROWS * width;
  task->sum = task->top + job->task_rows;
  for (int r = 0; r < job->task_rows; r++) {
    task->top[r] = -INFINITY;
    task->sum[r] = 0;
  }
}

static void
end_task (const Job *job, const Task *task, float *o, int rows)
{
  for (int r = 0; r < rows; r++, o += (size_t) job->H * job->D) {
    const float *from = task->o + (size_t) r * job->steps * 32;
    float inverse = 1 / task->sum[r];
    int d = 0;

    for (; d + VL <= job->D; d += VL)
      vec_store (o + d, vec_load (from + d) * inverse);
    vec_store_part (o + d, vec_load (from + d) * inverse, job->D - d);
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int which = index / job->row_tasks, b = which / job->H, h = which % job->H, D = job->D;
  int row0 = index % job->row_tasks * job->task_rows, rows = smaller (job->task_rows, job->N - row0);
  size_t part = (size_t) job->H * D, ld = 3 * part;
  const float *image = job->qkv + (size_t) b * job->N * ld + (size_t) h * D;
  const float *next = job->row_tasks == 1 && h + 1 < job->H ? image + D : NULL;
  Task task;

  begin_task (job, &task, thread);
  for (int r = 0; r < rows; r += AMX_ROWS)
    amx_pack_rows (task.q + (size_t) r * job->steps * AMX_LINE, image + (row0 + r) * ld, ld,
        smaller (AMX_ROWS, rows - r), D, job->steps * 32);
  amx_begin ();
  for (int key = 0; key < job->N; key += job->key_tiles * AMX_COLUMNS) {
    int n = smaller (job->key_tiles * AMX_COLUMNS, job->N - key), tiles = ceil_div (n, AMX_COLUMNS);
    const float *k = image + part + key * ld;

    for (int t = 0; t < tiles; t++)
      amx_pack_right_rows (task.k + (size_t) t * job->steps * AMX_RIGHT_STEP, k + t * AMX_COLUMNS * ld, ld,
          n - t * AMX_COLUMNS, D, job->steps);
    amx_pack_right (task.v, k + part, ld, n, D, job->steps, tiles, job->key_tiles);
    for (int r = 0; r < rows; r += AMX_ROWS)
      attend_strip (job, &task, r, smaller (AMX_ROWS, rows - r), n, key == 0, key == 0 ? next : NULL);
  }
  amx_end ();
  end_task (job, &task, job->o + ((size_t) b * job->N + row0) * part + (size_t) h * D, rows);
}

GhStatus
ISA_FN (gh_cpu_attention_fwd) (GhCtx *ctx, float *o, const float *qkv, GhDtype dtype, int B, int N, int H, int D)
{
  Job job = { .o = o, .qkv = qkv, .N = N, .H = H, .D = D, .steps = ceil_div (D, 32) };
  size_t width = (size_t) job.steps * 32, floats;

  if (dtype != GH_DTYPE_BF16 && dtype != GH_DTYPE_INT8)
    return gh_cpu_attention_fwd_avx512 (ctx, o, qkv, dtype, B, N, H, D);
  /* Blocks of about the same length; tasks as long as that leaves enough to go round. */
  job.key_tiles = ceil_div (ceil_div (N, ceil_div (N, KEYS)), AMX_COLUMNS);
  job.row_tasks = ceil_div (N, TASK_ROWS);
  while ((long long) B * H * job.row_tasks < 3 * ctx->threads && N / job.row_tasks > 2 * AMX_ROWS)
    job.row_tasks++;
  job.task_rows = (int) round_up (ceil_div (N, job.row_tasks), AMX_ROWS);
  job.row_tasks = ceil_div (N, job.task_rows);
  floats = job.key_tiles * (AMX_ROWS * AMX_COLUMNS + AMX_LEFT_STEP / 4 + job.steps * AMX_RIGHT_STEP / 4 * 2)
      + job.task_rows * (width / 2 + width + 2) + AMX_ROWS * width;
  job.thread_bytes = round_up (floats * sizeof (float), 4096) + 64;
  job.work = gh_scratch (ctx, ctx->threads * job.thread_bytes);
  if (!job.work)
    return GH_NOMEM;
  gh_parallel (ctx, B * H * job.row_tasks, run, &job);
  return GH_OK;
}
