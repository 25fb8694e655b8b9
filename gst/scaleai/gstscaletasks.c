/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaletasks.c: see gstscaletasks.h. */
#include "gstscaletasks.h"
#include "gstscaledoubts.h"
#include "scale-labels.h"
#include "scale-task-body.h"
#include "scale-tasks.h"
#include "scale-upload.h"

#include <string.h>

/* Batches of ours begin with PROJECT and this: others are left alone. */
#define BATCH_MARK "-gst-"
#define STAGING "staging"       /* a batch that people do not see yet */

/* Lists without the task that a unique id is said to have, after which there is none. */
enum { MOST_MISSES = 5 };
#define HALT (5 * G_TIME_SPAN_MINUTE)
#define CATALOGUE_PAUSE (5 * G_TIME_SPAN_SECOND)

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
  gchar *batch;                 /* the name, or NULL */
  gchar *batch_status;          /* what it had when it was begun, "" when that is not said; NULL: it is not begun */
  guint in_batch;
  guint failures;               /* in a row */
  GstScaleDoubts *doubts;
  gint64 closed_until;          /* monotonic */

  /* The task that is being made. */
  gchar *reference, *frame, *url, *metadata;
  guint misses;                 /* lists that did not have it */
  ScaleVerdict verdict;         /* and what was said of it, while the batch is looked at */
  gchar *problem;
};

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
rest (GstScaleTasks *tasks, gint64 length)
{
  tasks->closed_until = g_get_monotonic_time () + length;
}

/* FALSE: the catalogue is asked again a little later. */
static gboolean
is_fine (GstScaleTasks *tasks, const GError *error)
{
  if (error == NULL)
    return TRUE;
  GST_WARNING_OBJECT (tasks->element, "%s", error->message);
  rest (tasks, CATALOGUE_PAUSE);
  return FALSE;
}

/* Until a person has mended it. */
static void
halt (GstScaleTasks *tasks, const gchar *problem)
{
  gst_scale_doubts_halted (tasks->doubts);
  rest (tasks, HALT);
  GST_ELEMENT_WARNING (tasks->element, RESOURCE, NOT_AUTHORIZED, ("No tasks are made in \"%s\" for now: %s", tasks->project,
          problem), (NULL));
}

static void
pause_for (GstScaleTasks *tasks, const ScaleReply *reply)
{
  GST_WARNING_OBJECT (tasks->element, "tasks: %s", reply->problem);
  if (reply->verdict == SCALE_RETRY)
    rest (tasks, scale_api_pause (++tasks->failures, reply));
  else
    halt (tasks, reply->problem);
}

/* ---- batches ----------------------------------------------------------------------------------------------------------- */

static gchar *
batch_path (const GstScaleTasks *tasks, const gchar *action)
{
  g_autofree gchar *name = g_uri_escape_string (tasks->batch, NULL, FALSE);

  return g_strconcat ("/batches/", name, action, NULL);
}

static void
look_at_batch (GstScaleTasks *tasks, ScaleApiDone done)
{
  g_autofree gchar *path = batch_path (tasks, "");

  ask (tasks, "GET", path, NULL, done);
}

/* "" when it is not said. */
static const gchar *
status_of (const ScaleReply *reply)
{
  const gchar *status = scale_reply_string (reply, "status");

  return status ? status : "";
}

/* Batches of a project that is not self-serve are in progress from the start, and so would the tasks be. */
static void
begin_batch (GstScaleTasks *tasks, const gchar *status)
{
  g_autofree gchar *problem = NULL;

  tasks->failures = 0;
  if (tasks->finalize || g_str_equal (status, STAGING)) {
    tasks->batch_status = g_strdup (status);
    return;
  }
  problem = g_strdup_printf ("the batch %s does not wait to be finalized (its status is \"%s\"), so that its tasks would go to "
      "people at once: set finalize=true if that is meant", tasks->batch, status);
  halt (tasks, problem);
}

static void
on_batch_status (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK)
    begin_batch (tasks, status_of (reply));
  else
    pause_for (tasks, reply);
}

/* It may be there since a request whose answer was lost; and not every answer says more than that it is. */
static void
on_new_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK && *status_of (reply))
    begin_batch (tasks, status_of (reply));
  else if (reply->verdict == SCALE_OK || reply->verdict == SCALE_CONFLICT)
    look_at_batch (tasks, on_batch_status);
  else
    pause_for (tasks, reply);
}

/* The name stays until it is made. */
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
  ask (tasks, "POST", "/batches", object, on_new_batch);
}

static void
leave_batch (GstScaleTasks *tasks)
{
  g_clear_pointer (&tasks->batch, g_free);
  g_clear_pointer (&tasks->batch_status, g_free);
}

static void
close_batch (GstScaleTasks *tasks)
{
  gst_element_post_message (tasks->element, gst_message_new_element (GST_OBJECT (tasks->element), gst_structure_new (
              "scale-batch-finalized", "batch", G_TYPE_STRING, tasks->batch, "tasks", G_TYPE_UINT, tasks->in_batch, NULL)));
  leave_batch (tasks);
}

/* A second time is refused; but so may the first be. */
static void
on_not_finalized (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK)
    pause_for (tasks, reply);
  else if (g_str_equal (status_of (reply), STAGING))
    halt (tasks, tasks->problem);
  else
    close_batch (tasks);
  g_clear_pointer (&tasks->problem, g_free);
}

static void
on_finalized (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK) {
    close_batch (tasks);
  } else if (reply->verdict == SCALE_CONFLICT || reply->verdict == SCALE_REFUSED) {
    tasks->problem = g_strdup (reply->problem);
    look_at_batch (tasks, on_not_finalized);
  } else if (reply->status == 404) {    /* somebody has deleted it */
    leave_batch (tasks);
  } else {
    pause_for (tasks, reply);
  }
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

/* Of an earlier run: it goes on while people do not see it. */
static void
on_old_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  gboolean gone = reply->status == 404;

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK && !gone) {
    pause_for (tasks, reply);
    return;
  }
  tasks->looked_back = TRUE;
  if (!gone && g_str_equal (status_of (reply), STAGING))
    tasks->batch_status = g_strdup (STAGING);
  else
    leave_batch (tasks);
}

/* A batch of an earlier run that is still open goes on. TRUE: it is being asked after, or the catalogue is. */
static gboolean
look_back (GstScaleTasks *tasks)
{
  g_autofree gchar *mark = g_strconcat (tasks->project, BATCH_MARK, NULL);
  CatalogueDestination to = { SCALE_SERVICE, tasks->project };
  g_autoptr (GError) error = NULL;

  leave_batch (tasks);
  catalogue_last_batch (gst_dataset_writer_borrow (tasks->writer), &to, mark, &tasks->batch, &tasks->in_batch, &error);
  gst_dataset_writer_give_back (tasks->writer);
  if (is_fine (tasks, error) && tasks->batch)
    look_at_batch (tasks, on_old_batch);
  else
    tasks->looked_back = error == NULL;
  return !tasks->looked_back;
}

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

static gboolean
put (GstScaleTasks *tasks, const CatalogueTask *row)
{
  g_autoptr (GError) error = NULL;

  catalogue_put_task (gst_dataset_writer_borrow (tasks->writer), row, &error);
  gst_dataset_writer_give_back (tasks->writer);
  return is_fine (tasks, error);
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

  if (put (tasks, &row))
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
  tasks->in_batch += g_strcmp0 (row.batch, tasks->batch) == 0;
  tasks->failures = 0;
  gst_scale_doubts_taken (tasks->doubts, tasks->reference, record_refusal, tasks);
  gst_element_post_message (tasks->element, gst_message_new_element (GST_OBJECT (tasks->element), gst_structure_new (
              "scale-task-created", "reference", G_TYPE_STRING, tasks->reference, "frame", G_TYPE_STRING, tasks->frame, "task",
              G_TYPE_STRING, id, "batch", G_TYPE_STRING, row.batch, NULL)));
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
  rest (tasks, scale_api_pause (++tasks->failures, reply));
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
    pause_for (tasks, reply);
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

  ask (tasks, "GET", path, NULL, on_found);
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
      halt (tasks, tasks->problem);
      break;
  }
}

/* Which is nobody's fault and needs another batch. But one that has never taken a task says that another would not, either:
 * then it is begun again, later, under its name. */
static void
change_batch (GstScaleTasks *tasks, const gchar *what)
{
  if (tasks->in_batch == 0) {
    halt (tasks, tasks->problem);
    g_clear_pointer (&tasks->batch_status, g_free);
    return;
  }
  GST_ELEMENT_INFO (tasks->element, RESOURCE, WRITE, ("The batch %s was %s by somebody else: a new one is begun", tasks->batch,
          what), (NULL));
  leave_batch (tasks);
}

/* The task was refused: because the batch was finalized meanwhile? */
static void
on_doubted_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  gboolean gone = reply->status == 404;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK && g_str_equal (status_of (reply), tasks->batch_status)) {
    if (tasks->verdict == SCALE_REFUSED)
      doubt (tasks);
    else
      halt (tasks, tasks->problem);
  } else if (reply->verdict == SCALE_OK || gone) {
    change_batch (tasks, gone ? "deleted" : "finalized");
  } else {
    pause_for (tasks, reply);
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
    look_at_batch (tasks, on_doubted_batch);
    return;
  }
  if (reply->verdict == SCALE_OK)
    record (tasks, task);
  else
    pause_for (tasks, reply);
  clear_task (tasks);
}

static void
make_task (GstScaleTasks *tasks)
{
  g_autofree gchar *path = g_strconcat ("/task/", tasks->type, NULL);
  ScaleTaskRequest request = { tasks->type, tasks->project, tasks->batch, tasks->reference, tasks->url, tasks->metadata };

  ask (tasks, "POST", path, scale_task_body_new (tasks->body, &request), on_task);
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
  guint64 made;

  if (catalogue_count_tasks (search.catalogue, &to, &made, &error)) {
    tasks->spent = made >= tasks->most;
    if (!tasks->spent)
      catalogue_each_without_task (search.catalogue, &to, gst_scale_doubts_size (tasks->doubts) + 1, take, &search, &error);
  }
  gst_dataset_writer_give_back (tasks->writer);
  return is_fine (tasks, error) && tasks->reference != NULL;
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
  if (tasks->under_way || is_pausing (tasks) || (!tasks->looked_back && look_back (tasks)))
    return TRUE;
  if (tasks->batch && tasks->in_batch >= tasks->batch_tasks)
    end_batch (tasks);
  if (tasks->under_way)
    return TRUE;
  if (tasks->reference == NULL && !choose_anew (tasks)) {
    if (!is_pausing (tasks) && (ending || tasks->spent) && tasks->batch && tasks->in_batch > 0)
      end_batch (tasks);
    return tasks->under_way || is_pausing (tasks);
  }
  if (tasks->batch_status == NULL)
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
