/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-forward.h (private): what every forward pass in models/ is written with: the early return of a failed kernel,
 * and the arena its activations come from.
 *
 * A plan function is run twice over the same struct of pointers: first on an empty arena, which only counts, then on
 * one with memory behind it. Setting `used` back to an earlier value lets buffers that never live at the same time
 * share their place.
 */
#pragma once

#include <glib.h>
#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

#define GH_TRY(call) G_STMT_START { \
    GhStatus gh_try_status = (call); \
    if (gh_try_status != GH_OK) \
      return gh_try_status; \
  } G_STMT_END

typedef struct {
  char *base;                   /* NULL: count only */
  guint64 used, peak;           /* bytes */
} GhArena;

/* Room for n floats, aligned to 64 bytes. */
static inline float *
gh_arena_floats (GhArena *arena, guint64 n)
{
  float *p = arena->base ? (float *) (arena->base + arena->used) : NULL;

  arena->used += (n * sizeof (float) + 63) / 64 * 64;
  arena->peak = MAX (arena->peak, arena->used);
  return p;
}

G_END_DECLS
