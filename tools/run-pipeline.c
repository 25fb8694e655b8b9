/* SPDX-License-Identifier: LGPL-2.1-or-later
 * run-pipeline.c: see the header. */
#include "run-pipeline.h"
#include "packages.h"
#include "property-words.h"
#include "tools.h"

#include <string.h>

/* "FILE:LINE" of what GStreamer puts into quotes in its complaint, as far as it can be told. */
static char *
place_of (const GhPipelineFile *file, const char *word)
{
  int line = word && *word ? gh_pipeline_file_line_of (file, word) : 0;
  return line ? g_strdup_printf ("%s:%d", file->path, line) : g_strdup (file->path);
}

static int
say_missing (const GhPipelineFile *file, char **missing)
{
  for (char **element = missing; *element; element++) {
    g_autofree char *remedy = gh_element_remedy (*element), *place = place_of (file, *element);
    gh_tool_fail (GH_EXIT_PIPELINE, "%s: there is no element %s\n  %s", place, *element, remedy);
  }
  return GH_EXIT_PIPELINE;
}

static int
say_unparsable (const GhPipelineFile *file, const GError *error)
{
  const char *open = strchr (error->message, '"'), *close = open ? strchr (open + 1, '"') : NULL;
  g_autofree char *word = close ? g_strndup (open + 1, close - open - 1) : NULL;
  g_autofree char *place = place_of (file, word);
  g_autofree char *words = g_error_matches (error, GST_PARSE_ERROR, GST_PARSE_ERROR_COULD_NOT_SET_PROPERTY)
      ? gh_property_words_of_unset (error->message) : NULL;
  return gh_tool_fail (GH_EXIT_PIPELINE, "%s: %s\n%s%s%s  \"gst-heads run --print\" shows the pipeline with its "
      "variables filled in", place, error->message, words ? "  " : "", words ? words : "", words ? "\n" : "");
}

/* Keeps GObject's first complaint about a value beyond what a property takes, which else would be words and no more. */
static void
keep_complaint (const gchar *domain, GLogLevelFlags level, const gchar *message, gpointer complaint)
{
  char **kept = complaint;

  if (*kept == NULL && strstr (message, "out of range for property"))
    *kept = g_strdup (message);
  else
    g_log_default_handler (domain, level, message, NULL);
}

/* TRUE when the pipeline is not the one that was asked for; the words are out. */
static gboolean
say_out_of_range (const GhPipelineFile *file, const char *complaint, GstElement *pipeline)
{
  g_autofree char *property = NULL;
  g_autofree char *words = complaint ? gh_property_words_of_range (complaint, pipeline, &property) : NULL;
  g_autofree char *place = words ? place_of (file, property) : NULL;

  if (words)
    gh_tool_fail (GH_EXIT_PIPELINE, "%s: %s", place, words);
  return words != NULL;
}

/* Parses with `complaint` set to what GObject said meanwhile, to be freed, or left NULL. */
static GstElement *
parse (const char *text, GstParseContext *context, char **complaint, GError **error)
{
  guint handler = g_log_set_handler ("GLib-GObject", G_LOG_LEVEL_WARNING, keep_complaint, complaint);
  GstElement *element = gst_parse_launch_full (text, context, GST_PARSE_FLAG_FATAL_ERRORS, error);

  g_log_remove_handler ("GLib-GObject", handler);
  return element;
}

/* There may be one all the same, a console's, which kmssink finds. DirectFB, which autovideosink tries in the end, crashes
 * where there is none. */
static void
warn_without_screen (GstElement *pipeline)
{
  g_autoptr (GstIterator) windows = gst_bin_iterate_all_by_element_factory_name (GST_BIN (pipeline), "autovideosink");
  GValue window = G_VALUE_INIT;

  g_autoptr (GstPluginFeature) crashes = gst_registry_find_feature (gst_registry_get (), "dfbvideosink",
      GST_TYPE_ELEMENT_FACTORY);

  if (gh_has_screen () || gst_iterator_next (windows, &window) != GST_ITERATOR_OK)
    return;
  if (crashes)
    gst_plugin_feature_set_rank (crashes, GST_RANK_NONE);
  gh_tool_fail (GH_EXIT_OK, "autovideosink opens a window, but neither DISPLAY nor WAYLAND_DISPLAY names a screen: take another "
        "sink, such as SINK=fakesink");
  g_value_unset (&window);
}

int
gh_run_pipeline_new (const GhPipelineFile *file, const char *text, GstElement **pipeline)
{
  g_autoptr (GstParseContext) context = gst_parse_context_new ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) missing = NULL;
  g_autofree char *complaint = NULL;
  GstElement *element = parse (text, context, &complaint, &error);
  missing = gst_parse_context_get_missing_elements (context);
  if (g_error_matches (error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT) && missing && *missing) {
    g_clear_object (&element);
    return say_missing (file, missing);
  }
  if (!element || error) {
    g_clear_object (&element);
    return say_unparsable (file, error);
  }
  gst_object_ref_sink (element);
  if (say_out_of_range (file, complaint, element)) {
    gst_object_unref (element);
    return GH_EXIT_PIPELINE;
  }
  if (!GST_IS_PIPELINE (element)) {
    GstElement *whole = gst_object_ref_sink (gst_pipeline_new (NULL));
    gst_bin_add (GST_BIN (whole), element);
    gst_object_unref (element);
    element = whole;
  }
  *pipeline = element;
  warn_without_screen (element);
  return GH_EXIT_OK;
}
