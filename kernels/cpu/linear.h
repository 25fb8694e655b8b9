/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear.h (private): products with packed weights on the cpu.
 *
 * linear.c packs weights, splits the work and knows no instruction set. linear-tiles.c is the arithmetic, written once
 * over vectors of VL floats and compiled for each instruction set into a table of this type; linear-amx.c adds the
 * matrix unit's to the widest set.
 *
 * Layouts (step = values of k that one instruction consumes together):
 *   weights      [panel][k / step][nr][step]    a panel is nr outputs; missing outputs and k are zero
 *   activations  [tile][k / step][mr][step]     a tile is mr rows; AMX holds [tile][k / 16 step][mr][16 step]
 *   sums         [mr][nr], of one tile and panel, kept over the blocks of k
 */
#pragma once

#include "kernels/gh-backend.h"

/* One call of GhLinearKind.tile. */
typedef struct {
  void *sums;                   /* [mr][nr], written, or added to unless `first` */
  bool first;
  int rows;                     /* how many of mr will be read */
  const void *a, *b;            /* packed activations and weights */
  int steps;
  const char *next;             /* weights wanted soon, to be brought nearer meanwhile */
  int next_lines;               /* lines of 64 bytes there; 0: none */
} GhLinearTile;

/* What becomes of sums[rows][nr]:
 * y[rows, ldy] = act(scale[n] * (row_scale[row] * sum + row_zero[row] * w_sum[n]) + bias[n]) + residual[rows, ldy]. */
typedef struct {
  float *y;
  const float *residual;        /* NULL: none */
  size_t ldy;
  const void *sums;
  int rows, cols;
  const float *scale, *w_sum;   /* NULL for F32 and BF16, which have no scales */
  const float *row_scale, *row_zero;
  const float *bias;            /* NULL: none */
  GhAct act;
} GhLinearFinish;

enum { GH_LINEAR_MAX_MR = 32 };

typedef struct {
  const char *engine;           /* a word for logs */
  bool fast;                    /* has instructions for this type */
  int mr;                       /* rows of a tile, at most GH_LINEAR_MAX_MR */
  int step;
  int k_align;                  /* k is padded to a multiple of this (itself one of step) */
  int k_block;                  /* k is walked in blocks of at most this many, a multiple of k_align */
  int row_bytes;                /* bytes of one activation as packed */
  int w_max, a_max;             /* integers: largest weight, and activation (INT16 both signs, INT8 0..a_max) */
  int k_max;                    /* most values of k that its sums can hold; 0: any number */

  /* Packs rows (<= mr) of x[rows,k], ld apart, with k_padded >= k; scale[mr], zero[mr] so that x = scale * integer +
   * zero, all 1 and 0 where w_max is 0. */
  void (*pack_rows) (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k, int k_padded);
  /* F32 and BF16: the same from columns, of x[k, ld], into a tile's share for k_padded >= k values of k. */
  void (*pack_columns) (void *a, const float *x, size_t ld, int rows, int k, int k_padded);
  void (*tile) (const GhLinearTile *t);
  void (*finish) (const GhLinearFinish *f);
  /* Around a thread's calls of tile; NULL: nothing to do. */
  void (*begin) (void);
  void (*end) (void);
} GhLinearKind;

typedef struct {
  int nr;                       /* outputs of a panel */
  const GhLinearKind *kind[GH_N_DTYPES];
} GhLinearIsa;

extern const GhLinearIsa gh_linear_baseline;
extern const GhLinearIsa gh_linear_avx2;
extern const GhLinearIsa gh_linear_avx512;
/* avx512's F32 and INT16, BF16 and INT8 on AMX. */
extern const GhLinearIsa gh_linear_amx;
/* The avx512 table's shapes in avx2's instructions, emulated: lets tests walk its paths on any x86-64. */
extern const GhLinearIsa gh_linear_wide;

/* The table for this processor; GST_HEADS_CPU may ask for a lower one (or "wide"). */
const GhLinearIsa *gh_linear_isa (void);

GhStatus gh_cpu_pack (GhCtx *ctx, GhPacked *packed, const float *host_w);
void gh_cpu_packed_free (GhPacked *packed);
GhStatus gh_cpu_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);
/* y[rows,n_out] += a w^T for a[rows,n_in] that the caller packed, and w's data too. F32 and BF16. sums: workspace of
 * gh_linear_sums_size() floats. */
void gh_linear_accumulate (GhCtx *ctx, float *y, const void *a, const GhPacked *w, int rows, float *sums);
size_t gh_linear_sums_size (const GhCtx *ctx, const GhPacked *w, int rows);
bool gh_cpu_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine);
GhDtype gh_cpu_best_dtype (const GhCtx *ctx);
