/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear.h (private): products with packed weights on the cpu.
 *
 * linear.c packs weights, splits the work and knows no instruction set. linear-tiles.c is the arithmetic, written once
 * over vectors of VL floats and compiled for each instruction set into a table of this type.
 *
 * Layouts (step = values of k that one instruction consumes together):
 *   weights      [panel][k / step][nr][step]    a panel is nr outputs; missing outputs and k are zero
 *   activations  [tile][k / step][mr][step]     a tile is mr rows
 *   sums         [mr][ld] float, one tile x panel at a time, kept over the blocks of k
 */
#pragma once

#include "kernels/gh-backend.h"

/* k is walked in blocks: a panel's share stays in the first-level cache, and 512 products of two 12-bit integers, the
 * most that int32 holds, meet in one block. */
enum { GH_LINEAR_BLOCK = 512 };

typedef struct {
  const char *engine;           /* a word for logs */
  bool fast;                    /* has instructions for this type */
  int mr;                       /* rows of a tile */
  int step;
  int k_align;                  /* k is padded to a multiple of this (itself one of step) */
  int row_bytes;                /* bytes of one activation as packed */
  int w_max, a_max;             /* integers: largest weight, and activation (INT16 both signs, INT8 0..a_max) */

  /* Packs rows (<= mr) of x[rows,k] with k_padded >= k; scale[mr], zero[mr] so that x = scale * integer + zero. */
  void (*pack_rows) (void *a, float *scale, float *zero, const float *x, int rows, int k, int k_padded);
  /* sums (=, or += unless first) the products of `steps` steps, in float. */
  void (*tile) (float *sums, int ld, const void *a, const void *b, int steps, bool first);
} GhLinearKind;

/* What becomes of one row of sums:
 * y = act(scale[n] * (row_scale * sum + row_zero * w_sum[n]) + bias[n]) + residual[n]. */
typedef struct {
  const float *scale, *w_sum;   /* NULL for F32 and BF16 */
  float row_scale, row_zero;
  const float *bias, *residual; /* NULL: none */
  GhAct act;
} GhLinearFinish;

typedef struct {
  int nr;                       /* outputs of a panel */
  GhLinearKind kind[GH_N_DTYPES];
  void (*finish) (float *y, const float *sums, int n, const GhLinearFinish *f);
} GhLinearIsa;

extern const GhLinearIsa gh_linear_baseline;
extern const GhLinearIsa gh_linear_avx2;
extern const GhLinearIsa gh_linear_avx512;
/* The avx512 table's shapes in avx2's instructions, emulated: lets tests walk its paths on any x86-64. */
extern const GhLinearIsa gh_linear_wide;

/* The table for this processor; GST_HEADS_CPU may ask for a lower one (or "wide"). */
const GhLinearIsa *gh_linear_isa (void);

GhStatus gh_cpu_pack (GhCtx *ctx, GhPacked *packed, const float *host_w);
void gh_cpu_packed_free (GhPacked *packed);
GhStatus gh_cpu_linear_fwd (GhCtx *ctx, float *y, const float *x, const GhPacked *w, const float *bias,
    const float *residual, GhAct act, int rows);
bool gh_cpu_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine);
GhDtype gh_cpu_best_dtype (const GhCtx *ctx);
