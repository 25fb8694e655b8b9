/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-backend.c: what every back end is written with; the cuda module holds a copy of its own.
 */
#include "gh-backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

void *
gh_scratch (GhCtx *ctx, size_t bytes)
{
  if (bytes <= ctx->scratch_bytes && ctx->scratch)
    return ctx->scratch;
  if (ctx->scratch)
    ctx->backend->free (ctx, ctx->scratch);
  ctx->scratch = NULL;
  ctx->scratch_bytes = 0;
  if (ctx->backend->alloc (ctx, &ctx->scratch, bytes) != GH_OK)
    return NULL;
  ctx->scratch_bytes = bytes;
  return ctx->scratch;
}

void *
gh_host_memory (size_t bytes)
{
  enum { HUGE_PAGE = 2 << 20 };
  size_t align = bytes >= HUGE_PAGE / 2 ? HUGE_PAGE : 64, rounded = bytes ? (bytes + align - 1) & -align : align;
  void *memory = NULL;

  if (rounded < bytes || posix_memalign (&memory, align, rounded) != 0)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (align == HUGE_PAGE)
    madvise (memory, rounded, MADV_HUGEPAGE);
#endif
  return memory;
}

GhStatus
gh_fail (GhCtx *ctx, GhStatus status, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  vsnprintf (ctx->error, sizeof ctx->error, format, args);
  va_end (args);
  return status;
}
