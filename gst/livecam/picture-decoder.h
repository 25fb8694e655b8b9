/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture-decoder.h: pictures that are whole files each, JPEG above all. JPEG goes through one decoder that stays; for
 * anything else a pipeline is made for the picture (keyframe-decoder.h). One thread at a time.
 */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _PictureDecoder PictureDecoder;

PictureDecoder *picture_decoder_new (void);
void picture_decoder_free (PictureDecoder *decoder);

/* NULL, or a word for why it is not to be decoded: undecodable for a JPEG whose end is missing, as a decoder would fill in
 * what is not there; too_large for one that claims to be what no camera makes (picturecheck.h). */
const gchar *picture_fault (GBytes *picture);
/* NULL with *reason, a word: no_decoder, undecodable, decode_timeout or cancelled. */
GstSample *picture_decode (PictureDecoder *decoder, GBytes *picture, GstClockTime timeout, GCancellable *cancellable,
    const gchar **reason);

G_END_DECLS
