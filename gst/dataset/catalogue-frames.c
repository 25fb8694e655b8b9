/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-frames.c: frames, their labels, predictions and embeddings, and outages, in and out. */
#include "catalogue-private.h"

#include <glib/gstdio.h>
#include <string.h>

enum { LABELS_AT_ONCE = 1000 };

#define LABELS_OF_FRAME "SELECT task, value, origin FROM label WHERE frame = ? ORDER BY task, origin"

/* ---- names ---------------------------------------------------------------------------------------------------------- */

/* "20260131T070509.123456-1a2b3c4d": sorts by time, and no two are the same. */
static gchar *
new_id (gint64 captured_at)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc (captured_at / G_USEC_PER_SEC);
  g_autofree gchar *words = time ? g_date_time_format (time, "%Y%m%dT%H%M%S") : g_strdup ("00000000T000000");

  return g_strdup_printf ("%s.%06d-%08x", words, (int) (captured_at % G_USEC_PER_SEC), g_random_int ());
}

/* "frames/2026-01-31/ID.jpg" */
static gchar *
new_path (const gchar *id, const gchar *suffix)
{
  return g_strdup_printf (CATALOGUE_FRAMES "/%.4s-%.2s-%.2s/%s.%s", id, id + 4, id + 6, id, suffix);
}

static gint64
utc_offset (gint64 at)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_local (at / G_USEC_PER_SEC);

  return time ? g_date_time_get_utc_offset (time) / G_USEC_PER_SEC : 0;
}

static gint64
source_id (Catalogue *catalogue, const gchar *name, const gchar *uri, GError **error)
{
  if (!catalogue_run (catalogue, error, "INSERT INTO source (name, uri) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET "
          "uri = ifnull(?2, uri)", "ss", name, uri))
    return -1;
  return catalogue_number (catalogue, -1, "SELECT id FROM source WHERE name = ?", "s", name);
}

/* ---- a frame ------------------------------------------------------------------------------------------------------- */

static gint64
or_null (guint64 number)
{
  return number > G_MAXINT64 ? -1 : (gint64) number;    /* nullif(?, -1) */
}

static gboolean
insert_frame (Catalogue *catalogue, const CatalogueFrame *f, gint64 source, const gchar *id, const gchar *path,
    const gchar *sum, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO frame (id, source, path, sha256, bytes, captured_at, received_at, "
      "utc_offset, media_sequence, pts, width, height, clock_suspect, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, -1), "
      "nullif(?, -1), ?, ?, ?, 'stored')", "sissiiiiiiiii", id, source, path, sum, (gint64) g_bytes_get_size (f->image),
      f->captured_at, f->received_at, utc_offset (f->captured_at), or_null (f->media_sequence), or_null (f->pts),
      (gint64) f->width, (gint64) f->height, (gint64) f->clock_suspect);
}

static gboolean
insert_label (Catalogue *catalogue, const gchar *frame, const CatalogueLabel *label, GError **error)
{
  return catalogue_run (catalogue, error, "INSERT INTO label (frame, task, value, origin, labeled_at) VALUES (?, ?, ?, ?, ?) "
      "ON CONFLICT (frame, task, origin) DO UPDATE SET value = excluded.value, labeled_at = excluded.labeled_at", "ssssi", frame,
      label->task, label->value, label->origin, g_get_real_time ());
}

static gboolean
insert_companions (Catalogue *catalogue, const CatalogueFrame *f, const gchar *id, GError **error)
{
  for (guint i = 0; i < f->n_labels; i++)
    if (!insert_label (catalogue, id, &f->labels[i], error))
      return FALSE;
  for (guint i = 0; i < f->n_predictions; i++) {
    const CataloguePrediction *p = &f->predictions[i];

    if (!catalogue_run (catalogue, error, "INSERT INTO prediction (frame, head, kind, value, text, head_id) VALUES "
            "(?, ?, ?, ?, ?, ?)", "sssdss", id, p->head, p->kind, p->value, p->text, p->head_id))
      return FALSE;
  }
  return f->embedding == NULL || catalogue_run (catalogue, error, "INSERT INTO embedding (frame, model_id, vector) VALUES "
      "(?, ?, ?)", "ssb", id, f->model_id, f->embedding);
}

/* *uncertain: a COMMIT that failed otherwise than for want of room may have reached the disk all the same. */
static gboolean
commit_frame (Catalogue *catalogue, const CatalogueFrame *f, gint64 source, const gchar *id, const gchar *path,
    const gchar *sum, gboolean *journaled, gboolean *uncertain, GError **error)
{
  GError *problem = NULL;

  *uncertain = FALSE;
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  if (!insert_frame (catalogue, f, source, id, path, sum, error) || !insert_companions (catalogue, f, id, error)
      || (f->upload && !catalogue_insert_upload (catalogue, f->upload, id, f->source, sum, journaled, error))) {
    catalogue_rollback (catalogue);
    return FALSE;
  }
  if (catalogue_commit (catalogue, &problem))
    return TRUE;
  *uncertain = !g_error_matches (problem, CATALOGUE_ERROR, CATALOGUE_ERROR_FULL);
  g_propagate_error (error, problem);
  return FALSE;
}

/* Kept before without being uploaded, or for another project: it is now. Not when its image is gone. */
static CatalogueOutcome
add_again (Catalogue *catalogue, const CatalogueFrame *frame, const gchar *id, const gchar *sum, gboolean *journaled,
    GError **error)
{
  gboolean stored = frame->upload && catalogue_number (catalogue, 0, "SELECT state = 'stored' FROM frame WHERE id = ?", "s", id);

  return stored && !catalogue_insert_upload (catalogue, frame->upload, id, frame->source, sum, journaled, error)
      ? CATALOGUE_FAILED : CATALOGUE_DUPLICATE;
}

static CatalogueOutcome
add (Catalogue *catalogue, const CatalogueFrame *frame, gchar **id, gboolean *journaled, GError **error)
{
  g_autofree gchar *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, frame->image);
  g_autofree gchar *name = new_id (frame->captured_at), *path = new_path (name, frame->suffix), *file = NULL, *there = NULL;
  gint64 source = source_id (catalogue, frame->source, frame->uri, error);
  gboolean uncertain;

  if (source < 0)
    return CATALOGUE_FAILED;
  there = catalogue_text (catalogue, "SELECT id FROM frame WHERE source = ? AND sha256 = ? AND captured_at = ?", "isi", source,
      sum, frame->captured_at);
  if (there)
    return add_again (catalogue, frame, there, sum, journaled, error);
  if (!catalogue_write_file (catalogue, path, frame->image, error))
    return CATALOGUE_FAILED;
  if (!commit_frame (catalogue, frame, source, name, path, sum, journaled, &uncertain, error)) {
    file = catalogue_path (catalogue, path);
    if (!uncertain)             /* else the next start sees which of the two is true */
      g_unlink (file);
    return CATALOGUE_FAILED;
  }
  if (id)
    *id = g_steal_pointer (&name);
  return CATALOGUE_STORED;
}

CatalogueOutcome
catalogue_add (Catalogue *catalogue, const CatalogueFrame *frame, gchar **id, gboolean *journaled, GError **error)
{
  gboolean added = FALSE;
  CatalogueOutcome outcome = add (catalogue, frame, id, &added, error);

  if (journaled)
    *journaled = added && outcome != CATALOGUE_FAILED;
  return outcome;
}

static gboolean
label_known (Catalogue *catalogue, CatalogueMark *marks, guint n, GError **error)
{
  for (guint i = 0; i < n; i++) {
    CatalogueMark *mark = &marks[i];

    mark->known = catalogue_number (catalogue, 0, "SELECT count(*) FROM frame WHERE id = ?", "s", mark->frame) > 0;
    if (mark->known && !insert_label (catalogue, mark->frame, &mark->label, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
label_some (Catalogue *catalogue, CatalogueMark *marks, guint n, GError **error)
{
  if (!catalogue_begin (catalogue, error))
    return FALSE;
  if (label_known (catalogue, marks, n, error))
    return catalogue_commit (catalogue, error);
  catalogue_rollback (catalogue);
  return FALSE;
}

gboolean
catalogue_label (Catalogue *catalogue, CatalogueMark *marks, guint n, GError **error)
{
  for (guint i = 0; i < n; i += LABELS_AT_ONCE)
    if (!label_some (catalogue, marks + i, MIN (n - i, LABELS_AT_ONCE), error))
      return FALSE;
  return TRUE;
}

/* ---- outages --------------------------------------------------------------------------------------------------------- */

gboolean
catalogue_begin_outage (Catalogue *catalogue, const gchar *source, gint64 at, const gchar *reason, const gchar *detail,
    GError **error)
{
  gint64 id = source_id (catalogue, source, NULL, error);

  if (id < 0)
    return FALSE;
  return catalogue_run (catalogue, error, "INSERT INTO outage (source, began_at, reason, detail) SELECT ?1, ?2, ?3, ?4 WHERE "
      "NOT EXISTS (SELECT 1 FROM outage WHERE source = ?1 AND ended_at IS NULL)", "iiss", id, at, reason, detail);
}

gboolean
catalogue_end_outage (Catalogue *catalogue, const gchar *source, gint64 at, GError **error)
{
  return catalogue_run (catalogue, error, "UPDATE outage SET ended_at = ? WHERE ended_at IS NULL AND source = (SELECT id FROM "
      "source WHERE name = ?)", "is", at, source);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------ */

gboolean
catalogue_count (Catalogue *catalogue, CatalogueCounts *counts, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT total(state = 'stored'), total(state = 'evicted'), "
      "total(state = 'missing'), total(bytes * (state = 'stored')), (SELECT count(*) FROM label), (SELECT count(*) FROM outage) "
      "FROM frame", "");
  gboolean read;

  if (statement == NULL)
    return FALSE;
  read = sqlite3_step (statement) == SQLITE_ROW;
  if (read)
    *counts = (CatalogueCounts) { sqlite3_column_int64 (statement, 0), sqlite3_column_int64 (statement, 1),
      sqlite3_column_int64 (statement, 2), sqlite3_column_int64 (statement, 3), sqlite3_column_int64 (statement, 4),
      sqlite3_column_int64 (statement, 5) };
  else
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return read;
}

#define MATCHING "FROM frame JOIN source ON source.id = frame.source WHERE state = 'stored' AND (?1 IS NULL OR name = ?1) " \
  "AND captured_at >= ?2 AND captured_at < ?3 AND (?4 = 0 OR (?4 = 1) = EXISTS (SELECT 1 FROM label WHERE label.frame = " \
  "frame.id AND (?5 IS NULL OR task = ?5)))"
#define MATCHED(filter) "siiisi", (filter)->source, (filter)->after, (filter)->before, (gint64) (filter)->labeling, \
  (filter)->task, (filter)->most

static CatalogueRow
row_of (sqlite3_stmt *statement)
{
  return (CatalogueRow) { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2),
    catalogue_column (statement, 3), sqlite3_column_int64 (statement, 4), sqlite3_column_int (statement, 5),
    sqlite3_column_int (statement, 6), (guint64) sqlite3_column_int64 (statement, 7) };
}

gboolean
catalogue_each_matching (Catalogue *catalogue, const CatalogueFilter *filter,
    gboolean (*visit) (const CatalogueRow *row, gpointer data), gpointer data, GError **error)
{
  gint64 done = 0, all = catalogue->progress == NULL ? 0
      : catalogue_number (catalogue, 0, "SELECT count(*) FROM (SELECT 1 " MATCHING " LIMIT ?6)", MATCHED (filter));
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT frame.id, path, name, sha256, captured_at, width, "
      "height, bytes " MATCHING " ORDER BY captured_at, frame.id LIMIT ?6", MATCHED (filter));
  gboolean more = TRUE, told = TRUE;
  int code = SQLITE_DONE;

  if (statement == NULL)
    return FALSE;
  while (more && (told = catalogue_tell (catalogue, done++, all, error))
      && (code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueRow row = row_of (statement);

    more = visit (&row, data);
  }
  if (more && told && code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return told && (!more || code == SQLITE_DONE);
}

gboolean
catalogue_each (Catalogue *catalogue, gboolean (*visit) (const CatalogueRow *row, gpointer data), gpointer data,
    GError **error)
{
  const CatalogueFilter all = CATALOGUE_ANY;

  return catalogue_each_matching (catalogue, &all, visit, data, error);
}

gchar *
catalogue_frame_at (Catalogue *catalogue, const gchar *source, gint64 at, gint64 tolerance, gint64 *distance)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, NULL, "SELECT frame.id, abs(captured_at - ?2) FROM frame JOIN source "
      "ON source.id = frame.source WHERE state = 'stored' AND (?1 IS NULL OR name = ?1) AND captured_at BETWEEN ?2 - ?3 AND ?2 + "
      "?3 ORDER BY 2, captured_at, frame.id LIMIT 1", "sii", source, at, tolerance);
  gchar *id = NULL;

  if (statement && sqlite3_step (statement) == SQLITE_ROW) {
    id = g_strdup (catalogue_column (statement, 0));
    *distance = sqlite3_column_int64 (statement, 1);
  }
  sqlite3_finalize (statement);
  return id;
}

gboolean
catalogue_hold (Catalogue *catalogue, GError **error)
{
  /* A transaction begins to see with the first thing it reads. */
  return catalogue_run (catalogue, error, "BEGIN", "") && catalogue_run (catalogue, error, "SELECT count(*) FROM source", "");
}

/* The first column of what `query` finds. */
static gchar **
list_names (Catalogue *catalogue, const gchar *query, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, query, "");
  GPtrArray *names;
  int code;

  if (statement == NULL)
    return NULL;
  names = g_ptr_array_new_with_free_func (g_free);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (names, g_strdup (catalogue_column (statement, 0)));
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  if (code != SQLITE_DONE) {
    g_ptr_array_unref (names);
    return NULL;
  }
  g_ptr_array_add (names, NULL);
  return (gchar **) g_ptr_array_free (names, FALSE);
}

gchar **
catalogue_sources (Catalogue *catalogue, GError **error)
{
  return list_names (catalogue, "SELECT name FROM source ORDER BY name", error);
}

gchar **
catalogue_label_tasks (Catalogue *catalogue, GError **error)
{
  return list_names (catalogue, "SELECT DISTINCT task FROM label ORDER BY task", error);
}

/* What people leave out: the time of day, its seconds. */
static gchar *
complete_time (const gchar *text)
{
  const gchar *clock = strpbrk (text, "T ");
  gsize hours_and_minutes = strlen ("T07:00");

  if (clock == NULL)
    return g_strconcat (text, "T00:00:00", NULL);
  if (strlen (clock) < hours_and_minutes || clock[3] != ':' || clock[hours_and_minutes] == ':')
    return g_strdup (text);
  return g_strdup_printf ("%.*s:00%s", (int) (clock - text + hours_and_minutes), text, clock + hours_and_minutes);
}

gboolean
catalogue_parse_time (const gchar *text, gint64 *at)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autofree gchar *whole = complete_time (text);
  g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (whole, utc);

  if (time)
    *at = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return time != NULL;
}

gboolean
catalogue_each_label (Catalogue *catalogue, const gchar *frame, void (*visit) (const CatalogueLabel *label, gpointer data),
    gpointer data, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, LABELS_OF_FRAME, "s", frame);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueLabel label = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2) };

    visit (&label, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_each_labeled (Catalogue *catalogue, const gchar *task, void (*visit) (const CatalogueLabeled *labeled, gpointer data),
    gpointer data, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT path, value, origin, captured_at, labeled_at FROM label "
      "JOIN frame ON frame.id = label.frame WHERE task = ? AND state = 'stored' ORDER BY captured_at, frame.id, origin", "s", task);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CatalogueLabeled labeled = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2),
      sqlite3_column_int64 (statement, 3), sqlite3_column_int64 (statement, 4) };

    visit (&labeled, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gboolean
catalogue_each_prediction (Catalogue *catalogue, const gchar *frame,
    void (*visit) (const CataloguePrediction *prediction, gpointer data), gpointer data, GError **error)
{
  sqlite3_stmt *statement = catalogue_prepare (catalogue, error, "SELECT head, kind, text, head_id, value FROM prediction "
      "WHERE frame = ? ORDER BY head", "s", frame);
  int code;

  if (statement == NULL)
    return FALSE;
  while ((code = sqlite3_step (statement)) == SQLITE_ROW) {
    CataloguePrediction prediction = { catalogue_column (statement, 0), catalogue_column (statement, 1), catalogue_column (statement, 2),
      catalogue_column (statement, 3), sqlite3_column_double (statement, 4) };

    visit (&prediction, data);
  }
  if (code != SQLITE_DONE)
    catalogue_fail (catalogue, error);
  sqlite3_finalize (statement);
  return code == SQLITE_DONE;
}

gchar *
catalogue_encoder_of (Catalogue *catalogue, const gchar *frame)
{
  return catalogue_text (catalogue, "SELECT model_id FROM embedding WHERE frame = ? ORDER BY model_id", "s", frame);
}
