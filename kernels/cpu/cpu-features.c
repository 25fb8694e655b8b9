/* SPDX-License-Identifier: LGPL-2.1-or-later
 * cpu-features.c: run-time detection through the compiler's own cpuid helpers, which also check that the
 * operating system saves the wide registers. */
#include "cpu-features.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { LEVEL_BASELINE, LEVEL_AVX2, LEVEL_AVX512, LEVEL_AMX };

static int
level_allowed (void)
{
  const char *cap = getenv ("GST_HEADS_CPU");

  if (cap == NULL)
    return LEVEL_AMX;
  if (strcmp (cap, "baseline") == 0)
    return LEVEL_BASELINE;
  if (strcmp (cap, "avx2") == 0)
    return LEVEL_AVX2;
  if (strcmp (cap, "avx512") == 0)
    return LEVEL_AVX512;
  return LEVEL_AMX;
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

/* Linux hands out the tile registers on request only (arch_prctl(2), since 5.16). */
static bool amx_granted;
static pthread_once_t amx_once = PTHREAD_ONCE_INIT;

static void
request_amx (void)
{
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };         /* ARCH_REQ_XCOMP_PERM */
  const unsigned wanted = 1u << 22 | 1u << 24 | 1u << 25;       /* AMX-BF16, AMX-TILE, AMX-INT8 */
  unsigned a, b, c, d;

  amx_granted = __get_cpuid_count (7, 0, &a, &b, &c, &d) && (d & wanted) == wanted
      && syscall (SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

bool
gh_cpu_has_amx (void)
{
  if (level_allowed () < LEVEL_AMX || !gh_cpu_has_avx512_bf16 () || !gh_cpu_has_avx512_vnni ())
    return false;
  pthread_once (&amx_once, request_amx);
  return amx_granted;
}
#else
bool gh_cpu_has_avx2_fma (void) { return false; }
bool gh_cpu_has_avx512 (void) { return false; }
bool gh_cpu_has_avx512_vnni (void) { return false; }
bool gh_cpu_has_avx512_bf16 (void) { return false; }
bool gh_cpu_has_amx (void) { return false; }
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
