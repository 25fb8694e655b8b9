/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-budget.h: the best few of an endless stream: so many a day, chosen one by one as they come, by a score.
 *
 * Nobody knows what is still to come, nor what a high score is. So an offer is compared with those before it: it is taken
 * when its score is among the best p of the last offers, where p is the budget's share of the offers of a day at the rate
 * they have been coming. For scores without a trend that takes p of them; when scores rise or fall, so does the bar, and
 * it falls further while the budget lies idle. Within any 24 hours no more are taken than the budget.
 *
 * A plain struct of one thread. Times are microseconds of any clock. If it goes back, what was taken later than it says is
 * taken to be of that moment: still no more than the budget in the 24 hours that follow, and no bar until a day far ahead.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhBudget GhBudget;

/* per_day 1 to 100000. */
GhBudget *gh_budget_new (guint per_day);
void gh_budget_free (GhBudget *budget);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhBudget, gh_budget_free)

/* One was taken at this time, before this object was: so that a restart does not begin the day anew. In order of time. */
void gh_budget_remember (GhBudget *budget, gint64 at);
/* Whether to take it. A score that is no number is never taken, one of INFINITY whenever there is something left. */
gboolean gh_budget_offer (GhBudget *budget, double score, gint64 at);
/* Taken within the 24 hours before. */
guint gh_budget_used (GhBudget *budget, gint64 at);

G_END_DECLS
