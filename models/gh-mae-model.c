/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-model.c: see gh-mae-model.h. */
#include "gh-mae-model.h"

/* The weight of prefix + name and its gradient; *weight is NULL when there is no such tensor, *gradient when it does
 * not learn. */
static const GhMaeTensor *
bind (const GhMaeModel *m, const float **weight, float **gradient, const char *prefix, const char *name)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);
  const GhMaeTensor *tensor = gh_mae_params_find (&m->params, full);

  *weight = tensor ? m->params.weights + tensor->offset : NULL;
  *gradient = tensor && tensor->is_trained ? m->params.gradient + tensor->offset : NULL;
  return tensor;
}

static void
bind_norm (const GhMaeModel *m, GhTrainNorm *norm, const char *prefix, const char *name)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  bind (m, &norm->weight, &norm->d_weight, full, ".weight");
  bind (m, &norm->bias, &norm->d_bias, full, ".bias");
}

/* The packs are made from zeros and wait for gh_mae_model_refresh(). */
static GhStatus
bind_linear (GhMaeModel *m, GhTrainLinear *w, gboolean passes_gradient, const float *zeros, const char *prefix,
    const char *name)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);
  const GhMaeTensor *tensor = bind (m, &w->weight, &w->d_weight, full, ".weight");

  bind (m, &w->bias, &w->d_bias, full, ".bias");
  w->n_out = tensor->param->shape[0];
  w->n_in = tensor->param->shape[1];
  g_ptr_array_add (m->linears, w);
  GH_TRY (gh_pack (m->ctx, &w->forward, zeros, w->n_out, w->n_in, m->dtype));
  if (!passes_gradient || gh_multiplies_back (m->ctx))
    return GH_OK;
  return gh_pack (m->ctx, &w->backward, zeros, w->n_in, w->n_out, m->dtype);
}

static GhStatus
bind_blocks (GhMaeModel *m, GhTrainBlock *blocks, int depth, const float *zeros, const char *prefix)
{
  for (int i = 0; i < depth; i++) {
    g_autofree char *block = g_strdup_printf ("%sblocks.%d.", prefix, i);
    GhTrainBlock *b = &blocks[i];

    bind_norm (m, &b->norm1, block, "norm1");
    GH_TRY (bind_linear (m, &b->qkv, TRUE, zeros, block, "attn.qkv"));
    bind (m, &b->conv, &b->d_conv, block, "attn.conv");
    GH_TRY (bind_linear (m, &b->out, TRUE, zeros, block, "attn.out"));
    bind_norm (m, &b->norm2, block, "norm2");
    GH_TRY (bind_linear (m, &b->fc1, TRUE, zeros, block, "mlp.fc1"));
    GH_TRY (bind_linear (m, &b->fc2, TRUE, zeros, block, "mlp.fc2"));
  }
  return GH_OK;
}

static GhStatus
bind_all (GhMaeModel *m, const float *zeros)
{
  const GhMaeConfig *c = &m->config;
  gboolean own_embed = gh_mae_params_find (&m->params, "decoder.embed.weight") != NULL;
  float *fixed;

  GH_TRY (bind_linear (m, &m->patch, FALSE, zeros, "", "patch"));
  bind (m, &m->offset, &fixed, "", GH_MAE_OFFSET);
  bind (m, &m->cls_token, &m->d_cls_token, "", "cls_token");
  GH_TRY (bind_blocks (m, m->blocks, c->depth, zeros, ""));
  bind_norm (m, &m->norm, "", "norm");
  GH_TRY (bind_linear (m, &m->embed, TRUE, zeros, own_embed ? "decoder." : "", "embed"));
  bind (m, &m->mask_token, &m->d_mask_token, "decoder.", "mask_token");
  GH_TRY (bind_blocks (m, m->dec_blocks, c->dec_depth, zeros, "decoder."));
  bind_norm (m, &m->dec_norm, "decoder.", "norm");
  return bind_linear (m, &m->pred, TRUE, zeros, "decoder.", "pred");
}

/* The file's table, or the fixed one in table[1+N,dim], whose first row is the cls token's: zero. */
static GhStatus
bind_positions (GhMaeModel *m, const float **pos, const float **cls_pos, float *table, int dim, const char *prefix)
{
  const GhMaeConfig *c = &m->config;
  const float *stored;
  float *none;
  g_autofree float *rows = NULL;

  if (bind (m, &stored, &none, prefix, "pos")) {
    *cls_pos = stored;
    *pos = stored + (c->cls_token ? dim : 0);
    return GH_OK;
  }
  rows = g_new (float, (gsize) gh_mae_config_tokens (c) * dim);
  gh_mae_sincos (rows, gh_mae_config_grid_rows (c), gh_mae_config_grid_cols (c), dim);
  *cls_pos = table;
  *pos = table + dim;
  return gh_upload (m->ctx, table + dim, rows, (gsize) gh_mae_config_tokens (c) * dim * sizeof (float));
}

static guint64
largest (const GhMaeParams *params)
{
  guint64 n = 0;

  for (guint i = 0; i < params->tensors->len; i++)
    n = MAX (n, (guint64) gh_param_count (g_array_index (params->tensors, GhMaeTensor, i).param));
  return n;
}

guint64
gh_mae_model_bytes (const GhMaeParams *params, GhCtx *ctx, GhDtype dtype)
{
  const guint64 packs = params->n_decayed * (gh_multiplies_back (ctx) ? 1 : 2) * (dtype == GH_DTYPE_F32 ? 4 : 2);

  return (params->n_all + 3 * params->n_trained + largest (params)) * sizeof (float) + packs;
}

GhStatus
gh_mae_model_init (GhMaeModel *m, GhCtx *ctx, const GhMaeConfig *c, GhDtype dtype, GhMaeParams *params)
{
  const int first = c->cls_token ? 1 : 0;
  const gsize rows = gh_mae_config_tokens (c) + 1;
  g_autofree float *zeros = NULL;

  *m = (GhMaeModel) { .ctx = ctx, .config = *c, .dtype = dtype, .params = *params };
  *params = (GhMaeParams) { 0 };
  m->shape = (GhBlockShape) { c->dim, c->heads, c->head_dim, c->mlp, c->landmarks, c->pinv_iters, c->conv, first,
    c->eps, dtype };
  m->dec_shape = (GhBlockShape) { c->dec_dim, c->dec_heads, c->dec_head_dim, c->dec_mlp, 0, 0, 0, first, c->eps,
    dtype };
  m->blocks = g_new0 (GhTrainBlock, c->depth);
  m->dec_blocks = g_new0 (GhTrainBlock, c->dec_depth);
  m->linears = g_ptr_array_new ();
  zeros = g_try_new0 (float, largest (&m->params));
  if (!zeros)
    return GH_NOMEM;
  GH_TRY (bind_all (m, zeros));
  GH_TRY (gh_alloc (ctx, (void **) &m->tables, rows * (c->dim + c->dec_dim) * sizeof (float)));
  GH_TRY (bind_positions (m, &m->pos, &m->cls_pos, m->tables, c->dim, ""));
  return bind_positions (m, &m->dec_pos, &m->dec_cls_pos, m->tables + rows * c->dim, c->dec_dim, "decoder.");
}

void
gh_mae_model_clear (GhMaeModel *m)
{
  for (guint i = 0; m->linears && i < m->linears->len; i++) {
    GhTrainLinear *linear = g_ptr_array_index (m->linears, i);

    gh_packed_free (linear->forward);
    gh_packed_free (linear->backward);
  }
  g_clear_pointer (&m->linears, g_ptr_array_unref);
  g_clear_pointer (&m->blocks, g_free);
  g_clear_pointer (&m->dec_blocks, g_free);
  if (m->tables)
    gh_free (m->ctx, m->tables);
  gh_mae_params_clear (&m->params);
  *m = (GhMaeModel) { 0 };
}

GhStatus
gh_mae_model_refresh (const GhMaeModel *m)
{
  for (guint i = 0; i < m->linears->len; i++) {
    const GhTrainLinear *linear = g_ptr_array_index (m->linears, i);

    GH_TRY (gh_pack_update (m->ctx, linear->forward, linear->weight, false));
    if (linear->backward)
      GH_TRY (gh_pack_update (m->ctx, linear->backward, linear->weight, true));
  }
  return GH_OK;
}
