/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-nystrom.h (private): Nystrom attention (Xiong et al. 2021), the approximation of softmax attention whose cost
 * grows with N*M instead of N*N for M landmarks. As in the paper, with three choices of our own: uneven segments
 * instead of padding, the pseudo-inverse scaled per matrix, and the product taken from the right.
 */
#pragma once

#include "gh-forward.h"

G_BEGIN_DECLS

typedef struct {
  float *q_marks, *k_marks;     /* [B,H,M,D] landmarks: segment means of q / sqrt(D) and of k */
  float *scores;                /* [B,H,M,N], later [B,H,N,M]: the two long softmax matrices, one after the other */
  float *core, *inverse;        /* [B,H,M,M] */
  float *values, *mixed;        /* [B,H,M,D] */
  float *trail;                 /* [iters,B,H,M,M] on the way to the inverse, for the backward pass; else NULL */
} GhNystromActs;

/* Gradients, and the two long softmax matrices computed again. */
typedef struct {
  float *scores, *d_scores;     /* [B,H,M,N] and [B,H,N,M] in turn */
  float *d_core, *d_inverse;    /* [B,H,M,M] */
  float *d_values, *d_mixed;    /* [B,H,M,D] */
  float *d_q_marks, *d_k_marks;
} GhNystromGrads;

void gh_nystrom_plan (GhNystromActs *acts, GhArena *arena, int B, int N, int H, int D, int M);
/* For the backward pass: with a trail, and without `scores`, which the caller borrows from the gradients' scratch. */
void gh_nystrom_plan_saved (GhNystromActs *acts, GhArena *arena, int B, int N, int H, int D, int M, int iters);
void gh_nystrom_plan_grads (GhNystromGrads *grads, GhArena *arena, int B, int N, int H, int D, int M);

/* o[B,N,H*D] from qkv[B,N,3*H*D], for N > M. */
GhStatus gh_nystrom_forward (GhCtx *ctx, float *o, float *qkv, const GhNystromActs *acts, int B, int N, int H, int D,
    int M, int iters);
/* dqkv[B,N,3*H*D] overwritten, from dout[B,N,H*D], and qkv and acts as the forward pass left them. */
GhStatus gh_nystrom_backward (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, const GhNystromActs *acts,
    const GhNystromGrads *grads, int B, int N, int H, int D, int M, int iters);

G_END_DECLS
