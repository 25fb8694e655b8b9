/* SPDX-License-Identifier: LGPL-2.1-or-later
 * run-service.c: see run-service.h. */
#include "run-service.h"
#include "metrics.h"
#include "service-notify.h"
#include "gst/common/gstcaptureinfo.h"

#include <string.h>

/* Seconds without a frame, unless it is said otherwise, and how many intervals of its source may pass without one. */
enum { MAX_AGE = 60, INTERVALS = 3 };

/* What a head last said. */
typedef struct {
  double value;
  guint64 count;
} Answer;

/* What makes an element's frames doubtful, and lasts. */
typedef struct {
  char *element, *reason, *detail;      /* detail may be NULL */
} GhDoubt;

static void
free_doubt (gpointer data)
{
  GhDoubt *doubt = data;

  g_free (doubt->element);
  g_free (doubt->reason);
  g_free (doubt->detail);
  g_free (doubt);
}

/* ---- pages ------------------------------------------------------------------------------------------------------ */

static char *
page_health (guint *status, gpointer data)
{
  return g_strdup ("ok\n");
}

static void
append_doubts (const GhRunService *service, GString *words)
{
  GHashTableIter iter;
  gpointer data;

  g_hash_table_iter_init (&iter, service->doubts);
  while (g_hash_table_iter_next (&iter, NULL, &data)) {
    const GhDoubt *doubt = data;

    g_string_append_printf (words, "%s: doubtful frames: %s%s%s\n", doubt->element, doubt->reason, doubt->detail ? ": " : "",
        doubt->detail ? doubt->detail : "");
  }
}

/* Doubtful frames are frames: it is ready, and says so. */
static char *
page_ready (guint *status, gpointer data)
{
  const GhRunService *service = data;
  GString *why = g_string_new (NULL);
  GHashTableIter iter;
  gpointer element, reason;

  if (!service->playing)
    g_string_append (why, "the pipeline is not playing\n");
  g_hash_table_iter_init (&iter, service->outages);
  while (g_hash_table_iter_next (&iter, &element, &reason))
    g_string_append_printf (why, "%s: no frames: %s\n", (char *) element, (char *) reason);
  g_hash_table_iter_init (&iter, service->pauses);
  while (g_hash_table_iter_next (&iter, &element, &reason))
    g_string_append_printf (why, "%s: nothing is stored: %s\n", (char *) element, (char *) reason);
  for (guint i = 0; i < gh_frame_watch_count (service->watch); i++) {
    GhSinkFrames sink = gh_frame_watch_get (service->watch, i);

    if (sink.frames == 0)
      g_string_append_printf (why, "%s: no frame yet\n", sink.sink);
    else if (sink.age > service->max_age)
      g_string_append_printf (why, "%s: the last frame came %.0f s ago\n", sink.sink, sink.age);
  }
  if (why->len)
    *status = 503;
  else
    g_string_append (why, "ready\n");
  append_doubts (service, why);
  return g_string_free (why, FALSE);
}

static void
add_sinks (const GhRunService *service, GhMetrics *metrics)
{
  for (guint i = 0; i < gh_frame_watch_count (service->watch); i++) {
    GhSinkFrames sink = gh_frame_watch_get (service->watch, i);

    gh_metrics_add (metrics, "gst_heads_frames_total", sink.frames, "sink", sink.sink, NULL);
    gh_metrics_add (metrics, "gst_heads_last_frame_age_seconds", sink.age, "sink", sink.sink, NULL);
    if (sink.frames)
      gh_metrics_add (metrics, "gst_heads_last_frame_timestamp_seconds", sink.time, "sink", sink.sink, NULL);
  }
}

static void
add_heads (const GhRunService *service, GhMetrics *metrics)
{
  GHashTableIter iter;
  gpointer name, data;

  g_hash_table_iter_init (&iter, service->heads);
  while (g_hash_table_iter_next (&iter, &name, &data)) {
    const Answer *answer = data;

    gh_metrics_add (metrics, "gst_heads_predictions_total", answer->count, "head", name, NULL);
    gh_metrics_add (metrics, "gst_heads_prediction", answer->value, "head", name, NULL);
  }
}

/* How many last, as NAMEs, and each of them as NAME. */
static void
add_lasting (GHashTable *lasting, const char *name, GhMetrics *metrics)
{
  g_autofree char *all = g_strconcat (name, "s", NULL);
  GHashTableIter iter;
  gpointer element, reason;

  gh_metrics_add (metrics, all, g_hash_table_size (lasting), NULL);
  g_hash_table_iter_init (&iter, lasting);
  while (g_hash_table_iter_next (&iter, &element, &reason))
    gh_metrics_add (metrics, name, 1, "element", element, "reason", reason, NULL);
}

static void
add_doubts (const GhRunService *service, GhMetrics *metrics)
{
  GHashTableIter iter;
  gpointer data;

  gh_metrics_add (metrics, "gst_heads_doubts", g_hash_table_size (service->doubts), NULL);
  g_hash_table_iter_init (&iter, service->doubts);
  while (g_hash_table_iter_next (&iter, NULL, &data)) {
    const GhDoubt *doubt = data;

    gh_metrics_add (metrics, "gst_heads_doubt", 1, "element", doubt->element, "reason", doubt->reason, NULL);
  }
}

static char *
page_metrics (guint *status, gpointer data)
{
  const GhRunService *service = data;
  GhMetrics *metrics = gh_metrics_new ();
  char *text;

  gh_metrics_add_elements (metrics, GST_BIN (service->pipeline));
  gh_metrics_add_process (metrics);
  gh_metrics_add (metrics, "gst_heads_playing", service->playing, NULL);
  gh_metrics_add (metrics, "gst_heads_warnings_total", service->warnings, NULL);
  add_sinks (service, metrics);
  add_heads (service, metrics);
  add_lasting (service->outages, "gst_heads_outage", metrics);
  add_lasting (service->pauses, "gst_heads_pause", metrics);
  add_doubts (service, metrics);
  text = gh_metrics_text (metrics);
  gh_metrics_free (metrics);
  return text;
}

static char *
page_index (guint *status, gpointer data)
{
  return g_strdup ("/healthz  the process is alive\n/readyz   frames arrive and are kept, and whether they are doubtful\n/metrics  numbers, for Prometheus\n");
}

/* ---- messages ----------------------------------------------------------------------------------------------------- */

static gboolean
take_prediction (GQuark field, const GValue *value, gpointer data)
{
  GhRunService *service = data;
  const GstStructure *prediction = GST_VALUE_HOLDS_STRUCTURE (value) ? gst_value_get_structure (value) : NULL;
  const char *name = g_quark_to_string (field);
  Answer *answer = g_hash_table_lookup (service->heads, name);
  double number;

  if (prediction == NULL || !gst_structure_get_double (prediction, "value", &number))
    return TRUE;
  if (answer == NULL) {
    answer = g_new0 (Answer, 1);
    g_hash_table_insert (service->heads, g_strdup (name), answer);
  }
  answer->value = number;
  answer->count++;
  return TRUE;
}

/* For the service manager: of an outage that lasts, if one does. */
static char *
describe_outages (const GhRunService *service)
{
  GHashTableIter iter;
  gpointer element, reason;

  g_hash_table_iter_init (&iter, service->outages);
  if (!g_hash_table_iter_next (&iter, &element, &reason))
    return g_strdup ("STATUS=frames arrive");
  return g_strdup_printf ("STATUS=%s: no frames: %s", (char *) element, (char *) reason);
}

static void
take_outage (GhRunService *service, const char *element, const GstCaptureOutage *outage)
{
  g_autofree char *words = NULL;

  if (outage->begins)
    g_hash_table_insert (service->outages, g_strdup (element), g_strdup (outage->reason));
  else
    g_hash_table_remove (service->outages, element);
  words = describe_outages (service);
  gh_service_notify (words);
}

/* Of dataset-sink. */
static void
take_pause (GhRunService *service, const char *element, const GstStructure *pause)
{
  const char *reason = gst_structure_get_string (pause, "reason");

  if (gst_structure_has_name (pause, "dataset-resumed"))
    g_hash_table_remove (service->pauses, element);
  else if (reason)
    g_hash_table_insert (service->pauses, g_strdup (element), g_strdup (reason));
}

static void
take_doubt (GhRunService *service, const char *element, const GstCaptureOutage *doubt)
{
  g_autofree char *key = g_strdup_printf ("%s %s", element, doubt->reason);

  if (doubt->begins) {
    GhDoubt entry = { g_strdup (element), g_strdup (doubt->reason), g_strdup (doubt->detail) };

    g_hash_table_insert (service->doubts, g_steal_pointer (&key), g_memdup2 (&entry, sizeof entry));
  } else {
    g_hash_table_remove (service->doubts, key);
  }
}

static void
take_element (GhRunService *service, GstMessage *message)
{
  const GstStructure *structure = gst_message_get_structure (message);
  GstCaptureOutage outage;
  const GValue *predictions = structure ? gst_structure_get_value (structure, "predictions") : NULL;

  if (structure == NULL)
    return;
  if (gst_capture_outage_parse (structure, &outage))
    take_outage (service, GST_MESSAGE_SRC_NAME (message), &outage);
  else if (gst_capture_doubt_parse (structure, &outage))
    take_doubt (service, GST_MESSAGE_SRC_NAME (message), &outage);
  else if (gst_structure_has_name (structure, "dataset-paused") || gst_structure_has_name (structure, "dataset-resumed"))
    take_pause (service, GST_MESSAGE_SRC_NAME (message), structure);
  else if (gst_structure_has_name (structure, "head-prediction") && predictions && GST_VALUE_HOLDS_STRUCTURE (predictions))
    gst_structure_foreach (gst_value_get_structure (predictions), take_prediction, service);
}

void
gh_run_service_message (GhRunService *service, GstMessage *message)
{
  GstState state;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_STATE_CHANGED:
      if (GST_MESSAGE_SRC (message) != GST_OBJECT (service->pipeline))
        break;
      gst_message_parse_state_changed (message, NULL, &state, NULL);
      if (state == GST_STATE_PLAYING && !service->playing)
        gh_service_notify ("READY=1");
      service->playing = state == GST_STATE_PLAYING;
      break;
    case GST_MESSAGE_WARNING:
      service->warnings += !gst_message_is_outage_in_words (message);
      break;
    case GST_MESSAGE_ELEMENT:
      take_element (service, message);
      break;
    default:
      break;
  }
}

/* ---- from beginning to end ----------------------------------------------------------------------------------------- */

static void
on_frame (gpointer data)
{
  gh_service_watchdog_feed ();
}

/* Whether the last frame is no older than the sources' intervals want it. */
static gboolean
is_between_frames (const GhRunService *service)
{
  for (guint i = 0; i < gh_frame_watch_count (service->watch); i++)
    if (gh_frame_watch_get (service->watch, i).age < service->patience)
      return TRUE;
  return FALSE;
}

static gboolean
feed_without_frames (gpointer data)
{
  const GhRunService *service = data;

  if (g_hash_table_size (service->outages) || is_between_frames (service))
    gh_service_watchdog_feed ();
  return G_SOURCE_CONTINUE;
}

static void
take_interval (const GValue *item, gpointer longest)
{
  GObject *source = g_value_get_object (item);
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (source), "interval");
  guint64 interval = 0;

  if (spec && spec->value_type == G_TYPE_UINT64)
    g_object_get (source, "interval", &interval, NULL);
  *(double *) longest = MAX (*(double *) longest, interval / 1e9);
}

/* Seconds between two frames of the slowest source, such as live-src; 0: none says so. */
static double
longest_interval (GstElement *pipeline)
{
  GstIterator *sources = gst_bin_iterate_sources (GST_BIN (pipeline));
  double longest = 0;

  gst_iterator_foreach (sources, take_interval, &longest);      /* nothing changes the pipeline yet */
  gst_iterator_free (sources);
  return longest;
}

static gboolean
open_pages (GhRunService *service, int port, GError **error)
{
  service->server = gh_status_server_new (port, error);
  if (!service->server)
    return FALSE;
  gh_status_server_add (service->server, "/", page_index, service);
  gh_status_server_add (service->server, "/healthz", page_health, service);
  gh_status_server_add (service->server, "/readyz", page_ready, service);
  gh_status_server_add (service->server, "/metrics", page_metrics, service);
  return TRUE;
}

gboolean
gh_run_service_begin (GhRunService *service, GstElement *pipeline, int port, double max_age, GError **error)
{
  gint64 interval = gh_service_watchdog_interval ();

  service->pipeline = pipeline;
  service->patience = INTERVALS * longest_interval (pipeline);
  service->max_age = max_age > 0 ? max_age : MAX (MAX_AGE, service->patience);
  service->outages = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  service->pauses = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  service->doubts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, free_doubt);
  service->heads = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (port >= 0 && !open_pages (service, port, error))
    return FALSE;
  service->watch = gh_frame_watch_new (pipeline, interval ? on_frame : NULL, NULL);
  if (interval)
    service->feeder = g_timeout_add (MAX (1, interval / 4000), feed_without_frames, service);
  return TRUE;
}

void
gh_run_service_end (GhRunService *service)
{
  gh_service_notify ("STOPPING=1");
}

void
gh_run_service_clear (GhRunService *service)
{
  if (service->feeder)
    g_source_remove (service->feeder);
  gh_status_server_free (service->server);
  gh_frame_watch_free (service->watch);
  g_clear_pointer (&service->outages, g_hash_table_unref);
  g_clear_pointer (&service->pauses, g_hash_table_unref);
  g_clear_pointer (&service->doubts, g_hash_table_unref);
  g_clear_pointer (&service->heads, g_hash_table_unref);
}
