/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labels.c: gst-heads labels pull|link|status DIR: what people at a labeling service said, back at the frames it is about.
 */
#include "labels.h"

static void
options_clear (LabelsOptions *o)
{
  g_free (o->project);
  g_free (o->batch);
  g_free (o->key_file);
  g_free (o->base_url);
  g_free (o->ca_file);
  g_strfreev (o->counts);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LabelsOptions, options_clear)

static int
run (int argc, char **argv, const LabelsOptions *o)
{
  const char *command = argv[1];

  if (g_str_equal (command, "link"))
    return argc > 3 ? gh_labels_link (argv[2], argv + 3, o) : gh_tool_fail (GH_EXIT_USAGE, "link needs files: DIR FILE.json...");
  if (!g_str_equal (command, "pull") && !g_str_equal (command, "status"))
    return gh_tool_fail (GH_EXIT_USAGE, "there is no \"labels %s\"; there are pull, link and status", command);
  if (argc > 3)
    return gh_tool_fail (GH_EXIT_USAGE, "%s takes one folder", command);
  if (g_str_equal (command, "status"))
    return gh_labels_status (argv[2], o);
  if (o->project == NULL || *o->project == 0)
    return gh_tool_fail (GH_EXIT_USAGE, "pull needs --project=NAME");
  if (o->attempts < 1 || o->attempts > 100)
    return gh_tool_fail (GH_EXIT_USAGE, "--attempts: a number from 1 to 100");
  return gh_labels_pull (argv[2], o);
}

int
gh_tool_labels (int argc, char **argv)
{
  g_auto (LabelsOptions) o = { .attempts = 6 };
  const GOptionEntry entries[] = {
    { "project", 'p', 0, G_OPTION_ARG_STRING, &o.project, "pull: the project at Scale AI; link: of tasks that name none", "NAME" },
    { "batch", 0, 0, G_OPTION_ARG_STRING, &o.batch, "pull: only this batch of it", "NAME" },
    { "count", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o.counts, "pull, link: count what has this label as this task, such as "
        "person:people; * is every label", "LABEL:TASK" },
    { "full", 0, 0, G_OPTION_ARG_NONE, &o.full, "pull: all tasks, not only what has changed since the last time (after "
        "a change of --count)", NULL },
    { "retry-errors", 0, 0, G_OPTION_ARG_NONE, &o.retry_errors, "pull: frames whose task ended in an error may get another one, "
        "which scale-uploader makes (see status for the errors)", NULL },
    { "key-file", 'k', 0, G_OPTION_ARG_FILENAME, &o.key_file, "pull: file whose first line is the API key (the variable "
        "SCALE_API_KEY)", "FILE" },
    { "base-url", 0, 0, G_OPTION_ARG_STRING, &o.base_url, "pull: address of the service (https://api.scale.com/v1)", "URL" },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &o.ca_file, "pull: authorities to trust, as PEM (the system's)", "FILE" },
    { "attempts", 0, 0, G_OPTION_ARG_INT, &o.attempts, "pull: how often a page is asked for before it gives up (6)", "N" },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &o.json, "Print one JSON object", NULL },
    G_OPTION_ENTRY_NULL
  };
  int status = gh_tool_parse (&argc, &argv, entries, "pull|status DIR, link DIR FILE.json...",
      "Labels that people give at Scale AI to the frames of a dataset. pull asks for the tasks of a project and links each to\n"
      "its frame, link does the same with tasks that were downloaded, status says what waits, came and is of no frame. Tasks\n"
      "are kept as they are; their answers become labels, which \"gst-heads dataset export\" writes: the list of boxes as\n"
      "\"boxes\", how many there are of each label under its name (or as --count says), answers to questions under the\n"
      "question's. A task that has changed replaces what it said before. A capture may write the dataset meanwhile.\n\n"
      "Exit status: 0 done; 1 wrong usage; 3 an error; 4 stopped by Ctrl-C, with what came in order; 8 done, but new tasks are\n"
      "of no frame here (they are kept, and listed with the reason); 9 key, account or address not accepted; 10 the service\n"
      "cannot be reached.");

  if (status >= 0)
    return status;
  if (argc < 3)
    return gh_tool_fail (GH_EXIT_USAGE, "what, and which folder? (\"%s --help\")", g_get_prgname ());
  return run (argc, argv, &o);
}
