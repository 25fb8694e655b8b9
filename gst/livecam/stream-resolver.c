/* SPDX-License-Identifier: LGPL-2.1-or-later
 * stream-resolver.c: see stream-resolver.h. */
#include "stream-resolver.h"

#include "models/gh-json-tree.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OUTPUT (4 << 20)    /* yt-dlp -j prints some 300 KB */
#define MAX_WORDS 65536         /* of its errors */
#define MAX_LINE 300
#define SLICE_MS 50
/* What it printed is there when it ends; whatever it started may hold the pipes for ever. */
#define LEFT_BEHIND_US (G_USEC_PER_SEC / 2)
#define KILLED 128              /* stands for an exit status */
#define ANY_HEIGHT 1000000

void
stream_address_clear (StreamAddress *address)
{
  g_clear_pointer (&address->uri, g_free);
  g_clear_pointer (&address->headers, g_hash_table_unref);
  g_clear_pointer (&address->reason, g_free);
  g_clear_pointer (&address->detail, g_free);
  address->expires = 0;
}

static void
refuse (StreamAddress *address, const gchar *reason, const gchar *detail)
{
  stream_address_clear (address);
  address->reason = g_strdup (reason);
  address->detail = g_strdup (detail);
}

gint64
stream_address_expiry (const gchar *uri)
{
  static const gchar *const marks[] = { "/expire/", "expire=", NULL };

  for (const gchar *const *mark = marks; *mark; mark++) {
    const gchar *at = strstr (uri, *mark);
    gint64 seconds = at ? g_ascii_strtoll (at + strlen (*mark), NULL, 10) : 0;

    if (seconds > 0)
      return seconds;
  }
  return 0;
}

/* ---- its words --------------------------------------------------------------------------------------------------- */

/* Why it failed, by its own words; the first that fits. */
static const gchar *
reason_of (const gchar *words)
{
  static const struct {
    const gchar *words, *reason;
  } known[] = {
    { "not a bot", "bot_check" }, { "captcha", "bot_check" },
    { "rate-limit", "rate_limited" }, { "too many requests", "rate_limited" },
    { "in your country", "region" }, { "geo restrict", "region" }, { "geo-restrict", "region" },
    { "from your location", "region" }, { "in your region", "region" },
    { "has ended", "ended" }, { "recording is not available", "ended" }, { "does not support vod", "ended" },
    { "private", "private" }, { "members-only", "private" }, { "log in", "private" }, { "login required", "private" },
    { "registered users", "private" }, { "sign in", "private" },
    { "will begin", "offline" }, { "not currently live", "offline" }, { "offline", "offline" },
    { "premieres in", "offline" },
    { "no video formats", "no_formats" }, { "requested format is not available", "no_formats" },
    { "no playable streams", "no_formats" },
  };
  g_autofree gchar *lower = g_ascii_strdown (words, -1);

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (strstr (lower, known[i].words))
      return known[i].reason;
  return "resolver_failed";
}

/* What it says of its error, warnings before that left away, and without addresses, which may carry tokens. */
static gchar *
words_of (const gchar *text)
{
  static const gchar *const marks[] = { "ERROR", "error:", "[error]", NULL };
  g_autoptr (GRegex) address = g_regex_new ("[a-z]+://[^\\s'\"]+", G_REGEX_CASELESS, 0, NULL);
  g_autofree gchar *valid = NULL;
  const gchar *at = NULL;

  for (const gchar *const *mark = marks; *mark && at == NULL; mark++)
    at = strstr (text, *mark);
  valid = g_utf8_make_valid (at ? at : text, -1);
  return g_regex_replace_literal (address, valid, -1, 0, "(address)", 0, NULL);
}

/* The first line of it, for people. */
static gchar *
line_of (const gchar *words)
{
  g_autofree gchar *line = g_strndup (words, strcspn (words, "\r\n")), *valid = NULL;

  if (strlen (line) > MAX_LINE)
    line[MAX_LINE] = 0;
  valid = g_utf8_make_valid (line, -1);
  return g_steal_pointer (&valid);
}

static void
refuse_by_words (StreamAddress *address, const gchar *text)
{
  g_autofree gchar *words = words_of (text), *line = line_of (words);

  refuse (address, reason_of (words), *line ? line : "the resolver failed without a word");
}

/* ---- what was printed ------------------------------------------------------------------------------------------ */

static const gchar *
text_member (JsonObject *object, const gchar *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

static JsonObject *
object_member (JsonObject *object, const gchar *name)
{
  JsonNode *node = json_object_get_member (object, name);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

static void
add_header (JsonObject *object, const gchar *name, JsonNode *node, gpointer headers)
{
  const gchar *value = text_member (object, name);

  if (value)
    g_hash_table_insert (headers, g_strdup (name), g_strdup (value));
}

static gboolean
take (StreamAddress *address, JsonObject *format, JsonObject *headers)
{
  const gchar *uri = text_member (format, "url");

  if (uri == NULL)
    uri = text_member (format, "manifest_url");
  if (uri == NULL || !(g_str_has_prefix (uri, "http://") || g_str_has_prefix (uri, "https://")))
    return FALSE;
  address->uri = g_strdup (uri);
  address->expires = stream_address_expiry (uri);
  if (headers) {
    address->headers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
    json_object_foreach_member (headers, add_header, address->headers);
  }
  return TRUE;
}

/* The last of a list that is HLS, as the best comes last with yt-dlp. */
static JsonObject *
best_format (JsonObject *root, const gchar *list)
{
  JsonNode *node = json_object_get_member (root, list);
  JsonArray *formats = node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  for (guint i = formats ? json_array_get_length (formats) : 0; i-- > 0;) {
    JsonNode *item = json_array_get_element (formats, i);
    JsonObject *format = JSON_NODE_HOLDS_OBJECT (item) ? json_node_get_object (item) : NULL;
    const gchar *protocol = text_member (format, "protocol");

    if (protocol && g_str_has_prefix (protocol, "m3u8"))
      return format;
  }
  return NULL;
}

/* The lines that a stream of streamlink has by its name: 720p, 1080p60, 480p_alt; 0: it does not tell. */
static guint64
lines_in (const gchar *name)
{
  gchar *end;
  guint64 lines = g_ascii_strtoull (name, &end, 10);

  return g_ascii_isdigit (*name) && *end == 'p' ? lines : 0;
}

/* Of streamlink's streams, which have their qualities as names, and "best" for one of them. */
static JsonObject *
stream_of_height (JsonObject *streams, guint max_height)
{
  JsonObject *chosen = NULL;
  guint64 height = 0;
  JsonObjectIter iter;
  const gchar *name;

  json_object_iter_init (&iter, streams);
  while (max_height > 0 && json_object_iter_next (&iter, &name, NULL)) {
    JsonObject *stream = object_member (streams, name);
    const gchar *type = text_member (stream, "type");
    guint64 lines = stream && (type == NULL || g_str_equal (type, "hls")) ? lines_in (name) : 0;
    gboolean fits = lines <= max_height, best_fits = height > 0 && height <= max_height;

    if (lines > 0 && (height == 0 || (fits ? !best_fits || lines > height : !best_fits && lines < height))) {
      chosen = stream;
      height = lines;
    }
  }
  return chosen ? chosen : object_member (streams, "best");
}

static void
parse_object (JsonObject *root, guint max_height, StreamAddress *address)
{
  const gchar *status = text_member (root, "live_status"), *error = text_member (root, "error");
  /* Of yt-dlp; streamlink --json with a stream's name calls them otherwise. */
  JsonObject *headers = object_member (root, "http_headers"), *streams = object_member (root, "streams"), *format;

  if (error)
    refuse_by_words (address, error);
  else if (g_strcmp0 (status, "is_upcoming") == 0)
    refuse (address, "offline", "the stream has not begun");
  else if (g_strcmp0 (status, "was_live") == 0 || g_strcmp0 (status, "post_live") == 0)
    refuse (address, "ended", "the stream has ended");
  else if (take (address, root, headers ? headers : object_member (root, "headers")))
    return;
  else if ((format = best_format (root, "requested_formats")) && take (address, format, object_member (format, "http_headers")))
    return;
  else if ((format = best_format (root, "formats")) && take (address, format, object_member (format, "http_headers")))
    return;
  else if (streams && (format = stream_of_height (streams, max_height)) && take (address, format, object_member (format, "headers")))
    return;
  else
    refuse (address, "no_formats", "the resolver knows no HLS stream of that page");
}

void
stream_address_parse (const gchar *output, gsize size, guint max_height, StreamAddress *address)
{
  g_autofree gchar *text = g_strstrip (g_strndup (output ? output : "", size));
  gchar *end = text + strcspn (text, "\r\n");
  g_autoptr (JsonNode) root = NULL;

  *address = (StreamAddress) { 0 };
  if (*text == '{') {
    root = gh_json_tree_parse (text, strlen (text), NULL);
    if (root && JSON_NODE_HOLDS_OBJECT (root)) {
      parse_object (json_node_get_object (root), max_height, address);
      return;
    }
  } else if (g_str_has_prefix (text, "http://") || g_str_has_prefix (text, "https://")) {
    *end = 0;
    address->uri = g_strdup (text);
    address->expires = stream_address_expiry (text);
    return;
  }
  refuse (address, "resolver_garbage", "the resolver printed neither JSON nor an address");
}

/* ---- the program -------------------------------------------------------------------------------------------------- */

typedef struct {
  GPid pid;
  struct pollfd pipes[2];       /* its output and its errors; fd -1 once at their end */
  GString *text[2];
  gboolean too_much;
} Program;

/* A group of its own, so that what it starts ends with it. */
static void
lead_group (gpointer data)
{
  setpgid (0, 0);
}

/* Each stays one argument, whatever the page is called. */
static gchar **
arguments_of (const gchar *command, const gchar *page, guint max_height, GError **error)
{
  g_autofree gchar *height = g_strdup_printf ("%u", max_height ? max_height : ANY_HEIGHT);
  gchar **arguments = NULL;

  if (!g_shell_parse_argv (command, NULL, &arguments, error))
    return NULL;
  for (gchar **argument = arguments; *argument; argument++) {
    GString *filled = g_string_new (*argument);

    g_string_replace (filled, "{height}", height, 0);
    g_string_replace (filled, "{uri}", page, 0);
    g_free (*argument);
    *argument = g_string_free (filled, FALSE);
  }
  return arguments;
}

static void
read_pipe (Program *program, int i)
{
  gchar chunk[65536];
  ssize_t n = read (program->pipes[i].fd, chunk, sizeof chunk);

  if (n < 0 && errno == EINTR)
    return;
  if (n <= 0) {
    close (program->pipes[i].fd);
    program->pipes[i].fd = -1;
    return;
  }
  if (program->text[i]->len + n > (i == 0 ? MAX_OUTPUT : MAX_WORDS))
    program->too_much |= i == 0;        /* errors are cut, results are not */
  else
    g_string_append_len (program->text[i], chunk, n);
}

/* Its exit status once it has ended, else -1. It stays a zombie, so that its group is nobody else's yet. */
static int
exit_status (Program *program)
{
  siginfo_t info = { 0 };

  if (waitid (P_PID, program->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD) {
    program->pid = 0;           /* the process ignores its children's ends: what was printed has to do */
    return 0;
  }
  if (info.si_pid != program->pid)
    return -1;
  return info.si_code == CLD_EXITED ? info.si_status : KILLED;
}

/* Until it has ended and its pipes have, or are held by what it left behind. Its exit status, or -1 with *why. */
static int
await (Program *program, gint64 deadline, GCancellable *cancellable, const gchar **why)
{
  gint64 ended = 0;
  int status = -1;

  for (;;) {
    gboolean open = program->pipes[0].fd >= 0 || program->pipes[1].fd >= 0;
    gint64 now = g_get_monotonic_time ();

    if (status < 0 && (status = exit_status (program)) >= 0)
      ended = now;
    *why = g_cancellable_is_cancelled (cancellable) ? "cancelled" : program->too_much ? "resolver_too_much"
        : status < 0 && now >= deadline ? "resolver_timeout" : NULL;
    if (*why || (status >= 0 && (!open || now - ended > LEFT_BEHIND_US)))
      return *why ? -1 : status;
    poll (program->pipes, 2, open ? SLICE_MS : 0);
    for (int i = 0; i < 2; i++)
      if (program->pipes[i].fd >= 0 && program->pipes[i].revents)
        read_pipe (program, i);
    if (!open)
      g_usleep (SLICE_MS * 1000);
  }
}

/* And what it left behind. */
static void
put_away (Program *program)
{
  if (program->pid) {
    kill (-program->pid, SIGKILL);
    kill (program->pid, SIGKILL);
    waitpid (program->pid, NULL, 0);
  }
  for (int i = 0; i < 2; i++) {
    if (program->pipes[i].fd >= 0)
      close (program->pipes[i].fd);
    g_string_free (program->text[i], TRUE);
  }
}

/* By its errors, or by the object that streamlink --json prints instead. */
static void
conclude_failure (Program *program, StreamAddress *address)
{
  StreamAddress printed = { 0 };

  refuse_by_words (address, program->text[1]->str);
  if (!g_str_equal (address->reason, "resolver_failed") || *program->text[0]->str != '{')
    return;
  stream_address_parse (program->text[0]->str, program->text[0]->len, 0, &printed);
  if (printed.reason && !g_str_equal (printed.reason, "resolver_garbage"))
    refuse (address, printed.reason, printed.detail);
  stream_address_clear (&printed);
}

static void
conclude (Program *program, int status, const gchar *why, guint max_height, StreamAddress *address)
{
  if (why) {
    refuse (address, why, g_str_equal (why, "resolver_timeout") ? "the resolver did not end in time"
        : g_str_equal (why, "resolver_too_much") ? "the resolver printed megabytes" : NULL);
  } else if (status == 0) {
    stream_address_parse (program->text[0]->str, program->text[0]->len, max_height, address);
  } else {
    conclude_failure (program, address);
  }
}

/* Without the keys that other elements find there, which are no business of a program of others. */
static gchar **
environment (void)
{
  return g_environ_unsetenv (g_environ_unsetenv (g_get_environ (), "SCALE_API_KEY"), "NUCLEUS_API_KEY");
}

void
stream_resolve (const gchar *command, const gchar *page, guint max_height, guint64 timeout,
    GCancellable *cancellable, StreamAddress *address)
{
  gint64 deadline = g_get_monotonic_time () + (gint64) (timeout / 1000);
  Program program = { .pipes = { { -1, POLLIN, 0 }, { -1, POLLIN, 0 } } };
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) arguments = arguments_of (command, page, max_height, &error), variables = environment ();
  const gchar *why;
  int status;

  *address = (StreamAddress) { 0 };
  if (arguments == NULL || !g_spawn_async_with_pipes (NULL, arguments, variables, G_SPAWN_DO_NOT_REAP_CHILD
          | G_SPAWN_SEARCH_PATH, lead_group, NULL, &program.pid, NULL, &program.pipes[0].fd, &program.pipes[1].fd,
          &error)) {
    gboolean missing = g_error_matches (error, G_SPAWN_ERROR, G_SPAWN_ERROR_NOENT);
    g_autofree gchar *remedy = missing ? g_strdup_printf ("%s is not installed; install it, or name another program or its "
        "place in the property 'resolver'", arguments[0]) : NULL;

    refuse (address, missing ? "resolver_missing" : "resolver_failed", missing ? remedy : error->message);
    return;
  }
  for (int i = 0; i < 2; i++)
    program.text[i] = g_string_new (NULL);
  status = await (&program, deadline, cancellable, &why);
  conclude (&program, status, why, max_height, address);
  put_away (&program);
}
