/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-amx.c: BF16 and INT8 on the matrix unit. A panel as linear.h has it is just what the unit wants of weights,
 * [k / step][32][step] with 16 steps and 16 outputs to a register, so both tables share their packing. Integer sums
 * stay int32 until they are finished.
 */
#include "amx.h"
#include "linear-finish.h"

/* A panel's share of a block of k, 40 KiB at most, stays in the first-level cache; see amx.h. */
enum { BLOCK_REGISTERS = 20 };

/* to[32][32] += sums, which are int32 or float. Registers that start with earlier sums would wait for them. */
VEC_INLINE void
add (void *to, const void *sums, bool bytes)
{
  for (int i = 0; i < AMX_ROWS * AMX_COLUMNS; i += VL) {
    if (bytes)
      *(vi *) ((int32_t *) to + i) += *(const vi *) ((const int32_t *) sums + i);
    else
      *(vf *) ((float *) to + i) += *(const vf *) ((const float *) sums + i);
  }
}

VEC_INLINE void
tile (const GhLinearTile *t, bool bytes)
{
  float fresh[AMX_ROWS * AMX_COLUMNS] __attribute__ ((aligned (64)));
  int steps = t->steps / AMX_REGISTER_ROWS;

  amx_product (t->first ? t->sums : fresh, AMX_COLUMNS, t->a, t->b, steps, t->rows, bytes, t->next,
      ceil_div (t->next_lines, steps));
  if (!t->first)
    add (t->sums, fresh, bytes);
}

static void
tile_bf16 (const GhLinearTile *t)
{
  tile (t, false);
}

static void
tile_int8 (const GhLinearTile *t)
{
  tile (t, true);
}

static void
finish_bf16 (const GhLinearFinish *f)
{
  finish_sums (f, AMX_COLUMNS, false);
}

static void
finish_int8 (const GhLinearFinish *f)
{
  finish_sums (f, AMX_COLUMNS, true);
}

/* ---- rows ------------------------------------------------------------------------------------------------------- */

_Static_assert ((int) AMX_ROWS <= (int) GH_LINEAR_MAX_MR, "rows of a tile");

static void
pack_rows_bf16 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  amx_pack_rows (a, x, ld, rows, k, k_padded);
}

static void
pack_columns_bf16 (void *a, const float *x, size_t ld, int rows, int k, int k_padded)
{
  amx_pack_columns (a, x, ld, rows, k, k_padded);
}

/* Smallest and largest of x[k]; NaN when one is. */
static void
range (const float *x, int k, float *low, float *high)
{
  vf lo = vec_splat (x[0]), hi = lo, poison = { 0 };

  for (int i = 0; i < k; i += VL) {
    vf v = i + VL <= k ? vec_load (x + i) : (vf) _mm512_mask_loadu_ps ((__m512) lo, (1u << (k - i)) - 1, x + i);

    lo = vec_min (v, lo);
    hi = vec_max (v, hi);
    poison += v * 0;
  }
  *low = _mm512_reduce_min_ps ((__m512) lo) + vec_sum (poison);
  *high = _mm512_reduce_max_ps ((__m512) hi) + vec_sum (poison);
}

static void
pack_rows_int8 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  for (int i = 0; i < rows; i++, x += ld) {
    char *to = (char *) a + (size_t) i * AMX_LINE;
    float low, high, inverse;

    range (x, k, &low, &high);
    scale[i] = (high - low) / 255;
    zero[i] = low;
    inverse = high - low > 0 && high - low < INFINITY ? 255 / (high - low) : 0;
    for (int j = 0; j < k_padded; j += 64, to += AMX_ROWS * AMX_LINE) {
      for (int q = 0; q < 4; q++) {
        int at = j + q * VL;
        __m512 v = (__m512) (((vf) amx_load (x + at, k - at) - low) * inverse);
        __m512i whole = _mm512_max_epi32 (_mm512_cvtps_epi32 (v), _mm512_setzero_si512 ());

        _mm_store_si128 ((__m128i *) (to + q * VL), _mm512_cvtusepi32_epi8 (whole));
      }
    }
  }
  amx_clear_rows (a, rows, k_padded / 64);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static const GhLinearKind bf16 = {
  .engine = "amx-bf16", .fast = true, .mr = AMX_ROWS, .step = 2, .k_align = 32, .k_block = 32 * BLOCK_REGISTERS,
  .row_bytes = 2, .pack_rows = pack_rows_bf16,
  .pack_columns = pack_columns_bf16, .tile = tile_bf16, .finish = finish_bf16,
  .begin = amx_begin, .end = amx_end,
};
static const GhLinearKind int8 = {
  .engine = "amx-int8", .fast = true, .mr = AMX_ROWS, .step = 4, .k_align = 64, .k_block = 64 * BLOCK_REGISTERS,
  .row_bytes = 1, .w_max = 127, .a_max = 255, .k_max = INT32_MAX / (127 * 255),
  .pack_rows = pack_rows_int8, .tile = tile_int8, .finish = finish_int8,
  .begin = amx_begin, .end = amx_end,
};

extern const GhLinearKind gh_linear_f32_avx512, gh_linear_int16_avx512;

const GhLinearIsa gh_linear_amx = {
  .nr = AMX_COLUMNS,
  .kind = { [GH_DTYPE_F32] = &gh_linear_f32_avx512, [GH_DTYPE_BF16] = &bf16,
      [GH_DTYPE_INT16] = &gh_linear_int16_avx512, [GH_DTYPE_INT8] = &int8 },
};
