/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-block-train.c: see gh-block-train.h. */
#include "gh-block-train.h"

void
gh_block_saved_plan (GhBlockSaved *s, GhArena *arena, const GhBlockShape *shape, int B, int N)
{
  const guint64 rows = (guint64) B * N, inner = (guint64) shape->heads * shape->head_dim;

  s->x = gh_arena_floats (arena, rows * shape->dim);
  s->mean1 = gh_arena_floats (arena, rows);
  s->rstd1 = gh_arena_floats (arena, rows);
  s->qkv = gh_arena_floats (arena, rows * 3 * inner);
  if (!gh_block_is_exact (shape, N))
    gh_nystrom_plan_saved (&s->nystrom, arena, B, N, shape->heads, shape->head_dim, shape->landmarks,
        shape->pinv_iters);
  s->attn = gh_arena_floats (arena, rows * inner);
  s->mid = gh_arena_floats (arena, rows * shape->dim);
  s->mean2 = gh_arena_floats (arena, rows);
  s->rstd2 = gh_arena_floats (arena, rows);
  s->pre = gh_arena_floats (arena, rows * shape->mlp);
}

void
gh_block_scratch_plan (GhBlockScratch *s, GhArena *arena, const GhBlockShape *shape, int B, int N)
{
  const guint64 rows = (guint64) B * N, inner = (guint64) shape->heads * shape->head_dim;
  guint64 start, end;

  s->norm = gh_arena_floats (arena, rows * shape->dim);
  s->d_norm = gh_arena_floats (arena, rows * shape->dim);
  start = arena->used;
  s->hidden = gh_arena_floats (arena, rows * shape->mlp);
  s->d_hidden = gh_arena_floats (arena, rows * shape->mlp);
  end = arena->used;
  arena->used = start;
  s->d_attn = gh_arena_floats (arena, rows * inner);
  s->d_qkv = gh_arena_floats (arena, rows * 3 * inner);
  if (!gh_block_is_exact (shape, N))
    gh_nystrom_plan_grads (&s->nystrom, arena, B, N, shape->heads, shape->head_dim, shape->landmarks);
  arena->used = MAX (arena->used, end);
}

GhStatus
gh_train_linear_forward (GhCtx *ctx, float *y, const float *x, const GhTrainLinear *w, const float *residual, int rows)
{
  return gh_linear_fwd (ctx, y, x, w->forward, w->bias, residual, GH_ACT_NONE, rows);
}

GhStatus
gh_train_linear_backward (GhCtx *ctx, float *dx, const float *dy, const float *x, const GhTrainLinear *w, GhDtype dtype,
    int rows)
{
  GH_TRY (gh_linear_bwd_weight (ctx, w->d_weight, w->d_bias, dy, x, dtype, rows, w->n_out, w->n_in));
  if (!dx)
    return GH_OK;
  return w->backward ? gh_linear_fwd (ctx, dx, dy, w->backward, NULL, NULL, GH_ACT_NONE, rows)
      : gh_linear_bwd_input (ctx, dx, dy, w->forward, rows);
}

static GhStatus
attention_forward (GhCtx *ctx, const GhTrainBlock *w, const GhBlockShape *shape, const GhBlockSaved *saved,
    const GhBlockScratch *scratch, int B, int N)
{
  const int H = shape->heads, d = shape->head_dim;

  if (gh_block_is_exact (shape, N)) {
    GH_TRY (gh_attention_fwd (ctx, saved->attn, saved->qkv, shape->dtype, B, N, H, d));
  } else {
    GhNystromActs acts = saved->nystrom;

    acts.scores = scratch->nystrom.scores;
    GH_TRY (gh_nystrom_forward (ctx, saved->attn, saved->qkv, &acts, B, N, H, d, shape->landmarks,
            shape->pinv_iters));
  }
  return w->conv ? gh_value_conv_fwd (ctx, saved->attn, saved->qkv, w->conv, B, N, H, d, shape->conv, shape->first)
      : GH_OK;
}

GhStatus
gh_block_train_forward (GhCtx *ctx, float *y, const GhTrainBlock *w, const GhBlockShape *shape,
    const GhBlockSaved *saved, const GhBlockScratch *scratch, int B, int N)
{
  const int D = shape->dim, rows = B * N;

  /* x[rows,D] -> norm[rows,D] -> qkv[rows,3I] -> attn[rows,I] -> mid[rows,D] */
  GH_TRY (gh_layernorm_fwd (ctx, scratch->norm, saved->mean1, saved->rstd1, saved->x, w->norm1.weight, w->norm1.bias,
          rows, D, shape->eps));
  GH_TRY (gh_train_linear_forward (ctx, saved->qkv, scratch->norm, &w->qkv, NULL, rows));
  GH_TRY (attention_forward (ctx, w, shape, saved, scratch, B, N));
  GH_TRY (gh_train_linear_forward (ctx, saved->mid, saved->attn, &w->out, saved->x, rows));

  /* mid[rows,D] -> norm[rows,D] -> pre[rows,M] -> hidden[rows,M] -> y[rows,D] */
  GH_TRY (gh_layernorm_fwd (ctx, scratch->norm, saved->mean2, saved->rstd2, saved->mid, w->norm2.weight,
          w->norm2.bias, rows, D, shape->eps));
  GH_TRY (gh_train_linear_forward (ctx, saved->pre, scratch->norm, &w->fc1, NULL, rows));
  GH_TRY (gh_gelu_fwd (ctx, scratch->hidden, saved->pre, (size_t) rows * shape->mlp));
  return gh_train_linear_forward (ctx, y, scratch->hidden, &w->fc2, saved->mid, rows);
}

static GhStatus
mlp_backward (GhCtx *ctx, float *dx, const GhTrainBlock *w, const GhBlockShape *shape, const GhBlockSaved *saved,
    const GhBlockScratch *scratch, int rows)
{
  const int D = shape->dim;
  const size_t n = (size_t) rows * shape->mlp;

  /* dx[rows,D] -> d_hidden[rows,M] -> d_norm[rows,D] -> dx[rows,D], which also went past the MLP */
  GH_TRY (gh_gelu_fwd (ctx, scratch->hidden, saved->pre, n));
  GH_TRY (gh_train_linear_backward (ctx, scratch->d_hidden, dx, scratch->hidden, &w->fc2, shape->dtype, rows));
  GH_TRY (gh_gelu_bwd (ctx, scratch->d_hidden, scratch->d_hidden, saved->pre, n));
  GH_TRY (gh_layernorm_fwd (ctx, scratch->norm, NULL, NULL, saved->mid, w->norm2.weight, w->norm2.bias, rows, D,
          shape->eps));
  GH_TRY (gh_train_linear_backward (ctx, scratch->d_norm, scratch->d_hidden, scratch->norm, &w->fc1, shape->dtype,
          rows));
  return gh_layernorm_bwd (ctx, dx, w->norm2.d_weight, w->norm2.d_bias, scratch->d_norm, saved->mid, w->norm2.weight,
      saved->mean2, saved->rstd2, dx, rows, D);
}

/* d_qkv[B,N,3I] from d_attn[B,N,I]. */
static GhStatus
attention_core_backward (GhCtx *ctx, const GhTrainBlock *w, const GhBlockShape *shape, const GhBlockSaved *saved,
    const GhBlockScratch *scratch, int B, int N)
{
  const int H = shape->heads, d = shape->head_dim;

  if (gh_block_is_exact (shape, N))
    GH_TRY (gh_attention_bwd (ctx, scratch->d_qkv, scratch->d_attn, saved->qkv, shape->dtype, B, N, H, d));
  else
    GH_TRY (gh_nystrom_backward (ctx, scratch->d_qkv, scratch->d_attn, saved->qkv, &saved->nystrom, &scratch->nystrom,
            B, N, H, d, shape->landmarks, shape->pinv_iters));
  return w->conv ? gh_value_conv_bwd (ctx, scratch->d_qkv, w->d_conv, scratch->d_attn, saved->qkv, w->conv, B, N, H, d,
      shape->conv, shape->first) : GH_OK;
}

static GhStatus
attention_backward (GhCtx *ctx, float *dx, const GhTrainBlock *w, const GhBlockShape *shape, const GhBlockSaved *saved,
    const GhBlockScratch *scratch, int B, int N)
{
  const int D = shape->dim, rows = B * N;

  /* dx[rows,D] -> d_attn[rows,I] -> d_qkv[rows,3I] -> d_norm[rows,D] -> dx[rows,D] */
  GH_TRY (gh_train_linear_backward (ctx, scratch->d_attn, dx, saved->attn, &w->out, shape->dtype, rows));
  GH_TRY (attention_core_backward (ctx, w, shape, saved, scratch, B, N));
  GH_TRY (gh_layernorm_fwd (ctx, scratch->norm, NULL, NULL, saved->x, w->norm1.weight, w->norm1.bias, rows, D,
          shape->eps));
  GH_TRY (gh_train_linear_backward (ctx, scratch->d_norm, scratch->d_qkv, scratch->norm, &w->qkv, shape->dtype, rows));
  return gh_layernorm_bwd (ctx, dx, w->norm1.d_weight, w->norm1.d_bias, scratch->d_norm, saved->x, w->norm1.weight,
      saved->mean1, saved->rstd1, dx, rows, D);
}

GhStatus
gh_block_train_backward (GhCtx *ctx, float *dx, const GhTrainBlock *w, const GhBlockShape *shape,
    const GhBlockSaved *saved, const GhBlockScratch *scratch, int B, int N)
{
  GH_TRY (mlp_backward (ctx, dx, w, shape, saved, scratch, B * N));
  return attention_backward (ctx, dx, w, shape, saved, scratch, B, N);
}
