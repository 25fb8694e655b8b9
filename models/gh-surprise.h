/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise.h (private): how much of a picture its light does not explain, one number for each row of the grid of
 * patches. People are small and the light changes everything, so means and spreads of tokens hardly tell how many
 * there are; what remains of the pixels when the light's share is gone does.
 *
 * Each patch is normalised by its own mean and spread and averaged over tiles of 4 x 4 pixels. What the tiles of the
 * whole picture have in common with the camera's `surprise` largest principal components is taken for its light; the mean
 * square of the rest in a row of patches, where people are of one size, is that row's surprise. All of it follows from
 * frames without labels (gh-embed-fit.h).
 *
 * Letters: N = patches of the grid, rows = rows of the grid, P = values of a patch, C = values of its tiles,
 * k = components of the light, E = embedding.
 */
#pragma once

#include "gh-block.h"
#include "gh-mae-config.h"

G_BEGIN_DECLS

#define GH_SURPRISE_TILE 4
/* Of the norm of patches; what varies less than this in a patch is noise. */
#define GH_SURPRISE_EPS 1e-3f

/* Vectors are in memory of the context, owned by the encoder's weights. */
typedef struct {
  const float *ones, *zeros;    /* [P] */
  GhLinear tiles;               /* [C,P] */
  GhLinear light;               /* [k,N C] */
  GhLinear unlit;               /* [N C,k]: minus the light of these components, minus the usual picture */
  GhLinear embed;               /* [E,rows] */
} GhSurprise;

typedef struct {
  float *seen;                  /* [B,N,C] */
  float *code;                  /* [B,k] */
  float *rest;                  /* [B,N,C] */
  float *energy;                /* [B,rows] */
} GhSurpriseActs;

int gh_surprise_tiles (const GhMaeConfig *config);      /* C */
/* A patch that is not made of tiles, an embedding without a projection. */
gboolean gh_surprise_check (const GhMaeConfig *config, const char *where, GError **error);
/* averages[C,P]: row, column, channel of the tiles, from those of the pixels. */
void gh_surprise_averages (const GhMaeConfig *config, float *averages);

void gh_surprise_plan (GhSurpriseActs *acts, GhArena *arena, const GhMaeConfig *config, int B);
/* patches[B,N,P] -> acts->energy[B,rows]; the patches are overwritten. */
GhStatus gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise,
    const GhMaeConfig *config, float *patches, int B);
void gh_surprise_clear (GhSurprise *surprise);

G_END_DECLS
