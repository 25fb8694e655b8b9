/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-bfloat.h (private): numbers as files hold them in half the space.
 */
#pragma once

#include <glib.h>

/* To the nearest bfloat16, ties to even: half of the mantissa away. */
static inline float
gh_bfloat_round (double value)
{
  union { float f; guint32 u; } bits = { .f = value };

  bits.u = (bits.u + 0x7fff + (bits.u >> 16 & 1)) & 0xffff0000;
  return bits.f;
}
