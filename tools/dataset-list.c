/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dataset-list.c: gst-heads dataset list: frames with their labels, a line each, for people or for programs. */
#include "dataset.h"

#include <json-glib/json-glib.h>
#include <stdio.h>

typedef struct {
  Catalogue *catalogue;
  guint rows;
  GError *error;                /* of the labels of one; ends the walk */
} Listing;

/* ---- for people -------------------------------------------------------------------------------------------------------- */

static void
append_label (const CatalogueLabel *label, gpointer line)
{
  g_string_append_printf (line, "  %s=%s", label->task, label->value);
}

static gboolean
print_row (const CatalogueRow *row, gpointer data)
{
  Listing *listing = data;
  g_autofree char *time = gh_dataset_time (row->captured_at);
  g_autoptr (GString) line = g_string_new (NULL);

  listing->rows++;
  return catalogue_each_label (listing->catalogue, row->id, append_label, line, &listing->error)
      && printf ("%s  %s  %s  %dx%d%s\n", row->id, time, row->source, row->width, row->height, line->str) >= 0;
}

/* ---- for programs ------------------------------------------------------------------------------------------------------ */

/* Names of sources and texts of labels come from elsewhere, and JSON takes UTF-8 alone. */
static void
set_text (JsonObject *object, const char *name, const char *text)
{
  g_autofree char *valid = text ? g_utf8_make_valid (text, -1) : NULL;

  if (valid)
    json_object_set_string_member (object, name, valid);
  else
    json_object_set_null_member (object, name);
}

static void
add_label (const CatalogueLabel *label, gpointer array)
{
  JsonObject *one = json_object_new ();

  set_text (one, "task", label->task);
  set_text (one, "value", label->value);
  set_text (one, "origin", label->origin);
  json_array_add_object_element (array, one);
}

static void
add_prediction (const CataloguePrediction *prediction, gpointer array)
{
  JsonObject *one = json_object_new ();

  set_text (one, "head", prediction->head);
  set_text (one, "kind", prediction->kind);
  json_object_set_double_member (one, "value", prediction->value);
  set_text (one, "text", prediction->text);
  json_array_add_object_element (array, one);
}

/* It lacks some of it where *error is set. */
static JsonObject *
describe (Catalogue *catalogue, const CatalogueRow *row, GError **error)
{
  g_autofree char *time = gh_dataset_time (row->captured_at);
  JsonObject *frame = json_object_new ();
  JsonArray *labels = json_array_new (), *predictions = json_array_new ();

  set_text (frame, "id", row->id);
  set_text (frame, "captured_at", time);
  set_text (frame, "source", row->source);
  set_text (frame, "file", row->path);
  json_object_set_int_member (frame, "width", row->width);
  json_object_set_int_member (frame, "height", row->height);
  json_object_set_int_member (frame, "bytes", (gint64) row->bytes);
  set_text (frame, "sha256", row->sha256);
  if (catalogue_each_label (catalogue, row->id, add_label, labels, error))
    catalogue_each_prediction (catalogue, row->id, add_prediction, predictions, error);
  json_object_set_array_member (frame, "labels", labels);
  json_object_set_array_member (frame, "predictions", predictions);
  return frame;
}

static gboolean
print_json (const CatalogueRow *row, gpointer data)
{
  Listing *listing = data;
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  listing->rows++;
  json_node_take_object (root, describe (listing->catalogue, row, &listing->error));
  text = json_to_string (root, FALSE);
  return listing->error == NULL && printf ("%s\n", text) >= 0;
}

/* ---- the command -------------------------------------------------------------------------------------------------------- */

int
gh_dataset_list (Catalogue *catalogue, const DatasetOptions *options)
{
  g_autoptr (GError) error = NULL;
  Listing listing = { catalogue };

  if (!catalogue_each_matching (catalogue, &options->filter, options->json ? print_json : print_row, &listing, &error))
    return gh_dataset_fail (error);
  error = listing.error;
  if (error)
    return gh_dataset_fail (error);
  if (fflush (stdout) != 0 || ferror (stdout))
    return gh_tool_fail (GH_EXIT_FAILED, "the output cannot be written whole");
  return listing.rows ? GH_EXIT_OK : gh_dataset_nothing (catalogue, options);
}
