/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstimagefile.h: a picture from a file, of any format that GStreamer decodes. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* The first picture of the file, in the format its decoder gives, with caps. One short-lived pipeline per file: a damaged
 * one ends its own and no other. NULL with GST_STREAM_ERROR_DECODE for a damaged file, and of GST_RESOURCE_ERROR NOT_FOUND for
 * one that is gone, OPEN_READ for one that may not be opened and BUSY for one that takes too long; the text names the file.
 * Any thread. */
GstSample *gst_image_file_read (const gchar *path, GError **error);

/* FALSE for a JPEG file whose pixels break off, or that was never given an end: some cameras' are not. Decoders fill up with grey
 * what is missing, and say nothing. */
gboolean gst_image_file_has_end (const gchar *path);

G_END_DECLS
