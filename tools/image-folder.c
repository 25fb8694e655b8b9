/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image-folder.c: see image-folder.h.
 */
#include "image-folder.h"
#include "gst/common/gstimagefile.h"
#include "models/gh-error.h"

#include <stdio.h>
#include <string.h>

gboolean
gh_crop_parse (GhCrop *crop, const char *text, GError **error)
{
  int end = -1;

  if (sscanf (text, "%d,%d,%d,%d%n", &crop->x, &crop->y, &crop->width, &crop->height, &end) == 4 && text[end] == '\0'
      && crop->x >= 0 && crop->y >= 0 && crop->width > 0 && crop->height > 0)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "\"%s\" is no crop; x,y,width,height in pixels is, such as 320,240,320,240",
      text);
  return FALSE;
}

char *
gh_crop_to_string (const GhCrop *crop)
{
  return crop->width ? g_strdup_printf ("%d,%d,%d,%d", crop->x, crop->y, crop->width, crop->height) : g_strdup ("");
}

static gboolean G_GNUC_PRINTF (4, 5)
fail (GError **error, GhError code, const char *path, const char *format, ...)
{
  g_autofree char *name = g_filename_display_name (path), *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, code, "%s: %s", name, text);
  return FALSE;
}

/* GH_ERROR_OPEN is for what may succeed another time. */
static GhError
code_of (const GError *problem)
{
  if (g_error_matches (problem, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND))
    return GH_ERROR_NOT_FOUND;
  return problem->domain == GST_RESOURCE_ERROR ? GH_ERROR_OPEN : GH_ERROR_DATA;
}

static GstSample *
decode (const char *path, GError **error)
{
  g_autoptr (GError) problem = NULL;
  GstSample *sample = gst_image_file_read (path, &problem);

  if (!sample)
    g_set_error_literal (error, GH_ERROR, code_of (problem), problem->message);
  return sample;
}

gboolean
gh_crop_attach (GstBuffer *buffer, const GstVideoInfo *info, const GhCrop *crop, const char *path, GError **error)
{
  GstVideoCropMeta *meta;

  if (!crop->width)
    return TRUE;
  /* Differences, as sums may be more than an int holds. */
  if (crop->width > GST_VIDEO_INFO_WIDTH (info) - crop->x || crop->height > GST_VIDEO_INFO_HEIGHT (info) - crop->y)
    return fail (error, GH_ERROR_UNSUITABLE, path, "the crop %d,%d,%d,%d reaches beyond its %d x %d pixels", crop->x, crop->y, crop->width,
        crop->height, GST_VIDEO_INFO_WIDTH (info), GST_VIDEO_INFO_HEIGHT (info));
  meta = gst_buffer_add_video_crop_meta (buffer);
  meta->x = crop->x;
  meta->y = crop->y;
  meta->width = crop->width;
  meta->height = crop->height;
  return TRUE;
}

gboolean
gh_image_read (const char *path, const GhCrop *crop, GstFrameScaler *scaler, int width, int height, guint8 *rgb,
    GError **error)
{
  g_autoptr (GstSample) sample = decode (path, error);
  g_autoptr (GstBuffer) buffer = NULL;
  const guint8 *pixels;
  GstVideoInfo info;
  gsize stride;

  if (!sample)
    return FALSE;
  if (!gst_sample_get_caps (sample) || !gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_frame_scaler_set_info (scaler, &info))
    return fail (error, GH_ERROR_DATA, path, "its pixel format cannot be converted");
  buffer = gst_buffer_copy (gst_sample_get_buffer (sample));
  if (!gh_crop_attach (buffer, &info, crop, path, error))
    return FALSE;
  pixels = gst_frame_scaler_scale (scaler, buffer, &stride);
  if (!pixels)
    return fail (error, GH_ERROR_DATA, path, "its pixels cannot be read");
  for (int y = 0; y < height; y++)
    memcpy (rgb + (gsize) y * width * 3, pixels + y * stride, (gsize) width * 3);
  return TRUE;
}
