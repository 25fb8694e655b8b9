/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-linear-weight.c: the gradients of a linear layer's weights and bias, and of its input, where the back end
 * multiplies with packed weights either way.
 */
#include "cases.h"

#include <math.h>

static void
check_one (Hn *hn, int rows, int n_out, int n_in, GhDtype dtype, HnFill fill, bool with_bias)
{
  HnTensor dy = hn_in (hn, (size_t) rows * n_out, fill), x = hn_in (hn, (size_t) rows * n_in, HN_NORMAL);
  HnTensor dw = hn_inout (hn, (size_t) n_out * n_in, HN_NORMAL), db = hn_inout (hn, n_out, HN_NORMAL);
  double *want = hn_doubles (hn, dw.n), *want_bias = hn_doubles (hn, n_out), *xr = hn_doubles (hn, n_in);

  hn_describe (hn, "%s rows=%d n_out=%d n_in=%d fill=%d bias=%d", gh_dtype_name (dtype), rows, n_out, n_in, fill,
      with_bias);
  for (size_t i = 0; i < dw.n; i++)
    want[i] = dw.host[i];
  for (int o = 0; o < n_out; o++)
    want_bias[o] = db.host[o];
  for (int r = 0; r < rows; r++) {
    for (int i = 0; i < n_in; i++)
      xr[i] = hn_held (x.host[(size_t) r * n_in + i], dtype);
    for (int o = 0; o < n_out; o++) {
      double d = dy.host[(size_t) r * n_out + o], d_held = hn_held (d, dtype);
      want_bias[o] += with_bias ? d : 0;
      for (int i = 0; i < n_in; i++)
        want[(size_t) o * n_in + i] += d_held * xr[i];
    }
  }
  GhStatus status = gh_linear_bwd_weight (hn_ctx (hn), dw.p, with_bias ? db.p : NULL, dy.p, x.p, dtype, rows, n_out,
      n_in);
  if (hn_status (hn, status, GH_OK)) {
    hn_expect (hn, &dw, want, hn_tolerance_of (dtype));
    hn_expect (hn, &db, want_bias, HN_F32);
  }
  hn_reset (hn);
}

static void
check (Hn *hn, GhDtype dtype)
{
  static const int shapes[][3] = { { 1, 1, 1 }, { 3, 2, 5 }, { 7, 16, 8 }, { 1, 33, 64 }, { 64, 31, 17 },
    { 13, 48, 100 }, { 72, 67, 129 }, { 257, 96, 48 }, { 600, 65, 33 }, { 240, 250, 200 }, { 2, 512, 300 },
    { 25, 13, 1030 }, { 1300, 5, 7 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], dtype, HN_NORMAL, true);
    check_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], dtype, i & 1 ? HN_SKEWED : HN_LARGE, i & 2);
  }
  check_one (hn, 9, 35, 70, dtype, HN_ZERO, true);
  check_one (hn, 9, 35, 70, dtype, HN_TINY, true);
  for (int i = 0; i < 8; i++)
    check_one (hn, hn_random_int (hn, 1, 300), hn_random_int (hn, 1, 150), hn_random_int (hn, 1, 200), dtype,
        HN_NORMAL, i & 1);
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

/* The layers of an encoder over the kept tokens of 8 images, of the decoder over all, and the patch projection. */
static void
bench (Hn *hn, GhDtype dtype)
{
  static const int shapes[][3] = { { 576, 1920, 1024 }, { 576, 2048, 1024 }, { 576, 1024, 2048 }, { 576, 1024, 6912 },
    { 1920, 512, 512 }, { 1920, 2048, 512 }, { 1344, 6912, 512 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    int rows = shapes[i][0], n_out = shapes[i][1], n_in = shapes[i][2];
    HnTensor dy = hn_in (hn, (size_t) rows * n_out, HN_NORMAL), x = hn_in (hn, (size_t) rows * n_in, HN_NORMAL);
    HnTensor dw = hn_inout (hn, (size_t) n_out * n_in, HN_ZERO), db = hn_inout (hn, n_out, HN_ZERO);
    HN_BENCH (hn, 2.0 * rows * n_out * n_in, 0, "%s %dx%dx%d", gh_dtype_name (dtype), rows, n_out, n_in)
      gh_linear_bwd_weight (hn_ctx (hn), dw.p, db.p, dy.p, x.p, dtype, rows, n_out, n_in);
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

static void
check_input_one (Hn *hn, int rows, int n_out, int n_in, GhDtype dtype)
{
  HnTensor dy = hn_in (hn, (size_t) rows * n_out, HN_NORMAL), w = hn_in (hn, (size_t) n_out * n_in, HN_NORMAL);
  HnTensor dx = hn_out (hn, (size_t) rows * n_in);
  double *want = hn_doubles (hn, dx.n);
  GhPacked *packed = NULL;

  hn_describe (hn, "%s rows=%d n_out=%d n_in=%d", gh_dtype_name (dtype), rows, n_out, n_in);
  for (int r = 0; r < rows; r++) {
    for (int o = 0; o < n_out; o++) {
      double d = hn_held (dy.host[(size_t) r * n_out + o], dtype);
      for (int i = 0; i < n_in; i++)
        want[(size_t) r * n_in + i] += d * hn_held (w.host[(size_t) o * n_in + i], dtype);
    }
  }
  hn_status (hn, gh_pack (hn_ctx (hn), &packed, w.host, n_out, n_in, dtype), GH_OK);
  bool can = gh_multiplies_back (hn_ctx (hn));
  if (hn_status (hn, gh_linear_bwd_input (hn_ctx (hn), dx.p, dy.p, packed, rows), can ? GH_OK : GH_UNSUPPORTED) && can)
    hn_expect (hn, &dx, want, hn_tolerance_of (dtype));
  gh_packed_free (packed);
  hn_reset (hn);
}

static void
check_input (Hn *hn)
{
  static const int shapes[][3] = { { 1, 1, 1 }, { 3, 2, 5 }, { 7, 16, 8 }, { 1, 33, 64 }, { 64, 31, 17 }, { 72, 67, 129 },
    { 240, 250, 200 }, { 25, 13, 530 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    check_input_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], GH_DTYPE_F32);
    check_input_one (hn, shapes[i][0], shapes[i][1], shapes[i][2], GH_DTYPE_BF16);
  }
}

const HnCase hn_linear_weight_f32 = { "linear_bwd_weight_f32", check_f32, bench_f32 };
const HnCase hn_linear_weight_bf16 = { "linear_bwd_weight_bf16", check_bf16, bench_bf16 };
const HnCase hn_linear_bwd_input = { "linear_bwd_input", check_input, NULL };
