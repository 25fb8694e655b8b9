/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-surprise.c: see the header. */
#include "gh-surprise.h"

#include <string.h>

int
gh_surprise_tiles (const GhMaeConfig *c)
{
  const int side = c->patch / GH_SURPRISE_TILE;

  return side * side * 3;
}

gboolean
gh_surprise_check (const GhMaeConfig *c, const char *where, GError **error)
{
  if (c->surprise == 0 || (c->patch % GH_SURPRISE_TILE == 0 && c->has_embed))
    return TRUE;
  if (!c->has_embed)
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"surprise\": %d without a projection to "
        "the embedding (has_embed false)", where, c->surprise);
  else
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"surprise\": %d, but a patch of %d does "
        "not divide into tiles of %d pixels", where, c->surprise, c->patch, GH_SURPRISE_TILE);
  return FALSE;
}

void
gh_surprise_averages (const GhMaeConfig *c, float *averages)
{
  const int P = gh_mae_config_patch_values (c), side = c->patch / GH_SURPRISE_TILE;

  memset (averages, 0, (gsize) gh_surprise_tiles (c) * P * sizeof *averages);
  for (int p = 0; p < P; p++) {
    const int row = p / 3 / c->patch / GH_SURPRISE_TILE, column = p / 3 % c->patch / GH_SURPRISE_TILE;

    averages[(gsize) ((row * side + column) * 3 + p % 3) * P + p] = 1.0f / (GH_SURPRISE_TILE * GH_SURPRISE_TILE);
  }
}

void
gh_surprise_plan (GhSurpriseActs *acts, GhArena *arena, const GhMaeConfig *c, int B)
{
  const guint64 values = (guint64) B * gh_mae_config_tokens (c) * gh_surprise_tiles (c);

  acts->seen = gh_arena_floats (arena, values);
  acts->code = gh_arena_floats (arena, (guint64) B * c->surprise);
  acts->rest = gh_arena_floats (arena, values);
  acts->energy = gh_arena_floats (arena, (guint64) B * gh_mae_config_grid_rows (c));
}

GhStatus
gh_surprise_forward (GhCtx *ctx, const GhSurpriseActs *a, const GhSurprise *s, const GhMaeConfig *c, float *patches,
    int B)
{
  const int rows = gh_mae_config_grid_rows (c), n = gh_mae_config_grid_cols (c) * gh_surprise_tiles (c);
  const int patches_in_all = B * gh_mae_config_tokens (c);
  const GhMat rest = { a->rest, n, (ptrdiff_t) rows * n, n }, energy = { a->energy, 1, rows, 1 };

  GH_TRY (gh_layernorm_fwd (ctx, patches, NULL, NULL, patches, s->ones, s->zeros, patches_in_all,
          gh_mae_config_patch_values (c), GH_SURPRISE_EPS));
  GH_TRY (gh_linear_fwd (ctx, a->seen, patches, s->tiles.weight, NULL, NULL, GH_ACT_NONE, patches_in_all));
  GH_TRY (gh_linear_fwd (ctx, a->code, a->seen, s->light.weight, s->light.bias, NULL, GH_ACT_NONE, B));
  GH_TRY (gh_linear_fwd (ctx, a->rest, a->code, s->unlit.weight, s->unlit.bias, a->seen, GH_ACT_NONE, B));
  return gh_bmm (ctx, energy, rest, false, rest, true, 1.0f / n, 0, B, rows, 1, 1, n);
}

void
gh_surprise_clear (GhSurprise *s)
{
  gh_linear_clear (&s->tiles);
  gh_linear_clear (&s->light);
  gh_linear_clear (&s->unlit);
  gh_linear_clear (&s->embed);
}
