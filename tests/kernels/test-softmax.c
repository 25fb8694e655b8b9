/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-softmax.c: softmax of rows, with masked places, and its gradient.
 */
#include "cases.h"

#include <math.h>

static void
check_one (Hn *hn, int rows, int n, double spread, bool masked, bool in_place)
{
  size_t total = (size_t) rows * n;
  double *data = hn_doubles (hn, total), *want = hn_doubles (hn, total);
  float *values = (float *) hn_doubles (hn, total);

  hn_describe (hn, "rows=%d n=%d spread=%g masked=%d in_place=%d", rows, n, spread, masked, in_place);
  for (size_t i = 0; i < total; i++) {
    values[i] = (float) (spread * hn_random_normal (hn));
    if (masked && i % n != 0 && hn_random (hn) % 3 == 0)
      values[i] = -INFINITY;
  }
  for (int r = 0; r < rows; r++) {
    double top = -INFINITY, sum = 0;
    for (int i = 0; i < n; i++)
      top = fmax (top, values[(size_t) r * n + i]);
    for (int i = 0; i < n; i++)
      sum += data[i] = exp (values[(size_t) r * n + i] - top);
    for (int i = 0; i < n; i++)
      want[(size_t) r * n + i] = data[i] / sum;
  }
  HnTensor x = in_place ? hn_inout (hn, total, HN_ZERO) : hn_in_data (hn, total, values);
  HnTensor y = in_place ? x : hn_out (hn, total);
  if (in_place)
    gh_upload (hn_ctx (hn), x.p, values, total * sizeof *values);
  if (hn_status (hn, gh_softmax_fwd (hn_ctx (hn), y.p, x.p, rows, n), GH_OK))
    hn_expect (hn, &y, want, HN_F32);
  hn_reset (hn);
}

/* Weights far below the largest one, each held to its own size. */
static void
check_small_weights (Hn *hn)
{
  enum { ROWS = 1600 };
  static float data[ROWS][2];
  for (int r = 0; r < ROWS; r++)
    data[r][1] = -0.05f * (float) r;
  HnTensor x = hn_in_data (hn, 2 * ROWS, data[0]), y = hn_out (hn, 2 * ROWS);

  hn_describe (hn, "weights from 1/2 to e^-80");
  if (hn_status (hn, gh_softmax_fwd (hn_ctx (hn), y.p, x.p, ROWS, 2), GH_OK)) {
    double worst = 0;
    hn_fetch (hn, &y);
    for (int r = 0; r < ROWS; r++) {
      double want = exp (data[r][1]) / (1 + exp (data[r][1]));
      worst = fmax (worst, fabs (y.host[2 * r + 1] - want) / want);
    }
    hn_require (hn, worst < 4e-7, "a weight is off by more than 4e-7 of itself");
  }
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  check_small_weights (hn);
  static const int shapes[][2] = { { 1, 1 }, { 3, 2 }, { 5, 7 }, { 4, 16 }, { 9, 33 }, { 256, 240 }, { 31, 257 },
    { 2, 8160 }, { 240, 256 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_one (hn, shapes[i][0], shapes[i][1], 1, false, false);
    check_one (hn, shapes[i][0], shapes[i][1], 30, false, true);
    check_one (hn, shapes[i][0], shapes[i][1], 1e4, false, false);
    check_one (hn, shapes[i][0], shapes[i][1], 0, false, true);
    check_one (hn, shapes[i][0], shapes[i][1], 3, true, false);
    check_one (hn, shapes[i][0], shapes[i][1], 1e36, false, false);
  }
}

/* y = softmax(x) and the slope of sum(dy softmax(x)) in every x. */
static void
expect_slopes (double *slope, float *y, const float *dy, double *x, int n)
{
  double h = 1e-5;

  for (int i = 0; i < n; i++) {
    double kept = x[i], difference = 0;
    for (int sign = 1; sign >= -1; sign -= 2) {
      double sum = 0, loss = 0;
      x[i] = kept + sign * h;
      for (int j = 0; j < n; j++) {
        sum += exp (x[j]);
        loss += dy[j] * exp (x[j]);
      }
      difference += sign * loss / sum;
    }
    x[i] = kept;
    slope[i] = difference / (2 * h);
  }
  double sum = 0;
  for (int i = 0; i < n; i++)
    sum += exp (x[i]);
  for (int i = 0; i < n; i++)
    y[i] = (float) (exp (x[i]) / sum);
}

static void
check_bwd_one (Hn *hn, int rows, int n, double spread, bool in_place)
{
  size_t total = (size_t) rows * n;
  HnTensor dy = in_place ? hn_inout (hn, total, HN_NORMAL) : hn_in (hn, total, HN_NORMAL);
  HnTensor dx = in_place ? dy : hn_out (hn, total);
  double *x = hn_doubles (hn, n), *want = hn_doubles (hn, total);
  float *values = (float *) hn_doubles (hn, total);

  hn_describe (hn, "rows=%d n=%d spread=%g in_place=%d", rows, n, spread, in_place);
  for (int r = 0; r < rows; r++) {
    for (int i = 0; i < n; i++)
      x[i] = spread * hn_random_normal (hn);
    expect_slopes (want + (size_t) r * n, values + (size_t) r * n, dy.host + (size_t) r * n, x, n);
  }
  HnTensor y = hn_in_data (hn, total, values);
  if (hn_status (hn, gh_softmax_bwd (hn_ctx (hn), dx.p, dy.p, y.p, rows, n), GH_OK))
    hn_expect (hn, &dx, want, HN_GRADIENT);
  hn_reset (hn);
}

static void
check_bwd (Hn *hn)
{
  static const int shapes[][2] = { { 3, 2 }, { 5, 7 }, { 4, 16 }, { 9, 33 }, { 40, 240 }, { 31, 257 }, { 1, 920 },
    { 600, 17 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_bwd_one (hn, shapes[i][0], shapes[i][1], 1, false);
    check_bwd_one (hn, shapes[i][0], shapes[i][1], 3, true);
    check_bwd_one (hn, shapes[i][0], shapes[i][1], 0, i & 1);
  }
}

static void
bench_fwd (Hn *hn)
{
  static const int shapes[][2] = { { 2400, 240 }, { 2560, 920 } };

  for (int i = 0; i < 2; i++) {
    size_t n = (size_t) shapes[i][0] * shapes[i][1];
    HnTensor x = hn_in (hn, n, HN_NORMAL), y = hn_out (hn, n);
    HN_BENCH (hn, 0, 8.0 * n, "%dx%d", shapes[i][0], shapes[i][1])
      gh_softmax_fwd (hn_ctx (hn), y.p, x.p, shapes[i][0], shapes[i][1]);
    hn_reset (hn);
  }
}

static void
bench_bwd (Hn *hn)
{
  int rows = 20480, n = 256;
  size_t total = (size_t) rows * n;
  HnTensor dy = hn_in (hn, total, HN_NORMAL), y = hn_in (hn, total, HN_NORMAL), dx = hn_out (hn, total);
  HN_BENCH (hn, 0, 12.0 * total, "%dx%d", rows, n)
    gh_softmax_bwd (hn_ctx (hn), dx.p, dy.p, y.p, rows, n);
}

const HnCase hn_softmax_fwd = { "softmax_fwd", check, bench_fwd };
const HnCase hn_softmax_bwd = { "softmax_bwd", check_bwd, bench_bwd };
