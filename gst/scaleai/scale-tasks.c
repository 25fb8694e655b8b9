/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-tasks.c: see scale-tasks.h. */
#include "scale-tasks.h"

#include "scale-labels.h"

#include <string.h>

G_DEFINE_QUARK (scale-tasks-error-quark, scale_tasks_error)

/* The most that the service gives. */
enum { PAGE = 100 };
/* A token goes back in an address. */
enum { MAX_TOKEN_BYTES = 4096 };

typedef struct {
  GHashTable *tokens, *ids;     /* of the pages before */
  gchar *token;                 /* of the next page; NULL: none */
} Paging;

static void
append_parameter (GString *path, const gchar *name, const gchar *value)
{
  g_autofree gchar *escaped = value ? g_uri_escape_string (value, NULL, FALSE) : NULL;

  if (escaped)
    g_string_append_printf (path, "&%s=%s", name, escaped);
}

static gchar *
path_of (const ScaleTasksQuery *query, const gchar *token)
{
  GString *path = g_string_new (NULL);
  g_autoptr (GDateTime) after = query->updated_after > 0
      ? g_date_time_new_from_unix_utc (query->updated_after / G_USEC_PER_SEC) : NULL;
  g_autofree gchar *time = after ? g_date_time_format (after, "%Y-%m-%dT%H:%M:%S.000Z") : NULL;

  g_string_printf (path, "/tasks?limit=%d", PAGE);
  append_parameter (path, "project", query->project);
  append_parameter (path, "batch", query->batch);
  append_parameter (path, "status", query->status);
  append_parameter (path, "updated_after", time);
  append_parameter (path, "next_token", token);
  return g_string_free (path, FALSE);
}

static gboolean
fail (ScaleTasksError code, const gchar *words, GError **error)
{
  g_set_error_literal (error, SCALE_TASKS_ERROR, code, words);
  return FALSE;
}

static gboolean
is_good (const ScaleReply *reply, GCancellable *cancellable, GError **error)
{
  if (g_cancellable_is_cancelled (cancellable))
    return fail (SCALE_TASKS_ERROR_STOPPED, "stopped", error);
  switch (reply->verdict) {
    case SCALE_OK:
      return TRUE;
    case SCALE_RETRY:
      return fail (SCALE_TASKS_ERROR_UNREACHABLE, reply->problem, error);
    case SCALE_HALT:
    case SCALE_REFUSED:
      return fail (SCALE_TASKS_ERROR_REFUSED, reply->problem, error);
    default:
      return fail (SCALE_TASKS_ERROR_NONSENSE, reply->problem, error);
  }
}

static JsonObject *
answer_of (const ScaleReply *reply)
{
  return reply->json && JSON_NODE_HOLDS_OBJECT (reply->json) ? json_node_get_object (reply->json) : NULL;
}

/* The docs, or NULL with an error. Borrowed from the reply. */
static JsonArray *
docs_of (const ScaleReply *reply, guint64 *total, GError **error)
{
  JsonObject *answer = answer_of (reply);
  JsonNode *number = answer ? json_object_get_member (answer, "total") : NULL;
  JsonArray *docs = answer ? scale_json_array (answer, "docs") : NULL;

  if (docs == NULL) {
    fail (SCALE_TASKS_ERROR_NONSENSE, "the service's answer holds no list of tasks (docs): is base-url the labeling API?", error);
    return NULL;
  }
  *total = number && JSON_NODE_HOLDS_VALUE (number) && json_node_get_value_type (number) == G_TYPE_INT64
      ? (guint64) MAX (0, json_node_get_int (number)) : 0;
  return docs;
}

/* Of the next page, NULL when this is the last one. Both of what says so have to agree. */
static gboolean
read_token (const ScaleReply *reply, Paging *paging, GError **error)
{
  JsonObject *answer = json_node_get_object (reply->json);
  JsonNode *node = json_object_get_member (answer, "has_more");
  const gchar *next = scale_json_string (answer, "next_token");
  gboolean said = node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN;
  gboolean more = said ? json_node_get_boolean (node) : next && *next;

  g_clear_pointer (&paging->token, g_free);
  if (!more)
    return TRUE;
  if (next == NULL || *next == 0)
    return fail (SCALE_TASKS_ERROR_NONSENSE, "the service says that there are more tasks (has_more), but not where "
        "(next_token)", error);
  if (strlen (next) > MAX_TOKEN_BYTES)
    return fail (SCALE_TASKS_ERROR_NONSENSE, "the service's next_token is longer than any address", error);
  if (!g_hash_table_add (paging->tokens, g_strdup (next)))
    return fail (SCALE_TASKS_ERROR_NONSENSE, "the service gives the same page again and again (next_token repeats)", error);
  paging->token = g_strdup (next);
  return TRUE;
}

/* Adds the ids of the page to those of the pages before; whether any is new. */
static gboolean
brings_more (JsonArray *docs, GHashTable *ids)
{
  gboolean more = FALSE;

  for (guint i = 0; i < json_array_get_length (docs); i++) {
    JsonNode *node = json_array_get_element (docs, i);
    const gchar *id = JSON_NODE_HOLDS_OBJECT (node) ? scale_json_string (json_node_get_object (node), "task_id") : NULL;

    if (id && g_hash_table_add (ids, g_strdup (id)))
      more = TRUE;
  }
  return more;
}

static gboolean
read_page (const ScaleReply *reply, Paging *paging, ScaleTasksVisit visit, gpointer data, GError **error)
{
  guint64 total;
  JsonArray *docs = docs_of (reply, &total, error);
  gboolean more;

  if (docs == NULL)
    return FALSE;
  more = brings_more (docs, paging->ids);
  if (!visit (docs, total, data))
    return fail (SCALE_TASKS_ERROR_STOPPED, "stopped", error);
  if (!read_token (reply, paging, error))
    return FALSE;
  return paging->token == NULL || more
      || fail (SCALE_TASKS_ERROR_NONSENSE, "the service gives pages without a new task, and always one more", error);
}

static GHashTable *
new_set (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

gboolean
scale_tasks_each_page (ScaleApi *api, const ScaleTasksQuery *query, GCancellable *cancellable, ScaleTasksVisit visit,
    gpointer data, GError **error)
{
  Paging paging = { new_set (), new_set (), NULL };
  gboolean good;

  do {
    g_autofree gchar *path = path_of (query, paging.token);
    ScaleReply reply;

    scale_api_call_patiently (api, "GET", path, NULL, NULL, query->attempts, cancellable, &reply);
    good = is_good (&reply, cancellable, error) && read_page (&reply, &paging, visit, data, error);
    scale_reply_clear (&reply);
  } while (good && paging.token);
  g_hash_table_unref (paging.tokens);
  g_hash_table_unref (paging.ids);
  g_free (paging.token);
  return good;
}

gboolean
scale_tasks_first (const ScaleReply *reply, JsonObject **task)
{
  JsonObject *answer = answer_of (reply);
  JsonArray *docs = answer ? scale_json_array (answer, "docs") : NULL;
  JsonNode *node = docs && json_array_get_length (docs) > 0 ? json_array_get_element (docs, 0) : NULL;

  *task = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  return docs != NULL;
}
