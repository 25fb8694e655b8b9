/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-embed-fit.c: the file once more, pooled but not projected, as an encoder that looks at the frames; what it says of
 * them, taken apart; and the file with the layer that follows from that.
 */
#include "gh-embed-fit.h"
#include "gh-checkpoint.h"
#include "gh-encoder-private.h"
#include "gh-kernel-ridge.h"
#include "gh-linalg.h"
#include "gh-random.h"
#include "gh-spectrum.h"
#include "gh-surprise-fit.h"
#include "gh-threads.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define BATCH 8

G_STATIC_ASSERT (GH_SURPRISE_BANDS <= GH_BEGINNING);

typedef struct {
  GhCheckpoint *from;
  GhSafetensors *raw;           /* the same file: how its numbers are stored */
  GhMaeConfig config;           /* of the file to write */
  const GhEmbedHow *how;
  gboolean bfloat16;
  GhSurpriseFit surprise;
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

/* Everything but `embed` and the surprise; the decoder's own copy of it, where the two were one. */
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
    if ((embed && !shared) || g_str_has_prefix (param->name, "surprise.") || !gh_checkpoint_has (fit->from, param->name))
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
  config.surprise = 0;
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

/* Frame i of the n of `store`, for gh_surprise_fit(). */
typedef struct {
  Viewer viewer;
  guint n;
} Pictures;

static gboolean
show_picture (gpointer data, guint i, guint8 *rgb, GError **error)
{
  Pictures *p = data;

  return go_on (p->viewer.how, 1, error)
      && view (&p->viewer, (guint64) i * gh_frame_store_count (p->viewer.store) / p->n, rgb, error);
}

static gboolean
fit_surprise (Fit *fit, GhFrameStore *store, guint n, GError **error)
{
  Pictures pictures = { { &fit->config, store, fit->how }, n };
  gboolean good = viewer_open (&pictures.viewer, error)
      && gh_surprise_fit (&fit->surprise, &fit->config, n, show_picture, &pictures, fit->how->threads, error);

  viewer_clear (&pictures.viewer);
  return good;
}

/* pooled[n,F] of n frames, evenly spread. */
static float *
pool_frames (GhEncoder *encoder, GhFrameStore *store, guint n, const GhEmbedHow *how, GError **error)
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

    if (!go_on (how, (double) at / n, error))
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

/* turn[rows,cols], cols <= rows - begin: columns of length 1, at right angles, in random directions (Gram and Schmidt),
 * 0 in the rows before `begin`. Stored column by column. */
static double *
random_rotation (int begin, int rows, int cols, guint64 seed, const char *name)
{
  guint64 state = gh_splitmix_stream (seed, name);
  double *turn = g_new0 (double, (gsize) rows * cols);

  for (int k = 0; k < cols; k++) {
    double *column = turn + (gsize) k * rows;

    for (int i = begin; i < rows; i++) {
      column[i] = -6;
      for (int j = 0; j < 12; j++)
        column[i] += gh_splitmix_double (&state);
    }
    /* Twice is enough. */
    for (int pass = 0; pass < 2; pass++)
      for (int j = 0; j < k; j++)
        gh_axpy (column, -gh_dot (column, turn + (gsize) j * rows, rows), turn + (gsize) j * rows, rows);
    gh_axpy (column, 1 / sqrt (gh_dot (column, column, rows)) - 1, column, rows);
  }
  return turn;
}

/* The layer, and that of the surprise. */
typedef struct {
  float *weight;                /* [E,F] */
  float *bias;                  /* [E] */
  float *surprise;              /* [E,bands], or NULL */
} Layer;

static void
layer_clear (Layer *layer)
{
  g_free (layer->weight);
  g_free (layer->bias);
  g_free (layer->surprise);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Layer, layer_clear)

/* surprise[E,bands], bias[E] -= surprise mean: the shares, turned by turn[GH_BEGINNING,bands] (column by column) into the
 * first numbers of the embedding. They keep their proportions: sky where nothing happens is not to be heard. */
static void
turn_surprise (const Layer *layer, const GhScales *scales, const double *turn)
{
  const int bands = scales->dim;
  double variance = 0;

  for (int r = 0; r < bands; r++)
    variance += scales->std[r] * scales->std[r];
  for (int e = 0; e < GH_BEGINNING; e++) {
    double shift = 0;

    for (int r = 0; r < bands; r++) {
      const double weight = turn[(gsize) r * GH_BEGINNING + e] * sqrt (GH_BEGINNING / variance);

      layer->surprise[(gsize) e * bands + r] = (float) weight;
      shift += weight * scales->mean[r];
    }
    layer->bias[e] -= (float) shift;
  }
}

/* Of the layer, a piece of work, and numbers of their weights that are made at a time: what they are made of stays near. */
enum { OUTPUTS = 32, WEIGHTS = 128 };

typedef struct {
  const Layer *layer;
  const GhSpectrum *spectrum;
  const GhScales *scales;
  const double *turn;           /* [E,k], column by column */
  int E, k;
  double scale;
} Turning;

/* Weights f0.. of output e; returns what they add up to on the mean frame, from `shift` on. */
static double
turn_weights (const Turning *t, int e, int f0, double shift)
{
  const int F = t->spectrum->dim, n = MIN (WEIGHTS, F - f0);
  double row[WEIGHTS] = { 0 };

  for (int j = 0; j < t->k; j++)
    gh_axpy (row, t->turn[(gsize) j * t->E + e] * t->scale, t->spectrum->v + (gsize) j * F + f0, n);
  for (int i = 0; i < n; i++) {
    row[i] /= t->scales->std[f0 + i];
    t->layer->weight[(gsize) e * F + f0 + i] = row[i];
    shift += row[i] * t->scales->mean[f0 + i];
  }
  return shift;
}

static void
turn_outputs (int piece, gpointer data)
{
  const Turning *t = data;
  const int begin = piece * OUTPUTS, n = MIN (OUTPUTS, t->E - begin);
  double shift[OUTPUTS] = { 0 };

  for (int f0 = 0; f0 < t->spectrum->dim; f0 += WEIGHTS)
    for (int i = 0; i < n; i++)
      shift[i] = turn_weights (t, begin + i, f0, shift[i]);
  for (int i = 0; i < n; i++)
    t->layer->bias[begin + i] = -shift[i];
}

/* weight[E,F], bias[E] = -weight mean: turned principal components of (x - mean)/std, behind the numbers of the surprise.
 * The mean square of either is 1. */
static void
make_layer (const Layer *layer, const Fit *fit, const GhSpectrum *s, const GhScales *scales)
{
  const int E = fit->config.embedding, first = fit->config.surprise > 0 ? GH_BEGINNING : 0, k = MIN (s->rank, E - first);
  g_autofree double *turn = random_rotation (first, E, k, fit->how->seed, "embed rotation");
  Turning turning = { layer, s, scales, turn, E, k };
  double total = 0;

  for (int j = 0; j < k; j++)
    total += s->value[j] / s->n;
  turning.scale = sqrt ((E - first) / total);
  gh_threads_run (fit->how->threads, (E + OUTPUTS - 1) / OUTPUTS, turn_outputs, NULL, &turning);
  if (first) {
    g_autofree double *aside = random_rotation (0, first, gh_surprise_bands (&fit->config), fit->how->seed, "surprise rotation");

    turn_surprise (layer, fit->surprise.scales, aside);
  }
}

static gboolean
fit_layer (const Fit *fit, const float *pooled, guint n, const Layer *layer, GError **error)
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
  make_layer (layer, fit, spectrum, scales);
  return TRUE;
}

/* The tensors of gh-surprise.h; the light in half the space, which it can well do without. */
static void
append_surprise (Fit *fit, const Layer *layer)
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

static gboolean
write_fitted (Fit *fit, const char *to, const Layer *layer, guint n, GError **error)
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
  return gh_safetensors_write (to, (GhTensorOut *) fit->tensors->data, fit->tensors->len, metadata, error);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

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
    fit->config.pool = shape->pool;
    fit->config.pool_rows = shape->rows;
    fit->config.pool_cols = shape->cols;
    fit->config.embedding = shape->embedding;
    fit->config.surprise = shape->surprise;
    fit->bfloat16 = shape->bfloat16;
  }
  if (fit->config.surprise > 0 && fit->config.embedding > 0 && fit->config.embedding <= GH_BEGINNING) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: an embedding of %d numbers has no room beside %d that tell "
        "what surprises", gh_checkpoint_shown (fit->from), fit->config.embedding, GH_BEGINNING);
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
  g_auto (Layer) layer = { NULL };

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
  pooled = pooling ? pool_frames (pooling, frames, n, how, error) : NULL;
  if (!pooled)
    return FALSE;
  if (fit.config.surprise > 0 && !fit_surprise (&fit, frames, n, error))
    return FALSE;
  layer.weight = g_new (float, (gsize) fit.config.embedding * gh_mae_config_pooled (&fit.config));
  layer.bias = g_new (float, fit.config.embedding);
  if (fit.config.surprise > 0)
    layer.surprise = g_new0 (float, (gsize) fit.config.embedding * gh_surprise_bands (&fit.config));
  return fit_layer (&fit, pooled, n, &layer, error) && write_fitted (&fit, to, &layer, n, error);
}
