/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture-origin.h: a camera that sends JPEG over HTTP on the loopback: /video (multipart with lengths), /plain (without, and
 * with its boundary quoted as many cameras do), /still (one picture), ten new pictures a second, with the faults that real
 * ones have.
 *
 * Faults, by name and number (0: none), in force at once:
 *   status       all answers have that HTTP status, words in Latin-1 with a control character, and a page
 *   page         a page, with status 200
 *   silent       no answer comes
 *   stall        pictures stop coming, the connection stays
 *   drop         the connection ends in the middle of a picture
 *   short        the connection ends after so many pictures; after more than one with a last boundary
 *   half         half of a picture as if it were all
 *   garbage      bytes without any boundary
 *   huge         a part of a gigabyte is announced
 *   vast         a picture says that it has 65535 x 65535 pixels
 *   frozen       the picture stays as it is now
 *   password     asks for user and secret
 *   untyped      a picture calls itself bytes
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _PictureOrigin PictureOrigin;

PictureOrigin *picture_origin_new (void);
void picture_origin_free (PictureOrigin *origin);
guint picture_origin_port (PictureOrigin *origin);
void picture_origin_set (PictureOrigin *origin, const char *fault, int value);
/* Requests so far. */
guint picture_origin_count (PictureOrigin *origin);

G_END_DECLS
