/* SPDX-License-Identifier: LGPL-2.1-or-later
 * main.c: the gst-heads command: finds the subcommand and keeps what all of them share. */
#include "tools.h"
#include "config.h"
#include "redact.h"

#include <glib/gstdio.h>
#include <gst/gst.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  const char *name;
  int (*run) (int argc, char **argv);
  const char *arguments, *summary;
} Command;

static const Command commands[] = {
  { "run", gh_tool_run, "FILE.pipeline [NAME=VALUE ...]", "Run a pipeline kept in a file" },
  { "train-encoder", gh_tool_train_encoder, "...", "Train an encoder on unlabelled frames" },
  { "train-head", gh_tool_train_head, "...", "Train a head from a folder of images and a CSV of labels" },
  { "eval", gh_tool_eval, "...", "Measure heads trained on few labels against simple baselines" },
#ifdef HAVE_SQLITE
  { "refit", gh_tool_refit, "DIR --head=FILE", "Train a head anew on a dataset's labels, and keep the better one" },
  { "dataset", gh_tool_dataset, "COMMAND DIR", "List, check, label, export, prune and back up kept frames" },
#endif
#ifdef HAVE_SCALE
  { "labels", gh_tool_labels, "pull|link|status DIR", "Bring labels from Scale AI back to kept frames" },
#endif
  { "pool-encoder", gh_tool_pool_encoder, "--model=FILE ...", "Make an encoder's embedding of its tokens in another way" },
  { "inspect", gh_tool_inspect, "FILE.safetensors", "Say what a model file holds" },
  { "init-encoder", gh_tool_init_encoder, "OUTPUT.safetensors", "Make an untrained encoder of a given shape" },
  { "doctor", gh_tool_doctor, "", "Check devices, plugins and models, and say how to mend what is missing" },
};

static volatile sig_atomic_t interrupted;

static void
print_help (FILE *stream)
{
  fprintf (stream, "Usage: gst-heads COMMAND [OPTION...] [ARGUMENT...]\n\n"
      "Encode camera frames once, predict anything from them.\n\nCommands:\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    fprintf (stream, "  %-13s %s\n", commands[i].name, commands[i].summary);
  fprintf (stream, "\n\"gst-heads COMMAND --help\" says more about each. \"gst-heads --version\" prints versions.\n\n"
      "Exit status: 0 done (run: end of stream); 1 wrong usage (doctor: something needed is missing);\n"
      "2 a fault in a pipeline file or a missing element; 3 an error while working; 4 stopped by Ctrl-C or\n"
      "SIGTERM with everything finished in order; 5 stopped before it could finish; refit: 6 the old head stays, 7 too few\n"
      "labels are new; labels: 8 tasks of no frame, 9 key or address not accepted, 10 service not reachable.\n");
}

int
gh_tool_fail (int status, const char *format, ...)
{
  g_autofree char *words = NULL, *clean = NULL;
  va_list args;
  va_start (args, format);
  words = g_strdup_vprintf (format, args);
  va_end (args);
  clean = gh_redact (words);
  fprintf (stderr, "%s: %s\n", g_get_prgname (), clean);
  return status;
}

int
gh_tool_parse (int *argc, char ***argv, const GOptionEntry *entries, const char *arguments, const char *summary)
{
  g_autoptr (GOptionContext) context = g_option_context_new (arguments);
  g_autoptr (GError) error = NULL;
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (g_option_context_parse (context, argc, argv, &error))
    return -1;
  return gh_tool_fail (GH_EXIT_USAGE, "%s (\"%s --help\" lists the options)", error->message, g_get_prgname ());
}

gboolean
gh_tool_init_gst (void)
{
  g_autoptr (GError) error = NULL;
  if (gst_init_check (NULL, NULL, &error))
    return TRUE;
  gh_tool_fail (GH_EXIT_FAILED, "GStreamer does not start: %s", error->message);
  return FALSE;
}

int
gh_tool_check_output (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);

  if (g_access (folder, W_OK | X_OK) == 0 && !g_file_test (path, G_FILE_TEST_IS_DIR))
    return -1;
  return gh_tool_fail (GH_EXIT_FAILED, "%s cannot be written: %s", path, g_file_test (path, G_FILE_TEST_IS_DIR)
      ? "it is a folder" : "its folder does not exist or may not be written to");
}

static void
on_interrupt (int signal_number)
{
  interrupted = 1;
}

static void
draw_bar (GhToolProgress *bar, double fraction, gint64 now)
{
  enum { WIDTH = 30 };
  char cells[WIDTH + 1];
  double elapsed = (now - bar->started) / 1e6, left = fraction > 0.02 ? elapsed * (1 - fraction) / fraction : 0;
  int full = (int) (fraction * WIDTH + 0.5);
  memset (cells, '.', WIDTH);
  memset (cells, '#', full);
  cells[WIDTH] = '\0';
  fprintf (stderr, "\r\033[K%-22s [%s] %3.0f%%  %.0f s", bar->what, cells, fraction * 100, elapsed);
  if (left >= 1 && fraction < 1)
    fprintf (stderr, left < 600 ? ", about %.0f s to go" : ", about %.0f min to go", left < 600 ? left : left / 60);
  if (*bar->note)
    fprintf (stderr, "  %s", bar->note);
  fflush (stderr);
  bar->drawn = now;
}

void
gh_tool_catch_interrupts (void)
{
  struct sigaction action = { .sa_handler = on_interrupt, .sa_flags = SA_RESETHAND };
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

gboolean
gh_tool_is_interrupted (void)
{
  return interrupted;
}

gboolean
gh_tool_progress (double fraction, const char *what, gpointer progress)
{
  GhToolProgress *bar = progress;
  gint64 now = g_get_monotonic_time ();
  const int parts = bar->parts ? bar->parts : 4;
  gboolean fresh = bar->started == 0 || strncmp (bar->what, what, sizeof bar->what - 1) != 0;
  fraction = CLAMP (fraction, 0, 1);
  if (fresh) {
    gh_tool_catch_interrupts ();
    gh_tool_progress_end (bar);
    g_strlcpy (bar->what, what, sizeof bar->what);
    bar->started = now;
    bar->part = 0;
  }
  if (isatty (STDERR_FILENO)) {
    if (fresh || now - bar->drawn > 100 * 1000 || fraction >= 1)
      draw_bar (bar, fraction, now);
  } else if (fresh || (int) (fraction * parts) > bar->part) {
    bar->part = (int) (fraction * parts);
    fprintf (stderr, "%s: %.0f%%%s%s\n", bar->what, fraction * 100, *bar->note ? "  " : "", bar->note);
  }
  return !interrupted;
}

void
gh_tool_progress_end (GhToolProgress *progress)
{
  if (progress->drawn)
    fputc ('\n', stderr);
  progress->started = progress->drawn = 0;
  progress->what[0] = '\0';
}

static int
print_version (void)
{
  g_autofree char *gst = gst_version_string ();
  printf ("gst-heads %s\n%s, GLib %u.%u.%u\n", PACKAGE_VERSION, gst, glib_major_version, glib_minor_version,
      glib_micro_version);
  return GH_EXIT_OK;
}

static int
run_command (const Command *command, int argc, char **argv)
{
  g_autofree char *prgname = g_strconcat ("gst-heads ", command->name, NULL);
  g_set_prgname (prgname);
  return command->run (argc, argv);
}

int
main (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL;
  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C");  /* numbers in files and reports have a dot everywhere */
  g_set_prgname ("gst-heads");
  if (!name) {
    print_help (stderr);
    return GH_EXIT_USAGE;
  }
  if (g_str_equal (name, "--version"))
    return print_version ();
  if (g_str_equal (name, "help") && argc > 2) {
    char *help[] = { argv[2], (char *) "--help", NULL };
    for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
      if (g_str_equal (argv[2], commands[i].name))
        return run_command (&commands[i], 2, help);
    name = argv[2];
  } else if (g_str_equal (name, "help") || g_str_equal (name, "--help") || g_str_equal (name, "-h")) {
    print_help (stdout);
    return GH_EXIT_OK;
  }
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    if (g_str_equal (name, commands[i].name))
      return run_command (&commands[i], argc - 1, argv + 1);
  return gh_tool_fail (GH_EXIT_USAGE, "there is no command %s; \"gst-heads help\" lists them", name);
}
