/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-schema.c: the tables, version by version. A version that was released is never changed; the next one is added. */
#include "catalogue-private.h"

/* "ghct" */
#define APPLICATION_ID 0x67686374

/* What is to be said anew of the uploads of a frame once something of it has changed. which: tasks that count. */
#define AWAITS(which) "EXISTS (SELECT 1 FROM frame WHERE frame.id = upload.frame AND frame.state = 'stored') AND upload.state = " \
    "'sent' AND upload.attachment_url NOT NULL AND NOT EXISTS (SELECT 1 FROM task WHERE task.frame = upload.frame AND " \
    "task.service = upload.service AND task.project = upload.project" which ")"
#define SAY_AGAIN(which, of) "UPDATE upload SET awaits_task = (" AWAITS (which) ") WHERE frame IN (" of ") AND awaits_task != (" \
    AWAITS (which) ");"
#define ON(name, event, which, of) "CREATE TRIGGER " name " AFTER " event " BEGIN " SAY_AGAIN (which, of) " END;"
#define TRIGGERS(which, task_columns) \
    ON ("upload_changes", "UPDATE OF state, attachment_url ON upload", which, "new.frame") \
    ON ("frame_changes", "UPDATE OF state ON frame", which, "new.id") \
    ON ("task_comes", "INSERT ON task WHEN new.frame NOT NULL", which, "new.frame") \
    ON ("task_changes", "UPDATE OF " task_columns " ON task", which, "old.frame, new.frame") \
    ON ("task_goes", "DELETE ON task WHEN old.frame NOT NULL", which, "old.frame")

static const gchar *const versions[] = {
  "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uri TEXT);"
  "CREATE TABLE frame (id TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), path TEXT NOT NULL UNIQUE,"
  "  sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, captured_at INTEGER NOT NULL, received_at INTEGER NOT NULL,"
  "  utc_offset INTEGER NOT NULL, media_sequence INTEGER, pts INTEGER, width INTEGER NOT NULL, height INTEGER NOT NULL,"
  "  clock_suspect INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('stored', 'evicted', 'missing')),"
  "  UNIQUE (source, sha256, captured_at)) WITHOUT ROWID;"
  "CREATE INDEX frame_by_time ON frame (state, captured_at);"
  "CREATE TABLE outage (id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), began_at INTEGER NOT NULL,"
  "  ended_at INTEGER, reason TEXT NOT NULL, detail TEXT);"
  "CREATE TABLE label (frame TEXT NOT NULL REFERENCES frame (id), task TEXT NOT NULL, value TEXT NOT NULL,"
  "  origin TEXT NOT NULL, labeled_at INTEGER NOT NULL, PRIMARY KEY (frame, task, origin)) WITHOUT ROWID;"
  "CREATE TABLE prediction (frame TEXT NOT NULL REFERENCES frame (id), head TEXT NOT NULL, kind TEXT, value REAL, text TEXT,"
  "  head_id TEXT, PRIMARY KEY (frame, head)) WITHOUT ROWID;"
  "CREATE TABLE embedding (frame TEXT NOT NULL REFERENCES frame (id), model_id TEXT NOT NULL, vector BLOB NOT NULL,"
  "  PRIMARY KEY (frame, model_id)) WITHOUT ROWID;",

  "CREATE TABLE upload (id INTEGER PRIMARY KEY, frame TEXT NOT NULL REFERENCES frame (id), service TEXT NOT NULL,"
  "  project TEXT NOT NULL, reference TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'refused')),"
  "  attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at INTEGER NOT NULL, attachment_url TEXT, remote_id TEXT,"
  "  problem TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (service, project, reference));"
  "CREATE INDEX upload_due ON upload (state, next_attempt_at);"
  "CREATE INDEX upload_of_frame ON upload (frame);"
  "CREATE INDEX upload_by_url ON upload (attachment_url);"
  "CREATE TABLE task (service TEXT NOT NULL, id TEXT NOT NULL, project TEXT NOT NULL, batch TEXT, unique_id TEXT,"
  "  status TEXT NOT NULL, updated_at TEXT, frame TEXT REFERENCES frame (id), unlinked TEXT, json TEXT NOT NULL,"
  "  fetched_at INTEGER NOT NULL, PRIMARY KEY (service, id)) WITHOUT ROWID;"
  "CREATE INDEX task_of_frame ON task (frame);",

  "CREATE TABLE pull (service TEXT NOT NULL, project TEXT NOT NULL, batch TEXT NOT NULL, seen_until INTEGER NOT NULL,"
  "  tasks INTEGER NOT NULL, pulled_at INTEGER NOT NULL, PRIMARY KEY (service, project, batch)) WITHOUT ROWID;",

  "CREATE TABLE task_limit (service TEXT NOT NULL, project TEXT NOT NULL, most INTEGER NOT NULL,"
  "  PRIMARY KEY (service, project)) WITHOUT ROWID;",

  /* The next frame that is to become a task is looked for among those alone, however many were sent. */
  "ALTER TABLE upload ADD COLUMN awaits_task INTEGER NOT NULL DEFAULT 0;"
  "UPDATE upload SET awaits_task = 1 WHERE " AWAITS ("") ";"
  "CREATE INDEX upload_awaits_task ON upload (service, project, id) WHERE awaits_task;"
  "CREATE INDEX task_by_status ON task (service, project, status, frame);"
  TRIGGERS ("", "frame, project"),

  /* A task that ended in an error, and whose frame may have another. */
  "ALTER TABLE task ADD COLUMN retried_at INTEGER;"
  "DROP INDEX task_by_status; CREATE INDEX task_by_status ON task (service, project, status, retried_at, frame);"
  "DROP TRIGGER upload_changes; DROP TRIGGER frame_changes; DROP TRIGGER task_comes; DROP TRIGGER task_changes;"
  "DROP TRIGGER task_goes;"
  TRIGGERS (" AND task.retried_at IS NULL", "frame, project, retried_at"),
};

gboolean
catalogue_check_version (Catalogue *catalogue, GError **error)
{
  gint64 id = catalogue_number (catalogue, -1, "PRAGMA application_id", "");
  gint64 version = catalogue_number (catalogue, -1, "PRAGMA user_version", "");
  gboolean empty = id == 0 && version == 0 && catalogue_number (catalogue, -1, "SELECT count(*) FROM sqlite_schema", "") == 0;

  if (id < 0 || version < 0) {
    int code = sqlite3_errcode (catalogue->db) & 0xff;

    g_set_error (error, CATALOGUE_ERROR, code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? CATALOGUE_ERROR_CORRUPT
        : CATALOGUE_ERROR_OPEN, code == SQLITE_NOTADB ? "%s is no SQLite database: %s" : "%s cannot be read: %s", catalogue->file,
        sqlite3_errmsg (catalogue->db));
    return FALSE;
  }
  if (!empty && id != APPLICATION_ID) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s is the database of another program", catalogue->file);
    return FALSE;
  }
  if (version > (gint64) G_N_ELEMENTS (versions)) {
    g_set_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN, "%s was written by a newer gst-heads (version %d, this one knows "
        "%d): update this one", catalogue->file, (int) version, (int) G_N_ELEMENTS (versions));
    return FALSE;
  }
  return TRUE;
}

/* All in one transaction with its number, so that it is there or it is not. */
static gboolean
apply (Catalogue *catalogue, guint version, GError **error)
{
  g_autofree gchar *sql = g_strdup_printf ("BEGIN IMMEDIATE; %s PRAGMA application_id = %d; PRAGMA user_version = %u; COMMIT;",
      versions[version], APPLICATION_ID, version + 1);

  if (sqlite3_exec (catalogue->db, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  catalogue_fail (catalogue, error);
  catalogue_rollback (catalogue);
  return FALSE;
}

gboolean
catalogue_is_current (Catalogue *catalogue)
{
  return catalogue_number (catalogue, 0, "PRAGMA user_version", "") == G_N_ELEMENTS (versions);
}

gboolean
catalogue_migrate (Catalogue *catalogue, GError **error)
{
  gint64 version = catalogue_number (catalogue, 0, "PRAGMA user_version", "");

  for (guint i = (guint) version; i < G_N_ELEMENTS (versions); i++)
    if (!apply (catalogue, i, error))
      return FALSE;
  return TRUE;
}
