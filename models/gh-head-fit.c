/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-fit.c: see the header. */
#include "gh-head-fit.h"
#include "gh-head-label.h"
#include "gh-head-networks.h"
#include "gh-kernel-ridge.h"
#include "gh-linalg.h"
#include "gh-ridge.h"
#include "gh-time-of-day.h"

#include <math.h>
#include <string.h>

/* Half a minute of two cores; every doubling costs eight times as much. With many classes each of them has its share
 * of the work. */
#define KERNEL_LABELS 1000
#define KERNEL_TARGETS (1 << 16)
#define TIME_MARGIN 1.25

struct _GhHeadFit
{
  const GhHeadTask *task;
  int n;
  int *rows, *groups;           /* [n]; groups NULL without */
  double *targets;              /* [n,outputs] */
  const GhScales *scales;
  GhScales *own_scales;         /* NULL with those of the task's statistics */
  GhKernelRidge *kernel;        /* with few labels; else NULL, and the three below */
  GhSpectrum *spectrum;
  GhRidge *ridge;
  GhHeadNetworks *networks;     /* NULL unless they were chosen */
  double logit_scale;           /* class: what makes the outputs logits that mean what they say */
};

gboolean
gh_head_task_suits_kernels (const GhHeadTask *task)
{
  return task->data->n <= KERNEL_LABELS && (gint64) task->data->n * task->outputs <= KERNEL_TARGETS;
}

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

/* Mean variance of numbers first..last - 1. */
static double
loudness (const GhScales *scales, int first, int last)
{
  double sum = 0;

  for (int j = first; j < last; j++)
    sum += scales->std[j] * scales->std[j] / (last - first);
  return sum;
}

/* The end of an embedding that tells how the light falls, where it tells what stands there: it is louder than what is before it.
 * The time is not to be told from that alone, which looks best on the days of the labels and no others. */
static int
looked_at_end (const GhHeadData *data, const GhScales *scales)
{
  const int dim = data->dim, end = GH_EMBED_END (dim);

  if (data->kind == GH_HEAD_TIME || dim < 4 * GH_EMBED_BEGINNING)
    return 0;
  return loudness (scales, dim - end, dim) > GH_EMBED_LOUDNESS * loudness (scales, GH_EMBED_BEGINNING, dim - end) ? end : 0;
}

static void
start_kernel (GhHeadFit *fit)
{
  const GhHeadData *data = fit->task->data;
  const int outputs = fit->task->outputs;
  g_autofree double *z = g_new (double, (gsize) fit->n * data->dim), *plain = NULL;
  GhKernelRidgeData seen = { fit->n, data->dim, outputs, z, fit->targets, fit->groups, fit->task->linear,
    data->statistics ? data->statistics->metric : NULL, gh_misfit_for (data->kind), .end = looked_at_end (data, fit->scales) };

  for (int i = 0; i < fit->n; i++)
    gh_scales_apply (fit->scales, data->embeddings + (gsize) fit->rows[i] * data->dim, z + (gsize) i * data->dim);
  if (data->kind == GH_HEAD_TIME && outputs > 2) {
    seen.plain = plain = g_new (double, outputs);
    gh_day_plain (plain, outputs);
  }
  fit->kernel = gh_kernel_ridge_new (&seen);
}

GhHeadFit *
gh_head_fit_new (const GhHeadTask *task, const int *rows, int n)
{
  GhHeadFit *fit = g_new0 (GhHeadFit, 1);

  fit->task = task;
  fit->n = n;
  collect (fit, rows);
  if (!task->data->statistics)
    fit->own_scales = gh_scales_new (task->data->embeddings, task->data->dim, rows, n);
  fit->scales = task->data->statistics ? task->data->statistics->scales : fit->own_scales;
  if (gh_head_task_suits_kernels (task))
    start_kernel (fit);
  else
    fit->spectrum = gh_spectrum_new (task->data->embeddings, fit->scales, rows, n, task->threads);
  return fit;
}

void
gh_head_fit_free (GhHeadFit *fit)
{
  if (!fit)
    return;
  gh_head_networks_free (fit->networks);
  gh_kernel_ridge_free (fit->kernel);
  gh_spectrum_free (fit->spectrum);
  gh_ridge_free (fit->ridge);
  gh_scales_free (fit->own_scales);
  g_free (fit->rows);
  g_free (fit->groups);
  g_free (fit->targets);
  g_free (fit);
}

int
gh_head_fit_pieces (const GhHeadFit *fit)
{
  return fit->kernel ? gh_kernel_ridge_n_members (fit->kernel) : 1;
}

void
gh_head_fit_work (GhHeadFit *fit, int piece)
{
  if (fit->kernel)
    gh_kernel_ridge_fit (fit->kernel, piece);
  else
    fit->ridge = gh_ridge_new (fit->spectrum, fit->targets, fit->task->outputs, fit->groups,
        gh_misfit_for (fit->task->data->kind));
}

void
gh_head_fit_finish (GhHeadFit *fit)
{
  if (fit->kernel)
    gh_kernel_ridge_finish (fit->kernel);
  fit->logit_scale = calibrate (fit, fit->kernel ? fit->kernel->held_out : fit->ridge->held_out);
}

/* ---- the networks -------------------------------------------------------------------------------------- */

/* Each row as ridges without its part see it, averaged over the repeats: what the networks have to beat. */
static void
ridge_held_out (const GhHeadFit *fit, const GhHeadNetworks *networks, double *y)
{
  gsize n = (gsize) fit->n * fit->task->outputs;

  for (int r = 0; r < GH_HEAD_NETWORKS_REPEATS; r++) {
    g_autoptr (GhRidge) ridge = gh_ridge_new (fit->spectrum, fit->targets, fit->task->outputs,
        gh_head_networks_parts (networks, r), gh_misfit_for (fit->task->data->kind));

    gh_axpy (y, 1.0 / GH_HEAD_NETWORKS_REPEATS, ridge->held_out, n);
  }
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

/* Takes the networks when they are better; see the header for why the kinds differ. */
static gboolean
choose (GhHeadFit *fit, const GhHeadNetworks *networks)
{
  gsize n = (gsize) fit->n * fit->task->outputs;
  g_autofree double *ridge = g_new0 (double, n), *mlp = g_new (double, n);
  g_autofree double *ridge_distance = g_new (double, fit->n), *mlp_distance = g_new (double, fit->n);
  double ridge_mean, mlp_mean, gain, variance = 0;
  gboolean take;

  ridge_held_out (fit, networks, ridge);
  gh_head_networks_held_out (networks, mlp);
  ridge_mean = mean_distance (fit, ridge, ridge_distance);
  mlp_mean = mean_distance (fit, mlp, mlp_distance);
  gain = ridge_mean - mlp_mean;
  for (int i = 0; i < fit->n; i++)
    variance += pow (ridge_distance[i] - mlp_distance[i] - gain, 2) / fit->n;
  take = fit->task->data->kind == GH_HEAD_TIME ? mlp_mean < TIME_MARGIN * ridge_mean : gain > sqrt (variance / fit->n);
  if (take)
    fit->logit_scale = calibrate (fit, mlp);
  return take;
}

gboolean
gh_head_fits_train_networks (GhHeadFit **fits, int n, gboolean (*progress) (double fraction, gpointer data),
    gpointer data, GError **error)
{
  const GhHeadTask *task = fits[0]->task;
  g_autofree GhHeadNetworks **all = g_new0 (GhHeadNetworks *, n);
  gboolean ready = TRUE, good = TRUE;

  for (int i = 0; ready && i < n; i++) {
    GhHeadNetworksData seen = { task->data->kind, fits[i]->spectrum, fits[i]->targets, task->outputs, fits[i]->groups };

    all[i] = gh_head_networks_new (&seen, task->seed, i);
    ready = all[i] != NULL;
  }
  if (ready)
    good = gh_head_networks_train (all, n, task->seed, task->threads, progress, data, error);
  for (int i = 0; i < n; i++) {
    if (ready && good && choose (fits[i], all[i]))
      fits[i]->networks = g_steal_pointer (&all[i]);
    gh_head_networks_free (all[i]);
  }
  return good;
}

/* ---- using it ------------------------------------------------------------------------------------------ */

double
gh_head_fit_predict (const GhHeadFit *fit, int row)
{
  const GhHeadData *data = fit->task->data;
  int outputs = fit->task->outputs;
  g_autofree double *z = g_new (double, data->dim), *y = g_new (double, outputs);

  gh_scales_apply (fit->scales, data->embeddings + (gsize) row * data->dim, z);
  if (fit->kernel)
    gh_kernel_ridge_predict (fit->kernel, z, y);
  else if (fit->networks)
    gh_head_networks_predict (fit->networks, z, y);
  else
    gh_ridge_predict (fit->ridge, z, data->dim, y);
  return gh_head_label_decode (data->kind, y, outputs);
}

static float *
to_floats (const double *values, guint n, double factor)
{
  float *floats = g_new (float, n);

  for (guint i = 0; i < n; i++)
    floats[i] = values[i] * factor;
  return floats;
}

static void
linear_parts (const GhHeadFit *fit, const double *weight, const double *bias, GhHeadParts *parts)
{
  int dim = fit->task->data->dim, outputs = fit->task->outputs;

  parts->layers[parts->n_layers++] = (GhHeadLayer) { dim, outputs,
    to_floats (weight, outputs * dim, fit->logit_scale), to_floats (bias, outputs, fit->logit_scale) };
}

/* A head measures distances over all numbers. Those that are not to count are written as if they varied a thousandth of
 * what they do, which no distance notices, and have weights so much larger. Exact in any format. */
#define ASIDE 1024

/* The first `n` of each row of x[rows,dim] times a factor. */
static float *
scale_beginning (float *x, int rows, int dim, int n, float factor)
{
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++)
      x[(gsize) i * dim + j] *= factor;
  return x;
}

static void
kernel_parts (const GhHeadFit *fit, GhHeadParts *parts)
{
  const GhKernelRidge *k = fit->kernel;
  const gsize centres = (gsize) k->n * k->dim * sizeof (float);
  float *weight = to_floats (k->weight, k->outputs * k->dim, fit->logit_scale);

  parts->std = scale_beginning (to_floats (fit->scales->std, k->dim, 1), 1, k->dim, k->aside, ASIDE);
  parts->layers[parts->n_layers++] = (GhHeadLayer) { k->dim, k->outputs,
    scale_beginning (weight, k->outputs, k->dim, k->aside, ASIDE), to_floats (k->bias, k->outputs, fit->logit_scale) };
  if (k->n_kernels > 0)
    parts->kernels = (GhHeadKernels) { k->n, k->n_kernels,
      scale_beginning (g_memdup2 (k->centres, centres), k->n, k->dim, k->aside, 1.0f / ASIDE),
      to_floats (k->width, k->n_kernels, 1),
      to_floats (k->coefficients, k->outputs * k->n_kernels * k->n, fit->logit_scale) };
}

void
gh_head_fit_parts (const GhHeadFit *fit, GhHeadParts *parts)
{
  parts->mean = to_floats (fit->scales->mean, fit->scales->dim, 1);
  if (fit->kernel) {
    kernel_parts (fit, parts);
    return;
  }
  parts->std = to_floats (fit->scales->std, fit->scales->dim, 1);
  if (fit->networks)
    gh_head_networks_layers (fit->networks, fit->logit_scale, parts);
  else
    linear_parts (fit, fit->ridge->weight, fit->ridge->bias, parts);
}

char *
gh_head_fit_model (const GhHeadFit *fit)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (fit->networks)
    return gh_head_networks_model (fit->networks);
  if (fit->kernel && fit->kernel->n_kernels > 0)
    return g_strdup_printf ("kernel ridge, %d centres", fit->n);
  return g_strdup_printf ("ridge lambda=%s", g_ascii_formatd (number, sizeof number, "%.2g",
          fit->kernel ? fit->kernel->penalty : fit->ridge->penalty));
}
