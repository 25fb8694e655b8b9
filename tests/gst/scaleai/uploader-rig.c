/* SPDX-License-Identifier: LGPL-2.1-or-later
 * uploader-rig.c: Scale server, dataset and pipelines of the tests of scale-uploader. */
#include "uploader-rig.h"

#include "tests/models/temp-folder.h"

#include <libsoup/soup.h>
#include <string.h>

gchar *rig_folder;
ScaleServer *rig_server;

/* ---- the service ------------------------------------------------------------------------------------------------------- */

static gboolean
trust (SoupMessage *message, GTlsCertificate *certificate, GTlsCertificateFlags flags, gpointer data)
{
  return TRUE;
}

void
rig_ask (const gchar *path, const gchar *body)
{
  g_autofree gchar *url = g_strconcat (scale_server_url (rig_server), path, NULL);
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

void
rig_serve (void)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  g_autofree gchar *state = g_build_filename (rig_folder, "server-state", NULL);

  options.state_file = state;   /* of a server before this one, too */
  rig_server = scale_server_new (&options, NULL);
  fail_unless (rig_server != NULL);
}

void
rig_add_fault (const gchar *fault)
{
  GError *error = NULL;

  scale_server_add_fault (rig_server, fault, &error);
  g_assert_no_error (error);
}

void
rig_check_files (const gchar *what, guint n)
{
  JsonArray *files = scale_server_list (rig_server, what);
  g_autoptr (GHashTable) sums = g_hash_table_new (g_str_hash, g_str_equal);

  fail_unless_equals_int (json_array_get_length (files), n);
  for (guint i = 0; i < n; i++) {
    JsonObject *file = json_array_get_object_element (files, i);
    JsonObject *metadata = json_object_get_object_member (file, "metadata");
    const gchar *sum = json_object_get_string_member (file, "sha256");
    g_autofree gchar *path = g_build_filename (rig_folder, "set", json_object_get_string_member (metadata, "image_path"), NULL);
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

gboolean
rig_await_files (guint n)
{
  for (guint i = 0; i < 300; i++) {
    if (scale_server_count (rig_server, "POST", "/v1/files/upload") >= n)
      return TRUE;
    g_usleep (50000);
  }
  return FALSE;
}

/* ---- the outbox -------------------------------------------------------------------------------------------------------- */

CatalogueUploadCounts
rig_outbox (const gchar *service, const gchar *project)
{
  g_autofree gchar *set = g_build_filename (rig_folder, "set", NULL);
  g_autoptr (Catalogue) catalogue = catalogue_open_read (set, NULL);
  CatalogueDestination to = { service, project };
  CatalogueUploadCounts counts;

  fail_unless (catalogue != NULL && catalogue_count_uploads (catalogue, &to, &counts, NULL));
  return counts;
}

void
rig_check_outbox (guint64 pending, guint64 sent, guint64 refused)
{
  CatalogueUploadCounts counts = rig_outbox ("scale", "square");

  fail_unless_equals_uint64 (counts.pending, pending);
  fail_unless_equals_uint64 (counts.sent, sent);
  fail_unless_equals_uint64 (counts.refused, refused);
}

/* ---- pipelines --------------------------------------------------------------------------------------------------------- */

void
rig_run_clear (RigRun *run)
{
  g_free (run->error);
  g_free (run->warning);
  gst_clear_structure (&run->statistics);
}

guint64
rig_run_number (const RigRun *run, const gchar *name)
{
  guint64 number = 0;

  fail_unless (gst_structure_get_uint64 (run->statistics, name, &number), "no %s in the statistics", name);
  return number;
}

static void
count_message (RigRun *run, const GstStructure *structure)
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
  run->tasks_refused += gst_structure_has_name (structure, "scale-task-refused");
  run->tasks_spent += gst_structure_has_name (structure, "scale-tasks-spent");
  run->tasks_troubles += gst_structure_has_name (structure, "scale-tasks-trouble");
  run->tasks_resumed += gst_structure_has_name (structure, "scale-tasks-resumed");
}

static gboolean
take_message (RigRun *run, GstMessage *message)
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

RigRun
rig_play (const gchar *source, const gchar *settings)
{
  g_autofree gchar *launch = g_strdup_printf ("%s ! scale-uploader name=up location=%s/set source=cam project=square "
      "base-url=%s/v1 %s", source, rig_folder, rig_server ? scale_server_url (rig_server) : "http://127.0.0.1:1", settings);
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch (launch, &error), *uploader;
  GstBus *bus;
  RigRun run = { NULL };
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
  g_object_get (uploader, "statistics", &run.statistics, NULL);
  gst_structure_get_uint64 (run.statistics, "pending", &run.pending);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (uploader);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
  return run;
}

void
rig_expect_three (const gchar *settings, guint uploaded)
{
  RigRun run = rig_play (THREE, settings);

  fail_unless (run.error == NULL, "%s", run.error);
  fail_unless_equals_int (run.uploaded, uploaded);
  rig_run_clear (&run);
}

/* ---- a test case -------------------------------------------------------------------------------------------------------- */

static void
set_up (void)
{
  rig_folder = temp_folder_new ();
  g_setenv ("SCALE_API_KEY", SCALE_SERVER_KEY, TRUE);
  g_setenv ("NUCLEUS_API_KEY", SCALE_SERVER_KEY, TRUE);
  rig_serve ();
  rig_ask ("/v1/projects", "{\"name\":\"square\",\"type\":\"imageannotation\",\"rapid\":true}");
}

static void
tear_down (void)
{
  g_clear_pointer (&rig_server, scale_server_free);
  temp_folder_remove (rig_folder);
  g_clear_pointer (&rig_folder, g_free);
}

TCase *
rig_case (void)
{
  TCase *tc = tcase_create ("general");

  tcase_set_timeout (tc, 120);
  tcase_add_checked_fixture (tc, set_up, tear_down);
  return tc;
}
