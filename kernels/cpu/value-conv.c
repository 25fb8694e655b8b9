/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * value-conv.c (once per instruction set): the filter along the tokens as a product: MR neighbouring tokens are MR rows
 * of a band matrix whose rows hold the same taps, each shifted by one. Zeros before and after the taps make the band;
 * row i of the matrix begins i cells before row 0, so it is never built.
 */
#include "tile.h"

enum { TASK_TOKENS = 48 };      /* a multiple of MR */

typedef struct {
  float *o;
  const float *v;               /* of image 0 */
  float *band;                  /* [H][MR - 1 + taps + MR - 1] */
  float *work;                  /* [threads][H][D/NR][TASK_TOKENS + taps - 1][NR] */
  int N, H, D, taps, first, token_tasks, panels;
} Job;

/* The values that tokens t0..t0+TASK_TOKENS reach, in panels of NR columns of a head; zero beyond the ends. */
static void
pack (const Job *job, float *to, const float *v, int t0)
{
  int D = job->D, rows = TASK_TOKENS + job->taps - 1;
  size_t ld = 3 * (size_t) job->H * D, panel_size = (size_t) rows * NR;

  for (int r = 0; r < rows; r++, to += NR) {
    int t = t0 - job->taps / 2 + r;
    for (int h = 0; h < job->H; h++) {
      for (int p = 0; p < job->panels; p++) {
        float *cell = to + (h * job->panels + p) * panel_size;
        const float *from = v + (ptrdiff_t) t * (ptrdiff_t) ld + h * D + p * NR;
        int n = t < job->first || t >= job->N ? 0 : smaller (NR, D - p * NR);
        if (n == NR) {
          memcpy (cell, from, NR * sizeof *cell);
        } else {
          memset (cell, 0, NR * sizeof *cell);
          for (int d = 0; d < n; d++)
            cell[d] = from[d];
        }
      }
    }
  }
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int b = index / job->token_tasks, t0 = job->first + index % job->token_tasks * TASK_TOKENS;
  int end = smaller (t0 + TASK_TOKENS, job->N), D = job->D, taps = job->taps;
  size_t part = (size_t) job->H * D, panel_size = (size_t) (TASK_TOKENS + taps - 1) * NR;
  float *panel = job->work + (size_t) thread * job->H * job->panels * panel_size;

  pack (job, panel, job->v + (size_t) b * job->N * 3 * part, t0);
  for (int h = 0; h < job->H; h++) {
    const float *band = job->band + (size_t) h * (taps + 2 * (MR - 1)) + MR - 1;
    for (int d = 0; d < D; d += NR, panel += panel_size) {
      for (int t = t0; t < end; t += MR) {
        vf acc[MR * NV];
        tile_product (acc, band, -1, 1, panel + (size_t) (t - t0) * NR, NR, taps + MR - 1);
        tile_store (job->o + ((size_t) b * job->N + t) * part + (size_t) h * D + d, (ptrdiff_t) part, acc,
            smaller (MR, end - t), smaller (NR, D - d), 1, 1);
      }
    }
  }
}

GhStatus
ISA_FN (gh_cpu_value_conv_fwd) (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D,
    int taps, int first)
{
  size_t width = taps + 2 * (MR - 1), band = round_up (H * width, 16);
  Job job = { .o = o, .v = qkv + 2 * (size_t) H * D, .N = N, .H = H, .D = D, .taps = taps, .first = first };

  if (N == first)
    return GH_OK;
  job.token_tasks = ceil_div (N - first, TASK_TOKENS);
  job.panels = ceil_div (D, NR);
  job.band = gh_scratch (ctx, (band + (size_t) ctx->threads * H * job.panels * (TASK_TOKENS + taps - 1) * NR)
      * sizeof (float));
  if (!job.band)
    return GH_NOMEM;
  job.work = job.band + band;
  memset (job.band, 0, H * width * sizeof (float));
  for (int h = 0; h < H; h++)
    memcpy (job.band + h * width + MR - 1, w + (size_t) h * taps, taps * sizeof (float));
  gh_parallel (ctx, B * job.token_tasks, run, &job);
  return GH_OK;
}
