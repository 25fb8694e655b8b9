/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscaletasks.h: tasks of what was uploaded, in batches. Work that people do and somebody pays: nothing of it happens
 * unless it is asked for, there is a cap on how many tasks a dataset ever gets for a project, a batch is given to people
 * (finalized) only on one more word, and a live key makes tasks only on another.
 *
 * One request at a time, on the thread and the main context of the ScaleApi. The journal is the catalogue's table of tasks:
 * a frame whose task is known there gets no second one, and the service refuses a second one under the same unique id.
 * A task that is refused says little by itself: the batch may have been finalized in the dashboard (then a new one is begun),
 * the settings may be wrong, or it is that frame. It is the frame once another one's task was made, and only then is it
 * written off (where that came after a halt, once it is refused again); after three refusals in a row nothing is asked for
 * five minutes. The cap is of one dataset: a copy of it counts by itself.
 * Messages of the element:
 *   scale-task-created (reference, frame, task, batch), scale-task-refused (reference, frame, problem)
 *   scale-batch-finalized (batch, tasks)
 *   scale-tasks-spent (tasks, most, awaiting): the cap is reached, which is said once a run
 *   scale-tasks-trouble (problem, retry-in (ns)), and scale-tasks-resumed with the next task
 */
#pragma once

#include "scale-api.h"

#include "gst/dataset/gstdatasetwriter.h"

G_BEGIN_DECLS

typedef struct {
  const gchar *project;
  const gchar *type;            /* "imageannotation": POST /task/TYPE */
  const gchar *geometries_file; /* JSON: what a task's body holds besides; NULL: what the project says */
  guint most;                   /* tasks in all, over all runs */
  guint batch_tasks;            /* in a batch */
  gboolean finalize, confirm_live;
} GstScaleTaskSettings;

typedef struct _GstScaleTasks GstScaleTasks;

/* element, writer and api are borrowed. NULL with an error (G_IO_ERROR) that names the property. */
GstScaleTasks *gst_scale_tasks_new (GstElement *element, GstDatasetWriter *writer, ScaleApi *api,
    const GstScaleTaskSettings *settings, GError **error);
/* After the api is gone, which ends a request under way. NULL is fine. */
void gst_scale_tasks_free (GstScaleTasks *tasks);

/* Asks for the next thing that is to be done, if nothing is under way and no pause lasts; FALSE: there is nothing to do.
 * ending: the stream is at its end, a batch that is not full is done all the same. */
gboolean gst_scale_tasks_go_on (GstScaleTasks *tasks, gboolean ending);
/* Microseconds until it wants to go on without a wake-up; G_MAXINT64: it does not. */
gint64 gst_scale_tasks_pause (const GstScaleTasks *tasks);

/* Thread-safe: adds tasks-made, tasks-refused (in this run), tasks-awaiting (frames that were sent and have none), tasks-spent
 * (of the cap, over all runs), tasks-most (the cap), tasks-halted, tasks-problem. */
void gst_scale_tasks_describe (GstScaleTasks *tasks, GstStructure *description);

G_END_DECLS
