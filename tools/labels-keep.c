/* SPDX-License-Identifier: LGPL-2.1-or-later
 * labels-keep.c: tasks as they came, from wherever: each is linked to its frame, kept as it is, and its labels beside it. */
#include "labels.h"

#include "gst/scaleai/scale-link.h"
#include "gst/scaleai/scale-upload.h"

#include <stdio.h>
#include <string.h>

/* Of one transaction: a capture that writes beside it does not wait long. */
enum { TOGETHER = 100 };
enum { MAX_ID_BYTES = 200 };

struct _LabelsKeep {
  Catalogue *catalogue;
  GHashTable *rules;
  char *project;
  GHashTable *seen;             /* ids */
  GPtrArray *unlinked_ids, *reasons;    /* of those that are new or changed and not linked */
  guint64 added, changed, same, linked, not_linked, unreadable, labels, retried;
  gint64 newest;
};

typedef struct {
  CatalogueAnswer answer;
  char *json, *frame, *why, *origin;
  GPtrArray *labels;            /* ScaleLabel */
  GArray *rows;                 /* CatalogueLabel, of the same */
} Item;

/* ---- from start to end --------------------------------------------------------------------------------------------- */

LabelsKeep *
gh_labels_keep_new (const char *folder, const char *project, char **counts, int *status)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) rules = scale_label_rules ((const char *const *) counts, &error);
  Catalogue *catalogue;
  LabelsKeep *keep;

  if (rules == NULL) {
    *status = gh_tool_fail (GH_EXIT_USAGE, "--count: %s", error->message);
    return NULL;
  }
  catalogue = catalogue_open_beside (folder, &error);
  if (catalogue == NULL) {
    *status = gh_tool_fail (GH_EXIT_FAILED, "%s", error->message);
    return NULL;
  }
  keep = g_new0 (LabelsKeep, 1);
  keep->catalogue = catalogue;
  keep->rules = g_steal_pointer (&rules);
  keep->project = g_strdup (project ? project : "");
  keep->seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  keep->unlinked_ids = g_ptr_array_new_with_free_func (g_free);
  keep->reasons = g_ptr_array_new_with_free_func (g_free);
  return keep;
}

void
gh_labels_keep_free (LabelsKeep *keep)
{
  if (keep == NULL)
    return;
  catalogue_close (keep->catalogue);
  g_hash_table_unref (keep->rules);
  g_hash_table_unref (keep->seen);
  g_ptr_array_unref (keep->unlinked_ids);
  g_ptr_array_unref (keep->reasons);
  g_free (keep->project);
  g_free (keep);
}

static void
clear_item (gpointer data)
{
  Item *item = data;

  g_free (item->json);
  g_free (item->frame);
  g_free (item->why);
  g_free (item->origin);
  g_ptr_array_unref (item->labels);
  g_array_unref (item->rows);
}

/* ---- one task ---------------------------------------------------------------------------------------------------------- */

static gboolean
is_id (const char *text)
{
  gsize length = text ? strlen (text) : 0;

  for (const char *at = text; at && *at; at++)
    if (!g_ascii_isgraph (*at))
      return FALSE;
  return length > 0 && length <= MAX_ID_BYTES;
}

static gint64
time_of (const char *text)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) time = text ? g_date_time_new_from_iso8601 (text, utc) : NULL;

  return time ? g_date_time_to_unix (time) * G_USEC_PER_SEC : 0;
}

static GArray *
rows_of (const GPtrArray *labels)
{
  GArray *rows = g_array_new (FALSE, FALSE, sizeof (CatalogueLabel));

  for (guint i = 0; i < labels->len; i++) {
    const ScaleLabel *label = labels->pdata[i];
    CatalogueLabel row = { label->task, label->value, NULL };

    g_array_append_val (rows, row);
  }
  return rows;
}

/* Texts are borrowed from the task or kept in the item. */
static void
fill_item (LabelsKeep *keep, JsonNode *node, Item *item)
{
  JsonObject *task = json_node_get_object (node);
  const char *id = scale_json_string (task, "task_id"), *project = scale_json_string (task, "project");
  const char *status = scale_json_string (task, "status");

  *item = (Item) { .json = json_to_string (node, FALSE), .origin = g_strconcat (SCALE_SERVICE ":", id, NULL),
    .labels = scale_labels_of (task, keep->rules) };
  item->frame = scale_link_frame (keep->catalogue, task, &item->why);
  item->rows = rows_of (item->labels);
  item->answer = (CatalogueAnswer) { .task = { SCALE_SERVICE, id, project ? project : keep->project,
      scale_json_string (task, "batch"), scale_json_string (task, "unique_id"), status ? status : "unknown",
      scale_json_string (task, "updated_at"), item->frame, item->why, item->json }, .origin = item->origin,
    .labels = (const CatalogueLabel *) item->rows->data, .n_labels = item->rows->len };
}

/* ---- what became of it ------------------------------------------------------------------------------------------------ */

static void
count_item (LabelsKeep *keep, const Item *item)
{
  const CatalogueAnswer *answer = &item->answer;
  gint64 updated = MIN (time_of (answer->task.updated_at), g_get_real_time ());

  keep->newest = MAX (keep->newest, updated);
  if (!g_hash_table_add (keep->seen, g_strdup (answer->task.id)))
    return;
  keep->added += answer->novelty == CATALOGUE_NEW;
  keep->changed += answer->novelty == CATALOGUE_CHANGED;
  keep->same += answer->novelty == CATALOGUE_SAME;
  if (answer->linked) {
    keep->linked++;
    keep->labels += answer->n_labels;
    return;
  }
  keep->not_linked++;
  if (answer->novelty != CATALOGUE_SAME) {
    g_ptr_array_add (keep->unlinked_ids, g_strdup (answer->task.id));
    g_ptr_array_add (keep->reasons, g_strdup (answer->task.unlinked));
  }
}

static gboolean
keep_items (LabelsKeep *keep, GArray *items, GError **error)
{
  CatalogueAnswer *answers = g_new (CatalogueAnswer, items->len + 1);
  gboolean kept;

  for (guint i = 0; i < items->len; i++)
    answers[i] = g_array_index (items, Item, i).answer;
  kept = catalogue_keep_answers (keep->catalogue, answers, items->len, error);
  for (guint i = 0; i < items->len && kept; i++) {
    g_array_index (items, Item, i).answer = answers[i];
    count_item (keep, &g_array_index (items, Item, i));
  }
  g_array_set_size (items, 0);
  g_free (answers);
  return kept;
}

gboolean
gh_labels_keep_tasks (LabelsKeep *keep, JsonArray *docs, GError **error)
{
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (Item));
  guint n = json_array_get_length (docs);

  g_array_set_clear_func (items, clear_item);
  for (guint i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element (docs, i);
    Item item;

    if (!JSON_NODE_HOLDS_OBJECT (node) || !is_id (scale_json_string (json_node_get_object (node), "task_id"))) {
      keep->unreadable++;
      continue;
    }
    fill_item (keep, node, &item);
    g_array_append_val (items, item);
    if (items->len == TOGETHER && !keep_items (keep, items, error))
      return FALSE;
  }
  return keep_items (keep, items, error);
}

gboolean
gh_labels_keep_retry_errors (LabelsKeep *keep, GError **error)
{
  int n = catalogue_retry_errors (keep->catalogue, &(CatalogueDestination) { SCALE_SERVICE, keep->project }, error);

  keep->retried = (guint64) MAX (n, 0);
  return n >= 0;
}

Catalogue *
gh_labels_keep_catalogue (LabelsKeep *keep)
{
  return keep->catalogue;
}

gint64
gh_labels_keep_newest (const LabelsKeep *keep)
{
  return keep->newest;
}

guint64
gh_labels_keep_count (const LabelsKeep *keep)
{
  return keep->added + keep->changed + keep->same;
}

guint64
gh_labels_keep_unreadable (const LabelsKeep *keep)
{
  return keep->unreadable;
}

/* ---- the report ---------------------------------------------------------------------------------------------------------- */

char *
gh_labels_time (gint64 at)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (at / G_USEC_PER_SEC);

  return time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : g_strdup ("?");
}

static void
print_json (const LabelsKeep *keep)
{
  const struct {
    const char *name;
    guint64 value;
  } counts[] = {
    { "tasks", gh_labels_keep_count (keep) }, { "new", keep->added }, { "changed", keep->changed }, { "same", keep->same },
    { "linked", keep->linked }, { "not_linked", keep->not_linked }, { "labels", keep->labels },
    { "unreadable", keep->unreadable }, { "retried", keep->retried },
  };
  g_autoptr (JsonObject) report = json_object_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;
  JsonArray *list = json_array_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (counts); i++)
    json_object_set_int_member (report, counts[i].name, (gint64) counts[i].value);
  for (guint i = 0; i < keep->reasons->len; i++) {
    JsonObject *one = json_object_new ();

    json_object_set_string_member (one, "task_id", keep->unlinked_ids->pdata[i]);
    json_object_set_string_member (one, "reason", keep->reasons->pdata[i]);
    json_array_add_object_element (list, one);
  }
  json_object_set_array_member (report, "unlinked", list);
  json_node_set_object (root, report);
  text = json_to_string (root, FALSE);
  printf ("%s\n", text);
}

#define N "%" G_GUINT64_FORMAT

static void
print_words (const LabelsKeep *keep)
{
  printf (N " tasks: " N " new, " N " changed, " N " as before; " N " linked to frames, " N " not; " N " labels\n",
      gh_labels_keep_count (keep), keep->added, keep->changed, keep->same, keep->linked, keep->not_linked, keep->labels);
  for (guint i = 0; i < keep->reasons->len; i++)
    printf ("not linked: %s: %s\n", (char *) keep->unlinked_ids->pdata[i], (char *) keep->reasons->pdata[i]);
  if (keep->retried)
    printf (N " tasks in error: scale-uploader makes others of their frames, as far as max-tasks goes\n", keep->retried);
}

int
gh_labels_keep_report (const LabelsKeep *keep, gboolean json)
{
  if (json)
    print_json (keep);
  else
    print_words (keep);
  if (keep->unreadable)
    return gh_tool_fail (GH_EXIT_FAILED, N " entries are no tasks: they have no task_id", keep->unreadable);
  return keep->reasons->len ? GH_EXIT_UNLINKED : GH_EXIT_OK;
}
