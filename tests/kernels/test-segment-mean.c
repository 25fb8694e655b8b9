/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-segment-mean.c: landmarks of uneven segments, and their gradient.
 */
#include "cases.h"

/* The segment of token t: t/base while the short ones last, then those of base + 1. */
static int
segment_of (int t, int N, int M, int *length)
{
  int base = N / M, shorts = M - N % M;
  bool in_short = t < shorts * base;
  *length = base + !in_short;
  return in_short ? t / base : shorts + (t - shorts * base) / (base + 1);
}

static void
check_one (Hn *hn, int B, int N, int H, int D, int M, int col, int gap)
{
  int ld = col + H * D + gap;
  HnTensor x = hn_in (hn, (size_t) B * N * ld, HN_NORMAL), y = hn_out (hn, (size_t) B * H * M * D);
  double *want = hn_doubles (hn, y.n);
  float scale = 0.125f;

  hn_describe (hn, "B=%d N=%d H=%d D=%d M=%d col=%d ld=%d", B, N, H, D, M, col, ld);
  for (int b = 0; b < B; b++) {
    for (int t = 0; t < N; t++) {
      int length, j = segment_of (t, N, M, &length);
      for (int h = 0; h < H; h++) {
        for (int d = 0; d < D; d++)
          want[(((size_t) b * H + h) * M + j) * D + d] +=
              (double) scale * x.host[((size_t) b * N + t) * ld + col + h * D + d] / length;
      }
    }
  }
  if (hn_status (hn, gh_segment_mean_fwd (hn_ctx (hn), y.p, x.p, col, ld, scale, B, N, H, D, M), GH_OK))
    hn_expect (hn, &y, want, HN_F32);
  hn_reset (hn);
}

static void
check_bwd_one (Hn *hn, int B, int N, int H, int D, int M, int col, int gap)
{
  int ld = col + H * D + gap;
  HnTensor dx = hn_inout (hn, (size_t) B * N * ld, HN_NORMAL), dy = hn_in (hn, (size_t) B * H * M * D, HN_NORMAL);
  double *want = hn_doubles (hn, dx.n);
  float scale = 0.3f;

  hn_describe (hn, "B=%d N=%d H=%d D=%d M=%d col=%d ld=%d", B, N, H, D, M, col, ld);
  for (size_t i = 0; i < dx.n; i++) {
    int b = (int) (i / ld / N), t = (int) (i / ld % N), hd = (int) (i % ld) - col;
    int length, j = segment_of (t, N, M, &length);
    want[i] = dx.host[i];
    if (hd >= 0 && hd < H * D)
      want[i] += (double) scale / length * dy.host[(((size_t) b * H + hd / D) * M + j) * D + hd % D];
  }
  if (hn_status (hn, gh_segment_mean_bwd (hn_ctx (hn), dx.p, dy.p, col, ld, scale, B, N, H, D, M), GH_OK))
    hn_expect (hn, &dx, want, HN_F32);
  hn_reset (hn);
}

static void
check_shapes (Hn *hn, void (*check_one_of) (Hn *, int, int, int, int, int, int, int))
{
  check_one_of (hn, 1, 1, 1, 1, 1, 0, 0);
  check_one_of (hn, 2, 7, 3, 5, 3, 4, 2);
  check_one_of (hn, 1, 8, 2, 8, 8, 0, 16);
  check_one_of (hn, 3, 18, 2, 32, 8, 64, 64);
  check_one_of (hn, 1, 920, 10, 64, 256, 640, 640);
  for (int i = 0; i < 10; i++) {
    int N = hn_random_int (hn, 1, 60);
    check_one_of (hn, hn_random_int (hn, 1, 3), N, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 40),
        hn_random_int (hn, 1, N), hn_random_int (hn, 0, 5), hn_random_int (hn, 0, 5));
  }
}

static void
check_fwd (Hn *hn)
{
  check_shapes (hn, check_one);
}

static void
check_bwd (Hn *hn)
{
  check_shapes (hn, check_bwd_one);
}

static void
bench_fwd (Hn *hn)
{
  int N = 8160, H = 10, D = 64, M = 256, ld = 3 * H * D;
  HnTensor x = hn_in (hn, (size_t) N * ld, HN_NORMAL), y = hn_out (hn, (size_t) H * M * D);

  HN_BENCH (hn, 0, 4.0 * N * H * D, "N=%d M=%d", N, M)
    gh_segment_mean_fwd (hn_ctx (hn), y.p, x.p, 0, ld, 1, 1, N, H, D, M);
}

static void
bench_bwd (Hn *hn)
{
  int B = 8, N = 920, H = 10, D = 64, M = 256, ld = 3 * H * D;
  HnTensor dx = hn_inout (hn, (size_t) B * N * ld, HN_ZERO), dy = hn_in (hn, (size_t) B * H * M * D, HN_NORMAL);

  HN_BENCH (hn, 0, 8.0 * B * N * H * D, "B=%d N=%d M=%d", B, N, M)
    gh_segment_mean_bwd (hn_ctx (hn), dx.p, dy.p, 0, ld, 1, B, N, H, D, M);
}

const HnCase hn_segment_mean_fwd = { "segment_mean_fwd", check_fwd, bench_fwd };
const HnCase hn_segment_mean_bwd = { "segment_mean_bwd", check_bwd, bench_bwd };
