/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * linear-tiles.c (once per instruction set): the arithmetic of linear.h over vectors of VL floats.
 *
 * What a set has no instruction for is written in vector extensions, so every path runs, and is tested, everywhere.
 */
#include "isa.h"
#include "linear-finish.h"
#include "transpose.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif

/* Rows of a tile: with NV vectors of outputs, all its sums fit the registers (16 of them, 32 with AVX-512), and so do
 * the operands; integers without VNNI also need room for the products. */
#if VL == 16
#define MR_F32 12
#define MR_INT 12
#elif VL == 8
#define MR_F32 6
#define MR_INT 4
#else
#define MR_F32 4
#define MR_INT 4
#endif
/* A block of a panel is read again for every tile from the second-level cache at most, and 512 products of two 12-bit integers, the most
 * that int32 holds, meet in one block. */
#define F32_BLOCK 512
#define INT_BLOCK 512
/* Bytes of a panel that are asked for before they are needed: a block of it and the rows beside it are more than the
 * first-level cache holds. */
#define AHEAD 1024
#define NV 2
#define NR (NV * VL)
#define STRING(x) STRING_ (x)
#define STRING_(x) #x
#define UNROLL _Pragma ("GCC unroll 16")

#if defined(__AVX512BF16__) && VL == 16
#define HAS_BF16 1
#else
#define HAS_BF16 0
#endif
#if defined(__AVX512VNNI__) && VL == 16
#define HAS_VNNI 1
#else
#define HAS_VNNI 0
#endif
#if defined(__AVX2__) && VL == 8
#define HAS_AVX2 1
#else
#define HAS_AVX2 0
#endif
#if defined(__SSE2__) && VL == 4
#define HAS_SSE2 1
#else
#define HAS_SSE2 0
#endif

/* ---- one instruction's worth ---------------------------------------------------------------------------------- */

VEC_INLINE vi
splat (int32_t x)
{
  return (vi) { 0 } + x;
}

/* sum[j] += a[2j] b[2j] + a[2j+1] b[2j+1], 16-bit integers; vi stands for pairs of them. */
VEC_INLINE vi
dot2 (vi sum, vi a, vi b)
{
#if HAS_VNNI
  return (vi) _mm512_dpwssd_epi32 ((__m512i) sum, (__m512i) a, (__m512i) b);
#elif HAS_AVX2
  return sum + (vi) _mm256_madd_epi16 ((__m256i) a, (__m256i) b);
#elif HAS_SSE2
  return sum + (vi) _mm_madd_epi16 ((__m128i) a, (__m128i) b);
#else
  return sum + (a >> 16) * (b >> 16) + ((vi) ((vu) a << 16) >> 16) * ((vi) ((vu) b << 16) >> 16);
#endif
}

/* sum[j] += a[4j..4j+3] . b[4j..4j+3], a unsigned and b signed bytes. */
VEC_INLINE vi
dot4 (vi sum, vi a, vi b)
{
#if HAS_VNNI
  return (vi) _mm512_dpbusd_epi32 ((__m512i) sum, (__m512i) a, (__m512i) b);
#else
  UNROLL
  for (int byte = 0; byte < 32; byte += 8)
    sum += (vi) (((vu) a >> byte) & 0xff) * ((vi) ((vu) b << (24 - byte)) >> 24);
  return sum;
#endif
}

/* ---- tiles: sums[mr][NR] over `steps` steps of packed rows and one panel ---------------------------------------- */

/* At step s, which reads b: asks for what later steps of this panel and the next panel read. */
VEC_INLINE void
ask_ahead (const GhLinearTile *t, int s, const void *b)
{
  UNROLL
  for (int at = 0; at < (int) sizeof (vf) * NV; at += 64)
    __builtin_prefetch ((const char *) b + AHEAD + at);
  if (s < t->next_lines)
    __builtin_prefetch (t->next + s * 64, 0, 2);
}

VEC_INLINE void
store_sums (const GhLinearTile *t, const vf *acc, int mr)
{
  UNROLL
  for (int i = 0; i < mr; i++)
    UNROLL
    for (int j = 0; j < NV; j++) {
      float *to = (float *) t->sums + i * NR + j * VL;

      vec_store (to, t->first ? acc[i * NV + j] : acc[i * NV + j] + vec_load (to));
    }
}

VEC_INLINE void
store_integer_sums (const GhLinearTile *t, const vi *acc, int mr)
{
  vf f[MR_INT * NV];

  UNROLL
  for (int i = 0; i < mr * NV; i++)
    f[i] = __builtin_convertvector (acc[i], vf);
  store_sums (t, f, mr);
}

static void
tile_f32 (const GhLinearTile *t)
{
  const float *a = t->a;
  const vf *b = t->b;
  vf acc[MR_F32 * NV] = { 0 };

  for (int s = 0; s < t->steps; s++, a += MR_F32, b += NV) {
    ask_ahead (t, s, b);
    UNROLL
    for (int i = 0; i < MR_F32; i++)
      UNROLL
      for (int j = 0; j < NV; j++)
        acc[i * NV + j] += a[i] * b[j];
  }
  store_sums (t, acc, MR_F32);
}

/* Activations are bfloat16 pairs where the instruction takes them, else float pairs already rounded. */
static void
tile_bf16 (const GhLinearTile *t)
{
  const vi *b = t->b;
  vf acc[MR_INT * NV] = { 0 };
#if HAS_BF16
  const int32_t *a = t->a;

  for (int s = 0; s < t->steps; s++, a += MR_INT, b += NV) {
    ask_ahead (t, s, b);
    UNROLL
    for (int i = 0; i < MR_INT; i++)
      UNROLL
      for (int j = 0; j < NV; j++)
        acc[i * NV + j] = (vf) _mm512_dpbf16_ps ((__m512) acc[i * NV + j], (__m512bh) splat (a[i]), (__m512bh) b[j]);
  }
#else
  const float *a = t->a;

  for (int s = 0; s < t->steps; s++, a += 2 * MR_INT, b += NV) {
    vf even[NV], odd[NV];

    UNROLL
    for (int j = 0; j < NV; j++) {
      even[j] = (vf) ((vu) b[j] << 16);
      odd[j] = (vf) ((vu) b[j] & 0xffff0000);
    }
    UNROLL
    for (int i = 0; i < MR_INT; i++)
      UNROLL
      for (int j = 0; j < NV; j++) {
        acc[i * NV + j] += a[2 * i] * even[j];
        acc[i * NV + j] += a[2 * i + 1] * odd[j];
      }
  }
#endif
  store_sums (t, acc, MR_INT);
}

static void
tile_int16 (const GhLinearTile *t)
{
  const int32_t *a = t->a;
  const vi *b = t->b;
  vi acc[MR_INT * NV] = { 0 };

  for (int s = 0; s < t->steps; s++, a += MR_INT, b += NV) {
    ask_ahead (t, s, b);
    UNROLL
    for (int i = 0; i < MR_INT; i++)
      UNROLL
      for (int j = 0; j < NV; j++)
        acc[i * NV + j] = dot2 (acc[i * NV + j], splat (a[i]), b[j]);
  }
  store_integer_sums (t, acc, MR_INT);
}

#if HAS_AVX2
/* Without VNNI: 7-bit operands (activations 0..127, weights -63..63), so that two products of pairs,
 * 2 * 2 * 127 * 63 = 32004, still fit 16 bits before they are widened. Three multiplications do for 64 products. */
#define W_MAX_INT8 63
#define A_MAX_INT8 127
static void
tile_int8 (const GhLinearTile *t)
{
  const int32_t *a = t->a;
  const __m256i *b = t->b;
  const __m256i ones = _mm256_set1_epi16 (1);
  vi acc[MR_INT * NV] = { 0 };

  for (int s = 0; s < t->steps; s += 2, a += 2 * MR_INT, b += 2 * NV)
    UNROLL
    for (int i = 0; i < MR_INT; i++) {
      __m256i a0 = _mm256_set1_epi32 (a[i]), a1 = _mm256_set1_epi32 (a[MR_INT + i]);

      UNROLL
      for (int j = 0; j < NV; j++) {
        __m256i pairs = _mm256_add_epi16 (_mm256_maddubs_epi16 (a0, b[j]), _mm256_maddubs_epi16 (a1, b[NV + j]));

        acc[i * NV + j] += (vi) _mm256_madd_epi16 (pairs, ones);
      }
    }
  store_integer_sums (t, acc, MR_INT);
}
#else
#define W_MAX_INT8 127
#define A_MAX_INT8 255
static void
tile_int8 (const GhLinearTile *t)
{
  const int32_t *a = t->a;
  const vi *b = t->b;
  vi acc[MR_INT * NV] = { 0 };

  for (int s = 0; s < t->steps; s++, a += MR_INT, b += NV) {
    ask_ahead (t, s, b);
    UNROLL
    for (int i = 0; i < MR_INT; i++)
      UNROLL
      for (int j = 0; j < NV; j++)
        acc[i * NV + j] = dot4 (acc[i * NV + j], splat (a[i]), b[j]);
  }
  store_integer_sums (t, acc, MR_INT);
}
#endif

/* ---- rows into tiles -------------------------------------------------------------------------------------------- */

/* Chunks of a row are converted into a small buffer, vector by vector, then dealt out in words of 32 bits. */
enum { CHUNK = 256 };

/* a[w][mr] = words[w] for one row; the words of a tile's rows lie side by side. */
VEC_INLINE void
deal (int32_t *a, const int32_t *words, int n, int mr)
{
  for (int w = 0; w < n; w++)
    a[(size_t) w * mr] = words[w];
}

/* chunk[CHUNK] = x[k0..], zero from k on. */
VEC_INLINE int
load_chunk (float *chunk, const float *x, int k0, int k)
{
  int n = k - k0 < CHUNK ? k - k0 : CHUNK;

  if (n < 0)
    n = 0;
  memcpy (chunk, x + (n ? k0 : 0), n * sizeof *chunk);
  if (n < CHUNK)
    memset (chunk + n, 0, (CHUNK - n) * sizeof *chunk);
  return n;
}

/* Smallest and largest of x[k]; NaN when one is. */
static void
range (const float *x, int k, float *low, float *high)
{
  vf lo = (vf) { 0 } + x[0], hi = lo, poison = { 0 };
  int i = 0;

  for (; i + VL <= k; i += VL) {
    vf v = *(const vf_any *) (x + i);

    lo = vec_select (v < lo, v, lo);
    hi = vec_select (v > hi, v, hi);
    poison += v * 0;
  }
  *low = *high = x[0];
  for (; i < k; i++) {
    *low = fminf (*low, x[i]);
    *high = fmaxf (*high, x[i]);
    poison[0] += x[i] * 0;
  }
  for (int j = 0; j < VL; j++) {
    *low = fminf (*low, lo[j]) + poison[j];
    *high = fmaxf (*high, hi[j]) + poison[j];
  }
}

static void
pack_rows_f32 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  float *to = a;

  for (int i = 0; i < MR_F32; i++) {
    scale[i] = 1;
    zero[i] = 0;
  }
  for (int j = 0; j < k; j += VL) {
    vu block[VL];
    int n = k - j < VL ? k - j : VL;

    UNROLL
    for (int i = 0; i < VL; i++)
      block[i] = i >= rows ? (vu) { 0 } : (vu) (n == VL ? vec_load (x + i * ld + j) : vec_load_part (x + i * ld + j, n));
    vec_transpose (block);
    for (int c = 0; c < n; c++, to += MR_F32)
      vec_store_part (to, (vf) block[c], MR_F32);
  }
}

static void
pack_rows_bf16 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  float chunk[CHUNK] __attribute__ ((aligned (64)));
  uint32_t words[CHUNK] __attribute__ ((aligned (64)));

  if (rows < MR_INT)
    memset (a, 0, (size_t) MR_INT * k_padded * (HAS_BF16 ? 2 : 4));
  for (int i = 0; i < MR_INT; i++) {
    scale[i] = 1;
    zero[i] = 0;
  }
  for (int i = 0; i < rows; i++)
    for (int k0 = 0; k0 < k_padded; k0 += CHUNK) {
      int n = k_padded - k0 < CHUNK ? k_padded - k0 : CHUNK;

      load_chunk (chunk, x + i * ld, k0, k);
      for (int j = 0; j < n; j += VL)
        *(vu *) (words + j) = vec_round_bf16 (*(const vf *) (chunk + j));
#if HAS_BF16
      for (int j = 0; j < n / 2; j++)
        ((uint32_t *) a)[((size_t) k0 / 2 + j) * MR_INT + i] = words[2 * j] >> 16 | words[2 * j + 1];
#else
      for (int j = 0; j < n / 2; j++)
        memcpy ((uint32_t *) a + (((size_t) k0 / 2 + j) * MR_INT + i) * 2, words + 2 * j, 8);
#endif
    }
}

/* ---- columns into tiles ------------------------------------------------------------------------------------------ */

static void
pack_columns_f32 (void *a, const float *x, size_t ld, int rows, int k, int k_padded)
{
  float *to = a;

  if (rows < MR_F32 || k < k_padded)
    memset (to, 0, (size_t) MR_F32 * k_padded * sizeof *to);
  for (int j = 0; j < k; j++, to += MR_F32, x += ld) {
    if (rows == MR_F32) {
      memcpy (to, x, MR_F32 * sizeof *to);
      continue;
    }
    for (int i = 0; i < rows; i++)
      to[i] = x[i];
  }
}

/* MR_INT is at most VL. */
static void
pack_columns_bf16 (void *a, const float *x, size_t ld, int rows, int k, int k_padded)
{
  for (int j = 0; j < k_padded; j += 2, x += 2 * ld) {
    vf even = j < k ? vec_load_part (x, rows) : vec_splat (0);
    vf odd = j + 1 < k ? vec_load_part (x + ld, rows) : vec_splat (0);
#if HAS_BF16
    vec_store_part ((float *) a + (size_t) j / 2 * MR_INT, (vf) vec_pair_bf16 (even, odd), MR_INT);
#else
    float *to = (float *) a + (size_t) j * MR_INT;
    vf even_held = (vf) vec_round_bf16 (even), odd_held = (vf) vec_round_bf16 (odd);
    for (int i = 0; i < MR_INT; i++) {
      to[2 * i] = even_held[i];
      to[2 * i + 1] = odd_held[i];
    }
#endif
  }
}

/* ---- integers -------------------------------------------------------------------------------------------------- */

static void
pack_rows_int16 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  float chunk[CHUNK] __attribute__ ((aligned (64)));
  int32_t words[CHUNK / 2] __attribute__ ((aligned (64)));

  memset (zero, 0, MR_INT * sizeof *zero);
  memset (scale, 0, MR_INT * sizeof *scale);
  if (rows < MR_INT)
    memset (a, 0, (size_t) MR_INT * k_padded * 2);
  for (int i = 0; i < rows; i++) {
    float low, high, top;

    range (x + i * ld, k, &low, &high);
    top = high > -low ? high : -low;
    scale[i] = high == high ? top / 2047 : NAN;
    for (int k0 = 0; k0 < k_padded; k0 += CHUNK) {
      int n = k_padded - k0 < CHUNK ? k_padded - k0 : CHUNK;
      vf inverse = (vf) { 0 } + (top > 0 && top < INFINITY ? 2047 / top : 0);
      int16_t *q = (int16_t *) words;

      load_chunk (chunk, x + i * ld, k0, k);
      for (int j = 0; j < CHUNK; j += VL) {
        vi v = vec_nearest (*(const vf *) (chunk + j) * inverse);

        for (int l = 0; l < VL; l++)
          q[j + l] = v[l];
      }
      deal ((int32_t *) a + (size_t) k0 / 2 * MR_INT + i, words, n / 2, MR_INT);
    }
  }
}

static void
pack_rows_int8 (void *a, float *scale, float *zero, const float *x, size_t ld, int rows, int k,
    int k_padded)
{
  float chunk[CHUNK] __attribute__ ((aligned (64)));
  int32_t words[CHUNK / 4] __attribute__ ((aligned (64)));

  memset (zero, 0, MR_INT * sizeof *zero);
  memset (scale, 0, MR_INT * sizeof *scale);
  if (rows < MR_INT)
    memset (a, 0, (size_t) MR_INT * k_padded);
  for (int i = 0; i < rows; i++) {
    float low, high, inverse;

    range (x + i * ld, k, &low, &high);
    scale[i] = (high - low) / A_MAX_INT8;
    zero[i] = low;
    inverse = high - low > 0 && high - low < INFINITY ? A_MAX_INT8 / (high - low) : 0;
    for (int k0 = 0; k0 < k_padded; k0 += CHUNK) {
      int n = k_padded - k0 < CHUNK ? k_padded - k0 : CHUNK;
      uint8_t *q = (uint8_t *) words;

      load_chunk (chunk, x + i * ld, k0, k);
      for (int j = 0; j < CHUNK; j += VL) {
        vf v = (*(const vf *) (chunk + j) - low) * inverse;
        vi whole = vec_nearest (vec_clamp (v, 0, A_MAX_INT8));

        for (int l = 0; l < VL; l++)
          q[j + l] = whole[l];
      }
      deal ((int32_t *) a + (size_t) k0 / 4 * MR_INT + i, words, n / 4, MR_INT);
    }
  }
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static void
finish (const GhLinearFinish *f)
{
  finish_sums (f, NR, false);
}

#define KIND(name) ISA_FN (gh_linear_##name)
/* Named, not static: the amx set takes some of them over. */
const GhLinearKind KIND (f32) = {
  .engine = STRING (ISA), .fast = true, .mr = MR_F32, .step = 1, .k_align = 1, .k_block = F32_BLOCK, .row_bytes = 4,
  .pack_rows = pack_rows_f32, .pack_columns = pack_columns_f32, .tile = tile_f32, .finish = finish,
};
const GhLinearKind KIND (bf16) = {
  .engine = HAS_BF16 ? STRING (ISA) "-bf16" : STRING (ISA) " widening bf16 to f32", .fast = HAS_BF16, .mr = MR_INT,
  .step = 2, .k_align = 2, .k_block = INT_BLOCK, .row_bytes = HAS_BF16 ? 2 : 4,
  .pack_rows = pack_rows_bf16, .pack_columns = pack_columns_bf16, .tile = tile_bf16, .finish = finish,
};
const GhLinearKind KIND (int16) = {
  .engine = STRING (ISA) "-int16", .fast = HAS_VNNI || HAS_AVX2, .mr = MR_INT, .step = 2, .k_align = 2,
  .k_block = INT_BLOCK, .row_bytes = 2, .w_max = 2047, .a_max = 2047,
  .pack_rows = pack_rows_int16, .tile = tile_int16, .finish = finish,
};
const GhLinearKind KIND (int8) = {
  .engine = STRING (ISA) "-int8", .fast = HAS_VNNI || HAS_AVX2, .mr = MR_INT, .step = 4, .k_align = 8,
  .k_block = INT_BLOCK, .row_bytes = 1, .w_max = W_MAX_INT8, .a_max = A_MAX_INT8,
  .pack_rows = pack_rows_int8, .tile = tile_int8, .finish = finish,
};

const GhLinearIsa ISA_FN (gh_linear) = {
  .nr = NR,
  .kind = { [GH_DTYPE_F32] = &KIND (f32), [GH_DTYPE_BF16] = &KIND (bf16), [GH_DTYPE_INT16] = &KIND (int16),
      [GH_DTYPE_INT8] = &KIND (int8) },
};
