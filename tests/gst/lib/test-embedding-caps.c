/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-embedding-caps.c: caps of embedding streams, built, read, refused, and sent through gdppay. */
#include <gst/heads/heads.h>

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#define ID "0123456789abcdef"

GST_START_TEST (test_build_and_parse)
{
  GstCaps *caps = gst_mae_embedding_caps_new (512, ID, "an encoder.safetensors", 25, 1);
  GstCaps *template = gst_caps_from_string (GST_MAE_EMBEDDING_CAPS);
  GstCaps *nnstreamer = gst_caps_from_string ("other/tensors, format=static, num_tensors=1, types=float32, "
      "dimensions=512:1:1:1, framerate=25/1");
  const gchar *id, *file;
  gint dim;

  fail_unless (gst_caps_is_fixed (caps));
  fail_unless (gst_caps_can_intersect (caps, template));
  fail_unless (gst_caps_can_intersect (caps, nnstreamer));
  fail_unless (gst_mae_embedding_caps_parse (caps, &dim, &id, &file));
  assert_equals_int (dim, 512);
  assert_equals_string (id, ID);
  assert_equals_string (file, "an encoder.safetensors");

  fail_unless (gst_mae_embedding_caps_parse (nnstreamer, &dim, &id, &file));
  assert_equals_int (dim, 512);
  fail_unless (id == NULL && file == NULL);
  fail_unless (gst_mae_embedding_caps_parse (caps, NULL, NULL, NULL));
  gst_caps_unref (caps);
  gst_caps_unref (template);
  gst_caps_unref (nnstreamer);
}
GST_END_TEST

static const struct {
  const gchar *caps;
  gint dim;                     /* 0: refused */
} cases[] = {
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64", 64 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64:1", 64 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64:1:1:1:1:1:1:1", 64 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64:2:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64:10", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)0:1:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)-4:1:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)99999999999:1:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)99999999999999999999999:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)\"\"", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(int)64", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32", 0 },
  { "other/tensors,format=static,num_tensors=2,types=float32,dimensions=(string)64:1:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=uint8,dimensions=(string)64:1:1:1", 0 },
  { "other/tensors,format=flexible,num_tensors=1,types=float32,dimensions=(string)64:1:1:1", 0 },
  { "other/tensor,format=static,num_tensors=1,types=float32,dimensions=(string)64:1:1:1", 0 },
  { "other/tensors,format=static,num_tensors=1,types=float32,dimensions=(string)64,framerate=[0/1,30/1]", 0 },
  { "video/x-raw,width=64", 0 },
  { "ANY", 0 },
  { "EMPTY", 0 },
};

GST_START_TEST (test_parse_table)
{
  GstCaps *caps = gst_caps_from_string (cases[__i__].caps);
  gint dim = -1;
  gboolean parsed = gst_mae_embedding_caps_parse (caps, &dim, NULL, NULL);

  fail_unless (parsed == (cases[__i__].dim > 0), "%s", cases[__i__].caps);
  assert_equals_int (dim, parsed ? cases[__i__].dim : -1);
  gst_caps_unref (caps);
}
GST_END_TEST

GST_START_TEST (test_across_gdp)
{
  const gfloat numbers[4] = { 1.5f, -2.25f, 3e-20f, 4e20f };
  GstHarness *h = gst_harness_new_parse ("gdppay ! gdpdepay");
  GstBuffer *buffer;
  GstCaps *caps;
  const gchar *id, *file;
  gint dim;

  gst_harness_set_src_caps (h, gst_mae_embedding_caps_new (4, ID, "tiny.safetensors", 0, 1));
  buffer = gst_buffer_new_memdup (numbers, sizeof numbers);
  GST_BUFFER_PTS (buffer) = 7 * GST_SECOND;
  fail_unless_equals_int (gst_harness_push (h, buffer), GST_FLOW_OK);
  buffer = gst_harness_pull (h);
  caps = gst_pad_get_current_caps (h->sinkpad);
  fail_unless (gst_mae_embedding_caps_parse (caps, &dim, &id, &file));
  assert_equals_int (dim, 4);
  assert_equals_string (id, ID);
  assert_equals_string (file, "tiny.safetensors");
  fail_unless (gst_buffer_memcmp (buffer, 0, numbers, sizeof numbers) == 0);
  assert_equals_uint64 (GST_BUFFER_PTS (buffer), 7 * GST_SECOND);
  gst_caps_unref (caps);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}
GST_END_TEST

static Suite *
embedding_caps_suite (void)
{
  Suite *suite = suite_create ("embedding-caps");
  TCase *tests = tcase_create ("general");

  suite_add_tcase (suite, tests);
  tcase_add_test (tests, test_build_and_parse);
  tcase_add_loop_test (tests, test_parse_table, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tests, test_across_gdp);
  return suite;
}

GST_CHECK_MAIN (embedding_caps)
