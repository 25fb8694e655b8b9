/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * jpeg-check.h: what a JPEG claims to be, before a decoder believes it: a few bytes can ask for gigabytes, or for hours.
 * Bytes in, an answer out; no network, no GStreamer.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

gboolean jpeg_is_jpeg (const guint8 *data, gsize size);
/* FALSE: more than 128 megapixels, or more scans than any encoder makes. TRUE says nothing of the rest. */
gboolean jpeg_is_bearable (const guint8 *data, gsize size);

G_END_DECLS
