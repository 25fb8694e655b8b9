/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bwd-amx.c: the gradient of attention with q, k, v, dout, the weights and the gradients of the scores in
 * bfloat16, on the matrix unit. A task is one head of one image.
 *
 * Scores lie with the queries as columns, so that a softmax runs over whole vectors and nothing is transposed between
 * products. For a strip of 32 queries, W^T = softmax(k q^T), E^T = v dout^T and S^T = W^T (E^T - sum of W E) give
 * dq^T = k^T S^T; a block of strips gives dv += W^T dout and dk += S^T q. Strips and blocks come in order.
 */
#include "amx.h"

#include <math.h>

/* W^T and S^T of one block, each BLOCK_LIMIT tiles of 32 x 32 at most unless a single strip has more: they stay in the
 * second-level cache. */
enum { BLOCK_LIMIT = 256, STRIP = AMX_COLUMNS };

typedef struct {
  float *dqkv;
  const float *dout, *qkv;
  int N, H, D;
  int steps;                    /* of 32 channels */
  int tiles;                    /* of 32 tokens */
  int strips;                   /* of a block */
  size_t thread_bytes;
  char *work;
} Job;

/* One thread's workspace. Left and right sides as amx.h has them. */
typedef struct {
  char *k, *v;                  /* left [tiles][steps], rows are keys */
  char *k_columns;              /* left [steps][tiles], rows are channels */
  char *q_rows, *dout_rows;     /* right [steps] of a strip, columns are queries */
  char *q, *dout;               /* right [steps][strips] of a block, columns are channels */
  char *w, *s;                  /* left [tiles][strips], rows are keys */
  char *s_columns;              /* right [tiles] of a strip, columns are queries */
  float *scores, *slopes;       /* [tiles][32 keys][32 queries] */
  float *fresh;                 /* [32][32] */
} Task;

static void
begin_task (const Job *job, Task *task, int thread)
{
  size_t all = (size_t) job->tiles * job->steps * AMX_LEFT_STEP, strip = (size_t) job->steps * AMX_RIGHT_STEP;
  size_t block = (size_t) job->tiles * job->strips * AMX_LEFT_STEP, cells = (size_t) job->tiles * AMX_ROWS * STRIP;

  task->k = job->work + thread * job->thread_bytes;
  task->v = task->k + all;
  task->k_columns = task->v + all;
  task->q_rows = task->k_columns + all;
  task->dout_rows = task->q_rows + strip;
  task->q = task->dout_rows + strip;
  task->dout = task->q + strip * job->strips;
  task->w = task->dout + strip * job->strips;
  task->s = task->w + block;
  task->s_columns = task->s + block;
  task->scores = (float *) (task->s_columns + (size_t) job->tiles * AMX_RIGHT_STEP);
  task->slopes = task->scores + cells;
  task->fresh = task->slopes + cells;
}

static size_t
thread_bytes (const Job *job)
{
  size_t all = (size_t) job->tiles * job->steps * AMX_LEFT_STEP, strip = (size_t) job->steps * AMX_RIGHT_STEP;
  size_t block = (size_t) job->tiles * job->strips * AMX_LEFT_STEP, cells = (size_t) job->tiles * AMX_ROWS * STRIP;

  return 3 * all + 2 * strip * (1 + job->strips) + 2 * block + (size_t) job->tiles * AMX_RIGHT_STEP
      + (2 * cells + AMX_ROWS * STRIP) * sizeof (float);
}

/* ---- a strip ------------------------------------------------------------------------------------------- */

/* Scores to weights not yet divided by their sum, over VL queries; their inverse sum and the sum of W E. */
VEC_INLINE void
weigh (const Job *job, const Task *task, int half, vf *inverse, vf *mean)
{
  float *score = task->scores + half * VL, *slope = task->slopes + half * VL;
  float scale = (float) (M_LOG2E / sqrt (job->D));
  vf top = vec_load (score), sum = { 0 }, dot = { 0 };

  for (int key = 1; key < job->N; key++)
    top = vec_max (vec_load (score + (size_t) key * STRIP), top);
  for (int key = 0; key < job->N; key++, score += STRIP, slope += STRIP) {
    vf w = (vf) amx_power_of_2 ((__m512) ((vec_load (score) - top) * scale));
    vec_store (score, w);
    sum += w;
    dot += w * vec_load (slope);
  }
  *inverse = 1 / sum;
  *mean = dot * *inverse;
}

/* One key: w and s of 32 queries in bfloat16. */
VEC_INLINE void
key_gradient (const Task *task, int key, const vf inverse[2], const vf mean[2], float scale, __m512i *w, __m512i *s)
{
  const float *score = task->scores + (size_t) key * STRIP, *slope = task->slopes + (size_t) key * STRIP;
  vf weight[2], gradient[2];

  for (int half = 0; half < 2; half++) {
    weight[half] = vec_load (score + half * VL) * inverse[half];
    gradient[half] = weight[half] * (vec_load (slope + half * VL) - mean[half]) * scale;
  }
  *w = (__m512i) _mm512_cvtne2ps_pbh ((__m512) weight[1], (__m512) weight[0]);
  *s = (__m512i) _mm512_cvtne2ps_pbh ((__m512) gradient[1], (__m512) gradient[0]);
}

/* Two neighbouring keys of 32 queries as words of two. */
VEC_INLINE void
store_pairs (char *to, __m512i even, __m512i odd)
{
  static const int16_t order[32] = { 0, 32, 1, 33, 2, 34, 3, 35, 4, 36, 5, 37, 6, 38, 7, 39, 8, 40, 9, 41, 10, 42, 11,
    43, 12, 44, 13, 45, 14, 46, 15, 47 };
  __m512i low = _mm512_loadu_si512 (order), high = _mm512_add_epi16 (low, _mm512_set1_epi16 (16));

  _mm512_store_si512 (to, _mm512_permutex2var_epi16 (even, low, odd));
  _mm512_store_si512 (to + AMX_LINE, _mm512_permutex2var_epi16 (even, high, odd));
}

/* Weights and scores' gradients of a strip to where the products want them. Keys past the last are zeros. */
static void
softmax_gradient (const Job *job, const Task *task, int strip)
{
  float scale = (float) (1 / sqrt (job->D));
  vf inverse[2], mean[2];

  for (int half = 0; half < 2; half++)
    weigh (job, task, half, &inverse[half], &mean[half]);
  for (int key = 0; key < job->tiles * AMX_ROWS; key += 2) {
    size_t at = ((size_t) key / AMX_ROWS * job->strips + strip) * AMX_LEFT_STEP + key % AMX_ROWS * AMX_LINE;
    __m512i w[2] = { _mm512_setzero_si512 (), _mm512_setzero_si512 () }, s[2] = { w[0], w[0] };
    for (int i = 0; i < 2 && key + i < job->N; i++)
      key_gradient (task, key + i, inverse, mean, scale, &w[i], &s[i]);
    for (int i = 0; i < 2; i++) {
      _mm512_store_si512 (task->w + at + i * AMX_LINE, w[i]);
      _mm512_store_si512 (task->s + at + i * AMX_LINE, s[i]);
    }
    store_pairs (task->s_columns + (size_t) key * AMX_LINE, s[0], s[1]);
  }
}

/* dq[n queries][D] from dq^T, 32 channels at a time. */
static void
query_gradient (const Job *job, const Task *task, float *dq, size_t ld, int n)
{
  for (int c = 0; c < job->steps; c++) {
    amx_product (task->fresh, STRIP, task->k_columns + (size_t) c * job->tiles * AMX_LEFT_STEP, task->s_columns,
        job->tiles, smaller (AMX_ROWS, job->D - c * AMX_ROWS), false, NULL, 0);
    for (int d = 0; d < AMX_ROWS; d += VL) {
      int channels = smaller (VL, job->D - c * AMX_ROWS - d);
      for (int q = 0; q < n && channels > 0; q += VL) {
        vu m[VL];
        for (int i = 0; i < VL; i++)
          m[i] = (vu) vec_load (task->fresh + (d + i) * STRIP + q);
        vec_transpose (m);
        for (int i = 0; i < smaller (VL, n - q); i++)
          vec_store_part (dq + (q + i) * ld + c * AMX_ROWS + d, (vf) m[i], channels);
      }
    }
  }
}

/* `n` queries from q, dout and dq on, strip number `strip` of the block. */
static void
run_strip (const Job *job, const Task *task, const float *q, const float *dout, float *dq, int n, int strip)
{
  size_t part = (size_t) job->H * job->D, ld = 3 * part;

  amx_pack_right_rows (task->q_rows, q, ld, n, job->D, job->steps);
  amx_pack_right_rows (task->dout_rows, dout, part, n, job->D, job->steps);
  for (int t = 0; t < job->tiles; t++) {
    int rows = smaller (AMX_ROWS, job->N - t * AMX_ROWS);
    size_t at = (size_t) t * job->steps * AMX_LEFT_STEP, cell = (size_t) t * AMX_ROWS * STRIP;
    amx_product (task->scores + cell, STRIP, task->k + at, task->q_rows, job->steps, rows, false, NULL, 0);
    amx_product (task->slopes + cell, STRIP, task->v + at, task->dout_rows, job->steps, rows, false, NULL, 0);
  }
  softmax_gradient (job, task, strip);
  query_gradient (job, task, dq, ld, n);
}

/* ---- a block and a head ------------------------------------------------------------------------------- */

/* to[N][D] (+)= left right, over `strips` steps of queries. */
static void
token_gradient (const Job *job, const Task *task, float *to, const char *left, const char *right, int strips, bool add)
{
  size_t ld = 3 * (size_t) job->H * job->D;

  for (int t = 0; t < job->tiles; t++) {
    int rows = smaller (AMX_ROWS, job->N - t * AMX_ROWS);
    for (int c = 0; c < job->steps; c++) {
      amx_product (task->fresh, AMX_COLUMNS, left + (size_t) t * job->strips * AMX_LEFT_STEP,
          right + (size_t) c * job->strips * AMX_RIGHT_STEP, strips, rows, false, NULL, 0);
      for (int d = 0; d < smaller (AMX_COLUMNS, job->D - c * AMX_COLUMNS); d += VL) {
        int channels = smaller (VL, job->D - c * AMX_COLUMNS - d);
        for (int i = 0; i < rows; i++) {
          float *at = to + (size_t) (t * AMX_ROWS + i) * ld + c * AMX_COLUMNS + d;
          vf sum = vec_load (task->fresh + i * AMX_COLUMNS + d);
          vec_store_part (at, add ? sum + vec_load_part (at, channels) : sum, channels);
        }
      }
    }
  }
}

static void
pack_tokens (const Job *job, const Task *task, const float *k, const float *v, size_t ld)
{
  int D = job->D, padded = job->steps * 32;

  for (int t = 0; t < job->tiles; t++) {
    int rows = smaller (AMX_ROWS, job->N - t * AMX_ROWS);
    size_t at = (size_t) t * job->steps * AMX_LEFT_STEP, from = (size_t) t * AMX_ROWS * ld;
    amx_pack_rows (task->k + at, k + from, ld, rows, D, padded);
    amx_pack_rows (task->v + at, v + from, ld, rows, D, padded);
  }
  for (int c = 0; c < job->steps; c++)
    amx_pack_columns (task->k_columns + (size_t) c * job->tiles * AMX_LEFT_STEP, k + c * AMX_ROWS, ld,
        smaller (AMX_ROWS, D - c * AMX_ROWS), job->N, job->tiles * 32);
}

static void
run (void *arg, int head, int thread)
{
  const Job *job = arg;
  int N = job->N, D = job->D;
  size_t part = (size_t) job->H * D, ld = 3 * part;
  size_t image = (size_t) (head / job->H) * N, column = (size_t) (head % job->H) * D, at = image * ld + column;
  const float *q = job->qkv + at, *dout = job->dout + image * part + column;
  float *dq = job->dqkv + at;
  Task task;

  begin_task (job, &task, thread);
  pack_tokens (job, &task, q + part, q + 2 * part, ld);
  amx_begin ();
  for (int t = 0; t < N; t += job->strips * STRIP) {
    int n = smaller (job->strips * STRIP, N - t), strips = ceil_div (n, STRIP);
    amx_pack_right (task.q, q + t * ld, ld, n, D, job->steps, strips, job->strips);
    amx_pack_right (task.dout, dout + t * part, part, n, D, job->steps, strips, job->strips);
    for (int s = 0; s < strips; s++) {
      size_t row = t + s * STRIP;
      run_strip (job, &task, q + row * ld, dout + row * part, dq + row * ld, smaller (STRIP, n - s * STRIP), s);
    }
    token_gradient (job, &task, dq + part, task.s, task.q, strips, t > 0);
    token_gradient (job, &task, dq + 2 * part, task.w, task.dout, strips, t > 0);
  }
  amx_end ();
}

GhStatus
ISA_FN (gh_cpu_attention_bwd) (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype, int B,
    int N, int H, int D)
{
  Job job = { .dqkv = dqkv, .dout = dout, .qkv = qkv, .N = N, .H = H, .D = D, .steps = ceil_div (D, 32),
    .tiles = ceil_div (N, AMX_ROWS) };

  if (dtype != GH_DTYPE_BF16 && dtype != GH_DTYPE_INT8)
    return gh_cpu_attention_bwd_avx512 (ctx, dqkv, dout, qkv, dtype, B, N, H, D);
  job.strips = BLOCK_LIMIT / job.tiles > 1 ? smaller (job.tiles, BLOCK_LIMIT / job.tiles) : 1;
  job.thread_bytes = round_up (thread_bytes (&job), 4096) + 64;
  job.work = gh_scratch (ctx, ctx->threads * job.thread_bytes);
  if (!job.work)
    return GH_NOMEM;
  gh_parallel (ctx, B * H, run, &job);
  return GH_OK;
}
