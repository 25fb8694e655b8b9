/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-upload.c: see scale-upload.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "scale-upload.h"

#include <libsoup/soup.h>
#include <math.h>
#include <string.h>

/* The service's limit is 10 KB; a camera needs half of one. */
enum { MAX_METADATA_BYTES = 10000 };

/* ---- metadata ---------------------------------------------------------------------------------------------------------- */

/* predicted_HEAD; signs that queries stumble over become underscores. */
static void
add_prediction (const CataloguePrediction *prediction, gpointer data)
{
  g_autofree gchar *name = g_strconcat ("predicted_", prediction->head, NULL);
  gboolean names_class = prediction->kind && g_strcmp0 (prediction->kind, "class") == 0;

  g_strcanon (name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_", '_');
  if (names_class && prediction->text)
    json_object_set_string_member (data, name, prediction->text);
  else if (!names_class && isfinite (prediction->value))
    json_object_set_double_member (data, name, prediction->value);
}

static void
add_times (JsonObject *metadata, const CatalogueUpload *upload)
{
  g_autoptr (GDateTime) utc = g_date_time_new_from_unix_utc (upload->captured_at / G_USEC_PER_SEC);
  g_autoptr (GDateTime) local = utc ? g_date_time_add_seconds (utc, (gdouble) upload->utc_offset) : NULL;
  g_autofree gchar *seconds = utc ? g_date_time_format (utc, "%Y-%m-%dT%H:%M:%S") : NULL, *day = NULL, *time = NULL;

  if (seconds == NULL || local == NULL)
    return;
  time = g_strdup_printf ("%s.%03dZ", seconds, (int) (upload->captured_at % G_USEC_PER_SEC / 1000));
  day = g_date_time_format (local, "%H:%M:%S");
  json_object_set_string_member (metadata, "captured_at", time);
  json_object_set_string_member (metadata, "time_of_day", day);
  json_object_set_int_member (metadata, "tz_offset_min", upload->utc_offset / 60);
}

/* A camera's; the path of a file is nobody's business. */
static gboolean
is_address (const gchar *uri)
{
  return uri && strstr (uri, "://") && g_ascii_strncasecmp (uri, "file:", strlen ("file:")) != 0;
}

static gchar *
text_of (JsonObject *metadata)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, metadata);
  return json_to_string (node, FALSE);
}

gchar *
scale_upload_metadata (Catalogue *catalogue, const CatalogueUpload *upload)
{
  g_autoptr (JsonObject) metadata = json_object_new ();
  g_autofree gchar *encoder = catalogue_encoder_of (catalogue, upload->frame), *small = NULL;
  gchar *text;

  json_object_set_int_member (metadata, "schema", 1);
  json_object_set_string_member (metadata, "image_path", upload->path);
  json_object_set_string_member (metadata, "sha256", upload->sha256);
  add_times (metadata, upload);
  json_object_set_string_member (metadata, "source_name", upload->source);
  if (is_address (upload->uri))
    json_object_set_string_member (metadata, "source_url", upload->uri);
  json_object_set_string_member (metadata, "frame_id", upload->frame);
  if (upload->media_sequence >= 0)
    json_object_set_int_member (metadata, "media_sequence", upload->media_sequence);
  if (upload->pts >= 0)
    json_object_set_int_member (metadata, "pts_ns", upload->pts);
  json_object_set_int_member (metadata, "width", upload->width);
  json_object_set_int_member (metadata, "height", upload->height);
  json_object_set_string_member (metadata, "uploader", "gst-scale-uploader/" PACKAGE_VERSION);
  if (encoder)
    json_object_set_string_member (metadata, "encoder", encoder);
  small = text_of (metadata);
  catalogue_each_prediction (catalogue, upload->frame, add_prediction, metadata, NULL);
  text = text_of (metadata);
  if (strlen (text) <= MAX_METADATA_BYTES)
    return text;
  g_free (text);                /* what links the frame goes before what was thought of it */
  return g_steal_pointer (&small);
}

/* ---- the request ------------------------------------------------------------------------------------------------------- */

static const gchar *
image_type (GBytes *image)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (image, &size);

  return size > 4 && memcmp (data, "\x89PNG", 4) == 0 ? "image/png" : "image/jpeg";
}

static void
fill_files_upload (SoupMultipart *parts, const ScaleUpload *upload)
{
  soup_multipart_append_form_string (parts, "project_name", upload->project);
  soup_multipart_append_form_string (parts, "reference_id", upload->reference);
  soup_multipart_append_form_string (parts, "display_name", upload->filename);
  soup_multipart_append_form_string (parts, "metadata", upload->metadata);
  soup_multipart_append_form_file (parts, "file", upload->filename, image_type (upload->image), upload->image);
}

/* One part with an array of items, then their images in the same order; here of one each. */
static void
fill_append (SoupMultipart *parts, const ScaleUpload *upload)
{
  SoupMessageHeaders *headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_MULTIPART);
  g_autoptr (JsonNode) metadata = json_from_string (upload->metadata, NULL);
  g_autoptr (JsonBuilder) items = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (GBytes) body = NULL;
  gchar *text;

  json_builder_begin_array (items);
  json_builder_begin_object (items);
  json_builder_set_member_name (items, "reference_id");
  json_builder_add_string_value (items, upload->reference);
  json_builder_set_member_name (items, "metadata");
  json_builder_add_value (items, g_steal_pointer (&metadata));
  json_builder_set_member_name (items, "image_url");
  json_builder_add_string_value (items, upload->filename);
  json_builder_set_member_name (items, "update");
  json_builder_add_boolean_value (items, FALSE);
  json_builder_end_object (items);
  json_builder_end_array (items);
  root = json_builder_get_root (items);
  text = json_to_string (root, FALSE);
  body = g_bytes_new_take (text, strlen (text));
  soup_message_headers_append (headers, "Content-Disposition", "form-data; name=\"items\"");
  soup_message_headers_append (headers, "Content-Type", "application/json");
  soup_multipart_append_part (parts, headers, body);
  soup_message_headers_unref (headers);
  soup_multipart_append_form_file (parts, "image", upload->filename, image_type (upload->image), upload->image);
}

void
scale_upload_encode (const ScaleUpload *upload, ScaleUploadRequest *request)
{
  SoupMultipart *parts = soup_multipart_new (SOUP_FORM_MIME_TYPE_MULTIPART);
  SoupMessageHeaders *headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_REQUEST);
  g_autofree gchar *dataset = g_uri_escape_string (upload->project, NULL, FALSE);

  *request = (ScaleUploadRequest) { 0 };
  if (g_str_equal (upload->service, NUCLEUS_SERVICE)) {
    fill_append (parts, upload);
    request->path = g_strdup_printf ("/dataset/%s/append", dataset);
  } else {
    fill_files_upload (parts, upload);
    request->path = g_strdup ("/files/upload");
  }
  soup_multipart_to_message (parts, headers, &request->body);
  request->type = g_strdup (soup_message_headers_get_one (headers, "Content-Type"));
  soup_message_headers_unref (headers);
  soup_multipart_free (parts);
}

void
scale_upload_request_clear (ScaleUploadRequest *request)
{
  g_clear_pointer (&request->path, g_free);
  g_clear_pointer (&request->type, g_free);
  g_clear_pointer (&request->body, g_bytes_unref);
}

/* ---- the answer -------------------------------------------------------------------------------------------------------- */

static void
set_verdict (ScaleReply *reply, ScaleVerdict verdict, const gchar *problem)
{
  reply->verdict = verdict;
  g_free (reply->problem);
  reply->problem = g_strdup (problem);
}

static gint64
count_of (JsonObject *answer, const gchar *member)
{
  JsonNode *node = json_object_get_member (answer, member);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : 0;
}

static void
judge_append (ScaleReply *reply)
{
  JsonObject *answer = json_node_get_object (reply->json);

  if (count_of (answer, "new_items") > 0)
    return;
  if (count_of (answer, "ignored_items") > 0 || count_of (answer, "updated_items") > 0)
    set_verdict (reply, SCALE_CONFLICT, "the item was there before");
  else if (count_of (answer, "upload_errors") > 0)
    set_verdict (reply, SCALE_REFUSED, "Nucleus counts it as an error: the image or the type of a metadata member is not what "
        "the dataset takes");
  else
    set_verdict (reply, SCALE_RETRY, "the answer does not say what became of the item");
}

void
scale_upload_judge (const gchar *service, ScaleReply *reply, const gchar **url, const gchar **id)
{
  *url = *id = NULL;
  if (reply->verdict != SCALE_OK)
    return;
  if (reply->json == NULL || !JSON_NODE_HOLDS_OBJECT (reply->json)) {
    set_verdict (reply, SCALE_RETRY, "the answer is no JSON object");
    return;
  }
  if (g_str_equal (service, NUCLEUS_SERVICE)) {
    judge_append (reply);
    return;
  }
  *url = scale_reply_string (reply, "attachment_url");
  *id = scale_reply_string (reply, "id");
  if (*url == NULL)
    set_verdict (reply, SCALE_RETRY, "the answer has no attachment_url");
}
