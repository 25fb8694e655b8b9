/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-rtsp.c: live-src and a real RTSP server (libgstrtspserver) that goes away and comes back. Exits with 77
 * where that library was not there to build with. */
#include "live-rig.h"

#ifdef HAVE_RTSP_SERVER
#include <gst/rtsp-server/rtsp-server.h>
#include <gst/video/video.h>

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

/* How often a key frame is asked of an element named encoder, in milliseconds; 0: not at all. */
static gint key_frames;

static gpointer
serve (gpointer data)
{
  Camera *camera = data;

  g_main_context_push_thread_default (camera->context);
  g_main_loop_run (camera->loop);
  g_main_context_pop_thread_default (camera->context);
  return NULL;
}

/* Until the camera ends. */
static gpointer
ask_for_key_frames (gpointer data)
{
  while (GST_STATE (data) > GST_STATE_NULL || GST_STATE_PENDING (data) > GST_STATE_NULL) {
    gint pause = g_atomic_int_get (&key_frames);

    if (pause)
      gst_element_send_event (data, gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE, 0));
    g_usleep ((pause ? pause : 50) * 1000);
  }
  gst_object_unref (data);
  return NULL;
}

static void
on_media (GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer data)
{
  GstElement *bin = gst_rtsp_media_get_element (media), *encoder = gst_bin_get_by_name (GST_BIN (bin), "encoder");

  gst_object_unref (bin);
  if (encoder == NULL)
    return;
  gst_element_set_state (encoder, GST_STATE_READY);
  g_thread_unref (g_thread_new ("key-frames", ask_for_key_frames, encoder));
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
  g_signal_connect (factory, "media-configure", G_CALLBACK (on_media), NULL);
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
x264_or (const char *x264, const char *other)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find ("x264enc");

  return factory ? x264 : other;
}

static const char *
coding (int i)
{
  return i ? "jpegenc ! rtpjpegpay" : x264_or ("x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay",
      "openh264enc gop-size=10 ! rtph264pay");
}

static void
watch (LiveRig *rig, const Camera *camera, const char *path, const char *properties)
{
  g_autofree gchar *uri = g_strdup_printf ("rtsp://user:secret@127.0.0.1:%d/%s", camera->port, path);

  live_rig_begin (rig, uri, properties);
  live_rig_play (rig);
}

/* Frames, an outage with a reason while the camera is away, frames again; an H.264 and a JPEG camera. */
GST_START_TEST (test_restart)
{
  /* What of its end comes first is a matter of luck. */
  static const char *const reasons[] = { "ended", "connection", "stale", NULL };
  Camera camera = { .coding = coding (__i__) };
  LiveRig rig;

  camera_start (&camera);
  watch (&rig, &camera, "camera", "timeout=4000000000");
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
  LiveRig rig;

  camera_start (&camera);
  camera_stop (&camera);        /* which leaves a port that is free */
  watch (&rig, &camera, "camera", "timeout=4000000000");
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
  LiveRig rig;

  camera_start (&camera);
  watch (&rig, &camera, "nothing", "");
  live_rig_await_outage (&rig, "not_found", PATIENCE);
  live_rig_listen (&rig, 1);
  fail_if (rig.error, "an error: %s", rig.error);
  live_rig_end (&rig);
  camera_stop (&camera);
}

GST_END_TEST
static void
await_keyframes_only (LiveRig *rig, gboolean only)
{
  gint64 end = g_get_monotonic_time () + PATIENCE * G_USEC_PER_SEC;

  while (live_rig_number (rig, NULL, "keyframes-only") != (guint64) only) {
    live_rig_listen (rig, 0.05);
    fail_if (g_get_monotonic_time () > end, "keyframes-only is not %d", only);
  }
}

/* As long as key frames are frequent enough the decoder gets nothing else. When they are no more, that is told, and all is
 * decoded from the next one on; and so back. */
GST_START_TEST (test_keyframes)
{
  Camera camera = { .coding = x264_or ("x264enc name=encoder tune=zerolatency speed-preset=ultrafast key-int-max=100000 ! "
        "rtph264pay", "openh264enc name=encoder gop-size=100000 ! rtph264pay") };
  LiveRig rig;

  g_atomic_int_set (&key_frames, 200);
  camera_start (&camera);
  watch (&rig, &camera, "camera", "timeout=20000000000");
  await_keyframes_only (&rig, TRUE);
  live_rig_await_frames (&rig, 4, PATIENCE);
  g_atomic_int_set (&key_frames, 0);
  live_rig_await_doubt (&rig, "keyframes", TRUE, PATIENCE);
  await_keyframes_only (&rig, FALSE);
  g_atomic_int_set (&key_frames, 200);
  live_rig_await_frames (&rig, 1, PATIENCE);
  g_atomic_int_set (&key_frames, 0);
  live_rig_await_frames (&rig, 6, PATIENCE);    /* of all the others */
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "keyframes-only"), FALSE);
  g_atomic_int_set (&key_frames, 200);
  live_rig_await_doubt (&rig, "keyframes", FALSE, PATIENCE);
  await_keyframes_only (&rig, TRUE);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
  camera_stop (&camera);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_loop_test (tests, test_restart, 0, 2);
  tcase_add_test (tests, test_comes_later);
  tcase_add_test (tests, test_no_such_path);
  tcase_add_test (tests, test_keyframes);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-rtsp", 240, add_tests);
}

#else

int
main (void)
{
  g_print ("SKIP: built without libgstrtspserver-1.0-dev\n");
  return 77;
}
#endif
