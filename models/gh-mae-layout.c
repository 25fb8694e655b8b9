/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-layout.c: see gh-mae-layout.h. */
#include "gh-mae-layout.h"
#include "gh-surprise.h"

gboolean
gh_mae_config_can_share_embed (const GhMaeConfig *config)
{
  return config->has_embed && config->surprise == 0 && config->shadows == 0 && gh_mae_config_pooled (config) == config->dim
      && config->embedding == config->dec_dim;
}

static void
param_free (gpointer data)
{
  GhParam *param = data;

  g_free (param->name);
  g_free (param);
}

/* cols 0: a vector of `rows`. */
static void
add (GPtrArray *layout, GhInit init, gboolean optional, gint64 rows, gint64 cols, char *name)
{
  GhParam *param = g_new0 (GhParam, 1);

  param->name = name;
  param->rank = cols ? 2 : 1;
  param->shape[0] = rows;
  param->shape[1] = MAX (cols, 1);
  param->init = init;
  param->optional = optional;
  g_ptr_array_add (layout, param);
}

static void
add_linear (GPtrArray *layout, int n_out, int n_in, gboolean bias, gboolean optional, const char *prefix,
    const char *name)
{
  add (layout, GH_INIT_XAVIER, optional, n_out, n_in, g_strconcat (prefix, name, ".weight", NULL));
  if (bias)
    add (layout, GH_INIT_ZERO, optional, n_out, 0, g_strconcat (prefix, name, ".bias", NULL));
}

static void
add_norm (GPtrArray *layout, int dim, const char *prefix, const char *name)
{
  add (layout, GH_INIT_ONE, FALSE, dim, 0, g_strconcat (prefix, name, ".weight", NULL));
  add (layout, GH_INIT_ZERO, FALSE, dim, 0, g_strconcat (prefix, name, ".bias", NULL));
}

/* Without the table, the fixed positions are computed. */
static void
add_positions (GPtrArray *layout, const GhMaeConfig *config, int dim, const char *prefix)
{
  gint64 rows = gh_mae_config_tokens (config) + (config->cls_token ? 1 : 0);

  add (layout, GH_INIT_TOKEN, TRUE, rows, dim, g_strconcat (prefix, "pos", NULL));
}

static void
add_blocks (GPtrArray *layout, const char *prefix, int depth, int dim, int heads, int head_dim, int mlp, int conv,
    gboolean qkv_bias)
{
  int inner = heads * head_dim;

  for (int i = 0; i < depth; i++) {
    g_autofree char *block = g_strdup_printf ("%sblocks.%d.", prefix, i);

    add_norm (layout, dim, block, "norm1");
    add_linear (layout, 3 * inner, dim, qkv_bias, FALSE, block, "attn.qkv");
    if (conv)
      add (layout, GH_INIT_TAPS, FALSE, heads, conv, g_strconcat (block, "attn.conv", NULL));
    add_linear (layout, dim, inner, TRUE, FALSE, block, "attn.out");
    add_norm (layout, dim, block, "norm2");
    add_linear (layout, mlp, dim, TRUE, FALSE, block, "mlp.fc1");
    add_linear (layout, dim, mlp, TRUE, FALSE, block, "mlp.fc2");
  }
}

static void
add_surprise (GPtrArray *layout, const GhMaeConfig *c)
{
  const int edges = gh_surprise_edges (c);

  add_linear (layout, c->surprise, edges, TRUE, FALSE, "surprise.", "light");
  add (layout, GH_INIT_ZERO, FALSE, edges, 0, g_strdup ("surprise.usual"));
  add (layout, GH_INIT_ONE, FALSE, 1, 0, g_strdup ("surprise.level"));
  add_linear (layout, c->embedding, gh_surprise_bands (c), FALSE, FALSE, "surprise.", "embed");
}

static void
add_shadows (GPtrArray *layout, const GhMaeConfig *c)
{
  add_linear (layout, c->shadows, gh_edges_places (c), TRUE, FALSE, "shadows.", "code");
  add_linear (layout, c->embedding, c->shadows, FALSE, FALSE, "shadows.", "embed");
}

GPtrArray *
gh_mae_layout (const GhMaeConfig *c)
{
  GPtrArray *layout = g_ptr_array_new_with_free_func (param_free);
  int patch_values = gh_mae_config_patch_values (c);

  add_linear (layout, c->dim, patch_values, TRUE, FALSE, "", "patch");
  if (c->target == GH_MAE_TARGET_CAMERA)
    add (layout, GH_INIT_OFFSET, FALSE, gh_mae_config_tokens (c), patch_values, g_strdup (GH_MAE_OFFSET));
  if (c->cls_token)
    add (layout, GH_INIT_TOKEN, FALSE, c->dim, 0, g_strdup ("cls_token"));
  add_positions (layout, c, c->dim, "");
  add_blocks (layout, "", c->depth, c->dim, c->heads, c->head_dim, c->mlp, c->conv, c->qkv_bias);
  add_norm (layout, c->dim, "", "norm");
  if (c->has_embed)
    add_linear (layout, c->embedding, gh_mae_config_pooled (c), TRUE, FALSE, "", "embed");
  if (c->surprise)
    add_surprise (layout, c);
  if (c->shadows)
    add_shadows (layout, c);
  if (c->dec_depth == 0)
    return layout;

  add_linear (layout, c->dec_dim, c->dim, TRUE, gh_mae_config_can_share_embed (c), "decoder.", "embed");
  add (layout, GH_INIT_TOKEN, FALSE, c->dec_dim, 0, g_strdup ("decoder.mask_token"));
  add_positions (layout, c, c->dec_dim, "decoder.");
  add_blocks (layout, "decoder.", c->dec_depth, c->dec_dim, c->dec_heads, c->dec_head_dim, c->dec_mlp, 0, c->qkv_bias);
  add_norm (layout, c->dec_dim, "decoder.", "norm");
  add_linear (layout, patch_values, c->dec_dim, TRUE, FALSE, "decoder.", "pred");
  return layout;
}
