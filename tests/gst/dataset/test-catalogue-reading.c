/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-catalogue-reading.c: which frames a reader gets, of which moment, and how it hears how far that is. */
#include "catalogue-rig.h"

#include <glib/gstdio.h>
#include <sys/mount.h>

/* What a filter lets through, as text. */
static gboolean
collect_time (const CatalogueRow *row, gpointer times)
{
  g_string_append_printf (times, "%s%d", ((GString *) times)->len ? " " : "", (int) row->captured_at);
  return TRUE;
}

static gchar *
matching (Catalogue *catalogue, const CatalogueFilter *filter)
{
  g_autoptr (GError) error = NULL;
  GString *times = g_string_new (NULL);

  g_assert_true (catalogue_each_matching (catalogue, filter, collect_time, times, &error));
  g_assert_no_error (error);
  return g_string_free (times, FALSE);
}

#define assert_matching(catalogue, wanted, ...) do { \
  const CatalogueFilter filter = __VA_ARGS__; \
  g_autofree gchar *times = matching (catalogue, &filter); \
  g_assert_cmpstr (times, ==, wanted); \
} while (0)

static void
test_filters (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = reopen (f, NULL);
  CatalogueLabel people = { "people", "7", "csv" }, again = { "people", "8", "tool" }, dogs = { "dogs", "1", "csv" };
  gint64 at;

  for (guint i = 1; i <= 4; i++) {
    g_autofree gchar *id = NULL;

    add (catalogue, i, 100, 10 * i, &id, &error);
    if (i == 2)
      g_assert_true (put_label (catalogue, id, people) && put_label (catalogue, id, again));
    if (i == 3)
      g_assert_true (put_label (catalogue, id, dogs));
  }
  assert_matching (catalogue, "10 20 30 40", CATALOGUE_ANY);
  assert_matching (catalogue, "20 30", { NULL, 20, 40, CATALOGUE_ALL, NULL, -1 });
  assert_matching (catalogue, "20 30", { NULL, G_MININT64, G_MAXINT64, CATALOGUE_LABELED, NULL, -1 });
  assert_matching (catalogue, "10 40", { "gate", G_MININT64, G_MAXINT64, CATALOGUE_UNLABELED, NULL, -1 });
  assert_matching (catalogue, "20", { NULL, G_MININT64, G_MAXINT64, CATALOGUE_LABELED, "people", -1 });
  assert_matching (catalogue, "10 30", { NULL, G_MININT64, G_MAXINT64, CATALOGUE_UNLABELED, "people", 2 });
  assert_matching (catalogue, "", { "door", G_MININT64, G_MAXINT64, CATALOGUE_ALL, NULL, -1 });
  assert_matching (catalogue, "", { NULL, G_MININT64, G_MAXINT64, CATALOGUE_ALL, NULL, 0 });

  g_assert_true (catalogue_parse_time ("2026-01-31", &at) && at == 1769817600 * G_GINT64_CONSTANT (1000000));
  g_assert_true (catalogue_parse_time ("2026-01-31T07:00:00.25-06:00", &at) && at == G_GINT64_CONSTANT (1769864400250000));
  g_assert_true (catalogue_parse_time ("2026-01-31T07:00-06:00", &at) && at == G_GINT64_CONSTANT (1769864400000000));
  g_assert_true (catalogue_parse_time ("2026-01-31 13:00", &at) && at == G_GINT64_CONSTANT (1769864400000000));
  g_assert_false (catalogue_parse_time ("2026-01-31T07", &at) || catalogue_parse_time ("2026-01-31T07:60", &at)
      || catalogue_parse_time ("T07:00", &at) || catalogue_parse_time ("2026-01-31T7:00", &at));
  g_assert_false (catalogue_parse_time ("", &at) || catalogue_parse_time ("2026-01", &at) || catalogue_parse_time ("07:00:00", &at)
      || catalogue_parse_time ("2026-01-31T", &at) || catalogue_parse_time ("2026-13-31", &at));
}

static void
test_frame_at (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = reopen (f, NULL);
  g_autofree gchar *found = NULL;
  gchar *ids[3];
  const struct {
    gint64 at, tolerance;
    gint frame, distance;       /* frame -1: none */
  } looks[] = { { 100, 0, 0, 0 }, { 149, 60, 0, 49 }, { 150, 60, 0, 50 }, { 151, 60, 1, 49 }, { 151, 48, -1, 0 }, { 0, 100, 0, 100 },
    { 9999, 9699, 2, 9699 }, { 9999, 9698, -1, 0 } };

  for (guint i = 0; i < 3; i++)
    add (catalogue, i, 100, 100 * (i + 1), &ids[i], &error);
  for (gsize i = 0; i < G_N_ELEMENTS (looks); i++) {
    gint64 distance = 0;

    g_free (found);
    found = catalogue_frame_at (catalogue, "gate", looks[i].at, looks[i].tolerance, &distance);
    g_assert_cmpstr (found, ==, looks[i].frame < 0 ? NULL : ids[looks[i].frame]);
    g_assert_cmpint (distance, ==, looks[i].distance);
  }
  g_assert_null (catalogue_frame_at (catalogue, "door", 100, 50, &(gint64) { 0 }));
  for (guint i = 0; i < 3; i++)
    g_clear_pointer (&ids[i], g_free);
}

/* A reader that holds sees one moment; a catalogue that is told to stop does. */
static gboolean
note_fraction (gdouble fraction, const gchar *what, gpointer data)
{
  gdouble *seen = data;

  g_assert_cmpstr (what, ==, "looking");
  g_assert_cmpfloat (fraction, >=, seen[0]);
  seen[0] = fraction;
  return fraction < seen[1];
}

static void
test_hold_and_progress (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = reopen (f, NULL), reader = NULL;
  gdouble seen[2] = { 0, 2 };

  for (guint i = 1; i <= 4; i++)
    add (catalogue, i, 100, i, NULL, &error);
  reader = catalogue_open_read (f->folder, &error);
  g_assert_true (catalogue_hold (reader, &error));
  add (catalogue, 5, 100, 5, NULL, &error);
  g_assert_no_error (error);
  assert_matching (reader, "1 2 3 4", CATALOGUE_ANY);

  catalogue_set_progress (catalogue, "looking", note_fraction, seen);
  g_assert_cmpint (verify (catalogue), ==, 0);
  g_assert_cmpfloat (seen[0], ==, 1);
  seen[0] = 0;
  seen[1] = 0.5;
  g_assert_cmpint (catalogue_verify (catalogue, note, NULL, &error), ==, -1);
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_STOPPED);
  g_assert_cmpfloat (seen[0], ==, 0.6);
}

/* ---- verifying beside a capture ---- */

typedef struct {
  Catalogue *writer;
  gchar *part;                  /* a file that is being stored */
  guint looks;
} Capture;

static gpointer
drop_part (gpointer part)
{
  g_usleep (G_USEC_PER_SEC / 3);
  g_assert_cmpint (g_unlink (part), ==, 0);
  return NULL;
}

/* After the first row a frame is added, two are deleted that are still to be looked at, and another one begins. */
static gboolean
go_on (gdouble fraction, const gchar *what, gpointer data)
{
  const CatalogueLimits limits = { 0, 2, 0 };
  Capture *capture = data;

  if (capture->looks++ == 1) {
    add (capture->writer, 5, 100, 5, NULL, NULL);
    g_assert_cmpint (catalogue_prune (capture->writer, &limits, 6, FALSE, NULL), ==, 3);
    g_assert_true (g_file_set_contents (capture->part, "half of it", -1, NULL));
    g_thread_unref (g_thread_new ("part", drop_part, capture->part));
  }
  return TRUE;
}

static void
test_verify_beside (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) writer = reopen (f, NULL), reader = NULL;
  g_autofree gchar *part = g_build_filename (f->folder, "frames/1970-01-01/x.jpg.part", NULL);
  Capture capture = { writer, part, 0 };

  for (guint i = 1; i <= 4; i++)
    add (writer, i, 100, i, NULL, &error);
  reader = catalogue_open_read (f->folder, &error);
  catalogue_set_progress (reader, "verifying", go_on, &capture);
  g_assert_cmpint (verify (reader), ==, 0);
  g_assert_cmpint (capture.looks, >, 4);
  g_assert_cmpint (count (reader).stored, ==, 2);
  g_assert_false (g_file_test (part, G_FILE_TEST_EXISTS));
}

/* A disk that may only be read, with an odd name, and nobody who writes. */
static void
test_read_only (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree gchar *disk = g_build_filename (f->folder, "a disk? of 100%", NULL);
  Fixture inner = { disk };
  Catalogue *catalogue;

  g_mkdir (disk, 0755);
  if (mount ("none", disk, "tmpfs", 0, "size=2m") != 0) {
    g_test_skip ("no disk of its own can be mounted");
    return;
  }
  catalogue = reopen (&inner, NULL);
  add (catalogue, 1, 100, 1, NULL, &error);
  catalogue_close (catalogue);
  g_assert_cmpint (mount ("none", disk, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=2m"), ==, 0);
  catalogue = catalogue_open_read (disk, &error);
  g_assert_no_error (error);
  assert_matching (catalogue, "1", CATALOGUE_ANY);
  g_assert_cmpint (verify (catalogue), ==, 0);
  catalogue_close (catalogue);
  g_assert_null (catalogue_open (disk, &error));
  g_assert_error (error, CATALOGUE_ERROR, CATALOGUE_ERROR_OPEN);
  g_assert_cmpint (umount (disk), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name) g_test_add ("/catalogue-reading/" #name, Fixture, NULL, set_up, test_##name, tear_down)
  ADD (filters);
  ADD (frame_at);
  ADD (hold_and_progress);
  ADD (verify_beside);
  ADD (read_only);
  return g_test_run ();
}
