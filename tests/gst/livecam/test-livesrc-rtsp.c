/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-rtsp.c: live-src and a real RTSP server (libgstrtspserver) that goes away and comes back. Exits with 77
 * where that library was not there to build with. */
#include "live-rig.h"

#ifdef HAVE_RTSP_SERVER
#include <gst/rtsp-server/rtsp-server.h>

#define PATIENCE 20             /* seconds */

typedef struct {
  const char *coding;
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  GstRTSPServer *server;
  guint source;
  gint port;
} Camera;

static gpointer
serve (gpointer data)
{
  Camera *camera = data;

  g_main_context_push_thread_default (camera->context);
  g_main_loop_run (camera->loop);
  g_main_context_pop_thread_default (camera->context);
  return NULL;
}

/* On the port that it had, if it had one. */
static void
camera_start (Camera *camera)
{
  g_autofree gchar *service = g_strdup_printf ("%d", camera->port);
  g_autofree gchar *launch = g_strdup_printf ("( videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,"
      "width=160,height=120,framerate=10/1 ! %s name=pay0 pt=96 )", camera->coding);
  GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new ();
  GstRTSPMountPoints *mounts;

  camera->context = g_main_context_new ();
  camera->loop = g_main_loop_new (camera->context, FALSE);
  camera->server = gst_rtsp_server_new ();
  gst_rtsp_server_set_address (camera->server, "127.0.0.1");
  gst_rtsp_server_set_service (camera->server, service);
  gst_rtsp_media_factory_set_launch (factory, launch);
  gst_rtsp_media_factory_set_shared (factory, TRUE);
  mounts = gst_rtsp_server_get_mount_points (camera->server);
  gst_rtsp_mount_points_add_factory (mounts, "/camera", factory);
  g_object_unref (mounts);
  camera->source = gst_rtsp_server_attach (camera->server, camera->context);
  fail_unless (camera->source > 0, "no RTSP server at port %s", service);
  camera->port = gst_rtsp_server_get_bound_port (camera->server);
  camera->thread = g_thread_new ("camera", serve, camera);
}

static GstRTSPFilterResult
drop_client (GstRTSPServer *server, GstRTSPClient *client, gpointer data)
{
  return GST_RTSP_FILTER_REMOVE;
}

static gboolean
close_all (gpointer data)
{
  Camera *camera = data;

  g_source_destroy (g_main_context_find_source_by_id (camera->context, camera->source));
  gst_rtsp_server_client_filter (camera->server, drop_client, NULL);
  g_main_loop_quit (camera->loop);
  return G_SOURCE_REMOVE;
}

/* With all its connections, as where the power fails. */
static void
camera_stop (Camera *camera)
{
  GSource *idle = g_idle_source_new ();

  g_source_set_callback (idle, close_all, camera, NULL);
  g_source_attach (idle, camera->context);
  g_source_unref (idle);
  g_thread_join (camera->thread);
  while (g_main_context_iteration (camera->context, FALSE)) {
  }
  g_object_unref (camera->server);
  g_main_loop_unref (camera->loop);
  g_main_context_unref (camera->context);
}

static const char *
coding (int i)
{
  g_autoptr (GstElementFactory) x264 = gst_element_factory_find ("x264enc");

  if (i)
    return "jpegenc ! rtpjpegpay";
  return x264 ? "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay"
      : "openh264enc gop-size=10 ! rtph264pay";
}

/* Frames, an outage with a reason while the camera is away, frames again; an H.264 and a JPEG camera. */
GST_START_TEST (test_restart)
{
  /* What of its end comes first is a matter of luck. */
  static const char *const reasons[] = { "ended", "connection", "stale", NULL };
  Camera camera = { .coding = coding (__i__) };
  g_autofree gchar *uri = NULL;
  LiveRig rig;

  camera_start (&camera);
  uri = g_strdup_printf ("rtsp://user:secret@127.0.0.1:%d/camera", camera.port);
  live_rig_begin (&rig, uri, "timeout=4000000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 3, PATIENCE);
  for (int i = 0; i < 2; i++) {
    camera_stop (&camera);
    live_rig_await_outage (&rig, NULL, PATIENCE);
    fail_unless (g_strv_contains (reasons, rig.reason), "the reason is %s", rig.reason);
    live_rig_listen (&rig, 1);
    fail_unless_equals_int (rig.begins, i + 1);
    fail_unless_equals_int (rig.ends, i);
    camera_start (&camera);
    live_rig_await_end_of_outage (&rig, PATIENCE);
    live_rig_await_frames (&rig, 3, PATIENCE);
  }
  fail_unless (rig.captured_at > 0);
  live_rig_end (&rig);
  camera_stop (&camera);
}

GST_END_TEST
/* A camera that is switched on after the pipeline. */
GST_START_TEST (test_comes_later)
{
  Camera camera = { .coding = coding (0) };
  g_autofree gchar *uri = NULL;
  LiveRig rig;

  camera_start (&camera);
  camera_stop (&camera);        /* which leaves a port that is free */
  uri = g_strdup_printf ("rtsp://127.0.0.1:%d/camera", camera.port);
  live_rig_begin (&rig, uri, "timeout=4000000000");
  live_rig_play (&rig);
  live_rig_await_outage (&rig, "connection", PATIENCE);
  camera_start (&camera);
  live_rig_await_end_of_outage (&rig, PATIENCE);
  live_rig_await_frames (&rig, 3, PATIENCE);
  live_rig_end (&rig);
  camera_stop (&camera);
}

GST_END_TEST
/* A path that the camera does not have: it answers 404. */
GST_START_TEST (test_no_such_path)
{
  Camera camera = { .coding = coding (0) };
  g_autofree gchar *uri = NULL;
  LiveRig rig;

  camera_start (&camera);
  uri = g_strdup_printf ("rtsp://127.0.0.1:%d/nothing", camera.port);
  live_rig_begin (&rig, uri, "");
  live_rig_play (&rig);
  live_rig_await_outage (&rig, "not_found", PATIENCE);
  live_rig_listen (&rig, 1);
  fail_if (rig.error, "an error: %s", rig.error);
  live_rig_end (&rig);
  camera_stop (&camera);
}

GST_END_TEST
static Suite *
live_src_rtsp_suite (void)
{
  Suite *suite = suite_create ("live-src-rtsp");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_set_timeout (tests, 240);
  tcase_add_loop_test (tests, test_restart, 0, 2);
  tcase_add_test (tests, test_comes_later);
  tcase_add_test (tests, test_no_such_path);
  return suite;
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-rtsp", live_src_rtsp_suite);
}

#else

int
main (void)
{
  g_print ("SKIP: built without libgstrtspserver-1.0-dev\n");
  return 77;
}
#endif
