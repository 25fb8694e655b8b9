/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * amx.h (private, for sources of the amx set): products of 32 rows and 32 columns on the matrix unit.
 *
 * Eight registers of 16 rows x 64 bytes: two hold 32 rows of the left side, two 32 columns of the right side, four the
 * sums, so that each load feeds two instructions. One step is a register's width of k: 32 bfloat16 or 64 bytes.
 *   left side   [k / step][32][step]      a register is 1 KiB in one piece
 *   right side  [k / pair][32][pair]      a pair is 2 bfloat16 or 4 bytes; 16 pairs make a step
 * The right side should stay in the first-level cache (48 KiB) from one product to the next. The left side streams past
 * it from the second and is read with the hint not to stay: that alone makes a third of the speed.
 */
#pragma once

#include "isa.h"
#include "transpose.h"

#include <immintrin.h>

enum { AMX_ROWS = 32, AMX_COLUMNS = 32, AMX_REGISTER_ROWS = 16, AMX_LINE = 64 };
enum { AMX_LEFT_STEP = AMX_ROWS * AMX_LINE, AMX_RIGHT_STEP = AMX_COLUMNS * AMX_LINE };

/* Shapes the registers for this thread; until amx_end() they are state to be saved with it. */
static inline void
amx_begin (void)
{
  static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } shape __attribute__ ((aligned (64))) = {
    .palette = 1,
    .row_bytes = { 64, 64, 64, 64, 64, 64, 64, 64 },
    .rows = { 16, 16, 16, 16, 16, 16, 16, 16 },
  };

  _tile_loadconfig (&shape);
}

static inline void
amx_end (void)
{
  _tile_release ();
}

/* sums[32][ld] = left right, over `steps`; float, or int32 of unsigned times signed bytes. Of 16 rows or fewer only
 * those are computed. Each step brings `lines` lines of 64 bytes at `next` into the second-level cache. */
VEC_INLINE void
amx_product (void *sums, int ld, const void *left, const void *right, int steps, int rows, bool bytes,
    const char *next, int lines)
{
  const char *a = left, *b = right;
  float *to = sums;

  /* The compiler must not think that registers are loaded from memory it can still write later. */
  __asm__ volatile ("" ::: "memory");
  _tile_zero (0);
  _tile_zero (1);
  _tile_zero (2);
  _tile_zero (3);
  for (int s = 0; s < steps; s++, a += AMX_LEFT_STEP, b += AMX_RIGHT_STEP) {
    _tile_stream_loadd (4, a, AMX_LINE);
    _tile_loadd (6, b, 2 * AMX_LINE);
    _tile_loadd (7, b + AMX_LINE, 2 * AMX_LINE);
    if (bytes) {
      _tile_dpbusd (0, 4, 6);
      _tile_dpbusd (1, 4, 7);
    } else {
      _tile_dpbf16ps (0, 4, 6);
      _tile_dpbf16ps (1, 4, 7);
    }
    if (rows > AMX_REGISTER_ROWS) {
      _tile_stream_loadd (5, a + AMX_LEFT_STEP / 2, AMX_LINE);
      if (bytes) {
        _tile_dpbusd (2, 5, 6);
        _tile_dpbusd (3, 5, 7);
      } else {
        _tile_dpbf16ps (2, 5, 6);
        _tile_dpbf16ps (3, 5, 7);
      }
    }
    for (int i = 0; i < lines; i++, next += AMX_LINE)
      _mm_prefetch (next, _MM_HINT_T1);
  }
  _tile_stored (0, to, ld * 4);
  _tile_stored (1, to + 16, ld * 4);
  _tile_stored (2, to + 16 * (size_t) ld, ld * 4);
  _tile_stored (3, to + 16 * (size_t) ld + 16, ld * 4);
}

/* x[0..VL], zero from n on (which may be negative). */
VEC_INLINE __m512
amx_load (const float *x, int n)
{
  return n >= VL ? _mm512_loadu_ps (x) : _mm512_maskz_loadu_ps (n > 0 ? (1u << n) - 1 : 0, x);
}

/* Zeros for the rows of a register that is used in part. */
VEC_INLINE void
amx_clear_rows (char *left, int rows, int steps)
{
  for (int i = rows; i % AMX_REGISTER_ROWS != 0; i++) {
    for (int s = 0; s < steps; s++)
      memset (left + (size_t) s * AMX_LEFT_STEP + i * AMX_LINE, 0, AMX_LINE);
  }
}

/* rows (<= 32) x k floats, ld apart, into a left side of bfloat16; k_padded is a multiple of 32. */
VEC_INLINE void
amx_pack_rows (char *left, const float *x, size_t ld, int rows, int k, int k_padded)
{
  for (int i = 0; i < rows; i++, x += ld) {
    char *to = left + i * AMX_LINE;

    for (int j = 0; j < k_padded; j += 2 * VL, to += AMX_LEFT_STEP)
      _mm512_store_si512 (to, (__m512i) _mm512_cvtne2ps_pbh (amx_load (x + j + VL, k - j - VL),
              amx_load (x + j, k - j)));
  }
  amx_clear_rows (left, rows, k_padded / 32);
}

/* Columns (<= 32) of x[k, ld] into the rows of a left side, 16 columns of 32 values at a time: as words of two, then
 * transposed. */
VEC_INLINE void
amx_pack_columns (char *left, const float *x, size_t ld, int rows, int k, int k_padded)
{
  for (int j = 0; j < k_padded; j += 32) {
    for (int i = 0; i < rows; i += AMX_REGISTER_ROWS) {
      const float *from = x + j * ld + i;
      char *to = left + ((size_t) j / 32 * AMX_ROWS + i) * AMX_LINE;
      vu m[VL];
      for (int w = 0; w < VL; w++, from += 2 * ld)
        m[w] = vec_pair_bf16 ((vf) amx_load (from, j + 2 * w < k ? rows - i : 0),
            (vf) amx_load (from + ld, j + 2 * w + 1 < k ? rows - i : 0));
      vec_transpose (m);
      for (int r = 0; r < AMX_REGISTER_ROWS; r++)
        *(vu *) (to + (size_t) r * AMX_LINE) = m[r];
    }
  }
}

/* x[n][D], n <= 32, into a right side of bfloat16 whose columns are its rows. */
VEC_INLINE void
amx_pack_right_rows (char *to, const float *x, size_t ld, int n, int D, int steps)
{
  for (int half = 0; half < 2; half++) {
    for (int s = 0; s < steps; s++) {
      vu m[VL];
      for (int i = 0; i < VL; i++) {
        const float *row = x + (half * VL + i) * ld + s * 2 * VL;
        int rest = half * VL + i < n ? D - s * 2 * VL : 0;
        m[i] = (vu) _mm512_cvtne2ps_pbh (amx_load (row + VL, rest - VL), amx_load (row, rest));
      }
      vec_transpose (m);
      for (int i = 0; i < VL; i++)
        *(vu *) (to + (size_t) s * AMX_RIGHT_STEP + i * 2 * AMX_LINE + half * AMX_LINE) = m[i];
    }
  }
}

/* x[n][D] into right sides as it lies: `tiles` steps of 32 rows, and `steps` times 32 columns whose right sides are
 * `stride` steps apart. */
VEC_INLINE void
amx_pack_right (char *to, const float *x, size_t ld, int n, int D, int steps, int tiles, int stride)
{
  static const int16_t order[32] = { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23, 8, 24, 9, 25, 10, 26, 11,
    27, 12, 28, 13, 29, 14, 30, 15, 31 };
  __m512i interleave = _mm512_loadu_si512 (order);

  for (int t = 0; t < tiles * 32; t += 2) {
    const float *even = x + t * ld, *odd = even + ld;
    for (int d = 0; d < steps * 32; d += VL) {
      char *at = to + (size_t) (d / 32) * stride * AMX_RIGHT_STEP + t * AMX_LINE + (d / VL % 2) * AMX_LINE;
      __m512i pair = (__m512i) _mm512_cvtne2ps_pbh (amx_load (odd + d, t + 1 < n ? D - d : 0), amx_load (even + d,
              t < n ? D - d : 0));
      _mm512_store_si512 (at, _mm512_permutexvar_epi16 (interleave, pair));
    }
  }
}

/* 2^x for x <= 0 to 8e-5 of it, a twentieth of what bfloat16 leaves of the result. */
VEC_INLINE __m512
amx_power_of_2 (__m512 x)
{
  __m512 whole = _mm512_roundscale_ps (x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  vf f = (vf) _mm512_sub_ps (x, whole);
  vf p = 0.999928074f + f * (0.693260985f + f * (0.242611122f + f * 0.0551716691f));

  return _mm512_scalef_ps ((__m512) p, whole);
}
