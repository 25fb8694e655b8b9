/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-nystrom.c: see gh-nystrom.h.
 *
 *   K1 = softmax(q k~^T) [N,M]    K2 = softmax(q~ k~^T) [M,M]    K3 = softmax(q~ k^T) [M,N]
 *   o  = K1 (pinv(K2) (K3 v))
 *
 * From the right the middle product costs 2 M^2 D; from the left it would cost 2 N M^2.
 */
#include "gh-nystrom.h"

#include <math.h>

static void
plan_small (GhNystromActs *acts, GhArena *arena, guint64 matrices, int D, int M)
{
  acts->q_marks = gh_arena_floats (arena, matrices * M * D);
  acts->k_marks = gh_arena_floats (arena, matrices * M * D);
  acts->core = gh_arena_floats (arena, matrices * M * M);
  acts->inverse = gh_arena_floats (arena, matrices * M * M);
  acts->values = gh_arena_floats (arena, matrices * M * D);
  acts->mixed = gh_arena_floats (arena, matrices * M * D);
}

void
gh_nystrom_plan (GhNystromActs *acts, GhArena *arena, int B, int N, int H, int D, int M)
{
  guint64 matrices = (guint64) B * H;

  plan_small (acts, arena, matrices, D, M);
  acts->scores = gh_arena_floats (arena, matrices * N * M);
  acts->trail = NULL;
}

void
gh_nystrom_plan_saved (GhNystromActs *acts, GhArena *arena, int B, int N, int H, int D, int M, int iters)
{
  guint64 matrices = (guint64) B * H;

  plan_small (acts, arena, matrices, D, M);
  acts->scores = NULL;
  acts->trail = gh_arena_floats (arena, iters * matrices * M * M);
}

/* [B,H,rows,cols] without gaps. */
static GhMat
dense (float *p, int H, int rows, int cols)
{
  return (GhMat) { p, cols, (ptrdiff_t) H * rows * cols, (ptrdiff_t) rows * cols };
}

GhStatus
gh_nystrom_forward (GhCtx *ctx, float *o, float *qkv, const GhNystromActs *acts, int B, int N, int H, int D, int M,
    int iters)
{
  const int I = H * D;
  const float scale = 1.0f / sqrtf ((float) D);
  const GhMat q = { qkv, 3 * I, (ptrdiff_t) N * 3 * I, D };
  const GhMat k = { qkv + I, 3 * I, (ptrdiff_t) N * 3 * I, D };
  const GhMat v = { qkv + 2 * I, 3 * I, (ptrdiff_t) N * 3 * I, D };
  const GhMat out = { o, I, (ptrdiff_t) N * I, D };
  const GhMat q_marks = dense (acts->q_marks, H, M, D), k_marks = dense (acts->k_marks, H, M, D);
  const GhMat wide = dense (acts->scores, H, M, N), tall = dense (acts->scores, H, N, M);
  const GhMat core = dense (acts->core, H, M, M), inverse = dense (acts->inverse, H, M, M);
  const GhMat values = dense (acts->values, H, M, D), mixed = dense (acts->mixed, H, M, D);

  GH_TRY (gh_segment_mean_fwd (ctx, acts->q_marks, qkv, 0, 3 * I, scale, B, N, H, D, M));
  GH_TRY (gh_segment_mean_fwd (ctx, acts->k_marks, qkv, I, 3 * I, 1.0f, B, N, H, D, M));

  /* values = K3 v */
  GH_TRY (gh_bmm (ctx, wide, q_marks, false, k, true, 1.0f, 0.0f, B, H, M, N, D));
  GH_TRY (gh_softmax_fwd (ctx, acts->scores, acts->scores, B * H * M, N));
  GH_TRY (gh_bmm (ctx, values, wide, false, v, false, 1.0f, 0.0f, B, H, M, D, N));

  /* mixed = pinv(K2) values */
  GH_TRY (gh_bmm (ctx, core, q_marks, false, k_marks, true, 1.0f, 0.0f, B, H, M, M, D));
  GH_TRY (gh_softmax_fwd (ctx, acts->core, acts->core, B * H * M, M));
  GH_TRY (gh_pinv_fwd (ctx, acts->inverse, acts->trail, acts->core, B * H, M, iters));
  GH_TRY (gh_bmm (ctx, mixed, inverse, false, values, false, 1.0f, 0.0f, B, H, M, D, M));

  /* o = K1 mixed */
  GH_TRY (gh_bmm (ctx, tall, q, false, k_marks, true, scale, 0.0f, B, H, N, M, D));
  GH_TRY (gh_softmax_fwd (ctx, acts->scores, acts->scores, B * H * N, M));
  return gh_bmm (ctx, out, tall, false, mixed, false, 1.0f, 0.0f, B, H, N, D, M);
}
