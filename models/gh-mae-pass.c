/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-pass.c: see gh-mae-pass.h. */
#include "gh-mae-pass.h"

static int
first_token (const GhMaePass *p)
{
  return p->model->shape.first;
}

static void
plan (GhMaePass *p, GhArena *arena)
{
  const GhMaeConfig *c = &p->model->config;
  const int T = first_token (p) + p->K, S = first_token (p) + p->N;
  const guint64 B = p->B, shown = B * T, out = B * (p->N - p->K), widest = MAX (c->dim, c->dec_dim);
  guint64 start, end;

  p->rgb = (guint8 *) gh_arena_floats (arena, (B * c->height * c->width * 3 + 3) / 4);
  p->sums = gh_arena_floats (arena, 2);
  p->kept = p->fuses_patches ? NULL : gh_arena_floats (arena, B * p->K * p->P);
  p->hidden = p->fuses_loss ? NULL : gh_arena_floats (arena, out * p->P);
  p->cls = gh_arena_floats (arena, c->dim);
  gh_block_stack_plan_kept (&p->encoder, arena);
  p->encoded = gh_arena_floats (arena, shown * c->dim);
  p->mean = gh_arena_floats (arena, shown);
  p->rstd = gh_arena_floats (arena, shown);
  p->latent = gh_arena_floats (arena, shown * c->dim);
  gh_block_stack_plan_kept (&p->decoder, arena);
  p->picked = gh_arena_floats (arena, out * c->dec_dim);
  p->dec_mean = gh_arena_floats (arena, out);
  p->dec_rstd = gh_arena_floats (arena, out);
  p->normed = gh_arena_floats (arena, out * c->dec_dim);
  p->pred = p->fuses_loss ? NULL : gh_arena_floats (arena, out * p->P);
  p->x = gh_arena_floats (arena, B * S * widest);
  p->small = gh_arena_floats (arena, B * S * widest);

  /* Encoder and decoder take turns. */
  start = arena->used;
  gh_block_stack_plan_scratch (&p->encoder, arena);
  end = arena->used;
  arena->used = start;
  gh_block_stack_plan_scratch (&p->decoder, arena);
  arena->used = MAX (arena->used, end);
}

/* Those that index[B,n] names. */
static GhPatches
patches_of (const GhMaePass *p, const gint32 *index, int n)
{
  const GhMaeConfig *c = &p->model->config;

  return (GhPatches) {
    .rgb = p->rgb, .keep = index, .mean = { c->mean[0], c->mean[1], c->mean[2] },
    .std = { c->std[0], c->std[1], c->std[2] }, .B = p->B, .height = c->height, .width = c->width,
    .stride = (gsize) c->width * 3, .patch = c->patch, .K = n };
}

GhStatus
gh_mae_pass_init (GhMaePass *p, const GhMaeModel *model, int B, int K)
{
  const GhMaeConfig *c = &model->config;

  p->model = model;
  p->B = B;
  p->N = gh_mae_config_tokens (c);
  p->K = K;
  p->P = gh_mae_config_patch_values (c);
  if (!model->offset) {
    const GhPatches hidden = patches_of (p, NULL, p->N - K);

    p->fuses_patches = gh_fuses_patches (model->ctx, model->patch.forward);
    p->fuses_loss = gh_fuses_patches_loss (model->ctx, model->pred.forward, &hidden);
  }
  GH_TRY (gh_block_stack_init (&p->encoder, model->ctx, model->blocks, c->depth, &model->shape, B, first_token (p) + K));
  return gh_block_stack_init (&p->decoder, model->ctx, model->dec_blocks, c->dec_depth, &model->dec_shape, B,
      first_token (p) + p->N);
}

guint64
gh_mae_pass_plan (GhMaePass *p, void *memory)
{
  GhArena arena = { .base = memory };

  plan (p, &arena);
  return arena.peak;
}

void
gh_mae_pass_clear (GhMaePass *p)
{
  gh_block_stack_clear (&p->encoder);
  gh_block_stack_clear (&p->decoder);
}

/* patches[B,n,P] of the n places per image that index[B,n] names. */
static GhStatus
cut (const GhMaePass *p, float *patches, const gint32 *index, int n)
{
  const GhMaeConfig *c = &p->model->config;
  GhCtx *ctx = p->model->ctx;

  GH_TRY (gh_patchify_fwd (ctx, patches, p->rgb, index, c->mean, c->std, p->B, c->height, c->width,
          (size_t) c->width * 3, c->patch, n));
  if (!p->model->offset)
    return GH_OK;
  return gh_embed_tokens_fwd (ctx, patches, patches, p->model->offset, index, NULL, p->B, n, p->P, 0);
}

GhStatus
gh_mae_pass_cut (const GhMaePass *p)
{
  if (!p->fuses_patches)
    GH_TRY (cut (p, p->kept, p->keep, p->K));
  return p->fuses_loss ? GH_OK : cut (p, p->hidden, p->drop, p->N - p->K);
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

/* small[B,K,C] */
static GhStatus
project (const GhMaePass *p)
{
  const GhMaeModel *m = p->model;
  const GhMaeConfig *c = &m->config;

  if (!p->fuses_patches)
    return gh_train_linear_forward (m->ctx, p->small, p->kept, &m->patch, NULL, p->B * p->K);
  return gh_project_patches_fwd (m->ctx, p->small, p->rgb, p->keep, c->mean, c->std, m->patch.forward, m->patch.bias,
      p->B, c->height, c->width, (gsize) c->width * 3, c->patch, p->K);
}

static GhStatus
encode (const GhMaePass *p)
{
  const GhMaeModel *m = p->model;
  const int C = m->config.dim, first = first_token (p), T = first + p->K;

  /* kept[B,K,P] -> small[B,K,C] -> encoder.x[B,T,C] -> encoded[B,T,C] -> latent[B,T,C] */
  GH_TRY (project (p));
  if (first)
    GH_TRY (gh_embed_tokens_fwd (m->ctx, p->cls, m->cls_token, m->cls_pos, NULL, NULL, 1, 1, C, 0));
  GH_TRY (gh_embed_tokens_fwd (m->ctx, p->encoder.x, p->small, m->pos, p->keep, first ? p->cls : NULL, p->B, p->K,
          C, first));
  GH_TRY (gh_block_stack_forward (m->ctx, p->encoded, &p->encoder));
  return gh_layernorm_fwd (m->ctx, p->latent, p->mean, p->rstd, p->encoded, m->norm.weight, m->norm.bias, p->B * T, C,
      m->shape.eps);
}

static GhStatus
decode (const GhMaePass *p)
{
  const GhMaeModel *m = p->model;
  const int D = m->config.dec_dim, first = first_token (p), out = p->B * (p->N - p->K);

  /* latent[B,first+K,C] -> small[B,first+K,D] -> decoder.x[B,first+N,D] -> x[B,first+N,D] */
  GH_TRY (gh_train_linear_forward (m->ctx, p->small, p->latent, &m->embed, NULL, p->B * (first + p->K)));
  GH_TRY (gh_unmask_tokens_fwd (m->ctx, p->decoder.x, p->small, m->mask_token, m->dec_pos, p->keep,
          first ? m->dec_cls_pos : NULL, p->B, p->N, p->K, D, first));
  GH_TRY (gh_block_stack_forward (m->ctx, p->x, &p->decoder));

  /* Only what was hidden becomes pixels: x -> picked[B,N-K,D] -> normed -> pred[B,N-K,P] */
  GH_TRY (gh_gather_rows_fwd (m->ctx, p->picked, p->x, p->drop, p->B, p->N, p->N - p->K, D, first));
  GH_TRY (gh_layernorm_fwd (m->ctx, p->normed, p->dec_mean, p->dec_rstd, p->picked, m->dec_norm.weight,
          m->dec_norm.bias, out, D, m->dec_shape.eps));
  return p->fuses_loss ? GH_OK : gh_train_linear_forward (m->ctx, p->pred, p->normed, &m->pred, NULL, out);
}

GhStatus
gh_mae_pass_forward (const GhMaePass *p)
{
  GH_TRY (encode (p));
  return decode (p);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The loss, and small[B,N-K,D], its gradient before the prediction. */
static GhStatus
loss_backward (const GhMaePass *p, float scale)
{
  const GhMaeModel *m = p->model;
  const int hidden = p->N - p->K, rows = p->B * hidden;
  const float per_value = (float) (scale / ((double) rows * p->P));

  if (p->fuses_loss) {
    const GhPatches patches = patches_of (p, p->drop, hidden);

    return gh_patches_loss (m->ctx, p->sums, p->small, m->pred.d_weight, m->pred.d_bias, p->normed, m->pred.forward,
        m->pred.bias, &patches, p->normalise, per_value);
  }
  GH_TRY (gh_masked_loss (m->ctx, p->sums, p->pred, p->pred, p->hidden, p->normalise, per_value, rows, p->P));
  return gh_train_linear_backward (m->ctx, p->small, p->pred, p->normed, &m->pred, m->dtype, rows);
}

/* small -> small[B,first+K,D], that of the embedded latent. */
static GhStatus
decode_backward (const GhMaePass *p)
{
  const GhMaeModel *m = p->model;
  const int D = m->config.dec_dim, first = first_token (p), hidden = p->N - p->K, out = p->B * hidden;

  GH_TRY (gh_layernorm_bwd (m->ctx, p->small, m->dec_norm.d_weight, m->dec_norm.d_bias, p->small, p->picked,
          m->dec_norm.weight, p->dec_mean, p->dec_rstd, NULL, out, D));
  GH_TRY (gh_gather_rows_bwd (m->ctx, p->x, p->small, p->drop, p->B, p->N, hidden, D, first));
  GH_TRY (gh_block_stack_backward (m->ctx, p->x, &p->decoder));
  return gh_unmask_tokens_bwd (m->ctx, p->small, m->d_mask_token, p->x, p->keep, p->B, p->N, p->K, D, first);
}

static GhStatus
encode_backward (const GhMaePass *p)
{
  const GhMaeModel *m = p->model;
  const int C = m->config.dim, first = first_token (p), T = first + p->K;

  /* small[B,T,D] -> x[B,T,C], through the norm and the blocks, -> small[B,K,C] */
  GH_TRY (gh_train_linear_backward (m->ctx, p->x, p->small, p->latent, &m->embed, m->dtype, p->B * T));
  GH_TRY (gh_layernorm_bwd (m->ctx, p->x, m->norm.d_weight, m->norm.d_bias, p->x, p->encoded, m->norm.weight, p->mean,
          p->rstd, NULL, p->B * T, C));
  GH_TRY (gh_block_stack_backward (m->ctx, p->x, &p->encoder));
  GH_TRY (gh_embed_tokens_bwd (m->ctx, p->small, m->d_cls_token, p->x, p->B, p->K, C, first));
  if (p->fuses_patches) {
    const GhPatches patches = patches_of (p, p->keep, p->K);

    return gh_project_patches_bwd (m->ctx, m->patch.d_weight, m->patch.d_bias, p->small, &patches, C);
  }
  return gh_train_linear_backward (m->ctx, NULL, p->small, p->kept, &m->patch, m->dtype, p->B * p->K);
}

GhStatus
gh_mae_pass_backward (const GhMaePass *p, float scale)
{
  GH_TRY (loss_backward (p, scale));
  GH_TRY (decode_backward (p));
  return encode_backward (p);
}
