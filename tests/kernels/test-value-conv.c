/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-value-conv.c: the filter along the tokens, added to what is there.
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

static void
check (Hn *hn)
{
  check_one (hn, 1, 1, 1, 1, 1, 0);
  check_one (hn, 1, 1, 1, 3, 33, 0);
  check_one (hn, 1, 2, 1, 3, 33, 1);
  check_one (hn, 2, 5, 2, 7, 3, 0);
  check_one (hn, 2, 20, 3, 17, 33, 1);
  check_one (hn, 1, 72, 10, 64, 33, 0);
  check_one (hn, 2, 240, 2, 64, 33, 0);
  check_one (hn, 1, 41, 2, 80, 9, 1);
  check_one (hn, 1, 30, 1, 8, 4, 0);
  for (int i = 0; i < 10; i++)
    check_one (hn, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 80), hn_random_int (hn, 1, 3),
        hn_random_int (hn, 1, 70), hn_random_int (hn, 1, 40), i & 1);
}

static void
bench (Hn *hn)
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

const HnCase hn_value_conv_fwd = { "value_conv_fwd", check, bench };
