/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-tensor-cores.cc: that kernels/cuda/tensor-cores.h computes in the emulation what a warp's instructions would,
 * against plain loops, and that a kernel which does not wait for what it has asked for is caught.
 */
#include "test-emulation.h"
#include "kernels/cuda/tensor-cores.h"

namespace {
enum { M = 16, N = 64, K = 64, LD = K + 8 };
enum Fault { NONE, NO_WAIT, NO_BARRIER, WAITS_TOO_LITTLE };
}

/* c[M,N] = a[M,K] b, by one warp of two: b is [N,K] with its rows as columns, or [K,N] as it stands. Each warp has half
 * of the columns, and b comes in two groups of rows. */
template <Fault fault> static __global__ void
multiply (float *c, const GhBf16 *a, const GhBf16 *b, bool turned)
{
  GhBf16 *tile = (GhBf16 *) gh_emulated_shared ();      /* [64][LD] */
  int lane = threadIdx.x % 32, g = lane / 4, i = lane % 4, n0 = threadIdx.x / 32 * 32;
  float sums[4][4] = { };

  for (int half = 0; half < 2; half++) {
    for (int at = threadIdx.x; at < 32 * 8; at += blockDim.x) {
      int row = half * 32 + at / 8, d = at % 8 * 8;
      gh_copy_async (tile + row * LD + d, b + row * 64 + d, 16);
    }
    gh_copy_commit ();
  }
  if (fault == WAITS_TOO_LITTLE)
    gh_copy_wait<1> ();
  else if (fault != NO_WAIT)
    gh_copy_wait<0> ();
  if (fault != NO_BARRIER)
    __syncthreads ();
  for (int k = 0; k < K; k += 16) {
    const GhBf16 *row = a + g * K + k + 2 * i;
    unsigned left[4] = { *(const unsigned *) row, *(const unsigned *) (row + 8 * K), *(const unsigned *) (row + 8),
      *(const unsigned *) (row + 8 * K + 8) };
    for (int n = 0; n < 4; n += 2) {
      unsigned right[4];
      if (turned)
        gh_load_matrices_turned (right, tile + (k + lane % 16) * LD + n0 + n * 8 + lane / 16 * 8);
      else
        gh_load_matrices (right, tile + (n0 + n * 8 + lane / 16 * 8 + lane % 8) * LD + k + lane / 8 % 2 * 8);
      gh_mma (sums[n], left, right[0], right[1]);
      gh_mma (sums[n + 1], left, right[2], right[3]);
    }
  }
  for (int n = 0; n < 4; n++) {
    for (int j = 0; j < 4; j++)
      c[(g + j / 2 * 8) * N + n0 + n * 8 + 2 * i + j % 2] = sums[n][j];
  }
}

template <Fault fault> static bool
is_right ()
{
  std::vector<GhBf16> a (M * K), b (64 * 64);

  for (size_t i = 0; i < a.size (); i++)
    a[i] = gh_to_bf16 ((float) (i * 37 % 29) - 14);
  for (size_t i = 0; i < b.size (); i++)
    b[i] = gh_to_bf16 ((float) (i * 53 % 31) - 15);
  for (bool turned : { false, true }) {
    Device<GhBf16> left (a), right (b);
    Device<float> to (M * N);
    gh_emulate_launch (dim3 (1), dim3 (64), 64 * LD * sizeof (GhBf16),
        [&] { multiply<fault> (to.p, left.p, right.p, turned); });
    std::vector<float> got = to.read ();
    for (int m = 0; m < M; m++) {
      for (int n = 0; n < N; n++) {
        float want = 0;
        for (int k = 0; k < K; k++)
          want += gh_from_bf16 (a[m * K + k]) * gh_from_bf16 (b[turned ? k * 64 + n : n * 64 + k]);
        if (got[m * N + n] != want)
          return false;
      }
    }
  }
  return true;
}

/* In how many of the orders a result was wrong. */
static int
count_caught (bool (*right) ())
{
  int caught = 0;

  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    caught += !right ();
  }
  unsetenv ("GST_HEADS_EMULATION_ORDER");
  return caught;
}

static void
test_zero_fill ()
{
  std::vector<GhBf16> from (8, 7);
  Device<GhBf16> global (from), to (8);

  gh_emulate_launch (dim3 (1), dim3 (1), 16, [&] {
    GhBf16 *shared = (GhBf16 *) gh_emulated_shared ();
    gh_copy_async (shared, nullptr, 0);
    gh_copy_commit ();
    gh_copy_wait<0> ();
    for (int i = 0; i < 8; i++)
      to.p[i] = shared[i];
  });
  CHECK (to.read () == std::vector<GhBf16> (8, 0));
}

/* What one block had under way is nothing to the next. */
static void
test_forgotten ()
{
  std::vector<GhBf16> from (8, 7);
  Device<GhBf16> global (from), to (8);

  gh_emulate_launch (dim3 (2), dim3 (1), 16, [&] {
    GhBf16 *shared = (GhBf16 *) gh_emulated_shared ();
    if (blockIdx.x == 0) {
      gh_copy_async (shared, global.p, 16);
      gh_copy_commit ();
    } else {
      gh_copy_wait<0> ();
      for (int i = 0; i < 8; i++)
        to.p[i] = shared[i];
    }
  });
  CHECK (to.read () == std::vector<GhBf16> (8, 0xffff));
}

static void
test_unaligned ()
{
  End end = run_in_child ([] {
    gh_emulate_launch (dim3 (1), dim3 (1), 32, [] {
      GhBf16 *shared = (GhBf16 *) gh_emulated_shared ();
      gh_copy_async (shared + 1, shared + 8, 16);
    });
    return 0;
  });

  CHECK (WIFSIGNALED (end.status) && says (end, "not aligned to 16 bytes"));
}

int
main ()
{
  const int all = sizeof orders / sizeof orders[0];

  CHECK (count_caught (is_right<NONE>) == 0);
  CHECK (count_caught (is_right<NO_WAIT>) == all);
  CHECK (count_caught (is_right<WAITS_TOO_LITTLE>) == all);
  CHECK (count_caught (is_right<NO_BARRIER>) > 0);
  setenv ("GST_HEADS_EMULATION_ORDER", "forward", 1);
  test_zero_fill ();
  test_forgotten ();
  test_unaligned ();
  return check_result ();
}
