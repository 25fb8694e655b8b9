/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstframescaler.c: the kernels, or GstVideoConverter for the formats they leave to it, behind a fixed output picture;
 * see the header for the policy.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframescaler.h"

#include "gstframelayout.h"
#include "models/gh-frame-fit.h"

/* More threads than this wait for each other longer than they work on frames of camera size. */
#define MAX_AUTO_THREADS 4

struct _GstFrameScaler
{
  guint threads;
  GstVideoInfo in_info;         /* as given; GST_VIDEO_FORMAT_UNKNOWN before set_info() */
  GhFrameRectangle rect;        /* the part of the frame that is read */

  GhFrameLayout layout;
  gboolean has_layout;          /* the kernels know such frames, */
  GhCtx *ctx;                   /* (NULL before the first of them) */
  GhFrameFit *fit;
  guint8 *picture;              /* [height,width,3] */
  gboolean is_fitted;           /* and have a plan for rect; else: */
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
  g_clear_pointer (&scaler->fit, gh_frame_fit_free);
  g_clear_pointer (&scaler->ctx, gh_ctx_free);
  g_free (scaler->picture);
  gst_video_frame_unmap (&scaler->out);
  gst_buffer_unref (scaler->out_buffer);
  g_free (scaler);
}

/* FALSE when it is the converter's turn. */
static gboolean
plan_fit (GstFrameScaler *scaler)
{
  const gint width = GST_VIDEO_INFO_WIDTH (&scaler->out_info), height = GST_VIDEO_INFO_HEIGHT (&scaler->out_info);

  if (!scaler->ctx && gh_ctx_new (&scaler->ctx, GH_DEVICE_CPU, scaler->threads, NULL, 0) == GH_OK) {
    scaler->fit = gh_frame_fit_new (scaler->ctx, width, height);
    scaler->picture = g_malloc ((gsize) width * 3 * height);
  }
  return scaler->fit && gh_frame_fit_expect (scaler->fit, &scaler->layout, &scaler->rect) == GH_OK;
}

static gboolean
build_converter (GstFrameScaler *scaler)
{
  const GhFrameRectangle *rect = &scaler->rect;
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
          GST_VIDEO_CONVERTER_OPT_SRC_WIDTH, G_TYPE_INT, rect->width,
          GST_VIDEO_CONVERTER_OPT_SRC_HEIGHT, G_TYPE_INT, rect->height,
          GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD, GST_VIDEO_RESAMPLER_METHOD_LINEAR,
          GST_VIDEO_CONVERTER_OPT_DITHER_METHOD, GST_TYPE_VIDEO_DITHER_METHOD, GST_VIDEO_DITHER_NONE,
          GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, scaler->threads, NULL));
  return scaler->converter != NULL;
}

static gboolean
prepare (GstFrameScaler *scaler, const GhFrameRectangle *rect)
{
  scaler->rect = *rect;
  g_clear_pointer (&scaler->converter, gst_video_converter_free);
  scaler->is_fitted = scaler->has_layout && plan_fit (scaler);
  return scaler->is_fitted || build_converter (scaler);
}

gboolean
gst_frame_scaler_set_info (GstFrameScaler *scaler, const GstVideoInfo *info)
{
  GhFrameRectangle all = { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };

  if ((scaler->is_fitted || scaler->converter) && gst_video_info_is_equal (&scaler->in_info, info))
    return TRUE;
  scaler->in_info = *info;
  scaler->has_layout = gst_frame_layout_from_info (&scaler->layout, info, GST_VIDEO_INFO_WIDTH (&scaler->out_info),
      GST_VIDEO_INFO_HEIGHT (&scaler->out_info));
  return prepare (scaler, &all);
}

/* FALSE when the frame cannot be read, or only by the converter. */
static gboolean
fit (GstFrameScaler *scaler, GstBuffer *buffer)
{
  const guint8 *planes[GST_VIDEO_MAX_PLANES];
  gsize strides[GST_VIDEO_MAX_PLANES];
  GstVideoFrame in;
  gboolean done;

  if (!gst_frame_layout_map (&scaler->layout, &scaler->in_info, buffer, &in, planes, strides))
    return FALSE;
  done = gh_frame_fit_send (scaler->fit, planes, strides) == GH_OK
      && gh_frame_fit_run (scaler->fit, scaler->picture) == GH_OK;
  gst_video_frame_unmap (&in);
  return done;
}

const guint8 *
gst_frame_scaler_scale (GstFrameScaler *scaler, GstBuffer *buffer, gsize *stride)
{
  GhFrameRectangle rect;
  GstVideoFrame in;

  if (!scaler->is_fitted && !scaler->converter)
    return NULL;
  rect = gst_frame_layout_part (buffer, &scaler->in_info);
  if (!gst_frame_layout_same_part (&rect, &scaler->rect) && !prepare (scaler, &rect))
    return NULL;
  if (scaler->is_fitted && fit (scaler, buffer)) {
    *stride = (gsize) GST_VIDEO_INFO_WIDTH (&scaler->out_info) * 3;
    return scaler->picture;
  }
  if (!scaler->converter && !build_converter (scaler))
    return NULL;
  if (!gst_video_frame_map (&in, &scaler->in_info, buffer, GST_MAP_READ))
    return NULL;
  gst_video_converter_frame (scaler->converter, &in, &scaler->out);
  gst_video_frame_unmap (&in);

  *stride = GST_VIDEO_FRAME_PLANE_STRIDE (&scaler->out, 0);
  return GST_VIDEO_FRAME_PLANE_DATA (&scaler->out, 0);
}
