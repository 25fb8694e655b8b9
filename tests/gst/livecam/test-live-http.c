/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-live-http.c: requests that are given up at any moment of theirs, by whoever stops the camera and by the deadline,
 * from a server that trickles. */
#include "live-http.h"

#include <gio/gio.h>
#include <stdlib.h>

#define CLIENTS 8
#define SECOND G_GUINT64_CONSTANT (1000000000)

/* ---- a server that takes its time ------------------------------------------------------------------------------- */

typedef struct {
  GSocketListener *listener;
  GCancellable *over;
  GThread *thread;
  guint16 port;
} Origin;

/* Byte by byte, without end, until the other side has gone. */
static gpointer
trickle (gpointer data)
{
  static const gchar head[] = "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: 1000000\r\n\r\n";
  GIOStream *connection = data;
  GOutputStream *out = g_io_stream_get_output_stream (connection);
  gchar request[1024];

  g_input_stream_read (g_io_stream_get_input_stream (connection), request, sizeof request, NULL, NULL);
  for (gsize i = 0; g_output_stream_write (out, head + MIN (i, sizeof head - 2), 1, NULL, NULL) == 1; i++)
    g_usleep (i % 8 ? 0 : 1000);
  g_object_unref (connection);
  return NULL;
}

static void
join (gpointer thread)
{
  g_thread_join (thread);
}

static gpointer
serve (gpointer data)
{
  Origin *origin = data;
  GPtrArray *threads = g_ptr_array_new_with_free_func (join);
  GSocketConnection *connection;

  while ((connection = g_socket_listener_accept (origin->listener, NULL, origin->over, NULL)))
    g_ptr_array_add (threads, g_thread_new ("trickle", trickle, connection));
  g_ptr_array_unref (threads);
  return NULL;
}

static void
origin_start (Origin *origin)
{
  origin->listener = g_socket_listener_new ();
  origin->over = g_cancellable_new ();
  origin->port = g_socket_listener_add_any_inet_port (origin->listener, NULL, NULL);
  g_assert_cmpint (origin->port, >, 0);
  origin->thread = g_thread_new ("origin", serve, origin);
}

static void
origin_stop (Origin *origin)
{
  g_cancellable_cancel (origin->over);
  g_thread_join (origin->thread);
  g_object_unref (origin->listener);
  g_object_unref (origin->over);
}

/* ---- requests that are given up ------------------------------------------------------------------------------------ */

typedef struct {
  GCancellable *stop;
  gulong after;                 /* microseconds */
} Stop;

static gpointer
stop_later (gpointer data)
{
  Stop *stop = data;

  g_usleep (stop->after);
  g_cancellable_cancel (stop->stop);
  return NULL;
}

/* One that never comes whole. */
static void
give_up_one (LiveHttp *http, const gchar *uri, gulong after, guint64 timeout)
{
  Stop stop = { g_cancellable_new (), after };
  GThread *thread = g_thread_new ("stop", stop_later, &stop);
  LiveHttpResult result;

  live_http_get (http, uri, NULL, 1 << 20, timeout, stop.stop, &result);
  g_assert_true (g_strcmp0 (result.reason, "cancelled") == 0 || g_strcmp0 (result.reason, "timeout") == 0);
  g_assert_null (result.body);
  live_http_result_clear (&result);
  g_thread_join (thread);
  g_object_unref (stop.stop);
}

typedef struct {
  gchar *uri;
  gint often;
  GRand *random;
} Client;

/* At every moment from before the connection to within the body; with a session for each and one for many. */
static gpointer
give_up_often (gpointer data)
{
  Client *client = data;
  LiveHttp *http = NULL;

  for (gint i = 0; i < client->often; i++) {
    if (http == NULL)
      http = live_http_new (NULL);
    give_up_one (http, client->uri, g_rand_int_range (client->random, 0, 15000),
        g_rand_int_range (client->random, 1, 25) * SECOND / 1000);
    if (g_rand_boolean (client->random))
      g_clear_pointer (&http, live_http_free);
  }
  live_http_free (http);
  return NULL;
}

static void
test_give_up (gconstpointer often)
{
  Origin origin;
  Client clients[CLIENTS];
  GThread *threads[CLIENTS];

  origin_start (&origin);
  for (gint i = 0; i < CLIENTS; i++) {
    clients[i] = (Client) { g_strdup_printf ("http://127.0.0.1:%u/segment.ts", origin.port), GPOINTER_TO_INT (often),
      g_rand_new_with_seed (g_test_rand_int ()) };
    threads[i] = g_thread_new ("client", give_up_often, &clients[i]);
  }
  for (gint i = 0; i < CLIENTS; i++) {
    g_thread_join (threads[i]);
    g_rand_free (clients[i].random);
    g_free (clients[i].uri);
  }
  origin_stop (&origin);
}

/* Stopped before it begins: nothing is asked. */
static void
test_stopped_before (void)
{
  LiveHttp *http = live_http_new (NULL);
  GCancellable *stop = g_cancellable_new ();
  LiveHttpResult result;

  g_cancellable_cancel (stop);
  live_http_get (http, "http://127.0.0.1:9/", NULL, 1 << 20, 10 * SECOND, stop, &result);
  g_assert_cmpstr (result.reason, ==, "cancelled");
  live_http_result_clear (&result);
  g_object_unref (stop);
  live_http_free (http);
}

int
main (int argc, char **argv)
{
  const gchar *often = g_getenv ("GST_HEADS_TEST_REQUESTS");    /* more, for a thorough look */

  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
  g_test_add_func ("/live-http/stopped-before", test_stopped_before);
  g_test_add_data_func ("/live-http/give-up", GINT_TO_POINTER (often ? atoi (often) : 200), test_give_up);
  return g_test_run ();
}
