/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-attention-bwd.c: the gradient of attention: small heads against central differences of the definition, large
 * ones against whole matrices in double.
 */
#include "cases.h"

#include <math.h>

/* The three parts of one head in double, and the gradient of its output, each [N,D]. */
typedef struct {
  int N, D;
  double *part[3], *dout;
  double *p, *e;                /* [N,N] */
} Head;

static void
weights (const Head *head)
{
  int N = head->N, D = head->D;

  for (int t = 0; t < N; t++) {
    double sum = 0, top = -INFINITY, *row = head->p + (size_t) t * N;
    for (int s = 0; s < N; s++) {
      row[s] = 0;
      for (int d = 0; d < D; d++)
        row[s] += head->part[0][t * D + d] * head->part[1][s * D + d] / sqrt (D);
      top = fmax (top, row[s]);
    }
    for (int s = 0; s < N; s++)
      sum += row[s] = exp (row[s] - top);
    for (int s = 0; s < N; s++)
      row[s] /= sum;
  }
}

/* sum(dout * attention) */
static double
loss (const Head *head)
{
  int N = head->N, D = head->D;
  double sum = 0;

  weights (head);
  for (int t = 0; t < N; t++) {
    for (int s = 0; s < N; s++) {
      for (int d = 0; d < D; d++)
        sum += head->dout[t * D + d] * head->p[(size_t) t * N + s] * head->part[2][s * D + d];
    }
  }
  return sum;
}

static void
differences (const Head *head, double *want[3])
{
  double h = 1e-5;

  for (int part = 0; part < 3; part++) {
    for (int i = 0; i < head->N * head->D; i++) {
      double *cell = head->part[part] + i, kept = *cell;
      *cell = kept + h;
      double up = loss (head);
      *cell = kept - h;
      want[part][i] = (up - loss (head)) / (2 * h);
      *cell = kept;
    }
  }
}

/* c[N,D] += scale a(t, s) b[s], a transposed or not. */
static void
mix (double *c, const double *a, bool trans, const double *b, double scale, int N, int D)
{
  for (int t = 0; t < N; t++) {
    for (int s = 0; s < N; s++) {
      double f = scale * (trans ? a[(size_t) s * N + t] : a[(size_t) t * N + s]);
      for (int d = 0; d < D; d++)
        c[t * D + d] += f * b[s * D + d];
    }
  }
}

static void
matrices (const Head *head, double *want[3])
{
  int N = head->N, D = head->D;
  double *p = head->p, *e = head->e;

  weights (head);
  for (int i = 0; i < N * D; i++)
    want[0][i] = want[1][i] = want[2][i] = 0;
  mix (want[2], p, true, head->dout, 1, N, D);
  for (int t = 0; t < N; t++) {
    double mean = 0;
    for (int s = 0; s < N; s++) {
      double *cell = e + (size_t) t * N + s;
      *cell = 0;
      for (int d = 0; d < D; d++)
        *cell += head->dout[t * D + d] * head->part[2][s * D + d];
      mean += *cell * p[(size_t) t * N + s];
    }
    for (int s = 0; s < N; s++)
      e[(size_t) t * N + s] = (e[(size_t) t * N + s] - mean) * p[(size_t) t * N + s];
  }
  mix (want[0], e, false, head->part[1], 1 / sqrt (D), N, D);
  mix (want[1], e, true, head->part[0], 1 / sqrt (D), N, D);
}

/* apart: what is added to all scores, by the first channel of queries and keys; weights are the same whatever it is. */
static void
check_scores (Hn *hn, GhDtype dtype, int B, int N, int H, int D, double scale, float apart,
    void (*gradient) (const Head *, double **))
{
  size_t n = (size_t) B * N * H * D, cells = (size_t) N * D;
  float *data = (float *) hn_doubles (hn, 4 * n), *dout_data = data + 3 * n;
  double *want = hn_doubles (hn, 3 * n), *work = hn_doubles (hn, 7 * cells);
  double *part_want[3] = { work + 4 * cells, work + 5 * cells, work + 6 * cells };
  Head head = { N, D, { work, work + cells, work + 2 * cells }, work + 3 * cells,
    hn_doubles (hn, (size_t) N * N), hn_doubles (hn, (size_t) N * N) };

  hn_describe (hn, "%s B=%d N=%d H=%d D=%d scale=%g apart=%g", gh_dtype_name (dtype), B, N, H, D, scale, apart);
  for (size_t i = 0; i < 3 * n; i++) {
    size_t part = i / (H * D) % 3;
    data[i] = apart != 0 && i % D == 0 && part < 2 ? (part ? 1 : apart * sqrtf (D))
        : (float) hn_held (scale * hn_random_normal (hn), dtype);
  }
  for (size_t i = 0; i < n; i++)
    dout_data[i] = (float) hn_held (hn_random_normal (hn), dtype);
  HnTensor qkv = hn_in_data (hn, 3 * n, data), dout = hn_in_data (hn, n, dout_data), dqkv = hn_out (hn, 3 * n);
  for (int b = 0; b < B; b++) {
    for (int h = 0; h < H; h++) {
      for (size_t i = 0; i < 3 * cells; i++)
        head.part[i / cells][i % cells] = data[(((size_t) b * N + i % cells / D) * 3 + i / cells) * H * D
            + h * D + i % D];
      for (size_t i = 0; i < cells; i++)
        head.dout[i] = dout.host[((size_t) b * N + i / D) * H * D + h * D + i % D];
      gradient (&head, part_want);
      for (size_t i = 0; i < 3 * cells; i++)
        want[(((size_t) b * N + i % cells / D) * 3 + i / cells) * H * D + h * D + i % D] =
            part_want[i / cells][i % cells];
    }
  }
  if (hn_status (hn, gh_attention_bwd (hn_ctx (hn), dqkv.p, dout.p, qkv.p, dtype, B, N, H, D), GH_OK))
    hn_expect (hn, &dqkv, want, dtype == GH_DTYPE_F32 ? HN_GRADIENT : scale > 3 ? HN_BF16_GRADIENT : HN_BF16_SCORES);
  hn_reset (hn);
}

static void
check_one (Hn *hn, GhDtype dtype, int B, int N, int H, int D, double scale, void (*gradient) (const Head *, double **))
{
  check_scores (hn, dtype, B, N, H, D, scale, 0, gradient);
}

static void
check (Hn *hn, GhDtype dtype)
{
  static const int small[][4] = { { 1, 2, 1, 1 }, { 2, 3, 2, 5 }, { 1, 7, 3, 8 }, { 1, 13, 1, 4 }, { 1, 18, 2, 3 } };
  static const int large[][4] = { { 1, 1, 1, 1 }, { 1, 72, 3, 64 }, { 2, 97, 2, 64 }, { 1, 240, 1, 64 },
    { 1, 131, 1, 80 }, { 3, 33, 2, 17 }, { 1, 50, 1, 128 }, { 1, 61, 1, 129 }, { 1, 420, 1, 32 }, { 5, 13, 1, 16 },
    { 1, 300, 2, 8 }, { 2, 70, 27, 64 }, { 1, 129, 30, 64 } };    /* the last two: test-block.c tells why */

  for (size_t i = 0; i < sizeof small / sizeof small[0]; i++) {
    check_one (hn, dtype, small[i][0], small[i][1], small[i][2], small[i][3], 1, differences);
    check_one (hn, dtype, small[i][0], small[i][1], small[i][2], small[i][3], i % 2 ? 0.1 : 2, differences);
  }
  for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
    check_one (hn, dtype, large[i][0], large[i][1], large[i][2], large[i][3], i % 3 == 2 ? 2 : 1, matrices);
  check_one (hn, dtype, 1, 70, 2, 64, 6, matrices);    /* one key takes nearly all */
  check_one (hn, dtype, 1, 40, 1, 64, 0, matrices);
  check_scores (hn, dtype, 1, 72, 1, 64, 0.5, -128, matrices);  /* far below what is beyond the last key */
  check_scores (hn, dtype, 1, 70, 1, 64, 0.5, 128, matrices);
  for (int i = 0; i < 10; i++)
    check_one (hn, dtype, hn_random_int (hn, 1, 3), hn_random_int (hn, 2, 120), hn_random_int (hn, 1, 3),
        hn_random_int (hn, 1, 90), 1, matrices);
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
  static const int shapes[][4] = { { 8, 72, 10, 64 }, { 8, 240, 8, 64 }, { 1, 920, 10, 64 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    int B = shapes[i][0], N = shapes[i][1], H = shapes[i][2], D = shapes[i][3];
    size_t n = (size_t) B * N * H * D;
    HnTensor qkv = hn_in (hn, 3 * n, HN_NORMAL), dout = hn_in (hn, n, HN_NORMAL), dqkv = hn_out (hn, 3 * n);
    HN_BENCH (hn, 10.0 * B * H * N * N * D, 0, "%s B=%d N=%d H=%d D=%d", gh_dtype_name (dtype), B, N, H, D)
      gh_attention_bwd (hn_ctx (hn), dqkv.p, dout.p, qkv.p, dtype, B, N, H, D);
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

const HnCase hn_attention_bwd_f32 = { "attention_bwd_f32", check_f32, bench_f32 };
const HnCase hn_attention_bwd_bf16 = { "attention_bwd_bf16", check_bf16, bench_bf16 };
