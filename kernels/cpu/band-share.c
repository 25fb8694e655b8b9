/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * band-share.c (once per instruction set): how much of each band of rows is above a level. Rows are summed apart.
 */
#include "isa.h"

enum { PIECE = 256 };

typedef struct {
  float *share;
  const float *x;
  float scale;                  /* 1 / level */
  int rows, cols, bands;
} Job;

/* sum[PIECE] += the shares of x[n], n up to PIECE. */
static void
add_shares (float *restrict sum, const float *restrict x, float scale, int n)
{
  for (int i = 0; i < n; i++) {
    float share = x[i] * scale - 0.5f;
    share = share > 0 ? share : 0;
    sum[i] += share < 1 ? share : 1;
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  const int band = index % job->bands;
  const int begin = gh_band_row (band, job->rows, job->bands), end = gh_band_row (band + 1, job->rows, job->bands);
  const float *x = job->x + ((size_t) (index / job->bands) * job->rows + begin) * job->cols;
  double total = 0;

  for (int row = begin; row < end; row++, x += job->cols) {
    float sum[PIECE] = { 0 };
    for (int j = 0; j < job->cols; j += PIECE)
      add_shares (sum, x + j, job->scale, smaller (PIECE, job->cols - j));
    for (int i = 0; i < smaller (PIECE, job->cols); i++)
      total += sum[i];
  }
  job->share[index] = (float) (total / ((end - begin) * (double) job->cols));
}

GhStatus
ISA_FN (gh_cpu_band_share_fwd) (GhCtx *ctx, float *share, const float *x, float level, int B, int rows, int cols,
    int bands)
{
  Job job = { share, x, 1 / level, rows, cols, bands };

  gh_parallel (ctx, B * bands, run, &job);
  return GH_OK;
}
