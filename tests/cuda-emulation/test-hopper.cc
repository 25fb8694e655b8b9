/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-hopper.cc: that what kernels/cuda/hopper.h is made of does in the emulation what a device of compute capability 9.0
 * does, and that a kernel which leaves out one of the waits is caught: by a wrong result, or because threads wait for ever.
 */
#include "test-emulation.h"
#include "kernels/cuda/hopper.h"

namespace {
enum { BLOCKS = 4, PEERS = 2, STEPS = 3, COLS = 32, WORKERS = 128, THREADS = WORKERS + 32, A = 64 * 64, B = COLS * 64 };
enum Fault { NONE, NO_WAIT_FOR_TILES, NO_WAIT_FOR_PRODUCTS, NO_WAIT_FOR_ROOM, NO_WAIT_FOR_FLAG, ARRIVES_TWICE };
const size_t SHARED = (A + B) * sizeof (GhBf16) + 2 * sizeof (GhBarrier);
}

/* A block's a[STEPS] tiles come by its own copies, b[STEPS] by halves from both of a cluster, one step at a time. */
template <Fault fault> static void
bring (const GhBf16 *a, const GhBf16 *b, GhBf16 *tiles, GhBarrier *full, GhBarrier *empty)
{
  int rank = gh_cluster_rank (), half = B / PEERS;

  for (int step = 0; step < STEPS; step++) {
    if (fault != NO_WAIT_FOR_ROOM)
      gh_barrier_wait (empty, (step + 1) & 1);
    gh_barrier_expect (full, (A + B) * sizeof *a);
    gh_bulk_copy (tiles, a + (blockIdx.x * STEPS + step) * A, A * sizeof *a, full, 1u << rank);
    gh_bulk_copy (tiles + A + rank * half, b + step * B + rank * half, half * sizeof *b, full, 3);
  }
}

/* c[block] = c[block - 1] + the sum over steps of a b^T. */
template <Fault fault> static void
work (float *c, unsigned *flags, const GhBf16 *tiles, GhBarrier *full, GhBarrier *empty)
{
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  float sums[COLS / 2] = { };

  for (int step = 0; step < STEPS; step++) {
    if (fault != NO_WAIT_FOR_TILES)
      gh_barrier_wait (full, step & 1);
    gh_products_begin ();
    gh_tile_product<COLS> (sums, tiles, tiles + A);
    gh_products_commit ();
    if (fault != NO_WAIT_FOR_PRODUCTS)
      gh_products_wait<0> ();
    if (lane < (fault == ARRIVES_TWICE ? 2 * PEERS : PEERS))
      gh_barrier_arrive_at (empty, lane % PEERS);
  }
  if (blockIdx.x > 0 && fault != NO_WAIT_FOR_FLAG)
    gh_flag_wait (flags + blockIdx.x - 1, 1);
  for (int i = 0; i < COLS / 2; i++) {
    size_t at = (blockIdx.x * 64 + warp * 16 + lane / 4 + i % 4 / 2 * 8) * COLS + i / 4 * 8 + lane % 4 * 2 + i % 2;
    c[at] = sums[i] + (blockIdx.x > 0 ? c[at - 64 * COLS] : 0);
  }
  gh_some_sync (1, WORKERS);
  if (threadIdx.x == 0)
    gh_flag_raise (flags + blockIdx.x);
}

template <Fault fault> static __global__ void
chain (float *c, unsigned *flags, const GhBf16 *a, const GhBf16 *b)
{
  GhBf16 *tiles = (GhBf16 *) gh_emulated_shared ();
  GhBarrier *full = (GhBarrier *) (tiles + A + B), *empty = full + 1;

  if (threadIdx.x == 0) {
    gh_barrier_init (full, 1);
    gh_barrier_init (empty, 4 * PEERS);
    gh_barriers_ready ();
  }
  __syncthreads ();
  gh_cluster_sync ();
  if (threadIdx.x < WORKERS)
    work<fault> (c, flags, tiles, full, empty);
  else if (threadIdx.x == WORKERS)
    bring<fault> (a, b, tiles, full, empty);
  __syncthreads ();
  gh_cluster_sync ();
}

/* Tiles of small whole numbers, and what they are as rows of 64. */
static std::vector<GhBf16>
make_tiles (size_t values, std::vector<float> *plain)
{
  std::vector<GhBf16> tiles (values);

  plain->resize (values);
  for (size_t i = 0; i < values; i++) {
    int row = (int) (i / 64), col = (int) (i % 64);
    (*plain)[i] = (float) ((int) (i * 7 + row * 3) % 5 - 2);
    tiles[gh_tile_at (row, col / 8 * 8) + col % 8] = gh_to_bf16 ((*plain)[i]);
  }
  return tiles;
}

template <Fault fault> static bool
is_right ()
{
  std::vector<float> plain_a, plain_b, sum (64 * COLS);
  Device<GhBf16> a (make_tiles (BLOCKS * STEPS * A, &plain_a)), b (make_tiles (STEPS * B, &plain_b));
  Device<float> c (BLOCKS * 64 * COLS);
  Device<unsigned> flags (BLOCKS);
  float *to = c.p;
  unsigned *up = flags.p;
  const GhBf16 *from_a = a.p, *from_b = b.p;
  bool right = true;

  cudaMemsetAsync (flags.p, 0, BLOCKS * sizeof (unsigned));
  gh_emulate_resident_launch (BLOCKS, THREADS, SHARED, PEERS, [=] { chain<fault> (to, up, from_a, from_b); });
  std::vector<float> got = c.read ();
  for (int block = 0; block < BLOCKS; block++) {
    for (int at = 0; at < 64 * COLS; at++) {
      for (int i = 0; i < STEPS * 64; i++)
        sum[at] += plain_a[((block * STEPS + i / 64) * 64 + at / COLS) * 64 + i % 64]
            * plain_b[(i / 64 * COLS + at % COLS) * 64 + i % 64];
      right = right && got[block * 64 * COLS + at] == sum[at];
    }
  }
  return right;
}

/* In some order it is wrong, or ends the program. */
template <Fault fault> static bool
is_caught ()
{
  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    if (run_in_child ([] { return is_right<fault> () ? 0 : 3; }).status != 0)
      return true;
  }
  return false;
}

int
main (void)
{
  for (const char *order : orders) {
    setenv ("GST_HEADS_EMULATION_ORDER", order, 1);
    CHECK (is_right<NONE> ());
  }
  CHECK (is_caught<NO_WAIT_FOR_TILES> ());
  CHECK (is_caught<NO_WAIT_FOR_PRODUCTS> ());
  CHECK (is_caught<NO_WAIT_FOR_ROOM> ());
  CHECK (is_caught<NO_WAIT_FOR_FLAG> ());
  CHECK (is_caught<ARRIVES_TWICE> ());
  return check_result ();
}
