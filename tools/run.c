/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * run.c: gst-heads run FILE.pipeline [NAME=VALUE ...].
 *
 * Words for people go to stderr, so that an element writing to stdout (head-predict location=-) can be piped. The
 * statuses are those of tools.h. Nothing is restarted: that is a service manager's work, for which the statuses are.
 */
#include "pipeline-file.h"
#include "run-pipeline.h"
#include "run-report.h"
#include "run-service.h"
#include "service-notify.h"
#include "tools.h"
#include "models/gh-error.h"

#include <glib-unix.h>
#include <gst/gst.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAME_SIGNAL (G_USEC_PER_SEC / 2)
#define MAX_SECONDS 4000000     /* timers count milliseconds in 32 bits */
#define CUT_SECONDS 2           /* at least, for the elements to stop when told to stop at once */

typedef struct {
  GhPipelineFile *file;
  GstElement *pipeline;
  GMainLoop *loop;
  GhRunReport report;
  GhRunService service;
  int status;                   /* of the process once the loop has ended */
  int ended_by;                 /* the status the end of the stream stands for */
  gboolean live, buffering, played, eos_sent, done;
  gint64 signalled;             /* monotonic time of the first signal */
  double eos_wait;
  guint overdue;                /* the timer of the end of the stream; 0: it was not asked for, or a fit has its time */
  gboolean fitting;             /* an element is at work on the last of its results, which takes minutes at most */
} Run;

typedef struct {
  gboolean print, validate, list, describe, quiet, verbose, messages;
  double time, eos_wait, max_frame_age;
  int status_port;
} Options;

static void
finish (Run *run, int status)
{
  if (!run->done)
    run->status = status;
  run->done = TRUE;
  g_main_loop_quit (run->loop);
}

static gboolean
on_eos_overdue (gpointer data)
{
  Run *run = data;

  run->overdue = 0;
  gh_run_report_say (&run->report, "the end of the stream did not come within %g s (--eos-wait): going without it; "
      "Ctrl-C kills", run->eos_wait);
  finish (run, GH_EXIT_CUT);
  return G_SOURCE_REMOVE;
}

/* TRUE when mae-trainer's message says that the fit of its embedding has begun or is over. In the middle of one it may say
 * nothing for a minute. */
static gboolean
changes_fitting (Run *run, GstMessage *message)
{
  const GstStructure *structure = gst_message_get_structure (message);
  const char *state = structure && gst_structure_has_name (structure, "mae-trainer")
      ? gst_structure_get_string (structure, "state") : NULL;
  gboolean fitting = g_strcmp0 (state, "fitting") == 0;

  if (state == NULL || fitting == run->fitting)
    return FALSE;
  run->fitting = fitting;
  return TRUE;
}

/* Nor is a service manager to lose patience. */
static void
give_fit_its_time (void)
{
  gh_service_notify ("EXTEND_TIMEOUT_USEC=1800000000");
}

static void
await_end (Run *run)
{
  g_clear_handle_id (&run->overdue, g_source_remove);
  if (run->fitting)
    give_fit_its_time ();
  else
    run->overdue = g_timeout_add ((guint) (run->eos_wait * 1000), on_eos_overdue, run);
}

/* Asks the sources to end, so that every file is closed in order. ended_by: the status to return with then. */
static void
send_eos (Run *run, int ended_by)
{
  run->ended_by = ended_by;
  run->eos_sent = TRUE;
  if (!run->played) {
    gh_run_report_say (&run->report, "the pipeline was still getting ready");
    finish (run, GH_EXIT_CUT);
    return;
  }
  await_end (run);
  if (!gst_element_send_event (run->pipeline, gst_event_new_eos ()))
    gh_run_report_say (&run->report, "no source takes the request to end");
}

static gboolean
on_signal (gpointer data)
{
  Run *run = data;
  gint64 now = g_get_monotonic_time ();
  if (run->eos_sent && now - run->signalled < SAME_SIGNAL) {
    return G_SOURCE_CONTINUE;   /* sent to the process and once more to its group */
  } else if (run->eos_sent) {
    gh_run_report_say (&run->report, "stopping at once; a third time kills, and what is being written is lost");
    finish (run, GH_EXIT_CUT);
  } else {
    gh_run_report_say (&run->report, "ending the stream; once more to stop at once");
    run->signalled = now;
    send_eos (run, GH_EXIT_INTERRUPTED);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_time_over (gpointer data)
{
  Run *run = data;
  if (!run->eos_sent) {
    gh_run_report_say (&run->report, "the time given is over: ending the stream");
    send_eos (run, GH_EXIT_OK);
  }
  return G_SOURCE_REMOVE;
}

static void
play (Run *run)
{
  if (run->buffering)
    return;
  run->played = TRUE;
  gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
}

static void
handle_buffering (Run *run, GstMessage *message)
{
  int percent;
  gst_message_parse_buffering (message, &percent);
  if (run->live)
    return;
  if (percent < 100 && !run->buffering) {
    run->buffering = TRUE;
    gst_element_set_state (run->pipeline, GST_STATE_PAUSED);
  } else if (percent == 100 && run->buffering) {
    run->buffering = FALSE;
    play (run);
  }
}

static void
handle_request_state (Run *run, GstMessage *message)
{
  GstState state;
  gst_message_parse_request_state (message, &state);
  gst_element_set_state (run->pipeline, state);
}

static gboolean
on_message (GstBus *bus, GstMessage *message, gpointer data)
{
  Run *run = data;
  gboolean whole = GST_MESSAGE_SRC (message) == GST_OBJECT (run->pipeline);
  if (run->done)
    return G_SOURCE_CONTINUE;   /* later errors only follow from the first */
  gh_run_report_message (&run->report, message, whole);
  gh_run_service_message (&run->service, message);
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      GST_DEBUG_BIN_TO_DOT_FILE_WITH_TS (GST_BIN (run->pipeline), GST_DEBUG_GRAPH_SHOW_ALL, "gst-heads.error");
      finish (run, GH_EXIT_FAILED);
      break;
    case GST_MESSAGE_EOS:
      finish (run, run->ended_by);
      break;
    case GST_MESSAGE_ASYNC_DONE:
      if (whole && !run->played)
        play (run);
      break;
    case GST_MESSAGE_BUFFERING:
      handle_buffering (run, message);
      break;
    case GST_MESSAGE_CLOCK_LOST:
      gst_element_set_state (run->pipeline, GST_STATE_PAUSED);
      gst_element_set_state (run->pipeline, GST_STATE_PLAYING);
      break;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (run->pipeline));
      break;
    case GST_MESSAGE_REQUEST_STATE:
      handle_request_state (run, message);
      break;
    case GST_MESSAGE_ELEMENT:
      if (changes_fitting (run, message) && run->eos_sent)
        await_end (run);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* Starts the pipeline; what goes wrong comes as a message on the bus. */
static void
start (Run *run)
{
  switch (gst_element_set_state (run->pipeline, GST_STATE_PAUSED)) {
    case GST_STATE_CHANGE_FAILURE:
      run->status = GH_EXIT_FAILED;
      break;
    case GST_STATE_CHANGE_NO_PREROLL:
      run->live = TRUE;
      play (run);
      break;
    case GST_STATE_CHANGE_SUCCESS:
      play (run);
      break;
    case GST_STATE_CHANGE_ASYNC:
      break;
  }
}

/* A pipeline that fails before the loop runs: its error message waits on the bus. */
static void
drain_failure (Run *run, GstBus *bus)
{
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, 0, GST_MESSAGE_ERROR);
  if (message)
    gh_run_report_message (&run->report, message, FALSE);
  else
    gh_run_report_say (&run->report, "the pipeline does not start, and no element says why");
}

static gint64 cut_at;           /* monotonic time from which on a signal kills */

/* An element does not let go: the system frees everything better than waiting would. */
static void
kill_now (int signal_number)
{
  if (signal_number == SIGALRM || g_get_monotonic_time () >= cut_at)
    _exit (GH_EXIT_CUT);
}

static void
set_alarm (const Run *run)
{
  if (run->fitting)
    give_fit_its_time ();
  alarm (run->fitting ? 0 : (guint) MAX (CUT_SECONDS, run->eos_wait + 1));
}

/* Called while the main thread waits for elements to stop, by theirs. */
static GstBusSyncReply
on_stopping_message (GstBus *bus, GstMessage *message, gpointer run)
{
  if (changes_fitting (run, message))
    set_alarm (run);
  return GST_BUS_PASS;
}

/* Elements may write a checkpoint while they stop, so they have the time that they have at the end of a stream. */
static void
limit_stopping (Run *run, GstBus *bus)
{
  cut_at = g_get_monotonic_time () + SAME_SIGNAL;
  signal (SIGALRM, kill_now);
  signal (SIGINT, kill_now);
  signal (SIGTERM, kill_now);
  set_alarm (run);
  gst_bus_set_sync_handler (bus, on_stopping_message, run, NULL);
}

/* Says what elements say while they are cut short, such as that a checkpoint cannot be written. */
static void
stop (Run *run, GstBus *bus)
{
  GstMessage *message;

  gst_element_set_state (run->pipeline, GST_STATE_READY);
  while (run->status == GH_EXIT_CUT && (message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING))) {
    gh_run_report_message (&run->report, message, FALSE);
    gst_message_unref (message);
  }
  gst_element_set_state (run->pipeline, GST_STATE_NULL);
}

static int
play_to_end (Run *run, const Options *options)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (run->pipeline);
  guint interrupt, terminate, timer = 0;

  start (run);
  if (run->status == GH_EXIT_FAILED) {
    drain_failure (run, bus);
  } else {
    gst_bus_add_watch (bus, on_message, run);
    interrupt = g_unix_signal_add (SIGINT, on_signal, run);
    terminate = g_unix_signal_add (SIGTERM, on_signal, run);
    if (options->time > 0)
      timer = g_timeout_add ((guint) (options->time * 1000), on_time_over, run);
    g_main_loop_run (run->loop);
    gst_bus_remove_watch (bus);
    g_source_remove (interrupt);
    g_source_remove (terminate);
    if (timer && g_main_context_find_source_by_id (NULL, timer))
      g_source_remove (timer);
  }
  gh_run_service_end (&run->service);
  gh_run_report_end (&run->report, run->status);
  if (run->status == GH_EXIT_CUT)
    limit_stopping (run, bus);
  stop (run, bus);
  gst_bus_set_sync_handler (bus, NULL, NULL, NULL);
  alarm (0);
  return run->status;
}

/* The NAME=VALUE arguments; NULL after words about a bad one. */
static GHashTable *
parse_values (int argc, char **argv)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  for (int i = 2; i < argc; i++) {
    const char *equals = strchr (argv[i], '=');
    if (!equals || equals == argv[i]) {
      gh_tool_fail (GH_EXIT_USAGE, "\"%s\" is neither an option nor NAME=VALUE", argv[i]);
      return NULL;
    }
    if (!g_hash_table_insert (values, g_strndup (argv[i], equals - argv[i]), g_strdup (equals + 1))) {
      gh_tool_fail (GH_EXIT_USAGE, "%.*s is given twice", (int) (equals - argv[i]), argv[i]);
      return NULL;
    }
  }
  return g_steal_pointer (&values);
}

static int
describe (const GhPipelineFile *file)
{
  printf ("%s\n", file->path);
  if (*file->about)
    printf ("\n%s\n", file->about);
  if (file->vars->len)
    printf ("\nVariables:\n");
  for (guint i = 0; i < file->vars->len; i++) {
    const GhPipelineVar *var = g_ptr_array_index (file->vars, i);
    printf ("  %s%s%s\n", var->name, var->fallback ? "=" : "  (must be given)", var->fallback ? var->fallback : "");
  }
  return GH_EXIT_OK;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

static int
list_files (void)
{
  g_auto (GStrv) folders = gh_pipeline_folders ();
  for (char **folder = folders; *folder; folder++) {
    g_autoptr (GDir) dir = g_dir_open (*folder, 0, NULL);
    g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
    const char *name;
    while (dir && (name = g_dir_read_name (dir)))
      if (g_str_has_suffix (name, ".pipeline"))
        g_ptr_array_add (names, g_strdup (name));
    g_ptr_array_sort (names, compare_names);
    for (guint i = 0; i < names->len; i++) {
      g_autofree char *path = g_build_filename (*folder, names->pdata[i], NULL);
      g_autoptr (GhPipelineFile) file = gh_pipeline_file_load (path, NULL);
      int first = file ? (int) strcspn (file->about, "\n") : 0;
      printf ("%-32s %.*s\n", (char *) names->pdata[i], first, file ? file->about : "");
    }
  }
  return GH_EXIT_OK;
}

static int
exit_of (const GError *error)
{
  if (g_error_matches (error, GH_ERROR, GH_ERROR_CORRUPT))
    return gh_tool_fail (GH_EXIT_PIPELINE, "%s", error->message);
  return gh_tool_fail (GH_EXIT_USAGE, "%s", error->message);
}

static int
watch_and_play (Run *run, const Options *options)
{
  g_autoptr (GError) error = NULL;
  int status;

  run->loop = g_main_loop_new (NULL, FALSE);
  gh_run_report_begin (&run->report, run->pipeline, options->quiet, options->verbose, options->messages);
  if (!gh_run_service_begin (&run->service, run->pipeline, options->status_port, options->max_frame_age, &error)) {
    status = gh_tool_fail (GH_EXIT_USAGE, "%s", error->message);
  } else {
    if (run->service.server)
      gh_run_report_say (&run->report, "status page: http://127.0.0.1:%u/",
          gh_status_server_port (run->service.server));
    status = play_to_end (run, options);
  }
  gh_run_service_clear (&run->service);
  gh_run_report_clear (&run->report);
  g_main_loop_unref (run->loop);
  return status;
}

static int
run_file (Run *run, const Options *options, GHashTable *values)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = gh_pipeline_file_expand (run->file, values, &error);
  int status;
  if (!text)
    return exit_of (error);
  if (options->print) {
    printf ("%s\n", text);
    return GH_EXIT_OK;
  }
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  status = gh_run_pipeline_new (run->file, text, &run->pipeline);
  if (status != GH_EXIT_OK)
    return status;
  if (options->validate) {
    printf ("%s: sound\n", run->file->path);
  } else {
    status = watch_and_play (run, options);
  }
  gst_object_unref (run->pipeline);
  return status;
}

int
gh_tool_run (int argc, char **argv)
{
  Options options = { .eos_wait = 30, .max_frame_age = NAN, .status_port = -1 };
  const GOptionEntry entries[] = {
    { "print", 'p', 0, G_OPTION_ARG_NONE, &options.print, "Print the pipeline with its variables filled in, and stop",
        NULL },
    { "validate", 'n', 0, G_OPTION_ARG_NONE, &options.validate, "Build the pipeline without running it", NULL },
    { "describe", 'd', 0, G_OPTION_ARG_NONE, &options.describe, "Print what the file says of itself, and its variables",
        NULL },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &options.list, "List the pipeline files that are found by name", NULL },
    { "time", 't', 0, G_OPTION_ARG_DOUBLE, &options.time, "End the stream after this many seconds", "SECONDS" },
    { "eos-wait", 0, 0, G_OPTION_ARG_DOUBLE, &options.eos_wait,
        "How long elements may take to finish when asked to end, and to stop (30); the fit of an embedding, with "
          "which a training ends, has longer, the training itself not", "SECONDS" },
    { "status-port", 0, 0, G_OPTION_ARG_INT, &options.status_port,
        "Serve /healthz, /readyz and /metrics on this machine's loopback; 0: any free port", "PORT" },
    { "max-frame-age", 0, 0, G_OPTION_ARG_DOUBLE, &options.max_frame_age,
        "Without a frame for so long at a sink, /readyz says no (60, or three intervals of the source)", "SECONDS" },
    { "messages", 'm', 0, G_OPTION_ARG_NONE, &options.messages, "Print the messages of elements, such as predictions",
        NULL },
    { "quiet", 'q', 0, G_OPTION_ARG_NONE, &options.quiet, "Print warnings and errors only", NULL },
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &options.verbose, "Add the debugging text to warnings and errors", NULL },
    G_OPTION_ENTRY_NULL
  };
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (GError) error = NULL;
  Run run = { .eos_wait = 30 };
  int status = gh_tool_parse (&argc, &argv, entries, "FILE.pipeline [NAME=VALUE...]",
      "Runs a pipeline kept in a file: gst-launch-1.0 syntax over many lines, # comments, and ${NAME:-default} for\n"
      "what changes from run to run. FILE is a path, or the name of a file in this folder or of an installed one;\n"
      "- reads standard input. Ctrl-C ends the stream in order, a second one stops at\n"
      "once, for which elements have --eos-wait again, and a third one kills.");

  if (status >= 0)
    return status;
  if (options.list)
    return list_files ();
  if (argc < 2)
    return gh_tool_fail (GH_EXIT_USAGE, "which file? (\"gst-heads run --list\" shows those that are installed)");
  if (options.status_port < -1 || options.status_port > G_MAXUINT16)
    return gh_tool_fail (GH_EXIT_USAGE, "--status-port is from 0 to %d", G_MAXUINT16);
  if (isnan (options.max_frame_age))
    options.max_frame_age = 0;  /* it was not given */
  else if (!(options.max_frame_age > 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--max-frame-age is more than 0");
  if (!(options.time >= 0 && options.time <= MAX_SECONDS && options.eos_wait >= 0 && options.eos_wait <= MAX_SECONDS))
    return gh_tool_fail (GH_EXIT_USAGE, "a number of seconds is at least 0 and at most %d", MAX_SECONDS);
  values = parse_values (argc, argv);
  if (!values)
    return GH_EXIT_USAGE;
  run.file = gh_pipeline_file_load (argv[1], &error);
  if (!run.file)
    return exit_of (error);
  run.eos_wait = options.eos_wait;
  status = options.describe ? describe (run.file) : run_file (&run, &options, values);
  gh_pipeline_file_free (run.file);
  return status;
}
