/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dataset-label.c: gst-heads dataset label: labels from a CSV file, to frames by their name or by their time. */
#include "dataset.h"

#include "models/gh-labels.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_TOLERANCE 1.0
#define FILE_COLUMN "file"              /* as export calls them */
#define TIME_COLUMN "captured_at"

typedef struct {
  const DatasetOptions *o;
  const GhLabels *labels;
  GArray *marks;                /* of CatalogueMark */
  GPtrArray *ids;               /* of the marks' frames */
  guint *rows;                  /* of each mark, its row */
} Marking;

static void
add_mark (Marking *m, char *id, guint row)
{
  const GhLabels *labels = m->labels;
  const char *value = labels->classes[(int) labels->values[row]];
  CatalogueMark mark = { id, { m->o->task, value, m->o->origin ? m->o->origin : "csv" }, FALSE };

  g_ptr_array_add (m->ids, id);
  m->rows[m->marks->len] = row;
  g_array_append_val (m->marks, mark);
}

/* ---- by name ------------------------------------------------------------------------------------------------------------ */

/* "ID.jpg", "frames/DAY/ID.jpg" or "ID": the ID. */
static char *
id_of (const char *file)
{
  char *id = g_path_get_basename (file), *dot = strrchr (id, '.');

  if (dot && (g_ascii_strcasecmp (dot, ".jpg") == 0 || g_ascii_strcasecmp (dot, ".png") == 0))
    *dot = 0;
  return id;
}

static void
mark_by_name (Marking *m)
{
  for (guint i = 0; i < m->labels->n; i++)
    add_mark (m, id_of (m->labels->files[i]), i);
}

static int
say_unknown (const Marking *m)
{
  guint unknown = 0;

  for (guint i = 0; i < m->marks->len; i++) {
    guint row = m->rows[i];

    if (g_array_index (m->marks, CatalogueMark, i).known)
      continue;
    unknown++;
    gh_tool_fail (0, "%s:%d: there is no frame %s", m->o->csv, m->labels->lines[row], m->labels->files[row]);
  }
  printf ("%u label%s for %s\n", m->marks->len - unknown, GH_TOOL_S (m->marks->len - unknown), m->o->task);
  return unknown ? GH_EXIT_FAILED : GH_EXIT_OK;
}

/* ---- by time ------------------------------------------------------------------------------------------------------------ */

/* The row that is nearest to a frame. */
typedef struct {
  guint row;
  gint64 distance;
} Nearest;

static gboolean
is_by_time (const DatasetOptions *o)
{
  return o->time_column || o->tolerance >= 0;
}

static double
tolerance_of (const DatasetOptions *o)
{
  return o->tolerance >= 0 ? o->tolerance : DEFAULT_TOLERANCE;
}

/* -1, or the exit status: at one time each source has a frame of its own. */
static int
check_source (Catalogue *catalogue, const DatasetOptions *o)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) sources = catalogue_sources (catalogue, &error);
  g_autofree char *names = NULL;

  if (error)
    return gh_dataset_fail (error);
  names = g_strjoinv ("\", \"", sources);
  if (o->source == NULL && g_strv_length (sources) > 1)
    return gh_tool_fail (GH_EXIT_USAGE, "say with --source whose frames the times are of: \"%s\"", names);
  if (o->source && !g_strv_contains ((const char *const *) sources, o->source))
    return gh_dataset_nothing (catalogue, o);
  return -1;
}

static void
take_nearest (GHashTable *frames, char *id, guint row, gint64 distance)
{
  Nearest *nearest = g_hash_table_lookup (frames, id);

  if (nearest == NULL) {
    nearest = g_new (Nearest, 1);
    *nearest = (Nearest) { row, distance };
    g_hash_table_insert (frames, g_strdup (id), nearest);
  } else if (distance < nearest->distance) {
    *nearest = (Nearest) { row, distance };
  }
}

/* -1, or the exit status. */
static int
find_nearest (Catalogue *catalogue, const Marking *m, GHashTable *frames)
{
  gint64 tolerance = (gint64) (tolerance_of (m->o) * G_USEC_PER_SEC);

  for (guint i = 0; i < m->labels->n; i++) {
    g_autofree char *id = NULL;
    gint64 at, distance;

    if (!catalogue_parse_time (m->labels->files[i], &at))
      return gh_tool_fail (GH_EXIT_FAILED, "%s:%d: \"%s\" is no time: 2026-01-31T07:00:00Z is one", m->o->csv,
          m->labels->lines[i], m->labels->files[i]);
    id = catalogue_frame_at (catalogue, m->o->source, at, tolerance, &distance);
    if (id)
      take_nearest (frames, id, i, distance);
  }
  return -1;
}

static int
mark_by_time (Catalogue *catalogue, Marking *m)
{
  g_autoptr (GHashTable) frames = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  int status = check_source (catalogue, m->o);
  GHashTableIter iter;
  gpointer id, nearest;

  if (status < 0)
    status = find_nearest (catalogue, m, frames);
  g_hash_table_iter_init (&iter, frames);
  while (status < 0 && g_hash_table_iter_next (&iter, &id, &nearest))
    add_mark (m, g_strdup (id), ((Nearest *) nearest)->row);
  return status;
}

static int
say_distant (const Marking *m)
{
  printf ("%u label%s for %s; %u of %u rows are no frame's nearest within %g s\n", m->marks->len, GH_TOOL_S (m->marks->len),
      m->o->task,
      m->labels->n - m->marks->len, m->labels->n, tolerance_of (m->o));
  if (m->marks->len)
    return GH_EXIT_OK;
  return gh_tool_fail (GH_EXIT_FAILED, "no frame was captured within %g s of a time in %s (times are UTC where they do not say)",
      tolerance_of (m->o), m->o->csv);
}

/* ---- the command -------------------------------------------------------------------------------------------------------- */

static const char *
key_column (const DatasetOptions *o)
{
  if (is_by_time (o))
    return o->time_column ? o->time_column : TIME_COLUMN;
  return o->file_column ? o->file_column : FILE_COLUMN;
}

static int
label_rows (Catalogue *catalogue, Marking *m)
{
  g_autoptr (GError) error = NULL;
  int status = -1;

  if (is_by_time (m->o))
    status = mark_by_time (catalogue, m);
  else
    mark_by_name (m);
  if (status >= 0)
    return status;
  if (!catalogue_label (catalogue, (CatalogueMark *) m->marks->data, m->marks->len, &error))
    return gh_dataset_fail (error);
  return is_by_time (m->o) ? say_distant (m) : say_unknown (m);
}

static int
say_unread (const DatasetOptions *o, const GError *error)
{
  int status = gh_dataset_fail (error);

  if (!is_by_time (o) && !o->file_column && strstr (error->message, "no column \"" FILE_COLUMN "\""))
    gh_tool_fail (0, "name the column of the images with --file-column=NAME, or that of times with --time-column=NAME");
  return status;
}

int
gh_dataset_label (Catalogue *catalogue, const DatasetOptions *o)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhLabels) labels = NULL;
  g_autofree guint *rows = NULL;
  Marking m = { o };
  int status;

  if (!o->csv || !o->task)
    return gh_tool_fail (GH_EXIT_USAGE, "label needs --csv=FILE and --task=NAME");
  if (o->source && !is_by_time (o))
    return gh_tool_fail (GH_EXIT_USAGE, "--source is for labels by time: with --time-column or --tolerance");
  if (o->file_column && is_by_time (o))
    return gh_tool_fail (GH_EXIT_USAGE, "by --file-column or by time (--time-column, --tolerance), not both");
  labels = gh_labels_read (o->csv, GH_HEAD_CLASS, key_column (o), o->column ? o->column : o->task, NULL, &error);
  if (labels == NULL)
    return say_unread (o, error);
  m.labels = labels;
  m.rows = rows = g_new (guint, labels->n);
  m.marks = g_array_new (FALSE, FALSE, sizeof (CatalogueMark));
  m.ids = g_ptr_array_new_with_free_func (g_free);
  status = label_rows (catalogue, &m);
  g_array_unref (m.marks);
  g_ptr_array_unref (m.ids);
  return status;
}
