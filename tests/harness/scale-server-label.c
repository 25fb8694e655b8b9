/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-label.c: what people do on the other side: label tasks, give them up, make batches of files; and how
 * tests ask for it. Nothing runs by itself: what is due by the clock is done before each request and each look. */
#include "scale-private.h"

#include <string.h>

/* ---- answers of the truth ---------------------------------------------------------------------------------------- */

static JsonNode *
look_up (ScaleServer *server, JsonObject *holder, const char *member)
{
  const char *key = holder ? scale_string (holder, member) : NULL;

  return key ? json_object_get_member (server->truth, key) : NULL;
}

static JsonNode *
find_answer (ScaleServer *server, ScaleWorld *world, JsonObject *task)
{
  JsonObject *file = scale_task_file (world, task);
  JsonNode *node = look_up (server, scale_object (task, "metadata"), server->truth_key);

  if (node == NULL && file && g_str_equal (server->truth_key, "sha256"))
    node = look_up (server, file, "_sha256");
  return node || file == NULL ? node : look_up (server, scale_object (file, "_metadata"), server->truth_key);
}

static JsonNode *
meaningless (void)
{
  return json_from_string ("[{\"type\":\"box\",\"label\":\"test\",\"left\":1,\"top\":2,\"width\":3,\"height\":4}]",
      NULL);
}

/* A copy of the annotations in which each has a uuid and a type. */
static JsonArray *
complete_annotations (JsonArray *array)
{
  JsonArray *copy = json_array_new ();

  for (guint i = 0; i < json_array_get_length (array); i++) {
    JsonNode *node = json_array_get_element (array, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? scale_whole (json_node_get_object (node)) : json_object_new ();
    g_autofree char *uuid = scale_uuid ();

    if (scale_is_null (object, "uuid"))
      json_object_set_string_member (object, "uuid", uuid);
    if (scale_is_null (object, "type"))
      json_object_set_string_member (object, "type", "box");
    if (scale_is_null (object, "attributes"))
      json_object_set_object_member (object, "attributes", json_object_new ());
    json_array_add_object_element (copy, object);
  }
  return copy;
}

static JsonObject *
make_response (JsonNode *answer)
{
  gboolean is_object = JSON_NODE_HOLDS_OBJECT (answer), is_array = JSON_NODE_HOLDS_ARRAY (answer);
  JsonObject *response = is_object ? scale_whole (json_node_get_object (answer)) : json_object_new ();
  JsonArray *list = is_array ? json_node_get_array (answer) : scale_array (response, "annotations");

  if (list) {
    json_object_set_array_member (response, "annotations", complete_annotations (list));
    if (scale_is_null (response, "global_attributes"))
      json_object_set_object_member (response, "global_attributes", json_object_new ());
  }
  return response;
}

/* ---- the end of a task ------------------------------------------------------------------------------------------- */

static gboolean
is_pending (JsonObject *task)
{
  return g_str_equal (scale_string (task, "status"), "pending");
}

static void
end_task (ScaleServer *server, ScaleWorld *world, JsonObject *task, const char *status, JsonObject *response,
    double when)
{
  g_autofree char *time = scale_time (when);

  json_object_set_string_member (task, "status", status);
  json_object_set_object_member (task, "response", response);
  json_object_set_string_member (task, "completed_at", time);
  json_object_set_string_member (task, "updated_at", time);
  scale_save (server, world, SCALE_TASKS, task);
}

/* FALSE: the truth does not know it. */
static gboolean
complete (ScaleServer *server, ScaleWorld *world, JsonObject *task, double when)
{
  g_autoptr (JsonNode) made_up = server->truth ? NULL : meaningless ();
  JsonNode *answer = made_up ? made_up : find_answer (server, world, task);

  if (answer == NULL)
    return FALSE;
  end_task (server, world, task, "completed", make_response (answer), when);
  return TRUE;
}

static void
fail (ScaleServer *server, ScaleWorld *world, JsonObject *task, const char *url)
{
  JsonObject *response = json_object_new (), *attachment = json_object_new ();
  JsonArray *attachments = json_array_new ();

  json_object_set_int_member (attachment, "statusCode", 404);
  json_object_set_string_member (attachment, "url", url);
  json_array_add_object_element (attachments, attachment);
  json_object_set_string_member (response, "error", "One or more attachments could not be downloaded");
  json_object_set_array_member (response, "attachments", attachments);
  if (scale_true (task, "_clear_on_error"))
    json_object_remove_member (task, "unique_id");
  end_task (server, world, task, "error", response, scale_now ());
}

/* Since when labelers have seen it; below 0: they do not. */
static double
waits_since (ScaleWorld *world, JsonObject *task)
{
  JsonObject *batch = scale_find (world, SCALE_BATCHES, scale_string (task, "batch"));
  JsonObject *project = scale_find (world, SCALE_PROJECTS, scale_string (task, "project"));
  double made = json_object_get_double_member (task, "_made_at");

  if (!is_pending (task) || json_object_has_member (task, "_error") ||
      (batch && scale_batch_is_open (batch) && scale_project_is_rapid (project)))
    return -1;
  if (batch == NULL || scale_batch_is_open (batch))
    return made;
  return MAX (made, json_object_get_double_member (batch, "_finalized_at"));
}

static void
label_due (ScaleServer *server, ScaleWorld *world)
{
  GPtrArray *tasks = world->rows[SCALE_TASKS];

  for (guint i = 0; i < tasks->len; i++) {
    JsonObject *task = tasks->pdata[i];
    double since;

    if (is_pending (task) && scale_string (task, "_error")) {
      fail (server, world, task, scale_string (task, "_error"));
      continue;
    }
    since = server->complete_after >= 0 ? waits_since (world, task) : -1;
    if (since >= 0 && since + server->complete_after <= scale_now ())
      complete (server, world, task, since + server->complete_after);
  }
}

void
scale_label_due (ScaleServer *server)
{
  for (guint w = 0; w < G_N_ELEMENTS (server->worlds); w++)
    label_due (server, &server->worlds[w]);
}

/* ---- for tests --------------------------------------------------------------------------------------------------- */

static guint
complete_in (ScaleServer *server, ScaleWorld *world, const char *id)
{
  GPtrArray *tasks = world->rows[SCALE_TASKS];
  guint n = 0;

  for (guint i = 0; i < tasks->len; i++)
    if ((id == NULL || g_strcmp0 (scale_string (tasks->pdata[i], "task_id"), id) == 0) &&
        waits_since (world, tasks->pdata[i]) >= 0)
      n += complete (server, world, tasks->pdata[i], scale_now ());
  return n;
}

static guint
complete_all (ScaleServer *server, const char *id)
{
  return complete_in (server, &server->worlds[0], id) + complete_in (server, &server->worlds[1], id);
}

static gboolean
fail_one (ScaleServer *server, const char *id)
{
  for (guint w = 0; w < G_N_ELEMENTS (server->worlds); w++) {
    JsonObject *task = scale_find (&server->worlds[w], SCALE_TASKS, id);

    if (task && is_pending (task)) {
      fail (server, &server->worlds[w], task, "");
      return TRUE;
    }
  }
  return FALSE;
}

static gboolean
is_attached (ScaleWorld *world, JsonObject *file)
{
  for (guint i = 0; i < world->rows[SCALE_TASKS]->len; i++)
    if (scale_task_file (world, world->rows[SCALE_TASKS]->pdata[i]) == file)
      return TRUE;
  return FALSE;
}

static gboolean
belongs_to (JsonObject *file, const char *project)
{
  JsonArray *names = scale_array (file, "project_names");

  for (guint i = 0; i < json_array_get_length (names); i++)
    if (g_str_equal (json_array_get_string_element (names, i), project))
      return TRUE;
  return FALSE;
}

static void
add_task (ScaleServer *server, ScaleWorld *world, JsonObject *project, JsonObject *batch, JsonObject *file,
    gboolean metadata)
{
  JsonObject *task = scale_task_new (server, scale_string (project, "type"), project, batch);
  JsonObject *params = scale_object (task, "params");

  json_object_set_string_member (params, "attachment", scale_string (file, "attachment_url"));
  json_object_set_string_member (params, "attachment_type", "image");
  if (metadata && scale_object (file, "_metadata"))
    json_object_set_object_member (task, "metadata", json_object_ref (scale_object (file, "_metadata")));
  scale_save (server, world, SCALE_TASKS, task);
}

static int
build_batch (ScaleServer *server, const char *name, const char *batch_name, gboolean metadata)
{
  ScaleWorld *world = scale_find (&server->worlds[0], SCALE_PROJECTS, name) ? &server->worlds[0] : &server->worlds[1];
  JsonObject *project = scale_find (world, SCALE_PROJECTS, name), *batch;
  int n = 0;

  if (project == NULL || batch_name == NULL || scale_find (world, SCALE_BATCHES, batch_name))
    return -1;
  batch = scale_batch_new (server, world, batch_name, project);
  scale_save (server, world, SCALE_BATCHES, batch);
  for (guint i = 0; i < world->rows[SCALE_FILES]->len; i++) {
    JsonObject *file = world->rows[SCALE_FILES]->pdata[i];

    if (belongs_to (file, name) && !is_attached (world, file)) {
      add_task (server, world, project, batch, file, metadata);
      n++;
    }
  }
  scale_batch_finalize (server, world, batch);
  return n;
}

static void
list_rows (ScaleWorld *world, ScaleTable table, JsonArray *array)
{
  for (guint i = 0; i < world->rows[table]->len; i++) {
    JsonObject *row = world->rows[table]->pdata[i];

    json_array_add_object_element (array, table == SCALE_BATCHES ? scale_batch_public (world, row) : scale_whole (row));
  }
}

/* NULL: nothing is called so. */
static JsonNode *
list (ScaleServer *server, const char *what)
{
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  gboolean found = g_str_equal (what, "requests");

  json_node_take_array (node, array);
  for (GList *l = found ? server->requests.head : NULL; l; l = l->next)
    json_array_add_object_element (array, json_object_ref (l->data));
  for (ScaleTable t = 0; t < SCALE_N_TABLES; t++)
    if (g_str_equal (what, scale_table_name (t))) {
      list_rows (&server->worlds[0], t, array);
      list_rows (&server->worlds[1], t, array);
      found = TRUE;
    }
  if (!found)
    g_clear_pointer (&node, json_node_unref);
  return node;
}

guint
scale_server_complete (ScaleServer *server, const char *task_id)
{
  guint n;

  g_mutex_lock (&server->lock);
  scale_label_due (server);
  n = complete_all (server, task_id);
  g_mutex_unlock (&server->lock);
  return n;
}

gboolean
scale_server_fail (ScaleServer *server, const char *task_id)
{
  gboolean failed;

  g_mutex_lock (&server->lock);
  failed = fail_one (server, task_id);
  g_mutex_unlock (&server->lock);
  return failed;
}

int
scale_server_build_batch (ScaleServer *server, const char *project, const char *batch, gboolean with_metadata)
{
  int n;

  g_mutex_lock (&server->lock);
  n = build_batch (server, project, batch, with_metadata);
  g_mutex_unlock (&server->lock);
  return n;
}

/* By way of text: the nodes are the server's, and their references are not atomic. */
JsonArray *
scale_server_list (ScaleServer *server, const char *what)
{
  g_autofree char *text = NULL;
  g_autoptr (JsonNode) node = NULL;

  g_mutex_lock (&server->lock);
  scale_label_due (server);
  node = list (server, what);
  text = node ? scale_json_text (node) : NULL;
  g_clear_pointer (&node, json_node_unref);
  g_mutex_unlock (&server->lock);
  g_return_val_if_fail (text != NULL, NULL);
  node = json_from_string (text, NULL);
  return json_node_dup_array (node);
}

guint
scale_server_count (ScaleServer *server, const char *method, const char *pattern)
{
  guint n = 0;

  g_mutex_lock (&server->lock);
  for (GList *l = server->requests.head; l; l = l->next)
    n += (method == NULL || g_strcmp0 (scale_string (l->data, "method"), method) == 0) &&
        g_pattern_match_simple (pattern, scale_string (l->data, "path"));
  g_mutex_unlock (&server->lock);
  return n;
}

static gboolean
add_fault (ScaleServer *server, const char *text, GError **error)
{
  ScaleFault *fault = scale_fault_parse (text, error);

  if (fault)
    g_ptr_array_add (server->faults, fault);
  return fault != NULL;
}

gboolean
scale_server_add_fault (ScaleServer *server, const char *text, GError **error)
{
  gboolean good;

  g_mutex_lock (&server->lock);
  good = add_fault (server, text, error);
  g_mutex_unlock (&server->lock);
  return good;
}

void
scale_server_clear_faults (ScaleServer *server)
{
  g_mutex_lock (&server->lock);
  g_ptr_array_set_size (server->faults, 0);
  g_mutex_unlock (&server->lock);
}

/* ---- the same over HTTP ------------------------------------------------------------------------------------------ */

static void
answer_number (ScaleRequest *request, int n)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "n", n);
  scale_answer_object (request, object);
}

static void
add_faults (ScaleRequest *request)
{
  gsize size;
  const char *data = g_bytes_get_data (request->raw, &size);
  g_autofree char *text = g_strndup (data ? data : "", size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (GError) error = NULL;
  int n = 0;

  for (char **line = lines; *line; line++)
    if (*g_strstrip (*line) && **line != '#') {
      if (!add_fault (request->server, *line, &error)) {
        scale_fail (request, 400, "%s", error->message);
        return;
      }
      n++;
    }
  answer_number (request, n);
}

static void
answer_state (ScaleRequest *request)
{
  JsonObject *object = json_object_new ();

  for (ScaleTable t = 0; t < SCALE_N_TABLES; t++)
    json_object_set_member (object, scale_table_name (t), list (request->server, scale_table_name (t)));
  scale_answer_object (request, object);
}

static void
post_control (ScaleRequest *request, const char *name)
{
  const char *task = scale_query (request, "task"), *metadata = scale_query (request, "metadata");
  const char *project = scale_query (request, "project"), *batch = scale_query (request, "batch");

  if (g_str_equal (name, "complete"))
    answer_number (request, complete_all (request->server, task));
  else if (g_str_equal (name, "fail"))
    answer_number (request, fail_one (request->server, task));
  else if (g_str_equal (name, "build-batch"))
    answer_number (request, build_batch (request->server, project, batch, metadata == NULL ||
            scale_query_is_true (request, "metadata")));
  else if (g_str_equal (name, "fault"))
    add_faults (request);
  else if (g_str_equal (name, "clear-faults")) {
    g_ptr_array_set_size (request->server->faults, 0);
    answer_number (request, 0);
  } else
    scale_fail (request, 404, "There is no control %s", name);
}

void
scale_control (ScaleRequest *request)
{
  const char *name = request->path[1];

  if (g_str_equal (request->method, "POST"))
    post_control (request, name);
  else if (!g_str_equal (request->method, "GET"))
    scale_fail (request, 405, "Only GET and POST");
  else if (g_str_equal (name, "state"))
    answer_state (request);
  else if (g_str_equal (name, "requests"))
    scale_answer (request, list (request->server, name));
  else
    scale_fail (request, 404, "There is no control %s", name);
}
