/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-gram-solver.c: one orthogonal reduction of the Gram matrix to three diagonals, K = q^T t q, after which a penalty
 * costs about n^2: t + penalty is factored into l p l^T with two diagonals, and the diagonal of the inverse of
 * K + penalty is the column sums of (l^-1 q)^2 / p.
 */
#include "gh-gram-solver.h"
#include "gh-linalg.h"

#include <string.h>

struct _GhGramRoom
{
  const double *targets;        /* [n,outputs] */
  double *mean;                 /* [outputs] of the targets */
  double *q, *d, *e;            /* [n,n], [n], [n] */
  double *loads;                /* [outputs,n] = q (y - mean) */
  double *pivot, *ratio;        /* [n] of the factor */
  double *row, *diagonal;       /* [n] */
  /* With groups: rows in their order, where each begins, and per group [m,m], lower triangle. */
  int n_groups, *order, *start;
  double **blocks;
};

/* ---- making one ---------------------------------------------------------------------------------------- */

static int
compare_groups (const void *a, const void *b, gpointer groups)
{
  int i = *(const int *) a, j = *(const int *) b, x = ((const int *) groups)[i], y = ((const int *) groups)[j];

  return x != y ? (x < y ? -1 : 1) : i < j ? -1 : i > j;
}

static void
find_groups (GhGramRoom *room, const int *groups, int n)
{
  room->order = g_new (int, n);
  room->start = g_new (int, n + 1);
  room->blocks = g_new (double *, n);
  for (int i = 0; i < n; i++)
    room->order[i] = i;
  g_qsort_with_data (room->order, n, sizeof (int), compare_groups, (gpointer) groups);
  for (int i = 0; i < n; i++)
    if (i == 0 || groups[room->order[i]] != groups[room->order[i - 1]])
      room->start[room->n_groups++] = i;
  room->start[room->n_groups] = n;
  for (int g = 0; g < room->n_groups; g++) {
    gsize m = room->start[g + 1] - room->start[g];

    room->blocks[g] = g_new (double, m * m);
  }
}

/* gram becomes H gram H with H = I - 1 1^T/n. */
static void
centre (GhGramSolver *s, double *gram)
{
  int n = s->n;
  double mean = 0, trace = 0;

  for (int i = 0; i < n; i++) {
    for (int j = 0; j < i; j++) {
      s->column_mean[i] += gram[(gsize) i * n + j] / n;
      s->column_mean[j] += gram[(gsize) i * n + j] / n;
    }
    s->column_mean[i] += gram[(gsize) i * n + i] / n;
  }
  for (int i = 0; i < n; i++)
    mean += s->column_mean[i] / n;
  for (int i = 0; i < n; i++) {
    for (int j = 0; j <= i; j++)
      gram[(gsize) i * n + j] -= s->column_mean[i] + s->column_mean[j] - mean;
    trace += gram[(gsize) i * n + i];
  }
  s->scale = trace > 0 ? trace / n : 1;
}

static void
project_targets (GhGramSolver *s)
{
  GhGramRoom *room = s->room;
  g_autofree double *y = g_new (double, s->n);

  for (int i = 0; i < s->n; i++)
    gh_axpy (room->mean, 1.0 / s->n, room->targets + (gsize) i * s->outputs, s->outputs);
  for (int o = 0; o < s->outputs; o++) {
    for (int i = 0; i < s->n; i++)
      y[i] = room->targets[(gsize) i * s->outputs + o] - room->mean[o];
    for (int k = 0; k < s->n; k++)
      room->loads[(gsize) o * s->n + k] = gh_dot (room->q + (gsize) k * s->n, y, s->n);
  }
}

GhGramSolver *
gh_gram_solver_new (double *gram, int n, const double *targets, int outputs, const int *groups)
{
  GhGramSolver *s = g_new0 (GhGramSolver, 1);
  GhGramRoom *room = s->room = g_new0 (GhGramRoom, 1);

  s->n = n;
  s->outputs = outputs;
  s->column_mean = g_new0 (double, n);
  s->alpha = g_new (double, (gsize) outputs * n);
  s->held_out = g_new (double, (gsize) n * outputs);
  room->targets = targets;
  room->mean = g_new0 (double, outputs);
  room->q = gram;
  room->d = g_new (double, n);
  room->e = g_new0 (double, n);
  room->loads = g_new (double, (gsize) outputs * n);
  room->pivot = g_new (double, n);
  room->ratio = g_new (double, n);
  room->row = g_new (double, n);
  room->diagonal = g_new (double, n);
  if (groups)
    find_groups (room, groups, n);
  centre (s, gram);
  gh_tridiagonal (room->q, room->d, room->e, n);
  project_targets (s);
  return s;
}

void
gh_gram_solver_free (GhGramSolver *s)
{
  if (!s)
    return;
  for (int g = 0; g < s->room->n_groups; g++)
    g_free (s->room->blocks[g]);
  g_free (s->room->blocks);
  g_free (s->room->order);
  g_free (s->room->start);
  g_free (s->room->mean);
  g_free (s->room->d);
  g_free (s->room->e);
  g_free (s->room->loads);
  g_free (s->room->pivot);
  g_free (s->room->ratio);
  g_free (s->room->row);
  g_free (s->room->diagonal);
  g_free (s->room);
  g_free (s->column_mean);
  g_free (s->alpha);
  g_free (s->held_out);
  g_free (s);
}

/* ---- one penalty --------------------------------------------------------------------------------------- */

/* t + penalty = l p l^T, l with ones and the ratios below them. Rounding may leave t an eigenvalue slightly below 0,
 * far less than any penalty worth trying. */
static void
factor (GhGramSolver *s, double penalty)
{
  GhGramRoom *room = s->room;

  for (int k = 0; k < s->n; k++) {
    room->pivot[k] = room->d[k] + penalty;
    if (k > 0) {
      room->ratio[k - 1] = room->e[k - 1] / room->pivot[k - 1];
      room->pivot[k] -= room->ratio[k - 1] * room->e[k - 1];
    }
  }
}

/* alpha = q^T (t + penalty)^-1 loads */
static void
solve_targets (GhGramSolver *s)
{
  const GhGramRoom *room = s->room;
  double *x = room->row;
  int n = s->n;

  memset (s->alpha, 0, (gsize) s->outputs * n * sizeof *s->alpha);
  for (int o = 0; o < s->outputs; o++) {
    memcpy (x, room->loads + (gsize) o * n, n * sizeof *x);
    for (int k = 1; k < n; k++)
      x[k] -= room->ratio[k - 1] * x[k - 1];
    for (int k = 0; k < n; k++)
      x[k] /= room->pivot[k];
    for (int k = n - 2; k >= 0; k--)
      x[k] -= room->ratio[k] * x[k + 1];
    gh_axpy_rows (s->alpha + (gsize) o * n, x, room->q, n, n);
  }
}

/* diagonal[n] of the inverse of K + penalty. */
static void
invert_diagonal (GhGramSolver *s)
{
  GhGramRoom *room = s->room;
  double *v = room->row;

  memset (v, 0, s->n * sizeof *v);
  memset (room->diagonal, 0, s->n * sizeof *room->diagonal);
  for (int k = 0; k < s->n; k++) {
    const double *q = room->q + (gsize) k * s->n;
    double ratio = k > 0 ? room->ratio[k - 1] : 0, part = 1 / room->pivot[k];

    for (int i = 0; i < s->n; i++) {
      v[i] = q[i] - ratio * v[i];
      room->diagonal[i] += v[i] * v[i] * part;
    }
  }
}

/* The groups' blocks of the inverse. */
static void
invert_blocks (GhGramSolver *s)
{
  GhGramRoom *room = s->room;
  double *v = room->row;

  memset (v, 0, s->n * sizeof *v);
  for (int k = 0; k < s->n; k++) {
    const double *q = room->q + (gsize) k * s->n;
    double ratio = k > 0 ? room->ratio[k - 1] : 0;

    for (int i = 0; i < s->n; i++)
      v[i] = q[room->order[i]] - ratio * v[i];
    for (int g = 0; g < room->n_groups; g++) {
      gsize first = room->start[g], m = room->start[g + 1] - first;

      if (k == 0)
        memset (room->blocks[g], 0, m * m * sizeof (double));
      for (gsize i = 0; i < m; i++)
        gh_axpy (room->blocks[g] + i * m, v[first + i] / room->pivot[k], v + first, i + 1);
    }
  }
}

/* M is penalty * inverse - 1/n, and M y is penalty * alpha. Residuals go to held_out. */
static void
leave_ones_out (GhGramSolver *s, double penalty)
{
  for (int i = 0; i < s->n; i++) {
    double rest = MAX (penalty * s->room->diagonal[i] - 1.0 / s->n, 1e-12);

    for (int o = 0; o < s->outputs; o++)
      s->held_out[(gsize) i * s->outputs + o] = penalty * s->alpha[(gsize) o * s->n + i] / rest;
  }
}

static void
leave_group_out (GhGramSolver *s, int group, double penalty)
{
  const GhGramRoom *room = s->room;
  const int *member = room->order + room->start[group];
  int m = room->start[group + 1] - room->start[group], outputs = s->outputs;
  double *a = room->blocks[group];
  g_autofree double *b = g_new (double, (gsize) m * outputs);

  for (int i = 0; i < m; i++) {
    for (int j = 0; j <= i; j++)
      a[(gsize) i * m + j] = penalty * a[(gsize) i * m + j] - 1.0 / s->n;
    for (int o = 0; o < outputs; o++)
      b[(gsize) i * outputs + o] = penalty * s->alpha[(gsize) o * s->n + member[i]];
  }
  if (m == s->n || !gh_solve_positive (a, b, m, outputs))
    for (int i = 0; i < m; i++)
      for (int o = 0; o < outputs; o++)
        b[(gsize) i * outputs + o] = room->targets[(gsize) member[i] * outputs + o] - room->mean[o];
  for (int i = 0; i < m; i++)
    memcpy (s->held_out + (gsize) member[i] * outputs, b + (gsize) i * outputs, outputs * sizeof *b);
}

void
gh_gram_solver_solve (GhGramSolver *s, double penalty)
{
  factor (s, penalty);
  solve_targets (s);
  if (s->room->n_groups > 0) {
    invert_blocks (s);
    for (int g = 0; g < s->room->n_groups; g++)
      leave_group_out (s, g, penalty);
  } else {
    invert_diagonal (s);
    leave_ones_out (s, penalty);
  }
  for (gsize i = 0; i < (gsize) s->n * s->outputs; i++)
    s->held_out[i] = s->room->targets[i] - s->held_out[i];
}
