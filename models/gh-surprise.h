/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise.h (private): how much of a picture its light does not explain, one number for each row of the grid of
 * patches, or for each of 16 bands. People are small and the light changes everything, so means and spreads of tokens
 * hardly tell how many there are; edges that the light does not explain do.
 *
 * What the edges of the whole picture, in three channels (gh-edges.h), have in common with the camera's `surprise` largest
 * principal components, shadows that come and go with the hours above all, is taken for its light. Of the rest the mean
 * square over upright windows is taken, as people are upright and their shadows are not; the share of a band, where people
 * are of one size, in which that is above the camera's level is the band's surprise. All of it follows from frames without
 * labels (gh-embed-fit.h), and docs/experiments.md has what each of the steps is worth.
 *
 * Letters: n = edges of a picture; k = components of the light, E = embedding; bands = the rows of the grid, 16, or the
 * tile rows, whichever are fewest.
 */
#pragma once

#include "gh-block.h"
#include "gh-edges.h"

G_BEGIN_DECLS

#define GH_SURPRISE_CHANNELS 3
#define GH_SURPRISE_BANDS 16
#define GH_SURPRISE_WINDOW_ROWS 13
#define GH_SURPRISE_WINDOW_COLS 3

/* Vectors are in memory of the context, owned by whoever made them. */
typedef struct {
  const float *logarithms;      /* of edges */
  GhLinear light;               /* [k,n] */
  GhLinear unlit;               /* [n,k]: minus the light of these components, minus the usual edges */
  float level;                  /* above 0 */
  GhLinear embed;               /* [E,bands] */
} GhSurprise;

typedef struct {
  float *edges;                 /* [B,n] */
  float *code;                  /* [B,k] */
  float *rest;                  /* [B,n] */
  float *energy;                /* [B,tile rows,tile columns - 1] */
  float *share;                 /* [B,bands] */
} GhSurpriseActs;

int gh_surprise_edges (const GhMaeConfig *config);      /* n */
int gh_surprise_bands (const GhMaeConfig *config);

/* What no file holds: the light's matrix light[k,n] turned, [n,k], and negative, for g_free(); NULL when memory is short. */
float *gh_surprise_turn_light (const float *light, int k, int n);

void gh_surprise_plan (GhSurpriseActs *acts, GhArena *arena, const GhMaeConfig *config, int B);
/* acts->edges -> acts->energy of what the light leaves of them. */
GhStatus gh_surprise_unlight (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise,
    const GhMaeConfig *config, int B);
/* acts->edges -> acts->share. */
GhStatus gh_surprise_judge (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise, const GhMaeConfig *config,
    int B);
/* All of it: rgb[B,height,width,3] with `stride` bytes a row -> acts->share. */
GhStatus gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise,
    const GhMaeConfig *config, const guint8 *rgb, gsize stride, int B);
void gh_surprise_clear (GhSurprise *surprise);

G_END_DECLS
