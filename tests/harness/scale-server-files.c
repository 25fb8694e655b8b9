/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-files.c: uploads of images, by multipart or by address. */
#include "scale-private.h"

#include <string.h>

const char *
scale_image_type (GBytes *bytes)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);

  if (size >= 3 && memcmp (data, "\xff\xd8\xff", 3) == 0)
    return "image/jpeg";
  return size >= 8 && memcmp (data, "\x89PNG\r\n\x1a\n", 8) == 0 ? "image/png" : NULL;
}

char *
scale_sha256 (GBytes *bytes)
{
  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes);
}

char *
scale_keep_image (ScaleServer *server, GBytes *bytes)
{
  char *sha256 = scale_sha256 (bytes);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (server->folder) {
    path = g_strdup_printf ("%s/%s.%s", server->folder, sha256,
        g_strcmp0 (scale_image_type (bytes), "image/png") == 0 ? "png" : "jpg");
    if (!g_file_set_contents (path, data, (gssize) size, &error))
      g_warning ("%s", error->message);
  }
  return sha256;
}

/* ---- the parts of an upload -------------------------------------------------------------------------------------- */

/* The part of this name. *n: how many there are. */
static ScalePart *
find_part (ScaleRequest *request, const char *name, guint *n)
{
  ScalePart *found = NULL;

  *n = 0;
  for (guint i = 0; i < request->parts->len; i++) {
    ScalePart *part = request->parts->pdata[i];

    if (g_str_equal (part->name, name) && (*n)++ == 0)
      found = part;
  }
  return found;
}

/* Text of a part that may be missing. FALSE: answered. */
static gboolean
read_text (ScaleRequest *request, const char *name, char **text)
{
  guint n;
  ScalePart *part = find_part (request, name, &n);
  gsize size;
  const char *data = part ? g_bytes_get_data (part->body, &size) : NULL;

  *text = NULL;
  if (part == NULL)
    return TRUE;
  if (n > 1 || part->filename || (size && !g_utf8_validate (data, (gssize) size, NULL))) {
    scale_fail (request, 400, "%s has to be one part of text", name);
    return FALSE;
  }
  *text = g_strndup (data ? data : "", size);
  return TRUE;
}

static gboolean
read_metadata (ScaleRequest *request, JsonNode **metadata)
{
  g_autofree char *text = NULL;

  *metadata = NULL;
  if (!read_text (request, "metadata", &text))
    return FALSE;
  if (text == NULL)
    return TRUE;
  *metadata = scale_parse_json (text, strlen (text), NULL);
  if (*metadata && JSON_NODE_HOLDS_OBJECT (*metadata))
    return TRUE;
  scale_fail (request, 400, "metadata has to be one part that holds a JSON object");
  return FALSE;
}

/* ---- rows of files ----------------------------------------------------------------------------------------------- */

static gboolean
check_project (ScaleRequest *request, const char *project)
{
  if (project == NULL || *project == 0 || scale_find (request->world, SCALE_PROJECTS, project))
    return TRUE;
  scale_fail (request, 404, "There is no project with the name %s", project);
  return FALSE;
}

static gboolean
is_in_project (JsonObject *file, const char *project)
{
  JsonArray *names = scale_array (file, "project_names");

  for (guint i = 0; i < json_array_get_length (names); i++)
    if (g_str_equal (json_array_get_string_element (names, i), project))
      return TRUE;
  return FALSE;
}

/* A reference id that is in use: the same file for one more project, or a conflict. TRUE: answered. */
static gboolean
is_known (ScaleRequest *request, const char *reference_id, const char *project, const char *sha256)
{
  JsonObject *file = reference_id ? scale_find_by (request->world, SCALE_FILES, "_reference_id", reference_id) : NULL;

  if (file == NULL)
    return FALSE;
  if (project == NULL || is_in_project (file, project) || g_strcmp0 (scale_string (file, "_sha256"), sha256) != 0) {
    scale_fail (request, 409, "The reference_id %s is in use by another file (%s)", reference_id,
        scale_string (file, "id"));
    return TRUE;
  }
  json_array_add_string_element (scale_array (file, "project_names"), project);
  scale_save (request->server, request->world, SCALE_FILES, file);
  scale_answer_object (request, scale_public (file));
  return TRUE;
}

static JsonObject *
new_file (ScaleServer *server, const char *project, const char *reference_id, JsonObject *metadata)
{
  g_autofree char *id = scale_new_id (server), *uuid = scale_uuid (), *now = scale_time (scale_now ());
  g_autofree char *address = g_strdup_printf ("scaledata://60f000000000000000000000/%s", uuid);
  JsonObject *row = json_object_new ();
  JsonArray *names = json_array_new ();

  if (project && *project)
    json_array_add_string_element (names, project);
  json_object_set_string_member (row, "_id", id);
  json_object_set_string_member (row, "id", id);
  json_object_set_string_member (row, "attachment_url", address);
  json_object_set_string_member (row, "created_at", now);
  json_object_set_string_member (row, "updated_at", now);
  json_object_set_array_member (row, "project_names", names);
  if (reference_id)
    json_object_set_string_member (row, "_reference_id", reference_id);
  if (metadata)
    json_object_set_object_member (row, "_metadata", json_object_ref (metadata));
  return row;
}

static void
save_file (ScaleRequest *request, JsonObject *row)
{
  scale_save (request->server, request->world, SCALE_FILES, row);
  scale_answer_object (request, scale_public (row));
}

static gboolean
check_image (ScaleRequest *request, ScalePart *part, guint n)
{
  if (part == NULL || n > 1 || part->filename == NULL)
    scale_fail (request, 400, "file has to be one part with a filename");
  else if (g_bytes_get_size (part->body) > request->server->max_file_bytes)
    scale_fail (request, 413, "The file %s is larger than %" G_GUINT64_FORMAT " bytes", part->filename,
        request->server->max_file_bytes);
  else if (scale_image_type (part->body) == NULL)
    scale_fail (request, 400, "The file %s is neither JPEG nor PNG", part->filename);
  else
    return TRUE;
  return FALSE;
}

static void
upload_file (ScaleRequest *request)
{
  g_autofree char *project = NULL, *reference_id = NULL, *display_name = NULL, *sha256 = NULL;
  g_autoptr (JsonNode) metadata = NULL;
  ScalePart *part;
  JsonObject *row;
  guint n;

  if (request->parts == NULL) {
    scale_fail (request, 400, "An upload has to be multipart/form-data");
    return;
  }
  part = find_part (request, "file", &n);
  if (!check_image (request, part, n) || !read_text (request, "project_name", &project) ||
      !read_text (request, "reference_id", &reference_id) || !read_text (request, "display_name", &display_name) ||
      !read_metadata (request, &metadata) || !check_project (request, project))
    return;
  sha256 = scale_keep_image (request->server, part->body);
  if (is_known (request, reference_id, project, sha256))
    return;
  row = new_file (request->server, project, reference_id, metadata ? json_node_get_object (metadata) : NULL);
  json_object_set_string_member (row, "mime_type", scale_image_type (part->body));
  json_object_set_int_member (row, "size", (gint64) g_bytes_get_size (part->body));
  json_object_set_string_member (row, "_sha256", sha256);
  json_object_set_string_member (row, "_filename", part->filename);
  if (display_name)
    json_object_set_string_member (row, "_display_name", display_name);
  save_file (request, row);
}

/* The address is kept, and never asked for. */
static void
import_file (ScaleRequest *request)
{
  JsonObject *body = scale_body_object (request), *row;
  const char *url = body ? scale_string (body, "file_url") : NULL, *project, *reference_id;

  if (body == NULL)
    return;
  if (url == NULL || strstr (url, "://") == NULL) {
    scale_fail (request, 400, "An import needs the file_url");
    return;
  }
  if (!scale_is_null (body, "metadata") && scale_object (body, "metadata") == NULL) {
    scale_fail (request, 400, "metadata has to be an object");
    return;
  }
  project = scale_string (body, "project_name");
  reference_id = scale_string (body, "reference_id");
  if (!check_project (request, project) || is_known (request, reference_id, project, NULL))
    return;
  row = new_file (request->server, project, reference_id, scale_object (body, "metadata"));
  json_object_set_string_member (row, "mime_type", g_str_has_suffix (url, ".png") ? "image/png" : "image/jpeg");
  json_object_set_int_member (row, "size", 0);
  json_object_set_string_member (row, "_file_url", url);
  save_file (request, row);
}

const ScaleRoute scale_file_routes[] = {
  { "POST", "files/upload", upload_file },
  { "POST", "files/import", import_file },
  { NULL }
};
