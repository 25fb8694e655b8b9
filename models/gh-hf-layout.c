/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-hf-layout.c: see gh-hf-layout.h. The published files and transformers 4 call things one way; the modules of
 * transformers 5, and what some of its versions write, another. Each of our names lists the spellings to try.
 */
#include "gh-hf-layout.h"
#include "gh-error.h"
#include "gh-json-tree.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#define PATCH_KERNEL "embeddings.patch_embeddings.projection.weight"
#define MAX_CONFIG_JSON (1 << 20)

/* Whole names; "vit." stands before the encoder's in ViTMAEForPreTraining. */
static const struct { const char *ours, *theirs; } whole_names[] = {
  { "patch.weight", PATCH_KERNEL },
  { "patch.bias", "embeddings.patch_embeddings.projection.bias" },
  { "cls_token", "embeddings.cls_token" },
  { "pos", "embeddings.position_embeddings" },
  { "norm.weight", "layernorm.weight" },
  { "norm.bias", "layernorm.bias" },
  { "decoder.embed.weight", "decoder.decoder_embed.weight" },
  { "decoder.embed.bias", "decoder.decoder_embed.bias" },
  { "decoder.mask_token", "decoder.mask_token" },
  { "decoder.pos", "decoder.decoder_pos_embed" },
  { "decoder.norm.weight", "decoder.decoder_norm.weight" },
  { "decoder.norm.bias", "decoder.decoder_norm.bias" },
  { "decoder.pred.weight", "decoder.decoder_pred.weight" },
  { "decoder.pred.bias", "decoder.decoder_pred.bias" },
};

/* What stands before the number of a block. */
static const char *const encoder_layers[] = { "encoder.layer", "layers", NULL };
static const char *const decoder_layers[] = { "decoder.decoder_layers", "decoder.decoder_encoder.layer", NULL };

/* Parts of a block, without .weight or .bias. Three names are stacked. */
static const struct { const char *ours, *theirs[3]; } block_parts[] = {
  { "norm1", { "layernorm_before" } },
  { "norm2", { "layernorm_after" } },
  { "attn.qkv", { "attention.attention.query", "attention.attention.key", "attention.attention.value" } },
  { "attn.qkv", { "attention.q_proj", "attention.k_proj", "attention.v_proj" } },
  { "attn.out", { "attention.output.dense" } },
  { "attn.out", { "attention.o_proj" } },
  { "mlp.fc1", { "intermediate.dense" } },
  { "mlp.fc1", { "mlp.fc1" } },
  { "mlp.fc2", { "output.dense" } },
  { "mlp.fc2", { "mlp.fc2" } },
};

static const char *
prefix_of (GhSafetensors *st)
{
  return gh_safetensors_find (st, "vit." PATCH_KERNEL) ? "vit." : "";
}

static const GhTensorInfo *
find_joined (GhSafetensors *st, const char *prefix, const char *name)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  return gh_safetensors_find (st, full);
}

gboolean
gh_hf_layout_detect (GhSafetensors *st)
{
  return find_joined (st, prefix_of (st), PATCH_KERNEL) != NULL;
}

/* All parts of one row of block_parts under one spelling of the layer, or none. */
static gboolean
find_part (GhSafetensors *st, const char *prefix, const char *layer, int block, guint part, const char *suffix,
    GhTensorSource *source)
{
  source->n_parts = 0;
  for (int i = 0; i < 3 && block_parts[part].theirs[i]; i++) {
    g_autofree char *name = g_strdup_printf ("%s.%d.%s%s", layer, block, block_parts[part].theirs[i], suffix);

    source->part[i] = find_joined (st, prefix, name);
    if (!source->part[i]) {
      source->n_parts = 0;
      return FALSE;
    }
    source->n_parts++;
  }
  return TRUE;
}

/* name: what follows "blocks." of ours, as in "3.attn.qkv.weight". */
static gboolean
find_block_part (GhSafetensors *st, const char *prefix, const char *const *layers, const char *name,
    GhTensorSource *source)
{
  char *part;
  int block = (int) g_ascii_strtoull (name, &part, 10);
  const char *suffix = strrchr (part, '.');
  gsize length = suffix - part;

  for (; *layers; layers++) {
    for (guint i = 0; i < G_N_ELEMENTS (block_parts); i++) {
      if (strlen (block_parts[i].ours) + 1 != length || strncmp (part + 1, block_parts[i].ours, length - 1) != 0)
        continue;
      if (find_part (st, prefix, *layers, block, i, suffix, source))
        return TRUE;
    }
  }
  return FALSE;
}

gboolean
gh_hf_layout_source (GhSafetensors *st, const char *name, GhTensorSource *source)
{
  const char *prefix = g_str_has_prefix (name, "decoder.") ? "" : prefix_of (st);

  *source = (GhTensorSource) { .is_foreign = TRUE };
  if (g_str_has_prefix (name, "blocks."))
    return find_block_part (st, prefix, encoder_layers, name + strlen ("blocks."), source);
  if (g_str_has_prefix (name, "decoder.blocks."))
    return find_block_part (st, prefix, decoder_layers, name + strlen ("decoder.blocks."), source);
  for (guint i = 0; i < G_N_ELEMENTS (whole_names); i++) {
    if (!g_str_equal (whole_names[i].ours, name))
      continue;
    source->part[0] = find_joined (st, prefix, whole_names[i].theirs);
    source->n_parts = source->part[0] ? 1 : 0;
    source->is_kernel = g_str_equal (name, "patch.weight");
  }
  return source->n_parts > 0;
}

/* ---- the configuration ------------------------------------------------------------------------------------------- */

/* Dimension `i` of the tensor we call `name`, 0 when it is absent, has another rank or does not fit an int. */
static int
dimension (GhSafetensors *st, const char *name, int rank, int i)
{
  GhTensorSource source;

  if (!gh_hf_layout_source (st, name, &source) || source.part[0]->rank != rank
      || source.part[0]->shape[i] > G_MAXINT)
    return 0;
  return (int) source.part[0]->shape[i];
}

static int
count_blocks (GhSafetensors *st, const char *prefix)
{
  GhTensorSource source;
  int depth = 0;

  for (;; depth++) {
    g_autofree char *name = g_strdup_printf ("%sblocks.%d.norm1.weight", prefix, depth);

    if (!gh_hf_layout_source (st, name, &source))
      return depth;
  }
}

/* The config.json beside the file when it describes a masked autoencoder of this width, else NULL: a folder may hold
 * another model's. */
static JsonNode *
open_config_json (const char *path, int dim)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *name = g_build_filename (folder, "config.json", NULL);
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonObject *object;
  GStatBuf info;
  gsize size;

  /* Looked at before it is opened: a pipe would be waited for, a giant read whole. */
  if (g_stat (name, &info) != 0 || !S_ISREG (info.st_mode) || info.st_size > MAX_CONFIG_JSON
      || !g_file_get_contents (name, &text, &size, NULL) || size > MAX_CONFIG_JSON
      || !(root = gh_json_tree_parse (text, size, NULL)) || !JSON_NODE_HOLDS_OBJECT (root))
    return NULL;
  object = json_node_get_object (root);
  if (g_strcmp0 (json_object_get_string_member_with_default (object, "model_type", ""), "vit_mae") != 0
      || json_object_get_int_member_with_default (object, "hidden_size", 0) != dim)
    return NULL;
  return g_steal_pointer (&root);
}

static int
int_member (JsonObject *object, const char *name, int fallback)
{
  gint64 value = object ? json_object_get_int_member_with_default (object, name, fallback) : fallback;

  return value > 0 && value <= G_MAXINT ? (int) value : 0;
}

/* What no shape shows: heads, eps, what the decoder says. json may be NULL; then what transformers assumes counts. */
static gboolean
read_hidden_facts (JsonObject *json, GhMaeConfig *config, const char *shown, GError **error)
{
  static const struct { int dim, heads; } known[] = { { 768, 12 }, { 1024, 16 }, { 1280, 16 } };  /* B, L, H */
  const char *act = json ? json_object_get_string_member_with_default (json, "hidden_act", "gelu") : "gelu";
  int heads = 0;

  for (guint i = 0; i < G_N_ELEMENTS (known); i++)
    heads = known[i].dim == config->dim ? known[i].heads : heads;
  config->heads = int_member (json, "num_attention_heads", heads);
  config->dec_heads = int_member (json, "decoder_num_attention_heads", 16);
  config->eps = (float) (json ? json_object_get_double_member_with_default (json, "layer_norm_eps", 1e-12) : 1e-12);
  config->mask_ratio = json ? json_object_get_double_member_with_default (json, "mask_ratio", 0.75) : 0.75;
  config->target = json && json_object_get_boolean_member_with_default (json, "norm_pix_loss", FALSE)
      ? GH_MAE_TARGET_PATCH : GH_MAE_TARGET_PIXELS;
  if (g_strcmp0 (act, "gelu") != 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: the config.json beside it asks for the activation \"%s\"; "
        "only \"gelu\" is supported", shown, act ? act : "?");
    return FALSE;
  }
  if (config->heads == 0 || config->dim % config->heads != 0
      || (config->dec_depth > 0 && (config->dec_heads == 0 || config->dec_dim % config->dec_heads != 0))) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: its shapes (width %d, decoder width %d) are not those of "
        "ViT-B, L or H; put the model's config.json beside it to tell the number of heads", shown, config->dim,
        config->dec_dim);
    return FALSE;
  }
  config->head_dim = config->dim / config->heads;
  config->dec_head_dim = config->dec_depth > 0 ? config->dec_dim / config->dec_heads : 0;
  config->dec_heads = config->dec_depth > 0 ? config->dec_heads : 0;
  return TRUE;
}

gboolean
gh_hf_layout_config (GhSafetensors *st, GhMaeConfig *config, GError **error)
{
  static const float mean[3] = { 0.485f, 0.456f, 0.406f }, std[3] = { 0.229f, 0.224f, 0.225f };
  const char *path = gh_safetensors_path (st);
  g_autofree char *shown = g_filename_display_name (path);
  g_autoptr (JsonNode) root = NULL;
  GhTensorSource bias;
  GhMaeConfig c = { 0 };
  int side, tokens;

  c.dim = dimension (st, "patch.weight", 4, 0);
  c.patch = dimension (st, "patch.weight", 4, 3);
  tokens = dimension (st, "pos", 3, 1) - 1;
  side = tokens > 0 ? (int) lround (sqrt (tokens)) : 0;
  if (c.dim == 0 || c.patch == 0 || c.patch > 4096 || side == 0 || side > 4096 || side * side != tokens) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: looks like a masked autoencoder in the Hugging Face "
        "layout, but its patch kernel and position table do not describe a square image with a cls token", shown);
    return FALSE;
  }
  c.height = c.width = side * c.patch;
  memcpy (c.mean, mean, sizeof (mean));
  memcpy (c.std, std, sizeof (std));
  c.depth = count_blocks (st, "");
  c.mlp = dimension (st, "blocks.0.mlp.fc1.weight", 2, 0);
  c.qkv_bias = gh_hf_layout_source (st, "blocks.0.attn.qkv.bias", &bias);
  c.cls_token = TRUE;
  c.pinv_iters = 6;             /* of no effect without landmarks, but the field has a range */
  c.pool = GH_POOL_CLS;
  c.embedding = c.dim;
  c.dec_depth = count_blocks (st, "decoder.");
  if (c.dec_depth > 0) {
    c.dec_dim = dimension (st, "decoder.embed.weight", 2, 0);
    c.dec_mlp = dimension (st, "decoder.blocks.0.mlp.fc1.weight", 2, 0);
  }
  root = open_config_json (path, c.dim);
  if (!read_hidden_facts (root ? json_node_get_object (root) : NULL, &c, shown, error))
    return FALSE;

  *config = c;
  return gh_mae_config_check (config, shown, error);
}
