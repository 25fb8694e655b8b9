/* SPDX-License-Identifier: LGPL-2.1-or-later
 * catalogue-rig.h: a dataset in a folder of its own, for tests. */
#pragma once

#include "gst/dataset/catalogue.h"

typedef struct {
  gchar *folder;
} Fixture;

void set_up (Fixture *f, gconstpointer data);
void tear_down (Fixture *f, gconstpointer data);

/* An image that is like no other, `size` bytes. */
GBytes *image_of (guint64 n, gsize size);
/* A frame of the source "gate" with that image. */
CatalogueOutcome add (Catalogue *catalogue, guint64 n, gsize size, gint64 at, gchar **id, GError **error);
/* FALSE: there is no such frame. */
gboolean put_label (Catalogue *catalogue, const gchar *frame, CatalogueLabel label);
/* How much is wrong; each is a message of the test. */
gint verify (Catalogue *catalogue);
void note (const gchar *line, gpointer data);
CatalogueCounts count (Catalogue *catalogue);
/* Closes it, NULL for none, and opens it for writing. */
Catalogue *reopen (Fixture *f, Catalogue *catalogue);
