/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gelu.c (once per instruction set): GELU and its gradient, vector by vector.
 */
#include "isa.h"

enum { CHUNK = 8192 };          /* elements of one task */

typedef struct {
  float *out;
  const float *x, *dy;          /* dy NULL: forward */
  size_t n;
} Job;

/* dy (Phi(x) + x phi(x)). */
VEC_INLINE vf
slope (vf x, vf dy)
{
  vf integral = 0.5f + 0.5f * vec_erf (x * 0.70710678f);
  vf density = 0.39894228f * vec_exp_negative (-0.5f * x * x);
  return dy * (integral + x * density);
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  size_t i = (size_t) index * CHUNK, end = job->n - i < CHUNK ? job->n : i + CHUNK;

  for (; i + VL <= end; i += VL) {
    vf x = vec_load (job->x + i);
    vec_store (job->out + i, job->dy ? slope (x, vec_load (job->dy + i)) : vec_gelu (x));
  }
  if (i < end) {
    int rest = (int) (end - i);
    vf x = vec_load_part (job->x + i, rest);
    vec_store_part (job->out + i, job->dy ? slope (x, vec_load_part (job->dy + i, rest)) : vec_gelu (x), rest);
  }
}

GhStatus
ISA_FN (gh_cpu_gelu_fwd) (GhCtx *ctx, float *y, const float *x, size_t n)
{
  Job job = { y, x, NULL, n };
  gh_parallel (ctx, (int) ((n - 1) / CHUNK + 1), run, &job);
  return GH_OK;
}

GhStatus
ISA_FN (gh_cpu_gelu_bwd) (GhCtx *ctx, float *dx, const float *dy, const float *x, size_t n)
{
  Job job = { dx, x, dy, n };
  gh_parallel (ctx, (int) ((n - 1) / CHUNK + 1), run, &job);
  return GH_OK;
}
