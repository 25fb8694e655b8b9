/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstdatasetintake.h: the pads of an element that keeps frames, and the way from them to its writer: which frames are due,
 * waiting or dropping when the writer is behind, outages, and an end of the stream that waits until all is stored. Frames
 * go on through the src pad when something is linked there.
 *
 * A part of the element, which is its owner; the functions are for the element's init, change_state and dispose.
 */
#pragma once

#include "gstdatasetwriter.h"

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_DATASET_INTAKE_CAPS "image/jpeg; image/png; video/x-raw"

typedef enum { GST_DATASET_PASS, GST_DATASET_KEEP, GST_DATASET_UPLOAD } GstDatasetVerdict;

typedef struct {
  GstElement *element;
  GstPad *sink, *src;
  GstDatasetSettings set;       /* under the element's object lock */
  GstDatasetWriter *writer;     /* while not stopped; the pointer under the object lock */

  /* What becomes of a frame that is due, asked from the streaming thread; NULL: kept. */
  GstDatasetVerdict (*judge) (GstElement *element, GstBuffer *frame);
  /* At the end of the stream, once everything is stored: may wait for more. FALSE: flushed. NULL: nothing more. */
  gboolean (*drain) (GstElement *element);
  /* Beside the writer's: wakes or readies drain. May be NULL. */
  void (*set_flushing) (GstElement *element, gboolean flushing);

  /* The streaming thread's. */
  GstCaps *caps;
  GstSegment segment;
  GstClockTime due;             /* pts of the next frame that is asked for; NONE: any */
  gint live;                    /* -1: not asked yet */
} GstDatasetIntake;

/* The pad templates "sink" and "src" of the class. */
void gst_dataset_intake_add_templates (GstElementClass *class);
/* Makes the pads. */
void gst_dataset_intake_init (GstDatasetIntake *intake, GstElement *element);
void gst_dataset_intake_clear (GstDatasetIntake *intake);

/* Before the element goes to PAUSED: opens the dataset, or posts an error. */
gboolean gst_dataset_intake_start (GstDatasetIntake *intake);
/* Before the pads are stopped: whoever waits holds the pad that is to be stopped. */
void gst_dataset_intake_unblock (GstDatasetIntake *intake);
/* After they were: stores what waits and closes the dataset. */
void gst_dataset_intake_stop (GstDatasetIntake *intake);

/* Posts the error as the element's, and frees it. */
void gst_dataset_intake_fail (GstDatasetIntake *intake, GError *error);

G_END_DECLS
