/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-pinv-bwd.c: the gradient of the pseudo-inverse iteration: small matrices against central differences, with the
 * start's scale held fast, larger ones against the step multiplied out, Z' = (13 Z - 15 Z P + 7 Z P P - Z P P P) / 4.
 */
#include "cases.h"

#include <math.h>
#include <string.h>

enum { TRANS_A = 1, TRANS_B = 2 };

/* c = scale op(a) op(b) + keep c, all [M,M]. */
static void
product (double *c, double scale, const double *a, const double *b, int trans, double keep, int M)
{
  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++) {
      double sum = 0;
      for (int k = 0; k < M; k++)
        sum += (trans & TRANS_A ? a[k * M + i] : a[i * M + k]) * (trans & TRANS_B ? b[j * M + k] : b[k * M + j]);
      c[i * M + j] = scale * sum + (keep != 0 ? keep * c[i * M + j] : 0);
    }
  }
}

static double
start_scale (const float *a, int M)
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
  return rows > 0 ? 1 / (rows * cols) : 0;
}

/* One step from z; work is [4,M,M] and keeps P, Z P, Z P P in its first three. */
static void
step (double *z_next, const double *z, const double *a, double *work, int M)
{
  int n = M * M;
  double *p = work, *zp = p + n, *zpp = zp + n, *zppp = zpp + n;

  product (p, 1, a, z, 0, 0, M);
  product (zp, 1, z, p, 0, 0, M);
  product (zpp, 1, zp, p, 0, 0, M);
  product (zppp, 1, zpp, p, 0, 0, M);
  for (int i = 0; i < n; i++)
    z_next[i] = (13 * z[i] - 15 * zp[i] + 7 * zpp[i] - zppp[i]) / 4;
}

/* z[iters+1,M,M]: every Z from the start on. */
static void
iterate (double *z, const double *a, double scale, double *work, int M, int iters)
{
  int n = M * M;

  for (int i = 0; i < n; i++)
    z[i % M * M + i / M] = scale * a[i];
  for (int t = 0; t < iters; t++)
    step (z + (t + 1) * n, z + t * n, a, work, M);
}

static void
differences (double *da, const float *dz, double *a, double scale, double *z, double *work, int M, int iters)
{
  int n = M * M;

  for (int i = 0; i < n; i++) {
    double h = 1e-6, kept = a[i], sum = 0;
    for (int sign = -1; sign <= 1; sign += 2) {
      a[i] = kept + sign * h;
      iterate (z, a, scale, work, M, iters);
      for (int j = 0; j < n; j++)
        sum += sign * dz[j] * z[iters * n + j];
    }
    da[i] = sum / (2 * h);
    a[i] = kept;
  }
}

/* work[8,M,M]: what step() keeps, then the gradients of P and Z, and one more. */
static void
matrices (double *da, const float *dz, double *a, double scale, double *z, double *work, int M, int iters)
{
  int n = M * M;
  double *p = work, *zp = p + n, *zpp = zp + n, *gp = work + 4 * n, *g = gp + n, *inner = g + n;

  iterate (z, a, scale, work, M, iters);
  for (int i = 0; i < n; i++) {
    g[i] = dz[i];
    da[i] = 0;
  }
  for (int t = iters - 1; t >= 0; t--) {
    const double *power[] = { z + t * n, zp, zpp };
    static const double factor[] = { 13 / 4.0, -15 / 4.0, 7 / 4.0 };
    double *next = inner + n;

    step (next, z + t * n, a, work, M);
    memset (gp, 0, n * sizeof *gp);
    for (int i = 0; i < n; i++)
      inner[i] = -g[i] / 4;
    for (int k = 2; k >= 0; k--) {
      product (gp, 1, power[k], inner, TRANS_A, 1, M);
      product (next, 1, inner, p, TRANS_B, 0, M);
      for (int i = 0; i < n; i++)
        inner[i] = next[i] + factor[k] * g[i];
    }
    product (da, 1, gp, z + t * n, TRANS_B, 1, M);
    product (inner, 1, a, gp, TRANS_A, 1, M);
    memcpy (g, inner, n * sizeof *g);
  }
  for (int i = 0; i < n; i++)
    da[i] += scale * g[i % M * M + i / M];
}

/* Rows of a softmax. */
static void
fill_softmax (Hn *hn, float *a, int rows, int M, double spread)
{
  for (int r = 0; r < rows; r++, a += M) {
    double sum = 0;
    for (int j = 0; j < M; j++)
      sum += a[j] = (float) exp (spread * hn_random_normal (hn));
    for (int j = 0; j < M; j++)
      a[j] = (float) (a[j] / sum);
  }
}

static void
check_one (Hn *hn, int count, int M, int iters, double spread,
    void (*gradient) (double *, const float *, double *, double, double *, double *, int, int))
{
  size_t n = (size_t) M * M;
  float *data = (float *) hn_doubles (hn, count * n), *z_data = (float *) hn_doubles (hn, iters * count * n);
  double *want = hn_doubles (hn, count * n), *ad = hn_doubles (hn, n), *work = hn_doubles (hn, 8 * n);
  double *z = hn_doubles (hn, (iters + 1) * n);

  hn_describe (hn, "count=%d M=%d iters=%d spread=%g", count, M, iters, spread);
  if (spread > 0)
    fill_softmax (hn, data, count * M, M, spread);
  HnTensor dz = hn_in (hn, count * n, HN_NORMAL), da = hn_out (hn, count * n);
  for (int c = 0; c < count; c++) {
    double scale = start_scale (data + c * n, M);
    for (size_t i = 0; i < n; i++)
      ad[i] = data[c * n + i];
    gradient (want + c * n, dz.host + c * n, ad, scale, z, work, M, iters);
    iterate (z, ad, scale, work, M, iters);
    for (int t = 0; t < iters; t++) {
      for (size_t i = 0; i < n; i++)
        z_data[(t * (size_t) count + c) * n + i] = (float) z[t * n + i];
    }
  }
  HnTensor a = hn_in_data (hn, count * n, data), trail = hn_in_data (hn, iters * count * n, z_data);
  if (hn_status (hn, gh_pinv_bwd (hn_ctx (hn), da.p, dz.p, a.p, trail.p, count, M, iters), GH_OK))
    hn_expect (hn, &da, want, HN_GRADIENT);
  hn_reset (hn);
}

static void
check (Hn *hn)
{
  static const int small[][2] = { { 1, 1 }, { 3, 2 }, { 2, 5 }, { 3, 8 } };
  static const int large[][2] = { { 3, 2 }, { 2, 17 }, { 2, 31 }, { 1, 64 }, { 2, 33 } };

  for (int i = 0; i < 4; i++) {
    check_one (hn, small[i][0], small[i][1], 6, 1, differences);
    check_one (hn, small[i][0], small[i][1], 1 + i % 3, 0.33, differences);
  }
  for (int i = 0; i < 5; i++) {
    check_one (hn, large[i][0], large[i][1], 6, 1, matrices);
    check_one (hn, large[i][0], large[i][1], 3, 0.5, matrices);
  }
  check_one (hn, 2, 7, 6, 0, matrices);
  check_one (hn, 8200, 8, 1, 1, matrices);      /* more than are worked on at a time */
}

static void
bench (Hn *hn)
{
  static const int shapes[][2] = { { 2, 256 }, { 80, 64 } };

  for (int i = 0; i < 2; i++) {
    int count = shapes[i][0], M = shapes[i][1], iters = 6;
    size_t n = (size_t) count * M * M;
    float *data = (float *) hn_doubles (hn, n);
    fill_softmax (hn, data, count * M, M, 1);
    HnTensor a = hn_in_data (hn, n, data), trail = hn_out (hn, iters * n), z = hn_out (hn, n);
    HnTensor dz = hn_in (hn, n, HN_NORMAL), da = hn_out (hn, n);
    gh_pinv_fwd (hn_ctx (hn), z.p, trail.p, a.p, count, M, iters);
    HN_BENCH (hn, iters * 22.0 * n * M, 0, "%dx %dx%d, %d iterations", count, M, M, iters)
      gh_pinv_bwd (hn_ctx (hn), da.p, dz.p, a.p, trail.p, count, M, iters);
    hn_reset (hn);
  }
}

const HnCase hn_pinv_bwd = { "pinv_bwd", check, bench };
