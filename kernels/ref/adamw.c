/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * adamw.c: one step of AdamW.
 */
#include "ref.h"

#include <math.h>

GhStatus
gh_ref_adamw (GhCtx *ctx, float *p, float *m, float *v, const float *g, size_t n, float grad_scale, float lr,
    float beta1, float beta2, float eps, float weight_decay, int step)
{
  double correct1 = 1 - pow (beta1, step), correct2 = 1 - pow (beta2, step);

  for (size_t i = 0; i < n; i++) {
    double gi = (double) grad_scale * g[i];
    double mi = (double) beta1 * m[i] + (1 - (double) beta1) * gi;
    double vi = (double) beta2 * v[i] + (1 - (double) beta2) * gi * gi;
    double update = mi / correct1 / (sqrt (vi / correct2) + eps) + (double) weight_decay * p[i];
    m[i] = (float) mi;
    v[i] = (float) vi;
    p[i] = (float) (p[i] - lr * update);
  }
  return GH_OK;
}
