/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-decoder.c: see gh-decoder.h. */
#include "gh-decoder.h"

void
gh_decoder_plan (GhDecoderActs *acts, GhArena *arena, const GhDecoder *decoder, int B, int N)
{
  const int D = decoder->shape.dim, first = decoder->shape.first;
  guint64 start;

  acts->x = gh_arena_floats (arena, (guint64) B * (first + N) * D);
  start = arena->used;
  acts->embedded = gh_arena_floats (arena, (guint64) B * (first + N) * D);
  arena->used = start;
  gh_block_plan (&acts->block, arena, &decoder->shape, B, first + N);
  arena->used = start;
  acts->dropped = gh_arena_floats (arena, (guint64) B * N * D);
  acts->pred = gh_arena_floats (arena, (guint64) B * N * decoder->patch_values);
}

GhStatus
gh_decoder_forward (GhCtx *ctx, const GhDecoderActs *acts, const GhDecoder *w, const float *latent,
    const gint32 *keep, const gint32 *drop, int B, int N, int K)
{
  const int D = w->shape.dim, first = w->shape.first, hidden = B * (N - K);

  /* latent[B,first+K,C] -> embedded[B,first+K,D] -> x[B,first+N,D] */
  GH_TRY (gh_linear_fwd (ctx, acts->embedded, latent, w->embed.weight, w->embed.bias, NULL, GH_ACT_NONE,
          B * (first + K)));
  GH_TRY (gh_unmask_tokens_fwd (ctx, acts->x, acts->embedded, w->mask_token, w->pos, keep, w->cls_pos, B, N, K, D,
          first));
  for (int i = 0; i < w->depth; i++)
    GH_TRY (gh_block_forward (ctx, acts->x, &w->blocks[i], &w->shape, &acts->block, B, first + N));

  /* Only what was hidden becomes pixels: dropped[B,N-K,D] -> pred[B,N-K,P] */
  GH_TRY (gh_gather_rows_fwd (ctx, acts->dropped, acts->x, drop, B, N, N - K, D, first));
  GH_TRY (gh_layernorm_fwd (ctx, acts->dropped, NULL, NULL, acts->dropped, w->norm.weight, w->norm.bias, hidden, D,
          w->shape.eps));
  GH_TRY (gh_linear_fwd (ctx, acts->pred, acts->dropped, w->pred.weight, w->pred.bias, NULL, GH_ACT_NONE, hidden));
  if (!w->background)
    return GH_OK;
  return gh_embed_tokens_fwd (ctx, acts->pred, acts->pred, w->background, drop, NULL, B, N - K, w->patch_values, 0);
}

void
gh_decoder_clear (GhDecoder *decoder)
{
  for (int i = 0; decoder->blocks && i < decoder->depth; i++)
    gh_block_clear (&decoder->blocks[i]);
  g_clear_pointer (&decoder->blocks, g_free);
  if (!decoder->embed_is_shared)
    gh_linear_clear (&decoder->embed);
  gh_linear_clear (&decoder->pred);
}
