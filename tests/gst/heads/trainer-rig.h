/* SPDX-License-Identifier: LGPL-2.1-or-later
 * trainer-rig.h: head-trainer in a harness with a bus and a folder of its own, and frames whose embeddings are made up
 * and whose labels follow from them. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

#define DIM 6
#define ID "0123456789abcdef"
#define VIDEO_CAPS "video/x-raw,format=GRAY8,width=4,height=4,framerate=10/1"
#define META "HeadTrainerTestMeta"

typedef struct {
  gchar *folder;                /* removed with everything in it */
  gchar *location;              /* of the head, in the folder */
  GstElement *element;          /* takes its labels from META.value, and trains in one thread, no networks */
  GstBus *bus;
  GstHarness *h;                /* NULL until it starts */
  guint pushed;                 /* the number of the next frame */
} TrainerRig;

/* Of the test that runs. */
extern TrainerRig rig;

/* A test case with it. */
TCase *rig_case (void);

void rig_start (const gchar *caps);
void rig_set_kind (const gchar *kind);

/* The embedding of frame n, and what is to be learned from it. */
void rig_numbers (guint n, gfloat values[DIM]);
gdouble rig_truth (guint n);

/* The next frame, with its embedding by this encoder; 100 ms each. */
GstBuffer *rig_frame (const gchar *id);
/* text: as gst_value_deserialize() reads that type. */
void rig_set_label (GstBuffer *buffer, GType type, const gchar *text);
/* Expects the buffer to be taken. */
void rig_push (GstBuffer *buffer);
/* The next n frames, with and without labels. */
void rig_push_labelled (guint n);
void rig_push_bare (guint n);

/* The oldest error or warning; NULL: none. */
GError *rig_pop_problem (GstMessageType type);
void rig_expect_problem (GstMessageType type, const gchar *says);

/* Into the folder; the path, which the caller frees. */
gchar *rig_write_csv (const gchar *text);
