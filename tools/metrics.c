/* SPDX-License-Identifier: LGPL-2.1-or-later
 * metrics.c: see metrics.h. */
#include "metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct _GhMetrics {
  GTree *samples;               /* name -> GString of its lines, in order of names */
};

static int
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  return strcmp (a, b);
}

static void
free_text (gpointer text)
{
  g_string_free (text, TRUE);
}

GhMetrics *
gh_metrics_new (void)
{
  GhMetrics *metrics = g_new (GhMetrics, 1);

  metrics->samples = g_tree_new_full (compare, NULL, g_free, free_text);
  return metrics;
}

void
gh_metrics_free (GhMetrics *metrics)
{
  if (!metrics)
    return;
  g_tree_unref (metrics->samples);
  g_free (metrics);
}

static char *
allowed (const char *name)
{
  char *clean = g_strdup (name);

  return g_strcanon (clean, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_:", '_');
}

static void
append_quoted (GString *line, const char *value)
{
  g_string_append_c (line, '"');
  for (; *value; value++) {
    if (*value == '\n')
      g_string_append (line, "\\n");
    else if (*value == '"' || *value == '\\')
      g_string_append_printf (line, "\\%c", *value);
    else
      g_string_append_c (line, *value);
  }
  g_string_append_c (line, '"');
}

static void
append_value (GString *line, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (isnan (value))
    g_string_append (line, " NaN\n");
  else if (isinf (value))
    g_string_append (line, value > 0 ? " +Inf\n" : " -Inf\n");
  else
    g_string_append_printf (line, " %s\n", g_ascii_formatd (text, sizeof text, "%.15g", value));
}

/* The lines of a metric, to which one is to be added. */
static GString *
lines_of (GhMetrics *metrics, const char *name)
{
  GString *lines = g_tree_lookup (metrics->samples, name);

  if (lines == NULL) {
    lines = g_string_new (NULL);
    g_string_append_printf (lines, "# TYPE %s %s\n", name, g_str_has_suffix (name, "_total") ? "counter" : "gauge");
    g_tree_insert (metrics->samples, g_strdup (name), lines);
  }
  return lines;
}

void
gh_metrics_add (GhMetrics *metrics, const char *name, double value, ...)
{
  g_autofree char *metric = allowed (name);
  GString *lines = lines_of (metrics, metric);
  const char *label, *separator = "{";
  va_list labels;

  g_string_append (lines, metric);
  va_start (labels, value);
  while ((label = va_arg (labels, const char *))) {
    g_autofree char *key = allowed (label);

    g_string_append_printf (lines, "%s%s=", separator, key);
    append_quoted (lines, va_arg (labels, const char *));
    separator = ",";
  }
  va_end (labels);
  if (*separator == ',')
    g_string_append_c (lines, '}');
  append_value (lines, value);
}

static gboolean
append_metric (gpointer name, gpointer lines, gpointer text)
{
  g_string_append (text, ((GString *) lines)->str);
  return FALSE;
}

char *
gh_metrics_text (GhMetrics *metrics)
{
  GString *text = g_string_new (NULL);

  g_tree_foreach (metrics->samples, append_metric, text);
  g_tree_remove_all (metrics->samples);
  return g_string_free (text, FALSE);
}

/* ---- this process --------------------------------------------------------------------------------------------- */

static int
count_entries (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  int n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

static double
resident_bytes (void)
{
  g_autofree char *statm = NULL;
  long pages = 0;

  if (g_file_get_contents ("/proc/self/statm", &statm, NULL, NULL))
    sscanf (statm, "%*s %ld", &pages);
  return (double) pages * sysconf (_SC_PAGESIZE);
}

void
gh_metrics_add_process (GhMetrics *metrics)
{
  struct rusage used;

  getrusage (RUSAGE_SELF, &used);
  gh_metrics_add (metrics, "process_cpu_seconds_total", used.ru_utime.tv_sec + used.ru_stime.tv_sec
      + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6, NULL);
  gh_metrics_add (metrics, "process_resident_memory_bytes", resident_bytes (), NULL);
  gh_metrics_add (metrics, "process_open_fds", count_entries ("/proc/self/fd") - 1, NULL);      /* without the folder's */
  gh_metrics_add (metrics, "process_threads", count_entries ("/proc/self/task"), NULL);
}

/* ---- elements ------------------------------------------------------------------------------------------------- */

/* FALSE for what is no number, or stands for none. */
static gboolean
number_of (const GValue *value, double *number)
{
  g_auto (GValue) transformed = G_VALUE_INIT;

  if (G_VALUE_HOLDS_BOOLEAN (value)) {
    *number = g_value_get_boolean (value);
    return TRUE;
  }
  if ((G_VALUE_HOLDS_UINT64 (value) && g_value_get_uint64 (value) == GST_CLOCK_TIME_NONE) || G_VALUE_HOLDS_STRING (value)
      || G_VALUE_HOLDS_ENUM (value) || !g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_DOUBLE))
    return FALSE;
  g_value_init (&transformed, G_TYPE_DOUBLE);
  g_value_transform (value, &transformed);
  *number = g_value_get_double (&transformed);
  return TRUE;
}

/* The numbers of statistics that only grow; of elements that are not here, all of them may fall for all we know. */
static const struct {
  const char *factory, *fields;
} counters[] = {
  { "dataset-sink", "frames stored duplicates dropped failed corrupted" },
  { "dataset-src", "frames failed epochs" },
  { "fakesink", "rendered dropped" },
  { "head-predict", "frames predicted without-embedding mismatched not-finite reloads refused-reloads" },
  { "head-trainer", "frames without-embedding without-label labelled trainings failed" },
  { "live-src", "frames dropped segments bytes resolves-ok resolves-failed http-responses reconnects outages" },
  { "mae-decoder", "frames unreadable" },
  { "mae-encoder", "frames encoded skipped-late skipped-interval unreadable" },
  { "mae-trainer", "frames skipped-interval unreadable taken checkpoints" },
  { "scale-uploader", "frames stored duplicates dropped failed corrupted sent already refused retries bytes-sent" },
};

static gboolean
is_counter (const char *factory, const char *field)
{
  for (gsize i = 0; i < G_N_ELEMENTS (counters); i++) {
    g_auto (GStrv) fields = g_str_equal (counters[i].factory, factory) ? g_strsplit (counters[i].fields, " ", -1) : NULL;

    if (fields)
      return g_strv_contains ((const char *const *) fields, field);
  }
  return FALSE;
}

typedef struct {
  GhMetrics *metrics;
  const char *factory, *element;
  const char *group;            /* the field whose structure this is, or NULL */
} Place;

static gboolean
add_field (GQuark field, const GValue *value, gpointer data)
{
  const Place *place = data;
  const char *key = g_quark_to_string (field), *what = place->group ? place->group : key;
  g_autofree char *name = g_strdup_printf ("gst_%s_%s%s", place->factory, what, is_counter (place->factory, what) ? "_total" : "");
  double number;

  if (!place->group && GST_VALUE_HOLDS_STRUCTURE (value)) {
    Place inside = *place;

    inside.group = key;
    gst_structure_foreach (gst_value_get_structure (value), add_field, &inside);
  } else if (number_of (value, &number)) {
    if (place->group)
      gh_metrics_add (place->metrics, name, number, "element", place->element, "key", key, NULL);
    else
      gh_metrics_add (place->metrics, name, number, "element", place->element, NULL);
  }
  return TRUE;
}

static void
add_element (const GValue *item, gpointer data)
{
  GstElement *element = g_value_get_object (item);
  GstElementFactory *factory = gst_element_get_factory (element);
  static const char *const names[] = { "stats", "statistics" };

  for (gsize i = 0; factory && i < G_N_ELEMENTS (names); i++) {
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), names[i]);
    g_autoptr (GstStructure) stats = NULL;
    g_autofree char *name = gst_object_get_name (GST_OBJECT (element));
    Place place = { data, GST_OBJECT_NAME (factory), name, NULL };

    if (!spec || spec->value_type != GST_TYPE_STRUCTURE || !(spec->flags & G_PARAM_READABLE))
      continue;
    g_object_get (element, names[i], &stats, NULL);
    if (stats)
      gst_structure_foreach (stats, add_field, &place);
  }
}

void
gh_metrics_add_elements (GhMetrics *metrics, GstBin *bin)
{
  GstIterator *elements = gst_bin_iterate_recurse (bin);

  while (gst_iterator_foreach (elements, add_element, metrics) == GST_ITERATOR_RESYNC) {
    g_tree_remove_all (metrics->samples);
    gst_iterator_resync (elements);
  }
  gst_iterator_free (elements);
}
