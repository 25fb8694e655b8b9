/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadtrainerprivate.h: what the element head-trainer and its training share. */
#pragma once

#include "gst/common/gstbackgroundjob.h"
#include "gst/common/gstinterval.h"
#include "gstembeddingsource.h"
#include "gstheadsamples.h"
#include "gstheadtrainer.h"
#include "gstheadtrainersettings.h"
#include "gstlabelsource.h"

G_BEGIN_DECLS

typedef struct {
  guint64 frames, without_embedding, without_label, labelled, trainings, failed;
  guint labels;                 /* held */
  gdouble error, baseline_error;        /* of the last training */
} GstHeadTrainerCounters;

struct _GstHeadTrainer {
  GstBaseSink parent;

  GstHeadTrainerSettings settings;      /* under the object lock */
  GstHeadTrainerCounters stats; /* under the object lock; also after the stream */

  /* The stream; only the streaming thread, and state changes while there is none. */
  GstEmbeddingSource source;
  GstLabelSource label_source;
  GstHeadSamples samples;
  GString *scratch;
  GstInterval pace;
  guint64 number;               /* of the next frame, as they arrive */
  guint fresh;                  /* labels since the last training began */
  gboolean warned, warned_impossible;            /* said once */

  GstBackgroundJob job;         /* trains; locks itself */
  gint failed;                  /* atomic: the last job ended in an error */
  gint ending;                  /* atomic: the job is the one of the end of the stream */
  gint64 last_progress;         /* only the job */
};

/* The job's work: a head of the labels, its file, and what is told of both. data: a GstHeadTrainingSet, which it takes;
 * user_data: the element. */
void gst_head_trainer_train (gpointer data, gpointer user_data);

GstHeadTrainerSettings gst_head_trainer_copy_settings (GstHeadTrainer *self);

G_END_DECLS
