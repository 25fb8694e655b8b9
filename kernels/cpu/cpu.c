/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu.c: the table of the cpu back end: the reference's, overridden where it pays by code compiled for what this
 * processor offers. Threads come from pool.c.
 */
#include "cpu.h"
#include "linear.h"
#include "pool.h"

#include <pthread.h>
#include <stdio.h>

static GhBackend cpu_backend;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static GhStatus
cpu_open (GhCtx *ctx, char *reason, size_t reason_size)
{
  GhStatus status = gh_pool_open (ctx);

  if (status != GH_OK && reason && reason_size)
    snprintf (reason, reason_size, "%s", gh_last_error (ctx));
  return status;
}

static void
cpu_close (GhCtx *ctx)
{
  gh_pool_close (ctx);
}

/* The instruction set is the one the products with packed weights chose. */
static void
override_vector_code (GhBackend *backend)
{
  const GhLinearIsa *isa = gh_linear_isa ();

  if (isa == &gh_linear_baseline)
    gh_cpu_override_baseline (backend);
#if defined(__x86_64__)
  else if (isa == &gh_linear_avx2)
    gh_cpu_override_avx2 (backend);
  else if (isa == &gh_linear_wide)
    gh_cpu_override_wide (backend);
  else
    gh_cpu_override_avx512 (backend);
#ifdef HAVE_AMX
  if (isa == &gh_linear_amx)
    gh_cpu_override_amx (backend);
#endif
#endif
}

static void
fill_table (void)
{
  cpu_backend = *gh_ref_backend ();
  cpu_backend.name = "cpu";
  cpu_backend.open = cpu_open;
  cpu_backend.close = cpu_close;
  cpu_backend.supports = gh_cpu_supports;
  cpu_backend.best_dtype = gh_cpu_best_dtype;
  cpu_backend.pack = gh_cpu_pack;
  cpu_backend.packed_free = gh_cpu_packed_free;
  cpu_backend.linear_fwd = gh_cpu_linear_fwd;
  override_vector_code (&cpu_backend);
}

const GhBackend *
gh_cpu_backend (void)
{
  pthread_once (&once, fill_table);
  return &cpu_backend;
}
