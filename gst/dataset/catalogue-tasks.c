/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-tasks.c: what a labeling service says of its tasks, and which frame each is of. */
#include "catalogue-private.h"

/* Not over what was heard of it later, by a pull in another process. */
gboolean
catalogue_put_task (Catalogue *catalogue, const CatalogueTask *task, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO task (service, id, project, batch, unique_id, status, updated_at, frame, "
      "unlinked, json, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (service, id) DO UPDATE SET project = "
      "excluded.project, batch = excluded.batch, unique_id = excluded.unique_id, status = excluded.status, updated_at = "
      "excluded.updated_at, frame = excluded.frame, unlinked = excluded.unlinked, json = excluded.json, fetched_at = "
      "excluded.fetched_at WHERE ifnull(excluded.updated_at >= task.updated_at, 1)", "ssssssssssi", task->service, task->id, task->project, task->batch, task->unique_id, task->status,
      task->updated_at, task->frame, task->unlinked, task->json, g_get_real_time ());
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
    CatalogueTask task = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2), catalogue_column (statement, 3),
      catalogue_column (statement, 4), catalogue_column (statement, 5), catalogue_column (statement, 6), catalogue_column (statement, 7), catalogue_column (statement, 8),
      catalogue_column (statement, 9) };

    visit (&task, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_count_tasks (Catalogue *catalogue, const CatalogueDestination *to, guint64 *tasks, GError **error)
{
  gint64 n = catalogue_number (catalogue, -1, "SELECT count(*) FROM task WHERE service = ? AND project = ? AND frame NOT NULL "
      "AND status != 'refused'", "ss", to->service, to->project);

  if (n < 0) {
    catalogue_fail (catalogue, error);
    return FALSE;
  }
  *tasks = (guint64) n;
  return TRUE;
}

gchar *
catalogue_last_batch (Catalogue *catalogue, const CatalogueDestination *to, const gchar *prefix, guint *tasks)
{
  gchar *batch = catalogue_text (catalogue, "SELECT batch FROM task WHERE service = ?1 AND project = ?2 AND frame NOT NULL AND "
      "substr (batch, 1, length (?3)) = ?3 ORDER BY fetched_at DESC LIMIT 1", "sss", to->service, to->project, prefix);

  *tasks = (guint) catalogue_number (catalogue, 0, "SELECT count(*) FROM task WHERE service = ? AND project = ? AND batch = ?",
      "sss", to->service, to->project, batch);
  return batch;
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
