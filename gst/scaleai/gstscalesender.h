/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscalesender.h: the thread that sends what the outbox of a dataset holds, a few uploads at a time, and writes down what
 * became of each.
 *
 * It collects: nothing is sent until so many frames wait or the first has waited so long; what an earlier run left, and
 * what failed and is due again, goes at once. Troubles of the network and the service never end it (gstscalegate.h), and
 * neither do those of the catalogue: what became of an upload is kept until it can be written down, and its place with it.
 *
 * Messages of the element: those of gstscalegate.h (trouble), gstscaleflight.h (each upload) and gstscaletasks.h.
 */
#pragma once

#include "gstscaletasks.h"

#include "gst/dataset/gstdatasetwriter.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *service, *project;
  guint in_flight;              /* uploads at a time, at most */
  guint batch;                  /* frames to collect before sending */
  gint64 batch_wait;            /* microseconds: the longest that one waits for others */
  gboolean retry_refused;       /* those that were refused before, once */
  GstScaleTaskSettings tasks;   /* most 0: none are made */
} GstScaleSenderSettings;

typedef struct _GstScaleSender GstScaleSender;

/* element, for messages, and writer are borrowed; the key is taken, also when it fails (G_IO_ERROR, naming a property). */
GstScaleSender *gst_scale_sender_new (GstElement *element, GstDatasetWriter *writer, const GstScaleSenderSettings *settings,
    const ScaleApiOptions *options, ScaleKey *key, GError **error);
/* What is under way is given up; the journal knows, and the next start sends it. NULL is fine. */
void gst_scale_sender_free (GstScaleSender *sender);

/* Thread-safe: a frame was journaled. */
void gst_scale_sender_wake (GstScaleSender *sender);
/* Waits until nothing waits to be sent, at most so many microseconds. FALSE when flushing ended that. */
gboolean gst_scale_sender_drain (GstScaleSender *sender, gint64 timeout);
void gst_scale_sender_set_flushing (GstScaleSender *sender, gboolean flushing);

/* Adds pending, sent, already, refused, retries, bytes-sent, halted, last-problem, and those of tasks where they are made. */
void gst_scale_sender_describe (GstScaleSender *sender, GstStructure *description);

G_END_DECLS
