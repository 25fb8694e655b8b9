/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-train.c: the course of a training: check the data, deal folds, fit each fold and everything, judge.
 */
#include "gh-head-train.h"
#include "gh-head-fit.h"
#include "gh-head-label.h"
#include "gh-linalg.h"
#include "gh-random.h"
#include "gh-threads.h"
#include "gh-time-of-day.h"

#include <gio/gio.h>
#include <math.h>

#define MIN_LABELS 3
#define DEFAULT_FOLDS 5
#define FEW_LABELS 10           /* below, every label is a fold of its own */
#define BOOTSTRAP_DRAWS 2000
/* Random streams; those of gh-head-fit.c start at 1000. */
enum { STREAM_FOLDS = 1, STREAM_BOOTSTRAP };
/* What part of the progress fits are when networks follow, and of that what goes before the pieces of work. */
#define FITTING_PART 0.3
#define MAKING_PART 0.15

typedef struct {
  GhHeadTask task;
  const GhHeadTrainOptions *options;
  int *unit;                    /* [n]: labels that stay together have the same, 0..n_units-1 */
  int n_units;
  int folds;
  int *fold;                    /* [n] */
  GhHeadFit **fits;             /* [folds+1]; the last one has all labels */
  double *predicted, *constant; /* [n], held out */
} Training;

/* ---- the data ------------------------------------------------------------------------------------------ */

static gboolean G_GNUC_PRINTF (2, 3)
refuse (GError **error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (GH_ERROR, GH_ERROR_DATA, format, args));
  va_end (args);
  return FALSE;
}

static gboolean
check_rows (const GhHeadData *data, int n_classes, GError **error)
{
  for (int i = 0; i < data->n; i++) {
    const char *problem = gh_head_label_problem (data->kind, data->labels[i], n_classes);
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    if (problem)
      return refuse (error, "label %d (%s) %s", i + 1, g_ascii_dtostr (number, sizeof number, data->labels[i]), problem);
    for (int j = 0; j < data->dim; j++)
      if (!isfinite (data->embeddings[(gsize) i * data->dim + j]))
        return refuse (error, "the embedding of label %d is not finite at number %d", i + 1, j + 1);
  }
  return TRUE;
}

static gboolean
check_data (const GhHeadData *data, GError **error)
{
  int n_classes = data->classes ? (int) g_strv_length ((char **) data->classes) : 0;

  if (data->n < MIN_LABELS)
    return refuse (error, "%d label%s too few to train the head \"%s\", it takes at least %d", data->n,
        data->n == 1 ? " is" : "s are", data->task, MIN_LABELS);
  if (data->dim < 1 || data->dim > GH_HEAD_MAX_WIDTH)
    return refuse (error, "embeddings of %d numbers; 1 to %d can be trained on", data->dim, GH_HEAD_MAX_WIDTH);
  if (data->kind == GH_HEAD_CLASS && (n_classes < 2 || n_classes > GH_HEAD_MAX_CLASSES))
    return refuse (error, "%d classes; a head of kind \"class\" tells 2 to %d apart", n_classes, GH_HEAD_MAX_CLASSES);
  if (data->statistics && data->statistics->scales->dim != data->dim)
    return refuse (error, "the statistics are of embeddings of %d numbers, the labels' have %d",
        data->statistics->scales->dim, data->dim);
  return check_rows (data, n_classes, error);
}

/* Numbers the groups 0, 1, ... in order of appearance. */
static void
number_units (Training *t)
{
  const GhHeadData *data = t->task.data;
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  t->unit = g_new (int, data->n);
  for (int i = 0; i < data->n; i++) {
    gpointer group = GINT_TO_POINTER (data->groups ? data->groups[i] : i), unit;

    if (!g_hash_table_lookup_extended (seen, group, NULL, &unit)) {
      unit = GINT_TO_POINTER (t->n_units++);
      g_hash_table_insert (seen, group, unit);
    }
    t->unit[i] = GPOINTER_TO_INT (unit);
  }
}

/* Units in random order; for classes, those of a class one after the other, so that dealing spreads every class. */
static int *
unit_order (const Training *t)
{
  const GhHeadData *data = t->task.data;
  g_autoptr (GRand) rand = gh_rand_new (t->task.seed, STREAM_FOLDS);
  g_autofree int *first = g_new (int, t->n_units);
  int *order = g_new (int, t->n_units), *sorted, n = 0;

  for (int i = data->n - 1; i >= 0; i--)
    first[t->unit[i]] = i;
  for (int u = 0; u < t->n_units; u++)
    order[u] = u;
  gh_rand_shuffle (rand, order, t->n_units);
  if (data->kind != GH_HEAD_CLASS)
    return order;
  sorted = g_new (int, t->n_units);
  for (int c = 0; c < t->task.outputs; c++)
    for (int u = 0; u < t->n_units; u++)
      if (data->labels[first[order[u]]] == c)
        sorted[n++] = order[u];
  g_free (order);
  return sorted;
}

/* Each unit goes to the fold with the fewest labels, the first of equals after the one before. */
static void
deal_folds (Training *t)
{
  const GhHeadData *data = t->task.data;
  g_autofree int *order = unit_order (t), *count = g_new0 (int, t->n_units), *size = NULL;
  g_autofree int *fold = g_new (int, t->n_units);
  int last = -1;

  t->folds = t->options->folds > 0 ? t->options->folds : data->n < FEW_LABELS ? data->n : DEFAULT_FOLDS;
  t->folds = CLAMP (t->folds, 2, t->n_units);
  size = g_new0 (int, t->folds);
  for (int i = 0; i < data->n; i++)
    count[t->unit[i]]++;
  for (int u = 0; u < t->n_units; u++) {
    int to = (last + 1) % t->folds;

    for (int k = 1; k < t->folds; k++) {
      int other = (last + 1 + k) % t->folds;

      to = size[other] < size[to] ? other : to;
    }
    fold[order[u]] = last = to;
    size[to] += count[order[u]];
  }
  t->fold = g_new (int, data->n);
  for (int i = 0; i < data->n; i++)
    t->fold[i] = fold[t->unit[i]];
}

static gboolean
training_init (Training *t, const GhHeadData *data, const GhHeadTrainOptions *options, GError **error)
{
  if (!check_data (data, error))
    return FALSE;
  t->options = options;
  t->task = (GhHeadTask) { data, gh_head_outputs (data->kind, data->classes, gh_day_harmonics (data->n)), NULL,
    options->seed, options->threads, options->linear };
  t->task.targets = g_new (double, (gsize) data->n * t->task.outputs);
  for (int i = 0; i < data->n; i++)
    gh_head_label_encode (data->kind, data->labels[i], t->task.targets + (gsize) i * t->task.outputs, t->task.outputs);
  number_units (t);
  if (t->n_units < 2)
    return refuse (error, "all labels belong to one group, so none can be held out");
  deal_folds (t);
  t->fits = g_new0 (GhHeadFit *, t->folds + 1);
  t->predicted = g_new (double, data->n);
  t->constant = g_new (double, data->n);
  return TRUE;
}

static void
training_clear (Training *t)
{
  for (int k = 0; t->fits && k <= t->folds; k++)
    gh_head_fit_free (t->fits[k]);
  g_free (t->fits);
  g_free (t->task.targets);
  g_free (t->unit);
  g_free (t->fold);
  g_free (t->predicted);
  g_free (t->constant);
}

/* ---- fitting ------------------------------------------------------------------------------------------- */

static gboolean
progress (const Training *t, double fraction, const char *what, GError **error)
{
  const GhHeadTrainOptions *options = t->options;

  if (!options->progress || options->progress (fraction, what, options->progress_data))
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "training was cancelled");
  return FALSE;
}

/* One course of work on all fits: what part of the progress it is, and what it works on. */
typedef struct {
  const Training *t;
  double from, to;
  int *rows, *n_rows;           /* [folds+1,n], [folds+1] */
  int *fit, *piece;             /* of each piece of work */
} Course;

static gboolean
course_progress (double fraction, gpointer data)
{
  const Course *course = data;

  return progress (course->t, course->from + (course->to - course->from) * fraction, "training heads", NULL);
}

/* The fit of all labels, the longest, comes first: threads then end at about the same time. */
static void
make_fit (int i, gpointer data)
{
  const Course *course = data;
  const Training *t = course->t;
  int k = t->folds - i;

  t->fits[k] = gh_head_fit_new (&t->task, course->rows + (gsize) k * t->task.data->n, course->n_rows[k]);
}

static void
work_on_fit (int i, gpointer data)
{
  const Course *course = data;

  gh_head_fit_work (course->t->fits[course->fit[i]], course->piece[i]);
}

static gboolean
make_fits (Course *course)
{
  const Training *t = course->t;
  int n = t->task.data->n;
  g_autofree int *rows = g_new (int, (gsize) (t->folds + 1) * n), *n_rows = g_new0 (int, t->folds + 1);

  for (int k = 0; k <= t->folds; k++)
    for (int i = 0; i < n; i++)
      if (t->fold[i] != k)
        rows[(gsize) k * n + n_rows[k]++] = i;
  course->rows = rows;
  course->n_rows = n_rows;
  return gh_threads_run (t->task.threads, t->folds + 1, make_fit, course_progress, course);
}

static gboolean
work_on_fits (Course *course)
{
  const Training *t = course->t;
  g_autofree int *fit = NULL, *piece = NULL;
  int total = 0, n = 0;

  for (int k = 0; k <= t->folds; k++)
    total += gh_head_fit_pieces (t->fits[k]);
  course->fit = fit = g_new (int, total);
  course->piece = piece = g_new (int, total);
  for (int k = t->folds; k >= 0; k--) {
    for (int p = 0; p < gh_head_fit_pieces (t->fits[k]); p++) {
      fit[n] = k;
      piece[n++] = p;
    }
  }
  if (!gh_threads_run (t->task.threads, total, work_on_fit, course_progress, course))
    return FALSE;
  for (int k = 0; k <= t->folds; k++)
    gh_head_fit_finish (t->fits[k]);
  return TRUE;
}

static gboolean
fit_all (Training *t, GError **error)
{
  gboolean networks = t->options->try_mlp && !t->options->linear && !gh_head_task_suits_kernels (&t->task);
  double end = networks ? FITTING_PART : 1;
  Course making = { t, 0, MAKING_PART * end }, working = { t, MAKING_PART * end, end }, training = { t, end, 1 };

  if (!make_fits (&making) || !work_on_fits (&working)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "training was cancelled");
    return FALSE;
  }
  if (networks && !gh_head_fits_train_networks (t->fits, t->folds + 1, course_progress, &training, error))
    return FALSE;
  return progress (t, 1, "training heads", error);
}

/* Every label as its fold's model and its fold's constant see it. */
static void
hold_out (Training *t)
{
  const GhHeadData *data = t->task.data;
  g_autofree double *others = g_new (double, data->n), *constant = g_new (double, t->folds);

  for (int k = 0; k < t->folds; k++) {
    int n = 0;

    for (int i = 0; i < data->n; i++)
      if (t->fold[i] != k)
        others[n++] = data->labels[i];
    constant[k] = gh_head_label_constant (data->kind, others, n);
  }
  for (int i = 0; i < data->n; i++) {
    t->predicted[i] = gh_head_fit_predict (t->fits[t->fold[i]], i);
    t->constant[i] = constant[t->fold[i]];
  }
}

/* ---- the report ---------------------------------------------------------------------------------------- */

/* The middle 95 % of mean errors over units drawn with replacement. */
static void
bootstrap (const Training *t, GhHeadReport *report)
{
  const GhHeadData *data = t->task.data;
  g_autoptr (GRand) rand = gh_rand_new (t->task.seed, STREAM_BOOTSTRAP);
  g_autofree double *sum = g_new0 (double, t->n_units), *draw = g_new (double, BOOTSTRAP_DRAWS);
  g_autofree int *count = g_new0 (int, t->n_units);

  for (int i = 0; i < data->n; i++) {
    sum[t->unit[i]] += gh_head_distance (data->kind, t->predicted[i], data->labels[i]);
    count[t->unit[i]]++;
  }
  for (int d = 0; d < BOOTSTRAP_DRAWS; d++) {
    double total = 0;
    gint64 labels = 0;

    for (int k = 0; k < t->n_units; k++) {
      int u = g_rand_int_range (rand, 0, t->n_units);

      total += sum[u];
      labels += count[u];
    }
    draw[d] = total / labels;
  }
  gh_sort (draw, BOOTSTRAP_DRAWS);
  report->error_low = draw[(int) (0.025 * BOOTSTRAP_DRAWS)];
  report->error_high = draw[(int) (0.975 * BOOTSTRAP_DRAWS)];
}

static char *
metric_name (const GhHeadData *data)
{
  if (data->kind == GH_HEAD_CLASS)
    return g_strdup ("error rate");
  if (data->kind == GH_HEAD_TIME)
    return g_strdup ("mean absolute error in minutes");
  return g_strdup_printf ("mean absolute error%s%s", data->unit && *data->unit ? " in " : "",
      data->unit ? data->unit : "");
}

static GhHeadReport *
make_report (Training *t, gint64 started)
{
  const GhHeadData *data = t->task.data;
  GhHeadReport *report = g_new0 (GhHeadReport, 1);

  report->n = data->n;
  report->model = gh_head_fit_model (t->fits[t->folds]);
  report->metric = metric_name (data);
  for (int i = 0; i < data->n; i++) {
    report->error += gh_head_distance (data->kind, t->predicted[i], data->labels[i]) / data->n;
    report->baseline_error += gh_head_distance (data->kind, t->constant[i], data->labels[i]) / data->n;
  }
  bootstrap (t, report);
  report->predicted = g_steal_pointer (&t->predicted);
  report->seconds = (g_get_monotonic_time () - started) / 1e6;
  return report;
}

void
gh_head_report_free (GhHeadReport *report)
{
  if (!report)
    return;
  g_free (report->model);
  g_free (report->metric);
  g_free (report->predicted);
  g_free (report);
}

/* ---- the head ------------------------------------------------------------------------------------------ */

static void
put_number (GHashTable *record, const char *key, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_hash_table_insert (record, (gpointer) key, g_strdup (g_ascii_formatd (text, sizeof text, "%.6g", value)));
}

static void
put_label_statistics (GHashTable *record, const GhHeadData *data)
{
  double mean = 0, square = 0, low = data->labels[0], high = data->labels[0];

  for (int i = 0; i < data->n; i++) {
    mean += data->labels[i] / data->n;
    low = MIN (low, data->labels[i]);
    high = MAX (high, data->labels[i]);
  }
  for (int i = 0; i < data->n; i++)
    square += (data->labels[i] - mean) * (data->labels[i] - mean) / data->n;
  put_number (record, "label_min", low);
  put_number (record, "label_max", high);
  if (data->kind == GH_HEAD_SCALAR || data->kind == GH_HEAD_COUNT) {
    put_number (record, "label_mean", mean);
    put_number (record, "label_std", sqrt (square));
  }
}

static GHashTable *
make_record (const Training *t, const GhHeadReport *report)
{
  GHashTable *record = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

  put_number (record, "held_out_error", report->error);
  put_number (record, "held_out_error_low", report->error_low);
  put_number (record, "held_out_error_high", report->error_high);
  put_number (record, "baseline_error", report->baseline_error);
  put_number (record, "folds", t->folds);
  put_number (record, "labels", report->n);
  put_label_statistics (record, t->task.data);
  g_hash_table_insert (record, (gpointer) "metric", g_strdup (report->metric));
  g_hash_table_insert (record, (gpointer) "model", g_strdup (report->model));
  g_hash_table_insert (record, (gpointer) "seed", g_strdup_printf ("%" G_GUINT64_FORMAT, t->task.seed));
  g_hash_table_insert (record, (gpointer) "trained_at", g_date_time_format (now, "%Y-%m-%dT%H:%M:%SZ"));
  return record;
}

static GhHead *
make_head (const Training *t, const GhHeadReport *report, GError **error)
{
  const GhHeadData *data = t->task.data;
  g_autoptr (GHashTable) record = make_record (t, report);
  GhHeadParts parts = { data->kind, data->task, data->unit, data->classes, data->encoder_id, data->encoder_file,
    data->dim, .record = record };
  GhHead *head;

  gh_head_fit_parts (t->fits[t->folds], &parts);
  head = gh_head_new (&parts, data->task, error);
  gh_head_parts_clear (&parts);
  return head;
}

GhHead *
gh_head_train (const GhHeadData *data, const GhHeadTrainOptions *options, GhHeadReport **report, GError **error)
{
  g_autoptr (GhHeadReport) own = NULL;
  gint64 started = g_get_monotonic_time ();
  Training t = { { 0 } };
  GhHead *head = NULL;

  if (report)
    *report = NULL;
  if (training_init (&t, data, options, error) && fit_all (&t, error)) {
    hold_out (&t);
    own = make_report (&t, started);
    head = make_head (&t, own, error);
  }
  training_clear (&t);
  if (head && report)
    *report = g_steal_pointer (&own);
  return head;
}
