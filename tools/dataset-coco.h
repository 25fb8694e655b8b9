/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * dataset-coco.h: a dataset as one JSON document in the format of COCO (cocodataset.org/#format-data), which tools for boxes
 * read: images, categories, and an annotation for every box that a label "boxes" holds (what "gst-heads labels" writes).
 *
 * Labels that are no boxes have no place in the format: they are members of their own of each image, "labels" (task: text).
 * file_name is below the dataset's folder, bbox [left, top, width, height] in pixels, date_captured UTC.
 */
#pragma once

#include "gst/dataset/catalogue.h"

#include <stdio.h>

G_BEGIN_DECLS

/* Writes frame by frame, whatever their number. FALSE with an error of the catalogue; errors of the file are the caller's to
 * ask for. *frames: how many. */
gboolean gh_dataset_write_coco (Catalogue *catalogue, const CatalogueFilter *filter, FILE *to, guint *frames, GError **error);

G_END_DECLS
