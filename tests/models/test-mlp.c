/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mlp.c: gradients of the small networks against central differences, their independence of each other, what
 * training learns, that it repeats and that it can be cancelled.
 */
#include "models/gh-mlp.h"
#include "models/gh-random.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

static float *
random_floats (guint64 seed, gsize n, double scale)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 0);
  float *x = g_new (float, n);

  for (gsize i = 0; i < n; i++)
    x[i] = scale * gh_rand_normal (rand);
  return x;
}

/* The loss of every network, in double, by gh_mlp_run(). */
static double
total_loss (const GhMlpShape *shape, const float *parameters, const float *x, const float *t)
{
  g_autofree float *y = g_new (float, shape->outputs);
  double total = 0;

  for (int row = 0; row < shape->networks * shape->batch; row++) {
    const float *target = t + row * shape->outputs;
    double sum = 0, square = 0.09, loss = 0;

    gh_mlp_run (shape, parameters, row / shape->batch, x + row * shape->inputs, y);
    for (int o = 0; o < shape->outputs; o++) {
      square += pow ((double) y[o] - target[o], 2);
      sum += exp (y[o]);
    }
    for (int o = 0; o < shape->outputs; o++)
      loss -= target[o] * (y[o] - log (sum));
    total += (shape->loss == GH_MLP_ROBUST ? sqrt (square) - 0.3 : loss) / shape->batch;
  }
  return total;
}

static void
check_gradients (GhMlpLoss loss)
{
  const GhMlpShape shape = { 3, 5, 7, 2, 4, loss };
  g_autoptr (GError) error = NULL;
  g_autoptr (GhMlp) mlp = gh_mlp_new (&shape, 1, &error);
  gsize n = gh_mlp_n_parameters (&shape);
  g_autofree float *p = random_floats (1, n, 0.6), *x = random_floats (2, 3 * 4 * 5, 1), *t = g_new (float, 3 * 4 * 2);
  g_autofree float *gradients = g_new (float, n);
  double losses[3];

  g_assert_no_error (error);
  for (int i = 0; i < 3 * 4; i++) {
    t[i * 2] = i % 3 / 3.0;
    t[i * 2 + 1] = 1 - t[i * 2];
  }
  g_assert_true (gh_mlp_set_parameters (mlp, p, &error));
  g_assert_true (gh_mlp_gradient (mlp, x, t, losses, gradients, &error));
  g_assert_cmpfloat_with_epsilon (losses[0] + losses[1] + losses[2], total_loss (&shape, p, x, t), 1e-5);
  for (gsize i = 0; i < n; i++) {
    const float keep = p[i], step = 1e-2f;
    double difference;

    p[i] = keep + step;
    difference = total_loss (&shape, p, x, t);
    p[i] = keep - step;
    difference = (difference - total_loss (&shape, p, x, t)) / (2 * step);
    p[i] = keep;
    g_assert_cmpfloat_with_epsilon (gradients[i], difference, 2e-4 + 1e-3 * fabs (difference));
  }
}

static void
test_gradients_robust (void)
{
  check_gradients (GH_MLP_ROBUST);
}

static void
test_gradients_cross_entropy (void)
{
  check_gradients (GH_MLP_CROSS_ENTROPY);
}

/* ---- training ------------------------------------------------------------------------------------------ */

enum { ROWS = 160, INPUTS = 4 };

typedef struct {
  float *x, *t;
  int rows[ROWS];
} Problem;

/* t = sin (2 x0) * x1: nothing a line could follow. */
static Problem
make_problem (void)
{
  Problem p = { random_floats (3, ROWS * INPUTS, 1), g_new (float, ROWS) };

  for (int i = 0; i < ROWS; i++) {
    p.rows[i] = i;
    p.t[i] = sin (2 * p.x[i * INPUTS]) * p.x[i * INPUTS + 1];
  }
  return p;
}

static void
problem_clear (Problem *p)
{
  g_free (p->x);
  g_free (p->t);
}

static const GhMlpTraining usual = { .steps = 600, .learning_rate = 1e-2, .weight_decay = 1e-3, .seed = 5, .threads = 1 };

static void
test_learns (void)
{
  const GhMlpShape shape = { 2, INPUTS, 32, 1, 64, GH_MLP_ROBUST };
  Problem p = make_problem ();
  GhMlpTask tasks[2] = { { p.x, p.t, p.rows, ROWS, INPUTS }, { p.x, p.t, p.rows, ROWS / 2, INPUTS } };
  g_autoptr (GError) error = NULL;
  g_autofree float *parameters = gh_mlp_train (&shape, tasks, &usual, &error);
  double off = 0, spread = 0;

  g_assert_no_error (error);
  for (int i = 0; i < ROWS; i++) {
    float y;

    gh_mlp_run (&shape, parameters, 0, p.x + i * INPUTS, &y);
    off += fabs (y - p.t[i]) / ROWS;
    spread += fabs (p.t[i]) / ROWS;
  }
  g_assert_cmpfloat (off, <, 0.15 * spread);
  problem_clear (&p);
}

/* Bit for bit, and whatever the number of threads. */
static void
test_repeats (void)
{
  const GhMlpShape shape = { 3, INPUTS, 16, 1, 32, GH_MLP_ROBUST };
  Problem p = make_problem ();
  GhMlpTask task = { p.x, p.t, p.rows, ROWS, INPUTS, 0.3 }, tasks[3] = { task, task, task };
  GhMlpTraining training = usual;
  g_autofree float *first = NULL, *second = NULL, *other = NULL;
  gsize bytes = gh_mlp_n_parameters (&shape) * sizeof (float);

  training.steps = 40;
  first = gh_mlp_train (&shape, tasks, &training, NULL);
  training.threads = 3;
  second = gh_mlp_train (&shape, tasks, &training, NULL);
  training.seed++;
  other = gh_mlp_train (&shape, tasks, &training, NULL);
  g_assert_true (first && second && other);
  g_assert_cmpmem (first, bytes, second, bytes);
  g_assert_cmpint (memcmp (first, other, bytes), !=, 0);
  problem_clear (&p);
}

static gboolean
stop_halfway (double fraction, gpointer calls)
{
  ++*(int *) calls;
  return fraction < 0.5;
}

static void
test_cancel (void)
{
  const GhMlpShape shape = { 1, INPUTS, 8, 1, 16, GH_MLP_ROBUST };
  Problem p = make_problem ();
  GhMlpTask task = { p.x, p.t, p.rows, ROWS, INPUTS };
  GhMlpTraining training = usual;
  g_autoptr (GError) error = NULL;
  int calls = 0;

  training.steps = 10;
  training.progress = stop_halfway;
  training.progress_data = &calls;
  g_assert_null (gh_mlp_train (&shape, &task, &training, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpint (calls, ==, 6);
  problem_clear (&p);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mlp/gradients/robust", test_gradients_robust);
  g_test_add_func ("/mlp/gradients/cross-entropy", test_gradients_cross_entropy);
  g_test_add_func ("/mlp/learns", test_learns);
  g_test_add_func ("/mlp/repeats", test_repeats);
  g_test_add_func ("/mlp/cancel", test_cancel);
  return g_test_run ();
}
