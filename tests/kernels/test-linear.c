/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-linear.c: products with packed weights, in every type, with bias, GELU and residual.
 *
 * The expected value rounds the operands as the type documents and then computes in double; what is left is the order
 * of sums. Beside that, each type must stay near the unrounded product: that is what gh_best_dtype() relies on.
 * For INT8 that is the only rule outside the reference: an engine rounds to what its instructions take.
 */
#include "cases.h"

#include <math.h>
#include <string.h>

enum { WITH_BIAS = 1, WITH_GELU = 2, WITH_RESIDUAL = 4, IN_PLACE = 8 };

typedef struct {
  int rows, n_out, n_in, flags;
  HnFill fill;
} Problem;

/* out[n] holds x as the type holds it; returns the scale to multiply with afterwards. */
static double
hold (double *out, const float *x, int n, GhDtype dtype)
{
  double limit = dtype == GH_DTYPE_INT16 ? 2047 : 127, top = 0;

  for (int i = 0; i < n; i++) {
    out[i] = hn_held (x[i], dtype);
    top = fmax (top, fabs (x[i]));
  }
  if (dtype == GH_DTYPE_F32 || dtype == GH_DTYPE_BF16 || top == 0)
    return 1;
  for (int i = 0; i < n; i++)
    out[i] = nearbyint (x[i] * limit / top);
  return top / limit;
}

static double
finish (double sum, const Problem *p, const float *bias, const float *residual, int row, int out)
{
  if (p->flags & WITH_BIAS)
    sum += bias[out];
  if (p->flags & WITH_GELU)
    sum *= 0.5 * (1 + erf (sum / sqrt (2)));
  if (p->flags & WITH_RESIDUAL)
    sum += residual[(size_t) row * p->n_out + out];
  return sum;
}

static void
expect_linear (Hn *hn, double *want, const Problem *p, const float *x, const float *w, const float *bias,
    const float *residual, GhDtype dtype)
{
  double *xr = hn_doubles (hn, (size_t) p->rows * p->n_in), *x_scale = hn_doubles (hn, p->rows);
  double *wr = hn_doubles (hn, p->n_in);

  for (int r = 0; r < p->rows; r++)
    x_scale[r] = hold (xr + (size_t) r * p->n_in, x + (size_t) r * p->n_in, p->n_in, dtype);
  for (int o = 0; o < p->n_out; o++) {
    double w_scale = hold (wr, w + (size_t) o * p->n_in, p->n_in, dtype);
    for (int r = 0; r < p->rows; r++) {
      double sum = 0;
      for (int i = 0; i < p->n_in; i++)
        sum += xr[(size_t) r * p->n_in + i] * wr[i];
      want[(size_t) r * p->n_out + o] = finish (sum * x_scale[r] * w_scale, p, bias, residual, r, o);
    }
  }
}

static double
relative_distance (const float *got, const double *want, size_t n)
{
  double error = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    error += pow (got[i] - want[i], 2);
    size += pow (want[i], 2);
  }
  return size > 0 ? sqrt (error / size) : 0;
}

/* Relative error of a whole product of normal numbers, against the product of the unrounded ones. */
static const double closeness[GH_N_DTYPES] = { 1e-6, 1e-2, 2e-3, 5e-2 };

static void
check_one (Hn *hn, const Problem *p, GhDtype dtype)
{
  size_t n = (size_t) p->rows * p->n_out;
  HnTensor x = hn_in (hn, (size_t) p->rows * p->n_in, p->fill), w = hn_in (hn, (size_t) p->n_out * p->n_in, HN_NORMAL);
  HnTensor bias = hn_in (hn, p->n_out, p->fill);
  HnTensor residual = p->flags & IN_PLACE ? hn_inout (hn, n, HN_NORMAL) : hn_in (hn, n, HN_NORMAL);
  HnTensor y = p->flags & IN_PLACE ? residual : hn_out (hn, n);
  double *want = hn_doubles (hn, n), *exact = hn_doubles (hn, n);
  GhPacked *packed = NULL;

  hn_describe (hn, "%s rows=%d n_out=%d n_in=%d flags=%d fill=%d", gh_dtype_name (dtype), p->rows, p->n_out, p->n_in,
      p->flags, p->fill);
  expect_linear (hn, want, p, x.host, w.host, bias.host, residual.host, dtype);
  expect_linear (hn, exact, p, x.host, w.host, bias.host, residual.host, GH_DTYPE_F32);
  if (!hn_status (hn, gh_pack (hn_ctx (hn), &packed, w.host, p->n_out, p->n_in, dtype), GH_OK)) {
    hn_reset (hn);
    return;
  }
  hn_require (hn, gh_packed_bytes (packed) > 0, "packed weights take no memory");
  GhStatus status = gh_linear_fwd (hn_ctx (hn), y.p, x.p, packed, p->flags & WITH_BIAS ? bias.p : NULL,
      p->flags & WITH_RESIDUAL ? residual.p : NULL, p->flags & WITH_GELU ? GH_ACT_GELU : GH_ACT_NONE, p->rows);
  if (hn_status (hn, status, GH_OK)) {
    bool own_rounding = dtype == GH_DTYPE_INT8 && gh_ctx_device (hn_ctx (hn)) != GH_DEVICE_REF;
    hn_expect (hn, &y, own_rounding ? exact : want, hn_tolerance_of (dtype));
    if (p->fill == HN_NORMAL && p->n_in >= 32)
      hn_require (hn, relative_distance (y.host, exact, n) < closeness[dtype], "too far from the exact product");
  }
  gh_packed_free (packed);
  hn_reset (hn);
}

static void
check (Hn *hn, GhDtype dtype)
{
  static const int shapes[][3] = { { 1, 1, 1 }, { 3, 2, 5 }, { 7, 16, 8 }, { 1, 33, 64 }, { 5, 31, 17 },
    { 13, 48, 100 }, { 72, 67, 129 }, { 12, 96, 256 }, { 33, 65, 191 }, { 240, 40, 96 }, { 1, 512, 300 },
    { 25, 130, 1024 }, { 6, 20, 2048 }, { 4, 7, 6912 } };
  static const int flags[] = { 0, WITH_BIAS, WITH_BIAS | WITH_GELU, WITH_RESIDUAL | WITH_BIAS,
    WITH_RESIDUAL | IN_PLACE | WITH_BIAS, WITH_RESIDUAL | IN_PLACE | WITH_GELU | WITH_BIAS, WITH_GELU };

  if (!gh_supports (hn_ctx (hn), dtype, NULL, NULL))
    return;
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    for (int f = 0; f < 3; f++) {
      Problem p = { shapes[i][0], shapes[i][1], shapes[i][2], flags[(3 * i + f) % 7], HN_NORMAL };
      check_one (hn, &p, dtype);
    }
  }
  static const HnFill fills[] = { HN_ZERO, HN_LARGE, HN_TINY, HN_SKEWED };
  for (int f = 0; f < 4; f++) {
    Problem p = { 9, 35, 70, WITH_BIAS, fills[f] };
    check_one (hn, &p, dtype);
  }
  for (int i = 0; i < 8; i++) {
    Problem p = { hn_random_int (hn, 1, 60), hn_random_int (hn, 1, 150), hn_random_int (hn, 1, 200),
      flags[i % 7], HN_NORMAL };
    check_one (hn, &p, dtype);
  }
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
check_int16 (Hn *hn)
{
  check (hn, GH_DTYPE_INT16);
}

static void
check_int8 (Hn *hn)
{
  check (hn, GH_DTYPE_INT8);
}

static void
bench_shape (Hn *hn, GhDtype dtype, int rows, int n_out, int n_in)
{
  HnTensor x = hn_in (hn, (size_t) rows * n_in, HN_NORMAL), w = hn_in (hn, (size_t) n_out * n_in, HN_NORMAL);
  HnTensor bias = hn_in (hn, n_out, HN_NORMAL), y = hn_out (hn, (size_t) rows * n_out);
  GhPacked *packed;
  const char *engine;

  if (gh_supports (hn_ctx (hn), dtype, NULL, &engine)
      && gh_pack (hn_ctx (hn), &packed, w.host, n_out, n_in, dtype) == GH_OK) {
    HN_BENCH (hn, 2.0 * rows * n_out * n_in, 0, "%s %dx%dx%d", gh_dtype_name (dtype), rows, n_out, n_in)
      gh_linear_fwd (hn_ctx (hn), y.p, x.p, packed, bias.p, NULL, GH_ACT_NONE, rows);
    gh_packed_free (packed);
  }
  hn_reset (hn);
}

/* The products of one encoder layer of the almacam configuration, and its patch projection. */
static void
bench (Hn *hn, GhDtype dtype)
{
  bench_shape (hn, dtype, 240, 1920, 1024);
  bench_shape (hn, dtype, 240, 1024, 640);
  bench_shape (hn, dtype, 240, 2048, 1024);
  bench_shape (hn, dtype, 240, 1024, 2048);
  bench_shape (hn, dtype, 240, 1024, 6912);
  bench_shape (hn, dtype, 72, 2048, 1024);
  bench_shape (hn, dtype, 1, 512, 1024);
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

static void
bench_int16 (Hn *hn)
{
  bench (hn, GH_DTYPE_INT16);
}

static void
bench_int8 (Hn *hn)
{
  bench (hn, GH_DTYPE_INT8);
}

const HnCase hn_linear_f32 = { "linear_fwd_f32", check_f32, bench_f32 };
const HnCase hn_linear_bf16 = { "linear_fwd_bf16", check_bf16, bench_bf16 };
const HnCase hn_linear_int16 = { "linear_fwd_int16", check_int16, bench_int16 };
const HnCase hn_linear_int8 = { "linear_fwd_int8", check_int8, bench_int8 };
