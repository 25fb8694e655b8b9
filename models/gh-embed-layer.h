/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-embed-layer.h (private): the matrices that make an embedding of what was seen in frames (gh-embed-fit.h), turned into
 * its places (gh-embed-places.h).
 */
#pragma once

#include "gh-mae-config.h"
#include "gh-spectrum.h"

G_BEGIN_DECLS

typedef struct {
  float *weight;                /* [E,F] of what the tokens are pooled to */
  float *bias;                  /* [E] */
  float *surprise;              /* [E,bands], or NULL */
  float *shadows;               /* [E,k], or NULL */
} GhEmbedLayer;

typedef struct {
  const GhMaeConfig *config;
  const GhSpectrum *spectrum;   /* of what the tokens are pooled to, at least of rank 1 */
  const GhScales *scales;       /* of the same */
  const GhScales *surprise;     /* of the shares, with surprise */
  int shadows;                  /* how many of their numbers tell something, with shadows */
  guint64 seed;
  int threads;
} GhEmbedSeen;

void gh_embed_layer_init (GhEmbedLayer *layer, const GhMaeConfig *config);
void gh_embed_layer_fill (const GhEmbedLayer *layer, const GhEmbedSeen *seen);
void gh_embed_layer_clear (GhEmbedLayer *layer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GhEmbedLayer, gh_embed_layer_clear)

G_END_DECLS
