/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmodelerror.c: which GStreamer code and which advice belong to an error of models/.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmodelerror.h"

#include "models/gh-error.h"

GQuark
gst_model_error_code (const GError *error, GstState state, gint *code)
{
  GQuark domain = GST_RESOURCE_ERROR;

  if (error->domain != GH_ERROR) {
    *code = GST_LIBRARY_ERROR_FAILED;
    return GST_LIBRARY_ERROR;
  }
  switch ((GhError) error->code) {
    case GH_ERROR_NOT_FOUND:
      *code = GST_RESOURCE_ERROR_NOT_FOUND;
      break;
    case GH_ERROR_OPEN:
      *code = GST_RESOURCE_ERROR_OPEN_READ;
      break;
    case GH_ERROR_CORRUPT:
      *code = GST_RESOURCE_ERROR_READ;
      break;
    case GH_ERROR_UNSUITABLE:
      *code = GST_RESOURCE_ERROR_SETTINGS;
      break;
    case GH_ERROR_WRITE:
      *code = GST_RESOURCE_ERROR_WRITE;
      break;
    case GH_ERROR_DATA:
      domain = GST_STREAM_ERROR;
      *code = GST_STREAM_ERROR_WRONG_TYPE;
      break;
    case GH_ERROR_PEER:
      *code = GST_RESOURCE_ERROR_FAILED;
      break;
    case GH_ERROR_DEVICE:
      domain = GST_LIBRARY_ERROR;
      *code = state > GST_STATE_READY ? GST_LIBRARY_ERROR_FAILED : GST_LIBRARY_ERROR_INIT;
      break;
  }
  return domain;
}

gchar *
gst_model_error_text (const GError *error, const gchar *property)
{
  const gchar *end = g_str_has_suffix (error->message, ".") ? "" : ".";

  if (error->domain != GH_ERROR || !property)
    return g_strdup_printf ("%s%s", error->message, end);
  switch ((GhError) error->code) {
    case GH_ERROR_NOT_FOUND:
      return g_strdup_printf ("%s%s Set the property '%s' to an existing file or to the name of a shipped "
          "one ('gst-heads doctor' shows where they are looked for).", error->message, end, property);
    case GH_ERROR_OPEN:
      return g_strdup_printf ("%s%s Check that the file named by the property '%s' is a regular file which this user "
          "may read.", error->message, end, property);
    case GH_ERROR_CORRUPT:
      return g_strdup_printf ("%s%s Set the property '%s' to another file, or copy or download this one again; 'gst-heads "
          "inspect' tells what a file is.", error->message, end, property);
    case GH_ERROR_UNSUITABLE:
      return g_strdup_printf ("%s%s Set the property '%s' to a file that fits; 'gst-heads inspect' tells what a file "
          "holds.", error->message, end, property);
    case GH_ERROR_DEVICE:
      return g_strdup_printf ("%s%s 'gst-heads doctor' tells what this machine can run; the device 'cpu' with "
          "precision 'f32' runs everywhere.", error->message, end);
    case GH_ERROR_PEER:
      return g_strdup_printf ("%s%s Start all processes again; with the same checkpoint they go on from there.",
          error->message, end);
    case GH_ERROR_WRITE:
    case GH_ERROR_DATA:
      break;
  }
  return g_strdup_printf ("%s%s", error->message, end);
}

void
gst_model_error_post (GstElement *element, const GError *error, const gchar *property, const gchar *file,
    const gchar *function, gint line)
{
  gint code;
  GQuark domain = gst_model_error_code (error, GST_STATE (element), &code);

  gst_element_message_full (element, GST_MESSAGE_ERROR, domain, code, gst_model_error_text (error, property),
      g_strdup_printf ("%s %d: %s", g_quark_to_string (error->domain), error->code, error->message), file, function,
      line);
}

void
gst_model_warning_post (GstElement *element, const GError *error, const gchar *property, const gchar *consequence,
    const gchar *file, const gchar *function, gint line)
{
  g_autofree gchar *text = gst_model_error_text (error, property);
  gint code;
  GQuark domain = gst_model_error_code (error, GST_STATE_PLAYING, &code);

  gst_element_message_full (element, GST_MESSAGE_WARNING, domain, code, g_strdup_printf ("%s %s", text, consequence),
      g_strdup (error->message), file, function, line);
}
