/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-block-stack.c: see gh-block-stack.h. */
#include "gh-block-stack.h"

static GhBlockTraining
training_of (const GhTrainBlock *b, const GhBlockShape *s)
{
  return (GhBlockTraining) {
    .parts = {
      .norm1_w = b->norm1.weight, .norm1_b = b->norm1.bias, .norm2_w = b->norm2.weight, .norm2_b = b->norm2.bias,
      .qkv = b->qkv.forward, .out = b->out.forward, .fc1 = b->fc1.forward, .fc2 = b->fc2.forward,
      .qkv_b = b->qkv.bias, .out_b = b->out.bias, .fc1_b = b->fc1.bias, .fc2_b = b->fc2.bias,
      .conv = b->conv, .C = s->dim, .H = s->heads, .D = s->head_dim, .taps = s->conv, .first = s->first, .eps = s->eps },
    .d_norm1_w = b->norm1.d_weight, .d_norm1_b = b->norm1.d_bias,
    .d_norm2_w = b->norm2.d_weight, .d_norm2_b = b->norm2.d_bias,
    .d_qkv = b->qkv.d_weight, .d_out = b->out.d_weight, .d_fc1 = b->fc1.d_weight, .d_fc2 = b->fc2.d_weight,
    .d_qkv_b = b->qkv.d_bias, .d_out_b = b->out.d_bias, .d_fc1_b = b->fc1.d_bias, .d_fc2_b = b->fc2.d_bias,
    .d_conv = b->d_conv };
}

GhStatus
gh_block_stack_init (GhBlockStack *stack, GhCtx *ctx, const GhTrainBlock *blocks, int depth, const GhBlockShape *shape,
    int B, int N)
{
  *stack = (GhBlockStack) { .blocks = blocks, .shape = shape, .depth = depth, .B = B, .N = N };
  if (depth > 0 && gh_block_is_exact (shape, N)) {
    const GhBlockTraining first = training_of (&blocks[0], shape);

    if (gh_fuses_training (ctx, &first)) {
      stack->fused = g_new (GhBlockTraining, depth);
      for (int i = 0; i < depth; i++)
        stack->fused[i] = training_of (&blocks[i], shape);
      return gh_blocks_training_bytes (ctx, &stack->kept_bytes, &stack->scratch_bytes, stack->fused, B, N);
    }
  }
  stack->saved = g_new0 (GhBlockSaved, MAX (depth, 1));
  return GH_OK;
}

void
gh_block_stack_plan_kept (GhBlockStack *s, GhArena *arena)
{
  if (s->fused) {
    s->x = gh_arena_floats (arena, (s->depth * (guint64) s->kept_bytes + 3) / 4);
    s->kept = s->x;
    return;
  }
  for (int i = 0; i < s->depth; i++)
    gh_block_saved_plan (&s->saved[i], arena, s->shape, s->B, s->N);
  s->x = s->saved[0].x;
}

void
gh_block_stack_plan_scratch (GhBlockStack *s, GhArena *arena)
{
  if (s->fused)
    s->fused_scratch = gh_arena_floats (arena, ((guint64) s->scratch_bytes + 3) / 4);
  else
    gh_block_scratch_plan (&s->scratch, arena, s->shape, s->B, s->N);
}

void
gh_block_stack_clear (GhBlockStack *stack)
{
  g_free (stack->fused);
  g_free (stack->saved);
  *stack = (GhBlockStack) { 0 };
}

GhStatus
gh_block_stack_forward (GhCtx *ctx, float *y, const GhBlockStack *s)
{
  if (s->fused)
    return gh_blocks_training_fwd (ctx, y, s->fused, s->depth, s->kept, s->fused_scratch, s->B, s->N);
  for (int i = 0; i < s->depth; i++)
    GH_TRY (gh_block_train_forward (ctx, i + 1 < s->depth ? s->saved[i + 1].x : y, &s->blocks[i], s->shape, &s->saved[i],
            &s->scratch, s->B, s->N));
  return GH_OK;
}

GhStatus
gh_block_stack_backward (GhCtx *ctx, float *dx, const GhBlockStack *s)
{
  if (s->fused)
    return gh_blocks_training_bwd (ctx, dx, s->fused, s->depth, s->kept, s->fused_scratch, s->B, s->N);
  for (int i = s->depth - 1; i >= 0; i--)
    GH_TRY (gh_block_train_backward (ctx, dx, &s->blocks[i], s->shape, &s->saved[i], &s->scratch, s->B, s->N));
  return GH_OK;
}
