/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscaleflight.h: one upload from the outbox until the catalogue holds what became of it. A plain struct of one thread.
 */
#pragma once

#include "gst/dataset/catalogue.h"

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum {
  GST_SCALE_FLIGHT_UNDER_WAY,
  GST_SCALE_FLIGHT_SENT,        /* url, remote_id, already */
  GST_SCALE_FLIGHT_REFUSED,     /* problem */
  GST_SCALE_FLIGHT_PUT_OFF,     /* problem, again_at */
} GstScaleFlightOutcome;

typedef struct {
  gpointer owner;
  gint64 id;                    /* of the upload */
  gchar *reference, *frame, *path, *sha256, *metadata;  /* path: below the dataset's folder */
  guint attempts;               /* before this one */
  gint64 began, landed;         /* monotonic */
  gsize bytes;
  GstScaleFlightOutcome outcome;
  gchar *url, *remote_id, *problem;     /* each may be NULL */
  gboolean already;             /* it was there before */
  gint64 again_at;              /* microseconds since 1970-01-01 UTC */
} GstScaleFlight;

/* The catalogue is read for the metadata. */
GstScaleFlight *gst_scale_flight_new (gpointer owner, Catalogue *catalogue, const CatalogueUpload *upload);
void gst_scale_flight_free (gpointer flight);

/* The image as it was journaled; NULL with the flight landed: refused when it is gone or another,
 * put off when it cannot be read just now. */
GBytes *gst_scale_flight_load (GstScaleFlight *flight, const gchar *folder);

void gst_scale_flight_sent (GstScaleFlight *flight, const gchar *url, const gchar *remote_id, gboolean already);
void gst_scale_flight_refused (GstScaleFlight *flight, const gchar *problem);
/* pause: microseconds from now. */
void gst_scale_flight_put_off (GstScaleFlight *flight, gint64 pause, const gchar *problem);

/* Writes the outcome down. */
gboolean gst_scale_flight_write (const GstScaleFlight *flight, Catalogue *catalogue, GError **error);
/* scale-uploaded (reference, frame, path, attachment-url, remote-id, already, bytes, seconds) or
 * scale-upload-refused (reference, frame, path, problem). */
GstStructure *gst_scale_flight_describe (const GstScaleFlight *flight);

G_END_DECLS
