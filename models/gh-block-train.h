/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-block-train.h (private): a transformer block that learns: the forward pass of gh-block.h, which keeps what the
 * backward pass needs, and that pass. Kept are the inputs of what is not linear; the outputs of norms and GELU are
 * computed again, because that is cheaper than holding them. The letters are those of gh-block.h.
 */
#pragma once

#include "gh-block.h"

G_BEGIN_DECLS

typedef struct {
  int n_out, n_in;
  GhPacked *forward;            /* [n_out,n_in] */
  GhPacked *backward;           /* its transpose; NULL where no gradient goes further, or the other serves both ways */
  const float *weight, *bias;   /* [n_out,n_in], [n_out] or NULL */
  float *d_weight, *d_bias;     /* their gradients, which accumulate */
} GhTrainLinear;

typedef struct {
  const float *weight, *bias;   /* [dim] */
  float *d_weight, *d_bias;
} GhTrainNorm;

typedef struct {
  GhTrainNorm norm1, norm2;
  GhTrainLinear qkv, out, fc1, fc2;
  const float *conv;            /* [heads,taps] or NULL */
  float *d_conv;
} GhTrainBlock;

/* Of every block. */
typedef struct {
  float *x;                     /* [B,N,D] what came in */
  float *mean1, *rstd1;         /* [B,N] of the norms */
  float *qkv;                   /* [B,N,3I] */
  GhNystromActs nystrom;
  float *attn;                  /* [B,N,I] */
  float *mid;                   /* [B,N,D] between attention and MLP */
  float *mean2, *rstd2;
  float *pre;                   /* [B,N,M] what GELU saw */
} GhBlockSaved;

/* One for all blocks. */
typedef struct {
  float *norm, *d_norm;         /* [B,N,D] */
  float *hidden, *d_hidden;     /* [B,N,M], over the place of the next */
  float *d_attn, *d_qkv;        /* [B,N,I], [B,N,3I] */
  GhNystromGrads nystrom;
} GhBlockScratch;

void gh_block_saved_plan (GhBlockSaved *saved, GhArena *arena, const GhBlockShape *shape, int B, int N);
void gh_block_scratch_plan (GhBlockScratch *scratch, GhArena *arena, const GhBlockShape *shape, int B, int N);

/* y[rows,n_out] = x[rows,n_in] w^T + bias + residual; residual may be NULL. */
GhStatus gh_train_linear_forward (GhCtx *ctx, float *y, const float *x, const GhTrainLinear *linear,
    const float *residual, int rows);
/* The gradients of weight and bias accumulate; dx[rows,n_in] is overwritten, or NULL. */
GhStatus gh_train_linear_backward (GhCtx *ctx, float *dx, const float *dy, const float *x, const GhTrainLinear *linear,
    GhDtype dtype, int rows);

/* y[B,N,D] from saved->x; y must not be it. */
GhStatus gh_block_train_forward (GhCtx *ctx, float *y, const GhTrainBlock *block, const GhBlockShape *shape,
    const GhBlockSaved *saved, const GhBlockScratch *scratch, int B, int N);
/* dx[B,N,D], the gradient of what came out, becomes that of what came in. */
GhStatus gh_block_train_backward (GhCtx *ctx, float *dx, const GhTrainBlock *block, const GhBlockShape *shape,
    const GhBlockSaved *saved, const GhBlockScratch *scratch, int B, int N);

G_END_DECLS
