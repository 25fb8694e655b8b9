/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-prune.c: which images have to go, and how they go: all rows in one transaction, then the files. What a crash in
 * between leaves of the files the next start deletes. */
#include "catalogue-private.h"

#include <errno.h>
#include <glib/gstdio.h>

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

/* Stored frames that nothing holds, oldest first. */
static GArray *
find_candidates (Catalogue *catalogue, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT id, path, bytes, captured_at FROM frame WHERE "
      "state = 'stored' AND NOT EXISTS (SELECT 1 FROM label WHERE frame = frame.id) ORDER BY captured_at, id", "");
  GArray *candidates;
  int code;

  if (statement == NULL)
    return NULL;
  candidates = g_array_new (FALSE, FALSE, sizeof (Candidate));
  g_array_set_clear_func (candidates, clear_candidate);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    Candidate candidate = { g_strdup ((const gchar *) sqlite3_column_text (statement, 0)),
      g_strdup ((const gchar *) sqlite3_column_text (statement, 1)), (guint64) sqlite3_column_int64 (statement, 2),
      sqlite3_column_int64 (statement, 3) };

    g_array_append_val (candidates, candidate);
  }
  if (code != SQLITE_DONE) {
    catalogue_fail (catalogue, error);
    g_clear_pointer (&candidates, g_array_unref);
  }
  sqlite3_finalize (statement);
  return candidates;
}

static gboolean
evict_rows (Catalogue *catalogue, const GArray *candidates, guint n, GError **error)
{
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  for (guint i = 0; i < n; i++) {
    if (!catalogue_run (catalogue, error, "UPDATE frame SET state = 'evicted' WHERE id = ?", "s",
            g_array_index (candidates, Candidate, i).id)) {
      catalogue_rollback (catalogue);
      return FALSE;
    }
  }
  return catalogue_commit (catalogue, error);
}

static void
delete_files (Catalogue *catalogue, const GArray *candidates, guint n)
{
  for (guint i = 0; i < n; i++) {
    g_autofree gchar *file = catalogue_path (catalogue, g_array_index (candidates, Candidate, i).path);

    if (g_unlink (file) != 0 && errno != ENOENT)
      g_warning ("%s cannot be deleted: %s", file, g_strerror (errno));
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

static gboolean
has_to_go (const Candidate *candidate, const CatalogueLimits *limits, const CatalogueCounts *left, gint64 now)
{
  return (limits->max_age && now - candidate->captured_at > limits->max_age)
      || (limits->max_frames && left->stored > limits->max_frames) || (limits->max_bytes && left->bytes > limits->max_bytes);
}

gint
catalogue_prune (Catalogue *catalogue, const CatalogueLimits *limits, gint64 now, gboolean dry_run, GError **error)
{
  CatalogueCounts left;
  GArray *candidates;
  guint n = 0;
  gboolean done = TRUE;

  if (!catalogue_count (catalogue, &left, error) || !(candidates = find_candidates (catalogue, error)))
    return -1;
  for (; n < candidates->len; n++) {
    const Candidate *candidate = &g_array_index (candidates, Candidate, n);

    if (!has_to_go (candidate, limits, &left, now))
      break;
    left.stored--;
    left.bytes -= candidate->bytes;
  }
  if (n > 0 && !dry_run)
    done = evict (catalogue, candidates, n, error);
  g_array_unref (candidates);
  return done ? (gint) n : -1;
}
