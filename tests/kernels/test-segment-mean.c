/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-segment-mean.c: landmarks of uneven segments.
 */
#include "cases.h"

static void
check_one (Hn *hn, int B, int N, int H, int D, int M, int col, int gap)
{
  int ld = col + H * D + gap;
  HnTensor x = hn_in (hn, (size_t) B * N * ld, HN_NORMAL), y = hn_out (hn, (size_t) B * H * M * D);
  double *want = hn_doubles (hn, y.n);
  float scale = 0.125f;

  hn_describe (hn, "B=%d N=%d H=%d D=%d M=%d col=%d ld=%d", B, N, H, D, M, col, ld);
  /* Token t belongs to segment t/base while the short ones last, then to those of base + 1. */
  int base = N / M, shorts = M - N % M;
  for (int b = 0; b < B; b++) {
    for (int t = 0; t < N; t++) {
      bool in_short = t < shorts * base;
      int j = in_short ? t / base : shorts + (t - shorts * base) / (base + 1);
      for (int h = 0; h < H; h++) {
        for (int d = 0; d < D; d++)
          want[(((size_t) b * H + h) * M + j) * D + d] +=
              (double) scale * x.host[((size_t) b * N + t) * ld + col + h * D + d] / (base + !in_short);
      }
    }
  }
  if (hn_status (hn, gh_segment_mean_fwd (hn_ctx (hn), y.p, x.p, col, ld, scale, B, N, H, D, M), GH_OK))
    hn_expect (hn, &y, want, HN_F32);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 1, 1, 1, 0, 0);
  check_one (hn, 2, 7, 3, 5, 3, 4, 2);
  check_one (hn, 1, 8, 2, 8, 8, 0, 16);
  check_one (hn, 3, 18, 2, 32, 8, 64, 64);
  check_one (hn, 1, 920, 10, 64, 256, 640, 640);
  for (int i = 0; i < 10; i++) {
    int N = hn_random_int (hn, 1, 60);
    check_one (hn, hn_random_int (hn, 1, 3), N, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 40),
        hn_random_int (hn, 1, N), hn_random_int (hn, 0, 5), hn_random_int (hn, 0, 5));
  }
}

static void
bench (Hn *hn)
{
  int N = 8160, H = 10, D = 64, M = 256, ld = 3 * H * D;
  HnTensor x = hn_in (hn, (size_t) N * ld, HN_NORMAL), y = hn_out (hn, (size_t) H * M * D);

  HN_BENCH (hn, 0, 4.0 * N * H * D, "N=%d M=%d", N, M)
    gh_segment_mean_fwd (hn_ctx (hn), y.p, x.p, 0, ld, 1, 1, N, H, D, M);
}

const HnCase hn_segment_mean_fwd = { "segment_mean_fwd", check, bench };
