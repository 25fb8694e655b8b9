/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-task-body.c: see scale-task-body.h. */
#include "scale-task-body.h"

#include "models/gh-json-tree.h"

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

JsonObject *
scale_task_body_load (const gchar *file, GError **error)
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

static void
set_attachment (JsonObject *body, const ScaleTaskRequest *request)
{
  JsonArray *list;
  JsonObject *item;

  if (!g_str_equal (request->type, "textcollection")) {
    json_object_set_string_member (body, "attachment", request->attachment_url);
    json_object_set_string_member (body, "attachment_type", "image");
    return;
  }
  list = json_array_new ();
  item = json_object_new ();
  json_object_set_string_member (item, "type", "image");
  json_object_set_string_member (item, "content", request->attachment_url);
  json_array_add_object_element (list, item);
  json_object_set_array_member (body, "attachments", list);
}

JsonObject *
scale_task_body_new (JsonObject *common, const ScaleTaskRequest *request)
{
  JsonObject *body = json_object_new ();
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *node;

  json_object_iter_init (&iter, common);
  while (json_object_iter_next (&iter, &name, &node))
    json_object_set_member (body, name, json_node_copy (node));
  json_object_set_string_member (body, "project", request->project);
  json_object_set_string_member (body, "batch", request->batch);
  set_attachment (body, request);
  json_object_set_string_member (body, "unique_id", request->unique_id);
  json_object_set_boolean_member (body, "clear_unique_id_on_error", TRUE);
  json_object_set_member (body, "metadata", json_from_string (request->metadata, NULL));
  return body;
}
