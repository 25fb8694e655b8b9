/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-token-pool.c: one vector per image.
 */
#include "cases.h"

#include <math.h>

static void
check_one (Hn *hn, GhPool pool, int B, int N, int C, int first, HnFill fill)
{
  int width = pool == GH_POOL_MEAN_STD ? 2 * C : C;
  HnTensor x = hn_in (hn, (size_t) B * (N + first) * C, fill), y = hn_out (hn, (size_t) B * width);
  double *want = hn_doubles (hn, y.n);

  hn_describe (hn, "pool=%d B=%d N=%d C=%d first=%d fill=%d", pool, B, N, C, first, fill);
  for (int b = 0; b < B; b++) {
    for (int c = 0; c < C; c++) {
      const float *image = x.host + (size_t) b * (N + first) * C + c;
      double sum = 0, square = 0;
      for (int t = first; t < first + N; t++)
        sum += image[(size_t) t * C];
      for (int t = first; t < first + N; t++)
        square += pow (image[(size_t) t * C] - sum / N, 2);
      want[(size_t) b * width + c] = pool == GH_POOL_CLS ? image[0] : sum / N;
      if (pool == GH_POOL_MEAN_STD)
        want[(size_t) b * width + C + c] = sqrt (square / N);
    }
  }
  if (hn_status (hn, gh_pool_fwd (hn_ctx (hn), y.p, x.p, pool, B, N, C, first), GH_OK))
    hn_expect (hn, &y, want, pool == GH_POOL_CLS ? HN_EXACT : HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int shapes[][3] = { { 1, 1, 1 }, { 2, 3, 5 }, { 1, 240, 1024 }, { 3, 72, 100 }, { 2, 197, 33 },
    { 4, 7, 64 }, { 1, 1000, 17 } };
  static const HnFill fills[] = { HN_NORMAL, HN_SKEWED, HN_ZERO, HN_LARGE };

  for (int i = 0; i < 7; i++) {
    int B = shapes[i][0], N = shapes[i][1], C = shapes[i][2];
    for (int f = 0; f < 4; f++) {
      check_one (hn, GH_POOL_MEAN, B, N, C, f & 1, fills[f]);
      check_one (hn, GH_POOL_MEAN_STD, B, N, C, !(f & 1), fills[f]);
    }
    check_one (hn, GH_POOL_CLS, B, N, C, 1, HN_NORMAL);
  }
}

static void
bench (Hn *hn)
{
  int N = 240, C = 1024;
  HnTensor x = hn_in (hn, (size_t) N * C, HN_NORMAL), y = hn_out (hn, 2 * C);
  HN_BENCH (hn, 0, 4.0 * N * C, "mean %dx%d", N, C)
    gh_pool_fwd (hn_ctx (hn), y.p, x.p, GH_POOL_MEAN, 1, N, C, 0);
  HN_BENCH (hn, 0, 4.0 * N * C, "mean+std %dx%d", N, C)
    gh_pool_fwd (hn_ctx (hn), y.p, x.p, GH_POOL_MEAN_STD, 1, N, C, 0);
}

const HnCase hn_pool_fwd = { "pool_fwd", check, bench };
