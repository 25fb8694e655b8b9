/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-projects.c: projects and their batches. */
#include "scale-private.h"

#include <string.h>

static void
set_now (JsonObject *row, const char *name)
{
  g_autofree char *time = scale_time (scale_now ());

  json_object_set_string_member (row, name, time);
}

/* ---- projects ---------------------------------------------------------------------------------------------------- */

gboolean
scale_project_is_rapid (JsonObject *project)
{
  return project && (scale_true (project, "_rapid") || scale_true (project, "_studio"));
}

/* What was, unless it is replaced, and what is new. */
static void
add_version (JsonObject *project, JsonObject *params, gboolean patch)
{
  JsonArray *history = scale_array (project, "param_history");
  guint n = json_array_get_length (history);
  JsonObject *version = patch && n ? scale_public (json_array_get_object_element (history, n - 1)) : json_object_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, params);
  while (json_object_iter_next (&iter, &name, &node))
    if (!g_str_equal (name, "patch"))
      json_object_set_member (version, name, json_node_copy (node));
  json_object_set_int_member (version, "version", n);
  set_now (version, "created_at");
  json_array_add_object_element (history, version);
}

static void
create_project (ScaleRequest *request)
{
  JsonObject *body = scale_body_object (request), *row;
  const char *name = body ? scale_string (body, "name") : NULL, *type = body ? scale_string (body, "type") : NULL;

  if (body == NULL)
    return;
  if (name == NULL || *name == 0 || type == NULL || !g_strv_contains (scale_task_types, type)) {
    scale_fail (request, 400, "A project needs a name and a task type");
    return;
  }
  if (!scale_is_null (body, "params") && scale_object (body, "params") == NULL) {
    scale_fail (request, 400, "params has to be an object");
    return;
  }
  if (scale_find (request->world, SCALE_PROJECTS, name)) {
    scale_fail (request, 409, "There is already a project with the name %s", name);
    return;
  }
  row = json_object_new ();
  json_object_set_string_member (row, "_id", name);
  json_object_set_string_member (row, "name", name);
  json_object_set_string_member (row, "type", type);
  json_object_set_array_member (row, "param_history", json_array_new ());
  set_now (row, "created_at");
  json_object_set_boolean_member (row, "_rapid", scale_true (body, "rapid"));
  json_object_set_boolean_member (row, "_studio", scale_true (body, "studio"));
  if (scale_string (body, "datasetId"))
    json_object_set_string_member (row, "datasetId", scale_string (body, "datasetId"));
  if (scale_object (body, "params"))
    add_version (row, scale_object (body, "params"), FALSE);
  scale_save (request->server, request->world, SCALE_PROJECTS, row);
  scale_answer_object (request, scale_public (row));
}

static JsonObject *
named_project (ScaleRequest *request)
{
  JsonObject *project = scale_find (request->world, SCALE_PROJECTS, request->path[1]);

  if (project == NULL)
    scale_fail (request, 404, "There is no project with the name %s", request->path[1]);
  return project;
}

static void
get_project (ScaleRequest *request)
{
  JsonObject *project = named_project (request);

  if (project)
    scale_answer_object (request, scale_public (project));
}

static void
set_params (ScaleRequest *request)
{
  JsonObject *project = named_project (request), *body = project ? scale_body_object (request) : NULL;

  if (body == NULL)
    return;
  add_version (project, body, scale_true (body, "patch"));
  scale_save (request->server, request->world, SCALE_PROJECTS, project);
  scale_answer_object (request, scale_public (project));
}

static void
list_projects (ScaleRequest *request)
{
  GPtrArray *rows = request->world->rows[SCALE_PROJECTS];
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (guint i = 0; !scale_query_is_true (request, "archived") && i < rows->len; i++)
    json_array_add_object_element (array, scale_public (rows->pdata[i]));
  json_node_take_array (node, array);
  scale_answer (request, node);
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

gboolean
scale_batch_is_open (JsonObject *batch)
{
  return !scale_true (batch, "_finalized");
}

void
scale_batch_counts (ScaleWorld *world, const char *batch, guint counts[4])
{
  memset (counts, 0, 4 * sizeof *counts);
  for (guint i = 0; i < world->rows[SCALE_TASKS]->len; i++) {
    JsonObject *task = world->rows[SCALE_TASKS]->pdata[i];

    for (int s = 0; g_strcmp0 (scale_string (task, "batch"), batch) == 0 && s < 4; s++)
      counts[s] += g_strcmp0 (scale_string (task, "status"), scale_task_statuses[s]) == 0;
  }
}

/* Self-serve batches wait in staging until they are finalized; others are in progress from the start. */
static const char *
batch_status (ScaleWorld *world, JsonObject *batch, guint counts[4])
{
  JsonObject *project = scale_find (world, SCALE_PROJECTS, scale_string (batch, "project"));

  scale_batch_counts (world, scale_string (batch, "name"), counts);
  if (scale_batch_is_open (batch) && scale_project_is_rapid (project))
    return "staging";
  return counts[0] == 0 && counts[1] + counts[2] + counts[3] > 0 ? "completed" : "in_progress";
}

JsonObject *
scale_batch_public (ScaleWorld *world, JsonObject *batch)
{
  JsonObject *object = scale_public (batch);
  guint counts[4];

  json_object_set_string_member (object, "status", batch_status (world, batch, counts));
  return object;
}

JsonObject *
scale_batch_new (ScaleServer *server, ScaleWorld *world, const char *name, JsonObject *project)
{
  JsonObject *row = json_object_new ();

  json_object_set_string_member (row, "_id", name);
  json_object_set_string_member (row, "project", scale_string (project, "name"));
  json_object_set_string_member (row, "name", name);
  json_object_set_string_member (row, "callback", "");
  set_now (row, "created_at");
  json_object_set_object_member (row, "metadata", json_object_new ());
  return row;
}

void
scale_batch_finalize (ScaleServer *server, ScaleWorld *world, JsonObject *batch)
{
  json_object_set_boolean_member (batch, "_finalized", TRUE);
  json_object_set_double_member (batch, "_finalized_at", scale_now ());
  scale_save (server, world, SCALE_BATCHES, batch);
}

static JsonObject *
project_for_batch (ScaleRequest *request, JsonObject *body)
{
  const char *name = scale_string (body, "name"), *project_name = scale_string (body, "project");
  JsonObject *project = scale_find (request->world, SCALE_PROJECTS, project_name);

  if (name == NULL || *name == 0 || project_name == NULL)
    scale_fail (request, 400, "A batch needs a name and a project");
  else if (scale_true (body, "calibration_batch") && scale_true (body, "self_label_batch"))
    scale_fail (request, 400, "A batch is for calibration or for self labeling, not both");
  else if (!scale_is_null (body, "metadata") && scale_object (body, "metadata") == NULL)
    scale_fail (request, 400, "metadata has to be an object");
  else if (project == NULL)
    scale_fail (request, 404, "There is no project with the name %s", project_name);
  else if (scale_find (request->world, SCALE_BATCHES, name))
    scale_fail (request, 409, "There is already a batch with the name %s", name);
  else
    return project;
  return NULL;
}

static void
create_batch (ScaleRequest *request)
{
  JsonObject *body = scale_body_object (request), *project = body ? project_for_batch (request, body) : NULL, *row;

  if (project == NULL)
    return;
  row = scale_batch_new (request->server, request->world, scale_string (body, "name"), project);
  if (scale_string (body, "callback"))
    json_object_set_string_member (row, "callback", scale_string (body, "callback"));
  if (scale_object (body, "metadata"))
    json_object_set_object_member (row, "metadata", json_object_ref (scale_object (body, "metadata")));
  scale_save (request->server, request->world, SCALE_BATCHES, row);
  scale_answer_object (request, scale_batch_public (request->world, row));
}

static JsonObject *
named_batch (ScaleRequest *request)
{
  JsonObject *batch = scale_find (request->world, SCALE_BATCHES, request->path[1]);

  if (batch == NULL)
    scale_fail (request, 404, "There is no batch with the name %s", request->path[1]);
  return batch;
}

static void
get_batch (ScaleRequest *request)
{
  JsonObject *batch = named_batch (request);

  if (batch)
    scale_answer_object (request, scale_batch_public (request->world, batch));
}

static void
get_batch_status (ScaleRequest *request)
{
  JsonObject *batch = named_batch (request), *object;
  guint counts[4];

  if (batch == NULL)
    return;
  object = json_object_new ();
  json_object_set_string_member (object, "status", batch_status (request->world, batch, counts));
  for (int s = 0; s < 4; s++)
    if (counts[s])
      json_object_set_int_member (object, scale_task_statuses[s], counts[s]);
  scale_answer_object (request, object);
}

/* Of no effect but once for a self-serve project, and of none at all for others. */
static void
finalize_batch (ScaleRequest *request)
{
  JsonObject *batch = named_batch (request);

  if (batch == NULL)
    return;
  if (scale_project_is_rapid (scale_find (request->world, SCALE_PROJECTS, scale_string (batch, "project")))) {
    if (!scale_batch_is_open (batch)) {
      scale_fail (request, 400, "The batch %s is finalized already", request->path[1]);
      return;
    }
    scale_batch_finalize (request->server, request->world, batch);
  }
  scale_answer_object (request, scale_batch_public (request->world, batch));
}

static void
set_batch_metadata (ScaleRequest *request)
{
  JsonObject *batch = named_batch (request), *body;

  if (batch == NULL)
    return;
  /* An empty object comes as no body at all from the official client. */
  body = request->body || g_bytes_get_size (request->raw) ? scale_body_object (request) : NULL;
  if (body == NULL && request->answer)
    return;
  json_object_set_object_member (batch, "metadata", body ? json_object_ref (body) : json_object_new ());
  scale_save (request->server, request->world, SCALE_BATCHES, batch);
  scale_answer_object (request, scale_batch_public (request->world, batch));
}

static gboolean
batch_matches (ScaleRequest *request, JsonObject *batch, const char *from, const char *to)
{
  const char *project = scale_query (request, "project"), *status = scale_query (request, "status");

  return (project == NULL || g_strcmp0 (scale_string (batch, "project"), project) == 0) &&
      (status == NULL || g_strcmp0 (scale_string (batch, "status"), status) == 0) &&
      scale_in_times (scale_string (batch, "created_at"), from, to);
}

static void
list_batches (ScaleRequest *request)
{
  GPtrArray *rows = request->world->rows[SCALE_BATCHES];
  gint64 limit = 100, offset = 0, total = 0;
  g_autofree char *from = NULL, *to = NULL;
  JsonArray *docs;
  JsonObject *object;

  if (!scale_query_number (request, "limit", 1, 100, &limit) ||
      !scale_query_number (request, "offset", 0, G_MAXINT32, &offset) ||
      !scale_query_times (request, "start_time", "end_time", &from, &to))
    return;
  docs = json_array_new ();
  for (guint i = rows->len; i-- > 0;) {
    JsonObject *batch = scale_batch_public (request->world, rows->pdata[i]);

    if (batch_matches (request, batch, from, to) && total++ >= offset && total <= offset + limit)
      json_array_add_object_element (docs, json_object_ref (batch));
    json_object_unref (batch);
  }
  object = json_object_new ();
  json_object_set_array_member (object, "docs", docs);
  json_object_set_int_member (object, "totalDocs", total);
  json_object_set_int_member (object, "limit", limit);
  json_object_set_int_member (object, "offset", offset);
  json_object_set_boolean_member (object, "has_more", offset + limit < total);
  json_object_set_boolean_member (object, "hasNextPage", offset + limit < total);
  json_object_set_int_member (object, "totalPages", (total + limit - 1) / limit);
  scale_answer_object (request, object);
}

const ScaleRoute scale_project_routes[] = {
  { "POST", "projects", create_project },
  { "GET", "projects", list_projects },
  { "GET", "projects/*", get_project },
  { "POST", "projects/*/setParams", set_params },
  { "POST", "batches", create_batch },
  { "GET", "batches", list_batches },
  { "GET", "batches/*", get_batch },
  { "GET", "batches/*/status", get_batch_status },
  { "POST", "batches/*/finalize", finalize_batch },
  { "POST", "batches/*/setMetadata", set_batch_metadata },
  { NULL }
};
