/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.c: gst-heads dataset COMMAND DIR: what a dataset holds, whether it is whole, labels in and out of it.
 */
#include "tools.h"
#include "dataset-coco.h"
#include "models/gh-labels.h"

#include "gst/dataset/catalogue.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_DAYS = 100000 };

typedef struct {
  char *output, *format, *csv, *task, *column, *file_column, *origin;
  double max_age_days;
  gint64 max_frames, max_bytes;
  gboolean dry_run;
} Options;

static void
options_clear (Options *o)
{
  g_free (o->output);
  g_free (o->format);
  g_free (o->csv);
  g_free (o->task);
  g_free (o->column);
  g_free (o->file_column);
  g_free (o->origin);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
fail (const GError *error)
{
  return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
}

static char *
time_of (gint64 at)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (at / G_USEC_PER_SEC);
  g_autofree char *words = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : g_strdup ("?");

  return g_strdup_printf ("%s.%03dZ", words, (int) (at % G_USEC_PER_SEC / 1000));
}

/* ---- list, stats, verify ----------------------------------------------------------------------------------------- */

static void
append_label (const CatalogueLabel *label, gpointer line)
{
  g_string_append_printf (line, "  %s=%s", label->task, label->value);
}

static gboolean
print_row (const CatalogueRow *row, gpointer catalogue)
{
  g_autofree char *time = time_of (row->captured_at);
  g_autoptr (GString) line = g_string_new (NULL);

  catalogue_each_label (catalogue, row->id, append_label, line, NULL);
  printf ("%s  %s  %s  %dx%d%s\n", row->id, time, row->source, row->width, row->height, line->str);
  return TRUE;
}

static int
list (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;

  return catalogue_each (catalogue, print_row, catalogue, &error) ? GH_EXIT_OK : fail (error);
}

static int
stats (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *size = NULL;
  CatalogueCounts counts;

  if (!catalogue_count (catalogue, &counts, &error))
    return fail (error);
  size = g_format_size (counts.bytes);
  printf ("%" G_GUINT64_FORMAT " frames, %s, %" G_GUINT64_FORMAT " labels, %" G_GUINT64_FORMAT " outages; %" G_GUINT64_FORMAT
      " frames were deleted, %" G_GUINT64_FORMAT " are missing\n", counts.stored, size, counts.labels, counts.outages,
      counts.evicted, counts.missing);
  return GH_EXIT_OK;
}

static void
print_line (const gchar *line, gpointer data)
{
  printf ("%s\n", line);
}

static int
verify (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;
  gint wrong = catalogue_verify (catalogue, print_line, NULL, &error);

  if (wrong < 0)
    return fail (error);
  if (wrong > 0)
    return gh_tool_fail (GH_EXIT_FAILED, "%d things are wrong with %s", wrong, catalogue_folder (catalogue));
  printf ("%s is whole\n", catalogue_folder (catalogue));
  return GH_EXIT_OK;
}

/* ---- export --------------------------------------------------------------------------------------------------------- */

typedef struct {
  Catalogue *catalogue;
  FILE *to;
  GPtrArray *tasks;             /* names, in order of appearance */
  GHashTable *values;           /* of one frame: task -> value */
  guint rows;
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
  const Export *export = data;

  return catalogue_each_label (export->catalogue, row->id, collect_task, export->tasks, NULL);
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
  g_autofree char *time = time_of (row->captured_at);

  export->rows++;
  g_hash_table_remove_all (export->values);
  catalogue_each_label (export->catalogue, row->id, collect_value, export->values, NULL);
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

static gboolean
write_csv (Export *export, GError **error)
{
  if (!catalogue_each (export->catalogue, collect_tasks, export, error))
    return FALSE;
  fputs ("file,captured_at,source", export->to);
  for (guint i = 0; i < export->tasks->len; i++) {
    fputc (',', export->to);
    write_field (export->to, export->tasks->pdata[i]);
  }
  fputc ('\n', export->to);
  return catalogue_each (export->catalogue, write_row, export, error);
}

static gboolean
write_as (Export *export, const char *format, GError **error)
{
  gboolean written;

  if (format && g_str_equal (format, "coco"))
    return gh_dataset_write_coco (export->catalogue, export->to, &export->rows, error);
  export->tasks = g_ptr_array_new_with_free_func (g_free);
  export->values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  written = write_csv (export, error);
  g_ptr_array_unref (export->tasks);
  g_hash_table_unref (export->values);
  return written;
}

static int
export_labels (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;
  Export export = { .catalogue = catalogue, .to = options->output ? fopen (options->output, "w") : stdout };
  gboolean written;

  if (export.to == NULL)
    return gh_tool_fail (GH_EXIT_FAILED, "%s cannot be written: %s", options->output, g_strerror (errno));
  written = write_as (&export, options->format, &error);
  if (fflush (export.to) != 0 || ferror (export.to))
    written = written && gh_tool_fail (0, "%s cannot be written whole", options->output ? options->output : "the output");
  if (options->output)
    fclose (export.to);
  if (error)
    return fail (error);
  if (written && options->output)
    printf ("%u frames: %s\n", export.rows, options->output);
  return written ? GH_EXIT_OK : GH_EXIT_FAILED;
}

/* ---- label, prune ----------------------------------------------------------------------------------------------------- */

/* "ID.jpg", "frames/DAY/ID.jpg" or "ID": the ID. */
static char *
id_of (const char *file)
{
  char *id = g_path_get_basename (file), *dot = strrchr (id, '.');

  if (dot && (g_ascii_strcasecmp (dot, ".jpg") == 0 || g_ascii_strcasecmp (dot, ".png") == 0))
    *dot = 0;
  return id;
}

static int
label (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhLabels) labels = NULL;
  guint unknown = 0;

  if (!options->csv || !options->task)
    return gh_tool_fail (GH_EXIT_USAGE, "label needs --csv=FILE and --task=NAME");
  labels = gh_labels_read (options->csv, GH_HEAD_CLASS, options->file_column ? options->file_column : "file",
      options->column ? options->column : options->task, NULL, &error);
  if (labels == NULL)
    return fail (error);
  for (guint i = 0; i < labels->n; i++) {
    g_autofree char *id = id_of (labels->files[i]);
    CatalogueLabel one = { options->task, labels->classes[(int) labels->values[i]], options->origin ? options->origin : "csv" };

    if (catalogue_label (catalogue, id, &one, &error))
      continue;
    if (error)
      return fail (error);
    unknown++;
    gh_tool_fail (0, "%s:%d: there is no frame %s", options->csv, labels->lines[i], labels->files[i]);
  }
  printf ("%u labels for %s\n", labels->n - unknown, options->task);
  return unknown ? GH_EXIT_FAILED : GH_EXIT_OK;
}

static int
prune (Catalogue *catalogue, const Options *options)
{
  g_autoptr (GError) error = NULL;
  CatalogueLimits limits = { (gint64) (options->max_age_days * 86400e6), options->max_frames, options->max_bytes };
  gint gone;

  if (!(limits.max_age || limits.max_frames || limits.max_bytes))
    return gh_tool_fail (GH_EXIT_USAGE, "prune needs --max-age, --max-frames or --max-bytes");
  gone = catalogue_prune (catalogue, &limits, g_get_real_time (), options->dry_run, &error);
  if (gone < 0)
    return fail (error);
  printf ("%d images %s\n", gone, options->dry_run ? "would be deleted" : "deleted");
  return GH_EXIT_OK;
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int (*run) (Catalogue *catalogue, const Options *options);
  gboolean writes;
} commands[] = {
  { "list", list, FALSE }, { "stats", stats, FALSE }, { "verify", verify, FALSE }, { "export", export_labels, FALSE },
  { "label", label, TRUE }, { "prune", prune, TRUE },
};

static int
run (const char *name, const char *folder, const Options *options)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (Catalogue) catalogue = NULL;

    if (!g_str_equal (commands[i].name, name))
      continue;
    catalogue = catalogue_open_read (folder, &error);   /* which makes none where there is none */
    if (catalogue && commands[i].writes) {
      catalogue_close (catalogue);
      catalogue = catalogue_open (folder, &error);
    }
    return catalogue ? commands[i].run (catalogue, options) : fail (error);
  }
  return gh_tool_fail (GH_EXIT_USAGE, "there is no \"dataset %s\"; there are list, stats, verify, export, label and prune", name);
}

int
gh_tool_dataset (int argc, char **argv)
{
  g_auto (Options) o = { NULL };
  const GOptionEntry entries[] = {
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "export: the file; without it standard output", "FILE" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &o.format, "export: csv (as it comes), or coco with boxes", "NAME" },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &o.csv, "label: CSV file with a line of column names", "FILE" },
    { "task", 0, 0, G_OPTION_ARG_STRING, &o.task, "label: what the labels tell, such as people", "NAME" },
    { "column", 0, 0, G_OPTION_ARG_STRING, &o.column, "label: column of the labels (the task)", "NAME" },
    { "file-column", 0, 0, G_OPTION_ARG_STRING, &o.file_column, "label: column of the images, by file or ID (file)", "NAME" },
    { "origin", 0, 0, G_OPTION_ARG_STRING, &o.origin, "label: who says so; a label of the same origin is replaced (csv)",
        "NAME" },
    { "max-age", 0, 0, G_OPTION_ARG_DOUBLE, &o.max_age_days, "prune: images without a label older than this", "DAYS" },
    { "max-frames", 0, 0, G_OPTION_ARG_INT64, &o.max_frames, "prune: images to keep", "N" },
    { "max-bytes", 0, 0, G_OPTION_ARG_INT64, &o.max_bytes, "prune: bytes of images to keep", "N" },
    { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &o.dry_run, "prune: only say how many", NULL },
    G_OPTION_ENTRY_NULL
  };
  int status = gh_tool_parse (&argc, &argv, entries, "list|stats|verify|export|label|prune DIR",
      "A dataset is the folder that dataset-sink fills. list prints its frames, stats how many, verify checks every image\n"
      "against the catalogue, export writes the labels as CSV for train-head or as COCO, label takes them from a CSV, prune deletes the\n"
      "oldest images without a label.");

  if (status >= 0)
    return status;
  if (argc != 3)
    return gh_tool_fail (GH_EXIT_USAGE, "what, and which folder? (\"%s --help\")", g_get_prgname ());
  if (!(o.max_age_days >= 0 && o.max_age_days <= MOST_DAYS))
    return gh_tool_fail (GH_EXIT_USAGE, "--max-age: a number of days from 0 to %d", MOST_DAYS);
  if (o.format && !g_str_equal (o.format, "csv") && !g_str_equal (o.format, "coco"))
    return gh_tool_fail (GH_EXIT_USAGE, "--format=%s: there are csv and coco", o.format);
  if (o.max_frames < 0 || o.max_bytes < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "a limit is more than 0");
  return run (argv[1], argv[2], &o);
}
