/* SPDX-License-Identifier: LGPL-2.1-or-later
 * predict-fixture.h: head-predict in a harness with a bus and a folder of its own. */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/heads/heads.h>

#include "head-file.h"

G_BEGIN_DECLS

#define VIDEO_CAPS "video/x-raw,format=GRAY8,width=4,height=4,framerate=10/1"

typedef struct {
  GstHarness *h;
  GstElement *element;
  GstBus *bus;
  GQueue messages;              /* taken off the bus and not asked for yet */
  gchar *folder;                /* removed with everything in it */
  guint pushed;
} PredictFixture;

/* Nothing is set and the element is in NULL. */
void predict_fixture_init (PredictFixture *fixture);
void predict_fixture_clear (PredictFixture *fixture);

/* Sets heads, starts, and sends caps. */
void predict_fixture_start (PredictFixture *fixture, const gchar *heads, const gchar *caps);

/* To NULL; it may be started again. */
void predict_fixture_stop (PredictFixture *fixture);

/* Expects the start to fail and returns the error's first text, which the caller frees. */
gchar *predict_fixture_fail_start (PredictFixture *fixture, const gchar *heads, GQuark domain, gint code);

/* A frame whose embedding is { first, 1, 1, ... }, of HEAD_FILE_DIM numbers; model_id NULL: HEAD_FILE_ENCODER_ID.
 * PTS: 100 ms per frame. */
GstBuffer *predict_fixture_frame (PredictFixture *fixture, gfloat first, const gchar *model_id);
/* The same without an embedding. */
GstBuffer *predict_fixture_bare_frame (PredictFixture *fixture);

/* Pushes, expects it to be taken, and returns what comes out. */
GstBuffer *predict_fixture_pass (PredictFixture *fixture, GstBuffer *buffer);

/* The frame through the element, then the value of its prediction `task`; fails when it has none. */
gdouble predict_fixture_ask (PredictFixture *fixture, gfloat first, const gchar *task);

/* The oldest message of the type, or NULL. */
GstMessage *predict_fixture_pop (PredictFixture *fixture, GstMessageType type);
/* Pops all messages of the type and says how many there were. text: first text of the last error or warning, which the
 * caller frees; may be NULL. */
guint predict_fixture_count (PredictFixture *fixture, GstMessageType type, gchar **text);

guint64 predict_fixture_stat (PredictFixture *fixture, const gchar *field);

G_END_DECLS
