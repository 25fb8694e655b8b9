/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaletasks.c: see gstscaletasks.h. */
#include "gstscaletasksprivate.h"
#include "scale-labels.h"
#include "scale-task-body.h"
#include "scale-tasks.h"
#include "scale-upload.h"

#include <string.h>

/* Lists without the task that a unique id is said to have, after which there is none. */
enum { MOST_MISSES = 5 };
#define HALT (5 * G_TIME_SPAN_MINUTE)
#define CATALOGUE_PAUSE (5 * G_TIME_SPAN_SECOND)

/* ---- from start to end ------------------------------------------------------------------------------------------------- */

/* Whether people see a batch before it is finalized is a matter of the project, which the key alone does not tell. */
static gboolean
check (const ScaleApi *api, const GstScaleTaskSettings *settings, GError **error)
{
  if (!scale_key_is_live (scale_api_key (api)) || settings->confirm_live)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "max-tasks with a live key can give up to %u tasks to people, "
      "which costs money: set confirm-live=true if that is meant, or take a test_ key", settings->most);
  return FALSE;
}

GstScaleTasks *
gst_scale_tasks_new (GstElement *element, GstDatasetWriter *writer, ScaleApi *api, const GstScaleTaskSettings *settings,
    GError **error)
{
  JsonObject *body = check (api, settings, error) ? scale_task_body_load (settings->geometries_file, error) : NULL;
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
  tasks->doubts = gst_scale_doubts_new ();
  g_mutex_init (&tasks->lock);
  return tasks;
}

static void
clear_task (GstScaleTasks *tasks)
{
  g_clear_pointer (&tasks->reference, g_free);
  g_clear_pointer (&tasks->frame, g_free);
  g_clear_pointer (&tasks->url, g_free);
  g_clear_pointer (&tasks->metadata, g_free);
  g_clear_pointer (&tasks->problem, g_free);
  tasks->misses = 0;
}

void
gst_scale_tasks_free (GstScaleTasks *tasks)
{
  if (tasks == NULL)
    return;
  clear_task (tasks);
  json_object_unref (tasks->body);
  gst_scale_doubts_free (tasks->doubts);
  g_free (tasks->project);
  g_free (tasks->type);
  g_free (tasks->batch);
  g_free (tasks->batch_status);
  g_free (tasks->lost);
  g_free (tasks->last_problem);
  g_mutex_clear (&tasks->lock);
  g_free (tasks);
}

/* ---- telling ----------------------------------------------------------------------------------------------------------- */

void
gst_scale_tasks_note (GstScaleTasks *tasks, const gchar *problem, gboolean halted)
{
  g_mutex_lock (&tasks->lock);
  g_free (tasks->last_problem);
  tasks->last_problem = g_strdup (problem);
  tasks->halted = halted;
  g_mutex_unlock (&tasks->lock);
}

static void
count (GstScaleTasks *tasks, guint64 *counter)
{
  g_mutex_lock (&tasks->lock);
  ++*counter;
  g_mutex_unlock (&tasks->lock);
}

void
gst_scale_tasks_post (GstScaleTasks *tasks, GstStructure *structure)
{
  gst_element_post_message (tasks->element, gst_message_new_element (GST_OBJECT (tasks->element), structure));
}

/* What the catalogue says of the cap; once it is reached the bus hears that. */
static void
note_counts (GstScaleTasks *tasks, const CatalogueTaskCounts *counts)
{
  gboolean spent = counts->made >= tasks->most;

  g_mutex_lock (&tasks->lock);
  tasks->counted = counts->made;
  tasks->awaiting = counts->awaiting;
  g_mutex_unlock (&tasks->lock);
  if (spent && !tasks->spent)
    gst_scale_tasks_post (tasks, gst_structure_new ("scale-tasks-spent", "tasks", G_TYPE_UINT64, counts->made, "most",
            G_TYPE_UINT64, (guint64) tasks->most, "awaiting", G_TYPE_UINT64, counts->awaiting, NULL));
  tasks->spent = spent;
}

/* A task was made, so all is well. */
static void
end_trouble (GstScaleTasks *tasks)
{
  tasks->failures = 0;
  gst_scale_tasks_note (tasks, NULL, FALSE);
  if (tasks->troubled)
    gst_scale_tasks_post (tasks, gst_structure_new_empty ("scale-tasks-resumed"));
  tasks->troubled = FALSE;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------ */

void
gst_scale_tasks_ask (GstScaleTasks *tasks, const gchar *method, const gchar *path, JsonObject *object, ScaleApiDone done)
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

void
gst_scale_tasks_rest (GstScaleTasks *tasks, gint64 length)
{
  tasks->closed_until = g_get_monotonic_time () + length;
}

gboolean
gst_scale_tasks_is_fine (GstScaleTasks *tasks, const GError *error)
{
  if (error == NULL)
    return TRUE;
  GST_WARNING_OBJECT (tasks->element, "%s", error->message);
  gst_scale_tasks_rest (tasks, CATALOGUE_PAUSE);
  return FALSE;
}

void
gst_scale_tasks_halt (GstScaleTasks *tasks, const gchar *problem)
{
  gst_scale_doubts_halted (tasks->doubts);
  gst_scale_tasks_rest (tasks, HALT);
  gst_scale_tasks_note (tasks, problem, TRUE);
  if (!tasks->troubled)
    gst_scale_tasks_post (tasks, gst_structure_new ("scale-tasks-trouble", "problem", G_TYPE_STRING, problem, "retry-in",
            G_TYPE_UINT64, (guint64) HALT * GST_USECOND, NULL));
  tasks->troubled = TRUE;
  GST_ELEMENT_WARNING (tasks->element, RESOURCE, NOT_AUTHORIZED, ("No tasks are made in \"%s\" for now: %s", tasks->project,
          problem), (NULL));
}

void
gst_scale_tasks_put_off (GstScaleTasks *tasks, const ScaleReply *reply)
{
  GST_WARNING_OBJECT (tasks->element, "tasks: %s", reply->problem);
  if (reply->verdict == SCALE_RETRY) {
    gst_scale_tasks_note (tasks, reply->problem, tasks->troubled);
    gst_scale_tasks_rest (tasks, scale_api_pause (++tasks->failures, reply));
  } else {
    gst_scale_tasks_halt (tasks, reply->problem);
  }
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

static gboolean
put (GstScaleTasks *tasks, const CatalogueTask *row)
{
  g_autoptr (GError) error = NULL;

  catalogue_put_task (gst_dataset_writer_borrow (tasks->writer), row, &error);
  gst_dataset_writer_give_back (tasks->writer);
  return gst_scale_tasks_is_fine (tasks, error);
}

/* So that it is not asked for again, with what was said. */
static void
record_refusal (const gchar *reference, const gchar *frame, const gchar *problem, gpointer data)
{
  GstScaleTasks *tasks = data;
  g_autofree gchar *id = g_strconcat ("refused:", reference, NULL);
  g_autoptr (JsonNode) words = json_node_init_string (json_node_alloc (), problem);
  g_autofree gchar *json = json_to_string (words, FALSE);
  CatalogueTask row = { SCALE_SERVICE, id, tasks->project, NULL, reference, "refused", NULL, frame, NULL, json };

  if (!put (tasks, &row))
    return;
  count (tasks, &tasks->refused);
  gst_scale_tasks_post (tasks, gst_structure_new ("scale-task-refused", "reference", G_TYPE_STRING, reference, "frame",
          G_TYPE_STRING, frame, "problem", G_TYPE_STRING, problem, NULL));
  GST_ELEMENT_WARNING (tasks->element, RESOURCE, WRITE, ("There will be no task of frame %s: %s", frame, problem), (NULL));
}

/* A task that could not be written down is asked for again, and found then. */
static void
record (GstScaleTasks *tasks, JsonObject *task)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree gchar *json = NULL;
  const gchar *id = scale_json_string (task, "task_id"), *batch = scale_json_string (task, "batch");
  const gchar *status = scale_json_string (task, "status");
  CatalogueTask row = { SCALE_SERVICE, id, tasks->project, batch ? batch : tasks->batch, tasks->reference,
    status ? status : "pending", scale_json_string (task, "updated_at"), tasks->frame, NULL };

  json_node_set_object (node, task);
  row.json = json = json_to_string (node, FALSE);
  if (!put (tasks, &row))
    return;
  if (g_strcmp0 (row.batch, tasks->batch) == 0)
    tasks->in_batch++;
  else
    gst_scale_batch_found (tasks, row.batch);
  count (tasks, &tasks->made);
  end_trouble (tasks);
  gst_scale_doubts_taken (tasks->doubts, tasks->reference, record_refusal, tasks);
  gst_scale_tasks_post (tasks, gst_structure_new ("scale-task-created", "reference", G_TYPE_STRING, tasks->reference, "frame",
          G_TYPE_STRING, tasks->frame, "task", G_TYPE_STRING, id, "batch", G_TYPE_STRING, row.batch, NULL));
}

static gboolean
is_task (JsonObject *task)
{
  return task && scale_json_string (task, "task_id");
}

static gboolean
is_or_is_not_said (JsonObject *task, const gchar *member, const gchar *text)
{
  const gchar *said = scale_json_string (task, member);

  return said == NULL || g_str_equal (said, text);
}

/* The list may lag behind: the task stays to be asked for. */
static void
look_again (GstScaleTasks *tasks, const ScaleReply *reply)
{
  GST_WARNING_OBJECT (tasks->element, "the unique id %s is in use, and the list has no task of it yet", tasks->reference);
  gst_scale_tasks_rest (tasks, scale_api_pause (++tasks->failures, reply));
}

static void
on_found (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  JsonObject *task;
  gboolean listed = scale_tasks_first (reply, &task);

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK && !is_task (task) && (!listed || ++tasks->misses < MOST_MISSES)) {
    look_again (tasks, reply);
    return;
  }
  if (reply->verdict != SCALE_OK)
    gst_scale_tasks_put_off (tasks, reply);
  else if (!is_task (task))
    record_refusal (tasks->reference, tasks->frame, "the unique id is in use, and no task has it", tasks);
  else if (!is_or_is_not_said (task, "unique_id", tasks->reference) || !is_or_is_not_said (task, "project", tasks->project))
    record_refusal (tasks->reference, tasks->frame, "the unique id is in use by a task of another project", tasks);
  else
    record (tasks, task);
  clear_task (tasks);
}

/* A task of that unique id is there: this one, after a lost answer. */
static void
find (GstScaleTasks *tasks)
{
  g_autofree gchar *id = g_uri_escape_string (tasks->reference, NULL, FALSE);
  g_autofree gchar *path = g_strconcat ("/tasks?limit=1&unique_id=", id, NULL);

  gst_scale_tasks_ask (tasks, "GET", path, NULL, on_found);
}

/* One frame may be refused by its own fault; if none is taken, that is not the frames'. */
static void
doubt (GstScaleTasks *tasks)
{
  switch (gst_scale_doubts_refused (tasks->doubts, tasks->reference, tasks->frame, tasks->problem)) {
    case GST_SCALE_DOUBTED:
      GST_WARNING_OBJECT (tasks->element, "no task of frame %s for now: %s", tasks->frame, tasks->problem);
      break;
    case GST_SCALE_OWN_FAULT:
      record_refusal (tasks->reference, tasks->frame, tasks->problem, tasks);
      break;
    case GST_SCALE_NOTHING_IS_TAKEN:
      gst_scale_tasks_halt (tasks, tasks->problem);
      break;
  }
}

/* The task was refused: because the batch was finalized meanwhile? */
static void
on_doubted_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  gboolean gone = reply->status == 404;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK && g_str_equal (gst_scale_batch_status_of (reply), tasks->batch_status)) {
    if (tasks->verdict == SCALE_REFUSED)
      doubt (tasks);
    else
      gst_scale_tasks_halt (tasks, tasks->problem);
  } else if (reply->verdict == SCALE_OK || gone) {
    gst_scale_batch_change (tasks, gone ? "deleted" : "finalized");
  } else {
    gst_scale_tasks_put_off (tasks, reply);
  }
  clear_task (tasks);           /* it is chosen again, unless it is doubted */
}

static void
on_task (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  JsonObject *task = reply->json && JSON_NODE_HOLDS_OBJECT (reply->json) ? json_node_get_object (reply->json) : NULL;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_CONFLICT || (reply->verdict == SCALE_OK && !is_task (task))) {
    find (tasks);
    return;
  }
  if (reply->verdict == SCALE_REFUSED || reply->verdict == SCALE_HALT) {
    tasks->verdict = reply->verdict;
    tasks->problem = g_strdup (reply->problem);
    gst_scale_batch_look_at (tasks, on_doubted_batch);
    return;
  }
  if (reply->verdict == SCALE_OK)
    record (tasks, task);
  else
    gst_scale_tasks_put_off (tasks, reply);
  clear_task (tasks);
}

static void
make_task (GstScaleTasks *tasks)
{
  g_autofree gchar *path = g_strconcat ("/task/", tasks->type, NULL);
  ScaleTaskRequest request = { tasks->type, tasks->project, tasks->batch, tasks->reference, tasks->url, tasks->metadata };

  gst_scale_tasks_ask (tasks, "POST", path, scale_task_body_new (tasks->body, &request), on_task);
}

typedef struct {
  GstScaleTasks *tasks;
  Catalogue *catalogue;
} Search;

/* The first that is not doubted. */
static void
take (const CatalogueUpload *upload, gpointer data)
{
  Search *search = data;
  GstScaleTasks *tasks = search->tasks;

  if (tasks->reference || gst_scale_doubts_holds (tasks->doubts, upload->reference))
    return;
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
  g_autoptr (GError) error = NULL;
  CatalogueTaskCounts counts;

  if (catalogue_count_tasks (search.catalogue, &to, &counts, &error)) {
    note_counts (tasks, &counts);
    if (!tasks->spent)
      catalogue_each_without_task (search.catalogue, &to, gst_scale_doubts_size (tasks->doubts) + 1, take, &search, &error);
  }
  gst_dataset_writer_give_back (tasks->writer);
  return gst_scale_tasks_is_fine (tasks, error) && tasks->reference != NULL;
}

/* After a halt those that were doubted have another chance. */
static gboolean
choose_anew (GstScaleTasks *tasks)
{
  return choose (tasks) || (gst_scale_doubts_forgive (tasks->doubts) && choose (tasks));
}

static gboolean
is_pausing (const GstScaleTasks *tasks)
{
  return tasks->closed_until > g_get_monotonic_time ();
}

gboolean
gst_scale_tasks_go_on (GstScaleTasks *tasks, gboolean ending)
{
  if (tasks->under_way || is_pausing (tasks) || (!tasks->looked_back && gst_scale_batch_look_back (tasks)))
    return TRUE;
  if (tasks->lost)
    gst_scale_batch_look_at_lost (tasks);
  else if (tasks->batch && tasks->in_batch >= tasks->batch_tasks)
    gst_scale_batch_end (tasks);
  if (tasks->under_way)
    return TRUE;
  if (tasks->reference == NULL && !choose_anew (tasks)) {
    if (!is_pausing (tasks) && (ending || tasks->spent) && tasks->batch && tasks->in_batch > 0)
      gst_scale_batch_end (tasks);
    return tasks->under_way || is_pausing (tasks);
  }
  if (tasks->batch_status == NULL)
    gst_scale_batch_make (tasks);
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

void
gst_scale_tasks_describe (GstScaleTasks *tasks, GstStructure *description)
{
  g_mutex_lock (&tasks->lock);
  gst_structure_set (description, "tasks-made", G_TYPE_UINT64, tasks->made, "tasks-refused", G_TYPE_UINT64, tasks->refused,
      "tasks-awaiting", G_TYPE_UINT64, tasks->awaiting, "tasks-spent", G_TYPE_UINT64, tasks->counted, "tasks-most", G_TYPE_UINT64,
      (guint64) tasks->most, "tasks-halted", G_TYPE_BOOLEAN, tasks->halted, "tasks-problem", G_TYPE_STRING, tasks->last_problem,
      NULL);
  g_mutex_unlock (&tasks->lock);
}
