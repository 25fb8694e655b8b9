/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstframelayout.c: see gstframelayout.h. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstframelayout.h"

static gboolean
is_planar_420 (GstVideoFormat format)
{
  return format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_YV12;
}

static gboolean
is_semi_planar_420 (GstVideoFormat format)
{
  return format == GST_VIDEO_FORMAT_NV12 || format == GST_VIDEO_FORMAT_NV21;
}

static gboolean
is_rgb_bytes (GstVideoFormat format)
{
  switch (format) {
    case GST_VIDEO_FORMAT_RGB:
    case GST_VIDEO_FORMAT_BGR:
    case GST_VIDEO_FORMAT_RGBx:
    case GST_VIDEO_FORMAT_BGRx:
    case GST_VIDEO_FORMAT_xRGB:
    case GST_VIDEO_FORMAT_xBGR:
    case GST_VIDEO_FORMAT_RGBA:
    case GST_VIDEO_FORMAT_BGRA:
    case GST_VIDEO_FORMAT_ARGB:
    case GST_VIDEO_FORMAT_ABGR:
      return TRUE;
    default:
      return FALSE;
  }
}

/* FALSE for a matrix without weights of red and blue, and for chroma rows that stand on those of Y. */
static gboolean
take_yuv (GhFrameLayout *layout, const GstVideoInfo *info)
{
  const GstVideoFormatInfo *full = gst_video_format_get_info (GST_VIDEO_FORMAT_AYUV);
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];

  layout->subsampled = TRUE;
  layout->cosited = (info->chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0;
  gst_video_color_range_offsets (info->colorimetry.range, full, offset, scale);
  for (gint c = 0; c < 3; c++)
    layout->range[c] = scale[c];
  return !(info->chroma_site & GST_VIDEO_CHROMA_SITE_V_COSITED)
      && gst_video_color_matrix_get_Kr_Kb (info->colorimetry.matrix, &layout->kr, &layout->kb);
}

gboolean
gst_frame_layout_from_info (GhFrameLayout *layout, const GstVideoInfo *info, gint width, gint height)
{
  const GstVideoFormat format = GST_VIDEO_INFO_FORMAT (info);
  const gboolean planar = is_planar_420 (format), yuv = planar || is_semi_planar_420 (format);

  *layout = (GhFrameLayout) {
    .width = GST_VIDEO_INFO_WIDTH (info),
    .height = GST_VIDEO_INFO_HEIGHT (info),
    .n_planes = GST_VIDEO_INFO_N_PLANES (info),
    .packed_rgb = format == GST_VIDEO_FORMAT_RGB,
  };
  if (GST_VIDEO_INFO_IS_INTERLACED (info) || (!yuv && !is_rgb_bytes (format)))
    return FALSE;
  if (planar && layout->width == width && layout->height == height)
    return FALSE;
  for (gint c = 0; c < 3; c++) {
    layout->channel[c].plane = GST_VIDEO_INFO_COMP_PLANE (info, c);
    layout->channel[c].step = GST_VIDEO_INFO_COMP_PSTRIDE (info, c);
    layout->channel[c].offset = GST_VIDEO_INFO_COMP_POFFSET (info, c);
  }
  return !yuv || take_yuv (layout, info);
}

GhFrameRectangle
gst_frame_layout_part (GstBuffer *frame, const GstVideoInfo *info)
{
  GhFrameRectangle part = { 0, 0, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info) };
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta (frame);

  if (crop && crop->x < (guint) part.width && crop->y < (guint) part.height && crop->width && crop->height) {
    part.x = crop->x;
    part.y = crop->y;
    part.width = MIN (crop->width, (guint) (part.width - part.x));
    part.height = MIN (crop->height, (guint) (part.height - part.y));
  }
  return part;
}

gboolean
gst_frame_layout_same_part (const GhFrameRectangle *a, const GhFrameRectangle *b)
{
  return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height;
}

gboolean
gst_frame_layout_map (const GhFrameLayout *layout, const GstVideoInfo *info, GstBuffer *frame, GstVideoFrame *map,
    const guint8 **planes, gsize *strides)
{
  gboolean fits;

  if (!gst_video_frame_map (map, info, frame, GST_MAP_READ))
    return FALSE;
  fits = GST_VIDEO_FRAME_FORMAT (map) == GST_VIDEO_INFO_FORMAT (info) && GST_VIDEO_FRAME_WIDTH (map) >= layout->width
      && GST_VIDEO_FRAME_HEIGHT (map) >= layout->height;
  for (gint c = 0; c < 3; c++)
    fits &= GST_VIDEO_FRAME_COMP_STRIDE (map, c) >= GST_VIDEO_INFO_COMP_WIDTH (info, c) * layout->channel[c].step;
  for (gint p = 0; fits && p < layout->n_planes; p++) {
    planes[p] = GST_VIDEO_FRAME_PLANE_DATA (map, p);
    strides[p] = GST_VIDEO_FRAME_PLANE_STRIDE (map, p);
  }
  if (!fits)
    gst_video_frame_unmap (map);
  return fits;
}
