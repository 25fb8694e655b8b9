/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tile.h (private, once per instruction set): the inner loop of every product that is not with packed weights: MR rows
 * times NR columns whose sums stay in registers, NR being two vectors. NR + MR + 1 vectors are the registers of x86.
 */
#pragma once

#include "isa.h"

enum { NV = 2, NR = NV * VL, MR = VL == 16 ? 12 : 6 };

#define TILE_UNROLL _Pragma ("GCC unroll 16")

/* acc[MR][NV] = sum over p < k of a(i, p) b(p, j): element (i, p) of a at a[i * row_step + p * k_step], row p of b
 * (NR floats, any alignment) at b[p * ldb]. */
VEC_INLINE void
tile_product (vf acc[MR * NV], const float *a, ptrdiff_t row_step, ptrdiff_t k_step, const float *b, ptrdiff_t ldb,
    int k)
{
  vf sum[MR * NV] = { 0 };

  for (int p = 0; p < k; p++, a += k_step, b += ldb) {
    vf row[NV];
    TILE_UNROLL
    for (int j = 0; j < NV; j++)
      row[j] = vec_load (b + j * VL);
    TILE_UNROLL
    for (int i = 0; i < MR; i++) {
      TILE_UNROLL
      for (int j = 0; j < NV; j++)
        sum[i * NV + j] += a[i * row_step] * row[j];
    }
  }
  TILE_UNROLL
  for (int i = 0; i < MR * NV; i++)
    acc[i] = sum[i];
}

/* c[i * ldc + j] = alpha * acc + beta * c for the first `rows` x `cols` cells; beta 0 never reads c. */
VEC_INLINE void
tile_store (float *c, ptrdiff_t ldc, const vf acc[MR * NV], int rows, int cols, float alpha, float beta)
{
  if (rows == MR && cols == NR) {
    TILE_UNROLL
    for (int i = 0; i < MR; i++) {
      TILE_UNROLL
      for (int j = 0; j < NV; j++) {
        float *to = c + i * ldc + j * VL;
        vf v = alpha * acc[i * NV + j];
        vec_store (to, beta != 0 ? v + beta * vec_load (to) : v);
      }
    }
    return;
  }
  float cells[MR][NR];
  memcpy (cells, acc, sizeof cells);
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < cols; j++)
      c[i * ldc + j] = alpha * cells[i][j] + (beta != 0 ? beta * c[i * ldc + j] : 0);
  }
}
