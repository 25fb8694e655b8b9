/* SPDX-License-Identifier: LGPL-2.1-or-later
 * run-report.c: the words of "gst-heads run". */
#include "run-report.h"
#include "redact.h"
#include "tools.h"
#include "gst/common/gstcaptureinfo.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_INTERVAL_MS 250
#define LINE_COLUMNS 100

static void
clear_line (GhRunReport *report)
{
  if (report->line_shown)
    fputs ("\r\033[K", stderr);
  report->line_shown = FALSE;
}

void
gh_run_report_say (GhRunReport *report, const char *format, ...)
{
  g_autofree char *words = NULL, *clean = NULL;
  va_list args;
  if (report->quiet)
    return;
  clear_line (report);
  va_start (args, format);
  words = g_strdup_vprintf (format, args);
  va_end (args);
  clean = gh_redact (words);
  fprintf (stderr, "%s\n", clean);
}

static guint64
total_late (GhRunReport *report)
{
  GHashTableIter iter;
  gpointer dropped;
  guint64 total = 0;
  g_hash_table_iter_init (&iter, report->late);
  while (g_hash_table_iter_next (&iter, NULL, &dropped))
    total += *(guint64 *) dropped;
  return total;
}

static void
append_time (GString *line, GstClockTime time)
{
  guint64 tenths = time / (GST_SECOND / 10);
  g_string_append_printf (line, "%" G_GUINT64_FORMAT ":%02d:%02d.%d", tenths / 36000, (int) (tenths / 600 % 60),
      (int) (tenths / 10 % 60), (int) (tenths % 10));
}

/* Position and length; FALSE when the pipeline does not know where it is. */
static gboolean
append_position (GhRunReport *report, GString *line)
{
  gint64 position, duration;
  if (!gst_element_query_position (report->pipeline, GST_FORMAT_TIME, &position) || position < 0)
    return FALSE;
  append_time (line, position);
  if (gst_element_query_duration (report->pipeline, GST_FORMAT_TIME, &duration) && duration > 0) {
    g_string_append (line, " / ");
    append_time (line, duration);
  }
  return TRUE;
}

static gboolean
draw_line (gpointer data)
{
  GhRunReport *report = data;
  g_autoptr (GString) line = g_string_new (gst_element_state_get_name (report->state));
  guint64 late = total_late (report);
  g_string_append_c (line, ' ');
  append_position (report, line);
  if (report->buffering < 100)
    g_string_append_printf (line, "  buffering %d%%", report->buffering);
  if (late > 0)
    g_string_append_printf (line, "  %" G_GUINT64_FORMAT " late", late);
  if (report->predictions)
    g_string_append_printf (line, "  %s", report->predictions);
  if (report->training)
    g_string_append_printf (line, "  %s", report->training);
  if (g_utf8_strlen (line->str, -1) > LINE_COLUMNS)
    g_string_truncate (line, g_utf8_offset_to_pointer (line->str, LINE_COLUMNS) - line->str);
  fprintf (stderr, "\r\033[K%s", line->str);
  fflush (stderr);
  report->line_shown = TRUE;
  return G_SOURCE_CONTINUE;
}

void
gh_run_report_begin (GhRunReport *report, GstElement *pipeline, gboolean quiet, gboolean verbose, gboolean messages)
{
  report->pipeline = pipeline;
  report->quiet = quiet;
  report->verbose = verbose;
  report->messages = messages;
  report->terminal = isatty (STDERR_FILENO);
  report->started = g_get_monotonic_time ();
  report->buffering = 100;
  report->state = GST_STATE_NULL;
  report->late = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (report->terminal && !quiet)
    report->timer = g_timeout_add (LINE_INTERVAL_MS, draw_line, report);
}

void
gh_run_report_clear (GhRunReport *report)
{
  clear_line (report);
  if (report->timer)
    g_source_remove (report->timer);
  g_hash_table_unref (report->late);
  g_free (report->predictions);
  g_free (report->training);
  g_free (report->missing);
}

/* "mae-encoder0", or "myname (mae-encoder)" where the name does not tell the element. */
static char *
source_name (GstMessage *message)
{
  GstObject *source = GST_MESSAGE_SRC (message);
  GstElementFactory *factory = GST_IS_ELEMENT (source) ? gst_element_get_factory (GST_ELEMENT (source)) : NULL;
  const char *element = factory ? GST_OBJECT_NAME (factory) : NULL;
  if (!source)
    return g_strdup ("the pipeline");
  if (element && !g_str_has_prefix (GST_OBJECT_NAME (source), element))
    return g_strdup_printf ("%s (%s)", GST_OBJECT_NAME (source), element);
  return g_strdup (GST_OBJECT_NAME (source));
}

/* What to do about errors whose own text does not say it. NULL when there is nothing to add. */
static const char *
hint_for (GhRunReport *report, const GError *error, const char *debug)
{
  if (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN)
      || g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND))
    return "install gstreamer1.0-libav and gstreamer1.0-plugins-bad, which bring most decoders";
  if (debug && strstr (debug, "not-negotiated"))
    return "two neighbours share no format: put videoconvert ! videoscale between them";
  if (debug && strstr (debug, "not-linked"))
    return "the end of a branch is linked to nothing: give every branch a sink";
  if (g_error_matches (error, GST_CORE_ERROR, GST_CORE_ERROR_CLOCK))
    return "no clock is usable: set sync=false on the sinks";
  return NULL;
}

/* Which file, address or port an element works with, where its own text leaves it out. */
static void
say_place (GstMessage *message, const char *text)
{
  static const char *const names[] = { "location", "uri", "host", "port", "device", NULL };
  GObject *source = G_OBJECT (GST_MESSAGE_SRC (message));
  for (const char *const *name = names; source && *name; name++) {
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (source), *name);
    g_auto (GValue) value = G_VALUE_INIT, words = G_VALUE_INIT;
    g_autofree char *shown = NULL;
    if (!spec || !(spec->flags & G_PARAM_READABLE)
        || (spec->value_type != G_TYPE_STRING && spec->value_type != G_TYPE_INT))
      continue;
    g_value_init (&value, spec->value_type);
    g_value_init (&words, G_TYPE_STRING);
    g_object_get_property (source, *name, &value);
    if (!g_value_transform (&value, &words) || !g_value_get_string (&words))
      continue;
    if (strstr (text, g_value_get_string (&words)))
      continue;
    shown = gh_redact (g_value_get_string (&words));
    fprintf (stderr, "  %s: %s\n", *name, shown);
  }
}

static void
say_problem (GhRunReport *report, const char *kind, GstMessage *message, const GError *error, const char *debug)
{
  g_autofree char *source = source_name (message), *words = gh_redact (error->message), *more = gh_redact (debug);
  const char *hint = hint_for (report, error, debug);
  clear_line (report);
  fprintf (stderr, "%s from %s: %s\n", kind, source, words);
  if (error->domain == GST_RESOURCE_ERROR && GST_MESSAGE_TYPE (message) != GST_MESSAGE_INFO)
    say_place (message, error->message);
  if (report->missing && hint)
    fprintf (stderr, "  missing: %s\n", report->missing);
  if (hint)
    fprintf (stderr, "  hint: %s\n", hint);
  if (report->verbose && more)
    fprintf (stderr, "  %s\n", more);
}

static void
handle_problem (GhRunReport *report, GstMessage *message)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, &debug);
    say_problem (report, "error", message, error, debug);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING) {
    gst_message_parse_warning (message, &error, &debug);
    say_problem (report, "warning", message, error, debug);
  } else if (!report->quiet) {
    gst_message_parse_info (message, &error, &debug);
    say_problem (report, "note", message, error, debug);
  }
}

static gboolean
append_prediction (GQuark field, const GValue *value, gpointer data)
{
  GString *text = data;
  const GstStructure *prediction = GST_VALUE_HOLDS_STRUCTURE (value) ? gst_value_get_structure (value) : NULL;
  const char *words = prediction ? gst_structure_get_string (prediction, "text") : NULL;
  if (words)
    g_string_append_printf (text, "%s%s=%s", text->len ? " " : "", g_quark_to_string (field), words);
  return TRUE;
}

static void
handle_prediction (GhRunReport *report, GstMessage *message, const GstStructure *structure)
{
  const GValue *value = gst_structure_get_value (structure, "predictions");
  g_autoptr (GString) text = g_string_new (NULL), time = g_string_new (NULL);
  guint64 stream_time = GST_CLOCK_TIME_NONE;
  if (value && GST_VALUE_HOLDS_STRUCTURE (value))
    gst_structure_foreach (gst_value_get_structure (value), append_prediction, text);
  g_free (report->predictions);
  report->predictions = g_strdup (text->str);
  if (!report->messages)
    return;
  gst_structure_get_uint64 (structure, "stream-time", &stream_time);
  if (GST_CLOCK_TIME_IS_VALID (stream_time))
    append_time (time, stream_time);
  gh_run_report_say (report, "%s  %s", time->len ? time->str : "-", text->str);
}

/* The line of a terminal shows how far mae-trainer or head-trainer is. */
static void
handle_training (GhRunReport *report, const GstStructure *structure)
{
  guint64 step, steps;
  double fraction, loss, speed, eta;

  g_clear_pointer (&report->training, g_free);
  if (gst_structure_get (structure, "step", G_TYPE_UINT64, &step, "steps", G_TYPE_UINT64, &steps, "loss-mean",
          G_TYPE_DOUBLE, &loss, "images-per-second", G_TYPE_DOUBLE, &speed, "eta", G_TYPE_DOUBLE, &eta, NULL))
    report->training = g_strdup_printf ("step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT "  loss %.4f  %.1f images/s  "
        "%.0f s to go", step, steps, loss, speed, eta);
  else if (gst_structure_get (structure, "fraction", G_TYPE_DOUBLE, &fraction, NULL))
    report->training = g_strdup_printf ("training %.0f%%", 100 * fraction);
}

/* What a service's journal should show of a camera. */
static void
handle_outage (GhRunReport *report, GstMessage *message, const GstCaptureOutage *outage)
{
  g_autofree char *source = source_name (message);

  if (outage->begins)
    gh_run_report_say (report, "%s: no frames from %s: %s%s%s", source, outage->source, outage->reason,
        outage->detail ? ": " : "", outage->detail ? outage->detail : "");
  else
    gh_run_report_say (report, "%s: frames from %s again", source, outage->source);
}

static void
handle_doubt (GhRunReport *report, GstMessage *message, const GstCaptureOutage *doubt)
{
  g_autofree char *source = source_name (message);

  if (doubt->begins)
    gh_run_report_say (report, "%s: doubtful frames from %s: %s%s%s", source, doubt->source, doubt->reason,
        doubt->detail ? ": " : "", doubt->detail ? doubt->detail : "");
  else
    gh_run_report_say (report, "%s: frames from %s are not doubtful any more (%s)", source, doubt->source, doubt->reason);
}

static void
handle_pause (GhRunReport *report, GstMessage *message, const GstStructure *pause)
{
  g_autofree char *source = source_name (message);
  const char *reason = gst_structure_get_string (pause, "reason"), *location = gst_structure_get_string (pause, "location");

  if (gst_structure_has_name (pause, "dataset-paused"))
    gh_run_report_say (report, "%s: nothing is stored (%s): make room for %s, or set max-bytes, max-frames or a smaller "
        "min-free", source, reason, location);
  else
    gh_run_report_say (report, "%s: frames are stored again", source);
}

static void
handle_element (GhRunReport *report, GstMessage *message)
{
  const GstStructure *structure = gst_message_get_structure (message);
  GstCaptureOutage outage;
  const char *detail;
  if (!structure)
    return;
  if (gst_capture_outage_parse (structure, &outage))
    handle_outage (report, message, &outage);
  if (gst_capture_doubt_parse (structure, &outage))
    handle_doubt (report, message, &outage);
  if (gst_structure_has_name (structure, "dataset-paused") || gst_structure_has_name (structure, "dataset-resumed"))
    handle_pause (report, message, structure);
  if (gst_structure_has_name (structure, "mae-trainer") || gst_structure_has_name (structure, "head-trainer"))
    handle_training (report, structure);
  if (gst_structure_has_name (structure, "head-prediction")) {
    handle_prediction (report, message, structure);
  } else if (gst_structure_has_name (structure, "missing-plugin")) {
    detail = gst_structure_get_string (structure, "name");
    g_free (report->missing);
    report->missing = g_strdup (detail);
  } else if (report->messages) {       /* mae-encoder-ready, too: its text comes as an INFO message as well */
    g_autofree char *source = source_name (message), *text = gst_structure_to_string (structure);
    gh_run_report_say (report, "message from %s: %s", source, text);
  }
}

static void
handle_qos (GhRunReport *report, GstMessage *message)
{
  GstFormat format;
  guint64 processed, dropped, *kept;
  gst_message_parse_qos_stats (message, &format, &processed, &dropped);
  if (dropped == 0 || dropped == G_MAXUINT64)
    return;
  kept = g_new (guint64, 1);
  *kept = dropped;
  g_hash_table_replace (report->late, source_name (message), kept);
}

void
gh_run_report_message (GhRunReport *report, GstMessage *message, gboolean from_pipeline)
{
  GstState state;
  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
    case GST_MESSAGE_WARNING:
    case GST_MESSAGE_INFO:
      if (!gst_message_is_outage_in_words (message))    /* handle_outage() has said it */
        handle_problem (report, message);
      break;
    case GST_MESSAGE_STATE_CHANGED:
      if (!from_pipeline)
        break;
      gst_message_parse_state_changed (message, NULL, &state, NULL);
      if (state > report->state)
        gh_run_report_say (report, "%s", gst_element_state_get_name (state));
      report->state = state;
      break;
    case GST_MESSAGE_BUFFERING:
      gst_message_parse_buffering (message, &report->buffering);
      break;
    case GST_MESSAGE_QOS:
      handle_qos (report, message);
      break;
    case GST_MESSAGE_ELEMENT:
      handle_element (report, message);
      break;
    default:
      break;
  }
}

void
gh_run_report_end (GhRunReport *report, int status)
{
  g_autoptr (GString) line = g_string_new (NULL);
  double seconds = (g_get_monotonic_time () - report->started) / 1e6;
  GHashTableIter iter;
  gpointer element, dropped;

  g_hash_table_iter_init (&iter, report->late);
  while (g_hash_table_iter_next (&iter, &element, &dropped))
    gh_run_report_say (report, "%s: %" G_GUINT64_FORMAT " frames were late and dropped", (char *) element,
        *(guint64 *) dropped);
  g_string_append (line, status == GH_EXIT_OK ? "end of stream" : status == GH_EXIT_INTERRUPTED ? "ended in order"
      : "stopped");
  if (status != GH_EXIT_FAILED) {
    g_string_append (line, " at ");
    if (!append_position (report, line))
      g_string_truncate (line, line->len - strlen (" at "));
  }
  gh_run_report_say (report, "%s after %.1f s", line->str, seconds);
}
