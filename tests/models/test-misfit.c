/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-misfit.c: misfits against their definitions, and what the one of times is for. */
#include "models/gh-kernel-ridge.h"
#include "models/gh-misfit.h"
#include "models/gh-random.h"
#include "models/gh-time-of-day.h"

#include <math.h>

#define MINUTE (2 * G_PI / 1440)

static void
put (double *y, double minute, double length)
{
  y[0] = length * cos (minute * MINUTE);
  y[1] = length * sin (minute * MINUTE);
}

static void
test_squared (void)
{
  const double a[] = { 1, 2, 3, 4, 5, 6 }, b[] = { 1, 2, 3, 4, 5, 9 };

  g_assert_cmpfloat (gh_misfit_squared (a, a, 3, 2), ==, 0);
  g_assert_cmpfloat_with_epsilon (gh_misfit_squared (a, b, 3, 2), 1.5, 1e-12);
  g_assert_cmpfloat_with_epsilon (gh_misfit_squared (a, b, 6, 1), 1.5, 1e-12);
}

/* 15 minutes over midnight, and one that is right; how long an answer is does not matter. */
static void
test_time (void)
{
  double a[4], b[4], wide[48], told[48];

  put (a, 1430, 1);
  put (a + 2, 700, 1);
  put (b, 5, 0.3);
  put (b + 2, 700, 0.1);
  g_assert_cmpfloat_with_epsilon (gh_misfit_time (a, a, 2, 2), 1, 1e-12);
  g_assert_cmpfloat_with_epsilon (gh_misfit_time (a, b, 2, 2), sqrt (2), 1e-12);
  put (b + 2, 760, 1);
  g_assert_cmpfloat_with_epsilon (gh_misfit_time (a, b, 2, 2), sqrt (2 * 17), 1e-9);
  /* The same of twelve harmonics. */
  gh_day_encode (1430, wide, 24);
  gh_day_encode (700, wide + 24, 24);
  gh_day_encode (5, told, 24);
  gh_day_encode (760, told + 24, 24);
  g_assert_cmpfloat_with_epsilon (gh_misfit_time (wide, wide, 2, 24), 1, 1e-9);
  g_assert_cmpfloat_with_epsilon (gh_misfit_time (wide, told, 2, 24), sqrt (2 * 17), 1e-6);
  b[0] = b[1] = 0;
  g_assert_true (isfinite (gh_misfit_time (a, b, 2, 2)));
  g_assert_true (gh_misfit_for (GH_HEAD_TIME) == gh_misfit_time);
  g_assert_true (gh_misfit_for (GH_HEAD_COUNT) == gh_misfit_squared);
}

enum { N = 150, DIM = 3 };

/* Mean error in minutes by day of a clock that sees the sun by day and nothing but noise by night. */
static double
error_by_day (GhMisfit misfit)
{
  g_autoptr (GRand) rand = gh_rand_new (8, 0);
  double z[N * DIM], y[N * 2], minute[N], error = 0;
  g_autoptr (GhKernelRidge) ridge = NULL;
  int days = 0;

  for (int i = 0; i < N; i++) {
    double angle;

    minute[i] = g_rand_double_range (rand, 0, 1440);
    angle = 6 * minute[i] * MINUTE;
    for (int j = 0; j < DIM; j++)
      z[i * DIM + j] = minute[i] < 720 ? cos (angle + 2 * j) : 0.1 * g_rand_double_range (rand, -1, 1);
    z[i * DIM] += minute[i] < 720 ? minute[i] / 300 : 0;
    put (y + i * 2, minute[i], 1);
  }
  ridge = gh_kernel_ridge_new (&(GhKernelRidgeData) { N, DIM, 2, z, y, NULL, FALSE, NULL, misfit });
  for (int k = 0; k < gh_kernel_ridge_n_members (ridge); k++)
    gh_kernel_ridge_fit (ridge, k);
  gh_kernel_ridge_finish (ridge);
  for (int i = 0; i < N; i++) {
    if (minute[i] < 720) {
      const double *got = ridge->held_out + i * 2;

      error += fabs (remainder (atan2 (got[1], got[0]) / MINUTE - minute[i], 1440));
      days++;
    }
  }
  return error / days;
}

/* The frames of the night, of which nothing can be known, do not blur the answers by day. */
static void
test_night (void)
{
  double squared = error_by_day (gh_misfit_squared), angle = error_by_day (gh_misfit_time);

  g_test_message ("by day %.1f minutes off, weighed by the squared error %.1f", angle, squared);
  g_assert_cmpfloat (angle, <, 0.8 * squared);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/misfit/squared", test_squared);
  g_test_add_func ("/misfit/time", test_time);
  g_test_add_func ("/misfit/night", test_night);
  return g_test_run ();
}
