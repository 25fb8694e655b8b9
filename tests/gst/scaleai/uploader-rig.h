/* SPDX-License-Identifier: LGPL-2.1-or-later
 * uploader-rig.h: scale-uploader in pipelines, against a Scale server of the test's own, into a dataset that is removed in
 * the end. */
#pragma once

#include "gst/dataset/catalogue.h"
#include "scale-server.h"

#include <gst/check/gstcheck.h>

/* For one test each: the dataset is "set" in the folder; the server has the project "square". */
extern gchar *rig_folder;
extern ScaleServer *rig_server;

/* A test case with both. */
TCase *rig_case (void);

/* Starts rig_server, with what a server before it knew. */
void rig_serve (void);
/* POSTs JSON to the server, by another way than the uploader's. */
void rig_ask (const gchar *path, const gchar *body);
void rig_add_fault (const gchar *fault);
/* Fails the test unless every file ("files" or "items") came once, and the right one: a sum and the metadata that leads
 * back to it. */
void rig_check_files (const gchar *what, guint n);
/* Whether so many files have been sent within 15 s. */
gboolean rig_await_files (guint n);

CatalogueUploadCounts rig_outbox (const gchar *service, const gchar *project);
/* Of the project "square". */
void rig_check_outbox (guint64 pending, guint64 sent, guint64 refused);

typedef struct {
  gchar *error, *warning;       /* the first of each */
  guint uploaded, already, refused, troubles, resumed;
  guint tasks_refused, tasks_spent, tasks_troubles, tasks_resumed;      /* messages */
  guint64 pending;              /* at the end */
  GstStructure *statistics;     /* the same */
} RigRun;

void rig_run_clear (RigRun *run);
/* A number of its statistics; fails the test where there is none of that name. */
guint64 rig_run_number (const RigRun *run, const gchar *name);

/* SOURCE ! scale-uploader SETTINGS, to the end. */
RigRun rig_play (const gchar *source, const gchar *settings);

#define THREE "videotestsrc pattern=ball num-buffers=3 ! video/x-raw,width=96,height=96"
/* Plays them, and expects no error and so many uploads. */
void rig_expect_three (const gchar *settings, guint uploaded);
