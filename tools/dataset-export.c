/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dataset-export.c: gst-heads dataset export: frames and labels as CSV or COCO. */
#include "dataset.h"
#include "dataset-coco.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
typedef struct {
  Catalogue *catalogue;
  const CatalogueFilter *filter;
  const char *path;             /* NULL: standard output */
  FILE *to;
  GPtrArray *tasks;             /* names, in order of appearance */
  GHashTable *values;           /* of one frame: task -> value */
  guint rows;
  GError *error;                /* of the labels of one; ends the walk */
} Export;

static void
write_field (FILE *to, const char *text)
{
  g_autofree char *doubled = NULL;
  char **parts;

  if (!strpbrk (text, ",\"\r\n")) {
    fputs (text, to);
    return;
  }
  parts = g_strsplit (text, "\"", -1);
  doubled = g_strjoinv ("\"\"", parts);
  g_strfreev (parts);
  fprintf (to, "\"%s\"", doubled);
}

static void
collect_task (const CatalogueLabel *label, gpointer data)
{
  GPtrArray *tasks = data;

  if (!g_ptr_array_find_with_equal_func (tasks, label->task, g_str_equal, NULL))
    g_ptr_array_add (tasks, g_strdup (label->task));
}

static gboolean
collect_tasks (const CatalogueRow *row, gpointer data)
{
  Export *export = data;

  return catalogue_each_label (export->catalogue, row->id, collect_task, export->tasks, &export->error);
}

static void
collect_value (const CatalogueLabel *label, gpointer values)
{
  g_hash_table_replace (values, g_strdup (label->task), g_strdup (label->value));
}

static gboolean
write_row (const CatalogueRow *row, gpointer data)
{
  Export *export = data;
  g_autofree char *time = gh_dataset_time (row->captured_at);

  export->rows++;
  g_hash_table_remove_all (export->values);
  if (!catalogue_each_label (export->catalogue, row->id, collect_value, export->values, &export->error))
    return FALSE;
  write_field (export->to, row->path);
  fprintf (export->to, ",%s,", time);
  write_field (export->to, row->source);
  for (guint i = 0; i < export->tasks->len; i++) {
    const char *value = g_hash_table_lookup (export->values, export->tasks->pdata[i]);

    fputc (',', export->to);
    write_field (export->to, value ? value : "");
  }
  return fputc ('\n', export->to) != EOF;
}

/* The same for every frame. */
static gboolean
each_frame (Export *export, gboolean (*visit) (const CatalogueRow *row, gpointer data), GError **error)
{
  gboolean done = catalogue_each_matching (export->catalogue, export->filter, visit, export, error);

  if (export->error == NULL)
    return done;
  g_propagate_error (error, g_steal_pointer (&export->error));
  return FALSE;
}

static gboolean
write_csv (Export *export, GError **error)
{
  if (!each_frame (export, collect_tasks, error))
    return FALSE;
  fputs ("file,captured_at,source", export->to);
  for (guint i = 0; i < export->tasks->len; i++) {
    fputc (',', export->to);
    write_field (export->to, export->tasks->pdata[i]);
  }
  fputc ('\n', export->to);
  return each_frame (export, write_row, error);
}

static gboolean
write_as (Export *export, const char *format, GError **error)
{
  gboolean written;

  if (format && g_str_equal (format, "coco"))
    return gh_dataset_write_coco (export->catalogue, export->filter, export->to, &export->rows, error);
  export->tasks = g_ptr_array_new_with_free_func (g_free);
  export->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  written = write_csv (export, error);
  g_ptr_array_unref (export->tasks);
  g_hash_table_unref (export->values);
  return written;
}

/* Whether all has arrived; what is torn is deleted. */
static gboolean
finish (Export *export, gboolean written)
{
  gboolean whole = fflush (export->to) == 0 && !ferror (export->to);

  if (export->path)
    whole = fclose (export->to) == 0 && whole;
  if (!whole)
    gh_tool_fail (0, "%s cannot be written whole", export->path ? export->path : "the output");
  if (!(whole && written) && export->path && g_file_test (export->path, G_FILE_TEST_IS_REGULAR))
    g_unlink (export->path);
  return whole && written;
}

int
gh_dataset_export (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  Export export = { .catalogue = catalogue, .filter = &options->filter, .path = options->output,
    .to = options->output ? fopen (options->output, "w") : stdout };
  gboolean written;

  if (export.to == NULL)
    return gh_tool_fail (GH_EXIT_FAILED, "%s cannot be written: %s", options->output, g_strerror (errno));
  if (options->output)          /* elsewhere the rows are what moves */
    gh_dataset_progress (catalogue, options, "exporting labels");
  /* Both passes over the frames are to see the same ones. */
  written = catalogue_hold (catalogue, &error) && write_as (&export, options->format, &error);
  gh_dataset_end_progress (catalogue, options);
  written = finish (&export, written);
  if (error)
    return gh_dataset_fail (error);
  if (!written)
    return GH_EXIT_FAILED;
  if (options->output)
    printf ("%u frame%s: %s\n", export.rows, GH_TOOL_S (export.rows), options->output);
  return export.rows ? GH_EXIT_OK : gh_dataset_nothing (catalogue, options);
}
