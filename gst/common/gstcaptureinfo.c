/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstcaptureinfo.c: see gstcaptureinfo.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstcaptureinfo.h"

static GstStaticCaps unix_caps = GST_STATIC_CAPS ("timestamp/x-unix");

void
gst_capture_info_meta_register (void)
{
  static gsize registered;
  static const gchar *tags[] = { NULL };

  if (g_once_init_enter (&registered)) {
    if (!gst_meta_get_info (GST_CAPTURE_INFO_META_NAME))
      gst_meta_register_custom (GST_CAPTURE_INFO_META_NAME, tags, NULL, NULL, NULL);
    g_once_init_leave (&registered, 1);
  }
}

void
gst_buffer_add_capture_info (GstBuffer *buffer, const GstCaptureInfo *info)
{
  GstCaps *caps = gst_static_caps_get (&unix_caps);
  GstStructure *structure;

  gst_capture_info_meta_register ();
  structure = gst_custom_meta_get_structure (gst_buffer_add_custom_meta (buffer, GST_CAPTURE_INFO_META_NAME));
  gst_structure_set (structure, "captured-at", G_TYPE_INT64, info->captured_at, "received-at", G_TYPE_INT64,
      info->received_at, "clock-suspect", G_TYPE_BOOLEAN, info->clock_suspect, NULL);
  if (info->source)
    gst_structure_set (structure, "source", G_TYPE_STRING, info->source, NULL);
  if (info->uri)
    gst_structure_set (structure, "uri", G_TYPE_STRING, info->uri, NULL);
  if (info->media_sequence != G_MAXUINT64)
    gst_structure_set (structure, "media-sequence", G_TYPE_UINT64, info->media_sequence, NULL);
  if (info->captured_at > 0)
    gst_buffer_add_reference_timestamp_meta (buffer, caps, info->captured_at * GST_USECOND, GST_CLOCK_TIME_NONE);
  gst_caps_unref (caps);
}

gboolean
gst_buffer_get_capture_info (GstBuffer *buffer, GstCaptureInfo *info)
{
  GstCustomMeta *meta;
  GstStructure *structure;

  gst_capture_info_meta_register ();
  meta = gst_buffer_get_custom_meta (buffer, GST_CAPTURE_INFO_META_NAME);
  if (meta == NULL)
    return FALSE;
  structure = gst_custom_meta_get_structure (meta);
  *info = (GstCaptureInfo) { .media_sequence = G_MAXUINT64 };
  info->source = gst_structure_get_string (structure, "source");
  info->uri = gst_structure_get_string (structure, "uri");
  gst_structure_get_uint64 (structure, "media-sequence", &info->media_sequence);
  gst_structure_get_boolean (structure, "clock-suspect", &info->clock_suspect);
  return gst_structure_get_int64 (structure, "captured-at", &info->captured_at)
      && gst_structure_get_int64 (structure, "received-at", &info->received_at);
}

GstStructure *
gst_capture_outage_describe (const GstCaptureOutage *outage, const gchar *name)
{
  return gst_structure_new (name, "state", G_TYPE_STRING, outage->begins ? "begin" : "end", "source", G_TYPE_STRING,
      outage->source, "reason", G_TYPE_STRING, outage->reason, "detail", G_TYPE_STRING, outage->detail, "at", G_TYPE_INT64,
      outage->at, NULL);
}

static gboolean
parse (const GstStructure *structure, GstCaptureOutage *outage)
{
  const gchar *state = gst_structure_get_string (structure, "state");

  outage->begins = g_strcmp0 (state, "begin") == 0;
  outage->source = gst_structure_get_string (structure, "source");
  outage->reason = gst_structure_get_string (structure, "reason");
  outage->detail = gst_structure_get_string (structure, "detail");
  return state && outage->source && outage->reason && gst_structure_get_int64 (structure, "at", &outage->at);
}

gboolean
gst_capture_outage_parse (const GstStructure *structure, GstCaptureOutage *outage)
{
  return structure && (gst_structure_has_name (structure, GST_CAPTURE_OUTAGE_NAME)
      || gst_structure_has_name (structure, GST_LIVE_OUTAGE_MESSAGE_NAME)) && parse (structure, outage);
}

void
gst_capture_outage_post (const GstCaptureOutage *outage, GstElement *element)
{
  const gchar *detail = outage->begins ? outage->detail : NULL;
  gchar *words = outage->begins ? g_strdup_printf ("No frames from %s: %s%s%s", outage->source, outage->reason,
      detail ? ": " : "", detail ? detail : "") : g_strdup_printf ("Frames from %s again", outage->source);

  gst_element_post_message (element, gst_message_new_element (GST_OBJECT (element),
          gst_capture_outage_describe (outage, GST_LIVE_OUTAGE_MESSAGE_NAME)));
  gst_element_message_full_with_details (element, outage->begins ? GST_MESSAGE_WARNING : GST_MESSAGE_INFO, GST_RESOURCE_ERROR,
      GST_RESOURCE_ERROR_READ, words, NULL, __FILE__, G_STRFUNC, __LINE__,
      gst_capture_outage_describe (outage, GST_LIVE_OUTAGE_MESSAGE_NAME));
}

gboolean
gst_message_is_outage_in_words (GstMessage *message)
{
  const GstStructure *details = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning_details (message, &details);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_INFO)
    gst_message_parse_info_details (message, &details);
  return details && gst_structure_has_name (details, GST_LIVE_OUTAGE_MESSAGE_NAME);
}

gboolean
gst_capture_doubt_parse (const GstStructure *structure, GstCaptureOutage *doubt)
{
  return structure && gst_structure_has_name (structure, GST_LIVE_DOUBT_MESSAGE_NAME) && parse (structure, doubt);
}
