/* SPDX-License-Identifier: LGPL-2.1-or-later
 * labels-status.c: gst-heads labels status: what waits, what was sent, what came back and what is of no frame. */
#include "labels.h"

#include <stdio.h>
#include <string.h>

#define N "%" G_GUINT64_FORMAT

typedef struct {
  char *service, *project, *state, *words, *problem;
  guint64 n;
} Tally;

static void
tally_free (gpointer data)
{
  Tally *tally = data;

  g_free (tally->service);
  g_free (tally->project);
  g_free (tally->state);
  g_free (tally->words);
  g_free (tally->problem);
  g_free (tally);
}

static void
collect (const CatalogueTally *tally, gpointer array)
{
  Tally copy = { g_strdup (tally->service), g_strdup (tally->project), g_strdup (tally->state), g_strdup (tally->words),
    g_strdup (tally->problem), tally->n };

  g_ptr_array_add (array, g_memdup2 (&copy, sizeof copy));
}

/* ---- for people -------------------------------------------------------------------------------------------------------- */

/* The service's words, which a terminal would obey. */
static void
blank (char *text)
{
  for (char *at = text; at && *at; at = g_utf8_next_char (at))
    if (g_unichar_iscntrl (g_utf8_get_char (at)))
      memset (at, ' ', (gsize) (g_utf8_next_char (at) - at));
}

static void
make_printable (gpointer data, gpointer unused)
{
  Tally *tally = data;

  blank (tally->project);
  blank (tally->state);
  blank (tally->problem);
}

static gboolean
is_same_group (const Tally *a, const Tally *b)
{
  return g_str_equal (a->service, b->service) && g_str_equal (a->project, b->project);
}

static void
print_states (const GPtrArray *tallies, guint from, guint to)
{
  const char *before = ": ";

  for (guint i = from; i < to;) {
    const Tally *first = tallies->pdata[i];
    guint64 n = 0;

    for (; i < to && g_str_equal (((const Tally *) tallies->pdata[i])->state, first->state); i++)
      n += ((const Tally *) tallies->pdata[i])->n;
    printf ("%s" N " %s", before, n, first->state);
    before = ", ";
  }
  putchar ('\n');
}

/* A line for each project, and below it what went wrong. */
static void
print_groups (const char *what, const char *wrong, const GPtrArray *tallies)
{
  for (guint i = 0, end; i < tallies->len; i = end) {
    const Tally *first = tallies->pdata[i];

    for (end = i; end < tallies->len && is_same_group (first, tallies->pdata[end]); end++) { /* to the group's end */
    }
    printf ("%s of %s (%s)", what, *first->project ? first->project : "no project", first->service);
    print_states (tallies, i, end);
    for (; i < end; i++) {
      const Tally *tally = tallies->pdata[i];

      if (tally->words)
        printf ("  " N " %s, %s%s\n", tally->n, tally->state, wrong, tally->words);
      else if (tally->problem)
        printf ("  " N " %s: %s\n", tally->n, tally->state, tally->problem);
    }
  }
}

static void
print_pull (const CataloguePull *pull, gpointer data)
{
  g_autofree char *at = gh_labels_time (pull->pulled_at);

  printf ("last pull of %s%s%s: %s, " N " tasks\n", pull->project, pull->batch ? ", batch " : "",
      pull->batch ? pull->batch : "", at, pull->tasks);
}

static void
print_limit (const CatalogueTaskCounts *counts, gpointer data)
{
  g_autofree char *project = g_strdup (counts->project);

  blank (project);
  if (counts->most > 0)
    printf ("max-tasks of %s: " N " of " N " are made, " N " sent frames have none\n", project, counts->made, counts->most,
        counts->awaiting);
}

static void
print_linked (const GPtrArray *tasks)
{
  guint64 linked = 0, not_linked = 0;

  for (guint i = 0; i < tasks->len; i++) {
    const Tally *tally = tasks->pdata[i];

    if (!g_str_equal (tally->state, "refused"))   /* which was to become one, and did not */
      *(tally->words ? &not_linked : &linked) += tally->n;
  }
  printf (N " tasks are linked to frames, " N " are not\n", linked, not_linked);
}

/* ---- for programs -------------------------------------------------------------------------------------------------------- */

static JsonArray *
tallies_as_json (const GPtrArray *tallies, const char *state, const char *words)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < tallies->len; i++) {
    const Tally *tally = tallies->pdata[i];
    JsonObject *one = json_object_new ();

    json_object_set_string_member (one, "service", tally->service);
    json_object_set_string_member (one, "project", tally->project);
    json_object_set_string_member (one, state, tally->state);
    if (tally->words)
      json_object_set_string_member (one, words, tally->words);
    if (tally->problem)
      json_object_set_string_member (one, "problem", tally->problem);
    json_object_set_int_member (one, "n", (gint64) tally->n);
    json_array_add_object_element (array, one);
  }
  return array;
}

static void
add_pull (const CataloguePull *pull, gpointer array)
{
  g_autofree char *at = gh_labels_time (pull->pulled_at), *until = gh_labels_time (pull->seen_until);
  JsonObject *one = json_object_new ();

  json_object_set_string_member (one, "service", pull->service);
  json_object_set_string_member (one, "project", pull->project);
  if (pull->batch)
    json_object_set_string_member (one, "batch", pull->batch);
  json_object_set_string_member (one, "pulled_at", at);
  json_object_set_string_member (one, "seen_until", until);
  json_object_set_int_member (one, "tasks", (gint64) pull->tasks);
  json_array_add_object_element (array, one);
}

static void
add_limit (const CatalogueTaskCounts *counts, gpointer array)
{
  JsonObject *one = json_object_new ();

  json_object_set_string_member (one, "service", counts->service);
  json_object_set_string_member (one, "project", counts->project);
  json_object_set_int_member (one, "max_tasks", (gint64) counts->most);
  json_object_set_int_member (one, "made", (gint64) counts->made);
  json_object_set_int_member (one, "refused", (gint64) counts->refused);
  json_object_set_int_member (one, "awaiting", (gint64) counts->awaiting);
  json_array_add_object_element (array, one);
}

static gboolean
print_json (Catalogue *catalogue, GPtrArray *uploads, GPtrArray *tasks, GError **error)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *report = json_object_new ();
  JsonArray *limits = json_array_new (), *pulls = json_array_new ();
  g_autofree char *text = NULL;

  json_object_set_array_member (report, "uploads", tallies_as_json (uploads, "state", "problem"));
  json_object_set_array_member (report, "tasks", tallies_as_json (tasks, "status", "unlinked"));
  json_object_set_array_member (report, "limits", limits);
  json_object_set_array_member (report, "pulls", pulls);
  json_node_take_object (root, report);
  if (!catalogue_each_task_limit (catalogue, add_limit, limits, error) || !catalogue_each_pull (catalogue, add_pull, pulls, error))
    return FALSE;
  text = json_to_string (root, FALSE);
  printf ("%s\n", text);
  return TRUE;
}

static gboolean
print_words (Catalogue *catalogue, GPtrArray *uploads, GPtrArray *tasks, GError **error)
{
  g_ptr_array_foreach (tasks, make_printable, NULL);
  print_groups ("uploads", "", uploads);
  print_groups ("tasks", "not linked: ", tasks);
  print_linked (tasks);
  return catalogue_each_task_limit (catalogue, print_limit, NULL, error)
      && catalogue_each_pull (catalogue, print_pull, NULL, error);
}

int
gh_labels_status (const char *folder, const LabelsOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, &error);
  g_autoptr (GPtrArray) uploads = g_ptr_array_new_with_free_func (tally_free);
  g_autoptr (GPtrArray) tasks = g_ptr_array_new_with_free_func (tally_free);

  if (catalogue == NULL || !catalogue_each_upload_tally (catalogue, collect, uploads, &error)
      || !catalogue_each_task_tally (catalogue, collect, tasks, &error)
      || !(options->json ? print_json : print_words) (catalogue, uploads, tasks, &error))
    return gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
  return GH_EXIT_OK;
}
