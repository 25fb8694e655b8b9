/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-uploader-kills.c: scale-uploader for a long time, with a service that fails in every way it can, and killed again
 * and again: in the end the service has every frame once, and the catalogue knows it.
 *
 * This process serves; children of it upload (argument "upload"). Frame number n is shown at n / 50 s, so a child that
 * takes over sees in the catalogue where to go on. GST_HEADS_UPLOADS and GST_HEADS_KILLS say how long and how often.
 */
#include "gst/dataset/catalogue.h"
#include "scale-server.h"
#include "tests/harness/resident-memory.h"
#include "tests/models/temp-folder.h"

#include <errno.h>
#include <gst/check/gstharness.h>
#include <libsoup/soup.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAME_TIME (20 * GST_MSECOND)   /* 50 a second */
#define WIDTH 320
#define HEIGHT 192
#define LONGEST_PUSH_MS 50

/* A sanitizer is slow. */
#ifdef __SANITIZE_ADDRESS__
enum { UPLOADS = 300, KILLS = 2 };
#else
enum { UPLOADS = 1000, KILLS = 4 };
#endif

static guint
number_from (const gchar *variable, guint otherwise)
{
  const gchar *text = g_getenv (variable);

  return text ? (guint) g_ascii_strtoull (text, NULL, 10) : otherwise;
}

/* ---- a child: uploads ------------------------------------------------------------------------------------------------- */

/* The frames are written in order, and the references hold their sums: as many as there are, so far it has come. */
static guint
count_stored (const gchar *set)
{
  g_autoptr (Catalogue) catalogue = g_file_test (set, G_FILE_TEST_IS_DIR) ? catalogue_open (set, NULL) : NULL;
  CatalogueCounts counts = { 0 };

  if (catalogue)
    catalogue_count (catalogue, &counts, NULL);
  return (guint) counts.stored;
}

/* Blocks of gray, another picture for every number. */
static GstBuffer *
picture (guint number)
{
  guint8 *pixels = g_malloc (WIDTH * HEIGHT);
  g_autoptr (GRand) rand = g_rand_new_with_seed (number);
  GstBuffer *buffer;

  for (guint y = 0; y < HEIGHT; y += 16)
    for (guint x = 0; x < WIDTH; x += 16) {
      gint gray = g_rand_int_range (rand, 0, 256);

      for (guint row = y; row < y + 16; row++)
        memset (pixels + row * WIDTH + x, gray, 16);
    }
  buffer = gst_buffer_new_wrapped (pixels, WIDTH * HEIGHT);
  GST_BUFFER_PTS (buffer) = number * FRAME_TIME;
  return buffer;
}

/* The longest that a push took, in microseconds, late as the machine may be. */
static gint64
push_all (GstHarness *harness, guint from, guint to, glong *first_kb)
{
  gint64 begin = g_get_monotonic_time (), longest = 0;

  for (guint i = from; i < to; i++) {
    GstBuffer *buffer = picture (i);
    gint64 due = begin + (gint64) ((i - from) * FRAME_TIME / 1000), before;

    g_usleep ((gulong) MAX (0, due - g_get_monotonic_time ()));
    before = g_get_monotonic_time ();
    if (gst_harness_push (harness, buffer) != GST_FLOW_OK)
      g_error ("a frame was not taken");
    longest = MAX (longest, g_get_monotonic_time () - before);
    if (i == from + (to - from) / 4)
      *first_kb = resident_kb ();
  }
  return longest;
}

static int
upload (const gchar *set, const gchar *url, guint n)
{
  g_autofree gchar *launch = g_strdup_printf ("scale-uploader location=%s source=cam project=square base-url=%s/v1 in-flight=4 "
      "max-queue=1000 timeout=2000000000 drain-time=300000000000 embeddings=false", set, url);
  guint from = count_stored (set);
  GstHarness *harness = gst_harness_new_parse (launch);
  GstElement *uploader = gst_harness_find_element (harness, "scale-uploader");
  GstStructure *statistics;
  glong first_kb = 0;
  gint64 longest;
  g_autofree gchar *words = NULL;

  gst_harness_set_drop_buffers (harness, TRUE);
  gst_harness_set_src_caps_str (harness, "video/x-raw,format=GRAY8,width=320,height=192,framerate=50/1");
  longest = push_all (harness, from, n, &first_kb);
  if (!gst_harness_push_event (harness, gst_event_new_eos ()))
    return 1;
  g_object_get (uploader, "statistics", &statistics, NULL);
  words = gst_structure_to_string (statistics);
  printf ("# frames %u to %u: longest push %.1f ms; resident %ld kB after a quarter, %ld kB at the end; %s\n",
      from, n, longest / 1000., first_kb, resident_kb (), words);
  fflush (stdout);
  gst_structure_free (statistics);
  gst_object_unref (uploader);
  gst_harness_teardown (harness);
  return longest > LONGEST_PUSH_MS * 1000 ? 2 : resident_kb () > first_kb + 16 * 1024 ? 3 : 0;
}

/* ---- this process: serves and kills ---------------------------------------------------------------------------------- */

/* One request in twenty fails, in one of these ways. */
static const gchar *const faults[] = {
  "status=500", "status=500 commit", "status=503 retry-after=1", "status=429 retry-after=1", "status=504 commit", "html=502",
  "html=200", "drop", "drop commit", "hang", "hang commit", "truncate", "cut", "slow=50", "delay=1 commit",
};

static ScaleServer *
serve (void)
{
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
  GError *error = NULL;
  ScaleServer *server;

  options.seed = 5;
  server = scale_server_new (&options, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (faults); i++) {
    g_autofree gchar *fault = g_strdup_printf ("POST /v1/files/upload %s probability=%.5f", faults[i],
        0.05 / G_N_ELEMENTS (faults));

    scale_server_add_fault (server, fault, &error);
    g_assert_no_error (error);
  }
  return server;
}

static void
make_project (ScaleServer *server)
{
  g_autofree gchar *url = g_strconcat (scale_server_url (server), "/v1/projects", NULL);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("POST", url);
  static const gchar body[] = "{\"name\":\"square\",\"type\":\"imageannotation\"}";
  g_autoptr (GBytes) bytes = g_bytes_new_static (body, sizeof body - 1), answer = NULL;

  soup_message_headers_append (soup_message_get_request_headers (message), "Authorization",
      "Basic dGVzdF9zY2FsZV9zZXJ2ZXI6");
  soup_message_set_request_body_from_bytes (message, "application/json", bytes);
  answer = soup_session_send_and_read (session, message, NULL, NULL);
  g_assert_cmpint (soup_message_get_status (message), ==, 200);
}

static GPid
start_child (const gchar *program, const gchar *set, const gchar *url, guint n)
{
  g_autofree gchar *number = g_strdup_printf ("%u", n);
  const gchar *arguments[] = { program, "upload", set, url, number, NULL };
  GError *error = NULL;
  GPid child;

  g_spawn_async (NULL, (gchar **) arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, &error);
  g_assert_no_error (error);
  return child;
}

/* The status of a child that ended by itself. */
static int
reap (GPid child)
{
  int status;

  while (waitpid (child, &status, 0) < 0)
    g_assert_cmpint (errno, ==, EINTR);
  return status;
}

/* Lets children live for a random while, and no longer: each but the last two fifths of the frames is for one of them. */
static void
kill_often (const gchar *program, const gchar *set, ScaleServer *server, guint n, guint kills)
{
  guint life = (guint) (3 * n / 5 * (FRAME_TIME / GST_MSECOND) / MAX (kills, 1));

  for (guint i = 0; i < kills; i++) {
    GPid child = start_child (program, set, scale_server_url (server), n);

    g_usleep (1000 * (gulong) g_test_rand_int_range (MAX (1, life / 2), MAX (2, 3 * life / 2)));
    g_assert_cmpint (kill (child, SIGKILL), ==, 0);
    g_assert_true (WIFSIGNALED (reap (child)));
    g_spawn_close_pid (child);
  }
}

static void
check_row (Catalogue *catalogue, JsonObject *file)
{
  JsonObject *metadata = json_object_get_object_member (file, "metadata");
  const gchar *id = json_object_get_string_member (metadata, "frame_id");
  g_autofree gchar *by_reference = catalogue_frame_by_reference (catalogue, "scale", json_object_get_string_member (file,
          "reference_id"));
  g_autofree gchar *by_path = catalogue_frame_by_path (catalogue, json_object_get_string_member (metadata, "image_path"),
      json_object_get_string_member (file, "sha256"));
  g_autofree gchar *by_url = catalogue_frame_by_url (catalogue, json_object_get_string_member (file, "attachment_url"));

  g_assert_cmpstr (by_reference, ==, id);
  g_assert_cmpstr (by_path, ==, id);
  if (by_url)                   /* the answer that told it may have been lost */
    g_assert_cmpstr (by_url, ==, id);
}

static void
say (const gchar *line, gpointer data)
{
  g_test_message ("%s", line);
}

static void
check (const gchar *set, ScaleServer *server, guint n)
{
  g_autoptr (Catalogue) catalogue = catalogue_open_read (set, NULL);
  CatalogueDestination to = { "scale", "square" };
  CatalogueUploadCounts counts;
  JsonArray *files = scale_server_list (server, "files");
  g_autofree guint8 *seen = g_new0 (guint8, n);

  g_assert_true (catalogue_count_uploads (catalogue, &to, &counts, NULL));
  g_assert_cmpuint (counts.pending, ==, 0);
  g_assert_cmpuint (counts.refused, ==, 0);
  g_assert_cmpuint (counts.sent, ==, n);
  g_assert_cmpuint (json_array_get_length (files), ==, n);
  for (guint i = 0; i < n; i++) {
    JsonObject *file = json_array_get_object_element (files, i);
    guint64 number = json_object_get_int_member (json_object_get_object_member (file, "metadata"), "pts_ns") / FRAME_TIME;

    g_assert_cmpuint (number, <, n);
    g_assert_cmpuint (seen[number]++, ==, 0);
    check_row (catalogue, file);
  }
  json_array_unref (files);
  g_assert_cmpint (catalogue_verify (catalogue, say, NULL, NULL), ==, 0);
}

static const gchar *program;

static void
test_kills (void)
{
  guint n = number_from ("GST_HEADS_UPLOADS", UPLOADS), kills = number_from ("GST_HEADS_KILLS", KILLS);
  g_autofree gchar *folder = temp_folder_new (), *set = g_build_filename (folder, "set", NULL);
  ScaleServer *server = serve ();
  int status;

  make_project (server);
  kill_often (program, set, server, n, kills);
  status = reap (start_child (program, set, scale_server_url (server), n));
  g_test_message ("%u frames, %u kills: %u requests", n, kills, scale_server_count (server, "POST", "/v1/files/upload"));
  check (set, server, n);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), !=, 1);
  g_assert_cmpint (WEXITSTATUS (status), !=, 3);        /* memory grew */
  if (WEXITSTATUS (status) == 2)
    g_test_message ("a push took more than %d ms", LONGEST_PUSH_MS);
  scale_server_free (server);
  temp_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  if (argc == 5 && strcmp (argv[1], "upload") == 0) {
    g_setenv ("SCALE_API_KEY", SCALE_SERVER_KEY, TRUE);
    gst_init (NULL, NULL);
    return upload (argv[2], argv[3], (guint) g_ascii_strtoull (argv[4], NULL, 10));
  }
  program = argv[0];
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/scale-uploader/kills", test_kills);
  return g_test_run ();
}
