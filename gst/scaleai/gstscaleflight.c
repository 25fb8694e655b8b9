/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaleflight.c: see gstscaleflight.h. */
#include "gstscaleflight.h"
#include "scale-upload.h"

#include <string.h>

/* Until an image that is there is read again. */
#define READ_PAUSE G_TIME_SPAN_MINUTE

GstScaleFlight *
gst_scale_flight_new (gpointer owner, Catalogue *catalogue, const CatalogueUpload *upload)
{
  GstScaleFlight *flight = g_new0 (GstScaleFlight, 1);

  flight->owner = owner;
  flight->id = upload->id;
  flight->attempts = upload->attempts;
  flight->reference = g_strdup (upload->reference);
  flight->frame = g_strdup (upload->frame);
  flight->path = g_strdup (upload->path);
  flight->sha256 = g_strdup (upload->sha256);
  flight->metadata = scale_upload_metadata (catalogue, upload);
  return flight;
}

void
gst_scale_flight_free (gpointer data)
{
  GstScaleFlight *flight = data;

  g_free (flight->reference);
  g_free (flight->frame);
  g_free (flight->path);
  g_free (flight->sha256);
  g_free (flight->metadata);
  g_free (flight->url);
  g_free (flight->remote_id);
  g_free (flight->problem);
  g_free (flight);
}

GBytes *
gst_scale_flight_load (GstScaleFlight *flight, const gchar *folder)
{
  g_autofree gchar *file = g_build_filename (folder, flight->path, NULL), *sum = NULL, *data = NULL, *problem = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  flight->began = g_get_monotonic_time ();
  if (!g_file_get_contents (file, &data, &size, &error)) {
    problem = g_strdup_printf ("The image cannot be read: %s", error->message);
    if (g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
      gst_scale_flight_refused (flight, problem);
    else                        /* too many open files, a disk that is away: that passes */
      gst_scale_flight_put_off (flight, READ_PAUSE, problem);
    return NULL;
  }
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, size);
  if (strcmp (sum, flight->sha256) != 0) {
    problem = g_strdup_printf ("The image %s is not the one that was stored", file);
    gst_scale_flight_refused (flight, problem);
    return NULL;
  }
  flight->bytes = size;
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

/* ---- what became of it ------------------------------------------------------------------------------------------------- */

static void
land (GstScaleFlight *flight, GstScaleFlightOutcome outcome, const gchar *problem)
{
  flight->outcome = outcome;
  flight->landed = g_get_monotonic_time ();
  flight->problem = g_strdup (problem);
}

void
gst_scale_flight_sent (GstScaleFlight *flight, const gchar *url, const gchar *remote_id, gboolean already)
{
  land (flight, GST_SCALE_FLIGHT_SENT, NULL);
  flight->url = g_strdup (url);
  flight->remote_id = g_strdup (remote_id);
  flight->already = already;
}

void
gst_scale_flight_refused (GstScaleFlight *flight, const gchar *problem)
{
  land (flight, GST_SCALE_FLIGHT_REFUSED, problem);
}

void
gst_scale_flight_put_off (GstScaleFlight *flight, gint64 pause, const gchar *problem)
{
  land (flight, GST_SCALE_FLIGHT_PUT_OFF, problem);
  flight->again_at = g_get_real_time () + pause;
}

gboolean
gst_scale_flight_write (const GstScaleFlight *flight, Catalogue *catalogue, GError **error)
{
  switch (flight->outcome) {
    case GST_SCALE_FLIGHT_SENT:
      return catalogue_upload_sent (catalogue, flight->id, flight->url, flight->remote_id, error);
    case GST_SCALE_FLIGHT_REFUSED:
      return catalogue_upload_refused (catalogue, flight->id, flight->problem, error);
    case GST_SCALE_FLIGHT_PUT_OFF:
      return catalogue_upload_put_off (catalogue, flight->id, flight->again_at, flight->problem, error);
    default:
      return TRUE;
  }
}

GstStructure *
gst_scale_flight_describe (const GstScaleFlight *flight)
{
  gboolean sent = flight->outcome == GST_SCALE_FLIGHT_SENT;
  GstStructure *structure = gst_structure_new (sent ? "scale-uploaded" : "scale-upload-refused", "reference", G_TYPE_STRING,
      flight->reference, "frame", G_TYPE_STRING, flight->frame, "path", G_TYPE_STRING, flight->path, NULL);

  if (sent)
    gst_structure_set (structure, "attachment-url", G_TYPE_STRING, flight->url, "remote-id", G_TYPE_STRING, flight->remote_id,
        "already", G_TYPE_BOOLEAN, flight->already, "bytes", G_TYPE_UINT64, (guint64) flight->bytes, "seconds", G_TYPE_DOUBLE,
        (flight->landed - flight->began) / (gdouble) G_TIME_SPAN_SECOND, NULL);
  else
    gst_structure_set (structure, "problem", G_TYPE_STRING, flight->problem, NULL);
  return structure;
}
