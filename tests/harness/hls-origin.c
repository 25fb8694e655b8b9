/* SPDX-License-Identifier: LGPL-2.1-or-later
 * hls-origin.c: see hls-origin.h. Paths: /master.m3u8, /heights.m3u8 (three sizes), /live.m3u8, /live (the same by
 * another name), /page (of a site), /expire/SECONDS/live.m3u8 (410 after that time),
 * /segment/N.ts, and /control?FAULT=NUMBER. */
#include "hls-origin.h"
#include "leaks.h"

#include <gst/gst.h>
#include <libsoup/soup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 6, TRICKLE_BYTES = 200, TRICKLE_MS = 100 };

#define PAGE "<!DOCTYPE html><html><head><title>A camera</title></head><body>Please come back later</body></html>"

struct _HlsOrigin {
  char *folder, *alternative;
  double seconds, begun;        /* begun: since 1970, of segment 0 */
  guint n;
  GThread *thread;
  GMainContext *context;
  GMainLoop *loop;
  SoupServer *server;
  guint port;
  GMutex lock;                  /* for what follows */
  GHashTable *faults;           /* name -> double */
  GPtrArray *requests;          /* paths */
};

static double
now_s (void)
{
  return g_get_real_time () / 1e6;
}

static double
fault (HlsOrigin *origin, const char *name)
{
  double *value, result;

  g_mutex_lock (&origin->lock);
  value = g_hash_table_lookup (origin->faults, name);
  result = value ? *value : 0;
  g_mutex_unlock (&origin->lock);
  return result;
}

/* ---- the playlist ------------------------------------------------------------------------------------------------ */

static gint64
newest_segment (HlsOrigin *origin)
{
  double frozen = fault (origin, "frozen"), now = (frozen > 0 ? frozen : now_s ()) + fault (origin, "jump");

  return (gint64) ((now - origin->begun) / origin->seconds) - 1;
}

static void
append_time (GString *text, double seconds)
{
  g_autoptr (GDateTime) time = g_date_time_new_from_unix_utc ((gint64) seconds);
  g_autofree char *words = g_date_time_format (time, "%Y-%m-%dT%H:%M:%S");

  g_string_append_printf (text, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", words, (int) (1000 * (seconds - (gint64) seconds)));
}

static char *
playlist (HlsOrigin *origin)
{
  gint64 newest = newest_segment (origin), first = MAX (0, newest - WINDOW + 1);
  GString *text = g_string_new ("#EXTM3U\n#EXT-X-VERSION:3\n");

  g_string_append_printf (text, "#EXT-X-TARGETDURATION:%g\n#EXT-X-MEDIA-SEQUENCE:%" G_GINT64_FORMAT "\n", origin->seconds,
      first);
  if (fault (origin, "none") > 0)
    return g_string_free (text, FALSE);
  append_time (text, origin->begun + first * origin->seconds + fault (origin, "skew"));
  for (gint64 i = first; i <= newest; i++)
    g_string_append_printf (text, "%s#EXTINF:%g,\n/segment/%" G_GINT64_FORMAT ".ts\n",
        i > 0 && i % origin->n == 0 ? "#EXT-X-DISCONTINUITY\n" : "", origin->seconds, i);
  if (fault (origin, "ended") > 0)
    g_string_append (text, "#EXT-X-ENDLIST\n");
  return g_string_free (text, FALSE);
}

static void
answer (SoupServerMessage *message, guint status, const char *type, char *text)
{
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_TAKE, text, strlen (text));
}

static void
refuse (HlsOrigin *origin, SoupServerMessage *message, guint status)
{
  double seconds = fault (origin, "retry-after");
  g_autofree char *text = g_strdup_printf ("%d", (int) seconds);

  if (seconds > 0)
    soup_message_headers_replace (soup_server_message_get_response_headers (message), "Retry-After", text);
  answer (message, status, "text/plain", g_strdup ("no"));
}

static gboolean
let_go (gpointer message)
{
  soup_server_message_unpause (message);
  return G_SOURCE_REMOVE;
}

/* The answer is made now and sent later. */
static void
hold_back (SoupServerMessage *message, double seconds)
{
  GSource *timer = g_timeout_source_new ((guint) (seconds * 1000));

  soup_server_message_pause (message);
  g_source_set_callback (timer, let_go, g_object_ref (message), g_object_unref);
  g_source_attach (timer, g_main_context_get_thread_default ());
  g_source_unref (timer);
}

static void
answer_playlist (HlsOrigin *origin, SoupServerMessage *message)
{
  guint status = (guint) fault (origin, "playlist");

  if (status)
    refuse (origin, message, status);
  else if (fault (origin, "html") > 0)
    answer (message, 200, "text/html", g_strdup (PAGE));
  else if (fault (origin, "empty") > 0)
    answer (message, 200, "application/vnd.apple.mpegurl", g_strdup (""));
  else
    answer (message, 200, fault (origin, "untyped") > 0 ? "text/plain" : "application/vnd.apple.mpegurl", playlist (origin));
  if (fault (origin, "delay") > 0)
    hold_back (message, fault (origin, "delay"));
}

/* ---- segments ------------------------------------------------------------------------------------------------------ */

/* A body that comes little by little. */
typedef struct {
  SoupServerMessage *message;
  GBytes *body;
  gsize sent;
  guint timer;
} Trickle;

static void
end_trickle (SoupServerMessage *message, gpointer data)
{
  Trickle *trickle = data;
  GSource *timer = trickle->timer ? g_main_context_find_source_by_id (g_main_context_get_thread_default (), trickle->timer)
      : NULL;

  if (timer)
    g_source_destroy (timer);
  g_bytes_unref (trickle->body);
  g_free (trickle);
}

static gboolean
send_more (gpointer data)
{
  Trickle *trickle = data;
  SoupMessageBody *body = soup_server_message_get_response_body (trickle->message);
  gsize left = g_bytes_get_size (trickle->body) - trickle->sent, n = MIN (left, TRICKLE_BYTES);
  g_autoptr (GBytes) piece = g_bytes_new_from_bytes (trickle->body, trickle->sent, n);

  soup_message_body_append_bytes (body, piece);
  trickle->sent += n;
  if (n == left)
    soup_message_body_complete (body);
  soup_server_message_unpause (trickle->message);
  if (n < left)
    return G_SOURCE_CONTINUE;
  trickle->timer = 0;
  return G_SOURCE_REMOVE;
}

static void
start_trickle (SoupServerMessage *message, GBytes *body)
{
  Trickle *trickle = g_new0 (Trickle, 1);
  GSource *timer = g_timeout_source_new (TRICKLE_MS);

  trickle->message = message;
  trickle->body = g_bytes_ref (body);
  g_source_set_callback (timer, send_more, trickle, NULL);
  trickle->timer = g_source_attach (timer, g_main_context_get_thread_default ());
  g_source_unref (timer);
  g_signal_connect (message, "finished", G_CALLBACK (end_trickle), trickle);
}

/* As much of the body as the faults let through. */
static void
send_segment (HlsOrigin *origin, SoupServerMessage *message, GBytes *whole)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);
  SoupMessageBody *body = soup_server_message_get_response_body (message);
  gsize size = g_bytes_get_size (whole), n = fault (origin, "hang") > 0 || fault (origin, "truncate") > 0 ? size / 2 : size;
  g_autoptr (GBytes) part = g_bytes_new_from_bytes (whole, 0, n);

  soup_server_message_set_status (message, 200, NULL);
  soup_message_headers_set_content_type (headers, "video/mp2t", NULL);
  if (fault (origin, "truncate") > 0 || !(fault (origin, "hang") > 0 || fault (origin, "trickle") > 0)) {
    soup_message_body_append_bytes (body, part);
    return;
  }
  soup_message_headers_set_content_length (headers, size);
  soup_message_body_set_accumulate (body, FALSE);
  if (fault (origin, "trickle") > 0)
    start_trickle (message, whole);
  else
    soup_message_body_append_bytes (body, part);        /* and never the end */
}

/* Takes the first picture that can be decoded by itself out of a transport stream. Returns what is left of size. */
static gsize
drop_key_frame (guint8 *data, gsize size)
{
  enum { PACKET = 188 };
  int video = -1;
  gboolean dropping = FALSE;
  gsize left = 0;

  for (guint8 *packet = data; packet + PACKET <= data + size; packet += PACKET) {
    int pid = (packet[1] & 0x1f) << 8 | packet[2];
    gboolean begins = packet[1] & 0x40, random_access = (packet[3] & 0x20) && packet[4] > 0 && (packet[5] & 0x40);

    if (begins && random_access && video < 0)
      video = pid;
    if (begins && pid == video)
      dropping = random_access;
    if (dropping && pid == video)
      continue;
    memmove (data + left, packet, PACKET);
    left += PACKET;
  }
  return left;
}

static void
answer_segment (HlsOrigin *origin, SoupServerMessage *message, gint64 i)
{
  guint status = (guint) fault (origin, "segment");
  gboolean still = fault (origin, "still") > 0, other = !still && origin->alternative && (i / origin->n) % 2;
  g_autofree char *path = g_strdup_printf ("%s/%d.ts", other ? origin->alternative : origin->folder,
      still ? 0 : (int) (i % origin->n));
  gint64 keyless = (gint64) fault (origin, "keyless");
  g_autoptr (GBytes) body = NULL;
  char *data;
  gsize size;

  if (status == 0 && i > newest_segment (origin) - (gint64) fault (origin, "missing"))
    status = 404;
  if (status) {
    refuse (origin, message, status);
    return;
  }
  if (!g_file_get_contents (path, &data, &size, NULL)) {
    answer (message, 500, "text/plain", g_strdup ("no file"));
    return;
  }
  if (fault (origin, "garbage") > 0)
    memset (data, 0, size);
  if (keyless == 1 || (keyless > 1 && i % keyless != 0))
    size = drop_key_frame ((guint8 *) data, size);
  body = g_bytes_new_take (data, size);
  send_segment (origin, message, body);
}

/* ---- the server ---------------------------------------------------------------------------------------------------- */

static void
answer_control (HlsOrigin *origin, SoupServerMessage *message, GHashTable *query)
{
  GHashTableIter iter;
  gpointer name, value;

  if (query) {
    g_hash_table_iter_init (&iter, query);
    while (g_hash_table_iter_next (&iter, &name, &value))
      hls_origin_set (origin, name, g_ascii_strtod (value, NULL));
  }
  answer (message, 200, "text/plain", g_strdup ("done\n"));
}

static void
on_request (SoupServer *server, SoupServerMessage *message, const char *path, GHashTable *query, gpointer data)
{
  HlsOrigin *origin = data;
  gint64 expire = g_str_has_prefix (path, "/expire/") ? g_ascii_strtoll (path + 8, NULL, 10) : G_MAXINT64;

  g_mutex_lock (&origin->lock);
  g_ptr_array_add (origin->requests, g_strdup (path));
  g_mutex_unlock (&origin->lock);
  if (g_str_equal (path, "/control"))
    answer_control (origin, message, query);
  else if (now_s () > expire)
    answer (message, 410, "text/plain", g_strdup ("expired"));
  else if (g_str_equal (path, "/master.m3u8"))
    answer (message, 200, "application/vnd.apple.mpegurl", g_strdup ("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,"
            "CODECS=\"avc1.42c01e\",RESOLUTION=320x240\nlive.m3u8\n"));
  else if (g_str_equal (path, "/heights.m3u8"))
    answer (message, 200, "application/vnd.apple.mpegurl", g_strdup ("#EXTM3U\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=100000,RESOLUTION=160x120\nsmall/live.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=320x240\nmiddle/live.m3u8\n"
            "#EXT-X-STREAM-INF:BANDWIDTH=9000000,RESOLUTION=1920x1080\nlarge/live.m3u8\n"));
  else if (g_str_equal (path, "/page"))
    answer (message, 200, "text/html", g_strdup (PAGE));
  else if (g_str_has_suffix (path, "/live.m3u8") || g_str_equal (path, "/live"))
    answer_playlist (origin, message);
  else if (g_str_has_prefix (path, "/segment/"))
    answer_segment (origin, message, g_ascii_strtoll (path + 9, NULL, 10));
  else
    answer (message, 404, "text/plain", g_strdup ("nothing here"));
}

static gpointer
serve (gpointer data)
{
  HlsOrigin *origin = data;

  ignore_leaks ();
  g_main_context_push_thread_default (origin->context);
  g_main_loop_run (origin->loop);
  g_main_context_pop_thread_default (origin->context);
  mind_leaks ();
  return NULL;
}

static gboolean
quit (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_REMOVE;
}

static gboolean
listen_on (HlsOrigin *origin, guint port, GError **error)
{
  gboolean listens;
  GSList *uris;

  ignore_leaks ();
  g_main_context_push_thread_default (origin->context);
  listens = soup_server_listen_local (origin->server, port, SOUP_SERVER_LISTEN_IPV4_ONLY, error);
  g_main_context_pop_thread_default (origin->context);
  uris = soup_server_get_uris (origin->server);
  mind_leaks ();
  if (listens)
    origin->port = g_uri_get_port (uris->data);
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return listens;
}

HlsOrigin *
hls_origin_new (const char *folder, const char *alternative, double seconds, guint port, GError **error)
{
  HlsOrigin *origin = g_new0 (HlsOrigin, 1);
  g_autofree char *file = NULL;

  origin->folder = g_strdup (folder);
  origin->alternative = g_strdup (alternative);
  origin->seconds = seconds;
  origin->begun = now_s () - (WINDOW + 2) * seconds;
  do {
    g_free (file);
    file = g_strdup_printf ("%s/%u.ts", folder, origin->n);
  } while (g_file_test (file, G_FILE_TEST_EXISTS) && ++origin->n);
  g_mutex_init (&origin->lock);
  origin->faults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  origin->requests = g_ptr_array_new_with_free_func (g_free);
  origin->context = g_main_context_new ();
  origin->loop = g_main_loop_new (origin->context, FALSE);
  origin->server = soup_server_new (NULL, NULL);
  soup_server_add_handler (origin->server, NULL, on_request, origin, NULL);
  if (origin->n == 0) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "there is no %s/0.ts", folder);
    hls_origin_free (origin);
    return NULL;
  }
  if (!listen_on (origin, port, error)) {
    hls_origin_free (origin);
    return NULL;
  }
  origin->thread = g_thread_new ("hls-origin", serve, origin);
  return origin;
}

void
hls_origin_free (HlsOrigin *origin)
{
  if (origin->thread) {
    GSource *end = g_idle_source_new ();

    if (fault (origin, "trickle") > 0)
      g_usleep (3000 * TRICKLE_MS);     /* so that it notices that nobody listens */
    /* From inside of it: a loop that is not running yet would not notice. */
    g_source_set_priority (end, G_PRIORITY_DEFAULT);
    g_source_set_callback (end, quit, origin->loop, NULL);
    g_source_attach (end, origin->context);
    g_source_unref (end);
    g_thread_join (origin->thread);
  }
  g_main_context_push_thread_default (origin->context);
  soup_server_disconnect (origin->server);
  g_object_unref (origin->server);
  while (g_main_context_iteration (origin->context, FALSE)) {
  }
  g_main_context_pop_thread_default (origin->context);
  g_main_loop_unref (origin->loop);
  g_main_context_unref (origin->context);
  g_hash_table_unref (origin->faults);
  g_ptr_array_unref (origin->requests);
  g_mutex_clear (&origin->lock);
  g_free (origin->folder);
  g_free (origin->alternative);
  g_free (origin);
}

guint
hls_origin_port (HlsOrigin *origin)
{
  return origin->port;
}

static gboolean
go_down (gpointer origin)
{
  soup_server_disconnect (((HlsOrigin *) origin)->server);
  return G_SOURCE_REMOVE;
}

static gboolean
come_up (gpointer data)
{
  HlsOrigin *origin = data;
  g_autoptr (GError) error = NULL;

  if (!listen_on (origin, origin->port, &error))
    g_error ("the origin cannot come back: %s", error->message);
  return G_SOURCE_REMOVE;
}

void
hls_origin_set (HlsOrigin *origin, const char *name, double value)
{
  double before = fault (origin, name);

  if (g_str_equal (name, "frozen") && value > 0)
    value = now_s ();
  g_mutex_lock (&origin->lock);
  g_hash_table_insert (origin->faults, g_strdup (name), g_memdup2 (&value, sizeof value));
  g_mutex_unlock (&origin->lock);
  if (g_str_equal (name, "down") && (before > 0) != (value > 0))
    g_main_context_invoke (origin->context, value > 0 ? go_down : come_up, origin);
}

guint
hls_origin_count (HlsOrigin *origin, const char *path)
{
  guint n = 0;

  g_mutex_lock (&origin->lock);
  for (guint i = 0; i < origin->requests->len; i++)
    n += g_str_has_prefix (origin->requests->pdata[i], path);
  g_mutex_unlock (&origin->lock);
  return n;
}

char *
hls_origin_request (HlsOrigin *origin, guint i)
{
  char *path;

  g_mutex_lock (&origin->lock);
  path = i < origin->requests->len ? g_strdup (origin->requests->pdata[i]) : NULL;
  g_mutex_unlock (&origin->lock);
  return path;
}

/* ---- segments of our own --------------------------------------------------------------------------------------------- */

static const char *
find_encoder (void)
{
  static const struct {
    const char *factory, *launch;
  } encoders[] = {
    { "x264enc", "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=1000" },
    { "openh264enc", "openh264enc gop-size=1000" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (encoders); i++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (encoders[i].factory);

    if (factory)
      return encoders[i].launch;
  }
  return NULL;
}

static gboolean
make_segment (const char *folder, int i, double seconds, int width)
{
  enum { RATE = 20 };
  g_autofree char *launch = g_strdup_printf ("videotestsrc pattern=ball num-buffers=%d timestamp-offset=%" G_GUINT64_FORMAT
      " ! video/x-raw,format=I420,width=%d,height=%d,framerate=%d/1 ! %s ! h264parse ! mpegtsmux ! filesink "
      "location=\"%s/%d.ts\"", (int) (seconds * RATE), (guint64) (i * seconds * GST_SECOND), width, width * 3 / 4, RATE,
      find_encoder (), folder, i);
  g_autoptr (GstElement) pipeline = gst_parse_launch (launch, NULL);
  g_autoptr (GstBus) bus = pipeline ? gst_element_get_bus (pipeline) : NULL;
  g_autoptr (GstMessage) message = NULL;

  if (pipeline == NULL)
    return FALSE;
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
}

gboolean
hls_origin_make_segments (const char *folder, int n, double seconds, int width)
{
  if (find_encoder () == NULL)
    return FALSE;
  for (int i = 0; i < n; i++)
    if (!make_segment (folder, i, seconds, width))
      return FALSE;
  return TRUE;
}
