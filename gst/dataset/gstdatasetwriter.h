/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstdatasetwriter.h: the thread that encodes frames and stores them in a dataset, and the short queue before it.
 *
 * Disks are slow now and then and full in the end; neither may hold up a camera. A full disk pauses the storing: the frames
 * pass by, counted, until there is room again; outages wait for that, and are written then.
 */
#pragma once

#include "gstdatasetsettings.h"

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GstDatasetWriter GstDatasetWriter;

/* Takes the settings. NULL with an error of GST_RESOURCE_ERROR or GST_CORE_ERROR. element: for messages, borrowed. */
GstDatasetWriter *gst_dataset_writer_new (GstElement *element, GstDatasetSettings *settings, GError **error);
/* Stores what waits and ends the thread; the catalogue stays for others. */
void gst_dataset_writer_finish (GstDatasetWriter *writer);
/* The same before. */
void gst_dataset_writer_free (GstDatasetWriter *writer);

/* For another thread that works on the dataset: the catalogue, until it is given back. Not for long, the writer waits. */
Catalogue *gst_dataset_writer_borrow (GstDatasetWriter *writer);
void gst_dataset_writer_give_back (GstDatasetWriter *writer);
/* Called from the writer's thread, without locks, whenever an upload was added to the outbox. Before any frame. */
void gst_dataset_writer_on_journaled (GstDatasetWriter *writer, void (*journaled) (gpointer data), gpointer data);

/* Any of these from the streaming thread. Whether a frame that is added now would not be dropped. */
gboolean gst_dataset_writer_has_place (GstDatasetWriter *writer);
/* captured_at: of a frame that does not say it itself. upload: journal it for the
 * destination of the settings. wait: for room in the queue (else the frame is dropped); FALSE when flushing ended that. */
gboolean gst_dataset_writer_add (GstDatasetWriter *writer, GstBuffer *frame, GstCaps *caps, gint64 captured_at,
    gboolean upload, gboolean wait);
/* A frame that is damaged, and is not to be kept: it is counted, and is none of the frames. */
void gst_dataset_writer_pass_corrupted (GstDatasetWriter *writer);
/* Any other structure, or NULL, is ignored. */
void gst_dataset_writer_add_outage (GstDatasetWriter *writer, const GstStructure *outage);
/* Until everything is stored; FALSE when flushing ended that. */
gboolean gst_dataset_writer_drain (GstDatasetWriter *writer);
void gst_dataset_writer_set_flushing (GstDatasetWriter *writer, gboolean flushing);

/* frames, stored, duplicates, dropped, failed, corrupted, paused, waiting, bytes-free */
GstStructure *gst_dataset_writer_describe (GstDatasetWriter *writer);

G_END_DECLS
