/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-adamw.c: several steps of AdamW from the same start.
 */
#include "cases.h"

#include <math.h>

static void
check_one (Hn *hn, size_t n, double eps, double weight_decay, double grad_scale, HnFill fill)
{
  enum { STEPS = 4 };
  /* A single parameter must not come to rest near 0, where nothing is small beside it. */
  HnTensor p = hn_inout (hn, n, n < 8 ? HN_SKEWED : HN_NORMAL);
  HnTensor m = hn_inout (hn, n, HN_ZERO), v = hn_inout (hn, n, HN_ZERO);
  double *wp = hn_doubles (hn, n), *wm = hn_doubles (hn, n), *wv = hn_doubles (hn, n);
  double lr = 1e-2f, beta1 = 0.9f, beta2 = 0.95f;

  eps = (float) eps;
  weight_decay = (float) weight_decay;
  grad_scale = (float) grad_scale;
  hn_describe (hn, "n=%zu eps=%g decay=%g scale=%g fill=%d", n, eps, weight_decay, grad_scale, fill);
  for (size_t i = 0; i < n; i++)
    wp[i] = p.host[i];
  for (int t = 1; t <= STEPS; t++) {
    HnTensor g = hn_in (hn, n, fill);
    for (size_t i = 0; i < n; i++) {
      double scaled = grad_scale * g.host[i];
      wm[i] = beta1 * wm[i] + (1 - beta1) * scaled;
      wv[i] = beta2 * wv[i] + (1 - beta2) * scaled * scaled;
      wp[i] -= lr * (wm[i] / (1 - pow (beta1, t)) / (sqrt (wv[i] / (1 - pow (beta2, t))) + eps)
          + weight_decay * wp[i]);
    }
    hn_status (hn, gh_adamw (hn_ctx (hn), p.p, m.p, v.p, g.p, n, (float) grad_scale, (float) lr, (float) beta1,
        (float) beta2, (float) eps, (float) weight_decay, t), GH_OK);
  }
  hn_expect (hn, &p, wp, HN_F32);
  hn_expect (hn, &m, wm, HN_F32);
  if (fill != HN_TINY)          /* squares of 1e-20 fall below the smallest normal float */
    hn_expect (hn, &v, wv, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const size_t lengths[] = { 1, 3, 8, 33, 1000, 40007 };

  for (int i = 0; i < 6; i++) {
    check_one (hn, lengths[i], 1e-8, 0.05, 1, HN_NORMAL);
    check_one (hn, lengths[i], 1e-3, 0, 0.37, HN_LARGE);
    check_one (hn, lengths[i], 1e-8, 0.1, 4, HN_TINY);
    check_one (hn, lengths[i], 1e-8, 0.1, 0.5, HN_ZERO);
    check_one (hn, lengths[i], 1e-8, 0.1, 0, HN_NORMAL);
  }
}

static void
bench (Hn *hn)
{
  size_t n = 2101249;           /* the parameters of a head */
  HnTensor p = hn_inout (hn, n, HN_NORMAL), m = hn_inout (hn, n, HN_ZERO), v = hn_inout (hn, n, HN_ZERO);
  HnTensor g = hn_in (hn, n, HN_NORMAL);
  HN_BENCH (hn, 0, 28.0 * n, "n=%zu", n)
    gh_adamw (hn_ctx (hn), p.p, m.p, v.p, g.p, n, 1, 1e-4f, 0.9f, 0.95f, 1e-8f, 0.05f, 10);
}

const HnCase hn_adamw = { "adamw", check, bench };
