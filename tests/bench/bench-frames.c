/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench-frames.c: milliseconds from a camera's frame to a model's picture: GStreamer's converter and our kernels on the
 * same processor and thread in turn, medians and the fastest of each, and whether both gave the same bytes.
 *
 *   bench-frames [--threads=N] [--rounds=N]
 */
#include <gst/video/video.h>
#include <stdlib.h>
#include <string.h>

#include "gst/common/gstframelayout.h"
#include "models/gh-frame-fit.h"

static const GstVideoFormat formats[] = {
  GST_VIDEO_FORMAT_NV12, GST_VIDEO_FORMAT_I420, GST_VIDEO_FORMAT_RGB, GST_VIDEO_FORMAT_BGRx,
};
static const gint sizes[][4] = {
  {1920, 1080, 960, 576}, {1920, 1080, 480, 288}, {1280, 720, 960, 576}, {1280, 720, 480, 288}, {640, 480, 480, 288},
  {640, 480, 960, 576}, {3840, 2160, 960, 576},
};
static gint threads = 1, rounds = 41;

static GstVideoConverter *
new_converter (GstVideoInfo *in, GstVideoInfo *out)
{
  return gst_video_converter_new (in, out, gst_structure_new ("GstVideoConverter",
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, threads, NULL));
}

static int
ascending (const void *a, const void *b)
{
  gint64 left = *(const gint64 *) a, right = *(const gint64 *) b;
  return left < right ? -1 : left > right;
}

static GstBuffer *
random_frame (const GstVideoInfo *info)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  GstBuffer *frame = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstMapInfo map;

  gst_buffer_map (frame, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = g_rand_int (random) >> 24;
  gst_buffer_unmap (frame, &map);
  return frame;
}

static gboolean
same (const guint8 *picture, GstVideoFrame *converted)
{
  const gint row = GST_VIDEO_FRAME_WIDTH (converted) * 3;

  for (gint y = 0; y < GST_VIDEO_FRAME_HEIGHT (converted); y++) {
    if (memcmp (picture + (gsize) y * row, (guint8 *) GST_VIDEO_FRAME_PLANE_DATA (converted, 0)
            + (gsize) y * GST_VIDEO_FRAME_PLANE_STRIDE (converted, 0), row) != 0)
      return FALSE;
  }
  return TRUE;
}

static void
measure (GhCtx *ctx, GstVideoFormat format, const gint *size)
{
  g_autoptr (GhFrameFit) fit = gh_frame_fit_new (ctx, size[2], size[3]);
  g_autofree guint8 *picture = g_malloc ((gsize) size[2] * 3 * size[3]);
  g_autofree gint64 *theirs = g_new (gint64, rounds), *ours = g_new (gint64, rounds);
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  gsize strides[GST_VIDEO_MAX_PLANES];
  GstVideoConverter *converter;
  GstBuffer *frame, *out;
  GstVideoInfo info, rgb;
  GhFrameRectangle part;
  GhFrameLayout layout;
  GstVideoFrame from, to;

  gst_video_info_set_format (&info, format, size[0], size[1]);
  gst_video_info_set_format (&rgb, GST_VIDEO_FORMAT_RGB, size[2], size[3]);
  frame = random_frame (&info);
  out = gst_buffer_new_allocate (NULL, rgb.size, NULL);
  converter = new_converter (&info, &rgb);
  part = gst_frame_layout_part (frame, &info);
  if (!gst_frame_layout_from_info (&layout, &info, size[2], size[3])
      || gh_frame_fit_expect (fit, &layout, &part) != GH_OK
      || !gst_frame_layout_map (&layout, &info, frame, &from, planes, strides)
      || !gst_video_frame_map (&to, &rgb, out, GST_MAP_WRITE))
    g_error ("%s has no plan", info.finfo->name);
  for (gint i = 0; i < rounds; i++) {
    gint64 start = g_get_monotonic_time (), between;

    gst_video_converter_frame (converter, &from, &to);
    between = g_get_monotonic_time ();
    if (gh_frame_fit_send (fit, planes, strides) != GH_OK || gh_frame_fit_run (fit, picture) != GH_OK)
      g_error ("%s", gh_last_error (ctx));
    theirs[i] = between - start;
    ours[i] = g_get_monotonic_time () - between;
  }
  qsort (theirs, rounds, sizeof *theirs, ascending);
  qsort (ours, rounds, sizeof *ours, ascending);
  g_print ("%-4s %4dx%-4d to %3dx%-3d  GStreamer %6.2f (%6.2f)  ours %6.2f (%6.2f)  %4.2f times as fast, %s bytes\n",
      info.finfo->name, size[0], size[1], size[2], size[3], theirs[rounds / 2] / 1e3, theirs[0] / 1e3,
      ours[rounds / 2] / 1e3, ours[0] / 1e3, theirs[rounds / 2] / (double) ours[rounds / 2],
      same (picture, &to) ? "the same" : "OTHER");
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  gst_video_converter_free (converter);
  gst_buffer_unref (out);
  gst_buffer_unref (frame);
}

int
main (int argc, char **argv)
{
  const GOptionEntry entries[] = {
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, "Threads of each (1; with more GStreamer's bytes differ)", "N" },
    { "rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "Times that each is measured (41)", "N" },
    { NULL }
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  char reason[256] = "";
  GhCtx *ctx;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || threads < 1 || rounds < 1) {
    g_printerr ("bench-frames: %s\n", error ? error->message : "threads and rounds are at least 1");
    return 2;
  }
  gst_init (NULL, NULL);
  if (gh_ctx_new (&ctx, GH_DEVICE_CPU, threads, reason, sizeof (reason)) != GH_OK) {
    g_printerr ("bench-frames: %s\n", reason);
    return 1;
  }
  g_print ("Milliseconds, median (fastest) of %d, %s\n", rounds, reason);
  for (guint f = 0; f < G_N_ELEMENTS (formats); f++)
    for (guint s = 0; s < G_N_ELEMENTS (sizes); s++)
      measure (ctx, formats[f], sizes[s]);
  gh_ctx_free (ctx);
  return 0;
}
