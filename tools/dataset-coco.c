/* SPDX-License-Identifier: LGPL-2.1-or-later
 * dataset-coco.c: see dataset-coco.h. */
#include "dataset-coco.h"
#include "config.h"

#include "models/gh-json-tree.h"

#include <math.h>
#include <string.h>

#define BOXES "boxes"

typedef struct {
  Catalogue *catalogue;
  FILE *to;
  guint images, annotations;    /* so far, which are their ids */
  GPtrArray *categories;        /* names; the id is the place, from 1 */
  gboolean first_label;
  GError *error;                /* of the labels of one image; ends the walk */
} Coco;

/* Names and labels come from elsewhere, and JSON takes UTF-8 alone. */
static void
write_string (FILE *to, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr (JsonNode) node = json_node_init_string (json_node_alloc (), valid);
  g_autofree char *json = json_to_string (node, FALSE);

  fputs (json, to);
}

/* Of every language the same point. */
static void
write_number (FILE *to, double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  fputs (g_ascii_dtostr (text, sizeof text, number), to);
}

/* ---- images ------------------------------------------------------------------------------------------------------------ */

static void
write_label (const CatalogueLabel *label, gpointer data)
{
  Coco *coco = data;

  if (g_str_equal (label->task, BOXES))
    return;
  fputs (coco->first_label ? "" : ",", coco->to);
  coco->first_label = FALSE;
  write_string (coco->to, label->task);
  fputc (':', coco->to);
  write_string (coco->to, label->value);
}

static gboolean
write_image (const CatalogueRow *row, gpointer data)
{
  Coco *coco = data;
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (row->captured_at / G_USEC_PER_SEC);
  g_autofree char *words = time ? g_date_time_format (time, "%Y-%m-%d %H:%M:%S") : g_strdup ("");

  coco->images++;
  fprintf (coco->to, "%s\n{\"id\":%u,\"width\":%d,\"height\":%d,\"date_captured\":\"%s\",\"file_name\":", coco->images > 1 ? "," : "",
      coco->images, row->width, row->height, words);
  write_string (coco->to, row->path);
  fputs (",\"source\":", coco->to);
  write_string (coco->to, row->source);
  fputs (",\"labels\":{", coco->to);
  coco->first_label = TRUE;
  if (!catalogue_each_label (coco->catalogue, row->id, write_label, coco, &coco->error))
    return FALSE;
  return fputs ("}}", coco->to) != EOF;
}

/* ---- boxes ------------------------------------------------------------------------------------------------------------- */

static guint
category_of (Coco *coco, const char *name)
{
  guint at;

  if (!g_ptr_array_find_with_equal_func (coco->categories, name, g_str_equal, &at)) {
    at = coco->categories->len;
    g_ptr_array_add (coco->categories, g_strdup (name));
  }
  return at + 1;
}

static void
write_box (Coco *coco, JsonObject *box)
{
  static const char *const sides[] = { "left", "top", "width", "height" };
  const char *name = json_object_get_string_member_with_default (box, "label", "object");
  double side[4];

  for (int i = 0; i < 4; i++) {
    side[i] = json_object_get_double_member_with_default (box, sides[i], NAN);
    if (!isfinite (side[i]))
      return;
  }
  coco->annotations++;
  fprintf (coco->to, "%s\n{\"id\":%u,\"image_id\":%u,\"category_id\":%u,\"iscrowd\":0,\"segmentation\":[],\"area\":",
      coco->annotations > 1 ? "," : "", coco->annotations, coco->images, category_of (coco, name));
  write_number (coco->to, side[2] * side[3]);
  fputs (",\"bbox\":[", coco->to);
  for (int i = 0; i < 4; i++) {
    fputs (i ? "," : "", coco->to);
    write_number (coco->to, side[i]);
  }
  fputs ("]}", coco->to);
}

static void
write_boxes (const CatalogueLabel *label, gpointer data)
{
  g_autoptr (JsonNode) node = g_str_equal (label->task, BOXES) ? gh_json_tree_parse (label->value, strlen (label->value), NULL)
      : NULL;
  JsonArray *list = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = 0; list && i < json_array_get_length (list); i++)
    if (JSON_NODE_HOLDS_OBJECT (json_array_get_element (list, i)))
      write_box (data, json_array_get_object_element (list, i));
}

static gboolean
write_annotations (const CatalogueRow *row, gpointer data)
{
  Coco *coco = data;

  coco->images++;
  return catalogue_each_label (coco->catalogue, row->id, write_boxes, coco, &coco->error) && !ferror (coco->to);
}

static void
write_categories (Coco *coco)
{
  for (guint i = 0; i < coco->categories->len; i++) {
    fprintf (coco->to, "%s\n{\"id\":%u,\"supercategory\":\"\",\"name\":", i ? "," : "", i + 1);
    write_string (coco->to, coco->categories->pdata[i]);
    fputc ('}', coco->to);
  }
}

gboolean
gh_dataset_write_coco (Catalogue *catalogue, const CatalogueFilter *filter, FILE *to, guint *frames, GError **error)
{
  g_autoptr (GPtrArray) categories = g_ptr_array_new_with_free_func (g_free);
  Coco coco = { catalogue, to, .categories = categories };
  gboolean good;

  fputs ("{\"info\":{\"description\":\"gst-heads dataset\",\"version\":\"" PACKAGE_VERSION "\"},\"licenses\":[],\n\"images\":[", to);
  good = catalogue_each_matching (catalogue, filter, write_image, &coco, error);
  *frames = coco.images;
  coco.images = 0;
  fputs ("],\n\"annotations\":[", to);
  good = good && coco.error == NULL && catalogue_each_matching (catalogue, filter, write_annotations, &coco, error);
  fputs ("],\n\"categories\":[", to);
  write_categories (&coco);
  fputs ("]}\n", to);
  if (coco.error == NULL)
    return good;
  g_propagate_error (error, coco.error);
  return FALSE;
}
