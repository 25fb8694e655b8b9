/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscalebatch.c: the batch that tasks go into: begun, found again after a restart, given to people, and left when somebody
 * else has. See gstscaletasksprivate.h. */
#include "gstscaletasksprivate.h"
#include "scale-upload.h"

/* Batches of ours begin with PROJECT and this: others are left alone. */
#define BATCH_MARK "-gst-"

static gchar *
path_of (const gchar *batch, const gchar *action)
{
  g_autofree gchar *name = g_uri_escape_string (batch, NULL, FALSE);

  return g_strconcat ("/batches/", name, action, NULL);
}

void
gst_scale_batch_look_at (GstScaleTasks *tasks, ScaleApiDone done)
{
  g_autofree gchar *path = path_of (tasks->batch, "");

  gst_scale_tasks_ask (tasks, "GET", path, NULL, done);
}

const gchar *
gst_scale_batch_status_of (const ScaleReply *reply)
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
  if (tasks->finalize || g_str_equal (status, GST_SCALE_STAGING)) {
    tasks->batch_status = g_strdup (status);
    return;
  }
  problem = g_strdup_printf ("the batch %s does not wait to be finalized (its status is \"%s\"), so that its tasks would go to "
      "people at once: set finalize=true if that is meant", tasks->batch, status);
  gst_scale_tasks_halt (tasks, problem);
}

static void
on_batch_status (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK)
    begin_batch (tasks, gst_scale_batch_status_of (reply));
  else
    gst_scale_tasks_put_off (tasks, reply);
}

/* It may be there since a request whose answer was lost; and not every answer says more than that it is. */
static void
on_new_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict == SCALE_OK && *gst_scale_batch_status_of (reply))
    begin_batch (tasks, gst_scale_batch_status_of (reply));
  else if (reply->verdict == SCALE_OK || reply->verdict == SCALE_CONFLICT)
    gst_scale_batch_look_at (tasks, on_batch_status);
  else
    gst_scale_tasks_put_off (tasks, reply);
}

/* The name stays until it is made. */
void
gst_scale_batch_make (GstScaleTasks *tasks)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree gchar *time = g_date_time_format (now, "%Y%m%dT%H%M%S");
  JsonObject *object = json_object_new ();

  if (tasks->batch == NULL)
    tasks->batch = g_strdup_printf ("%s" BATCH_MARK "%s.%06d", tasks->project, time, g_date_time_get_microsecond (now));
  tasks->in_batch = 0;
  json_object_set_string_member (object, "project", tasks->project);
  json_object_set_string_member (object, "name", tasks->batch);
  gst_scale_tasks_ask (tasks, "POST", "/batches", object, on_new_batch);
}

void
gst_scale_batch_leave (GstScaleTasks *tasks)
{
  g_clear_pointer (&tasks->batch, g_free);
  g_clear_pointer (&tasks->batch_status, g_free);
  tasks->in_batch = 0;
}

static void
close_batch (GstScaleTasks *tasks)
{
  gst_scale_tasks_post (tasks, gst_structure_new ("scale-batch-finalized", "batch", G_TYPE_STRING, tasks->batch, "tasks",
          G_TYPE_UINT, tasks->in_batch, NULL));
  gst_scale_batch_leave (tasks);
}

/* A second time is refused; but so may the first be. */
static void
on_not_finalized (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK)
    gst_scale_tasks_put_off (tasks, reply);
  else if (g_str_equal (gst_scale_batch_status_of (reply), GST_SCALE_STAGING))
    gst_scale_tasks_halt (tasks, tasks->problem);
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
    gst_scale_batch_look_at (tasks, on_not_finalized);
  } else if (reply->status == 404) {    /* somebody has deleted it */
    gst_scale_batch_leave (tasks);
  } else {
    gst_scale_tasks_put_off (tasks, reply);
  }
}

/* The batch is full, or all there will be: without finalize a person does the rest. */
void
gst_scale_batch_end (GstScaleTasks *tasks)
{
  g_autofree gchar *path = path_of (tasks->batch, "/finalize");

  if (tasks->finalize)
    gst_scale_tasks_ask (tasks, "POST", path, NULL, on_finalized);
  else
    gst_scale_batch_leave (tasks);
}

/* Of an earlier run: it goes on while people do not see it. */
static void
on_old_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;
  gboolean gone = reply->status == 404;

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK && !gone) {
    gst_scale_tasks_put_off (tasks, reply);
    return;
  }
  tasks->looked_back = TRUE;
  if (!gone && g_str_equal (gst_scale_batch_status_of (reply), GST_SCALE_STAGING))
    tasks->batch_status = g_strdup (GST_SCALE_STAGING);
  else
    gst_scale_batch_leave (tasks);
}

gboolean
gst_scale_batch_look_back (GstScaleTasks *tasks)
{
  g_autofree gchar *mark = g_strconcat (tasks->project, BATCH_MARK, NULL);
  CatalogueDestination to = { SCALE_SERVICE, tasks->project };
  g_autoptr (GError) error = NULL;

  gst_scale_batch_leave (tasks);
  catalogue_last_batch (gst_dataset_writer_borrow (tasks->writer), &to, mark, &tasks->batch, &tasks->in_batch, &error);
  gst_dataset_writer_give_back (tasks->writer);
  if (gst_scale_tasks_is_fine (tasks, error) && tasks->batch)
    gst_scale_batch_look_at (tasks, on_old_batch);
  else
    tasks->looked_back = error == NULL;
  return !tasks->looked_back;
}

/* ---- one that was lost ------------------------------------------------------------------------------------------------- */

void
gst_scale_batch_found (GstScaleTasks *tasks, const gchar *batch)
{
  g_autofree gchar *mark = g_strconcat (tasks->project, BATCH_MARK, NULL);

  if (!g_str_has_prefix (batch, mark))
    return;
  g_free (tasks->lost);
  tasks->lost = g_strdup (batch);
}

/* In the place of one that is still empty. */
static void
take_lost (GstScaleTasks *tasks)
{
  CatalogueDestination to = { SCALE_SERVICE, tasks->project };
  g_autoptr (GError) error = NULL;
  g_autofree gchar *name = NULL;
  guint n;

  catalogue_last_batch (gst_dataset_writer_borrow (tasks->writer), &to, tasks->lost, &name, &n, &error);
  gst_dataset_writer_give_back (tasks->writer);
  if (!gst_scale_tasks_is_fine (tasks, error))
    return;
  gst_scale_batch_leave (tasks);
  tasks->batch = g_steal_pointer (&tasks->lost);
  tasks->batch_status = g_strdup (GST_SCALE_STAGING);
  tasks->in_batch = n;
}

static void
on_lost_batch (ScaleReply *reply, gpointer data)
{
  GstScaleTasks *tasks = data;

  tasks->under_way = FALSE;
  if (reply->verdict != SCALE_OK && reply->status != 404)
    gst_scale_tasks_put_off (tasks, reply);
  else if (reply->verdict != SCALE_OK || !g_str_equal (gst_scale_batch_status_of (reply), GST_SCALE_STAGING))
    g_clear_pointer (&tasks->lost, g_free);
  else if (tasks->in_batch > 0)
    gst_scale_batch_end (tasks);
  else
    take_lost (tasks);
}

void
gst_scale_batch_look_at_lost (GstScaleTasks *tasks)
{
  g_autofree gchar *path = path_of (tasks->lost, "");

  gst_scale_tasks_ask (tasks, "GET", path, NULL, on_lost_batch);
}

/* ---- left by others ---------------------------------------------------------------------------------------------------- */

/* Which is nobody's fault and needs another batch. But one that has never taken a task says that another would not, either:
 * then it is begun again, later, under its name. */
void
gst_scale_batch_change (GstScaleTasks *tasks, const gchar *what)
{
  if (tasks->in_batch == 0) {
    gst_scale_tasks_halt (tasks, tasks->problem);
    g_clear_pointer (&tasks->batch_status, g_free);
    return;
  }
  GST_ELEMENT_INFO (tasks->element, RESOURCE, WRITE, ("The batch %s was %s by somebody else: a new one is begun", tasks->batch,
          what), (NULL));
  gst_scale_batch_leave (tasks);
}
