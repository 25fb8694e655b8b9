/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-edges.h (private): the edges of a picture, from which gh-surprise.h and gh-shadows.h follow.
 *
 * The picture is averaged over square tiles, so that it has 240 columns at most, and of each channel, or of all of them
 * together (grey), the logarithm is taken: what lies between neighbours in a row, the edges, does not depend on how bright
 * the light is. There are tile rows by tile columns - 1 by channels, which are 3 or 1.
 */
#pragma once

#include "gh-mae-config.h"
#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

#define GH_EDGES_TILE_COLUMNS 240
/* Added to brightness in 0..1: what is darker is noise. */
#define GH_EDGES_DARK 0.05

int gh_edges_tile (const GhMaeConfig *config);          /* pixels of a tile's side */
int gh_edges_rows (const GhMaeConfig *config);          /* rows of tiles */
int gh_edges_columns (const GhMaeConfig *config);       /* tiles of a row, less one */
int gh_edges_places (const GhMaeConfig *config);        /* rows by columns */
/* FALSE when there is nothing to see, or nowhere to tell it: no edges, no projection to the embedding. The error names the
 * configuration's key that asks for edges, and its value. */
gboolean gh_edges_check (const GhMaeConfig *config, const char *key, int value, const char *where, GError **error);

/* What no file holds: of a tile's sum of bytes its logarithm. */
int gh_edges_logarithms (const GhMaeConfig *config, int channels);
void gh_edges_fill_logarithms (const GhMaeConfig *config, int channels, float *logarithms);

/* rgb[B,height,width,3] with `stride` bytes a row -> edges[B,places,channels]; logarithms[gh_edges_logarithms()] in the
 * context's memory. */
GhStatus gh_edges_see (GhCtx *ctx, float *edges, const float *logarithms, const GhMaeConfig *config, int channels,
    const guint8 *rgb, gsize stride, int B);

G_END_DECLS
