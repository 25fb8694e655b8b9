/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-surprise.h (private): how much of a picture its light does not explain, one number for each row of the grid of
 * patches, or for each of 16 bands. People are small and the light changes everything, so means and spreads of tokens
 * hardly tell how many there are; edges that the light does not explain do.
 *
 * The picture is averaged over square tiles, so that it has 240 columns at most, and of each channel the logarithm is
 * taken: what lies between neighbours in a row, the edges, does not depend on how bright the light is. What the edges of
 * the whole picture have in common with the camera's `surprise` largest principal components, shadows that come and go
 * with the hours above all, is taken for its light. Of the rest the mean square over upright windows is taken, as people
 * are upright and their shadows are not; the share of a band, where people are of one size, in which that is above the
 * camera's level is the band's surprise. All of it follows from frames without labels (gh-embed-fit.h), and
 * docs/experiments.md has what each of the steps is worth.
 *
 * Letters: n = edges of a picture, tile rows by tile columns - 1 by 3; k = components of the light, E = embedding; bands
 * = the rows of the grid, 16, or the tile rows, whichever are fewest.
 */
#pragma once

#include "gh-block.h"
#include "gh-mae-config.h"

G_BEGIN_DECLS

#define GH_SURPRISE_COLUMNS 240
#define GH_SURPRISE_BANDS 16
/* Added to brightness in 0..1: what is darker is noise. */
#define GH_SURPRISE_DARK 0.05
#define GH_SURPRISE_WINDOW_ROWS 13
#define GH_SURPRISE_WINDOW_COLS 3

/* Vectors are in memory of the context, owned by whoever made them. */
typedef struct {
  const float *logarithms;      /* [gh_surprise_logarithms()] */
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

int gh_surprise_tile (const GhMaeConfig *config);       /* pixels of a tile's side */
int gh_surprise_edges (const GhMaeConfig *config);      /* n */
int gh_surprise_places (const GhMaeConfig *config);     /* n / 3, places of an energy */
int gh_surprise_bands (const GhMaeConfig *config);
/* A picture without edges, an embedding without a projection. */
gboolean gh_surprise_check (const GhMaeConfig *config, const char *where, GError **error);

/* What no file holds: of a tile's sum of bytes its logarithm; and the light's matrix light[k,n] turned, [n,k], and
 * negative, for g_free(); NULL when memory is short. */
int gh_surprise_logarithms (const GhMaeConfig *config);
void gh_surprise_fill_logarithms (const GhMaeConfig *config, float *logarithms);
float *gh_surprise_turn_light (const float *light, int k, int n);

void gh_surprise_plan (GhSurpriseActs *acts, GhArena *arena, const GhMaeConfig *config, int B);
/* rgb[B,height,width,3] with `stride` bytes a row -> acts->edges. */
GhStatus gh_surprise_see (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise, const GhMaeConfig *config,
    const guint8 *rgb, gsize stride, int B);
/* acts->edges -> acts->energy of what the light leaves of them. */
GhStatus gh_surprise_unlight (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise,
    const GhMaeConfig *config, int B);
/* All of it: rgb -> acts->share. */
GhStatus gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *acts, const GhSurprise *surprise,
    const GhMaeConfig *config, const guint8 *rgb, gsize stride, int B);
void gh_surprise_clear (GhSurprise *surprise);

G_END_DECLS
