/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * zero.c (once per instruction set): memory set to zero by every thread.
 */
#include "isa.h"

enum { CHUNK = 1 << 20 };

typedef struct {
  char *p;
  size_t bytes;
} Job;

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  size_t from = (size_t) index * CHUNK;

  memset (job->p + from, 0, job->bytes - from < CHUNK ? job->bytes - from : CHUNK);
}

GhStatus
ISA_FN (gh_cpu_zero) (GhCtx *ctx, void *ptr, size_t bytes)
{
  Job job = { ptr, bytes };
  gh_parallel (ctx, (int) ((bytes - 1) / CHUNK + 1), run, &job);
  return GH_OK;
}
