/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstoutputfile.h: a look at where a file is to be written, before hours of work go into it. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Whether a file can be made or replaced there, as far as can be told without doing it. The error, of the domain
 * GST_RESOURCE_ERROR, names the property and says what to do. */
gboolean gst_output_file_check (const gchar *location, const gchar *property, GError **error);

/* Whether two paths are one file, which need not exist: by their names, links are not followed. */
gboolean gst_output_files_are_same (const gchar *a, const gchar *b);

G_END_DECLS
