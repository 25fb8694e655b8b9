/* SPDX-License-Identifier: LGPL-2.1-or-later
 * picture-origin.c: see picture-origin.h. One thread a connection, and one answer. */
#include "picture-origin.h"

#include <gio/gio.h>
#include <gst/app/app.h>
#include <gst/gst.h>
#include <string.h>

enum { PICTURES = 10, RATE = 10 };

struct _PictureOrigin {
  GBytes *vast;
  GPtrArray *pictures;          /* GBytes */
  GSocketListener *listener;
  GCancellable *over;
  GThread *thread;
  guint16 port;
  guint requests;               /* atomic */
  GMutex lock;
  GHashTable *faults;           /* name -> number */
};

typedef struct {
  PictureOrigin *origin;
  GSocketConnection *connection;
} Client;

static int
fault (PictureOrigin *origin, const char *name)
{
  int value;

  g_mutex_lock (&origin->lock);
  value = GPOINTER_TO_INT (g_hash_table_lookup (origin->faults, name));
  g_mutex_unlock (&origin->lock);
  return value;
}

void
picture_origin_set (PictureOrigin *origin, const char *name, int value)
{
  if (g_str_equal (name, "frozen") && value)
    value = 1 + (int) (g_get_monotonic_time () / (G_USEC_PER_SEC / RATE) % PICTURES);
  g_mutex_lock (&origin->lock);
  g_hash_table_insert (origin->faults, g_strdup (name), GINT_TO_POINTER (value));
  g_mutex_unlock (&origin->lock);
}

static GBytes *
picture_of (PictureOrigin *origin)
{
  int frozen = fault (origin, "frozen");

  if (fault (origin, "vast"))
    return origin->vast;
  return origin->pictures->pdata[frozen ? frozen - 1 : (int) (g_get_monotonic_time () / (G_USEC_PER_SEC / RATE) % PICTURES)];
}

/* The picture, with the numbers of its frame header as large as they go. */
static GBytes *
make_vast (GBytes *picture)
{
  gsize size, at = 0;
  guint8 *data = g_bytes_unref_to_data (g_bytes_ref (picture), &size);

  while (at + 9 < size && !(data[at] == 0xff && data[at + 1] == 0xc0))
    at++;
  memset (data + at + 5, 0xff, 4);
  return g_bytes_new_take (data, size);
}

/* ---- one answer ---------------------------------------------------------------------------------------------------- */

static gboolean
put (Client *client, gconstpointer data, gsize size)
{
  return g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (client->connection)), data, size, NULL,
      client->origin->over, NULL);
}

static gboolean G_GNUC_PRINTF (2, 3)
say (Client *client, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  return put (client, text, strlen (text));
}

/* For as long as the fault lasts; FALSE when the origin ends. */
static gboolean
wait_while (PictureOrigin *origin, const char *name)
{
  while (fault (origin, name) && !g_cancellable_is_cancelled (origin->over))
    g_usleep (20000);
  return !g_cancellable_is_cancelled (origin->over);
}

static void
answer_page (Client *client, int status)
{
  static const char page[] = "<html><head><title>A camera</title></head><body>Please log in, or come back later, or do what "
      "people do with pages</body></html>";

  say (client, "HTTP/1.1 %d Refus\xe9 \x1b[31m\r\nContent-Type: text/html\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s", status,
      strlen (page), status == 401 ? "WWW-Authenticate: Basic realm=\"camera\"\r\n" : "", page);
}

static void
answer_still (Client *client)
{
  PictureOrigin *origin = client->origin;
  gsize size;
  const char *data = g_bytes_get_data (picture_of (origin), &size);
  gsize told = fault (origin, "half") ? size / 2 : size;

  say (client, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
      fault (origin, "untyped") ? "application/octet-stream" : "image/jpeg", told);
  put (client, data, fault (origin, "drop") ? told / 2 : told);
  wait_while (origin, "stall");
}

static gboolean
put_part (Client *client, gboolean with_length)
{
  PictureOrigin *origin = client->origin;
  gsize size;
  const char *data = g_bytes_get_data (picture_of (origin), &size);
  gsize told = fault (origin, "half") ? size / 2 : size;

  if (fault (origin, "garbage"))
    return put (client, data + 2, size - 2);
  if (!say (client, "--frame\r\nContent-Type: image/jpeg\r\n"))
    return FALSE;
  if (fault (origin, "huge"))
    say (client, "Content-Length: 1000000000\r\n");
  else if (with_length)
    say (client, "Content-Length: %zu\r\n", told);
  if (fault (origin, "drop")) {
    say (client, "\r\n");
    put (client, data, told / 2);
    return FALSE;
  }
  return say (client, "\r\n") && put (client, data, told) && say (client, "\r\n");
}

static void
answer_stream (Client *client, gboolean with_length)
{
  PictureOrigin *origin = client->origin;
  int sent = 0;

  say (client, "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=%s\r\nConnection: close\r\n\r\n",
      with_length ? "frame" : "\"--frame\"");
  while (wait_while (origin, "stall") && put_part (client, with_length)
      && (fault (origin, "short") == 0 || ++sent < fault (origin, "short")))
    g_usleep (G_USEC_PER_SEC / RATE);
  if (sent > 1)
    say (client, "--frame--\r\n");
}

/* The request's line and head; FALSE when the other side has gone. */
static gboolean
read_request (Client *client, char *request, gsize size)
{
  GInputStream *in = g_io_stream_get_input_stream (G_IO_STREAM (client->connection));
  gsize n = 0;

  while (n + 1 < size) {
    gssize got = g_input_stream_read (in, request + n, size - 1 - n, client->origin->over, NULL);

    if (got <= 0)
      return FALSE;
    n += (gsize) got;
    request[n] = 0;
    if (strstr (request, "\r\n\r\n"))
      return TRUE;
  }
  return FALSE;
}

static gpointer
answer (gpointer data)
{
  Client *client = data;
  PictureOrigin *origin = client->origin;
  char request[8192];

  if (read_request (client, request, sizeof request) && wait_while (origin, "silent")) {
    g_atomic_int_inc (&origin->requests);
    if (fault (origin, "status"))
      answer_page (client, fault (origin, "status"));
    else if (fault (origin, "password") && strstr (request, "Authorization: Basic dXNlcjpzZWNyZXQ=") == NULL)
      answer_page (client, 401);
    else if (fault (origin, "page") || g_str_has_prefix (request, "GET /page"))
      answer_page (client, 200);
    else if (g_str_has_prefix (request, "GET /still"))
      answer_still (client);
    else
      answer_stream (client, !g_str_has_prefix (request, "GET /plain"));
  }
  g_object_unref (client->connection);
  g_free (client);
  return NULL;
}

/* ---- the server ---------------------------------------------------------------------------------------------------- */

static void
join (gpointer thread)
{
  g_thread_join (thread);
}

static gpointer
serve (gpointer data)
{
  PictureOrigin *origin = data;
  g_autoptr (GPtrArray) threads = g_ptr_array_new_with_free_func (join);
  GSocketConnection *connection;

  while ((connection = g_socket_listener_accept (origin->listener, NULL, origin->over, NULL))) {
    Client *client = g_new0 (Client, 1);

    client->origin = origin;
    client->connection = connection;
    g_ptr_array_add (threads, g_thread_new ("picture-answer", answer, client));
  }
  return NULL;
}

static GPtrArray *
make_pictures (void)
{
  GPtrArray *pictures = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch ("videotestsrc pattern=ball num-buffers=10 ! "
      "video/x-raw,width=160,height=120,framerate=10/1 ! jpegenc ! appsink name=sink sync=false", &error);
  g_autoptr (GstElement) sink = NULL;
  GstSample *sample;

  g_assert_no_error (error);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "sink");
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_pull_sample (GST_APP_SINK (sink)))) {
    GstMapInfo map;

    g_assert_true (gst_buffer_map (gst_sample_get_buffer (sample), &map, GST_MAP_READ));
    g_ptr_array_add (pictures, g_bytes_new (map.data, map.size));
    gst_buffer_unmap (gst_sample_get_buffer (sample), &map);
    gst_sample_unref (sample);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_assert_cmpuint (pictures->len, ==, PICTURES);
  return pictures;
}

PictureOrigin *
picture_origin_new (void)
{
  PictureOrigin *origin = g_new0 (PictureOrigin, 1);

  origin->pictures = make_pictures ();
  origin->vast = make_vast (origin->pictures->pdata[0]);
  origin->listener = g_socket_listener_new ();
  origin->over = g_cancellable_new ();
  g_mutex_init (&origin->lock);
  origin->faults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  origin->port = g_socket_listener_add_any_inet_port (origin->listener, NULL, NULL);
  g_assert_cmpint (origin->port, >, 0);
  origin->thread = g_thread_new ("picture-origin", serve, origin);
  return origin;
}

void
picture_origin_free (PictureOrigin *origin)
{
  g_cancellable_cancel (origin->over);
  g_thread_join (origin->thread);
  g_object_unref (origin->listener);
  g_object_unref (origin->over);
  g_hash_table_unref (origin->faults);
  g_ptr_array_unref (origin->pictures);
  g_bytes_unref (origin->vast);
  g_mutex_clear (&origin->lock);
  g_free (origin);
}

guint
picture_origin_port (PictureOrigin *origin)
{
  return origin->port;
}

guint
picture_origin_count (PictureOrigin *origin)
{
  return (guint) g_atomic_int_get (&origin->requests);
}
