/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset.c: gst-heads dataset COMMAND DIR: what a dataset holds, whether it is whole, labels in and out of it.
 */
#include "dataset.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_DAYS = 100000, MOST_SECONDS = 86400 };

static void
options_clear (DatasetOptions *o)
{
  char *texts[] = { o->source, o->after, o->before, o->task, o->output, o->format, o->csv, o->column, o->file_column,
    o->time_column, o->origin };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    g_free (texts[i]);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (DatasetOptions, options_clear)

/* ---- what the commands share ------------------------------------------------------------------------------------- */

int
gh_dataset_fail (const GError *error)
{
  return gh_tool_fail (g_error_matches (error, CATALOGUE_ERROR, CATALOGUE_ERROR_STOPPED) ? GH_EXIT_INTERRUPTED : GH_EXIT_FAILED,
      "%s", error->message);
}

static gboolean
draw (gdouble fraction, const gchar *what, gpointer bar)
{
  return isatty (STDERR_FILENO) ? gh_tool_progress (fraction, what, bar) : !gh_tool_is_interrupted ();
}

void
gh_dataset_progress (Catalogue *catalogue, const DatasetOptions *options, const char *what)
{
  gh_tool_catch_interrupts ();
  catalogue_set_progress (catalogue, what, draw, options->bar);
}

void
gh_dataset_end_progress (Catalogue *catalogue, const DatasetOptions *options)
{
  catalogue_set_progress (catalogue, NULL, NULL, NULL);
  gh_tool_progress_end (options->bar);
}

char *
gh_dataset_time (gint64 at)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (at / G_USEC_PER_SEC);
  g_autofree char *words = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : g_strdup ("?");

  return g_strdup_printf ("%s.%03dZ", words, (int) (at % G_USEC_PER_SEC / 1000));
}

int
gh_dataset_nothing (Catalogue *catalogue, const DatasetOptions *options)
{
  const struct { const char *option, *asked; char **(*list) (Catalogue *catalogue, GError **error); } names[] = {
    { "source", options->source, catalogue_sources }, { "task", options->unlabeled ? NULL : options->task, catalogue_label_tasks },
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GError) error = NULL;
    g_auto (GStrv) known = names[i].asked ? names[i].list (catalogue, &error) : NULL;
    g_autofree char *text = known ? g_strjoinv ("\", \"", known) : NULL;

    if (error)
      return gh_dataset_fail (error);
    if (known && *known && !g_strv_contains ((const char *const *) known, names[i].asked))
      return gh_tool_fail (GH_EXIT_FAILED, "--%s: %s has no \"%s\"; it has \"%s\"", names[i].option,
          catalogue_folder (catalogue), names[i].asked, text);
  }
  return gh_tool_fail (GH_EXIT_OK, "no frame fits");
}

/* ---- stats, verify ------------------------------------------------------------------------------------------------- */

typedef struct {
  guint64 n;
  gint64 first, last;           /* captured at */
} Span;

static gboolean
add_to_span (const CatalogueRow *row, gpointer spans)
{
  Span *span = g_hash_table_lookup (spans, row->source);

  if (span == NULL) {
    span = g_new0 (Span, 1);
    span->first = row->captured_at;
    g_hash_table_insert (spans, g_strdup (row->source), span);
  }
  span->n++;
  span->last = row->captured_at;
  return TRUE;
}

/* The sources in the order of the alphabet, a line each. */
static void
print_spans (GHashTable *spans)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (spans), (GCompareFunc) g_strcmp0);

  for (GList *name = names; name; name = name->next) {
    const Span *span = g_hash_table_lookup (spans, name->data);
    g_autofree char *first = gh_dataset_time (span->first), *last = gh_dataset_time (span->last);

    printf ("  %s: %" G_GUINT64_FORMAT " frame%s from %s to %s\n", (const char *) name->data, span->n, GH_TOOL_S (span->n),
        first, last);
  }
}

static int
stats (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GHashTable) spans = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GError) error = NULL;
  g_autofree char *size = NULL;
  CatalogueCounts counts;

  if (!catalogue_hold (catalogue, &error) || !catalogue_count (catalogue, &counts, &error)
      || !catalogue_each (catalogue, add_to_span, spans, &error))
    return gh_dataset_fail (error);
  size = g_format_size (counts.bytes);
  printf ("%" G_GUINT64_FORMAT " frame%s, %s, %" G_GUINT64_FORMAT " label%s, %" G_GUINT64_FORMAT " outage%s; deleted: %"
      G_GUINT64_FORMAT ", missing: %" G_GUINT64_FORMAT "\n", counts.stored, GH_TOOL_S (counts.stored), size, counts.labels,
      GH_TOOL_S (counts.labels), counts.outages, GH_TOOL_S (counts.outages), counts.evicted, counts.missing);
  print_spans (spans);
  return GH_EXIT_OK;
}

/* In the place of the bar, which is drawn anew below. */
static void
print_line (const gchar *line, gpointer data)
{
  if (isatty (STDERR_FILENO))
    fputs ("\r\033[K", stderr);
  printf ("%s\n", line);
}

static int
verify (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  gint wrong;

  gh_dataset_progress (catalogue, options, "checking images");
  wrong = catalogue_verify (catalogue, print_line, NULL, &error);
  gh_dataset_end_progress (catalogue, options);
  if (wrong < 0)
    return gh_dataset_fail (error);
  if (wrong > 0)
    return gh_tool_fail (GH_EXIT_FAILED, "%d things are wrong with %s", wrong, catalogue_folder (catalogue));
  printf ("%s is whole\n", catalogue_folder (catalogue));
  return GH_EXIT_OK;
}

/* ---- prune ------------------------------------------------------------------------------------------------------------ */

static int
prune (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  CatalogueLimits limits = { (gint64) (options->max_age_days * 86400e6), options->max_frames, options->max_bytes };
  CatalogueCounts left;
  gint gone;

  if (!(limits.max_age || limits.max_frames || limits.max_bytes))
    return gh_tool_fail (GH_EXIT_USAGE, "prune needs --max-age, --max-frames or --max-bytes");
  gh_dataset_progress (catalogue, options, "deleting images");
  gone = catalogue_prune (catalogue, &limits, g_get_real_time (), options->dry_run, &error);
  gh_dataset_end_progress (catalogue, options);
  if (gone < 0 || !catalogue_count (catalogue, &left, &error))
    return gh_dataset_fail (error);
  if (options->dry_run)
    left.stored -= gone;
  printf ("%d image%s %s, %" G_GUINT64_FORMAT " are left\n", gone, GH_TOOL_S (gone),
      options->dry_run ? "would be deleted" : "deleted", left.stored);
  if ((limits.max_frames && left.stored > limits.max_frames) || (limits.max_bytes && !options->dry_run
          && left.bytes > limits.max_bytes))
    gh_tool_fail (0, "the limit is not reached: images with a label and those still to be uploaded or to get a task stay");
  return GH_EXIT_OK;
}

/* ---- backup --------------------------------------------------------------------------------------------------------- */

static int
backup (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *size = NULL;
  CatalogueBackup made;
  gboolean done;

  gh_dataset_progress (catalogue, options, "copying images");
  done = catalogue_backup (catalogue, options->target, &made, &error);
  gh_dataset_end_progress (catalogue, options);
  if (!done)
    return gh_dataset_fail (error);
  size = g_format_size (made.counts.bytes);
  printf ("%" G_GUINT64_FORMAT " frame%s, %s, %" G_GUINT64_FORMAT " image%s linked, %" G_GUINT64_FORMAT " copied: %s\n",
      made.counts.stored, GH_TOOL_S (made.counts.stored), size, made.linked, GH_TOOL_S (made.linked),
      made.copied, options->target);
  if (made.missing)
    return gh_tool_fail (GH_EXIT_FAILED, "%" G_GUINT64_FORMAT " images are missing from %s, and so from the backup (\"gst-heads "
        "dataset verify\" says which)", made.missing, catalogue_folder (catalogue));
  return GH_EXIT_OK;
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

/* What a command does to the dataset. A capture keeps others from deleting, not from labeling. */
typedef enum { READS, LABELS, DELETES } Access;

static const struct {
  const char *name;
  int (*run) (Catalogue *catalogue, const DatasetOptions *options);
  Access access;
} commands[] = {
  { "list", gh_dataset_list, READS }, { "stats", stats, READS }, { "verify", verify, READS },
  { "export", gh_dataset_export, READS }, { "label", gh_dataset_label, LABELS }, { "prune", prune, DELETES },
  { "backup", backup, READS },
};

static Catalogue *
open_for (Access access, const char *folder, GError **error)
{
  Catalogue *catalogue = catalogue_open_read (folder, error);   /* which makes none where there is none */

  if (catalogue == NULL || access == READS)
    return catalogue;
  catalogue_close (catalogue);
  return access == LABELS ? catalogue_open_beside (folder, error) : catalogue_open (folder, error);
}

/* The catalogue's own words about a busy one are for a second capture. */
static int
say_unopened (Access access, const GError *error)
{
  int status = gh_dataset_fail (error);

  if (access == DELETES && g_error_matches (error, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY))
    gh_tool_fail (0, "stop what captures into it first, or let that delete by itself: max-age, max-frames or max-bytes of "
        "dataset-sink, MAX_AGE or MAX_BYTES of capture.pipeline");
  return status;
}

/* Not every option means something to every command, and one that is passed over can cost images: -1, or the exit status. */
static int
check_options (const char *command, const DatasetOptions *o)
{
  const struct {
    const char *name, *commands;
    gboolean given;
  } uses[] = { { "source", "list, export, label", o->source != NULL }, { "after", "list, export", o->after != NULL },
    { "before", "list, export", o->before != NULL }, { "task", "list, export, label", o->task != NULL },
    { "labeled", "list, export", o->labeled }, { "unlabeled", "list, export", o->unlabeled },
    { "limit", "list, export", o->limit != -1 }, { "json", "list", o->json }, { "output", "export", o->output != NULL },
    { "format", "export", o->format != NULL }, { "csv", "label", o->csv != NULL }, { "column", "label", o->column != NULL },
    { "file-column", "label", o->file_column != NULL }, { "time-column", "label", o->time_column != NULL },
    { "tolerance", "label", o->tolerance != -1 }, { "origin", "label", o->origin != NULL },
    { "max-age", "prune", o->max_age_days != 0 }, { "max-frames", "prune", o->max_frames != 0 },
    { "max-bytes", "prune", o->max_bytes != 0 }, { "dry-run", "prune", o->dry_run } };

  for (gsize i = 0; i < G_N_ELEMENTS (uses); i++)
    if (uses[i].given && !strstr (uses[i].commands, command))
      return gh_tool_fail (GH_EXIT_USAGE, "%s knows no --%s, which is of %s", command, uses[i].name, uses[i].commands);
  return -1;
}

static int
run (const char *name, const char *folder, const DatasetOptions *options)
{
  for (gsize i = 0; i < G_N_ELEMENTS (commands); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (Catalogue) catalogue = NULL;
    int status;

    if (!g_str_equal (commands[i].name, name))
      continue;
    status = check_options (name, options);
    if (status >= 0)
      return status;
    catalogue = open_for (commands[i].access, folder, &error);
    return catalogue ? commands[i].run (catalogue, options) : say_unopened (commands[i].access, error);
  }
  return gh_tool_fail (GH_EXIT_USAGE, "there is no \"dataset %s\"; there are list, stats, verify, export, label, prune and "
      "backup", name);
}

/* The filter of the options; -1, or the exit status. */
static int
make_filter (DatasetOptions *o)
{
  const struct {
    const char *name, *text;
    gint64 *at;
  } times[] = { { "after", o->after, &o->filter.after }, { "before", o->before, &o->filter.before } };

  for (gsize i = 0; i < G_N_ELEMENTS (times); i++)
    if (times[i].text && !catalogue_parse_time (times[i].text, times[i].at))
      return gh_tool_fail (GH_EXIT_USAGE, "--%s=%s is no time: write 2026-01-31T07:00:00Z (UTC), 2026-01-31T07:00:00-06:00 or "
          "2026-01-31", times[i].name, times[i].text);
  if (o->filter.after >= o->filter.before)
    return gh_tool_fail (GH_EXIT_USAGE, "--after=%s is not before --before=%s", o->after, o->before);
  if (o->labeled && o->unlabeled)
    return gh_tool_fail (GH_EXIT_USAGE, "--labeled or --unlabeled, not both");
  if (o->limit < -1)
    return gh_tool_fail (GH_EXIT_USAGE, "--limit: a number of frames from 0 on");
  o->filter.source = o->source;
  o->filter.task = o->task;
  o->filter.labeling = o->unlabeled ? CATALOGUE_UNLABELED : o->labeled || o->task ? CATALOGUE_LABELED : CATALOGUE_ALL;
  o->filter.most = o->limit;
  return -1;
}

int
gh_tool_dataset (int argc, char **argv)
{
  g_auto (DatasetOptions) o = { .limit = -1, .filter = CATALOGUE_ANY, .tolerance = -1 };
  const GOptionEntry entries[] = {
    { "source", 's', 0, G_OPTION_ARG_STRING, &o.source, "list, export; label by time: only frames of this source", "NAME" },
    { "after", 0, 0, G_OPTION_ARG_STRING, &o.after, "list, export: only frames captured at this time or later", "TIME" },
    { "before", 0, 0, G_OPTION_ARG_STRING, &o.before, "list, export: only frames captured before this time", "TIME" },
    { "labeled", 0, 0, G_OPTION_ARG_NONE, &o.labeled, "list, export: only frames with a label (of the task, if one is named)",
        NULL },
    { "unlabeled", 0, 0, G_OPTION_ARG_NONE, &o.unlabeled, "list, export: only frames without a label (of the task)", NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &o.limit, "list, export: the first frames that fit, so many", "N" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &o.json, "list: a JSON object for each frame, a line each", NULL },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o.output, "export: the file; without it standard output", "FILE" },
    { "format", 0, 0, G_OPTION_ARG_STRING, &o.format, "export: csv (as it comes), or coco with boxes", "NAME" },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &o.csv, "label: CSV file with a line of column names", "FILE" },
    { "task", 0, 0, G_OPTION_ARG_STRING, &o.task, "label: what the labels tell, such as people; list, export: only frames that "
        "say it", "NAME" },
    { "column", 0, 0, G_OPTION_ARG_STRING, &o.column, "label: column of the labels (the task)", "NAME" },
    { "file-column", 0, 0, G_OPTION_ARG_STRING, &o.file_column, "label: column of the images, by file or ID (file)", "NAME" },
    { "time-column", 0, 0, G_OPTION_ARG_STRING, &o.time_column, "label: column of the times (captured_at), for the frames "
        "that were captured next to them", "NAME" },
    { "tolerance", 0, 0, G_OPTION_ARG_DOUBLE, &o.tolerance, "label: how far from them at most (1)", "SECONDS" },
    { "origin", 0, 0, G_OPTION_ARG_STRING, &o.origin, "label: who says so; a label of the same origin is replaced (csv)",
        "NAME" },
    { "max-age", 0, 0, G_OPTION_ARG_DOUBLE, &o.max_age_days, "prune: images without a label older than this", "DAYS" },
    { "max-frames", 0, 0, G_OPTION_ARG_INT64, &o.max_frames, "prune: images to keep", "N" },
    { "max-bytes", 0, 0, G_OPTION_ARG_INT64, &o.max_bytes, "prune: bytes of images to keep", "N" },
    { "dry-run", 'n', 0, G_OPTION_ARG_NONE, &o.dry_run, "prune: only say how many", NULL },
    G_OPTION_ENTRY_NULL
  };
  GhToolProgress bar = { 0 };
  int status = gh_tool_parse (&argc, &argv, entries, "list|stats|verify|export|label|prune DIR, backup DIR TARGET",
      "A dataset is the folder that dataset-sink fills. list prints its frames, stats how many and from when to when, verify\n"
      "checks every image against the catalogue, export writes the labels as CSV for train-head or as COCO, label takes them\n"
      "from a CSV, prune deletes the oldest images without a label, backup makes a second dataset of the same frames, TARGET,\n"
      "while a capture writes the first. On one disk its images are links, which take no room and do not outlive the disk.\n"
      "A TIME is 2026-01-31T07:00:00Z, 2026-01-31T07:00 or 2026-01-31 (its midnight); UTC where it does not say.");

  if (status >= 0)
    return status;
  if (argc < 3)
    return gh_tool_fail (GH_EXIT_USAGE, "what, and which folder? (\"%s --help\")", g_get_prgname ());
  o.target = argc > 3 && g_str_equal (argv[1], "backup") ? argv[3] : NULL;
  if (g_str_equal (argv[1], "backup") && !o.target)
    return gh_tool_fail (GH_EXIT_USAGE, "backup needs a folder to make: backup DIR TARGET");
  if (argc > (o.target ? 4 : 3))
    return gh_tool_fail (GH_EXIT_USAGE, "%s is one too many", argv[o.target ? 4 : 3]);
  if (!(o.max_age_days >= 0 && o.max_age_days <= MOST_DAYS))
    return gh_tool_fail (GH_EXIT_USAGE, "--max-age: a number of days from 0 to %d", MOST_DAYS);
  if (o.tolerance != -1 && !(o.tolerance >= 0 && o.tolerance <= MOST_SECONDS))
    return gh_tool_fail (GH_EXIT_USAGE, "--tolerance: seconds from 0 to %d", MOST_SECONDS);
  if (o.format && !g_str_equal (o.format, "csv") && !g_str_equal (o.format, "coco"))
    return gh_tool_fail (GH_EXIT_USAGE, "--format=%s: there are csv and coco", o.format);
  if (o.max_frames < 0 || o.max_bytes < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--max-frames and --max-bytes: a number above 0");
  o.bar = &bar;
  status = make_filter (&o);
  return status >= 0 ? status : run (argv[1], argv[2], &o);
}
