/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-datasetsink.c: frames through dataset-sink, and what is kept of them. */
#include "gst/common/gstcaptureinfo.h"
#include "gst/dataset/catalogue.h"
#include "tests/models/temp-folder.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static gchar *folder;
static GString *warnings;        /* of the last pipeline that was played, a line each */

static void
set_up (void)
{
  folder = temp_folder_new ();
  warnings = g_string_new (NULL);
}

static void
tear_down (void)
{
  temp_folder_remove (folder);
  g_clear_pointer (&folder, g_free);
  g_string_free (g_steal_pointer (&warnings), TRUE);
}

static void
note_warning (GstMessage *message)
{
  g_autoptr (GError) warning = NULL;

  gst_message_parse_warning (message, &warning, NULL);
  g_string_append_printf (warnings, "%s\n", warning->message);
  gst_message_unref (message);
}

/* Plays to the end; the error's text, or NULL. */
static gchar *
play (const gchar *format, ...)
{
  g_autofree gchar *launch = NULL;
  g_autoptr (GError) error = NULL;
  GstElement *pipeline;
  GstMessage *message;
  GstBus *bus;
  gchar *words = NULL;
  va_list args;

  va_start (args, format);
  launch = g_strdup_vprintf (format, args);
  va_end (args);
  pipeline = gst_parse_launch (launch, &error);
  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_string_truncate (warnings, 0);
  while ((message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS
              | GST_MESSAGE_WARNING)) && GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    note_warning (message);
  fail_unless (message != NULL, "no end of %s", launch);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    words = g_strdup (error->message);
  }
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return words;
}

static void
say (const gchar *line, gpointer data)
{
  GST_ERROR ("%s", line);
}

/* How many are stored, after a check that all is whole. */
static CatalogueCounts
count (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (Catalogue) catalogue = catalogue_open_read (folder, &error);
  CatalogueCounts counts;

  g_assert_no_error (error);
  fail_unless (catalogue_count (catalogue, &counts, &error));
  fail_unless_equals_int (catalogue_verify (catalogue, say, NULL, &error), 0);
  return counts;
}

GST_START_TEST (test_end_of_a_pipeline)
{
  fail_unless (play ("plaza-test-src shuffle=true num-buffers=20 ! video/x-raw,width=160,height=96 ! dataset-sink location=%s "
          "labels=GstPlazaTruth.people,GstPlazaTruth.minute-of-day,Nothing.here", folder) == NULL);
  fail_unless_equals_int (count ().stored, 20);
  fail_unless_equals_int (count ().labels, 40);
}

GST_END_TEST
/* A label that no frame brings is told once; one that some bring, or that nobody asked for, is not. */
GST_START_TEST (test_label_of_no_frame)
{
  static const gchar labels[][64] = { "GstPlazaTruth.people,GstPlazaTruth.persons", "GstPlazaTruth.people", "Nothing.here" };

  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    fail_unless (play ("plaza-test-src num-buffers=60 ! video/x-raw,width=64,height=48 ! dataset-sink location=%s/%u labels=%s",
            folder, i, labels[i]) == NULL);
    fail_unless_equals_int (g_str_has_prefix (warnings->str, "No frame so far carries the label "), i != 1);
    fail_unless (strchr (warnings->str, '\n') == strrchr (warnings->str, '\n'), "warnings: %s", warnings->str);
  }
  fail_unless (play ("plaza-test-src num-buffers=2 ! video/x-raw,width=64,height=48 ! dataset-sink location=%s/few "
          "labels=GstPlazaTruth.persons", folder) == NULL);
  fail_unless (strstr (warnings->str, "GstPlazaTruth.persons. Set the property 'labels'"), "warnings: %s", warnings->str);
}

GST_END_TEST
GST_START_TEST (test_middle_of_a_pipeline)
{
  fail_unless (play ("plaza-test-src num-buffers=31 ! video/x-raw,width=160,height=96,framerate=30/1 ! dataset-sink location=%s "
          "interval=200000000 ! videoconvert ! fakesink", folder) == NULL);
  fail_unless_equals_int (count ().stored, 6);
}

GST_END_TEST
GST_START_TEST (test_images_as_they_are)
{
  fail_unless (play ("videotestsrc num-buffers=3 pattern=ball ! video/x-raw,width=64,height=48 ! pngenc ! dataset-sink "
          "location=%s", folder) == NULL);
  fail_unless (play ("videotestsrc num-buffers=3 pattern=ball ! video/x-raw,width=64,height=48 ! jpegenc ! dataset-sink "
          "location=%s", folder) == NULL);
  fail_unless_equals_int (count ().stored, 6);
}

GST_END_TEST
GST_START_TEST (test_limits)
{
  fail_unless (play ("plaza-test-src shuffle=true num-buffers=120 ! video/x-raw,width=80,height=48 ! dataset-sink location=%s "
          "max-frames=30", folder) == NULL);
  fail_unless_equals_int (count ().stored, 30);
  fail_unless_equals_int (count ().evicted, 90);
}

GST_END_TEST
static GstHarness *
harness (void)
{
  GstElement *sink = gst_element_factory_make ("dataset-sink", NULL);
  GstHarness *h;

  g_object_set (sink, "location", folder, "min-free", (guint64) 0, "max-queue", 100, NULL);
  h = gst_harness_new_with_element (sink, "sink", "src");
  gst_object_unref (sink);
  return h;
}

GST_START_TEST (test_capture_info_and_outages)
{
  GstHarness *h = harness ();
  GstCaptureInfo info = { "gate", "rtsp://gate/", 1769864709250000, 1769864709300000, 7, FALSE };
  GstCaptureOutage outage = { TRUE, "gate", "stale", NULL, 1769864710000000 };
  GstBuffer *buffer = gst_harness_create_buffer (h, 100);
  CatalogueCounts counts;

  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  gst_buffer_memset (buffer, 0, 1, 100);
  gst_buffer_add_capture_info (buffer, &info);
  /* The same frame once more is no news. */
  fail_unless_equals_int (gst_harness_push (h, gst_buffer_ref (buffer)), GST_FLOW_OK);
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  fail_unless (gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              gst_capture_outage_describe (&outage, GST_CAPTURE_OUTAGE_NAME))));
  /* Events of others are none of its business, whatever they hold. */
  fail_unless (gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM, NULL)));
  fail_unless (gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              gst_structure_new_empty ("stranger"))));
  fail_unless_equals_int (gst_harness_buffers_received (h), 2);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  counts = count ();
  fail_unless_equals_int (counts.stored, 1);
  fail_unless_equals_int (counts.outages, 1);
  gst_harness_teardown (h);
}

GST_END_TEST
static guint64
statistic (GstHarness *h, const gchar *name)
{
  g_autoptr (GstStructure) statistics = NULL;
  guint64 value = 0;

  g_object_get (h->element, "statistics", &statistics, NULL);
  fail_unless (gst_structure_get_uint64 (statistics, name, &value));
  return value;
}

/* What a decoder calls damaged is not kept, but goes on; the sound one after it takes its place in the interval. */
GST_START_TEST (test_corrupted)
{
  GstHarness *h = harness ();
  CatalogueCounts counts;

  g_object_set (h->element, "keep-corrupted", __i__, "interval", GST_SECOND, NULL);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  for (guint i = 0; i < 6; i++) {
    GstBuffer *buffer = gst_harness_create_buffer (h, 100);

    gst_buffer_memset (buffer, 0, (guint8) i, 100);
    GST_BUFFER_PTS (buffer) = i * GST_SECOND / 2;
    if (i % 2 == 0)
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_CORRUPTED);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless_equals_int (gst_harness_buffers_received (h), 6);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (statistic (h, "corrupted"), __i__ ? 0 : 3);
  fail_unless_equals_uint64 (statistic (h, "stored"), 3);
  fail_unless_equals_uint64 (statistic (h, "frames"), 3);
  counts = count ();
  fail_unless_equals_int (counts.stored, 3);
  gst_harness_teardown (h);
}

GST_END_TEST
/* Frames that come once an interval, give or take a little, are all kept; of those that come four times as often a quarter. */
GST_START_TEST (test_interval)
{
  static const gint tremble[] = { 0, -3, 4, -5, 5 };    /* milliseconds */
  GstHarness *h = harness ();

  g_object_set (h->element, "interval", __i__ ? 4 * GST_SECOND : GST_SECOND, NULL);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  for (gint i = 0; i < 20; i++) {
    GstBuffer *buffer = gst_harness_create_buffer (h, 100);

    gst_buffer_memset (buffer, 0, i, 100);
    GST_BUFFER_PTS (buffer) = i * GST_SECOND + GST_SECOND + tremble[i % 5] * GST_MSECOND;
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (count ().stored, __i__ ? 5 : 20);
  gst_harness_teardown (h);
}

GST_END_TEST
GST_START_TEST (test_flush_and_caps)
{
  GstHarness *h = harness ();

  gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=16,height=8,framerate=5/1");
  for (gint i = 0; i < 6; i++) {
    GstBuffer *buffer = gst_harness_create_buffer (h, i < 3 ? 16 * 8 * 3 : 32 * 8 * 3);

    gst_buffer_memset (buffer, 0, (guint8) (40 * i), gst_buffer_get_size (buffer));
    if (i == 3) {
      fail_unless (gst_harness_push_event (h, gst_event_new_flush_start ()));
      fail_unless (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
      gst_harness_set_src_caps_str (h, "video/x-raw,format=RGB,width=32,height=8,framerate=5/1");
    }
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_int (count ().stored, 6);
  gst_harness_teardown (h);
}

GST_END_TEST
GST_START_TEST (test_states)
{
  GstElement *sink = gst_element_factory_make ("dataset-sink", NULL);
  GDir *dir;
  guint files = 0;

  gst_object_ref_sink (sink);
  g_object_set (sink, "location", folder, NULL);
  for (gint i = 0; i < 100; i++) {
    guint now = 0;

    fail_unless_equals_int (gst_element_set_state (sink, GST_STATE_PLAYING), GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state (sink, GST_STATE_NULL);
    dir = g_dir_open ("/proc/self/fd", 0, NULL);
    while (g_dir_read_name (dir))
      now++;
    g_dir_close (dir);
    if (i == 10)
      files = now;
    fail_unless (i < 10 || now <= files + 2);
  }
  gst_object_unref (sink);
}

GST_END_TEST
static void
assert_error (gchar *words, const gchar *part)
{
  fail_unless (words && strstr (words, part), "the error is %s", words);
  g_free (words);
}

GST_START_TEST (test_errors)
{
  g_autoptr (Catalogue) other = NULL;
  g_autofree gchar *file = g_build_filename (folder, "file", NULL);

  assert_error (play ("videotestsrc num-buffers=1 ! dataset-sink"), "set location");
  assert_error (play ("videotestsrc num-buffers=1 ! dataset-sink location=%s labels=people", folder), "META.FIELD");
  g_file_set_contents (file, "", 0, NULL);
  assert_error (play ("videotestsrc num-buffers=1 ! dataset-sink location=%s/file", folder), "Take a folder that");
  other = catalogue_open (folder, NULL);
  assert_error (play ("videotestsrc num-buffers=1 ! dataset-sink location=%s", folder), "another process or element");
}

GST_END_TEST
/* A disk of two megabytes: storing pauses once, the stream goes on, and storing goes on when there is room. Without a
 * reserve it is the catalogue that meets the end of the disk: the images are small. */
GST_START_TEST (test_full_disk)
{
  static const guint64 reserves[] = { 200000, 0 };
  g_autofree gchar *ballast = g_build_filename (folder, "ballast", NULL), *zeros = g_malloc0 (1400000);
  GstElement *pipeline, *sink;
  GstMessage *message;
  GstBus *bus;
  guint64 stored;

  if (mount ("none", folder, "tmpfs", 0, "size=2m") != 0) {
    g_print ("without a small disk: not tested\n");
    return;
  }
  pipeline = gst_parse_launch ("videotestsrc is-live=true pattern=ball ! video/x-raw,width=32,height=24,framerate=50/1 ! "
      "dataset-sink name=sink max-queue=100 ! fakesink", NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  g_object_set (sink, "location", folder, "min-free", reserves[__i__], NULL);
  bus = gst_element_get_bus (pipeline);
  g_file_set_contents (ballast, zeros, 1400000, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  do {
    message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
    fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT);
    stored = gst_message_has_name (message, "dataset-paused");
    gst_message_unref (message);
  } while (!stored);
  g_unlink (ballast);
  do {
    message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_ELEMENT | GST_MESSAGE_ERROR);
    fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT);
    fail_if (gst_message_has_name (message, "dataset-paused"), "it pauses twice");
    stored = gst_message_has_name (message, "dataset-resumed");
    gst_message_unref (message);
  } while (!stored);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (count ().stored > 1);
  gst_object_unref (bus);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  umount (folder);
}

GST_END_TEST
/* ---- a catalogue that cannot be written --------------------------------------------------------------------------------- */

static void
wait_for (GstHarness *h, const gchar *name, guint64 value)
{
  for (guint i = 0; i < 3000 && statistic (h, name) < value; i++)
    g_usleep (10000);
  fail_unless_equals_uint64 (statistic (h, name), value);
}

/* Frames of a kilobyte; no two are the same. */
static void
push_frames (GstHarness *h, guint n, gint64 from)
{
  for (gint64 i = from; i < from + n; i++) {
    GstCaptureInfo info = { "gate", NULL, i * G_USEC_PER_SEC, i * G_USEC_PER_SEC, (guint64) i, FALSE };
    GstBuffer *buffer = gst_harness_create_buffer (h, 1000);

    gst_buffer_memset (buffer, 0, (guint8) i, 1000);
    gst_buffer_add_capture_info (buffer, &info);
    fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  }
}

/* No file of this process may grow beyond so many bytes: a disk that takes small files and no longer the log. */
static void
limit_files (rlim_t bytes)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  fail_unless_equals_int (getrlimit (RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  fail_unless_equals_int (setrlimit (RLIMIT_FSIZE, &limit), 0);
}

static guint
files_in (const gchar *name)
{
  g_autofree gchar *path = g_build_filename (folder, name, NULL);
  GDir *dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  if (dir)
    g_dir_close (dir);
  return n;
}

static guint
warnings_on (GstBus *bus)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR))) {
    fail_unless (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING);
    gst_message_unref (message);
    n++;
  }
  return n;
}

/* A sink begins with that folder, and ends. */
static guint
warnings_of_a_start (void)
{
  GstElement *sink = gst_element_factory_make ("dataset-sink", NULL);
  GstBus *bus = gst_bus_new ();
  guint n;

  g_object_set (sink, "location", folder, "min-free", (guint64) 0, NULL);
  gst_element_set_bus (sink, bus);
  fail_unless (gst_element_set_state (sink, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  n = warnings_on (bus);
  gst_element_set_state (sink, GST_STATE_NULL);
  gst_element_set_bus (sink, NULL);
  gst_object_unref (sink);
  gst_object_unref (bus);
  return n;
}

/* Commits fail for a while, with the image on the disk already. What was stored stays, what was not has no row, one warning
 * tells of it, and storing goes on. */
GST_START_TEST (test_failed_commit)
{
  g_autofree gchar *log = g_build_filename (folder, "catalogue.sqlite-wal", NULL);
  GstHarness *h = harness ();
  GstBus *bus = gst_bus_new ();
  struct stat size;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  push_frames (h, 20, 1);
  wait_for (h, "stored", 20);
  fail_unless_equals_int (stat (log, &size), 0);
  limit_files (size.st_size);
  push_frames (h, 3, 21);
  wait_for (h, "failed", 3);
  fail_unless_equals_int (warnings_on (bus), 1);
  limit_files (RLIM_INFINITY);
  push_frames (h, 5, 24);
  wait_for (h, "stored", 25);
  limit_files (size.st_size);
  push_frames (h, 1, 29);
  wait_for (h, "failed", 4);
  fail_unless_equals_int (warnings_on (bus), 1);        /* of a new failure */
  limit_files (RLIM_INFINITY);
  push_frames (h, 1, 30);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (statistic (h, "stored") + statistic (h, "failed"), statistic (h, "frames"));
  gst_bus_set_flushing (bus, TRUE);     /* its messages hold the element, which holds the bus */
  gst_harness_teardown (h);
  gst_object_unref (bus);

  /* A commit that failed so may have reached the disk all the same; the next start sees that none did, and says so. */
  fail_unless_equals_int (warnings_of_a_start (), 1);
  fail_unless_equals_int (warnings_of_a_start (), 0);
  fail_unless_equals_int (count ().stored, 26);
  fail_unless_equals_int (count ().missing, 0);
  fail_unless_equals_int (files_in ("lost"), 4);
}

GST_END_TEST
static void
push_outage (GstHarness *h, gboolean begins, gint64 at)
{
  GstCaptureOutage outage = { begins, "gate", "stale", NULL, at };

  fail_unless (gst_harness_push_event (h, gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              gst_capture_outage_describe (&outage, GST_CAPTURE_OUTAGE_NAME))));
}

/* "100-200 300-", as they are written now. */
static gchar *
outages (void)
{
  g_autofree gchar *file = g_build_filename (folder, "catalogue.sqlite", NULL);
  GString *words = g_string_new (NULL);
  sqlite3_stmt *statement;
  sqlite3 *db;

  fail_unless_equals_int (sqlite3_open_v2 (file, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  fail_unless_equals_int (sqlite3_prepare_v2 (db, "SELECT began_at || '-' || ifnull (ended_at, '') FROM outage ORDER BY "
          "began_at", -1, &statement, NULL), SQLITE_OK);
  while (sqlite3_step (statement) == SQLITE_ROW)
    g_string_append_printf (words, "%s%s", words->len ? " " : "", (const gchar *) sqlite3_column_text (statement, 0));
  sqlite3_finalize (statement);
  sqlite3_close (db);
  return g_string_free (words, FALSE);
}

static void
wait_for_outages (const gchar *expected)
{
  g_autofree gchar *words = outages ();

  for (guint i = 0; i < 1000 && !g_str_equal (words, expected); i++) {
    g_usleep (10000);
    g_free (words);
    words = outages ();
  }
  fail_unless_equals_string (words, expected);
}

/* An outage that begins and ends while nothing can be written is written afterwards, without any frame that would ask for
 * it, and those after it too. */
GST_START_TEST (test_outage_while_the_disk_is_full)
{
  g_autofree gchar *log = g_build_filename (folder, "catalogue.sqlite-wal", NULL);
  GstHarness *h = harness ();
  GstBus *bus = gst_bus_new ();
  struct stat size;
  guint told = 0;

  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  push_frames (h, 5, 1);
  wait_for (h, "stored", 5);
  fail_unless_equals_int (stat (log, &size), 0);
  limit_files (size.st_size);
  push_outage (h, TRUE, 100);
  push_outage (h, FALSE, 200);
  push_outage (h, TRUE, 300);
  for (guint i = 0; i < 1000 && told == 0; i++) {
    g_usleep (10000);
    told = warnings_on (bus);
  }
  fail_unless_equals_int (told, 1);
  limit_files (RLIM_INFINITY);
  wait_for_outages ("100-200 300-");
  push_outage (h, FALSE, 400);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  fail_unless_equals_uint64 (statistic (h, "failed"), 0);       /* of frames, none */
  gst_bus_set_flushing (bus, TRUE);
  gst_harness_teardown (h);
  gst_object_unref (bus);
  wait_for_outages ("100-200 300-400");
}

GST_END_TEST
/* Limits that cannot be kept are told once, until they are. */
GST_START_TEST (test_failed_prune)
{
  GstHarness *h = harness ();
  GstBus *bus = gst_bus_new ();

  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  push_frames (h, 20, 1);
  fail_unless (gst_harness_push_event (h, gst_event_new_eos ()));
  gst_harness_teardown (h);
  h = harness ();
  gst_element_set_state (h->element, GST_STATE_NULL);   /* for what is to be set at rest; each frame looks for room */
  g_object_set (h->element, "max-frames", (guint64) 5, "min-free", G_GUINT64_CONSTANT (1) << 62, NULL);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  gst_element_set_bus (h->element, bus);
  gst_harness_set_src_caps_str (h, "image/jpeg,width=8,height=6");
  limit_files (1000);
  push_frames (h, 3, 21);
  wait_for (h, "dropped", 3);
  fail_unless_equals_int (warnings_on (bus), 1);
  limit_files (RLIM_INFINITY);
  push_frames (h, 1, 24);
  wait_for (h, "dropped", 4);
  fail_unless_equals_int (warnings_on (bus), 0);
  gst_bus_set_flushing (bus, TRUE);     /* its messages hold the element, which holds the bus */
  gst_harness_teardown (h);
  gst_object_unref (bus);
  fail_unless_equals_int (count ().stored, 5);
}

GST_END_TEST
static Suite *
dataset_sink_suite (void)
{
  Suite *suite = suite_create ("dataset-sink");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_test (tests, test_end_of_a_pipeline);
  tcase_add_test (tests, test_label_of_no_frame);
  tcase_add_test (tests, test_middle_of_a_pipeline);
  tcase_add_test (tests, test_images_as_they_are);
  tcase_add_test (tests, test_limits);
  tcase_add_test (tests, test_capture_info_and_outages);
  tcase_add_loop_test (tests, test_corrupted, 0, 2);
  tcase_add_loop_test (tests, test_interval, 0, 2);
  tcase_add_test (tests, test_flush_and_caps);
  tcase_add_test (tests, test_states);
  tcase_add_test (tests, test_errors);
  tcase_add_loop_test (tests, test_full_disk, 0, 2);
  tcase_add_test (tests, test_outage_while_the_disk_is_full);
  tcase_add_test (tests, test_failed_commit);
  tcase_add_test (tests, test_failed_prune);
  return suite;
}

GST_CHECK_MAIN (dataset_sink)
