/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstplazatruth.h: what is really in a frame of the plaza, as a meta on the buffer and as a line of a CSV file.
 *
 * The meta is a GstCustomMeta "GstPlazaTruth" with an empty tag list, so it survives conversion and encoding. Its
 * structure holds: people (int, those at least half visible), minute-of-day (double, 0 .. 1440), boxes (GstValueArray of
 * GstValueArray of four ints: x, y, width, height in pixels of the frame as it left the source, one for each of the
 * people).
 */
#pragma once

#include <gst/gst.h>

#include "plaza-paint.h"

G_BEGIN_DECLS

#define GST_PLAZA_TRUTH_META_NAME "GstPlazaTruth"

/* Harmless to repeat; thread-safe. */
void gst_plaza_truth_meta_register (void);
void gst_buffer_add_plaza_truth (GstBuffer *buffer, const PlazaTruth *truth, gdouble minute);

/* A CSV file with the columns file,people,minute_of_day. One thread at a time. */
typedef struct _GstPlazaTruthFile GstPlazaTruthFile;

/* Truncates path and writes the heading. pattern names the n-th frame's file: a printf pattern with one integer
 * conversion such as %05d (%% for a percent sign). NULL with an error of the domain GST_RESOURCE_ERROR: SETTINGS for a
 * pattern that is none, OPEN_WRITE or WRITE for the file. */
GstPlazaTruthFile *gst_plaza_truth_file_open (const gchar *path, const gchar *pattern, GError **error);
/* The line is on its way to the disk when this returns. */
gboolean gst_plaza_truth_file_add (GstPlazaTruthFile *file, guint64 n, const PlazaTruth *truth, gdouble minute,
    GError **error);
void gst_plaza_truth_file_close (GstPlazaTruthFile *file);

G_END_DECLS
