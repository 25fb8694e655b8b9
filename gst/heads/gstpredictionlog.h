/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstpredictionlog.h: predictions as JSON lines: one object per frame, in a file, a pipe or on standard output.
 *
 *   {"time":"2024-05-01T12:00:00.040Z","pts_ns":40000000,"running_time_ns":40000000,"model_id":"0123456789abcdef",
 *    "predictions":{"people":{"kind":"count","value":3,"unit":"people","text":"3 people","confidence":null,
 *    "head_id":"fedcba9876543210"}}}
 *
 * (on one line). Numbers are written with as many digits as give the same double back; what is unknown is null.
 * A log that has failed refuses every later line, so a full disk is reported once.
 */
#pragma once

#include "gst/lib/gstheadpredictionsmeta.h"

G_BEGIN_DECLS

typedef struct {
  gint64 time;                  /* microseconds since 1970-01-01 UTC */
  GstClockTime pts, running_time;   /* or GST_CLOCK_TIME_NONE */
  const gchar *model_id;        /* or NULL */
  const GstHeadPrediction *predictions;     /* [n], values finite */
  guint n;
} GstPredictionRecord;

/* Replaces the text of line by the record and a newline. */
void gst_prediction_record_format (const GstPredictionRecord *record, GString *line);

typedef struct _GstPredictionLog GstPredictionLog;

/* location: a file, or "-" for standard output. append: keep what the file holds. A named pipe needs its reader to be
 * there already, so that nothing waits for ever. Errors are G_FILE_ERROR. */
GstPredictionLog *gst_prediction_log_open (const gchar *location, gboolean append, GError **error);

/* Hands the record to the system before it returns. Waits while a pipe is full until its reader goes on or
 * gst_prediction_log_cancel() is called. FALSE without an error: cancelled, or failed before. Never raises SIGPIPE. */
gboolean gst_prediction_log_write (GstPredictionLog *log, const GstPredictionRecord *record, GError **error);

/* From any thread: a waiting write gives up. */
void gst_prediction_log_cancel (GstPredictionLog *log);

/* Frees log (NULL is fine). FALSE when the system reports that something written before was lost. */
gboolean gst_prediction_log_close (GstPredictionLog *log, GError **error);

G_END_DECLS
