/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-pack-update.c: weights packed anew, as they are and transposed. Multiplied with the identity they come back as
 * the type holds them, whatever the layout.
 */
#include "cases.h"

#include <math.h>

static void
check_weights (Hn *hn, const GhPacked *packed, HnTensor identity, const float *w, bool transposed, int n_out, int n_in,
    GhDtype dtype)
{
  HnTensor y = hn_out (hn, (size_t) n_in * n_out);
  double *want = hn_doubles (hn, y.n);

  for (int i = 0; i < n_in; i++) {
    for (int o = 0; o < n_out; o++)
      want[(size_t) i * n_out + o] = hn_held (w[transposed ? (size_t) i * n_out + o : (size_t) o * n_in + i], dtype);
  }
  if (hn_status (hn, gh_linear_fwd (hn_ctx (hn), y.p, identity.p, packed, NULL, NULL, GH_ACT_NONE, n_in), GH_OK))
    hn_expect (hn, &y, want, HN_EXACT);
}

static void
check_one (Hn *hn, int n_out, int n_in, GhDtype dtype, HnFill fill)
{
  size_t n = (size_t) n_out * n_in;
  HnTensor first = hn_in (hn, n, HN_NORMAL);
  float *eye = (float *) hn_doubles (hn, (size_t) n_in * n_in);
  GhPacked *packed;

  hn_describe (hn, "%s n_out=%d n_in=%d fill=%d", gh_dtype_name (dtype), n_out, n_in, fill);
  for (int i = 0; i < n_in; i++)
    eye[(size_t) i * (n_in + 1)] = 1;
  HnTensor identity = hn_in_data (hn, (size_t) n_in * n_in, eye);
  if (!hn_status (hn, gh_pack (hn_ctx (hn), &packed, first.host, n_out, n_in, dtype), GH_OK))
    return;
  for (int round = 0; round < 3; round++) {
    HnTensor w = hn_in (hn, n, fill);
    bool transposed = round != 1;
    if (hn_status (hn, gh_pack_update (hn_ctx (hn), packed, w.p, transposed), GH_OK))
      check_weights (hn, packed, identity, w.host, transposed, n_out, n_in, dtype);
  }
  gh_packed_free (packed);
  hn_reset (hn);
}

static void
check (Hn *hn, GhDtype dtype)
{
  static const int shapes[][2] = { { 1, 1 }, { 2, 5 }, { 16, 8 }, { 8, 16 }, { 33, 64 }, { 31, 17 }, { 64, 33 },
    { 48, 100 }, { 67, 129 }, { 130, 513 }, { 16, 520 }, { 200, 3 }, { 1, 40 } };

  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    check_one (hn, shapes[i][0], shapes[i][1], dtype, i % 3 == 2 ? HN_TINY : HN_NORMAL);
  for (int i = 0; i < 10; i++)
    check_one (hn, hn_random_int (hn, 1, 150), hn_random_int (hn, 1, 150), dtype, HN_NORMAL);
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
  static const int shapes[][2] = { { 2048, 1024 }, { 1920, 1024 }, { 1024, 6912 } };

  for (int i = 0; i < 3; i++) {
    int n_out = shapes[i][0], n_in = shapes[i][1];
    size_t n = (size_t) n_out * n_in;
    HnTensor w = hn_in (hn, n, HN_NORMAL);
    GhPacked *packed;
    if (gh_pack (hn_ctx (hn), &packed, w.host, n_out, n_in, dtype) != GH_OK)
      continue;
    for (int transposed = 0; transposed < 2; transposed++) {
      HN_BENCH (hn, 0, (dtype == GH_DTYPE_F32 ? 8.0 : 6.0) * n, "%s %dx%d%s", gh_dtype_name (dtype), n_out, n_in,
          transposed ? " transposed" : "")
        gh_pack_update (hn_ctx (hn), packed, w.p, transposed);
    }
    gh_packed_free (packed);
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

const HnCase hn_pack_update_f32 = { "pack_update_f32", check_f32, bench_f32 };
const HnCase hn_pack_update_bf16 = { "pack_update_bf16", check_bf16, bench_bf16 };
