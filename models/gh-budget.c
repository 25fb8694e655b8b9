/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-budget.c: see gh-budget.h. */
#include "gh-budget.h"

#include <math.h>

#define DAY (24 * G_TIME_SPAN_HOUR)

/* Offers to compare with: four times as many as it takes for one to be taken, within bounds. */
enum { MIN_WINDOW = 16, MAX_WINDOW = 8192 };
/* Weight of the newest spacing in the mean of spacings. */
#define SPACING_WEIGHT 0.05

struct _GhBudget {
  guint per_day;
  gint64 *taken;                /* ring [per_day]: times, the oldest at n_taken % per_day once it is full */
  guint64 n_taken;
  gint64 latest;                /* of the times taken */
  double *scores;               /* ring [MAX_WINDOW] of the last offers */
  guint64 n_offers;
  gint64 first, last;           /* time of the first and the last offer */
  double spacing;               /* mean of the last offers, microseconds */
};

GhBudget *
gh_budget_new (guint per_day)
{
  GhBudget *budget = g_new0 (GhBudget, 1);

  budget->per_day = CLAMP (per_day, 1, 100000);
  budget->taken = g_new (gint64, budget->per_day);
  budget->scores = g_new (double, MAX_WINDOW);
  return budget;
}

void
gh_budget_free (GhBudget *budget)
{
  if (budget == NULL)
    return;
  g_free (budget->taken);
  g_free (budget->scores);
  g_free (budget);
}

void
gh_budget_remember (GhBudget *budget, gint64 at)
{
  budget->latest = budget->n_taken == 0 ? at : MAX (budget->latest, at);
  budget->taken[budget->n_taken++ % budget->per_day] = at;
}

/* What was taken while the clock was ahead was taken by now, at the latest: else it would bar others until that day comes. */
static void
follow_clock (GhBudget *budget, gint64 at)
{
  guint n = (guint) MIN (budget->n_taken, budget->per_day);

  budget->first = MIN (budget->first, at);
  budget->last = MIN (budget->last, at);
  for (guint i = 0; i < n && budget->latest > at; i++)
    budget->taken[i] = MIN (budget->taken[i], at);
  budget->latest = MIN (budget->latest, at);
}

guint
gh_budget_used (GhBudget *budget, gint64 at)
{
  guint n = (guint) MIN (budget->n_taken, budget->per_day), used = 0;

  follow_clock (budget, at);
  for (guint i = 0; i < n; i++)
    used += budget->taken[i] > at - DAY;
  return used;
}

/* The ring's oldest is what a further one would follow within a day. */
static gboolean
is_spent (const GhBudget *budget, gint64 at)
{
  return budget->n_taken >= budget->per_day && budget->taken[budget->n_taken % budget->per_day] > at - DAY;
}

/* Share of the offers that the budget pays for. */
static double
share (const GhBudget *budget)
{
  return budget->spacing > 0 ? MIN (1, budget->per_day * budget->spacing / DAY) : 1;
}

/* How much lower the bar is when scores fall and the day's budget lies idle: as many times as it is behind. */
static double
patience (GhBudget *budget, gint64 at)
{
  double day = (double) MIN (at - budget->first, DAY) / DAY;

  return budget->n_offers == 0 ? 1 : MAX (1, (1 + day * budget->per_day) / (1 + gh_budget_used (budget, at)));
}

static gboolean
is_among_best (GhBudget *budget, double score, gint64 at)
{
  double p = share (budget);
  guint window = (guint) CLAMP (ceil (4 / p), MIN_WINDOW, MAX_WINDOW);
  guint n = (guint) MIN (budget->n_offers, window), better = 0;

  for (guint i = 1; i <= n; i++)
    better += budget->scores[(budget->n_offers - i) % MAX_WINDOW] >= score;
  return better < p * patience (budget, at) * (n + 1);
}

static void
note (GhBudget *budget, double score, gint64 at)
{
  if (budget->n_offers == 0)
    budget->first = at;
  else if (budget->n_offers == 1)
    budget->spacing = (double) (at - budget->last);
  else
    budget->spacing += SPACING_WEIGHT * ((at - budget->last) - budget->spacing);
  budget->last = at;
  budget->scores[budget->n_offers++ % MAX_WINDOW] = score;
}

gboolean
gh_budget_offer (GhBudget *budget, double score, gint64 at)
{
  gboolean best;

  if (isnan (score))
    return FALSE;
  follow_clock (budget, at);
  /* Beyond all scores, such as the novelty of the first: it sets no bar for others. */
  best = isinf (score) || is_among_best (budget, score, at);
  if (!isinf (score))
    note (budget, score, at);
  if (!best || is_spent (budget, at))
    return FALSE;
  gh_budget_remember (budget, at);
  return TRUE;
}
