/* SPDX-License-Identifier: LGPL-2.1-or-later
 * property-words.c: see property-words.h. */
#include "property-words.h"

#include <string.h>

/* ---- kinds of values ----------------------------------------------------------------------------------------------- */

static char *
names_of_enum (GEnumClass *class)
{
  g_autoptr (GString) names = g_string_new ("one of");

  for (guint i = 0; i < class->n_values; i++)
    g_string_append_printf (names, "%s %s", i ? "," : "", class->values[i].value_nick);
  return g_string_free (g_steal_pointer (&names), FALSE);
}

/* NULL where the type alone says too little. */
static char *
what_fits (const GParamSpec *spec)
{
  if (G_IS_PARAM_SPEC_INT (spec))
    return g_strdup_printf ("a whole number from %d to %d", ((GParamSpecInt *) spec)->minimum,
        ((GParamSpecInt *) spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT (spec))
    return g_strdup_printf ("a whole number from %u to %u", ((GParamSpecUInt *) spec)->minimum,
        ((GParamSpecUInt *) spec)->maximum);
  if (G_IS_PARAM_SPEC_INT64 (spec))
    return g_strdup_printf ("a whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
        ((GParamSpecInt64 *) spec)->minimum, ((GParamSpecInt64 *) spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT64 (spec))
    return g_strdup_printf ("a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
        ((GParamSpecUInt64 *) spec)->minimum, ((GParamSpecUInt64 *) spec)->maximum);
  if (G_IS_PARAM_SPEC_DOUBLE (spec))
    return g_strdup_printf ("a number from %g to %g", ((GParamSpecDouble *) spec)->minimum,
        ((GParamSpecDouble *) spec)->maximum);
  if (G_IS_PARAM_SPEC_FLOAT (spec))
    return g_strdup_printf ("a number from %g to %g", ((GParamSpecFloat *) spec)->minimum,
        ((GParamSpecFloat *) spec)->maximum);
  if (G_IS_PARAM_SPEC_BOOLEAN (spec))
    return g_strdup ("true or false");
  return G_IS_PARAM_SPEC_ENUM (spec) ? names_of_enum (((GParamSpecEnum *) spec)->enum_class) : NULL;
}

char *
gh_property_words (const char *element, const GParamSpec *spec)
{
  g_autofree char *fits = what_fits (spec);
  const char *blurb = g_param_spec_get_blurb ((GParamSpec *) spec);

  return g_strdup_printf ("%s of %s takes %s%s%s%s", spec->name, element, fits ? fits : g_type_name (spec->value_type),
      blurb ? " (" : "", blurb ? blurb : "", blurb ? ")" : "");
}

/* ---- complaints ---------------------------------------------------------------------------------------------------- */

char *
gh_property_words_of_unset (const char *complaint)
{
  g_auto (GStrv) parts = g_strsplit (complaint, "\"", 5);      /* ... "PROPERTY" ... "ELEMENT" ... */
  g_autoptr (GstElementFactory) factory = g_strv_length (parts) == 5 ? gst_element_factory_find (parts[3]) : NULL;
  g_autoptr (GstElement) element = factory ? gst_element_factory_create (factory, NULL) : NULL;
  GParamSpec *spec;

  if (element == NULL)
    return NULL;
  gst_object_ref_sink (element);
  spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), parts[1]);
  return spec ? gh_property_words (parts[3], spec) : NULL;
}

static gboolean
is_beyond (GParamSpec *spec, const char *text)
{
  GValue value = G_VALUE_INIT;
  gboolean beyond;

  g_value_init (&value, spec->value_type);
  beyond = gst_value_deserialize (&value, text) && g_param_value_validate (spec, &value);
  g_value_unset (&value);
  return beyond;
}

/* Of the element, NULL when it would have taken the value. */
static char *
words_if_beyond (GstElement *element, const char *property, const char *text)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), property);
  GstElementFactory *factory = gst_element_get_factory (element);

  if (spec == NULL || factory == NULL || !is_beyond (spec, text))
    return NULL;
  return gh_property_words (GST_OBJECT_NAME (factory), spec);
}

/* Of the first such element in the text: a bin has the last one first. */
static char *
find_beyond (GstElement *pipeline, const char *property, const char *text)
{
  g_autoptr (GstIterator) elements = GST_IS_BIN (pipeline) ? gst_bin_iterate_recurse (GST_BIN (pipeline)) : NULL;
  char *words = words_if_beyond (pipeline, property, text);
  GValue item = G_VALUE_INIT;

  while (elements && gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    char *earlier = words_if_beyond (g_value_get_object (&item), property, text);

    if (earlier) {
      g_free (words);
      words = earlier;
    }
    g_value_unset (&item);
  }
  return words;
}

char *
gh_property_words_of_range (const char *complaint, GstElement *pipeline, char **property)
{
  g_autoptr (GRegex) form = g_regex_new ("^value \"(.*)\" of type .* out of range for property [`']([^']+)'",
      G_REGEX_DOTALL, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_autofree char *text = NULL, *words = NULL;

  if (!g_regex_match (form, complaint, 0, &match))
    return NULL;
  text = g_match_info_fetch (match, 1);
  *property = g_match_info_fetch (match, 2);
  words = find_beyond (pipeline, *property, text);
  return g_strdup_printf ("%s=%s is out of range%s%s", *property, text, words ? ": " : "", words ? words : "");
}
