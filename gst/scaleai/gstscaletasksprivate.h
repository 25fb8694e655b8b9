/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscaletasksprivate.h: what tasks (gstscaletasks.c) and their batches (gstscalebatch.c) share. All of it is of the sender's
 * thread; nothing here waits: what is asked for ends in a callback, which leaves the next step to gst_scale_tasks_go_on(). */
#pragma once

#include "gstscaletasks.h"
#include "gstscaledoubts.h"

G_BEGIN_DECLS

/* The status of a batch that people do not see yet. */
#define GST_SCALE_STAGING "staging"

struct _GstScaleTasks {
  GstElement *element;
  GstDatasetWriter *writer;
  ScaleApi *api;
  gchar *project, *type;
  JsonObject *body;             /* of every task */
  guint most, batch_tasks;
  gboolean finalize;

  gboolean under_way, looked_back;
  gboolean spent;               /* the cap is reached */
  gboolean troubled;            /* the bus knows of a halt */
  gchar *batch;                 /* the name, or NULL */
  gchar *batch_status;          /* what it had when it was begun, "" when that is not said; NULL: it is not begun */
  guint in_batch;
  gchar *lost;                  /* another batch of ours, of which a task was found; or NULL */
  guint failures;               /* in a row */
  GstScaleDoubts *doubts;
  gint64 closed_until;          /* monotonic */

  /* The task that is being made. */
  gchar *reference, *frame, *url, *metadata;
  guint misses;                 /* lists that did not have it */
  ScaleVerdict verdict;         /* and what was said of it, while the batch is looked at */
  gchar *problem;

  GMutex lock;                  /* for what follows */
  guint64 made, refused;        /* in this run */
  guint64 counted, awaiting;    /* of the dataset: tasks under the cap, frames that have none */
  gboolean halted;
  gchar *last_problem;
};

/* Takes the object, which may be NULL. */
void gst_scale_tasks_ask (GstScaleTasks *tasks, const gchar *method, const gchar *path, JsonObject *object, ScaleApiDone done);
/* Nothing is asked for so long, in microseconds. */
void gst_scale_tasks_rest (GstScaleTasks *tasks, gint64 length);
/* FALSE: the catalogue is asked again a little later. */
gboolean gst_scale_tasks_is_fine (GstScaleTasks *tasks, const GError *error);
/* Nothing is asked for until a person may have mended it, and the bus hears why. */
void gst_scale_tasks_halt (GstScaleTasks *tasks, const gchar *problem);
/* What the statistics say of it; NULL: it is over. */
void gst_scale_tasks_note (GstScaleTasks *tasks, const gchar *problem, gboolean halted);
void gst_scale_tasks_post (GstScaleTasks *tasks, GstStructure *structure);
/* After an answer that is none: as long as it says, or a halt. */
void gst_scale_tasks_put_off (GstScaleTasks *tasks, const ScaleReply *reply);

/* ---- gstscalebatch.c ---------------------------------------------------------------------------------------------------- */

/* A batch of an earlier run that is still open goes on. TRUE: it is being asked after, or the catalogue is. */
gboolean gst_scale_batch_look_back (GstScaleTasks *tasks);
/* A task was found in another batch than the present one: a process that ended before it heard of the first task of its batch
 * left both behind. If it is ours and people do not see it yet, it is gone on with, after the present one if that holds
 * tasks; look_at_lost asks whether they do, while tasks->lost is there. */
void gst_scale_batch_found (GstScaleTasks *tasks, const gchar *batch);
void gst_scale_batch_look_at_lost (GstScaleTasks *tasks);
/* Begins one; its name stays until it is made. */
void gst_scale_batch_make (GstScaleTasks *tasks);
/* It is full, or holds all there will be: with finalize it goes to people, without it a person does the rest. */
void gst_scale_batch_end (GstScaleTasks *tasks);
/* What it was by somebody else, which needs another batch. tasks->problem: the words of the task that it refused. */
void gst_scale_batch_change (GstScaleTasks *tasks, const gchar *what);
void gst_scale_batch_leave (GstScaleTasks *tasks);

void gst_scale_batch_look_at (GstScaleTasks *tasks, ScaleApiDone done);
/* Of an answer about a batch; "" when it is not said. */
const gchar *gst_scale_batch_status_of (const ScaleReply *reply);

G_END_DECLS
