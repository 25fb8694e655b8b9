/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstlabelsource.h: where the labels of frames come from: a field of a custom meta that travels with each frame, or a
 * CSV file whose rows are matched to frames by number or by time.
 *
 * A plain struct of the streaming thread; zero it to start.
 */
#pragma once

#include <gst/gst.h>

#include "models/gh-labels.h"

G_BEGIN_DECLS

typedef enum {
  GST_LABEL_KEY_FRAME,          /* the frame's number, or a file name that ends in it */
  GST_LABEL_KEY_TIME,           /* seconds of stream time */
} GstLabelKey;

#define GST_TYPE_LABEL_KEY (gst_label_key_get_type ())
GType gst_label_key_get_type (void);

typedef struct {
  GhHeadKind kind;
  const gchar *label;           /* "META.FIELD"; NULL with a file */
  const gchar *file, *column, *key_column;      /* key_column NULL: row n is frame n */
  GstLabelKey key;
} GstLabelSettings;

typedef struct {
  GhHeadKind kind;
  gchar *meta, *field;
  GhLabels *labels;             /* of the file */
  GstLabelKey key;
  GHashTable *by_frame;         /* guint64 -> index into labels */
  GArray *by_time;              /* ascending */
} GstLabelSource;

/* One label: `name` for classes, borrowed until the source or the buffer goes; else `number`. */
typedef struct {
  gdouble number;
  const gchar *name;
} GstLabel;

/* GH_ERROR; its text names the property or the file and line. */
gboolean gst_label_source_open (GstLabelSource *source, const GstLabelSettings *settings, GError **error);
void gst_label_source_clear (GstLabelSource *source);

/* The label of frame `number`, at stream time `time`. FALSE without an error when it has none, with GH_ERROR_DATA when
 * what it has is no label of the kind, with GH_ERROR_UNSUITABLE when that is a number out of its range. time and duration
 * may be GST_CLOCK_TIME_NONE. *scratch (initialised) keeps texts that have to be made. */
gboolean gst_label_source_find (const GstLabelSource *source, GstBuffer *buffer, guint64 number, GstClockTime time,
    GstClockTime duration, GstLabel *label, GString *scratch, GError **error);

G_END_DECLS
