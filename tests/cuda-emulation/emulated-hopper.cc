/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * emulated-hopper.cc: what kernels/cuda/hopper.h asks of a device whose blocks all run at once. Everything is as late as
 * the waits allow: a copy comes when somebody waits for its barrier, a product is added when it is waited for.
 */
#include "emulation-private.h"

#include <vector>

namespace {

/* What is in the eight bytes of a barrier: arrivals still missing in this phase, and of every phase; twice the bytes that
 * are expected and have not come, plus the parity of the phase. */
struct Barrier {
  uint16_t missing, arrivals;
  int32_t bytes_and_parity;
};
static_assert (sizeof (Barrier) == sizeof (uint64_t), "the size of PTX's");

struct Bulk {
  Barrier *barrier;
  void *to;
  const void *from;
  int bytes;
};

struct Product {
  float *c;
  const uint16_t *a, *b;
  int cols;
};

struct Products {
  std::vector<std::vector<Product>> groups;
  std::vector<Product> open;
};

thread_local std::vector<Bulk> bulks;
/* By block and thread. */
thread_local std::vector<std::vector<Products>> products;

Products &
mine ()
{
  if (products.size () <= blockIdx.x)
    products.resize (blockIdx.x + 1);
  if (products[blockIdx.x].size () < blockDim.x)
    products[blockIdx.x].resize (blockDim.x);
  return products[blockIdx.x][threadIdx.x];
}

void
change (Barrier *b, int missing, int bytes)
{
  if (missing && b->missing == 0)
    gh_emulation_die ("more arrive at a barrier than it was made for");
  b->missing -= missing;
  b->bytes_and_parity += 2 * bytes;
  if (b->missing == 0 && b->bytes_and_parity / 2 == 0) {
    b->missing = b->arrivals;
    b->bytes_and_parity = !(b->bytes_and_parity & 1);
  }
}

void
finish_copies (Barrier *barrier)
{
  for (size_t i = 0; i < bulks.size ();) {
    Bulk copy = bulks[i];
    if (copy.barrier != barrier) {
      i++;
      continue;
    }
    bulks.erase (bulks.begin () + i);
    memcpy (copy.to, copy.from, (size_t) copy.bytes);
    change (barrier, 0, -copy.bytes);
  }
}

float
value_of (const uint16_t *tile, int row, int col)
{
  uint16_t bits = tile[row * 64 + ((col / 8) ^ (row % 8)) * 8 + col % 8];
  return gh_emulate_cast<float> ((unsigned) bits << 16);
}

/* The thread's part of c[64,cols] += a[64,64] b[cols,64]^T. */
void
add (const Product &p)
{
  unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;

  for (int n = 0; n < p.cols / 8; n++) {
    for (unsigned i = 0; i < 4; i++) {
      int row = warp * 16 + lane / 4 + i / 2 * 8, col = n * 8 + lane % 4 * 2 + i % 2;
      double sum = p.c[n * 4 + i];
      for (int k = 0; k < 64; k++)
        sum += (double) value_of (p.a, row, k) * value_of (p.b, col, k);
      p.c[n * 4 + i] = (float) sum;
    }
  }
}

}

void
gh_emulation_forget_bulk (void)
{
  bulks.clear ();
  products.clear ();
}

/* ---- barriers and copies --------------------------------------------------------------------------------- */

void
gh_emulate_barrier_init (uint64_t *barrier, int arrivals)
{
  *(Barrier *) barrier = { (uint16_t) arrivals, (uint16_t) arrivals, 0 };
}

void
gh_emulate_barrier_expect (uint64_t *barrier, int bytes)
{
  change ((Barrier *) barrier, 0, bytes);
  change ((Barrier *) barrier, 1, 0);
}

void
gh_emulate_barrier_arrive_at (uint64_t *barrier, int rank)
{
  change ((Barrier *) gh_emulation_shared_of (barrier, (unsigned) rank), 1, 0);
}

void
gh_emulate_barrier_wait (uint64_t *barrier, unsigned parity, const char *file, int line)
{
  Barrier *b = (Barrier *) barrier;

  for (;;) {
    finish_copies (b);
    if ((unsigned) (b->bytes_and_parity & 1) != parity)
      break;
    gh_emulation_spin ("gh_barrier_wait", file, line);
  }
  gh_emulation_go_on ();
}

void
gh_emulate_bulk_copy (void *to, const void *from, int bytes, uint64_t *barrier, unsigned ranks)
{
  if ((uintptr_t) to % 16 || (uintptr_t) from % 16 || bytes % 16 || bytes <= 0)
    gh_emulation_die ("a bulk copy of %d bytes, or from or to a place that is not aligned to 16 bytes", bytes);
  if (!ranks || ranks >> gh_emulation_cluster_size ())
    gh_emulation_die ("a bulk copy to ranks %x of a cluster of %u", ranks, gh_emulation_cluster_size ());
  for (unsigned rank = 0; ranks >> rank; rank++) {
    if (!(ranks >> rank & 1))
      continue;
    void *there = gh_emulation_shared_of (to, rank);
    memset (there, 0xff, (size_t) bytes);
    bulks.push_back ({ (Barrier *) gh_emulation_shared_of (barrier, rank), there, from, bytes });
  }
}

/* ---- meeting others -------------------------------------------------------------------------------------- */

void
gh_emulate_cluster_sync (const char *file, int line)
{
  gh_emulation_meet (0, gh_emulation_cluster_size () * blockDim.x, true, "gh_cluster_sync", file, line);
}

int
gh_emulate_cluster_rank (void)
{
  return (int) gh_emulation_cluster_rank ();
}

void
gh_emulate_some_sync (int id, int threads, const char *file, int line)
{
  if (id < 1 || id > 15 || threads % 32)
    gh_emulation_die ("no barrier %d of %d threads", id, threads);
  gh_emulation_meet ((unsigned) id, (unsigned) threads, false, "gh_some_sync", file, line);
}

void
gh_emulate_flag_wait (const unsigned *flag, unsigned value, const char *file, int line)
{
  while ((int) (*flag - value) < 0)
    gh_emulation_spin ("gh_flag_wait", file, line);
  gh_emulation_go_on ();
}

/* ---- products -------------------------------------------------------------------------------------------- */

void
gh_emulate_tile_product (float *c, const uint16_t *a, const uint16_t *b, int cols)
{
  if ((uintptr_t) a % 1024 || (uintptr_t) b % 1024)
    gh_emulation_die ("a product of tiles that are not aligned to 1024 bytes");
  mine ().open.push_back ({ c, a, b, cols });
}

void
gh_emulate_products_commit (void)
{
  mine ().groups.push_back (std::move (mine ().open));
  mine ().open.clear ();
}

/* A whole warp's matter, as everything about products is: afterwards none of its lanes needs their tiles. */
void
gh_emulate_products_wait (int newer, const char *file, int line)
{
  std::vector<std::vector<Product>> &groups = mine ().groups;

  while ((int) groups.size () > newer) {
    for (const Product &p : groups.front ())
      add (p);
    groups.erase (groups.begin ());
  }
  gh_emulate_meeting ("gh_products_wait", ~0u, 0, gh_emulated_lane (), file, line);
}
