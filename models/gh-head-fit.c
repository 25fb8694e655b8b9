/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-fit.c: see the header. */
#include "gh-head-fit.h"
#include "gh-head-label.h"
#include "gh-linalg.h"
#include "gh-mlp.h"
#include "gh-random.h"
#include "gh-ridge.h"

#include <math.h>
#include <string.h>

/* The ensemble: PARTS networks that leave one part of the labels out each, twice with other parts. The figures come
 * from trials on two cameras with 30 and 300 labels, where none of them mattered by more than the spread of draws:
 * 16 components or noise of 0.6 were worse for time of day, 400 steps no better. */
enum { PARTS = 5, REPEATS = 2, NETWORKS = PARTS * REPEATS, COMPONENTS = 64, WIDTH = 64, BATCH = 128, STEPS = 150,
  MIN_LABELS = 10 };
#define LEARNING_RATE 5e-3
#define WEIGHT_DECAY 1e-2
/* Per repeat. One suits strong embeddings, the other weak ones; together they were never far from the better. */
static const double noise[REPEATS] = { 0.1, 0.3 };
#define TIME_MARGIN 1.25

struct _GhHeadFit
{
  const GhHeadTask *task;
  int n, index;
  int *rows, *groups;           /* [n]; groups NULL without */
  double *targets;              /* [n,outputs] */
  GhSpectrum *spectrum;
  GhRidge *ridge;
  /* The networks' side; parameters NULL until they are trained. */
  int live;                     /* components that exist, the others of `inputs` are zero */
  double component_scale;       /* brings the components to mean square 1 */
  double *target_mean, target_scale;
  float *x, *t;                 /* [n,inputs], [n,outputs] */
  int *part[REPEATS];           /* [n] */
  GhMlpShape shape;
  float *parameters;            /* of this fit's networks alone */
  gboolean use_mlp;
  double logit_scale;           /* class: what makes the outputs logits that mean what they say */
};

/* ---- making one ---------------------------------------------------------------------------------------- */

static void
collect (GhHeadFit *fit, const int *rows)
{
  const GhHeadTask *task = fit->task;
  int outputs = task->outputs;

  fit->rows = g_memdup2 (rows, fit->n * sizeof *rows);
  fit->targets = g_new (double, (gsize) fit->n * outputs);
  if (task->data->groups)
    fit->groups = g_new (int, fit->n);
  for (int i = 0; i < fit->n; i++) {
    memcpy (fit->targets + (gsize) i * outputs, task->targets + (gsize) rows[i] * outputs,
        outputs * sizeof *fit->targets);
    if (fit->groups)
      fit->groups[i] = task->data->groups[rows[i]];
  }
}

/* Regression targets are brought to mean 0 and spread 1 together (time keeps its circle round); classes stay. */
static void
scale_targets (GhHeadFit *fit)
{
  int outputs = fit->task->outputs;
  gsize n = (gsize) fit->n * outputs;
  double square = 0;

  fit->target_mean = g_new0 (double, outputs);
  fit->target_scale = 1;
  if (fit->task->data->kind != GH_HEAD_CLASS) {
    for (gsize i = 0; i < n; i++)
      fit->target_mean[i % outputs] += fit->targets[i] / fit->n;
    for (gsize i = 0; i < n; i++)
      square += pow (fit->targets[i] - fit->target_mean[i % outputs], 2) / n;
    fit->target_scale = square > 0 ? sqrt (square) : 1;
  }
  fit->t = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    fit->t[i] = (fit->targets[i] - fit->target_mean[i % outputs]) / fit->target_scale;
}

static void
take_components (GhHeadFit *fit)
{
  const GhSpectrum *s = fit->spectrum;
  double square = 0;

  fit->live = MIN (s->rank, COMPONENTS);
  for (int k = 0; k < fit->live; k++)
    square += s->value[k] / ((double) fit->n * fit->live);
  fit->component_scale = square > 0 ? 1 / sqrt (square) : 1;
  fit->x = g_new0 (float, (gsize) fit->n * COMPONENTS);
  for (int i = 0; i < fit->n; i++)
    for (int k = 0; k < fit->live; k++)
      fit->x[(gsize) i * COMPONENTS + k] = s->u[(gsize) i * s->rank + k] * sqrt (s->value[k]) * fit->component_scale;
}

/* Deals rows (groups whole) onto the parts in random order, each onto the smallest. */
static void
deal_parts (GhHeadFit *fit, GRand *rand, int *part)
{
  g_autoptr (GHashTable) dealt = g_hash_table_new (NULL, NULL);
  g_autofree int *order = g_new (int, fit->n);
  int size[PARTS] = { 0 };

  for (int i = 0; i < fit->n; i++)
    order[i] = i;
  gh_rand_shuffle (rand, order, fit->n);
  for (int i = 0; i < fit->n; i++) {
    gpointer group = GINT_TO_POINTER (fit->groups ? fit->groups[order[i]] : order[i]), found;
    int to = 0;

    if (g_hash_table_lookup_extended (dealt, group, NULL, &found)) {
      to = GPOINTER_TO_INT (found);
    } else {
      for (int p = 1; p < PARTS; p++)
        to = size[p] < size[to] ? p : to;
      g_hash_table_insert (dealt, group, GINT_TO_POINTER (to));
    }
    size[to]++;
    part[order[i]] = to;
  }
}

/* Maximum likelihood over held-out outputs[n,outputs] of the factor that turns them into logits. */
static double
calibrate (const GhHeadFit *fit, const double *held_out)
{
  int outputs = fit->task->outputs;
  double best = 1, least = INFINITY;

  if (fit->task->data->kind != GH_HEAD_CLASS)
    return 1;
  for (double scale = 0.25; scale < 40; scale *= 1.25) {
    double loss = 0;

    for (int i = 0; i < fit->n; i++) {
      const double *y = held_out + (gsize) i * outputs;
      double peak = y[0], sum = 0;

      for (int o = 1; o < outputs; o++)
        peak = MAX (peak, y[o]);
      for (int o = 0; o < outputs; o++)
        sum += exp (scale * (y[o] - peak));
      for (int o = 0; o < outputs; o++)
        loss -= fit->targets[(gsize) i * outputs + o] * (scale * (y[o] - peak) - log (sum));
    }
    if (loss < least) {
      least = loss;
      best = scale;
    }
  }
  return best;
}

GhHeadFit *
gh_head_fit_new (const GhHeadTask *task, const int *rows, int n, int index)
{
  GhHeadFit *fit = g_new0 (GhHeadFit, 1);

  fit->task = task;
  fit->n = n;
  fit->index = index;
  collect (fit, rows);
  fit->spectrum = gh_spectrum_new (task->data->embeddings, task->data->dim, rows, n);
  fit->ridge = gh_ridge_new (fit->spectrum, fit->targets, task->outputs, fit->groups);
  fit->logit_scale = calibrate (fit, fit->ridge->held_out);
  return fit;
}

void
gh_head_fit_free (GhHeadFit *fit)
{
  if (!fit)
    return;
  gh_spectrum_free (fit->spectrum);
  gh_ridge_free (fit->ridge);
  g_free (fit->rows);
  g_free (fit->groups);
  g_free (fit->targets);
  g_free (fit->target_mean);
  g_free (fit->x);
  g_free (fit->t);
  for (int r = 0; r < REPEATS; r++)
    g_free (fit->part[r]);
  g_free (fit->parameters);
  g_free (fit);
}

/* ---- the networks -------------------------------------------------------------------------------------- */

/* The outputs of one network for the components x, in the units of the targets; added to y. */
static void
add_network (const GhHeadFit *fit, int network, const float *x, double *y, double weight)
{
  int outputs = fit->task->outputs;
  g_autofree float *out = g_new (float, outputs);

  gh_mlp_run (&fit->shape, fit->parameters, network, x, out);
  for (int o = 0; o < outputs; o++)
    y[o] += weight * (fit->target_mean[o] + fit->target_scale * out[o]);
}

/* Each row as ridges without its part see it, averaged over the repeats: what the networks have to beat. */
static double *
ridge_held_out (const GhHeadFit *fit)
{
  gsize n = (gsize) fit->n * fit->task->outputs;
  double *y = g_new0 (double, n);

  for (int r = 0; r < REPEATS; r++) {
    g_autoptr (GhRidge) ridge = gh_ridge_new (fit->spectrum, fit->targets, fit->task->outputs, fit->part[r]);

    gh_axpy (y, 1.0 / REPEATS, ridge->held_out, n);
  }
  return y;
}

/* Each row as the networks that left it out see it. */
static double *
mlp_held_out (const GhHeadFit *fit)
{
  double *y = g_new0 (double, (gsize) fit->n * fit->task->outputs);

  for (int i = 0; i < fit->n; i++)
    for (int r = 0; r < REPEATS; r++)
      add_network (fit, r * PARTS + fit->part[r][i], fit->x + (gsize) i * COMPONENTS,
          y + (gsize) i * fit->task->outputs, 1.0 / REPEATS);
  return y;
}

/* Mean distance of held-out outputs to the labels; each row's goes to distance[n]. */
static double
mean_distance (const GhHeadFit *fit, const double *held_out, double *distance)
{
  GhHeadKind kind = fit->task->data->kind;
  int outputs = fit->task->outputs;
  double sum = 0;

  for (int i = 0; i < fit->n; i++) {
    distance[i] = gh_head_distance (kind, gh_head_label_decode (kind, held_out + (gsize) i * outputs, outputs),
        fit->task->data->labels[fit->rows[i]]);
    sum += distance[i];
  }
  return sum / fit->n;
}

/* See the header for why the kinds differ. */
static void
choose (GhHeadFit *fit)
{
  g_autofree double *ridge = ridge_held_out (fit), *mlp = mlp_held_out (fit);
  g_autofree double *ridge_distance = g_new (double, fit->n), *mlp_distance = g_new (double, fit->n);
  double ridge_mean = mean_distance (fit, ridge, ridge_distance), mlp_mean = mean_distance (fit, mlp, mlp_distance);
  double gain = ridge_mean - mlp_mean, variance = 0;

  for (int i = 0; i < fit->n; i++)
    variance += pow (ridge_distance[i] - mlp_distance[i] - gain, 2) / fit->n;
  fit->use_mlp = fit->task->data->kind == GH_HEAD_TIME ? mlp_mean < TIME_MARGIN * ridge_mean
      : gain > sqrt (variance / fit->n);
  if (fit->use_mlp)
    fit->logit_scale = calibrate (fit, mlp);
}

static gboolean
prepare (GhHeadFit *fit)
{
  g_autoptr (GRand) rand = NULL;

  if (fit->n < MIN_LABELS || fit->spectrum->rank < 1)
    return FALSE;
  rand = gh_rand_new (fit->task->seed, 1000 + fit->index);
  scale_targets (fit);
  take_components (fit);
  for (int r = 0; r < REPEATS; r++) {
    fit->part[r] = g_new (int, fit->n);
    deal_parts (fit, rand, fit->part[r]);
  }
  return TRUE;
}

/* The rows that each network of the fit learns from. FALSE when one would have none (all labels in one group). */
static gboolean
add_tasks (const GhHeadFit *fit, GArray *tasks, GPtrArray *lists)
{
  for (int network = 0; network < NETWORKS; network++) {
    const int *part = fit->part[network / PARTS];
    int *rows = g_new (int, fit->n), n = 0;

    for (int i = 0; i < fit->n; i++)
      if (part[i] != network % PARTS)
        rows[n++] = i;
    g_ptr_array_add (lists, rows);
    if (n == 0)
      return FALSE;
    g_array_append_val (tasks, ((GhMlpTask) { fit->x, fit->t, rows, n, fit->live, noise[network / PARTS] }));
  }
  return TRUE;
}

/* Copies the parameters of NETWORKS networks, from number `first` of a larger set, to a set of their own. */
static float *
extract (const GhMlpShape *all, const float *parameters, int first, const GhMlpShape *own)
{
  float *copy = g_new (float, gh_mlp_n_parameters (own));

  for (int l = 0; l < GH_MLP_LAYERS; l++) {
    gsize out = gh_mlp_layer_out (own, l), in = gh_mlp_layer_in (own, l);

    memcpy (copy + gh_mlp_weight_offset (own, l, 0), parameters + gh_mlp_weight_offset (all, l, first),
        NETWORKS * out * in * sizeof *copy);
    memcpy (copy + gh_mlp_bias_offset (own, l, 0), parameters + gh_mlp_bias_offset (all, l, first),
        NETWORKS * out * sizeof *copy);
  }
  return copy;
}

gboolean
gh_head_fits_train_mlp (GhHeadFit **fits, int n, gboolean (*progress) (double fraction, gpointer data), gpointer data,
    GError **error)
{
  const GhHeadTask *task = fits[0]->task;
  g_autoptr (GArray) tasks = g_array_new (FALSE, FALSE, sizeof (GhMlpTask));
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (g_free);
  GhMlpShape shape = { 0, COMPONENTS, WIDTH, task->outputs, BATCH,
    task->data->kind == GH_HEAD_CLASS ? GH_MLP_CROSS_ENTROPY : GH_MLP_ROBUST };
  GhMlpTraining training = { STEPS, LEARNING_RATE, WEIGHT_DECAY, task->seed, task->threads, progress, data };
  g_autofree float *parameters = NULL;

  for (int i = 0; i < n; i++)
    if (!prepare (fits[i]) || !add_tasks (fits[i], tasks, lists))
      return TRUE;
  shape.networks = tasks->len;
  for (guint i = 0; i < tasks->len; i++)
    shape.batch = MIN (shape.batch, g_array_index (tasks, GhMlpTask, i).n);
  parameters = gh_mlp_train (&shape, (const GhMlpTask *) tasks->data, &training, error);
  if (!parameters)
    return FALSE;
  for (int i = 0; i < n; i++) {
    fits[i]->shape = shape;
    fits[i]->shape.networks = NETWORKS;
    fits[i]->parameters = extract (&shape, parameters, i * NETWORKS, &fits[i]->shape);
    choose (fits[i]);
  }
  return TRUE;
}

/* ---- using it ------------------------------------------------------------------------------------------ */

double
gh_head_fit_predict (const GhHeadFit *fit, int row)
{
  const GhHeadData *data = fit->task->data;
  int outputs = fit->task->outputs;
  g_autofree double *z = g_new (double, data->dim), *y = g_new0 (double, outputs);
  float x[COMPONENTS] = { 0 };

  gh_spectrum_standardise (fit->spectrum, data->embeddings + (gsize) row * data->dim, z);
  if (!fit->use_mlp) {
    gh_ridge_predict (fit->ridge, z, data->dim, y);
  } else {
    for (int k = 0; k < fit->live; k++)
      x[k] = gh_dot (fit->spectrum->v + (gsize) k * data->dim, z, data->dim) * fit->component_scale;
    for (int network = 0; network < NETWORKS; network++)
      add_network (fit, network, x, y, 1.0 / NETWORKS);
  }
  return gh_head_label_decode (data->kind, y, outputs);
}

static GhHeadLayer *
add_layer (GhHeadParts *parts, int n_in, int n_out)
{
  GhHeadLayer *layer = &parts->layers[parts->n_layers++];

  *layer = (GhHeadLayer) { n_in, n_out, g_new0 (float, (gsize) n_in * n_out), g_new0 (float, n_out) };
  return layer;
}

static void
ridge_layers (const GhHeadFit *fit, GhHeadParts *parts)
{
  int dim = fit->spectrum->dim, outputs = fit->task->outputs;
  GhHeadLayer *layer = add_layer (parts, dim, outputs);

  for (gsize i = 0; i < (gsize) outputs * dim; i++)
    layer->weight[i] = fit->ridge->weight[i] * fit->logit_scale;
  for (int o = 0; o < outputs; o++)
    layer->bias[o] = fit->ridge->bias[o] * fit->logit_scale;
}

/* The first layer reads inputs instead of components: W v * scale. */
static void
mlp_first_layer (const GhHeadFit *fit, GhHeadLayer *layer, int network)
{
  const float *w = fit->parameters + gh_mlp_weight_offset (&fit->shape, 0, network);
  const float *b = fit->parameters + gh_mlp_bias_offset (&fit->shape, 0, network);
  int dim = fit->spectrum->dim;
  g_autofree double *row = g_new (double, dim);

  for (int o = 0; o < WIDTH; o++) {
    memset (row, 0, dim * sizeof *row);
    for (int k = 0; k < fit->live; k++)
      gh_axpy (row, w[o * COMPONENTS + k] * fit->component_scale, fit->spectrum->v + (gsize) k * dim, dim);
    for (int j = 0; j < dim; j++)
      layer->weight[((gsize) network * WIDTH + o) * dim + j] = row[j];
    layer->bias[network * WIDTH + o] = b[o];
  }
}

/* The ensemble as one network: the hidden layers side by side (the second one block-diagonal), the mean at the end. */
static void
mlp_layers (const GhHeadFit *fit, GhHeadParts *parts)
{
  int outputs = fit->task->outputs, wide = NETWORKS * WIDTH;
  GhHeadLayer *first = add_layer (parts, fit->spectrum->dim, wide), *second = add_layer (parts, wide, wide);
  GhHeadLayer *last = add_layer (parts, wide, outputs);
  double scale = fit->logit_scale * fit->target_scale / NETWORKS;

  for (int network = 0; network < NETWORKS; network++) {
    const float *w2 = fit->parameters + gh_mlp_weight_offset (&fit->shape, 1, network);
    const float *b2 = fit->parameters + gh_mlp_bias_offset (&fit->shape, 1, network);
    const float *w3 = fit->parameters + gh_mlp_weight_offset (&fit->shape, 2, network);
    const float *b3 = fit->parameters + gh_mlp_bias_offset (&fit->shape, 2, network);
    int at = network * WIDTH;

    mlp_first_layer (fit, first, network);
    for (int o = 0; o < WIDTH; o++) {
      memcpy (second->weight + (gsize) (at + o) * wide + at, w2 + o * WIDTH, WIDTH * sizeof *w2);
      second->bias[at + o] = b2[o];
    }
    for (int o = 0; o < outputs; o++) {
      for (int i = 0; i < WIDTH; i++)
        last->weight[(gsize) o * wide + at + i] = w3[o * WIDTH + i] * scale;
      last->bias[o] += b3[o] * scale;
    }
  }
  for (int o = 0; o < outputs; o++)
    last->bias[o] += fit->target_mean[o] * fit->logit_scale;
}

void
gh_head_fit_layers (const GhHeadFit *fit, GhHeadParts *parts)
{
  int dim = fit->spectrum->dim;
  float *mean = g_new (float, dim), *std = g_new (float, dim);

  for (int j = 0; j < dim; j++) {
    mean[j] = fit->spectrum->mean[j];
    std[j] = fit->spectrum->std[j];
  }
  parts->mean = mean;
  parts->std = std;
  parts->n_layers = 0;
  if (fit->use_mlp)
    mlp_layers (fit, parts);
  else
    ridge_layers (fit, parts);
}

void
gh_head_fit_layers_clear (GhHeadParts *parts)
{
  g_free ((float *) parts->mean);
  g_free ((float *) parts->std);
  for (int l = 0; l < parts->n_layers; l++) {
    g_free (parts->layers[l].weight);
    g_free (parts->layers[l].bias);
  }
}

char *
gh_head_fit_model (const GhHeadFit *fit)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (fit->use_mlp)
    return g_strdup_printf ("mlp %d-%d-%d-%d x %d", fit->spectrum->dim, WIDTH, WIDTH, fit->task->outputs, NETWORKS);
  return g_strdup_printf ("ridge lambda=%s", g_ascii_formatd (number, sizeof number, "%.2g", fit->ridge->penalty));
}
