/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * attention-bwd.c (once per instruction set): the gradient of exact softmax attention. A task is one head of one image.
 *
 * It packs the head's rows (q already scaled by 1/sqrt(D)) and, for the products whose columns are keys, k and v with
 * the keys side by side. Then it walks the queries in blocks whose scores against all keys are computed again:
 *   w = softmax(q k^T), e = dout v^T, s = w (e - sum of w e), dq = s k / sqrt(D), dk += s^T q, dv += w^T dout.
 * Blocks come in order and one thread does them all, so the sums do not depend on the number of threads.
 */
#include "tile.h"
#include "transpose.h"

#include <math.h>

enum { BLOCK = VL == 16 ? 96 : 48 };    /* queries; a multiple of MR */

typedef struct {
  float *dqkv;
  const float *dout, *qkv;
  int N, H, D;
  int rows, cols;               /* N rounded up to MR, D to NR */
  int keys;                     /* N rounded up to NR: columns of the panels */
  ptrdiff_t ld;                 /* of scores: holds whole tiles, and no power of two */
  size_t thread_size;
  float *work;
} Job;

/* One thread's workspace. */
typedef struct {
  float *q, *k, *dout;          /* [rows][cols] */
  float *k_panels, *v_panels;   /* [keys/NR][D][NR] */
  float *w, *s;                 /* [BLOCK][ld] */
} Task;

/* to[rows][cols] = scale * from, zeros around it. */
static void
pack_rows (const Job *job, float *to, const float *from, size_t ld, float scale)
{
  int D = job->D;

  for (int t = 0; t < job->N; t++, to += job->cols, from += ld) {
    for (int d = 0; d < D; d++)
      to[d] = scale * from[d];
    memset (to + D, 0, (job->cols - D) * sizeof *to);
  }
  memset (to, 0, (size_t) (job->rows - job->N) * job->cols * sizeof *to);
}

/* VL keys of D values each, side by side: to[d * NR + key]. */
static void
pack_keys (float *to, const float *from, size_t ld, int n, int D)
{
  for (int d = 0; d < D; d += VL) {
    int count = smaller (VL, D - d);
    vu m[VL];
    for (int i = 0; i < VL; i++)
      m[i] = i >= n ? (vu) { 0 } : (vu) (count == VL ? vec_load (from + i * ld + d)
          : vec_load_part (from + i * ld + d, count));
    vec_transpose (m);
    for (int i = 0; i < count; i++)
      vec_store (to + (size_t) (d + i) * NR, (vf) m[i]);
  }
}

static void
pack_panels (const Job *job, float *to, const float *from, size_t ld)
{
  for (int key = 0; key < job->keys; key += NR, to += (size_t) job->D * NR) {
    for (int g = 0; g < NR; g += VL)
      pack_keys (to + g, from + (key + g) * ld, ld, job->N - key - g, job->D);
  }
}

/* out[n][keys] = rows panels^T for n queries. */
static void
scores (const Job *job, float *out, const float *rows, const float *panels, int n)
{
  for (int key = 0; key < job->keys; key += NR, panels += (size_t) job->D * NR) {
    for (int t = 0; t < n; t += MR) {
      vf acc[MR * NV];
      tile_product (acc, rows + (size_t) t * job->cols, job->cols, 1, panels, NR, job->D);
      tile_store (out + t * job->ld + key, job->ld, acc, MR, NR, 1, 0);
    }
  }
}

/* w[N] from scores to weights, s[N] from e to the scores' gradient; the cells up to the next vector become zeros. */
static void
softmax_gradient (float *w, float *s, int N)
{
  vf top = vec_splat (-INFINITY), sum = { 0 }, dot = { 0 };

  for (int i = N; i % VL; i++) {
    w[i] = -INFINITY;
    s[i] = 0;
  }
  for (int i = 0; i < N; i += VL)
    top = vec_max (vec_load (w + i), top);
  float row_top = vec_top (top);
  for (int i = 0; i < N; i += VL) {
    vf v = vec_exp_negative (vec_load (w + i) - row_top);
    vec_store (w + i, v);
    sum += v;
    dot += v * vec_load (s + i);
  }
  float inverse = 1 / vec_sum (sum), mean = vec_sum (dot) * inverse;
  for (int i = 0; i < N; i += VL) {
    vf v = vec_load (w + i) * inverse;
    vec_store (w + i, v);
    vec_store (s + i, v * (vec_load (s + i) - mean));
  }
}

/* to[m, D] (+)= alpha a b, b rows of the head, k of them. */
static void
product (const Job *job, float *to, ptrdiff_t ld, const float *a, ptrdiff_t a_row, ptrdiff_t a_k, const float *b,
    int m, int k, float alpha, bool add)
{
  for (int d = 0; d < job->D; d += NR) {
    for (int i = 0; i < m; i += MR) {
      vf acc[MR * NV];
      tile_product (acc, a + i * a_row, a_row, a_k, b + d, job->cols, k);
      tile_store (to + i * ld + d, ld, acc, smaller (MR, m - i), smaller (NR, job->D - d), alpha, add);
    }
  }
}

static Task
begin_task (const Job *job, int thread)
{
  size_t plain = (size_t) job->rows * job->cols, panels = (size_t) job->keys * job->D;
  Task task = { .q = job->work + thread * job->thread_size };

  task.k = task.q + plain;
  task.dout = task.k + plain;
  task.k_panels = task.dout + plain;
  task.v_panels = task.k_panels + panels;
  task.w = task.v_panels + panels;
  task.s = task.w + BLOCK * job->ld;
  return task;
}

static void
run (void *arg, int head, int thread)
{
  const Job *job = arg;
  int N = job->N;
  size_t part = (size_t) job->H * job->D, ld = 3 * part;
  size_t out = (size_t) (head / job->H) * N * part + (size_t) (head % job->H) * job->D;
  size_t at = (size_t) (head / job->H) * N * ld + (size_t) (head % job->H) * job->D;
  const float *q = job->qkv + at;
  float *dq = job->dqkv + at, scale = (float) (1 / sqrt (job->D));
  Task task = begin_task (job, thread);

  pack_rows (job, task.q, q, ld, scale);
  pack_rows (job, task.k, q + part, ld, 1);
  pack_rows (job, task.dout, job->dout + out, part, 1);
  pack_panels (job, task.k_panels, q + part, ld);
  pack_panels (job, task.v_panels, q + 2 * part, ld);
  for (int t = 0; t < N; t += BLOCK) {
    int n = smaller (BLOCK, N - t);
    const float *q_rows = task.q + (size_t) t * job->cols, *dout_rows = task.dout + (size_t) t * job->cols;
    scores (job, task.w, q_rows, task.k_panels, n);
    scores (job, task.s, dout_rows, task.v_panels, n);
    for (int i = 0; i < n; i++)
      softmax_gradient (task.w + i * job->ld, task.s + i * job->ld, N);
    product (job, dq + t * ld, (ptrdiff_t) ld, task.s, job->ld, 1, task.k, n, N, scale, false);
    product (job, dq + part, (ptrdiff_t) ld, task.s, 1, job->ld, q_rows, N, n, 1, t > 0);
    product (job, dq + 2 * part, (ptrdiff_t) ld, task.w, 1, job->ld, dout_rows, N, n, 1, t > 0);
  }
}

GhStatus
ISA_FN (gh_cpu_attention_bwd) (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, GhDtype dtype,
    int B, int N, int H, int D)
{
  Job job = { .dqkv = dqkv, .dout = dout, .qkv = qkv, .N = N, .H = H, .D = D };

  job.rows = (int) round_up (N, MR);
  job.cols = (int) round_up (D, NR);
  job.keys = (int) round_up (N, NR);
  job.ld = (ptrdiff_t) round_up (N, NR) + NR;
  job.thread_size = round_up (3 * (size_t) job.rows * job.cols + 2 * (size_t) job.keys * D + 2 * BLOCK * job.ld, 16);
  job.work = gh_scratch (ctx, ctx->threads * job.thread_size * sizeof (float));
  if (!job.work)
    return GH_NOMEM;
  gh_parallel (ctx, B * H, run, &job);
  return GH_OK;
}
