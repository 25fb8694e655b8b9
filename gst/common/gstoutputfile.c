/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstoutputfile.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstoutputfile.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static gboolean
refuse (GError **error, GstResourceError code, const gchar *location, const gchar *problem, const gchar *property)
{
  g_autofree gchar *shown = g_filename_display_name (location);

  g_set_error (error, GST_RESOURCE_ERROR, code, "%s cannot be written: %s. Set the property '%s' to a file in an "
      "existing folder that this user may write to.", shown, problem, property);
  return FALSE;
}

gboolean
gst_output_file_check (const gchar *location, const gchar *property, GError **error)
{
  g_autofree gchar *folder = NULL;

  if (!location || !*location) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS, "There is no file to write to. Set the "
        "property '%s'.", property);
    return FALSE;
  }
  folder = g_path_get_dirname (location);
  if (g_file_test (location, G_FILE_TEST_IS_DIR))
    return refuse (error, GST_RESOURCE_ERROR_OPEN_WRITE, location, "it is a folder", property);
  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return refuse (error, GST_RESOURCE_ERROR_OPEN_WRITE, location, "its folder does not exist", property);
  if (g_access (folder, W_OK | X_OK) != 0)
    return refuse (error, GST_RESOURCE_ERROR_OPEN_WRITE, location, "its folder may not be written to", property);
  return TRUE;
}

gboolean
gst_output_files_are_same (const gchar *a, const gchar *b)
{
  g_autofree gchar *full_a = g_canonicalize_filename (a, NULL), *full_b = g_canonicalize_filename (b, NULL);

  return strcmp (full_a, full_b) == 0;
}
