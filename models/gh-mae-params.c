/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-params.c: see gh-mae-params.h. */
#include "gh-mae-params.h"

typedef enum { DECAYED, PLAIN, FIXED, N_GROUPS } Group;

static Group
group_of (const GhParam *param, gboolean embed_is_trained)
{
  if (param->init == GH_INIT_OFFSET || g_str_equal (param->name, "pos") || g_str_equal (param->name, "decoder.pos"))
    return FIXED;
  if (g_str_has_prefix (param->name, "embed.") && !embed_is_trained)
    return FIXED;
  if (g_str_has_prefix (param->name, "surprise.") || g_str_has_prefix (param->name, "shadows."))
    return FIXED;
  return param->rank > 1 ? DECAYED : PLAIN;
}

/* The tensors of a group, each on a line of the cache. */
static void
place (GhMaeParams *params, Group group, gboolean embed_is_trained)
{
  for (guint i = 0; i < params->tensors->len; i++) {
    GhMaeTensor *tensor = &g_array_index (params->tensors, GhMaeTensor, i);

    if (group_of (tensor->param, embed_is_trained) != group)
      continue;
    tensor->offset = params->n_all;
    tensor->is_trained = group != FIXED;
    params->n_all += (gh_param_count (tensor->param) + 15) / 16 * 16;
  }
}

void
gh_mae_params_plan (GhMaeParams *params, const GhMaeConfig *config, GhMaeHas has, gpointer data)
{
  gboolean embed_is_trained;

  *params = (GhMaeParams) { .layout = gh_mae_layout (config) };
  params->tensors = g_array_new (FALSE, TRUE, sizeof (GhMaeTensor));
  for (guint i = 0; i < params->layout->len; i++) {
    GhMaeTensor tensor = { g_ptr_array_index (params->layout, i) };

    if (!tensor.param->optional || has (tensor.param->name, data))
      g_array_append_val (params->tensors, tensor);
  }
  embed_is_trained = gh_mae_params_find (params, "decoder.embed.weight") == NULL;
  place (params, DECAYED, embed_is_trained);
  params->n_decayed = params->n_all;
  place (params, PLAIN, embed_is_trained);
  params->n_trained = params->n_all;
  place (params, FIXED, embed_is_trained);
}

GhStatus
gh_mae_params_allocate (GhMaeParams *params, GhCtx *ctx)
{
  params->ctx = ctx;
  GH_TRY (gh_alloc (ctx, (void **) &params->weights, params->n_all * sizeof (float)));
  GH_TRY (gh_alloc (ctx, (void **) &params->gradient, params->n_trained * sizeof (float)));
  GH_TRY (gh_alloc (ctx, (void **) &params->m, params->n_trained * sizeof (float)));
  return gh_alloc (ctx, (void **) &params->v, params->n_trained * sizeof (float));
}

void
gh_mae_params_clear (GhMaeParams *params)
{
  if (params->ctx) {
    gh_free (params->ctx, params->weights);
    gh_free (params->ctx, params->gradient);
    gh_free (params->ctx, params->m);
    gh_free (params->ctx, params->v);
  }
  g_clear_pointer (&params->tensors, g_array_unref);
  g_clear_pointer (&params->layout, g_ptr_array_unref);
  *params = (GhMaeParams) { 0 };
}

const GhMaeTensor *
gh_mae_params_find (const GhMaeParams *params, const char *name)
{
  for (guint i = 0; i < params->tensors->len; i++) {
    const GhMaeTensor *tensor = &g_array_index (params->tensors, GhMaeTensor, i);

    if (g_str_equal (tensor->param->name, name))
      return tensor;
  }
  return NULL;
}

static GhStatus
adamw (const GhMaeParams *p, guint64 from, guint64 to, float grad_scale, float lr, float beta1, float beta2,
    float weight_decay, int t)
{
  return gh_adamw (p->ctx, p->weights + from, p->m + from, p->v + from, p->gradient + from, to - from, grad_scale, lr,
      beta1, beta2, 1e-8f, weight_decay, t);
}

GhStatus
gh_mae_params_adamw (const GhMaeParams *p, float grad_scale, float lr, float beta1, float beta2, float weight_decay,
    int t)
{
  GH_TRY (adamw (p, 0, p->n_decayed, grad_scale, lr, beta1, beta2, weight_decay, t));
  return adamw (p, p->n_decayed, p->n_trained, grad_scale, lr, beta1, beta2, 0.0f, t);
}
