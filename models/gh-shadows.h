/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-shadows.h (private): how the light falls in a picture, in `shadows` numbers. The sun walks from facade to facade, and
 * where it stands says what time it is; what stands on the ground below comes and goes, and is most of what a picture
 * shows.
 *
 * Of a camera's frames the grey edges x[n] (gh-edges.h) are taken for
 *
 *   x = usual + loadings^T z + noise        z[k]: normal numbers, noise: of an edge's own variance
 *
 * (factor analysis), where the loadings follow from how edges vary within hours, and the noise from everything the loadings
 * do not explain, days included: edges of things that come and go are noisy and hardly count, those of walls tell the
 * light. The numbers are the likeliest ones, z = (loadings noise^-1 loadings^T + 1)^-1 loadings noise^-1 (x - usual), each
 * brought to variance 1: one matrix and one bias. Both follow from frames without labels (gh-shadows-fit.h);
 * docs/experiments.md has what they are worth.
 *
 * Letters: n = edges of a picture, k = numbers of the shadows, E = embedding.
 */
#pragma once

#include "gh-block.h"
#include "gh-edges.h"

G_BEGIN_DECLS

/* Three of them tell no more, and take three times the matrix. */
#define GH_SHADOWS_CHANNELS 1

/* In memory of the context, owned by whoever made them. */
typedef struct {
  const float *logarithms;      /* of edges */
  GhLinear code;                /* [k,n] */
  GhLinear embed;               /* [E,k], without a bias */
} GhShadows;

typedef struct {
  float *edges;                 /* [B,n] */
  float *code;                  /* [B,k] */
} GhShadowsActs;

void gh_shadows_plan (GhShadowsActs *acts, GhArena *arena, const GhMaeConfig *config, int B);
/* rgb[B,height,width,3] with `stride` bytes a row -> acts->code */
GhStatus gh_shadows_forward (GhCtx *ctx, const GhShadowsActs *acts, const GhShadows *shadows, const GhMaeConfig *config,
    const guint8 *rgb, gsize stride, int B);
void gh_shadows_clear (GhShadows *shadows);

G_END_DECLS
