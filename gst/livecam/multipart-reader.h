/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * multipart-reader.h: the parts of a multipart/x-mixed-replace stream, as cameras send them: with or without lengths, and
 * with boundaries that are quoted with or without their dashes. Bytes in, whole parts out; no network, no GStreamer.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _MultipartReader MultipartReader;

/* boundary: of the Content-Type; NULL: it names none, and any line that begins with two dashes is one. limit: bytes of a
 * part, and of what lies between two. */
MultipartReader *multipart_reader_new (const gchar *boundary, gsize limit);
void multipart_reader_free (MultipartReader *reader);

void multipart_reader_push (MultipartReader *reader, gconstpointer data, gsize size);
/* The next whole part, the caller's; NULL: it is not there yet. */
GBytes *multipart_reader_take (MultipartReader *reader);
/* NULL as long as all is well, else a word: too_large, or undecodable for what is no multipart stream. No parts come then. */
const gchar *multipart_reader_failure (const MultipartReader *reader);
/* Whether more went by without a boundary than ever lies between two pictures of a camera. */
gboolean multipart_reader_is_lost (const MultipartReader *reader);
/* Whether the last byte was one of a part that is not whole. The boundary before it is none. */
gboolean multipart_reader_is_inside (const MultipartReader *reader);

G_END_DECLS
