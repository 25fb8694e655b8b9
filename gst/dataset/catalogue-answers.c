/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-answers.c: tasks that come back with their labels, page by page; when they were last asked for; and how many there
 * are of each kind. */
#include "catalogue-private.h"

/* ---- one answer ------------------------------------------------------------------------------------------------------ */

/* The frame that the task is of: as it is known now, or else as it was known before. Free it. */
static gchar *
frame_of (Catalogue *catalogue, const CatalogueTask *task)
{
  return task->frame ? g_strdup (task->frame)
      : catalogue_text (catalogue, "SELECT frame FROM task WHERE service = ? AND id = ?", "ss", task->service, task->id);
}

static CatalogueNovelty
novelty_of (Catalogue *catalogue, const CatalogueTask *task, const gchar *frame)
{
  gint64 same = catalogue_number (catalogue, -1, "SELECT json IS ?3 AND status IS ?4 AND frame IS ?5 AND unlinked IS ?6 FROM task "
      "WHERE service = ?1 AND id = ?2", "ssssss", task->service, task->id, task->json, task->status, frame,
      frame ? NULL : task->unlinked);

  return same < 0 ? CATALOGUE_NEW : same ? CATALOGUE_SAME : CATALOGUE_CHANGED;
}

/* fetched_at stays what it was: when the task was first heard of; so do project and batch where the answer names none. */
static gboolean
write_task (Catalogue *catalogue, const CatalogueTask *task, const gchar *frame, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO task (service, id, project, batch, unique_id, status, updated_at, frame, "
      "unlinked, json, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (service, id) DO UPDATE SET project = "
      "iif(excluded.project = '', project, excluded.project), batch = ifnull(excluded.batch, batch), unique_id = excluded.unique_id, status = excluded.status, "
      "updated_at = excluded.updated_at, frame = excluded.frame, unlinked = excluded.unlinked, json = excluded.json",
      "ssssssssssi", task->service, task->id, task->project, task->batch, task->unique_id, task->status, task->updated_at, frame,
      frame ? NULL : task->unlinked, task->json, g_get_real_time ());
}

/* Labels of the origin that are no longer said, of this frame and of the one that the task was linked to before. */
static gboolean
forget (Catalogue *catalogue, const CatalogueAnswer *answer, const gchar *frame, const gchar *before, GError **error)
{
  if (before && g_strcmp0 (before, frame) != 0
      && !catalogue_run (catalogue, error, "DELETE FROM label WHERE frame = ? AND origin = ?", "ss", before, answer->origin))
    return FALSE;
  if (frame && answer->n_labels == 0)
    return catalogue_run (catalogue, error, "DELETE FROM label WHERE frame = ? AND origin = ?", "ss", frame, answer->origin);
  return TRUE;
}

static gboolean
is_said (const CatalogueAnswer *answer, const gchar *task)
{
  for (guint i = 0; i < answer->n_labels; i++)
    if (g_str_equal (answer->labels[i].task, task))
      return TRUE;
  return FALSE;
}

/* The tasks of the labels that this origin has given the frame and gives no more; NULL where they cannot be read. */
static GPtrArray *
find_old (Catalogue *catalogue, const CatalogueAnswer *answer, const gchar *frame, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT task FROM label WHERE frame = ? AND origin = ?", "ss",
      frame, answer->origin);
  GPtrArray *old;
  int code;

  if (statement == NULL)
    return NULL;
  old = g_ptr_array_new_with_free_func (g_free);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    if (!is_said (answer, catalogue_column (statement, 0)))
      g_ptr_array_add (old, g_strdup (catalogue_column (statement, 0)));
  if (code != SQLITE_DONE) {
    catalogue_fail (catalogue, error);
    g_clear_pointer (&old, g_ptr_array_unref);
  }
  sqlite3_finalize (statement);
  return old;
}

static gboolean
write_labels (Catalogue *catalogue, const CatalogueAnswer *answer, const gchar *frame, GError **error)
{
  g_autoptr (GPtrArray) old = find_old (catalogue, answer, frame, error);

  if (old == NULL)
    return FALSE;
  for (guint i = 0; i < old->len; i++)
    if (!catalogue_run (catalogue, error, "DELETE FROM label WHERE frame = ? AND task = ? AND origin = ?", "sss", frame,
            old->pdata[i], answer->origin))
      return FALSE;
  for (guint i = 0; i < answer->n_labels; i++)
    if (!catalogue_run (catalogue, error, "INSERT INTO label (frame, task, value, origin, labeled_at) VALUES (?, ?, ?, ?, ?) ON "
            "CONFLICT (frame, task, origin) DO UPDATE SET value = excluded.value, labeled_at = excluded.labeled_at WHERE value != "
            "excluded.value", "ssssi", frame, answer->labels[i].task, answer->labels[i].value, answer->origin,
            g_get_real_time ()))
      return FALSE;
  return TRUE;
}

/* A download may have been made before what is known; but a time that has not come yet is none. */
static gboolean
is_outdated (Catalogue *catalogue, const CatalogueTask *task)
{
  g_autofree gchar *known = catalogue_text (catalogue, "SELECT updated_at FROM task WHERE service = ? AND id = ?", "ss",
      task->service, task->id);
  gint64 known_at, said_at;

  return known && task->updated_at && catalogue_parse_time (known, &known_at)
      && catalogue_parse_time (task->updated_at, &said_at) && said_at < known_at
      && known_at < g_get_real_time () + G_TIME_SPAN_DAY;
}

static gboolean
keep (Catalogue *catalogue, CatalogueAnswer *answer, GError **error)
{
  g_autofree gchar *before = catalogue_text (catalogue, "SELECT frame FROM task WHERE service = ? AND id = ?", "ss",
      answer->task.service, answer->task.id);
  g_autofree gchar *frame = frame_of (catalogue, &answer->task);
  int changes = sqlite3_total_changes (catalogue->db);

  answer->linked = frame != NULL;
  if ((before || frame == NULL) && is_outdated (catalogue, &answer->task)) {
    answer->novelty = CATALOGUE_SAME;
    answer->n_labels = 0;       /* none of it counts */
    return TRUE;
  }
  answer->novelty = novelty_of (catalogue, &answer->task, frame);
  if (answer->novelty != CATALOGUE_SAME && !write_task (catalogue, &answer->task, frame, error))
    return FALSE;
  if (!forget (catalogue, answer, frame, before, error) || (frame && !write_labels (catalogue, answer, frame, error)))
    return FALSE;
  if (answer->novelty == CATALOGUE_SAME && sqlite3_total_changes (catalogue->db) != changes)
    answer->novelty = CATALOGUE_CHANGED;        /* what is made of its answer */
  return TRUE;
}

gboolean
catalogue_keep_answers (Catalogue *catalogue, CatalogueAnswer *answers, guint n, GError **error)
{
  if (n == 0)
    return TRUE;
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!keep (catalogue, &answers[i], error)) {
      catalogue_rollback (catalogue);
      return FALSE;
    }
  return catalogue_commit (catalogue, error);
}

/* Not where an older version wrote and this one only reads. */
static gboolean
has_table (Catalogue *catalogue, const gchar *name)
{
  return catalogue_number (catalogue, 0, "SELECT count(*) FROM sqlite_schema WHERE name = ?", "s", name) > 0;
}

/* ---- when it was asked for --------------------------------------------------------------------------------------------- */

gboolean
catalogue_put_pull (Catalogue *catalogue, const CataloguePull *pull, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO pull (service, project, batch, seen_until, tasks, pulled_at) VALUES "
      "(?, ?, ifnull(?, ''), ?, ?, ?) ON CONFLICT (service, project, batch) DO UPDATE SET seen_until = excluded.seen_until, tasks "
      "= excluded.tasks, pulled_at = excluded.pulled_at", "sssiii", pull->service, pull->project, pull->batch, pull->seen_until,
      (gint64) pull->tasks, pull->pulled_at);
}

gint64
catalogue_pulled_until (Catalogue *catalogue, const CatalogueDestination *from, const gchar *batch)
{
  return catalogue_number (catalogue, 0, "SELECT seen_until FROM pull WHERE service = ? AND project = ? AND batch = ifnull(?, '')",
      "sss", from->service, from->project, batch);
}

gboolean
catalogue_each_pull (Catalogue *catalogue, void (*visit) (const CataloguePull *pull, gpointer data), gpointer data,
    GError **error)
{
  sqlite3_stmt *statement;
  int code;

  if (!has_table (catalogue, "pull"))
    return TRUE;
  statement = catalogue_prepare (catalogue, error, "SELECT service, project, nullif(batch, ''), seen_until, tasks, pulled_at FROM "
      "pull ORDER BY service, project, batch", "");
  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CataloguePull pull = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2),
      sqlite3_column_int64 (statement, 3), (guint64) sqlite3_column_int64 (statement, 4), sqlite3_column_int64 (statement, 5) };

    visit (&pull, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

/* ---- how many there are -------------------------------------------------------------------------------------------------- */

static gboolean
each_tally (Catalogue *catalogue, const gchar *table, const gchar *sql,
    void (*visit) (const CatalogueTally *tally, gpointer data), gpointer data, GError **error)
{
  sqlite3_stmt *statement;
  int code;

  if (!has_table (catalogue, table))
    return TRUE;
  statement = catalogue_prepare (catalogue, error, sql, "");
  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueTally tally = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2),
      catalogue_column (statement, 3), catalogue_column (statement, 4), (guint64) sqlite3_column_int64 (statement, 5) };

    visit (&tally, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_each_upload_tally (Catalogue *catalogue, void (*visit) (const CatalogueTally *tally, gpointer data), gpointer data,
    GError **error)
{
  return each_tally (catalogue, "upload", "SELECT service, project, state, ifnull(problem, iif(state = 'sent' AND service = "
      "'scale' AND attachment_url IS NULL, 'there before, and where is not known: no task can be made of it from here', NULL)), "
      "NULL, count(*) FROM upload GROUP BY 1, 2, 3, 4", visit, data, error);
}

#define TASK_TALLY(status) "SELECT service, project, " status ", iif(frame IS NULL, ifnull(unlinked, 'nobody knows why'), NULL), " \
    "iif(status IN ('refused', 'error') AND json_valid(json), iif(status = 'refused', json_extract(json, '$'), " \
    "json_extract(json, '$.response.error')), NULL), count(*) FROM task GROUP BY 1, 2, 3, 4, 5"

gboolean
catalogue_each_task_tally (Catalogue *catalogue, void (*visit) (const CatalogueTally *tally, gpointer data), gpointer data,
    GError **error)
{
  return each_tally (catalogue, "task", catalogue_is_current (catalogue) ? TASK_TALLY ("iif(retried_at IS NULL, status, 'retried')")
      : TASK_TALLY ("status"), visit, data, error);
}
