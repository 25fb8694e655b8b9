/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head-aside.c: heads whose curves do not see the beginning of an embedding: how their files say so, and that they
 * predict what was learned.
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/head-aside/scalar", GINT_TO_POINTER (GH_HEAD_SCALAR), test_aside);
  g_test_add_data_func ("/head-aside/class", GINT_TO_POINTER (GH_HEAD_CLASS), test_aside);
  return g_test_run ();
}
