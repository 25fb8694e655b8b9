/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * training-fixture.h: what the trainer's tests start from: a small model, options, a store of frames, a folder.
 */
#pragma once

#include "temp-folder.h"
#include "training-frames.h"
#include "models/gh-mae-trainer-private.h"

typedef struct {
  char *folder, *a, *b;
  GhMaeConfig config;
  GhMaeTrainOptions options;
  GhFrameStore *store;
} Training;

static inline void
training_set_up (Training *f, gconstpointer data)
{
  f->folder = temp_folder_new ();
  f->a = g_build_filename (f->folder, "a.safetensors", NULL);
  f->b = g_build_filename (f->folder, "b.safetensors", NULL);
  f->config = test_config ();
  gh_mae_train_options_init (&f->options);
  f->options.device = GH_DEVICE_CPU;
  f->options.precision = GH_PRECISION_F32;
  f->options.batch = 4;
  f->options.steps = 60;
  f->options.warmup = 5;
  f->options.lr = 3e-3;
  f->store = training_store (f->config.height, f->config.width, 13);
}

static inline void
training_tear_down (Training *f, gconstpointer data)
{
  gh_frame_store_free (f->store);
  temp_folder_remove (f->folder);
  g_free (f->folder);
  g_free (f->a);
  g_free (f->b);
}

static inline GhMaeTrainer *
training_new (Training *f)
{
  g_autoptr (GError) error = NULL;
  GhMaeTrainer *trainer = gh_mae_trainer_new (&f->config, &f->options, &error);

  g_assert_no_error (error);
  return trainer;
}

static inline void
training_steps (Training *f, GhMaeTrainer *trainer, int n)
{
  for (int i = 0; i < n; i++) {
    g_autoptr (GError) error = NULL;

    gh_mae_trainer_step (trainer, f->store, NULL, &error);
    g_assert_no_error (error);
  }
}

static inline void
training_save (GhMaeTrainer *trainer, const char *path)
{
  g_autoptr (GError) error = NULL;

  gh_mae_trainer_save (trainer, path, &error);
  g_assert_no_error (error);
}

/* With the options of the file, on the device of the fixture: that is not in the file, and $GST_HEADS_DEVICE may say
 * another. */
static inline GhMaeTrainer *
training_resume (Training *f, const char *path)
{
  g_autoptr (GError) error = NULL;
  GhMaeTrainOptions options;
  GhMaeTrainer *trainer;

  gh_mae_train_options_read (&options, path, &error);
  g_assert_no_error (error);
  options.device = f->options.device;
  options.threads = f->options.threads;
  trainer = gh_mae_trainer_resume (path, &options, &error);
  g_assert_no_error (error);
  return trainer;
}

static inline void
assert_same_bytes (const char *a, const char *b)
{
  g_autofree char *one = NULL, *two = NULL;
  gsize size_one, size_two;

  g_assert_true (g_file_get_contents (a, &one, &size_one, NULL));
  g_assert_true (g_file_get_contents (b, &two, &size_two, NULL));
  g_assert_cmpmem (one, size_one, two, size_two);
}

static inline double
mean_loss (const GhMaeTrainer *trainer, guint64 from, guint64 to)
{
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);
  double sum = 0;

  g_assert_cmpuint (to, <=, n);
  for (guint64 i = from; i < to; i++)
    sum += losses[i];
  return sum / (to - from);
}
