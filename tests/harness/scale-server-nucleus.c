/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-nucleus.c: Nucleus' datasets and what is put into them: items in all of the layouts that clients send
 * them in, their metadata, and jobs, which are done as soon as they are told of. */
#include "scale-private.h"

#include <string.h>

enum { MAX_IMAGES = 10, MAX_UPDATES = 500 };

static JsonObject *
new_row (ScaleServer *server, const char *prefix, const char *member)
{
  g_autofree char *hex = scale_new_id (server), *id = g_strconcat (prefix, hex, NULL), *now = scale_time (scale_now ());
  JsonObject *row = json_object_new ();

  json_object_set_string_member (row, "_id", id);
  json_object_set_string_member (row, member, id);
  json_object_set_string_member (row, "created_at", now);
  return row;
}

static JsonObject *
named_dataset (ScaleRequest *request)
{
  JsonObject *dataset = scale_find (request->world, SCALE_DATASETS, request->path[1]);

  if (dataset == NULL)
    scale_fail (request, 404, "There is no dataset with the id %s", request->path[1]);
  return dataset;
}

static guint
count_items (ScaleWorld *world, const char *dataset)
{
  guint n = 0;

  for (guint i = 0; i < world->rows[SCALE_ITEMS]->len; i++)
    n += g_str_equal (scale_string (world->rows[SCALE_ITEMS]->pdata[i], "_dataset"), dataset);
  return n;
}

/* ---- datasets ---------------------------------------------------------------------------------------------------- */

static void
create_dataset (ScaleRequest *request)
{
  JsonObject *body = scale_body_object (request), *row, *answer;
  const char *name = body ? scale_string (body, "name") : NULL;

  if (body == NULL)
    return;
  if (name == NULL || *name == 0) {
    scale_fail (request, 400, "A dataset needs a name");
    return;
  }
  row = new_row (request->server, "ds_", "id");
  json_object_set_string_member (row, "name", name);
  json_object_set_boolean_member (row, "is_public", FALSE);
  json_object_set_boolean_member (row, "_is_scene", scale_true (body, "is_scene"));
  json_object_set_boolean_member (row, "_use_privacy_mode", scale_true (body, "use_privacy_mode"));
  json_object_set_object_member (row, "_types", json_object_new ());
  scale_save (request->server, request->world, SCALE_DATASETS, row);
  answer = json_object_new ();
  json_object_set_string_member (answer, "dataset_id", scale_string (row, "id"));
  scale_answer_object (request, answer);
}

static void
list_datasets (ScaleRequest *request)
{
  GPtrArray *rows = request->world->rows[SCALE_DATASETS];
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  for (guint i = 0; i < rows->len; i++)
    json_array_add_object_element (array, scale_public (rows->pdata[i]));
  json_node_take_array (node, array);
  scale_answer (request, node);
}

static JsonArray *
slices_of (ScaleWorld *world, const char *dataset)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < world->rows[SCALE_SLICES]->len; i++)
    if (g_str_equal (scale_string (world->rows[SCALE_SLICES]->pdata[i], "dataset_id"), dataset))
      json_array_add_string_element (array, scale_string (world->rows[SCALE_SLICES]->pdata[i], "slice_id"));
  return array;
}

static void
get_info (ScaleRequest *request)
{
  JsonObject *dataset = named_dataset (request), *answer;

  if (dataset == NULL)
    return;
  answer = json_object_new ();
  json_object_set_string_member (answer, "dataset_id", scale_string (dataset, "id"));
  json_object_set_string_member (answer, "name", scale_string (dataset, "name"));
  json_object_set_int_member (answer, "length", count_items (request->world, request->path[1]));
  json_object_set_array_member (answer, "model_run_ids", json_array_new ());
  json_object_set_array_member (answer, "slice_ids", slices_of (request->world, request->path[1]));
  scale_answer_object (request, answer);
}

/* One property: path[2]. */
static void
get_property (ScaleRequest *request)
{
  JsonObject *dataset = named_dataset (request), *answer;
  const char *name = request->path[2];
  g_autofree char *hidden = g_strconcat ("_", name, NULL);

  if (dataset == NULL)
    return;
  answer = json_object_new ();
  if (g_str_equal (name, "name"))
    json_object_set_string_member (answer, name, scale_string (dataset, name));
  else if (g_str_equal (name, "size"))
    json_object_set_int_member (answer, "count", count_items (request->world, request->path[1]));
  else
    json_object_set_boolean_member (answer, name, scale_true (dataset, hidden));
  scale_answer_object (request, answer);
}

static void
delete_dataset (ScaleRequest *request)
{
  JsonObject *dataset = named_dataset (request);
  GPtrArray *items = request->world->rows[SCALE_ITEMS];

  if (dataset == NULL)
    return;
  for (guint i = items->len; i-- > 0;)
    if (g_str_equal (scale_string (items->pdata[i], "_dataset"), request->path[1]))
      scale_remove (request->server, request->world, SCALE_ITEMS, items->pdata[i]);
  scale_remove (request->server, request->world, SCALE_DATASETS, dataset);
  scale_answer_object (request, json_object_new ());
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

static JsonObject *
new_job (ScaleRequest *request, const char *type, JsonArray *errors)
{
  JsonObject *row = new_row (request->server, "job_", "job_id");

  json_object_set_string_member (row, "job_last_known_status", json_array_get_length (errors) ? "Errored_Partial" :
      "Completed");
  json_object_set_string_member (row, "job_type", type);
  json_object_set_string_member (row, "job_creation_time", scale_string (row, "created_at"));
  json_object_set_array_member (row, "_errors", errors);
  scale_save (request->server, request->world, SCALE_JOBS, row);
  return row;
}

static JsonObject *
named_job (ScaleRequest *request)
{
  JsonObject *job = scale_find (request->world, SCALE_JOBS, request->path[1]);

  if (job == NULL)
    scale_fail (request, 404, "There is no job with the id %s", request->path[1]);
  return job;
}

static void
get_job (ScaleRequest *request)
{
  JsonObject *job = named_job (request), *answer;

  if (job == NULL)
    return;
  answer = json_object_new ();
  json_object_set_string_member (answer, "job_id", scale_string (job, "job_id"));
  json_object_set_string_member (answer, "status", scale_string (job, "job_last_known_status"));
  json_object_set_string_member (answer, "message", json_array_get_length (scale_array (job, "_errors")) ?
      "Some could not be done" : "Done");
  json_object_set_string_member (answer, "job_progress", "1.00");
  json_object_set_int_member (answer, "completed_steps", 1);
  json_object_set_int_member (answer, "total_steps", 1);
  scale_answer_object (request, answer);
}

static void
get_job_info (ScaleRequest *request)
{
  JsonObject *job = named_job (request);

  if (job)
    scale_answer_object (request, scale_public (job));
}

static void
get_job_errors (ScaleRequest *request)
{
  JsonObject *job = named_job (request);

  if (job)
    scale_answer (request, json_node_copy (json_object_get_member (job, "_errors")));
}

static void
list_jobs (ScaleRequest *request)
{
  GPtrArray *rows = request->world->rows[SCALE_JOBS];
  JsonArray *array = json_array_new ();
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);
  gboolean completed = request->body && JSON_NODE_HOLDS_OBJECT (request->body) &&
      scale_true (json_node_get_object (request->body), "show_completed");

  for (guint i = rows->len; completed && i-- > 0;)
    json_array_add_object_element (array, scale_public (rows->pdata[i]));
  json_node_take_array (node, array);
  scale_answer (request, node);
}

/* ---- items ------------------------------------------------------------------------------------------------------- */

typedef struct {
  ScaleRequest *request;
  JsonObject *dataset;
  gint64 added, updated, ignored;
  JsonArray *refused;           /* the items */
  JsonArray *errors;            /* JSON texts of item and error, as jobs tell them */
} Append;

static const char *
kind_of (JsonNode *node)
{
  if (!JSON_NODE_HOLDS_VALUE (node))
    return "object";
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return "text";
  return json_node_get_value_type (node) == G_TYPE_BOOLEAN ? "boolean" : "number";
}

/* A key keeps its type over the whole dataset. FALSE: this metadata would change one; nothing is remembered then. */
static gboolean
check_types (JsonObject *dataset, JsonObject *metadata)
{
  JsonObject *types = scale_object (dataset, "_types");
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  for (int pass = 0; metadata && pass < 2; pass++) {
    json_object_iter_init (&iter, metadata);
    while (json_object_iter_next (&iter, &name, &node)) {
      const char *known = scale_string (types, name);

      if (JSON_NODE_HOLDS_NULL (node))
        continue;
      if (pass == 0 && known && !g_str_equal (known, kind_of (node)))
        return FALSE;
      if (pass == 1 && known == NULL)
        json_object_set_string_member (types, name, kind_of (node));
    }
  }
  return TRUE;
}

static JsonObject *
find_item (ScaleWorld *world, const char *dataset, const char *reference_id)
{
  for (guint i = 0; i < world->rows[SCALE_ITEMS]->len; i++) {
    JsonObject *item = world->rows[SCALE_ITEMS]->pdata[i];

    if (g_str_equal (scale_string (item, "reference_id"), reference_id) &&
        g_str_equal (scale_string (item, "_dataset"), dataset))
      return item;
  }
  return NULL;
}

static const char *
why_not (Append *append, JsonObject *item, GBytes *image)
{
  const char *id = scale_string (item, "reference_id"), *url = scale_string (item, "image_url");

  if (id == NULL || *id == 0)
    return "reference_id is required";
  if (!scale_is_null (item, "metadata") && scale_object (item, "metadata") == NULL)
    return "metadata has to be an object";
  if (image ? scale_image_type (image) == NULL : url == NULL || strstr (url, "://") == NULL)
    return image ? "the image is neither JPEG nor PNG" : "image_url has to be an address";
  if (image && g_bytes_get_size (image) > append->request->server->max_file_bytes)
    return "the image is too large";
  if (!check_types (append->dataset, scale_object (item, "metadata")))
    return "a key of the metadata has another type in this dataset";
  return NULL;
}

static void
refuse (Append *append, JsonObject *item, const char *reason)
{
  g_autoptr (JsonNode) node = scale_object_node (json_object_new ());
  g_autofree char *text = NULL;

  json_object_set_object_member (json_node_get_object (node), "item", json_object_ref (item));
  json_object_set_string_member (json_node_get_object (node), "error", reason);
  text = scale_json_text (node);
  json_array_add_string_element (append->errors, text);
  json_array_add_object_element (append->refused, json_object_ref (item));
}

static void
fill_item (Append *append, JsonObject *row, JsonObject *item, GBytes *image)
{
  static const char *const kept[] = { "width", "height", "embedding_info" };
  ScaleServer *server = append->request->server;
  g_autofree char *sha256 = image ? scale_keep_image (server, image) : NULL;
  g_autofree char *kept_url = image ? g_strdup_printf ("%s/signed/%s", server->url, sha256) : NULL;
  const char *url = image ? kept_url : scale_string (item, "image_url");
  JsonObject *metadata = scale_object (item, "metadata");

  json_object_set_string_member (row, "reference_id", scale_string (item, "reference_id"));
  json_object_set_string_member (row, "ref_id", scale_string (item, "reference_id"));
  json_object_set_string_member (row, "original_image_url", url);
  json_object_set_object_member (row, "metadata", metadata ? json_object_ref (metadata) : json_object_new ());
  for (guint i = 0; i < G_N_ELEMENTS (kept); i++)
    if (!scale_is_null (item, kept[i]))
      json_object_set_member (row, kept[i], json_node_copy (json_object_get_member (item, kept[i])));
  if (sha256)
    json_object_set_string_member (row, "_sha256", sha256);
}

/* GUESS: an item that is there already is ignored, image and metadata, unless it is to be updated. */
static void
append_item (Append *append, JsonObject *item, GBytes *image, gboolean update)
{
  const char *reason = why_not (append, item, image), *dataset = scale_string (append->dataset, "id");
  ScaleWorld *world = append->request->world;
  JsonObject *row;

  if (reason) {
    refuse (append, item, reason);
    return;
  }
  row = find_item (world, dataset, scale_string (item, "reference_id"));
  if (row && !update) {
    append->ignored++;
    return;
  }
  *(row ? &append->updated : &append->added) += 1;
  if (row == NULL) {
    row = new_row (append->request->server, "di_", "dataset_item_id");
    json_object_set_string_member (row, "_dataset", dataset);
  }
  fill_item (append, row, item, image);
  scale_save (append->request->server, world, SCALE_ITEMS, row);
}

static void
answer_append (Append *append)
{
  guint refused = json_array_get_length (append->refused);
  JsonObject *answer;

  scale_save (append->request->server, append->request->world, SCALE_DATASETS, append->dataset);
  if (scale_query_is_true (append->request, "async")) {
    answer = scale_public (new_job (append->request, "uploadDatasetItems", json_array_ref (append->errors)));
    scale_answer_object (append->request, answer);
    return;
  }
  answer = json_object_new ();
  json_object_set_string_member (answer, "dataset_id", scale_string (append->dataset, "id"));
  json_object_set_int_member (answer, "new_items", append->added);
  json_object_set_int_member (answer, "updated_items", append->updated);
  json_object_set_int_member (answer, "ignored_items", append->ignored);
  json_object_set_int_member (answer, "upload_errors", refused);
  if (refused)
    json_object_set_array_member (answer, "error_payload", json_array_ref (append->refused));
  scale_answer_object (append->request, answer);
}

/* Items of a list; the images, when there are any, in the same order. */
static void
append_list (Append *append, JsonArray *items, GPtrArray *images, gboolean update)
{
  for (guint i = 0; i < json_array_get_length (items); i++) {
    JsonNode *node = json_array_get_element (items, i);
    JsonObject *item = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

    if (item)
      append_item (append, item, images ? images->pdata[i] : NULL, update || scale_true (item, "update"));
  }
  answer_append (append);
}

/* The list in the part "items", or of the one object in the part "item"; NULL: answered. */
static JsonArray *
part_items (ScaleRequest *request, GPtrArray *images)
{
  JsonArray *items = NULL;
  guint n = 0;

  for (guint i = 0; i < request->parts->len; i++) {
    ScalePart *part = request->parts->pdata[i];
    gboolean one = g_str_equal (part->name, "item");
    gsize size;
    const char *text = g_bytes_get_data (part->body, &size);
    g_autoptr (JsonNode) node = NULL;

    if (g_str_equal (part->name, "image"))
      g_ptr_array_add (images, part->body);
    if (!one && !g_str_equal (part->name, "items"))
      continue;
    n++;
    node = scale_parse_json (text, size, NULL);
    g_clear_pointer (&items, json_array_unref);
    if (node && JSON_NODE_HOLDS_ARRAY (node) && !one)
      items = json_node_dup_array (node);
    else if (node && JSON_NODE_HOLDS_OBJECT (node) && one) {
      items = json_array_new ();
      json_array_add_object_element (items, json_node_dup_object (node));
    }
  }
  if (items && n == 1 && json_array_get_length (items) == images->len && images->len <= MAX_IMAGES)
    return items;
  g_clear_pointer (&items, json_array_unref);
  scale_fail (request, 400, "There have to be one part of items and as many images, at most %d", MAX_IMAGES);
  return NULL;
}

static void
append_parts (Append *append)
{
  g_autoptr (GPtrArray) images = g_ptr_array_new ();
  g_autoptr (JsonArray) items = part_items (append->request, images);

  if (items)
    append_list (append, items, images, FALSE);
}

/* What was put at the signed URL, one item a line. FALSE: answered. */
static JsonArray *
put_items (ScaleRequest *request, const char *id)
{
  g_autofree char *name = g_strdup_printf ("%s/%s", request->path[1], id);
  GBytes *bytes = g_hash_table_lookup (request->server->puts, name);
  gsize size;
  const char *data = bytes ? g_bytes_get_data (bytes, &size) : NULL;
  g_autofree char *text = bytes ? g_strndup (data ? data : "", size) : NULL;
  g_auto (GStrv) lines = text ? g_strsplit (text, "\n", -1) : NULL;
  JsonArray *items = json_array_new ();

  for (char **line = lines; line && *line; line++) {
    JsonNode *node = **line ? scale_parse_json (*line, strlen (*line), NULL) : NULL;

    if (node)
      json_array_add_element (items, node);
  }
  if (bytes)
    return items;
  json_array_unref (items);
  scale_fail (request, 400, "Nothing was put for the request %s", id);
  return NULL;
}

static void
append_body (Append *append)
{
  JsonObject *body = scale_body_object (append->request);
  const char *id = body ? scale_string (body, "requestId") : NULL;
  JsonArray *items = body ? scale_array (body, "items") : NULL;

  if (body == NULL)
    return;
  if (id) {
    g_autoptr (JsonArray) put = put_items (append->request, id);

    if (put)
      append_list (append, put, NULL, scale_true (body, "update"));
  } else if (items)
    append_list (append, items, NULL, scale_true (body, "update"));
  else
    scale_fail (append->request, 400, "items has to be a list");
}

static void
append_items (ScaleRequest *request)
{
  Append append = { .request = request, .dataset = named_dataset (request) };

  if (append.dataset == NULL)
    return;
  append.refused = json_array_new ();
  append.errors = json_array_new ();
  if (request->parts)
    append_parts (&append);
  else
    append_body (&append);
  json_array_unref (append.refused);
  json_array_unref (append.errors);
}

static void
get_signed_url (ScaleRequest *request)
{
  g_autofree char *url = g_strdup_printf ("%s/signed/%s/%s", request->server->url, request->path[1], request->path[3]);
  JsonObject *answer;

  if (named_dataset (request) == NULL)
    return;
  answer = json_object_new ();
  json_object_set_string_member (answer, "signed_url", url);
  scale_answer_object (request, answer);
}

/* ---- metadata ---------------------------------------------------------------------------------------------------- */

/* Merges. FALSE: there is no such item, or it would change a type. */
static gboolean
merge_metadata (ScaleRequest *request, JsonObject *dataset, JsonObject *entry)
{
  const char *id = scale_string (entry, "reference_id");
  JsonObject *row = id ? find_item (request->world, request->path[1], id) : NULL;
  JsonObject *more = scale_object (entry, "metadata"), *merged;
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  if (row == NULL || more == NULL || !check_types (dataset, more))
    return FALSE;
  merged = json_object_new ();
  for (int pass = 0; pass < 2; pass++) {
    json_object_iter_init (&iter, pass ? more : scale_object (row, "metadata"));
    while (json_object_iter_next (&iter, &name, &node))
      json_object_set_member (merged, name, json_node_copy (node));
  }
  json_object_set_object_member (row, "metadata", merged);
  scale_save (request->server, request->world, SCALE_ITEMS, row);
  return TRUE;
}

static void
update_metadata (ScaleRequest *request)
{
  JsonObject *dataset = named_dataset (request), *body = dataset ? scale_body_object (request) : NULL, *answer;
  JsonArray *list = body ? scale_array (body, "metadata") : NULL, *errors;
  guint n = list ? json_array_get_length (list) : 0, done = 0;

  if (body == NULL)
    return;
  if (list == NULL || (n > MAX_UPDATES && !scale_query_is_true (request, "async"))) {
    scale_fail (request, 400, "metadata has to be a list, of at most %d unless async=1", MAX_UPDATES);
    return;
  }
  errors = json_array_new ();
  for (guint i = 0; i < n; i++) {
    JsonNode *node = json_array_get_element (list, i);

    if (JSON_NODE_HOLDS_OBJECT (node) && merge_metadata (request, dataset, json_node_get_object (node)))
      done++;
    else
      json_array_add_string_element (errors, "There is no such item, or a key has another type in this dataset");
  }
  scale_save (request->server, request->world, SCALE_DATASETS, dataset);
  if (scale_query_is_true (request, "async")) {
    scale_answer_object (request, scale_public (new_job (request, "metadataUpdate", errors)));
    return;
  }
  json_array_unref (errors);
  answer = json_object_new ();
  json_object_set_int_member (answer, "updated", done);
  json_object_set_int_member (answer, "failed", n - done);
  scale_answer_object (request, answer);
}

const ScaleRoute scale_nucleus_routes[] = {
  { "POST", "dataset/create", create_dataset },
  { "GET", "dataset/details", list_datasets },
  { "GET", "dataset/*/info", get_info },
  { "GET", "dataset/*/name", get_property },
  { "GET", "dataset/*/is_scene", get_property },
  { "GET", "dataset/*/use_privacy_mode", get_property },
  { "GET", "dataset/*/size", get_property },
  { "DELETE", "dataset/*", delete_dataset },
  { "POST", "dataset/*/append", append_items },
  { "GET", "dataset/*/signedUrl/*", get_signed_url },
  { "POST", "dataset/*/metadata", update_metadata },
  { "GET", "job/*", get_job },
  { "GET", "job/*/info", get_job_info },
  { "GET", "job/*/errors", get_job_errors },
  { "POST", "jobs/", list_jobs },
  { NULL }
};
