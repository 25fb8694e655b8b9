/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-value-conv.c: the filter along the tokens, added to what is there; and its gradients.
 */
#include "cases.h"

static void
check_one (Hn *hn, int B, int N, int H, int D, int taps, int first)
{
  int part = H * D;
  HnTensor qkv = hn_in (hn, (size_t) B * N * 3 * part, HN_NORMAL), w = hn_in (hn, (size_t) H * taps, HN_NORMAL);
  HnTensor o = hn_inout (hn, (size_t) B * N * part, HN_NORMAL);
  double *want = hn_doubles (hn, o.n);

  hn_describe (hn, "B=%d N=%d H=%d D=%d taps=%d first=%d", B, N, H, D, taps, first);
  for (size_t i = 0; i < o.n; i++)
    want[i] = o.host[i];
  /* Spread every value over the tokens it reaches. */
  for (int b = 0; b < B; b++) {
    for (int s = first; s < N; s++) {
      for (int j = 0; j < taps; j++) {
        int t = s - j + taps / 2;
        for (int hd = 0; t >= first && t < N && hd < part; hd++)
          want[((size_t) b * N + t) * part + hd] += (double) w.host[hd / D * taps + j]
              * qkv.host[((size_t) b * N + s) * 3 * part + 2 * part + hd];
      }
    }
  }
  if (hn_status (hn, gh_value_conv_fwd (hn_ctx (hn), o.p, qkv.p, w.p, B, N, H, D, taps, first), GH_OK))
    hn_expect (hn, &o, want, HN_F32);
  hn_reset (hn);
}

/* The part of dqkv before v, and the cls token where first is 1, must stay. */
static void
check_bwd_one (Hn *hn, int B, int N, int H, int D, int taps, int first)
{
  int part = H * D;
  HnTensor qkv = hn_in (hn, (size_t) B * N * 3 * part, HN_NORMAL), w = hn_in (hn, (size_t) H * taps, HN_NORMAL);
  HnTensor dout = hn_in (hn, (size_t) B * N * part, HN_NORMAL), dqkv = hn_inout (hn, qkv.n, HN_NORMAL);
  HnTensor dw = hn_inout (hn, w.n, HN_NORMAL);
  double *want = hn_doubles (hn, qkv.n), *want_w = hn_doubles (hn, w.n);

  hn_describe (hn, "B=%d N=%d H=%d D=%d taps=%d first=%d", B, N, H, D, taps, first);
  for (size_t i = 0; i < qkv.n; i++)
    want[i] = dqkv.host[i];
  for (size_t i = 0; i < w.n; i++)
    want_w[i] = dw.host[i];
  for (int b = 0; b < B; b++) {
    for (int t = first; t < N; t++) {
      for (int j = 0; j < taps; j++) {
        int s = t + j - taps / 2;
        for (int hd = 0; s >= first && s < N && hd < part; hd++) {
          size_t at = ((size_t) b * N + s) * 3 * part + 2 * part + hd;
          double d = dout.host[((size_t) b * N + t) * part + hd];
          want[at] += d * w.host[hd / D * taps + j];
          want_w[hd / D * taps + j] += d * qkv.host[at];
        }
      }
    }
  }
  GhStatus status = gh_value_conv_bwd (hn_ctx (hn), dqkv.p, dw.p, dout.p, qkv.p, w.p, B, N, H, D, taps, first);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &dqkv, want, HN_F32);
    hn_expect (hn, &dw, want_w, HN_F32);
  }
  hn_reset (hn);
}

static void
check_shapes (Hn *hn, void (*check_one_of) (Hn *, int, int, int, int, int, int))
{
  check_one_of (hn, 1, 1, 1, 1, 1, 0);
  check_one_of (hn, 1, 1, 1, 3, 33, 0);
  check_one_of (hn, 1, 2, 1, 3, 33, 1);
  check_one_of (hn, 2, 5, 2, 7, 3, 0);
  check_one_of (hn, 2, 20, 3, 17, 33, 1);
  check_one_of (hn, 1, 72, 10, 64, 33, 0);
  check_one_of (hn, 2, 240, 2, 64, 33, 0);
  check_one_of (hn, 1, 41, 2, 80, 9, 1);
  check_one_of (hn, 1, 30, 1, 8, 4, 0);
  for (int i = 0; i < 10; i++)
    check_one_of (hn, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 80), hn_random_int (hn, 1, 3),
        hn_random_int (hn, 1, 70), hn_random_int (hn, 1, 40), i & 1);
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
  static const int tokens[] = { 240, 72, 8160 };

  for (int i = 0; i < 3; i++) {
    int N = tokens[i], H = 10, D = 64, taps = 33;
    HnTensor qkv = hn_in (hn, (size_t) N * 3 * H * D, HN_NORMAL), w = hn_in (hn, (size_t) H * taps, HN_NORMAL);
    HnTensor o = hn_inout (hn, (size_t) N * H * D, HN_ZERO);
    HN_BENCH (hn, 2.0 * N * H * D * taps, 0, "N=%d H=%d D=%d taps=%d", N, H, D, taps)
      gh_value_conv_fwd (hn_ctx (hn), o.p, qkv.p, w.p, 1, N, H, D, taps, 0);
    hn_reset (hn);
  }
}

static void
bench_bwd (Hn *hn)
{
  static const int tokens[][2] = { { 8, 72 }, { 8, 240 }, { 1, 920 } };

  for (int i = 0; i < 3; i++) {
    int B = tokens[i][0], N = tokens[i][1], H = 10, D = 64, taps = 33;
    size_t n = (size_t) B * N * H * D;
    HnTensor qkv = hn_in (hn, 3 * n, HN_NORMAL), w = hn_in (hn, (size_t) H * taps, HN_NORMAL);
    HnTensor dout = hn_in (hn, n, HN_NORMAL), dqkv = hn_inout (hn, 3 * n, HN_ZERO), dw = hn_inout (hn, w.n, HN_ZERO);
    HN_BENCH (hn, 4.0 * n * taps, 0, "B=%d N=%d H=%d D=%d taps=%d", B, N, H, D, taps)
      gh_value_conv_bwd (hn_ctx (hn), dqkv.p, dw.p, dout.p, qkv.p, w.p, B, N, H, D, taps, 0);
    hn_reset (hn);
  }
}

const HnCase hn_value_conv_fwd = { "value_conv_fwd", check_fwd, bench_fwd };
const HnCase hn_value_conv_bwd = { "value_conv_bwd", check_bwd, bench_bwd };
