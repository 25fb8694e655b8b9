/* SPDX-License-Identifier: LGPL-2.1-or-later
 * outbox-rig.h: a dataset in a folder of its own, and what tests of its uploads and tasks ask of it again and again. */
#pragma once

#include "gst/dataset/catalogue.h"

typedef struct {
  gchar *folder;
  Catalogue *catalogue;
} Fixture;

static const CatalogueDestination gate = { "scale", "gate" }, other = { "scale", "yard" };

void reopen (Fixture *f);
void set_up (Fixture *f, gconstpointer data);
void tear_down (Fixture *f, gconstpointer data);
/* A frame with this text for an image. */
CatalogueOutcome offer (Fixture *f, const gchar *text, gint64 at, const CatalogueDestination *to, gchar **id,
    gboolean *journaled);
/* The id of a new one. */
gchar *add (Fixture *f, const gchar *text, gint64 at, const CatalogueDestination *to);
guint count_due (Fixture *f, const CatalogueDestination *to, gint64 now, guint most);
gint64 first_due (Fixture *f, const CatalogueDestination *to);
gint64 next_due (Fixture *f, const CatalogueDestination *to, gint64 now);
/* The name, or "-" when there is none. */
gchar *last_batch (Fixture *f, const gchar *prefix, guint *tasks);
/* By a connection of its own. */
void run_sql (Fixture *f, const gchar *sql);
void assert_counts (Fixture *f, const CatalogueDestination *to, guint64 pending, guint64 sent, guint64 refused);
void put_task_of (Fixture *f, const gchar *id, const gchar *batch, const gchar *frame);
void assert_awaiting (Fixture *f, const CatalogueDestination *to, const gchar *first, const gchar *second);
