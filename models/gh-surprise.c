/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-surprise.c: see the header. */
#include "gh-surprise.h"

int
gh_surprise_edges (const GhMaeConfig *c)
{
  return gh_edges_places (c) * GH_SURPRISE_CHANNELS;
}

int
gh_surprise_bands (const GhMaeConfig *c)
{
  return MIN (MIN (gh_mae_config_grid_rows (c), GH_SURPRISE_BANDS), gh_edges_rows (c));
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
  acts->edges = gh_arena_floats (arena, (guint64) B * gh_surprise_edges (c));
  acts->code = gh_arena_floats (arena, (guint64) B * c->surprise);
  acts->rest = gh_arena_floats (arena, (guint64) B * gh_surprise_edges (c));
  acts->energy = gh_arena_floats (arena, (guint64) B * gh_edges_places (c));
  acts->share = gh_arena_floats (arena, (guint64) B * gh_surprise_bands (c));
}

GhStatus
gh_surprise_unlight (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, int B)
{
  GH_TRY (gh_linear_fwd (ctx, a->code, a->edges, s->light.weight, s->light.bias, NULL, GH_ACT_NONE, B));
  GH_TRY (gh_linear_fwd (ctx, a->rest, a->code, s->unlit.weight, s->unlit.bias, a->edges, GH_ACT_NONE, B));
  return gh_local_energy_fwd (ctx, a->energy, a->rest, B, gh_edges_rows (c), gh_edges_columns (c), GH_SURPRISE_CHANNELS,
      GH_SURPRISE_WINDOW_ROWS, GH_SURPRISE_WINDOW_COLS);
}

GhStatus
gh_surprise_judge (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, int B)
{
  GH_TRY (gh_surprise_unlight (ctx, a, s, c, B));
  return gh_band_share_fwd (ctx, a->share, a->energy, s->level, B, gh_edges_rows (c), gh_edges_columns (c),
      gh_surprise_bands (c));
}

GhStatus
gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, const guint8 *rgb,
    gsize stride, int B)
{
  GH_TRY (gh_edges_see (ctx, a->edges, s->logarithms, c, GH_SURPRISE_CHANNELS, rgb, stride, B));
  return gh_surprise_judge (ctx, a, s, c, B);
}

void
gh_surprise_clear (GhSurprise *s)
{
  gh_linear_clear (&s->light);
  gh_linear_clear (&s->unlit);
  gh_linear_clear (&s->embed);
}
