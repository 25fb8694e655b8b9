/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-selection.c: what is worth a label: budgets over many days, and how new an embedding is. */
#include "models/gh-budget.h"
#include "models/gh-novelty.h"

#include <math.h>
#include <string.h>

#define DAY (24 * G_TIME_SPAN_HOUR)

/* ---- budgets ----------------------------------------------------------------------------------------------------------- */

/* Offers of `days` days, a minute apart, with scores by a function; how many were taken. In no 24 hours more than the budget. */
static guint
spend (guint per_day, guint days, double (*score) (guint i, GRand *rand))
{
  g_autoptr (GhBudget) budget = gh_budget_new (per_day);
  g_autoptr (GRand) rand = g_rand_new_with_seed (per_day);
  g_autoptr (GArray) taken = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < days * 1440; i++) {
    gint64 now = (gint64) i * G_TIME_SPAN_MINUTE;

    if (!gh_budget_offer (budget, score (i, rand), now))
      continue;
    g_array_append_val (taken, now);
    if (taken->len > per_day)
      g_assert_cmpint (g_array_index (taken, gint64, taken->len - 1 - per_day), <=, now - DAY);
    g_assert_cmpuint (gh_budget_used (budget, now), <=, per_day);
  }
  return taken->len;
}

static double
noise (guint i, GRand *rand)
{
  return g_rand_double (rand);
}

static double
falling (guint i, GRand *rand)
{
  return g_rand_double (rand) / (1 + i / 7200.);
}

static double
rising (guint i, GRand *rand)
{
  return i + g_rand_double (rand);
}

static double
constant (guint i, GRand *rand)
{
  return 1;
}

static void
test_spending (void)
{
  static const guint budgets[] = { 1, 7, 30, 200, 1000 };

  for (guint i = 0; i < G_N_ELEMENTS (budgets); i++) {
    guint of_noise = spend (budgets[i], 10, noise), of_falling = spend (budgets[i], 10, falling);

    g_test_message ("%u a day for 10 days: %u of noise, %u of falling scores", budgets[i], of_noise, of_falling);
    g_assert_cmpuint (of_noise, >=, 10 * budgets[i] / 2);
    g_assert_cmpuint (of_noise, <=, 10 * budgets[i]);
    if (budgets[i] > 1)         /* of one a day, the first was the best for long */
      g_assert_cmpuint (of_falling, >=, 10 * budgets[i] / 5);
    g_assert_cmpuint (spend (budgets[i], 10, rising), ==, 10 * budgets[i]);
  }
  g_assert_cmpuint (spend (30, 10, constant), <=, 300);
}

/* The best of a day rather than the first. */
static void
test_choice (void)
{
  g_autoptr (GhBudget) budget = gh_budget_new (24);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  double sum = 0;
  guint n = 0;

  for (guint i = 0; i < 5 * 1440; i++) {
    double score = g_rand_double (rand);

    if (gh_budget_offer (budget, score, (gint64) i * G_TIME_SPAN_MINUTE)) {
      sum += score;
      n++;
    }
  }
  g_assert_cmpfloat (sum / n, >, 0.95);
}

static void
test_restart (void)
{
  g_autoptr (GhBudget) budget = gh_budget_new (3);

  for (guint i = 0; i < 5; i++)         /* more than the budget: of a time when it was larger */
    gh_budget_remember (budget, i * G_TIME_SPAN_HOUR);
  g_assert_cmpuint (gh_budget_used (budget, 5 * G_TIME_SPAN_HOUR), ==, 3);
  g_assert_false (gh_budget_offer (budget, 1e9, 5 * G_TIME_SPAN_HOUR));
  g_assert_true (gh_budget_offer (budget, 2e9, 2 * G_TIME_SPAN_HOUR + DAY));
  g_assert_false (gh_budget_offer (budget, 3e9, 2 * G_TIME_SPAN_HOUR + DAY));
}

static void
test_odd_offers (void)
{
  g_autoptr (GhBudget) budget = gh_budget_new (5);

  g_assert_false (gh_budget_offer (budget, NAN, 0));
  g_assert_true (gh_budget_offer (budget, INFINITY, 1000));
  g_assert_true (gh_budget_offer (budget, 1, 2000));    /* the first that can be compared */
  for (guint i = 0; i < 20; i++)        /* a clock that went back */
    gh_budget_offer (budget, 0.5, -1000);
  g_assert_cmpuint (gh_budget_used (budget, 2000), <=, 5);
}

/* A clock that was years ahead, in an earlier run (remembered) or in this one, costs a day and not those years. */
static void
test_clock_ahead (void)
{
  const gint64 now = 100 * DAY, ahead = 2000 * DAY;

  for (int in_this_run = 0; in_this_run < 2; in_this_run++) {
    g_autoptr (GhBudget) budget = gh_budget_new (3);

    for (int i = 0; i < 3; i++)
      if (in_this_run)
        g_assert_true (gh_budget_offer (budget, INFINITY, ahead + i));
      else
        gh_budget_remember (budget, ahead + i);
    g_assert_cmpuint (gh_budget_used (budget, now), ==, 3);
    g_assert_false (gh_budget_offer (budget, 1e9, now));
    g_assert_false (gh_budget_offer (budget, 2e9, now + DAY - 1));
    g_assert_true (gh_budget_offer (budget, 3e9, now + DAY));
    g_assert_cmpuint (gh_budget_used (budget, now + DAY), ==, 1);
  }
}

/* ---- novelty ----------------------------------------------------------------------------------------------------------- */

static void
test_distance (void)
{
  g_autoptr (GhNovelty) novelty = gh_novelty_new (2, 8);
  static const float a[] = { 0, 0 }, b[] = { 2, 0 }, c[] = { 0, 4 }, bad[] = { NAN, 0 };
  double expected;

  g_assert_true (isinf (gh_novelty_of (novelty, a)));
  gh_novelty_choose (novelty, a);
  gh_novelty_of (novelty, b);
  gh_novelty_of (novelty, c);
  g_assert_true (isnan (gh_novelty_of (novelty, bad)));
  /* With b once more: means 1 and 1, variances (1 + 1 + 1 + 1) / 4 = 1 and (1 + 1 + 9 + 1) / 4 = 3. */
  expected = sqrt ((2. * 2. / 1) / 2);
  g_assert_cmpfloat_with_epsilon (gh_novelty_of (novelty, b), expected, 1e-6);
  gh_novelty_choose (novelty, b);
  g_assert_cmpfloat_with_epsilon (gh_novelty_of (novelty, b), 0, 1e-6);
}

/* Three clusters: one of each is chosen before a second of any. */
static void
test_clusters (void)
{
  g_autoptr (GhNovelty) novelty = gh_novelty_new (16, 8);
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  float x[16];
  guint chosen[3] = { 0 };

  for (guint i = 0; i < 300; i++) {
    guint cluster = i % 3;

    for (guint d = 0; d < 16; d++)
      x[d] = (float) (5 * (d % 3 == cluster) + 0.1 * g_rand_double (rand));
    if (gh_novelty_of (novelty, x) > 0.5) {
      gh_novelty_choose (novelty, x);
      chosen[cluster]++;
    }
  }
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (chosen[i], ==, 1);
}

/* The oldest are forgotten, and what never changes has no say. */
static void
test_memory (void)
{
  g_autoptr (GhNovelty) novelty = gh_novelty_new (2, 2);
  static const float a[] = { 1, 7 }, b[] = { 2, 7 }, c[] = { 3, 7 };

  gh_novelty_of (novelty, a);
  gh_novelty_choose (novelty, a);
  gh_novelty_of (novelty, b);
  gh_novelty_choose (novelty, b);
  gh_novelty_of (novelty, c);
  gh_novelty_choose (novelty, c);
  g_assert_cmpfloat (gh_novelty_of (novelty, a), >, 0.5);
  g_assert_cmpfloat (gh_novelty_of (novelty, c), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/budget/spending", test_spending);
  g_test_add_func ("/budget/choice", test_choice);
  g_test_add_func ("/budget/restart", test_restart);
  g_test_add_func ("/budget/odd-offers", test_odd_offers);
  g_test_add_func ("/budget/clock-ahead", test_clock_ahead);
  g_test_add_func ("/novelty/distance", test_distance);
  g_test_add_func ("/novelty/clusters", test_clusters);
  g_test_add_func ("/novelty/memory", test_memory);
  return g_test_run ();
}
