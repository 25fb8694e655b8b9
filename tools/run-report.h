/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * run-report.h (private): what "gst-heads run" tells on stderr while a pipeline runs: states, warnings, errors with
 * what to do about them, late frames, and on a terminal one line that is kept up to date.
 *
 * Everything is called from the thread of the main loop.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct {
  GstElement *pipeline;         /* borrowed */
  gboolean quiet, verbose, messages, terminal;
  gboolean line_shown;
  guint timer;
  gint64 started;               /* monotonic microseconds */
  int buffering;                /* percent, 100 when not */
  GHashTable *late;             /* element name -> guint64 frames dropped for being late */
  char *predictions;            /* of the last frame, as text */
  char *training;               /* how far it is, as text */
  char *missing;                /* what a demuxer or decoder asked for and did not get */
  GstState state;
} GhRunReport;

/* Zero the struct before. */
void gh_run_report_begin (GhRunReport *report, GstElement *pipeline, gboolean quiet, gboolean verbose,
    gboolean messages);
/* from_pipeline: the message is the pipeline's own. */
void gh_run_report_message (GhRunReport *report, GstMessage *message, gboolean from_pipeline);
void gh_run_report_say (GhRunReport *report, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* The closing words for an exit status; the pipeline still has its position. */
void gh_run_report_end (GhRunReport *report, int status);
void gh_run_report_clear (GhRunReport *report);

G_END_DECLS
