/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-group.c: that several processes learn what one process with so many times the batch learns, also
 * after they were stopped and went on; that they begin with the state of rank 0; that one which fails ends the others.
 */
#include "processes.h"
#include "training-fixture.h"

#include <string.h>

enum { STEPS = 50, STEPS_EMULATED = 6 };

static gboolean emulated;       /* on the cuda device that the processor runs, with sums by a library like NCCL */

static const float tolerance = 1e-5f;

typedef struct {
  Training *f;
  guint64 from, to;             /* steps */
  const char *resume, *save;
} Plan;

static void
one_rank (int rank, int size, int port, gconstpointer data)
{
  const Plan *plan = data;
  Training *f = plan->f;
  Training own = *f;
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = NULL;
  g_autoptr (GError) error = NULL;
  GhWorld world;

  gh_world_init (&world);
  world.rank = rank;
  world.size = f->options.processes = size;
  world.address = (char *) "127.0.0.1";
  world.port = port;
  /* Only rank 0 has the file. */
  trainer = plan->resume && rank == 0 ? gh_mae_trainer_resume (plan->resume, &f->options, &error) : training_new (f);
  g_assert_no_error (error);
  gh_mae_trainer_join (trainer, &world, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gh_mae_trainer_rank (trainer), ==, rank);
  g_assert_cmpint (gh_mae_trainer_processes (trainer), ==, size);
  g_assert_cmpuint (gh_mae_trainer_steps_done (trainer), ==, plan->from);
  g_assert_nonnull (strstr (gh_mae_trainer_reason (trainer), emulated ? "processes, over NCCL"
          : "processes, over TCP"));
  if (emulated) {               /* the device has the frames, that of the training alone has not */
    store = gh_mae_trainer_new_store (trainer, gh_frame_store_count (f->store));
    training_push (store, gh_frame_store_count (f->store));
    g_assert_nonnull (gh_frame_store_on_device (store));
    own.store = store;
  }
  training_steps (&own, trainer, plan->to - plan->from);
  if (rank == size - 1)         /* whoever saves, it is the same */
    training_save (trainer, plan->save);
}

static void
assert_close (const char *a, const char *b)
{
  g_autoptr (ModelFile) one = model_file_read (a), other = model_file_read (b);
  float worst = 0;

  g_assert_cmpuint (one->tensors->len, ==, other->tensors->len);
  for (guint i = 0; i < one->tensors->len; i++) {
    const ModelTensor *x = g_ptr_array_index (one->tensors, i), *y = model_file_find (other, x->name);

    g_assert_nonnull (y);
    g_assert_cmpint (x->count, ==, y->count);
    for (gint64 k = 0; k < x->count; k++)
      worst = MAX (worst, fabsf (x->data[k] - y->data[k]));
  }
  g_test_message ("the largest difference of a number is %g", worst);
  g_assert_cmpfloat (worst, <=, tolerance);
}

/* size processes with batches of 6 / size against one with 6, to f->a. */
static void
train_alone (Training *f, int accumulate)
{
  g_autoptr (GhMaeTrainer) alone = NULL;

  f->options.threads = 1;
  f->options.batch = 6;
  f->options.accumulate = accumulate;
  f->options.crop = 0.5;
  f->options.flip = TRUE;
  f->options.light = 0.2;
  f->options.clip = 0.3;        /* below most gradients */
  alone = training_new (f);
  training_steps (f, alone, STEPS);
  training_save (alone, f->a);
}

static void
test_same (Training *f, gconstpointer data)
{
  const int size = GPOINTER_TO_INT (data);
  const Plan plan = { f, 0, STEPS, NULL, f->b };

  train_alone (f, size == 3 ? 2 : 1);
  f->options.batch = 6 / size;
  processes_run (one_rank, size, &plan);
  assert_close (f->a, f->b);
}

static void
test_emulated (Training *f, gconstpointer data)
{
  const Plan plan = { f, 0, STEPS_EMULATED, NULL, f->b };
  g_autoptr (GhMaeTrainer) alone = NULL;

  f->options.device = GH_DEVICE_CUDA;
  alone = training_new (f);
  training_steps (f, alone, STEPS_EMULATED);
  training_save (alone, f->a);
  f->options.batch = 2;
  processes_run (one_rank, 2, &plan);
  assert_close (f->a, f->b);
}

/* Stopped half-way, in two processes, and gone on with in three. */
static void
test_resume (Training *f, gconstpointer data)
{
  g_autofree char *half = g_build_filename (f->folder, "half.safetensors", NULL);
  const Plan first = { f, 0, STEPS / 2, NULL, half }, second = { f, STEPS / 2, STEPS, half, f->b };

  train_alone (f, 1);
  f->options.batch = 3;
  processes_run (one_rank, 2, &first);
  f->options.batch = 2;
  processes_run (one_rank, 3, &second);
  assert_close (f->a, f->b);
}

/* The camera's mean picture, too, is measured once. */
static void
test_camera (Training *f, gconstpointer data)
{
  const Plan plan = { f, 0, 10, NULL, f->b };
  g_autoptr (GhMaeTrainer) alone = NULL;

  f->options.target = GH_MAE_TARGET_CAMERA;
  f->options.threads = 1;
  alone = training_new (f);
  training_steps (f, alone, 10);
  training_save (alone, f->a);
  f->options.batch = 2;
  processes_run (one_rank, 2, &plan);
  assert_close (f->a, f->b);
}

/* Rank 1 has no frames: it fails, and rank 0 is told. */
static void
one_fails (int rank, int size, int port, gconstpointer data)
{
  Training *f = (Training *) data;
  GhWorld world = { rank, size, rank, (char *) "127.0.0.1", port, 60, 30 };
  g_autoptr (GhFrameStore) empty = gh_frame_store_new (f->config.height, f->config.width, 2, 1);
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;

  f->options.processes = size;
  trainer = training_new (f);
  gh_mae_trainer_join (trainer, &world, &error);
  g_assert_no_error (error);
  training_steps (f, trainer, 2);
  g_assert_false (gh_mae_trainer_step (trainer, rank == 0 ? f->store : empty, NULL, &error));
  g_assert_error (error, GH_ERROR, (gint) (rank == 0 ? GH_ERROR_PEER : GH_ERROR_DATA));
  g_assert_nonnull (strstr (error->message, "there is no frame to learn from"));
  g_assert_cmpuint (gh_mae_trainer_steps_done (trainer), ==, 2);
}

static void
test_failure (Training *f, gconstpointer data)
{
  f->options.threads = 1;
  processes_run (one_fails, 2, f);
}

/* One wants to end: all agree which step was the last. */
static void
one_ends (int rank, int size, int port, gconstpointer data)
{
  Training *f = (Training *) data;
  GhWorld world = { rank, size, rank, (char *) "127.0.0.1", port, 60, 30 };
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhMaeTrainStep step = { 0 };

  f->options.processes = size;
  trainer = training_new (f);
  gh_mae_trainer_join (trainer, &world, NULL);
  while (!step.ends) {
    gh_mae_trainer_set_ending (trainer, rank == 1 && step.step >= 3);
    g_assert_true (gh_mae_trainer_step (trainer, f->store, &step, NULL));
  }
  g_assert_cmpuint (step.step, ==, 4);
  g_assert_cmpuint (step.images, ==, 4 * f->options.batch * size);
}

static void
test_ending (Training *f, gconstpointer data)
{
  f->options.threads = 1;
  processes_run (one_ends, 2, f);
}

int
main (int argc, char **argv)
{
#define ADD(name, data, test) \
  g_test_add ("/mae-trainer/group/" name, Training, data, training_set_up, test, training_tear_down)
  g_test_init (&argc, &argv, NULL);
  if (argc == 2) {
    emulated = TRUE;
    g_setenv ("GST_HEADS_NCCL", argv[1], TRUE);
    ADD ("emulated", NULL, test_emulated);
    return g_test_run ();
  }
  ADD ("same/2", GINT_TO_POINTER (2), test_same);
  ADD ("same/3", GINT_TO_POINTER (3), test_same);
  ADD ("resume", NULL, test_resume);
  ADD ("camera", NULL, test_camera);
  ADD ("failure", NULL, test_failure);
  ADD ("ending", NULL, test_ending);
  return g_test_run ();
}
