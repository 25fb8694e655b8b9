/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scaleuploader.c: frames through scale-uploader to the Scale server: what arrives, what the outbox says of it, and
 * what becomes of both when the network, the service or the settings are not as they should be. */
#include "gst/dataset/catalogue.h"
#include "scale-server.h"

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <glib/gstdio.h>
#include <libsoup/soup.h>
#include <string.h>

static gchar *folder;
static ScaleServer *server;

/* ---- the service ------------------------------------------------------------------------------------------------------- */

static gboolean
trust (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flags, gpointer data)
{
  return TRUE;
}

static void
ask (const gchar *path, const gchar *body)
{
  g_autofree gchar *url = g_strconcat (scale_server_url (server), path, NULL);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("POST", url);
  g_autoptr (GBytes) bytes = g_bytes_new (body, strlen (body)), answer = NULL;

  soup_message_headers_append (soup_message_get_request_headers (message), "Authorization",
      "Basic dGVzdF9zY2FsZV9zZXJ2ZXI6");
  soup_message_set_request_body_from_bytes (message, "application/json", bytes);
  g_signal_connect (message, "accept-certificate", G_CALLBACK (trust), NULL);
  answer = soup_session_send_and_read (session, message, NULL, NULL);
  fail_unless_equals_int (soup_message_get_status (message), 200);
}

static void
serve (void)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autofree gchar *state = g_build_filename (folder, "server-state", NULL);

  options.state_file = state;   /* of a server before this one, too */
  server = scale_server_new (&options, NULL);
  fail_unless (server != NULL);
}

static void
add_fault (const gchar *fault)
{
  GError *error = NULL;

  scale_server_add_fault (server, fault, &error);
  g_assert_no_error (error);
}

static void
remove_all (const gchar *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const gchar *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree gchar *inner = g_build_filename (path, name, NULL);
    remove_all (inner);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

static void
set_up (void)
{
  folder = g_dir_make_tmp ("gst-heads-uploader-XXXXXX", NULL);
  g_setenv ("SCALE_API_KEY", SCALE_SERVER_KEY, TRUE);
  g_setenv ("NUCLEUS_API_KEY", SCALE_SERVER_KEY, TRUE);
  serve ();
  ask ("/v1/projects", "{\"name\":\"square\",\"type\":\"imageannotation\",\"rapid\":true}");
}

static void
tear_down (void)
{
  g_clear_pointer (&server, scale_server_free);
  remove_all (folder);
  g_clear_pointer (&folder, g_free);
}

/* Every file once, and the right one: a sum and the metadata that leads back to it. */
static void
check_files (const gchar *what, guint n)
{
  JsonArray *files = scale_server_list (server, what);
  g_autoptr (GHashTable) sums = g_hash_table_new (g_str_hash, g_str_equal);

  fail_unless_equals_int (json_array_get_length (files), n);
  for (guint i = 0; i < n; i++) {
    JsonObject *file = json_array_get_object_element (files, i);
    JsonObject *metadata = json_object_get_object_member (file, "metadata");
    const gchar *sum = json_object_get_string_member (file, "sha256");
    g_autofree gchar *path = g_build_filename (folder, "set", json_object_get_string_member (metadata, "image_path"), NULL);
    g_autofree gchar *data = NULL, *actual = NULL;
    gsize size;

    fail_unless (g_hash_table_add (sums, (gpointer) sum));
    fail_unless (g_file_get_contents (path, &data, &size, NULL));
    actual = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, size);
    fail_unless_equals_string (sum, actual);
    fail_unless_equals_string (json_object_get_string_member (metadata, "sha256"), sum);
  }
  json_array_unref (files);
}

/* ---- the outbox -------------------------------------------------------------------------------------------------------- */

static CatalogueUploadCounts
outbox (const gchar *service, const gchar *project)
{
  g_autofree gchar *set = g_build_filename (folder, "set", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open_read (set, NULL);
  CatalogueDestination to = { service, project };
  CatalogueUploadCounts counts;

  fail_unless (catalogue != NULL && catalogue_count_uploads (catalogue, &to, &counts, NULL));
  return counts;
}

static void
check_outbox (guint64 pending, guint64 sent, guint64 refused)
{
  CatalogueUploadCounts counts = outbox ("scale", "square");

  fail_unless_equals_uint64 (counts.pending, pending);
  fail_unless_equals_uint64 (counts.sent, sent);
  fail_unless_equals_uint64 (counts.refused, refused);
}

/* ---- pipelines --------------------------------------------------------------------------------------------------------- */

typedef struct {
  gchar *error, *warning;       /* the first of each */
  guint uploaded, already, refused, troubles, resumed;
  guint64 pending;              /* at the end */
} Run;

static void
run_clear (Run *run)
{
  g_free (run->error);
  g_free (run->warning);
}

static void
count_message (Run *run, const GstStructure *structure)
{
  gboolean already = FALSE;

  if (gst_structure_has_name (structure, "scale-uploaded")) {
    gst_structure_get_boolean (structure, "already", &already);
    run->uploaded++;
    run->already += already;
  }
  run->refused += gst_structure_has_name (structure, "scale-upload-refused");
  run->troubles += gst_structure_has_name (structure, "scale-upload-trouble");
  run->resumed += gst_structure_has_name (structure, "scale-upload-resumed");
}

static gboolean
take_message (Run *run, GstMessage *message)
{
  g_autoptr (GError) error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      run->error = g_strdup (error->message);
      return FALSE;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, NULL);
      if (run->warning == NULL)
        run->warning = g_strdup (error->message);
      return TRUE;
    case GST_MESSAGE_ELEMENT:
      count_message (run, gst_message_get_structure (message));
      return TRUE;
    default:
      return GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS;
  }
}

/* SOURCE ! scale-uploader SETTINGS, to the end. */
static Run
play (const gchar *source, const gchar *settings)
{
  g_autofree gchar *launch = g_strdup_printf ("%s ! scale-uploader name=up location=%s/set source=cam project=square "
      "base-url=%s/v1 %s", source, folder, server ? scale_server_url (server) : "http://127.0.0.1:1", settings);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (launch, &error), *uploader;
  GstStructure *statistics = NULL;
  GstBus *bus;
  Run run = { NULL };
  gboolean more = TRUE;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  uploader = gst_bin_get_by_name (GST_BIN (pipeline), "up");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (more) {
    GstMessage *message = gst_bus_timed_pop (bus, 90 * GST_SECOND);

    fail_unless (message != NULL, "no end of %s", launch);
    more = take_message (&run, message);
    gst_message_unref (message);
  }
  g_object_get (uploader, "statistics", &statistics, NULL);
  gst_structure_get_uint64 (statistics, "pending", &run.pending);
  gst_structure_free (statistics);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (uploader);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return run;
}

#define THREE "videotestsrc pattern=ball num-buffers=3 ! video/x-raw,width=96,height=96"

static void
expect_three (const gchar *settings, guint uploaded)
{
  Run run = play (THREE, settings);

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, uploaded);
  run_clear (&run);
}

/* ---- what arrives ------------------------------------------------------------------------------------------------------ */

GST_START_TEST (test_metadata)
{
  Run run = play ("plaza-test-src num-buffers=2 ! mae-encoder ! head-predict heads=plaza-people", "");
  JsonArray *files;
  JsonObject *file, *metadata;

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 2);
  check_files ("files", 2);
  check_outbox (0, 2, 0);
  files = scale_server_list (server, "files");
  file = json_array_get_object_element (files, 0);
  metadata = json_object_get_object_member (file, "metadata");
  fail_unless (g_str_has_prefix (json_object_get_string_member (file, "reference_id"), "square:cam:"));
  fail_unless_equals_int (json_object_get_int_member (metadata, "schema"), 1);
  fail_unless_equals_int (json_object_get_int_member (metadata, "width"), 960);
  fail_unless_equals_string (json_object_get_string_member (metadata, "source_name"), "cam");
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "captured_at")), strlen ("2026-01-31T07:05:09.123Z"));
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "time_of_day")), strlen ("07:05:09"));
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "encoder")), 16);
  fail_unless (json_object_get_double_member (metadata, "predicted_people") > 0);
  json_array_unref (files);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_image_formats)
{
  Run jpeg = play (THREE " ! jpegenc", ""), png = play (THREE " ! videoconvert ! pngenc", "");

  fail_unless_equals_int (jpeg.uploaded, 3);
  fail_unless_equals_int (png.uploaded, 3);
  check_files ("files", 6);
  run_clear (&jpeg);
  run_clear (&png);
}

GST_END_TEST;

/* One image is one upload, however often it comes. */
GST_START_TEST (test_same_image)
{
  Run run = play ("videotestsrc pattern=white num-buffers=4 ! video/x-raw,width=320,height=192", "");
  fail_unless (run.error == NULL, "%s", run.error);
  check_outbox (0, 1, 0);
  check_files ("files", 1);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_https)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autofree gchar *settings = g_strdup_printf ("ca-file=%s", scale_server_certificate ());
  Run run;

  scale_server_free (server);
  options.tls = TRUE;
  server = scale_server_new (&options, NULL);
  ask ("/v1/projects", "{\"name\":\"square\",\"type\":\"imageannotation\",\"rapid\":true}");
  expect_three (settings, 3);
  check_files ("files", 3);
  run = play (THREE, "drain-time=2000000000");  /* with nobody to vouch for the server */
  fail_unless_equals_int (run.uploaded, 0);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_nucleus)
{
  JsonArray *datasets;
  g_autofree gchar *settings = NULL;
  Run run;

  ask ("/v1/nucleus/dataset/create", "{\"name\":\"square\"}");
  datasets = scale_server_list (server, "datasets");
  settings = g_strdup_printf ("api=nucleus project=%s base-url=%s/v1/nucleus", json_object_get_string_member (
          json_array_get_object_element (datasets, 0), "id"), scale_server_url (server));
  json_array_unref (datasets);
  add_fault ("POST /v1/nucleus/dataset/*/append status=500 commit count=1");
  run = play (THREE, settings);
  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 3);
  fail_unless_equals_int (run.already, 1);
  check_files ("items", 3);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_passes_frames)
{
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s/set project=square base-url=%s/v1", folder,
      scale_server_url (server));
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  for (guint i = 0; i < 3; i++) {
    GstBuffer *frame = gst_harness_create_buffer (harness, 256);

    gst_buffer_memset (frame, 0, (guint8) (100 * i), 256);
    fail_unless_equals_int (gst_harness_push (harness, frame), GST_FLOW_OK);
  }
  fail_unless (gst_harness_push_event (harness, gst_event_new_eos ()));
  fail_unless_equals_int (gst_harness_buffers_in_queue (harness), 3);
  gst_harness_teardown (harness);
  check_files ("files", 3);
}

GST_END_TEST;

/* ---- collecting -------------------------------------------------------------------------------------------------------- */

static gboolean
wait_for_files (guint n)
{
  for (guint i = 0; i < 300; i++) {
    if (scale_server_count (server, "POST", "/v1/files/upload") >= n)
      return TRUE;
    g_usleep (50000);
  }
  return FALSE;
}

static void
push_gray (GstHarness *harness, guint8 value)
{
  GstBuffer *frame = gst_harness_create_buffer (harness, 256);

  gst_buffer_memset (frame, 0, value, 256);
  fail_unless_equals_int (gst_harness_push (harness, frame), GST_FLOW_OK);
}

GST_START_TEST (test_batches)
{
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s/set project=square base-url=%s/v1 batch-frames=3 "
      "batch-time=3000000000", folder, scale_server_url (server));
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  push_gray (harness, 0);
  push_gray (harness, 80);
  g_usleep (500000);
  fail_unless_equals_int (scale_server_count (server, "POST", "/v1/files/upload"), 0);
  push_gray (harness, 160);     /* that is three */
  fail_unless (wait_for_files (3));
  push_gray (harness, 240);
  fail_unless (wait_for_files (4));     /* that was long enough */
  gst_harness_teardown (harness);
}

GST_END_TEST;

/* ---- faults ------------------------------------------------------------------------------------------------------------ */

static const gchar *const faults[] = {
  "status=500", "status=500 commit", "status=502", "status=503 retry-after=1", "status=504 commit", "status=429 retry-after=1",
  "status=429 retry-after=date:1", "status=408", "html=502", "html=200", "html=503 commit", "drop", "drop commit", "hang",
  "hang commit", "truncate", "cut", "slow=20", "delay=2", "delay=2 commit",
};

/* Every one once, two requests apart, so that none is taken for an outage. */
GST_START_TEST (test_faults)
{
  const guint n = 2 * G_N_ELEMENTS (faults);
  g_autofree gchar *source = g_strdup_printf ("videotestsrc pattern=ball num-buffers=%u ! video/x-raw,width=96,height=96", n);
  Run run;

  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autofree gchar *once = g_strdup_printf ("POST /v1/files/upload %s skip=%u count=1", faults[i], 2 * i);

    add_fault (once);
  }
  run = play (source, "in-flight=4 timeout=3000000000");
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (run.uploaded == n && run.refused == 0, "%u uploaded, %u refused", run.uploaded, run.refused);
  fail_unless (run.already > 0);
  check_files ("files", n);
  check_outbox (0, n, 0);
  run_clear (&run);
}

GST_END_TEST;

/* An outage is told once, and its end. */
GST_START_TEST (test_outage)
{
  Run run;

  add_fault ("POST /v1/files/upload drop count=5");
  run = play (THREE, "");
  fail_unless_equals_int (run.uploaded, 3);
  fail_unless_equals_int (run.troubles, 1);
  fail_unless_equals_int (run.resumed, 1);
  check_files ("files", 3);
  run_clear (&run);
}

GST_END_TEST;

/* What was not sent is sent by the next run. */
GST_START_TEST (test_next_start)
{
  Run run;

  g_clear_pointer (&server, scale_server_free);
  run = play (THREE, "drain-time=100000000");
  fail_unless (run.error == NULL && run.uploaded == 0, "%s", run.error);
  fail_unless_equals_uint64 (run.pending, 3);
  check_outbox (3, 0, 0);
  run_clear (&run);
  serve ();
  run = play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "");
  fail_unless_equals_int (run.uploaded, 4);
  fail_unless_equals_uint64 (run.pending, 0);
  check_files ("files", 4);
  check_outbox (0, 4, 0);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_bad_key)
{
  Run run;

  g_setenv ("SCALE_API_KEY", "test_of_somebody_else", TRUE);
  run = play (THREE, "drain-time=1000000000");
  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless (run.warning && strstr (run.warning, "key is not accepted"), "%s", run.warning);
  fail_unless (run.uploaded == 0 && run.refused == 0 && run.troubles == 1);
  check_outbox (3, 0, 0);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_unknown_project)
{
  Run run = play (THREE, "project=round drain-time=1000000000");

  fail_unless (run.warning && strstr (run.warning, "check project"), "%s", run.warning);
  fail_unless_equals_uint64 (outbox ("scale", "round").pending, 3);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_refused)
{
  Run run;

  add_fault ("POST /v1/files/upload status=400 count=1");
  run = play (THREE, "");
  fail_unless_equals_int (run.uploaded, 2);
  fail_unless_equals_int (run.refused, 1);
  check_outbox (0, 2, 1);
  run_clear (&run);
  run = play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "retry-refused=true");
  fail_unless_equals_int (run.uploaded, 2);
  check_outbox (0, 4, 0);
  check_files ("files", 4);
  run_clear (&run);
}

GST_END_TEST;

/* A service that refuses everything has another reason than the frames. */
GST_START_TEST (test_all_refused)
{
  Run run;

  add_fault ("POST /v1/files/upload status=422");
  run = play ("plaza-test-src num-buffers=8 ! video/x-raw,width=320,height=192", "drain-time=3000000000");
  fail_unless (run.warning != NULL && run.refused < 5, "%u refused", run.refused);
  check_outbox (8 - run.refused, 0, run.refused);
  run_clear (&run);
}

GST_END_TEST;

/* Deleted by somebody who needed room, or changed, before it was sent. */
GST_START_TEST (test_image_gone)
{
  g_autofree gchar *days = g_build_filename (folder, "set", "frames", NULL), *frames = NULL;
  GDir *dir;
  Run run;

  g_clear_pointer (&server, scale_server_free);
  run = play (THREE, "drain-time=100000000");
  check_outbox (3, 0, 0);
  run_clear (&run);
  dir = g_dir_open (days, 0, NULL);
  frames = g_build_filename (days, g_dir_read_name (dir), NULL);
  g_dir_close (dir);
  dir = g_dir_open (frames, 0, NULL);
  for (guint i = 0; i < 2; i++) {
    g_autofree gchar *file = g_build_filename (frames, g_dir_read_name (dir), NULL);

    fail_unless (i == 0 ? g_unlink (file) == 0 : g_file_set_contents (file, "another", -1, NULL));
  }
  g_dir_close (dir);
  serve ();
  run = play ("videotestsrc num-buffers=1 ! video/x-raw,width=320,height=192", "");
  fail_unless_equals_int (run.uploaded, 2);
  fail_unless_equals_int (run.refused, 2);
  check_outbox (0, 2, 2);
  run_clear (&run);
}

GST_END_TEST;

/* Neither an end nor a stop waits for a service that does not answer. */
GST_START_TEST (test_stop_under_way)
{
  GstElement *pipeline;
  g_autofree gchar *launch = g_strdup_printf ("videotestsrc pattern=ball num-buffers=9 ! video/x-raw,width=96,height=96 ! scale-uploader "
      "location=%s/set project=square base-url=%s/v1 in-flight=4 source=cam", folder, scale_server_url (server));
  gint64 began;
  guint waiting;

  add_fault ("POST /v1/files/upload hang");
  pipeline = gst_parse_launch (launch, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  fail_unless (wait_for_files (4));
  began = g_get_monotonic_time ();
  gst_element_set_state (pipeline, GST_STATE_NULL);
  fail_unless (g_get_monotonic_time () - began < 30 * G_TIME_SPAN_SECOND);
  gst_object_unref (pipeline);
  scale_server_clear_faults (server);
  waiting = (guint) outbox ("scale", "square").pending;
  fail_unless (waiting >= 4);
  expect_three ("", waiting);   /* the three are of them */
  check_files ("files", waiting);
}

GST_END_TEST;

/* ---- selection --------------------------------------------------------------------------------------------------------- */

GST_START_TEST (test_budget)
{
  Run run = play ("videotestsrc pattern=ball num-buffers=12 ! video/x-raw,width=96,height=96", "budget=5 keep-all=true");

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 5);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", "budget=5");   /* the same day */
  fail_unless_equals_int (run.uploaded, 0);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", "budget=7");
  fail_unless_equals_int (run.uploaded, 2);
  run_clear (&run);
  check_files ("files", 7);
}

GST_END_TEST;

GST_START_TEST (test_interval)
{
  Run run = play (THREE, "select=interval select-interval=600000000000");

  fail_unless_equals_int (run.uploaded, 1);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192",
      "select=interval select-interval=600000000000");
  fail_unless_equals_int (run.uploaded, 0);     /* the last run was a moment ago */
  run_clear (&run);
}

GST_END_TEST;

/* Frames of one scene again and again, then another: both are chosen, repetitions are not; and a new start knows both. */
GST_START_TEST (test_novelty)
{
  static const gchar scenes[] = "concat name=scenes ! mae-encoder name=encoder  "
      "plaza-test-src seed=1 num-buffers=1 ! video/x-raw,width=320,height=192 ! imagefreeze num-buffers=20 ! scenes.  "
      "videotestsrc pattern=ball num-buffers=1 ! video/x-raw,width=320,height=192 ! imagefreeze num-buffers=20 ! scenes.  encoder.";
  Run run = play (scenes, "select=novelty budget=10");

  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (run.uploaded, 2);
  run_clear (&run);
  run = play (scenes, "select=novelty budget=10");
  fail_unless_equals_int (run.uploaded, 0);
  run_clear (&run);
  run = play (THREE, "select=novelty budget=10");
  fail_unless (run.warning && strstr (run.warning, "put mae-encoder before"), "%s", run.warning);
  fail_unless_equals_int (run.uploaded, 0);
  run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_uncertainty)
{
  Run run = play ("plaza-test-src shuffle=true num-buffers=30 ! mae-encoder ! head-predict heads=plaza-time",
      "select=uncertainty budget=4");

  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless (run.uploaded >= 1 && run.uploaded <= 4, "%u", run.uploaded);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=1 ! mae-encoder", "select=uncertainty budget=9");
  fail_unless (run.warning && strstr (run.warning, "put head-predict before"), "%s", run.warning);
  run_clear (&run);
}

GST_END_TEST;

/* ---- tasks ------------------------------------------------------------------------------------------------------------- */

static guint
count_of (const gchar *what, const gchar *member, const gchar *value)
{
  JsonArray *list = scale_server_list (server, what);
  guint n = 0;

  for (guint i = 0; i < json_array_get_length (list); i++)
    n += value == NULL || g_strcmp0 (json_object_get_string_member_with_default (json_array_get_object_element (list, i), member,
            NULL), value) == 0;
  json_array_unref (list);
  return n;
}

static gchar *
geometries_file (void)
{
  gchar *file = g_build_filename (folder, "geometries.json", NULL);

  g_file_set_contents (file, "{\"box\":{\"objects_to_annotate\":[\"person\"]}}", -1, NULL);
  return file;
}

/* The cap holds over runs, answers that are lost make no second task, and nobody is put to work. */
GST_START_TEST (test_tasks)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=4 geometries-file=%s", file);
  JsonArray *tasks;
  Run run;

  add_fault ("POST /v1/task/* status=500 commit count=1");
  add_fault ("POST /v1/batches drop commit count=1");
  run = play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=3 ! video/x-raw,width=320,height=192", settings);
  fail_unless_equals_int (run.uploaded, 3);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 4);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 1);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 1);
  run_clear (&run);
  tasks = scale_server_list (server, "tasks");
  for (guint i = 0; i < 4; i++) {
    JsonObject *task = json_array_get_object_element (tasks, i), *params = json_object_get_object_member (task, "params");

    fail_unless (g_str_has_prefix (json_object_get_string_member (task, "unique_id"), "square:cam:"));
    fail_unless (g_str_has_prefix (json_object_get_string_member (params, "attachment"), "scaledata://"));
    fail_unless (json_object_has_member (json_object_get_object_member (params, "geometries"), "box"));
    fail_unless (json_object_has_member (json_object_get_object_member (task, "metadata"), "image_path"));
  }
  json_array_unref (tasks);
}

GST_END_TEST;

GST_START_TEST (test_finalize)
{
  g_autofree gchar *file = geometries_file ();
  g_autofree gchar *settings = g_strdup_printf ("max-tasks=100 batch-tasks=2 finalize=true geometries-file=%s", file);
  Run run;

  add_fault ("POST /v1/batches/*/finalize status=500 commit count=1");
  run = play (THREE, settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 2);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 0);
  run_clear (&run);
  settings[strlen ("max-tasks=100 batch-tasks=")] = '1';        /* several within a moment */
  run = play ("videotestsrc pattern=smpte num-buffers=1 ! video/x-raw,width=96,height=96 ! identity", settings);
  run_clear (&run);
  run = play ("plaza-test-src num-buffers=6 ! video/x-raw,width=160,height=96", settings);
  fail_unless (run.error == NULL && run.warning == NULL, "%s, %s", run.error, run.warning);
  fail_unless_equals_int (count_of ("batches", NULL, NULL), 9);
  fail_unless_equals_int (count_of ("batches", "status", "staging"), 0);
  run_clear (&run);
}

GST_END_TEST;

/* A setting that no task can be made with halts them; nothing is written off. */
GST_START_TEST (test_tasks_refused)
{
  Run run = play (THREE, "max-tasks=9 drain-time=1000000000");  /* neither the project nor a file has geometries */

  fail_unless (run.error == NULL && run.warning && strstr (run.warning, "No tasks are made"), "%s", run.warning);
  fail_unless_equals_int (run.uploaded, 3);
  run_clear (&run);
  {
    g_autofree gchar *file = geometries_file ();
    g_autofree gchar *settings = g_strdup_printf ("max-tasks=9 geometries-file=%s", file);

    run = play (THREE, settings);
    fail_unless_equals_int (count_of ("tasks", NULL, NULL), 3);
    run_clear (&run);
  }
}

GST_END_TEST;

/* What costs money has to be meant. */
GST_START_TEST (test_live_key)
{
  Run run;

  g_setenv ("SCALE_API_KEY", "live_of_somebody", TRUE);
  run = play (THREE, "max-tasks=3 finalize=true");
  fail_unless (run.error && strstr (run.error, "confirm-live"), "%s", run.error);
  fail_unless_equals_int (scale_server_count (server, NULL, "*"), 1);
  run_clear (&run);
  run = play (THREE, "max-tasks=3 finalize=true confirm-live=true drain-time=500000000");
  fail_unless (run.error == NULL, "%s", run.error);
  run_clear (&run);
}

GST_END_TEST;

/* ---- settings ---------------------------------------------------------------------------------------------------------- */

static const struct {
  const gchar *settings, *words;
} mistakes[] = {
  { "project=\"\"", "set project" }, { "location=\"\"", "set location" }, { "key-file=/no/such/file", "/no/such/file" },
  { "base-url=http://api.scale.com/v1", "base-url" }, { "base-url=nonsense", "base-url" },
  { "ca-file=/no/such/file", "ca-file" }, { "max-tasks=1 geometries-file=/no/such/file", "geometries-file" },
  { "select=novelty", "set budget" }, { "max-tasks=1 geometries-file=/dev/null", "geometries-file" }, { "max-tasks=1 api=nucleus", "max-tasks" }, { "location=/dev/null/set", "/dev/null" },
};

GST_START_TEST (test_mistakes)
{
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    Run run = play (THREE, mistakes[i].settings);

    fail_unless (run.error && strstr (run.error, mistakes[i].words), "%s: %s", mistakes[i].settings, run.error);
    run_clear (&run);
  }
  g_unsetenv ("SCALE_API_KEY");
  {
    Run run = play (THREE, "");

    fail_unless (run.error && strstr (run.error, "SCALE_API_KEY"), "%s", run.error);
    run_clear (&run);
  }
}

GST_END_TEST;

static Suite *
scale_uploader_suite (void)
{
  Suite *suite = suite_create ("scale-uploader");
  TCase *tc = tcase_create ("general");

  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, set_up, tear_down);
  tcase_add_test (tc, test_metadata);
  tcase_add_test (tc, test_image_formats);
  tcase_add_test (tc, test_same_image);
  tcase_add_test (tc, test_https);
  tcase_add_test (tc, test_nucleus);
  tcase_add_test (tc, test_passes_frames);
  tcase_add_test (tc, test_batches);
  tcase_add_test (tc, test_faults);
  tcase_add_test (tc, test_outage);
  tcase_add_test (tc, test_next_start);
  tcase_add_test (tc, test_bad_key);
  tcase_add_test (tc, test_unknown_project);
  tcase_add_test (tc, test_refused);
  tcase_add_test (tc, test_all_refused);
  tcase_add_test (tc, test_image_gone);
  tcase_add_test (tc, test_stop_under_way);
  tcase_add_test (tc, test_budget);
  tcase_add_test (tc, test_interval);
  tcase_add_test (tc, test_novelty);
  tcase_add_test (tc, test_uncertainty);
  tcase_add_test (tc, test_tasks);
  tcase_add_test (tc, test_finalize);
  tcase_add_test (tc, test_tasks_refused);
  tcase_add_test (tc, test_live_key);
  tcase_add_test (tc, test_mistakes);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_uploader);
