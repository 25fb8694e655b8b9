/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-embed-fit.c: the file once more, pooled but not projected, as an encoder that looks at the frames; what it says of
 * them, taken apart; and the file with the layer that follows from that.
 */
#include "gh-embed-fit.h"
#include "gh-checkpoint.h"
#include "gh-embed-layer.h"
#include "gh-encoder-private.h"
#include "gh-shadows-fit.h"
#include "gh-surprise-fit.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 8

typedef struct {
  GhCheckpoint *from;
  GhSafetensors *raw;           /* the same file: how its numbers are stored */
  GhMaeConfig config;           /* of the file to write */
  const GhEmbedHow *how;
  gboolean bfloat16;
  GhSurpriseFit surprise;
  GhShadowsFit shadows;
  GArray *tensors;              /* GhTensorOut of what is taken over */
  GPtrArray *owned;             /* their names and numbers */
} Fit;

static void
fit_clear (Fit *fit)
{
  gh_checkpoint_free (fit->from);
  gh_safetensors_free (fit->raw);
  g_clear_pointer (&fit->tensors, g_array_unref);
  g_clear_pointer (&fit->owned, g_ptr_array_unref);
  gh_surprise_fit_clear (&fit->surprise);
  gh_shadows_fit_clear (&fit->shadows);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Fit, fit_clear)

/* ---- what is taken over ------------------------------------------------------------------------------------------ */

/* How `name` is stored; what cannot be written becomes F32. */
static GhStDtype
dtype_of (const Fit *fit, const char *name, int rank)
{
  const GhTensorInfo *tensor = gh_safetensors_find (fit->raw, name);

  if (fit->bfloat16 && rank > 1)
    return GH_ST_BF16;
  return tensor && tensor->dtype == GH_ST_BF16 ? GH_ST_BF16 : GH_ST_F32;
}

static gboolean
take (Fit *fit, const GhParam *param, const char *name, GError **error)
{
  GhTensorOut out = { name, dtype_of (fit, param->name, param->rank), param->rank, { param->shape[0], param->shape[1] } };
  float *data = g_try_new (float, gh_param_count (param));

  g_ptr_array_add (fit->owned, data);
  if (!data) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s: no memory for \"%s\"", gh_checkpoint_shown (fit->from), name);
    return FALSE;
  }
  out.data = data;
  g_array_append_val (fit->tensors, out);
  return gh_checkpoint_read (fit->from, param->name, data, error);
}

/* Everything but `embed`, the surprise and the shadows; the decoder's own copy of it, where the two were one. */
static gboolean
take_tensors (Fit *fit, GError **error)
{
  const GPtrArray *layout = gh_checkpoint_layout (fit->from);
  gboolean shared = fit->config.dec_depth > 0 && !gh_checkpoint_has (fit->from, "decoder.embed.weight");

  for (guint i = 0; i < layout->len; i++) {
    const GhParam *param = g_ptr_array_index (layout, i);
    gboolean embed = g_str_has_prefix (param->name, "embed.");
    char *name = embed ? g_strconcat ("decoder.", param->name, NULL) : g_strdup (param->name);

    g_ptr_array_add (fit->owned, name);
    if ((embed && !shared) || g_str_has_prefix (param->name, "surprise.")
        || g_str_has_prefix (param->name, "shadows.") || !gh_checkpoint_has (fit->from, param->name))
      continue;
    if (!take (fit, param, name, error))
      return FALSE;
  }
  return TRUE;
}

static GHashTable *
new_metadata (const Fit *fit, const GhMaeConfig *config, const char *fitted)
{
  static const char *const kept[] = { "format_version", "trained", "seed", "training" };
  GHashTable *metadata = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  g_hash_table_insert (metadata, "format", g_strdup ("pt"));
  g_hash_table_insert (metadata, "format_version", g_strdup ("1"));
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++) {
    const char *value = gh_checkpoint_metadata (fit->from, kept[i]);

    if (value)
      g_hash_table_insert (metadata, (gpointer) kept[i], g_strdup (value));
  }
  g_hash_table_insert (metadata, "config", gh_mae_config_to_json (config));
  if (fitted)
    g_hash_table_insert (metadata, "embed_fitted", g_strdup (fitted));
  return metadata;
}

/* ---- what the frames are pooled to ------------------------------------------------------------------------------- */

/* The encoder whose embedding is what the tokens are pooled to. */
static GhEncoder *
load_pooling (const Fit *fit, const char *to, GError **error)
{
  g_autofree char *dir = g_path_get_dirname (to), *base = g_path_get_basename (to);
  g_autofree char *path = g_strdup_printf ("%s/.%s.pooling", dir, base);
  g_autoptr (GHashTable) metadata = NULL;
  GhMaeConfig config = fit->config;
  GhEncoder *encoder = NULL;

  config.has_embed = FALSE;
  config.surprise = config.shadows = 0;
  config.embedding = gh_mae_config_pooled (&config);
  metadata = new_metadata (fit, &config, NULL);
  if (gh_mae_config_check (&config, gh_checkpoint_shown (fit->from), error)
      && gh_safetensors_write (path, (GhTensorOut *) fit->tensors->data, fit->tensors->len, metadata, error))
    encoder = gh_encoder_load (path, fit->how->device, GH_PRECISION_F32, fit->how->threads, error);
  g_unlink (path);
  return encoder;
}

/* Frames of the store are brought to the model's size as the trainer brings them. */
typedef struct {
  const GhMaeConfig *config;
  GhFrameStore *store;
  const GhEmbedHow *how;
  guint8 *frame, *rgb;          /* as stored; [BATCH,height,width,3] */
  GhCtx *host;                  /* makes pictures of frames, whatever device encodes them */
} Viewer;

static void
viewer_clear (Viewer *viewer)
{
  g_free (viewer->frame);
  g_free (viewer->rgb);
  gh_ctx_free (viewer->host);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Viewer, viewer_clear)

static gboolean
viewer_open (Viewer *v, GError **error)
{
  const gsize pixels = (gsize) v->config->height * v->config->width * 3;
  char reason[256] = "";

  if (gh_ctx_new (&v->host, GH_DEVICE_CPU, 1, reason, sizeof reason) != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "The processor cannot make pictures of frames: %s", reason);
    return FALSE;
  }
  v->frame = g_malloc ((gsize) gh_frame_store_height (v->store) * gh_frame_store_width (v->store) * 3);
  v->rgb = g_malloc (BATCH * pixels);
  return TRUE;
}

/* FALSE when it is to stop. */
static gboolean
go_on (const GhEmbedHow *how, double part, GError **error)
{
  if (!how->progress || how->progress (part, how->data))
    return TRUE;
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  return FALSE;
}

static gboolean
view (Viewer *v, guint index, guint8 *rgb, GError **error)
{
  const int height = gh_frame_store_height (v->store), width = gh_frame_store_width (v->store);
  const GhView whole = { .width = width, .height = height };

  return gh_frame_store_copy (v->store, index, v->frame, error)
      && gh_encoder_check (gh_view_fwd (v->host, rgb, v->frame, &whole, 1, v->config->height, v->config->width, 1, height,
          width), v->host, "the frames", error);
}

/* Frame i of the n of `store`: evenly spread as they lie there, or in an order; and what part of all work it is for. */
typedef struct {
  Viewer viewer;
  guint n;
  const guint *order;           /* [n], or NULL */
  double begin, width;
} Pictures;

static gboolean
show_picture (gpointer data, guint i, guint8 *rgb, GError **error)
{
  Pictures *p = data;
  const guint spread = (guint64) i * gh_frame_store_count (p->viewer.store) / p->n;

  return view (&p->viewer, p->order ? p->order[i] : spread, rgb, error);
}

static gboolean
go_on_with_pictures (gpointer data, double part, GError **error)
{
  Pictures *p = data;

  return go_on (p->viewer.how, p->begin + part * p->width, error);
}

typedef struct {
  guint64 number;
  guint index;
} Held;

static int
compare_held (gconstpointer a, gconstpointer b)
{
  const guint64 x = ((const Held *) a)->number, y = ((const Held *) b)->number;

  return x < y ? -1 : x > y;
}

/* Of all frames n, evenly spread, by when they came. */
static guint *
order_frames (GhFrameStore *store, guint n)
{
  const guint count = gh_frame_store_count (store);
  g_autofree guint64 *numbers = g_new (guint64, count);
  g_autofree Held *held = g_new (Held, n);
  guint *order = g_new (guint, n);

  gh_frame_store_numbers (store, numbers, count);
  for (guint i = 0; i < n; i++) {
    held[i].index = (guint64) i * count / n;
    held[i].number = numbers[held[i].index];
  }
  qsort (held, n, sizeof *held, compare_held);
  for (guint i = 0; i < n; i++)
    order[i] = held[i].index;
  return order;
}

/* The part of all work that the tokens are, before what follows from edges. */
static double
pooling_part (const GhMaeConfig *c)
{
  return 1 - 0.2 * ((c->surprise > 0) + (c->shadows > 0));
}

/* What follows from edges. */
static gboolean
fit_edges (Fit *fit, GhFrameStore *store, guint n, GError **error)
{
  const GhMaeConfig *c = &fit->config;
  const int threads = fit->how->threads;
  g_autofree guint *order = order_frames (store, n);
  Pictures data = { { c, store, fit->how }, n, NULL, pooling_part (c), 0.2 };
  const GhPictures pictures = { show_picture, go_on_with_pictures, &data };
  gboolean good = viewer_open (&data.viewer, error);

  if (good && c->surprise > 0) {
    good = gh_surprise_fit (&fit->surprise, c, n, &pictures, threads, error);
    data.begin += data.width;
  }
  data.order = order;
  good = good && (c->shadows == 0 || gh_shadows_fit (&fit->shadows, c, n, &pictures, threads, error));
  viewer_clear (&data.viewer);
  return good;
}

/* pooled[n,F] of n frames, evenly spread, which is `part` of all work. */
static float *
pool_frames (GhEncoder *encoder, GhFrameStore *store, guint n, double part, const GhEmbedHow *how, GError **error)
{
  const GhMaeConfig *c = gh_encoder_config (encoder);
  const gsize bytes = (gsize) c->height * c->width * 3, F = c->embedding;
  const guint count = gh_frame_store_count (store);
  g_autoptr (GhEncoderSession) session = gh_encoder_session_new (encoder, BATCH, error);
  g_auto (Viewer) viewer = { c, store, how };
  g_autofree float *pooled = session ? g_try_new (float, n * F) : NULL;

  if (session && !pooled)
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "no memory for %u x %" G_GSIZE_FORMAT " numbers", n, F);
  if (!pooled || !viewer_open (&viewer, error))
    return NULL;
  for (guint at = 0; at < n; at += BATCH) {
    const guint B = MIN (BATCH, n - at);

    if (!go_on (how, part * at / n, error))
      return NULL;
    for (guint i = 0; i < B; i++)
      if (!view (&viewer, (guint64) (at + i) * count / n, viewer.rgb + i * bytes, error))
        return NULL;
    if (!gh_encoder_encode (session, viewer.rgb, (gsize) c->width * 3, B, pooled + at * F, NULL, error))
      return NULL;
  }
  return g_steal_pointer (&pooled);
}

/* ---- the layer --------------------------------------------------------------------------------------------------- */

static gboolean
fit_layer (const Fit *fit, const float *pooled, guint n, const GhEmbedLayer *layer, GError **error)
{
  const int F = gh_mae_config_pooled (&fit->config);
  g_autofree int *rows = g_new (int, n);
  g_autoptr (GhScales) scales = NULL;
  g_autoptr (GhSpectrum) spectrum = NULL;

  for (guint i = 0; i < n; i++)
    rows[i] = i;
  scales = gh_scales_new (pooled, F, rows, n);
  spectrum = gh_spectrum_new (pooled, scales, rows, n, fit->how->threads);
  if (spectrum->rank < 1) {
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: all frames look alike, so that there is nothing to tell apart",
        gh_checkpoint_shown (fit->from));
    return FALSE;
  }
  gh_embed_layer_fill (layer, &(GhEmbedSeen) { &fit->config, spectrum, scales, fit->surprise.scales, fit->shadows.count,
          fit->how->seed, fit->how->threads });
  return TRUE;
}

/* The tensors of gh-surprise.h; the light in half the space, which it can well do without. */
static void
append_surprise (Fit *fit, const GhEmbedLayer *layer)
{
  const GhMaeConfig *c = &fit->config;
  const int edges = gh_surprise_edges (c);
  const GhTensorOut tensors[] = {
    { "surprise.light.weight", GH_ST_BF16, 2, { c->surprise, edges }, fit->surprise.light },
    { "surprise.light.bias", GH_ST_F32, 1, { c->surprise }, fit->surprise.bias },
    { "surprise.usual", GH_ST_F32, 1, { edges }, fit->surprise.usual },
    { "surprise.level", GH_ST_F32, 1, { 1 }, &fit->surprise.level },
    { "surprise.embed.weight", dtype_of (fit, "patch.weight", 2), 2, { c->embedding, gh_surprise_bands (c) },
      layer->surprise },
  };

  g_array_append_vals (fit->tensors, tensors, G_N_ELEMENTS (tensors));
}

static void
append_shadows (Fit *fit, const GhEmbedLayer *layer)
{
  const GhMaeConfig *c = &fit->config;
  const GhTensorOut tensors[] = {
    { "shadows.code.weight", GH_ST_BF16, 2, { c->shadows, gh_edges_places (c) }, fit->shadows.weight },
    { "shadows.code.bias", GH_ST_F32, 1, { c->shadows }, fit->shadows.bias },
    { "shadows.embed.weight", dtype_of (fit, "patch.weight", 2), 2, { c->embedding, c->shadows }, layer->shadows },
  };

  g_array_append_vals (fit->tensors, tensors, G_N_ELEMENTS (tensors));
}

static gboolean
write_fitted (Fit *fit, const char *to, const GhEmbedLayer *layer, guint n, GError **error)
{
  const GhStDtype dtype = dtype_of (fit, "patch.weight", 2);
  const GhTensorOut w = { "embed.weight", dtype, 2, { fit->config.embedding, gh_mae_config_pooled (&fit->config) },
    layer->weight }, b = { "embed.bias", GH_ST_F32, 1, { fit->config.embedding }, layer->bias };
  g_autofree char *fitted = g_strdup_printf ("%u frames", n);
  g_autoptr (GHashTable) metadata = new_metadata (fit, &fit->config, fitted);

  g_array_append_val (fit->tensors, w);
  g_array_append_val (fit->tensors, b);
  if (layer->surprise)
    append_surprise (fit, layer);
  if (layer->shadows)
    append_shadows (fit, layer);
  return gh_safetensors_write (to, (GhTensorOut *) fit->tensors->data, fit->tensors->len, metadata, error);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

gboolean
gh_embed_shape_apply (const GhEmbedShape *shape, GhMaeConfig *config, const char *where, GError **error)
{
  config->has_embed = TRUE;
  config->pool = shape->pool;
  config->pool_rows = shape->rows;
  config->pool_cols = shape->cols;
  config->embedding = shape->embedding;
  config->surprise = shape->surprise;
  config->shadows = shape->shadows;
  return gh_mae_config_check (config, where, error);
}

static gboolean
fit_open (Fit *fit, const char *from, const GhEmbedShape *shape, GError **error)
{
  fit->tensors = g_array_new (FALSE, FALSE, sizeof (GhTensorOut));
  fit->owned = g_ptr_array_new_with_free_func (g_free);
  fit->from = gh_checkpoint_open (from, error);
  fit->raw = fit->from ? gh_safetensors_open (from, error) : NULL;
  if (!fit->raw)
    return FALSE;
  fit->config = *gh_checkpoint_config (fit->from);
  fit->config.has_embed = TRUE;
  if (shape) {
    fit->bfloat16 = shape->bfloat16;
    if (!gh_embed_shape_apply (shape, &fit->config, gh_checkpoint_shown (fit->from), error))
      return FALSE;
  }
  return gh_mae_config_check (&fit->config, gh_checkpoint_shown (fit->from), error) && take_tensors (fit, error);
}

gboolean
gh_embed_fit (const char *from, const char *to, const GhEmbedShape *shape, GhFrameStore *frames,
    const GhEmbedHow *how, GError **error)
{
  const guint n = MIN (gh_frame_store_count (frames), GH_EMBED_FIT_FRAMES);
  g_auto (Fit) fit = { .how = how };
  g_autoptr (GhEncoder) pooling = NULL;
  g_autofree float *pooled = NULL;
  g_auto (GhEmbedLayer) layer = { NULL };

  if (!fit_open (&fit, from, shape, error))
    return FALSE;
  if (how->removes_from)
    g_unlink (from);
  if (n < 2) {
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: %u frames are too few to tell what varies",
        gh_checkpoint_shown (fit.from), n);
    return FALSE;
  }
  pooling = load_pooling (&fit, to, error);
  pooled = pooling ? pool_frames (pooling, frames, n, pooling_part (&fit.config), how, error) : NULL;
  if (!pooled)
    return FALSE;
  if (!fit_edges (&fit, frames, n, error))
    return FALSE;
  gh_embed_layer_init (&layer, &fit.config);
  if (how->shadows_told)
    *how->shadows_told = fit.shadows.count;
  return fit_layer (&fit, pooled, n, &layer, error) && write_fitted (&fit, to, &layer, n, error);
}
