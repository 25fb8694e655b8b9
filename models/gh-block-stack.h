/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-block-stack.h (private): transformer blocks of one shape that learn, one after the other. Where the back end gains
 * by doing them all in one call (gh_fuses_training()), it does, and lays out what it keeps itself; else they are done
 * by gh-block-train.h, operation by operation. The letters are those of gh-block.h.
 */
#pragma once

#include "gh-block-train.h"

G_BEGIN_DECLS

typedef struct {
  const GhTrainBlock *blocks;   /* [depth], borrowed */
  const GhBlockShape *shape;    /* borrowed */
  int depth, B, N;
  float *x;                     /* [B,N,D] what goes into the first block: the caller's to write */
  GhBlockTraining *fused;       /* [depth], or NULL */
  gsize kept_bytes, scratch_bytes;      /* of each of these, and for all */
  void *kept, *fused_scratch;
  GhBlockSaved *saved;          /* [depth] and its scratch, where not fused */
  GhBlockScratch scratch;
} GhBlockStack;

/* For B images of N tokens (cls counted). Nothing is planned yet. */
GhStatus gh_block_stack_init (GhBlockStack *stack, GhCtx *ctx, const GhTrainBlock *blocks, int depth,
    const GhBlockShape *shape, int B, int N);
/* What lives between the passes, and what is free again after each: stacks that take turns may share that. */
void gh_block_stack_plan_kept (GhBlockStack *stack, GhArena *arena);
void gh_block_stack_plan_scratch (GhBlockStack *stack, GhArena *arena);
void gh_block_stack_clear (GhBlockStack *stack);

/* y[B,N,D] from stack->x. */
GhStatus gh_block_stack_forward (GhCtx *ctx, float *y, const GhBlockStack *stack);
/* dx[B,N,D], the gradient of y, becomes that of stack->x. */
GhStatus gh_block_stack_backward (GhCtx *ctx, float *dx, const GhBlockStack *stack);

G_END_DECLS
