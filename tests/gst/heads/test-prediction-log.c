/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-prediction-log.c: predictions as JSON lines, and that nothing the file or its reader does harms the stream.
 */
#include "../full-device.h"
#include "predict-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gst/heads/gstpredictionlog.h"

static JsonObject *
parse (const gchar *line, JsonParser *parser)
{
  GError *error = NULL;

  json_parser_load_from_data (parser, line, -1, &error);
  g_assert_no_error (error);
  return json_node_get_object (json_parser_get_root (parser));
}

GST_START_TEST (test_format)
{
  g_autoptr (GString) line = g_string_new ("what stood here before");
  g_autoptr (JsonParser) parser = json_parser_new ();
  const GstHeadPrediction predictions[] = {
    { "people", "count", 3, NAN, "\"people\" \\ \n\x01", "3 p\xc3\xa4ople", "1111111111111111", "2222222222222222" },
    { "light", "class", 1, 0.1, "", "broken \xff utf8", "3333333333333333", "2222222222222222" },
    { "level", "scalar", 0.1 + 0.2, NAN, NULL, NULL, NULL, NULL },
  };
  GstPredictionRecord record = { .time = G_GINT64_CONSTANT (1714564800040999), .pts = 40 * GST_MSECOND,
    .running_time = GST_CLOCK_TIME_NONE, .model_id = "2222222222222222", .predictions = predictions, .n = 3
  };
  JsonObject *root, *all, *one;

  gst_prediction_record_format (&record, line);
  fail_unless (g_str_has_suffix (line->str, "}\n") && strchr (line->str, '\n') == line->str + line->len - 1);
  root = parse (line->str, parser);
  assert_equals_string (json_object_get_string_member (root, "time"), "2024-05-01T12:00:00.040Z");
  assert_equals_int64 (json_object_get_int_member (root, "pts_ns"), 40000000);
  fail_unless (json_object_get_null_member (root, "running_time_ns"));
  assert_equals_string (json_object_get_string_member (root, "model_id"), "2222222222222222");

  all = json_object_get_object_member (root, "predictions");
  assert_equals_int (json_object_get_size (all), 3);
  one = json_object_get_object_member (all, "people");
  assert_equals_string (json_object_get_string_member (one, "kind"), "count");
  assert_equals_string (json_object_get_string_member (one, "unit"), predictions[0].unit);
  assert_equals_string (json_object_get_string_member (one, "text"), predictions[0].text);
  assert_equals_string (json_object_get_string_member (one, "head_id"), "1111111111111111");
  fail_unless (json_object_get_null_member (one, "confidence"));
  fail_unless (strstr (line->str, "\"value\":3,") != NULL, "%s", line->str);
  one = json_object_get_object_member (all, "light");
  fail_unless (strstr (line->str, "\"confidence\":0.1,") != NULL, "%s", line->str);
  fail_unless (g_utf8_validate (json_object_get_string_member (one, "text"), -1, NULL));
  one = json_object_get_object_member (all, "level");
  fail_unless (json_object_get_double_member (one, "value") == 0.1 + 0.2);

  record.model_id = NULL;
  record.n = 0;
  gst_prediction_record_format (&record, line);
  root = parse (line->str, parser);
  fail_unless (json_object_get_null_member (root, "model_id"));
  assert_equals_int (json_object_get_size (json_object_get_object_member (root, "predictions")), 0);
}
GST_END_TEST

typedef struct {
  PredictFixture f;
  gchar *head, *location;
} LogFixture;

static void
log_fixture_init (LogFixture *log, const gchar *location)
{
  predict_fixture_init (&log->f);
  log->head = head_file_write (log->f.folder, "count", "people", GH_HEAD_COUNT, -18, NULL);
  log->location = location ? g_strdup (location) : g_build_filename (log->f.folder, "predictions.jsonl", NULL);
  g_object_set (log->f.element, "location", log->location, NULL);
}

static void
log_fixture_clear (LogFixture *log)
{
  predict_fixture_clear (&log->f);
  g_free (log->head);
  g_free (log->location);
}

/* The file's lines without the empty one after the last. */
static gchar **
read_lines (LogFixture *log)
{
  gchar *text = NULL, **lines;

  fail_unless (g_file_get_contents (log->location, &text, NULL, NULL));
  fail_unless (*text == '\0' || g_str_has_suffix (text, "\n"));
  if (*text)
    text[strlen (text) - 1] = '\0';
  lines = g_strsplit (text, "\n", -1);
  g_free (text);
  return lines;
}

static void
expect_lines (LogFixture *log, guint n)
{
  g_auto (GStrv) lines = read_lines (log);

  assert_equals_int (g_strv_length (lines), n);
}

/* Each line is in the file before the next frame; frames without a prediction leave none. */
GST_START_TEST (test_file)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (GStrv) lines = NULL;
  g_autoptr (GDateTime) time = NULL;
  gint64 now = g_get_real_time ();
  JsonObject *root, *people;
  LogFixture log;

  log_fixture_init (&log, NULL);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  predict_fixture_ask (&log.f, 1, "people");
  expect_lines (&log, 1);
  gst_buffer_unref (predict_fixture_pass (&log.f, predict_fixture_bare_frame (&log.f)));
  predict_fixture_ask (&log.f, 2.5, "people");

  lines = read_lines (&log);
  assert_equals_int (g_strv_length (lines), 2);
  root = parse (lines[1], parser);
  assert_equals_int64 (json_object_get_int_member (root, "pts_ns"), 200 * GST_MSECOND);
  assert_equals_int64 (json_object_get_int_member (root, "running_time_ns"), 200 * GST_MSECOND);
  assert_equals_string (json_object_get_string_member (root, "model_id"), HEAD_FILE_ENCODER_ID);
  people = json_object_get_object_member (json_object_get_object_member (root, "predictions"), "people");
  assert_equals_float (json_object_get_double_member (people, "value"), 4.5);
  time = g_date_time_new_from_iso8601 (json_object_get_string_member (root, "time"), NULL);
  fail_unless (ABS (g_date_time_to_unix (time) - now / G_USEC_PER_SEC) < 60);
  log_fixture_clear (&log);
}
GST_END_TEST

GST_START_TEST (test_restart_and_append)
{
  LogFixture log;

  log_fixture_init (&log, NULL);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  for (guint i = 0; i < 3; i++)
    predict_fixture_ask (&log.f, 1, "people");
  for (guint i = 0; i < 2; i++) {
    predict_fixture_stop (&log.f);
    g_object_set (log.f.element, "append", i == 1, NULL);
    predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
    predict_fixture_ask (&log.f, 1, "people");
    expect_lines (&log, i + 1);
  }
  log_fixture_clear (&log);
}
GST_END_TEST

/* The frame's own time of day wins, in either epoch. */
GST_START_TEST (test_reference_time)
{
  static const struct {
    const gchar *caps;
    guint64 seconds;
    const gchar *time;
  } references[] = {
    { "timestamp/x-unix", 1714564800, "2024-05-01T12:00:00.250Z" },
    { "timestamp/x-ntp", 1714564800 + G_GUINT64_CONSTANT (2208988800), "2024-05-01T12:00:00.250Z" },
  };
  g_auto (GStrv) lines = NULL;
  LogFixture log;

  log_fixture_init (&log, NULL);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  for (guint i = 0; i < G_N_ELEMENTS (references); i++) {
    GstBuffer *buffer = predict_fixture_frame (&log.f, 1, NULL);
    GstCaps *caps = gst_caps_new_empty_simple (references[i].caps);

    gst_buffer_add_reference_timestamp_meta (buffer, caps, references[i].seconds * GST_SECOND + 250 * GST_MSECOND,
        GST_CLOCK_TIME_NONE);
    gst_caps_unref (caps);
    gst_buffer_unref (predict_fixture_pass (&log.f, buffer));
  }
  lines = read_lines (&log);
  for (guint i = 0; i < G_N_ELEMENTS (references); i++)
    fail_unless (strstr (lines[i], references[i].time) != NULL, "%s", lines[i]);
  log_fixture_clear (&log);
}
GST_END_TEST

/* On a clock of its own: a frame that is late is dated back, one that is early is dated now. */
GST_START_TEST (test_clock_time)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_auto (GStrv) lines = NULL;
  gint64 now = g_get_real_time ();
  LogFixture log;

  log_fixture_init (&log, NULL);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  gst_harness_use_testclock (log.f.h);
  gst_element_set_base_time (log.f.element, 0);
  gst_harness_set_time (log.f.h, 10 * GST_SECOND);
  log.f.pushed = 40;            /* 4 s */
  predict_fixture_ask (&log.f, 1, "people");
  log.f.pushed = 9000;          /* 900 s */
  predict_fixture_ask (&log.f, 1, "people");

  lines = read_lines (&log);
  for (guint i = 0; i < 2; i++) {
    const gchar *text = json_object_get_string_member (parse (lines[i], parser), "time");
    g_autoptr (GDateTime) time = g_date_time_new_from_iso8601 (text, NULL);
    gint64 ago = now / G_USEC_PER_SEC - g_date_time_to_unix (time), expected = i == 0 ? 6 : 0;

    fail_unless (ago <= expected + 1 && ago > expected - 30, "%s is %" G_GINT64_FORMAT " s ago", text, ago);
  }
  log_fixture_clear (&log);
}
GST_END_TEST

/* One warning, then the stream goes on without writing. */
static void
expect_broken_log (LogFixture *log, gint code)
{
  GstMessage *message;
  GError *error = NULL;

  for (guint i = 0; i < 3; i++)
    assert_equals_float (predict_fixture_ask (&log->f, 1, "people"), 3);
  message = predict_fixture_pop (&log->f, GST_MESSAGE_WARNING);
  fail_unless (message != NULL);
  gst_message_parse_warning (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, code), "%d: %s", error->code, error->message);
  fail_unless (strstr (error->message, log->location) != NULL, "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  assert_equals_int (predict_fixture_count (&log->f, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR, NULL), 0);
}

GST_START_TEST (test_disk_full)
{
  LogFixture log;

  if (!has_full_device ())
    return;
  log_fixture_init (&log, "/dev/full");
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  expect_broken_log (&log, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
  log_fixture_clear (&log);
}
GST_END_TEST

static void
make_fifo (LogFixture *log)
{
  log_fixture_init (log, NULL);
  fail_unless (mkfifo (log->location, 0600) == 0);
}

/* A pipe nobody reads is an error at once instead of a state change that never ends. */
GST_START_TEST (test_pipe_without_reader)
{
  g_autofree gchar *text = NULL;
  LogFixture log;

  make_fifo (&log);
  text = predict_fixture_fail_start (&log.f, log.head, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE);
  fail_unless (strstr (text, "reader") != NULL, "%s", text);
  log_fixture_clear (&log);
}
GST_END_TEST

GST_START_TEST (test_pipe_closed)
{
  gchar line[4096];
  LogFixture log;
  gint reader;

  signal (SIGPIPE, SIG_DFL);
  make_fifo (&log);
  reader = g_open (log.location, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  predict_fixture_ask (&log.f, 1, "people");
  fail_unless (read (reader, line, sizeof line) > 100 && line[0] == '{');
  close (reader);
  expect_broken_log (&log, GST_RESOURCE_ERROR_WRITE);
  log_fixture_clear (&log);
}
GST_END_TEST

static gpointer
push_until_stopped (gpointer data)
{
  LogFixture *log = data;

  while (gst_harness_push (log->f.h, predict_fixture_frame (&log->f, 1, NULL)) == GST_FLOW_OK);
  return NULL;
}

/* A reader that stands still holds the stream, but not the state change that ends it. */
GST_START_TEST (test_pipe_full)
{
  GThread *thread;
  guint64 frames = 0, before;
  LogFixture log;
  gint reader;

  make_fifo (&log);
  reader = g_open (log.location, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  predict_fixture_start (&log.f, log.head, VIDEO_CAPS);
  gst_harness_set_drop_buffers (log.f.h, TRUE);
  thread = g_thread_new ("pusher", push_until_stopped, &log);
  do {
    before = frames;
    g_usleep (200 * 1000);
    frames = predict_fixture_stat (&log.f, "frames");
  } while (frames == 0 || frames != before);
  gst_element_set_state (log.f.element, GST_STATE_NULL);
  g_thread_join (thread);
  close (reader);
  assert_equals_int (predict_fixture_count (&log.f, GST_MESSAGE_WARNING | GST_MESSAGE_ERROR, NULL), 0);
  log_fixture_clear (&log);
}
GST_END_TEST

static Suite *
prediction_log_suite (void)
{
  Suite *suite = suite_create ("prediction-log");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_format);
  tcase_add_test (tests, test_file);
  tcase_add_test (tests, test_restart_and_append);
  tcase_add_test (tests, test_reference_time);
  tcase_add_test (tests, test_clock_time);
  tcase_add_test (tests, test_disk_full);
  tcase_add_test (tests, test_pipe_without_reader);
  tcase_add_test (tests, test_pipe_closed);
  tcase_add_test (tests, test_pipe_full);
  return suite;
}

GST_CHECK_MAIN (prediction_log)
