/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-scaleuploader.c: frames through scale-uploader to the Scale server: what arrives, when, and which settings are
 * refused. */
#include "uploader-rig.h"

#include <gst/check/gstharness.h>
#include <string.h>

/* ---- what arrives ------------------------------------------------------------------------------------------------------ */

GST_START_TEST (test_metadata)
{
  RigRun run = rig_play ("plaza-test-src num-buffers=2 ! mae-encoder ! head-predict heads=plaza-people", "");
  JsonArray *files;
  JsonObject *file, *metadata;

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 2);
  rig_check_files ("files", 2);
  rig_check_outbox (0, 2, 0);
  files = scale_server_list (rig_server, "files");
  file = json_array_get_object_element (files, 0);
  metadata = json_object_get_object_member (file, "metadata");
  fail_unless (g_str_has_prefix (json_object_get_string_member (file, "reference_id"), "square:cam:"));
  fail_unless_equals_int (json_object_get_int_member (metadata, "schema"), 1);
  fail_unless_equals_int (json_object_get_int_member (metadata, "width"), 960);
  fail_unless_equals_string (json_object_get_string_member (metadata, "source_name"), "cam");
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "captured_at")),
      strlen ("2026-01-31T07:05:09.123Z"));
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "time_of_day")), strlen ("07:05:09"));
  fail_unless_equals_int (strlen (json_object_get_string_member (metadata, "encoder")), 16);
  fail_unless (json_object_get_double_member (metadata, "predicted_people") > 0);
  json_array_unref (files);
  rig_run_clear (&run);
}

GST_END_TEST;

/* Where a file lies on this machine is told to nobody. */
GST_START_TEST (test_file)
{
  g_autofree gchar *file = g_build_filename (rig_folder, "of-alice.mkv", NULL);
  g_autofree gchar *maker = g_strdup_printf (THREE " ! jpegenc ! matroskamux ! filesink location=%s", file);
  g_autofree gchar *source = g_strdup_printf ("live-src uri=%s source=square interval=0", file);
  GstElement *pipeline = gst_parse_launch (maker, NULL);
  RigRun run;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  gst_message_unref (gst_bus_timed_pop_filtered (GST_ELEMENT_BUS (pipeline), 10 * GST_SECOND, GST_MESSAGE_EOS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  run = rig_play (source, "");
  fail_unless_equals_int (run.uploaded, 3);
  rig_run_clear (&run);
  {
    JsonArray *files = scale_server_list (rig_server, "files");
    g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), files);
    g_autofree gchar *text = json_to_string (node, FALSE);

    fail_unless (strstr (text, "\"image_path\"") && strstr (text, "of-alice") == NULL, "%s", text);
    json_array_unref (files);
  }
}

GST_END_TEST;

GST_START_TEST (test_image_formats)
{
  RigRun jpeg = rig_play (THREE " ! jpegenc", ""), png = rig_play (THREE " ! videoconvert ! pngenc", "");

  fail_unless_equals_int (jpeg.uploaded, 3);
  fail_unless_equals_int (png.uploaded, 3);
  rig_check_files ("files", 6);
  rig_run_clear (&jpeg);
  rig_run_clear (&png);
}

GST_END_TEST;

/* One image is one upload, however often it comes. */
GST_START_TEST (test_same_image)
{
  RigRun run = rig_play ("videotestsrc pattern=white num-buffers=4 ! video/x-raw,width=320,height=192", "");
  fail_unless (run.error == NULL, "%s", run.error);
  rig_check_outbox (0, 1, 0);
  rig_check_files ("files", 1);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_https)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autofree gchar *settings = g_strdup_printf ("ca-file=%s", scale_server_certificate ());
  RigRun run;

  scale_server_free (rig_server);
  options.tls = TRUE;
  rig_server = scale_server_new (&options, NULL);
  rig_ask ("/v1/projects", "{\"name\":\"square\",\"type\":\"imageannotation\",\"rapid\":true}");
  rig_expect_three (settings, 3);
  rig_check_files ("files", 3);
  run = rig_play (THREE, "drain-time=2000000000");  /* with nobody to vouch for the server */
  fail_unless_equals_int (run.uploaded, 0);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_nucleus)
{
  JsonArray *datasets;
  g_autofree gchar *settings = NULL;
  RigRun run;

  rig_ask ("/v1/nucleus/dataset/create", "{\"name\":\"square\"}");
  datasets = scale_server_list (rig_server, "datasets");
  settings = g_strdup_printf ("api=nucleus project=%s base-url=%s/v1/nucleus", json_object_get_string_member (
          json_array_get_object_element (datasets, 0), "id"), scale_server_url (rig_server));
  json_array_unref (datasets);
  rig_add_fault ("POST /v1/nucleus/dataset/*/append status=500 commit count=1");
  run = rig_play (THREE, settings);
  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, 3);
  fail_unless_equals_int (run.already, 1);
  rig_check_files ("items", 3);
  rig_run_clear (&run);
}

GST_END_TEST;

GST_START_TEST (test_passes_frames)
{
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s/set project=square base-url=%s/v1", rig_folder,
      scale_server_url (rig_server));
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
  rig_check_files ("files", 3);
}

GST_END_TEST;

/* ---- collecting -------------------------------------------------------------------------------------------------------- */

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
      "batch-time=3000000000", rig_folder, scale_server_url (rig_server));
  GstHarness *harness = gst_harness_new_parse (launch);

  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=16,height=16,framerate=1/1");
  push_gray (harness, 0);
  push_gray (harness, 80);
  g_usleep (500000);
  fail_unless_equals_int (scale_server_count (rig_server, "POST", "/v1/files/upload"), 0);
  push_gray (harness, 160);     /* that is three */
  fail_unless (rig_await_files (3));
  push_gray (harness, 240);
  fail_unless (rig_await_files (4));     /* that was long enough */
  gst_harness_teardown (harness);
}

GST_END_TEST;

/* ---- settings ---------------------------------------------------------------------------------------------------------- */

static const struct {
  const gchar *settings, *words;
} mistakes[] = {
  { "project=\"\"", "set project" }, { "location=\"\"", "set location" }, { "key-file=/no/such/file", "/no/such/file" },
  { "base-url=http://api.scale.com/v1", "base-url" }, { "base-url=nonsense", "base-url" },
  { "ca-file=/no/such/file", "ca-file" }, { "max-tasks=1 geometries-file=/no/such/file", "geometries-file" },
  { "select=novelty", "set budget" }, { "max-tasks=1 geometries-file=/dev/null", "geometries-file" },
  { "max-tasks=1 api=nucleus", "max-tasks" }, { "location=/dev/null/set", "/dev/null" },
};

GST_START_TEST (test_mistakes)
{
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++) {
    RigRun run = rig_play (THREE, mistakes[i].settings);

    fail_unless (run.error && strstr (run.error, mistakes[i].words), "%s: %s", mistakes[i].settings, run.error);
    rig_run_clear (&run);
  }
  g_unsetenv ("SCALE_API_KEY");
  {
    RigRun run = rig_play (THREE, "");

    fail_unless (run.error && strstr (run.error, "SCALE_API_KEY"), "%s", run.error);
    rig_run_clear (&run);
  }
}

GST_END_TEST;

static Suite *
scale_uploader_suite (void)
{
  Suite *suite = suite_create ("scale-uploader");
  TCase *tc = rig_case ();

  tcase_add_test (tc, test_metadata);
  tcase_add_test (tc, test_file);
  tcase_add_test (tc, test_image_formats);
  tcase_add_test (tc, test_same_image);
  tcase_add_test (tc, test_https);
  tcase_add_test (tc, test_nucleus);
  tcase_add_test (tc, test_passes_frames);
  tcase_add_test (tc, test_batches);
  tcase_add_test (tc, test_mistakes);
  suite_add_tcase (suite, tc);
  return suite;
}

GST_CHECK_MAIN (scale_uploader);
