/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-server-main.c: the Scale server as a program, for tests in other languages and for trying faults by hand:
 *
 *   scale-server [--port=N] [--tls] [--key=KEY]... [--fault='POST /v1/files/upload status=503']... [--state=FILE] ...
 *
 * Prints its URL, then serves until its input ends. What faults and /control/ paths there are stands in scale-server.h.
 */
#include "scale-server.h"

#include <stdio.h>
#include <string.h>

static char **keys, **faults;
static char *fault_file;
static ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;
static int port, seed;
static gint64 max_file;

static const GOptionEntry entries[] = {
  { "port", 0, 0, G_OPTION_ARG_INT, &port, "TCP port; without it any", "N" },
  { "tls", 0, 0, G_OPTION_ARG_NONE, &options.tls, "HTTPS, with the tests' certificate", NULL },
  { "key", 0, 0, G_OPTION_ARG_STRING_ARRAY, &keys, "A key that is let in (more than once)", "KEY" },
  { "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &faults, "A fault (more than once)", "FAULT" },
  { "faults", 0, 0, G_OPTION_ARG_FILENAME, &fault_file, "A file of faults, one a line", "FILE" },
  { "seed", 0, 0, G_OPTION_ARG_INT, &seed, "Of the faults' probabilities", "N" },
  { "state", 0, 0, G_OPTION_ARG_FILENAME, &options.state_file, "Where everything is kept over a restart", "FILE" },
  { "images", 0, 0, G_OPTION_ARG_FILENAME, &options.folder, "Where accepted images are kept", "FOLDER" },
  { "truth", 0, 0, G_OPTION_ARG_FILENAME, &options.truth_file, "JSON of the answers to tasks", "FILE" },
  { "truth-key", 0, 0, G_OPTION_ARG_STRING, &options.truth_key, "sha256, or a member of the metadata", "NAME" },
  { "complete-after", 0, 0, G_OPTION_ARG_DOUBLE, &options.complete_after, "When tasks are labeled by themselves", "S" },
  { "strip-metadata", 0, 0, G_OPTION_ARG_NONE, &options.strip_metadata, "Tasks are read back without metadata", NULL },
  { "max-file", 0, 0, G_OPTION_ARG_INT64, &max_file, "Largest image in bytes", "N" },
  { NULL }
};

static gboolean
add_faults (ScaleServer *server, char **list, GError **error)
{
  for (; list && *list; list++)
    if (*g_strstrip (*list) && **list != '#' && !scale_server_add_fault (server, *list, error))
      return FALSE;
  return TRUE;
}

static gboolean
add_fault_file (ScaleServer *server, GError **error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  if (fault_file == NULL)
    return TRUE;
  if (!g_file_get_contents (fault_file, &text, NULL, error))
    return FALSE;
  lines = g_strsplit (text, "\n", -1);
  return add_faults (server, lines, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("- Scale AI's API on the loopback, for tests");
  g_autoptr (GError) error = NULL;
  ScaleServer *server;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "scale-server: %s\n", error->message);
    return 2;
  }
  options.port = (guint) port;
  options.seed = (guint32) seed;
  options.keys = (const char *const *) keys;
  options.max_file_bytes = (guint64) max_file;
  server = scale_server_new (&options, &error);
  if (server == NULL || !add_faults (server, faults, &error) || !add_fault_file (server, &error)) {
    fprintf (stderr, "scale-server: %s\n", error->message);
    scale_server_free (server);
    return 1;
  }
  printf ("%s\n", scale_server_url (server));
  fflush (stdout);
  while (getchar () != EOF) {
  }
  scale_server_free (server);
  return 0;
}
