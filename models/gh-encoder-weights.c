/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-encoder-weights.c: see gh-encoder-private.h. */
#include "gh-encoder-private.h"

#include <string.h>

typedef struct {
  GhCheckpoint *checkpoint;
  GhEncoderWeights *w;
  float *staging;               /* holds any one tensor */
  GError **error;
} Loader;

static gboolean
fetch (Loader *l, const char *name)
{
  return gh_checkpoint_read (l->checkpoint, name, l->staging, l->error);
}

static gboolean
check (Loader *l, GhStatus status)
{
  return gh_encoder_check (status, l->w->ctx, gh_checkpoint_shown (l->checkpoint), l->error);
}

/* Moves n staged floats to the vectors. */
static gboolean
store (Loader *l, const float **vector, const float *from, gint64 n)
{
  float *to = gh_arena_floats (&l->w->vectors, n);

  *vector = to;
  return check (l, gh_upload (l->w->ctx, to, from, n * sizeof (float)));
}

static gboolean
load_vector (Loader *l, const float **vector, gint64 n, const char *name)
{
  return fetch (l, name) && store (l, vector, l->staging, n);
}

static gboolean
load_norm (Loader *l, GhNorm *norm, int dim, const char *prefix, const char *name)
{
  g_autofree char *weight = g_strconcat (prefix, name, ".weight", NULL);
  g_autofree char *bias = g_strconcat (prefix, name, ".bias", NULL);

  return load_vector (l, &norm->weight, dim, weight) && load_vector (l, &norm->bias, dim, bias);
}

/* The bias is loaded where the file has one: the layout has already settled whether it must. */
static gboolean
load_linear (Loader *l, GhLinear *linear, int n_out, int n_in, GhDtype dtype, const char *prefix, const char *name)
{
  g_autofree char *weight = g_strconcat (prefix, name, ".weight", NULL);
  g_autofree char *bias = g_strconcat (prefix, name, ".bias", NULL);

  return fetch (l, weight)
      && check (l, gh_pack (l->w->ctx, &linear->weight, l->staging, n_out, n_in, dtype))
      && (!gh_checkpoint_has (l->checkpoint, bias) || load_vector (l, &linear->bias, n_out, bias));
}

static gboolean
load_block (Loader *l, GhBlock *block, const GhBlockShape *s, const char *prefix)
{
  const int I = s->heads * s->head_dim;
  const GhDtype dtype = l->w->dtype;
  g_autofree char *conv = g_strconcat (prefix, "attn.conv", NULL);

  return load_norm (l, &block->norm1, s->dim, prefix, "norm1")
      && load_linear (l, &block->qkv, 3 * I, s->dim, dtype, prefix, "attn.qkv")
      && (s->conv == 0 || load_vector (l, &block->conv, (gint64) s->heads * s->conv, conv))
      && load_linear (l, &block->out, s->dim, I, dtype, prefix, "attn.out")
      && load_norm (l, &block->norm2, s->dim, prefix, "norm2")
      && load_linear (l, &block->fc1, s->mlp, s->dim, dtype, prefix, "mlp.fc1")
      && load_linear (l, &block->fc2, s->dim, s->mlp, dtype, prefix, "mlp.fc2");
}

static gboolean
load_blocks (Loader *l, GhBlock *blocks, int depth, const GhBlockShape *shape, const char *prefix)
{
  for (int i = 0; i < depth; i++) {
    g_autofree char *block = g_strdup_printf ("%sblocks.%d.", prefix, i);

    if (!load_block (l, &blocks[i], shape, block))
      return FALSE;
  }
  return TRUE;
}

/* The table of the file, or the fixed one: its rows for the patches to *pos[N,dim], and cls_row[dim], which belongs to
 * the cls token and is zero in the fixed table. */
static gboolean
load_positions (Loader *l, const float **pos, float *cls_row, int dim, const char *name)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  const float *rows = l->staging;

  memset (cls_row, 0, dim * sizeof (float));
  if (gh_checkpoint_has (l->checkpoint, name)) {
    if (!fetch (l, name))
      return FALSE;
    if (c->cls_token) {
      memcpy (cls_row, rows, dim * sizeof (float));
      rows += dim;
    }
  } else {
    gh_mae_sincos (l->staging, gh_mae_config_grid_rows (c), gh_mae_config_grid_cols (c), dim);
  }
  return store (l, pos, rows, (gint64) gh_mae_config_tokens (c) * dim);
}

/* What is added to a patch before the projection may as well be added, projected, to its position:
 * pos[N,D] += offset[N,P] weight[D,P]^T. The two live in memory of the context for as long as that takes. */
static gboolean
fold_offset (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  const int N = gh_mae_config_tokens (c), P = gh_mae_config_patch_values (c), D = c->dim;
  const gsize n_offset = (gsize) N * P, n_weight = (gsize) D * P;
  GhCtx *ctx = l->w->ctx;
  float *room = NULL;
  gboolean good = check (l, gh_alloc (ctx, (void **) &room, (n_offset + n_weight) * sizeof *room))
      && fetch (l, GH_MAE_OFFSET) && check (l, gh_upload (ctx, room, l->staging, n_offset * sizeof *room))
      && fetch (l, "patch.weight") && check (l, gh_upload (ctx, room + n_offset, l->staging, n_weight * sizeof *room))
      && check (l, gh_bmm (ctx, (GhMat) { (float *) l->w->pos, D }, (GhMat) { room, P }, false,
              (GhMat) { room + n_offset, P }, true, 1, 1, 1, 1, N, D, P))
      && check (l, gh_sync (ctx));

  gh_free (ctx, room);
  return good;
}

/* The camera's mean picture, to be added to what the decoder says. */
static gboolean
load_background (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  const gint64 n = (gint64) gh_mae_config_tokens (c) * gh_mae_config_patch_values (c);

  if (!fetch (l, GH_MAE_OFFSET))
    return FALSE;
  for (gint64 i = 0; i < n; i++)
    l->staging[i] = -l->staging[i];
  return store (l, &l->w->decoder.background, l->staging, n);
}

/* The light's matrix once more, turned, from the staging memory. */
static gboolean
pack_unlit (Loader *l, int k, int n)
{
  g_autofree float *turned = gh_surprise_turn_light (l->staging, k, n);

  return check (l, turned ? gh_pack (l->w->ctx, &l->w->surprise.unlit.weight, turned, n, k, GH_DTYPE_F32) : GH_NOMEM);
}

static gboolean
store_logarithms (Loader *l, const float **to, int channels)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  const int n = gh_edges_logarithms (c, channels);
  g_autofree float *logarithms = g_new (float, n);

  gh_edges_fill_logarithms (c, channels, logarithms);
  return store (l, to, logarithms, n);
}

static gboolean
load_level (Loader *l)
{
  if (!fetch (l, "surprise.level"))
    return FALSE;
  l->w->surprise.level = l->staging[0];
  if (l->staging[0] > 0)
    return TRUE;
  g_set_error (l->error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: \"surprise.level\" is %g, but has to be above 0",
      gh_checkpoint_shown (l->checkpoint), l->staging[0]);
  return FALSE;
}

/* In f32 all of it: what is left is small beside what is taken away. */
static gboolean
load_surprise (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  GhSurprise *s = &l->w->surprise;
  int n;

  if (c->surprise == 0)
    return TRUE;
  n = gh_surprise_edges (c);
  if (!store_logarithms (l, &s->logarithms, GH_SURPRISE_CHANNELS) || !load_level (l)
      || !load_linear (l, &s->light, c->surprise, n, GH_DTYPE_F32, "surprise.", "light")
      || !fetch (l, "surprise.light.weight") || !pack_unlit (l, c->surprise, n) || !fetch (l, "surprise.usual"))
    return FALSE;
  for (int i = 0; i < n; i++)
    l->staging[i] = -l->staging[i];
  return store (l, &s->unlit.bias, l->staging, n)
      && load_linear (l, &s->embed, c->embedding, gh_surprise_bands (c), GH_DTYPE_F32, "surprise.", "embed");
}

static gboolean
load_shadows (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  GhShadows *s = &l->w->shadows;

  return c->shadows == 0 || (store_logarithms (l, &s->logarithms, GH_SHADOWS_CHANNELS)
      && load_linear (l, &s->code, c->shadows, gh_edges_places (c), GH_DTYPE_F32, "shadows.", "code")
      && load_linear (l, &s->embed, c->embedding, c->shadows, GH_DTYPE_F32, "shadows.", "embed"));
}

static gboolean
load_encoder (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  GhEncoderWeights *w = l->w;
  g_autofree float *cls_row = g_new (float, c->dim);

  if (!load_linear (l, &w->patch, c->dim, gh_mae_config_patch_values (c), w->dtype, "", "patch")
      || !load_positions (l, &w->pos, cls_row, c->dim, "pos")
      || (gh_checkpoint_has (l->checkpoint, GH_MAE_OFFSET) && !fold_offset (l)))
    return FALSE;
  if (c->cls_token) {
    if (!fetch (l, "cls_token"))
      return FALSE;
    for (int i = 0; i < c->dim; i++)
      cls_row[i] += l->staging[i];
    if (!store (l, &w->cls, cls_row, c->dim))
      return FALSE;
  }
  /* One row per image goes through `embed`: too little to be worth rounding. */
  return load_blocks (l, w->blocks, w->depth, &w->shape, "")
      && load_norm (l, &w->norm, c->dim, "", "norm")
      && (!c->has_embed || load_linear (l, &w->embed, c->embedding, gh_mae_config_pooled (c), GH_DTYPE_F32, "",
              "embed")) && load_surprise (l) && load_shadows (l);
}

/* Without the room for it, or where nothing is gained, blocks are run one by one. */
static gboolean
pack_together (Loader *l)
{
  GhEncoderWeights *w = l->w;
  g_autofree GhBlockParts *parts = g_new (GhBlockParts, MAX (w->depth, 1));
  GhStatus status;

  if (w->depth == 0)
    return TRUE;
  for (int i = 0; i < w->depth; i++)
    parts[i] = gh_block_parts (&w->blocks[i], &w->shape);
  status = gh_blocks_pack (w->ctx, &w->together, parts, w->depth);
  return status == GH_UNSUPPORTED || status == GH_NOMEM || check (l, status);
}

static gboolean
load_decoder (Loader *l)
{
  const GhMaeConfig *c = gh_checkpoint_config (l->checkpoint);
  GhDecoder *d = &l->w->decoder;
  g_autofree float *cls_row = g_new (float, MAX (c->dec_dim, 1));

  if (c->dec_depth == 0)
    return TRUE;
  d->embed_is_shared = !gh_checkpoint_has (l->checkpoint, "decoder.embed.weight");
  if (d->embed_is_shared)
    d->embed = l->w->embed;
  else if (!load_linear (l, &d->embed, c->dec_dim, c->dim, l->w->dtype, "decoder.", "embed"))
    return FALSE;
  return load_vector (l, &d->mask_token, c->dec_dim, "decoder.mask_token")
      && load_positions (l, &d->pos, cls_row, c->dec_dim, "decoder.pos")
      && (!c->cls_token || store (l, &d->cls_pos, cls_row, c->dec_dim))
      && load_blocks (l, d->blocks, d->depth, &d->shape, "decoder.")
      && load_norm (l, &d->norm, c->dec_dim, "decoder.", "norm")
      && load_linear (l, &d->pred, d->patch_values, c->dec_dim, l->w->dtype, "decoder.", "pred")
      && (!gh_checkpoint_has (l->checkpoint, GH_MAE_OFFSET) || load_background (l));
}

static void
describe (GhEncoderWeights *w, const GhMaeConfig *c)
{
  const int first = c->cls_token ? 1 : 0;

  w->shape = (GhBlockShape) { c->dim, c->heads, c->head_dim, c->mlp, c->landmarks, c->pinv_iters, c->conv, first,
    c->eps, w->dtype };
  w->depth = c->depth;
  w->blocks = g_new0 (GhBlock, c->depth);
  w->decoder.shape = (GhBlockShape) { c->dec_dim, c->dec_heads, c->dec_head_dim, c->dec_mlp, 0, 0, 0, first, c->eps,
    w->dtype };
  w->decoder.depth = c->dec_depth;
  w->decoder.patch_values = gh_mae_config_patch_values (c);
  w->decoder.blocks = g_new0 (GhBlock, c->dec_depth);
}

/* The least that one number of a matrix takes, packed. */
static guint64
packed_width (GhDtype dtype)
{
  return dtype == GH_DTYPE_F32 ? 4 : dtype == GH_DTYPE_INT8 ? 1 : 2;
}

/* What edges need beside tensors: logarithms, and matrices in f32, the light of the surprise once more, turned. */
static void
measure_edges (const GhMaeConfig *c, GhDtype dtype, GhArena *vectors, guint64 *matrices)
{
  const guint64 light = (guint64) gh_surprise_edges (c) * c->surprise;
  const guint64 code = ((guint64) gh_edges_places (c) + c->embedding) * c->shadows;

  if (c->surprise > 0)
    gh_arena_floats (vectors, gh_edges_logarithms (c, GH_SURPRISE_CHANNELS));
  if (c->shadows > 0)
    gh_arena_floats (vectors, gh_edges_logarithms (c, GH_SHADOWS_CHANNELS));
  /* What their tensors were counted at before is what other matrices take. */
  *matrices += (2 * light + code) * sizeof (float) - (light + code) * packed_width (dtype);
}

/* What has to be held: vectors and matrices for good, the largest tensor while loading. A table of positions is
 * computed when the file has none, so its place is counted either way; and the cls token's row may be stored apart. */
static void
measure (GhCheckpoint *checkpoint, GhDtype dtype, GhArena *vectors, guint64 *matrices, guint64 *largest)
{
  const GPtrArray *layout = gh_checkpoint_layout (checkpoint);

  *matrices = *largest = 0;
  for (guint i = 0; i < layout->len; i++) {
    const GhParam *param = g_ptr_array_index (layout, i);

    *largest = MAX (*largest, (guint64) gh_param_count (param));
    if (param->init != GH_INIT_XAVIER)
      gh_arena_floats (vectors, gh_param_count (param));
    else if (gh_checkpoint_has (checkpoint, param->name))
      *matrices += gh_param_count (param) * packed_width (dtype);
  }
  gh_arena_floats (vectors, gh_checkpoint_config (checkpoint)->dec_dim);
  measure_edges (gh_checkpoint_config (checkpoint), dtype, vectors, matrices);
}

gboolean
gh_encoder_weights_load (GhEncoderWeights *w, GhCheckpoint *checkpoint, GhCtx *ctx, GhDtype dtype, GError **error)
{
  const char *shown = gh_checkpoint_shown (checkpoint);
  g_autofree float *staging = NULL;
  Loader l = { checkpoint, w, NULL, error };
  guint64 matrices, largest;
  void *memory;
  gboolean ok;

  *w = (GhEncoderWeights) { .ctx = ctx, .dtype = dtype };
  measure (checkpoint, dtype, &w->vectors, &matrices, &largest);
  if (!gh_encoder_fits_memory (ctx, w->vectors.peak + matrices + largest * sizeof (float), "its weights", shown, error))
    return FALSE;
  describe (w, gh_checkpoint_config (checkpoint));
  l.staging = staging = g_try_new (float, largest);
  ok = check (&l, staging ? GH_OK : GH_NOMEM) && check (&l, gh_alloc (ctx, &memory, w->vectors.peak));
  if (ok) {
    w->vectors = (GhArena) { .base = memory };
    ok = load_encoder (&l) && pack_together (&l) && load_decoder (&l);
  }
  if (!ok)
    gh_encoder_weights_clear (w);
  return ok;
}

void
gh_encoder_weights_clear (GhEncoderWeights *w)
{
  for (int i = 0; w->blocks && i < w->depth; i++)
    gh_block_clear (&w->blocks[i]);
  g_clear_pointer (&w->blocks, g_free);
  g_clear_pointer (&w->together, gh_packed_blocks_free);
  gh_linear_clear (&w->patch);
  gh_linear_clear (&w->embed);
  gh_surprise_clear (&w->surprise);
  gh_shadows_clear (&w->shadows);
  gh_decoder_clear (&w->decoder);
  if (w->vectors.base)
    gh_free (w->ctx, w->vectors.base);
  w->vectors = (GhArena) { 0 };
}
