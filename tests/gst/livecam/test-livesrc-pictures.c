/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-livesrc-pictures.c: live-src and addresses whose ending says nothing: motion JPEG and single pictures from a camera
 * that fails in every way, HLS under other names, and pages. */
#include "live-rig.h"
#include "picture-origin.h"

#include <string.h>

/* A resolver that is run tells by its reason. */
#define NO_RESOLVER "resolver=\"sh -c 'echo ERROR: I was run >&2; exit 1'\" "

static PictureOrigin *camera;

static void
begin_at (LiveRig *rig, const char *user, const char *path, const char *properties)
{
  g_autofree char *uri = NULL, *all = g_strconcat (NO_RESOLVER, properties, NULL);

  camera = picture_origin_new ();
  uri = g_strdup_printf ("http://%s127.0.0.1:%u%s", user, picture_origin_port (camera), path);
  live_rig_begin (rig, uri, all);
}

static void
begin (LiveRig *rig, const char *path, const char *properties)
{
  begin_at (rig, "", path, properties);
}

static void
end (LiveRig *rig)
{
  live_rig_end (rig);
  picture_origin_free (camera);
}

/* ---- when all is well ---------------------------------------------------------------------------------------------- */

static const char *const paths[] = { "/video", "/plain", "/still.jpg?size=full" };

GST_START_TEST (test_pictures)
{
  LiveRig rig;
  gint frames;

  begin (&rig, paths[__i__], "");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  frames = g_atomic_int_get (&rig.frames);
  live_rig_listen (&rig, 2);
  frames = g_atomic_int_get (&rig.frames) - frames;
  fail_unless (frames >= 2 && frames <= 5, "%d frames in 2 s, each half a second", frames);
  fail_unless_equals_int (rig.width, 160);
  fail_unless_equals_int (rig.begins, 0);
  /* A stream is asked for once after the probe, and a picture each time. */
  fail_unless (__i__ < 2 ? picture_origin_count (camera) == 2 : picture_origin_count (camera) <= 10, "%u requests",
      picture_origin_count (camera));
  fail_unless (live_rig_number (&rig, "http-responses", "picture-200") > 0);
  fail_unless (live_rig_number (&rig, NULL, "bytes") > 1000);
  end (&rig);
}

GST_END_TEST
GST_START_TEST (test_every_picture)
{
  LiveRig rig;
  gint frames;

  begin (&rig, "/plain", "interval=0");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 5, 4);
  frames = g_atomic_int_get (&rig.frames);
  live_rig_listen (&rig, 2);
  frames = g_atomic_int_get (&rig.frames) - frames;
  fail_unless (frames >= 10 && frames <= 25, "%d frames in 2 s, ten a second", frames);
  end (&rig);
}

GST_END_TEST
GST_START_TEST (test_password)
{
  LiveRig rig;

  begin_at (&rig, __i__ ? "user:secret@" : "", "/video", "");
  picture_origin_set (camera, "password", 1);
  live_rig_play (&rig);
  if (__i__)
    live_rig_await_frames (&rig, 2, 4);
  else
    live_rig_await_outage (&rig, "http_401", 4);
  fail_unless_equals_int (rig.begins, __i__ ? 0 : 1);
  fail_unless (__i__ || strstr (rig.detail, "before its host in uri"), "it says %s", rig.detail);
  end (&rig);
}

GST_END_TEST
/* A server that names the wrong type: the first bytes tell. */
GST_START_TEST (test_untyped_picture)
{
  LiveRig rig;

  begin (&rig, "/still", "");
  picture_origin_set (camera, "untyped", 1);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 2, 4);
  end (&rig);
}

GST_END_TEST
/* Some cameras end the stream every few pictures; as long as the next one comes, that is no outage. */
GST_START_TEST (test_short_streams)
{
  LiveRig rig;

  begin (&rig, "/video", "interval=300000000");
  picture_origin_set (camera, "short", 1 + 5 * __i__);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 5, 8);
  fail_unless_equals_int (rig.begins, 0);
  fail_unless (picture_origin_count (camera) < 12, "%u requests", picture_origin_count (camera));
  end (&rig);
}

GST_END_TEST
/* ---- faults --------------------------------------------------------------------------------------------------------- */

typedef struct {
  const char *path, *fault;
  int value;
  const char *reason;
} Fault;

static const Fault from_the_start[] = {
  { "/video", "status", 404, "http_404" }, { "/video", "silent", 1, "timeout" },
  { "/still", "half", 1, "undecodable" }, { "/video", "garbage", 1, "undecodable" }, { "/video", "huge", 1, "too_large" },
  { "/video", "vast", 1, "too_large" }, { "/still", "vast", 1, "too_large" },
  { "/video", "page", 1, "resolver_failed" },
};

static const Fault midway[] = {
  { "/video", "stall", 1, "stale" }, { "/plain", "drop", 1, "connection" },
  { "/video", "half", 1, "undecodable" }, { "/plain", "half", 1, "undecodable" },
  { "/video", "garbage", 1, "undecodable" },
  { "/still", "status", 403, "http_403" }, { "/still", "stall", 1, "timeout" }, { "/still", "drop", 1, "undecodable" },
  { "/still", "frozen", 1, "stale" }, { "/still", "page", 1, "not_a_picture" },
};

/* The camera is looked for again, not its page, however long it takes. */
static void
fail_and_come_back (LiveRig *rig, const Fault *f)
{
  gint shown;

  if (g_str_equal (f->path, "/still") && g_str_equal (f->fault, "stall"))
    picture_origin_set (camera, "drop", 1);     /* in the middle of a picture */
  picture_origin_set (camera, f->fault, f->value);
  live_rig_await_outage (rig, f->reason, 6);
  if (g_str_equal (f->fault, "status"))         /* GStreamer drops a text that is not valid, and warns */
    fail_unless (rig->detail && g_utf8_validate (rig->detail, -1, NULL) && !strchr (rig->detail, 0x1b), "it says %s",
        rig->detail);
  shown = g_atomic_int_get (&rig->frames);
  live_rig_listen (rig, 0.4);
  fail_unless_equals_int (g_atomic_int_get (&rig->frames), shown);
  fail_unless_equals_int (rig->begins, 1);
  picture_origin_set (camera, "drop", 0);
  picture_origin_set (camera, f->fault, 0);
  live_rig_await_end_of_outage (rig, 5);
  live_rig_await_frames (rig, 2, 5);
  fail_unless_equals_int (rig->begins, 1);
}

GST_START_TEST (test_from_the_start)
{
  LiveRig rig;

  begin (&rig, from_the_start[__i__].path, "request-timeout=1000000000");
  picture_origin_set (camera, from_the_start[__i__].fault, from_the_start[__i__].value);
  live_rig_play (&rig);
  fail_and_come_back (&rig, &from_the_start[__i__]);
  /* Who refuses with a page may be a site, for the resolver, which knows nothing here. */
  if (g_str_equal (from_the_start[__i__].fault, "status"))
    fail_unless (live_rig_number (&rig, NULL, "resolves-failed") > 0);
  end (&rig);
}

GST_END_TEST
GST_START_TEST (test_midway)
{
  LiveRig rig;

  begin (&rig, midway[__i__].path, "interval=200000000 request-timeout=1000000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 3, 4);
  fail_unless_equals_int (rig.begins, 0);
  fail_and_come_back (&rig, &midway[__i__]);
  end (&rig);
}

GST_END_TEST
GST_START_TEST (test_stop_while_it_hangs)
{
  LiveRig rig;

  begin (&rig, paths[__i__], "request-timeout=60000000000 timeout=60000000000");
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 1, 4);
  picture_origin_set (camera, __i__ == 2 ? "silent" : "stall", 1);
  live_rig_listen (&rig, 0.7);
  end (&rig);                   /* within two seconds, it checks */
}

GST_END_TEST
/* ---- HLS by other names, and pages ------------------------------------------------------------------------------------ */

GST_START_TEST (test_playlist)
{
  LiveRig rig;

  live_rig_begin (&rig, "/live?token=secret", NO_RESOLVER);
  hls_origin_set (rig.origin, "untyped", __i__);
  live_rig_play (&rig);
  live_rig_await_frames (&rig, 3, 4);
  fail_unless_equals_int (rig.begins, 0);
  /* What has proven to be a playlist is none that the resolver could mend. */
  hls_origin_set (rig.origin, "html", 1);
  live_rig_await_outage (&rig, "not_a_playlist", 6);
  live_rig_listen (&rig, 1);
  fail_unless_equals_uint64 (live_rig_number (&rig, NULL, "resolves-failed"), 0);
  hls_origin_set (rig.origin, "html", 0);
  live_rig_await_end_of_outage (&rig, 5);
  live_rig_end (&rig);
}

GST_END_TEST
/* A page goes to the resolver, unless it must not; and what is none does, where it has to. */
GST_START_TEST (test_resolve)
{
  static const struct {
    const char *path, *resolve, *reason;
  } cases[] = { { "/page", "auto", "resolver_failed" }, { "/page", "never", "not_a_stream" },
    { "/live.m3u8", "always", "resolver_failed" } };
  LiveRig rig;
  g_autofree char *properties = g_strdup_printf (NO_RESOLVER "resolve=%s", cases[__i__].resolve);

  live_rig_begin (&rig, cases[__i__].path, properties);
  live_rig_play (&rig);
  live_rig_await_outage (&rig, cases[__i__].reason, 6);
  fail_unless_equals_int (rig.frames, 0);
  live_rig_end (&rig);
}

GST_END_TEST
static void
add_tests (TCase *tests)
{
  tcase_add_loop_test (tests, test_pictures, 0, G_N_ELEMENTS (paths));
  tcase_add_test (tests, test_every_picture);
  tcase_add_loop_test (tests, test_password, 0, 2);
  tcase_add_test (tests, test_untyped_picture);
  tcase_add_loop_test (tests, test_short_streams, 0, 2);
  tcase_add_loop_test (tests, test_from_the_start, 0, G_N_ELEMENTS (from_the_start));
  tcase_add_loop_test (tests, test_midway, 0, G_N_ELEMENTS (midway));
  tcase_add_loop_test (tests, test_stop_while_it_hangs, 0, G_N_ELEMENTS (paths));
  tcase_add_loop_test (tests, test_playlist, 0, 2);
  tcase_add_loop_test (tests, test_resolve, 0, 3);
}

int
main (int argc, char **argv)
{
  return live_rig_main (argc, argv, "live-src-pictures", 60, add_tests);
}
