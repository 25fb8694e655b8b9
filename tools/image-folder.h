/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image-folder.h: pictures from files of any format GStreamer decodes (JPEG and PNG everywhere), in the size asked for
 * and through the same scaler as mae-encoder's, so that a head trained on files sees what it will see in a pipeline.
 */
#pragma once

#include "gst/common/gstframescaler.h"

G_BEGIN_DECLS

typedef struct {
  int x, y, width, height;      /* in pixels of the file; width 0: the whole picture */
} GhCrop;

/* "x,y,w,h"; FALSE and GH_ERROR_DATA when it is not that. */
gboolean gh_crop_parse (GhCrop *crop, const char *text, GError **error);
/* "x,y,w,h", "" for the whole picture. */
char *gh_crop_to_string (const GhCrop *crop);
/* Has a scaler take that part of the (writable) buffer. GH_ERROR_UNSUITABLE, beginning with `path`, when it is too small. */
gboolean gh_crop_attach (GstBuffer *buffer, const GstVideoInfo *info, const GhCrop *crop, const char *path,
    GError **error);

/* Decodes one picture (of a film: the first), crops it, scales it with `scaler` and copies it to
 * rgb[height,width,3], the scaler's size without padding. Errors name the file. Any thread, one per scaler. */
gboolean gh_image_read (const char *path, const GhCrop *crop, GstFrameScaler *scaler, int width, int height,
    guint8 *rgb, GError **error);

G_END_DECLS
