/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-weight.c (once per instruction set): the gradients of a linear layer's weights and bias. dw += dy^T x is one
 * product whose k is the rows, run by the engine of gh_linear_fwd(): columns of dy stand for its activations, columns
 * of x for its weights.
 */
#include "isa.h"
#include "linear.h"

/* A task packs TASK_K rows of dy, about TASK_COLUMNS wide, in slabs that stay in the first-level cache while their
 * columns are summed and then packed. SLAB is a multiple of every k_align. Pieces of rows are too short for a processor
 * to see them coming: AHEAD rows are asked for in advance. */
enum { TASK_K = 256, TASK_COLUMNS = 256, SLAB = 32, AHEAD = 4 };

typedef struct {
  const GhLinearKind *kind;
  char *a;
  float *sums;                  /* [k_tasks][n_out], column sums of the tasks' rows */
  const float *dy;
  int rows, n_out, k_padded, k_tasks, columns;
} Job;

static void
sum_slab (float *sum, const float *x, size_t ld, int rows, int n, bool first)
{
  for (int r = 0; r < rows; r++, x += ld) {
    for (int i = 0; i < n; i += 16)
      __builtin_prefetch (x + AHEAD * ld + i);
    for (int i = 0; i < n; i++)
      sum[i] = first && r == 0 ? x[i] : sum[i] + x[i];
  }
}

static void
pack (void *arg, int index, int thread)
{
  const Job *job = arg;
  int mr = job->kind->mr, first = index / job->k_tasks * job->columns, k0 = index % job->k_tasks * TASK_K;
  int last = smaller (first + job->columns, job->n_out), end = smaller (k0 + TASK_K, job->rows);
  float *sum = job->sums + (size_t) (index % job->k_tasks) * job->n_out + first;

  for (int k = k0; k < end; k += SLAB) {
    const float *dy = job->dy + (size_t) k * job->n_out;
    int n = smaller (SLAB, end - k), n_padded = smaller (SLAB, job->k_padded - k);
    sum_slab (sum, dy + first, job->n_out, n, last - first, k == k0);
    for (int out = first; out < last; out += mr)
      job->kind->pack_columns (job->a + ((size_t) out * job->k_padded + (size_t) k * mr) * job->kind->row_bytes,
          dy + out, job->n_out, smaller (mr, last - out), n, n_padded);
  }
}

GhStatus
ISA_FN (gh_cpu_linear_bwd_weight) (GhCtx *ctx, float *dw, float *db, const float *dy, const float *x, GhDtype dtype,
    int rows, int n_out, int n_in)
{
  const GhLinearIsa *isa = gh_linear_isa ();
  const GhLinearKind *kind = isa->kind[dtype];
  int k_padded = (int) round_up (rows, kind->k_align), k_tasks = ceil_div (rows, TASK_K);
  GhPacked columns = { .dtype = dtype, .n_out = n_in, .n_in = rows, .engine = isa };
  size_t a_bytes = round_up (round_up (n_out, kind->mr) * k_padded * kind->row_bytes, 64);
  size_t b_bytes = round_up (round_up (n_in, isa->nr) * k_padded / kind->step * sizeof (float), 64);
  size_t sums = (size_t) k_tasks * n_out;       /* of db */
  Job job = { kind, NULL, NULL, dy, rows, n_out, k_padded, k_tasks, TASK_COLUMNS / kind->mr * kind->mr };
  size_t work = round_up (sums, 16) + gh_linear_sums_size (ctx, &columns, n_out);

  job.a = gh_scratch (ctx, a_bytes + b_bytes + work * sizeof (float));
  if (!job.a)
    return GH_NOMEM;
  columns.data = job.a + a_bytes;
  job.sums = (float *) (job.a + a_bytes + b_bytes);
  gh_parallel (ctx, ceil_div (n_out, job.columns) * k_tasks, pack, &job);
  for (size_t i = 0; db && i < sums; i++)
    db[i % n_out] += job.sums[i];
  ISA_FN (gh_cpu_pack_panels) (ctx, &columns, x, true);
  gh_linear_accumulate (ctx, dw, job.a, &columns, n_out, job.sums + round_up (sums, 16));
  return GH_OK;
}
