/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * mae-test.h: what the tests of the plugin mae share: a small model, frames of any format, a harness around the element,
 * and what the numbers should be.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>

#include "gst/lib/gstmaeembeddingcaps.h"
#include "gst/lib/gstmaeembeddingmeta.h"
#include "models/gh-encoder.h"

#define MAE_TEST_DIM 64
#define MAE_TEST_TOKENS 60      /* 6 x 10 patches */
#define MAE_TEST_EMBEDDING 32

typedef struct {
  gchar *folder;                /* removed with everything in it */
  gchar *model;                 /* a small untrained encoder, 96 x 160 */
} MaeTest;

/* A test case with it. A test that sets up more calls the other two in a fixture of its own. */
TCase *mae_test_case (MaeTest *test);
void mae_test_setup (MaeTest *test);
void mae_test_teardown (MaeTest *test);

/* Writes an encoder of that width and depth as folder/name and returns its path. */
gchar *mae_test_write_model (MaeTest *test, const gchar *name, gint dim, gint depth);
/* One with a decoder, of the usual size. */
gchar *mae_test_write_autoencoder (MaeTest *test, const gchar *name);
GhMaeConfig mae_test_config (gint dim, gint depth);     /* of both */

/* mae-encoder on the model, device ref, one thread, with a bus of its own and these further properties; NULL-terminated
 * like g_object_set(). The harness is not live. */
GstHarness *mae_test_harness (MaeTest *test, const gchar *first_property, ...);
/* The same for any element with a sink, which it takes over. */
GstHarness *mae_test_harness_new (GstElement *element);
void mae_test_harness_free (GstHarness *h);
GstBus *mae_test_bus (GstHarness *h);   /* borrowed */

/* "video/x-raw,format=...,framerate=25/1" of the given size. */
gchar *mae_test_caps (const gchar *format, gint width, gint height);

/* Noise drawn from the seed in every byte; frame n of a 25/1 stream. */
GstBuffer *mae_test_frame (const GstVideoInfo *info, guint n);
GstBuffer *mae_test_frame_for (GstHarness *h, guint n);         /* of the harness's source caps */

/* What the encoder says to the frame when no element is involved. tokens may be NULL. */
void mae_test_reference (MaeTest *test, const GstVideoInfo *info, GstBuffer *frame, gfloat *embedding, gfloat *tokens);

/* Fails unless the buffer carries the embedding. */
void mae_test_check_embedding (GstBuffer *buffer, const gfloat *expected, const gchar *what);
gboolean mae_test_has_embedding (GstBuffer *buffer);

/* A counter of the element's stats. */
guint64 mae_test_count (GstElement *element, const gchar *field);

/* Expects that the element cannot start and returns its only error. */
GError *mae_test_start_and_fail (GstElement *element);

/* kB of memory, open files and threads of this process. */
typedef struct {
  glong rss, files, threads;
} MaeTestUsage;
MaeTestUsage mae_test_usage (void);
/* Fails when there is more than `before`. */
void mae_test_check_no_growth (MaeTestUsage before, const gchar *what);

/* A sanitizer keeps freed memory: sizes mean nothing under it. */
gboolean mae_test_sanitized (void);
