/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstframescaler.c: GstVideoConverter behind a fixed output picture; see the header for the policy.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframescaler.h"

/* More threads than this wait for each other longer than they work on frames of camera size. */
#define MAX_AUTO_THREADS 4

struct _GstFrameScaler
{
  guint threads;
  GstVideoInfo in_info;         /* as given; GST_VIDEO_FORMAT_UNKNOWN before set_info() */
  GstVideoRectangle rect;       /* the part of the frame the converter reads */
  GstVideoConverter *converter;

  GstVideoInfo out_info;
  GstBuffer *out_buffer;
  GstVideoFrame out;            /* out_buffer, mapped as long as the scaler lives */
};

GstFrameScaler *
gst_frame_scaler_new (gint width, gint height, guint threads)
{
  GstFrameScaler *scaler = g_new0 (GstFrameScaler, 1);

  scaler->threads = threads ? threads : MIN (g_get_num_processors (), MAX_AUTO_THREADS);
  gst_video_info_init (&scaler->in_info);
  gst_video_info_set_format (&scaler->out_info, GST_VIDEO_FORMAT_RGB, width, height);
  scaler->out_buffer = gst_buffer_new_allocate (NULL, scaler->out_info.size, NULL);
  if (!gst_video_frame_map (&scaler->out, &scaler->out_info, scaler->out_buffer, GST_MAP_READWRITE))
    g_assert_not_reached ();    /* plain memory of exactly that size */
  return scaler;
}

void
gst_frame_scaler_free (GstFrameScaler *scaler)
{
  if (!scaler)
    return;
  g_clear_pointer (&scaler->converter, gst_video_converter_free);
  gst_video_frame_unmap (&scaler->out);
  gst_buffer_unref (scaler->out_buffer);
  g_free (scaler);
}

static gboolean
rectangle_equal (const GstVideoRectangle *a, const GstVideoRectangle *b)
{
  return a->x == b->x && a->y == b->y && a->w == b->w && a->h == b->h;
}

static gboolean
build_converter (GstFrameScaler *scaler, const GstVideoRectangle *rect)
{
  GstVideoInfo in = scaler->in_info, out = scaler->out_info;

  /* A converter wants both sides to agree on time and fields, which are nothing to us. */
  in.interlace_mode = out.interlace_mode = GST_VIDEO_INTERLACE_MODE_PROGRESSIVE;
  out.fps_n = in.fps_n;
  out.fps_d = in.fps_d;

  g_clear_pointer (&scaler->converter, gst_video_converter_free);
  scaler->converter = gst_video_converter_new (&in, &out,
      gst_structure_new ("GstVideoConverter",
          GST_VIDEO_CONVERTER_OPT_SRC_X, G_TYPE_INT, rect->x,
          GST_VIDEO_CONVERTER_OPT_SRC_Y, G_TYPE_INT, rect->y,
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, rect->w,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, rect->h,
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, scaler->threads, NULL));
  scaler->rect = *rect;
  return scaler->converter != NULL;
}

gboolean
gst_frame_scaler_set_info (GstFrameScaler *scaler, const GstVideoInfo *info)
{
  GstVideoRectangle all = { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };

  if (scaler->converter && gst_video_info_is_equal (&scaler->in_info, info))
    return TRUE;
  scaler->in_info = *info;
  return build_converter (scaler, &all);
}

/* The crop rectangle cut to the frame; the whole frame without one or when nothing of it lies inside. */
static GstVideoRectangle
picture_rectangle (GstBuffer *buffer, const GstVideoInfo *info)
{
  GstVideoRectangle rect = { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (buffer);

  if (crop && crop->x < (guint) rect.w && crop->y < (guint) rect.h && crop->width && crop->height) {
    rect.x = crop->x;
    rect.y = crop->y;
    rect.w = MIN (crop->width, (guint) (rect.w - rect.x));
    rect.h = MIN (crop->height, (guint) (rect.h - rect.y));
  }
  return rect;
}

const guint8 *
gst_frame_scaler_scale (GstFrameScaler *scaler, GstBuffer *buffer, gsize *stride)
{
  GstVideoRectangle rect;
  GstVideoFrame in;

  if (!scaler->converter)
    return NULL;
  rect = picture_rectangle (buffer, &scaler->in_info);
  if (!rectangle_equal (&rect, &scaler->rect) && !build_converter (scaler, &rect))
    return NULL;
  if (!gst_video_frame_map (&in, &scaler->in_info, buffer, GST_MAP_READ))
    return NULL;
  gst_video_converter_frame (scaler->converter, &in, &scaler->out);
  gst_video_frame_unmap (&in);

  *stride = GST_VIDEO_FRAME_PLANE_STRIDE (&scaler->out, 0);
  return GST_VIDEO_FRAME_PLANE_DATA (&scaler->out, 0);
}
