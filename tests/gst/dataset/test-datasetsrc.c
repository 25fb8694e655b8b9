/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-datasetsrc.c: frames that were kept come back: all, each once an epoch, in order or shuffled, chosen and split, with
 * their labels; and what is said of those that are gone.
 */
#include "gst/dataset/catalogue.h"
#include "gst/common/gstcaptureinfo.h"
#include "tests/models/temp-folder.h"

#include <glib/gstdio.h>
#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

enum { N = 24 };
/* 2026-01-31T07:00:00Z; the frames are an hour apart. */
#define BEGIN (G_GINT64_CONSTANT (1769842800) * G_USEC_PER_SEC)
#define HOUR ((gint64) 3600 * G_USEC_PER_SEC)

static gchar *folder;

/* A PNG of one colour. */
static GBytes *
picture (gint n)
{
  g_autofree gchar *launch = g_strdup_printf ("videotestsrc num-buffers=1 pattern=solid-color foreground-color=%u ! "
      "video/x-raw,width=%d,height=16 ! videoconvert ! pngenc", 0xff000000u + (guint) n * 0x050301, n % 2 ? 24 : 16);
  GstHarness *h = gst_harness_new_parse (launch);
  GstBuffer *buffer;
  GstMapInfo map;
  GBytes *bytes;

  gst_harness_play (h);
  buffer = gst_harness_pull (h);
  fail_unless (gst_buffer_map (buffer, &map, GST_MAP_READ));
  bytes = g_bytes_new (map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
  return bytes;
}

/* Frames 0..N-1; the even ones are of "gate", the others of "yard"; every third is labelled with its number. */
static void
set_up (void)
{
  Catalogue *catalogue;

  folder = temp_folder_new ();
  catalogue = catalogue_open (folder, NULL);
  fail_unless (catalogue != NULL);
  for (gint i = 0; i < N; i++) {
    g_autoptr (GBytes) image = picture (i);
    g_autofree gchar *value = g_strdup_printf ("%d", i);
    CatalogueLabel label = { "people", value, "hand" };
    CatalogueFrame frame = { .source = i % 2 ? "yard" : "gate", .captured_at = BEGIN + i * HOUR,
      .received_at = BEGIN, .media_sequence = G_MAXUINT64, .pts = G_MAXUINT64, .width = 16, .height = 16, .suffix = "png",
      .image = image, .labels = &label, .n_labels = i % 3 == 0 };

    fail_unless_equals_int (catalogue_add (catalogue, &frame, NULL, NULL, NULL), CATALOGUE_STORED);
  }
  catalogue_close (catalogue);
}

static void
tear_down (void)
{
  temp_folder_remove (folder);
  g_free (folder);
}

/* Checks what every frame has to bring, and notes its number. */
static void
on_frame (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
  GArray *numbers = data;
  GstCustomMeta *meta = gst_meta_get_info ("GstFrameLabels") ? gst_buffer_get_custom_meta (buffer, "GstFrameLabels") : NULL;
  GstCaptureInfo info;
  gint n;

  fail_unless (gst_buffer_get_capture_info (buffer, &info));
  n = (gint) ((info.captured_at - BEGIN) / HOUR);
  fail_unless_equals_string (info.source, n % 2 ? "yard" : "gate");
  fail_unless_equals_int (meta != NULL, n % 3 == 0);
  if (meta)
    fail_unless_equals_int (atoi (gst_structure_get_string (gst_custom_meta_get_structure (meta), "people")), n);
  fail_unless_equals_uint64 (GST_BUFFER_PTS (buffer), numbers->len * GST_BUFFER_DURATION (buffer));
  g_array_append_val (numbers, n);
}

/* The numbers of the frames that `properties` let through. */
static GArray *
replay (const gchar *properties)
{
  g_autofree gchar *launch = g_strdup_printf ("dataset-src location=%s %s ! fakesink name=sink signal-handoffs=true", folder,
      properties);
  GstElement *pipeline = gst_parse_launch (launch, NULL), *sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (gint));
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  g_signal_connect (sink, "handoff", G_CALLBACK (on_frame), numbers);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (sink);
  gst_object_unref (pipeline);
  return numbers;
}

static void
assert_numbers (const gchar *properties, gint n, gint head, gint tail)
{
  GArray *numbers = replay (properties);

  fail_unless_equals_int (numbers->len, n);
  fail_unless_equals_int (g_array_index (numbers, gint, 0), head);
  fail_unless_equals_int (g_array_index (numbers, gint, n - 1), tail);
  g_array_unref (numbers);
}

/* Each of 0..N-1 once in numbers[from..from+N). */
static void
assert_each_once (const GArray *numbers, guint from)
{
  gboolean seen[N] = { FALSE };

  fail_unless (numbers->len >= from + N);
  for (guint i = from; i < from + N; i++) {
    gint n = g_array_index (numbers, gint, i);
    fail_unless (!seen[n]);
    seen[n] = TRUE;
  }
}

GST_START_TEST (test_choice)
{
  assert_numbers ("", N, 0, N - 1);
  assert_numbers ("source=gate", N / 2, 0, N - 2);
  assert_numbers ("labeled=labeled", N / 3, 0, 21);
  assert_numbers ("labeled=unlabeled", N - N / 3, 1, N - 1);
  assert_numbers ("after=2026-01-31T09:00:00Z", N - 2, 2, N - 1);
  assert_numbers ("before=2026-01-31T09:00:00Z", 2, 0, 1);
  assert_numbers ("after=2026-01-31T10:00:00+01:00 before=2026-01-31T12:00:00 source=yard", 1, 3, 3);
}

GST_END_TEST
GST_START_TEST (test_split)
{
  /* Blocks of four hours, a quarter of them for testing. */
  const gchar *blocks = "split-block=14400000000000 split-test=0.25";
  g_autofree gchar *train = g_strdup_printf ("split=train %s", blocks), *test = g_strdup_printf ("split=test %s", blocks);
  GArray *a = replay (train), *b = replay (test);
  gboolean tests_block[N] = { FALSE };

  fail_unless_equals_int (a->len + b->len, N);
  fail_unless (b->len >= 3 && b->len <= 8);
  for (guint i = 0; i < b->len; i++)
    tests_block[(g_array_index (b, gint, i) + 7) / 4] = TRUE;   /* 7 o'clock is the fourth hour of its block */
  for (guint i = 0; i < a->len; i++)
    fail_if (tests_block[(g_array_index (a, gint, i) + 7) / 4]);
  g_array_unref (a);
  g_array_unref (b);
}

GST_END_TEST
GST_START_TEST (test_epochs)
{
  GArray *a = replay ("shuffle=true seed=7 epochs=2"), *b = replay ("shuffle=true seed=7 epochs=2 cache-size=0");
  GArray *c = replay ("shuffle=true seed=8 epochs=2"), *plain = replay ("epochs=2");

  fail_unless_equals_int (a->len, 2 * N);
  assert_each_once (a, 0);
  assert_each_once (a, N);
  assert_each_once (c, 0);
  fail_unless (memcmp (a->data, b->data, 2 * N * sizeof (gint)) == 0);
  fail_unless (memcmp (a->data, c->data, N * sizeof (gint)) != 0);
  fail_unless (memcmp (a->data, a->data + N * sizeof (gint), N * sizeof (gint)) != 0);
  for (gint i = 0; i < 2 * N; i++)
    fail_unless_equals_int (g_array_index (plain, gint, i), i % N);
  g_array_unref (a);
  g_array_unref (b);
  g_array_unref (c);
  g_array_unref (plain);
}

GST_END_TEST

/* ---- what goes wrong ------------------------------------------------------------------------------------------------ */

static GstMessage *
run_to_message (const gchar *properties, GstMessageType wanted)
{
  g_autofree gchar *launch = g_strdup_printf ("dataset-src %s ! fakesink", properties);
  GstElement *pipeline = gst_parse_launch (launch, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, wanted);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  fail_unless (message != NULL);
  return message;
}

static void
assert_error (const gchar *properties, const gchar *words)
{
  GstMessage *message = run_to_message (properties, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  GError *error = NULL;

  fail_unless_equals_int (GST_MESSAGE_TYPE (message), GST_MESSAGE_ERROR);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (strstr (error->message, words) != NULL, "\"%s\" does not say \"%s\"", error->message, words);
  g_error_free (error);
  gst_message_unref (message);
}

GST_START_TEST (test_errors)
{
  g_autofree gchar *none = g_strdup_printf ("location=%s source=roof", folder);
  g_autofree gchar *time = g_strdup_printf ("location=%s after=yesterday", folder);

  assert_error ("", "Set the property 'location'");
  assert_error ("location=/nowhere/at/all", "/nowhere/at/all is no dataset: there is no catalogue.sqlite. Set the property");
  assert_error (none, "holds no frame that fits");
  assert_error (time, "after=yesterday is no time");
}

GST_END_TEST

static gboolean
damage_row (const CatalogueRow *row, gpointer data)
{
  gint *n = data;
  g_autofree gchar *file = g_build_filename (folder, row->path, NULL);

  if (*n < 1)
    g_remove (file);
  else if (*n < 2)
    g_file_set_contents (file, "no picture", -1, NULL);
  return ++*n < 2;
}

GST_START_TEST (test_damaged)
{
  Catalogue *catalogue = catalogue_open_read (folder, NULL);
  g_autofree gchar *properties = g_strdup_printf ("location=%s", folder);
  GstMessage *warning;
  GError *error = NULL;
  gint n = 0;

  fail_unless (catalogue_each (catalogue, damage_row, &n, NULL));
  catalogue_close (catalogue);
  assert_numbers ("", N - 2, 2, N - 1);
  assert_numbers ("epochs=2", 2 * (N - 2), 2, N - 1);
  warning = run_to_message (properties, GST_MESSAGE_WARNING);
  gst_message_parse_warning (warning, &error, NULL);
  fail_unless (strstr (error->message, ".png") != NULL && strstr (error->message, "left out") != NULL);
  g_error_free (error);
  gst_message_unref (warning);
}

GST_END_TEST
GST_START_TEST (test_nothing_readable)
{
  g_autofree gchar *properties = g_strdup_printf ("location=%s epochs=0", folder);
  g_autofree gchar *frames = g_build_filename (folder, "frames", NULL);

  temp_folder_remove (frames);
  assert_error (properties, "None of the 24 frames can be read");
}

GST_END_TEST
GST_START_TEST (test_states)
{
  g_autofree gchar *launch = g_strdup_printf ("dataset-src location=%s epochs=0 shuffle=true ! fakesink", folder);
  GstElement *pipeline = gst_parse_launch (launch, NULL);

  for (gint i = 0; i < 20; i++) {
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    if (i % 2)
      gst_element_get_state (pipeline, NULL, NULL, 10 * GST_SECOND);
    gst_element_set_state (pipeline, i % 4 ? GST_STATE_NULL : GST_STATE_READY);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

GST_END_TEST

/* Whoever shows how far a replay is has to know how long it will be. */
GST_START_TEST (test_duration)
{
  /* Of the last two nobody knows, and none can be told. */
  static const guint epochs[] = { 1, 3, 0, G_MAXUINT };
  GstElement *src = gst_element_factory_make ("dataset-src", NULL);

  g_object_set (src, "location", folder, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (epochs); i++) {
    gint64 duration = -1;

    g_object_set (src, "epochs", epochs[i], NULL);
    fail_unless_equals_int (gst_element_set_state (src, GST_STATE_PAUSED), GST_STATE_CHANGE_SUCCESS);
    gst_element_query_duration (src, GST_FORMAT_TIME, &duration);
    fail_unless_equals_int64 (duration, i < 2 ? (gint64) (N * epochs[i] * GST_SECOND / 10) : -1);
    gst_element_set_state (src, GST_STATE_NULL);
  }
  gst_object_unref (src);
}

GST_END_TEST
static Suite *
dataset_src_suite (void)
{
  Suite *suite = suite_create ("dataset-src");
  TCase *tests = tcase_create ("all");

  tcase_add_checked_fixture (tests, set_up, tear_down);
  tcase_add_test (tests, test_choice);
  tcase_add_test (tests, test_split);
  tcase_add_test (tests, test_epochs);
  tcase_add_test (tests, test_errors);
  tcase_add_test (tests, test_damaged);
  tcase_add_test (tests, test_nothing_readable);
  tcase_add_test (tests, test_states);
  tcase_add_test (tests, test_duration);
  suite_add_tcase (suite, tests);
  return suite;
}

GST_CHECK_MAIN (dataset_src);
