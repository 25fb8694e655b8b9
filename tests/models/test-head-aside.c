/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head-aside.c: heads whose curves do not see the beginning of an embedding, or all of it before a loud end: how their
 * files say so, and that they predict what was learned.
 */
#include "models/gh-head-private.h"
#include "models/gh-head-train.h"
#include "models/gh-random.h"

#include <glib/gstdio.h>
#include <math.h>

enum { DIM = 40, BEGINNING = 16 };

typedef struct {
  GhHeadData data;
  float *x;
  double *y;
} Set;

/* Behind a beginning that tells nothing, all numbers follow t, and the label is a curve of it. */
static Set
make_set (GhHeadKind kind, int n, int seed)
{
  static const char *const places[] = { "near", "far", NULL };
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  Set set = { { n, DIM, .kind = kind, .task = "place", .encoder_id = "0123456789abcdef", .encoder_file = "e.safetensors" },
    g_new (float, n * DIM), g_new (double, n) };

  set.data.classes = kind == GH_HEAD_CLASS ? places : NULL;
  set.data.embeddings = set.x;
  set.data.labels = set.y;
  for (int i = 0; i < n; i++) {
    const double t = g_rand_double_range (rand, -3, 3);

    for (int j = 0; j < DIM; j++)
      set.x[i * DIM + j] = (j < BEGINNING ? 5 : t) + 0.1 * gh_rand_normal (rand);
    set.y[i] = kind == GH_HEAD_CLASS ? fabs (t) > 2 : 5 + 3 * sin (2 * t);
  }
  return set;
}

static void
set_clear (Set *set)
{
  g_free (set->x);
  g_free (set->y);
}

/* The file says of numbers that are not to count in distances that they hardly vary; it predicts what was learned. */
static void
test_aside (gconstpointer data)
{
  const GhHeadKind kind = GPOINTER_TO_INT (data);
  Set set = make_set (kind, 150, 31), fresh = make_set (kind, 200, 32);
  g_autoptr (GhHeadReport) report = NULL;
  const GhHeadTrainOptions options = { .seed = 3, .threads = 1 };
  g_autoptr (GhHead) head = NULL, again = NULL;
  g_autofree char *folder = g_dir_make_tmp ("gh-head-XXXXXX", NULL), *path = g_build_filename (folder, "h.st", NULL);
  g_autoptr (GError) error = NULL;
  double sum = 0;

  head = gh_head_train (&set.data, &options, &report, &error);
  g_assert_no_error (error);
  for (int j = 0; j < DIM; j++) {
    if (j < BEGINNING)
      g_assert_cmpfloat (head->std[j], >, 50);
    else
      g_assert_cmpfloat (head->std[j], <, 3);
  }
  g_assert_true (gh_head_save (head, path, &error));
  again = gh_head_load (path, &error);
  g_assert_no_error (error);
  for (int i = 0; i < fresh.data.n; i++) {
    GhPrediction a, b;

    g_assert_true (gh_head_predict (head, fresh.x + i * DIM, &a));
    g_assert_true (gh_head_predict (again, fresh.x + i * DIM, &b));
    g_assert_cmpfloat (a.value, ==, b.value);
    sum += gh_head_distance (kind, a.value, fresh.y[i]) / fresh.data.n;
  }
  g_test_message ("off by %.3f, by its own account %.3f", sum, report->error);
  g_assert_cmpfloat (sum, <, kind == GH_HEAD_CLASS ? 0.06 : 0.25);
  g_assert_cmpfloat (fabs (sum - report->error), <, 0.05);
  g_remove (path);
  g_rmdir (folder);
  set_clear (&set);
  set_clear (&fresh);
}

/* How many of the first numbers a head of 64 sets aside, when the label is a curve of what its last quarter tells, each number of
 * which is `loud` times as loud as the others, which tell nothing. */
static int
aside_by_end (GhHeadKind kind, double loud)
{
  enum { N = 150, LONG = 64 };
  g_autofree float *x = g_new (float, N * LONG);
  g_autofree double *y = g_new (double, N);
  GhHeadData data = { N, LONG, .kind = kind, .task = "end", .encoder_id = "0123456789abcdef", .encoder_file = "e.safetensors",
    .embeddings = x, .labels = y };
  const GhHeadTrainOptions options = { .seed = 3, .threads = 1 };
  g_autoptr (GRand) rand = gh_rand_new (41, 0);
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = NULL;
  g_autoptr (GError) error = NULL;
  int aside = 0;

  for (int i = 0; i < N; i++) {
    const double t = g_rand_double_range (rand, -1.7, 1.7);

    for (int j = 0; j < LONG; j++)
      x[i * LONG + j] = j < LONG * 3 / 4 ? gh_rand_normal (rand) : loud * (t + 0.1 * gh_rand_normal (rand));
    y[i] = kind == GH_HEAD_TIME ? 720 + 300 * sin (2 * t) : 5 + 3 * sin (2 * t);
  }
  head = gh_head_train (&data, &options, &report, &error);
  g_assert_no_error (error);
  while (aside < LONG && head->std[aside] > 50)
    aside++;
  return aside;
}

static void
test_end (void)
{
  g_assert_cmpint (aside_by_end (GH_HEAD_SCALAR, 2), ==, 48);
  /* As loud as all others it is no part by itself, and of times it never is. */
  g_assert_cmpint (aside_by_end (GH_HEAD_SCALAR, 1), <=, BEGINNING);
  g_assert_cmpint (aside_by_end (GH_HEAD_TIME, 2), <=, BEGINNING);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/head-aside/scalar", GINT_TO_POINTER (GH_HEAD_SCALAR), test_aside);
  g_test_add_data_func ("/head-aside/class", GINT_TO_POINTER (GH_HEAD_CLASS), test_aside);
  g_test_add_func ("/head-aside/end", test_end);
  return g_test_run ();
}
