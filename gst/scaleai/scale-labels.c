/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-labels.c: see scale-labels.h. */
#include "scale-labels.h"

#include <math.h>
#include <string.h>

/* A label is a word or a number; what is longer is no label. */
enum { MAX_BYTES = 200 };

#define EVERY_LABEL "*"
#define BOXES "boxes"

typedef struct {
  GPtrArray *labels;
  GHashTable *taken;            /* tasks that have a value */
  GHashTable *rules;
  GHashTable *counts;           /* task -> number */
  GPtrArray *order;             /* of the counts: tasks, borrowed from it */
} Reading;

void
scale_label_free (ScaleLabel *label)
{
  g_free (label->task);
  g_free (label->value);
  g_free (label);
}

/* ---- members ------------------------------------------------------------------------------------------------------------ */

const gchar *
scale_json_string (JsonObject *object, const gchar *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
      : NULL;
}

JsonObject *
scale_json_object (JsonObject *object, const gchar *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
scale_json_array (JsonObject *object, const gchar *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
read_number (JsonObject *object, const gchar *member, gdouble *number)
{
  JsonNode *node = json_object_get_member (object, member);
  GType type = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    return FALSE;
  *number = json_node_get_double (node);
  return isfinite (*number);
}

/* ---- rules ------------------------------------------------------------------------------------------------------------- */

GHashTable *
scale_label_rules (const gchar *const *words, GError **error)
{
  g_autoptr (GHashTable) rules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  for (; words && *words; words++) {
    const gchar *colon = strrchr (*words, ':');

    if (colon == NULL || colon == *words || colon[1] == 0 || strlen (*words) > MAX_BYTES) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "\"%.*s\" is not LABEL:TASK, such as person:people", MAX_BYTES,
          *words);
      return NULL;
    }
    g_hash_table_replace (rules, g_strndup (*words, (gsize) (colon - *words)), g_strdup (colon + 1));
  }
  return g_steal_pointer (&rules);
}

/* ---- collecting -------------------------------------------------------------------------------------------------------- */

static gboolean
is_label (const gchar *text)
{
  gsize length = strlen (text);

  if (length == 0 || length > MAX_BYTES)
    return FALSE;
  for (const gchar *at = text; *at; at = g_utf8_next_char (at))
    if (g_unichar_iscntrl (g_utf8_get_char (at)))
      return FALSE;
  return TRUE;
}

static void
add (Reading *r, const gchar *task, const gchar *value)
{
  ScaleLabel label = { g_strdup (task), g_strdup (value) };

  if (g_hash_table_add (r->taken, g_strdup (task)))
    g_ptr_array_add (r->labels, g_memdup2 (&label, sizeof label));
  else {
    g_free (label.task);
    g_free (label.value);
  }
}

static void
count_as (Reading *r, const gchar *task, guint more)
{
  gpointer key, n;

  if (g_hash_table_lookup_extended (r->counts, task, &key, &n)) {
    g_hash_table_insert (r->counts, g_strdup (task), GUINT_TO_POINTER (GPOINTER_TO_UINT (n) + more));
    return;
  }
  g_hash_table_insert (r->counts, g_strdup (task), GUINT_TO_POINTER (more));
  g_hash_table_lookup_extended (r->counts, task, &key, NULL);
  g_ptr_array_add (r->order, key);
}

/* more 0: it was looked for. */
static void
count_label (Reading *r, const gchar *label, guint more)
{
  const gchar *task = g_hash_table_lookup (r->rules, label);

  if (task)
    count_as (r, task, more);
  else if (is_label (label))
    count_as (r, label, more);
}

static void
count_one (Reading *r, JsonObject *annotation)
{
  const gchar *label = scale_json_string (annotation, "label"), *every = g_hash_table_lookup (r->rules, EVERY_LABEL);

  if (label && !g_str_equal (label, EVERY_LABEL))
    count_label (r, label, 1);
  if (every)
    count_as (r, every, 1);
}

/* ---- boxes and counts ---------------------------------------------------------------------------------------------------- */

/* Strings, or {"choice","subchoices"}. The depth of the JSON is bounded by its reader. */
static void
look_for (Reading *r, JsonArray *objects)
{
  for (guint i = 0; objects && i < json_array_get_length (objects); i++) {
    JsonNode *node = json_array_get_element (objects, i);

    if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING)
      count_label (r, json_node_get_string (node), 0);
    else if (JSON_NODE_HOLDS_OBJECT (node)) {
      JsonObject *choice = json_node_get_object (node);
      const gchar *name = scale_json_string (choice, "choice");

      if (scale_json_array (choice, "subchoices"))
        look_for (r, scale_json_array (choice, "subchoices"));
      else if (name)
        count_label (r, name, 0);
    }
  }
}

static void
look_for_geometries (Reading *r, JsonObject *task)
{
  JsonObject *params = scale_json_object (task, "params");
  JsonObject *geometries = params ? scale_json_object (params, "geometries") : NULL;
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *node;

  if (geometries == NULL)
    return;
  json_object_iter_init (&iter, geometries);
  while (json_object_iter_next (&iter, &name, &node))
    if (JSON_NODE_HOLDS_OBJECT (node))
      look_for (r, scale_json_array (json_node_get_object (node), "objects_to_annotate"));
}

/* FALSE: it is no box. */
static gboolean
add_box (JsonBuilder *boxes, JsonObject *annotation)
{
  static const gchar *const sides[] = { "left", "top", "width", "height" };
  const gchar *type = scale_json_string (annotation, "type"), *label = scale_json_string (annotation, "label");
  gdouble numbers[G_N_ELEMENTS (sides)];

  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    if (!read_number (annotation, sides[i], &numbers[i]))
      return FALSE;
  if (type && !g_str_equal (type, "box"))
    return FALSE;
  json_builder_begin_object (boxes);
  json_builder_set_member_name (boxes, "label");
  json_builder_add_string_value (boxes, label ? label : "");
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++) {
    json_builder_set_member_name (boxes, sides[i]);
    json_builder_add_double_value (boxes, numbers[i]);
  }
  json_builder_end_object (boxes);
  return TRUE;
}

static void
read_annotations (Reading *r, JsonObject *task, JsonArray *annotations)
{
  g_autoptr (JsonBuilder) boxes = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree gchar *text = NULL;
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, r->rules);
  while (g_hash_table_iter_next (&iter, NULL, &name))
    count_as (r, name, 0);
  look_for_geometries (r, task);
  json_builder_begin_array (boxes);
  for (guint i = 0; i < json_array_get_length (annotations); i++) {
    JsonNode *node = json_array_get_element (annotations, i);

    if (JSON_NODE_HOLDS_OBJECT (node)) {
      add_box (boxes, json_node_get_object (node));
      count_one (r, json_node_get_object (node));
    }
  }
  json_builder_end_array (boxes);
  root = json_builder_get_root (boxes);
  text = json_to_string (root, FALSE);
  add (r, BOXES, text);
  for (guint i = 0; i < r->order->len; i++) {
    g_autofree gchar *number = g_strdup_printf ("%u", GPOINTER_TO_UINT (g_hash_table_lookup (r->counts, r->order->pdata[i])));

    add (r, r->order->pdata[i], number);
  }
}

/* ---- fields -------------------------------------------------------------------------------------------------------------- */

/* Every leaf of lists in lists. Too long a text stays too long, so that it is no label. */
static void
append_answer (GString *text, JsonNode *node)
{
  if (JSON_NODE_HOLDS_ARRAY (node)) {
    for (guint i = 0; i < json_array_get_length (json_node_get_array (node)) && text->len <= MAX_BYTES; i++)
      append_answer (text, json_array_get_element (json_node_get_array (node), i));
  } else if (JSON_NODE_HOLDS_VALUE (node)) {
    g_autofree gchar *number = json_node_get_value_type (node) == G_TYPE_STRING ? NULL : json_to_string (node, FALSE);

    if (text->len)
      g_string_append_c (text, '|');
    g_string_append (text, number ? number : json_node_get_string (node));
  }
}

static void
read_field (Reading *r, const gchar *name, JsonNode *node)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (JSON_NODE_HOLDS_OBJECT (node)) {
    JsonObject *object = json_node_get_object (node);

    node = json_object_get_member (object, "response");
    if (node == NULL)
      node = json_object_get_member (object, "category");
    if (node == NULL || JSON_NODE_HOLDS_OBJECT (node))
      return;
  }
  append_answer (text, node);
  if (is_label (name) && is_label (text->str))
    add (r, name, text->str);
}

static void
read_fields (Reading *r, JsonObject *fields)
{
  JsonObjectIter iter;
  const gchar *name;
  JsonNode *node;

  if (fields == NULL)
    return;
  json_object_iter_init (&iter, fields);
  while (json_object_iter_next (&iter, &name, &node))
    read_field (r, name, node);
}

static void
read_response (Reading *r, JsonObject *task, JsonObject *response)
{
  JsonArray *annotations = scale_json_array (response, "annotations");
  const gchar *type = scale_json_string (task, "type");
  JsonNode *category = json_object_get_member (response, "category");

  if (annotations)
    read_annotations (r, task, annotations);
  if (type && g_str_equal (type, "textcollection"))
    read_fields (r, scale_json_object (response, "annotations"));
  read_fields (r, scale_json_object (response, "taxonomies"));
  read_fields (r, scale_json_object (response, "global_attributes"));
  if (category && !JSON_NODE_HOLDS_OBJECT (category))
    read_field (r, "category", category);
  else if (type && g_str_equal (type, "categorization") && annotations == NULL)
    read_fields (r, category ? json_node_get_object (category) : response);
}

GPtrArray *
scale_labels_of (JsonObject *task, GHashTable *rules)
{
  Reading r = { g_ptr_array_new_with_free_func ((GDestroyNotify) scale_label_free),
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), rules,
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL), g_ptr_array_new () };
  JsonObject *response = scale_json_object (task, "response");

  if (response && g_strcmp0 (scale_json_string (task, "status"), "completed") == 0)
    read_response (&r, task, response);
  g_hash_table_unref (r.taken);
  g_ptr_array_unref (r.order);
  g_hash_table_unref (r.counts);
  return r.labels;
}
