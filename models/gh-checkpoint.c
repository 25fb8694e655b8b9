/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-checkpoint.c: see gh-checkpoint.h. */
#include "gh-checkpoint.h"
#include "gh-error.h"
#include "gh-hf-layout.h"
#include "gh-json.h"

struct _GhCheckpoint {
  GhSafetensors *st;
  char *shown;                  /* the path in UTF-8 */
  GhMaeConfig config;
  GPtrArray *layout;            /* GhParam* */
  GArray *sources;              /* GhTensorSource per entry of layout, n_parts 0 when absent */
  GHashTable *index;            /* our name -> position in layout */
};

static char *
shape_text (const gint64 *shape, int rank)
{
  GString *text = g_string_new ("[");

  for (int i = 0; i < rank; i++)
    g_string_append_printf (text, "%s%" G_GINT64_FORMAT, i ? "," : "", shape[i]);
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

/* The shape one part must have. A kernel is [D,3,p,p] for our [D,p*p*3]. */
static int
part_shape (const GhCheckpoint *ck, const GhParam *param, const GhTensorSource *source, gint64 *shape)
{
  shape[0] = param->shape[0] / source->n_parts;
  shape[1] = param->shape[1];
  if (!source->is_kernel)
    return param->rank;
  shape[1] = 3;
  shape[2] = shape[3] = ck->config.patch;
  return 4;
}

static gboolean
check_shape (const GhCheckpoint *ck, const GhParam *param, const GhTensorSource *source, const GhTensorInfo *info,
    GError **error)
{
  gint64 want[4];
  int rank = part_shape (ck, param, source, want), skip = 0;
  gboolean fits;
  g_autofree char *has_text = NULL, *want_text = NULL;

  while (source->is_foreign && info->rank - skip > rank && info->shape[skip] == 1)
    skip++;
  fits = info->rank - skip == rank;
  for (int i = 0; fits && i < rank; i++)
    fits = info->shape[skip + i] == want[i];
  if (fits)
    return TRUE;
  has_text = shape_text (info->shape, info->rank);
  want_text = shape_text (want, rank);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: tensor \"%s\" is %s, but the model's configuration needs %s",
      ck->shown, info->name, has_text, want_text);
  return FALSE;
}

static gboolean
find_source (GhCheckpoint *ck, gboolean foreign, const char *name, GhTensorSource *source)
{
  *source = (GhTensorSource) { 0 };
  if (foreign)
    return gh_hf_layout_source (ck->st, name, source);
  source->part[0] = gh_safetensors_find (ck->st, name);
  source->n_parts = source->part[0] ? 1 : 0;
  return source->n_parts > 0;
}

static gboolean
is_state (const GhCheckpoint *ck, const GhTensorInfo *info)
{
  return g_str_has_prefix (info->name, GH_CHECKPOINT_STATE_PREFIX)
      && gh_safetensors_metadata (ck->st, GH_CHECKPOINT_STATE);
}

/* Every tensor of the layout is found with its shape; every tensor of the file is used. */
static gboolean
resolve (GhCheckpoint *ck, gboolean foreign, GError **error)
{
  g_autoptr (GHashTable) used = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < ck->layout->len; i++) {
    const GhParam *param = g_ptr_array_index (ck->layout, i);
    GhTensorSource source;

    if (!find_source (ck, foreign, param->name, &source) && !param->optional) {
      g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: the tensor \"%s\" is missing%s",
          ck->shown, param->name, foreign ? " (by its name in docs/checkpoint-format.md)" : "");
      return FALSE;
    }
    for (int j = 0; j < source.n_parts; j++) {
      if (!check_shape (ck, param, &source, source.part[j], error))
        return FALSE;
      g_hash_table_add (used, (gpointer) source.part[j]);
    }
    g_array_append_val (ck->sources, source);
    g_hash_table_insert (ck->index, param->name, GUINT_TO_POINTER (i));
  }
  for (guint i = 0; i < gh_safetensors_n_tensors (ck->st); i++) {
    const GhTensorInfo *info = gh_safetensors_tensor (ck->st, i);

    if (!g_hash_table_contains (used, info) && !is_state (ck, info)) {
      g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE,
          "%s: unknown tensor \"%s\": the model's configuration has no place for it", ck->shown,
          info->name);
      return FALSE;
    }
  }
  return TRUE;
}

/* embed and decoder.embed come as pairs: a bias alone would silently change what the other half means. */
static gboolean
check_decoder_embed (GhCheckpoint *ck, GError **error)
{
  if (ck->config.dec_depth == 0
      || gh_checkpoint_has (ck, "decoder.embed.weight") == gh_checkpoint_has (ck, "decoder.embed.bias"))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE,
      "%s: \"decoder.embed.weight\" and \"decoder.embed.bias\" must be there both or neither",
      ck->shown);
  return FALSE;
}

/* The beginning of a metadata value, fit for a message; NULL for NULL. */
static char *
short_text (const char *value)
{
  char *text = value ? g_strndup (value, 60) : NULL;

  if (text)
    gh_json_make_printable (text);
  return text;
}

static gboolean
read_config (GhCheckpoint *ck, gboolean *foreign, GError **error)
{
  const char *shown = ck->shown;
  const char *config = gh_safetensors_metadata (ck->st, "config");
  g_autofree char *task = short_text (gh_safetensors_metadata (ck->st, "task"));
  g_autofree char *version = short_text (gh_safetensors_metadata (ck->st, "format_version"));

  *foreign = FALSE;
  if (task) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s is a head (task \"%s\"), not an encoder: name an encoder",
        shown, task);
    return FALSE;
  }
  if (version && !g_str_equal (version, "1")) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE,
        "%s has format version \"%s\"; this program reads version 1: update gst-heads", shown, version);
    return FALSE;
  }
  if (config)
    return gh_mae_config_from_json (&ck->config, config, shown, error);
  *foreign = gh_hf_layout_detect (ck->st);
  if (*foreign)
    return gh_hf_layout_config (ck->st, &ck->config, error);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE,
      "%s is no encoder: its metadata has no \"config\", and it is no masked autoencoder in the Hugging Face layout",
      shown);
  return FALSE;
}

GhCheckpoint *
gh_checkpoint_open (const char *path, GError **error)
{
  g_autoptr (GhCheckpoint) ck = g_new0 (GhCheckpoint, 1);
  gboolean foreign;

  ck->st = gh_safetensors_open (path, error);
  if (!ck->st)
    return NULL;
  ck->shown = g_filename_display_name (path);
  if (!read_config (ck, &foreign, error))
    return NULL;
  ck->layout = gh_mae_layout (&ck->config);
  ck->sources = g_array_new (FALSE, FALSE, sizeof (GhTensorSource));
  ck->index = g_hash_table_new (g_str_hash, g_str_equal);
  if (!resolve (ck, foreign, error) || !check_decoder_embed (ck, error))
    return NULL;
  return g_steal_pointer (&ck);
}

void
gh_checkpoint_free (GhCheckpoint *ck)
{
  if (!ck)
    return;
  g_clear_pointer (&ck->index, g_hash_table_unref);
  g_clear_pointer (&ck->sources, g_array_unref);
  g_clear_pointer (&ck->layout, g_ptr_array_unref);
  g_clear_pointer (&ck->st, gh_safetensors_free);
  g_free (ck->shown);
  g_free (ck);
}

const char *
gh_checkpoint_shown (const GhCheckpoint *ck)
{
  return ck->shown;
}

const char *
gh_checkpoint_id (GhCheckpoint *ck, GError **error)
{
  return gh_safetensors_id (ck->st, error);
}

const GhMaeConfig *
gh_checkpoint_config (const GhCheckpoint *ck)
{
  return &ck->config;
}

const GPtrArray *
gh_checkpoint_layout (const GhCheckpoint *ck)
{
  return ck->layout;
}

gboolean
gh_checkpoint_is_trained (const GhCheckpoint *ck)
{
  return g_strcmp0 (gh_safetensors_metadata (ck->st, "trained"), "false") != 0;
}

const char *
gh_checkpoint_metadata (const GhCheckpoint *ck, const char *key)
{
  return gh_safetensors_metadata (ck->st, key);
}

static const GhTensorSource *
source_of (const GhCheckpoint *ck, const char *name)
{
  gpointer position;

  if (!g_hash_table_lookup_extended (ck->index, name, NULL, &position))
    return NULL;
  return &g_array_index (ck->sources, GhTensorSource, GPOINTER_TO_UINT (position));
}

gboolean
gh_checkpoint_has (const GhCheckpoint *ck, const char *name)
{
  const GhTensorSource *source = source_of (ck, name);

  return source && source->n_parts > 0;
}

/* in[D,3,p,p] -> out[D,p,p,3] */
static void
kernel_to_patch_order (float *out, const float *in, gint64 D, int p)
{
  gint64 area = (gint64) p * p;

  for (gint64 d = 0; d < D; d++)
    for (int c = 0; c < 3; c++)
      for (gint64 i = 0; i < area; i++)
        out[(d * area + i) * 3 + c] = in[(d * 3 + c) * area + i];
}

gboolean
gh_checkpoint_read (GhCheckpoint *ck, const char *name, float *out, GError **error)
{
  const GhTensorSource *source = source_of (ck, name);
  g_autofree float *kernel = NULL;

  g_return_val_if_fail (source != NULL && source->n_parts > 0, FALSE);
  if (source->is_kernel) {
    const GhTensorInfo *info = source->part[0];

    kernel = g_try_new (float, info->count);
    if (!kernel) {
      g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s: no memory for \"%s\"", gh_checkpoint_shown (ck), info->name);
      return FALSE;
    }
    if (!gh_safetensors_read_f32 (ck->st, info, kernel, TRUE, error))
      return FALSE;
    kernel_to_patch_order (out, kernel, info->shape[0], ck->config.patch);
    return TRUE;
  }
  for (int i = 0; i < source->n_parts; i++) {
    if (!gh_safetensors_read_f32 (ck->st, source->part[i], out, TRUE, error))
      return FALSE;
    out += source->part[i]->count;
  }
  return TRUE;
}

guint
gh_checkpoint_n_state_tensors (const GhCheckpoint *ck)
{
  guint n = 0;

  for (guint i = 0; i < gh_safetensors_n_tensors (ck->st); i++)
    n += is_state (ck, gh_safetensors_tensor (ck->st, i));
  return n;
}

gint64
gh_checkpoint_state_count (const GhCheckpoint *ck, const char *name, const GhParam *like)
{
  const GhTensorInfo *info = gh_safetensors_find (ck->st, name);

  if (!info || !is_state (ck, info) || info->rank != (like ? like->rank : 1))
    return -1;
  for (int i = 0; like && i < like->rank; i++)
    if (info->shape[i] != like->shape[i])
      return -1;
  return info->count;
}

gboolean
gh_checkpoint_read_state (GhCheckpoint *ck, const char *name, float *out, GError **error)
{
  const GhTensorInfo *info = gh_safetensors_find (ck->st, name);

  g_return_val_if_fail (info != NULL, FALSE);
  return gh_safetensors_read_f32 (ck->st, info, out, TRUE, error);
}
