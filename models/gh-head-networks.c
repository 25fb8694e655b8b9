/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-networks.c: see the header. */
#include "gh-head-networks.h"
#include "gh-linalg.h"
#include "gh-mlp.h"
#include "gh-random.h"

#include <math.h>
#include <string.h>

/* The ensemble: PARTS networks that leave one part of the labels out each, twice with other parts. The figures come
 * from trials on two cameras with 30 and 300 labels, where none of them mattered by more than the spread of draws:
 * 16 components or noise of 0.6 were worse for time of day, 400 steps no better. */
enum { PARTS = 5, REPEATS = GH_HEAD_NETWORKS_REPEATS, NETWORKS = PARTS * REPEATS, COMPONENTS = 64, WIDTH = 64,
  BATCH = 128, STEPS = 150 };
#define LEARNING_RATE 5e-3
#define WEIGHT_DECAY 1e-2
/* Per repeat. One suits strong embeddings, the other weak ones; together they were never far from the better. */
static const double noise[REPEATS] = { 0.1, 0.3 };

struct _GhHeadNetworks
{
  GhHeadNetworksData data;
  int n;
  int live;                     /* components that exist, the others of `inputs` are zero */
  double component_scale;       /* brings the components to mean square 1 */
  double *target_mean, target_scale;
  float *x, *t;                 /* [n,inputs], [n,outputs] */
  int *part[REPEATS];           /* [n] */
  GhMlpShape shape;
  float *parameters;            /* NULL until trained */
};

/* ---- making one ---------------------------------------------------------------------------------------- */

/* Regression targets are brought to mean 0 and spread 1 together (the harmonics of a time keep their proportions); classes stay. */
static void
scale_targets (GhHeadNetworks *e)
{
  int outputs = e->data.outputs;
  gsize n = (gsize) e->n * outputs;
  double square = 0;

  e->target_mean = g_new0 (double, outputs);
  e->target_scale = 1;
  if (e->data.kind != GH_HEAD_CLASS) {
    for (gsize i = 0; i < n; i++)
      e->target_mean[i % outputs] += e->data.targets[i] / e->n;
    for (gsize i = 0; i < n; i++)
      square += pow (e->data.targets[i] - e->target_mean[i % outputs], 2) / n;
    e->target_scale = square > 0 ? sqrt (square) : 1;
  }
  e->t = g_new (float, n);
  for (gsize i = 0; i < n; i++)
    e->t[i] = (e->data.targets[i] - e->target_mean[i % outputs]) / e->target_scale;
}

static void
take_components (GhHeadNetworks *e)
{
  const GhSpectrum *s = e->data.spectrum;
  double square = 0;

  e->live = MIN (s->rank, COMPONENTS);
  for (int k = 0; k < e->live; k++)
    square += s->value[k] / ((double) e->n * e->live);
  e->component_scale = square > 0 ? 1 / sqrt (square) : 1;
  e->x = g_new0 (float, (gsize) e->n * COMPONENTS);
  for (int i = 0; i < e->n; i++)
    for (int k = 0; k < e->live; k++)
      e->x[(gsize) i * COMPONENTS + k] = s->u[(gsize) i * s->rank + k] * sqrt (s->value[k]) * e->component_scale;
}

/* Deals rows (groups whole) onto the parts in random order, each onto the smallest. */
static void
deal_parts (GhHeadNetworks *e, GRand *rand, int *part)
{
  g_autoptr (GHashTable) dealt = g_hash_table_new (NULL, NULL);
  g_autofree int *order = g_new (int, e->n);
  int size[PARTS] = { 0 };

  for (int i = 0; i < e->n; i++)
    order[i] = i;
  gh_rand_shuffle (rand, order, e->n);
  for (int i = 0; i < e->n; i++) {
    gpointer group = GINT_TO_POINTER (e->data.groups ? e->data.groups[order[i]] : order[i]), found;
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

static gboolean
one_group (const int *groups, int n)
{
  for (int i = 1; groups && i < n; i++)
    if (groups[i] != groups[0])
      return FALSE;
  return groups != NULL;
}

GhHeadNetworks *
gh_head_networks_new (const GhHeadNetworksData *data, guint64 seed, int index)
{
  g_autoptr (GRand) rand = gh_rand_new (seed, 1000 + index);
  GhHeadNetworks *e;

  if (data->spectrum->rank < 1 || one_group (data->groups, data->spectrum->n))
    return NULL;
  e = g_new0 (GhHeadNetworks, 1);
  e->data = *data;
  e->n = data->spectrum->n;
  scale_targets (e);
  take_components (e);
  for (int r = 0; r < REPEATS; r++) {
    e->part[r] = g_new (int, e->n);
    deal_parts (e, rand, e->part[r]);
  }
  return e;
}

void
gh_head_networks_free (GhHeadNetworks *e)
{
  if (!e)
    return;
  g_free (e->target_mean);
  g_free (e->x);
  g_free (e->t);
  for (int r = 0; r < REPEATS; r++)
    g_free (e->part[r]);
  g_free (e->parameters);
  g_free (e);
}

/* ---- training and use ---------------------------------------------------------------------------------- */

/* The rows that each network of the fit learns from. */
static void
add_tasks (const GhHeadNetworks *e, GArray *tasks, GPtrArray *lists)
{
  for (int network = 0; network < NETWORKS; network++) {
    const int *part = e->part[network / PARTS];
    int *rows = g_new (int, e->n), n = 0;

    for (int i = 0; i < e->n; i++)
      if (part[i] != network % PARTS)
        rows[n++] = i;
    g_ptr_array_add (lists, rows);
    g_array_append_val (tasks, ((GhMlpTask) { e->x, e->t, rows, n, e->live, noise[network / PARTS] }));
  }
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
gh_head_networks_train (GhHeadNetworks **all, int n, guint64 seed, int threads,
    gboolean (*progress) (double fraction, gpointer data), gpointer data, GError **error)
{
  const GhHeadNetworksData *first = &all[0]->data;
  g_autoptr (GArray) tasks = g_array_new (FALSE, FALSE, sizeof (GhMlpTask));
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (g_free);
  GhMlpShape shape = { 0, COMPONENTS, WIDTH, first->outputs, BATCH,
    first->kind == GH_HEAD_CLASS ? GH_MLP_CROSS_ENTROPY : GH_MLP_ROBUST };
  GhMlpTraining training = { STEPS, LEARNING_RATE, WEIGHT_DECAY, seed, threads, progress, data };
  g_autofree float *parameters = NULL;

  for (int i = 0; i < n; i++)
    add_tasks (all[i], tasks, lists);
  shape.networks = tasks->len;
  for (guint i = 0; i < tasks->len; i++)
    shape.batch = MIN (shape.batch, g_array_index (tasks, GhMlpTask, i).n);
  parameters = gh_mlp_train (&shape, (const GhMlpTask *) tasks->data, &training, error);
  for (int i = 0; parameters && i < n; i++) {
    all[i]->shape = shape;
    all[i]->shape.networks = NETWORKS;
    all[i]->parameters = extract (&shape, parameters, i * NETWORKS, &all[i]->shape);
  }
  return parameters != NULL;
}

/* The outputs of one network for the components x, in the units of the targets; added to y. */
static void
add_network (const GhHeadNetworks *e, int network, const float *x, double *y, double weight)
{
  int outputs = e->data.outputs;
  g_autofree float *out = g_new (float, outputs);

  gh_mlp_run (&e->shape, e->parameters, network, x, out);
  for (int o = 0; o < outputs; o++)
    y[o] += weight * (e->target_mean[o] + e->target_scale * out[o]);
}

const int *
gh_head_networks_parts (const GhHeadNetworks *e, int repeat)
{
  return e->part[repeat];
}

void
gh_head_networks_held_out (const GhHeadNetworks *e, double *held_out)
{
  int outputs = e->data.outputs;

  memset (held_out, 0, (gsize) e->n * outputs * sizeof *held_out);
  for (int i = 0; i < e->n; i++)
    for (int r = 0; r < REPEATS; r++)
      add_network (e, r * PARTS + e->part[r][i], e->x + (gsize) i * COMPONENTS, held_out + (gsize) i * outputs,
          1.0 / REPEATS);
}

void
gh_head_networks_predict (const GhHeadNetworks *e, const double *z, double *y)
{
  int dim = e->data.spectrum->dim;
  float x[COMPONENTS] = { 0 };

  memset (y, 0, e->data.outputs * sizeof *y);
  for (int k = 0; k < e->live; k++)
    x[k] = gh_dot (e->data.spectrum->v + (gsize) k * dim, z, dim) * e->component_scale;
  for (int network = 0; network < NETWORKS; network++)
    add_network (e, network, x, y, 1.0 / NETWORKS);
}

/* ---- the layers of a head ------------------------------------------------------------------------------ */

/* The first layer reads inputs instead of components: W v * scale. */
static void
first_layer (const GhHeadNetworks *e, GhHeadLayer *layer, int network)
{
  const float *w = e->parameters + gh_mlp_weight_offset (&e->shape, 0, network);
  const float *b = e->parameters + gh_mlp_bias_offset (&e->shape, 0, network);
  int dim = e->data.spectrum->dim;
  g_autofree double *row = g_new (double, dim);

  for (int o = 0; o < WIDTH; o++) {
    memset (row, 0, dim * sizeof *row);
    for (int k = 0; k < e->live; k++)
      gh_axpy (row, w[o * COMPONENTS + k] * e->component_scale, e->data.spectrum->v + (gsize) k * dim, dim);
    for (int j = 0; j < dim; j++)
      layer->weight[((gsize) network * WIDTH + o) * dim + j] = row[j];
    layer->bias[network * WIDTH + o] = b[o];
  }
}

/* The hidden layers side by side (the second one block-diagonal), the mean at the end. */
void
gh_head_networks_layers (const GhHeadNetworks *e, double factor, GhHeadParts *parts)
{
  int outputs = e->data.outputs, wide = NETWORKS * WIDTH;
  GhHeadLayer *first = gh_head_parts_add_layer (parts, e->data.spectrum->dim, wide);
  GhHeadLayer *second = gh_head_parts_add_layer (parts, wide, wide);
  GhHeadLayer *last = gh_head_parts_add_layer (parts, wide, outputs);
  double scale = factor * e->target_scale / NETWORKS;

  for (int network = 0; network < NETWORKS; network++) {
    const float *w2 = e->parameters + gh_mlp_weight_offset (&e->shape, 1, network);
    const float *b2 = e->parameters + gh_mlp_bias_offset (&e->shape, 1, network);
    const float *w3 = e->parameters + gh_mlp_weight_offset (&e->shape, 2, network);
    const float *b3 = e->parameters + gh_mlp_bias_offset (&e->shape, 2, network);
    int at = network * WIDTH;

    first_layer (e, first, network);
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
    last->bias[o] += e->target_mean[o] * factor;
}

char *
gh_head_networks_model (const GhHeadNetworks *e)
{
  return g_strdup_printf ("mlp %d-%d-%d-%d x %d", e->data.spectrum->dim, WIDTH, WIDTH, e->data.outputs, NETWORKS);
}
