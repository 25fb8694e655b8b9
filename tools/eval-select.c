/* SPDX-License-Identifier: LGPL-2.1-or-later
 * eval-select.c: see eval-select.h. */
#include "eval-select.h"
#include "models/gh-budget.h"
#include "models/gh-novelty.h"
#include "models/gh-random.h"

#include <math.h>
#include <string.h>

#define DAY (24 * G_TIME_SPAN_HOUR)

static const char *const names[] = { "random", "novelty", "farthest" };

const char *
gh_select_name (GhSelect select)
{
  return names[select];
}

gboolean
gh_select_from_name (const char *name, GhSelect *select)
{
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (names[i], name) == 0) {
      *select = (GhSelect) i;
      return TRUE;
    }
  return FALSE;
}

static void
draw (GRand *rand, guint n_pool, int n, int *rows)
{
  g_autofree int *all = g_new (int, n_pool);

  for (guint i = 0; i < n_pool; i++)
    all[i] = (int) i;
  gh_rand_shuffle (rand, all, n_pool);
  memcpy (rows, all, n * sizeof *rows);
}

/* Whichever row is the most unlike those that were chosen. */
static int
farthest (GhNovelty *novelty, const float *vectors, guint n_pool, int dim, const gboolean *chosen)
{
  double best = -1;
  int row = -1;

  for (guint i = 0; i < n_pool; i++) {
    double value = chosen[i] ? -1 : gh_novelty_of (novelty, vectors + (gsize) i * dim);

    if (value > best) {
      best = value;
      row = (int) i;
    }
  }
  return row;
}

/* Rows of one pass of the stream; how many. */
static int
stream (GRand *rand, GhNovelty *novelty, const float *vectors, guint n_pool, int dim, int n, int *rows, gboolean *chosen)
{
  g_autoptr (GhBudget) budget = gh_budget_new ((guint) n);
  guint first = g_rand_int_range (rand, 0, n_pool);
  gint64 spacing = DAY / (n_pool / 2);
  int found = 0;

  for (guint i = 0; i < n_pool && found < n; i++) {
    guint row = (first + i) % n_pool;
    const float *vector = vectors + (gsize) row * dim;

    if (g_rand_boolean (rand) || !gh_budget_offer (budget, gh_novelty_of (novelty, vector), i / 2 * spacing))
      continue;
    gh_novelty_choose (novelty, vector);
    chosen[row] = TRUE;
    rows[found++] = (int) row;
  }
  return found;
}

void
gh_select_rows (GhSelect select, GRand *rand, const float *vectors, guint n_pool, int dim, int n, int *rows)
{
  g_autoptr (GhNovelty) novelty = NULL;
  g_autofree gboolean *chosen = NULL;
  int found = 1;

  if (select == GH_SELECT_RANDOM) {
    draw (rand, n_pool, n, rows);
    return;
  }
  novelty = gh_novelty_new (dim, n);
  chosen = g_new0 (gboolean, n_pool);
  if (select == GH_SELECT_NOVELTY) {
    found = stream (rand, novelty, vectors, n_pool, dim, n, rows, chosen);
  } else {
    for (guint i = 0; i < n_pool; i++)  /* so that the distances of the first are those of the last */
      gh_novelty_of (novelty, vectors + (gsize) i * dim);
    rows[0] = g_rand_int_range (rand, 0, n_pool);
    chosen[rows[0]] = TRUE;
    gh_novelty_choose (novelty, vectors + (gsize) rows[0] * dim);
  }
  for (; found < n; found++) {
    rows[found] = farthest (novelty, vectors, n_pool, dim, chosen);
    chosen[rows[found]] = TRUE;
    gh_novelty_choose (novelty, vectors + (gsize) rows[found] * dim);
  }
}
