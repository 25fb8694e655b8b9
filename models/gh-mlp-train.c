/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mlp-train.c: the training loop of the small networks: random batches, noise on the inputs, AdamW with a short
 * warm-up and a cosine.
 */
#include "gh-mlp.h"
#include "gh-random.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

#define WARM_UP_STEPS 10
/* Noise comes from one pool, each row from its own place in it: drawing it afresh would cost more than the training. */
#define NOISE_POOL (1 << 16)
#define BIAS_SPREAD 0.5

typedef struct {
  const GhMlpShape *shape;
  const GhMlpTask *tasks;
  const GhMlpTraining *training;
  GRand *rand;
  int **order;                  /* [networks][n]: each network's rows, shuffled */
  int *next;                    /* [networks] */
  float *pool;                  /* standard normal */
  float *x, *targets;           /* [networks,batch,...] */
} Loop;

/* Each network has random numbers of its own, so that its training does not depend on its neighbours. */
static void
init_parameters (const GhMlpShape *shape, guint64 seed, float *parameters)
{
  for (int network = 0; network < shape->networks; network++) {
    g_autoptr (GRand) rand = gh_rand_new (seed, network);

    for (int l = 0; l < GH_MLP_LAYERS; l++) {
      int in = gh_mlp_layer_in (shape, l), out = gh_mlp_layer_out (shape, l);
      float *w = parameters + gh_mlp_weight_offset (shape, l, network);
      float *b = parameters + gh_mlp_bias_offset (shape, l, network);

      for (int i = 0; i < in * out; i++)
        w[i] = gh_rand_normal (rand) / sqrt (in);
      for (int i = 0; i < out; i++)
        b[i] = l == GH_MLP_LAYERS - 1 ? 0 : BIAS_SPREAD * gh_rand_normal (rand);
    }
  }
}

static void
add_noise (Loop *loop, float *x, const GhMlpTask *task)
{
  const float *noise = loop->pool + g_rand_int_range (loop->rand, 0, NOISE_POOL - task->live);

  for (int i = 0; i < task->live; i++)
    x[i] += (float) task->noise * noise[i];
}

/* The next batch of one network: its rows in random order, shuffled again once too few are left. */
static void
fill_batch (Loop *loop, int network)
{
  const GhMlpShape *shape = loop->shape;
  const GhMlpTask *task = &loop->tasks[network];

  if (loop->next[network] + shape->batch > task->n) {
    gh_rand_shuffle (loop->rand, loop->order[network], task->n);
    loop->next[network] = 0;
  }
  for (int i = 0; i < shape->batch; i++) {
    gsize row = loop->order[network][loop->next[network]++], at = (gsize) network * shape->batch + i;
    float *x = loop->x + at * shape->inputs;

    memcpy (x, task->x + row * shape->inputs, shape->inputs * sizeof *x);
    memcpy (loop->targets + at * shape->outputs, task->targets + row * shape->outputs,
        shape->outputs * sizeof *loop->targets);
    if (task->noise > 0)
      add_noise (loop, x, task);
  }
}

static double
learning_rate (const GhMlpTraining *training, int step)
{
  double warm = MIN (1, (step + 1.0) / WARM_UP_STEPS);

  return training->learning_rate * warm * 0.5 * (1 + cos (G_PI * step / training->steps));
}

static gboolean
run (Loop *loop, GhMlp *mlp, GError **error)
{
  const GhMlpTraining *training = loop->training;
  g_autofree double *loss = g_new (double, loop->shape->networks);

  for (int step = 0; step < training->steps; step++) {
    if (training->progress && !training->progress ((double) step / training->steps, training->progress_data)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "training was cancelled");
      return FALSE;
    }
    for (int network = 0; network < loop->shape->networks; network++)
      fill_batch (loop, network);
    if (!gh_mlp_gradient (mlp, loop->x, loop->targets, loss, NULL, error)
        || !gh_mlp_step (mlp, learning_rate (training, step), training->weight_decay, error))
      return FALSE;
  }
  return TRUE;
}

static void
loop_init (Loop *loop)
{
  const GhMlpShape *shape = loop->shape;
  gsize rows = (gsize) shape->networks * shape->batch;

  loop->rand = gh_rand_new (loop->training->seed, -1);
  loop->order = g_new (int *, shape->networks);
  loop->next = g_new (int, shape->networks);
  for (int i = 0; i < shape->networks; i++) {
    loop->order[i] = g_memdup2 (loop->tasks[i].rows, loop->tasks[i].n * sizeof (int));
    loop->next[i] = loop->tasks[i].n;
  }
  loop->pool = g_new (float, NOISE_POOL);
  for (int i = 0; i < NOISE_POOL; i++)
    loop->pool[i] = gh_rand_normal (loop->rand);
  loop->x = g_new (float, rows * shape->inputs);
  loop->targets = g_new (float, rows * shape->outputs);
}

static void
loop_clear (Loop *loop)
{
  for (int i = 0; i < loop->shape->networks; i++)
    g_free (loop->order[i]);
  g_free (loop->order);
  g_free (loop->next);
  g_free (loop->pool);
  g_free (loop->x);
  g_free (loop->targets);
  g_rand_free (loop->rand);
}

float *
gh_mlp_train (const GhMlpShape *shape, const GhMlpTask *tasks, const GhMlpTraining *training, GError **error)
{
  g_autoptr (GhMlp) mlp = gh_mlp_new (shape, training->threads, error);
  g_autofree float *parameters = g_new (float, gh_mlp_n_parameters (shape));
  Loop loop = { shape, tasks, training };
  gboolean done;

  if (!mlp)
    return NULL;
  init_parameters (shape, training->seed, parameters);
  if (!gh_mlp_set_parameters (mlp, parameters, error))
    return NULL;
  loop_init (&loop);
  done = run (&loop, mlp, error) && gh_mlp_get_parameters (mlp, parameters, error);
  loop_clear (&loop);
  return done ? g_steal_pointer (&parameters) : NULL;
}
