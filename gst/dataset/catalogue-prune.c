/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-prune.c: which images have to go, and how they go: all rows in one transaction, then the files. What a crash in
 * between leaves of the files the next start deletes. */
#include "catalogue-private.h"

#include <errno.h>
#include <glib/gstdio.h>

/* Projects whose frames get tasks, and their cap leaves room for more. */
#define MAKE_TASKS "SELECT service, project FROM task_limit WHERE most > (SELECT count(*) FROM task WHERE task.service = " \
    "task_limit.service AND task.project = task_limit.project AND frame NOT NULL AND status != 'refused' AND retried_at IS NULL)"

/* Labels, and uploads and tasks that something is still to come of, hold a frame. */
#define IS_FREE(frame) "NOT EXISTS (SELECT 1 FROM label WHERE label.frame = " frame ") AND NOT EXISTS (SELECT 1 FROM upload WHERE " \
    "upload.frame = " frame " AND (upload.state = 'pending' OR (awaits_task AND (service, project) IN (" MAKE_TASKS ")))) AND NOT EXISTS (SELECT 1 FROM task WHERE task.frame = " frame " AND " \
    "task.status = 'pending')"

/* On a full disk not even a transaction fits; so many files make room for it. */
enum { ROOM_FILES = 8 };

typedef struct {
  gchar *id, *path;
  guint64 bytes;
  gint64 captured_at;
} Candidate;

static void
clear_candidate (gpointer data)
{
  Candidate *candidate = data;

  g_free (candidate->id);
  g_free (candidate->path);
}

static gboolean
has_to_go (const Candidate *candidate, const CatalogueLimits *limits, const CatalogueCounts *left, gint64 now)
{
  return (limits->max_age && now - candidate->captured_at > limits->max_age)
      || (limits->max_frames && left->stored > limits->max_frames) || (limits->max_bytes && left->bytes > limits->max_bytes);
}

/* The oldest stored frames that nothing holds, as many as have to go. */
static GArray *
find_candidates (Catalogue *catalogue, const CatalogueLimits *limits, gint64 now, GError **error)
{
  GArray *candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  sqlite3_stmt *statement = NULL;
  CatalogueCounts left = { 0 };
  int code = SQLITE_ERROR;

  g_array_set_clear_func (candidates, clear_candidate);
  /* All rows are counted, where the age alone needs to look at the oldest. */
  if ((limits->max_frames == 0 && limits->max_bytes == 0) || catalogue_count (catalogue, &left, error))
    statement = catalogue_prepare (catalogue, error, "SELECT id, path, bytes, captured_at FROM frame WHERE state = 'stored' AND "
        IS_FREE ("frame.id") " ORDER BY captured_at, id", "");
  while (statement && (code = sqlite3_step (statement)) == SQLITE_ROW) {
    Candidate candidate = { NULL, NULL, (guint64) sqlite3_column_int64 (statement, 2), sqlite3_column_int64 (statement, 3) };

    if (!has_to_go (&candidate, limits, &left, now))
      break;
    candidate.id = g_strdup ((const gchar *) sqlite3_column_text (statement, 0));
    candidate.path = g_strdup ((const gchar *) sqlite3_column_text (statement, 1));
    g_array_append_val (candidates, candidate);
    left.stored--;
    left.bytes -= candidate.bytes;
  }
  if (statement && code != SQLITE_DONE && code != SQLITE_ROW)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  if (code != SQLITE_DONE && code != SQLITE_ROW)
    g_clear_pointer (&candidates, g_array_unref);
  return candidates;
}

static gboolean
evict_rows (Catalogue *catalogue, const GArray *candidates, guint n, GError **error)
{
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    Candidate *candidate = &g_array_index (candidates, Candidate, i);

    if (!catalogue_run (catalogue, error, "UPDATE frame SET state = 'evicted' WHERE id = ?1 AND " IS_FREE ("?1"), "s",
            candidate->id)) {
      catalogue_rollback (catalogue);
      return FALSE;
    }
    if (sqlite3_changes (catalogue->db) == 0)   /* another process holds it since */
      g_clear_pointer (&candidate->path, g_free);
  }
  return catalogue_commit (catalogue, error);
}

static void
delete_files (Catalogue *catalogue, const GArray *candidates, guint n)
{
  for (guint i = 0; i < n; i++) {
    const Candidate *candidate = &g_array_index (candidates, Candidate, i);
    g_autofree gchar *file = candidate->path ? catalogue_path (catalogue, candidate->path) : NULL;

    if (file && g_unlink (file) != 0 && errno != ENOENT)
      g_warning ("%s cannot be deleted: %s", file, g_strerror (errno));
    catalogue_tell (catalogue, i + 1, n, NULL); /* their rows are gone: there is no stopping here */
  }
}

static gboolean
evict (Catalogue *catalogue, const GArray *candidates, guint n, GError **error)
{
  GError *problem = NULL;
  gboolean done = evict_rows (catalogue, candidates, n, &problem);

  if (g_error_matches (problem, CATALOGUE_ERROR, CATALOGUE_ERROR_FULL)) {
    g_clear_error (&problem);
    delete_files (catalogue, candidates, MIN (n, ROOM_FILES));
    done = evict_rows (catalogue, candidates, n, &problem);
  }
  if (done)
    delete_files (catalogue, candidates, n);
  else
    g_propagate_error (error, problem);
  return done;
}

gint
catalogue_prune (Catalogue *catalogue, const CatalogueLimits *limits, gint64 now, gboolean dry_run, GError **error)
{
  GArray *candidates = find_candidates (catalogue, limits, now, error);
  gint n = -1;

  if (candidates == NULL)
    return -1;
  if (candidates->len == 0 || dry_run || evict (catalogue, candidates, candidates->len, error))
    n = (gint) candidates->len;
  g_array_unref (candidates);
  return n;
}
