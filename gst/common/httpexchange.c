/* SPDX-License-Identifier: LGPL-2.1-or-later
 * httpexchange.c: see httpexchange.h. */
#include "httpexchange.h"

#define CHUNK 65536

typedef struct {
  SoupMessage *message;
  GCancellable *cancellable;    /* of this exchange alone */
  GCancellable *stop;           /* the caller's, or NULL */
  gulong stop_handler;
  GSource *give_up;             /* asleep until the caller stops */
  GSource *timer;
  GInputStream *stream;
  GByteArray *body;
  gsize limit;
  gboolean over, too_large, enough;
  const HttpWatch *watch;       /* or NULL */
  GError *error;
  HttpExchangeDone done;
  gpointer data;
} Exchange;

void
http_outcome_clear (HttpOutcome *outcome)
{
  g_clear_pointer (&outcome->body, g_bytes_unref);
  g_clear_pointer (&outcome->uri, g_free);
  g_clear_pointer (&outcome->reason, g_free);
  g_clear_pointer (&outcome->detail, g_free);
  outcome->status = 0;
  outcome->retry_after = -1;
}

static const gchar *
reason_of (const Exchange *exchange)
{
  const GError *error = exchange->error;

  if (exchange->over)
    return "timeout";
  if (exchange->too_large)
    return "too_large";
  if (error->domain == G_RESOLVER_ERROR)
    return "dns";
  if (error->domain == G_TLS_ERROR)
    return "tls";
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return "cancelled";
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return "refused";
  return g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ? "timeout" : "connection";
}

static gint64
retry_after (SoupMessage *message)
{
  const gchar *text = soup_message_headers_get_one (soup_message_get_response_headers (message), "Retry-After");
  g_autoptr (GDateTime) date = NULL;
  guint64 seconds;

  if (text == NULL)
    return -1;
  if (g_ascii_string_to_unsigned (text, 10, 0, G_MAXUINT32, &seconds, NULL))
    return (gint64) seconds * G_TIME_SPAN_SECOND;
  date = soup_date_time_new_from_http_string (text);
  return date ? MAX (0, g_date_time_to_unix (date) * G_TIME_SPAN_SECOND - g_get_real_time ()) : -1;
}

static void
conclude (const Exchange *exchange, HttpOutcome *outcome)
{
  outcome->status = soup_message_get_status (exchange->message);
  outcome->retry_after = retry_after (exchange->message);
  if (exchange->error || exchange->over || exchange->too_large) {
    outcome->reason = g_strdup (reason_of (exchange));
    outcome->detail = exchange->over ? g_strdup ("the answer was not whole in time")
        : exchange->too_large ? g_strdup_printf ("more than %" G_GSIZE_FORMAT " bytes", exchange->limit)
        : g_strdup (exchange->error->message);
    return;
  }
  outcome->uri = g_uri_to_string (soup_message_get_uri (exchange->message));
  outcome->body = g_bytes_new (exchange->body->data, exchange->body->len);
  if (outcome->status != SOUP_STATUS_OK) {
    outcome->reason = g_strdup_printf ("http_%u", outcome->status);
    outcome->detail = g_strdup (soup_message_get_reason_phrase (exchange->message));
  }
}

static void
end_source (GSource **source)
{
  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
finish (Exchange *exchange)
{
  HttpOutcome outcome = { 0 };

  g_cancellable_disconnect (exchange->stop, exchange->stop_handler);    /* waits for on_stop() in its thread */
  end_source (&exchange->give_up);
  end_source (&exchange->timer);
  if (exchange->stream)
    g_input_stream_close (exchange->stream, NULL, NULL);
  conclude (exchange, &outcome);
  exchange->done (exchange->message, &outcome, exchange->data);
  http_outcome_clear (&outcome);
  g_clear_object (&exchange->stream);
  g_clear_error (&exchange->error);
  g_byte_array_unref (exchange->body);
  g_clear_object (&exchange->stop);
  g_object_unref (exchange->cancellable);
  g_object_unref (exchange->message);
  g_free (exchange);
}

/* data NULL: the answer's head. */
static void
take_piece (Exchange *exchange, gconstpointer data, gsize size)
{
  HttpPiece piece = exchange->watch ? exchange->watch->take (exchange->message, data, size, exchange->watch->data)
      : HTTP_PIECE_KEEP;

  exchange->enough = piece == HTTP_PIECE_ENOUGH;
  if (piece == HTTP_PIECE_PROGRESS)
    g_source_set_ready_time (exchange->timer, g_get_monotonic_time () + (gint64) (exchange->watch->patience / 1000));
  if (size == 0 || piece == HTTP_PIECE_TAKEN || piece == HTTP_PIECE_PROGRESS)
    return;
  exchange->too_large = exchange->body->len + size > exchange->limit;
  if (!exchange->too_large)
    g_byte_array_append (exchange->body, data, size);
}

static void on_chunk (GObject *stream, GAsyncResult *result, gpointer data);

static void
read_on (Exchange *exchange)
{
  if (exchange->enough || exchange->too_large)
    finish (exchange);
  else
    g_input_stream_read_bytes_async (exchange->stream, CHUNK, G_PRIORITY_DEFAULT, exchange->cancellable, on_chunk, exchange);
}

static void
on_chunk (GObject *stream, GAsyncResult *result, gpointer data)
{
  Exchange *exchange = data;
  GBytes *bytes = g_input_stream_read_bytes_finish (G_INPUT_STREAM (stream), result, &exchange->error);
  gsize size = bytes ? g_bytes_get_size (bytes) : 0;

  if (size > 0) {
    take_piece (exchange, g_bytes_get_data (bytes, NULL), size);
    read_on (exchange);
  } else {
    finish (exchange);
  }
  if (bytes)
    g_bytes_unref (bytes);
}

static void
on_answer (GObject *session, GAsyncResult *result, gpointer data)
{
  Exchange *exchange = data;

  /* Given up after the answer had begun, and before this call of it: libsoup 3.2 would end the message, then close the
   * answer that nobody took, and that reads the message's end. So it is taken, and closed in this order by us. */
  g_task_set_check_cancellable (G_TASK (result), FALSE);
  exchange->stream = soup_session_send_finish (SOUP_SESSION (session), result, &exchange->error);
  if (exchange->stream == NULL) {
    finish (exchange);
    return;
  }
  if (exchange->watch)
    take_piece (exchange, NULL, 0);
  read_on (exchange);
}

static gboolean
on_deadline (gpointer data)
{
  Exchange *exchange = data;

  exchange->over = TRUE;
  g_cancellable_cancel (exchange->cancellable);
  return G_SOURCE_REMOVE;
}

/* Of any thread: it only wakes the exchange's own, for libsoup and the streams know no other. */
static void
on_stop (GCancellable *stop, gpointer give_up)
{
  g_source_set_ready_time (give_up, 0);
}

static gboolean
give_up (GSource *source, GSourceFunc callback, gpointer cancellable)
{
  g_cancellable_cancel (cancellable);
  return G_SOURCE_REMOVE;
}

static GSourceFuncs give_up_functions = { .dispatch = give_up };

void
http_exchange_start (SoupSession *session, SoupMessage *message, gsize limit, guint64 timeout, GCancellable *cancellable,
    HttpExchangeDone done, gpointer data)
{
  http_exchange_start_watched (session, message, limit, timeout, cancellable, NULL, done, data);
}

void
http_exchange_start_watched (SoupSession *session, SoupMessage *message, gsize limit, guint64 timeout,
    GCancellable *cancellable, const HttpWatch *watch, HttpExchangeDone done, gpointer data)
{
  Exchange *exchange = g_new0 (Exchange, 1);

  exchange->message = g_object_ref (message);
  exchange->cancellable = g_cancellable_new ();
  exchange->body = g_byte_array_new ();
  exchange->limit = limit;
  exchange->watch = watch;
  exchange->done = done;
  exchange->data = data;
  exchange->give_up = g_source_new (&give_up_functions, sizeof (GSource));
  g_source_set_callback (exchange->give_up, NULL, exchange->cancellable, NULL);
  g_source_attach (exchange->give_up, g_main_context_get_thread_default ());
  exchange->timer = g_timeout_source_new ((guint) CLAMP (timeout / 1000000, 1, G_MAXUINT));
  g_source_set_callback (exchange->timer, on_deadline, exchange, NULL);
  g_source_attach (exchange->timer, g_main_context_get_thread_default ());
  if (cancellable) {
    exchange->stop = g_object_ref (cancellable);
    exchange->stop_handler = g_cancellable_connect (cancellable, G_CALLBACK (on_stop), exchange->give_up, NULL);
  }
  soup_session_send_async (session, message, G_PRIORITY_DEFAULT, exchange->cancellable, on_answer, exchange);
}
