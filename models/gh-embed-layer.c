/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-embed-layer.c: see the header. */
#include "gh-embed-layer.h"
#include "gh-embed-places.h"
#include "gh-linalg.h"
#include "gh-random.h"
#include "gh-surprise.h"
#include "gh-threads.h"

#include <math.h>

G_STATIC_ASSERT (GH_SURPRISE_BANDS <= GH_EMBED_BEGINNING);

void
gh_embed_layer_init (GhEmbedLayer *layer, const GhMaeConfig *c)
{
  const gsize E = c->embedding;

  layer->weight = g_new (float, E * gh_mae_config_pooled (c));
  layer->bias = g_new (float, E);
  layer->surprise = c->surprise > 0 ? g_new0 (float, E * gh_surprise_bands (c)) : NULL;
  layer->shadows = c->shadows > 0 ? g_new0 (float, E * c->shadows) : NULL;
}

void
gh_embed_layer_clear (GhEmbedLayer *layer)
{
  g_free (layer->weight);
  g_free (layer->bias);
  g_free (layer->surprise);
  g_free (layer->shadows);
}

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

/* surprise[E,bands], bias[E] -= surprise mean: the shares, turned by turn[GH_EMBED_BEGINNING,bands] (column by column) into the
 * first numbers of the embedding. They keep their proportions: sky where nothing happens is not to be heard. */
static void
turn_surprise (const GhEmbedLayer *layer, const GhScales *scales, const double *turn)
{
  const int bands = scales->dim;
  double variance = 0;

  for (int r = 0; r < bands; r++)
    variance += scales->std[r] * scales->std[r];
  for (int e = 0; e < GH_EMBED_BEGINNING; e++) {
    double shift = 0;

    for (int r = 0; r < bands; r++) {
      const double weight = turn[(gsize) r * GH_EMBED_BEGINNING + e] * sqrt (GH_EMBED_BEGINNING / variance);

      layer->surprise[(gsize) e * bands + r] = (float) weight;
      shift += weight * scales->mean[r];
    }
    layer->bias[e] -= (float) shift;
  }
}

/* shadows[E,k]: their numbers, turned into `width` of the embedding from `begin` on, the mean square of each 1. */
static void
turn_shadows (const GhEmbedLayer *layer, const GhEmbedSeen *seen, int begin, int width)
{
  const int k = seen->config->shadows, count = seen->shadows;
  g_autofree double *turn = random_rotation (0, width, count, seen->seed, "shadows rotation");

  for (int j = 0; j < count; j++)
    for (int e = 0; e < width; e++)
      layer->shadows[(gsize) (begin + e) * k + j] = turn[(gsize) j * width + e] * sqrt ((double) width / count);
}

/* Of the layer, a piece of work, and numbers of their weights that are made at a time: what they are made of stays near. */
enum { OUTPUTS = 32, WEIGHTS = 128 };

typedef struct {
  const GhEmbedLayer *layer;
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

/* weight[E,F], bias[E] = -weight mean: turned principal components of (x - mean)/std, from `first` on. Their mean square
 * is 1, or more beside shadows. */
static void
turn_tokens (const GhEmbedLayer *layer, const GhEmbedSeen *seen, int first)
{
  const int E = seen->config->embedding, k = MIN (seen->spectrum->rank, E - first);
  g_autofree double *turn = random_rotation (first, E, k, seen->seed, "embed rotation");
  Turning turning = { layer, seen->spectrum, seen->scales, turn, E, k };
  double total = 0;

  for (int j = 0; j < k; j++)
    total += seen->spectrum->value[j] / seen->spectrum->n;
  turning.scale = sqrt ((E - first) / total) * (seen->config->shadows > 0 ? GH_EMBED_LOUDNESS : 1);
  gh_threads_run (seen->threads, (E + OUTPUTS - 1) / OUTPUTS, turn_outputs, NULL, &turning);
}

void
gh_embed_layer_fill (const GhEmbedLayer *layer, const GhEmbedSeen *seen)
{
  int shadows, tokens;

  gh_embed_divide (seen->config, &shadows, &tokens);
  turn_tokens (layer, seen, tokens);
  if (seen->config->surprise > 0) {
    g_autofree double *aside = random_rotation (0, GH_EMBED_BEGINNING, gh_surprise_bands (seen->config), seen->seed,
        "surprise rotation");

    turn_surprise (layer, seen->surprise, aside);
  }
  if (seen->config->shadows > 0)
    turn_shadows (layer, seen, shadows, tokens - shadows);
}
