/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-hls-playlist.c: what playlists say, and what is none; and what resolvers print. */
#include "gst/livecam/hls-playlist.h"
#include "gst/livecam/stream-resolver.h"
#include "gst/livecam/live-http.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BASE "https://host:8080/a/b/live.m3u8?token=1"

static HlsPlaylist *
parse (const char *text, GError **error)
{
  return hls_playlist_parse (text, strlen (text), BASE, error);
}

static const HlsSegment *
segment (const HlsPlaylist *playlist, guint i)
{
  return &g_array_index (playlist->segments, HlsSegment, i);
}

static void
test_media (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HlsPlaylist) playlist = parse ("\xef\xbb\xbf#EXTM3U\r\n#EXT-X-VERSION:6\r\n#EXT-X-TARGETDURATION:5\r\n"
      "#EXT-X-MEDIA-SEQUENCE:7\r\n# a comment\r\n#EXT-X-SOMETHING-NEW:1\r\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T07:05:09.250-06:00\r\n#EXTINF:4.5,title, with a comma\r\n../one.ts\r\n\r\n"
      "#EXTINF:5\r\n/two.ts?x=1\r\n#EXT-X-DISCONTINUITY\r\n#EXT-X-KEY:METHOD=NONE\r\n#EXT-X-MAP:URI=\"init.mp4\"\r\n"
      "#EXTINF:5,\r\nhttp://other/three.m4s\r\n#EXT-X-ENDLIST", &error);

  g_assert_no_error (error);
  g_assert_cmpuint (playlist->segments->len, ==, 3);
  g_assert_cmpfloat (playlist->target, ==, 5);
  g_assert_true (playlist->ended);
  g_assert_cmpstr (segment (playlist, 0)->uri, ==, "https://host:8080/a/one.ts");
  g_assert_cmpstr (segment (playlist, 1)->uri, ==, "https://host:8080/two.ts?x=1");
  g_assert_cmpstr (segment (playlist, 2)->uri, ==, "http://other/three.m4s");
  g_assert_cmpstr (segment (playlist, 2)->map, ==, "https://host:8080/a/b/init.mp4");
  g_assert_null (segment (playlist, 1)->map);
  g_assert_cmpuint (segment (playlist, 2)->sequence, ==, 9);
  g_assert_cmpint (segment (playlist, 0)->time, ==, G_GINT64_CONSTANT (1769864709250000));
  g_assert_cmpint (segment (playlist, 1)->time, ==, G_GINT64_CONSTANT (1769864713750000));
  g_assert_false (segment (playlist, 1)->discontinuity);
  g_assert_true (segment (playlist, 2)->discontinuity);
}

static void
test_master (void)
{
  g_autoptr (HlsPlaylist) playlist = parse ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=100,RESOLUTION=640x360\nlow.m3u8\n"
      "#EXT-X-STREAM-INF:CODECS=\"avc1,mp4a\",BANDWIDTH=300,RESOLUTION=1920x1080\nhigh.m3u8\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=200,RESOLUTION=1920x1080\nhigh-slow.m3u8\n"
      "#EXT-X-STREAM-INF:RESOLUTION=3840x2160,BANDWIDTH=900\nhuge.m3u8\n", NULL);

  g_assert_cmpuint (playlist->variants->len, ==, 4);
  g_assert_true (g_str_has_suffix (hls_playlist_choose (playlist, 1080)->uri, "/high.m3u8"));
  g_assert_true (g_str_has_suffix (hls_playlist_choose (playlist, 720)->uri, "/low.m3u8"));
  g_assert_true (g_str_has_suffix (hls_playlist_choose (playlist, 0)->uri, "/huge.m3u8"));
  g_assert_true (g_str_has_suffix (hls_playlist_choose (playlist, 100)->uri, "/low.m3u8"));
}

static void
test_hostile (void)
{
  static const struct {
    const char *text;
    int code;
  } cases[] = {
    { "", HLS_PLAYLIST_ERROR_NONE }, { "<html>", HLS_PLAYLIST_ERROR_NONE }, { "#EXTM3", HLS_PLAYLIST_ERROR_NONE },
    { "#EXTM3U", HLS_PLAYLIST_ERROR_EMPTY }, { "#EXTM3U\n#EXT-X-ENDLIST\n", HLS_PLAYLIST_ERROR_EMPTY },
    { "#EXTM3U\nsegment.ts\n", HLS_PLAYLIST_ERROR_BROKEN }, { "#EXTM3U\n#EXTINF:x,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN },
    { "#EXTM3U\n#EXTINF:-1,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN }, { "#EXTM3U\n#EXTINF:nan,\na.ts\n",
        HLS_PLAYLIST_ERROR_BROKEN }, { "#EXTM3U\n#EXTINF:1e300,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN },
    { "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n#EXTINF:1,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN },
    { "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:99999999999999999999\n#EXTINF:1,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN },
    { "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF:1,\na.ts\n", HLS_PLAYLIST_ERROR_UNSUPPORTED },
    { "#EXTM3U\n#EXTINF:1,\n#EXT-X-BYTERANGE:10@0\na.ts\n", HLS_PLAYLIST_ERROR_UNSUPPORTED },
    { "#EXTM3U\n#EXT-X-MAP:BYTERANGE=\"1@2\",URI=\"a\"\n#EXTINF:1,\na.ts\n", HLS_PLAYLIST_ERROR_UNSUPPORTED },
    { "#EXTM3U\n#EXT-X-MAP:FOO\n#EXTINF:1,\na.ts\n", HLS_PLAYLIST_ERROR_BROKEN },
    { "#EXTM3U\n#EXT-X-STREAM-INF:A=\"unclosed\n", HLS_PLAYLIST_ERROR_EMPTY },
  };
  const char zeros[] = "#EXTM3U\n#EXTINF:1,\na\0b.ts\n";

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (parse (cases[i].text, &error));
    g_test_message ("%s", error->message);
    g_assert_error (error, HLS_PLAYLIST_ERROR, cases[i].code);
  }
  g_assert_null (hls_playlist_parse (zeros, sizeof zeros - 1, BASE, NULL));
  g_assert_null (hls_playlist_parse (NULL, 0, BASE, NULL));
}

static void
test_random (void)
{
  static const char words[] = "#EXTM3U\n#EXTINF:1.5,\na.ts\n#EXT-X-MAP:URI=\"x\",\n#EXT-X-STREAM-INF:RESOLUTION=1x2\nb\n";

  for (int i = 0; i < 20000; i++) {
    g_autofree char *text = g_memdup2 (words, sizeof words);

    for (int j = g_test_rand_int_range (1, 6); j > 0; j--)
      text[g_test_rand_int_range (7, sizeof words)] = (char) g_test_rand_int_range (0, 256);
    hls_playlist_free (hls_playlist_parse (text, g_test_rand_int_range (7, sizeof words), BASE, NULL));
  }
}

static void
test_addresses (void)
{
  g_autofree char *clean = live_uri_redact ("rtsp://user:secret@camera:554/stream?key=1#x");
  g_autofree char *path = live_uri_redact ("rtsp://camera/user=admin&password=se/cret&channel=1.sdp");
  g_autofree char *host = live_uri_host ("https://user@host/path"), *file = live_uri_host ("file:///a/b/film.mkv");

  g_assert_cmpstr (clean, ==, "rtsp://camera:554/stream");
  g_assert_cmpstr (path, ==, "rtsp://camera/user=***&password=***&channel=1.sdp");
  g_assert_cmpstr (host, ==, "host");
  g_assert_cmpstr (file, ==, "film.mkv");
  g_assert_cmpint (stream_address_expiry ("https://h/a/expire/1770000000/ei/x/file/index.m3u8"), ==, 1770000000);
  g_assert_cmpint (stream_address_expiry ("https://h/a.m3u8?a=1&expire=1770000001"), ==, 1770000001);
  g_assert_cmpint (stream_address_expiry ("https://h/a.m3u8"), ==, 0);
}

/* ---- what a resolver prints, and leaves behind ---- */

/* yt-dlp -j, streamlink --json URL NAME, streamlink --json URL. */
static void
test_headers (void)
{
  static const char *const printed[] = {
    "{\"url\":\"http://h/a.m3u8\",\"http_headers\":{\"Referer\":\"http://r/\"}}",
    "{\"type\":\"hls\",\"url\":\"http://h/a.m3u8\",\"headers\":{\"Referer\":\"http://r/\"}}",
    "{\"streams\":{\"best\":{\"url\":\"http://h/a.m3u8\",\"headers\":{\"Referer\":\"http://r/\"}}}}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (printed); i++) {
    StreamAddress address;

    stream_address_parse (printed[i], strlen (printed[i]), 0, &address);
    g_assert_cmpstr (address.uri, ==, "http://h/a.m3u8");
    g_assert_nonnull (address.headers);
    g_assert_cmpstr (g_hash_table_lookup (address.headers, "Referer"), ==, "http://r/");
    stream_address_clear (&address);
  }
}

/* Streams that streamlink --json knows by their qualities, those of max-height first. */
static void
test_qualities (void)
{
#define STREAM(name, type) "\"" name "\":{\"type\":\"" type "\",\"url\":\"http://h/" name "\"}"
  static const char all[] = "{\"streams\":{" STREAM ("audio_only", "hls") "," STREAM ("360p", "hls") "," STREAM ("480p", "dash")
      "," STREAM ("720p", "hls") "," STREAM ("720p_alt", "hls") "," STREAM ("1080p60", "hls") "," STREAM ("worst", "hls") ","
      STREAM ("best", "hls") "}}";
  static const char unnamed[] = "{\"streams\":{" STREAM ("live", "hls") "," STREAM ("7", "hls") "," STREAM ("best", "hls") "}}";
  static const struct {
    const char *text;
    guint height;
    const char *uri;
  } cases[] = { { all, 0, "http://h/best" }, { all, 2000, "http://h/1080p60" }, { all, 1080, "http://h/1080p60" },
    { all, 1079, "http://h/720p" }, { all, 719, "http://h/360p" }, { all, 100, "http://h/360p" },
    { unnamed, 720, "http://h/best" } };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    StreamAddress address;

    stream_address_parse (cases[i].text, strlen (cases[i].text), cases[i].height, &address);
    g_assert_cmpstr (address.uri, ==, cases[i].uri);
    stream_address_clear (&address);
  }
}

static void
assert_resolves (const char *command)
{
  gint64 begun = g_get_monotonic_time ();
  StreamAddress address;

  stream_resolve (command, "http://h/{height}", 720, 60 * G_GUINT64_CONSTANT (1000000000), NULL, &address);
  g_assert_cmpstr (address.reason, ==, NULL);
  g_assert_cmpstr (address.uri, ==, "http://h/a.m3u8");
  g_assert_cmpint (g_get_monotonic_time () - begun, <, 20 * G_USEC_PER_SEC);
  stream_address_clear (&address);
}

/* Gone, or a zombie that whoever inherited it has not noticed yet. */
static gboolean
has_ended (const char *pid)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/stat", atoi (pid)), *text = NULL;

  return !g_file_get_contents (path, &text, NULL, NULL) || strstr (text, ") Z ");
}

/* What it started holds its pipes: that is not waited for, and ends with it. */
static void
test_left_behind (void)
{
  g_autofree char *folder = g_dir_make_tmp (NULL, NULL), *file = g_build_filename (folder, "pid", NULL), *pid = NULL;
  g_autofree char *command = g_strdup_printf ("sh -c 'sleep 120 & echo $! >%s; echo http://h/a.m3u8'", file);

  assert_resolves (command);
  g_assert_true (g_file_get_contents (file, &pid, NULL, NULL));
  for (int i = 0; i < 500 && !has_ended (pid); i++)
    g_usleep (10000);
  g_assert_true (has_ended (pid));
  g_unlink (file);
  g_rmdir (folder);
}

/* The page may be called anything; the height is that of the property. */
static void
test_arguments (void)
{
  assert_resolves ("sh -c 'case \"$1 $2\" in \"a720b <http://h/\"?height?\">\") echo http://h/a.m3u8;; esac' sh "
      "a{height}b <{uri}>");
  g_assert_nonnull (strstr (STREAM_RESOLVER_DEFAULT, "{height}"));
}

/* In an application that ignores how its children end, nobody can be asked for the status. */
static void
test_ignored_children (void)
{
  signal (SIGCHLD, SIG_IGN);
  assert_resolves ("echo http://h/a.m3u8");
  signal (SIGCHLD, SIG_DFL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hls-playlist/media", test_media);
  g_test_add_func ("/hls-playlist/master", test_master);
  g_test_add_func ("/hls-playlist/hostile", test_hostile);
  g_test_add_func ("/hls-playlist/random", test_random);
  g_test_add_func ("/hls-playlist/addresses", test_addresses);
  g_test_add_func ("/resolver/headers", test_headers);
  g_test_add_func ("/resolver/qualities", test_qualities);
  g_test_add_func ("/resolver/arguments", test_arguments);
  g_test_add_func ("/resolver/left-behind", test_left_behind);
  g_test_add_func ("/resolver/ignored-children", test_ignored_children);
  return g_test_run ();
}
