/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-link.h: which frame of a dataset a task is of.
 *
 * In this order: image_path and sha256 in the metadata that was sent with the image; the unique_id, which is the reference of
 * the upload, perhaps with something behind it; the attachments, as the upload's journal knows them. Any one is enough, so a
 * download without metadata still leads back.
 */
#pragma once

#include "scale-labels.h"

#include "gst/dataset/catalogue.h"

G_BEGIN_DECLS

/* The frame's id; free it. NULL: *why says which of the three there was and why it led nowhere, to be freed. It is the same
 * for all tasks of which the same is true. */
gchar *scale_link_frame (Catalogue *catalogue, JsonObject *task, gchar **why);

G_END_DECLS
