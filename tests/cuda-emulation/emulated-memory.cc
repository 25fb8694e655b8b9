/* SPDX-License-Identifier: LGPL-2.1-or-later
 * emulated-memory.cc: memory with guards around it, which tell what was written beside it. */
#include "emulation-private.h"

namespace {
/* A guard: as float32, float64 or bfloat16 a NaN, as memory itself is, but another one: it tells when a NaN is written
 * over it. One byte more for pieces of odd size. */
struct Guard {
  unsigned char bytes[GH_GUARD + 2];

  Guard ()
  {
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = i % 2 ? 0xff : 0xc5;
  }
};

const Guard guard;
}

char *
gh_emulation_allocate (size_t bytes, size_t alignment)
{
  void *memory;

  if (posix_memalign (&memory, alignment, GH_GUARD + bytes + GH_GUARD) != 0)
    return nullptr;
  char *p = (char *) memory + GH_GUARD;
  memcpy (memory, guard.bytes, GH_GUARD);
  memset (p, 0xff, bytes);
  memcpy (p + bytes, guard.bytes + bytes % 2, GH_GUARD);
  return p;
}

void
gh_emulation_release (char *p)
{
  free (p - GH_GUARD);
}

bool
gh_emulation_guards_hold (const char *p, size_t bytes)
{
  return memcmp (p - GH_GUARD, guard.bytes, GH_GUARD) == 0
      && memcmp (p + bytes, guard.bytes + bytes % 2, GH_GUARD) == 0;
}
