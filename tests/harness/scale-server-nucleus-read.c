/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-nucleus-read.c: what comes out of Nucleus' datasets: items one by one and in pages, with annotations;
 * and annotations and slices as they are made. */
#include "scale-private.h"

#include <string.h>

enum { MAX_SLICE = 10000, MAX_ANNOTATIONS = 5000 };

static const char *const kinds[] = { "box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory" };

static gboolean
has_dataset (ScaleRequest *request)
{
  if (scale_find (request->world, SCALE_DATASETS, request->path[1]))
    return TRUE;
  scale_fail (request, 404, "There is no dataset with the id %s", request->path[1]);
  return FALSE;
}

/* Those of the dataset; not owned. */
static GPtrArray *
items_of (ScaleRequest *request)
{
  GPtrArray *items = g_ptr_array_new (), *rows = request->world->rows[SCALE_ITEMS];

  for (guint i = 0; i < rows->len; i++)
    if (g_str_equal (scale_string (rows->pdata[i], "_dataset"), request->path[1]))
      g_ptr_array_add (items, rows->pdata[i]);
  return items;
}

static JsonArray *
annotations_of (ScaleWorld *world, JsonObject *item, const char *kind)
{
  GPtrArray *rows = world->rows[SCALE_ANNOTATIONS];
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < rows->len; i++)
    if (g_str_equal (scale_string (rows->pdata[i], "_item"), scale_string (item, "dataset_item_id")) &&
        g_strcmp0 (scale_string (rows->pdata[i], "type"), kind) == 0)
      json_array_add_object_element (array, scale_public (rows->pdata[i]));
  return array;
}

/* ---- one item ---------------------------------------------------------------------------------------------------- */

static JsonObject *
find_item (ScaleRequest *request, const char *by, const char *value)
{
  g_autoptr (GPtrArray) items = items_of (request);
  const char *member = g_str_equal (by, "loc") ? "dataset_item_id" : "reference_id";
  char *end = NULL;
  guint64 i = g_ascii_strtoull (value, &end, 10);

  if (g_str_equal (by, "iloc"))
    return *end == 0 && i < items->len ? items->pdata[i] : NULL;
  for (i = 0; i < items->len; i++)
    if (g_strcmp0 (scale_string (items->pdata[i], member), value) == 0)
      return items->pdata[i];
  return NULL;
}

static JsonObject *
named_item (ScaleRequest *request)
{
  JsonObject *item = has_dataset (request) ? find_item (request, request->path[2], request->path[3]) : NULL;

  if (item == NULL && request->answer == NULL)
    scale_fail (request, 404, "There is no item %s in the dataset %s", request->path[3], request->path[1]);
  return item;
}

static void
get_item (ScaleRequest *request)
{
  JsonObject *item = named_item (request), *answer, *annotations;

  if (item == NULL)
    return;
  answer = json_object_new ();
  annotations = json_object_new ();
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    json_object_set_array_member (annotations, kinds[k], annotations_of (request->world, item, kinds[k]));
  json_object_set_object_member (answer, "item", scale_public (item));
  json_object_set_object_member (answer, "annotations", annotations);
  scale_answer_object (request, answer);
}

static void
delete_item (ScaleRequest *request)
{
  JsonObject *item = named_item (request);

  if (item == NULL)
    return;
  scale_remove (request->server, request->world, SCALE_ITEMS, item);
  scale_answer_object (request, json_object_new ());
}

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static JsonObject *
training_row (ScaleRequest *request, JsonObject *item)
{
  JsonObject *row = json_object_new ();

  json_object_set_object_member (row, "item", scale_public (item));
  for (guint k = 0; k < G_N_ELEMENTS (kinds); k++)
    json_object_set_array_member (row, kinds[k], annotations_of (request->world, item, kinds[k]));
  return row;
}

typedef JsonObject *(*MakeRow) (ScaleRequest *request, JsonObject *item);

static JsonObject *
plain_row (ScaleRequest *request, JsonObject *item)
{
  return scale_public (item);
}

/* The token is the id of the page's last item: oldest first, so what arrives meanwhile comes behind. */
static void
answer_page (ScaleRequest *request, const char *name, MakeRow make)
{
  JsonObject *body = scale_body_object (request), *answer;
  const char *token = body ? scale_string (body, "pageToken") : NULL;
  gint64 size = body ? json_object_get_int_member_with_default (body, "pageSize", 100) : 0;
  g_autoptr (GPtrArray) items = NULL;
  JsonArray *page;
  guint i = 0;

  if (body == NULL || !has_dataset (request))
    return;
  if (size < 1) {
    scale_fail (request, 400, "pageSize has to be a number of at least 1");
    return;
  }
  items = items_of (request);
  while (token && i < items->len && g_strcmp0 (scale_string (items->pdata[i++], "dataset_item_id"), token) != 0) {
  }
  page = json_array_new ();
  for (; i < items->len && json_array_get_length (page) < size; i++)
    json_array_add_object_element (page, make (request, items->pdata[i]));
  answer = json_object_new ();
  json_object_set_array_member (answer, name, page);
  if (i < items->len && i > 0)
    json_object_set_string_member (answer, "nextPageToken", scale_string (items->pdata[i - 1], "dataset_item_id"));
  else
    json_object_set_null_member (answer, "nextPageToken");
  scale_answer_object (request, answer);
}

static void
page_of_items (ScaleRequest *request)
{
  answer_page (request, "items", plain_row);
}

static void
page_for_training (ScaleRequest *request)
{
  answer_page (request, "data", training_row);
}

static void
answer_all (ScaleRequest *request, const char *name, MakeRow make)
{
  g_autoptr (GPtrArray) items = NULL;
  JsonArray *array;
  JsonObject *answer;

  if (!has_dataset (request))
    return;
  items = items_of (request);
  array = json_array_new ();
  for (guint i = 0; i < items->len; i++)
    json_array_add_object_element (array, make (request, items->pdata[i]));
  answer = json_object_new ();
  json_object_set_array_member (answer, name, array);
  scale_answer_object (request, answer);
}

static void
all_items (ScaleRequest *request)
{
  answer_all (request, "dataset_items", plain_row);
}

static void
all_for_training (ScaleRequest *request)
{
  answer_all (request, "exportedRows", training_row);
}

/* The tasks whose attachment is the item's image: the same bytes, or the same address. */
static JsonObject *
task_row (ScaleRequest *request, JsonObject *item)
{
  GPtrArray *tasks = request->world->rows[SCALE_TASKS];
  JsonObject *row = json_object_new ();
  JsonArray *infos = json_array_new ();

  for (guint i = 0; i < tasks->len; i++) {
    JsonObject *task = tasks->pdata[i], *file = scale_task_file (request->world, task), *info;
    const char *sha256 = file ? scale_string (file, "_sha256") : NULL;
    const char *attachment = scale_string (scale_object (task, "params"), "attachment");

    if (!(sha256 && g_strcmp0 (scale_string (item, "_sha256"), sha256) == 0) &&
        g_strcmp0 (scale_string (item, "original_image_url"), attachment) != 0)
      continue;
    info = json_object_new ();
    json_object_set_string_member (info, "task_id", scale_string (task, "task_id"));
    json_object_set_string_member (info, "task_status", scale_string (task, "status"));
    json_object_set_string_member (info, "project_name", scale_string (task, "project"));
    json_object_set_string_member (info, "batch", scale_string (task, "batch"));
    json_array_add_object_element (infos, info);
  }
  json_object_set_object_member (row, "item", scale_public (item));
  json_object_set_array_member (row, "scale_task_info", infos);
  return row;
}

static void
all_task_info (ScaleRequest *request)
{
  answer_all (request, "exportedScaleTaskInfoRows", task_row);
}

/* ---- annotations ------------------------------------------------------------------------------------------------- */

/* Whether all can be stored. FALSE: answered. */
static gboolean
check_annotations (ScaleRequest *request, JsonArray *list)
{
  guint n = list ? json_array_get_length (list) : 0;

  if (list == NULL || n > MAX_ANNOTATIONS) {
    scale_fail (request, 400, "annotations has to be a list of at most %d", MAX_ANNOTATIONS);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    const char *id = object ? scale_string (object, "reference_id") : NULL;

    if (id == NULL || scale_string (object, "type") == NULL || !find_item (request, "refloc", id)) {
      scale_fail (request, 400, "Item with id %s does not exist", id ? id : "(none)");
      return FALSE;
    }
  }
  return TRUE;
}

/* FALSE: it is there, and not to be updated. */
static gboolean
save_annotation (ScaleRequest *request, JsonObject *given, gboolean update)
{
  JsonObject *item = find_item (request, "refloc", scale_string (given, "reference_id")), *before;
  JsonObject *row = scale_public (given);
  g_autofree char *uuid = scale_uuid (), *id = NULL;
  const char *own = scale_string (given, "annotation_id");

  if (own == NULL)
    json_object_set_string_member (row, "annotation_id", uuid);
  id = g_strdup_printf ("%s/%s/%s", scale_string (item, "dataset_item_id"), scale_string (given, "type"),
      own ? own : uuid);
  before = scale_find (request->world, SCALE_ANNOTATIONS, id);
  if (before && !update) {
    json_object_unref (row);
    return FALSE;
  }
  json_object_set_string_member (row, "_id", id);
  json_object_set_string_member (row, "_item", scale_string (item, "dataset_item_id"));
  scale_save (request->server, request->world, SCALE_ANNOTATIONS, row);
  return TRUE;
}

static void
annotate (ScaleRequest *request)
{
  JsonObject *body = has_dataset (request) ? scale_body_object (request) : NULL, *answer;
  JsonArray *list = body ? scale_array (body, "annotations") : NULL;
  gint64 done = 0;

  if (body == NULL || !check_annotations (request, list))
    return;
  for (guint i = 0; i < json_array_get_length (list); i++)
    done += save_annotation (request, json_array_get_object_element (list, i), scale_true (body, "update"));
  answer = json_object_new ();
  json_object_set_string_member (answer, "dataset_id", request->path[1]);
  json_object_set_int_member (answer, "annotations_processed", done);
  json_object_set_int_member (answer, "annotations_ignored", json_array_get_length (list) - done);
  scale_answer_object (request, answer);
}

/* ---- slices ------------------------------------------------------------------------------------------------------ */

static void
add_ids (JsonArray *to, JsonArray *from)
{
  for (guint i = 0; from && i < json_array_get_length (from); i++)
    json_array_add_element (to, json_node_copy (json_array_get_element (from, i)));
}

static void
create_slice (ScaleRequest *request)
{
  JsonObject *body = has_dataset (request) ? scale_body_object (request) : NULL, *row, *answer;
  JsonArray *ids = body ? scale_array (body, "reference_ids") : NULL, *kept;
  g_autofree char *hex = NULL, *id = NULL, *now = NULL;

  if (body == NULL)
    return;
  if (scale_string (body, "name") == NULL || (ids == NULL && scale_is_null (body, "allow_empty")) ||
      (ids && json_array_get_length (ids) > MAX_SLICE)) {
    scale_fail (request, 400, "A slice needs a name and reference_ids, at most %d", MAX_SLICE);
    return;
  }
  hex = scale_new_id (request->server);
  id = g_strconcat ("slc_", hex, NULL);
  now = scale_time (scale_now ());
  row = json_object_new ();
  kept = json_array_new ();
  add_ids (kept, ids);
  json_object_set_string_member (row, "_id", id);
  json_object_set_string_member (row, "slice_id", id);
  json_object_set_string_member (row, "dataset_id", request->path[1]);
  json_object_set_string_member (row, "name", scale_string (body, "name"));
  json_object_set_string_member (row, "created_at", now);
  json_object_set_int_member (row, "pending_job_count", 0);
  json_object_set_string_member (row, "type", "dataset_item");
  json_object_set_string_member (row, "description", "");
  json_object_set_array_member (row, "_reference_ids", kept);
  scale_save (request->server, request->world, SCALE_SLICES, row);
  answer = json_object_new ();
  json_object_set_string_member (answer, "slice_id", id);
  scale_answer_object (request, answer);
}

static JsonObject *
named_slice (ScaleRequest *request)
{
  JsonObject *slice = scale_find (request->world, SCALE_SLICES, request->path[1]);

  if (slice == NULL)
    scale_fail (request, 404, "There is no slice with the id %s", request->path[1]);
  return slice;
}

static void
get_slice (ScaleRequest *request)
{
  JsonObject *slice = named_slice (request);

  if (slice)
    scale_answer_object (request, scale_public (slice));
}

static void
append_to_slice (ScaleRequest *request)
{
  JsonObject *slice = named_slice (request), *body = slice ? scale_body_object (request) : NULL, *answer;
  JsonArray *ids = body ? scale_array (body, "reference_ids") : NULL;

  if (body == NULL)
    return;
  if (ids == NULL || json_array_get_length (ids) > MAX_SLICE) {
    scale_fail (request, 400, "reference_ids has to be a list of at most %d", MAX_SLICE);
    return;
  }
  add_ids (scale_array (slice, "_reference_ids"), ids);
  scale_save (request->server, request->world, SCALE_SLICES, slice);
  answer = json_object_new ();
  json_object_set_string_member (answer, "slice_id", request->path[1]);
  json_object_set_array_member (answer, "new_items", json_array_ref (ids));
  scale_answer_object (request, answer);
}

const ScaleRoute scale_nucleus_read_routes[] = {
  { "GET", "dataset/*/refloc/*", get_item },
  { "GET", "dataset/*/loc/*", get_item },
  { "GET", "dataset/*/iloc/*", get_item },
  { "DELETE", "dataset/*/refloc/*", delete_item },
  { "POST", "dataset/*/itemsPage", page_of_items },
  { "POST", "dataset/*/exportForTrainingPage", page_for_training },
  { "GET", "dataset/*/exportForTraining", all_for_training },
  { "GET", "dataset/*/exportScaleTaskInfo", all_task_info },
  { "GET", "dataset/*/datasetItems", all_items },
  { "POST", "dataset/*/annotate", annotate },
  { "POST", "dataset/*/create_slice", create_slice },
  { "GET", "slice/*/info", get_slice },
  { "POST", "slice/*/append", append_to_slice },
  { NULL }
};
