/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-catalogue.c: what a dataset keeps, through reopening, faults of the disk and processes that are killed.
 *
 * GST_HEADS_KILLS: how often a writer is killed (30).
 */
#include "catalogue-rig.h"
#include "tests/models/temp-folder.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- keeping ---------------------------------------------------------------------------------------------------------- */

static gboolean
collect_row (const CatalogueRow *row, gpointer data)
{
  g_assert_cmpstr (row->source, ==, "gate");
  g_assert_true (g_str_has_suffix (row->path, ".jpg"));
  g_ptr_array_add (data, g_strdup (row->id));
  return TRUE;
}

static void
collect_label (const CatalogueLabel *label, gpointer data)
{
  g_ptr_array_add (data, g_strdup_printf ("%s=%s by %s", label->task, label->value, label->origin));
}

static void
test_round_trip (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  g_autoptr (GPtrArray) ids = g_ptr_array_new_with_free_func (g_free), labels = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GBytes) image = image_of (1, 100), vector = g_bytes_new ("abcd", 4);
  CatalogueLabel label = { "people", "7", "truth" }, other = { "people", "8", "truth" };
  CataloguePrediction prediction = { "people", "count", "7 people", "0123", 6.6 };
  CatalogueFrame frame = { .source = "gate", .captured_at = 1769864709250000, .received_at = 1769864710000000,
    .media_sequence = 5, .pts = 6, .width = 8, .height = 6, .suffix = "jpg", .image = image, .labels = &label, .n_labels = 1,
    .predictions = &prediction, .n_predictions = 1, .model_id = "m", .embedding = vector };
  g_autofree gchar *id = NULL, *second = NULL;

  g_assert_cmpint (catalogue_add (catalogue, &frame, &id, NULL, &error), ==, CATALOGUE_STORED);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (id, "20260131T130509.250000-"));
  g_assert_cmpint (catalogue_add (catalogue, &frame, NULL, NULL, &error), ==, CATALOGUE_DUPLICATE);
  g_assert_cmpint (add (catalogue, 2, 50, 1769864700000000, &second, &error), ==, CATALOGUE_STORED);
  catalogue = reopen (f, catalogue);
  catalogue_each (catalogue, collect_row, ids, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ids->len, ==, 2);
  g_assert_cmpstr (ids->pdata[0], ==, second);
  g_assert_cmpstr (ids->pdata[1], ==, id);
  g_assert_true (put_label (catalogue, id, other));
  g_assert_false (put_label (catalogue, "nobody", other));
  g_assert_no_error (error);
  catalogue_each_label (catalogue, id, collect_label, labels, &error);
  g_assert_cmpuint (labels->len, ==, 1);
  g_assert_cmpstr (labels->pdata[0], ==, "people=8 by truth");
  g_assert_cmpint (count (catalogue).stored, ==, 2);
  g_assert_cmpint (count (catalogue).bytes, ==, 150);
  g_assert_cmpint (verify (catalogue), ==, 0);
  catalogue_close (catalogue);
}

static void
test_outages (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);

  catalogue_begin_outage (catalogue, "gate", 10, "stale", NULL, &error);
  catalogue_begin_outage (catalogue, "gate", 11, "http_403", "again", &error);
  catalogue_begin_outage (catalogue, "yard", 12, "dns", "d", &error);
  catalogue_end_outage (catalogue, "gate", 20, &error);
  catalogue_begin_outage (catalogue, "gate", 30, "refused", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count (catalogue).outages, ==, 3);
  catalogue = reopen (f, catalogue);    /* which ends those that last */
  catalogue_begin_outage (catalogue, "gate", 40, "stale", NULL, &error);
  g_assert_cmpint (count (catalogue).outages, ==, 4);
  catalogue_close (catalogue);
}

static void
test_prune (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  CatalogueLabel label = { "people", "1", "me" };
  CatalogueLimits limits = { .max_frames = 6 };
  g_autofree gchar *oldest = NULL;

  add (catalogue, 0, 100, 1000, &oldest, &error);
  put_label (catalogue, oldest, label);
  for (gint i = 1; i < 10; i++)
    add (catalogue, i, 100, 1000 * (i + 1), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 0, TRUE, &error), ==, 4);
  g_assert_cmpint (count (catalogue).stored, ==, 10);
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 0, FALSE, &error), ==, 4);
  limits = (CatalogueLimits) { .max_bytes = 450 };
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 0, FALSE, &error), ==, 2);
  limits = (CatalogueLimits) { .max_age = 1500 };
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 10000, FALSE, &error), ==, 1);
  limits = (CatalogueLimits) { .max_frames = 1, .max_bytes = 1, .max_age = 1 };
  g_assert_cmpint (catalogue_prune (catalogue, &limits, 20000, FALSE, &error), ==, 2);
  g_assert_cmpint (count (catalogue).stored, ==, 1);    /* the labelled one stays for ever */
  g_assert_cmpint (count (catalogue).evicted, ==, 9);
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_assert_cmpint (add (catalogue, 5, 100, 6000, NULL, &error), ==, CATALOGUE_DUPLICATE);
  catalogue_close (catalogue);
}

/* ---- faults -------------------------------------------------------------------------------------------------------------- */

static void
put (const gchar *folder, const gchar *path, const gchar *text)
{
  g_autofree gchar *file = g_build_filename (folder, path, NULL), *parent = g_path_get_dirname (file);

  g_mkdir_with_parents (parent, 0755);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

static gboolean
first_path (const CatalogueRow *row, gpointer path)
{
  *(gchar **) path = g_strdup (row->path);
  return FALSE;
}

static void
test_reconcile (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  g_autofree gchar *path = NULL, *file = NULL, *part = NULL, *lost = NULL;

  for (gint i = 0; i < 30; i++)
    add (catalogue, i, 100, 1000 * i, NULL, &error);
  put (f->folder, "frames/1970-01-01/a.jpg.part", "half");
  put (f->folder, "frames/1970-01-01/b.jpg", "nobody's");
  catalogue_each (catalogue, first_path, &path, &error);
  file = g_build_filename (f->folder, path, NULL);
  g_unlink (file);
  g_assert_cmpint (verify (catalogue), ==, 3);
  catalogue = reopen (f, catalogue);
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_assert_cmpint (count (catalogue).stored, ==, 29);
  g_assert_cmpint (count (catalogue).missing, ==, 1);
  part = g_build_filename (f->folder, "frames/1970-01-01/a.jpg.part", NULL);
  lost = g_build_filename (f->folder, "lost/b.jpg", NULL);
  g_assert_false (g_file_test (part, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (lost, G_FILE_TEST_EXISTS));
  catalogue_close (catalogue);
}

static guint statements;

static int
count_statement (unsigned kind, void *data, void *statement, void *text)
{
  statements++;
  return 0;
}

static int
count_statements (sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
  return sqlite3_trace_v2 (db, SQLITE_TRACE_STMT, count_statement, NULL);
}

/* Opening asks for all rows at once, not for each image: a camera of years has millions. */
static void
test_many_days (Fixture *f, gconstpointer data)
{
  enum { DAYS = 5, FRAMES = 4 };
  Catalogue *catalogue = reopen (f, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *lost = g_build_filename (f->folder, "lost/old.jpg", NULL);
  guint few;

  sqlite3_auto_extension ((void (*) (void)) count_statements);
  catalogue = reopen (f, catalogue);
  few = statements;
  for (gint64 i = 0; i < DAYS * FRAMES; i++)
    g_assert_cmpint (add (catalogue, i, 100, i / FRAMES * G_TIME_SPAN_DAY + i, NULL, &error), ==, CATALOGUE_STORED);
  put (f->folder, "frames/1970-01-02/one.jpg.part", "half");
  statements = 0;
  catalogue = reopen (f, catalogue);
  sqlite3_reset_auto_extension ();
  g_assert_cmpuint (statements, >, 0);
  g_assert_cmpuint (statements, ==, few);
  g_assert_cmpuint (count (catalogue).stored, ==, DAYS * FRAMES);
  /* A day of which no row knows. */
  put (f->folder, "frames/1969-12-31/old.jpg", "older than all");
  catalogue = reopen (f, catalogue);
  g_assert_true (g_file_test (lost, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (catalogue_strays (catalogue), ==, 1);
  g_assert_cmpint (verify (catalogue), ==, 0);
  catalogue_close (catalogue);
}

/* A day's folder that cannot be read says nothing of its images. */
static void
test_unreadable_day (Fixture *f, gconstpointer data)
{
  Catalogue *catalogue = reopen (f, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *day = g_build_filename (f->folder, "frames/1970-01-01", NULL), *aside = g_strconcat (day, "-aside", NULL);

  g_assert_cmpint (add (catalogue, 1, 1000, 1, NULL, &error), ==, CATALOGUE_STORED);
  catalogue_close (catalogue);
  g_assert_cmpint (rename (day, aside), ==, 0);
  put (f->folder, "frames/1970-01-01", "no folder");
  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN);
  g_assert_nonnull (strstr (error->message, "frames/1970-01-01 cannot be read"));
  g_assert_cmpint (unlink (day), ==, 0);
  g_assert_cmpint (rename (aside, day), ==, 0);
  catalogue = reopen (f, NULL);
  g_assert_cmpuint (count (catalogue).stored, ==, 1);
  catalogue_close (catalogue);
}

static void
fail_to_count (sqlite3_context *context)
{
  sqlite3_result_error (context, "the disk does not answer", -1);
}

static void
step_nothing (sqlite3_context *context, int n, sqlite3_value **values)
{
}

/* In each connection from now on count(*) fails, as reading does on a disk that is going. */
static int
break_counting (sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
  return sqlite3_create_function (db, "count", 0, SQLITE_UTF8, NULL, NULL, step_nothing, fail_to_count);
}

/* Images whose rows cannot be read stay where they are. */
static void
test_reconcile_in_doubt (Fixture *f, gconstpointer data)
{
  Catalogue *catalogue = reopen (f, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree gchar *stray = g_build_filename (f->folder, "frames/1970-01-01/stray.jpg", NULL);

  g_assert_cmpint (add (catalogue, 1, 1000, 1, NULL, &error), ==, CATALOGUE_STORED);
  put (f->folder, "frames/1970-01-01/stray.jpg", "a picture");
  sqlite3_auto_extension ((void (*) (void)) break_counting);
  g_test_expect_message (NULL, G_LOG_LEVEL_WARNING, "*stays, for its row cannot be read: the disk does not answer");
  catalogue = reopen (f, catalogue);
  g_test_assert_expected_messages ();
  sqlite3_reset_auto_extension ();
  g_assert_true (g_file_test (stray, G_FILE_TEST_EXISTS));
  catalogue = reopen (f, catalogue);
  g_assert_false (g_file_test (stray, G_FILE_TEST_EXISTS));
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_assert_cmpuint (count (catalogue).stored, ==, 1);
  catalogue_close (catalogue);
}

static void
test_comes_back (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  g_autofree gchar *path = NULL, *file = NULL, *image = NULL;
  gsize size;

  for (gint i = 0; i < 30; i++)
    add (catalogue, i, 100, 1000 * i, NULL, &error);
  catalogue_each (catalogue, first_path, &path, &error);
  file = g_build_filename (f->folder, path, NULL);
  g_assert_true (g_file_get_contents (file, &image, &size, NULL));
  g_unlink (file);
  catalogue = reopen (f, catalogue);
  g_assert_cmpint (count (catalogue).missing, ==, 1);

  image[0] ^= 1;                /* another image of that name is not it */
  g_assert_true (g_file_set_contents (file, image, size, NULL));
  catalogue = reopen (f, catalogue);
  g_assert_cmpint (count (catalogue).missing, ==, 1);
  g_assert_false (g_file_test (file, G_FILE_TEST_EXISTS));

  image[0] ^= 1;
  g_assert_true (g_file_set_contents (file, image, size, NULL));
  catalogue = reopen (f, catalogue);
  g_assert_cmpint (count (catalogue).missing, ==, 0);
  g_assert_cmpint (count (catalogue).stored, ==, 30);
  g_assert_cmpint (verify (catalogue), ==, 0);
  catalogue_close (catalogue);
}

static void
test_mass_loss (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  g_autofree gchar *frames = g_build_filename (f->folder, "frames", NULL);

  for (gint i = 0; i < 30; i++)
    add (catalogue, i, 100, 1000 * i, NULL, &error);
  catalogue_close (catalogue);
  temp_folder_remove (frames);
  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN);
  g_assert_nonnull (strstr (error->message, "30 of 30 images are missing"));
}

static void
test_damage (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL);
  g_autofree gchar *path = NULL, *file = NULL;

  add (catalogue, 1, 100, 1000, NULL, &error);
  catalogue_each (catalogue, first_path, &path, &error);
  file = g_build_filename (f->folder, path, NULL);
  g_assert_true (g_file_set_contents (file, "other", -1, NULL));
  g_assert_cmpint (verify (catalogue), ==, 1);
  catalogue_close (catalogue);
  put (f->folder, "catalogue.sqlite", "this is no database, and it is longer than the head of one would be, which is 100 bytes ..");
  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_null (catalogue_open_read (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_null (catalogue_open_read ("/nowhere", &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN);
}

static void
execute (Fixture *f, const gchar *sql)
{
  g_autofree gchar *file = g_build_filename (f->folder, "catalogue.sqlite", NULL);
  sqlite3 *db;

  g_assert_cmpint (sqlite3_open (file, &db), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (db);
}

static void
test_versions (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  catalogue_close (reopen (f, NULL));
  execute (f, "PRAGMA user_version = 99");
  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN);
  g_assert_nonnull (strstr (error->message, "newer gst-heads"));
  g_clear_error (&error);
  execute (f, "PRAGMA user_version = 1; PRAGMA application_id = 7");
  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_nonnull (strstr (error->message, "another program"));
}

static void
test_one_writer (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = reopen (f, NULL), *reader;

  g_assert_null (catalogue_open (f->folder, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_BUSY);
  g_clear_error (&error);
  add (catalogue, 1, 100, 1000, NULL, &error);
  reader = catalogue_open_read (f->folder, &error);
  g_assert_no_error (error);
  g_assert_cmpint (count (reader).stored, ==, 1);
  add (catalogue, 2, 100, 1000, NULL, &error);
  g_assert_cmpint (count (reader).stored, ==, 2);
  catalogue_close (reader);
  catalogue_close (catalogue);
}

/* A clock that jumps ahead makes no image old, until it has been there for a day. */
static void
test_clock (Fixture *f, gconstpointer data)
{
  const gint64 hour = G_TIME_SPAN_HOUR, year = 365 * G_TIME_SPAN_DAY, begun = 50 * year;
  const struct {
    gint64 real, monotonic, now;
  } looks[] = { { 0, 0, 0 }, { 5 * hour, 5 * hour, 5 * hour },
    { 6 * hour + hour / 2, 6 * hour, 6 * hour + hour / 2 },     /* set right */
    { year + 7 * hour, 7 * hour, 7 * hour + hour / 2 },
    { 8 * hour, 8 * hour, 8 * hour },   /* it was a mistake */
    { year + 9 * hour, 9 * hour, 9 * hour },
    { year + 33 * hour, 33 * hour, 33 * hour },
    { year + 34 * hour, 34 * hour, year + 34 * hour },  /* it was none */
    { 35 * hour - year, 35 * hour, 35 * hour - year } };
  CatalogueClock clock;

  catalogue_clock_init (&clock, begun, hour);
  for (gsize i = 0; i < G_N_ELEMENTS (looks); i++) {
    g_assert_cmpint (catalogue_clock_now (&clock, begun + looks[i].real, hour + looks[i].monotonic), ==,
        begun + looks[i].now);
    g_assert_cmpint (clock.ahead != 0, ==, looks[i].real > looks[i].now);
  }
}

static void
test_full_disk (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue;
  gint stored = 0;

  if (mount ("none", f->folder, "tmpfs", 0, "size=2m") != 0) {
    g_test_skip ("no small disk can be mounted here");
    return;
  }
  catalogue = reopen (f, NULL);
  while (add (catalogue, stored, 30000, 1000 * stored, NULL, &error) == CATALOGUE_STORED)
    stored++;
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_FULL);
  g_assert_cmpint (stored, >, 10);
  g_assert_cmpint (count (catalogue).stored, ==, stored);
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_clear_error (&error);
  g_assert_cmpint (catalogue_prune (catalogue, &(CatalogueLimits) { .max_frames = 5 }, 0, FALSE, &error), ==, stored - 5);
  g_assert_no_error (error);
  g_assert_cmpint (add (catalogue, 9999, 30000, 1, NULL, &error), ==, CATALOGUE_STORED);
  g_assert_cmpint (verify (catalogue), ==, 0);
  catalogue_close (catalogue);
  umount (f->folder);
}

/* ---- killed ---------------------------------------------------------------------------------------------------------- */

/* Stores frames as fast as it can and writes the number of each once it is stored. */
static void
store_for_ever (const gchar *folder, guint64 first, int to)
{
  Catalogue *catalogue = catalogue_open (folder, NULL);

  for (guint64 n = first; catalogue; n++) {
    if (add (catalogue, n, 3000, g_get_real_time (), NULL, NULL) != CATALOGUE_STORED || write (to, &n, sizeof n) != sizeof n)
      _exit (1);
    if (n % 7 == 0)
      catalogue_prune (catalogue, &(CatalogueLimits) { .max_frames = 40 }, 0, FALSE, NULL);
  }
  _exit (2);
}

/* The number of the last frame that was told to be stored; `before` when none was. */
static guint64
kill_after (pid_t child, int from, guint microseconds, guint64 before)
{
  guint64 n, last = before;
  int status;

  g_usleep (microseconds);
  kill (child, SIGKILL);
  waitpid (child, &status, 0);
  g_assert_true (WIFSIGNALED (status));
  while (read (from, &n, sizeof n) == sizeof n)
    last = n;
  return last;
}

typedef struct {
  gchar *sum;
  gboolean found;
} Wanted;

static gboolean
look_for_sum (const CatalogueRow *row, gpointer data)
{
  Wanted *wanted = data;

  wanted->found |= g_str_equal (row->sha256, wanted->sum);
  return !wanted->found;
}

/* The last one that was told to be stored is, and nothing is torn. */
static void
check_after_kill (Fixture *f, guint64 told)
{
  Catalogue *catalogue = reopen (f, NULL);
  g_autoptr (GBytes) image = image_of (told, 3000);
  Wanted wanted = { g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, image), told == 0 };

  catalogue_each (catalogue, look_for_sum, &wanted, NULL);
  g_assert_true (wanted.found);
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_assert_cmpint (count (catalogue).missing, ==, 0);
  catalogue_close (catalogue);
  g_free (wanted.sum);
}

static void
test_kill (Fixture *f, gconstpointer data)
{
  const gchar *kills = g_getenv ("GST_HEADS_KILLS");
  gint n = kills ? atoi (kills) : 30;
  guint64 told = 0, frames = 0;

  for (gint i = 0; i < n; i++) {
    guint64 first = (guint64) (i + 1) * 1000000;  /* no image twice */
    int pipes[2];
    pid_t child;

    g_assert_cmpint (pipe (pipes), ==, 0);
    child = fork ();
    if (child == 0)
      store_for_ever (f->folder, first, pipes[1]);
    close (pipes[1]);
    told = kill_after (child, pipes[0], g_test_rand_int_range (1000, 60000), told);
    close (pipes[0]);
    check_after_kill (f, told);
    frames += told >= first ? told - first + 1 : 0;
  }
  g_test_message ("killed %d times, %" G_GUINT64_FORMAT " frames", n, frames);
  g_assert_cmpuint (frames, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/catalogue/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  ADD (round_trip);
  ADD (outages);
  ADD (prune);
  ADD (reconcile);
  ADD (reconcile_in_doubt);
  ADD (many_days);
  ADD (unreadable_day);
  ADD (comes_back);
  ADD (mass_loss);
  ADD (damage);
  ADD (versions);
  ADD (one_writer);
  ADD (clock);
  ADD (full_disk);
  ADD (kill);
  return g_test_run ();
}
