/* SPDX-License-Identifier: LGPL-2.1-or-later
 * image-batch.h: several image files at a time, decoded side by side on all processors. */
#pragma once

#include "image-folder.h"

G_BEGIN_DECLS

#define GH_IMAGE_BATCH 8

typedef struct _GhImageBatch GhImageBatch;

GhImageBatch *gh_image_batch_new (int width, int height);
void gh_image_batch_free (GhImageBatch *batch);                 /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhImageBatch, gh_image_batch_free)

/* rgb[n,height,width,3] of the first n <= GH_IMAGE_BATCH files in folder, the batch's until its next call. problems[n]: the
 * error of each file that could not be read, which has no picture; NULL for the others. */
guint8 *gh_image_batch_read (GhImageBatch *batch, const char *folder, const char *const *files, int n,
    const GhCrop *crop, GError **problems);

G_END_DECLS
