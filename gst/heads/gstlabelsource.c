/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstlabelsource.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlabelsource.h"

#include <string.h>

#include "models/gh-error.h"
#include "models/gh-head-label.h"

/* A frame of unknown duration takes labels this close to it. */
#define DEFAULT_DURATION (40 * GST_MSECOND)
#define MAX_SECONDS 1e9

typedef struct {
  GstClockTime time;
  guint index;
} Moment;

GType
gst_label_key_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_LABEL_KEY_FRAME, "Numbers of frames from 0, or file names that end in them, as frame-00012.jpg", "frame"},
    {GST_LABEL_KEY_TIME, "Seconds of stream time; the frame nearest to it, within half its duration", "time"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstHeadTrainerKey", values));
  return type;
}

static gboolean G_GNUC_PRINTF (3, 4)
fail (GError **error, GhError code, const gchar *format, ...)
{
  va_list args;

  va_start (args, format);
  if (error)
    *error = g_error_new_valist (GH_ERROR, code, format, args);
  va_end (args);
  return FALSE;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static gboolean
split_label (GstLabelSource *source, const gchar *label, GError **error)
{
  const gchar *dot = strchr (label, '.');

  if (!dot || dot == label || dot[1] == '\0')
    return fail (error, GH_ERROR_DATA, "\"%s\" does not say where labels are. Set the property 'label' to a custom "
        "meta and its field, joined by a dot, as in GstPlazaTruth.people", label);
  source->meta = g_strndup (label, dot - label);
  source->field = g_strdup (dot + 1);
  return TRUE;
}

/* The digits a file name ends in, its extension left out, or the whole text. */
static gboolean
parse_frame (const gchar *text, guint64 *frame)
{
  g_autofree gchar *base = g_path_get_basename (text);
  gchar *dot = strrchr (base, '.'), *digits;

  if (dot && dot != base)
    *dot = '\0';
  digits = base + strlen (base);
  while (digits > base && g_ascii_isdigit (digits[-1]))
    digits--;
  return *digits && g_ascii_string_to_unsigned (digits, 10, 0, G_MAXUINT64, frame, NULL);
}

static gboolean
index_by_frame (GstLabelSource *source, const gchar *file, GError **error)
{
  const GhLabels *labels = source->labels;

  source->by_frame = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  for (guint i = 0; i < labels->n; i++) {
    guint64 frame;

    if (!parse_frame (labels->files[i], &frame))
      return fail (error, GH_ERROR_DATA, "%s:%d: \"%s\" neither is nor ends in the number of a frame", file,
          labels->lines[i], labels->files[i]);
    if (g_hash_table_contains (source->by_frame, &frame))
      return fail (error, GH_ERROR_DATA, "%s:%d: frame %" G_GUINT64_FORMAT " was labelled before", file,
          labels->lines[i], frame);
    g_hash_table_insert (source->by_frame, g_memdup2 (&frame, sizeof frame), GUINT_TO_POINTER (i));
  }
  return TRUE;
}

static gint
compare_moments (gconstpointer a, gconstpointer b)
{
  const Moment *x = a, *y = b;

  return x->time < y->time ? -1 : x->time > y->time;
}

static gboolean
index_by_time (GstLabelSource *source, const gchar *file, GError **error)
{
  const GhLabels *labels = source->labels;

  source->by_time = g_array_new (FALSE, FALSE, sizeof (Moment));
  for (guint i = 0; i < labels->n; i++) {
    gchar *end;
    gdouble seconds = g_ascii_strtod (labels->files[i], &end);
    Moment moment = { 0, i };

    if (end == labels->files[i] || *end || !(seconds >= 0 && seconds <= MAX_SECONDS))
      return fail (error, GH_ERROR_DATA, "%s:%d: \"%s\" is no time in seconds", file, labels->lines[i],
          labels->files[i]);
    moment.time = seconds * GST_SECOND + 0.5;
    g_array_append_val (source->by_time, moment);
  }
  g_array_sort (source->by_time, compare_moments);
  return TRUE;
}

static gboolean
open_file (GstLabelSource *source, const GstLabelSettings *s, GError **error)
{
  if (!s->column)
    return fail (error, GH_ERROR_DATA, "%s is given without the column of the labels. Set the property 'label-column'",
        s->file);
  if (!s->key_column && s->key == GST_LABEL_KEY_TIME)
    return fail (error, GH_ERROR_DATA, "%s is given without the column of the times. Set the property 'key-column'",
        s->file);
  source->labels = gh_labels_read (s->file, s->kind, s->key_column, s->column, NULL, error);
  source->key = s->key;
  return source->labels && (s->key == GST_LABEL_KEY_TIME ? index_by_time (source, s->file, error)
      : index_by_frame (source, s->file, error));
}

gboolean
gst_label_source_open (GstLabelSource *source, const GstLabelSettings *settings, GError **error)
{
  gboolean opened;

  source->kind = settings->kind;
  if (!settings->label == !settings->file)
    opened = fail (error, GH_ERROR_DATA, settings->label ? "Labels cannot come from a meta and from a file. Set only "
        "one of the properties 'label' and 'labels'" : "It is not said where labels are. Set the property 'label' to "
        "the field of a custom meta, as in GstPlazaTruth.people, or 'labels' to a CSV file");
  else
    opened = settings->label ? split_label (source, settings->label, error) : open_file (source, settings, error);
  if (!opened)
    gst_label_source_clear (source);
  return opened;
}

void
gst_label_source_clear (GstLabelSource *source)
{
  g_free (source->meta);
  g_free (source->field);
  g_clear_pointer (&source->by_frame, g_hash_table_unref);
  g_clear_pointer (&source->by_time, g_array_unref);
  gh_labels_free (source->labels);
  *source = (GstLabelSource) { 0 };
}

/* ---- finding ---------------------------------------------------------------------------------------- */

/* Index of the label nearest to the time within half the duration; -1 for none. */
static gint
find_moment (const GArray *by_time, GstClockTime time, GstClockTime duration)
{
  GstClockTime half = (GST_CLOCK_TIME_IS_VALID (duration) && duration > 0 ? duration : DEFAULT_DURATION) / 2;
  guint low = 0, high = by_time->len;
  const Moment *best = NULL;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return -1;
  while (low < high) {
    guint middle = (low + high) / 2;

    if (g_array_index (by_time, Moment, middle).time < time)
      low = middle + 1;
    else
      high = middle;
  }
  for (guint i = low ? low - 1 : 0; i < MIN (low + 1, by_time->len); i++) {
    const Moment *moment = &g_array_index (by_time, Moment, i);

    if (!best || ABS (GST_CLOCK_DIFF (time, moment->time)) < ABS (GST_CLOCK_DIFF (time, best->time)))
      best = moment;
  }
  if (!best || best->time + half < time || best->time >= time + MAX (half, 1))
    return -1;
  return best->index;
}

static gboolean
find_in_file (const GstLabelSource *source, guint64 number, GstClockTime time, GstClockTime duration, GstLabel *label)
{
  const GhLabels *labels = source->labels;
  gpointer value = NULL;
  gint i = -1;

  if (source->by_time)
    i = find_moment (source->by_time, time, duration);
  else if (g_hash_table_lookup_extended (source->by_frame, &number, NULL, &value))
    i = GPOINTER_TO_INT (value);
  if (i < 0)
    return FALSE;
  label->number = labels->values[i];
  label->name = labels->classes ? labels->classes[(gint) labels->values[i]] : NULL;
  return TRUE;
}

/* "3", "1.5", "sunny", "true" */
static gboolean
describe (const GValue *value, GString *text)
{
  GValue string = G_VALUE_INIT;

  if (G_VALUE_HOLDS_STRING (value)) {
    g_string_assign (text, g_value_get_string (value) ? g_value_get_string (value) : "");
    return TRUE;
  }
  if (G_VALUE_HOLDS_BOOLEAN (value)) {
    g_string_assign (text, g_value_get_boolean (value) ? "true" : "false");
    return TRUE;
  }
  g_value_init (&string, G_TYPE_STRING);
  if (g_value_type_transformable (G_VALUE_TYPE (value), G_TYPE_DOUBLE) && g_value_transform (value, &string))
    g_string_assign (text, g_value_get_string (&string));
  else
    g_string_truncate (text, 0);
  g_value_unset (&string);
  return text->len > 0;
}

static gboolean
is_number (const gchar *text)
{
  gchar *end;

  g_ascii_strtod (text, &end);
  return end != text && *end == '\0';
}

/* Numbers that no head of the kind tells: a detector's -1 for "unsure". */
static gboolean
check_number (const GstLabelSource *source, gdouble number, GError **error)
{
  const gchar *problem = gh_head_label_problem (source->kind, number, 0);
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  return !problem || fail (error, GH_ERROR_UNSUITABLE, "The field %s of %s holds %s, which %s", source->field,
      source->meta, g_ascii_formatd (text, sizeof text, "%g", number), problem);
}

static gboolean
take_value (const GstLabelSource *source, const GValue *value, GstLabel *label, GString *scratch, GError **error)
{
  GValue number = G_VALUE_INIT;
  g_autofree gchar *problem = NULL;
  gboolean transformed;

  if (source->kind == GH_HEAD_CLASS) {
    label->name = scratch->str;
    return describe (value, scratch) || fail (error, GH_ERROR_DATA, "The field %s of %s holds a %s, which names no "
        "class. Set the property 'label' to a text or a whole number", source->field, source->meta,
        G_VALUE_TYPE_NAME (value));
  }
  if (G_VALUE_HOLDS_STRING (value)) {
    const gchar *text = g_value_get_string (value) ? g_value_get_string (value) : "";

    problem = gh_label_parse (text, source->kind, &label->number);
    return !problem || fail (error, is_number (text) ? GH_ERROR_UNSUITABLE : GH_ERROR_DATA, "The field %s of %s: %s",
        source->field, source->meta, problem);
  }
  g_value_init (&number, G_TYPE_DOUBLE);
  transformed = g_value_transform (value, &number);
  label->number = g_value_get_double (&number);
  if (!transformed)
    return fail (error, GH_ERROR_DATA, "The field %s of %s holds a %s, which is no number. Set the property 'label' to "
        "another field", source->field, source->meta, G_VALUE_TYPE_NAME (value));
  return check_number (source, label->number, error);
}

gboolean
gst_label_source_find (const GstLabelSource *source, GstBuffer *buffer, guint64 number, GstClockTime time,
    GstClockTime duration, GstLabel *label, GString *scratch, GError **error)
{
  GstCustomMeta *meta;
  const GValue *value;

  *label = (GstLabel) { 0 };
  if (source->labels)
    return find_in_file (source, number, time, duration, label);
  if (!gst_meta_get_info (source->meta) || !(meta = gst_buffer_get_custom_meta (buffer, source->meta)))
    return FALSE;
  value = gst_structure_get_value (gst_custom_meta_get_structure (meta), source->field);
  return value && take_value (source, value, label, scratch, error);
}
