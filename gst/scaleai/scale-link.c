/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-link.c: see scale-link.h. */
#include "scale-link.h"

#include "scale-upload.h"

#include <string.h>

/* Of the SHA-256 that ends a reference. */
enum { SUM_DIGITS = 32 };

static gchar *
by_path (Catalogue *catalogue, JsonObject *task, const gchar **why)
{
  JsonObject *metadata = scale_json_object (task, "metadata");
  const gchar *path = metadata ? scale_json_string (metadata, "image_path") : NULL;
  gchar *frame = path ? catalogue_frame_by_path (catalogue, path, scale_json_string (metadata, "sha256")) : NULL;
  g_autofree gchar *other = path && frame == NULL ? catalogue_frame_by_path (catalogue, path, NULL) : NULL;

  *why = path == NULL ? "its metadata has no image_path" : other ? "the image at its image_path is another one here"
      : "its image_path is not of this dataset";
  return frame;
}

/* "PROJECT:SOURCE:32 digits" of "PROJECT:SOURCE:32 digits and more"; or NULL. */
static gchar *
without_suffix (const gchar *id)
{
  for (const gchar *colon = strrchr (id, ':'); colon; colon = g_strrstr_len (id, colon - id, ":")) {
    gsize digits = strspn (colon + 1, "0123456789abcdef");

    if (digits == SUM_DIGITS)
      return colon[1 + digits] ? g_strndup (id, (gsize) (colon - id) + 1 + digits) : NULL;
  }
  return NULL;
}

static gchar *
by_unique_id (Catalogue *catalogue, JsonObject *task, const gchar **why)
{
  const gchar *id = scale_json_string (task, "unique_id");
  g_autofree gchar *stem = id ? without_suffix (id) : NULL;
  gchar *frame = id ? catalogue_frame_by_reference (catalogue, SCALE_SERVICE, id) : NULL;

  if (frame == NULL && stem)
    frame = catalogue_frame_by_reference (catalogue, SCALE_SERVICE, stem);
  *why = id ? "its unique_id is no upload of this dataset" : "it has no unique_id";
  return frame;
}

/* The URL of an attachment, which is text or an object around it. */
static const gchar *
url_of (JsonNode *node)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  const gchar *url;

  if (object == NULL)
    return JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
  url = scale_json_string (object, "content");
  return url ? url : scale_json_string (object, "attachment");
}

static gchar *
by_attachment (Catalogue *catalogue, JsonObject *task, const gchar **why)
{
  JsonObject *params = scale_json_object (task, "params");
  const gchar *url = params ? scale_json_string (params, "attachment") : NULL;
  JsonArray *list = params ? scale_json_array (params, "attachments") : NULL;
  gchar *frame = url ? catalogue_frame_by_url (catalogue, url) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list) && frame == NULL; i++) {
    const gchar *one = url_of (json_array_get_element (list, i));

    if (one)
      frame = catalogue_frame_by_url (catalogue, url = one);
  }
  *why = url ? "its attachment was not uploaded from here" : "it has no attachment";
  return frame;
}

gchar *
scale_link_frame (Catalogue *catalogue, JsonObject *task, gchar **why)
{
  gchar *(*const ways[]) (Catalogue *, JsonObject *, const gchar **) = { by_path, by_unique_id, by_attachment };
  const gchar *reasons[G_N_ELEMENTS (ways) + 1] = { NULL };

  *why = NULL;
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++) {
    gchar *frame = ways[i] (catalogue, task, &reasons[i]);

    if (frame)
      return frame;
  }
  *why = g_strjoinv (", ", (gchar **) reasons);
  return NULL;
}
