/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-sum-rows.c: column sums that accumulate.
 */
#include "cases.h"

static void
check_one (Hn *hn, int rows, int C, HnFill fill)
{
  HnTensor x = hn_in (hn, (size_t) rows * C, fill), sum = hn_inout (hn, C, HN_NORMAL);
  double *want = hn_doubles (hn, C);

  hn_describe (hn, "rows=%d C=%d fill=%d", rows, C, fill);
  for (int c = 0; c < C; c++)
    want[c] = sum.host[c];
  for (size_t i = 0; i < x.n; i++)
    want[i % C] += x.host[i];
  if (hn_status (hn, gh_sum_rows (hn_ctx (hn), sum.p, x.p, rows, C), GH_OK))
    hn_expect (hn, &sum, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int shapes[][2] = { { 1, 1 }, { 3, 7 }, { 64, 64 }, { 240, 1024 }, { 1001, 33 }, { 17, 513 },
    { 5000, 3 } };

  for (int i = 0; i < 7; i++) {
    check_one (hn, shapes[i][0], shapes[i][1], HN_NORMAL);
    check_one (hn, shapes[i][0], shapes[i][1], HN_SKEWED);
  }
}

static void
bench (Hn *hn)
{
  int rows = 960, C = 2048;
  HnTensor x = hn_in (hn, (size_t) rows * C, HN_NORMAL), sum = hn_inout (hn, C, HN_ZERO);
  HN_BENCH (hn, 0, 4.0 * rows * C, "%dx%d", rows, C)
    gh_sum_rows (hn_ctx (hn), sum.p, x.p, rows, C);
}

const HnCase hn_sum_rows = { "sum_rows", check, bench };
