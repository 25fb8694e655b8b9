/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-pinv.c: the pseudo-inverse iteration.
 */
#include "cases.h"

#include <math.h>
#include <string.h>

/* c = scale (d I - a b) */
static void
residual_product (double *c, const double *a, const double *b, double scale, double d, int M)
{
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++) {
      double sum = 0;
      for (int k = 0; k < M; k++)
        sum += a[i * M + k] * b[k * M + j];
      c[i * M + j] = scale * ((i == j ? d : 0) - sum);
    }
  }
}

static void
start (double *z, const float *a, int M)
{
  double rows = 0, cols = 0;
  for (int i = 0; i < M; i++) {
    double row = 0, col = 0;
    for (int j = 0; j < M; j++) {
      row += fabs (a[i * M + j]);
      col += fabs (a[j * M + i]);
    }
    rows = fmax (rows, row);
    cols = fmax (cols, col);
  }
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++)
      z[j * M + i] = rows > 0 ? a[i * M + j] / (rows * cols) : 0;
  }
}

/* The form Z (13 I - P T)/4 with T = 15 I - P (7 I - P), written with residual products: -(-Z) X. */
static void
step (double *z, const double *a, double *work, int M)
{
  int n = M * M;
  double *p = work, *t = work + n, *u = work + 2 * n;

  residual_product (p, a, z, -1, 0, M);
  for (int i = 0; i < n; i++)
    t[i] = (i % (M + 1) == 0 ? 7 : 0) - p[i];
  residual_product (u, p, t, 1, 15, M);
  residual_product (t, p, u, 1, 13, M);
  residual_product (u, z, t, -0.25, 0, M);
  memcpy (z, u, n * sizeof *z);
}

/* Rows of a softmax, as the landmarks' similarity is: what the iteration is for. */
static void
fill_softmax (Hn *hn, float *a, int count, int M, double spread)
{
  for (int r = 0; r < count * M; r++) {
    double sum = 0;
    float *row = a + (size_t) r * M;
    for (int j = 0; j < M; j++)
      sum += row[j] = (float) exp (spread * hn_random_normal (hn));
    for (int j = 0; j < M; j++)
      row[j] = (float) (row[j] / sum);
  }
}

static void
check_one (Hn *hn, int count, int M, int iters, double spread, bool with_trail)
{
  size_t n = (size_t) M * M;
  float *data = (float *) hn_doubles (hn, count * n);
  double *want = hn_doubles (hn, count * n), *want_trail = hn_doubles (hn, iters * count * n + 1);
  double *ad = hn_doubles (hn, n), *work = hn_doubles (hn, 3 * n);

  hn_describe (hn, "count=%d M=%d iters=%d spread=%g trail=%d", count, M, iters, spread, with_trail);
  if (spread > 0)
    fill_softmax (hn, data, count, M, spread);
  for (int c = 0; c < count; c++) {
    double *z = want + c * n;
    for (size_t i = 0; i < n; i++)
      ad[i] = data[c * n + i];
    start (z, data + c * n, M);
    for (int i = 0; i < iters; i++) {
      memcpy (want_trail + (i * (size_t) count + c) * n, z, n * sizeof *z);
      step (z, ad, work, M);
    }
  }
  HnTensor a = hn_in_data (hn, count * n, data), z = hn_out (hn, count * n);
  HnTensor trail = hn_out (hn, iters * count * n);
  if (hn_status (hn, gh_pinv_fwd (hn_ctx (hn), z.p, with_trail ? trail.p : NULL, a.p, count, M, iters), GH_OK)) {
    hn_expect (hn, &z, want, HN_F32);
    if (with_trail)
      hn_expect (hn, &trail, want_trail, HN_F32);
  }
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int sizes[][2] = { { 1, 1 }, { 3, 2 }, { 2, 5 }, { 4, 8 }, { 3, 17 }, { 2, 31 }, { 1, 64 }, { 2, 33 } };

  for (int i = 0; i < 8; i++) {
    check_one (hn, sizes[i][0], sizes[i][1], 6, 1, i & 1);
    check_one (hn, sizes[i][0], sizes[i][1], i % 4, 0.33, !(i & 1));
  }
  check_one (hn, 2, 7, 6, 0, true);
  check_one (hn, 1, 128, 6, 1, false);
}

static void
bench (Hn *hn)
{
  static const int shapes[][2] = { { 10, 256 }, { 10, 64 } };

  for (int i = 0; i < 2; i++) {
    int count = shapes[i][0], M = shapes[i][1];
    size_t n = (size_t) count * M * M;
    float *data = (float *) hn_doubles (hn, n);
    fill_softmax (hn, data, count, M, 1);
    HnTensor a = hn_in_data (hn, n, data), z = hn_out (hn, n);
    HN_BENCH (hn, 6 * 8.0 * n * M, 0, "%dx %dx%d, 6 iterations", count, M, M)
      gh_pinv_fwd (hn_ctx (hn), z.p, NULL, a.p, count, M, 6);
    hn_reset (hn);
  }
}

const HnCase hn_pinv_fwd = { "pinv_fwd", check, bench };
