/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * transpose.h (private, once per instruction set): a block of VL x VL words transposed in registers.
 */
#pragma once

#include "isa.h"

/* f (0, s), f (1, s), ... for every word of a vector. */
#if VL == 4
#define VEC_INDICES(f, s) f (0, s), f (1, s), f (2, s), f (3, s)
#elif VL == 8
#define VEC_INDICES(f, s) \
  f (0, s), f (1, s), f (2, s), f (3, s), f (4, s), f (5, s), f (6, s), f (7, s)
#else
#define VEC_INDICES(f, s) \
  f (0, s), f (1, s), f (2, s), f (3, s), f (4, s), f (5, s), f (6, s), f (7, s), \
  f (8, s), f (9, s), f (10, s), f (11, s), f (12, s), f (13, s), f (14, s), f (15, s)
#endif
/* Of two rows `s` apart: the first with its odd blocks of s cells replaced by the other's even ones, and so on. */
#define VEC_LOW(j, s) ((j) & (s) ? VL + (j) - (s) : (j))
#define VEC_HIGH(j, s) ((j) & (s) ? VL + (j) : (j) + (s))
#define VEC_EXCHANGE(m, s) \
  _Pragma ("GCC unroll 16") \
  for (int i = 0; i < VL; i++) { \
    if (!(i & (s))) { \
      vu low = __builtin_shufflevector (m[i], m[i + (s)], VEC_INDICES (VEC_LOW, s)); \
      m[i + (s)] = __builtin_shufflevector (m[i], m[i + (s)], VEC_INDICES (VEC_HIGH, s)); \
      m[i] = low; \
    } \
  }

VEC_INLINE void
vec_transpose (vu m[VL])
{
  VEC_EXCHANGE (m, 1)
  VEC_EXCHANGE (m, 2)
#if VL >= 8
  VEC_EXCHANGE (m, 4)
#endif
#if VL >= 16
  VEC_EXCHANGE (m, 8)
#endif
}
