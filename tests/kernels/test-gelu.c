/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-gelu.c: GELU in its erf form, and its slope.
 */
#include "cases.h"

#include <math.h>

static const size_t lengths[] = { 1, 3, 4, 7, 8, 16, 31, 32, 33, 255, 1000, 2048 * 3 + 5, 70001 };
static const HnFill fills[] = { HN_NORMAL, HN_ZERO, HN_LARGE, HN_TINY, HN_SKEWED };

static double
gelu (double x)
{
  return x * 0.5 * (1 + erf (x / sqrt (2)));
}

static void
check_one (Hn *hn, size_t n, HnFill fill, bool in_place)
{
  HnTensor x = in_place ? hn_inout (hn, n, fill) : hn_in (hn, n, fill);
  HnTensor y = in_place ? x : hn_out (hn, n);
  double *want = hn_doubles (hn, n);

  hn_describe (hn, "n=%zu fill=%d in_place=%d", n, fill, in_place);
  for (size_t i = 0; i < n; i++)
    want[i] = gelu (x.host[i]);
  if (hn_status (hn, gh_gelu_fwd (hn_ctx (hn), y.p, x.p, n), GH_OK))
    hn_expect (hn, &y, want, HN_F32);
  hn_reset (hn);
}

/* Every place of the curve, on a scale where the tails count: errors relative to max(|x|, 1) / 1e6. */
static void
check_curve (Hn *hn)
{
  enum { N = 4001 };
  static float data[N];
  for (int i = 0; i < N; i++)
    data[i] = (float) ((i - N / 2) * 0.005);
  HnTensor x = hn_in_data (hn, N, data), y = hn_out (hn, N);

  hn_describe (hn, "the curve from -10 to 10");
  if (hn_status (hn, gh_gelu_fwd (hn_ctx (hn), y.p, x.p, N), GH_OK)) {
    hn_fetch (hn, &y);
    double worst = 0;
    for (int i = 0; i < N; i++)
      worst = fmax (worst, fabs (y.host[i] - gelu (data[i])) / fmax (1, fabs (data[i])));
    hn_require (hn, worst < 1e-6, "a value is off by more than 1e-6 of max(|x|, 1)");
  }
  hn_reset (hn);
}

static void
check_special (Hn *hn)
{
  static const float data[] = { 0, -0.0f, INFINITY, NAN, 1e30f, -1e30f, 5.5f, -5.5f, 6, -6, 1e-38f };
  enum { N = sizeof data / sizeof data[0] };
  static const double want[N] = { 0, 0, INFINITY, NAN, 1e30f, 0, 5.5, 0, 6, 0, 0 };
  HnTensor x = hn_in_data (hn, N, data), y = hn_out (hn, N);

  hn_describe (hn, "special values");
  if (hn_status (hn, gh_gelu_fwd (hn_ctx (hn), y.p, x.p, N), GH_OK)) {
    hn_fetch (hn, &y);
    for (int i = 0; i < N; i++) {
      bool good = isnan (want[i]) ? isnan (y.host[i]) : isinf (want[i]) ? y.host[i] > 0 && isinf (y.host[i])
          : fabs (y.host[i] - want[i]) <= 1e-6 * fmax (1, fabs (want[i]));
      if (!good)
        hn_describe (hn, "x = %g gives %g instead of %g", data[i], y.host[i], want[i]);
      hn_require (hn, good, "a special value is wrong");
    }
  }
  hn_reset (hn);
}

static void
check_fwd (Hn *hn)
{
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++)
      check_one (hn, lengths[i], fills[f], i & 1);
  }
  check_curve (hn);
  check_special (hn);
}

static void
check_bwd_one (Hn *hn, size_t n, HnFill fill, bool in_place)
{
  HnTensor x = hn_in (hn, n, fill);
  HnTensor dy = in_place ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor dx = in_place ? dy : hn_out (hn, n);
  double *want = hn_doubles (hn, n);

  hn_describe (hn, "n=%zu fill=%d in_place=%d", n, fill, in_place);
  for (size_t i = 0; i < n; i++) {
    double h = 1e-5 * fmax (1, fabs (x.host[i]));
    want[i] = dy.host[i] * (gelu (x.host[i] + h) - gelu (x.host[i] - h)) / (2 * h);
  }
  if (hn_status (hn, gh_gelu_bwd (hn_ctx (hn), dx.p, dy.p, x.p, n), GH_OK))
    hn_expect (hn, &dx, want, HN_F32);
  hn_reset (hn);
}

static void
check_bwd (Hn *hn)
{
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    for (size_t f = 0; f < sizeof fills / sizeof fills[0]; f++)
      check_bwd_one (hn, lengths[i], fills[f], i & 1);
  }
}

static void
bench_fwd (Hn *hn)
{
  size_t n = 240 * 2048;
  HnTensor x = hn_in (hn, n, HN_NORMAL), y = hn_out (hn, n);
  HN_BENCH (hn, 0, 8.0 * n, "240x2048")
    gh_gelu_fwd (hn_ctx (hn), y.p, x.p, n);
}

static void
bench_bwd (Hn *hn)
{
  size_t n = 240 * 2048;
  HnTensor x = hn_in (hn, n, HN_NORMAL), dy = hn_in (hn, n, HN_NORMAL), dx = hn_out (hn, n);
  HN_BENCH (hn, 0, 12.0 * n, "240x2048")
    gh_gelu_bwd (hn_ctx (hn), dx.p, dy.p, x.p, n);
}

const HnCase hn_gelu_fwd = { "gelu_fwd", check_fwd, bench_fwd };
const HnCase hn_gelu_bwd = { "gelu_bwd", check_bwd, bench_bwd };
