/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-finish.h (private, once per instruction set): what becomes of the sums of a tile: scales, bias, activation,
 * residual; see GhLinearFinish.
 */
#pragma once

#include "isa.h"
#include "linear.h"

VEC_INLINE vf
column_values (const float *p, int j, int n)
{
  return !p ? vec_splat (0) : n < VL ? vec_load_part (p + j, n) : vec_load (p + j);
}

/* Columns j..j+n (n <= VL) of all rows. */
VEC_INLINE void
finish_columns (const GhLinearFinish *f, int nr, int j, int n, bool whole_numbers, bool gelu)
{
  vf scale = column_values (f->scale, j, n), w_sum = column_values (f->w_sum, j, n);
  vf bias = column_values (f->bias, j, n);

  for (int i = 0; i < f->rows; i++) {
    const void *at = (const float *) f->sums + i * nr + j;
    float *y = f->y + i * f->ldy + j;
    vf v = whole_numbers ? __builtin_convertvector (*(const vi *) at, vf) : vec_load (at);

    if (f->scale)
      v = (v * f->row_scale[i] + w_sum * f->row_zero[i]) * scale;
    v += bias;
    if (gelu)
      v = vec_gelu (v);
    if (n < VL) {
      if (f->residual)
        v += vec_load_part (f->residual + i * f->ldy + j, n);
      vec_store_part (y, v, n);
    } else {
      if (f->residual)
        v += vec_load (f->residual + i * f->ldy + j);
      vec_store (y, v);
    }
  }
}

/* whole_numbers: the sums are int32. */
VEC_INLINE void
finish_sums (const GhLinearFinish *f, int nr, bool whole_numbers)
{
  for (int j = 0; j < f->cols; j += VL) {
    int n = smaller (VL, f->cols - j);

    if (f->act == GH_ACT_GELU)
      finish_columns (f, nr, j, n, whole_numbers, true);
    else
      finish_columns (f, nr, j, n, whole_numbers, false);
  }
}
