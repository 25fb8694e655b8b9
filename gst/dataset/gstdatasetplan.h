/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstdatasetplan.h: which frames of a dataset are replayed, and in which order. A plain struct of one thread.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef enum { GST_DATASET_ALL, GST_DATASET_LABELED, GST_DATASET_UNLABELED } GstDatasetLabeled;
typedef enum { GST_DATASET_WHOLE, GST_DATASET_TRAIN, GST_DATASET_TEST } GstDatasetSplit;

typedef struct {
  gchar *location, *source, *after, *before;    /* NULL: any; after and before: ISO 8601 */
  GstDatasetLabeled labeled;
  GstDatasetSplit split;
  GstClockTime split_block;     /* frames of one block of time are all of training or all of testing */
  gdouble split_test;           /* the share of blocks that are for testing */
} GstDatasetChoice;

typedef struct {
  gchar *file, *source;         /* file: with its folder */
  gint64 captured_at;           /* microseconds since 1970 UTC */
  GstStructure *labels;         /* a string field per task; NULL for none */
} GstDatasetFrame;

/* The frames chosen, in the order of time: of GstDatasetFrame. The dataset is closed again when this returns. NULL with an
 * error of GST_RESOURCE_ERROR, whose text names what to mend. */
GArray *gst_dataset_plan (const GstDatasetChoice *choice, GError **error);

/* Whether a time belongs to the blocks for testing. */
gboolean gst_dataset_plan_is_test (const GstDatasetChoice *choice, gint64 captured_at);

/* Which of n frames is number i of an epoch in random order: each comes once, in the same order for the same seed. */
guint gst_dataset_plan_shuffled (guint i, guint n, guint64 seed, guint epoch);

G_END_DECLS
