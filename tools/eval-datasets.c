/* SPDX-License-Identifier: LGPL-2.1-or-later
 * eval-datasets.c: see the header. */
#include "eval-datasets.h"
#include "models/gh-error.h"
#include "models/gh-labels.h"

#include <math.h>
#include <string.h>

static const GhDataset datasets[] = {
  { "mall-crop", "people in the lower right quarter of an indoor mall camera", "counts.csv", "frames",
    "file", "count_right_bottom", "file", { "seq_000001", "seq_000800" }, { "seq_000801", "seq_999999" },
    GH_HEAD_COUNT, "people", { 320, 240, 320, 240 }, 30, 50, 20 },
  { "mall", "people in an indoor mall camera", "counts.csv", "frames",
    "file", "count", "file", { "seq_000001", "seq_000800" }, { "seq_000801", "seq_999999" },
    GH_HEAD_COUNT, "people", { 0 }, 30, 50, 20 },
  { "feed", "time of day of an outdoor construction camera", "times.csv", "frames",
    "file", "minute_of_day", "local_pdt", { "2023-06-12", "2023-06-23" }, { "2023-06-25", "2023-06-27" },
    GH_HEAD_TIME, "", { 0 }, 300, 50, 20, 10 },
};

const GhDataset *
gh_dataset_nth (guint index)
{
  return index < G_N_ELEMENTS (datasets) ? &datasets[index] : NULL;
}

int
gh_dataset_draws (const GhDataset *dataset, int n_labels)
{
  return n_labels < 100 ? dataset->draws_of_few : dataset->draws_of_many;
}

const GhDataset *
gh_dataset_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (datasets); i++)
    if (strcmp (datasets[i].name, name) == 0)
      return &datasets[i];
  return NULL;
}

static gboolean
in_range (const char *text, const GhRange *range)
{
  return strcmp (text, range->first) >= 0 && strncmp (text, range->last, strlen (range->last)) <= 0;
}

static gboolean
parse_label (const GhDataset *dataset, const char *text, double *value)
{
  char *end;

  if (dataset->kind == GH_HEAD_TIME)
    return gh_parse_time (text, value);
  *value = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (*value);
}

/* Equal for texts that begin equally. */
static int
group_of (const char *text, int length)
{
  g_autofree char *head = g_strndup (text, length);

  return g_quark_from_string (head);
}

static gboolean
add_part (GhSamples *samples, const GhDataset *dataset, const GhCsv *csv, const int *columns, const GhRange *range,
    GError **error)
{
  for (guint i = 0; i < csv->rows->len; i++) {
    const GhCsvRow *row = gh_csv_row (csv, i);

    if (!in_range (row->fields[columns[2]], range))
      continue;
    if (!parse_label (dataset, row->fields[columns[1]], &samples->values[samples->n])) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s:%d: \"%s\" is not a label", csv->path, row->line,
          row->fields[columns[1]]);
      return FALSE;
    }
    if (samples->groups)
      samples->groups[samples->n] = group_of (row->fields[columns[2]], dataset->group_length);
    samples->files[samples->n++] = g_strdup (row->fields[columns[0]]);
  }
  return TRUE;
}

GhSamples *
gh_dataset_load (const GhDataset *dataset, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, dataset->labels, NULL);
  const char *names[3] = { dataset->file_column, dataset->label_column, dataset->split_column };
  g_autoptr (GhCsv) csv = gh_csv_read (path, error);
  g_autoptr (GhSamples) samples = NULL;
  int columns[3];

  if (!csv)
    return NULL;
  for (int i = 0; i < 3; i++)
    if ((columns[i] = gh_csv_column (csv, names[i], error)) < 0)
      return NULL;
  samples = g_new0 (GhSamples, 1);
  samples->files = g_new0 (char *, 2 * csv->rows->len + 1);
  samples->values = g_new (double, 2 * csv->rows->len + 1);
  samples->groups = dataset->group_length ? g_new (int, 2 * csv->rows->len + 1) : NULL;
  if (!add_part (samples, dataset, csv, columns, &dataset->pool, error))
    return NULL;
  samples->n_pool = samples->n;
  if (!add_part (samples, dataset, csv, columns, &dataset->test, error))
    return NULL;
  if (samples->n_pool > 0 && samples->n > samples->n_pool)
    return g_steal_pointer (&samples);
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: no rows %s (%s from %s to %s)", path,
      samples->n_pool ? "to test on" : "to learn from", dataset->split_column,
      samples->n_pool ? dataset->test.first : dataset->pool.first,
      samples->n_pool ? dataset->test.last : dataset->pool.last);
  return NULL;
}

void
gh_samples_free (GhSamples *samples)
{
  if (!samples)
    return;
  g_strfreev (samples->files);
  g_free (samples->values);
  g_free (samples->groups);
  g_free (samples);
}
