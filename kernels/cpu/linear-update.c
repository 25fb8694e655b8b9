/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-update.c (once per instruction set): weights packed anew into the panels of linear.h, F32 and BF16. It runs
 * over every weight of a model after each step of training, so blocks of VL x VL words are transposed in registers and
 * all is read and written in lines. What lies beyond the last output is nobody's: it stays as it was.
 */
#include "isa.h"
#include "linear-onednn.h"
#include "linear.h"
#include "transpose.h"

/* A task: many values of k of one panel out of rows, of many panels out of columns. Multiples of 2 * VL. */
enum { ROW_TASK_K = 512, COLUMN_TASK_K = 64, COLUMN_TASK_PANELS = 8 };

typedef struct {
  const float *w;
  bool transposed;
  uint32_t *data;               /* a word is one float or a pair of bfloat16 */
  int n, k, step, nr;           /* step: values of k in a word */
  size_t panel_words;
  int task_k, task_panels, k_tasks;
} Job;

#define EVERY_SECOND(j, from) (2 * (j) + (from))

/* VL words of one output from p on. */
VEC_INLINE vu
words_of_row (const float *p, int step)
{
  vf low = vec_load (p);

  if (step == 1)
    return (vu) low;
  vf high = vec_load (p + VL);
  return vec_pair_bf16 (__builtin_shufflevector (low, high, VEC_INDICES (EVERY_SECOND, 0)),
      __builtin_shufflevector (low, high, VEC_INDICES (EVERY_SECOND, 1)));
}

/* The word of output o at k; past the last k is zero. */
static uint32_t
single_word (const Job *job, int o, int k)
{
  const float *p = job->w + (size_t) o * job->k + k;
  vf even = vec_splat (p[0]), odd = vec_splat (job->step == 2 && k + 1 < job->k ? p[1] : 0);

  return job->step == 1 ? ((vu) even)[0] : vec_pair_bf16 (even, odd)[0];
}

/* Out of rows: up to VL outputs from o on, up to VL words from k on, to[word * nr + output]. */
VEC_INLINE void
pack_block (const Job *job, uint32_t *to, int o, int k, int words, int step)
{
  int rows = smaller (VL, job->n - o);
  vu m[VL];

  if (rows < VL || words < VL) {
    for (int i = 0; i < words; i++) {
      for (int r = 0; r < rows; r++)
        to[(size_t) i * job->nr + r] = single_word (job, o + r, k + i * step);
    }
    return;
  }
  for (int r = 0; r < VL; r++)
    m[r] = words_of_row (job->w + (size_t) (o + r) * job->k + k, step);
  vec_transpose (m);
  for (int i = 0; i < VL; i++)
    *(vu *) (to + (size_t) i * job->nr) = m[i];
}

VEC_INLINE void
pack_from_rows (const Job *job, int panel, int k0, int end, int step)
{
  for (int k = k0; k < end; k += VL * step) {
    uint32_t *to = job->data + panel * job->panel_words + (size_t) k / step * job->nr;
    for (int g = 0; g < job->nr; g += VL)
      pack_block (job, to + g, panel * job->nr + g, k, smaller (VL, ceil_div (end - k, step)), step);
  }
}

/* Out of columns, which already lie side by side: the words at k of the panels from `panel` on. */
VEC_INLINE void
pack_word (const Job *job, int panel, int k, int step)
{
  const float *even = job->w + (size_t) k * job->n, *odd = step == 2 && k + 1 < job->k ? even + job->n : NULL;
  int last = smaller ((panel + job->task_panels) * job->nr, job->n);

  for (int o = panel * job->nr; o < last; o += VL) {
    uint32_t *to = job->data + o / job->nr * job->panel_words + (size_t) k / step * job->nr + o % job->nr;
    int n = smaller (VL, last - o);
    vf e = n < VL ? vec_load_part (even + o, n) : vec_load (even + o);
    vf d = !odd ? vec_splat (0) : n < VL ? vec_load_part (odd + o, n) : vec_load (odd + o);
    vf word = step == 1 ? e : (vf) vec_pair_bf16 (e, d);
    if (n < VL)
      vec_store_part ((float *) to, word, n);
    else
      vec_store ((float *) to, word);
  }
}

VEC_INLINE void
pack_task (const Job *job, int panel, int k0, int end, int step)
{
  if (!job->transposed) {
    pack_from_rows (job, panel, k0, end, step);
    return;
  }
  for (int k = k0; k < end; k += step)
    pack_word (job, panel, k, step);
}

/* Zeros after the last k. */
static void
clear_tail (const Job *job, int panel)
{
  size_t from = (size_t) ceil_div (job->k, job->step) * job->nr;
  memset (job->data + panel * job->panel_words + from, 0, (job->panel_words - from) * sizeof *job->data);
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int panel = index / job->k_tasks * job->task_panels, k = index % job->k_tasks * job->task_k;
  int end = smaller (k + job->task_k, job->k);

  if (job->step == 1)
    pack_task (job, panel, k, end, 1);
  else
    pack_task (job, panel, k, end, 2);
  for (int p = panel; end == job->k && p < smaller (panel + job->task_panels, ceil_div (job->n, job->nr)); p++)
    clear_tail (job, p);
}

void
ISA_FN (gh_cpu_pack_panels) (GhCtx *ctx, const GhPacked *packed, const float *w, bool transposed)
{
  const GhLinearIsa *isa = packed->engine;
  const GhLinearKind *kind = isa->kind[packed->dtype];
  Job job = { w, transposed, packed->data, packed->n_out, packed->n_in, kind->step, isa->nr,
    round_up (packed->n_in, kind->k_align) / kind->step * isa->nr, transposed ? COLUMN_TASK_K : ROW_TASK_K,
    transposed ? COLUMN_TASK_PANELS : 1, 0 };

  job.k_tasks = ceil_div (job.k, job.task_k);
  gh_parallel (ctx, ceil_div (job.n, job.nr * job.task_panels) * job.k_tasks, run, &job);
}

GhStatus
ISA_FN (gh_cpu_pack_update) (GhCtx *ctx, GhPacked *packed, const float *w, bool transposed)
{
  if (packed->engine == gh_onednn_engine)
    return gh_onednn_pack_update (ctx, packed, w, transposed);
  ISA_FN (gh_cpu_pack_panels) (ctx, packed, w, transposed);
  return GH_OK;
}
