/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-block.c: see gh-block.h. */
#include "gh-block.h"

gboolean
gh_block_is_exact (const GhBlockShape *shape, int N)
{
  return shape->landmarks == 0 || N <= shape->landmarks;
}

void
gh_block_plan (GhBlockActs *acts, GhArena *arena, const GhBlockShape *shape, int B, int N)
{
  guint64 rows = (guint64) B * N, start;

  acts->norm = gh_arena_floats (arena, rows * shape->dim);
  start = arena->used;
  acts->qkv = gh_arena_floats (arena, rows * 3 * shape->heads * shape->head_dim);
  acts->attn = gh_arena_floats (arena, rows * shape->heads * shape->head_dim);
  if (!gh_block_is_exact (shape, N))
    gh_nystrom_plan (&acts->nystrom, arena, B, N, shape->heads, shape->head_dim, shape->landmarks);
  arena->used = start;
  acts->hidden = gh_arena_floats (arena, rows * shape->mlp);
}

GhBlockParts
gh_block_parts (const GhBlock *w, const GhBlockShape *shape)
{
  return (GhBlockParts) {
    .norm1_w = w->norm1.weight, .norm1_b = w->norm1.bias, .norm2_w = w->norm2.weight, .norm2_b = w->norm2.bias,
    .qkv = w->qkv.weight, .out = w->out.weight, .fc1 = w->fc1.weight, .fc2 = w->fc2.weight,
    .qkv_b = w->qkv.bias, .out_b = w->out.bias, .fc1_b = w->fc1.bias, .fc2_b = w->fc2.bias,
    .conv = w->conv, .C = shape->dim, .H = shape->heads, .D = shape->head_dim, .taps = shape->conv,
    .first = shape->first, .eps = shape->eps };
}

GhStatus
gh_block_forward (GhCtx *ctx, float *x, const GhBlock *w, const GhBlockShape *shape, const GhBlockActs *acts, int B,
    int N)
{
  const int D = shape->dim, H = shape->heads, rows = B * N;
  float *norm = acts->norm, *qkv = acts->qkv, *attn = acts->attn, *hidden = acts->hidden;
  const GhBlockParts parts = gh_block_parts (w, shape);

  if (gh_block_is_exact (shape, N) && gh_fuses_block (ctx, &parts))
    return gh_block_fwd (ctx, x, &parts, B, N);

  /* x[rows,D] -> norm[rows,D] -> qkv[rows,3I] -> attn[rows,I] -> x[rows,D] */
  GH_TRY (gh_layernorm_fwd (ctx, norm, NULL, NULL, x, w->norm1.weight, w->norm1.bias, rows, D, shape->eps));
  GH_TRY (gh_linear_fwd (ctx, qkv, norm, w->qkv.weight, w->qkv.bias, NULL, GH_ACT_NONE, rows));
  if (gh_block_is_exact (shape, N))
    GH_TRY (gh_attention_fwd (ctx, attn, qkv, shape->dtype, B, N, H, shape->head_dim));
  else
    GH_TRY (gh_nystrom_forward (ctx, attn, qkv, &acts->nystrom, B, N, H, shape->head_dim, shape->landmarks,
            shape->pinv_iters));
  if (w->conv)
    GH_TRY (gh_value_conv_fwd (ctx, attn, qkv, w->conv, B, N, H, shape->head_dim, shape->conv, shape->first));
  GH_TRY (gh_linear_fwd (ctx, x, attn, w->out.weight, w->out.bias, x, GH_ACT_NONE, rows));

  /* x[rows,D] -> norm[rows,D] -> hidden[rows,M] -> x[rows,D] */
  GH_TRY (gh_layernorm_fwd (ctx, norm, NULL, NULL, x, w->norm2.weight, w->norm2.bias, rows, D, shape->eps));
  GH_TRY (gh_linear_fwd (ctx, hidden, norm, w->fc1.weight, w->fc1.bias, NULL, GH_ACT_GELU, rows));
  return gh_linear_fwd (ctx, x, hidden, w->fc2.weight, w->fc2.bias, x, GH_ACT_NONE, rows);
}

void
gh_linear_clear (GhLinear *linear)
{
  gh_packed_free (linear->weight);
  linear->weight = NULL;
}

void
gh_block_clear (GhBlock *block)
{
  gh_linear_clear (&block->qkv);
  gh_linear_clear (&block->out);
  gh_linear_clear (&block->fc1);
  gh_linear_clear (&block->fc2);
}
