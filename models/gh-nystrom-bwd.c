/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-nystrom-bwd.c: the gradient of gh_nystrom_forward(), from the right to the left. With q already scaled, W = K3 v
 * and U = pinv(K2) W, which the forward pass calls values and mixed:
 *
 *   dU = K1^T do    dK1 = do U^T        dW = Z^T dU    dZ = dU W^T        dv = K3^T dW    dK3 = dW v^T
 *   dq = dS1 k~     dk~ = dS1^T q + dS2^T q~     dq~ = dS2 k~ + dS3 k     dk = dS3^T q~
 *
 * dS are the gradients before each softmax; those of the landmarks are handed on to their segments.
 */
#include "gh-nystrom.h"

#include <math.h>

/* What one call works on: sizes, and the operands as matrices. q is not scaled, its landmarks are. */
typedef struct {
  GhCtx *ctx;
  int B, N, H, D, M, iters;
  float scale;
  const GhNystromActs *acts;
  const GhNystromGrads *grads;
  GhMat q, k, v, dq, dk, dv, dout;
  GhMat q_marks, k_marks, d_q_marks, d_k_marks, values, d_values, mixed, d_mixed;
  GhMat d_core, inverse, d_inverse;
} Pass;

void
gh_nystrom_plan_grads (GhNystromGrads *grads, GhArena *arena, int B, int N, int H, int D, int M)
{
  guint64 matrices = (guint64) B * H;

  grads->scores = gh_arena_floats (arena, matrices * N * M);
  grads->d_scores = gh_arena_floats (arena, matrices * N * M);
  grads->d_core = gh_arena_floats (arena, matrices * M * M);
  grads->d_inverse = gh_arena_floats (arena, matrices * M * M);
  grads->d_values = gh_arena_floats (arena, matrices * M * D);
  grads->d_mixed = gh_arena_floats (arena, matrices * M * D);
  grads->d_q_marks = gh_arena_floats (arena, matrices * M * D);
  grads->d_k_marks = gh_arena_floats (arena, matrices * M * D);
}

static GhMat
dense (float *p, int H, int rows, int cols)
{
  return (GhMat) { p, cols, (ptrdiff_t) H * rows * cols, (ptrdiff_t) rows * cols };
}

/* Part 0, 1 or 2 of qkv[B,N,3,H,D]. */
static GhMat
part (const float *qkv, int which, int N, int H, int D)
{
  return (GhMat) { (float *) qkv + which * H * D, 3 * H * D, (ptrdiff_t) N * 3 * H * D, D };
}

static GhStatus
multiply (const Pass *p, GhMat c, GhMat a, bool trans_a, GhMat b, bool trans_b, float alpha, float beta, int m, int n,
    int k)
{
  return gh_bmm (p->ctx, c, a, trans_a, b, trans_b, alpha, beta, p->B, p->H, m, n, k);
}

/* o = K1 U: dq, the first part of dk~, and dU. */
static GhStatus
left_backward (const Pass *p)
{
  const int N = p->N, D = p->D, M = p->M, rows = p->B * p->H * N;
  float *scores = p->grads->scores, *d_scores = p->grads->d_scores;
  const GhMat k1 = dense (scores, p->H, N, M), d_k1 = dense (d_scores, p->H, N, M);

  GH_TRY (multiply (p, k1, p->q, false, p->k_marks, true, p->scale, 0.0f, N, M, D));
  GH_TRY (gh_softmax_fwd (p->ctx, scores, scores, rows, M));
  GH_TRY (multiply (p, p->d_mixed, k1, true, p->dout, false, 1.0f, 0.0f, M, D, N));
  GH_TRY (multiply (p, d_k1, p->dout, false, p->mixed, true, 1.0f, 0.0f, N, M, D));
  GH_TRY (gh_softmax_bwd (p->ctx, d_scores, d_scores, scores, rows, M));
  GH_TRY (multiply (p, p->dq, d_k1, false, p->k_marks, false, p->scale, 0.0f, N, D, M));
  return multiply (p, p->d_k_marks, d_k1, true, p->q, false, p->scale, 0.0f, M, D, N);
}

/* U = Z W, Z = pinv(K2): dW, the rest of dk~, the first part of dq~. */
static GhStatus
middle_backward (const Pass *p)
{
  const int D = p->D, M = p->M, matrices = p->B * p->H;
  float *d_core = p->grads->d_core;

  GH_TRY (multiply (p, p->d_inverse, p->d_mixed, false, p->values, true, 1.0f, 0.0f, M, M, D));
  GH_TRY (multiply (p, p->d_values, p->inverse, true, p->d_mixed, false, 1.0f, 0.0f, M, D, M));
  GH_TRY (gh_pinv_bwd (p->ctx, d_core, p->grads->d_inverse, p->acts->core, p->acts->trail, matrices, M, p->iters));
  GH_TRY (gh_softmax_bwd (p->ctx, d_core, d_core, p->acts->core, matrices * M, M));
  GH_TRY (multiply (p, p->d_q_marks, p->d_core, false, p->k_marks, false, 1.0f, 0.0f, M, D, M));
  return multiply (p, p->d_k_marks, p->d_core, true, p->q_marks, false, 1.0f, 1.0f, M, D, M);
}

/* W = K3 v: dv, dk, the rest of dq~. */
static GhStatus
right_backward (const Pass *p)
{
  const int N = p->N, D = p->D, M = p->M, rows = p->B * p->H * M;
  float *scores = p->grads->scores, *d_scores = p->grads->d_scores;
  const GhMat k3 = dense (scores, p->H, M, N), d_k3 = dense (d_scores, p->H, M, N);

  GH_TRY (multiply (p, k3, p->q_marks, false, p->k, true, 1.0f, 0.0f, M, N, D));
  GH_TRY (gh_softmax_fwd (p->ctx, scores, scores, rows, N));
  GH_TRY (multiply (p, p->dv, k3, true, p->d_values, false, 1.0f, 0.0f, N, D, M));
  GH_TRY (multiply (p, d_k3, p->d_values, false, p->v, true, 1.0f, 0.0f, M, N, D));
  GH_TRY (gh_softmax_bwd (p->ctx, d_scores, d_scores, scores, rows, N));
  GH_TRY (multiply (p, p->d_q_marks, d_k3, false, p->k, false, 1.0f, 1.0f, M, D, N));
  return multiply (p, p->dk, d_k3, true, p->q_marks, false, 1.0f, 0.0f, N, D, M);
}

GhStatus
gh_nystrom_backward (GhCtx *ctx, float *dqkv, const float *dout, const float *qkv, const GhNystromActs *acts,
    const GhNystromGrads *grads, int B, int N, int H, int D, int M, int iters)
{
  const int I = H * D;
  const Pass p = {
    ctx, B, N, H, D, M, iters, 1.0f / sqrtf ((float) D), acts, grads,
    .q = part (qkv, 0, N, H, D), .k = part (qkv, 1, N, H, D), .v = part (qkv, 2, N, H, D),
    .dq = part (dqkv, 0, N, H, D), .dk = part (dqkv, 1, N, H, D), .dv = part (dqkv, 2, N, H, D),
    .dout = { (float *) dout, I, (ptrdiff_t) N * I, D },
    .q_marks = dense (acts->q_marks, H, M, D), .k_marks = dense (acts->k_marks, H, M, D),
    .d_q_marks = dense (grads->d_q_marks, H, M, D), .d_k_marks = dense (grads->d_k_marks, H, M, D),
    .values = dense (acts->values, H, M, D), .d_values = dense (grads->d_values, H, M, D),
    .mixed = dense (acts->mixed, H, M, D), .d_mixed = dense (grads->d_mixed, H, M, D),
    .d_core = dense (grads->d_core, H, M, M),
    .inverse = dense (acts->inverse, H, M, M), .d_inverse = dense (grads->d_inverse, H, M, M),
  };

  GH_TRY (left_backward (&p));
  GH_TRY (middle_backward (&p));
  GH_TRY (right_backward (&p));
  GH_TRY (gh_segment_mean_bwd (ctx, dqkv, grads->d_q_marks, 0, 3 * I, p.scale, B, N, H, D, M));
  return gh_segment_mean_bwd (ctx, dqkv, grads->d_k_marks, I, 3 * I, 1.0f, B, N, H, D, M);
}
