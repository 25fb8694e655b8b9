/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * sum-squares.c (once per instruction set): the sum of squares. Chunks are summed apart and added in order, in double.
 */
#include "isa.h"

enum { CHUNK = 16384, LANES = 4 };

typedef struct {
  const float *x;
  double *part;                 /* one for each chunk */
  size_t n;
} Job;

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  size_t from = (size_t) index * CHUNK;
  int n = job->n - from < CHUNK ? (int) (job->n - from) : CHUNK, i = 0;
  const float *x = job->x + from;
  vf sum[LANES] = { 0 };

  for (; i + LANES * VL <= n; i += LANES * VL) {
    for (int j = 0; j < LANES; j++) {
      vf v = vec_load (x + i + j * VL);
      sum[j] += v * v;
    }
  }
  double rest = 0;
  for (; i < n; i++)
    rest += (double) x[i] * x[i];
  job->part[index] = rest + vec_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

GhStatus
ISA_FN (gh_cpu_sum_squares) (GhCtx *ctx, float *sum, const float *x, size_t n)
{
  int chunks = (int) ((n - 1) / CHUNK + 1);
  Job job = { x, gh_scratch (ctx, chunks * sizeof (double)), n };
  double total = *sum;

  if (!job.part)
    return GH_NOMEM;
  gh_parallel (ctx, chunks, run, &job);
  for (int i = 0; i < chunks; i++)
    total += job.part[i];
  *sum = (float) total;
  return GH_OK;
}
