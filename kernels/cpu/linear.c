/* SPDX-License-Identifier: LGPL-2.1-or-later
 * linear.c: packing of weights and the walk over tiles; see linear.h for the layouts. */
#include "linear.h"
#include "cpu-features.h"
#include "linear-onednn.h"
#include "pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of one task, about. */
enum { TASK_ROWS = 240 };

static int
ceil_div (int a, int b)
{
  return (a + b - 1) / b;
}

static int
round_up (int n, int multiple)
{
  return ceil_div (n, multiple) * multiple;
}

static int
smaller (int a, int b)
{
  return a < b ? a : b;
}

const GhLinearIsa *
gh_linear_isa (void)
{
#if defined(__x86_64__)
  const char *cap = getenv ("GST_HEADS_CPU");

  if (cap && strcmp (cap, "wide") == 0 && gh_cpu_has_avx2_fma ())
    return &gh_linear_wide;
#ifdef HAVE_AMX
  if (gh_cpu_has_amx ())
    return &gh_linear_amx;
#endif
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
  const GhLinearKind *kind = gh_linear_isa ()->kind[dtype];
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

  if (isa->kind[GH_DTYPE_BF16]->fast)
    return GH_DTYPE_BF16;
  return isa->kind[GH_DTYPE_INT16]->fast ? GH_DTYPE_INT16 : GH_DTYPE_F32;
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
  const GhLinearKind *kind = isa->kind[packed->dtype];
  int n = packed->n_out, k = packed->n_in, nr = isa->nr, step = kind->step;
  int n_padded = round_up (n, nr), k_padded = round_up (k, kind->k_align);
  size_t bytes = ((size_t) n_padded * k_padded * weight_bytes (packed->dtype) + 63) & ~(size_t) 63;

  if (gh_onednn_takes (packed->dtype))
    return gh_onednn_pack (ctx, packed, host_w);
  if (kind->k_max && k > kind->k_max)
    return gh_fail (ctx, GH_UNSUPPORTED, "sums of %d products do not fit the integers of %s: take another precision", k,
        kind->engine);
  packed->data = gh_host_memory (bytes);
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
  const GhLinearKind *kind;
  const GhPacked *w;
  int nr;
  float *y;
  const float *x, *bias, *residual;
  GhAct act;
  int rows, k_padded, k_block;
  size_t w_bytes;               /* of one weight */
  char *a;                      /* packed activations */
  float *row_scale, *row_zero;  /* [rows, padded to tiles] */
  float *sums;                  /* per thread: [task panels][task tiles][mr][nr], or one [mr][nr] for a single block */
  size_t sums_size;
  int threads;
  int tiles, task_tiles, task_panels, panel_tasks;
  int pack_columns;             /* values of k of one packing task, a multiple of k_align */
} Job;

/* The tiles and panels of one task. */
typedef struct {
  float *sums;
  int tile0, tiles, panel0, panels;
} Task;

/* One tile's rows, or a part of them. */
static void
pack_rows_task (void *arg, int index, int thread)
{
  const Job *job = arg;
  int mr = job->kind->mr, row = index % job->tiles * mr, rows = smaller (mr, job->rows - row);
  int k0 = index / job->tiles * job->pack_columns, k = job->w->n_in;
  float others[2 * GH_LINEAR_MAX_MR];   /* scales are of whole rows: the part that begins a row writes its own */

  job->kind->pack_rows (job->a + ((size_t) row * job->k_padded + (size_t) k0 * mr) * job->kind->row_bytes,
      k0 == 0 ? job->row_scale + row : others, k0 == 0 ? job->row_zero + row : others + mr,
      job->x + (size_t) row * k + k0, k, rows,
      smaller (job->pack_columns, k - k0), smaller (job->pack_columns, job->k_padded - k0));
}

static const char *
weights_at (const Job *job, int panel, int k)
{
  return (const char *) job->w->data + ((size_t) panel * job->k_padded + k) * job->nr * job->w_bytes;
}

/* The block of weights that a thread reads after panel p of the block of k at k0: of this task, or of its likely next
 * one; NULL past the last. */
static const char *
next_weights (const Job *job, const Task *task, int p, int k0)
{
  int panel = task->panel0 + p + 1;

  if (p + 1 == task->panels) {
    panel = task->panel0;
    k0 += job->k_block;
    if (k0 >= job->k_padded) {
      panel += job->task_panels;
      k0 = 0;
    }
  }
  return panel * job->nr < job->w->n_out ? weights_at (job, panel, k0) : NULL;
}

static void
finish_tile (const Job *job, const GhLinearTile *tile, int row, int panel)
{
  int col = panel * job->nr, n = job->w->n_out;
  size_t at = (size_t) row * n + col;
  GhLinearFinish f = { .y = job->y + at, .residual = job->residual ? job->residual + at : NULL, .ldy = n,
    .sums = tile->sums, .rows = tile->rows, .cols = smaller (job->nr, n - col),
    .bias = job->bias ? job->bias + col : NULL, .act = job->act };

  if (job->kind->w_max) {
    f.scale = job->w->scale + col;
    f.w_sum = job->w->scale + n + col;
    f.row_scale = job->row_scale + row;
    f.row_zero = job->row_zero + row;
  }
  job->kind->finish (&f);
}

/* What finish_tile() will read, while the tile is still computed. */
static void
prefetch_residual (const Job *job, int row, int rows, int panel)
{
  int n = job->w->n_out, col = panel * job->nr, cols = smaller (job->nr, n - col);

  for (int i = 0; i < rows; i++) {
    for (int c = 0; c < cols; c += 16)
      __builtin_prefetch (job->residual + (size_t) (row + i) * n + col + c);
  }
}

/* One block of k for the tiles of a task times one panel. */
static void
multiply_panel (const Job *job, const Task *task, int p, int k0)
{
  const GhLinearKind *kind = job->kind;
  int mr = kind->mr, kc = smaller (job->k_block, job->k_padded - k0);
  bool whole = job->k_padded == job->k_block, last = k0 + kc == job->k_padded;
  int lines = ceil_div ((int) (kc * job->nr * job->w_bytes), 64), share = ceil_div (lines, task->tiles);
  const char *next = next_weights (job, task, p, k0);
  GhLinearTile tile = { .first = k0 == 0, .b = weights_at (job, task->panel0 + p, k0),
    .steps = kc / kind->step };

  for (int t = 0; t < task->tiles; t++) {
    int row = (task->tile0 + t) * mr;

    tile.sums = whole ? task->sums : task->sums + (size_t) (p * job->task_tiles + t) * mr * job->nr;
    tile.rows = smaller (mr, job->rows - row);
    tile.a = job->a + ((size_t) row * job->k_padded + (size_t) k0 * mr) * kind->row_bytes;
    tile.next = next + (size_t) t * share * 64;
    tile.next_lines = next ? smaller (share, lines - t * share) : 0;
    if (job->residual && last)
      prefetch_residual (job, row, tile.rows, task->panel0 + p);
    kind->tile (&tile);
    if (last)
      finish_tile (job, &tile, row, task->panel0 + p);
  }
}

/* All of k for one task; its sums and its share of one block of activations stay in the second-level cache. */
static void
product_task (void *arg, int index, int thread)
{
  const Job *job = arg;
  const GhLinearKind *kind = job->kind;
  int n_panels = ceil_div (job->w->n_out, job->nr);
  Task task = { .sums = job->sums + thread * job->sums_size,
    .tile0 = index / job->panel_tasks * job->task_tiles, .panel0 = index % job->panel_tasks * job->task_panels };

  task.tiles = smaller (job->tiles - task.tile0, job->task_tiles);
  task.panels = smaller (n_panels - task.panel0, job->task_panels);
  if (kind->begin)
    kind->begin ();
  for (int k0 = 0; k0 < job->k_padded; k0 += job->k_block) {
    for (int p = 0; p < task.panels; p++)
      multiply_panel (job, &task, p, k0);
  }
  if (kind->end)
    kind->end ();
}

static void
plan (Job *job)
{
  const GhLinearKind *kind = job->kind;
  int mr = kind->mr, n_panels = ceil_div (job->w->n_out, job->nr);

  job->tiles = ceil_div (job->rows, mr);
  job->k_padded = round_up (job->w->n_in, kind->k_align);
  job->k_block = round_up (ceil_div (job->k_padded, ceil_div (job->k_padded, kind->k_block)), kind->k_align);
  job->task_tiles = smaller (job->tiles, ceil_div (TASK_ROWS, mr));
  job->task_panels = n_panels / (4 * job->threads);
  job->task_panels = job->task_panels < 1 ? 1 : smaller (job->task_panels, 4);
  job->panel_tasks = ceil_div (n_panels, job->task_panels);
  job->sums_size = (size_t) mr * job->nr;
  if (job->k_padded > job->k_block)
    job->sums_size *= (size_t) job->task_tiles * job->task_panels;
  /* What a product with a residual reads was written by columns, heads or outputs of the product before; what others
   * read, by rows. Each thread packs about what it wrote and has in its cache. */
  job->pack_columns = job->k_padded;
  if (job->residual && !kind->w_max)
    job->pack_columns = round_up (ceil_div (job->k_padded, 2 * job->threads), kind->k_align);
}

GhStatus
gh_cpu_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias, const float *residual,
    GhAct act, int rows)
{
  if (w->engine == gh_onednn_engine)
    return gh_onednn_linear_fwd (ctx, y, x, w, bias, residual, act, rows);

  const GhLinearIsa *isa = w->engine;
  Job job = { .kind = isa->kind[w->dtype], .w = w, .nr = isa->nr, .y = y, .x = x, .bias = bias, .residual = residual,
    .act = act, .rows = rows, .w_bytes = weight_bytes (w->dtype), .threads = ctx->threads };
  int padded_rows = round_up (rows, job.kind->mr);
  size_t a_bytes;

  plan (&job);
  a_bytes = ((size_t) padded_rows * job.k_padded * job.kind->row_bytes + 63) & ~(size_t) 63;
  job.a = gh_scratch (ctx, a_bytes + (ctx->threads * job.sums_size + 2 * (size_t) padded_rows) * sizeof (float));
  if (job.a == NULL)
    return gh_fail (ctx, GH_NOMEM, "no memory for the activations of %d rows", rows);
  job.sums = (float *) (job.a + a_bytes);
  job.row_scale = job.sums + ctx->threads * job.sums_size;
  job.row_zero = job.row_scale + padded_rows;

  gh_parallel (ctx, job.tiles * ceil_div (job.k_padded, job.pack_columns), pack_rows_task, &job);
  gh_parallel (ctx, ceil_div (job.tiles, job.task_tiles) * job.panel_tasks, product_task, &job);
  return GH_OK;
}

static Job
accumulating_job (const GhCtx *ctx, const GhPacked *w, int rows)
{
  const GhLinearIsa *isa = w->engine;
  Job job = { .kind = isa->kind[w->dtype], .w = w, .nr = isa->nr, .rows = rows, .w_bytes = weight_bytes (w->dtype),
    .threads = ctx->threads };

  plan (&job);
  return job;
}

size_t
gh_linear_sums_size (const GhCtx *ctx, const GhPacked *w, int rows)
{
  return ctx->threads * accumulating_job (ctx, w, rows).sums_size;
}

void
gh_linear_accumulate (GhCtx *ctx, float *y, const void *a, const GhPacked *w, int rows, float *sums)
{
  Job job = accumulating_job (ctx, w, rows);

  job.y = y;
  job.residual = y;
  job.a = (char *) a;
  job.sums = sums;
  gh_parallel (ctx, ceil_div (ceil_div (rows, job.kind->mr), job.task_tiles) * job.panel_tasks, product_task, &job);
}
