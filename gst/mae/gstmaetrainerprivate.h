/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainerprivate.h: what the element mae-trainer and its training share. */
#pragma once

#include "gst/common/gstbackgroundjob.h"
#include "gst/common/gstframescaler.h"
#include "gst/common/gstinterval.h"
#include "gstmaetrainer.h"
#include "gstmaetrainersettings.h"
#include "models/gh-file-lock.h"

G_BEGIN_DECLS

typedef struct {
  guint64 frames, skipped_interval, unreadable, taken, checkpoints;
  guint64 steps;
  GhMaeTrainStep last;
  gboolean done;
} GstMaeTrainerCounters;

/* What only the job uses while it runs. */
typedef struct {
  gint64 started, told, saved;  /* monotonic microseconds */
  guint64 first_step;           /* steps done before */
  gdouble loss_sum;             /* since it was told */
  guint losses;
  gboolean ends;                /* the stream of one of several processes has ended */
} GstMaeTrainerCourse;

struct _GstMaeTrainer {
  GstBaseSink parent;

  GstMaeTrainerSettings settings;       /* under the object lock */
  GstMaeTrainerCounters stats;  /* under the object lock; also after the stream */

  /* While the element is PAUSED or PLAYING. */
  GhMaeTrainer *trainer;        /* of the job while that runs */
  GhFileLock *lock;             /* of the checkpoint */
  GhFrameStore *store;
  gboolean live;                /* known from the first frame or event on */
  gint mode_known;

  /* The streaming thread's. */
  GstFrameScaler *scaler;
  GstInterval pace;

  GstBackgroundJob job;         /* trains; locks itself */
  GstMaeTrainerCourse course;
  gint ending;                  /* atomic: a live stream is over, training ends with it */
  gint complete;                /* atomic: everything is written */
};

/* The job's work: steps until the last one or the end of a live stream, and the files. user_data: the element. */
void gst_mae_trainer_train (gpointer data, gpointer user_data);

GstMaeTrainerSettings gst_mae_trainer_copy_settings (GstMaeTrainer *self);
/* As an element message; takes the structure. */
void gst_mae_trainer_post (GstMaeTrainer *self, GstStructure *structure);

G_END_DECLS
