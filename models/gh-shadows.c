/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-shadows.c: see the header. */
#include "gh-shadows.h"

void
gh_shadows_plan (GhShadowsActs *acts, GhArena *arena, const GhMaeConfig *c, int B)
{
  acts->edges = gh_arena_floats (arena, (guint64) B * gh_edges_places (c));
  acts->code = gh_arena_floats (arena, (guint64) B * c->shadows);
}

GhStatus
gh_shadows_forward (GhCtx *ctx, const GhShadowsActs *acts, const GhShadows *s, const GhMaeConfig *c, const guint8 *rgb,
    gsize stride, int B)
{
  GH_TRY (gh_edges_see (ctx, acts->edges, s->logarithms, c, GH_SHADOWS_CHANNELS, rgb, stride, B));
  return gh_linear_fwd (ctx, acts->code, acts->edges, s->code.weight, s->code.bias, NULL, GH_ACT_NONE, B);
}

void
gh_shadows_clear (GhShadows *s)
{
  gh_linear_clear (&s->code);
  gh_linear_clear (&s->embed);
}
