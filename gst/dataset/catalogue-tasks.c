/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-tasks.c: what a labeling service says of its tasks, and which frame each is of. */
#include "catalogue-private.h"

/* Not over what was heard of it later, by a pull in another process. But one that is still there is not retried: its frame has no
 * other, and would get none. */
gboolean
catalogue_put_task (Catalogue *catalogue, const CatalogueTask *task, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO task (service, id, project, batch, unique_id, status, updated_at, frame, "
      "unlinked, json, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (service, id) DO UPDATE SET project = "
      "excluded.project, batch = excluded.batch, unique_id = excluded.unique_id, status = excluded.status, updated_at = "
      "excluded.updated_at, frame = excluded.frame, unlinked = excluded.unlinked, json = excluded.json, fetched_at = "
      "excluded.fetched_at WHERE ifnull(excluded.updated_at >= task.updated_at, 1)", "ssssssssssi", task->service,
      task->id, task->project, task->batch, task->unique_id, task->status, task->updated_at, task->frame, task->unlinked,
      task->json, g_get_real_time ())
      && catalogue_run (catalogue, error, "UPDATE task SET retried_at = NULL WHERE service = ? AND id = ? AND retried_at NOT NULL",
      "ss", task->service, task->id);
}

gboolean
catalogue_each_task (Catalogue *catalogue, const gchar *service, const gchar *project,
    void (*visit) (const CatalogueTask *task, gpointer data), gpointer data, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT service, id, project, batch, unique_id, status, "
      "updated_at, frame, unlinked, json FROM task WHERE service = ? AND project = ? ORDER BY updated_at, id", "ss", service,
      project);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    const gchar *text[10];

    for (int i = 0; i < 10; i++)
      text[i] = catalogue_column (statement, i);
    visit (&(CatalogueTask) { text[0], text[1], text[2], text[3], text[4], text[5], text[6], text[7], text[8], text[9] },
        data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_limit_tasks (Catalogue *catalogue, const CatalogueDestination *to, guint64 most, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO task_limit (service, project, most) SELECT ?1, ?2, ?3 WHERE ?3 > 0 OR EXISTS "
      "(SELECT 1 FROM task_limit WHERE service = ?1 AND project = ?2) ON CONFLICT (service, project) DO UPDATE SET most = ?3 "
      "WHERE most != ?3", "ssi", to->service, to->project, (gint64) most);
}

gint
catalogue_retry_errors (Catalogue *catalogue, const CatalogueDestination *to, GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE task SET retried_at = ? WHERE status = 'error' AND retried_at IS NULL AND frame NOT "
      "NULL AND service = ? AND project = ?", "iss", g_get_real_time (), to->service, to->project)
      ? sqlite3_changes (catalogue->db) : -1;
}

gboolean
catalogue_count_tasks (Catalogue *catalogue, const CatalogueDestination *to, CatalogueTaskCounts *counts, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT (SELECT most FROM task_limit WHERE service = ?1 AND "
      "project = ?2), total(status != 'refused' AND retried_at IS NULL), total(status = 'refused'), (SELECT count(*) FROM upload WHERE "
      "awaits_task AND service = ?1 AND project = ?2) FROM task WHERE service = ?1 AND project = ?2 AND frame NOT NULL", "ss",
      to->service, to->project);
  gboolean read = statement && sqlite3_step (statement) == SQLITE_ROW;

  if (read)
    *counts = (CatalogueTaskCounts) { to->service, to->project, (guint64) sqlite3_column_int64 (statement, 0),
      (guint64) sqlite3_column_int64 (statement, 1), (guint64) sqlite3_column_int64 (statement, 2),
      (guint64) sqlite3_column_int64 (statement, 3) };
  else if (statement)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return read;
}

gboolean
catalogue_each_task_limit (Catalogue *catalogue, void (*visit) (const CatalogueTaskCounts *counts, gpointer data), gpointer data,
    GError **error)
{
  sqlite3_stmt *statement;
  int code;

  if (!catalogue_is_current (catalogue))        /* an older version wrote, and this one only reads */
    return TRUE;
  statement = catalogue_prepare (catalogue, error, "SELECT service, project FROM task_limit ORDER BY service, project", "");
  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueDestination to = { catalogue_column (statement, 0), catalogue_column (statement, 1) };
    CatalogueTaskCounts counts;

    if (!catalogue_count_tasks (catalogue, &to, &counts, error))
      break;
    visit (&counts, data);
  }
  if (code != SQLITE_DONE && code != SQLITE_ROW)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_last_batch (Catalogue *catalogue, const CatalogueDestination *to, const gchar *prefix, gchar **batch, guint *tasks,
    GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT batch, (SELECT count(*) FROM task AS one WHERE "
      "one.service = ?1 AND one.project = ?2 AND one.batch = task.batch) FROM task WHERE service = ?1 AND project = ?2 AND "
      "frame NOT NULL AND substr (batch, 1, length (?3)) = ?3 ORDER BY fetched_at DESC LIMIT 1", "sss", to->service,
      to->project, prefix);
  int code = statement ? sqlite3_step (statement) : SQLITE_ERROR;

  *batch = code == SQLITE_ROW ? g_strdup (catalogue_column (statement, 0)) : NULL;
  *tasks = code == SQLITE_ROW ? (guint) sqlite3_column_int (statement, 1) : 0;
  if (statement && code != SQLITE_ROW && code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

gchar *
catalogue_frame_by_path (Catalogue *catalogue, const gchar *path, const gchar *sha256)
{
  return catalogue_text (catalogue, "SELECT id FROM frame WHERE path = ?1 AND sha256 = ifnull(?2, sha256)", "ss", path, sha256);
}

gchar *
catalogue_frame_by_reference (Catalogue *catalogue, const gchar *service, const gchar *reference)
{
  return catalogue_text (catalogue, "SELECT frame FROM upload WHERE service = ? AND reference = ?", "ss", service, reference);
}

gchar *
catalogue_frame_by_url (Catalogue *catalogue, const gchar *attachment_url)
{
  return catalogue_text (catalogue, "SELECT frame FROM upload WHERE attachment_url = ?", "s", attachment_url);
}
