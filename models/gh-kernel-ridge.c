/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-kernel-ridge.c: the Gram matrices, the mixture over all kernels and penalties, and the model it makes.
 */
#include "gh-kernel-ridge.h"
#include "gh-bfloat.h"
#include "gh-gram-solver.h"
#include "gh-linalg.h"
#include "gh-mixture.h"

#include <math.h>
#include <string.h>

/* Squared, relative to the median squared distance. Finer steps of 2 gained nothing. */
static const double ladder[GH_KERNEL_WIDTHS] = { 1.0 / 16, 1.0 / 4, 1, 4, 16 };
/* A kernel with less of the mixture than this is left out of the model. */
#define LEAST_SHARE 1e-3
/* Which numbers a kernel sees: all of them, those of the beginning, those behind it, or those of the end. */
typedef enum { ALL, BEGINNING, REST, END, N_PARTS } Part;
enum { MAX_MEMBERS = 3 + 3 * GH_KERNEL_WIDTHS };

/* One kernel's mixture over its penalties; sums are not yet divided by the mixture's total. */
typedef struct {
  double width;                 /* 0: the linear kernel */
  Part part;
  double *held_out, *alpha;     /* [n,outputs], [outputs,n] */
  double *factor;               /* [outputs] of the targets: 1 where they are learned as they are */
  double *column_mean;          /* [n] */
  double log_penalty;
} Member;

struct _GhKernelRidgeFit
{
  gboolean has_metric;
  int end;
  int n_members;
  Member members[MAX_MEMBERS];
  GhMixture mixtures[MAX_MEMBERS];
  double *gram[N_PARTS];        /* [n,n] of the centres; NULL where no kernel sees the part */
  double *lifted;               /* [n,dim] centres times the metric, or the centres: what a straight line is made of */
  double *targets;
  int *groups;                  /* [n], NULL without */
  double *plain;                /* [outputs], NULL without */
  GhMisfit misfit;
};

double
gh_kernel (double squared, double width)
{
  double r = sqrt (squared) / width;

  return (1 + r) * exp (-r);
}

static double
squared_distance (const double *gram, int n, int i, int j)
{
  return MAX (gram[(gsize) i * n + i] + gram[(gsize) j * n + j] - 2 * gram[(gsize) i * n + j], 0);
}

/* The median squared distance between rows that differ; 0 when none do. */
static double
typical_distance (const double *gram, int n)
{
  g_autofree double *sorted = g_new (double, (gsize) n * n / 2 + 1);
  gsize m = 0;

  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) {
      double squared = squared_distance (gram, n, i, j);

      /* Less is rounding. */
      if (squared > 1e-12 * (gram[(gsize) i * n + i] + gram[(gsize) j * n + j]))
        sorted[m++] = squared;
    }
  }
  return m > 0 ? gh_median (sorted, m) : 0;
}

/* centres[n,dim] times metric[dim,dim], in place. */
static void
lift (double *centres, const double *metric, int n, int dim)
{
  g_autofree double *row = g_new (double, dim);

  for (int i = 0; i < n; i++) {
    double *centre = centres + (gsize) i * dim;

    for (int j = 0; j < dim; j++)
      row[j] = gh_dot (metric + (gsize) j * dim, centre, dim);
    memcpy (centre, row, dim * sizeof *row);
  }
}

static void
add_member (GhKernelRidge *ridge, Part part, double width)
{
  GhKernelRidgeFit *fit = ridge->fit;
  Member *member = &fit->members[fit->n_members];

  member->part = part;
  member->width = width;
  member->held_out = g_new0 (double, (gsize) ridge->n * ridge->outputs);
  member->alpha = g_new0 (double, (gsize) ridge->n * ridge->outputs);
  member->factor = g_new0 (double, ridge->outputs);
  gh_mixture_init (&fit->mixtures[fit->n_members++], ridge->n);
}

static void
add_curved_members (GhKernelRidge *ridge, Part part)
{
  double typical = typical_distance (ridge->fit->gram[part], ridge->n);

  for (int k = 0; typical > 0 && k < GH_KERNEL_WIDTHS; k++)
    add_member (ridge, part, sqrt (typical * ladder[k]));
}

/* Numbers first..last - 1 of dim are the part's. */
static void
part_range (const GhKernelRidge *ridge, Part part, int *first, int *last)
{
  *first = part == REST ? GH_EMBED_BEGINNING : part == END ? ridge->dim - ridge->fit->end : 0;
  *last = part == BEGINNING ? GH_EMBED_BEGINNING : ridge->dim;
}

/* The Gram matrix of a part. */
static void
take_part (const GhKernelRidge *ridge, Part part, const double *centres)
{
  const int n = ridge->n, dim = ridge->dim;
  double *gram = ridge->fit->gram[part] = g_new (double, (gsize) n * n);
  int first, last;

  part_range (ridge, part, &first, &last);
  for (int i = 0; i < n; i++)
    for (int j = 0; j <= i; j++)
      gram[(gsize) i * n + j] = gram[(gsize) j * n + i]
          = gh_dot (centres + (gsize) i * dim + first, centres + (gsize) j * dim + first, last - first);
}

static void
fit_init (GhKernelRidge *ridge, const GhKernelRidgeData *data)
{
  GhKernelRidgeFit *fit = ridge->fit;
  const int n = ridge->n, dim = ridge->dim;
  double *centres = g_new (double, (gsize) n * dim);

  for (gsize i = 0; i < (gsize) n * dim; i++)
    centres[i] = ridge->centres[i];
  fit->gram[ALL] = g_new (double, (gsize) n * n);
  gh_gram (fit->gram[ALL], centres, n, dim);
  fit->end = data->metric ? 0 : data->end;
  for (Part part = BEGINNING; !data->metric && dim >= 2 * GH_EMBED_BEGINNING && part <= REST; part++)
    take_part (ridge, part, centres);
  if (fit->end > 0)
    take_part (ridge, END, centres);
  fit->lifted = centres;
  fit->has_metric = data->metric != NULL;
  if (data->metric)
    lift (centres, data->metric, n, dim);
  fit->misfit = data->misfit;
  fit->targets = g_memdup2 (data->targets, (gsize) n * ridge->outputs * sizeof *data->targets);
  fit->groups = data->groups ? g_memdup2 (data->groups, n * sizeof *data->groups) : NULL;
  fit->plain = data->plain ? g_memdup2 (data->plain, ridge->outputs * sizeof *data->plain) : NULL;
  add_member (ridge, ALL, 0);
  for (Part part = BEGINNING; part < N_PARTS; part++)
    if (fit->gram[part] && part != REST)
      add_member (ridge, part, 0);
  for (Part part = ALL; part < N_PARTS; part++)
    if (!data->linear && fit->gram[part] && part != BEGINNING)
      add_curved_members (ridge, part);
}

GhKernelRidge *
gh_kernel_ridge_new (const GhKernelRidgeData *data)
{
  GhKernelRidge *ridge = g_new0 (GhKernelRidge, 1);

  ridge->n = data->n;
  ridge->dim = data->dim;
  ridge->outputs = data->outputs;
  ridge->centres = g_new (float, (gsize) data->n * data->dim);
  for (gsize i = 0; i < (gsize) data->n * data->dim; i++)
    ridge->centres[i] = gh_bfloat_round (data->z[i]);
  ridge->fit = g_new0 (GhKernelRidgeFit, 1);
  fit_init (ridge, data);
  return ridge;
}

static void
fit_free (GhKernelRidgeFit *fit)
{
  if (!fit)
    return;
  for (int k = 0; k < fit->n_members; k++) {
    g_free (fit->members[k].held_out);
    g_free (fit->members[k].alpha);
    g_free (fit->members[k].factor);
    g_free (fit->members[k].column_mean);
  }
  for (Part part = ALL; part < N_PARTS; part++)
    g_free (fit->gram[part]);
  g_free (fit->lifted);
  g_free (fit->targets);
  g_free (fit->groups);
  g_free (fit->plain);
  g_free (fit);
}

void
gh_kernel_ridge_free (GhKernelRidge *ridge)
{
  if (!ridge)
    return;
  fit_free (ridge->fit);
  g_free (ridge->centres);
  g_free (ridge->weight);
  g_free (ridge->bias);
  g_free (ridge->coefficients);
  g_free (ridge->held_out);
  g_free (ridge);
}

int
gh_kernel_ridge_n_members (const GhKernelRidge *ridge)
{
  return ridge->fit->n_members;
}

static double *
member_gram (const GhKernelRidge *ridge, const Member *member)
{
  const GhKernelRidgeFit *fit = ridge->fit;
  const int n = ridge->n, dim = ridge->dim;
  const double *products = fit->gram[member->part];
  double *gram = g_memdup2 (products, (gsize) n * n * sizeof *gram);

  if (member->width == 0 && fit->has_metric)
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++) {
        gram[(gsize) i * n + j] = 0;
        for (int k = 0; k < dim; k++)
          gram[(gsize) i * n + j] += ridge->centres[(gsize) i * dim + k] * fit->lifted[(gsize) j * dim + k];
      }
  if (member->width > 0)
    for (int i = 0; i < n; i++)
      for (int j = 0; j <= i; j++)
        gram[(gsize) i * n + j] = gh_kernel (squared_distance (products, n, i, j), member->width);
  return gram;
}

/* y = keep y + weight x */
static void
update (double *y, double keep, double weight, const double *x, gsize n)
{
  for (gsize i = 0; i < n; i++)
    y[i] = keep * y[i] + weight * x[i];
}

/* One more model of a member's mixture: what was solved, each output times a factor (NULL: as it is). */
static void
meet (GhKernelRidge *ridge, int which, const GhGramSolver *s, double penalty, const double *factor)
{
  GhKernelRidgeFit *fit = ridge->fit;
  Member *member = &fit->members[which];
  const int n = ridge->n, outputs = ridge->outputs;
  g_autofree double *times = factor ? g_new (double, (gsize) n * outputs) : NULL;
  const double *held_out = factor ? times : s->held_out;
  double keep, weight;

  for (gsize i = 0; factor && i < (gsize) n * outputs; i++)
    times[i] = s->held_out[i] * factor[i % outputs];
  weight = gh_mixture_add (&fit->mixtures[which], fit->misfit (fit->targets, held_out, n, outputs), &keep);
  update (member->held_out, keep, weight, held_out, (gsize) n * outputs);
  for (int o = 0; o < outputs; o++) {
    const double part = factor ? factor[o] : 1;

    update (member->alpha + (gsize) o * n, keep, weight * part, s->alpha + (gsize) o * n, n);
    member->factor[o] = keep * member->factor[o] + weight * part;
  }
  member->log_penalty = keep * member->log_penalty + weight * log (penalty);
}

void
gh_kernel_ridge_fit (GhKernelRidge *ridge, int which)
{
  GhKernelRidgeFit *fit = ridge->fit;
  Member *member = &fit->members[which];
  g_autofree double *gram = member_gram (ridge, member);
  g_autoptr (GhGramSolver) s = gh_gram_solver_new (gram, ridge->n, fit->targets, ridge->outputs, fit->groups);

  for (int step = 0; step < gh_ladder_steps (ridge->n); step++) {
    const double penalty = gh_ladder_penalty (step);

    gh_gram_solver_solve (s, penalty * s->scale);
    meet (ridge, which, s, penalty, NULL);
    if (fit->plain)
      meet (ridge, which, s, penalty, fit->plain);
  }
  member->column_mean = g_memdup2 (s->column_mean, ridge->n * sizeof *s->column_mean);
}

/* Shares of the members, without those that hardly count, and without curved kernels but those over all numbers, over the
 * rest or over the end, whichever have most: a model measures distances once. */
static void
find_shares (GhKernelRidge *ridge, double *share)
{
  const GhKernelRidgeFit *fit = ridge->fit;
  double curved[N_PARTS] = { 0 }, total = 0;
  Part kept = ALL;
  int last;

  gh_mixture_shares (fit->mixtures, fit->n_members, share);
  for (int k = 0; k < fit->n_members; k++)
    if (fit->members[k].width > 0)
      curved[fit->members[k].part] += share[k];
  for (Part part = REST; part < N_PARTS; part++)
    if (curved[part] > curved[kept])
      kept = part;
  part_range (ridge, kept, &ridge->aside, &last);
  for (int k = 0; k < fit->n_members; k++) {
    if (share[k] < LEAST_SHARE || (fit->members[k].width > 0 && fit->members[k].part != kept))
      share[k] = 0;
    total += share[k];
  }
  for (int k = 0; k < fit->n_members; k++)
    share[k] /= total;
}

/* Adds one member to the model, with a factor to its sums; mean[outputs] of the targets. */
static void
take_member (GhKernelRidge *ridge, const Member *member, double factor, const double *mean, int n_kernels)
{
  int n = ridge->n, first, last;

  part_range (ridge, member->part, &first, &last);
  gh_axpy (ridge->held_out, factor, member->held_out, (gsize) n * ridge->outputs);
  for (int o = 0; o < ridge->outputs; o++) {
    const double *alpha = member->alpha + (gsize) o * n;

    /* On average over the rows every member says the mean of what it has learned. */
    ridge->bias[o] += factor * (member->factor[o] * mean[o] - gh_dot (alpha, member->column_mean, n));
    if (member->width > 0)
      gh_axpy (ridge->coefficients + ((gsize) o * n_kernels + ridge->n_kernels) * n, factor, alpha, n);
    for (int i = 0; member->width == 0 && i < n; i++)
      for (int j = first; j < last; j++)
        ridge->weight[(gsize) o * ridge->dim + j] += factor * alpha[i] * ridge->fit->lifted[(gsize) i * ridge->dim + j];
  }
  if (member->width > 0)
    ridge->width[ridge->n_kernels++] = member->width;
}

void
gh_kernel_ridge_finish (GhKernelRidge *ridge)
{
  GhKernelRidgeFit *fit = ridge->fit;
  g_autofree double *mean = g_new0 (double, ridge->outputs);
  double share[MAX_MEMBERS];
  int n_kernels = 0, line = 0;

  find_shares (ridge, share);
  for (int k = 0; k < fit->n_members; k++)
    n_kernels += share[k] > 0 && fit->members[k].width > 0;
  ridge->weight = g_new0 (double, (gsize) ridge->outputs * ridge->dim);
  ridge->bias = g_new0 (double, ridge->outputs);
  ridge->held_out = g_new0 (double, (gsize) ridge->n * ridge->outputs);
  ridge->coefficients = g_new0 (double, (gsize) ridge->outputs * MAX (n_kernels, 1) * ridge->n);
  for (int i = 0; i < ridge->n; i++)
    gh_axpy (mean, 1.0 / ridge->n, fit->targets + (gsize) i * ridge->outputs, ridge->outputs);
  for (int k = 0; k < fit->n_members; k++)
    if (share[k] > 0)
      take_member (ridge, &fit->members[k], share[k] / fit->mixtures[k].total, mean, n_kernels);
  if (n_kernels == 0)
    ridge->aside = 0;
  for (int k = 1; k < fit->n_members && fit->members[k].width == 0; k++)
    if (share[k] > share[line])
      line = k;
  ridge->penalty = exp (fit->members[line].log_penalty / fit->mixtures[line].total);
  g_clear_pointer (&ridge->fit, fit_free);
}

void
gh_kernel_ridge_predict (const GhKernelRidge *ridge, const double *z, double *y)
{
  int n = ridge->n, dim = ridge->dim;

  for (int o = 0; o < ridge->outputs; o++)
    y[o] = ridge->bias[o] + gh_dot (ridge->weight + (gsize) o * dim, z, dim);
  for (int i = 0; ridge->n_kernels > 0 && i < n; i++) {
    const float *centre = ridge->centres + (gsize) i * dim;
    double squared = 0;

    for (int j = ridge->aside; j < dim; j++)
      squared += (z[j] - centre[j]) * (z[j] - centre[j]);
    for (int k = 0; k < ridge->n_kernels; k++) {
      double value = gh_kernel (squared, ridge->width[k]);

      for (int o = 0; o < ridge->outputs; o++)
        y[o] += value * ridge->coefficients[((gsize) o * ridge->n_kernels + k) * n + i];
    }
  }
}
