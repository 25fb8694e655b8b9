/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-changes.c: what clients change about their tasks. */
#include "scale-private.h"

enum { MAX_METADATA = 10 * 1024, MAX_TAGS = 5 };

static JsonObject *
named_task (ScaleRequest *request)
{
  JsonObject *task = scale_find (request->world, SCALE_TASKS, request->path[1]);

  if (task == NULL)
    scale_fail (request, 404, "There is no task with the id %s", request->path[1]);
  return task;
}

static void
save_and_answer (ScaleRequest *request, JsonObject *task)
{
  scale_task_touch (request->server, request->world, task);
  scale_answer_object (request, scale_task_public (request->server, request->world, task, FALSE));
}

/* GUESS: to cancel once more is no error, as Node's client has it and Python's has not. */
static void
cancel (ScaleRequest *request)
{
  JsonObject *task = named_task (request);
  const char *status = task ? scale_string (task, "status") : NULL;

  if (task == NULL)
    return;
  if (!g_str_equal (status, "pending") && !g_str_equal (status, "canceled")) {
    scale_fail (request, 400, "The task is %s and cannot be canceled", status);
    return;
  }
  json_object_set_string_member (task, "status", "canceled");
  if (scale_query_is_true (request, "clear_unique_id"))
    json_object_remove_member (task, "unique_id");
  save_and_answer (request, task);
}

static void
set_metadata (ScaleRequest *request)
{
  JsonObject *task = named_task (request), *body = NULL;

  if (task == NULL)
    return;
  /* An empty object comes as no body at all from the official client. */
  if (request->body && (body = scale_body_object (request)) == NULL)
    return;
  if (body && scale_json_bytes (body) > MAX_METADATA) {
    scale_fail (request, 400, "metadata has to be an object of at most 10 KB");
    return;
  }
  json_object_set_object_member (task, "metadata", body ? json_object_ref (body) : json_object_new ());
  save_and_answer (request, task);
}

static void
set_unique_id (ScaleRequest *request)
{
  JsonObject *task = named_task (request), *body = task ? scale_body_object (request) : NULL, *other;
  const char *id = body ? scale_string (body, "unique_id") : NULL;

  if (body == NULL)
    return;
  if (id == NULL || *id == 0) {
    scale_fail (request, 400, "unique_id has to be a text");
    return;
  }
  other = scale_find_by (request->world, SCALE_TASKS, "unique_id", id);
  if (other && other != task) {
    scale_fail (request, 409, "The unique_id %s is in use by another task (%s)", id, scale_string (other, "task_id"));
    return;
  }
  json_object_set_string_member (task, "unique_id", id);
  save_and_answer (request, task);
}

static void
clear_unique_id (ScaleRequest *request)
{
  JsonObject *task = named_task (request);

  if (task == NULL)
    return;
  json_object_remove_member (task, "unique_id");
  save_and_answer (request, task);
}

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static gboolean
holds (JsonArray *tags, const char *tag)
{
  for (guint i = 0; tags && i < json_array_get_length (tags); i++)
    if (g_strcmp0 (json_array_get_string_element (tags, i), tag) == 0)
      return TRUE;
  return FALSE;
}

static void
append_new (JsonArray *to, JsonArray *from, JsonArray *but)
{
  for (guint i = 0; from && i < json_array_get_length (from); i++) {
    const char *tag = json_array_get_string_element (from, i);

    if (!holds (to, tag) && !holds (but, tag))
      json_array_add_string_element (to, tag);
  }
}

/* The body, as a list of texts. NULL: answered. */
static JsonArray *
body_tags (ScaleRequest *request)
{
  JsonNode *body = request->body;
  JsonArray *array = body && JSON_NODE_HOLDS_ARRAY (body) ? json_node_get_array (body) : NULL;

  for (guint i = 0; array && i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);

    if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
      array = NULL;
  }
  if (array == NULL)
    scale_fail (request, 400, "The body has to be a list of tags");
  return array;
}

static void
set_tags (ScaleRequest *request)
{
  JsonObject *task = named_task (request);
  JsonArray *given = task ? body_tags (request) : NULL, *before, *after;

  if (given == NULL)
    return;
  before = scale_array (task, "tags");
  after = json_array_new ();
  if (g_str_equal (request->method, "DELETE"))
    append_new (after, before, given);
  else {
    if (g_str_equal (request->method, "PUT"))
      append_new (after, before, NULL);
    append_new (after, given, NULL);
  }
  if (json_array_get_length (after) > MAX_TAGS) {
    json_array_unref (after);
    scale_fail (request, 400, "tags has to be a list of at most 5");
    return;
  }
  json_object_set_array_member (task, "tags", after);
  if (json_array_get_length (after) == 0)
    json_object_remove_member (task, "tags");
  save_and_answer (request, task);
}

/* ---- audits ------------------------------------------------------------------------------------------------------ */

static void
audit (ScaleRequest *request)
{
  JsonObject *task = named_task (request), *body = task ? scale_body_object (request) : NULL;
  const char *review = body && scale_true (body, "accepted") ? "accepted" : "rejected";

  if (body == NULL)
    return;
  if (!g_str_equal (scale_string (task, "status"), "completed") || scale_is_null (body, "accepted")) {
    scale_fail (request, 400, "Only a completed task can be audited, as accepted or not");
    return;
  }
  if (scale_array (task, "audits") == NULL)
    json_object_set_array_member (task, "audits", json_array_new ());
  json_array_add_object_element (scale_array (task, "audits"), json_object_ref (body));
  json_object_set_string_member (task, "customer_review_status", review);
  save_and_answer (request, task);
}

const ScaleRoute scale_change_routes[] = {
  { "POST", "task/*/cancel", cancel },
  { "POST", "task/*/setMetadata", set_metadata },
  { "POST", "task/*/unique_id", set_unique_id },
  { "DELETE", "task/*/unique_id", clear_unique_id },
  { "POST", "task/*/tags", set_tags },
  { "PUT", "task/*/tags", set_tags },
  { "DELETE", "task/*/tags", set_tags },
  { "POST", "task/*/audit", audit },
  { NULL }
};
