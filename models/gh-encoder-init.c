/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-encoder-init.c: files of fresh random weights. The same seed gives the same bytes on every machine: the numbers
 * come from whole-number arithmetic and single correctly rounded operations, never from a library's log or cos. Each
 * tensor has a stream of its own, started from the seed and its name, so that leaving the decoder out changes nothing
 * in the encoder.
 */
#include "gh-error.h"
#include "gh-encoder.h"
#include "gh-mae-layout.h"
#include "gh-random.h"

#include <math.h>

/* -1..1, neither end nor zero, exact in double: an odd multiple of 2^-52. */
static double
uniform (guint64 *state)
{
  return (double) ((gint64) (gh_splitmix (state) >> 11 | 1) - (G_GINT64_CONSTANT (1) << 52)) * 0x1p-52;
}

/* The sum of twelve uniforms: variance 1, bell-shaped, never beyond 6. */
static double
bell (guint64 *state)
{
  gint64 sum = 0;

  for (int i = 0; i < 12; i++)
    sum += (gint64) (gh_splitmix (state) >> 12);
  return (double) (sum - (G_GINT64_CONSTANT (6) << 52)) * 0x1p-52;
}

void
gh_param_fill (float *data, const GhParam *param, guint64 seed)
{
  const gint64 count = gh_param_count (param);
  const double xavier = sqrt (6.0 / (double) (param->shape[0] + param->shape[1]));
  const double taps = 1.0 / sqrt ((double) param->shape[1]);
  guint64 state = gh_splitmix_stream (seed, param->name);

  for (gint64 i = 0; i < count; i++) {
    switch (param->init) {
      case GH_INIT_XAVIER:
        data[i] = (float) (xavier * uniform (&state));
        break;
      case GH_INIT_ZERO:
      case GH_INIT_OFFSET:
        data[i] = 0.0f;
        break;
      case GH_INIT_ONE:
        data[i] = 1.0f;
        break;
      case GH_INIT_TOKEN:
        data[i] = (float) (0.02 * bell (&state));
        break;
      case GH_INIT_TAPS:
        data[i] = (float) (taps * uniform (&state));
        break;
    }
  }
}

static GHashTable *
make_metadata (const GhMaeConfig *config, guint64 seed)
{
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  g_hash_table_insert (metadata, "format", g_strdup ("pt"));
  g_hash_table_insert (metadata, "format_version", g_strdup ("1"));
  g_hash_table_insert (metadata, "config", gh_mae_config_to_json (config));
  g_hash_table_insert (metadata, "trained", g_strdup ("false"));
  g_hash_table_insert (metadata, "seed", g_strdup_printf ("%" G_GUINT64_FORMAT, seed));
  return metadata;
}

gboolean
gh_encoder_init_file (const char *path, const GhMaeConfig *wanted, guint64 seed, gboolean with_decoder, GError **error)
{
  g_autoptr (GPtrArray) layout = NULL;
  g_autoptr (GArray) tensors = g_array_new (FALSE, FALSE, sizeof (GhTensorOut));
  g_autoptr (GHashTable) metadata = NULL;
  g_autofree float *data = NULL;
  g_autofree char *shown = g_filename_display_name (path);
  GhMaeConfig config = *wanted;
  gint64 total = 0;
  float *at;

  if (!with_decoder)
    config.dec_depth = config.dec_dim = config.dec_heads = config.dec_head_dim = config.dec_mlp = 0;
  if (!gh_mae_config_check (&config, shown, error))
    return FALSE;
  layout = gh_mae_layout (&config);
  for (guint i = 0; i < layout->len; i++)
    total += gh_param_count (g_ptr_array_index (layout, i));
  data = at = g_try_new (float, total);
  if (!data) {
    g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s: no memory for %" G_GINT64_FORMAT " numbers", shown, total);
    return FALSE;
  }
  for (guint i = 0; i < layout->len; i++) {
    const GhParam *param = g_ptr_array_index (layout, i);
    GhTensorOut out = { param->name, GH_ST_F32, param->rank, { param->shape[0], param->shape[1] }, at };

    if (param->optional)
      continue;
    gh_param_fill (at, param, seed);
    at += gh_param_count (param);
    g_array_append_val (tensors, out);
  }
  metadata = make_metadata (&config, seed);
  return gh_safetensors_write (path, (const GhTensorOut *) tensors->data, tensors->len, metadata, error);
}
