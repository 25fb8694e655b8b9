/* SPDX-License-Identifier: LGPL-2.1-or-later
 * eval-draws.c: see the header. */
#include "eval-draws.h"
#include "tools.h"
#include "models/gh-head-label.h"
#include "models/gh-linalg.h"
#include "models/gh-random.h"

#include <gio/gio.h>
#include <math.h>
#include <string.h>

/* What the time of day is asked for: within a quarter of an hour, over the day and while it is light. */
#define NEAR_MINUTES 15
#define LIGHT_FROM (5 * 60)
#define LIGHT_TO (20 * 60 + 30)

const char *const *
gh_eval_metric_names (GhHeadKind kind)
{
  static const char *const time[] = { "in 15 min, 24 h", "median, 24 h", "in 15 min, 5:00-20:30", "median, 5:00-20:30",
    NULL };
  static const char *const class[] = { "wrong", NULL }, *const number[] = { "mean error", NULL };

  return kind == GH_HEAD_TIME ? time : kind == GH_HEAD_CLASS ? class : number;
}

static const char *const models[] = {
  [GH_EVAL_RIDGE] = "ridge", [GH_EVAL_KERNEL_RIDGE] = "kernel ridge", [GH_EVAL_MLP] = "mlp",
};

const char *
gh_eval_model_name (int model)
{
  return models[model];
}

static const char *const unlabelled_names[] = {
  [GH_EVAL_NOTHING] = "nothing", [GH_EVAL_SCALES] = "scales", [GH_EVAL_WHITENED] = "whitened",
};

const char *
gh_eval_unlabelled_name (GhEvalUnlabelled unlabelled)
{
  return unlabelled_names[unlabelled];
}

gboolean
gh_eval_unlabelled_from_name (const char *name, GhEvalUnlabelled *unlabelled)
{
  for (guint i = 0; i < G_N_ELEMENTS (unlabelled_names); i++) {
    if (strcmp (name, unlabelled_names[i]) == 0) {
      *unlabelled = i;
      return TRUE;
    }
  }
  return FALSE;
}

/* ---- one draw ------------------------------------------------------------------------------------------ */

/* Whether some labels can be held out together while others are learned from. */
static gboolean
has_groups (const GhEvalPlan *plan, const int *rows)
{
  const int *groups = plan->samples->groups;

  for (int i = 1; groups && i < plan->n_labels; i++)
    if (groups[rows[i]] != groups[rows[0]])
      return TRUE;
  return FALSE;
}

/* n_labels rows of the pool; draw number `draw` is the same for every method. */
static void
draw_rows (const GhEvalPlan *plan, int draw, int *rows)
{
  g_autoptr (GRand) rand = gh_rand_new (plan->seed, draw);

  gh_select_rows (plan->select, rand, plan->embeddings, plan->samples->n_pool, plan->dim, plan->n_labels, rows);
}

static void
predict_constant (const GhEvalPlan *plan, const int *rows, double *predicted)
{
  const GhSamples *samples = plan->samples;
  g_autofree double *labels = g_new (double, plan->n_labels);
  double constant;

  for (int i = 0; i < plan->n_labels; i++)
    labels[i] = samples->values[rows[i]];
  constant = gh_head_label_constant (plan->dataset->kind, labels, plan->n_labels);
  for (guint i = samples->n_pool; i < samples->n; i++)
    predicted[i - samples->n_pool] = constant;
}

static double
squared_distance (const float *a, const float *b, int dim)
{
  double sum = 0;

  for (int i = 0; i < dim; i++)
    sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
  return sum;
}

static void
predict_nearest (const GhEvalPlan *plan, const int *rows, const float *vectors, int dim, double *predicted)
{
  const GhSamples *samples = plan->samples;

  for (guint i = samples->n_pool; i < samples->n; i++) {
    double least = INFINITY;

    for (int k = 0; k < plan->n_labels; k++) {
      double distance = squared_distance (vectors + (gsize) i * dim, vectors + (gsize) rows[k] * dim, dim);

      if (distance < least) {
        least = distance;
        predicted[i - samples->n_pool] = samples->values[rows[k]];
      }
    }
  }
}

static gboolean
predict_head (const GhEvalPlan *plan, const int *rows, const float *vectors, int dim,
    const GhHeadStatistics *statistics, double *predicted, GhHeadReport **report, GError **error)
{
  const GhSamples *samples = plan->samples;
  g_autofree float *x = g_new (float, (gsize) plan->n_labels * dim);
  g_autofree double *y = g_new (double, plan->n_labels);
  g_autofree int *groups = has_groups (plan, rows) ? g_new (int, plan->n_labels) : NULL;
  GhHeadData data = { plan->n_labels, dim, x, y, groups, .kind = plan->dataset->kind, .task = plan->dataset->name,
    .unit = plan->dataset->unit, .encoder_id = "0000000000000000", .encoder_file = "eval",
    .statistics = statistics };
  GhHeadTrainOptions options = { .seed = plan->seed, .try_mlp = plan->try_mlp, .threads = plan->threads,
    .linear = plan->linear };
  g_autoptr (GhHead) head = NULL;

  for (int i = 0; i < plan->n_labels; i++) {
    memcpy (x + (gsize) i * dim, vectors + (gsize) rows[i] * dim, dim * sizeof *x);
    y[i] = samples->values[rows[i]];
    if (groups)
      groups[i] = samples->groups[rows[i]];
  }
  head = gh_head_train (&data, &options, report, error);
  if (!head)
    return FALSE;
  for (guint i = samples->n_pool; i < samples->n; i++) {
    GhPrediction prediction;

    if (!gh_head_predict (head, vectors + (gsize) i * dim, &prediction)) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "a head's prediction for %s is not finite", samples->files[i]);
      return FALSE;
    }
    predicted[i - samples->n_pool] = prediction.value;
  }
  return TRUE;
}

/* ---- metrics ------------------------------------------------------------------------------------------- */

/* metric[0]: share of off[n] within a quarter of an hour; metric[1]: median. */
static void
time_metrics (double *off, int n, double *metric)
{
  int near = 0;

  for (int i = 0; i < n; i++)
    near += off[i] <= NEAR_MINUTES;
  gh_sort (off, n);
  metric[0] = n ? (double) near / n : NAN;
  metric[1] = n ? off[n / 2] : NAN;
}

static void
measure (const GhEvalPlan *plan, const double *predicted, double *metric)
{
  const GhSamples *samples = plan->samples;
  GhHeadKind kind = plan->dataset->kind;
  int n = samples->n - samples->n_pool, light = 0;
  g_autofree double *all = g_new (double, n), *day = g_new (double, n);

  metric[0] = 0;
  for (int i = 0; i < n; i++) {
    double label = samples->values[samples->n_pool + i];

    all[i] = gh_head_distance (kind, predicted[i], label);
    metric[0] += all[i] / n;
    if (label >= LIGHT_FROM && label <= LIGHT_TO)
      day[light++] = all[i];
  }
  if (kind == GH_HEAD_TIME) {
    time_metrics (all, n, metric);
    time_metrics (day, light, metric + 2);
  }
}

static GhEvalFigure
figure (const double *values, int n)
{
  GhEvalFigure f = { 0, 0 };

  for (int i = 0; i < n; i++)
    f.mean += values[i] / n;
  for (int i = 0; i < n; i++)
    f.spread += (values[i] - f.mean) * (values[i] - f.mean) / MAX (n - 1, 1);
  f.spread = sqrt (f.spread);
  return f;
}

/* ---- all draws ----------------------------------------------------------------------------------------- */

static gboolean
predict (const GhEvalPlan *plan, GhEvalMethod method, const int *rows, const float *vectors, int dim,
    const GhHeadStatistics *statistics, double *predicted, double *promised, GhEvalResult *result, GError **error)
{
  g_autoptr (GhHeadReport) report = NULL;

  *promised = NAN;
  if (method == GH_EVAL_CONSTANT)
    predict_constant (plan, rows, predicted);
  else if (method == GH_EVAL_NEAREST)
    predict_nearest (plan, rows, vectors, dim, predicted);
  else if (!predict_head (plan, rows, vectors, dim, statistics, predicted, &report, error))
    return FALSE;
  if (report) {
    *promised = report->error;
    for (int m = 0; m < GH_EVAL_N_MODELS; m++)
      result->chosen[m] += g_str_has_prefix (report->model, models[m]);
  }
  return TRUE;
}

gboolean
gh_eval_draws (const GhEvalPlan *plan, GhEvalMethod method, const float *vectors, int dim, const char *what,
    GhEvalResult *result, GError **error)
{
  int n_metrics = g_strv_length ((char **) gh_eval_metric_names (plan->dataset->kind));
  g_autofree double *values = g_new0 (double, (gsize) (GH_EVAL_MAX_METRICS + 1) * plan->draws);
  g_autofree double *predicted = g_new (double, plan->samples->n - plan->samples->n_pool);
  g_autofree int *rows = g_new (int, plan->n_labels);
  g_autoptr (GhHeadStatistics) statistics = NULL;
  gint64 started = g_get_monotonic_time ();
  GhToolProgress progress = { 0 };
  gboolean good = TRUE;

  *result = (GhEvalResult) { .n_metrics = n_metrics };
  if (method == GH_EVAL_HEAD && plan->unlabelled != GH_EVAL_NOTHING)
    statistics = gh_head_statistics_new (vectors, plan->samples->n_pool, dim, plan->unlabelled == GH_EVAL_WHITENED);
  for (int draw = 0; good && draw < plan->draws; draw++) {
    double metric[GH_EVAL_MAX_METRICS], *promised = &values[GH_EVAL_MAX_METRICS * plan->draws + draw];

    good = gh_tool_progress ((double) draw / plan->draws, what, &progress);
    if (!good)
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
    draw_rows (plan, draw, rows);
    good = good && predict (plan, method, rows, vectors, dim, statistics, predicted, promised, result, error);
    if (good)
      measure (plan, predicted, metric);
    for (int m = 0; good && m < n_metrics; m++)
      values[m * plan->draws + draw] = metric[m];
  }
  gh_tool_progress_end (&progress);
  for (int m = 0; m < n_metrics; m++)
    result->metric[m] = figure (values + m * plan->draws, plan->draws);
  result->promised = figure (values + GH_EVAL_MAX_METRICS * plan->draws, plan->draws);
  result->seconds = (g_get_monotonic_time () - started) / 1e6 / plan->draws;
  return good;
}
