/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstcaptureinfo.h: where and when a frame of a live camera was taken, and when none could be, between the source that
 * knows it and the elements that record it.
 *
 * The meta is a GstCustomMeta "GstCaptureInfo" with an empty tag list, so it survives conversion and encoding. Its
 * structure holds: source (string, the camera's name), uri (string, without passwords and queries), captured-at and
 * received-at (int64, microseconds since 1970-01-01 UTC), media-sequence (uint64, of the HLS segment; absent elsewhere),
 * clock-suspect (boolean, the camera's clock and this machine's are more than a minute apart).
 *
 * An outage is a structure "GstCaptureOutage", carried downstream by a serialised GST_EVENT_CUSTOM_DOWNSTREAM and
 * posted as the element message "live-outage" with the same fields: state (string, "begin" or "end"), source (string),
 * reason (string, a word), detail (string, for people), at (int64, microseconds since 1970 UTC); a WARNING or an INFO says
 * it in words. What makes frames
 * doubtful that come nevertheless is the element message "live-doubt" with the same fields.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_CAPTURE_INFO_META_NAME "GstCaptureInfo"
#define GST_CAPTURE_OUTAGE_NAME "GstCaptureOutage"
#define GST_LIVE_OUTAGE_MESSAGE_NAME "live-outage"
#define GST_LIVE_DOUBT_MESSAGE_NAME "live-doubt"

typedef struct {
  const gchar *source, *uri;    /* NULL: unknown */
  gint64 captured_at, received_at;
  guint64 media_sequence;       /* G_MAXUINT64: none */
  gboolean clock_suspect;
} GstCaptureInfo;

typedef struct {
  gboolean begins;              /* else it ends */
  const gchar *source, *reason, *detail;        /* detail may be NULL */
  gint64 at;
} GstCaptureOutage;

/* Harmless to repeat; thread-safe. */
void gst_capture_info_meta_register (void);
/* The buffer has to be writable. A reference timestamp (timestamp/x-unix) of captured_at goes with it. */
void gst_buffer_add_capture_info (GstBuffer *buffer, const GstCaptureInfo *info);
/* FALSE: the buffer has none. The texts live as long as the buffer. */
gboolean gst_buffer_get_capture_info (GstBuffer *buffer, GstCaptureInfo *info);

/* name: one of the three above. */
GstStructure *gst_capture_outage_describe (const GstCaptureOutage *outage, const gchar *name);
/* FALSE: the structure, which may be NULL, is no outage; a doubt is none. The texts live as long as it. */
gboolean gst_capture_outage_parse (const GstStructure *structure, GstCaptureOutage *outage);
/* Posts it as the message "live-outage", and in words for whoever does not know that: as a WARNING when it begins and an
 * INFO when it ends, with the same structure as details. */
void gst_capture_outage_post (const GstCaptureOutage *outage, GstElement *element);
/* Whether the message is those words, which tell nothing that the other message does not. */
gboolean gst_message_is_outage_in_words (GstMessage *message);
/* The same of a doubt, which an outage is not. */
gboolean gst_capture_doubt_parse (const GstStructure *structure, GstCaptureOutage *doubt);

G_END_DECLS
