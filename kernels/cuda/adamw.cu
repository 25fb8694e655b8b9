/* SPDX-License-Identifier: LGPL-2.1-or-later
 * adamw.cu: one step over flat memory, an element a thread. */
#include "cuda.h"

namespace {
struct Step {
  float grad_scale, lr, beta1, beta2, eps, weight_decay, inverse1, inverse2;
};
}

static __global__ void
adamw (float *p, float *m, float *v, const float *g, size_t n, Step s)
{
  GH_FOR_EACH (i, n) {
    float gradient = s.grad_scale * g[i];
    float mi = s.beta1 * m[i] + (1 - s.beta1) * gradient;
    float vi = s.beta2 * v[i] + (1 - s.beta2) * gradient * gradient;
    m[i] = mi;
    v[i] = vi;
    p[i] -= s.lr * (mi * s.inverse1 / (sqrtf (vi * s.inverse2) + s.eps) + s.weight_decay * p[i]);
  }
}

GhStatus
gh_cuda_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale, float lr,
    float beta1, float beta2, float eps, float weight_decay, int step)
{
  Step s = { grad_scale, lr, beta1, beta2, eps, weight_decay, (float) (1 / (1 - pow (beta1, step))),
    (float) (1 / (1 - pow (beta2, step))) };
  return GH_LAUNCH (ctx, adamw, dim3 (gh_grid (ctx, n)), dim3 (256), 0, p, m, v, g, n, s);
}
