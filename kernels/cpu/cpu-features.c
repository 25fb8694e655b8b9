/* SPDX-License-Identifier: LGPL-2.1-or-later
 * cpu-features.c: run-time detection through the compiler's own cpuid helpers, which also check that the
 * operating system saves the wide registers. */
#include "cpu-features.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { LEVEL_BASELINE, LEVEL_AVX2, LEVEL_AVX512 };

static int
level_allowed (void)
{
  const char *cap = getenv ("GST_HEADS_CPU");

  if (cap == NULL)
    return LEVEL_AVX512;
  if (strcmp (cap, "baseline") == 0)
    return LEVEL_BASELINE;
  if (strcmp (cap, "avx2") == 0)
    return LEVEL_AVX2;
  return LEVEL_AVX512;
}

#if defined(__x86_64__)
bool
gh_cpu_has_avx2_fma (void)
{
  return level_allowed () >= LEVEL_AVX2 && __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma");
}

bool
gh_cpu_has_avx512 (void)
{
  return level_allowed () >= LEVEL_AVX512 && gh_cpu_has_avx2_fma () && __builtin_cpu_supports ("avx512f")
      && __builtin_cpu_supports ("avx512bw") && __builtin_cpu_supports ("avx512dq")
      && __builtin_cpu_supports ("avx512vl");
}

bool
gh_cpu_has_avx512_vnni (void)
{
  return gh_cpu_has_avx512 () && __builtin_cpu_supports ("avx512vnni");
}

bool
gh_cpu_has_avx512_bf16 (void)
{
  return gh_cpu_has_avx512 () && __builtin_cpu_supports ("avx512bf16");
}

bool
gh_cpu_has_amx_bf16 (void)
{
#ifdef __clang__                /* which does not know the name */
  return false;
#else
  return gh_cpu_has_avx512_bf16 () && __builtin_cpu_supports ("amx-bf16");
#endif
}
#else
bool gh_cpu_has_avx2_fma (void) { return false; }
bool gh_cpu_has_avx512 (void) { return false; }
bool gh_cpu_has_avx512_vnni (void) { return false; }
bool gh_cpu_has_avx512_bf16 (void) { return false; }
bool gh_cpu_has_amx_bf16 (void) { return false; }
#endif

int
gh_cpu_count (void)
{
  cpu_set_t set;

  CPU_ZERO (&set);
  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return 1;
  return CPU_COUNT (&set) > 0 ? CPU_COUNT (&set) : 1;
}
