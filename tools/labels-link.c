/* SPDX-License-Identifier: LGPL-2.1-or-later
 * labels-link.c: gst-heads labels link: tasks from files that somebody downloaded from the dashboard. */
#include "labels.h"

#include "models/gh-json-tree.h"

#include <string.h>

/* A download of a hundred thousand tasks has less. */
#define MAX_FILE_BYTES (512 * 1024 * 1024)
/* Some programs begin a file with it. */
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static gboolean
is_task (JsonNode *node)
{
  return JSON_NODE_HOLDS_OBJECT (node) && json_object_has_member (json_node_get_object (node), "task_id");
}

/* Tasks of {"docs":[...]}, of a list, or the one task that it is; NULL: none of these. */
static JsonArray *
tasks_in (JsonNode *root)
{
  JsonArray *docs;

  if (JSON_NODE_HOLDS_ARRAY (root))
    return json_node_dup_array (root);
  if (!JSON_NODE_HOLDS_OBJECT (root))
    return NULL;
  docs = scale_json_array (json_node_get_object (root), "docs");
  if (docs)
    return json_array_ref (docs);
  if (!is_task (root))
    return NULL;
  docs = json_array_new ();
  json_array_add_element (docs, json_node_copy (root));
  return docs;
}

/* Adds the tasks of one line. FALSE: words are out. */
static gboolean
read_line (const char *file, guint number, const char *line, gsize size, JsonArray *tasks)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gh_json_tree_parse (line, size, &error);

  if (node && is_task (node)) {
    json_array_add_element (tasks, g_steal_pointer (&node));
    return TRUE;
  }
  gh_tool_fail (0, "%s:%u: %s", file, number, error ? "this is no JSON" : "this is no task: it has no task_id");
  return FALSE;
}

/* One object a line. *bad counts the lines that are none. */
static JsonArray *
read_lines (const char *file, const char *text, gsize size, guint *bad)
{
  JsonArray *tasks = json_array_new ();
  guint number = 0;

  for (const char *at = text, *end; at < text + size && *bad < 10; at = end + 1) {
    gsize blank;

    end = memchr (at, '\n', size - (gsize) (at - text));
    if (end == NULL)
      end = text + size;
    number++;
    for (blank = 0; at + blank < end && g_ascii_isspace (at[blank]); blank++) { /* an empty line is none */
    }
    if (at + blank < end && !read_line (file, number, at, (gsize) (end - at), tasks))
      (*bad)++;
  }
  return tasks;
}

/* By the first bytes: lines of objects begin with one that ends within its line. */
static gboolean
is_lines (const char *text, gsize size)
{
  const char *end = memchr (text, '\n', size);
  g_autoptr (JsonNode) first = end ? gh_json_tree_parse (text, (gsize) (end - text), NULL) : NULL;

  return first && is_task (first);
}

static JsonArray *
parse (const char *file, const char *text, gsize size, guint *bad)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = NULL;
  JsonArray *tasks;

  if (is_lines (text, size))
    return read_lines (file, text, size, bad);
  root = gh_json_tree_parse (text, size, &error);
  tasks = root ? tasks_in (root) : NULL;
  if (tasks)
    return tasks;
  (*bad)++;
  if (error) {
    for (char *at = error->message; *at; at++)
      if (g_ascii_iscntrl (*at))
        *at = ' ';
    gh_tool_fail (0, "%s is no JSON: %.200s", file, error->message);
  } else
    gh_tool_fail (0, "%s holds no tasks: it is neither a list of them, nor {\"docs\":[...]}, nor one a line", file);
  return NULL;
}

/* Whether all of the file could be read. *broken: the catalogue takes no more. */
static gboolean
link_file (LabelsKeep *keep, const char *file, gboolean *broken)
{
  g_autoptr (GError) error = NULL;
  gboolean regular = g_file_test (file, G_FILE_TEST_IS_REGULAR) || !g_file_test (file, G_FILE_TEST_EXISTS);
  g_autoptr (GMappedFile) mapped = regular ? g_mapped_file_new (file, FALSE, &error) : NULL;
  g_autoptr (JsonArray) tasks = NULL;
  gsize size = mapped ? g_mapped_file_get_length (mapped) : 0, mark;
  const char *text = size ? g_mapped_file_get_contents (mapped) : NULL;
  guint bad = 0;

  if (mapped == NULL || size == 0 || size > MAX_FILE_BYTES) {
    gh_tool_fail (0, "%s cannot be read: %s", file, error ? error->message : !regular ? "it is no file" : size
        ? "it is too large, split it" : "it is empty");
    return FALSE;
  }
  mark = size >= strlen (BYTE_ORDER_MARK) && memcmp (text, BYTE_ORDER_MARK, strlen (BYTE_ORDER_MARK)) == 0
      ? strlen (BYTE_ORDER_MARK) : 0;
  tasks = parse (file, text + mark, size - mark, &bad);
  *broken = tasks && !gh_labels_keep_tasks (keep, tasks, &error);
  if (*broken)
    gh_tool_fail (0, "%s: %s", file, error->message);
  return bad == 0 && !*broken;
}

int
gh_labels_link (const char *folder, char **files, const LabelsOptions *options)
{
  int status = GH_EXIT_OK, worth;
  g_autoptr (LabelsKeep) keep = gh_labels_keep_new (folder, options->project, options->counts, &status);
  gboolean broken = FALSE, all = TRUE;

  if (keep == NULL)
    return status;
  for (; *files && !broken; files++)
    if (!link_file (keep, *files, &broken))
      all = FALSE;
  worth = gh_labels_keep_report (keep, options->json);
  return all ? worth : GH_EXIT_FAILED;
}
