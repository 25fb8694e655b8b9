/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-time-of-day.c: times as harmonics and back, the highest place against a fine search, and what a head gains. */
#include "models/gh-head-train.h"
#include "models/gh-random.h"
#include "models/gh-time-of-day.h"

#include <math.h>

#define MINUTE (2 * G_PI / 1440)

static double
apart (double a, double b)
{
  return fabs (remainder (a - b, 1440));
}

static double
height_at (const double *y, int outputs, double minute)
{
  double sum = 0;

  for (int k = 1; k <= outputs / 2; k++)
    sum += y[2 * k - 2] * cos (k * minute * MINUTE) + y[2 * k - 1] * sin (k * minute * MINUTE);
  return sum;
}

static void
test_harmonics (void)
{
  g_assert_cmpint (gh_day_harmonics (1), ==, 2);
  g_assert_cmpint (gh_day_harmonics (30), ==, 6);
  g_assert_cmpint (gh_day_harmonics (300), ==, 12);
  g_assert_cmpint (gh_day_harmonics (100000), ==, GH_DAY_HARMONICS);
}

static void
test_there_and_back (void)
{
  for (int K = 1; K <= GH_DAY_HARMONICS; K++) {
    for (double minute = 0; minute < 1440; minute += 7.3) {
      double y[2 * GH_DAY_HARMONICS], height;

      gh_day_encode (minute, y, 2 * K);
      if (K == 1) {
        g_assert_cmpfloat_with_epsilon (y[0], cos (minute * MINUTE), 1e-12);
        g_assert_cmpfloat_with_epsilon (y[1], sin (minute * MINUTE), 1e-12);
      }
      g_assert_cmpfloat (apart (gh_day_decode (y, 2 * K, &height), minute), <, 1e-6);
      g_assert_cmpfloat_with_epsilon (height, 1, 1e-9);
      /* The bump: at its own width e^-1/2 of what it is. The harmonics that are left out change a hundredth. */
      if (K > 2)
        g_assert_cmpfloat_with_epsilon ((height_at (y, 2 * K, minute + 3 / (K * MINUTE)) - height_at (y, 2 * K,
            minute + 720)) / (1 - height_at (y, 2 * K, minute + 720)), exp (-0.5), 0.03);
    }
  }
}

/* (cos, sin) out of any number of harmonics. */
static void
test_plain (void)
{
  for (int K = 1; K <= GH_DAY_HARMONICS; K++) {
    double y[2 * GH_DAY_HARMONICS], factor[2 * GH_DAY_HARMONICS];

    gh_day_encode (850, y, 2 * K);
    gh_day_plain (factor, 2 * K);
    for (int o = 0; o < 2 * K; o++)
      g_assert_cmpfloat_with_epsilon (y[o] * factor[o], o == 0 ? cos (850 * MINUTE) : o == 1 ? sin (850 * MINUTE) : 0,
          1e-12);
  }
}

/* Two bumps: the higher one, not what is between. */
static void
test_two_times (void)
{
  double a[24], b[24], sum[24], height;

  gh_day_encode (600, a, 24);
  gh_day_encode (900, b, 24);
  for (int o = 0; o < 24; o++)
    sum[o] = 0.6 * a[o] + 0.4 * b[o];
  g_assert_cmpfloat (apart (gh_day_decode (sum, 24, &height), 600), <, 2);
  g_assert_cmpfloat_with_epsilon (height, 0.6 + 0.4 * height_at (b, 24, 600), 0.01);
}

/* Whatever the numbers are: as high as a search by tenths of a minute comes, or as one of two places that are all but equal. */
static void
test_search (void)
{
  g_autoptr (GRand) rand = gh_rand_new (4, 0);

  for (int trial = 0; trial < 300; trial++) {
    const int outputs = 2 + 2 * (trial % GH_DAY_HARMONICS);
    double y[2 * GH_DAY_HARMONICS], size = pow (10, g_rand_double_range (rand, -3, 3)), best = -INFINITY, height;

    for (int o = 0; o < outputs; o++)
      y[o] = size * g_rand_double_range (rand, -1, 1);
    for (int i = 0; i < 14400; i++)
      best = MAX (best, height_at (y, outputs, i / 10.0));
    g_assert_cmpfloat_with_epsilon (height_at (y, outputs, gh_day_decode (y, outputs, &height)), height, 1e-9 * size);
    g_assert_cmpfloat (height, >, best - 5e-3 * size);
  }
}

static void
test_edges (void)
{
  const double none[24] = { 0 }, before[] = { 1, -1e-12 };
  double height;

  g_assert_cmpfloat (gh_day_decode (none, 24, &height), ==, 0);
  g_assert_cmpfloat (height, ==, 0);
  g_assert_cmpfloat (gh_day_decode (before, 2, NULL), >=, 0);
  g_assert_cmpfloat (gh_day_decode (before, 2, NULL), <, 1440);
}

enum { DIM = 24, DAYS = 12, FRAMES = 25, N = DAYS * FRAMES };

/* A camera that sees the sun every third day; on the others afternoons look like mornings. */
static void
make_days (GRand *rand, float *x, double *minute, int *day)
{
  float direction[4][DIM];

  for (int i = 0; i < 4; i++)
    for (int j = 0; j < DIM; j++)
      direction[i][j] = g_rand_double_range (rand, -1, 1);
  for (int i = 0; i < N; i++) {
    const double sky = i / FRAMES % 3 == 0, t = g_rand_double_range (rand, 0, 1440), c = cos (t * MINUTE),
        s = sin (t * MINUTE);

    minute[i] = t;
    day[i] = i / FRAMES;
    for (int j = 0; j < DIM; j++)
      x[i * DIM + j] = c * direction[0][j] + sky * s * direction[1][j] + (sky == 0 ? cos (2 * t * MINUTE) : sky * c)
          * direction[2][j] + sky * direction[3][j] + 0.05 * g_rand_double_range (rand, -1, 1);
  }
}

/* Half of the days to learn from, the others to be judged on. A sky without sun tells c, but not the sign of s: half of its
 * frames may be wrong; their mean, noon or midnight, is wrong for all of them. */
static void
test_head (void)
{
  g_autoptr (GRand) rand = gh_rand_new (9, 0);
  g_autofree float *x = g_new (float, N * DIM);
  double minute[N];
  int day[N], within = 0, later = N / 2;
  GhHeadTrainOptions options = { .seed = 1, .threads = 1 };
  GhHeadData data = { later, DIM, x, minute, day, GH_HEAD_TIME, NULL, "time", NULL, "0123456789abcdef", "tiny.safetensors" };
  g_autoptr (GhHead) head = NULL;
  g_autoptr (GError) error = NULL;
  GhHeadReport *report = NULL;

  make_days (rand, x, minute, day);
  head = gh_head_train (&data, &options, &report, &error);
  g_assert_no_error (error);
  for (int i = later; i < N; i++) {
    GhPrediction prediction;

    g_assert_true (gh_head_predict (head, x + i * DIM, &prediction));
    g_assert_true (prediction.confidence >= 0 && prediction.confidence <= 1);
    within += apart (prediction.value, minute[i]) <= 30;
  }
  g_test_message ("%d of %d within half an hour, own estimate %.1f minutes", within, N - later, report->error);
  gh_head_report_free (report);
  g_assert_cmpint (within, >, (N - later) * 55 / 100);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/time-of-day/harmonics", test_harmonics);
  g_test_add_func ("/time-of-day/there-and-back", test_there_and_back);
  g_test_add_func ("/time-of-day/plain", test_plain);
  g_test_add_func ("/time-of-day/two-times", test_two_times);
  g_test_add_func ("/time-of-day/search", test_search);
  g_test_add_func ("/time-of-day/edges", test_edges);
  g_test_add_func ("/time-of-day/head", test_head);
  return g_test_run ();
}
