/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-redact.c: no secret gets through, and what is none stays readable.
 */
#include "tools/redact.h"

#include <gst/gst.h>
#include <string.h>

static const struct {
  const char *text, *expected;
} texts[] = {
  { "", "" },
  { "plaza-test-src num-buffers=6 ! video/x-raw,width=160", "plaza-test-src num-buffers=6 ! video/x-raw,width=160" },
  { "mail somebody@example.org about key=time", "mail somebody@example.org about key=time" },
  { "rtsp://camera:554/stream", "rtsp://camera:554/stream" },
  { "rtsp://me:secret@camera/stream", "rtsp://***@camera/stream" },
  { "rtsp://me:se/cr?e!t@camera/stream", "rtsp://***@camera/stream" },
  { "rtsp://me:se@cret@camera/stream", "rtsp://***@camera/stream" },
  { "http://camera/a.mjpg?token=secret&x=1 is gone", "http://camera/a.mjpg?*** is gone" },
  { "http://me:secret@camera/a?t=secret", "http://***@camera/a?***" },
  { "a uri=\"rtsp://me:secret@one/1\" ! b uri=rtsp://me:secret@two",
      "a uri=\"rtsp://***@one/1\" ! b uri=rtsp://***@two" },
  { "Could not open 'rtsp://me:secret@camera/x'.", "Could not open 'rtsp://***@camera/x'." },
  { "uri=rtsp://me:se\\ cret@camera/x ! y", "uri=rtsp://***@camera/x ! y" },
  { "rtspsrc user-id=secret user-pw=secret ! x", "rtspsrc user-id=*** user-pw=*** ! x" },
  { "rtspsrc user-pw = \"my secret\" ! x", "rtspsrc user-pw = *** ! x" },
  { "rtspsrc user-pw='my secret' ! x", "rtspsrc user-pw=*** ! x" },
  { "rtspsrc user-pw=my\\ secret ! x", "rtspsrc user-pw=*** ! x" },
  { "srtsrc passphrase=secret ! x Password=secret", "srtsrc passphrase=*** ! x Password=***" },
  { "error, access-token=(string)secret", "error, access-token=***" },
  { "rtsp://camera/user=admin&password=se_cret&channel=1&stream=0.sdp?x is gone",
      "rtsp://camera/user=***&password=*** is gone" },
  { "uri=rtsp://camera/user=admin_password=se_cret_channel=1_stream=0.sdp ! x",
      "uri=rtsp://camera/user=***_password=*** ! x" },
  { "http://camera/user=me_pwd=se_cret_channel=1", "http://camera/user=***_pwd=***_channel=1" },
  { "'http://camera/video;PWD=se/cret' says no", "'http://camera/video;PWD=***' says no" },
  { "http://camera/auth=secret/usr=me;psw=/high", "http://camera/auth=***/usr=***;psw=***" },
  { "http://camera/key/1_key/password", "http://camera/key/1_key/password" },
  { "h\xe9 rtsp://me:secr\xe9t@camera", "h\xe9 rtsp://***@camera" },
};

static void
test_texts (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autofree char *got = gh_redact (texts[i].text);

    g_assert_cmpstr (got, ==, texts[i].expected);
  }
  g_assert_null (gh_redact (NULL));
}

/* Whatever the length, no secret. */
static void
test_long (void)
{
  g_autofree char *filling = g_strnfill (3000000, 'x');
  g_autofree char *text = g_strdup_printf ("rtsp://me:secret%s@camera/", filling), *got = gh_redact (text);

  g_assert_null (strstr (got, "secret"));
}

static const struct {
  const char *place, *expected;
} places[] = {
  { "films/square.mkv", "square.mkv" },
  { "frames", "frames" },
  { "file:///films/a%20square.mkv", "a square.mkv" },
  { "rtsp://camera", "rtsp://camera" },
  { "rtsp://me:secret@camera:554/secret/stream?secret", "rtsp://camera:554" },
  { "http://me:se/c?r#et@camera?secret", "http://camera" },
};

static void
test_places (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (places); i++) {
    g_autofree char *got = gh_redact_to_host (places[i].place);

    g_assert_cmpstr (got, ==, places[i].expected);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/redact/texts", test_texts);
  g_test_add_func ("/redact/long", test_long);
  g_test_add_func ("/redact/places", test_places);
  return g_test_run ();
}
