/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-ridge.c: the ladder of penalties over one decomposition.
 *
 * Fitted values are S y with the smoother S = 1 1^T/n + u diag(f) u^T, f = value/(value + penalty): the intercept is
 * not penalised. For any least-squares smoother the residuals of the rows G left out are (I - S_GG)^-1 (y - S y)_G,
 * which needs no refitting (Cook & Weisberg 1982); for single rows it is the residual over 1 - leverage.
 */
#include "gh-ridge.h"
#include "gh-linalg.h"
#include "gh-mixture.h"

#include <math.h>
#include <string.h>

static void
means (double *mean, const double *targets, int n, int outputs)
{
  memset (mean, 0, outputs * sizeof *mean);
  for (int i = 0; i < n; i++)
    gh_axpy (mean, 1.0 / n, targets + (gsize) i * outputs, outputs);
}

/* loads[rank,outputs] = u^T (y - mean) */
static void
project (const GhSpectrum *s, const double *targets, const double *mean, int outputs, double *loads)
{
  memset (loads, 0, (gsize) s->rank * outputs * sizeof *loads);
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < s->rank; k++)
      for (int o = 0; o < outputs; o++)
        loads[k * outputs + o] += s->u[(gsize) i * s->rank + k] * (targets[(gsize) i * outputs + o] - mean[o]);
}

/* S_ij */
static double
smoother (const GhSpectrum *s, const double *f, int i, int j)
{
  const double *a = s->u + (gsize) i * s->rank, *b = s->u + (gsize) j * s->rank;
  double sum = 1.0 / s->n;

  for (int k = 0; k < s->rank; k++)
    sum += a[k] * f[k] * b[k];
  return sum;
}

/* Turns the residuals of rows members[m] into those of leaving all of them out together. A group that is all there is
 * cannot be held out, its residuals stay. */
static void
leave_out (const GhSpectrum *s, const double *f, const int *members, int m, double *residuals, int outputs)
{
  g_autofree double *a = g_new (double, (gsize) m * m), *b = g_new (double, (gsize) m * outputs);

  if (m == s->n)
    return;
  for (int i = 0; i < m; i++) {
    memcpy (b + (gsize) i * outputs, residuals + (gsize) members[i] * outputs, outputs * sizeof *b);
    for (int j = 0; j <= i; j++)
      a[(gsize) i * m + j] = (i == j) - smoother (s, f, members[i], members[j]);
  }
  if (!gh_solve_positive (a, b, m, outputs))
    return;
  for (int i = 0; i < m; i++)
    memcpy (residuals + (gsize) members[i] * outputs, b + (gsize) i * outputs, outputs * sizeof *b);
}

static void
leave_groups_out (const GhSpectrum *s, const double *f, const int *groups, double *residuals, int outputs)
{
  g_autoptr (GHashTable) members = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
  GHashTableIter iter;
  gpointer group;

  for (int i = 0; i < s->n; i++) {
    GArray *list = g_hash_table_lookup (members, GINT_TO_POINTER (groups[i]));

    if (!list) {
      list = g_array_new (FALSE, FALSE, sizeof (int));
      g_hash_table_insert (members, GINT_TO_POINTER (groups[i]), list);
    }
    g_array_append_val (list, i);
  }
  g_hash_table_iter_init (&iter, members);
  while (g_hash_table_iter_next (&iter, NULL, &group)) {
    const GArray *list = group;

    leave_out (s, f, (const int *) list->data, list->len, residuals, outputs);
  }
}

static void
leave_ones_out (const GhSpectrum *s, const double *f, double *residuals, int outputs)
{
  for (int i = 0; i < s->n; i++) {
    double rest = MAX (1 - smoother (s, f, i, i), 1e-12);

    for (int o = 0; o < outputs; o++)
      residuals[(gsize) i * outputs + o] /= rest;
  }
}

/* What gh_ridge_solve() does, with what does not depend on the penalty already there. */
static void
solve (const GhSpectrum *s, const double *targets, const double *mean, const double *loads, int outputs,
    const int *groups, double penalty, double *held_out, double *coefficients)
{
  g_autofree double *f = g_new (double, MAX (s->rank, 1));
  gsize n = (gsize) s->n * outputs;

  for (int k = 0; k < s->rank; k++) {
    f[k] = s->value[k] / (s->value[k] + penalty);
    for (int o = 0; o < outputs; o++)
      coefficients[k * outputs + o] = sqrt (s->value[k]) / (s->value[k] + penalty) * loads[k * outputs + o];
  }
  for (int i = 0; i < s->n; i++) {
    double *residual = held_out + (gsize) i * outputs;

    for (int o = 0; o < outputs; o++)
      residual[o] = targets[(gsize) i * outputs + o] - mean[o];
    for (int k = 0; k < s->rank; k++)
      gh_axpy (residual, -s->u[(gsize) i * s->rank + k] * f[k], loads + k * outputs, outputs);
  }
  if (groups)
    leave_groups_out (s, f, groups, held_out, outputs);
  else
    leave_ones_out (s, f, held_out, outputs);
  for (gsize i = 0; i < n; i++)
    held_out[i] = targets[i] - held_out[i];
}

void
gh_ridge_solve (const GhSpectrum *s, const double *targets, int outputs, const int *groups, double penalty,
    double *held_out, double *coefficients)
{
  g_autofree double *mean = g_new (double, outputs), *loads = g_new (double, (gsize) MAX (s->rank, 1) * outputs);

  means (mean, targets, s->n, outputs);
  project (s, targets, mean, outputs, loads);
  solve (s, targets, mean, loads, outputs, groups, penalty, held_out, coefficients);
}

/* weight[outputs,dim] = (sum_k coefficients[k] v[k])^T */
static void
to_inputs (GhRidge *ridge, const GhSpectrum *s, const double *coefficients)
{
  for (int o = 0; o < ridge->outputs; o++)
    for (int k = 0; k < s->rank; k++)
      gh_axpy (ridge->weight + (gsize) o * s->dim, coefficients[k * ridge->outputs + o], s->v + (gsize) k * s->dim,
          s->dim);
}

/* y = keep y + weight x */
static void
update (double *y, double keep, double weight, const double *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    y[i] = keep * y[i] + weight * x[i];
}

/* Solves for every penalty; mixed[rank,outputs] is what they come to. */
static void
climb (GhRidge *ridge, const GhSpectrum *s, const double *targets, const int *groups, GhMisfit misfit, double *mixed)
{
  gsize n = (gsize) s->n * ridge->outputs, m = (gsize) MAX (s->rank, 1) * ridge->outputs;
  g_autofree double *held_out = g_new (double, n), *coefficients = g_new0 (double, m), *loads = g_new (double, m);
  double total = 0, logarithm = 0;
  GhMixture mixture;

  gh_mixture_init (&mixture, s->n);
  project (s, targets, ridge->bias, ridge->outputs, loads);
  for (int k = 0; k < s->rank; k++)
    total += s->value[k];
  for (int step = 0; step < gh_ladder_steps (s->n); step++) {
    double penalty = gh_ladder_penalty (step), keep, weight;

    /* With nothing that varies any penalty does; 1 keeps the quotients finite. */
    solve (s, targets, ridge->bias, loads, ridge->outputs, groups, total > 0 ? penalty * total / s->n : 1, held_out,
        coefficients);
    weight = gh_mixture_add (&mixture, misfit (targets, held_out, s->n, ridge->outputs), &keep);
    update (ridge->held_out, keep, weight, held_out, n);
    update (mixed, keep, weight, coefficients, m);
    logarithm = keep * logarithm + weight * log (penalty);
  }
  for (gsize i = 0; i < n; i++)
    ridge->held_out[i] /= mixture.total;
  for (gsize i = 0; i < m; i++)
    mixed[i] /= mixture.total;
  ridge->penalty = exp (logarithm / mixture.total);
}

GhRidge *
gh_ridge_new (const GhSpectrum *s, const double *targets, int outputs, const int *groups, GhMisfit misfit)
{
  GhRidge *ridge = g_new0 (GhRidge, 1);
  g_autofree double *mixed = g_new0 (double, (gsize) MAX (s->rank, 1) * outputs);

  ridge->outputs = outputs;
  ridge->weight = g_new0 (double, (gsize) outputs * s->dim);
  ridge->bias = g_new (double, outputs);
  ridge->held_out = g_new0 (double, (gsize) s->n * outputs);
  means (ridge->bias, targets, s->n, outputs);
  climb (ridge, s, targets, groups, misfit, mixed);
  to_inputs (ridge, s, mixed);
  return ridge;
}

void
gh_ridge_predict (const GhRidge *ridge, const double *z, int dim, double *y)
{
  for (int o = 0; o < ridge->outputs; o++)
    y[o] = ridge->bias[o] + gh_dot (ridge->weight + (gsize) o * dim, z, dim);
}

void
gh_ridge_free (GhRidge *ridge)
{
  if (!ridge)
    return;
  g_free (ridge->weight);
  g_free (ridge->bias);
  g_free (ridge->held_out);
  g_free (ridge);
}
