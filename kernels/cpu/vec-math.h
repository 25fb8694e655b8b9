/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * vec-math.h (template, private): functions over a vector of VL floats, in GCC's vector extensions. The including file
 * defines VL and is compiled with the flags of its instruction set; the results differ between sets only by the
 * contraction of a multiplication and an addition.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#ifdef __SSE__
#include <immintrin.h>
#endif

#define VEC_INLINE static inline __attribute__ ((always_inline, unused))

typedef float vf __attribute__ ((vector_size (4 * VL)));
typedef int32_t vi __attribute__ ((vector_size (4 * VL)));
typedef uint32_t vu __attribute__ ((vector_size (4 * VL)));
/* The same in memory at any address. */
typedef float vf_any __attribute__ ((vector_size (4 * VL), aligned (4), may_alias));

VEC_INLINE vf
vec_splat (float x)
{
  return (vf) { 0 } + x;
}

/* yes where the mask is all ones, no where it is zero. */
VEC_INLINE vf
vec_select (vi mask, vf yes, vf no)
{
  return (vf) ((mask & (vi) yes) | (~mask & (vi) no));
}

/* Rounded to bfloat16, ties to even, still in the upper half of the word; NaN stays NaN. */
VEC_INLINE vu
vec_round_bf16 (vf x)
{
  vu u = (vu) x;
  vu rounded = (u + 0x7fff + ((u >> 16) & 1)) & 0xffff0000;

  return (vu) vec_select (x == x, (vf) rounded, (vf) ((u | 0x00400000) & 0xffff0000));
}

/* Words of two bfloat16, the even one in the lower half. */
VEC_INLINE vu
vec_pair_bf16 (vf even, vf odd)
{
  return vec_round_bf16 (even) >> 16 | vec_round_bf16 (odd);
}

/* a > b ? a : b and a < b ? a : b: b where one of them is NaN, as x86 has it in one instruction. */
VEC_INLINE vf
vec_max (vf a, vf b)
{
#if VL == 4 && defined(__SSE__)
  return (vf) _mm_max_ps ((__m128) a, (__m128) b);
#elif VL == 8 && defined(__AVX__)
  return (vf) _mm256_max_ps ((__m256) a, (__m256) b);
#elif VL == 16 && defined(__AVX512F__)
  return (vf) _mm512_max_ps ((__m512) a, (__m512) b);
#else
  return vec_select (a > b, a, b);
#endif
}

VEC_INLINE vf
vec_min (vf a, vf b)
{
#if VL == 4 && defined(__SSE__)
  return (vf) _mm_min_ps ((__m128) a, (__m128) b);
#elif VL == 8 && defined(__AVX__)
  return (vf) _mm256_min_ps ((__m256) a, (__m256) b);
#elif VL == 16 && defined(__AVX512F__)
  return (vf) _mm512_min_ps ((__m512) a, (__m512) b);
#else
  return vec_select (a < b, a, b);
#endif
}

/* A NaN in x comes through. */
VEC_INLINE vf
vec_clamp (vf x, float low, float high)
{
  return vec_min (vec_splat (high), vec_max (vec_splat (low), x));
}

/* The nearest whole number, ties to even, of |x| < 2^22: the sum lands where floats are whole. */
VEC_INLINE vi
vec_nearest (vf x)
{
  return (vi) (x + 12582912.0f) - 0x4b400000;
}

/* e^x for x <= 0, within 2 units in the last place; 0 below -87.3, where float32 has no normal numbers left. A NaN
 * comes through; above 0 the result means nothing. x = n ln 2 + r, |r| <= ln(2)/2: a polynomial for e^r fitted over
 * that interval, and n added to its exponent. */
VEC_INLINE vf
vec_exp_negative (vf x)
{
  vf clipped = vec_max (vec_splat (-87.3f), x);
  vf shifted = clipped * 1.44269504f + 12582912.0f;
  vf whole = shifted - 12582912.0f;
  vf r = clipped - whole * 0.693359375f + whole * 2.12194440e-4f;
  vf p = 1.0f + r * (1.0f + r * (4.999999263e-01f + r * (1.666650872e-01f + r * (4.166852830e-02f
                  + r * (8.370134929e-03f + r * 1.381166107e-03f)))));
  vi scaled = (vi) ((vu) p + ((vu) shifted << 23));

  return (vf) (scaled & ~(x < -87.3f));
}

/* a / b within a unit or two in the last place, for b of ordinary size: AVX-512 divides at a tenth of the rate at which
 * it multiplies. */
VEC_INLINE vf
vec_quotient (vf a, vf b)
{
#if VL == 16 && defined(__AVX512F__)
  vf r = (vf) _mm512_rcp14_ps ((__m512) b);

  return a * (r * (2.0f - b * r));
#else
  return a / b;
#endif
}

/* erf(z), |error| < 4e-7: z P(z^2)/Q(z^2), fitted to a relative 2e-8 over |z| <= 3.95, beyond which erf is 1. */
VEC_INLINE vf
vec_erf (vf z)
{
  vf c = vec_clamp (z, -3.95f, 3.95f);
  vf s = c * c;
  vf p = 1.128379144f + s * (1.915492692e-01f + s * (5.287518046e-02f + s * (3.808073867e-03f
              + s * (2.846785606e-04f + s * 2.025827229e-06f))));
  vf q = 1.0f + s * (5.030887974e-01f + s * (1.145590741e-01f + s * (1.505493046e-02f
              + s * (1.170690416e-03f + s * 3.783047186e-05f))));

  return vec_clamp (vec_quotient (c * p, q), -1.0f, 1.0f);
}

/* GELU in its erf form, x Phi(x). */
VEC_INLINE vf
vec_gelu (vf x)
{
  return 0.5f * x * (1.0f + vec_erf (x * 0.70710678f));
}
