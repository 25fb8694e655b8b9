/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tools.h (private): what the files of the gst-heads command share.
 *
 * Every subcommand is one function: argv[0] is its name, argv[1..] its options and arguments; it returns the
 * process's exit status. Words for people go to stderr, results to stdout, so that results can be piped.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The exit statuses of the command. Scripts and service managers may rely on them. */
enum {
  GH_EXIT_OK = 0,               /* done; run: the pipeline reached its end */
  GH_EXIT_USAGE = 1,            /* wrong options or arguments; doctor: something needed is missing */
  GH_EXIT_PIPELINE = 2,         /* run: the file, its variables, its syntax or a missing element */
  GH_EXIT_FAILED = 3,           /* an error while working */
  GH_EXIT_INTERRUPTED = 4,      /* stopped by Ctrl-C or SIGTERM after everything was finished in order */
  GH_EXIT_CUT = 5,              /* stopped by a second Ctrl-C, or the end did not come in time */
  GH_EXIT_KEPT = 6,             /* refit: the old head is as good */
  GH_EXIT_TOO_FEW = 7,          /* refit: too few labels are new */
  GH_EXIT_UNLINKED = 8,         /* labels: done, but new tasks are of no frame of the dataset */
  GH_EXIT_REFUSED = 9,          /* labels: key, account or address not accepted */
  GH_EXIT_UNREACHABLE = 10,     /* labels: no usable answer from the service, again and again */
};

int gh_tool_run (int argc, char **argv);
int gh_tool_inspect (int argc, char **argv);
int gh_tool_doctor (int argc, char **argv);
int gh_tool_pool_encoder (int argc, char **argv);
int gh_tool_init_encoder (int argc, char **argv);
int gh_tool_train_encoder (int argc, char **argv);
int gh_tool_train_head (int argc, char **argv);
int gh_tool_eval (int argc, char **argv);
int gh_tool_dataset (int argc, char **argv);
int gh_tool_refit (int argc, char **argv);
int gh_tool_labels (int argc, char **argv);

/* Parses the options of a subcommand; argv keeps what is left over (argc updated). `arguments` and `summary` go
 * into its --help. Returns -1 to go on, otherwise the exit status to return with (the words are out already). */
int gh_tool_parse (int *argc, char ***argv, const GOptionEntry *entries, const char *arguments,
    const char *summary);

/* What "1 frame" lacks and "2 frames" has. */
#define GH_TOOL_S(n) ((n) == 1 ? "" : "s")

/* "gst-heads NAME: message" on stderr, without passwords (redact.h). Returns status, so that a tool can
 * `return gh_tool_fail (...)`. */
int gh_tool_fail (int status, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Whether a file can be written, asked before the work whose result it is to hold. -1, or the status to return with. */
int gh_tool_check_output (const char *path);

/* Starts GStreamer for the tools that need it. FALSE: words are on stderr, return GH_EXIT_FAILED. */
gboolean gh_tool_init_gst (void);

/* A progress bar on a terminal, a line every quarter elsewhere. Fits GhHeadTrainOptions.progress; pass the address of
 * a zeroed GhToolProgress as data. Returns FALSE once Ctrl-C was pressed or SIGTERM came, which asks the caller to
 * stop. */
typedef struct {
  gint64 started, drawn;        /* monotonic microseconds, 0 before the first call */
  int part;                     /* of `parts`, the last one that had its line */
  char what[64];
  /* The caller's: */
  int parts;                    /* lines where there is no terminal; 0: 4 */
  char note[96];                /* shown behind the bar */
} GhToolProgress;

gboolean gh_tool_progress (double fraction, const char *what, gpointer progress);
/* The first Ctrl-C or SIGTERM from now on is noted, a second one ends the process. gh_tool_progress() does it, too. */
void gh_tool_catch_interrupts (void);
/* Ctrl-C was pressed, or SIGTERM came. */
gboolean gh_tool_is_interrupted (void);
/* Ends the line of the bar, if one is showing. */
void gh_tool_progress_end (GhToolProgress *progress);

G_END_DECLS
