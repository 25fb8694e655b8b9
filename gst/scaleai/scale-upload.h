/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-upload.h: a frame of the outbox as a request to Scale AI, and the answer to it: multipart as the labeling API
 * (POST files/upload) and Nucleus (POST dataset/ID/append) take it.
 *
 * Its metadata is one flat object, whose members keep their types for ever (Nucleus refuses a dataset where one does not):
 *   schema 1, image_path (below the dataset's folder), sha256, captured_at ("2026-01-31T07:05:09.123Z"), time_of_day
 *   ("07:05:09", of the machine's zone), tz_offset_min, source_name, source_url (without user, password and query),
 *   frame_id, media_sequence, pts_ns, width, height, uploader; and when known encoder (model id) and predicted_HEAD
 *   (a number, or the text of a head that names a class).
 */
#pragma once

#include "scale-api.h"

#include "gst/dataset/catalogue.h"

G_BEGIN_DECLS

#define SCALE_SERVICE "scale"           /* CatalogueDestination.service: project is the project's name */
#define NUCLEUS_SERVICE "nucleus"       /* project is the dataset's id */

/* Text of JSON; predictions and encoder from the catalogue, read only. Free it. */
gchar *scale_upload_metadata (Catalogue *catalogue, const CatalogueUpload *upload);

typedef struct {
  const gchar *service, *project, *reference, *filename;
  const gchar *metadata;        /* of scale_upload_metadata() */
  GBytes *image;                /* JPEG or PNG */
} ScaleUpload;

typedef struct {
  gchar *path, *type;           /* below the base URL; of the body */
  GBytes *body;
} ScaleUploadRequest;

void scale_upload_encode (const ScaleUpload *upload, ScaleUploadRequest *request);
void scale_upload_request_clear (ScaleUploadRequest *request);

/* What the answer says of the upload: sets the reply's verdict and problem. SCALE_OK: it is there, under *url and *id
 * (borrowed from the reply, NULL when unknown). SCALE_CONFLICT: it was there before. */
void scale_upload_judge (const gchar *service, ScaleReply *reply, const gchar **url, const gchar **id);

G_END_DECLS
