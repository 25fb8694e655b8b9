/* SPDX-License-Identifier: LGPL-2.1-or-later
 * normal.h (private): the normal distribution, for GELU where bfloat16 follows. */
#pragma once

#include "cuda.h"

/* Phi(x) and phi(x), off by 1.5e-7 at most: erfc as a polynomial times exp(-x^2) (Hastings; Abramowitz and Stegun
 * 7.1.26). */
struct GhNormal {
  float below, density;
};

static __device__ __forceinline__ GhNormal
gh_normal (float x)
{
  float z = fabsf (x) * 0.70710678118654752f, t = __fdividef (1, 1 + 0.3275911f * z);
  float sum = t * (0.254829592f + t * (-0.284496736f + t * (1.421413741f + t * (-1.453152027f + t * 1.061405429f))));
  float bell = exp2f (-1.4426950408889634f * z * z), tail = 0.5f * sum * bell;  /* Phi(-|x|) */
  return { x < 0 ? tail : 1 - tail, 0.39894228040143268f * bell };
}
