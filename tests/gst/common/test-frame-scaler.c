/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frame-scaler.c: every format and awkward sizes keep their colour, strides and crop rectangles are honoured,
 * reduction averages, and the number of threads changes nothing.
 */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "gst/common/gstframescaler.h"

#define OUT_WIDTH 160
#define OUT_HEIGHT 96

/* A frame of one colour in the given format, made by GStreamer from ARGB. */
static GstBuffer *
solid_frame (const GstVideoInfo *info, guint8 r, guint8 g, guint8 b)
{
  GstVideoInfo argb_info, out_info = *info;
  GstBuffer *argb, *out = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstVideoConverter *converter;
  GstVideoFrame from, to;
  GstMapInfo map;

  gst_video_info_set_format (&argb_info, GST_VIDEO_FORMAT_ARGB, info->width, info->height);
  argb = gst_buffer_new_allocate (NULL, argb_info.size, NULL);
  gst_buffer_map (argb, &map, GST_MAP_WRITE);
  for (gsize i = 0; i + 3 < map.size; i += 4) {
    map.data[i] = 255;
    map.data[i + 1] = r;
    map.data[i + 2] = g;
    map.data[i + 3] = b;
  }
  gst_buffer_unmap (argb, &map);

  gst_buffer_memset (out, 0, 0, info->size);
  converter = gst_video_converter_new (&argb_info, &out_info, NULL);
  fail_unless (converter != NULL);
  fail_unless (gst_video_frame_map (&from, &argb_info, argb, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&to, &out_info, out, GST_MAP_READWRITE));
  gst_video_converter_frame (converter, &from, &to);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  gst_video_converter_free (converter);
  gst_buffer_unref (argb);
  return out;
}

/* The columns from x0 up to x1. (Check notes every assertion in a file: none per pixel.) */
static void
check_solid (const guint8 *rgb, gsize stride, gint x0, gint x1, gint r, gint g, gint b, gint tolerance,
    const gchar *what)
{
  for (gint y = 0; y < OUT_HEIGHT; y++) {
    for (gint x = x0; x < x1; x++) {
      const guint8 *p = rgb + y * stride + x * 3;

      if (ABS (p[0] - r) > tolerance || ABS (p[1] - g) > tolerance || ABS (p[2] - b) > tolerance)
        fail ("%s: pixel %d,%d is %d,%d,%d instead of %d,%d,%d", what, x, y, p[0], p[1], p[2], r, g, b);
    }
  }
}

/* Formats that hold no more than an index, a handful of colours or a grey. */
static gboolean
is_coarse (const GstVideoFormatInfo *info)
{
  return GST_VIDEO_FORMAT_INFO_IS_GRAY (info) || GST_VIDEO_FORMAT_INFO_HAS_PALETTE (info)
      || GST_VIDEO_FORMAT_INFO_DEPTH (info, 0) < 8;
}

/* GStreamer 1.22 itself writes the last pixels of some formats wrongly where the width is odd (NV61, NV16_10LE32); what
 * they reach in the output is not compared. */
static gint
sound_columns (gint width)
{
  return width % 2 == 0 ? OUT_WIDTH : MAX (OUT_WIDTH * (width - 4) / width - 1, 0);
}

static const gint sizes[][2] = { {1, 1}, {2, 2}, {17, 33}, {4096, 16}, {160, 96}, {321, 241} };

GST_START_TEST (test_formats)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 1);
  GstCaps *caps = gst_caps_from_string (GST_VIDEO_CAPS_MAKE (GST_VIDEO_FORMATS_ALL));
  const GValue *formats = gst_structure_get_value (gst_caps_get_structure (caps, 0), "format");
  gint width = sizes[__i__][0], height = sizes[__i__][1];

  for (guint i = 0; i < gst_value_list_get_size (formats); i++) {
    const gchar *name = g_value_get_string (gst_value_list_get_value (formats, i));
    GstVideoFormat format = gst_video_format_from_string (name);
    gboolean coarse = is_coarse (gst_video_format_get_info (format));
    GstVideoInfo info;
    GstBuffer *frame;
    const guint8 *rgb;
    gsize stride;

    fail_unless (gst_video_info_set_format (&info, format, width, height), "%s", name);
    frame = coarse ? solid_frame (&info, 255, 255, 255) : solid_frame (&info, 200, 90, 40);
    fail_unless (gst_frame_scaler_set_info (scaler, &info), "%s cannot be converted", name);
    rgb = gst_frame_scaler_scale (scaler, frame, &stride);
    fail_unless (rgb != NULL, "%s of %dx%d", name, width, height);
    fail_unless (stride >= OUT_WIDTH * 3);
    if (!GST_VIDEO_FORMAT_INFO_HAS_PALETTE (info.finfo))
      check_solid (rgb, stride, 0, sound_columns (width), coarse ? 255 : 200, coarse ? 255 : 90, coarse ? 255 : 40, 6,
          name);
    gst_buffer_unref (frame);
  }
  gst_caps_unref (caps);
  gst_frame_scaler_free (scaler);
}
GST_END_TEST;

/* Left half black, right half white: the edge stays in the middle whatever the aspect ratio. */
GST_START_TEST (test_whole_picture)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 0);
  GstVideoInfo info;
  GstBuffer *frame;
  GstMapInfo map;
  const guint8 *rgb;
  gsize stride;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_GRAY8, 400, 100);
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = i % 400 < 200 ? 0 : 255;
  gst_buffer_unmap (frame, &map);

  fail_unless (gst_frame_scaler_set_info (scaler, &info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  for (gint y = 0; y < OUT_HEIGHT; y++) {
    fail_unless (rgb[y * stride + 3 * 0] < 3 && rgb[y * stride + 3 * 78] < 3);
    fail_unless (rgb[y * stride + 3 * 81] > 252 && rgb[y * stride + 3 * 159] > 252);
  }
  gst_buffer_unref (frame);
  gst_frame_scaler_free (scaler);
}
GST_END_TEST;

/* A one-pixel checkerboard becomes grey when made smaller, not a pattern of its own. */
GST_START_TEST (test_no_aliasing)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 1);
  GstVideoInfo info;
  GstBuffer *frame;
  GstMapInfo map;
  const guint8 *rgb;
  gsize stride;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_GRAY8, 1280, 768);
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (i % 1280 + i / 1280) % 2 ? 255 : 0;
  gst_buffer_unmap (frame, &map);

  fail_unless (gst_frame_scaler_set_info (scaler, &info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  for (gint y = 2; y < OUT_HEIGHT - 2; y++) {   /* GStreamer's filters are a little uneven at the very edge */
    for (gint x = 2; x < OUT_WIDTH - 2; x++) {
      if (ABS (rgb[y * stride + x * 3] - 128) > 4)
        fail ("pixel %d,%d is %d", x, y, rgb[y * stride + x * 3]);
    }
  }
  gst_buffer_unref (frame);
  gst_frame_scaler_free (scaler);
}
GST_END_TEST;

/* Red frame, blue rectangle: only the rectangle is seen, and only as long as the meta says so. */
GST_START_TEST (test_crop)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 1);
  GstVideoCropMeta *crop;
  GstVideoInfo info;
  GstBuffer *frame;
  GstMapInfo map;
  const guint8 *rgb;
  gsize stride;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_BGRx, 320, 240);
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gint y = 0; y < 240; y++) {
    for (gint x = 0; x < 320; x++) {
      guint8 *p = map.data + y * info.stride[0] + x * 4;
      gboolean inside = x >= 51 && x < 84 && y >= 100 && y < 177;

      p[0] = inside ? 255 : 0;
      p[1] = 0;
      p[2] = inside ? 0 : 255;
      p[3] = 0;
    }
  }
  gst_buffer_unmap (frame, &map);
  crop = gst_buffer_add_video_crop_meta (frame);
  crop->x = 51;
  crop->y = 100;
  crop->width = 33;
  crop->height = 77;

  fail_unless (gst_frame_scaler_set_info (scaler, &info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  check_solid (rgb, stride, 0, OUT_WIDTH, 0, 0, 255, 1, "cropped");

  /* A rectangle that reaches out of the frame is cut, one that lies outside is no rectangle. */
  crop->x = 319;
  crop->width = 5000;
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  check_solid (rgb, stride, 0, OUT_WIDTH, 255, 0, 0, 1, "cut");
  crop->x = 320;
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  fail_unless (rgb[0] == 255 && rgb[(OUT_HEIGHT / 2) * stride + 3 * (OUT_WIDTH / 5) + 2] == 255);

  gst_buffer_unref (frame);
  gst_frame_scaler_free (scaler);
}
GST_END_TEST;

/* Rows far apart (GstVideoMeta) with garbage between them. */
GST_START_TEST (test_stride)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 2);
  gsize offset[GST_VIDEO_MAX_PLANES] = { 64, };
  gint strides[GST_VIDEO_MAX_PLANES] = { 1000, };
  GstVideoInfo info;
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 64 + 1000 * 50, NULL);
  GstMapInfo map;
  const guint8 *rgb;
  gsize stride;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_RGB, 77, 50);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  memset (map.data, 0xee, map.size);
  for (gint y = 0; y < 50; y++)
    memset (map.data + 64 + y * 1000, 0x20, 77 * 3);
  gst_buffer_unmap (frame, &map);
  gst_buffer_add_video_meta_full (frame, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_FORMAT_RGB, 77, 50, 1, offset, strides);

  fail_unless (gst_frame_scaler_set_info (scaler, &info));
  fail_unless ((rgb = gst_frame_scaler_scale (scaler, frame, &stride)) != NULL);
  check_solid (rgb, stride, 0, OUT_WIDTH, 0x20, 0x20, 0x20, 0, "padded rows");
  gst_buffer_unref (frame);
  gst_frame_scaler_free (scaler);
}
GST_END_TEST;

/* Too few bytes, or no caps yet: no picture, and the next good frame works. */
GST_START_TEST (test_bad_frames)
{
  GstFrameScaler *scaler = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 1);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, 100, NULL);
  GstVideoInfo info;
  gsize stride;

  fail_unless (gst_frame_scaler_scale (scaler, frame, &stride) == NULL);
  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_I420, 64, 64);
  fail_unless (gst_frame_scaler_set_info (scaler, &info));
  fail_unless (gst_frame_scaler_scale (scaler, frame, &stride) == NULL);
  gst_buffer_unref (frame);
  frame = solid_frame (&info, 10, 20, 30);
  fail_unless (gst_frame_scaler_scale (scaler, frame, &stride) != NULL);
  gst_buffer_unref (frame);
  gst_frame_scaler_free (scaler);
  gst_frame_scaler_free (NULL);
}
GST_END_TEST;

/* Of the second, two threads of GStreamer 1.22's converter make another picture than one. */
static const gint shared_heights[] = { 479, 480 };

GST_START_TEST (test_threads_agree)
{
  GstFrameScaler *one = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 1);
  GstFrameScaler *many = gst_frame_scaler_new (OUT_WIDTH, OUT_HEIGHT, 5);
  GRand *rand = g_rand_new_with_seed (5);
  const guint8 *a, *b;
  gsize stride_a, stride_b;
  GstVideoInfo info;
  GstBuffer *frame;
  GstMapInfo map;

  gst_video_info_set_format (&info, GST_VIDEO_FORMAT_NV12, 638, shared_heights[__i__]);
  frame = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = g_rand_int_range (rand, 16, 235);
  gst_buffer_unmap (frame, &map);

  fail_unless (gst_frame_scaler_set_info (one, &info) && gst_frame_scaler_set_info (many, &info));
  a = gst_frame_scaler_scale (one, frame, &stride_a);
  b = gst_frame_scaler_scale (many, frame, &stride_b);
  fail_unless (a && b && stride_a == stride_b);
  for (gint y = 0; y < OUT_HEIGHT; y++)
    fail_unless (memcmp (a + y * stride_a, b + y * stride_b, OUT_WIDTH * 3) == 0, "row %d", y);

  gst_buffer_unref (frame);
  g_rand_free (rand);
  gst_frame_scaler_free (one);
  gst_frame_scaler_free (many);
}
GST_END_TEST;

static Suite *
frame_scaler_suite (void)
{
  Suite *suite = suite_create ("frame-scaler");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_formats, 0, G_N_ELEMENTS (sizes));
  tcase_add_test (tcase, test_whole_picture);
  tcase_add_test (tcase, test_no_aliasing);
  tcase_add_test (tcase, test_crop);
  tcase_add_test (tcase, test_stride);
  tcase_add_test (tcase, test_bad_frames);
  tcase_add_loop_test (tcase, test_threads_agree, 0, G_N_ELEMENTS (shared_heights));
  return suite;
}

GST_CHECK_MAIN (frame_scaler);
