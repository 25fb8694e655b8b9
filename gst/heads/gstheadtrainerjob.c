/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstheadtrainerjob.c: the training of head-trainer, in the job's thread, and what is told of it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadtrainerprivate.h"

#include <gio/gio.h>

#include "gst/common/gstmodelerror.h"

GST_DEBUG_CATEGORY_EXTERN (gst_head_trainer_debug);
#define GST_CAT_DEFAULT gst_head_trainer_debug

/* Messages about progress are at least so far apart, in microseconds. */
#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 4)

static GstStructure *
message_new (const GstHeadTrainingSet *set, const gchar *state)
{
  return gst_structure_new ("head-trainer", "state", G_TYPE_STRING, state, "task", G_TYPE_STRING, set->task, "labels",
      G_TYPE_UINT, (guint) set->data.n, NULL);
}

static void
post (GstHeadTrainer *self, GstStructure *structure)
{
  gst_element_post_message (GST_ELEMENT (self), gst_message_new_element (GST_OBJECT (self), structure));
}

typedef struct {
  GstHeadTrainer *self;
  const GstHeadTrainingSet *set;
} Progress;

static gboolean
on_progress (double fraction, const char *what, gpointer data)
{
  const Progress *progress = data;
  GstHeadTrainer *self = progress->self;
  gint64 now = g_get_monotonic_time ();

  if (now - self->last_progress >= PROGRESS_INTERVAL) {
    GstStructure *structure = message_new (progress->set, "training");

    self->last_progress = now;
    gst_structure_set (structure, "fraction", G_TYPE_DOUBLE, fraction, "what", G_TYPE_STRING, what, NULL);
    post (self, structure);
  }
  return !gst_background_job_is_stopping (&self->job);
}

static void
tell_done (GstHeadTrainer *self, const GstHeadTrainingSet *set, const GhHead *head, const GhHeadReport *report)
{
  GstStructure *structure = message_new (set, "done");

  gst_structure_set (structure, "location", G_TYPE_STRING, gh_head_path (head), "head-id", G_TYPE_STRING,
      gh_head_id (head), "model-id", G_TYPE_STRING, set->model_id, "model", G_TYPE_STRING, report->model, "metric",
      G_TYPE_STRING, report->metric, "error", G_TYPE_DOUBLE, report->error, "error-low", G_TYPE_DOUBLE,
      report->error_low, "error-high", G_TYPE_DOUBLE, report->error_high, "baseline-error", G_TYPE_DOUBLE,
      report->baseline_error, "seconds", G_TYPE_DOUBLE, report->seconds, NULL);
  GST_OBJECT_LOCK (self);
  self->stats.trainings++;
  self->stats.error = report->error;
  self->stats.baseline_error = report->baseline_error;
  GST_OBJECT_UNLOCK (self);
  post (self, structure);
  GST_ELEMENT_INFO (self, LIBRARY, ENCODE, ("%s: held-out %s %.3g (95 %%: %.3g to %.3g), the best constant's %.3g; %d "
          "labels; %s", set->task, report->metric, report->error, report->error_low, report->error_high,
          report->baseline_error, report->n, gh_head_path (head)), ("%s", report->model));
}

/* At the end of the stream an error, as nothing follows that could mend it; else the stream goes on. */
static void
tell_failed (GstHeadTrainer *self, const GstHeadTrainingSet *set, const GError *error)
{
  GstStructure *structure;

  g_atomic_int_set (&self->failed, TRUE);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  GST_OBJECT_LOCK (self);
  self->stats.failed++;
  GST_OBJECT_UNLOCK (self);
  if (g_atomic_int_get (&self->ending)) {
    GST_ELEMENT_MODEL_ERROR (self, error, "location");
    return;
  }
  structure = message_new (set, "failed");
  gst_structure_set (structure, "reason", G_TYPE_STRING, error->message, NULL);
  post (self, structure);
}

void
gst_head_trainer_train (gpointer data, gpointer user_data)
{
  GstHeadTrainer *self = user_data;
  g_autoptr (GstHeadTrainingSet) set = data;
  g_auto (GstHeadTrainerSettings) s = gst_head_trainer_copy_settings (self);
  Progress progress = { self, set };
  GhHeadTrainOptions options = { s.seed, 0, s.mlp, s.threads, on_progress, &progress };
  g_autoptr (GError) error = NULL;
  g_autoptr (GhHeadReport) report = NULL;
  g_autoptr (GhHead) head = gh_head_train (&set->data, &options, &report, &error);

  if (head && gh_head_save (head, s.location, &error))
    tell_done (self, set, head, report);
  else
    tell_failed (self, set, error);
}
