/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-faults.c: what goes wrong, when, and how an answer leaves. */
#include "scale-private.h"

#include <string.h>

enum { SLOW_MS = 50 };

static GQuark
fault_error (void)
{
  return g_quark_from_static_string ("scale-fault");
}

/* ---- reading a fault --------------------------------------------------------------------------------------------- */

static const struct {
  const char *name;
  ScaleAction action;
  gboolean number;
} actions[] = {
  { "status", SCALE_STATUS, TRUE },
  { "html", SCALE_HTML, TRUE },
  { "drop", SCALE_DROP, FALSE },
  { "hang", SCALE_HANG, FALSE },
  { "truncate", SCALE_TRUNCATE, FALSE },
  { "cut", SCALE_CUT, FALSE },
  { "slow", SCALE_SLOW, TRUE },
};

/* Of name=value. */
static gboolean
read_option (ScaleFault *fault, const char *name, double value)
{
  if (g_str_equal (name, "delay"))
    fault->delay = value;
  else if (g_str_equal (name, "skip"))
    fault->skip = (guint64) value;
  else if (g_str_equal (name, "count"))
    fault->count = (guint64) value;
  else if (g_str_equal (name, "probability"))
    fault->probability = value;
  else if (g_str_equal (name, "retry-after"))
    fault->retry_after = value;
  else
    return FALSE;
  return TRUE;
}

static gboolean
read_action (ScaleFault *fault, const char *name, gboolean has_number, double value)
{
  for (guint i = 0; i < G_N_ELEMENTS (actions); i++)
    if (g_str_equal (name, actions[i].name) && has_number == actions[i].number && fault->action == SCALE_NOTHING) {
      fault->action = actions[i].action;
      if (fault->action == SCALE_SLOW)
        fault->bytes_per_second = (guint) value;
      else
        fault->status = (guint) value;
      return fault->action == SCALE_SLOW ? value >= 1 : !has_number || (value >= 200 && value <= 599);
    }
  return FALSE;
}

static gboolean
read_word (ScaleFault *fault, const char *word)
{
  g_auto (GStrv) halves = g_strsplit (word, "=", 2);
  const char *text = halves[1];
  char *end = NULL;
  double value = 0;

  if (g_str_equal (word, "commit")) {
    fault->commit = TRUE;
    return TRUE;
  }
  if (text && g_str_equal (halves[0], "retry-after") && g_str_has_prefix (text, "date:")) {
    fault->retry_date = TRUE;
    text += strlen ("date:");
  }
  if (text) {
    value = g_ascii_strtod (text, &end);
    if (end == text || *end || !(value >= 0 && value <= 1e9))
      return FALSE;
  }
  return read_action (fault, halves[0], text != NULL, value) || (text && read_option (fault, halves[0], value));
}

ScaleFault *
scale_fault_parse (const char *text, GError **error)
{
  ScaleFault *fault = g_new0 (ScaleFault, 1);
  g_auto (GStrv) words = g_regex_split_simple ("\\s+", text, 0, 0);
  const char *wrong = NULL;
  guint i = 0;

  fault->text = g_strstrip (g_strdup (text));
  fault->probability = 1;
  fault->count = G_MAXUINT64;
  fault->retry_after = -1;
  while (words[i] && *words[i] == 0)
    i++;
  if (words[i] && *words[i] != '/' && *words[i] != '*')
    fault->method = g_strdup (words[i++]);
  if (words[i] && (*words[i] == '/' || *words[i] == '*'))
    fault->pattern = g_strdup (words[i++]);
  for (; words[i] && wrong == NULL; i++)
    if (*words[i] && !read_word (fault, words[i]))
      wrong = words[i];
  if (fault->pattern && wrong == NULL && (fault->action != SCALE_NOTHING || fault->delay > 0))
    return fault;
  g_set_error (error, fault_error (), 0, "the fault \"%s\" is not [METHOD] PATH ACTION [OPTION...]%s%s", fault->text,
      wrong ? ": " : "", wrong ? wrong : "");
  scale_fault_free (fault);
  return NULL;
}

void
scale_fault_free (ScaleFault *fault)
{
  if (fault == NULL)
    return;
  g_free (fault->text);
  g_free (fault->method);
  g_free (fault->pattern);
  g_free (fault);
}

ScaleFault *
scale_fault_choose (ScaleServer *server, const char *method, const char *path)
{
  for (guint i = 0; i < server->faults->len; i++) {
    ScaleFault *fault = server->faults->pdata[i];

    if ((fault->method && !g_str_equal (fault->method, method)) || !g_pattern_match_simple (fault->pattern, path))
      continue;
    if (fault->seen++ < fault->skip || fault->fired >= fault->count)
      continue;
    if (fault->probability < 1 && g_rand_double (server->random) >= fault->probability)
      continue;
    fault->fired++;
    return fault;
  }
  return NULL;
}

/* ---- slow bodies ------------------------------------------------------------------------------------------------- */

typedef struct {
  SoupServerMessage *message;
  GBytes *body;
  gsize sent, step;
  GSource *timer;
} Trickle;

static void
end_trickle (gpointer data)
{
  Trickle *trickle = data;

  g_source_destroy (trickle->timer);
  g_source_unref (trickle->timer);
  g_bytes_unref (trickle->body);
  g_free (trickle);
}

static gboolean
send_more (gpointer data)
{
  Trickle *trickle = data;
  SoupMessageBody *body = soup_server_message_get_response_body (trickle->message);
  gsize left = g_bytes_get_size (trickle->body) - trickle->sent, n = MIN (left, trickle->step);
  g_autoptr (GBytes) piece = g_bytes_new_from_bytes (trickle->body, trickle->sent, n);

  soup_message_body_append_bytes (body, piece);
  trickle->sent += n;
  if (n == left)
    soup_message_body_complete (body);
  soup_server_message_unpause (trickle->message);
  return n == left ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
start_trickle (SoupServerMessage *message, GBytes *body, guint bytes_per_second)
{
  Trickle *trickle = g_new0 (Trickle, 1);

  soup_message_headers_set_content_length (soup_server_message_get_response_headers (message), g_bytes_get_size (body));
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
  trickle->message = message;
  trickle->body = g_bytes_ref (body);
  trickle->step = MAX (1, (gsize) bytes_per_second * SLOW_MS / 1000);
  trickle->timer = g_timeout_source_new (SLOW_MS);
  g_source_set_callback (trickle->timer, send_more, trickle, NULL);
  g_source_attach (trickle->timer, g_main_context_get_thread_default ());
  g_object_set_data_full (G_OBJECT (message), "trickle", trickle, end_trickle);
}

/* ---- sending ----------------------------------------------------------------------------------------------------- */

/* What there is to say, then no more connection. */
static void
break_off (SoupServerMessage *message, const char *words, gsize size)
{
  g_autoptr (GIOStream) stream = soup_server_message_steal_connection (message);

  if (stream == NULL)
    return;
  if (size)
    g_output_stream_write_all (g_io_stream_get_output_stream (stream), words, size, NULL, NULL, NULL);
  g_io_stream_close (stream, NULL, NULL);
}

static void
cut (ScaleRequest *request)
{
  gsize size;
  const char *body = g_bytes_get_data (request->answer, &size);
  g_autoptr (GString) text = g_string_new (NULL);

  g_string_printf (text, "HTTP/1.1 %u X\r\nContent-Type: %s\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
      request->status, request->type, size);
  g_string_append_len (text, body, (gssize) size / 2);
  break_off (request->message, text->str, text->len);
}

/* In the place of the answer. */
static void
replace_answer (const ScaleFault *fault, ScaleRequest *request)
{
  if (fault->action == SCALE_STATUS)
    scale_fail (request, fault->status, "This is a fault: %u", fault->status);
  if (fault->action == SCALE_HTML) {
    static const char page[] = "<html><head><title>Bad gateway</title></head><body>Come back later</body></html>\n";

    request->status = fault->status;
    request->type = "text/html";
    g_clear_pointer (&request->answer, g_bytes_unref);
    request->answer = g_bytes_new_static (page, strlen (page));
  }
  if (fault->action == SCALE_TRUNCATE) {
    g_autoptr (GBytes) whole = request->answer;

    request->answer = g_bytes_new_from_bytes (whole, 0, g_bytes_get_size (whole) / 2);
  }
}

static void
add_retry_after (const ScaleFault *fault, SoupMessageHeaders *headers)
{
  if (fault->retry_date) {
    g_autoptr (GDateTime) now = g_date_time_new_now_utc (), then = g_date_time_add_seconds (now, fault->retry_after);
    g_autofree char *words = soup_date_time_to_string (then, SOUP_DATE_HTTP);

    soup_message_headers_replace (headers, "Retry-After", words);
  } else if (fault->retry_after >= 0) {
    g_autofree char *words = g_strdup_printf ("%.0f", fault->retry_after);

    soup_message_headers_replace (headers, "Retry-After", words);
  }
}

void
scale_fault_send (const ScaleFault *fault, ScaleRequest *request)
{
  SoupServerMessage *message = request->message;
  ScaleAction action = fault ? fault->action : SCALE_NOTHING;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  if (action == SCALE_HANG) {
    soup_server_message_pause (message);
    return;
  }
  if (action == SCALE_DROP || action == SCALE_CUT) {
    if (action == SCALE_CUT)
      cut (request);
    else
      break_off (message, "", 0);
    return;
  }
  if (fault) {
    replace_answer (fault, request);
    add_retry_after (fault, headers);
  }
  soup_server_message_set_status (message, request->status, NULL);
  soup_message_headers_set_content_type (headers, request->type, NULL);
  if (action == SCALE_SLOW)
    start_trickle (message, request->answer, fault->bytes_per_second);
  else
    soup_message_body_append_bytes (soup_server_message_get_response_body (message), request->answer);
}
