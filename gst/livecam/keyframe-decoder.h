/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * keyframe-decoder.h: the first picture of a segment, by a pipeline that lives as long as that takes. Only that one
 * picture is decoded, which costs a twentieth of decoding all.
 */
#pragma once

#include <gio/gio.h>
#include <gst/gst.h>

G_BEGIN_DECLS

/* map (may be NULL) comes before the segment. NULL with *reason, a word: no_decoder, undecodable, no_keyframe,
 * decode_timeout or cancelled. *offset: of the picture from the segment's beginning. */
GstSample *keyframe_decode (GBytes *map, GBytes *segment, GstClockTime timeout, GCancellable *cancellable,
    GstClockTime *offset, const gchar **reason);

/* For pipelines around decodebin or uridecodebin: links its pictures to the sink, and has nothing else decoded. */
void link_pictures_to (GstElement *decodebin, GstElement *sink);
/* The word for an error out of such a pipeline: no_decoder or undecodable. */
const gchar *decoding_reason (const GError *error);

gboolean is_picture_decoder (GstElement *element);

/* What came by of the pictures, set by streaming threads. */
typedef struct {
  gint coded;                   /* anything of them, whole or not */
  gint key;                     /* a key frame */
  gboolean first_only;          /* the caller's: the decoder gets the first key frame alone */
} PassedPictures;

/* For such a pipeline before its source is linked to anything; passed outlives the pipeline. */
void watch_pictures (GstElement *pipeline, PassedPictures *passed);
/* Whether there were pictures, and none to begin with. */
gboolean lacks_key_frame (PassedPictures *passed);

G_END_DECLS
