/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-frame-layout.c: a frame that goes to the back end as it is becomes the picture, byte for byte, that the converter
 * of GStreamer 1.22 makes of it: formats, sizes, colours, chroma sites and crops at random. Skipped (77) with another
 * GStreamer, which may round in another way.
 */
#include <gst/check/gstcheck.h>
#include <string.h>

#include "gst/common/gstframelayout.h"
#include "models/gh-frame-fit.h"

static const GstVideoFormat formats[] = {
  GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_NV21, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_YV12,
  GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_BGR, GST_VIDEO_FORMAT_RGBx, GST_VIDEO_FORMAT_BGRx, GST_VIDEO_FORMAT_xRGB,
  GST_VIDEO_FORMAT_xBGR, GST_VIDEO_FORMAT_RGBA, GST_VIDEO_FORMAT_BGRA, GST_VIDEO_FORMAT_ARGB, GST_VIDEO_FORMAT_ABGR,
};
static const GstVideoColorMatrix matrices[] = {
  GST_VIDEO_COLOR_MATRIX_BT601, GST_VIDEO_COLOR_MATRIX_BT709, GST_VIDEO_COLOR_MATRIX_FCC,
  GST_VIDEO_COLOR_MATRIX_SMPTE240M, GST_VIDEO_COLOR_MATRIX_BT2020,
};
static const GstVideoChromaSite sites[] = {
  GST_VIDEO_CHROMA_SITE_UNKNOWN, GST_VIDEO_CHROMA_SITE_JPEG, GST_VIDEO_CHROMA_SITE_MPEG2,
};

typedef struct {
  GRand *random;
  GhCtx *ctx;                   /* one of: */
  GhCtx *ref, *cpu;
  gint planned, refused;
} Rig;

static GstBuffer *
random_frame (Rig *rig, const GstVideoInfo *info)
{
  GstBuffer *frame = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = g_rand_int_range (rig->random, 0, 8) ? g_rand_int (rig->random) >> 24
        : g_rand_boolean (rig->random) ? 255 : 0;
  gst_buffer_unmap (frame, &map);
  return frame;
}

static void
random_crop (Rig *rig, GstBuffer *frame, const GstVideoInfo *info)
{
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta (frame);

  crop->x = g_rand_int_range (rig->random, 0, info->width);
  crop->y = g_rand_int_range (rig->random, 0, info->height);
  crop->width = g_rand_int_range (rig->random, 1, info->width + 2);
  crop->height = g_rand_int_range (rig->random, 1, info->height + 2);
}

/* One thread: where GStreamer's threads meet, they take the chroma of other rows. */
static guint8 *
converted (GstBuffer *frame, const GstVideoInfo *info, gint width, gint height)
{
  GhFrameRectangle part = gst_frame_layout_part (frame, info);
  guint8 *picture = g_malloc ((gsize) width * 3 * height);
  GstVideoInfo rgb;
  GstVideoConverter *converter;
  GstVideoFrame from, to;
  GstBuffer *out;

  gst_video_info_set_format (&rgb, GST_VIDEO_FORMAT_RGB, width, height);
  out = gst_buffer_new_allocate (NULL, rgb.size, NULL);
  converter = gst_video_converter_new (info, &rgb, gst_structure_new ("GstVideoConverter",
          GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, part.x,
          GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, part.y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, part.width,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, part.height,
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, 1, NULL));
  fail_unless (converter && gst_video_frame_map (&from, info, frame, GST_MAP_READ)
      && gst_video_frame_map (&to, &rgb, out, GST_MAP_WRITE));
  gst_video_converter_frame (converter, &from, &to);
  for (gint y = 0; y < height; y++)
    memcpy (picture + (gsize) y * width * 3, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&to, 0)
        + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&to, 0), (gsize) width * 3);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  gst_video_converter_free (converter);
  gst_buffer_unref (out);
  return picture;
}

/* NULL when the frame has no plan. */
static guint8 *
fitted (Rig *rig, GstBuffer *frame, const GstVideoInfo *info, gint width, gint height)
{
  g_autoptr (GhFrameFit) fit = gh_frame_fit_new (rig->ctx, width, height);
  GhFrameRectangle part = gst_frame_layout_part (frame, info);
  const gsize bytes = (gsize) width * 3 * height;
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  gsize strides[GST_VIDEO_MAX_PLANES];
  GhFrameLayout layout;
  GstVideoFrame map;
  guint8 *picture;
  void *rgb;

  if (!gst_frame_layout_from_info (&layout, info, width, height)
      || gh_frame_fit_expect (fit, &layout, &part) != GH_OK)
    return NULL;
  fail_unless (gst_frame_layout_map (&layout, info, frame, &map, planes, strides));
  picture = g_malloc (bytes);
  fail_unless (gh_alloc (rig->ctx, &rgb, bytes) == GH_OK);
  fail_unless (gh_frame_fit_send (fit, planes, strides) == GH_OK, "%s", gh_last_error (rig->ctx));
  fail_unless (gh_frame_fit_run (fit, rgb) == GH_OK, "%s", gh_last_error (rig->ctx));
  fail_unless (gh_download (rig->ctx, picture, rgb, bytes) == GH_OK && gh_sync (rig->ctx) == GH_OK);
  gh_free (rig->ctx, rgb);
  gst_video_frame_unmap (&map);
  return picture;
}

static void
compare (Rig *rig, const GstVideoInfo *info, gboolean cropped, gint width, gint height)
{
  GstBuffer *frame = random_frame (rig, info);
  g_autofree guint8 *want = NULL, *got = NULL;
  GhFrameRectangle part;

  if (cropped)
    random_crop (rig, frame, info);
  part = gst_frame_layout_part (frame, info);
  want = converted (frame, info, width, height);
  got = fitted (rig, frame, info, width, height);
  for (gsize i = 0; got && i < (gsize) width * 3 * height; i++) {
    if (got[i] != want[i])
      fail ("%s %dx%d (%d,%d %dx%d), matrix %d range %d site %d, to %dx%d: value %" G_GSIZE_FORMAT " of pixel "
          "%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT " is %d instead of %d", info->finfo->name, info->width, info->height,
          part.x, part.y, part.width, part.height, info->colorimetry.matrix, info->colorimetry.range,
          info->chroma_site, width, height, i % 3, i / 3 % width, i / 3 / width, got[i], want[i]);
  }
  if (got)
    rig->planned++;
  else
    rig->refused++;
  gst_buffer_unref (frame);
}

static void
random_info (Rig *rig, GstVideoInfo *info, GstVideoFormat format, gint width, gint height)
{
  gst_video_info_set_format (info, format, width, height);
  if (!GST_VIDEO_INFO_IS_YUV (info))
    return;
  info->colorimetry.matrix = matrices[g_rand_int_range (rig->random, 0, G_N_ELEMENTS (matrices))];
  info->colorimetry.range = g_rand_boolean (rig->random) ? GST_VIDEO_COLOR_RANGE_0_255 : GST_VIDEO_COLOR_RANGE_16_235;
  info->chroma_site = sites[g_rand_int_range (rig->random, 0, G_N_ELEMENTS (sites))];
}

GST_START_TEST (test_same_picture)
{
  static const gint sizes[][4] = {
    {1, 1, 16, 16}, {2, 2, 1, 1}, {3, 5, 7, 2}, {160, 96, 160, 96}, {160, 96, 80, 96}, {160, 96, 160, 48},
    {161, 97, 160, 96}, {640, 480, 480, 288}, {320, 240, 480, 288}, {1280, 720, 480, 288}, {99, 1000, 160, 96},
    {1000, 99, 160, 96}, {1921, 31, 48, 48},
  };
  Rig rig = { .random = g_rand_new_with_seed (7) };
  GstVideoInfo info;

  fail_unless (gh_ctx_new (&rig.ref, GH_DEVICE_REF, 1, NULL, 0) == GH_OK);
  fail_unless (gh_ctx_new (&rig.cpu, GH_DEVICE_CPU, 2, NULL, 0) == GH_OK);
  for (guint f = 0; f < G_N_ELEMENTS (formats); f++) {
    rig.ctx = rig.cpu;
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
      random_info (&rig, &info, formats[f], sizes[s][0], sizes[s][1]);
      compare (&rig, &info, FALSE, sizes[s][2], sizes[s][3]);
    }
    for (gint i = 0; i < 40; i++) {
      gint most = i % 3 ? 50 : 200;

      rig.ctx = i % 4 < 2 ? rig.ref : rig.cpu;
      random_info (&rig, &info, formats[f], g_rand_int_range (rig.random, 1, most),
          g_rand_int_range (rig.random, 1, most));
      compare (&rig, &info, i % 2, g_rand_int_range (rig.random, 1, 50), g_rand_int_range (rig.random, 1, 50));
    }
  }
  GST_INFO ("%d compared, %d refused", rig.planned, rig.refused);
  fail_unless (rig.planned > 8 * rig.refused, "%d compared, %d refused", rig.planned, rig.refused);
  gh_ctx_free (rig.cpu);
  gh_ctx_free (rig.ref);
  g_rand_free (rig.random);
}
GST_END_TEST;

static Suite *
frame_layout_suite (void)
{
  Suite *suite = suite_create ("frame-layout");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_same_picture);
  return suite;
}

int
main (int argc, char **argv)
{
  guint major, minor, micro, nano;

  gst_check_init (&argc, &argv);
  gst_version (&major, &minor, &micro, &nano);
  if (major != 1 || minor != 22) {
    g_print ("skipped: this is GStreamer %u.%u\n", major, minor);
    return 77;
  }
  return gst_check_run_suite (frame_layout_suite (), "frame_layout", __FILE__);
}
