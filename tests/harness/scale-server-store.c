/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-store.c: the rows of both worlds, the state file, and JSON without surprises.
 *
 * The state file is a journal: a line of JSON for each change, {"world","table","id","row"}, later lines win, a row of
 * null removes. It is written before the answer leaves, so a server that is killed loses nothing it acknowledged. */
#include "scale-private.h"

#include <errno.h>
#include <string.h>

enum { MAX_DEPTH = 64 };

static const char *const table_names[SCALE_N_TABLES] = {
  "projects", "batches", "files", "tasks", "datasets", "items", "annotations", "slices", "jobs"
};

const char *
scale_table_name (ScaleTable table)
{
  return table_names[table];
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

const char *
scale_string (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

JsonObject *
scale_object (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
scale_array (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

gboolean
scale_true (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN &&
      json_node_get_boolean (node);
}

gboolean
scale_is_null (JsonObject *object, const char *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node == NULL || JSON_NODE_HOLDS_NULL (node);
}

JsonNode *
scale_object_node (JsonObject *object)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, object);
  return node;
}

char *
scale_json_text (JsonNode *node)
{
  return json_to_string (node, FALSE);
}

gsize
scale_json_bytes (JsonObject *object)
{
  g_autoptr (JsonNode) node = scale_object_node (json_object_ref (object));
  g_autofree char *text = scale_json_text (node);

  return strlen (text);
}

/* How deep the brackets go, outside of strings. */
static int
depth_of (const char *text, gsize size)
{
  int depth = 0, most = 0;
  gboolean quoted = FALSE;

  for (gsize i = 0; i < size; i++) {
    if (quoted && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (!quoted && (text[i] == '[' || text[i] == '{')) {
      depth++;
      most = MAX (most, depth);
    } else if (!quoted && (text[i] == ']' || text[i] == '}'))
      depth--;
  }
  return most;
}

JsonNode *
scale_parse_json (const char *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();

  if (size > G_MAXSSIZE || !g_utf8_validate (text, (gssize) size, NULL) || depth_of (text, size) > MAX_DEPTH) {
    g_set_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, "not UTF-8, or deeper than %d", MAX_DEPTH);
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, (gssize) size, error))
    return NULL;
  if (json_parser_get_root (parser) == NULL) {
    g_set_error (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, "nothing there");
    return NULL;
  }
  return json_parser_steal_root (parser);
}

static JsonObject *
copy_members (JsonObject *row, gboolean hidden)
{
  JsonObject *copy = json_object_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, row);
  while (json_object_iter_next (&iter, &name, &node))
    if (*name != '_' || hidden)
      json_object_set_member (copy, *name == '_' ? name + 1 : name, json_node_copy (node));
  return copy;
}

JsonObject *
scale_public (JsonObject *row)
{
  return copy_members (row, FALSE);
}

JsonObject *
scale_whole (JsonObject *row)
{
  return copy_members (row, TRUE);
}

/* ---- ids and times ----------------------------------------------------------------------------------------------- */

char *
scale_new_id (ScaleServer *server)
{
  return g_strdup_printf ("%016" G_GINT64_MODIFIER "x%08x", server->first_id, (guint) ++server->n_ids);
}

char *
scale_uuid (void)
{
  return g_uuid_string_random ();
}

double
scale_now (void)
{
  return g_get_real_time () / 1e6;
}

char *
scale_time (double seconds)
{
  gint64 ms = (gint64) (seconds * 1000);
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (ms / 1000);
  g_autofree char *words = time ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%S") : g_strdup ("");

  return g_strdup_printf ("%s.%03dZ", words, (int) (ms % 1000));
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

void
scale_worlds_init (ScaleServer *server)
{
  static const char *const names[] = { "test", "live" };

  for (guint w = 0; w < G_N_ELEMENTS (server->worlds); w++) {
    server->worlds[w].name = names[w];
    for (ScaleTable t = 0; t < SCALE_N_TABLES; t++) {
      server->worlds[w].rows[t] = g_ptr_array_new_with_free_func ((GDestroyNotify) json_object_unref);
      server->worlds[w].by_id[t] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
    }
  }
}

void
scale_worlds_clear (ScaleServer *server)
{
  for (guint w = 0; w < G_N_ELEMENTS (server->worlds); w++)
    for (ScaleTable t = 0; t < SCALE_N_TABLES; t++) {
      g_hash_table_unref (server->worlds[w].by_id[t]);
      g_ptr_array_unref (server->worlds[w].rows[t]);
    }
  if (server->state)
    fclose (server->state);
}

JsonObject *
scale_find (ScaleWorld *world, ScaleTable table, const char *id)
{
  return id ? g_hash_table_lookup (world->by_id[table], id) : NULL;
}

JsonObject *
scale_find_by (ScaleWorld *world, ScaleTable table, const char *member, const char *value)
{
  for (guint i = 0; value && i < world->rows[table]->len; i++)
    if (g_strcmp0 (scale_string (world->rows[table]->pdata[i], member), value) == 0)
      return world->rows[table]->pdata[i];
  return NULL;
}

static void
write_line (ScaleServer *server, ScaleWorld *world, ScaleTable table, const char *id, JsonObject *row)
{
  g_autoptr (JsonNode) line = scale_object_node (json_object_new ());
  JsonObject *object = json_node_get_object (line);
  g_autofree char *text = NULL;

  if (server->state == NULL)
    return;
  json_object_set_string_member (object, "world", world->name);
  json_object_set_string_member (object, "table", table_names[table]);
  json_object_set_string_member (object, "id", id);
  if (row)
    json_object_set_object_member (object, "row", json_object_ref (row));
  else
    json_object_set_null_member (object, "row");
  text = scale_json_text (line);
  if (fprintf (server->state, "%s\n", text) < 0 || fflush (server->state) != 0)
    g_warning ("the state file cannot be written: %s", g_strerror (errno));
}

static void
insert (ScaleWorld *world, ScaleTable table, const char *id, JsonObject *row)
{
  JsonObject *before = scale_find (world, table, id);

  if (before == row)
    return;
  if (before) {
    guint i = 0;

    g_ptr_array_find (world->rows[table], before, &i);
    world->rows[table]->pdata[i] = row;
    json_object_unref (before);
  } else
    g_ptr_array_add (world->rows[table], row);
  g_hash_table_insert (world->by_id[table], g_strdup (id), row);
}

void
scale_save (ScaleServer *server, ScaleWorld *world, ScaleTable table, JsonObject *row)
{
  const char *id = scale_string (row, "_id");

  insert (world, table, id, row);
  write_line (server, world, table, id, row);
}

void
scale_remove (ScaleServer *server, ScaleWorld *world, ScaleTable table, JsonObject *row)
{
  g_autofree char *id = g_strdup (scale_string (row, "_id"));

  write_line (server, world, table, id, NULL);
  g_hash_table_remove (world->by_id[table], id);
  g_ptr_array_remove (world->rows[table], row);
}

/* ---- the state file ---------------------------------------------------------------------------------------------- */

static gboolean
find_table (const char *name, ScaleTable *table)
{
  for (*table = 0; *table < SCALE_N_TABLES; (*table)++)
    if (g_strcmp0 (name, table_names[*table]) == 0)
      return TRUE;
  return FALSE;
}

static gboolean
read_line (ScaleServer *server, const char *line)
{
  g_autoptr (JsonNode) node = scale_parse_json (line, strlen (line), NULL);
  JsonObject *object = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL, *row, *before;
  ScaleWorld *world;
  ScaleTable table;
  const char *id;

  if (object == NULL || !find_table (scale_string (object, "table"), &table) || !scale_string (object, "id"))
    return FALSE;
  id = scale_string (object, "id");
  world = &server->worlds[g_strcmp0 (scale_string (object, "world"), "live") == 0];
  row = scale_object (object, "row");
  before = scale_find (world, table, id);
  if (row)
    insert (world, table, id, json_object_ref (row));
  else if (before) {
    g_hash_table_remove (world->by_id[table], id);
    g_ptr_array_remove (world->rows[table], before);
  }
  return TRUE;
}

/* A last line without its end was never acknowledged and is cut off. */
static gboolean
read_lines (ScaleServer *server, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  gsize size;
  char *line, *end;

  if (!g_file_get_contents (path, &text, &size, error))
    return FALSE;
  for (line = text; (end = strchr (line, '\n')) != NULL; line = end + 1) {
    *end = 0;
    if (!read_line (server, line)) {
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no state file of this server: remove it", path);
      return FALSE;
    }
    *end = '\n';
  }
  return *line == 0 || g_file_set_contents (path, text, line - text, error);
}

gboolean
scale_state_open (ScaleServer *server, const char *path, GError **error)
{
  /* Rows of this run sort behind those of the runs before. */
  server->first_id = (guint64) g_get_real_time ();
  if (path == NULL)
    return TRUE;
  if (g_file_test (path, G_FILE_TEST_EXISTS) && !read_lines (server, path, error))
    return FALSE;
  server->state = fopen (path, "ae");
  if (server->state)
    return TRUE;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "%s cannot be written: %s", path,
      g_strerror (errno));
  return FALSE;
}
