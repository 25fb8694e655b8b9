/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer.c: the files that mae-trainer writes are those that models/ writes for the same frames, byte for
 * byte; when it trains, how it stops and goes on.
 */
#include "trainer-rig.h"

static GstMessage *
pop_state (GstBus *bus, const gchar *state)
{
  GstMessage *message;

  while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT))) {
    if (gst_message_has_name (message, "mae-trainer")
        && g_strcmp0 (gst_structure_get_string (gst_message_get_structure (message), "state"), state) == 0)
      return message;
    gst_message_unref (message);
  }
  return NULL;
}

static GstMessage *
wait_for_state (GstBus *bus, const gchar *state)
{
  GstMessage *message = NULL;

  for (guint i = 0; i < 2000 && !message; i++) {
    message = pop_state (bus, state);
    if (!message)
      g_usleep (5 * G_TIME_SPAN_MILLISECOND);
  }
  fail_unless (message != NULL, "no message says %s", state);
  return message;
}

static guint64
number_of (GstMessage *message, const gchar *field)
{
  guint64 number = 0;

  fail_unless (gst_structure_get_uint64 (gst_message_get_structure (message), field, &number), "no %s", field);
  gst_message_unref (message);
  return number;
}

/* ---- against models/ --------------------------------------------------------------------------------- */

GST_START_TEST (test_recording)
{
  GstBus *bus = rig_start ();
  GstMessage *message = pop_state (bus, "ready");

  fail_unless (message && gst_structure_get_string (gst_message_get_structure (message), "reason") != NULL);
  gst_message_unref (message);
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  assert_equals_uint64 (number_of (wait_for_state (bus, "training"), "steps"), STEPS);
  message = wait_for_state (bus, "done");
  assert_equals_string (gst_structure_get_string (gst_message_get_structure (message), "location"), rig.location);
  assert_equals_uint64 (number_of (message, "step"), STEPS);
  assert_equals_uint64 (mae_test_count (rig.h->element, "taken"), FRAMES);
  assert_equals_uint64 (mae_test_count (rig.h->element, "images"), STEPS * BATCH);
  rig_check_default_result ();
}
GST_END_TEST;

/* Every option reaches the trainer. */
GST_START_TEST (test_options)
{
  const GhMaeConfig config = rig_config ();
  GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 6);
  GhMaeExport how = { TRUE, TRUE, "noise", NULL };

  g_object_set (rig.element, "accumulate", 2, "warmup", (gint64) 3, "weight-decay", 0.2, "clip", 0.5, "mask-ratio", 0.5,
      "target", GH_MAE_TARGET_PIXELS, "crop", 0.4, "flip", TRUE, "light", 0.3, "buffer-size", 6, "decoder", FALSE,
      "bfloat16", TRUE, "record", "noise", NULL);
  options.accumulate = 2;
  options.warmup = 3;
  options.weight_decay = 0.2;
  options.clip = 0.5;
  options.mask_ratio = 0.5;
  options.target = GH_MAE_TARGET_PIXELS;
  options.crop = 0.4;
  options.flip = TRUE;
  options.light = 0.3;
  rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  trainer = gh_mae_trainer_new (&config, &options, NULL);
  rig_check_result (trainer, store, &how);
}
GST_END_TEST;

GST_START_TEST (test_from_model)
{
  const GhMaeConfig config = rig_config ();
  const GhMaeTrainOptions options = rig_options ();
  g_autofree gchar *model = g_build_filename (rig.test.folder, "model.safetensors", NULL);
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 1000);
  GhMaeExport how = { FALSE, FALSE, NULL, NULL };

  fail_unless (gh_encoder_init_file (model, &config, 99, TRUE, NULL));
  g_object_set (rig.element, "config", NULL, "model", model, NULL);
  rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  trainer = gh_mae_trainer_new_from_file (model, &options, NULL);
  rig_check_result (trainer, store, &how);
}
GST_END_TEST;

/* Stopped in the middle and started again on the same frames: as if nothing had happened. */
GST_START_TEST (test_resume)
{
  const GhMaeConfig config = rig_config ();
  const GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = gh_mae_trainer_new (&config, &options, NULL);
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 1000);
  GstBus *bus;

  for (guint i = 0; i < 2; i++)
    fail_unless (gh_mae_trainer_step (trainer, store, NULL, NULL));
  fail_unless (gh_mae_trainer_save (trainer, rig.checkpoint, NULL));
  g_object_set (rig.element, "checkpoint", rig.checkpoint, NULL);
  bus = rig_start ();
  assert_equals_uint64 (number_of (wait_for_state (bus, "ready"), "step"), 2);
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  rig_check_default_result ();

  /* Once more from the end: whatever the frames are now, what they give is not in the checkpoint. */
  gst_element_set_state (rig.h->element, GST_STATE_READY);
  fail_unless_equals_int (gst_element_set_state (rig.h->element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  rig_expect_error (bus, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
      "has had all its 6 steps. Set 'steps' to more");
  g_object_set (rig.h->element, "steps", (guint64) STEPS + 1, NULL);
  fail_unless (gst_element_set_state (rig.h->element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
}
GST_END_TEST;

/* The interval, and frames that cannot be read. */
/* Training notes its target in the model's configuration, and the spread of a camera. That makes no other model of it:
 * who starts the same pipeline again, with 'config' set, goes on. */
GST_START_TEST (test_resume_target)
{
  const GhMaeTarget targets[] = { GH_MAE_TARGET_PIXELS, GH_MAE_TARGET_CAMERA };
  const GhMaeConfig config = rig_config ();
  GhMaeTrainOptions options = rig_options ();
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = rig_store (FRAMES, 2000);
  const GhMaeExport how = { 0 };

  options.target = targets[__i__];
  trainer = gh_mae_trainer_new (&config, &options, NULL);
  fail_unless (gh_mae_trainer_step (trainer, store, NULL, NULL));
  fail_unless (gh_mae_trainer_save (trainer, rig.checkpoint, NULL));
  g_object_set (rig.element, "target", options.target, "checkpoint", rig.checkpoint, NULL);
  rig_start ();
  rig_push_frames (0, FRAMES);
  fail_unless (rig_push_eos ());
  rig_check_result (trainer, store, &how);
}
GST_END_TEST;

GST_START_TEST (test_frames)
{
  GstBus *bus;

  g_object_set (rig.element, "interval", (guint64) (80 * GST_MSECOND), NULL);
  bus = rig_start ();
  rig_push_frames (0, 10);
  assert_equals_uint64 (mae_test_count (rig.h->element, "taken"), 5);
  assert_equals_uint64 (mae_test_count (rig.h->element, "skipped-interval"), 5);
  g_object_set (rig.h->element, "interval", (guint64) 0, NULL);
  for (guint i = 0; i < 2; i++)
    fail_unless_equals_int (gst_harness_push (rig.h, gst_buffer_new_allocate (NULL, 9, NULL)), GST_FLOW_OK);
  assert_equals_uint64 (mae_test_count (rig.h->element, "unreadable"), 2);
  gst_harness_set_src_caps_str (rig.h, "video/x-raw,format=GRAY8,width=33,height=7,framerate=25/1");
  rig_push_frames (10, 3);
  assert_equals_uint64 (mae_test_count (rig.h->element, "taken"), 8);
  fail_unless (rig_push_eos ());
  gst_message_unref (wait_for_state (bus, "done"));
}
GST_END_TEST;

/* ---- live -------------------------------------------------------------------------------------------- */

/* Starts with the frame that was asked for, ends when the stream does. */
GST_START_TEST (test_live)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (rig.element), "mode", "live");
  g_object_set (rig.element, "steps", (guint64) 1000000, "start-after", 4, "checkpoint", rig.checkpoint, NULL);
  bus = rig_start ();
  rig_push_frames (0, 3);
  g_usleep (30 * G_TIME_SPAN_MILLISECOND);
  fail_unless (pop_state (bus, "training") == NULL);
  rig_push_frames (3, 1);
  gst_message_unref (wait_for_state (bus, "training"));
  rig_push_frames (4, 20);
  fail_unless (rig_push_eos ());
  fail_unless (number_of (wait_for_state (bus, "done"), "step") > 0);
  fail_unless (g_file_test (rig.location, G_FILE_TEST_EXISTS) && g_file_test (rig.checkpoint, G_FILE_TEST_EXISTS));
}
GST_END_TEST;

/* After the last step it wants no more frames. */
GST_START_TEST (test_live_steps)
{
  GstFlowReturn flow = GST_FLOW_OK;
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (rig.element), "mode", "live");
  g_object_set (rig.element, "start-after", 1, NULL);
  bus = rig_start ();
  rig_push_frames (0, 1);
  gst_message_unref (wait_for_state (bus, "done"));
  for (guint i = 0; i < 100 && flow == GST_FLOW_OK; i++)
    flow = gst_harness_push (rig.h, mae_test_frame_for (rig.h, i));
  fail_unless_equals_int (flow, GST_FLOW_EOS);
  fail_unless (rig_push_eos ());
}
GST_END_TEST;

/* A pipeline with a live source finds out by itself, and ends by itself. */
GST_START_TEST (test_live_pipeline)
{
  g_autofree gchar *line = g_strdup_printf ("videotestsrc is-live=true pattern=ball ! "
      "video/x-raw,width=64,height=48,framerate=100/1 ! queue ! mae-trainer config=%s location=%s steps=40 "
      "batch-size=1 start-after=3 device=cpu", rig.config_file, rig.location);
  GstElement *pipeline = gst_parse_launch (line, NULL);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *message;

  gst_object_unref (rig.element);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 30 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_message_unref (message);
  fail_unless (g_file_test (rig.location, G_FILE_TEST_EXISTS));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (pipeline);
}
GST_END_TEST;

/* ---- stopping ---------------------------------------------------------------------------------------- */

static gpointer
end_stream (gpointer data)
{
  return GINT_TO_POINTER (rig_push_eos ());
}

/* In the middle of a training that would take minutes; what was learned is in the checkpoint. */
GST_START_TEST (test_stop)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GThread *thread;
  gint64 before;
  GstBus *bus;

  g_object_set (rig.element, "steps", (guint64) 1000000, "checkpoint", rig.checkpoint, NULL);
  bus = rig_start ();
  rig_push_frames (0, FRAMES);
  thread = g_thread_new ("end", end_stream, NULL);
  gst_message_unref (wait_for_state (bus, "training"));
  gst_message_unref (wait_for_state (bus, "training"));
  before = g_get_monotonic_time ();
  if (__i__ == 0) {
    gst_element_set_state (rig.h->element, GST_STATE_PAUSED);
    fail_unless (g_get_monotonic_time () - before < G_USEC_PER_SEC);
    gst_element_set_state (rig.h->element, GST_STATE_PLAYING);
    gst_message_unref (wait_for_state (bus, "training"));
  } else if (__i__ == 1) {
    fail_unless (gst_harness_push_event (rig.h, gst_event_new_flush_start ()));
  }
  gst_element_set_state (rig.h->element, GST_STATE_NULL);
  fail_unless (!GPOINTER_TO_INT (g_thread_join (thread)));
  fail_unless (g_get_monotonic_time () - before < 5 * G_USEC_PER_SEC);
  fail_unless (!g_file_test (rig.location, G_FILE_TEST_EXISTS));
  trainer = gh_mae_trainer_resume (rig.checkpoint, NULL, NULL);
  fail_unless (trainer != NULL && gh_mae_trainer_steps_done (trainer) > 0);
  assert_equals_uint64 (gh_mae_trainer_steps_done (trainer), mae_test_count (rig.h->element, "step"));
}
GST_END_TEST;

GST_START_TEST (test_checkpoint_interval)
{
  GstBus *bus;

  gst_util_set_object_arg (G_OBJECT (rig.element), "mode", "live");
  g_object_set (rig.element, "steps", (guint64) 1000000, "start-after", 1, "checkpoint", rig.checkpoint,
      "checkpoint-interval", (guint64) (20 * GST_MSECOND), NULL);
  bus = rig_start ();
  rig_push_frames (0, 2);
  for (guint i = 0; i < 3; i++)
    gst_message_unref (wait_for_state (bus, "checkpoint"));
  fail_unless (g_file_test (rig.checkpoint, G_FILE_TEST_EXISTS));
}
GST_END_TEST;

GST_START_TEST (test_cycles)
{
  MaeTestUsage before = { 0, 0, 0 };
  GstBus *bus = rig_start ();

  for (guint i = 0; i < 110; i++) {
    gst_element_set_state (rig.h->element, GST_STATE_NULL);
    gst_bus_set_flushing (bus, TRUE);
    gst_bus_set_flushing (bus, FALSE);
    if (i == 10)
      before = mae_test_usage ();
    fail_unless (gst_element_set_state (rig.h->element, GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    gst_harness_push_event (rig.h, gst_event_new_stream_start ("cycle"));
    gst_harness_set_src_caps_str (rig.h, CAPS);
    rig_push_frames (0, 3);
    if (i % 2)
      fail_unless (rig_push_eos ());
  }
  gst_element_set_state (rig.h->element, GST_STATE_NULL);
  mae_test_check_no_growth (before, "cycles");
}
GST_END_TEST;

static Suite *
mae_trainer_suite (void)
{
  Suite *suite = suite_create ("mae-trainer");
  TCase *tcase = rig_case ();

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_recording);
  tcase_add_test (tcase, test_options);
  tcase_add_test (tcase, test_from_model);
  tcase_add_test (tcase, test_resume);
  tcase_add_loop_test (tcase, test_resume_target, 0, 2);
  tcase_add_test (tcase, test_frames);
  tcase_add_test (tcase, test_live);
  tcase_add_test (tcase, test_live_steps);
  tcase_add_test (tcase, test_live_pipeline);
  tcase_add_loop_test (tcase, test_stop, 0, 3);
  tcase_add_test (tcase, test_checkpoint_interval);
  tcase_add_test (tcase, test_cycles);
  return suite;
}

GST_CHECK_MAIN (mae_trainer);
