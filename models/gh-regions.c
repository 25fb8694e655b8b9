/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-regions.c: see the header. */
#include "gh-regions.h"

static int
size_of (int tokens, int regions)
{
  return (tokens + regions - 1) / MAX (regions, 1);
}

/* Where region i of `regions` begins among `tokens` along one side. */
static int
start_of (int i, int tokens, int regions)
{
  return regions > 1 ? i * (tokens - size_of (tokens, regions)) / (regions - 1) : 0;
}

gboolean
gh_regions_check (const GhMaeConfig *c, const char *where, GError **error)
{
  const int rows = gh_mae_config_grid_rows (c), cols = gh_mae_config_grid_cols (c);
  g_autofree char *problem = NULL;

  if ((c->pool_rows == 0) != (c->pool_cols == 0))
    problem = g_strdup ("go together");
  else if (c->pool_rows > 0 && c->pool == GH_POOL_CLS)
    problem = g_strdup ("do not go with \"pool\": \"cls\"");
  else if (c->pool_rows > rows || c->pool_cols > cols)
    problem = g_strdup_printf ("are more regions than the grid of patches has, %d rows of %d", rows, cols);
  if (problem)
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: model configuration: \"pool_rows\": %d and \"pool_cols\": %d "
        "%s", where, c->pool_rows, c->pool_cols, problem);
  return !problem;
}

int
gh_regions_count (const GhMaeConfig *c)
{
  return MAX (c->pool_rows, 1) * MAX (c->pool_cols, 1);
}

int
gh_regions_tokens (const GhMaeConfig *c)
{
  return size_of (gh_mae_config_grid_rows (c), MAX (c->pool_rows, 1))
      * size_of (gh_mae_config_grid_cols (c), MAX (c->pool_cols, 1));
}

void
gh_regions_fill (const GhMaeConfig *c, gint32 *index)
{
  const int rows = gh_mae_config_grid_rows (c), cols = gh_mae_config_grid_cols (c);
  const int down = MAX (c->pool_rows, 1), across = MAX (c->pool_cols, 1);

  for (int region = 0; region < down * across; region++) {
    const int top = start_of (region / across, rows, down), left = start_of (region % across, cols, across);

    for (int y = 0; y < size_of (rows, down); y++)
      for (int x = 0; x < size_of (cols, across); x++)
        *index++ = (top + y) * cols + left + x;
  }
}
