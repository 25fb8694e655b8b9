/* SPDX-License-Identifier: LGPL-2.1-or-later
 * linear.c: packing of weights and the walk over tiles; see linear.h for the layouts. */
#include "linear.h"
#include "cpu-features.h"
#include "linear-onednn.h"
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one task: its activations share of one k block stays in the second-level cache. */
enum { TASK_ROWS = 240 };

static int
ceil_div (int a, int b)
{
  return (a + b - 1) / b;
}

const GhLinearIsa *
gh_linear_isa (void)
{
#if defined(__x86_64__)
  const char *cap = getenv ("GST_HEADS_CPU");

  if (cap && strcmp (cap, "wide") == 0 && gh_cpu_has_avx2_fma ())
    return &gh_linear_wide;
  if (gh_cpu_has_avx512_bf16 () && gh_cpu_has_avx512_vnni ())
    return &gh_linear_avx512;
  if (gh_cpu_has_avx2_fma ())
    return &gh_linear_avx2;
#endif
  return &gh_linear_baseline;
}

bool
gh_cpu_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine)
{
  const GhLinearKind *kind = &gh_linear_isa ()->kind[dtype];
  bool onednn = gh_onednn_takes (dtype);

  if (fast)
    *fast = onednn || kind->fast;
  if (engine)
    *engine = onednn ? gh_onednn_engine : kind->engine;
  return true;
}

/* bfloat16 where it has instructions, else 12-bit integers, which are closer to float32 than bfloat16 and twice as
 * dense as it; 8-bit integers stay a choice of the user, who knows what a task tolerates. */
GhDtype
gh_cpu_best_dtype (const GhCtx *ctx)
{
  const GhLinearIsa *isa = gh_linear_isa ();

  if (isa->kind[GH_DTYPE_BF16].fast)
    return GH_DTYPE_BF16;
  return isa->kind[GH_DTYPE_INT16].fast ? GH_DTYPE_INT16 : GH_DTYPE_F32;
}

/* ---- weights ------------------------------------------------------------------------------------------------ */

static uint16_t
bf16_from_f32 (float x)
{
  uint32_t u;

  memcpy (&u, &x, sizeof u);
  if ((u & 0x7fffffff) > 0x7f800000)
    return (u >> 16) | 0x40;
  return (u + 0x7fff + ((u >> 16) & 1)) >> 16;
}

static size_t
weight_bytes (GhDtype dtype)
{
  return dtype == GH_DTYPE_F32 ? 4 : dtype == GH_DTYPE_INT8 ? 1 : 2;
}

/* Writes element i of the packed weights. inverse: 1 / scale of its output, for integers. */
static void
store_weight (void *data, size_t i, GhDtype dtype, float w, float inverse)
{
  switch (dtype) {
    case GH_DTYPE_F32:
      ((float *) data)[i] = w;
      break;
    case GH_DTYPE_BF16:
      ((uint16_t *) data)[i] = bf16_from_f32 (w);
      break;
    case GH_DTYPE_INT16:
      ((int16_t *) data)[i] = (int16_t) rintf (w * inverse);
      break;
    default:
      ((int8_t *) data)[i] = (int8_t) rintf (w * inverse);
  }
}

static float
largest_magnitude (const float *x, int n)
{
  float top = 0;

  for (int i = 0; i < n; i++)
    top = fmaxf (top, fabsf (x[i]));
  return top;
}

GhStatus
gh_cpu_pack (GhCtx *ctx, GhPacked *packed, const float *host_w)
{
  const GhLinearIsa *isa = gh_linear_isa ();
  const GhLinearKind *kind = &isa->kind[packed->dtype];
  int n = packed->n_out, k = packed->n_in, nr = isa->nr, step = kind->step;
  int n_padded = ceil_div (n, nr) * nr, k_padded = ceil_div (k, kind->k_align) * kind->k_align;
  size_t bytes = ((size_t) n_padded * k_padded * weight_bytes (packed->dtype) + 63) & ~(size_t) 63;

  if (gh_onednn_takes (packed->dtype))
    return gh_onednn_pack (ctx, packed, host_w);
  packed->data = aligned_alloc (64, bytes);
  packed->scale = calloc (2 * (size_t) n, sizeof (float));      /* scales, then sums of the integer weights */
  if (packed->data == NULL || packed->scale == NULL) {
    gh_cpu_packed_free (packed);
    return gh_fail (ctx, GH_NOMEM, "no memory for weights of %d x %d", n, k);
  }
  memset (packed->data, 0, bytes);
  packed->engine = isa;
  packed->bytes = bytes;
  for (int o = 0; o < n; o++) {
    const float *row = host_w + (size_t) o * k;
    size_t at = (size_t) (o / nr) * nr * k_padded + (size_t) (o % nr) * step;
    float top = kind->w_max ? largest_magnitude (row, k) : 0, inverse = top > 0 ? kind->w_max / top : 0, sum = 0;

    if (!isfinite (inverse))    /* weights too small for a scale in float32 */
      inverse = 0;
    for (int i = 0; i < k; i++) {
      store_weight (packed->data, at + (size_t) (i / step) * nr * step + i % step, packed->dtype, row[i], inverse);
      sum += rintf (row[i] * inverse);
    }
    packed->scale[o] = kind->w_max ? top / kind->w_max : 1;
    packed->scale[n + o] = sum;
  }
  return GH_OK;
}

void
gh_cpu_packed_free (GhPacked *packed)
{
  if (packed->engine == gh_onednn_engine)
    gh_onednn_packed_free (packed);
  free (packed->data);
  free (packed->scale);
  packed->data = packed->scale = NULL;
}

/* ---- the product -------------------------------------------------------------------------------------------- */

typedef struct {
  const GhLinearIsa *isa;
  const GhLinearKind *kind;
  const GhPacked *w;
  float *y;
  const float *x, *bias, *residual;
  GhAct act;
  int rows, k_padded;
  char *a;                      /* packed activations */
  float *row_scale, *row_zero;  /* [rows, padded to tiles] */
  float *sums;                  /* one [TASK_ROWS padded, task panels * nr] per thread */
  size_t sums_size;
  int task_tiles, task_panels, panel_tasks;
} Job;

static void
pack_rows_task (void *arg, int tile, int thread)
{
  const Job *job = arg;
  int mr = job->kind->mr, row = tile * mr, rows = job->rows - row < mr ? job->rows - row : mr;

  job->kind->pack_rows (job->a + (size_t) row * job->k_padded * job->kind->row_bytes, job->row_scale + row,
      job->row_zero + row, job->x + (size_t) row * job->w->n_in, rows, job->w->n_in, job->k_padded);
}

/* All of k for tiles x panels of one task; the sums never leave the second-level cache. */
static void
multiply (const Job *job, float *sums, int ld, int tile0, int tiles, int panel0, int panels)
{
  const GhLinearKind *kind = job->kind;
  int nr = job->isa->nr, mr = kind->mr;
  size_t w_bytes = weight_bytes (job->w->dtype);

  for (int k0 = 0; k0 < job->k_padded; k0 += GH_LINEAR_BLOCK) {
    int kc = job->k_padded - k0 < GH_LINEAR_BLOCK ? job->k_padded - k0 : GH_LINEAR_BLOCK;

    for (int p = 0; p < panels; p++) {
      const char *b = (const char *) job->w->data
          + ((size_t) (panel0 + p) * job->k_padded + k0) * nr * w_bytes;

      for (int t = 0; t < tiles; t++) {
        const char *a = job->a + ((size_t) (tile0 + t) * job->k_padded + k0) * mr * kind->row_bytes;

        kind->tile (sums + (size_t) t * mr * ld + p * nr, ld, a, b, kc / kind->step, k0 == 0);
      }
    }
  }
}

static void
product_task (void *arg, int index, int thread)
{
  const Job *job = arg;
  int nr = job->isa->nr, mr = job->kind->mr, n = job->w->n_out;
  int n_tiles = ceil_div (job->rows, mr), n_panels = ceil_div (n, nr);
  int tile0 = index / job->panel_tasks * job->task_tiles, panel0 = index % job->panel_tasks * job->task_panels;
  int tiles = n_tiles - tile0 < job->task_tiles ? n_tiles - tile0 : job->task_tiles;
  int panels = n_panels - panel0 < job->task_panels ? n_panels - panel0 : job->task_panels;
  int ld = job->task_panels * nr, col = panel0 * nr, cols = panels * nr < n - col ? panels * nr : n - col;
  int last = (tile0 + tiles) * mr < job->rows ? (tile0 + tiles) * mr : job->rows;
  float *sums = job->sums + thread * job->sums_size;
  GhLinearFinish f = { .act = job->act, .bias = job->bias ? job->bias + col : NULL };

  multiply (job, sums, ld, tile0, tiles, panel0, panels);
  if (job->kind->w_max) {
    f.scale = job->w->scale + col;
    f.w_sum = job->w->scale + n + col;
  }
  for (int row = tile0 * mr; row < last; row++) {
    f.row_scale = job->row_scale[row];
    f.row_zero = job->row_zero[row];
    f.residual = job->residual ? job->residual + (size_t) row * n + col : NULL;
    job->isa->finish (job->y + (size_t) row * n + col, sums + (size_t) (row - tile0 * mr) * ld, cols, &f);
  }
}

static void
plan (Job *job, int threads)
{
  int mr = job->kind->mr, n_panels = ceil_div (job->w->n_out, job->isa->nr), tiles = ceil_div (job->rows, mr);

  job->task_tiles = tiles < TASK_ROWS / mr ? tiles : TASK_ROWS / mr;
  job->task_panels = n_panels / (4 * threads);
  job->task_panels = job->task_panels < 1 ? 1 : job->task_panels > 4 ? 4 : job->task_panels;
  job->panel_tasks = ceil_div (n_panels, job->task_panels);
  job->sums_size = (size_t) job->task_tiles * mr * job->task_panels * job->isa->nr;
}

GhStatus
gh_cpu_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias, const float *residual,
    GhAct act, int rows)
{
  const GhLinearIsa *isa = w->engine;
  Job job = { .isa = isa, .w = w, .y = y, .x = x, .bias = bias, .residual = residual,
    .act = act, .rows = rows };
  int tiles, padded_rows;
  size_t a_bytes;

  if (w->engine == gh_onednn_engine)
    return gh_onednn_linear_fwd (ctx, y, x, w, bias, residual, act, rows);
  job.kind = &isa->kind[w->dtype];
  job.k_padded = ceil_div (w->n_in, job.kind->k_align) * job.kind->k_align;
  tiles = ceil_div (rows, job.kind->mr);
  padded_rows = tiles * job.kind->mr;
  plan (&job, ctx->threads);
  a_bytes = ((size_t) padded_rows * job.k_padded * job.kind->row_bytes + 63) & ~(size_t) 63;
  job.a = gh_scratch (ctx, a_bytes + (ctx->threads * job.sums_size + 2 * (size_t) padded_rows) * sizeof (float));
  if (job.a == NULL)
    return gh_fail (ctx, GH_NOMEM, "no memory for the activations of %d rows", rows);
  job.sums = (float *) (job.a + a_bytes);
  job.row_scale = job.sums + ctx->threads * job.sums_size;
  job.row_zero = job.row_scale + padded_rows;

  gh_parallel (ctx, tiles, pack_rows_task, &job);
  gh_parallel (ctx, ceil_div (tiles, job.task_tiles) * job.panel_tasks, product_task, &job);
  return GH_OK;
}
