/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gelu-bf16.cu: what comes between two products in bfloat16: a bias, GELU, and their gradients, eight values a thread. */
#include "column-sums.h"
#include "normal.h"

enum { LANES = 8 /* rows of a block in flight */ };

static __global__ void
finish (GhBf16 *y, const GhBf16 *x, const float *bias, bool gelu, int C, size_t eights)
{
  GH_FOR_EACH (i, eights) {
    float v[8];
    int c = (int) (i * 8 % C);
    gh_load_eight (v, x + i * 8);
#pragma unroll
    for (int j = 0; j < 8; j++) {
      v[j] += bias ? bias[c + j] : 0;
      v[j] = gelu ? v[j] * gh_normal (v[j]).below : v[j];
    }
    gh_store_eight (y + i * 8, v);
  }
}

GhStatus
gh_cuda_finish_bf16 (GhCtx *ctx, GhBf16 *y, const GhBf16 *x, const float *bias, GhAct act, int rows, int C)
{
  size_t eights = (size_t) rows * C / 8;

  if (!bias && act == GH_ACT_NONE && y == x)
    return GH_OK;
  return GH_LAUNCH (ctx, finish, dim3 (gh_grid (ctx, eights)), dim3 (256), 0, y, x, bias, act == GH_ACT_GELU, C,
      eights);
}

/* A block takes 256 columns of some rows; its LANES rows at a time are added up at the end. */
static __global__ void
gelu_bwd (GhBf16 *dx, float *part, const GhBf16 *x, const float *bias, int rows, int C, int rows_of_part)
{
  GH_SHARED (float, sums);      /* [LANES][32][8] */
  int c = (blockIdx.x * 32 + threadIdx.x) * 8, begin = blockIdx.y * rows_of_part, end = min (begin + rows_of_part, rows);
  float sum[8] = { }, b[8] = { };

  for (int j = 0; bias && c < C && j < 8; j++)
    b[j] = bias[c + j];
#pragma unroll 4
  for (int r = begin + threadIdx.y; c < C && r < end; r += LANES) {
    float d[8], v[8];
    gh_load_eight (d, dx + (size_t) r * C + c);
    gh_load_eight (v, x + (size_t) r * C + c);
#pragma unroll
    for (int j = 0; j < 8; j++) {
      float at = v[j] + b[j];
      GhNormal n = gh_normal (at);
      d[j] *= n.below + at * n.density;
      sum[j] += d[j];
    }
    gh_store_eight (dx + (size_t) r * C + c, d);
  }
  if (!part)
    return;
  for (int j = 0; j < 8; j++)
    sums[(threadIdx.y * 8 + j) * 32 + threadIdx.x] = sum[j];
  __syncthreads ();
  /* Row of threads y adds up value y of the eight. */
  float total = 0;
  for (int lane = 0; lane < LANES; lane++)
    total += sums[(lane * 8 + threadIdx.y) * 32 + threadIdx.x];
  if (c < C)
    part[(size_t) blockIdx.y * C + c + threadIdx.y] = total;
}

GhStatus
gh_cuda_gelu_bwd_bf16 (GhCtx *ctx, GhBf16 *dx, float *db, const GhBf16 *x, const float *bias, int rows, int C)
{
  int columns = gh_blocks (C, 256), rows_of_part = gh_rows_of_wide_part (ctx, rows, columns);
  int parts = gh_blocks (rows, rows_of_part);
  float *part = db ? (float *) gh_scratch (ctx, (size_t) parts * C * sizeof *part) : NULL;

  if (db && !part)
    return GH_NOMEM;
  GH_CUDA_TRY (GH_LAUNCH (ctx, gelu_bwd, dim3 (columns, parts), dim3 (32, LANES), LANES * 256 * sizeof (float), dx, part,
          x, bias, rows, C, rows_of_part));
  return db ? gh_add_parts (ctx, { db }, part, parts, C) : GH_OK;
}
