/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstplazatruth.c: the truth meta and the CSV file of labels. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstplazatruth.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

#define MAX_DIGITS 12

struct _GstPlazaTruthFile {
  FILE *stream;
  gchar *path;
  gchar *before, *after;        /* of the number in a frame's file name */
  gint digits;
  gboolean zeros;
};

void
gst_plaza_truth_meta_register (void)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    const gchar *tags[] = { NULL };

    if (!gst_meta_get_info (GST_PLAZA_TRUTH_META_NAME))
      gst_meta_register_custom (GST_PLAZA_TRUTH_META_NAME, tags, NULL, NULL, NULL);
    g_once_init_leave (&once, 1);
  }
}

static void
append_int (GValue *array, gint number)
{
  GValue value = G_VALUE_INIT;

  g_value_init (&value, G_TYPE_INT);
  g_value_set_int (&value, number);
  gst_value_array_append_and_take_value (array, &value);
}

void
gst_buffer_add_plaza_truth (GstBuffer *buffer, const PlazaTruth *truth, gdouble minute)
{
  GstCustomMeta *meta;
  GstStructure *structure;
  GValue boxes = G_VALUE_INIT;

  gst_plaza_truth_meta_register ();
  meta = gst_buffer_add_custom_meta (buffer, GST_PLAZA_TRUTH_META_NAME);
  g_return_if_fail (meta != NULL);
  structure = gst_custom_meta_get_structure (meta);
  gst_structure_set (structure, "people", G_TYPE_INT, truth->people, "minute-of-day", G_TYPE_DOUBLE, minute, NULL);
  g_value_init (&boxes, GST_TYPE_ARRAY);
  for (gint i = 0; i < truth->people; i++) {
    const PlazaRect *rect = &truth->boxes[i];
    GValue box = G_VALUE_INIT;

    g_value_init (&box, GST_TYPE_ARRAY);
    append_int (&box, rect->x);
    append_int (&box, rect->y);
    append_int (&box, rect->width);
    append_int (&box, rect->height);
    gst_value_array_append_and_take_value (&boxes, &box);
  }
  gst_structure_take_value (structure, "boxes", &boxes);
}

/* Resolves "%%" in a piece of the pattern that holds no conversion. */
static gchar *
unescape (const gchar *piece, gsize length)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < length; i++) {
    g_string_append_c (text, piece[i]);
    if (piece[i] == '%')
      i++;
  }
  return g_string_free (text, FALSE);
}

/* Finds the one integer conversion: %, optional 0 and width, then d, i or u. */
static gboolean
parse_pattern (GstPlazaTruthFile *file, const gchar *pattern)
{
  const gchar *start = NULL, *end = NULL;

  for (const gchar *c = pattern; *c; c++) {
    if (*c != '%')
      continue;
    if (c[1] == '%') {
      c++;
      continue;
    }
    if (start)
      return FALSE;
    start = c++;
    file->zeros = *c == '0';
    while (g_ascii_isdigit (*c) && file->digits <= MAX_DIGITS)
      file->digits = 10 * file->digits + (*c++ - '0');
    if ((*c != 'd' && *c != 'i' && *c != 'u') || file->digits > MAX_DIGITS)
      return FALSE;
    end = c + 1;
  }
  if (!start)
    return FALSE;
  file->before = unescape (pattern, start - pattern);
  file->after = unescape (end, strlen (end));
  return TRUE;
}

static gboolean
write_failed (GstPlazaTruthFile *file, gint error_number, GError **error)
{
  g_set_error (error, GST_RESOURCE_ERROR,
      error_number == ENOSPC ? GST_RESOURCE_ERROR_NO_SPACE_LEFT : GST_RESOURCE_ERROR_WRITE,
      "Could not write the truth to \"%s\": %s. Free some space or choose another truth-location.", file->path,
      g_strerror (error_number));
  return FALSE;
}

GstPlazaTruthFile *
gst_plaza_truth_file_open (const gchar *path, const gchar *pattern, GError **error)
{
  GstPlazaTruthFile *file = g_new0 (GstPlazaTruthFile, 1);
  GStatBuf present;

  file->path = g_strdup (path);
  if (!parse_pattern (file, pattern)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "truth-pattern \"%s\" does not name files: it needs exactly one number, as in frame-%%05d.jpg.", pattern);
    goto failed;
  }
  if (g_stat (path, &present) == 0 && S_ISREG (present.st_mode) && present.st_size > 0) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
        "\"%s\" is there already, and labels are not written over: take it away or choose another truth-location.", path);
    goto failed;
  }
  file->stream = g_fopen (path, "we");
  if (!file->stream) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE,
        "Could not create \"%s\" for the truth: %s. Create its folder or choose another truth-location.", path,
        g_strerror (errno));
    goto failed;
  }
  if (fputs ("file,people,minute_of_day\n", file->stream) < 0 || fflush (file->stream) != 0) {
    write_failed (file, errno, error);
    goto failed;
  }
  return file;

failed:
  gst_plaza_truth_file_close (file);
  return NULL;
}

/* A CSV field, quoted where it has to be. */
static gchar *
csv_field (const gchar *text)
{
  g_auto (GStrv) parts = NULL;
  g_autofree gchar *doubled = NULL;

  if (!strpbrk (text, ",\"\r\n"))
    return g_strdup (text);
  parts = g_strsplit (text, "\"", -1);
  doubled = g_strjoinv ("\"\"", parts);
  return g_strconcat ("\"", doubled, "\"", NULL);
}

gboolean
gst_plaza_truth_file_add (GstPlazaTruthFile *file, guint64 n, const PlazaTruth *truth, gdouble minute, GError **error)
{
  g_autofree gchar *number = file->zeros ? g_strdup_printf ("%0*" G_GUINT64_FORMAT, file->digits, n)
      : g_strdup_printf ("%*" G_GUINT64_FORMAT, file->digits, n);
  g_autofree gchar *name = g_strconcat (file->before, number, file->after, NULL);
  g_autofree gchar *field = csv_field (name);
  gchar digits[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (digits, sizeof digits, "%.3f", minute);
  if (fprintf (file->stream, "%s,%d,%s\n", field, truth->people, digits) < 0 || fflush (file->stream) != 0)
    return write_failed (file, errno, error);
  return TRUE;
}

void
gst_plaza_truth_file_close (GstPlazaTruthFile *file)
{
  if (!file)
    return;
  if (file->stream)
    fclose (file->stream);
  g_free (file->path);
  g_free (file->before);
  g_free (file->after);
  g_free (file);
}
