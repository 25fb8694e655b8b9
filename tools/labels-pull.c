/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labels-pull.c: gst-heads labels pull: asks for what has changed since the last time, a page at a time, and keeps each page as
 * it comes. The next pull begins where the last one that got all of it ended, and a bit before.
 */
#include "labels.h"

#include "gst/scaleai/scale-tasks.h"
#include "gst/scaleai/scale-upload.h"

#include <glib-unix.h>
#include <signal.h>

/* Clocks differ, and a task may change while its page is on the way. */
#define OVERLAP (10 * G_TIME_SPAN_MINUTE)
#define AGENT "gst-heads-labels"

typedef struct {
  LabelsKeep *keep;
  GCancellable *stop;
  GhToolProgress bar;
  guint64 before;               /* tasks of the passes before */
  GError *error;                /* of the catalogue */
} Pull;

/* Pending ones matter only when an answer may have been taken back. */
static const char *const passes[] = { "completed", "error", "canceled", "pending", NULL };

static gboolean
on_signal (gpointer data)
{
  g_cancellable_cancel (data);
  return G_SOURCE_REMOVE;       /* the next one ends the process as ever */
}

static gboolean
take_page (JsonArray *docs, guint64 total, gpointer data)
{
  Pull *pull = data;
  guint64 done;

  if (!gh_labels_keep_tasks (pull->keep, docs, &pull->error))
    return FALSE;
  done = gh_labels_keep_count (pull->keep) - pull->before;
  g_snprintf (pull->bar.note, sizeof pull->bar.note, "%" G_GUINT64_FORMAT " tasks", gh_labels_keep_count (pull->keep));
  gh_tool_progress (total ? MIN (1, (double) done / (double) total) : 1, "labels", &pull->bar);
  return !g_cancellable_is_cancelled (pull->stop);
}

/* The exit status of what went wrong; words are out. */
static int
explain (const Pull *pull, const GError *error)
{
  if (pull->error)
    return gh_tool_fail (GH_EXIT_FAILED, "%s", pull->error->message);
  switch (error->code) {
    case SCALE_TASKS_ERROR_STOPPED:
      return gh_tool_fail (GH_EXIT_INTERRUPTED, "stopped: what came is kept, and the next pull gets the rest");
    case SCALE_TASKS_ERROR_REFUSED:
      return gh_tool_fail (GH_EXIT_REFUSED, "%s", error->message);
    case SCALE_TASKS_ERROR_UNREACHABLE:
      return gh_tool_fail (GH_EXIT_UNREACHABLE, "%s; what came is kept: pull again later", error->message);
    default:
      return gh_tool_fail (GH_EXIT_FAILED, "%s; what came is kept", error->message);
  }
}

static gboolean
run_passes (Pull *pull, ScaleApi *api, const LabelsOptions *options, gint64 until, GError **error)
{
  ScaleTasksQuery query = { options->project, NULL, options->batch, until > OVERLAP ? until - OVERLAP : 0,
    (guint) options->attempts };

  for (guint i = 0; passes[i]; i++) {
    if (g_str_equal (passes[i], "pending") && until == 0 && !options->full)
      continue;
    pull->before = gh_labels_keep_count (pull->keep);
    query.status = passes[i];
    if (!scale_tasks_each_page (api, &query, pull->stop, take_page, pull, error))
      return FALSE;
  }
  return TRUE;
}

/* Not when something could not be read: it may be readable the next time. */
static gboolean
note_pull (Pull *pull, const LabelsOptions *options, gint64 until, gint64 began, GError **error)
{
  gint64 now = g_get_real_time (), newest = MIN (gh_labels_keep_newest (pull->keep), began);
  CataloguePull row = { SCALE_SERVICE, options->project, options->batch, MAX (until, newest),
    gh_labels_keep_count (pull->keep), now };

  return gh_labels_keep_unreadable (pull->keep) > 0
      || catalogue_put_pull (gh_labels_keep_catalogue (pull->keep), &row, error);
}

/* ---- when nothing came ------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *project;
  gboolean known;               /* something was uploaded to it from here */
  GPtrArray *others;            /* projects that something was uploaded to; their names belong to it */
  guint64 open;                 /* tasks that nobody has answered */
} Doubt;

static void
see_uploads (const CatalogueTally *tally, gpointer data)
{
  Doubt *doubt = data;

  if (!g_str_equal (tally->service, SCALE_SERVICE))
    return;
  if (g_str_equal (tally->project, doubt->project))
    doubt->known = TRUE;
  else if (!g_ptr_array_find_with_equal_func (doubt->others, tally->project, g_str_equal, NULL))
    g_ptr_array_add (doubt->others, g_strdup (tally->project));
}

static void
see_tasks (const CatalogueTally *tally, gpointer data)
{
  Doubt *doubt = data;

  if (g_str_equal (tally->service, SCALE_SERVICE) && g_strcmp0 (tally->project, doubt->project) == 0
      && g_str_equal (tally->state, "pending"))
    doubt->open += tally->n;
}

/* The service has no tasks of a project that does not exist, and says no more about it. */
static void
doubt_project (Catalogue *catalogue, const char *project)
{
  g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func (g_free);
  Doubt doubt = { .project = project, .others = others };

  if (!catalogue_each_upload_tally (catalogue, see_uploads, &doubt, NULL)
      || !catalogue_each_task_tally (catalogue, see_tasks, &doubt, NULL))
    return;
  if (!doubt.known && others->len > 0) {
    g_autofree char *names = NULL;

    g_ptr_array_add (others, NULL);
    names = g_strjoinv (", ", (char **) others->pdata);
    g_printerr ("nothing was uploaded to %s from here, but to %s: is --project right?\n", project, names);
  } else if (doubt.open > 0) {
    g_printerr ("%" G_GUINT64_FORMAT " tasks of %s are not answered yet. Nobody sees those of a batch that is not finalized: "
        "by scale-uploader with finalize=true, or in the dashboard\n", doubt.open, project);
  }
}

static void
see_errors (const CatalogueTally *tally, gpointer data)
{
  Doubt *doubt = data;

  if (g_str_equal (tally->service, SCALE_SERVICE) && g_strcmp0 (tally->project, doubt->project) == 0
      && g_str_equal (tally->state, "error") && tally->words == NULL)
    doubt->open += tally->n;
}

/* Nobody will answer those. */
static void
tell_of_errors (Catalogue *catalogue, const char *project)
{
  Doubt doubt = { .project = project };

  if (catalogue_each_task_tally (catalogue, see_errors, &doubt, NULL) && doubt.open > 0)
    g_printerr ("%" G_GUINT64_FORMAT " tasks of %s ended in an error: \"labels status\" says why, and after that is mended "
        "--retry-errors has them made again\n", doubt.open, project);
}

static int
pull_all (Pull *pull, ScaleApi *api, const LabelsOptions *options)
{
  const CatalogueDestination from = { SCALE_SERVICE, options->project };
  Catalogue *catalogue = gh_labels_keep_catalogue (pull->keep);
  gint64 known = catalogue_pulled_until (catalogue, &from, options->batch), began = g_get_real_time ();
  g_autoptr (GError) error = NULL;
  gboolean whole = run_passes (pull, api, options, options->full ? 0 : known, &error);
  int status = GH_EXIT_OK, worth;

  gh_tool_progress_end (&pull->bar);
  if (!whole)
    status = explain (pull, error);
  else if (!note_pull (pull, options, known, began, &error)
      || (options->retry_errors && !gh_labels_keep_retry_errors (pull->keep, &error)))
    status = gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
  else if (gh_labels_keep_count (pull->keep) == 0)
    doubt_project (catalogue, options->project);
  if (whole)
    tell_of_errors (catalogue, options->project);
  if (status && gh_labels_keep_count (pull->keep) == 0 && !options->json)
    return status;
  worth = gh_labels_keep_report (pull->keep, options->json);
  return status ? status : worth;
}

static ScaleApi *
connect_to (const LabelsOptions *options, int *status)
{
  ScaleApiOptions settings = { .base_url = options->base_url, .user_agent = AGENT, .ca_file = options->ca_file };
  g_autoptr (GError) error = NULL;
  gboolean exposed;
  ScaleKey *key = scale_key_load (options->key_file, SCALE_KEY_VARIABLE, &exposed, &error);
  ScaleApi *api = key ? scale_api_new (&settings, key, &error) : NULL;

  if (key && exposed)
    gh_tool_fail (0, "others can read the key-file %s: chmod 600 it", options->key_file);
  if (api == NULL)
    *status = gh_tool_fail (GH_EXIT_REFUSED, "%s", error->message);
  return api;
}

int
gh_labels_pull (const char *folder, const LabelsOptions *options)
{
  int status = GH_EXIT_OK;
  g_autoptr (LabelsKeep) keep = gh_labels_keep_new (folder, options->project, options->counts, &status);
  g_autoptr (ScaleApi) api = keep ? connect_to (options, &status) : NULL;
  g_autoptr (GCancellable) stop = g_cancellable_new ();
  Pull pull = { .keep = keep, .stop = stop };
  guint sources[2];

  if (api == NULL)
    return status;
  gh_tool_progress (0, "labels", &pull.bar);
  /* After the bar's own, which would only be looked at between pages. */
  sources[0] = g_unix_signal_add (SIGINT, on_signal, stop);
  sources[1] = g_unix_signal_add (SIGTERM, on_signal, stop);
  status = pull_all (&pull, api, options);
  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    if (!g_cancellable_is_cancelled (stop))
      g_source_remove (sources[i]);
  g_clear_error (&pull.error);
  return status;
}
