/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-attention.c: exact attention over the fused qkv tensor.
 */
#include "cases.h"

#include <math.h>

/* Scores straight from the definition, in double; no maximum is subtracted unless the scores need it. */
static void
expect_attention (double *o, const float *qkv, int B, int N, int H, int D, double *weight)
{
  int part = H * D;

  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      for (int t = 0; t < N; t++) {
        const float *image = qkv + (size_t) b * N * 3 * part + h * D;
        double *out = o + ((size_t) b * N + t) * part + h * D, sum = 0, top = -INFINITY;
        for (int s = 0; s < N; s++) {
          weight[s] = 0;
          for (int d = 0; d < D; d++)
            weight[s] += (double) image[(size_t) t * 3 * part + d] * image[(size_t) s * 3 * part + part + d];
          top = fmax (top, weight[s] /= sqrt (D));
        }
        for (int s = 0; s < N; s++)
          sum += weight[s] = exp (weight[s] - (top > 50 ? top : 0));
        for (int d = 0; d < D; d++)
          out[d] = 0;
        for (int s = 0; s < N; s++) {
          for (int d = 0; d < D; d++)
            out[d] += weight[s] / sum * image[(size_t) s * 3 * part + 2 * part + d];
        }
      }
    }
  }
}

static void
check_one (Hn *hn, GhDtype dtype, int B, int N, int H, int D, double scale)
{
  size_t n = (size_t) B * N * H * D;
  float *data = (float *) hn_doubles (hn, 3 * n);
  double *want = hn_doubles (hn, n), *weight = hn_doubles (hn, N);

  hn_describe (hn, "%s B=%d N=%d H=%d D=%d scale=%g", gh_dtype_name (dtype), B, N, H, D, scale);
  for (size_t i = 0; i < 3 * n; i++)
    data[i] = (float) hn_held (scale * hn_random_normal (hn), dtype);
  HnTensor qkv = hn_in_data (hn, 3 * n, data), o = hn_out (hn, n);
  expect_attention (want, data, B, N, H, D, weight);
  if (hn_status (hn, gh_attention_fwd (hn_ctx (hn), o.p, qkv.p, dtype, B, N, H, D), GH_OK))
    hn_expect (hn, &o, want, dtype == GH_DTYPE_F32 ? HN_F32 : HN_BF16_SCORES);
  hn_reset (hn);
}

/* One key takes all, wherever it stands: what is summed before or after it must vanish beside it. */
static void
check_winner (Hn *hn, GhDtype dtype, int N, int winner)
{
  enum { D = 64 };
  float *data = (float *) hn_doubles (hn, (size_t) N * 3 * D);
  double *want = hn_doubles (hn, (size_t) N * D);

  hn_describe (hn, "%s, key %d of %d takes all", gh_dtype_name (dtype), winner, N);
  for (int t = 0; t < N; t++) {
    for (int d = 0; d < D; d++) {
      data[t * 3 * D + d] = d == 0 ? 100 : 0;
      data[t * 3 * D + D + d] = d == 0 && t == winner ? 100 : 0;
      data[t * 3 * D + 2 * D + d] = (float) hn_held (hn_random_normal (hn), dtype);
    }
  }
  for (int i = 0; i < N * D; i++)
    want[i] = data[winner * 3 * D + 2 * D + i % D];
  HnTensor qkv = hn_in_data (hn, N * 3 * D, data), o = hn_out (hn, N * D);
  if (hn_status (hn, gh_attention_fwd (hn_ctx (hn), o.p, qkv.p, dtype, 1, N, 1, D), GH_OK))
    hn_expect (hn, &o, want, dtype == GH_DTYPE_F32 ? HN_F32 : HN_BF16_SCORES);
  hn_reset (hn);
}

static void
check (Hn *hn, GhDtype dtype)
{
  static const int shapes[][4] = { { 1, 1, 1, 1 }, { 2, 3, 2, 5 }, { 1, 7, 3, 8 }, { 1, 72, 10, 64 }, { 2, 197, 2, 64 },
    { 1, 240, 3, 64 }, { 1, 241, 1, 80 }, { 3, 33, 2, 17 }, { 1, 50, 1, 128 }, { 1, 61, 1, 129 }, { 1, 20, 1, 200 },
    { 1, 520, 1, 64 }, { 1, 380, 1, 64 }, { 1, 129, 2, 64 }, { 1, 1030, 1, 32 }, { 5, 13, 1, 16 }, { 1, 18, 2, 32 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_one (hn, dtype, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], 1);
    check_one (hn, dtype, shapes[i][0], shapes[i][1], shapes[i][2], shapes[i][3], i % 2 ? 0 : 3);
  }
  for (int i = 0; i < 12; i++)
    check_one (hn, dtype, hn_random_int (hn, 1, 3), hn_random_int (hn, 1, 150), hn_random_int (hn, 1, 4),
        hn_random_int (hn, 1, 100), 2);
  check_winner (hn, dtype, 70, 37);
  check_winner (hn, dtype, 600, 37);
  check_winner (hn, dtype, 600, 590);
}

static void
check_f32 (Hn *hn)
{
  check (hn, GH_DTYPE_F32);
}

static void
check_bf16 (Hn *hn)
{
  check (hn, GH_DTYPE_BF16);
}

static void
bench (Hn *hn, GhDtype dtype)
{
  static const int shapes[][4] = { { 1, 72, 10, 64 }, { 1, 240, 10, 64 }, { 1, 920, 10, 64 }, { 8, 72, 10, 64 },
    { 1, 197, 12, 64 }, { 1, 257, 16, 80 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    int B = shapes[i][0], N = shapes[i][1], H = shapes[i][2], D = shapes[i][3];
    size_t n = (size_t) B * N * H * D;
    HnTensor qkv = hn_in (hn, 3 * n, HN_NORMAL), o = hn_out (hn, n);
    HN_BENCH (hn, 4.0 * B * H * N * N * D, 0, "%s B=%d N=%d H=%d D=%d", gh_dtype_name (dtype), B, N, H, D)
      gh_attention_fwd (hn_ctx (hn), o.p, qkv.p, dtype, B, N, H, D);
    hn_reset (hn);
  }
}

static void
bench_f32 (Hn *hn)
{
  bench (hn, GH_DTYPE_F32);
}

static void
bench_bf16 (Hn *hn)
{
  bench (hn, GH_DTYPE_BF16);
}

const HnCase hn_attention_f32 = { "attention_fwd_f32", check_f32, bench_f32 };
const HnCase hn_attention_bf16 = { "attention_fwd_bf16", check_bf16, bench_bf16 };
