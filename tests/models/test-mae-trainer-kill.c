/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-kill.c: a process that trains and saves after every step is killed at a random moment, 50 times
 * over. Each time the checkpoint is there, loads as an encoder and resumes, and never goes back.
 */
#include "temp-folder.h"
#include "training-frames.h"

#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { KILLS = 50, LONGEST_US = 40000 };

/* What the child does, for ever. */
static int
train (const char *path)
{
  GhMaeConfig config = test_config ();
  g_autoptr (GhFrameStore) store = training_store (config.height, config.width, 5);
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeTrainOptions options;

  gh_mae_train_options_init (&options);
  options.device = GH_DEVICE_CPU;
  options.batch = options.threads = 1;
  trainer = g_file_test (path, G_FILE_TEST_EXISTS) ? gh_mae_trainer_resume (path, NULL, &error)
      : gh_mae_trainer_new (&config, &options, &error);
  while (trainer && gh_mae_trainer_step (trainer, store, NULL, &error) && gh_mae_trainer_save (trainer, path, &error)) {
    putchar ('.');
    fflush (stdout);
  }
  g_printerr ("%s\n", error->message);
  return 1;
}

static GPid
start_child (const char *self, const char *path, int *out)
{
  const char *argv[] = { self, "--train", path, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid;

  g_spawn_async_with_pipes (NULL, (char **) argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, NULL, out, NULL,
      &error);
  g_assert_no_error (error);
  return pid;
}

/* Once it has saved, a random time later. */
static void
kill_child (GPid pid, int out, guint32 *random)
{
  char dot;
  int status;

  g_assert_cmpint (read (out, &dot, 1), ==, 1);
  g_usleep (LONGEST_US * test_uniform (random));
  kill (pid, SIGKILL);
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL);
  close (out);
}

static void
test_kill (gconstpointer self)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "run.safetensors", NULL);
  g_autofree char *unnamed = g_build_filename (folder, ".run.safetensors.new", NULL);
  guint64 last = 0;
  guint32 random = 7;

  for (int i = 0; i < KILLS; i++) {
    g_autoptr (GhEncoder) encoder = NULL;
    g_autoptr (GhMaeTrainer) trainer = NULL;
    g_autoptr (GError) error = NULL;
    int out;
    GPid pid = start_child (self, path, &out);

    kill_child (pid, out, &random);
    encoder = gh_encoder_load (path, GH_DEVICE_CPU, GH_PRECISION_F32, 1, &error);
    g_assert_no_error (error);
    trainer = gh_mae_trainer_resume (path, NULL, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (gh_mae_trainer_steps_done (trainer), >, last);
    last = gh_mae_trainer_steps_done (trainer);
  }
  /* Nothing is left of the saves that were cut off, but for one that only lacked its name. */
  g_unlink (unnamed);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_test_message ("%d kills in %u steps", KILLS, (guint) last);
}

int
main (int argc, char **argv)
{
  if (argc == 3 && strcmp (argv[1], "--train") == 0)
    return train (argv[2]);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/mae-trainer/kill", argv[0], test_kill);
  return g_test_run ();
}
