/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * emulated-tensor-cores.cc: what kernels/cuda/tensor-cores.h asks of a warp. The lanes lay their words out for each
 * other, meet, take what they need, and meet again before the place is used anew. Copies that go on meanwhile are done
 * as late as the waits allow: until then the place holds NaN.
 */
#include "emulation-private.h"

#include <deque>
#include <vector>

namespace {

enum { WARP = 32, MOST_THREADS = 1024 };
const unsigned ALL = 0xffffffffu;

struct Words {
  unsigned a[4], b[2];
  const uint16_t *row;
};

struct Copy {
  void *to;
  const void *from;
  int bytes;
};

/* Of one thread: the groups that were committed, oldest first, and the one that is open. */
struct Copies {
  std::vector<std::vector<Copy>> groups;
  std::vector<Copy> open;
};

/* Of a block's threads. */
struct Place {
  std::vector<Words> words = std::vector<Words> (MOST_THREADS);
  std::vector<Copies> copies = std::vector<Copies> (MOST_THREADS);
};

/* Blocks that run at once have a place each; those that take turns share the first. */
thread_local std::deque<Place> places;

Place &
place ()
{
  size_t which = gh_emulation_cluster_size () > 0 ? blockIdx.x : 0;

  while (places.size () <= which)
    places.emplace_back ();
  return places[which];
}

unsigned
thread ()
{
  return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}

void
meet (const char *what, const char *file, int line)
{
  gh_emulate_meeting (what, ALL, 0, gh_emulated_lane (), file, line);
}

double
half (unsigned word, unsigned which)
{
  unsigned bits = which ? word & 0xffff0000 : word << 16;
  return gh_emulate_cast<float> (bits);
}

/* Element (row, k) of A, (k, col) of B, from the words of the lanes. */
double
element_of_a (const Words *lanes, unsigned row, unsigned k)
{
  return half (lanes[row % 8 * 4 + k % 8 / 2].a[row / 8 + k / 8 * 2], k % 2);
}

double
element_of_b (const Words *lanes, unsigned k, unsigned col)
{
  return half (lanes[col * 4 + k % 8 / 2].b[k / 8], k % 2);
}

}

void
gh_emulate_mma (float *c, const unsigned *a, unsigned b0, unsigned b1, const char *file, int line)
{
  unsigned mine = thread (), lane = gh_emulated_lane ();
  Words *lanes = &place ().words[mine - lane];

  place ().words[mine] = { { a[0], a[1], a[2], a[3] }, { b0, b1 }, nullptr };
  meet ("mma", file, line);
  for (unsigned i = 0; i < 4; i++) {
    unsigned row = lane / 4 + i / 2 * 8, col = lane % 4 * 2 + i % 2;
    double sum = c[i];
    for (unsigned k = 0; k < 16; k++)
      sum += element_of_a (lanes, row, k) * element_of_b (lanes, k, col);
    c[i] = (float) sum;
  }
  meet ("mma", file, line);
}

void
gh_emulate_load_matrices (unsigned *r, const uint16_t *row, bool turned, const char *file, int line)
{
  unsigned mine = thread (), lane = gh_emulated_lane (), g = lane / 4, i = lane % 4;
  Words *lanes = &place ().words[mine - lane];

  if ((uintptr_t) row % 16)
    gh_emulation_die ("ldmatrix of a row that is not aligned to 16 bytes (%s:%d)", file, line);
  place ().words[mine].row = row;
  meet ("ldmatrix", file, line);
  for (unsigned m = 0; m < 4; m++) {
    const uint16_t *low = turned ? lanes[m * 8 + 2 * i].row + g : lanes[m * 8 + g].row + 2 * i;
    const uint16_t *high = turned ? lanes[m * 8 + 2 * i + 1].row + g : low + 1;
    r[m] = (unsigned) *high << 16 | *low;
  }
  meet ("ldmatrix", file, line);
}

void
gh_emulate_copy_async (void *to, const void *from, int bytes)
{
  if ((uintptr_t) to % 16 || (bytes && (uintptr_t) from % 16))
    gh_emulation_die ("cp.async between places that are not aligned to 16 bytes");
  memset (to, 0xff, 16);
  place ().copies[thread ()].open.push_back ({ to, from, bytes });
}

void
gh_emulate_copy_commit (void)
{
  Copies &mine = place ().copies[thread ()];

  mine.groups.push_back (std::move (mine.open));
  mine.open.clear ();
}

void
gh_emulate_copy_wait (int newer)
{
  std::vector<std::vector<Copy>> &groups = place ().copies[thread ()].groups;

  while ((int) groups.size () > newer) {
    for (const Copy &copy : groups.front ()) {
      memset (copy.to, 0, 16);
      if (copy.bytes)
        memcpy (copy.to, copy.from, (size_t) copy.bytes);
    }
    groups.erase (groups.begin ());
  }
}

void
gh_emulation_forget_copies (unsigned threads)
{
  for (unsigned i = 0; i < threads && i < MOST_THREADS; i++) {
    place ().copies[i].groups.clear ();
    place ().copies[i].open.clear ();
  }
}
