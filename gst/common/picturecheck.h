/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picturecheck.h: what a picture claims to be, before a decoder believes it: a few bytes can ask for gigabytes, or for hours.
 * Bytes in, an answer out; no network, no GStreamer.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean picture_is_jpeg (const guint8 *data, gsize size);
/* FALSE: a JPEG or PNG of more than 128 megapixels, or a JPEG of more scans than any encoder makes. TRUE says nothing of the
 * rest, and nothing of other kinds. */
gboolean picture_is_bearable (const guint8 *data, gsize size);

G_END_DECLS
