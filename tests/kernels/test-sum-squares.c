/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-sum-squares.c: the sum of squares of a gradient, and memory set to zero.
 */
#include "cases.h"

#include <math.h>
#include <string.h>

static const size_t lengths[] = { 1, 2, 7, 16, 33, 255, 1000, 16384, 16385, 100003, 1000000 };
enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

static void
check_one (Hn *hn, size_t n, HnFill fill)
{
  HnTensor x = hn_in (hn, n, fill), sum = hn_inout (hn, 1, HN_SKEWED);
  double want = sum.host[0];

  hn_describe (hn, "n=%zu fill=%d", n, fill);
  for (size_t i = 0; i < n; i++)
    want += (double) x.host[i] * x.host[i];
  if (hn_status (hn, gh_sum_squares (hn_ctx (hn), sum.p, x.p, n), GH_OK))
    hn_expect (hn, &sum, &want, HN_F32);
  hn_reset (hn);
}

/* One value that is no number must show, wherever it stands. */
static void
check_not_finite (Hn *hn, size_t n, float bad, size_t at)
{
  float *data = (float *) hn_doubles (hn, n);

  hn_describe (hn, "n=%zu with %g at %zu", n, bad, at);
  data[at] = bad;
  HnTensor x = hn_in_data (hn, n, data), sum = hn_inout (hn, 1, HN_ZERO);
  if (hn_status (hn, gh_sum_squares (hn_ctx (hn), sum.p, x.p, n), GH_OK)) {
    hn_fetch (hn, &sum);
    hn_require (hn, !isfinite (sum.host[0]), "the sum is finite");
  }
  hn_reset (hn);
}

static void
check_sum (Hn *hn)
{
  for (int i = 0; i < N_LENGTHS; i++) {
    check_one (hn, lengths[i], HN_NORMAL);
    check_one (hn, lengths[i], HN_LARGE);
    check_one (hn, lengths[i], HN_SKEWED);
    check_one (hn, lengths[i], HN_ZERO);
    if (lengths[i] > 100000)
      continue;
    check_not_finite (hn, lengths[i], NAN, lengths[i] - 1);
    check_not_finite (hn, lengths[i], INFINITY, lengths[i] / 2);
    check_not_finite (hn, lengths[i], -INFINITY, 0);
  }
}

/* All but `lead` bytes at either end. */
static void
check_zero_one (Hn *hn, size_t n, size_t lead)
{
  HnTensor x = hn_inout (hn, n, HN_NORMAL);
  double *want = hn_doubles (hn, n);

  hn_describe (hn, "n=%zu lead=%zu", n, lead);
  memset ((char *) x.host + lead, 0, n * sizeof (float) - 2 * lead);
  for (size_t i = 0; i < n; i++)
    want[i] = x.host[i];
  if (hn_status (hn, gh_zero (hn_ctx (hn), (char *) x.p + lead, n * sizeof (float) - 2 * lead), GH_OK))
    hn_expect (hn, &x, want, HN_EXACT);
  hn_reset (hn);
}

static void
check_zero (Hn *hn)
{
  for (int i = 0; i < N_LENGTHS; i++) {
    check_zero_one (hn, lengths[i], 0);
    if (lengths[i] > 7)
      check_zero_one (hn, lengths[i], 3 + 4 * (i % 3));
  }
}

static void
bench_sum (Hn *hn)
{
  size_t n = 8 << 20;
  HnTensor x = hn_in (hn, n, HN_NORMAL), sum = hn_inout (hn, 1, HN_ZERO);
  HN_BENCH (hn, 0, 4.0 * n, "n=%zu", n)
    gh_sum_squares (hn_ctx (hn), sum.p, x.p, n);
}

static void
bench_zero (Hn *hn)
{
  size_t n = 8 << 20;
  HnTensor x = hn_inout (hn, n, HN_ZERO);
  HN_BENCH (hn, 0, 4.0 * n, "n=%zu", n)
    gh_zero (hn_ctx (hn), x.p, n * sizeof (float));
}

const HnCase hn_sum_squares = { "sum_squares", check_sum, bench_sum };
const HnCase hn_zero = { "zero", check_zero, bench_zero };
