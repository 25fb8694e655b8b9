/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-capture-info.c: what is written on a frame or an outage is what is read. */
#include <gst/check/gstcheck.h>

#include "gst/common/gstcaptureinfo.h"

GST_START_TEST (test_round_trip)
{
  GstCaptureInfo info = { "gate", "rtsp://camera/stream", 1700000000000000, 1700000001000000, 42, TRUE }, back;
  GstBuffer *buffer = gst_buffer_new (), *copy;
  GstReferenceTimestampMeta *meta;

  fail_if (gst_buffer_get_capture_info (buffer, &back));
  gst_buffer_add_capture_info (buffer, &info);
  copy = gst_buffer_copy (buffer);
  fail_unless (gst_buffer_get_capture_info (copy, &back));
  fail_unless_equals_string (back.source, "gate");
  fail_unless_equals_string (back.uri, "rtsp://camera/stream");
  fail_unless_equals_int64 (back.captured_at, info.captured_at);
  fail_unless_equals_int64 (back.received_at, info.received_at);
  fail_unless_equals_uint64 (back.media_sequence, 42);
  fail_unless (back.clock_suspect);
  meta = gst_buffer_get_reference_timestamp_meta (copy, NULL);
  fail_unless_equals_uint64 (meta->timestamp, 1700000000 * GST_SECOND);
  gst_buffer_unref (buffer);
  gst_buffer_unref (copy);
}

GST_END_TEST
GST_START_TEST (test_unknown)
{
  GstCaptureInfo info = { NULL, NULL, 5, 6, G_MAXUINT64, FALSE }, back;
  GstBuffer *buffer = gst_buffer_new ();

  gst_buffer_add_capture_info (buffer, &info);
  fail_unless (gst_buffer_get_capture_info (buffer, &back));
  fail_unless (back.source == NULL && back.uri == NULL);
  fail_unless_equals_uint64 (back.media_sequence, G_MAXUINT64);
  gst_buffer_unref (buffer);
}

GST_END_TEST
GST_START_TEST (test_outage)
{
  GstCaptureOutage outage = { TRUE, "gate", "stale", NULL, 77 }, back;
  GstStructure *structure = gst_capture_outage_describe (&outage, GST_LIVE_OUTAGE_MESSAGE_NAME);

  fail_unless (gst_capture_outage_parse (structure, &back));
  fail_unless (back.begins && back.detail == NULL);
  fail_unless_equals_string (back.source, "gate");
  fail_unless_equals_string (back.reason, "stale");
  fail_unless_equals_int64 (back.at, 77);
  fail_if (gst_capture_doubt_parse (structure, &back));
  gst_structure_set_name (structure, GST_LIVE_DOUBT_MESSAGE_NAME);
  fail_if (gst_capture_outage_parse (structure, &back));
  fail_unless (gst_capture_doubt_parse (structure, &back));
  fail_unless_equals_string (back.reason, "stale");
  gst_structure_set_name (structure, "another");
  fail_if (gst_capture_outage_parse (structure, &back));
  fail_if (gst_capture_doubt_parse (structure, &back));
  fail_if (gst_capture_outage_parse (NULL, &back));
  gst_structure_free (structure);
}

GST_END_TEST
static Suite *
capture_info_suite (void)
{
  Suite *suite = suite_create ("capture-info");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_round_trip);
  tcase_add_test (tests, test_unknown);
  tcase_add_test (tests, test_outage);
  return suite;
}

GST_CHECK_MAIN (capture_info)
