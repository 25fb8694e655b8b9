/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-encoder-edges.c: the surprise and the shadows of a picture, both from its edges. */
#include "gh-encoder-private.h"

void
gh_encoder_plan_edges (GhEdgeActs *acts, GhArena *arena, const GhMaeConfig *c, int B)
{
  if (c->surprise)
    gh_surprise_plan (&acts->surprise, arena, c, B);
  if (c->shadows)
    gh_shadows_plan (&acts->shadows, arena, c, B);
}

GhStatus
gh_encoder_see_edges (GhCtx *ctx, const GhEdgeActs *acts, const GhEncoderWeights *w, const GhMaeConfig *c, const guint8 *rgb,
    gsize stride, int B)
{
  if (c->surprise)
    GH_TRY (gh_surprise_forward (ctx, &acts->surprise, &w->surprise, c, rgb, stride, B));
  return c->shadows ? gh_shadows_forward (ctx, &acts->shadows, &w->shadows, c, rgb, stride, B) : GH_OK;
}

/* embedding[B,E] += x[B,*] embed^T, where there is such a matrix. */
static GhStatus
tell (GhCtx *ctx, const GhLinear *embed, const float *x, float *embedding, int B)
{
  return embed->weight ? gh_linear_fwd (ctx, embedding, x, embed->weight, NULL, embedding, GH_ACT_NONE, B) : GH_OK;
}

GhStatus
gh_encoder_tell_edges (GhCtx *ctx, const GhEdgeActs *acts, const GhEncoderWeights *w, float *embedding, int B)
{
  GH_TRY (tell (ctx, &w->surprise.embed, acts->surprise.share, embedding, B));
  return tell (ctx, &w->shadows.embed, acts->shadows.code, embedding, B);
}
