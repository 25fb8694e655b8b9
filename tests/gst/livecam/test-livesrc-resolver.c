/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-resolver.c: live-src with a real yt-dlp or streamlink, named by the only argument (yt_dlp or
 * streamlink), as the Python of $GST_HEADS_TEST_PYTHON has it, else python3. Exits with 77 where it has none. */
#include "live-rig.h"

typedef struct {
  const char *module, *good, *bad;      /* command lines; of one that fails, and its reason */
  const char *reason;
} Program;

static const Program programs[] = {
  { "yt_dlp", "%s -m yt_dlp -j --no-warnings --no-playlist -4 http://127.0.0.1:%u/master.m3u8",
        "%s -m yt_dlp -j --no-warnings --no-playlist -4 http://127.0.0.1:%u/nothing.m3u8", "resolver_failed" },
  { "streamlink", "%s -m streamlink --json hls://http://127.0.0.1:%u/master.m3u8",
        "%s -m streamlink --json http://127.0.0.1:%u/nothing", "resolver_failed" },
};

static const char *python;
static const Program *program;

static void
begin_with (LiveRig *rig, const char *line, const char *properties)
{
  g_autofree gchar *command = NULL;

  live_rig_begin (rig, "/page", properties);
  command = g_strdup_printf (line, python, hls_origin_port (rig->origin));
  g_object_set (rig->src, "resolver", command, "resolver-timeout", 60 * GST_SECOND, NULL);
  live_rig_play (rig);
}

static void
begin (LiveRig *rig, const char *line)
{
  begin_with (rig, line, "timeout=60000000000");
}

GST_START_TEST (test_resolves)
{
  LiveRig rig;

  begin (&rig, program->good);
  live_rig_await_frames (&rig, 2, 20);
  fail_unless_equals_int (rig.begins, 0);
  live_rig_end (&rig);
}

GST_END_TEST
/* A page that is no stream: its own words are the detail. */
GST_START_TEST (test_fails)
{
  LiveRig rig;

  begin (&rig, program->bad);
  live_rig_await_outage (&rig, program->reason, 20);
  fail_unless (rig.detail && *rig.detail);
  live_rig_end (&rig);
}

GST_END_TEST
/* Of streamlink's streams, which are listed by quality, that of max-height. yt-dlp is told the height. */
GST_START_TEST (test_height)
{
  LiveRig rig;

  begin_with (&rig, "%s -m streamlink --json hls://http://127.0.0.1:%u/heights.m3u8", "timeout=60000000000 max-height=720");
  live_rig_await_frames (&rig, 2, 20);
  fail_unless (hls_origin_count (rig.origin, "/middle/") > 0);
  fail_unless_equals_int (hls_origin_count (rig.origin, "/large/") + hls_origin_count (rig.origin, "/small/"), 0);
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  if (g_str_equal (program->module, "streamlink"))
    tcase_add_test (tests, test_height);
  tcase_add_test (tests, test_resolves);
  tcase_add_test (tests, test_fails);
}

static gboolean
is_there (void)
{
  g_autofree gchar *line = g_strdup_printf ("import %s", program->module);
  const char *argv[] = { python, "-c", line, NULL };
  gint status = 1;

  return g_spawn_sync (NULL, (gchar **) argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
      NULL, NULL, &status, NULL) && status == 0;
}

int
main (int argc, char **argv)
{
  int one = 1;                  /* the argument is not for GStreamer */

  for (gsize i = 0; i < G_N_ELEMENTS (programs); i++)
    if (argc == 2 && g_str_equal (argv[1], programs[i].module))
      program = &programs[i];
  if (program == NULL) {
    g_printerr ("usage: test-livesrc-resolver yt_dlp|streamlink\n");
    return 2;
  }
  python = g_getenv ("GST_HEADS_TEST_PYTHON");
  if (python == NULL || *python == 0)
    python = "python3";
  if (!is_there ()) {
    g_print ("SKIP: %s has no %s (GST_HEADS_TEST_PYTHON names another Python)\n", python, program->module);
    return 77;
  }
  return live_rig_main (one, argv, "live-src-resolver", 240, add_tests);
}
