/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mixture.c: the ladder of penalties, and sums kept on the way against those made at once.
 */
#include "models/gh-mixture.h"

#include <math.h>

static void
test_ladder (void)
{
  g_assert_cmpint (gh_ladder_steps (3), ==, 13);
  g_assert_cmpint (gh_ladder_steps (1000000), ==, 17);
  g_assert_cmpfloat_with_epsilon (gh_ladder_penalty (0), 1000, 1e-9);
  g_assert_cmpfloat_with_epsilon (gh_ladder_penalty (6), 1, 1e-9);
}

/* Sums that were kept on the way are those of the weights error^(-n/6), in whatever order. */
static void
test_mixture (void)
{
  const double errors[2][4] = { {5, 2, 3, 0.5}, {0.7, 0.6, 40, 0.9} };
  GhMixture mixtures[2];
  double sums[2] = { 0 }, share[2], want = 0, all = 0, got = 0;

  for (int k = 0; k < 2; k++) {
    gh_mixture_init (&mixtures[k], 9);
    for (int i = 0; i < 4; i++) {
      double keep, weight = gh_mixture_add (&mixtures[k], errors[k][i], &keep), direct = pow (errors[k][i], -1.5);

      sums[k] = keep * sums[k] + weight * (10 * k + i);
      want += direct * (10 * k + i);
      all += direct;
    }
  }
  gh_mixture_shares (mixtures, 2, share);
  g_assert_cmpfloat_with_epsilon (share[0] + share[1], 1, 1e-12);
  for (int k = 0; k < 2; k++)
    got += share[k] * sums[k] / mixtures[k].total;
  g_assert_cmpfloat_with_epsilon (got, want / all, 1e-12);
}

static void
test_mixture_without_error (void)
{
  GhMixture mixture;
  double keep, share;

  gh_mixture_init (&mixture, 1000);
  g_assert_cmpfloat (gh_mixture_add (&mixture, 1, &keep), ==, 1);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat (gh_mixture_add (&mixture, 0, &keep), ==, 1);
  g_assert_cmpfloat (mixture.total, ==, 3);
  gh_mixture_shares (&mixture, 1, &share);
  g_assert_cmpfloat (share, ==, 1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mixture/ladder", test_ladder);
  g_test_add_func ("/mixture/sums", test_mixture);
  g_test_add_func ("/mixture/without-error", test_mixture_without_error);
  return g_test_run ();
}
