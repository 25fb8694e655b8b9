/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetentry.h: a frame on its way into the catalogue: what its buffer brings along, in the catalogue's words. */
#pragma once

#include "catalogue.h"
#include "gstdatasetsettings.h"

G_BEGIN_DECLS

typedef struct {
  CatalogueFrame frame;
  GArray *labels, *predictions; /* what the frame points to */
  GPtrArray *texts;
} GstDatasetEntry;

/* All of the frame but its image and whether it is uploaded. element: its source where neither the settings nor the buffer
 * name one. captured_at is for a buffer that does not know. The settings' labels that it carries are set in label_seen. */
void gst_dataset_entry_init (GstDatasetEntry *entry, const GstDatasetSettings *set, const gchar *element, GstBuffer *frame,
    GstCaps *caps, gint64 captured_at, gboolean *label_seen);
/* With the image, which it owns by then. */
void gst_dataset_entry_clear (GstDatasetEntry *entry);

G_END_DECLS
