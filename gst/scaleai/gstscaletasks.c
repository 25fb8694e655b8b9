/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaletasks.c: see gstscaletasks.h. */
#include "gstscaletasks.h"
#include "scale-upload.h"

#include "models/gh-json-tree.h"

#include <string.h>

/* Batches of ours begin with PROJECT and this: others are left alone. */
#define BATCH_MARK "-gst-"
enum { REFUSALS_OF_A_HALT = 3 };
#define HALT (5 * G_TIME_SPAN_MINUTE)

struct _GstScaleTasks {
  GstElement *element;
  GstDatasetWriter *writer;
  ScaleApi *api;
  gchar *project, *type;
  JsonObject *body;             /* of every task */
  guint most, batch_tasks;
  gboolean finalize;

  gboolean under_way, looked_back;
  gboolean spent;               /* the cap is reached */
  gchar *batch;                 /* open, or NULL */
  gboolean batch_made;          /* the service knows it */
  guint in_batch;
  guint failures, refusals;     /* in a row */
  guint made;                   /* in this run */
  gint64 closed_until;          /* monotonic */

  /* The task that is being made. */
  gchar *reference, *frame, *url, *metadata;
};

/* ---- settings ---------------------------------------------------------------------------------------------------------- */

static const gchar *const geometries[] = { "box", "polygon", "line", "point", "cuboid", "ellipse", NULL };

/* A file of geometries alone is fine, too. */
static JsonObject *
body_of (JsonObject *object)
{
  JsonObject *body = json_object_new ();

  for (guint i = 0; geometries[i]; i++)
    if (json_object_has_member (object, geometries[i])) {
      json_object_set_object_member (body, "geometries", json_object_ref (object));
      return body;
    }
  json_object_unref (body);
  return json_object_ref (object);
}

static JsonObject *
load_body (const gchar *file, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *text = NULL;
  gsize size;

  if (file == NULL || *file == 0)
    return json_object_new ();
  if (g_file_get_contents (file, &text, &size, &problem))
    root = gh_json_tree_parse (text, size, &problem);
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    return body_of (json_node_get_object (root));
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "The geometries-file %s cannot be used: %s. It has to hold a JSON "
      "object, such as {\"geometries\":{\"box\":{\"objects_to_annotate\":[\"person\"]}}}", file, problem ? problem->message
      : "it is no object");
  return NULL;
}

static gboolean
check (const ScaleApi *api, const GstScaleTaskSettings *settings, GError **error)
{
  if (!settings->finalize || !scale_key_is_live (scale_api_key (api)) || settings->confirm_live)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "finalize with a live key gives up to %u tasks to people, which "
      "costs money: set confirm-live=true if that is meant, or take a test_ key", settings->most);
  return FALSE;
}

GstScaleTasks *
gst_scale_tasks_new (GstElement *element, GstDatasetWriter *writer, ScaleApi *api, const GstScaleTaskSettings *settings,
    GError **error)
{
  JsonObject *body = check (api, settings, error) ? load_body (settings->geometries_file, error) : NULL;
  GstScaleTasks *tasks;

  if (body == NULL)
    return NULL;
  tasks = g_new0 (GstScaleTasks, 1);
  tasks->element = element;
  tasks->writer = writer;
  tasks->api = api;
  tasks->project = g_strdup (settings->project);
  tasks->type = g_strdup (settings->type);
  tasks->body = body;
  tasks->most = settings->most;
  tasks->batch_tasks = settings->batch_tasks;
  tasks->finalize = settings->finalize;
  return tasks;
}

static void
clear_task (GstScaleTasks *tasks)
{
  g_clear_pointer (&tasks->reference, g_free);
  g_clear_pointer (&tasks->frame, g_free);
  g_clear_pointer (&tasks->url, g_free);
  g_clear_pointer (&tasks->metadata, g_free);
}

void
gst_scale_tasks_free (GstScaleTasks *tasks)
{
  if (tasks == NULL)
    return;
  clear_task (tasks);
  json_object_unref (tasks->body);
  g_free (tasks->project);
  g_free (tasks->type);
  g_free (tasks->batch);
  g_free (tasks);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

/* Takes the object, which may be NULL. */
static void
ask (GstScaleTasks *tasks, const gchar *method, const gchar *path, JsonObject *object, ScaleApiDone done)
{
  g_autoptr (JsonNode) node = NULL;
  g_autoptr (GBytes) body = NULL;
  gchar *text;

  if (object) {
    node = json_node_new (JSON_NODE_OBJECT);
    json_node_take_object (node, object);
    text = json_to_string (node, FALSE);
    body = g_bytes_new_take (text, strlen (text));
  }
  tasks->under_way = TRUE;
  scale_api_send (tasks->api, method, path, body, NULL, NULL, done, tasks);
}

static void
pause_for (GstScaleTasks *tasks, const ScaleReply *reply)
{
  gint64 pause = reply->verdict == SCALE_RETRY ? scale_api_pause (++tasks->failures, reply) : HALT;

  tasks->closed_until = g_get_monotonic_time () + pause;
  GST_WARNING_OBJECT (tasks->element, "tasks: %s", reply->problem);
  if (reply->verdict != SCALE_RETRY)
    GST_ELEMENT_WARNING (tasks->element, RESOURCE, NOT_AUTHORIZED, ("No tasks are made in \"%s\" for now: %s", tasks->project,
            reply->problem), (NULL));
}

/* ---- batches ----------------------------------------------------------------------------------------------------------- */

static void
on_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  tasks->batch_made = reply->verdict == SCALE_OK || reply->verdict == SCALE_CONFLICT;
  if (tasks->batch_made)
    tasks->failures = 0;
  else
    pause_for (tasks, reply);
}

/* The name stays until it is made: after a lost answer the service says that it is in use, which is fine. */
static void
make_batch (GstScaleTasks *tasks)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree gchar *time = g_date_time_format (now, "%Y%m%dT%H%M%S");
  JsonObject *object = json_object_new ();

  if (tasks->batch == NULL)
    tasks->batch = g_strdup_printf ("%s" BATCH_MARK "%s.%06d", tasks->project, time, g_date_time_get_microsecond (now));
  tasks->in_batch = 0;
  json_object_set_string_member (object, "project", tasks->project);
  json_object_set_string_member (object, "name", tasks->batch);
  ask (tasks, "POST", "/batches", object, on_batch);
}

static void
leave_batch (GstScaleTasks *tasks)
{
  g_clear_pointer (&tasks->batch, g_free);
  tasks->batch_made = FALSE;
}

static void
close_batch (GstScaleTasks *tasks)
{
  gst_element_post_message (tasks->element, gst_message_new_element (GST_OBJECT (tasks->element), gst_structure_new (
              "scale-batch-finalized", "batch", G_TYPE_STRING, tasks->batch, "tasks", G_TYPE_UINT, tasks->in_batch, NULL)));
  leave_batch (tasks);
}

/* A second time is refused: it was done before then. */
static void
on_finalized (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK || reply->verdict == SCALE_CONFLICT || reply->verdict == SCALE_REFUSED)
    close_batch (tasks);
  else
    pause_for (tasks, reply);
}

static gchar *
batch_path (const GstScaleTasks *tasks, const gchar *action)
{
  g_autofree gchar *name = g_uri_escape_string (tasks->batch, NULL, FALSE);

  return g_strconcat ("/batches/", name, action, NULL);
}

/* The batch is full, or all there will be: without finalize a person does the rest. */
static void
end_batch (GstScaleTasks *tasks)
{
  g_autofree gchar *path = batch_path (tasks, "/finalize");

  if (tasks->finalize)
    ask (tasks, "POST", path, NULL, on_finalized);
  else
    leave_batch (tasks);
}

static void
on_old_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_RETRY) {
    pause_for (tasks, reply);
    return;
  }
  tasks->looked_back = TRUE;
  tasks->batch_made = g_strcmp0 (scale_reply_string (reply, "status"), "staging") == 0;
  if (!tasks->batch_made)
    leave_batch (tasks);
}

/* A batch of an earlier run that is still open goes on. TRUE: it is being asked after. */
static gboolean
look_back (GstScaleTasks *tasks)
{
  g_autofree gchar *mark = g_strconcat (tasks->project, BATCH_MARK, NULL), *path = NULL;
  CatalogueDestination to = { SCALE_SERVICE, tasks->project };

  g_free (tasks->batch);
  tasks->batch = catalogue_last_batch (gst_dataset_writer_borrow (tasks->writer), &to, mark, &tasks->in_batch);
  gst_dataset_writer_give_back (tasks->writer);
  if (tasks->batch == NULL) {
    tasks->looked_back = TRUE;
    return FALSE;
  }
  path = batch_path (tasks, "");
  ask (tasks, "GET", path, NULL, on_old_batch);
  return TRUE;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

static void
record (GstScaleTasks *tasks, JsonObject *task)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree gchar *json = NULL;
  g_autoptr (GError) error = NULL;
  const gchar *id = json_object_get_string_member_with_default (task, "task_id", NULL);
  CatalogueTask row = { SCALE_SERVICE, id, tasks->project, tasks->batch, tasks->reference,
    json_object_get_string_member_with_default (task, "status", "pending"),
    json_object_get_string_member_with_default (task, "updated_at", NULL), tasks->frame, NULL };

  json_node_set_object (node, task);
  row.json = json = json_to_string (node, FALSE);
  catalogue_put_task (gst_dataset_writer_borrow (tasks->writer), &row, &error);
  gst_dataset_writer_give_back (tasks->writer);
  if (error)
    GST_WARNING_OBJECT (tasks->element, "%s", error->message);
  tasks->in_batch++;
  tasks->made++;
  tasks->failures = tasks->refusals = 0;
  gst_element_post_message (tasks->element, gst_message_new_element (GST_OBJECT (tasks->element), gst_structure_new (
              "scale-task-created", "reference", G_TYPE_STRING, tasks->reference, "frame", G_TYPE_STRING, tasks->frame, "task",
              G_TYPE_STRING, id, "batch", G_TYPE_STRING, tasks->batch, NULL)));
}

/* So that it is not asked for again, with what was said. */
static void
record_refusal (GstScaleTasks *tasks, const gchar *problem)
{
  g_autofree gchar *id = g_strconcat ("refused:", tasks->reference, NULL);
  g_autoptr (JsonNode) words = json_node_init_string (json_node_alloc (), problem);
  g_autofree gchar *json = json_to_string (words, FALSE);
  CatalogueTask row = { SCALE_SERVICE, id, tasks->project, NULL, tasks->reference, "refused", NULL, tasks->frame, NULL, json };

  catalogue_put_task (gst_dataset_writer_borrow (tasks->writer), &row, NULL);
  gst_dataset_writer_give_back (tasks->writer);
  GST_ELEMENT_WARNING (tasks->element, RESOURCE, WRITE, ("There will be no task of frame %s: %s", tasks->frame, problem), (NULL));
}

static JsonObject *
first_doc (const ScaleReply *reply)
{
  JsonObject *object = reply->json && JSON_NODE_HOLDS_OBJECT (reply->json) ? json_node_get_object (reply->json) : NULL;
  JsonNode *docs = object ? json_object_get_member (object, "docs") : NULL;
  JsonNode *first = docs && JSON_NODE_HOLDS_ARRAY (docs) && json_array_get_length (json_node_get_array (docs)) > 0
      ? json_array_get_element (json_node_get_array (docs), 0) : NULL;

  return first && JSON_NODE_HOLDS_OBJECT (first) ? json_node_get_object (first) : NULL;
}

static gboolean
is_task (JsonObject *task)
{
  JsonNode *id = task ? json_object_get_member (task, "task_id") : NULL;

  return id && JSON_NODE_HOLDS_VALUE (id) && json_node_get_value_type (id) == G_TYPE_STRING;
}

static void
on_found (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  JsonObject *task = first_doc (reply);

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK)
    pause_for (tasks, reply);
  else if (is_task (task))
    record (tasks, task);
  else
    record_refusal (tasks, "the unique id is in use, and no task has it");
  clear_task (tasks);
}

/* A task of that unique id is there: this one, after a lost answer. */
static void
find (GstScaleTasks *tasks)
{
  g_autofree gchar *id = g_uri_escape_string (tasks->reference, NULL, FALSE);
  g_autofree gchar *path = g_strconcat ("/tasks?limit=1&unique_id=", id, NULL);

  ask (tasks, "GET", path, NULL, on_found);
}

static void
on_task (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  JsonObject *task = reply->json && JSON_NODE_HOLDS_OBJECT (reply->json) ? json_node_get_object (reply->json) : NULL;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_CONFLICT) {
    find (tasks);
    return;
  }
  if (reply->verdict == SCALE_OK && is_task (task))
    record (tasks, task);
  else if (reply->verdict == SCALE_OK)
    find (tasks);
  else if (reply->verdict == SCALE_REFUSED && tasks->made > 0 && ++tasks->refusals < REFUSALS_OF_A_HALT)
    record_refusal (tasks, reply->problem);
  else                          /* when none is accepted, that is not this frame's fault */
    pause_for (tasks, reply);
  if (!tasks->under_way)
    clear_task (tasks);
}

static void
set_attachment (const GstScaleTasks *tasks, JsonObject *object)
{
  JsonArray *list;
  JsonObject *item;

  if (!g_str_equal (tasks->type, "textcollection")) {
    json_object_set_string_member (object, "attachment", tasks->url);
    json_object_set_string_member (object, "attachment_type", "image");
    return;
  }
  list = json_array_new ();
  item = json_object_new ();
  json_object_set_string_member (item, "type", "image");
  json_object_set_string_member (item, "content", tasks->url);
  json_array_add_object_element (list, item);
  json_object_set_array_member (object, "attachments", list);
}

static void
make_task (GstScaleTasks *tasks)
{
  g_autofree gchar *path = g_strconcat ("/task/", tasks->type, NULL);
  JsonObject *object = json_object_new ();
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *node;

  json_object_iter_init (&iter, tasks->body);
  while (json_object_iter_next (&iter, &name, &node))
    json_object_set_member (object, name, json_node_copy (node));
  json_object_set_string_member (object, "project", tasks->project);
  json_object_set_string_member (object, "batch", tasks->batch);
  set_attachment (tasks, object);
  json_object_set_string_member (object, "unique_id", tasks->reference);
  json_object_set_boolean_member (object, "clear_unique_id_on_error", TRUE);
  json_object_set_member (object, "metadata", json_from_string (tasks->metadata, NULL));
  ask (tasks, "POST", path, object, on_task);
}

typedef struct {
  GstScaleTasks *tasks;
  Catalogue *catalogue;
} Search;

static void
take (const CatalogueUpload *upload, gpointer data)
{
  Search *search = data;
  GstScaleTasks *tasks = search->tasks;

  tasks->reference = g_strdup (upload->reference);
  tasks->frame = g_strdup (upload->frame);
  tasks->url = g_strdup (upload->attachment_url);
  tasks->metadata = scale_upload_metadata (search->catalogue, upload);
}

/* The next upload that is to become a task; FALSE: there is none, or the cap is reached. */
static gboolean
choose (GstScaleTasks *tasks)
{
  CatalogueDestination to = { SCALE_SERVICE, tasks->project };
  Search search = { tasks, gst_dataset_writer_borrow (tasks->writer) };

  tasks->spent = catalogue_count_tasks (search.catalogue, &to) >= tasks->most;
  if (!tasks->spent)
    catalogue_first_without_task (search.catalogue, &to, take, &search, NULL);
  gst_dataset_writer_give_back (tasks->writer);
  return tasks->reference != NULL;
}

gboolean
gst_scale_tasks_go_on (GstScaleTasks *tasks, gboolean ending)
{
  if (tasks->under_way || tasks->closed_until > g_get_monotonic_time () || (!tasks->looked_back && look_back (tasks)))
    return TRUE;
  if (tasks->batch && tasks->in_batch >= tasks->batch_tasks)
    end_batch (tasks);
  if (tasks->under_way)
    return TRUE;
  if (tasks->reference == NULL && !choose (tasks)) {
    if ((ending || tasks->spent) && tasks->batch && tasks->in_batch > 0)
      end_batch (tasks);
    return tasks->under_way;
  }
  if (!tasks->batch_made)
    make_batch (tasks);
  else
    make_task (tasks);
  return TRUE;
}

gint64
gst_scale_tasks_pause (const GstScaleTasks *tasks)
{
  gint64 now = g_get_monotonic_time ();

  return !tasks->under_way && tasks->closed_until > now ? tasks->closed_until - now : G_MAXINT64;
}
