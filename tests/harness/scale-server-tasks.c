/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-tasks.c: tasks as they are made and as they are read, one and page by page. */
#include "scale-private.h"

#include <string.h>

enum { MAX_METADATA = 10 * 1024, MAX_TAGS = 5, PAGE = 100 };

const char *const scale_task_statuses[4] = { "pending", "completed", "error", "canceled" };
const char *const scale_task_types[] = {
  "annotation", "categorization", "comparison", "cuboidannotation", "datacollection", "documentmodel",
  "documenttranscription", "imageannotation", "laneannotation", "lidarannotation", "lidarlinking", "lidarsegmentation",
  "lidartopdown", "lineannotation", "namedentityrecognition", "pointannotation", "polygonannotation",
  "segmentannotation", "transcription", "textcollection", "videoannotation", "videoboxannotation",
  "videoplaybackannotation", "videocuboidannotation", "sensorfusion", "chat", "chatexperimental", "chatlite", "multichat", "multistage",
  "federal2dvideoannotation", NULL
};

/* Of the request's body: these are the task's own, all others go into its params. */
static const char *const common[] = {
  "project", "batch", "instruction", "callback_url", "priority", "tags", "metadata", "unique_id",
  "clear_unique_id_on_error", NULL
};

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static const char *
attachment_of (JsonObject *task)
{
  JsonObject *params = scale_object (task, "params");
  JsonArray *list = params ? scale_array (params, "attachments") : NULL;
  JsonNode *first = list && json_array_get_length (list) ? json_array_get_element (list, 0) : NULL;

  if (params && scale_string (params, "attachment"))
    return scale_string (params, "attachment");
  return first && JSON_NODE_HOLDS_OBJECT (first) ? scale_string (json_node_get_object (first), "content") : NULL;
}

JsonObject *
scale_task_file (ScaleWorld *world, JsonObject *task)
{
  return scale_find_by (world, SCALE_FILES, "attachment_url", attachment_of (task));
}

/* Like the links to S3 that the real ones carry; nothing is served there. */
static void
add_urls (ScaleServer *server, JsonObject *object)
{
  const char *attachment = attachment_of (object);
  JsonArray *array = json_array_new ();
  JsonObject *link = json_object_new ();
  g_autofree char *hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, attachment ? attachment : "", -1);
  g_autofree char *url = g_strdup_printf ("%s/signed/%s", server->url, hash);

  json_object_set_string_member (link, "s3URL", url);
  json_object_set_boolean_member (link, "isConvertedImage", FALSE);
  json_object_set_string_member (link, "attachmentURL", attachment ? attachment : "");
  json_array_add_object_element (array, link);
  json_object_set_array_member (object, "attachmentS3Downloads", array);
}

JsonObject *
scale_task_public (ScaleServer *server, ScaleWorld *world, JsonObject *task, gboolean with_urls)
{
  JsonObject *object = scale_public (task);

  if (server->strip_metadata)
    json_object_set_object_member (object, "metadata", json_object_new ());
  if (with_urls)
    add_urls (server, object);
  return object;
}

static void
get_task (ScaleRequest *request)
{
  JsonObject *task = scale_find (request->world, SCALE_TASKS, request->path[1]);

  if (task)
    scale_answer_object (request, scale_task_public (request->server, request->world, task,
            scale_query_is_true (request, "include_attachment_url")));
  else
    scale_fail (request, 404, "There is no task with the id %s", request->path[1]);
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

JsonObject *
scale_project_params (JsonObject *project)
{
  JsonArray *history = project ? scale_array (project, "param_history") : NULL;
  guint n = history ? json_array_get_length (history) : 0;

  return n ? json_array_get_object_element (history, n - 1) : NULL;
}

void
scale_task_touch (ScaleServer *server, ScaleWorld *world, JsonObject *task)
{
  g_autofree char *now = scale_time (scale_now ());

  json_object_set_string_member (task, "updated_at", now);
  scale_save (server, world, SCALE_TASKS, task);
}

JsonObject *
scale_task_new (ScaleServer *server, const char *type, JsonObject *project, JsonObject *batch)
{
  g_autofree char *id = scale_new_id (server), *now = scale_time (scale_now ());
  JsonObject *task = json_object_new (), *params = json_object_new ();

  json_object_set_string_member (task, "_id", id);
  json_object_set_double_member (task, "_made_at", scale_now ());
  json_object_set_string_member (task, "task_id", id);
  json_object_set_string_member (task, "type", type);
  json_object_set_string_member (task, "status", "pending");
  json_object_set_string_member (task, "created_at", now);
  json_object_set_string_member (task, "updated_at", now);
  if (project)
    json_object_set_string_member (task, "project", scale_string (project, "name"));
  if (batch)
    json_object_set_string_member (task, "batch", scale_string (batch, "name"));
  json_object_set_object_member (task, "metadata", json_object_new ());
  json_object_set_object_member (task, "params", params);
  return task;
}

/* The project of the body or of its batch. FALSE: answered. */
static gboolean
find_places (ScaleRequest *request, JsonObject *body, JsonObject **project, JsonObject **batch)
{
  const char *project_name = scale_string (body, "project"), *batch_name = scale_string (body, "batch");

  *batch = scale_find (request->world, SCALE_BATCHES, batch_name);
  if (batch_name && *batch == NULL) {
    scale_fail (request, 404, "There is no batch with the name %s", batch_name);
    return FALSE;
  }
  if (project_name == NULL && *batch)
    project_name = scale_string (*batch, "project");
  *project = scale_find (request->world, SCALE_PROJECTS, project_name);
  if (project_name && *project == NULL)
    scale_fail (request, 404, "There is no project with the name %s", project_name);
  else if (*batch && g_strcmp0 (scale_string (*batch, "project"), project_name) != 0)
    scale_fail (request, 400, "The batch %s is not one of the project %s", batch_name, project_name);
  else if (*batch && !scale_batch_is_open (*batch))
    scale_fail (request, 400, "The batch %s is finalized: no task can be added", batch_name);
  else if (*batch == NULL && scale_project_is_rapid (*project))
    scale_fail (request, 400, "The project %s takes tasks in batches only", project_name);
  else if (*project && g_strcmp0 (scale_string (*project, "type"), request->path[1]) != 0)
    scale_fail (request, 400, "The project %s is for tasks of the type %s", project_name,
        scale_string (*project, "type"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
has (JsonObject *body, JsonObject *params, const char *name)
{
  return !scale_is_null (body, name) || (params && !scale_is_null (params, name));
}

/* What a task of this type lacks, or NULL. */
static const char *
missing (const char *type, JsonObject *body, JsonObject *params, gboolean rapid)
{
  gboolean boxes = g_str_equal (type, "imageannotation"), texts = g_str_equal (type, "textcollection");
  gboolean categories = g_str_equal (type, "categorization");

  if (texts && scale_array (body, "attachments") == NULL)
    return "attachments";
  if ((boxes || categories) && scale_string (body, "attachment") == NULL)
    return "attachment";
  if (boxes && !has (body, params, "geometries"))
    return "geometries";
  if (texts && !has (body, params, "fields"))
    return "fields";
  if (categories && !has (body, params, "categories") && !has (body, params, "taxonomies"))
    return "categories";
  return rapid || has (body, params, "instruction") ? NULL : "instruction";
}

/* Of the members that every type has. */
static const char *
wrong (JsonObject *body)
{
  JsonArray *tags = scale_array (body, "tags");
  const char *id = scale_string (body, "unique_id");

  if (!scale_is_null (body, "metadata") && (scale_object (body, "metadata") == NULL ||
          scale_json_bytes (scale_object (body, "metadata")) > MAX_METADATA))
    return "metadata has to be an object of at most 10 KB";
  if (!scale_is_null (body, "tags") && (tags == NULL || json_array_get_length (tags) > MAX_TAGS))
    return "tags has to be a list of at most 5";
  for (int i = 0; i < 2; i++)
    if (!scale_is_null (body, common[i]) && scale_string (body, common[i]) == NULL)
      return "project and batch have to be names";
  if (!scale_is_null (body, "unique_id") && (id == NULL || *id == 0))
    return "unique_id has to be a text";
  return NULL;
}

/* TRUE: answered, because the id is another task's. */
static gboolean
is_taken (ScaleRequest *request, const char *what, const char *member, const char *value)
{
  JsonObject *other = scale_find_by (request->world, SCALE_TASKS, member, value);

  if (other == NULL)
    return FALSE;
  scale_fail (request, 409, "The %s %s is in use by another task (%s)", what, value, scale_string (other, "task_id"));
  return TRUE;
}

static void
copy_common (JsonObject *task, JsonObject *body, JsonObject *project_params)
{
  const char *own = scale_string (body, "instruction");
  const char *general = project_params ? scale_string (project_params, "instruction") : NULL;
  g_autofree char *both = own && general ? g_strconcat (own, "\n\n", general, NULL) : NULL;
  const char *instruction = both ? both : own ? own : general;

  for (int i = 0; common[i]; i++)
    if (!scale_is_null (body, common[i]) && !g_str_equal (common[i], "clear_unique_id_on_error"))
      json_object_set_member (task, common[i], json_node_copy (json_object_get_member (body, common[i])));
  if (instruction)
    json_object_set_string_member (task, "instruction", instruction);
  json_object_set_boolean_member (task, "_clear_on_error", scale_true (body, "clear_unique_id_on_error"));
}

static void
copy_params (JsonObject *params, JsonObject *from)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, from);
  while (json_object_iter_next (&iter, &name, &node))
    if (!g_strv_contains (common, name) && !g_str_equal (name, "version") && !g_str_equal (name, "created_at"))
      json_object_set_member (params, name, json_node_copy (node));
}

/* An attachment that cannot be had is found out after the task was accepted. */
static void
check_attachment (ScaleRequest *request, JsonObject *task)
{
  const char *attachment = attachment_of (task);

  if (attachment && g_str_has_prefix (attachment, "scaledata://") && scale_task_file (request->world, task) == NULL)
    json_object_set_string_member (task, "_error", attachment);
}

static void
make_task (ScaleRequest *request, JsonObject *body, JsonObject *project, JsonObject *batch, const char *key)
{
  JsonObject *task = scale_task_new (request->server, request->path[1], project, batch);
  JsonObject *project_params = scale_project_params (project);

  copy_common (task, body, project_params);
  if (project_params)
    copy_params (scale_object (task, "params"), project_params);
  copy_params (scale_object (task, "params"), body);
  if (key)
    json_object_set_string_member (task, "_idempotency_key", key);
  check_attachment (request, task);
  scale_save (request->server, request->world, SCALE_TASKS, task);
  scale_answer_object (request, scale_task_public (request->server, request->world, task, FALSE));
}

static void
create_task (ScaleRequest *request)
{
  const char *type = request->path[1], *reason;
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (request->message);
  const char *key = soup_message_headers_get_one (headers, "Idempotency-Key");
  JsonObject *body, *project, *batch;

  if (!g_strv_contains (scale_task_types, type)) {
    scale_fail (request, 404, "There is no task type %s", type);
    return;
  }
  body = scale_body_object (request);
  if (body == NULL || !find_places (request, body, &project, &batch))
    return;
  reason = wrong (body);
  if (reason) {
    scale_fail (request, 400, "%s", reason);
    return;
  }
  reason = missing (type, body, scale_project_params (project), scale_project_is_rapid (project));
  if (reason) {
    scale_fail (request, 400, "A task of the type %s needs %s", type, reason);
    return;
  }
  if (!is_taken (request, "unique_id", "unique_id", scale_string (body, "unique_id")) &&
      !is_taken (request, "idempotency key", "_idempotency_key", key))
    make_task (request, body, project, batch, key);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

typedef struct {
  char *from[3], *to[3];        /* of created_at, completed_at, updated_at */
} Times;

static const char *const time_names[3][3] = {
  { "created_at", "start_time", "end_time" },
  { "completed_at", "completed_after", "completed_before" },
  { "updated_at", "updated_after", "updated_before" },
};

static void
times_clear (Times *times)
{
  for (int i = 0; i < 3; i++) {
    g_free (times->from[i]);
    g_free (times->to[i]);
  }
}

/* Whether the query does not ask for the member, or for one of these values. */
static gboolean
query_allows (ScaleRequest *request, const char *name, const char *const *values)
{
  gboolean asked = FALSE;

  for (guint i = 0; i + 1 < request->query->len; i += 2)
    if (g_str_equal (request->query->pdata[i], name) && *(char *) request->query->pdata[i + 1]) {
      asked = TRUE;
      for (int v = 0; values[v]; v++)
        if (g_str_equal (values[v], request->query->pdata[i + 1]))
          return TRUE;
    }
  return !asked;
}

static gboolean
has_tag (ScaleRequest *request, JsonObject *task)
{
  JsonArray *tags = scale_array (task, "tags");
  const char *values[MAX_TAGS + 1] = { NULL };

  for (guint i = 0; tags && i < MIN (MAX_TAGS, json_array_get_length (tags)); i++)
    values[i] = json_array_get_string_element (tags, i);
  return query_allows (request, "tags", values);
}

static gboolean
has_review (ScaleRequest *request, JsonObject *task)
{
  const char *asked = scale_query (request, "customer_review_status");
  const char *review = scale_string (task, "customer_review_status");
  g_auto (GStrv) list = asked ? g_strsplit (asked, ",", -1) : NULL;

  return list == NULL || g_strv_contains ((const char *const *) list, review ? review : "pending");
}

static gboolean
task_matches (ScaleRequest *request, JsonObject *task, const Times *times)
{
  static const char *const names[] = { "project", "batch", "type", "status", "unique_id" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    const char *values[] = { scale_string (task, names[i]), NULL };

    if (!query_allows (request, names[i], values))
      return FALSE;
  }
  for (int i = 0; i < 3; i++)
    if (!scale_in_times (scale_string (task, time_names[i][0]), times->from[i], times->to[i]))
      return FALSE;
  return has_tag (request, task) && has_review (request, task);
}

/* A page token names the last task of the page before, so tasks that arrive meanwhile move nothing. */
static char *
make_token (JsonObject *task)
{
  g_autofree char *plain = g_strconcat (scale_string (task, "created_at"), "|", scale_string (task, "task_id"), NULL);

  return g_base64_encode ((guchar *) plain, strlen (plain));
}

/* Where the page begins, going down; FALSE: answered. */
static gboolean
find_start (ScaleRequest *request, guint *start)
{
  const char *token = scale_query (request, "next_token"), *id;
  GPtrArray *rows = request->world->rows[SCALE_TASKS];
  g_autofree guchar *plain = NULL;
  g_autofree char *text = NULL;
  JsonObject *task;
  gsize size;

  *start = rows->len;
  if (token == NULL)
    return TRUE;
  plain = g_base64_decode (token, &size);
  text = g_strndup ((char *) plain, size);
  id = strchr (text, '|');
  task = id ? scale_find (request->world, SCALE_TASKS, id + 1) : NULL;
  if (task && g_ptr_array_find (rows, task, start))
    return TRUE;
  scale_fail (request, 400, "next_token is not one of ours");
  return FALSE;
}

static JsonObject *
limited (JsonObject *task)
{
  static const char *const names[] = { "task_id", "status", "metadata", "project", "otherVersion" };
  JsonObject *object = json_object_new ();

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (json_object_has_member (task, names[i]))
      json_object_set_member (object, names[i], json_node_copy (json_object_get_member (task, names[i])));
  json_object_unref (task);
  return object;
}

static void
answer_page (ScaleRequest *request, const Times *times, gint64 limit, guint start)
{
  GPtrArray *rows = request->world->rows[SCALE_TASKS];
  gboolean urls = scale_query_is_true (request, "include_attachment_url"), more = FALSE;
  gboolean brief = scale_query_is_true (request, "limited_response");
  JsonArray *docs = json_array_new ();
  JsonObject *object = json_object_new (), *last = NULL;
  gint64 total = 0;

  for (guint i = rows->len; i-- > 0;) {
    JsonObject *task = rows->pdata[i], *shown;

    if (!task_matches (request, task, times))
      continue;
    total++;
    if (i >= start)
      continue;
    more = json_array_get_length (docs) == limit;
    if (more)
      continue;
    last = task;
    shown = scale_task_public (request->server, request->world, task, urls);
    json_array_add_object_element (docs, brief ? limited (shown) : shown);
  }
  json_object_set_array_member (object, "docs", docs);
  json_object_set_int_member (object, "total", total);
  json_object_set_int_member (object, "limit", limit);
  json_object_set_int_member (object, "offset", 0);
  json_object_set_boolean_member (object, "has_more", more);
  if (more) {
    g_autofree char *token = make_token (last);

    json_object_set_string_member (object, "next_token", token);
  }
  scale_answer_object (request, object);
}

static void
list_tasks (ScaleRequest *request)
{
  Times times = { { NULL } };
  gint64 limit = PAGE;
  guint start;
  gboolean good = scale_query_number (request, "limit", 1, PAGE, &limit) && find_start (request, &start);

  for (int i = 0; i < 3 && good; i++)
    good = scale_query_times (request, time_names[i][1], time_names[i][2], &times.from[i], &times.to[i]);
  if (good)
    answer_page (request, &times, limit, start);
  times_clear (&times);
}

const ScaleRoute scale_task_routes[] = {
  { "GET", "tasks", list_tasks },
  { "GET", "task/*", get_task },
  { "POST", "task/*", create_task },
  { NULL }
};
