/* SPDX-License-Identifier: LGPL-2.1-or-later
 * packages.h (private): which Debian package brings a GStreamer element, so that errors can say what to install. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Static; NULL when the element is not one of the common ones. */
const char *gh_element_package (const char *element);

/* TRUE for the elements of gst-heads itself. */
gboolean gh_element_is_ours (const char *element);

/* What to do about a missing element, in one sentence. Free with g_free(). */
char *gh_element_remedy (const char *element);

/* Whether the environment names a screen. Without one autovideosink fails, or crashes with some sinks. */
gboolean gh_has_screen (void);

G_END_DECLS
