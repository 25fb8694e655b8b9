/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-planted-faults.cc: that kernels with a barrier missing or an index that is off are caught, each by a wrong
 * result, the guards around memory or the address sanitizer, while the same kernels without a fault pass in all orders.
 */
#include "test-emulation.h"

#ifdef __SANITIZE_ADDRESS__
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif

namespace {
enum Fault { NONE, NO_BARRIER, NO_SECOND_BARRIER, WRITES_BEYOND, READS_BEYOND, WRITES_BEYOND_SHARED };
enum { TILE = 16, THREADS = 128 };
}

/* to[cols,rows] is from[rows,cols] transposed, by tiles: a block per row of tiles. */
template <Fault fault> static __global__ void
transpose (float *to, const float *from, int rows, int cols)
{
  float *tile = (float *) gh_emulated_shared ();        /* [TILE][TILE+1] */
  int x = threadIdx.x, y = threadIdx.y, row0 = blockIdx.x * TILE;
  int last = fault == WRITES_BEYOND ? rows + 1 : rows, pitch = fault == WRITES_BEYOND_SHARED ? TILE + 2 : TILE + 1;

  for (int col0 = 0; col0 < cols; col0 += TILE) {
    if (row0 + y < rows && col0 + x < cols)
      tile[y * pitch + x] = from[(row0 + y) * cols + col0 + x + (fault == READS_BEYOND ? 1 : 0)];
    if (fault != NO_BARRIER)
      __syncthreads ();
    if (row0 + x < last && col0 + y < cols)
      to[(col0 + y) * rows + row0 + x] = tile[x * pitch + y];
    if (fault != NO_SECOND_BARRIER)
      __syncthreads ();
  }
}

/* sum[0] is the sum of x[n], by halves. */
template <Fault fault> static __global__ void
reduce (float *sum, const float *x, int n)
{
  float *part = (float *) gh_emulated_shared ();        /* [THREADS] */
  float mine = 0;

  for (int i = threadIdx.x; i < (fault == READS_BEYOND ? n + 1 : n); i += THREADS)
    mine += x[i];
  part[threadIdx.x + (fault == WRITES_BEYOND_SHARED ? 1 : 0)] = mine;
  for (unsigned half = THREADS / 2; half > 0; half /= 2) {
    if (fault != NO_BARRIER)
      __syncthreads ();
    if (threadIdx.x < half)
      part[threadIdx.x] += part[threadIdx.x + half];
  }
  if (threadIdx.x == 0)
    sum[fault == WRITES_BEYOND ? 1 : 0] = part[0];
}

/* The same, in every thread, by warps first; the parts are free again afterwards. */
template <Fault fault> static float
sum_of_block (float x, float *part)
{
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;

  for (int lanes = 16; lanes > 0; lanes /= 2)
    x += __shfl_xor_sync (ALL, x, lanes);
  if (lane == 0)
    part[warp] = x;
  if (fault != NO_BARRIER)
    __syncthreads ();
  x = lane < THREADS / 32 ? part[lane] : 0;
  for (int lanes = 16; lanes > 0; lanes /= 2)
    x += __shfl_xor_sync (ALL, x, lanes);
  if (fault != NO_SECOND_BARRIER)
    __syncthreads ();
  return x;
}

/* to[THREADS] is x[THREADS] less its mean, over the root of the sum of its squares. */
template <Fault fault> static __global__ void
normalise (float *to, const float *x)
{
  float *part = (float *) gh_emulated_shared ();        /* [THREADS/32] */
  float y = x[threadIdx.x] - sum_of_block<fault> (x[threadIdx.x], part) / THREADS;

  to[threadIdx.x] = y * rsqrtf (sum_of_block<fault> (y * y, part));
}

template <Fault fault> static bool
transpose_is_right ()
{
  const int rows = 37, cols = 53;
  std::vector<float> host (rows * cols);

  for (int i = 0; i < rows * cols; i++)
    host[i] = (float) i;
  Device<float> from (host), to (rows * cols);
  gh_emulate_launch (dim3 ((rows + TILE - 1) / TILE), dim3 (TILE, TILE), TILE * (TILE + 1) * sizeof (float),
      [&] { transpose<fault> (to.p, from.p, rows, cols); });
  std::vector<float> got = to.read ();
  for (int i = 0; i < rows * cols; i++) {
    if (got[i % cols * rows + i / cols] != (float) i)
      return false;
  }
  return true;
}

template <Fault fault> static bool
reduce_is_right ()
{
  std::vector<float> host (1000, 1);

  host[999] = 5;
  Device<float> x (host), sum (1);
  gh_emulate_launch (dim3 (1), dim3 (THREADS), THREADS * sizeof (float), [&] { reduce<fault> (sum.p, x.p, 1000); });
  return sum.read ()[0] == 1004;
}

/* Half of the values 3, half 1: 1 and -1 less their mean. */
template <Fault fault> static bool
normalise_is_right ()
{
  std::vector<float> host (THREADS);

  for (int i = 0; i < THREADS; i++)
    host[i] = i < THREADS / 2 ? 3 : 1;
  Device<float> x (host), to (THREADS);
  gh_emulate_launch (dim3 (1), dim3 (THREADS), THREADS / 32 * sizeof (float), [&] { normalise<fault> (to.p, x.p); });
  std::vector<float> got = to.read ();
  for (int i = 0; i < THREADS; i++) {
    if (!(fabsf (got[i] * sqrtf (THREADS) - (i < THREADS / 2 ? 1 : -1)) < 1e-5f))
      return false;
  }
  return true;
}

/* In all orders; the last child's end. A child returns 0 when the result was right, 1 when it was wrong. */
static int
count_caught (bool (*is_right) (), End *end)
{
  int caught = 0;

  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    *end = run_in_child ([=] { return is_right () && failures == 0 ? 0 : 1; });
    caught += end->status != 0;
  }
  unsetenv ("GST_HEADS_EMULATION_ORDER");
  return caught;
}

static void
test_fault (const char *name, bool (*right) (), bool (*wrong) (), bool by_index, const char *says_plain)
{
  const int n = sizeof orders / sizeof orders[0];
  End end;
  int caught;

  CHECK (count_caught (right, &end) == 0);
  caught = count_caught (wrong, &end);
  printf ("%s: caught in %d of %d orders\n", name, caught, n);
  CHECK (caught > 0);
  if (by_index) {
    CHECK (caught == n);
    CHECK (says (end, sanitized ? "AddressSanitizer: heap-buffer-overflow" : says_plain));
  }
}

int
main ()
{
  const char *beyond_shared = "of shared memory", *beyond = "device memory", *wrong = "";

  test_fault ("transpose without a barrier", transpose_is_right<NONE>, transpose_is_right<NO_BARRIER>, false, wrong);
  test_fault ("transpose without its second barrier", transpose_is_right<NONE>, transpose_is_right<NO_SECOND_BARRIER>,
      false, wrong);
  test_fault ("normalise without a barrier", normalise_is_right<NONE>, normalise_is_right<NO_BARRIER>, false, wrong);
  test_fault ("normalise without its second barrier", normalise_is_right<NONE>, normalise_is_right<NO_SECOND_BARRIER>,
      false, wrong);
  test_fault ("transpose that writes beyond", transpose_is_right<NONE>, transpose_is_right<WRITES_BEYOND>, true,
      beyond);
  test_fault ("transpose that reads beyond", transpose_is_right<NONE>, transpose_is_right<READS_BEYOND>, true, wrong);
  test_fault ("transpose that overruns its tile", transpose_is_right<NONE>, transpose_is_right<WRITES_BEYOND_SHARED>,
      true, beyond_shared);
  test_fault ("sum without a barrier", reduce_is_right<NONE>, reduce_is_right<NO_BARRIER>, false, wrong);
  test_fault ("sum that writes beyond", reduce_is_right<NONE>, reduce_is_right<WRITES_BEYOND>, true, beyond);
  test_fault ("sum that reads beyond", reduce_is_right<NONE>, reduce_is_right<READS_BEYOND>, true, wrong);
  test_fault ("sum that overruns its parts", reduce_is_right<NONE>, reduce_is_right<WRITES_BEYOND_SHARED>, true,
      beyond_shared);
  return check_result ();
}
