/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * segment-mean.c (once per instruction set): landmarks, and their gradient. A task is one segment of one image, all
 * heads: its tokens are read row by row as they lie in memory.
 */
#include "isa.h"

enum { BLOCK = 256 };

typedef struct {
  float *y;                     /* dx backward */
  const float *x;               /* dy backward */
  float scale;
  int ld, N, H, D, M;
} Job;

/* Where segment j begins, and how many tokens it holds. */
static int
segment (const Job *job, int j, int *length)
{
  int base = job->N / job->M, n_short = job->M - job->N % job->M;

  *length = j < n_short ? base : base + 1;
  return j * base + (j > n_short ? j - n_short : 0);
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int b = index / job->M, j = index % job->M, D = job->D, length, start = segment (job, j, &length);
  const float *x = job->x + ((size_t) b * job->N + start) * job->ld;

  for (int h = 0; h < job->H; h++) {
    float *y = job->y + (((size_t) b * job->H + h) * job->M + j) * D;
    for (int d0 = 0; d0 < D; d0 += BLOCK) {
      float sum[BLOCK] = { 0 };
      int n = smaller (BLOCK, D - d0);
      for (int t = 0; t < length; t++) {
        const float *row = x + (size_t) t * job->ld + h * D + d0;
        for (int d = 0; d < n; d++)
          sum[d] += row[d];
      }
      for (int d = 0; d < n; d++)
        y[d0 + d] = sum[d] * (job->scale / (float) length);
    }
  }
}

GhStatus
ISA_FN (gh_cpu_segment_mean_fwd) (GhCtx *ctx, float *y, const float *x, int col, int ld, float scale, int B, int N,
    int H, int D, int M)
{
  Job job = { y, x + col, scale, ld, N, H, D, M };
  gh_parallel (ctx, B * M, run, &job);
  return GH_OK;
}

static void
run_back (void *arg, int index, int thread)
{
  const Job *job = arg;
  int b = index / job->M, j = index % job->M, D = job->D, length, start = segment (job, j, &length);
  float *dx = job->y + ((size_t) b * job->N + start) * job->ld, scale = job->scale / (float) length;

  for (int t = 0; t < length; t++, dx += job->ld) {
    for (int h = 0; h < job->H; h++) {
      const float *dy = job->x + (((size_t) b * job->H + h) * job->M + j) * D;
      float *to = dx + h * D;
      for (int d = 0; d < D; d++)
        to[d] += scale * dy[d];
    }
  }
}

GhStatus
ISA_FN (gh_cpu_segment_mean_bwd) (GhCtx *ctx, float *dx, const float *dy, int col, int ld, float scale, int B, int N,
    int H, int D, int M)
{
  Job job = { dx + col, dy, scale, ld, N, H, D, M };
  gh_parallel (ctx, B * M, run_back, &job);
  return GH_OK;
}
