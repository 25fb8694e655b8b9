/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-layernorm.c: layer normalisation, and its gradients against central differences.
 */
#include "cases.h"

#include <math.h>

static const int shapes[][2] = { { 1, 1 }, { 1, 7 }, { 3, 5 }, { 2, 8 }, { 5, 31 }, { 7, 64 }, { 1, 100 }, { 13, 127 },
  { 33, 65 }, { 240, 1024 }, { 72, 512 }, { 197, 768 }, { 65, 1280 } };
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void
normalise (double *y, double *mean, double *rstd, const float *x, const float *w, const float *b, int C, double eps)
{
  double sum = 0, square = 0;
  for (int c = 0; c < C; c++)
    sum += x[c];
  *mean = sum / C;
  for (int c = 0; c < C; c++)
    square += pow (x[c] - *mean, 2);
  *rstd = 1 / sqrt (square / C + eps);
  for (int c = 0; c < C; c++)
    y[c] = (x[c] - *mean) * *rstd * w[c] + b[c];
}

static void
check_one (Hn *hn, int rows, int C, HnFill fill, bool keep_statistics, bool in_place)
{
  size_t n = (size_t) rows * C;
  HnTensor x = in_place ? hn_inout (hn, n, fill) : hn_in (hn, n, fill), y = in_place ? x : hn_out (hn, n);
  HnTensor w = hn_in (hn, C, HN_NORMAL), b = hn_in (hn, C, HN_NORMAL);
  HnTensor mean = hn_out (hn, rows), rstd = hn_out (hn, rows);
  double *want = hn_doubles (hn, n), *want_mean = hn_doubles (hn, rows), *want_rstd = hn_doubles (hn, rows);
  float eps = fill == HN_NORMAL ? 1e-6f : 1e-5f;

  hn_describe (hn, "rows=%d C=%d fill=%d statistics=%d in_place=%d", rows, C, fill, keep_statistics, in_place);
  for (int r = 0; r < rows; r++)
    normalise (want + (size_t) r * C, want_mean + r, want_rstd + r, x.host + (size_t) r * C, w.host, b.host, C, eps);
  GhStatus status = gh_layernorm_fwd (hn_ctx (hn), y.p, keep_statistics ? mean.p : NULL,
      keep_statistics ? rstd.p : NULL, x.p, w.p, b.p, rows, C, eps);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &y, want, HN_F32);
    if (keep_statistics) {
      hn_expect (hn, &mean, want_mean, HN_F32);
      hn_expect (hn, &rstd, want_rstd, HN_F32);
    }
  }
  hn_reset (hn);
}

static void
check_fwd (Hn *hn)
{
  static const HnFill fills[] = { HN_NORMAL, HN_ZERO, HN_LARGE, HN_TINY, HN_SKEWED };

  for (int i = 0; i < N_SHAPES; i++) {
    for (int f = 0; f < 5; f++)
      check_one (hn, shapes[i][0], shapes[i][1], fills[f], f & 1, false);
    check_one (hn, shapes[i][0], shapes[i][1], HN_NORMAL, true, false);
    check_one (hn, shapes[i][0], shapes[i][1], HN_NORMAL, false, true);
  }
  for (int i = 0; i < 10; i++)
    check_one (hn, hn_random_int (hn, 1, 50), hn_random_int (hn, 1, 300), HN_NORMAL, true, false);
}

/* sum(dy * layernorm(x)) for one row, with x[at], w[at] or b[at] moved by h. */
static double
loss_moved (const float *dy, const float *x, const float *w, const float *b, int C, double eps, char what, int at,
    double h)
{
  double sum = 0, square = 0, loss = 0;
  for (int c = 0; c < C; c++)
    sum += x[c] + (what == 'x' && c == at ? h : 0);
  for (int c = 0; c < C; c++)
    square += pow (x[c] + (what == 'x' && c == at ? h : 0) - sum / C, 2);
  for (int c = 0; c < C; c++) {
    double xh = (x[c] + (what == 'x' && c == at ? h : 0) - sum / C) / sqrt (square / C + eps);
    loss += dy[c] * (xh * (w[c] + (what == 'w' && c == at ? h : 0)) + b[c] + (what == 'b' && c == at ? h : 0));
  }
  return loss;
}

static double
slope (const float *dy, const float *x, const float *w, const float *b, int C, double eps, char what, int at)
{
  double h = 1e-5;
  return (loss_moved (dy, x, w, b, C, eps, what, at, h) - loss_moved (dy, x, w, b, C, eps, what, at, -h)) / (2 * h);
}

/* Where dx goes, and what is added to it. */
typedef enum { APART, ADDS, ADDS_IN_PLACE, OVER_DY, OVER_DY_ADDS, N_PLACES } Place;

static void
check_bwd_one (Hn *hn, int rows, int C, HnFill fill, Place place)
{
  size_t n = (size_t) rows * C;
  bool over_dy = place == OVER_DY || place == OVER_DY_ADDS, adds = place != APART && place != OVER_DY;
  HnTensor x = hn_in (hn, n, fill), w = hn_in (hn, C, HN_NORMAL);
  HnTensor dy = over_dy ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor residual = place == ADDS_IN_PLACE ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor dx = over_dy ? dy : place == ADDS_IN_PLACE ? residual : hn_out (hn, n);
  HnTensor dw = hn_inout (hn, C, HN_NORMAL), db = hn_inout (hn, C, HN_NORMAL);
  double *want_x = hn_doubles (hn, n), *want_w = hn_doubles (hn, C), *want_b = hn_doubles (hn, C);
  double *work = hn_doubles (hn, C), mean, rstd;
  HnTensor zero = hn_in (hn, C, HN_ZERO);
  float means[1024], rstds[1024];
  double eps = 1e-5;

  hn_describe (hn, "rows=%d C=%d fill=%d place=%d", rows, C, fill, place);
  for (int c = 0; c < C; c++) {
    want_w[c] = dw.host[c];
    want_b[c] = db.host[c];
  }
  for (int r = 0; r < rows; r++) {
    const float *xr = x.host + (size_t) r * C, *dyr = dy.host + (size_t) r * C;
    normalise (work, &mean, &rstd, xr, w.host, zero.host, C, eps);
    means[r] = (float) mean;
    rstds[r] = (float) rstd;
    for (int c = 0; c < C; c++) {
      want_x[(size_t) r * C + c] = slope (dyr, xr, w.host, zero.host, C, eps, 'x', c)
          + (adds ? residual.host[(size_t) r * C + c] : 0);
      want_w[c] += slope (dyr, xr, w.host, zero.host, C, eps, 'w', c);
      want_b[c] += slope (dyr, xr, w.host, zero.host, C, eps, 'b', c);
    }
  }
  HnTensor m = hn_in_data (hn, rows, means), s = hn_in_data (hn, rows, rstds);
  GhStatus status = gh_layernorm_bwd (hn_ctx (hn), dx.p, dw.p, db.p, dy.p, x.p, w.p, m.p, s.p,
      adds ? residual.p : NULL, rows, C);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &dx, want_x, HN_GRADIENT);
    hn_expect (hn, &dw, want_w, HN_F32);
    hn_expect (hn, &db, want_b, HN_F32);
  }
  hn_reset (hn);
}

static void
check_bwd (Hn *hn)
{
  static const int small[][2] = { { 2, 9 }, { 3, 5 }, { 1, 64 }, { 33, 31 }, { 70, 17 }, { 131, 40 }, { 5, 128 } };

  for (int i = 0; i < 7; i++) {
    check_bwd_one (hn, small[i][0], small[i][1], HN_NORMAL, (Place) (i % N_PLACES));
    check_bwd_one (hn, small[i][0], small[i][1], HN_SKEWED, (Place) ((i + 2) % N_PLACES));
  }
  for (int place = 0; place < N_PLACES; place++)
    check_bwd_one (hn, 3, 37, HN_NORMAL, (Place) place);
  check_bwd_one (hn, 9, 512, HN_NORMAL, ADDS_IN_PLACE);
}

static void
bench_fwd (Hn *hn)
{
  int rows = 240, C = 1024;
  HnTensor x = hn_in (hn, (size_t) rows * C, HN_NORMAL), y = hn_out (hn, (size_t) rows * C);
  HnTensor w = hn_in (hn, C, HN_NORMAL), b = hn_in (hn, C, HN_NORMAL);
  HN_BENCH (hn, 0, 8.0 * rows * C, "%dx%d", rows, C)
    gh_layernorm_fwd (hn_ctx (hn), y.p, NULL, NULL, x.p, w.p, b.p, rows, C, 1e-6f);
}

static void
bench_bwd (Hn *hn)
{
  int rows = 960, C = 1024;
  size_t n = (size_t) rows * C;
  HnTensor x = hn_in (hn, n, HN_NORMAL), dy = hn_in (hn, n, HN_NORMAL), dx = hn_out (hn, n);
  HnTensor w = hn_in (hn, C, HN_NORMAL), dw = hn_inout (hn, C, HN_ZERO), db = hn_inout (hn, C, HN_ZERO);
  HnTensor mean = hn_in (hn, rows, HN_ZERO), rstd = hn_in (hn, rows, HN_SKEWED);
  HN_BENCH (hn, 0, 12.0 * n, "%dx%d", rows, C)
    gh_layernorm_bwd (hn_ctx (hn), dx.p, dw.p, db.p, dy.p, x.p, w.p, mean.p, rstd.p, NULL, rows, C);
}

const HnCase hn_layernorm_fwd = { "layernorm_fwd", check_fwd, bench_fwd };
const HnCase hn_layernorm_bwd = { "layernorm_bwd", check_bwd, bench_bwd };
