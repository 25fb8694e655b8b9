/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * value-conv.c (once per instruction set): the filter along the tokens as a product: MR neighbouring tokens are MR rows
 * of a band matrix whose rows hold the same taps, each shifted by one. Zeros before and after the taps make the band;
 * row i of the matrix begins i cells before row 0, so it is never built. The gradient of the values is the same with
 * the taps in the other order.
 */
#include "tile.h"

enum { TASK_TOKENS = 120 };     /* a multiple of MR */

typedef struct {
  float *o;                     /* of image 0, rows o_ld apart */
  const float *v;               /* of image 0, rows v_ld apart */
  size_t o_ld, v_ld;
  float *band;                  /* [H][MR - 1 + taps + MR - 1] */
  float *work;                  /* [threads][D/NR][TASK_TOKENS + taps - 1][NR] */
  int N, H, D, taps, first;
  int before;                   /* the first tap's distance from its token */
  int token_tasks, panels;
} Job;

/* A task is a run of tokens of one head, heads outermost as attention has them: a thread has its values at hand. */
typedef struct {
  int b, h, t0, n;
} Place;

static Place
place_of (const Job *job, int index)
{
  int which = index / job->token_tasks, t0 = job->first + index % job->token_tasks * TASK_TOKENS;
  return (Place) { which / job->H, which % job->H, t0, smaller (TASK_TOKENS, job->N - t0) };
}

/* The values of a head that a task's tokens reach, in panels of NR columns; zero beyond the ends. */
static void
pack (const Job *job, float *to, Place at)
{
  int D = job->D, rows = TASK_TOKENS + job->taps - 1;
  const float *v = job->v + (size_t) at.b * job->N * job->v_ld + (size_t) at.h * D;

  for (int r = 0; r < rows; r++, to += NR) {
    int t = at.t0 - job->before + r;
    for (int p = 0; p < job->panels; p++) {
      float *cell = to + (size_t) p * rows * NR;
      const float *from = v + (ptrdiff_t) t * (ptrdiff_t) job->v_ld + p * NR;
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

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  Place at = place_of (job, index);
  int D = job->D, taps = job->taps;
  size_t panel_size = (size_t) (TASK_TOKENS + taps - 1) * NR;
  float *panel = job->work + (size_t) thread * job->panels * panel_size;
  float *o = job->o + ((size_t) at.b * job->N + at.t0) * job->o_ld + (size_t) at.h * D;
  const float *band = job->band + (size_t) at.h * (taps + 2 * (MR - 1)) + MR - 1;

  pack (job, panel, at);
  for (int d = 0; d < D; d += NR, panel += panel_size) {
    for (int t = 0; t < at.n; t += MR) {
      vf acc[MR * NV];
      tile_product (acc, band, -1, 1, panel + (size_t) t * NR, NR, taps + MR - 1);
      tile_store (o + t * job->o_ld + d, (ptrdiff_t) job->o_ld, acc, smaller (MR, at.n - t), smaller (NR, D - d), 1,
          1);
    }
  }
}

/* The tap at place j of the band is w[h, flip ? taps-1-j : j]. */
static GhStatus
convolve (GhCtx *ctx, Job job, const float *w, bool flip, int B)
{
  int taps = job.taps;
  size_t width = taps + 2 * (MR - 1), band = round_up (job.H * width, 16);

  job.token_tasks = ceil_div (job.N - job.first, TASK_TOKENS);
  job.panels = ceil_div (job.D, NR);
  job.band = gh_scratch (ctx, (band + (size_t) ctx->threads * job.panels * (TASK_TOKENS + taps - 1) * NR)
      * sizeof (float));
  if (!job.band)
    return GH_NOMEM;
  job.work = job.band + band;
  memset (job.band, 0, job.H * width * sizeof (float));
  for (int h = 0; h < job.H; h++) {
    for (int j = 0; j < taps; j++)
      job.band[h * width + MR - 1 + j] = w[(size_t) h * taps + (flip ? taps - 1 - j : j)];
  }
  gh_parallel (ctx, B * job.H * job.token_tasks, run, &job);
  return GH_OK;
}

GhStatus
ISA_FN (gh_cpu_value_conv_fwd) (GhCtx *ctx, float *o, const float *qkv, const float *w, int B, int N, int H, int D,
    int taps, int first)
{
  size_t part = (size_t) H * D;

  if (N == first)
    return GH_OK;
  return convolve (ctx, (Job) { .o = o, .v = qkv + 2 * part, .o_ld = part, .v_ld = 3 * part, .N = N, .H = H, .D = D,
      .taps = taps, .first = first, .before = taps / 2 }, w, false, B);
}

/* ---- the gradients ------------------------------------------------------------------------------------- */

/* The filter's: dw[h,j] sums dout[t] v[t + j - taps/2] over tokens and channels. TAPS of them at a time keep a vector
 * each; v comes from panels as above. A task's share has a place of its own, and the shares are added in order. */
enum { TAPS = 12 };

typedef struct {
  Job reach;                    /* how v is packed; TAPS more taps at most, whose sums nobody reads */
  const float *dout;
  float *share;                 /* [B][token tasks][H][taps] */
  int taps;
} Filter;

/* sum[TAPS] += over n tokens and VL channels; d rows d_ld apart, v rows NR apart. */
VEC_INLINE void
correlate (vf sum[TAPS], const float *d, size_t d_ld, const float *v, int n, int channels)
{
  for (int t = 0; t < n; t++, d += d_ld, v += NR) {
    vf x = channels == VL ? vec_load (d) : vec_load_part (d, channels);
    TILE_UNROLL
    for (int j = 0; j < TAPS; j++)
      sum[j] += x * vec_load (v + j * NR);
  }
}

static void
filter_share (void *arg, int index, int thread)
{
  const Filter *job = arg;
  const Job *reach = &job->reach;
  Place at = place_of (reach, index);
  int D = reach->D;
  size_t part = (size_t) reach->H * D, panel_size = (size_t) (TASK_TOKENS + reach->taps - 1) * NR;
  const float *dout = job->dout + ((size_t) at.b * reach->N + at.t0) * part + (size_t) at.h * D;
  float *panel = reach->work + (size_t) thread * reach->panels * panel_size;
  int run_of_tokens = at.b * reach->token_tasks + index % reach->token_tasks;
  float *share = job->share + ((size_t) run_of_tokens * reach->H + at.h) * job->taps;

  pack (reach, panel, at);
  for (int j0 = 0; j0 < job->taps; j0 += TAPS) {
    vf sum[TAPS] = { 0 };
    for (int d = 0; d < D; d += VL)
      correlate (sum, dout + d, part, panel + d / NR * panel_size + d % NR + (size_t) j0 * NR, at.n,
          smaller (VL, D - d));
    for (int j = 0; j < smaller (TAPS, job->taps - j0); j++)
      share[j0 + j] = vec_sum (sum[j]);
  }
}

GhStatus
ISA_FN (gh_cpu_value_conv_bwd) (GhCtx *ctx, float *dqkv, float *dw, const float *dout, const float *qkv,
    const float *w, int B, int N, int H, int D, int taps, int first)
{
  size_t part = (size_t) H * D, n_taps = (size_t) H * taps;
  Filter job = { { .v = qkv + 2 * part, .v_ld = 3 * part, .N = N, .H = H, .D = D, .taps = (int) round_up (taps, TAPS),
      .first = first, .before = taps / 2 }, dout, NULL, taps };

  if (N == first)
    return GH_OK;
  job.reach.token_tasks = ceil_div (N - first, TASK_TOKENS);
  job.reach.panels = ceil_div (D, NR);
  int tasks = B * job.reach.token_tasks;
  size_t shares = round_up (tasks * n_taps, 16);
  job.share = gh_scratch (ctx, (shares + (size_t) ctx->threads * job.reach.panels
      * (TASK_TOKENS + job.reach.taps - 1) * NR) * sizeof (float));
  if (!job.share)
    return GH_NOMEM;
  job.reach.work = job.share + shares;
  gh_parallel (ctx, tasks * H, filter_share, &job);
  for (size_t i = 0; i < tasks * n_taps; i++)
    dw[i % n_taps] += job.share[i];
  return convolve (ctx, (Job) { .o = dqkv + 2 * part, .v = dout, .o_ld = 3 * part, .v_ld = part, .N = N, .H = H,
      .D = D, .taps = taps, .first = first, .before = taps - 1 - taps / 2 }, w, true, B);
}
