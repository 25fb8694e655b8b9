/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-surprise.c: see the header. */
#include "gh-surprise.h"

#include <math.h>

int
gh_surprise_tile (const GhMaeConfig *c)
{
  return (c->width + GH_SURPRISE_COLUMNS - 1) / GH_SURPRISE_COLUMNS;
}

static int
tile_rows (const GhMaeConfig *c)
{
  return c->height / gh_surprise_tile (c);
}

/* Edges lie between tiles. */
static int
edge_columns (const GhMaeConfig *c)
{
  return c->width / gh_surprise_tile (c) - 1;
}

int
gh_surprise_places (const GhMaeConfig *c)
{
  return tile_rows (c) * edge_columns (c);
}

int
gh_surprise_edges (const GhMaeConfig *c)
{
  return gh_surprise_places (c) * 3;
}

int
gh_surprise_bands (const GhMaeConfig *c)
{
  return MIN (MIN (gh_mae_config_grid_rows (c), GH_SURPRISE_BANDS), tile_rows (c));
}

gboolean
gh_surprise_check (const GhMaeConfig *c, const char *where, GError **error)
{
  if (c->surprise == 0)
    return TRUE;
  if (!c->has_embed) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"surprise\": %d without a projection to "
        "the embedding (has_embed false)", where, c->surprise);
    return FALSE;
  }
  if (gh_surprise_tile (c) > GH_MOST_TILE) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"surprise\": %d, but a picture may be "
        "%d pixels wide at most", where, c->surprise, GH_MOST_TILE * GH_SURPRISE_COLUMNS);
    return FALSE;
  }
  if (edge_columns (c) < 1 || tile_rows (c) < 1) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"surprise\": %d, but a picture of "
        "%d x %d pixels has no edges between tiles of %d x %d", where, c->surprise, c->width, c->height,
        gh_surprise_tile (c), gh_surprise_tile (c));
    return FALSE;
  }
  return TRUE;
}

int
gh_surprise_logarithms (const GhMaeConfig *c)
{
  return 255 * gh_surprise_tile (c) * gh_surprise_tile (c) + 1;
}

void
gh_surprise_fill_logarithms (const GhMaeConfig *c, float *logarithms)
{
  const int n = gh_surprise_logarithms (c);

  for (int i = 0; i < n; i++)
    logarithms[i] = (float) log ((double) i / (n - 1) + GH_SURPRISE_DARK);
}

float *
gh_surprise_turn_light (const float *light, int k, int n)
{
  float *turned = g_try_new (float, (gsize) k * n);

  for (int i = 0; turned && i < k; i++)
    for (int j = 0; j < n; j++)
      turned[(gsize) j * k + i] = -light[(gsize) i * n + j];
  return turned;
}

void
gh_surprise_plan (GhSurpriseActs *acts, GhArena *arena, const GhMaeConfig *c, int B)
{
  const guint64 edges = (guint64) B * gh_surprise_edges (c);

  acts->edges = gh_arena_floats (arena, edges);
  acts->code = gh_arena_floats (arena, (guint64) B * c->surprise);
  acts->rest = gh_arena_floats (arena, edges);
  acts->energy = gh_arena_floats (arena, (guint64) B * gh_surprise_places (c));
  acts->share = gh_arena_floats (arena, (guint64) B * gh_surprise_bands (c));
}

GhStatus
gh_surprise_see (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, const guint8 *rgb,
    gsize stride, int B)
{
  return gh_tile_edges_fwd (ctx, a->edges, rgb, s->logarithms, B, c->height, c->width, stride, gh_surprise_tile (c));
}

GhStatus
gh_surprise_unlight (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, int B)
{
  GH_TRY (gh_linear_fwd (ctx, a->code, a->edges, s->light.weight, s->light.bias, NULL, GH_ACT_NONE, B));
  GH_TRY (gh_linear_fwd (ctx, a->rest, a->code, s->unlit.weight, s->unlit.bias, a->edges, GH_ACT_NONE, B));
  return gh_local_energy_fwd (ctx, a->energy, a->rest, B, tile_rows (c), edge_columns (c), 3, GH_SURPRISE_WINDOW_ROWS,
      GH_SURPRISE_WINDOW_COLS);
}

GhStatus
gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, const guint8 *rgb,
    gsize stride, int B)
{
  GH_TRY (gh_surprise_see (ctx, a, s, c, rgb, stride, B));
  GH_TRY (gh_surprise_unlight (ctx, a, s, c, B));
  return gh_band_share_fwd (ctx, a->share, a->energy, s->level, B, tile_rows (c), edge_columns (c),
      gh_surprise_bands (c));
}

void
gh_surprise_clear (GhSurprise *s)
{
  gh_linear_clear (&s->light);
  gh_linear_clear (&s->unlit);
  gh_linear_clear (&s->embed);
}
