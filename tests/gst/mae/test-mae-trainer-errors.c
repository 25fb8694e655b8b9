/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-mae-trainer-errors.c: settings, streams and disks with which mae-trainer cannot train, what it says, and what is
 * left. */
#include "trainer-rig.h"
#include "models/gh-file-lock.h"

#include <glib/gstdio.h>
#include <string.h>

static void
expect_no_start (const gchar *says)
{
  GError *error = mae_test_start_and_fail (rig.element);

  fail_unless (strstr (error->message, says) != NULL, "\"%s\" does not say \"%s\"", error->message, says);
  g_error_free (error);
}

GST_START_TEST (test_settings)
{
  GhMaeConfig other = rig_config ();
  GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhFileLock *lock;

  g_object_set (rig.element, "location", NULL, NULL);
  expect_no_start ("'location'");
  g_object_set (rig.element, "location", "/nowhere/at/all/encoder.safetensors", NULL);
  expect_no_start ("/nowhere/at/all/encoder.safetensors");
  g_object_set (rig.element, "location", rig.location, "checkpoint", rig.location, NULL);
  expect_no_start ("cannot be the same file");
  g_object_set (rig.element, "checkpoint", rig.test.folder, NULL);
  expect_no_start ("it is a folder");
  g_object_set (rig.element, "checkpoint", NULL, "config", "nosuch", NULL);
  expect_no_start ("nosuch");
  g_object_set (rig.element, "config", rig.config_file, "model", rig.test.model, NULL);
  expect_no_start ("only one");
  g_object_set (rig.element, "config", NULL, NULL);
  expect_no_start ("no decoder");
  g_object_set (rig.element, "model", "/nowhere.safetensors", NULL);
  expect_no_start ("/nowhere.safetensors");
  g_object_set (rig.element, "model", NULL, "config", rig.config_file, "warmup", (gint64) STEPS, NULL);
  expect_no_start ("warmup takes 6 steps of 6: give it fewer.");
  g_object_set (rig.element, "warmup", (gint64) 1, "precision", GH_PRECISION_INT8, NULL);
  expect_no_start ("precision can be auto, f32 or bf16");
  g_object_set (rig.element, "precision", GH_PRECISION_F32, "checkpoint", rig.test.model, NULL);
  expect_no_start ("no state of training");
  other.depth = 2;
  trainer = gh_mae_trainer_new (&other, &options, NULL);
  fail_unless (gh_mae_trainer_save (trainer, rig.checkpoint, NULL));
  g_object_set (rig.element, "checkpoint", rig.checkpoint, NULL);
  expect_no_start ("is of another model than the configuration");
  lock = gh_file_lock_new (rig.checkpoint, NULL);
  fail_unless (lock != NULL, "a start that failed still holds the checkpoint");
  expect_no_start ("another process or element is writing it");
  gh_file_lock_free (lock);
  gst_object_unref (rig.element);
}
GST_END_TEST;

GST_START_TEST (test_no_frames)
{
  GstBus *bus = rig_start ();

  fail_unless (!rig_push_eos ());
  rig_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "without a frame");
}
GST_END_TEST;

GST_START_TEST (test_too_few_live)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (rig.element), "mode", "live");
  bus = rig_start ();
  rig_push_frames (0, 5);
  fail_unless (!rig_push_eos ());
  rig_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "after 5 frames, before training began");
}
GST_END_TEST;

/* A learning rate that makes the loss overflow: an error, and the last good checkpoint. */
GST_START_TEST (test_diverging)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhMaeTrainStep step;
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 10);
  GstBus *bus;

  g_object_set (rig.element, "learning-rate", 10.0, "weight-decay", 10.0, "steps", (guint64) 3000, "warmup", (gint64) 0,
      "checkpoint", rig.checkpoint, "checkpoint-interval", (guint64) 1, NULL);
  bus = rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (!rig_push_eos ());
  rig_expect_error (bus, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE, "Set 'learning-rate' lower, "
      "'warmup' higher or 'clip'; the last good state is in ");
  fail_unless (!g_file_test (rig.location, G_FILE_TEST_EXISTS));
  trainer = gh_mae_trainer_resume (rig.checkpoint, NULL, NULL);
  fail_unless (trainer != NULL && gh_mae_trainer_steps_done (trainer) > 0);
  fail_unless (!gh_mae_trainer_step (trainer, store, &step, NULL) || step.step > 0);
}
GST_END_TEST;

/* A place that is gone when the time comes. */
GST_START_TEST (test_cannot_write)
{
  g_autofree gchar *folder = g_build_filename (rig.test.folder, "gone", NULL);
  g_autofree gchar *elsewhere = g_build_filename (rig.test.folder, "elsewhere", NULL);
  g_autofree gchar *path = g_build_filename (folder, "encoder.safetensors", NULL);
  g_autofree gchar *state = g_build_filename (folder, "checkpoint.safetensors", NULL);
  GstBus *bus;

  fail_unless (g_mkdir (folder, 0700) == 0);
  g_object_set (rig.element, "location", path, "checkpoint", state, NULL);
  bus = rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (g_rename (folder, elsewhere) == 0);
  fail_unless (!rig_push_eos ());
  rig_expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, path);
}
GST_END_TEST;

/* Only the checkpoint is gone: an error, whether or not there is an encoder beside it, which is written. */
GST_START_TEST (test_cannot_save)
{
  g_autofree gchar *folder = g_build_filename (rig.test.folder, "gone", NULL);
  g_autofree gchar *elsewhere = g_build_filename (rig.test.folder, "elsewhere", NULL);
  g_autofree gchar *state = g_build_filename (folder, "checkpoint.safetensors", NULL);
  const gboolean with_encoder = __i__ == 1;
  gboolean done = FALSE;
  GstMessage *message;
  GstBus *bus;

  fail_unless (g_mkdir (folder, 0700) == 0);
  g_object_set (rig.element, "location", with_encoder ? rig.location : NULL, "checkpoint", state, NULL);
  bus = rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (g_rename (folder, elsewhere) == 0);
  fail_unless (!rig_push_eos ());
  while ((message = gst_bus_peek (bus)) && GST_MESSAGE_TYPE (message) != GST_MESSAGE_ERROR) {
    const GstStructure *structure = gst_message_get_structure (message);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT
        && g_strcmp0 (gst_structure_get_string (structure, "state"), "done") == 0) {
      done = TRUE;
      fail_unless (!gst_structure_has_field (structure, "checkpoint"));
    }
    gst_message_unref (message);
    gst_message_unref (gst_bus_pop (bus));
  }
  gst_clear_message (&message);
  assert_equals_int (done, with_encoder);
  if (with_encoder)
    rig_check_default_result ();
  rig_expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE, state);
}
GST_END_TEST;

static Suite *
mae_trainer_errors_suite (void)
{
  Suite *suite = suite_create ("mae-trainer: errors");
  TCase *tcase = rig_case ();

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_settings);
  tcase_add_test (tcase, test_no_frames);
  tcase_add_test (tcase, test_too_few_live);
  tcase_add_test (tcase, test_diverging);
  tcase_add_test (tcase, test_cannot_write);
  tcase_add_loop_test (tcase, test_cannot_save, 0, 2);
  return suite;
}

GST_CHECK_MAIN (mae_trainer_errors);
