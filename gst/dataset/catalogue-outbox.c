/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-outbox.c: which frames are to be uploaded, which were, and what became of the attempts. */
#include "catalogue-private.h"

/* Of a SHA-256, in a reference: beyond any chance of two images sharing it. */
enum { SUM_DIGITS = 32 };

/* An image that was there before is uploaded once: the reference is the same. */
gboolean
catalogue_insert_upload (Catalogue *catalogue, const CatalogueDestination *to, const gchar *frame, const gchar *source,
    const gchar *sha256, gboolean *added, GError **error)
{
  g_autofree gchar *reference = g_strdup_printf ("%s:%s:%.*s", to->project, source, SUM_DIGITS, sha256);
  gint64 now = g_get_real_time ();

  if (!catalogue_run (catalogue, error, "INSERT INTO upload (frame, service, project, reference, state, next_attempt_at, "
          "created_at, updated_at) VALUES (?, ?, ?, ?, 'pending', ?, ?, ?) ON CONFLICT (service, project, reference) DO NOTHING",
          "ssssiii", frame, to->service, to->project, reference, now, now, now))
    return FALSE;
  *added = sqlite3_changes (catalogue->db) > 0;
  return TRUE;
}

static gint64
number_or_none (sqlite3_stmt *statement, int column)
{
  return sqlite3_column_type (statement, column) == SQLITE_NULL ? -1 : sqlite3_column_int64 (statement, column);
}

#define UPLOAD "SELECT upload.id, service, project, reference, frame.id, path, sha256, source.name, source.uri, captured_at, " \
    "utc_offset, media_sequence, pts, width, height, attempts, attachment_url FROM upload JOIN frame ON frame.id = upload.frame " \
    "JOIN source ON source.id = frame.source "

/* Takes the statement, which is of UPLOAD. */
static gboolean
visit_each (Catalogue *catalogue, sqlite3_stmt *statement, void (*visit) (const CatalogueUpload *upload, gpointer data),
    gpointer data, GError **error)
{
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueUpload upload = { sqlite3_column_int64 (statement, 0), catalogue_column (statement, 1),
      catalogue_column (statement, 2), catalogue_column (statement, 3), catalogue_column (statement, 4),
      catalogue_column (statement, 5), catalogue_column (statement, 6), catalogue_column (statement, 7),
      catalogue_column (statement, 8), sqlite3_column_int64 (statement, 9), sqlite3_column_int64 (statement, 10),
      number_or_none (statement, 11), number_or_none (statement, 12), sqlite3_column_int (statement, 13),
      sqlite3_column_int (statement, 14), (guint) sqlite3_column_int (statement, 15), catalogue_column (statement, 16) };

    visit (&upload, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_each_due (Catalogue *catalogue, const CatalogueDestination *to, gint64 now, guint most,
    void (*visit) (const CatalogueUpload *upload, gpointer data), gpointer data, GError **error)
{
  return visit_each (catalogue, catalogue_prepare (catalogue, error, UPLOAD "WHERE upload.state = 'pending' AND service = ? AND "
          "project = ? AND next_attempt_at <= ? ORDER BY next_attempt_at, upload.id LIMIT ?", "ssii", to->service, to->project,
          now, (gint64) most), visit, data, error);
}

gboolean
catalogue_each_without_task (Catalogue *catalogue, const CatalogueDestination *to, guint most,
    void (*visit) (const CatalogueUpload *upload, gpointer data), gpointer data, GError **error)
{
  return visit_each (catalogue, catalogue_prepare (catalogue, error, UPLOAD "WHERE awaits_task AND service = ? AND project = ? "
          "ORDER BY upload.id LIMIT ?", "ssi", to->service, to->project, (gint64) most), visit, data, error);
}

gboolean
catalogue_each_chosen (Catalogue *catalogue, const CatalogueDestination *to, guint most,
    void (*visit) (const CatalogueChosen *chosen, gpointer data), gpointer data, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT created_at, model_id, vector FROM (SELECT id, frame, "
      "created_at FROM upload WHERE service = ? AND project = ? ORDER BY id DESC LIMIT ?) AS last LEFT JOIN embedding ON "
      "embedding.frame = last.frame ORDER BY last.id", "ssi", to->service, to->project, (gint64) most);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueChosen chosen = { sqlite3_column_int64 (statement, 0), catalogue_column (statement, 1),
      sqlite3_column_blob (statement, 2), (gsize) sqlite3_column_bytes (statement, 2) };

    visit (&chosen, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_next_due (Catalogue *catalogue, const CatalogueDestination *to, gint64 now, gint64 *due, GError **error)
{
  *due = catalogue_number (catalogue, -1, "SELECT ifnull(min(next_attempt_at), ?1) FROM upload WHERE state = 'pending' AND "
      "next_attempt_at > ?2 AND service = ?3 AND project = ?4", "iiss", G_MAXINT64, now, to->service, to->project);
  return *due >= 0 || catalogue_fail (catalogue, error);
}

gboolean
catalogue_upload_sent (Catalogue *catalogue, gint64 upload, const gchar *attachment_url, const gchar *remote_id,
    GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE upload SET state = 'sent', attempts = attempts + 1, attachment_url = "
      "ifnull(?, attachment_url), remote_id = ifnull(?, remote_id), problem = NULL, updated_at = ? WHERE id = ?", "ssii",
      attachment_url, remote_id, g_get_real_time (), upload);
}

gboolean
catalogue_upload_put_off (Catalogue *catalogue, gint64 upload, gint64 next_attempt_at, const gchar *problem, GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE upload SET attempts = attempts + 1, next_attempt_at = ?, problem = ?, "
      "updated_at = ? WHERE id = ? AND state = 'pending'", "isii", next_attempt_at, problem, g_get_real_time (), upload);
}

gboolean
catalogue_upload_refused (Catalogue *catalogue, gint64 upload, const gchar *problem, GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE upload SET state = 'refused', attempts = attempts + 1, problem = ?, "
      "updated_at = ? WHERE id = ? AND state = 'pending'", "sii", problem, g_get_real_time (), upload);
}

gboolean
catalogue_hasten_uploads (Catalogue *catalogue, const CatalogueDestination *to, gint64 latest, GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE upload SET next_attempt_at = ?1 WHERE state = 'pending' AND next_attempt_at > ?1 "
      "AND service = ?2 AND project = ?3", "iss", latest, to->service, to->project);
}

gint
catalogue_retry_refused (Catalogue *catalogue, const CatalogueDestination *to, GError **error)
{
  gint64 now = g_get_real_time ();

  if (!catalogue_run (catalogue, error, "DELETE FROM task WHERE status = 'refused' AND service = ? AND project = ?", "ss",
          to->service, to->project)
      || !catalogue_run (catalogue, error, "UPDATE upload SET state = 'pending', next_attempt_at = ?, updated_at = ? WHERE state = "
          "'refused' AND service = ? AND project = ?", "iiss", now, now, to->service, to->project))
    return -1;
  return sqlite3_changes (catalogue->db);
}

gboolean
catalogue_count_uploads (Catalogue *catalogue, const CatalogueDestination *to, CatalogueUploadCounts *counts, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT total(state = 'pending'), total(state = 'sent'), "
      "total(state = 'refused') FROM upload WHERE service = ? AND project = ?", "ss", to->service, to->project);
  gboolean read;

  if (statement == NULL)
    return FALSE;
  read = sqlite3_step (statement) == SQLITE_ROW;
  if (read)
    *counts = (CatalogueUploadCounts) { (guint64) sqlite3_column_int64 (statement, 0),
      (guint64) sqlite3_column_int64 (statement, 1), (guint64) sqlite3_column_int64 (statement, 2) };
  else
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return read;
}
