/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-block.h (private): one transformer block, pre-norm:
 *
 *   x += out(attention(norm1(x)) + conv(v))        x += fc2(gelu(fc1(norm2(x))))
 *
 * The encoder and the decoder are both made of these. Attention is exact softmax attention when the shape names no
 * landmarks or there are at most that many tokens (a cls token counts), Nystrom attention above.
 */
#pragma once

#include "gh-forward.h"
#include "gh-nystrom.h"

G_BEGIN_DECLS

typedef struct {
  GhPacked *weight;             /* [n_out,n_in] */
  const float *bias;            /* [n_out], NULL for none */
} GhLinear;

typedef struct {
  const float *weight, *bias;   /* [dim] */
} GhNorm;

typedef struct {
  int dim, heads, head_dim, mlp;
  int landmarks;                /* 0: exact attention always */
  int pinv_iters;
  int conv;                     /* taps of the value convolution, 0 for none */
  int first;                    /* 1 when token 0 is a cls token */
  float eps;                    /* of the norms */
  GhDtype dtype;                /* of the products */
} GhBlockShape;

/* Letters: D = dim, I = heads * head_dim, M = mlp. */
typedef struct {
  GhNorm norm1;                 /* [D] */
  GhLinear qkv;                 /* [3I,D]: the rows of q, k, v, head index outer */
  const float *conv;            /* [heads,taps] or NULL */
  GhLinear out;                 /* [D,I] */
  GhNorm norm2;                 /* [D] */
  GhLinear fc1, fc2;            /* [M,D], [D,M] */
} GhBlock;

typedef struct {
  float *norm;                  /* [B,N,D] */
  float *qkv;                   /* [B,N,3I] */
  float *attn;                  /* [B,N,I] */
  float *hidden;                /* [B,N,M], over the place of qkv and attn */
  GhNystromActs nystrom;
} GhBlockActs;

/* For at most B images of N tokens (cls counted); every block of the same shape uses the same activations. */
void gh_block_plan (GhBlockActs *acts, GhArena *arena, const GhBlockShape *shape, int B, int N);

/* x[B,N,D] in place. */
GhStatus gh_block_forward (GhCtx *ctx, float *x, const GhBlock *block, const GhBlockShape *shape,
    const GhBlockActs *acts, int B, int N);

/* The same as the back end's operations take it; borrowed from both. */
GhBlockParts gh_block_parts (const GhBlock *block, const GhBlockShape *shape);

gboolean gh_block_is_exact (const GhBlockShape *shape, int N);

/* Frees the packed weights; the vectors belong to whoever loaded them. */
void gh_linear_clear (GhLinear *linear);
void gh_block_clear (GhBlock *block);

G_END_DECLS
