/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc.c: live-src when all is well, its resolver, files and RTSP, and its states. */
#include "live-rig.h"

#include <glib/gstdio.h>

static guint
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

/* ---- frames ------------------------------------------------------------------------------------------------------- */

GST_START_TEST (test_samples)
{
  LiveRig rig;
  gint64 now;

  live_rig_begin (&rig, "/master.m3u8", "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  live_rig_listen (&rig, 3);
  /* One for each interval, of the newest segment, over the end of the folder where times jump and the size changes. */
  fail_unless (rig.frames >= 3 && rig.frames <= 9, "%d frames in 3 s", rig.frames);
  live_rig_await_frames (&rig, 4, 6);
  fail_unless (g_atomic_int_get (&rig.sizes) >= 2);
  now = g_get_real_time ();
  fail_unless (rig.captured_at < now && rig.captured_at > now - 2 * G_USEC_PER_SEC);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_plays)
{
  LiveRig rig;
  gint frames;

  live_rig_begin (&rig, "/master.m3u8", "interval=0");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 20, 6);
  frames = rig.frames;
  live_rig_listen (&rig, 2);
  /* 20 a second, at that pace; busy machines lose some. */
  fail_unless (rig.frames - frames > 8 && rig.frames - frames < 60, "%d frames in 2 s", rig.frames - frames);
  live_rig_await_frames (&rig, 60, 8);
  fail_unless (g_atomic_int_get (&rig.sizes) >= 2);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_plays_thinned)
{
  LiveRig rig;
  gint frames;

  live_rig_begin (&rig, "/live.m3u8", "interval=200000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 3, 6);
  frames = rig.frames;
  live_rig_listen (&rig, 2);
  fail_unless (rig.frames - frames >= 4 && rig.frames - frames <= 14, "%d frames in 2 s", rig.frames - frames);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_states)
{
  LiveRig rig;
  guint files = 0, threads = 0;

  live_rig_begin (&rig, "/live.m3u8", "");
  for (int i = 0; i < 30; i++) {
    if (i == 5) {
      files = count_entries ("/proc/self/fd");
      threads = count_entries ("/proc/self/task");
    }
    live_rig_play (&rig);
    if (i % 5 == 4)
      live_rig_await_frames (&rig, 1, 4);
    gst_element_set_state (rig.pipeline, i % 3 ? GST_STATE_NULL : GST_STATE_READY);
  }
  /* Connections of the last ones may still be closing, on both sides. */
  for (int i = 0; i < 20 && (i == 0 || count_entries ("/proc/self/fd") > files + 8); i++)
    live_rig_listen (&rig, 0.5);
  fail_unless (count_entries ("/proc/self/fd") <= files + 8, "files: %u, were %u", count_entries ("/proc/self/fd"), files);
  fail_unless (count_entries ("/proc/self/task") <= threads + 8);
  fail_if (rig.error);
  live_rig_end (&rig);
}

GST_END_TEST
/* The scheme may be written in capitals. */
GST_START_TEST (test_capitals)
{
  LiveRig rig;
  g_autofree gchar *uri = NULL;

  live_rig_begin (&rig, "/live.m3u8", "");
  uri = g_strdup_printf ("HTTP://127.0.0.1:%u/live.m3u8", hls_origin_port (rig.origin));
  g_object_set (rig.src, "uri", uri, NULL);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  fail_unless (live_rig_number (&rig, "http-responses", "segment-200") > 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* ---- the resolver -------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *command, *reason;
} Resolver;

/* As yt-dlp does; warnings that come before its error, and addresses in it, are no reason. */
#define SAYS(words) "sh -c 'echo WARNING: this may be private, offline or has ended >&2; " \
  "echo \"ERROR: " words " (see https://offline.example/private?key=secret)\" >&2; exit 1' {uri}"

static const Resolver failing[] = {
  { "no-such-resolver {uri}", "resolver_missing" },
  { "sh -c 'sleep 60' {uri}", "resolver_timeout" },
  { "sh -c 'echo nonsense' {uri}", "resolver_garbage" },
  { "sh -c 'head -c 10000000 /dev/zero' {uri}", "resolver_too_much" },
  { "sh -c 'echo ERROR: no idea >&2; exit 1' {uri}", "resolver_failed" },
  { "sh -c 'echo ERROR: Sign in to confirm you are not a bot. See https://x/y?key=secret >&2; exit 1' {uri}", "bot_check" },
  { "sh -c '[ -z \"$SCALE_API_KEY$NUCLEUS_API_KEY\" ] && echo nonsense' {uri}", "resolver_garbage" },
  { "sh -c 'exit 1' {uri}", "resolver_failed" },
  { "sh -c 'kill -9 $$' {uri}", "resolver_failed" },
  { "sh -c 'printf \"{\\\"url\\\": 1\"' {uri}", "resolver_garbage" },
  { "sh -c true {uri}", "resolver_garbage" },
  /* As deep as would end a parser that recurses. */
  { "sh -c 'printf \"{\\\"a\\\":\"; yes [ | head -n 300000 | tr -d \"\\n\"' {uri}", "resolver_garbage" },
  { "sh -c 'head -c 10000000 /dev/zero >&2; exit 1' {uri}", "resolver_failed" },
  { SAYS ("[youtube] x: This content is not available, try again later. The current session has been rate-limited by "
        "YouTube for up to an hour."), "rate_limited" },
  { SAYS ("Unable to download API page: HTTP Error 429: Too Many Requests"), "rate_limited" },
  { SAYS ("[youtube] x: The uploader has not made this video available in your country"), "region" },
  { SAYS ("This video is not available from your location due to geo restriction"), "region" },
  { SAYS ("[youtube] x: Private video. Sign in if you have been granted access to this video"), "private" },
  { SAYS ("[youtube] x: Join this channel to get access to members-only content like this video"), "private" },
  { SAYS ("This video is only available for registered users"), "private" },
  { SAYS ("[youtube] x: This live event has ended."), "ended" },
  { SAYS ("[youtube] x: This live stream recording is not available."), "ended" },
  { SAYS ("[youtube] x: This live event will begin in 3 hours"), "offline" },
  { SAYS ("[youtube] x: Requested format is not available. Use --list-formats"), "no_formats" },
  { "echo '{\"live_status\": \"was_live\", \"url\": \"http://127.0.0.1:1/a.m3u8\"}'", "ended" },
  { "echo '{\"live_status\": \"post_live\", \"url\": \"http://127.0.0.1:1/a.m3u8\"}'", "ended" },
  { "echo '{\"live_status\": \"is_upcoming\"}'", "offline" },
  { "echo '{\"formats\": [{\"protocol\": \"https\", \"url\": \"http://127.0.0.1:1/a.mp4\"}]}'", "no_formats" },
  { "sh -c 'echo \"[plugins.youtube][error] Could not get video info - LOGIN_REQUIRED: Sign in to confirm you are not "
        "a bot\" >&2; echo {\\\"error\\\": \\\"No playable streams found on this URL\\\"}; exit 1'", "bot_check" },
  { "sh -c 'echo {\\\"error\\\": \\\"No playable streams found on this URL\\\"}; exit 1'", "no_formats" },
  { "sh -c 'echo error: No playable streams found on this URL >&2; exit 1' {uri}", "no_formats" },
};

GST_START_TEST (test_resolver_fails)
{
  LiveRig rig;

  g_setenv ("SCALE_API_KEY", "test_not_for_the_resolver", TRUE);
  live_rig_begin (&rig, "/page", "");
  g_object_set (rig.src, "resolver", failing[__i__].command, NULL);
  live_rig_play (&rig);
  live_rig_await_outage (&rig, failing[__i__].reason, 4);
  fail_unless (rig.detail && *rig.detail && strlen (rig.detail) < 400, "detail: %s", rig.detail);
  fail_if (strstr (rig.detail, "secret"));
  if (g_str_equal (rig.reason, "resolver_missing"))
    fail_unless (strstr (rig.detail, "no-such-resolver is not installed; install it, or"), "detail: %s", rig.detail);
  live_rig_end (&rig);
}

GST_END_TEST
/* Whoever is barred for asking too often does not ask again soon; whoever just failed does. */
GST_START_TEST (test_resolver_is_spared)
{
  static const char *const words[] = { SAYS ("no idea"), SAYS ("HTTP Error 429: Too Many Requests") };
  LiveRig rig;
  guint64 tries;

  live_rig_begin (&rig, "/page", "retry-min=100000000 retry-max=2000000000");
  g_object_set (rig.src, "resolver", words[__i__], NULL);
  live_rig_play (&rig);
  live_rig_await_outage (&rig, __i__ ? "rate_limited" : "resolver_failed", 4);
  for (int i = 0; i < 100 && live_rig_number (&rig, NULL, "resolves-failed") < 3; i++)
    live_rig_listen (&rig, __i__ ? 0.02 : 0.2);
  tries = live_rig_number (&rig, NULL, "resolves-failed");
  fail_unless (__i__ ? tries == 1 : tries >= 3, "%" G_GUINT64_FORMAT " tries", tries);
  live_rig_end (&rig);
}

GST_END_TEST
/* An address that will not live as long as the margin, and one whose date is over (or none): they work, and are not looked
 * for again every second. */
GST_START_TEST (test_resolver_is_spared_while_all_is_well)
{
  LiveRig rig;
  g_autofree gchar *command = NULL;

  live_rig_begin (&rig, "/page", "resolver-timeout=20000000000");
  command = g_strdup_printf ("sh -c 'echo http://127.0.0.1:%u/live.m3u8?expire=$((%s + 60))'", hls_origin_port (rig.origin),
      __i__ ? "0" : "$(date +%s)");
  g_object_set (rig.src, "resolver", command, NULL);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  live_rig_listen (&rig, 2.5);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "resolves-ok"), 1);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
static const char *const printed[] = {
  "http://127.0.0.1:%u/live.m3u8",
  "{\"is_live\":null,\"url\":\"http://127.0.0.1:%u/master.m3u8\",\"http_headers\":{\"X-A\":\"b\"}}",
  "{\"is_live\":true,\"live_status\":\"is_live\",\"formats\":[{\"protocol\":\"https\",\"url\":\"http://127.0.0.1:1/\"},"
      "{\"protocol\":\"m3u8_native\",\"url\":\"http://127.0.0.1:%u/live.m3u8\"}]}",
  "{\"plugin\":\"hls\",\"streams\":{\"best\":{\"type\":\"hls\",\"url\":\"http://127.0.0.1:%u/live.m3u8\",\"headers\":{}}}}",
};

GST_START_TEST (test_resolver_prints)
{
  LiveRig rig;
  g_autofree gchar *text = NULL, *quoted = NULL, *command = NULL;

  live_rig_begin (&rig, "/page", "");
  text = g_strdup_printf (printed[__i__], hls_origin_port (rig.origin));
  quoted = g_shell_quote (text);
  command = g_strdup_printf ("echo %s", quoted);
  g_object_set (rig.src, "resolver", command, NULL);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* An address that is refused is resolved again at once. */
GST_START_TEST (test_address_refused)
{
  LiveRig rig;
  g_autofree gchar *command = NULL;

  live_rig_begin (&rig, "/page", "resolve-margin=0");
  command = g_strdup_printf ("sh -c 'echo http://127.0.0.1:%u/expire/$(($(date +%%s) + 2))/live.m3u8'",
      hls_origin_port (rig.origin));
  g_object_set (rig.src, "resolver", command, "resolve-interval", (guint64) 3600 * GST_SECOND, NULL);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 12, 12);
  fail_unless (live_rig_number (&rig, NULL, "resolves-ok") >= 2);
  live_rig_end (&rig);
}

GST_END_TEST
static gchar *
other_uri (GstElement *src, const gchar *uri, gpointer origin)
{
  fail_unless (g_str_has_suffix (uri, "/nowhere.m3u8"));
  return g_strdup_printf ("http://127.0.0.1:%u/live.m3u8", hls_origin_port (origin));
}

GST_START_TEST (test_update_uri)
{
  LiveRig rig;

  live_rig_begin (&rig, "/nowhere.m3u8", "");
  g_signal_connect (rig.src, "update-uri", G_CALLBACK (other_uri), rig.origin);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  live_rig_end (&rig);
}

GST_END_TEST
/* ---- what is not HLS --------------------------------------------------------------------------------------------------- */

GST_START_TEST (test_file)
{
  LiveRig rig;
  g_autofree gchar *path = g_build_filename (live_segments, "0.ts", NULL);

  live_rig_begin (&rig, "/", __i__ ? "interval=100000000" : "interval=0");
  g_object_set (rig.src, "uri", path, NULL);
  live_rig_play (&rig);
  for (int i = 0; i < 100 && !rig.eos; i++)
    live_rig_listen (&rig, 0.1);
  fail_unless (rig.eos);
  fail_unless_equals_int (rig.frames, __i__ ? 5 : 10);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_no_file)
{
  LiveRig rig;

  live_rig_begin (&rig, "/", "");
  g_object_set (rig.src, "uri", "/nowhere/camera.ts", NULL);
  live_rig_play (&rig);
  for (int i = 0; i < 50 && !rig.error; i++)
    live_rig_listen (&rig, 0.1);
  fail_unless (rig.error && strstr (rig.error, "/nowhere/camera.ts") && strstr (rig.error, "Set uri to a film"), "the error is %s", rig.error);
  live_rig_end (&rig);
}

GST_END_TEST
GST_START_TEST (test_no_uri)
{
  GstElement *src = gst_element_factory_make ("live-src", NULL);

  fail_unless_equals_int (gst_element_set_state (src, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (src, GST_STATE_NULL);
  gst_object_unref (src);
}

GST_END_TEST
/* What cannot be an address is refused at once, with the remedy, and its password is not told. */
GST_START_TEST (test_no_address)
{
  static const struct { const char *uri, *remedy; } cases[] = { { "http://", "give uri a host" },
    { "https:///live.m3u8", "give uri a host" }, { "http://user:secret@/live.m3u8", "give uri a host" },
    { "rtsp://", "give uri a host" }, { "HTTP://:80/", "give uri a host" }, { "http://camera:port/", "give uri a host" },
    { "htp://user:secret@camera/live", "reads htp:// addresses" }, { "www.youtube.com/watch?v=ID", "begin it with https://" } };
  GstElement *src = gst_element_factory_make ("live-src", NULL);
  GstBus *bus = gst_bus_new ();
  GstMessage *message;
  GError *error = NULL;

  g_object_set (src, "uri", cases[__i__].uri, NULL);
  gst_element_set_bus (src, bus);
  fail_unless_equals_int (gst_element_set_state (src, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  fail_unless (message != NULL);
  gst_message_parse_error (message, &error, NULL);
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS));
  fail_unless (strstr (error->message, cases[__i__].remedy) && !strstr (error->message, "secret"), "%s", error->message);
  g_error_free (error);
  gst_message_unref (message);
  gst_element_set_state (src, GST_STATE_NULL);
  gst_element_set_bus (src, NULL);
  gst_object_unref (bus);
  gst_object_unref (src);
}

GST_END_TEST
GST_START_TEST (test_rtsp_refused)
{
  LiveRig rig;

  live_rig_begin (&rig, "rtsp://user:secret@127.0.0.1:9/stream", "");
  live_rig_play (&rig);
  live_rig_await_outage (&rig, "connection", 6);
  live_rig_listen (&rig, 1);
  fail_if (rig.error, "an error: %s", rig.error);
  fail_unless (rig.detail && *rig.detail && !strstr (rig.detail, "secret"), "detail: %s", rig.detail);
  fail_unless (live_rig_number (&rig, "reconnects", "connection") >= 2);
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_test (tests, test_samples);
  tcase_add_test (tests, test_plays);
  tcase_add_test (tests, test_plays_thinned);
  tcase_add_test (tests, test_states);
  tcase_add_test (tests, test_capitals);
  tcase_add_loop_test (tests, test_resolver_fails, 0, G_N_ELEMENTS (failing));
  tcase_add_loop_test (tests, test_resolver_is_spared, 0, 2);
  tcase_add_loop_test (tests, test_resolver_is_spared_while_all_is_well, 0, 2);
  tcase_add_loop_test (tests, test_resolver_prints, 0, G_N_ELEMENTS (printed));
  tcase_add_test (tests, test_address_refused);
  tcase_add_test (tests, test_update_uri);
  tcase_add_loop_test (tests, test_file, 0, 2);
  tcase_add_test (tests, test_no_file);
  tcase_add_test (tests, test_no_uri);
  tcase_add_loop_test (tests, test_no_address, 0, 8);
  tcase_add_test (tests, test_rtsp_refused);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src", 120, add_tests);
}
