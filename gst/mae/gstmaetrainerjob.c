/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainerjob.c: the training of mae-trainer, in the job's thread: steps, what is told of them, checkpoints and
 * the encoder. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaetrainerprivate.h"

#include "gst/common/gstmodelerror.h"

GST_DEBUG_CATEGORY_EXTERN (gst_mae_trainer_debug);
#define GST_CAT_DEFAULT gst_mae_trainer_debug

/* Messages about progress are at least so far apart, in microseconds. */
#define PROGRESS_INTERVAL (G_USEC_PER_SEC / 3)

/* Losses that the result's mean is taken of. */
#define RECENT_LOSSES 100

static void
tell_progress (GstMaeTrainer *self, const GhMaeTrainStep *step, guint64 steps, gint64 now)
{
  GstMaeTrainerCourse *course = &self->course;
  gdouble seconds = (now - course->started) / (gdouble) G_USEC_PER_SEC;

  gst_mae_trainer_post (self, gst_structure_new ("mae-trainer", "state", G_TYPE_STRING, "training", "step",
          G_TYPE_UINT64, step->step, "steps", G_TYPE_UINT64, steps, "images", G_TYPE_UINT64, step->images, "frames",
          G_TYPE_UINT64, (guint64) gh_frame_store_count (self->store), "loss", G_TYPE_DOUBLE, step->loss, "loss-mean",
          G_TYPE_DOUBLE, course->loss_sum / course->losses, "learning-rate", G_TYPE_DOUBLE, step->lr, "gradient-norm",
          G_TYPE_DOUBLE, step->grad_norm, "images-per-second", G_TYPE_DOUBLE, step->images_per_second, "eta",
          G_TYPE_DOUBLE, seconds * (steps - step->step) / (step->step - course->first_step), "processes", G_TYPE_INT,
          gh_mae_trainer_processes (self->trainer), NULL));
  course->told = now;
  course->loss_sum = 0;
  course->losses = 0;
}

static void
account (GstMaeTrainer *self, const GhMaeTrainStep *step)
{
  GstMaeTrainerCourse *course = &self->course;
  const guint64 steps = gh_mae_trainer_options (self->trainer)->steps;
  gint64 now = g_get_monotonic_time ();

  GST_OBJECT_LOCK (self);
  self->stats.last = *step;
  GST_OBJECT_UNLOCK (self);
  GST_LOG_OBJECT (self, "step %" G_GUINT64_FORMAT ": loss %g, %g images/s", step->step, step->loss,
      step->images_per_second);
  course->loss_sum += step->loss;
  course->losses++;
  course->ends = step->ends;
  if (now - course->told >= PROGRESS_INTERVAL || step->step == steps)
    tell_progress (self, step, steps, now);
}

static gboolean
save_checkpoint (GstMaeTrainer *self, const gchar *checkpoint, GError **error)
{
  self->course.saved = g_get_monotonic_time ();
  if (!gh_mae_trainer_save (self->trainer, checkpoint, error))
    return FALSE;
  GST_OBJECT_LOCK (self);
  self->stats.checkpoints++;
  GST_OBJECT_UNLOCK (self);
  gst_mae_trainer_post (self, gst_structure_new ("mae-trainer", "state", G_TYPE_STRING, "checkpoint", "checkpoint",
          G_TYPE_STRING, checkpoint, "step", G_TYPE_UINT64, gh_mae_trainer_steps_done (self->trainer), NULL));
  return TRUE;
}

/* In the middle a checkpoint that cannot be written is no reason to stop: the next one may be. */
static gboolean
save_on_the_way (GstMaeTrainer *self, const gchar *checkpoint, const gchar *consequence)
{
  g_autoptr (GError) error = NULL;

  if (save_checkpoint (self, checkpoint, &error))
    return TRUE;
  GST_ELEMENT_WARNING (self, RESOURCE, WRITE, ("%s. %s", error->message, consequence), (NULL));
  return FALSE;
}

static gboolean
checkpoint_is_due (GstMaeTrainer *self)
{
  GstClockTime interval;

  GST_OBJECT_LOCK (self);
  interval = self->settings.checkpoint_interval;
  GST_OBJECT_UNLOCK (self);
  return interval > 0 && g_get_monotonic_time () - self->course.saved >= (gint64) GST_TIME_AS_USECONDS (interval);
}

static gdouble
recent_loss (const GhMaeTrainer *trainer)
{
  guint64 n, from;
  const gfloat *losses = gh_mae_trainer_losses (trainer, &n);
  gdouble sum = 0;

  from = n > RECENT_LOSSES ? n - RECENT_LOSSES : 0;
  for (guint64 i = from; i < n; i++)
    sum += losses[i];
  return n ? sum / (n - from) : 0;
}

/* The files that were written; NULL for those that were not, both where that is rank 0's to do. */
static void
tell_done (GstMaeTrainer *self, const gchar *location, const gchar *checkpoint)
{
  const gdouble seconds = (g_get_monotonic_time () - self->course.started) / (gdouble) G_USEC_PER_SEC;
  const gdouble loss = recent_loss (self->trainer);
  GstStructure *structure = gst_structure_new ("mae-trainer", "state", G_TYPE_STRING, "done", "step", G_TYPE_UINT64,
      gh_mae_trainer_steps_done (self->trainer), "loss-mean", G_TYPE_DOUBLE, loss, "seconds", G_TYPE_DOUBLE, seconds,
      NULL);

  if (location)
    gst_structure_set (structure, "location", G_TYPE_STRING, location, NULL);
  if (checkpoint)
    gst_structure_set (structure, "checkpoint", G_TYPE_STRING, checkpoint, NULL);
  gst_mae_trainer_post (self, structure);
  GST_ELEMENT_INFO (self, RESOURCE, WRITE, ("%" G_GUINT64_FORMAT " steps, loss %.4f; written: %s",
          gh_mae_trainer_steps_done (self->trainer), loss, location ? location : checkpoint ? checkpoint : "by rank 0"),
      (NULL));
}

/* The fit of the embedding takes minutes at most, and without it the training was for nothing: a stop waits for it. */
static gboolean
tell_fit (gdouble part, gpointer user_data)
{
  GstMaeTrainer *self = user_data;
  const gint64 now = g_get_monotonic_time ();

  if (part > 0 && now - self->course.told < PROGRESS_INTERVAL)
    return TRUE;
  gst_mae_trainer_post (self, gst_structure_new ("mae-trainer", "state", G_TYPE_STRING, "fitting", "part", G_TYPE_DOUBLE,
          part, NULL));
  self->course.told = now;
  return TRUE;
}

/* The end of all steps, or of a live stream: writes what was learned. One file that fails does not cost the other. */
static void
complete (GstMaeTrainer *self, const GstMaeTrainerSettings *s)
{
  GhMaeExport how = { s->bfloat16, !s->decoder, s->record, NULL, self->store, tell_fit, self };
  g_autoptr (GError) unsaved = NULL, error = NULL;
  const gboolean writes = gh_mae_trainer_rank (self->trainer) == 0;
  const gboolean saved = writes && s->checkpoint && save_checkpoint (self, s->checkpoint, &unsaved);
  const gboolean exported = writes && s->location && gh_mae_trainer_export (self->trainer, s->location, &how, &error);

  if (!unsaved && !error) {
    GST_OBJECT_LOCK (self);
    self->stats.done = TRUE;
    GST_OBJECT_UNLOCK (self);
    g_atomic_int_set (&self->complete, TRUE);
  }
  if (exported || (saved && !error) || !writes)
    tell_done (self, exported ? s->location : NULL, saved ? s->checkpoint : NULL);
  if (error)
    GST_ELEMENT_MODEL_ERROR (self, error, "location");
  else if (unsaved)
    GST_ELEMENT_MODEL_ERROR (self, unsaved, "checkpoint");
}

/* A step that models/ refuses because its loss is not finite. Its words are those of the command's options. */
static void
fail_step (GstMaeTrainer *self, const GstMaeTrainerSettings *s, const GError *error)
{
  const gboolean kept = s->checkpoint && g_file_test (s->checkpoint, G_FILE_TEST_EXISTS);

  if (!g_error_matches (error, GH_ERROR, GH_ERROR_DATA)) {
    GST_ELEMENT_MODEL_ERROR (self, error, "model");
    return;
  }
  GST_ELEMENT_ERROR (self, STREAM, WRONG_TYPE, ("After step %" G_GUINT64_FORMAT " the loss is no longer a finite "
          "number. Set 'learning-rate' lower, 'warmup' higher or 'clip'%s%s.",
          gh_mae_trainer_steps_done (self->trainer), kept ? "; the last good state is in " : "",
          kept ? s->checkpoint : ""), ("%s", error->message));
}

/* A live stream that ends at once is still learned from. */
static gboolean
has_more_steps (GstMaeTrainer *self)
{
  const guint64 done = gh_mae_trainer_steps_done (self->trainer);

  if (gh_mae_trainer_processes (self->trainer) > 1)
    return done < gh_mae_trainer_options (self->trainer)->steps && !self->course.ends;
  return done < gh_mae_trainer_options (self->trainer)->steps
      && !(g_atomic_int_get (&self->ending) && done > self->course.first_step);
}

static gboolean
keeps_checkpoint (GstMaeTrainer *self, const GstMaeTrainerSettings *s)
{
  return s->checkpoint && gh_mae_trainer_rank (self->trainer) == 0;
}

/* What was learned until now, where nothing more is to come: kept in the checkpoint, or lost, which is said either way. */
static void
save_the_rest (GstMaeTrainer *self, const GstMaeTrainerSettings *s)
{
  const guint64 done = gh_mae_trainer_steps_done (self->trainer);

  if (done == self->course.first_step)
    return;
  if (keeps_checkpoint (self, s)) {
    if (save_on_the_way (self, s->checkpoint, "What was learned since the checkpoint before is lost."))
      GST_ELEMENT_INFO (self, RESOURCE, WRITE, ("Stopped after step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT ": %s has the "
              "state, and the next start goes on from there.", done, gh_mae_trainer_options (self->trainer)->steps,
              s->checkpoint), (NULL));
  } else if (gh_mae_trainer_rank (self->trainer) == 0) {
    GST_ELEMENT_WARNING (self, RESOURCE, NOT_FOUND, ("Stopped after step %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
            ", and what was learned is lost. Set the property 'checkpoint' to a file to go on from next time.", done,
            gh_mae_trainer_options (self->trainer)->steps), (NULL));
  }
}

/* A stop reaches a process also through the others, which were stopped, too. */
static void
end_early (GstMaeTrainer *self, const GstMaeTrainerSettings *s, const GError *error)
{
  const gboolean lost = g_error_matches (error, GH_ERROR, GH_ERROR_PEER);

  if (lost)
    save_the_rest (self, s);
  if (!lost || !gst_background_job_is_stopping (&self->job))
    fail_step (self, s, error);
}

void
gst_mae_trainer_train (gpointer data, gpointer user_data)
{
  GstMaeTrainer *self = user_data;
  g_auto (GstMaeTrainerSettings) s = gst_mae_trainer_copy_settings (self);
  gint64 now = g_get_monotonic_time ();

  self->course = (GstMaeTrainerCourse) { now, now, now, gh_mae_trainer_steps_done (self->trainer) };
  while (has_more_steps (self)) {
    g_autoptr (GError) error = NULL;
    GhMaeTrainStep step;

    if (gst_background_job_is_stopping (&self->job)) {
      save_the_rest (self, &s);
      return;
    }
    gh_mae_trainer_set_ending (self->trainer, g_atomic_int_get (&self->ending));
    if (!gh_mae_trainer_step (self->trainer, self->store, &step, &error)) {
      end_early (self, &s, error);
      return;
    }
    account (self, &step);
    if (keeps_checkpoint (self, &s) && checkpoint_is_due (self))
      save_on_the_way (self, s.checkpoint, "The training goes on; the checkpoint before is kept.");
  }
  complete (self, &s);
}
