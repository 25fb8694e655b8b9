/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer.c: that training learns, and that seed, number of threads and interruptions do to the result what is
 * promised.
 */
#include "training-fixture.h"

/* ---- learning ---------------------------------------------------------------------------------------------------- */

static void
test_learns (Training *f, gconstpointer precision)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  double first, last;

  f->options.precision = GPOINTER_TO_INT (precision);
  f->options.steps = 250;
  trainer = training_new (f);
  for (guint i = 0; i < 250; i++) {
    g_autoptr (GError) error = NULL;
    GhMaeTrainStep step;

    gh_mae_trainer_step (trainer, f->store, &step, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (step.step, ==, i + 1);
    g_assert_cmpuint (step.images, ==, 4 * (i + 1));
    g_assert_true (step.grad_norm > 0 && step.lr <= 3e-3 && step.seconds > 0 && step.images_per_second > 0);
  }
  first = mean_loss (trainer, 0, 5);
  last = mean_loss (trainer, 230, 250);
  g_test_message ("%s: loss %.3f, then %.3f", gh_mae_trainer_reason (trainer), first, last);
  g_assert_cmpfloat (first, >, 1);
  g_assert_cmpfloat (last, <, 0.7 * first);
}

/* bfloat16 rounds, and learns the same. */
static void
test_bf16 (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) f32 = training_new (f);
  g_autoptr (GhMaeTrainer) bf16 = NULL;

  f->options.precision = GH_PRECISION_BF16;
  bf16 = training_new (f);
  training_steps (f, f32, 60);
  training_steps (f, bf16, 60);
  for (int from = 0; from < 60; from += 10) {
    double a = mean_loss (f32, from, from + 10), b = mean_loss (bf16, from, from + 10);

    g_test_message ("steps %d to %d: f32 %.4f, bf16 %.4f", from, from + 10, a, b);
    g_assert_cmpfloat (fabs (a - b), <, 0.02 * a);
  }
}

/* Two batches of two are one of four: the same images, the same gradient. */
static void
test_accumulate (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) one = training_new (f);
  g_autoptr (GhMaeTrainer) two = NULL;

  f->options.batch = f->options.accumulate = 2;
  two = training_new (f);
  for (int i = 0; i < 5; i++) {
    const GhMaeParams *a = &one->model.params, *b = &two->model.params;

    training_steps (f, one, 1);
    training_steps (f, two, 1);
    g_assert_cmpfloat (fabs (mean_loss (one, i, i + 1) - mean_loss (two, i, i + 1)), <, 1e-5);
    if (i == 0)
      g_assert_cmpfloat (test_error (a->gradient, b->gradient, a->n_trained), <, 1e-4);
  }
}

static void
test_clip (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) free_run = training_new (f);
  g_autoptr (GhMaeTrainer) clipped = NULL;
  double free_norm = 0, clipped_norm = 0, seen;
  GhMaeTrainStep step;

  gh_mae_trainer_step (free_run, f->store, &step, NULL);
  seen = step.grad_norm;
  f->options.clip = seen / 4;
  clipped = training_new (f);
  gh_mae_trainer_step (clipped, f->store, &step, NULL);
  g_assert_cmpfloat (fabs (step.grad_norm - seen), <, 1e-6 * seen);
  for (guint64 i = 0; i < free_run->model.params.n_trained; i++) {
    free_norm += free_run->model.params.m[i] * free_run->model.params.m[i];
    clipped_norm += clipped->model.params.m[i] * clipped->model.params.m[i];
  }
  g_assert_cmpfloat (fabs (sqrt (clipped_norm / free_norm) - 0.25), <, 1e-4);
}

static void
test_schedule (void)
{
  GhMaeTrainOptions o;

  gh_mae_train_options_init (&o);
  o.steps = 100;
  o.warmup = 10;
  o.lr = 1;
  o.min_lr = 0.1;
  g_assert_cmpfloat (gh_mae_train_options_lr (&o, 1), ==, 0);
  g_assert_cmpfloat (fabs (gh_mae_train_options_lr (&o, 6) - 0.5), <, 1e-12);
  g_assert_cmpfloat (gh_mae_train_options_lr (&o, 11), ==, 1);
  g_assert_cmpfloat (fabs (gh_mae_train_options_lr (&o, 56) - 0.55), <, 1e-12);
  g_assert_cmpfloat (gh_mae_train_options_lr (&o, 100), <, 0.101);
  g_assert_cmpfloat (gh_mae_train_options_lr (&o, 101), ==, 0.1);
  g_assert_cmpfloat (gh_mae_train_options_lr (&o, 100000), ==, 0.1);
}

/* ---- the same again ---------------------------------------------------------------------------------------------- */

static void
augment (Training *f)
{
  f->options.crop = 0.4;
  f->options.flip = TRUE;
  f->options.light = 0.7;
}

static void
test_repeat (Training *f, gconstpointer data)
{
  augment (f);
  for (int i = 0; i < 2; i++) {
    g_autoptr (GhMaeTrainer) trainer = training_new (f);

    training_steps (f, trainer, 20);
    training_save (trainer, i ? f->b : f->a);
  }
  assert_same_bytes (f->a, f->b);
}

static void
test_seed (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) one = training_new (f);
  g_autoptr (GhMaeTrainer) two = NULL;

  f->options.seed++;
  two = training_new (f);
  training_steps (f, one, 1);
  training_steps (f, two, 1);
  g_assert_cmpfloat (mean_loss (one, 0, 1), !=, mean_loss (two, 0, 1));
}

static void
test_threads (Training *f, gconstpointer precision)
{
  augment (f);
  f->options.precision = GPOINTER_TO_INT (precision);
  for (int threads = 1; threads <= 5; threads += 2) {
    g_autoptr (GhMaeTrainer) trainer = NULL;

    f->options.threads = threads;
    trainer = training_new (f);
    training_steps (f, trainer, 10);
    training_save (trainer, threads > 1 ? f->b : f->a);
    if (threads > 1)
      assert_same_bytes (f->a, f->b);
  }
}

static void
test_resume (Training *f, gconstpointer precision)
{
  g_autoptr (GhMaeTrainer) straight = NULL;
  g_autoptr (GhMaeTrainer) stopped = NULL;

  augment (f);
  f->options.precision = GPOINTER_TO_INT (precision);
  f->config.cls_token = TRUE;
  straight = training_new (f);
  training_steps (f, straight, 24);
  training_save (straight, f->a);

  stopped = training_new (f);
  for (int at = 0; at < 24; at += 8) {
    training_steps (f, stopped, 8);
    training_save (stopped, f->b);
    g_clear_pointer (&stopped, gh_mae_trainer_free);
    stopped = training_resume (f, f->b);
    g_assert_cmpuint (gh_mae_trainer_steps_done (stopped), ==, at + 8);
  }
  training_save (stopped, f->b);
  assert_same_bytes (f->a, f->b);
}

static void
test_resume_other (Training *f, gconstpointer data)
{
  g_autoptr (GhMaeTrainer) trainer = training_new (f);
  g_autoptr (GhMaeTrainer) resumed = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeTrainOptions options;

  training_steps (f, trainer, 3);
  training_save (trainer, f->a);
  g_assert_true (gh_mae_train_options_read (&options, f->a, &error));
  g_assert_cmpint (options.batch, ==, 4);
  g_assert_cmpuint (options.steps, ==, 60);
  g_assert_cmpfloat (options.lr, ==, 3e-3);
  g_assert_cmpint (options.precision, ==, GH_PRECISION_F32);
  options.batch = 2;
  options.steps = 1000;
  resumed = gh_mae_trainer_resume (f->a, &options, &error);
  g_assert_no_error (error);
  training_steps (f, resumed, 1);
  g_assert_cmpuint (gh_mae_trainer_steps_done (resumed), ==, 4);
  g_assert_cmpuint (resumed->images, ==, 14);
}

int
main (int argc, char **argv)
{
#define ADD(name, data, function) \
    g_test_add ("/mae-trainer/" name, Training, data, training_set_up, function, training_tear_down)
  g_test_init (&argc, &argv, NULL);
  ADD ("learns/f32", GINT_TO_POINTER (GH_PRECISION_F32), test_learns);
  ADD ("learns/auto", GINT_TO_POINTER (GH_PRECISION_AUTO), test_learns);
  ADD ("bf16", NULL, test_bf16);
  ADD ("accumulate", NULL, test_accumulate);
  ADD ("clip", NULL, test_clip);
  g_test_add_func ("/mae-trainer/schedule", test_schedule);
  ADD ("repeat", NULL, test_repeat);
  ADD ("seed", NULL, test_seed);
  ADD ("threads/f32", GINT_TO_POINTER (GH_PRECISION_F32), test_threads);
  ADD ("threads/bf16", GINT_TO_POINTER (GH_PRECISION_BF16), test_threads);
  ADD ("resume/f32", GINT_TO_POINTER (GH_PRECISION_F32), test_resume);
  ADD ("resume/bf16", GINT_TO_POINTER (GH_PRECISION_BF16), test_resume);
  ADD ("resume-other", NULL, test_resume_other);
  return g_test_run ();
}
