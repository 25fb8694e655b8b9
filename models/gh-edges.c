/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-edges.c: see the header. */
#include "gh-edges.h"
#include "gh-error.h"

#include <math.h>

int
gh_edges_tile (const GhMaeConfig *c)
{
  return (c->width + GH_EDGES_TILE_COLUMNS - 1) / GH_EDGES_TILE_COLUMNS;
}

int
gh_edges_rows (const GhMaeConfig *c)
{
  return c->height / gh_edges_tile (c);
}

/* Edges lie between tiles. */
int
gh_edges_columns (const GhMaeConfig *c)
{
  return c->width / gh_edges_tile (c) - 1;
}

int
gh_edges_places (const GhMaeConfig *c)
{
  return gh_edges_rows (c) * gh_edges_columns (c);
}

gboolean
gh_edges_check (const GhMaeConfig *c, const char *key, int value, const char *where, GError **error)
{
  const char *of = "model configuration";

  if (!c->has_embed) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: %s: \"%s\": %d without a projection to the embedding "
        "(has_embed false)", where, of, key, value);
    return FALSE;
  }
  if (gh_edges_tile (c) > GH_MOST_TILE) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: %s: \"%s\": %d, but a picture may be %d pixels wide at most",
        where, of, key, value, GH_MOST_TILE * GH_EDGES_TILE_COLUMNS);
    return FALSE;
  }
  if (gh_edges_columns (c) < 1 || gh_edges_rows (c) < 1) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: %s: \"%s\": %d, but a picture of %d x %d pixels has no edges "
        "between tiles of %d x %d", where, of, key, value, c->width, c->height, gh_edges_tile (c), gh_edges_tile (c));
    return FALSE;
  }
  return TRUE;
}

int
gh_edges_logarithms (const GhMaeConfig *c, int channels)
{
  return 255 * gh_edges_tile (c) * gh_edges_tile (c) * 3 / channels + 1;
}

void
gh_edges_fill_logarithms (const GhMaeConfig *c, int channels, float *logarithms)
{
  const int n = gh_edges_logarithms (c, channels);

  for (int i = 0; i < n; i++)
    logarithms[i] = (float) log ((double) i / (n - 1) + GH_EDGES_DARK);
}

GhStatus
gh_edges_see (GhCtx *ctx, float *edges, const float *logarithms, const GhMaeConfig *c, int channels, const guint8 *rgb,
    gsize stride, int B)
{
  return gh_tile_edges_fwd (ctx, edges, rgb, logarithms, B, c->height, c->width, stride, gh_edges_tile (c), channels);
}
